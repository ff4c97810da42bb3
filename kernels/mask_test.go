package kernels_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// What a mask leaves out is left out by selection: no NaN comes through, and a
// zero is +0. The bound itself is not below the bound, and neither is NaN.
func TestMasksSelect(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		u := []float32{1, 1, 1, 1, 1.5, 1.5, 2, nan, math.Nextafter32(1.5, 1)}
		x := []float32{nan, inf, -3, negZero, 2, nan, negZero, 4, 5}
		y := make([]float32, len(x))
		isa.Drop(y, x, u, 1.5, 2)
		numtest.Equal(t, y, []float32{0, 0, 0, 0, 4, nan, negZero, 8, 0}, "Drop")
		b := []float32{10, 11, 12, 13, 14, 15, 16, 17, 18}
		isa.Choose(y, u, x, b, 1.5)
		numtest.Equal(t, y, []float32{nan, inf, -3, negZero, 14, 15, 16, 17, 5}, "Choose")
	})
}

// The gradient of a limited value passes inside the limits, at them, and where
// the value is NaN.
func TestClipGradSelects(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		x := []float32{0, 2, -2, math.Nextafter32(2, 3), math.Nextafter32(-2, -3), inf, -inf, nan, 1, 3}
		dy := []float32{1, 2, 3, 4, 5, 6, 7, 8, nan, nan}
		dx := make([]float32, len(x))
		isa.ClipGrad(dx, x, dy, 2)
		numtest.Equal(t, dx, []float32{1, 2, 3, 0, 0, 0, 0, 8, nan, 0}, "ClipGrad")
	})
}
