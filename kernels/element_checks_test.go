package kernels_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// A wrong length panics before anything is written and names both lengths.
func TestElementKernelsRefuseWrongLengths(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			if e.mats != nil {
				continue // TestRowKernelsRefuseWrongShapes
			}
			r := newSource(8)
			for slot := range e.slots {
				if e.slots[slot] != 'L' && strings.Count(e.slots, "L") == len(e.slots)-1 {
					continue // the only slice that has a say in the length
				}
				for _, delta := range []int{-1, 1} {
					s, a := e.inputs(r, 37, moderate)
					have := len(s[slot]) + delta
					s[slot] = r.values(have, moderate)
					before := clone(s)
					message := panics(func() { e.call(isa, s, a) })
					other := e.length(slot, 37)
					if !strings.Contains(message, fmt.Sprint(have)) || !strings.Contains(message, fmt.Sprint(other)) || !strings.Contains(message, e.name) {
						t.Errorf("%s with argument %d of length %d: %q, want a panic naming %d and %d", e.name, slot, have, message, have, other)
					}
					e.compare(t, s, before, "argument %d of length %d: written before the panic", slot, have)
				}
			}
		}
		lanes := make([]float64, 31)
		if m := panics(func() { isa.SumSquaresLanes(lanes, nil) }); !strings.Contains(m, "31") || !strings.Contains(m, "32") {
			t.Errorf("SumSquaresLanes: %q", m)
		}
		for _, limit := range []float32{0, -1, float32(math.NaN())} {
			if panics(func() { isa.Clip(nil, nil, limit) }) == "" {
				t.Errorf("Clip accepts the limit %v", limit)
			}
			if panics(func() { isa.ClipGrad(nil, nil, nil, limit) }) == "" {
				t.Errorf("ClipGrad accepts the limit %v", limit)
			}
		}
	})
}

// What a panic says, word by word: the texts that the generated checks share.
func TestTextsOfChecks(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		s := func(n int) []float32 { return make([]float32, n) }
		for want, call := range map[string]func(){
			"kernels: Add: a has 3 elements, want 4 as dst has":                            func() { isa.Add(s(4), s(3), s(4)) },
			"kernels: Add: b has 5 elements, want 4 as dst has":                            func() { isa.Add(s(4), s(4), s(5)) },
			"kernels: RNNTanh: a has 3 elements, too few for 1 x 4 with rows 4 apart":      func() { isa.RNNTanh(1, 4, kernels.Mat{s(4), 4}, kernels.Mat{s(3), 4}) },
			"kernels: DotLanes: 63 lanes given, want 64":                                   func() { isa.DotLanes(s(63), s(4), s(5)) },
			"kernels: DotLanes: y has 5 elements, want 4 as x has":                         func() { isa.DotLanes(s(64), s(4), s(5)) },
			"kernels: SumSquaresLanes: 31 lanes given, want 32":                            func() { isa.SumSquaresLanes(make([]float64, 31), s(4)) },
			"kernels: DotLanes64: 31 lanes given, want 32":                                 func() { isa.DotLanes64(make([]float64, 31), s(4), s(4)) },
			"kernels: DotLanes64: y has 5 elements, want 4 as x has":                       func() { isa.DotLanes64(make([]float64, 32), s(4), s(5)) },
			"kernels: DotRows: a has 11 elements, too few for 3 x 4 with rows 4 apart":     func() { isa.DotRows(s(3), kernels.Mat{Data: s(11), Stride: 4}, s(4)) },
			"kernels: Dot64: y has 5 elements, want 4 as x has":                            func() { isa.Dot64(s(4), s(5)) },
			"kernels: ClipGrad: limit -1, want it above 0":                                 func() { isa.ClipGrad(s(4), s(4), s(4), -1) },
			"kernels: ClipGrad: dy has 3 elements, want 4 as dx has":                       func() { isa.ClipGrad(s(4), s(4), s(3), -1) },
			"kernels: Uniform: dst has 65 elements, want a multiple of 64":                 func() { isa.Uniform(s(65), [4]uint32{}, [2]uint32{}) },
			"kernels: Gemm: C has 3 elements, too few for 2 x 2 with rows 2 apart":         func() { isa.Gemm(kernels.Set, false, false, 2, 2, 1, s(2), 1, s(2), 2, s(3), 2, nil) },
			"kernels: Gemm: work has 0 elements, want at least " + need(isa) + " (or nil)": func() { isa.Gemm(kernels.Set, false, true, 1, 1, 1, s(1), 1, s(1), 1, s(1), 1, s(0)) },
		} {
			if got := panics(call); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func need(isa kernels.ISA) string { return fmt.Sprint(isa.GemmWork(false, true, 1, 1, 1)) }

// panics returns the message f panics with, empty if it does not.
func panics(f func()) (message string) {
	defer func() {
		if v := recover(); v != nil {
			message = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestElementKernelsAllocateNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range elements {
			s, a := e.inputs(newSource(9), 200, moderate)
			if n := testing.AllocsPerRun(10, e.bind(isa, s, a)); n != 0 {
				t.Errorf("%s allocates %v times", e.name, n)
			}
		}
		x, y := make([]float32, 5000), make([]float32, 5000)
		if n := testing.AllocsPerRun(10, func() {
			_, _, _, _ = isa.Dot(x, y), isa.Sum(x), isa.Max(x), isa.SumSquares(x)
			isa.Dot64(x, y)
			isa.DotRows(x[:3], kernels.Mat{Data: y, Stride: 8}, x[8:16])
			isa.Softmax(x, y)
			isa.NormalizeGrad(x, y, x, isa.Normalize(y, x, 1e-5))
		}); n != 0 {
			t.Errorf("the reductions allocate %v times", n)
		}
	})
}

// Small arrays of a caller stay on its stack: the calls do not let them escape.
func TestArgumentsDoNotEscape(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		factor, packed := isa.NewRows(1, 0, 1), isa.NewPacked(4, 4)
		factor.Chunk(0)
		if n := testing.AllocsPerRun(10, func() {
			var x, y [16]float32
			isa.Tanh(y[:], x[:])
			isa.Axpy(y[:], x[:], 2)
			packed.Gemm(kernels.Set, 4, x[:], 4, y[:], 4)
			isa.LSTMGates(1, 2, kernels.Mat{x[:2], 2}, kernels.Mat{x[2:4], 2}, kernels.Mat{x[4:6], 2}, kernels.Mat{x[6:8], 2}, kernels.Mat{y[:2], 2}, kernels.Mat{y[2:4], 2}, kernels.Mat{y[:2], 2})
			isa.GemmRows(kernels.Set, 0, x[:], 1, nil, nil, kernels.RowsProduct{B: factor, C: y[:], LDC: 1})
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
