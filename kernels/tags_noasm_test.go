//go:build purego || noasm

package kernels_test

// assembly says whether this build has any.
const assembly = false
