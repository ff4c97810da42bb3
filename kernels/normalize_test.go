package kernels_test

import (
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Every tier gives the bits of the reference, in place and between guard pages,
// around the sizes of vectors, of the lanes and of the chunks of a call.
func TestNormalize(t *testing.T) {
	sizes := []int{0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 129, 1000, 16385}
	if testing.Short() {
		sizes = sizes[:len(sizes)-1]
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		g := numtest.NewGuards(t)
		r := newSource(20)
		for _, n := range sizes {
			for mode := range modes {
				for _, eps := range []float32{1e-5, 0} {
					x, dy := r.values(n, mode), r.values(n, mode)
					want := [2][]float32{make([]float32, n), make([]float32, n)}
					wantR := ref.Normalize(want[0], x, eps)
					ref.NormalizeGrad(want[1], want[0], dy, wantR)
					for _, at := range numtest.Layouts {
						y, dx := numtest.Out(g, at, make([]float32, n)), numtest.Out(g, at, make([]float32, n))
						inX, inDy := numtest.In(g, at, x), numtest.In(g, at, dy)
						var gotR float32
						numtest.Faults(t, func() {
							gotR = isa.Normalize(y, inX, eps)
							isa.NormalizeGrad(dx, y, inDy, gotR)
						}, "n=%d %v", n, at)
						numtest.Equal(t, []float32{gotR}, []float32{wantR}, "r of %d, mode %d, eps %v", n, mode, eps)
						numtest.Equal(t, y, want[0], "y of %d, mode %d, eps %v", n, mode, eps)
						numtest.Equal(t, dx, want[1], "dx of %d, mode %d, eps %v", n, mode, eps)
						g.Reset("n=%d %v", n, at)
					}
					for name, in := range map[string]func(y, dx []float32) float32{
						"a tier": func(y, dx []float32) (r float32) {
							r = isa.Normalize(y, y, eps)
							isa.NormalizeGrad(dx, y, dx, r)
							return r
						},
						"the reference": func(y, dx []float32) (r float32) {
							r = ref.Normalize(y, y, eps)
							ref.NormalizeGrad(dx, y, dx, r)
							return r
						},
					} {
						y, dx := append([]float32(nil), x...), append([]float32(nil), dy...)
						numtest.Equal(t, []float32{in(y, dx)}, []float32{wantR}, "r in place on %s", name)
						numtest.Equal(t, y, want[0], "y of %d in place on %s, mode %d", n, name, mode)
						numtest.Equal(t, dx, want[1], "dx of %d in place on %s, mode %d", n, name, mode)
					}
				}
			}
		}
	})
}

// A row of equal elements has no deviation: with eps it becomes zeros, without
// it NaN, as 0/0 is.
func TestNormalizeOfAConstant(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		x, y := []float32{2, 2, 2, 2}, make([]float32, 4)
		if r := isa.Normalize(y, x, 0x1p-16); r != 256 {
			t.Errorf("r = %v, want 1/sqrt(eps) = 256", r)
		}
		numtest.Equal(t, y, make([]float32, 4), "with eps")
		if r := isa.Normalize(y, x, 0); r != inf {
			t.Errorf("r = %v, want +Inf", r)
		}
		numtest.Equal(t, y, []float32{nan, nan, nan, nan}, "without eps")
	})
}

func TestNormalizeRefusesWrongLengths(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		three, four := []float32{1, 2, 3}, []float32{1, 2, 3, 4}
		for name, call := range map[string]func(){
			"Normalize: x has 4":        func() { isa.Normalize(three, four, 1) },
			"NormalizeGrad: y has 4":    func() { isa.NormalizeGrad(three, four, three, 1) },
			"NormalizeGrad: dy has 4":   func() { isa.NormalizeGrad(three, three, four, 1) },
			"Normalize: x has 0":        func() { isa.Normalize(three, nil, 1) },
			"NormalizeGrad: y has 0":    func() { isa.NormalizeGrad(three, nil, nil, 1) },
			"NormalizeGrad: dy has 0":   func() { isa.NormalizeGrad(three, three, nil, 1) },
			"NormalizeGrad: y has 3 el": func() { isa.NormalizeGrad(nil, three, nil, 1) },
		} {
			if m := panics(call); !strings.Contains(m, name) {
				t.Errorf("%q, want a panic that says %q", m, name)
			}
		}
		numtest.Equal(t, three, []float32{1, 2, 3}, "written before the panic")
	})
}
