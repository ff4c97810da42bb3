//go:build arm64 && !purego && !noasm

package kernels

import "golang.org/x/sys/cpu"

// detect returns the tiers this machine can run. Advanced SIMD is part of every
// arm64 that Go supports; x/sys/cpu is asked all the same, so that
// GODEBUG=cpu.asimd=off has the meaning its likes have on amd64.
func detect() (found [isaCount]bool) {
	found[Scalar] = true
	found[NEON] = cpu.ARM64.HasASIMD
	return found
}
