//go:build !(amd64 || arm64) || purego || noasm

package kernels

// detect returns the tiers this machine can run: without assembly, plain Go.
func detect() (found [isaCount]bool) {
	found[Scalar] = true
	return found
}
