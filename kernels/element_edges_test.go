package kernels_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Every length up to four vectors and three, flush against pages that fault on
// either side, inputs on pages that cannot be written.
func TestElementKernelsBetweenGuardPages(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		for _, e := range elements {
			r := newSource(1)
			for n := 0; n <= maxSize; n++ {
				for mode := range modes {
					for _, at := range numtest.Layouts {
						s, a := e.inputs(r, n, mode)
						want := clone(s)
						e.ref(want, a)
						got := make([][]float32, len(s))
						for i := range s {
							if e.slots[i] == 'r' {
								got[i] = numtest.In(g, at, s[i])
							} else {
								got[i] = numtest.Out(g, at, s[i])
							}
						}
						if !numtest.Faults(t, func() { e.call(isa, got, a) }, "%s n=%d %v", e.name, n, at) ||
							!e.compare(t, got, want, "n=%d %v scalars=%v", n, at, a) {
							return
						}
						g.Reset("%s n=%d %v", e.name, n, at)
					}
				}
			}
		}
	})
}

// Every offset of an element from a 64-byte line, the same for all arguments and
// a different one for each, with values around the slice that must survive.
func TestElementKernelsAtEveryOffset(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(2)
			var room, before [][]float32
			for range e.slots {
				room = append(room, line(ref.Lanes+maxSize+64))
				before = append(before, make([]float32, ref.Lanes+maxSize+64))
			}
			for n := 0; n <= maxSize; n++ {
				for off := range 16 {
					s, a := e.inputs(r, n, (n+off)%modes)
					want := clone(s)
					e.ref(want, a)
					got := make([][]float32, len(s))
					for i := range s {
						o := 16 + off
						if n%2 == 1 {
							o = 16 + (off+5*i)%16
						}
						for j := range room[i] {
							room[i][j] = float32(j)
						}
						copy(room[i][o:], s[i])
						copy(before[i], room[i])
						copy(before[i][o:], want[i])
						got[i] = room[i][o : o+len(s[i])] // capacity beyond the length
					}
					e.call(isa, got, a)
					for i := range room {
						if !numtest.Equal(t, room[i], before[i], "%s, argument %d and around it, n=%d offset=%d", e.name, i, n, off) {
							return
						}
					}
				}
			}
		}
	})
}

// line returns n floats that begin on a 64-byte line.
func line(n int) []float32 {
	s := make([]float32, n+16)
	for i := range 16 {
		if addr(s[i:])%64 == 0 {
			return s[i : i+n]
		}
	}
	return s[:n]
}

func TestElementKernelsInPlace(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(3)
			for _, same := range e.same {
				for n := 0; n <= maxSize; n++ {
					s, a := e.inputs(r, n, n%modes)
					join := func(s [][]float32) {
						for _, i := range same {
							s[i] = s[same[0]]
						}
					}
					got, want := clone(s), clone(s)
					join(got)
					join(want)
					e.ref(want, a)
					e.call(isa, got, a)
					if !e.compare(t, got, want, "n=%d, arguments %v are one slice", n, same) {
						return
					}
				}
			}
		}
	})
}

// Lengths around the pieces that a long call is cut into.
func TestElementKernelsAcrossChunks(t *testing.T) {
	const chunk = 16384
	sizes := []int{1000, 4095, 4096, 4097, chunk - 1, chunk, chunk + 1, chunk + 64, 2*chunk - 1, 2*chunk + 67}
	if testing.Short() {
		sizes = []int{1000, chunk - 1, chunk + 1}
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(4)
			for _, n := range sizes {
				s, a := e.inputs(r, n, moderate)
				got, want := clone(s), clone(s)
				e.ref(want, a)
				e.call(isa, got, a)
				e.compare(t, got, want, "n=%d", n)
			}
		}
	})
}

// All specials meet all specials, in every lane of a vector.
func TestElementKernelsOnPairsOfSpecials(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			r := newSource(5)
			n := len(specials) * len(specials)
			for turn := range 3 {
				s, a := e.inputs(r, n, wild)
				if turn == 0 {
					copy(a, e.fixed)
				}
				for i, k := range []int{0, 1, 2} {
					for j := range n {
						if i < len(s) && len(s[(turn+i)%len(s)]) == n {
							s[(turn+i)%len(s)][j] = specials[[3]int{j / len(specials), j % len(specials), (j * 7) % len(specials)}[k]]
						}
					}
				}
				got, want := clone(s), clone(s)
				e.ref(want, a)
				e.call(isa, got, a)
				e.compare(t, got, want, "pairs of specials, scalars %v", a)
			}
		}
	})
}
