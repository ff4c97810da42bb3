//go:build amd64 && !purego && !noasm

package kernels

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// detect returns the tiers this machine can run. x/sys/cpu decides: it asks the
// operating system too and honours GODEBUG=cpu.*. Its flags are independent of
// one another, so each tier checks all the flags that it needs. On Darwin
// AVX-512 stays off: kernels before macOS 12.2 lose mask registers.
func detect() (found [isaCount]bool) {
	c := &cpu.X86
	found[Scalar] = true
	found[AVX2] = c.HasAVX && c.HasAVX2 && c.HasFMA
	found[AVX512] = found[AVX2] && c.HasAVX512 && c.HasAVX512F && c.HasAVX512BW && c.HasAVX512DQ && c.HasAVX512VL &&
		runtime.GOOS != "darwin"
	return found
}
