package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// optimizers are the elements that take a step on weights: argument 0 is w, 1 is g,
// and what follows are moments.
var optimizers = slices.DeleteFunc(slices.Clone(elements), func(e element) bool {
	return !strings.HasPrefix(e.name, "SGD") && !strings.HasPrefix(e.name, "Adam")
})

// decayOf is the place of the decay among the scalars of an optimizer.
var decayOf = map[string]int{"SGD": 1, "SGDMomentum": 3, "SGDNesterov": 2, "Adam": 7}

// An infinite weight that nothing moves stays: zero times infinity is not part of a
// step without a decay. Masks are made of such weights.
func TestInfiniteWeightsStayWithoutDecay(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range optimizers {
			for _, decay := range []float32{0, float32(math.Copysign(0, -1))} {
				weights := []float32{-inf, inf, nan, 1, -2, 0, math.MaxFloat32}
				s, _ := e.inputs(newSource(20), 3*len(weights), moderate)
				for i := range s {
					clear(s[i])
				}
				for i := range s[0] {
					s[0][i] = weights[i%len(weights)]
				}
				a := slices.Clone(e.fixed)
				a[decayOf[e.name]] = decay
				if e.name == "Adam" {
					a[8] = 1 // keep
				}
				want := clone(s)
				e.run(isa, s, a)
				e.compare(t, s, want, "decay %v, gradient 0", decay)
			}
		}
	})
}

// Nor does an infinite or undefined weight reach the moments without a decay.
func TestMomentsDoNotSeeTheWeightWithoutDecay(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range optimizers {
			r := newSource(21)
			s, _ := e.inputs(r, 67, moderate)
			for _, x := range s[2:] {
				for i := range x {
					x[i] = float32(math.Abs(float64(x[i])))
				}
			}
			a := slices.Clone(e.fixed)
			a[decayOf[e.name]] = 0
			plain, odd := clone(s), clone(s)
			for i := range odd[0] {
				odd[0][i] = []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}[i%3]
			}
			e.run(isa, plain, a)
			e.run(isa, odd, a)
			e.compare(t, odd[1:], plain[1:], "moments beside infinite weights")
		}
	})
}

// With a gradient of zero a weight that decays ends at +0, of whatever sign it was.
func TestDecayEndsAtZero(t *testing.T) {
	for _, e := range optimizers {
		numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
			s, _ := e.inputs(newSource(22), 19, moderate)
			for i := range s[1:] {
				clear(s[1+i])
			}
			a := slices.Clone(e.fixed)
			switch e.name {
			case "Adam":
				a[7], a[8] = 0, 0.5 // AdamW
			default:
				a[0], a[decayOf[e.name]] = 0.5, 1
			}
			for step := range 2000 {
				e.run(isa, s, a)
				for _, x := range s {
					for _, v := range x {
						if v != 0 && math.Abs(float64(v)) < 0x1p-126 {
							t.Fatalf("%s, step %d: %g is stored", e.name, step, v)
						}
					}
				}
			}
			e.compare(t, s[:1], [][]float32{make([]float32, 19)}, "after 2000 steps")
		})
	}
}

// Whatever an optimizer is given, it stores nothing below 2^-100 but +0; nothing below
// 2^-112 where it is the root of a second moment.
func TestOptimizersStoreNothingTiny(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range optimizers {
			r := newSource(23)
			for turn := range 200 {
				s, a := e.inputs(r, 67, wild)
				if turn%2 == 0 {
					copy(a, e.fixed)
				}
				for _, x := range s {
					for i := range x {
						if r.IntN(2) == 0 {
							x[i] = math.Float32frombits(uint32(r.IntN(0x1000000)) | uint32(r.IntN(2))<<31) // below 2^-94, most of it below 2^-100
						}
					}
				}
				e.run(isa, s, a)
				for slot, x := range s {
					if slot == 1 {
						continue // the gradient is read
					}
					least := float32(ref.Tiny)
					if e.name == "Adam" && slot == 3 {
						least = ref.TinyRoot
					}
					for i, v := range x {
						if bits := math.Float32bits(v); bits != 0 && bits&^(1<<31) < math.Float32bits(least) {
							t.Fatalf("%s: argument %d, element %d: %g (%08x) is stored, scalars %v", e.name, slot, i, v, bits, a)
						}
					}
				}
			}
		}
	})
}

// A gradient below 2^-100, with that of the decay, counts as +0 for every optimizer,
// whatever it is multiplied by: else its products are denormal numbers at each step.
func TestTinyGradientsCountAsZero(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, e := range optimizers {
			for _, decay := range []float32{0, 0x1p-30} {
				s, _ := e.inputs(newSource(24), 67, moderate)
				for slot := range s {
					for i := range s[slot] {
						s[slot][i] = float32(i%2) * 0x1p-99 // decay*w is far below 2^-100
					}
				}
				a := slices.Clone(e.fixed)
				if a[0] = 1024; e.name == "Adam" { // lr
					a[0] = 0.5 // beta1
				}
				a[decayOf[e.name]] = decay
				none := clone(s)
				for i := range s[1] {
					none[1][i] = 0
					s[1][i] = []float32{1e-40, -1e-40, 0x1p-149, 0x1p-101, -0x1.8p-101}[i%5]
				}
				e.run(isa, none, a)
				e.run(isa, s, a)
				for slot := range s {
					if slot != 1 {
						e.compare(t, s[slot:slot+1], none[slot:slot+1], "decay %v", decay)
					}
				}
			}
		}
	})
}

// rootEdges are the numbers at which the root of the second moment is computed in
// another way, and those next to them.
var rootEdges = func() (list []float32) {
	for _, v := range []float64{0x1p-126, 0x1p-114, 0x1p-112, 0x1p-100, 0x1p-82, 0x1p-48, 0x1p-40, 0x1p-10, 1, 0x1p2, 0x1p18, 0x1p26, 0x1p50, 0x1p63, 0x1p64, 0x1p66, 0x1p127} {
		b := math.Float32bits(float32(v))
		for _, bits := range []uint32{b - 1, b, b + 1, b + 0x3504f3, b | 0x80000000} {
			list = append(list, math.Float32frombits(bits))
		}
	}
	for _, bits := range []uint32{0, 1 << 31, 1, 0x80000001, 0x007fffff, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001} {
		list = append(list, math.Float32frombits(bits))
	}
	return list
}()

// Adam at all pairs of a root and a gradient where it changes its ways.
func TestAdamAtTheEdgesOfItsRoot(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		n := len(rootEdges) * len(rootEdges)
		for _, betas := range [][4]float32{{0.9, 0.1, 0.999, 0.001}, {0, 1, 0x1p-20, 1 - 0x1p-20}, {0.5, 0.5, 1 - 0x1p-24, 0x1p-24}, {0.9, 0.1, 0, 1}} {
			got := make([][]float32, 4)
			for i := range got {
				got[i] = make([]float32, n)
			}
			for i := range n {
				got[0][i], got[1][i], got[3][i] = 1, rootEdges[i%len(rootEdges)], rootEdges[i/len(rootEdges)]
			}
			want := clone(got)
			isa.Adam(got[0], got[1], got[2], got[3], betas[0], betas[1], betas[2], betas[3], 1e-3, 0.5, 1e-15, 0, 1)
			ref.Adam(want[0], want[1], want[2], want[3], betas[0], betas[1], betas[2], betas[3], 1e-3, 0.5, 1e-15, 0, 1)
			for i, name := range []string{"w", "g", "m", "r"} {
				numtest.Equal(t, got[i], want[i], "%s, betas %v", name, betas)
			}
		}
	})
}

// Three steps of Adam as the caller prepares them. With eps = 1e-15 and gradients of
// 2e-14 a second moment kept as a float32 square is flushed, and the weight 0.94000006.
func TestAdamWithASmallEpsilon(t *testing.T) {
	for _, c := range []struct {
		eps, g, want float32
	}{
		{1e-15, 2e-14, 0.9971429}, {1e-8, 1, 0.997}, {1e-20, 1e-18, 0.9970298}, {1e-30, 1e-26, 0.9970002}, {1e-15, 1e30, 0.997}, {1e-8, 0x1p127, 0.997},
	} {
		numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
			w, m, r := []float32{1}, []float32{0}, []float32{0}
			b1, b2 := 1.0, 1.0
			for range 3 {
				b1, b2 = float64(b1*0.9), float64(b2*0.999)
				isa.Adam(w, []float32{c.g}, m, r, 0.9, float32(1-0.9), 0.999, float32(1-0.999), float32(1e-3/(1-b1)), float32(math.Sqrt(1-b2)), c.eps, 0, 1)
			}
			if diff := math.Abs(float64(w[0] - c.want)); diff > 3*0x1p-24 {
				t.Errorf("eps %g, gradient %g: weight %v, want %v", c.eps, c.g, w[0], c.want)
			}
		})
	}
}
