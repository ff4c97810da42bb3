package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// gelus are both forms in float64, with their derivatives, without differences of numbers that
// are nearly equal.
var gelus = []struct {
	name         string
	run          func(t kernels.ISA, dst, x []float32)
	grad         func(t kernels.ISA, dx, x, dy []float32)
	ref          func(dst, x []float32)
	refGrad      func(dx, x, dy []float32)
	exact, slope func(x float64) float64

	ulps  float64 // of the function, for x from least on: what the documentation claims
	least float32
	far   float64 // the same below least, where the result is not tiny
	apart float64 // the largest difference of the derivative
}{
	{"GELU", kernels.ISA.GELU, kernels.ISA.GELUGrad, ref.GELU, ref.GELUGrad,
		func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 },
		func(x float64) float64 { return math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) },
		8, -12, 0, 4e-7},
	{"GELUTanh", kernels.ISA.GELUTanh, kernels.ISA.GELUTanhGrad, ref.GELUTanh, ref.GELUTanhGrad,
		func(x float64) float64 { return x / (1 + math.Exp(-tanhCurve(x))) },
		func(x float64) float64 {
			s, rest := 1/(1+math.Exp(-tanhCurve(x))), 1/(1+math.Exp(tanhCurve(x)))
			return s + x*2*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)*s*rest
		},
		3, -1, 160, 2e-6},
}

func tanhCurve(x float64) float64 { return 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

// TestGELU: over float32 every tier has the bits of the reference, which keeps to what the
// documentation says of errors; what is below 2^-100 is +0.
func TestGELU(t *testing.T) {
	const tiny = 0x1p-100
	for _, a := range gelus {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			y, dx, got, ones := make([]float32, 4096), make([]float32, 4096), make([]float32, 4096), make([]float32, 4096)
			for i := range ones {
				ones[i] = 1
			}
			var near, far, apart float64
			sweep(func(x []float32) bool {
				a.ref(y, x)
				a.refGrad(dx, x, ones)
				for i, v := range x {
					want, slope := a.exact(float64(v)), a.slope(float64(v))
					switch {
					case v != v:
						if y[i] == y[i] || dx[i] == dx[i] {
							t.Errorf("%s(NaN) = %v, %v", a.name, y[i], dx[i])
						}
						continue
					case v < -20: // all tiny
						want, slope = 0, 0
					case v > 20:
						want, slope = float64(v), 1
					}
					apart = max(apart, math.Abs(float64(dx[i])-slope))
					if math.Abs(want) < tiny*(1+1e-4) { // the kernel may see it on either side
						if math.Abs(want) < tiny*(1-1e-4) && math.Float32bits(y[i]) != 0 || math.Abs(float64(y[i])) > tiny*(1+1e-3) {
							t.Errorf("%s(%v) = %v, want +0", a.name, v, y[i])
							return false
						}
						continue
					}
					if e := numtest.UlpError(y[i], want); v >= a.least {
						near = max(near, e)
					} else {
						far = max(far, e)
					}
				}
				for _, isa := range kernels.Available() {
					a.run(isa, got, x)
					ok := numtest.Equal(t, got, y, "%s on %v near %v", a.name, isa, x[0])
					a.grad(isa, got, x, ones)
					if !numtest.Equal(t, got, dx, "derivative of %s on %v near %v", a.name, isa, x[0]) || !ok {
						return false
					}
				}
				return true
			})
			t.Logf("%s: at most %.3f ulp, %.3f ulp below %v, its derivative %.3g off", a.name, near, far, a.least, apart)
			if near > a.ulps || far > a.far || apart > a.apart {
				t.Errorf("%s: promised %v and %v ulp and %v", a.name, a.ulps, a.far, a.apart)
			}
			for _, isa := range kernels.Available() {
				numtest.Ran(isa)
			}
		})
	}
}

// TestGELUAtSpecialValues: at zeros, infinities and where the arguments are limited.
func TestGELUAtSpecialValues(t *testing.T) {
	minusZero := math.Float32frombits(1 << 31)
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, a := range gelus {
			x := []float32{0, minusZero, inf, -inf, nan, math.MaxFloat32, -math.MaxFloat32, 1e-44, -12.5, 13, -9.6}
			y, dx, ones := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
			for i := range ones {
				ones[i] = 1
			}
			a.run(isa, y, x)
			a.grad(isa, dx, x, ones)
			numtest.Equal(t, y[:9], []float32{0, 0, inf, 0, nan, math.MaxFloat32, 0, 0, 0}, "%s", a.name)
			numtest.Equal(t, dx[:3], []float32{0.5, 0.5, 1}, "derivative of %s", a.name)
			numtest.Equal(t, y[9:10], x[9:10], "%s", a.name)
			if dx[5] != 1 || math.Abs(float64(dx[3])) > 1e-29 || math.Abs(float64(dx[6])) > 1e-29 || dx[4] == dx[4] {
				t.Errorf("%s, %v: derivatives %v", a.name, isa, dx)
			}
		}
	})
}
