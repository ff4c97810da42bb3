package pages

import (
	"syscall"
	"unsafe"
)

// Of Linux' asm-generic/mman-common.h.
const (
	adviceHuge     = 14 // MADV_HUGEPAGE
	adviceCollapse = 25 // MADV_COLLAPSE
)

// hugePage is the size that processors and arenas of Go's heap have in common: an arena is a
// multiple of it, and begins at one.
const hugePage = 2 << 20

// advise asks for huge pages where s is. They begin and end at multiples of their size,
// so those at the ends hold other objects of the heap too. It is advice: a system that has
// none to give says so, and the array is as good as before.
//
// Memory that the heap has used before has small pages already, which the second request
// moves together.
func advise(s []float32) {
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	end := (begin + 4*uintptr(len(s)) + hugePage - 1) &^ (hugePage - 1)
	begin &^= hugePage - 1
	if _, _, err := syscall.Syscall(syscall.SYS_MADVISE, begin, end-begin, adviceHuge); err == 0 {
		syscall.Syscall(syscall.SYS_MADVISE, begin, end-begin, adviceCollapse)
	}
}
