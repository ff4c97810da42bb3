package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// dotRow is rule 7 of the contract for one row.
func dotRow(a, x []float32) float32 {
	var l [64]float32
	for i, v := range x {
		l[i%64] = ref.FMA(a[i], v, l[i%64])
	}
	for n := 32; n > 0; n /= 2 {
		for i := range n {
			l[i] += l[i+n]
		}
	}
	return l[0]
}

// TestDotRows: each row has the bits of the contract, for all numbers of rows and columns around
// the edges of groups, vectors, blocks and cuts, and nothing beside the operands is touched.
func TestDotRows(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(26)
		cases := [][2]int{{5, 4095}, {5, 4096}, {5, 4097}, {3, 20000}, {64, 100}, {65, 100}, {131, 3}, {70, 300}, {1, 1000}}
		for cols := range 132 {
			for rows := range 10 {
				cases = append(cases, [2]int{rows, cols})
			}
		}
		for _, c := range cases {
			rows, cols := c[0], c[1]
			for mode := range modes {
				for _, at := range numtest.Layouts {
					stride := cols + r.IntN(3)
					size := 0
					if rows > 0 {
						size = (rows-1)*stride + cols
					}
					a, x := r.values(size, mode), r.values(cols, mode)
					want := make([]float32, rows)
					for i := range want {
						if cols > 0 {
							want[i] = dotRow(a[i*stride:][:cols], x)
						}
					}
					dst, in, vector := numtest.Out(g, at, make([]float32, rows)), numtest.In(g, at, a), numtest.In(g, at, x)
					numtest.Faults(t, func() { isa.DotRows(dst, kernels.Mat{Data: in, Stride: stride}, vector) }, "%d x %d %v", rows, cols, at)
					if !numtest.Equal(t, dst, want, "%d x %d, rows %d apart, %v mode=%d", rows, cols, stride, at, mode) {
						return
					}
					g.Reset("%d x %d %v", rows, cols, at)
				}
			}
		}
	})
}

// TestDotRowsMinusZero: where products are so small that they are rounded to -0, and so is each
// lane, the sum is -0; what fills the last block up changes no lane.
func TestDotRowsMinusZero(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, cols := range []int{64, 65, 79, 100, 127, 200} {
			const rows = 6
			a, x := slices.Repeat([]float32{-1e-30}, rows*cols), slices.Repeat([]float32{1e-30}, cols)
			dst := make([]float32, rows)
			isa.DotRows(dst, kernels.Mat{Data: a, Stride: cols}, x)
			numtest.Equal(t, dst, slices.Repeat([]float32{float32(math.Copysign(0, -1))}, rows), "%d columns", cols)
		}
	})
}
