package kernels

import "unsafe"

// Overlap says whether a and b have memory in common: an element of one is an
// element, or part of one, of the other. A slice without elements overlaps
// nothing. What lies beyond the lengths does not count.
func Overlap(a, b []float32) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	p, q := address(a), address(b)
	return p < q+4*uintptr(len(b)) && q < p+4*uintptr(len(a))
}

// Same says whether a and b are the same memory: as many elements at the same
// place. Slices without elements are not.
func Same(a, b []float32) bool {
	return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0]
}

func address(s []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
