//go:build linux || darwin

package numtest

import (
	"os"
	"syscall"
)

// Guarded says whether the buffers of a Guards have pages around them that fault.
const Guarded = true

var pageSize = os.Getpagesize()

// mapFence maps size bytes of which the first and the last page fault.
func mapFence(size int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	for _, page := range [][]byte{b[:pageSize], b[size-pageSize:]} {
		if err := syscall.Mprotect(page, syscall.PROT_NONE); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func unmapFence(b []byte) { syscall.Munmap(b) }

func protectFence(room []byte, writable bool) error {
	prot := syscall.PROT_READ
	if writable {
		prot |= syscall.PROT_WRITE
	}
	return syscall.Mprotect(room, prot)
}
