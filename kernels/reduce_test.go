package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// SumSquaresLanes has float64 lanes and so a test of its own.
func TestSumSquaresLanes(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(6)
		sizes := []int{4095, 4096, 16383, 16384, 16385, 2*16384 + 67}
		for n := 0; n <= 2*maxSize; n++ {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			for mode := range modes {
				for _, at := range numtest.Layouts {
					x := r.values(n, mode)
					lanes := make([]float64, ref.Lanes64)
					for i := range lanes {
						lanes[i] = r.NormFloat64()
					}
					want := append([]float64(nil), lanes...)
					ref.SumSquaresLanes(want, x)
					in, out := numtest.In(g, at, x), numtest.Out(g, at, lanes)
					numtest.Faults(t, func() { isa.SumSquaresLanes(out, in) }, "n=%d %v", n, at)
					if !numtest.Equal64(t, out, want, "n=%d %v mode=%d", n, at, mode) {
						return
					}
					g.Reset("n=%d %v", n, at)
				}
			}
		}
	})
}

// So has DotLanes64, which of two equal slices makes the lanes of SumSquaresLanes.
func TestDotLanes64(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(16)
		sizes := []int{4095, 4096, 16383, 16384, 16385, 2*16384 + 67}
		for n := 0; n <= maxSize; n++ {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			for mode := range modes {
				for _, at := range numtest.Layouts {
					x, y := r.values(n, mode), r.values(n, mode)
					lanes := make([]float64, ref.Lanes64)
					for i := range lanes {
						lanes[i] = r.NormFloat64()
					}
					want := append([]float64(nil), lanes...)
					for i, v := range x {
						want[i%32] += float64(v) * float64(y[i]) // exact: fused or not is one
					}
					a, b, out := numtest.In(g, at, x), numtest.In(g, at, y), numtest.Out(g, at, lanes)
					numtest.Faults(t, func() { isa.DotLanes64(out, a, b) }, "n=%d %v", n, at)
					if !numtest.Equal64(t, out, want, "n=%d %v mode=%d", n, at, mode) {
						return
					}
					g.Reset("n=%d %v", n, at)
				}
				x := r.values(n, mode)
				numtest.Equal64(t, []float64{isa.Dot64(x, x)}, []float64{isa.SumSquares(x)}, "n=%d mode=%d", n, mode)
			}
		}
	})
}

// The whole reductions, written here a second time from rule 7 of the contract.
func TestReductions(t *testing.T) {
	tree := func(l []float32) float32 {
		for n := len(l) / 2; n > 0; n /= 2 {
			for i := range n {
				l[i] = l[i] + l[i+n]
			}
		}
		return l[0]
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(7)
		for _, n := range []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 4096, 4097, 9000, 20000} {
			for mode := range modes {
				x, y := r.values(n, mode), r.values(n, mode)
				dot, sum := make([]float32, 64), make([]float32, 64)
				largest := float32(math.Inf(-1))
				var squares float64
				for b := 0; b < n; b += 4096 {
					l := make([]float64, 32)
					for i, v := range x[b:min(b+4096, n)] {
						l[i%32] += float64(v) * float64(v)
					}
					for k := 16; k > 0; k /= 2 {
						for i := range k {
							l[i] += l[i+k]
						}
					}
					squares += l[0]
				}
				for i := range n {
					dot[i%64] = ref.FMA(x[i], y[i], dot[i%64])
					sum[i%64] += x[i]
					if x[i] > largest {
						largest = x[i]
					}
				}
				numtest.Equal(t, []float32{isa.Dot(x, y), isa.Sum(x), isa.Max(x)}, []float32{tree(dot), tree(sum), largest}, "dot, sum, max of %d, mode %d", n, mode)
				numtest.Equal64(t, []float64{isa.SumSquares(x)}, []float64{squares}, "sum of squares of %d, mode %d", n, mode)

				p, in := make([]float32, n), append([]float32(nil), x...)
				gotMax, gotSum := isa.Softmax(p, x)
				lanes := make([]float32, 64)
				for i, v := range x {
					e := ref.Exp1(v - largest)
					if e < 0x1p-100 {
						e = 0
					}
					lanes[i%64] += e
					in[i] = e
				}
				total := tree(lanes)
				for i := range in {
					in[i] /= total
				}
				numtest.Equal(t, []float32{gotMax, gotSum}, []float32{largest, total}, "maximum and sum of a softmax of %d, mode %d", n, mode)
				numtest.Equal(t, p, in, "softmax of %d, mode %d", n, mode)
				isa.Softmax(x, x)
				numtest.Equal(t, x, in, "softmax in place of %d, mode %d", n, mode)
			}
		}
	})
}

// Probabilities that no sum can see are +0 and not denormal numbers, which would be
// slow where they are made, added and divided. Logits that are denormal themselves are
// all the same.
func TestSoftmaxFlushesTinyValues(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		const n = 150
		x, p, want := make([]float32, n), make([]float32, n), make([]float32, n)
		for gap := float32(60); gap < 130; gap += 0.25 {
			for i := range x {
				x[i], want[i] = 3-gap, 0
			}
			x[70], want[70] = 3, 1
			if e := ref.Exp1(-gap); e >= 0x1p-100 {
				for i := range want {
					want[i] = e
				}
				want[70] = 1
			}
			largest, sum := isa.Softmax(p, x)
			numtest.Equal(t, []float32{largest, sum}, []float32{3, 1}, "maximum and sum, the others %v below", gap)
			numtest.Equal(t, p, want, "the others %v below", gap)
		}
		for i := range x {
			x[i], want[i] = float32(i-70)*0x1p-140, float32(1)/n
		}
		_, sum := isa.Softmax(p, x)
		numtest.Equal(t, []float32{sum}, []float32{n}, "sum of denormal logits")
		numtest.Equal(t, p, want, "denormal logits")
	})
}

// What ScaleFlush does not multiply has a tiny product: the result is that of a
// product and a flush, for every size of both.
func TestScaleFlushIsAProductFlushed(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := newSource(8)
		var x []float32
		for k := -149; k <= 128; k++ {
			v := float32(math.Ldexp(1+r.Float64(), k))
			x = append(x, v, -v, float32(math.Ldexp(1, k)))
		}
		x = append(x, 0, float32(math.Copysign(0, -1)), float32(math.NaN()))
		got, want := make([]float32, len(x)), make([]float32, len(x))
		for _, alpha := range x {
			isa.ScaleFlush(got, x, alpha)
			for i, v := range x {
				want[i] = ref.Flush(v * alpha)
			}
			if !numtest.Equal(t, got, want, "factor %g", alpha) {
				return
			}
		}
	})
}
