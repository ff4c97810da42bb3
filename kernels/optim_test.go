package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
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

// Whatever an optimizer is given, it stores nothing below 2^-100 but +0.
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
					for i, v := range x {
						if bits := math.Float32bits(v); bits != 0 && bits&^(1<<31) < 0x0d800000 {
							t.Fatalf("%s: argument %d, element %d: %g (%08x) is stored, scalars %v", e.name, slot, i, v, bits, a)
						}
					}
				}
			}
		}
	})
}
