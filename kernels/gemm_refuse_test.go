package kernels_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

func TestGemmRefusesBadShapes(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		f := func(n int) []float32 { return make([]float32, n) }
		const big = math.MaxInt
		p := isa.NewPacked(3, 4)
		rows := []int32{0, 1, 2}
		made := func(chunks ...int) *kernels.Rows {
			r := isa.NewRows(4, 3, 2)
			for _, k := range chunks {
				r.Chunk(k)
			}
			return r
		}
		to := func(b *kernels.Rows, c []float32, ldc int) kernels.RowsProduct {
			return kernels.RowsProduct{B: b, C: c, LDC: ldc}
		}
		for _, c := range []struct {
			name  string
			names []string // what the message has to name
			call  func(c []float32)
		}{
			{"A short", []string{"A", "5", "2 x 3"}, func(c []float32) { isa.Gemm(0, false, false, 2, 4, 3, f(5), 3, f(12), 4, c, 4, nil) }},
			{"B short", []string{"B", "11", "3 x 4"}, func(c []float32) { isa.Gemm(0, false, false, 2, 4, 3, f(6), 3, f(11), 4, c, 4, nil) }},
			{"C short", []string{"C", "8", "3 x 4"}, func(c []float32) { isa.Gemm(0, false, false, 3, 4, 3, f(9), 3, f(12), 4, c, 4, nil) }},
			{"A transposed", []string{"A", "3 x 2"}, func(c []float32) { isa.Gemm(0, true, false, 2, 4, 3, f(5), 2, f(12), 4, c, 4, nil) }},
			{"B transposed", []string{"B", "4 x 3"}, func(c []float32) { isa.Gemm(0, false, true, 2, 4, 3, f(6), 3, f(12), 2, c, 4, nil) }},
			{"lda", []string{"A", "2 apart"}, func(c []float32) { isa.Gemm(0, false, false, 2, 4, 3, f(60), 2, f(12), 4, c, 4, nil) }},
			{"ldb", []string{"B", "3 apart"}, func(c []float32) { isa.Gemm(0, false, false, 2, 4, 3, f(60), 3, f(120), 3, c, 4, nil) }},
			{"ldc", []string{"C", "3 apart"}, func(c []float32) { isa.Gemm(0, false, false, 2, 4, 3, f(60), 3, f(120), 4, c, 3, nil) }},
			{"negative m", []string{"-1"}, func(c []float32) { isa.Gemm(0, false, false, -1, 4, 3, f(60), 3, f(120), 4, c, 4, nil) }},
			{"negative n", []string{"-1"}, func(c []float32) { isa.Gemm(0, false, false, 2, -1, 3, f(60), 3, f(120), 4, c, 4, nil) }},
			{"negative k", []string{"-1"}, func(c []float32) { isa.Gemm(0, false, false, 2, 4, -1, f(60), 3, f(120), 4, c, 4, nil) }},
			{"a product that overflows", []string{"C"}, func(c []float32) { isa.Gemm(0, false, false, 3, 1, 1, f(3), 1, f(1), 1, c, big, nil) }},
			{"an offset that overflows", []string{"A"}, func(c []float32) { isa.Gemm(0, false, false, 2, 1, big, f(3), big, f(1), 1, c, 1, nil) }},
			{"into", []string{"Into(4)"}, func(c []float32) { isa.Gemm(4, false, false, 2, 4, 3, f(6), 3, f(12), 4, c, 4, nil) }},
			{"FromLast of what is packed anew", []string{"Into(129)"}, func(c []float32) {
				isa.Gemm(kernels.Continue|kernels.FromLast, false, false, 2, 4, 3, f(6), 3, f(12), 4, c, 4, nil)
			}},
			{"FromLast of rows", []string{"Into(130)"}, func(c []float32) {
				isa.GemmRows(kernels.AddTo|kernels.FromLast, 2, f(6), 2, rows, nil, to(made(3), c, 4))
			}},
			{"packed into", []string{"Into(4)"}, func(c []float32) { p.Gemm(4|kernels.FromLast, 2, f(6), 3, c, 4) }},
			{"work", []string{"work", fmt.Sprint(isa.GemmWork(true, true, 2, 4, 3) - 1), fmt.Sprint(isa.GemmWork(true, true, 2, 4, 3))},
				func(c []float32) {
					isa.Gemm(0, true, true, 2, 4, 3, f(6), 2, f(12), 3, c, 4, f(isa.GemmWork(true, true, 2, 4, 3)-1))
				}},
			{"Pack", []string{"B", "3 x 4"}, func(c []float32) { p.Pack(false, f(11), 4) }},
			{"Pack transposed", []string{"B", "4 x 3"}, func(c []float32) { p.Pack(true, f(11), 3) }},
			{"packed A", []string{"A", "2 x 3"}, func(c []float32) { p.Gemm(0, 2, f(5), 3, c, 4) }},
			{"packed C", []string{"C", "3 x 4"}, func(c []float32) { p.Gemm(0, 3, f(9), 3, c, 4) }},
			{"bias", []string{"bias", "3", "4"}, func(c []float32) { p.GemmBias(2, f(6), 3, f(3), c, 4) }},
			{"NewPacked", []string{"-1"}, func(c []float32) { isa.NewPacked(-1, 4) }},
			{"no groups", []string{"0 groups of 4"}, func(c []float32) { isa.NewPackedGroups(3, 0, 4) }},
			{"groups that overflow", []string{"groups of 64 columns of 3 rows are too large"}, func(c []float32) { isa.NewPackedGroups(3, big/64, 64) }},
			{"groups of nothing that overflow", []string{"groups of 4 columns of 0 rows are too large"}, func(c []float32) { isa.NewPackedGroups(0, big/2+1, 4) }},
			{"GemmPart", []string{"part 2 of 2"}, func(c []float32) { p.GemmPart(2, 2, 0, 2, f(6), 3, c, 4) }},
			{"GemmPart of C", []string{"GemmPart", "C", "3 x 4"}, func(c []float32) { p.GemmPart(0, 2, 0, 3, f(9), 3, c, 4) }},
			{"GemmBiasPart", []string{"bias", "3", "4"}, func(c []float32) { p.GemmBiasPart(0, 1, 2, f(6), 3, f(3), c, 4) }},
			{"Columns", []string{"part -1 of 2"}, func(c []float32) { p.Columns(-1, 2) }},
			{"row past A", []string{"A", "3 x 2"}, func(c []float32) { isa.GemmRows(0, 2, f(5), 2, rows, nil, to(made(3), c, 4)) }},
			{"negative row", []string{"A", "-7"}, func(c []float32) { isa.GemmRows(0, 2, f(6), 2, []int32{0, -7, 1}, nil, to(made(3), c, 4)) }},
			{"rows of B", []string{"rows has 3", "want 2", "B"}, func(c []float32) { isa.GemmRows(0, 2, f(6), 2, rows, nil, to(made(2), c, 4)) }},
			{"C of the second product", []string{"GemmRows", "C", "2 x 4", "7"}, func(c []float32) {
				isa.GemmRows(0, 2, f(6), 2, rows, nil, to(made(3), c, 4), to(made(3), f(7), 4))
			}},
			{"chunks without AddTo", []string{"2 chunks", "want 1"}, func(c []float32) { isa.GemmRows(0, 2, f(6), 2, rows, nil, to(made(1, 2), c, 4)) }},
			{"other chunks", []string{"chunk 0", "row 2", "want 1"}, func(c []float32) {
				isa.GemmRows(kernels.AddTo, 2, f(6), 2, rows, nil, to(made(1, 2), c, 4), to(made(2, 1), f(8), 4))
			}},
			{"fewer chunks", []string{"1 chunks", "want 2"}, func(c []float32) {
				isa.GemmRows(kernels.AddTo, 2, f(6), 2, rows, nil, to(made(1, 2), c, 4), to(made(3), f(8), 4))
			}},
			{"too many rows", []string{"Chunk(4)", "4 rows", "at most 3"}, func([]float32) { isa.NewRows(64, 3, 2).Chunk(4) }},
			{"too many chunks", []string{"2 chunks", "in 1"}, func([]float32) { r := isa.NewRows(4, 3, 1); r.Chunk(1); r.Chunk(1) }},
			{"negative chunk", []string{"Chunk(-1)"}, func([]float32) { isa.NewRows(4, 3, 1).Chunk(-1) }},
			{"negative width", []string{"Reset(-1)"}, func([]float32) { isa.NewRows(4, 3, 1).Reset(-1) }},
			{"NewRows", []string{"-1"}, func([]float32) { isa.NewRows(4, -1, 1) }},
			{"Rows.Pack past B", []string{"B", "3 x 4"}, func([]float32) { made(3).Pack(0, f(11), 4, rows, 0, 1) }},
			{"Rows.Pack of too few rows", []string{"rows", "2", "3"}, func([]float32) { made(3).Pack(0, f(12), 4, rows[:2], 0, 1) }},
			{"Rows.Pack of a share", []string{"share 1 of 1"}, func([]float32) { made(3).Pack(0, f(12), 4, rows, 1, 1) }},
			{"Rows.Pack without a chunk", []string{"chunk 0", "0 chunks"}, func([]float32) { made().Pack(0, f(12), 4, rows, 0, 1) }},
		} {
			out := newSource(16).values(8, moderate)
			before := append([]float32(nil), out...)
			message := panics(func() { c.call(out) })
			for _, s := range c.names {
				if !strings.Contains(message, s) {
					t.Errorf("%s: %q, want a panic naming %q", c.name, message, s)
				}
			}
			numtest.Equal(t, out, before, "%s: written before the panic", c.name)
		}
	})
}
