package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

var inf, nan = float32(math.Inf(1)), float32(math.NaN())

// activations are the functions whose accuracy the contract promises, with the
// same in float64, which is right to about 1e-8 units of float32.
var activations = []struct {
	name  string
	run   func(t kernels.ISA, dst, x []float32)
	ref   func(dst, x []float32)
	exact func(x float64) float64
	ulps  float64 // the promise of the contract, rule 6, where it makes one
	doc   float64 // what the documentation of the kernel claims
	// Results lie in [low, high].
	low, high float32
}{
	{"Exp", kernels.ISA.Exp, ref.Exp, math.Exp, 1, 0.90, 0, inf},
	{"Sigmoid", kernels.ISA.Sigmoid, ref.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 1.5, 1.48, 0, 1},
	{"Tanh", kernels.ISA.Tanh, ref.Tanh, math.Tanh, 1.5, 1.37, -1, 1},
	{"ELU", func(t kernels.ISA, dst, x []float32) { t.ELU(dst, x, 1) }, func(dst, x []float32) { ref.ELU(dst, x, 1) },
		func(x float64) float64 { return max(x, math.Expm1(min(x, 0))) }, 1.0, 1.0, -1, inf},
	{"Softsign", kernels.ISA.Softsign, ref.Softsign, func(x float64) float64 { return x / (1 + math.Abs(x)) }, 1.5, 1.5, -1, 1},
	{"Softplus", kernels.ISA.Softplus, ref.Softplus, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 4, 4, 0, inf},
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

// Over float32: every tier gives the bits of the reference, the reference keeps
// to the bounds of the contract and of the documentation, results stay in range,
// and tanh is odd bit for bit.
func TestActivations(t *testing.T) {
	for _, a := range activations {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			y, got, neg := make([]float32, 4096), make([]float32, 4096), make([]float32, 4096)
			worst, at := 0.0, float32(0)
			sweep(func(x []float32) bool {
				a.ref(y, x)
				for i, v := range x {
					want := a.exact(float64(v))
					if e := numtest.UlpError(y[i], want); e > worst {
						worst, at = e, v
					}
					if g := y[i]; g < a.low || g > a.high || (g != g) != (want != want) {
						t.Errorf("%s(%v) = %v, want %v", a.name, v, g, want)
						return false
					}
				}
				for _, isa := range kernels.Available() {
					if isa == kernels.Scalar {
						continue // the reference itself
					}
					a.run(isa, got, x)
					if !numtest.Equal(t, got, y, "%s on %v near %v", a.name, isa, x[0]) {
						return false
					}
				}
				if a.name == "Tanh" {
					for i := range x {
						neg[i] = -x[i]
					}
					a.ref(got, neg)
					for i := range x {
						got[i] = -got[i]
					}
					return numtest.Equal(t, got, y, "tanh is not odd near %v", x[0])
				}
				return true
			})
			t.Logf("%s: at most %.4f ulp, at %v", a.name, worst, at)
			if worst > a.ulps || worst > a.doc {
				t.Errorf("%s(%v) is %.4f ulp off, promised %v, documented %v", a.name, at, worst, a.ulps, a.doc)
			}
			for _, isa := range kernels.Available() {
				numtest.Ran(isa)
			}
		})
	}
}

func TestActivationsAtSpecialValues(t *testing.T) {
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
