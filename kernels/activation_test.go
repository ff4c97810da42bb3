package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// activations are the functions whose accuracy the contract promises, with the
// same in float64, which is right to about 1e-8 units of float32.
var activations = []struct {
	name  string
	run   func(t kernels.ISA, dst, x []float32)
	ref   func(dst, x []float32)
	exact func(x float64) float64
	ulps  float64 // the promise of NUMERICS rule 6, where it makes one
	doc   float64 // what the documentation of the kernel claims
}{
	{"Exp", kernels.ISA.Exp, ref.Exp, math.Exp, 1, 0.90},
	{"Sigmoid", kernels.ISA.Sigmoid, ref.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 1.5, 1.48},
	{"Tanh", kernels.ISA.Tanh, ref.Tanh, math.Tanh, 1.5, 1.37},
	{"ELU", func(t kernels.ISA, dst, x []float32) { t.ELU(dst, x, 1) }, func(dst, x []float32) { ref.ELU(dst, x, 1) },
		func(x float64) float64 { return max(x, math.Expm1(min(x, 0))) }, 1.0, 1.0},
	{"Softsign", kernels.ISA.Softsign, ref.Softsign, func(x float64) float64 { return x / (1 + math.Abs(x)) }, 1.5, 1.5},
	{"Softplus", kernels.ISA.Softplus, ref.Softplus, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 4, 4},
}

// sweep calls f with blocks of inputs that cover float32: all of it with
// -exhaustive, else one random value from each 1024 neighbours, or each 16384
// with -short.
func sweep(f func(x []float32) bool) {
	step := uint64(1024)
	switch {
	case *exhaustive:
		step = 1
	case testing.Short():
		step = 16384
	}
	r := newSource(10)
	x := make([]float32, 0, 4096)
	for base := uint64(0); base < 1<<32; base += step {
		x = append(x, math.Float32frombits(uint32(base+r.Uint64N(step))))
		if len(x) == cap(x) {
			if !f(x) {
				return
			}
			x = x[:0]
		}
	}
}

// Accuracy of the reference over float32: the bounds of the contract and those
// of the documentation, the range of the results, and tanh odd bit for bit.
func TestActivationsAreAccurate(t *testing.T) {
	for _, a := range activations {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			y, neg, yneg := make([]float32, 4096), make([]float32, 4096), make([]float32, 4096)
			worst, at := 0.0, float32(0)
			sweep(func(x []float32) bool {
				a.ref(y, x)
				for i, v := range x {
					if e := numtest.UlpError(y[i], a.exact(float64(v))); e > worst {
						worst, at = e, v
					}
					lo, hi := 0.0, 1.0
					switch a.name {
					case "Exp":
						hi = math.Inf(1)
					case "Softplus":
						hi = math.Inf(1)
					case "ELU":
						lo, hi = -1, math.Inf(1)
					case "Tanh", "Softsign":
						lo = -1
					}
					if a.name == "Softsign" && math.IsInf(float64(v), 0) {
						continue // NaN, as documented
					}
					if g := float64(y[i]); g < lo || g > hi || (g != g) != (v != v) {
						t.Errorf("%s(%v) = %v", a.name, v, g)
						return false
					}
				}
				if a.name == "Tanh" {
					for i := range x {
						neg[i] = -x[i]
					}
					a.ref(yneg, neg)
					for i := range x {
						yneg[i] = -yneg[i]
					}
					return numtest.Equal(t, yneg, y, "tanh is not odd near %v", x[0])
				}
				return true
			})
			t.Logf("%s: at most %.4f ulp, at %v", a.name, worst, at)
			if worst > a.ulps || worst > a.doc {
				t.Errorf("%s(%v) is %.4f ulp off, promised %v, documented %v", a.name, at, worst, a.ulps, a.doc)
			}
		})
	}
}

// Every tier gives the reference's bits over the same inputs.
func TestActivationsAreEqualOnAllTiers(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		if isa == kernels.Scalar {
			return // it is the reference; element_test.go compares its calls
		}
		for _, a := range activations {
			want, got := make([]float32, 4096), make([]float32, 4096)
			sweep(func(x []float32) bool {
				a.ref(want, x)
				a.run(isa, got, x)
				return numtest.Equal(t, got, want, "%s near %v", a.name, x[0])
			})
		}
	})
}

func TestActivationsAtSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	zero := float32(0)
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, c := range []struct {
			run  func(kernels.ISA, []float32, []float32)
			name string
			x, y float32
		}{
			{kernels.ISA.Exp, "exp", 0, 1}, {kernels.ISA.Exp, "exp", -zero, 1}, {kernels.ISA.Exp, "exp", inf, inf}, {kernels.ISA.Exp, "exp", -inf, 0},
			{kernels.ISA.Exp, "exp", nan, nan}, {kernels.ISA.Exp, "exp", 88.73, inf}, {kernels.ISA.Exp, "exp", -103.98, 0},
			{kernels.ISA.Exp, "exp", -103, math.Float32frombits(1)}, {kernels.ISA.Exp, "exp", math.MaxFloat32, inf},
			{kernels.ISA.Sigmoid, "sigmoid", 0, 0.5}, {kernels.ISA.Sigmoid, "sigmoid", inf, 1}, {kernels.ISA.Sigmoid, "sigmoid", -inf, 0}, {kernels.ISA.Sigmoid, "sigmoid", nan, nan},
			{kernels.ISA.Tanh, "tanh", 0, 0}, {kernels.ISA.Tanh, "tanh", math.Float32frombits(1 << 31), math.Float32frombits(1 << 31)},
			{kernels.ISA.Tanh, "tanh", inf, 1}, {kernels.ISA.Tanh, "tanh", -inf, -1}, {kernels.ISA.Tanh, "tanh", nan, nan},
			{kernels.ISA.Tanh, "tanh", math.Float32frombits(1), math.Float32frombits(1)},
		} {
			var y [1]float32
			c.run(isa, y[:], []float32{c.x})
			numtest.Equal(t, y[:], []float32{c.y}, "%s(%v)", c.name, c.x)
		}
	})
}
