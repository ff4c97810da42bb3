package ref_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/kernels/ref"
)

// shares are what the old and the new square of a root are multiplied by: those of
// means, from the smallest second beta to the largest, of variances, and of sums.
var shares = func() (list [][2]float32) {
	for _, beta := range []float64{0x1p-24, 0x1p-20, 0.5, 0.9, 0.999, 0.999999, 1 - 0x1p-24} {
		list = append(list, [2]float32{float32(beta), float32(1 - beta)})
	}
	for _, alpha := range []float64{0x1p-24, 0.99, 1 - 0x1p-24} {
		list = append(list, [2]float32{float32(alpha), float32(alpha * (1 - alpha))})
	}
	return append(list, [2]float32{1, 1})
}()

// sizes draws numbers of every binary exponent from least on, one of them zero.
func sizes(r *rand.Rand, least int) []float32 {
	list := []float32{0, math.MaxFloat32}
	for k := least; k < 128; k++ {
		list = append(list, float32(math.Ldexp(1, k)), float32(math.Ldexp(1+r.Float64(), k)))
	}
	return list
}

// The steps of Root once more, each result looked at: none is a denormal number, for
// every size of root and gradient and every second beta. A denormal one would make
// the step a hundred times slower.
func TestRootMeetsNoDenormals(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	for _, share := range shares {
		beta2, omb2 := share[0], share[1]
		for _, root := range sizes(r, -112) {
			for _, e := range sizes(r, -100) {
				seen := func(what string, v float32) float32 {
					if v != 0 && math.Abs(float64(v)) < 0x1p-126 {
						t.Fatalf("shares %g, r %g, e %g: %s is %g", share, root, e, what, v)
					}
					return v
				}
				largest := max(e, root)
				up := float32(1)
				if largest < 0x1p-10 {
					up = 0x1p66
				} else if largest > 0x1p50 {
					up = 0x1p-66
				}
				least := seen("the bound", 0x1p-48/up)
				a, b := root, e
				if a < least {
					a = 0
				}
				if b < least {
					b = 0
				}
				a, b = seen("r*up", float32(a*up)), seen("e*up", float32(b*up))
				a, b = seen("r^2", float32(a*a)), seen("e^2", float32(b*b))
				q := seen("the sum", ref.FMA(beta2, a, seen("omb2*e^2", float32(omb2*b))))
				want := seen("the root", float32(float32(math.Sqrt(float64(q)))/up))
				if want < 0x1p-112 {
					want = 0
				}
				for _, sign := range []float32{e, -e} {
					if got := ref.Root(beta2, omb2, root, sign); got != want {
						t.Fatalf("shares %g, r %g, e %g: %g, want %g", share, root, sign, got, want)
					}
				}
			}
		}
	}
}

// The root is right to four roundings for every size of its operands, where it is not
// flushed: what is left out cannot be seen, and no square is too large or too small.
func TestRootOfEverySize(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	for _, share := range shares {
		beta2, omb2 := share[0], share[1]
		for _, root := range sizes(r, -112) {
			for _, e := range sizes(r, -100) {
				want := math.Hypot(math.Sqrt(float64(beta2))*float64(root), math.Sqrt(float64(omb2))*float64(e))
				got := float64(ref.Root(beta2, omb2, root, e))
				switch {
				case want > math.MaxFloat32*(1+0x1p-24):
					if got != math.Inf(1) {
						t.Fatalf("shares %g, r %g, e %g: %g, want infinity", share, root, e, got)
					}
				case want < 0x1p-112*(1-0x1p-22):
					if got != 0 {
						t.Fatalf("shares %g, r %g, e %g: %g, want 0", share, root, e, got)
					}
				case want > 0x1p-112*(1+0x1p-22):
					// Half of three roundings under the root, and those of the root.
					if math.Abs(got-want) > 2.5*0x1p-24*want {
						t.Fatalf("shares %g, r %g, e %g: %g, want %g", share, root, e, got, want)
					}
				}
			}
		}
	}
}

// What is so small that it cannot change the sum is left out before it is squared,
// and shows as 0 where its beta alone would let it through.
func TestRootLeavesOutWhatIsLost(t *testing.T) {
	for _, scale := range []float32{1, 0x1p-10, 0x1p49} {
		lost, seen := float32(0x1p-49), 0x1p-48*(1+float32(0x1p-20))
		for what, got := range map[string]float32{
			"e lost": ref.Root(0, 1, scale, lost), "r lost": ref.Root(1, 0, lost, scale),
		} {
			if got != 0 {
				t.Errorf("%s beside %g: %g, want 0", what, scale, got)
			}
		}
		for what, got := range map[string]float32{
			"e": ref.Root(0, 1, scale, seen), "r": ref.Root(1, 0, seen, scale),
		} {
			if math.Abs(float64(got-seen)) > 0x1p-23*float64(seen) {
				t.Errorf("%s of %g beside %g: %g", what, seen, scale, got)
			}
		}
	}
	if got := ref.Root(0, 1, 0x1p100, 0x1p17); got != 0 {
		t.Errorf("e of 2^17 beside 2^100: %g, want 0", got)
	}
}

// A NaN or an infinity comes through, and stays.
func TestRootOfWhatIsNoNumber(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct{ r, e, want float32 }{
		{0, inf, inf}, {0, -inf, inf}, {inf, 0, inf}, {inf, 1, inf}, {1e-20, inf, inf}, {inf, inf, inf},
		{0, nan, nan}, {nan, 0, nan}, {1, nan, nan}, {nan, 1e30, nan}, {inf, nan, nan}, {nan, inf, nan},
	} {
		if got := ref.Root(0.999, 0.001, c.r, c.e); got != c.want && !(got != got && c.want != c.want) {
			t.Errorf("r %v, e %v: %v, want %v", c.r, c.e, got, c.want)
		}
	}
}

// Thirty steps against float64, gradients of every size from 2^-100 to 2^126 and eps
// from the smallest normal number to 1e-3. Gradients of one sign keep every sum free
// of cancellation, so that errors stay relative: each step adds two roundings to m and
// two to r.
func TestAdamAgainstFloat64(t *testing.T) {
	const steps, rate, beta1, beta2 = 30, 0x1p-10, 0.9, 0.999
	b1, b2 := float32(beta1), float32(beta2)
	omb1, omb2 := float32(1-beta1), float32(1-beta2)
	r := rand.New(rand.NewPCG(13, 13))
	for _, eps := range []float32{1.2e-38, 1e-34, 1e-30, 1e-25, 1e-20, 1e-15, 1e-12, 1e-8, 1e-5, 1e-3} {
		for size := -100; size <= 126; size++ {
			for _, spread := range []int{0, 3, 30} {
				name := fmt.Sprintf("eps %g, gradients of 2^%d times up to 2^%d", eps, size, spread)
				w, m, root := []float32{0}, []float32{0}, []float32{0}
				var w64, m64, v64 float64
				p1, p2 := 1.0, 1.0
				for step := 1; step <= steps; step++ {
					g := float32(math.Ldexp(1+r.Float64(), min(126, size+r.IntN(spread+1))))
					p1, p2 = float64(p1*beta1), float64(p2*beta2)
					rate1, rbc2 := float32(rate/(1-p1)), float32(math.Sqrt(1-p2))
					ref.Adam(w, []float32{g}, m, root, b1, omb1, b2, omb2, rate1, rbc2, eps, 0, 1)
					m64 = float64(b1)*m64 + float64(omb1)*float64(g)
					v64 = float64(b2)*v64 + float64(omb2)*float64(g)*float64(g)
					w64 -= float64(rate1) * m64 / (math.Sqrt(v64)/float64(rbc2) + float64(eps))
					bound := float64(4*step+8) * 0x1p-24 * math.Abs(w64)
					if size < -96 { // m, and it alone, may be flushed: then the step is smaller
						if got := float64(w[0]); got > 0 || got < w64-bound {
							t.Fatalf("%s: after %d steps %g, want %g to 0", name, step, got, w64)
						}
					} else if math.Abs(float64(w[0])-w64) > bound {
						t.Fatalf("%s: after %d steps %g, want %g", name, step, w[0], w64)
					}
				}
			}
		}
	}
}

// RMSProp and Adagrad against float64, gradients of every size and eps from the smallest
// normal number: where the mean of squares itself would be 0 or infinite in float32, the
// root is not.
func TestRMSPropAgainstFloat64(t *testing.T) {
	const steps, rate = 30, 0x1p-10
	r := rand.New(rand.NewPCG(14, 14))
	for _, alpha := range []float64{1, 0.99, 0.5} { // 1 is Adagrad
		oma := 1 - alpha
		if alpha == 1 {
			oma = 1
		}
		a32, oma32 := float32(alpha), float32(oma)
		for _, eps := range []float32{1.2e-38, 1e-30, 1e-20, 1e-10, 1e-3} {
			for size := -100; size <= 122; size++ {
				name := fmt.Sprintf("alpha %g, eps %g, gradients of 2^%d", alpha, eps, size)
				w, root := []float32{0}, []float32{0}
				var w64, v64 float64
				for step := 1; step <= steps; step++ {
					g := float32(math.Ldexp(1+r.Float64(), size))
					ref.RMSProp(w, []float32{g}, root, a32, oma32, rate, eps, 0, 1)
					v64 = float64(a32)*v64 + float64(oma32)*float64(g)*float64(g)
					w64 -= rate * float64(g) / (math.Sqrt(v64) + float64(eps))
					if bound := float64(3*step+8) * 0x1p-24 * math.Abs(w64); math.Abs(float64(w[0])-w64) > bound {
						t.Fatalf("%s: after %d steps %g, want %g", name, step, w[0], w64)
					}
				}
			}
		}
	}
}

// The variance does not cancel: gradients whose deviations are a ten thousandth of their
// mean, where the difference of the two moments has no digits left in float32, and of
// every size.
func TestCentredRMSPropAgainstFloat64(t *testing.T) {
	const steps, alpha = 60, 0.9
	a32, oma, omv := float32(alpha), float32(1-alpha), float32(alpha*(1-alpha))
	r := rand.New(rand.NewPCG(15, 15))
	for size := -80; size <= 120; size++ {
		s, m := []float32{0}, []float32{0}
		w := []float32{0}
		// From the mean on, as after a long run, so that the beginning is not in the variance.
		m[0] = float32(math.Ldexp(1, size))
		s64, m64 := 0.0, float64(m[0]) // the variance
		for step := 1; step <= steps; step++ {
			g := float32(math.Ldexp(1+1e-4*(r.Float64()-0.5), size))
			ref.RMSPropCentred(w, []float32{g}, s, m, a32, oma, omv, 0, 1e-8, 0, 1)
			d := float64(g) - m64
			s64 = alpha * (s64 + (1-alpha)*d*d)
			m64 = alpha*m64 + (1-alpha)*float64(g)
			// A step rounds the mean once, and 1/(1-alpha) steps are in it. Its error is one of
			// each deviation.
			if want := math.Sqrt(s64); math.Abs(float64(s[0])-want) > 10*0x1p-24*math.Ldexp(1, size)+float64(3*step+8)*0x1p-24*want {
				t.Fatalf("gradients of 2^%d: after %d steps %g, want %g", size, step, s[0], want)
			}
		}
	}
}

// Gradients that are all the same have a variance that goes to 0 and never below, whose
// root is no NaN; a step is then divided by eps.
func TestCentredRMSPropOfEqualGradients(t *testing.T) {
	w, s, m := []float32{0}, []float32{0}, []float32{0}
	for range 20000 {
		ref.RMSPropCentred(w, []float32{1.1}, s, m, 0.99, 0.01, 0.0099, 1e-9, 1e-3, 0, 1)
		if !(s[0] >= 0) || w[0] != w[0] {
			t.Fatalf("root %v, weight %v", s[0], w[0])
		}
	}
	if s[0] > 1e-5 { // the mean stands still when 0.01 of a deviation is below half a unit of it
		t.Errorf("a root of %v is left of a variance of 0", s[0])
	}
}
