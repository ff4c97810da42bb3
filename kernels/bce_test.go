package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// The binary cross-entropy and its derivative have few ulps of error wherever the result
// counts, on the sides where 1 - sigmoid cancels too. In [0, 1] for y no two terms cancel.
func TestBCEAgainstFloat64(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		var z, y, q []float32
		for v := float32(-90); v <= 90; v += 0.37 {
			for _, target := range []float32{0, 0.25, 1} {
				for _, weight := range []float32{1, 0.5, 7} {
					z, y, q = append(z, v, v/1024), append(y, target, target), append(q, weight, weight)
				}
			}
		}
		n := len(z)
		loss, grad := make([]float32, n), make([]float32, n)
		isa.BCE(loss, z, y, q)
		isa.BCEGrad(grad, z, y, q)
		for i := range z {
			v, ones, zeros := float64(z[i]), float64(q[i])*float64(y[i]), 1-float64(y[i])
			softplus := func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
			sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
			for _, c := range []struct {
				got       float32
				want, all float64 // all: the sum of the terms' magnitudes
			}{
				{loss[i], ones*softplus(-v) + zeros*softplus(v), ones*softplus(-v) + zeros*softplus(v)},
				{grad[i], zeros*sigmoid(v) - ones*sigmoid(-v), zeros*sigmoid(v) + ones*sigmoid(-v)},
			} {
				if d := math.Abs(float64(c.got) - c.want); d > 5*0x1p-24*c.all+8*0x1p-100 {
					t.Errorf("z %v, y %v, q %v: %v, want %v", z[i], y[i], q[i], c.got, c.want)
				}
			}
		}

		// Far out: no overflow for huge logits, NaN stays one.
		inf, nan := float32(math.Inf(1)), float32(math.NaN())
		z, y = []float32{1e30, -1e30, 1e30, -1e30, nan, 0}, []float32{1, 0, 0, 1, 1, nan}
		q = []float32{1, 1, 1, 1, 1, 1}
		isa.BCE(loss[:6], z, y, q)
		isa.BCEGrad(grad[:6], z, y, q)
		numtest.Equal(t, loss[:6], []float32{0, 0, 1e30, 1e30, nan, nan}, "losses far out")
		for i, want := range []float64{0, 0, 1, -1, math.NaN(), math.NaN()} {
			if d := math.Abs(float64(grad[i]) - want); d > 0x1p-100 || math.IsNaN(want) != math.IsNaN(float64(grad[i])) {
				t.Errorf("gradient at %v, target %v: %v, want %v", z[i], y[i], grad[i], want)
			}
		}
		isa.BCE(loss[:1], []float32{inf}, []float32{0}, q[:1])
		numtest.Equal(t, loss[:1], []float32{inf}, "an infinite logit on the wrong side")
	})
}
