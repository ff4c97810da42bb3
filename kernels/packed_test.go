package kernels_test

import (
	"fmt"
	"math"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// A packed matrix keeps the tier it was made for.
func TestPackedKeepsItsTier(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		p := kernels.NewPacked(5, 7)
		if err := kernels.Use(kernels.Scalar); err != nil {
			t.Fatal(err)
		}
		if p.ISA() != isa {
			t.Errorf("made under %v, now %v", isa, p.ISA())
		}
		r := newSource(17)
		a, b, got, want := r.values(10, moderate), r.values(35, moderate), make([]float32, 14), make([]float32, 14)
		p.Pack(false, b, 7)
		p.Gemm(kernels.Set, 2, a, 5, got, 7)
		kernels.Gemm(kernels.Set, false, false, 2, 7, 5, a, 5, b, 7, want, 7, nil)
		numtest.Equal(t, got, want)
	})
}

// Sizes whose product wraps around are refused by name, not met later.
func TestPackedSizes(t *testing.T) {
	for _, s := range [][2]int{{1 << (bits.UintSize - 6), 1}, {1, math.MaxInt - 1}, {1 << (bits.UintSize / 2), 1 << (bits.UintSize / 2)}} {
		require.PanicsWithValue(t, fmt.Sprintf("kernels: a matrix of %d x %d is too large to pack", s[0], s[1]), func() { kernels.NewPacked(s[0], s[1]) })
	}
	b := []float32{1, 2, 3, 4, 5, 6}
	var c [2]float32
	kernels.Pack(true, 3, 2, b, 3).Gemm(kernels.Set, 1, []float32{1, 10, 100}, 3, c[:], 2)
	require.Equal(t, [2]float32{321, 654}, c)
}

// The columns of the parts are all columns of a group, in order, and part w of a matrix is
// about the same columns as part w of another one whose groups have that width.
func TestPackedParts(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		_, nr := isa.NewPacked(1, 1).Panels()
		for _, cols := range []int{0, 1, nr, nr + 1, 3*nr - 1, 7 * nr} {
			p, q := isa.NewPackedGroups(2, 4, cols), isa.NewPacked(9, cols)
			require.Equal(t, (cols+nr-1)/nr, p.Parts())
			for n := 1; n < 9; n++ {
				end := 0
				for w := range n {
					lo, hi := p.Columns(w, n)
					lo2, hi2 := q.Columns(w, n)
					require.Equal(t, [2]int{lo, hi}, [2]int{lo2, hi2})
					require.Equal(t, end, lo)
					require.True(t, hi >= lo && (hi == cols || hi%nr == 0))
					require.False(t, hi == lo && n <= p.Parts(), "part %d of %d of %d columns is empty", w, n, cols)
					end = hi
				}
				require.Equal(t, cols, end)
			}
		}
	})
}

// A part touches no columns of C but its own: other workers are at work on those.
func TestGemmPartLeavesTheRest(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(43)
		_, nr := isa.NewPacked(1, 1).Panels()
		const k, groups, parts = 5, 3, 3
		for _, cols := range []int{2*nr + 1, 3*nr - 1, 5 * nr} {
			for _, m := range []int{1, 3, 7} {
				n := groups * cols
				p := isa.NewPackedGroups(k, groups, cols)
				p.PackFlush(false, r.values(k*n, moderate), n)
				a, bias := r.values(m*k, moderate), r.values(n, moderate)
				for w := range parts {
					lo, hi := p.Columns(w, parts)
					for _, into := range []kernels.Into{kernels.Set, kernels.Continue, kernels.AddTo, kernels.SetFlush, kernels.Set | kernels.FromLast, 99} {
						c := make([]float32, m*n)
						for i := range c {
							c[i] = -7
						}
						if into == 99 {
							p.GemmBiasPart(w, parts, m, a, k, bias, c, n)
						} else {
							p.GemmPart(w, parts, into, m, a, k, c, n)
						}
						for i, v := range c {
							if j := i % n % cols; (j < lo || j >= hi) && v != -7 {
								t.Fatalf("into %d, m %d: part %d, columns %d to %d of each %d, wrote column %d", into, m, w, lo, hi, cols, i%n)
							} else if j >= lo && j < hi && v == -7 {
								t.Fatalf("into %d, m %d: part %d left column %d", into, m, w, i%n)
							}
						}
					}
				}
			}
		}
	})
}

// PackFlush takes what is tiny out of a packed matrix and leaves the rest: products
// are those with +0 in its place.
func TestPackedFlush(t *testing.T) {
	const m, n, k = 3, 19, 7
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		b, flushed := make([]float32, n*k), make([]float32, n*k)
		for i := range b {
			b[i] = float32(i%5) - 2
			switch i % 4 {
			case 1:
				b[i] = 1e-39
			case 2:
				b[i] = -0x1.fffffep-101
			case 3:
				b[i] = 0x1p-100
			}
			if flushed[i] = b[i]; i%4 == 1 || i%4 == 2 {
				flushed[i] = 0
			}
		}
		a := make([]float32, m*k)
		for i := range a {
			a[i] = 0x1p100 * float32(1+i%3)
		}
		for _, trans := range []bool{false, true} {
			ldb := n
			if trans {
				ldb = k
			}
			got, want := make([]float32, m*n), make([]float32, m*n)
			p := isa.NewPacked(k, n)
			p.PackFlush(trans, b, ldb)
			p.Gemm(kernels.Set, m, a, k, got, n)
			isa.Pack(trans, k, n, flushed, ldb).Gemm(kernels.Set, m, a, k, want, n)
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("trans %v: element %d is %v, want %v", trans, i, got[i], want[i])
				}
			}
		}
		isa.NewPacked(0, 5).PackFlush(false, nil, 5)
	})
}
