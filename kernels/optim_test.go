package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// An optimizer is an element that takes a step on weights: argument 0 is w, 1 is g, and
// what follows is carried from step to step. The other fields are places among its
// arguments and scalars; keep is 0 where it has none, and so are root and average.
type optimizer struct {
	*element
	decay, keep   int // scalars
	root, average int // arguments: the first root of a second moment, a mean of weights
}

var optimizers = func() (list []optimizer) {
	places := map[string]optimizer{
		"SGD": {decay: 1}, "SGDMomentum": {decay: 3}, "SGDNesterov": {decay: 2},
		"Adam": {decay: 7, keep: 8, root: 3}, "AMSGrad": {decay: 7, keep: 8, root: 3},
		"RMSProp": {decay: 4, keep: 5, root: 2}, "RMSPropMomentum": {decay: 5, keep: 6, root: 2},
		"RMSPropCentred": {decay: 5, keep: 6, root: 2}, "RMSPropCentredMomentum": {decay: 6, keep: 7, root: 2},
		"ASGD": {decay: 1, keep: 2, average: 2},
	}
	for i := range elements {
		if o, ok := places[elements[i].name]; ok {
			o.element = &elements[i]
			list = append(list, o)
		}
	}
	if len(list) != len(places) {
		panic("an optimizer is not among the elements")
	}
	return list
}()

// isRoot says whether an argument is the root of a second moment, or the largest of them.
func (o optimizer) isRoot(slot int) bool {
	return o.root > 0 && (slot == o.root || o.name == "AMSGrad" && slot == 4)
}

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
				a[e.decay] = decay
				if e.keep > 0 {
					a[e.keep] = 1
				}
				if e.average > 0 {
					copy(s[e.average], s[0])
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
			a[e.decay] = 0
			plain, odd := clone(s), clone(s)
			for i := range odd[0] {
				odd[0][i] = []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}[i%3]
			}
			e.run(isa, plain, a)
			e.run(isa, odd, a)
			if e.average > 0 {
				clear(odd[e.average])
				clear(plain[e.average])
			}
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
			if e.keep > 0 {
				a[e.decay], a[e.keep] = 0, 0.5
			} else {
				a[0], a[e.decay] = 0.5, 1 // the first is lr
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
					if e.isRoot(slot) {
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
				if a[0] = 1024; e.root > 0 { // lr
					a[0] = 0.5 // a beta
				}
				a[e.decay] = decay
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

// An average begins with the weight, whatever stood in its place: a factor of 0 leaves
// the old one out. Averages of a weight that stands still are that weight, if the
// factors are those that the reference speaks of.
func TestAveragesOfWeights(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		w := []float32{1, -3, 0.1, inf, -inf, math.MaxFloat32, 0x1p-100, 0, 1.0 / 3}
		g, a := make([]float32, len(w)), []float32{nan, inf, -inf, 5, nan, 0, -1, nan, inf}
		want := slices.Clone(w)
		for _, zero := range []float32{0, float32(math.Copysign(0, -1))} {
			isa.ASGD(w, g, a, 0.1, 0, 1, 1, zero)
			numtest.Equal(t, a, want, "the first average, old ones times %v", zero)
		}
		for n := 2; n < 2000; n++ {
			omm := float32(1 - 1/float64(n))
			isa.ASGD(w, g, a, 0.1, 0, 1, 1-omm, omm)
			for i, v := range a {
				if math.Abs(float64(v-want[i])) > 0x1p-20*math.Abs(float64(want[i])) {
					t.Fatalf("average %d of %v is %v", n, want[i], v)
				}
			}
		}
		numtest.Equal(t, w, want, "the weights")
	})
}

// The divisor of AMSGrad does not fall: after one large gradient small ones move a
// weight as if the large one had just been.
func TestAMSGradKeepsTheLargestRoot(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		w, m, r, x := make([]float32, 19), make([]float32, 19), make([]float32, 19), make([]float32, 19)
		g := make([]float32, 19)
		for step := range 50 {
			for i := range g {
				g[i] = 1
				if step == 5 {
					g[i] = 100
				}
			}
			isa.AMSGrad(w, g, m, r, x, 0.9, 0.1, 0.5, 0.5, 0.1, 1, 1e-8, 0, 1)
			for i := range x {
				if x[i] < r[i] || step >= 5 && x[i] != x[0] || step > 40 && !(r[i] < 1.1 && x[i] > 70) {
					t.Fatalf("step %d: root %v, largest %v", step, r[i], x[i])
				}
			}
		}
	})
}
