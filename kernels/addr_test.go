package kernels_test

import "unsafe"

// addr is where a slice begins.
func addr(s []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
