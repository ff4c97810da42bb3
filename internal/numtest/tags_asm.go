//go:build !purego && !noasm

package numtest

// noAssembly says that the build tags left the assembly out.
const noAssembly = false
