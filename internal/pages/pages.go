// Package pages allocates the large arrays of networks: weights, gradients, tapes, packed
// matrices. Products walk through them with strides of a row, so with pages of 4 KiB a
// core waits for addresses to be translated, most of all in a virtual machine.
package pages

import "unsafe"

const (
	lineFloats = 16 // float32 in a cache line

	// least is from how many bytes on an array is worth a request to the system. Arrays
	// that are smaller stand beside others of the heap, which have huge pages with them.
	least = 256 << 10
)

// Floats returns n zeros, the first of which begins a cache line. Where the system has
// huge pages for those who ask, it is asked to use them for n of 64 Ki and more. It
// panics as make does where n is negative or too large.
func Floats(n int) []float32 {
	s := make([]float32, n+lineFloats-1)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) / 4 % lineFloats)
	s = s[off : off+n : off+n]
	if 4*n >= least {
		advise(s)
	}
	return s
}
