package pages

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestFloats(t *testing.T) {
	for _, n := range []int{0, 1, 4, 4, 4, 15, 16, 20, 20, 20, 1000, 1 << 16, 1<<20 + 3} {
		s := Floats(n)
		require.Len(t, s, n)
		require.Equal(t, n, cap(s), "what stands behind belongs to nobody")
		if n == 0 {
			continue
		}
		require.Zero(t, uintptr(unsafe.Pointer(&s[0]))%64, "%d elements begin within a cache line", n)
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("element %d of %d is %v", i, n, s[i])
			}
			s[i] = 1
		}
	}
	require.Panics(t, func() { Floats(-100) })
}

// Memory that the heap uses again holds zeros too, and keeps what is written while the
// system moves it together.
func TestFloatsAgain(t *testing.T) {
	for range 20 {
		kept := make([][]float32, 0, 8)
		for k := range 8 {
			s := Floats(1<<17 + 1000*k)
			for i := range s {
				if s[i] != 0 {
					t.Fatalf("element %d is %v", i, s[i])
				}
				s[i] = float32(k + 1)
			}
			kept = append(kept, s)
		}
		for k, s := range kept {
			for i := range s {
				if s[i] != float32(k+1) {
					t.Fatalf("element %d of array %d is %v", i, k, s[i])
				}
			}
		}
	}
}
