package ref_test

import (
	"math"
	"math/big"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// exactFMA rounds a*b+c once, in arithmetic that holds every float32 exactly.
func exactFMA(a, b, c float32) float32 {
	p := new(big.Float).SetPrec(2000).SetFloat64(float64(a))
	p.Mul(p, new(big.Float).SetPrec(2000).SetFloat64(float64(b)))
	p.Add(p, new(big.Float).SetPrec(2000).SetFloat64(float64(c)))
	v, _ := p.Float32()
	if v == 0 && p.Sign() == 0 { // an exact zero: its sign is that of IEEE, not of math/big
		return float32(float64(a)*float64(b) + float64(c))
	}
	return v
}

// Rounding twice goes wrong next to midpoints and below the normal range, so
// most of the triples are built there: the product is about half a unit of c. A tile
// has them in one of 16 columns, beside sums that are nothing special.
func TestFMARoundsOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	finite := func() float32 {
		for {
			if v := math.Float32frombits(r.Uint32()); v-v == 0 {
				return v
			}
		}
	}
	twice, infinite, triples := 0, 0, 500000
	if testing.Short() {
		triples = 100000
	}
	for i := range triples {
		a, b, c := finite(), finite(), finite()
		switch i % 5 {
		case 0: // (1+x)(1-x) half units of c: less than half by what float64 cannot hold
			c = math.Float32frombits(0x3f800000 | r.Uint32()&0x807fffff)
			x := float32(r.IntN(256)) * 0x1p-23
			a, b = 1+x, (1-x)*0x1p-24
		case 1: // a subnormal result
			a, b = a/max(1, float32(math.Abs(float64(a))))*0x1p-70, math.Float32frombits(0x1d000000|r.Uint32()&0xffffff)
			c = math.Float32frombits(r.Uint32() & 0x80ffffff)
		case 2: // cancellation
			a, b = math.Float32frombits(0x3f800000|r.Uint32()&0x7fffff), math.Float32frombits(0x3f800000|r.Uint32()&0x7fffff)
			c = -float32(float64(a) * float64(b))
		case 3: // about half a unit above the largest number, from where on it is infinity
			a, b, c = 0x1p52+float32(r.IntN(3)-1)*0x1p29, 0x1p51, math.Float32frombits(0x7f7fffff-r.Uint32N(2)|r.Uint32()&(1<<31))
			if math.Signbit(float64(c)) {
				a = -a
			}
		}
		got, want := ref.FMA(a, b, c), exactFMA(a, b, c)
		if !numtest.Same(got, want) {
			t.Fatalf("FMA(%08x, %08x, %08x) = %08x, want %08x", math.Float32bits(a), math.Float32bits(b), math.Float32bits(c), math.Float32bits(got), math.Float32bits(want))
		}
		// The second step takes half of c away again, but not from infinity.
		const cols = 16
		var bs [2 * cols]float32
		var cs [cols]float32
		for l := range cs {
			bs[l], bs[cols+l], cs[l] = 0.5, 2, 3
		}
		at := r.IntN(cols)
		bs[at], bs[cols+at], cs[at] = b, -c/2, c
		ref.Tile(1, cols, 2, []float32{a, 1}, 2, 1, bs[:], cols, cs[:], cols, cs[:], cols, 0)
		after, beside := exactFMA(1, -c/2, want), exactFMA(1, 2, exactFMA(a, 0.5, 3))
		for l, v := range cs {
			if l != at && !numtest.Same(v, beside) || l == at && !numtest.Same(v, after) {
				t.Fatalf("column %d of a tile, FMA(%08x, %08x, %08x) in column %d: %08x, want %08x there and %08x beside", l, math.Float32bits(a), math.Float32bits(b), math.Float32bits(c), at, math.Float32bits(v), math.Float32bits(after), math.Float32bits(beside))
			}
		}
		if !numtest.Same(float32(math.FMA(float64(a), float64(b), float64(c))), want) {
			twice++
		}
		if i%5 == 3 && math.IsInf(float64(want), 0) {
			infinite++
		}
	}
	if kind := triples / 5; infinite < kind/10 || infinite > kind-kind/10 {
		t.Errorf("%d of %d sums about the largest number are infinite, want some and not all", infinite, kind)
	}
	if twice < triples/40 {
		t.Errorf("only %d of the triples tell one rounding from two", twice)
	}
}

func TestFMAOnSpecials(t *testing.T) {
	inf, nan, negZero := float32(math.Inf(1)), float32(math.NaN()), math.Float32frombits(1<<31)
	for _, c := range [][4]float32{
		{0, inf, 1, nan}, {inf, 1, -inf, nan}, {inf, 1, 1, inf}, {nan, 0, 0, nan}, {1, 1, nan, nan}, {2, 3, -inf, -inf},
		{0, 0, negZero, 0}, {negZero, 1, negZero, negZero}, {1, -1, 1, 0}, {math.MaxFloat32, 2, 0, inf}, {math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
		{0x1p-100, 0x1p-60, 0, 0}, {0x1p-100, -0x1p-60, 0, negZero},
	} {
		if got := ref.FMA(c[0], c[1], c[2]); !numtest.Same(got, c[3]) {
			t.Errorf("FMA(%v, %v, %v) = %v, want %v", c[0], c[1], c[2], got, c[3])
		}
	}
}

func TestFlush(t *testing.T) {
	below, negZero := math.Nextafter32(0x1p-100, 0), math.Float32frombits(1<<31)
	for _, c := range [][2]float32{{0x1p-100, 0x1p-100}, {-0x1p-100, -0x1p-100}, {below, 0}, {-below, 0}, {negZero, 0}, {1, 1}, {float32(math.Inf(-1)), float32(math.Inf(-1))}, {float32(math.NaN()), float32(math.NaN())}} {
		if got := ref.Flush(c[0]); !numtest.Same(got, c[1]) {
			t.Errorf("Flush(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}

// The float64 helpers against the standard library, whose own error is below one
// unit.
func TestFloat64Helpers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	ulps := func(got, want float64) float64 {
		if got == want || got != got && want != want {
			return 0
		}
		return math.Abs(got-want) / (math.Nextafter(math.Abs(want), math.Inf(1)) - math.Abs(want))
	}
	worst := map[string]float64{}
	for range 200000 {
		x := math.Float64frombits(r.Uint64() &^ (1 << 63))
		if x < 0x1p-1022 {
			x = 1 // math.Log of amd64 is wrong below the normal range
		}
		worst["log"] = max(worst["log"], ulps(ref.Log64(x), math.Log(x)))
		y := 1 + (r.Float64()-0.5)/8
		worst["log near 1"] = max(worst["log near 1"], ulps(ref.Log64(y), math.Log(y)))
		e := (r.Float64() - 0.5) * 1400
		worst["exp"] = max(worst["exp"], ulps(ref.Exp64(e), math.Exp(e)))
		a := (r.Float64() - 0.5) * 0x1p21
		worst["cos"] = max(worst["cos"], math.Abs(ref.Cos64(a)-math.Cos(a))*0x1p53)
	}
	for name, w := range worst {
		if w > 3 {
			t.Errorf("%s is %.2f units off", name, w)
		}
	}
	for _, x := range []float64{0, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1, math.MaxFloat64} {
		if u := ulps(ref.Log64(x), math.Log(x)); u > 3 {
			t.Errorf("Log64(%v) = %v, want %v", x, ref.Log64(x), math.Log(x))
		}
		if u := ulps(ref.Exp64(x), math.Exp(x)); u > 3 {
			t.Errorf("Exp64(%v) = %v, want %v", x, ref.Exp64(x), math.Exp(x))
		}
	}
	if got := ref.Log64(math.SmallestNonzeroFloat64); got != -744.4400719213812 { // -1074 ln 2
		t.Errorf("log of the smallest number: %v", got)
	}
	if ref.Exp64(0) != 1 || ref.Cos64(0) != 1 || ref.Log64(1) != 0 {
		t.Error("the exact values are not exact")
	}
}

// The LSTM step and its gradient against the textbook in float64, within what
// the float32 steps can lose.
func TestLSTMGatesFollowTheTextbook(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const n = 2000
	var in [9][]float32
	for i := range in {
		in[i] = make([]float32, n)
		for j := range in[i] {
			in[i][j] = 6 * (r.Float32() - 0.5)
		}
	}
	sigmoid := func(a numtest.Running) numtest.Running { return a.Func(1/(1+math.Exp(-a.V)), 0.25, 1.5) }
	tanh := func(a numtest.Running) numtest.Running { return a.Func(math.Tanh(a.V), 1, 1.5) }
	one := numtest.Exact(1)

	i, f, g, o, cPrev := in[0], in[1], in[2], in[3], in[4]
	act := [4][]float32{append([]float32{}, i...), append([]float32{}, f...), append([]float32{}, g...), append([]float32{}, o...)}
	c, h := make([]float32, n), make([]float32, n)
	ref.LSTMGates(act[0], act[1], act[2], act[3], c, h, cPrev)
	hold := func(name string, got []float32, at func(j int) numtest.Running) {
		t.Helper()
		want, bound := make([]float64, n), make([]float64, n)
		for j := range got {
			w := at(j)
			want[j], bound[j] = w.V, w.E
		}
		if worst := numtest.Within(t, got, want, bound, "%s", name); worst < 0.02 {
			t.Errorf("%s: the bound is %.0f times too wide to say much", name, 1/worst)
		}
	}
	cell := func(j int) numtest.Running {
		return sigmoid(numtest.Exact(f[j])).FMA(numtest.Exact(cPrev[j]), sigmoid(numtest.Exact(i[j])).Mul(tanh(numtest.Exact(g[j])))).Flushed()
	}
	hold("c", c, cell)
	hold("h", h, func(j int) numtest.Running { return sigmoid(numtest.Exact(o[j])).Mul(tanh(cell(j))).Flushed() })

	// Backward, from the activations as they were stored.
	dh, dy := in[5], in[6]
	dc := append([]float32{}, in[7]...)
	d := [4][]float32{append([]float32{}, act[0]...), append([]float32{}, act[1]...), append([]float32{}, act[2]...), append([]float32{}, act[3]...)}
	ref.LSTMGatesGrad(d[0], d[1], d[2], d[3], dc, c, cPrev, dh, dy)
	x := func(s []float32, j int) numtest.Running { return numtest.Exact(s[j]) }
	into := func(j int) (dH, dC numtest.Running) {
		tc := tanh(x(c, j))
		dH = x(dh, j).Add(x(dy, j))
		return dH, dH.Mul(x(act[3], j)).Mul(one.Sub(tc.Mul(tc))).Add(x(in[7], j))
	}
	slope := func(y numtest.Running) numtest.Running { return y.Mul(one.Sub(y)) }
	hold("do", d[3], func(j int) numtest.Running {
		dH, _ := into(j)
		return dH.Mul(tanh(x(c, j))).Mul(slope(x(act[3], j)))
	})
	hold("di", d[0], func(j int) numtest.Running { _, D := into(j); return D.Mul(x(act[2], j)).Mul(slope(x(act[0], j))) })
	hold("df", d[1], func(j int) numtest.Running { _, D := into(j); return D.Mul(x(cPrev, j)).Mul(slope(x(act[1], j))) })
	hold("dg", d[2], func(j int) numtest.Running {
		_, D := into(j)
		return D.Mul(x(act[0], j)).Mul(one.Sub(x(act[2], j).Mul(x(act[2], j))))
	})
	hold("dc", dc, func(j int) numtest.Running { _, D := into(j); return D.Mul(x(act[1], j)) })
}

// The optimizers against their papers in float64, over a few steps.
func TestOptimizersFollowTheirPapers(t *testing.T) {
	const lr, mu, damp, decay, beta1, beta2, eps = 0.1, 0.9, 0.75, 0.01, 0.9, 0.999, 1e-8
	const alpha, keep = 0.8, 1 - lr*decay
	r := rand.New(rand.NewPCG(4, 4))
	for _, name := range []string{
		"SGD", "SGDMomentum", "SGDNesterov", "Adam", "AdamW", "AMSGrad",
		"RMSProp", "RMSPropMomentum", "RMSPropCentred", "RMSPropCentredMomentum", "Adagrad", "ASGD",
	} {
		w := []float32{0.5, -0.25, 2}
		m, root, x, v := make([]float32, 3), make([]float32, 3), make([]float32, 3), make([]float32, 3)
		w64, m64, v64 := []float64{0.5, -0.25, 2}, make([]float64, 3), make([]float64, 3)
		x64, b64 := make([]float64, 3), make([]float64, 3)
		for step := 1; step <= 20; step++ {
			g := make([]float32, 3)
			for j := range g {
				g[j] = r.Float32() - 0.3
				if step > 10 {
					g[j] /= 16 // so that the largest second moment is not the last
				}
			}
			b1, b2 := 1-math.Pow(beta1, float64(step)), 1-math.Pow(beta2, float64(step))
			for j := range w64 {
				e := float64(g[j])
				if name != "AdamW" {
					e += decay * w64[j]
				}
				switch name {
				case "SGD":
					w64[j] -= lr * e
				case "SGDMomentum":
					m64[j] = mu*m64[j] + damp*e
					w64[j] -= lr * m64[j]
				case "SGDNesterov":
					m64[j] = mu*m64[j] + e
					w64[j] -= lr * (e + mu*m64[j])
				case "Adam", "AdamW", "AMSGrad":
					if name == "AdamW" {
						w64[j] -= lr * decay * w64[j]
					}
					m64[j] = beta1*m64[j] + (1-beta1)*e
					v64[j] = beta2*v64[j] + (1-beta2)*e*e
					second := v64[j]
					if name == "AMSGrad" {
						x64[j] = max(x64[j], v64[j])
						second = x64[j]
					}
					w64[j] -= lr * (m64[j] / b1) / (math.Sqrt(second/b2) + eps)
				case "ASGD":
					w64[j] = keep*w64[j] - lr*e
					b64[j] += (w64[j] - b64[j]) / float64(step)
				case "Adagrad":
					v64[j] += e * e
					w64[j] = keep*w64[j] - lr*e/(math.Sqrt(v64[j])+eps)
				default:
					m64[j] = alpha*m64[j] + (1-alpha)*e
					v64[j] = alpha*v64[j] + (1-alpha)*e*e
					d := e / (math.Sqrt(v64[j]) + eps)
					if name == "RMSPropCentred" || name == "RMSPropCentredMomentum" {
						d = e / (math.Sqrt(v64[j]-m64[j]*m64[j]) + eps)
					}
					if name == "RMSPropMomentum" || name == "RMSPropCentredMomentum" {
						b64[j] = mu*b64[j] + d
						d = b64[j]
					}
					w64[j] = keep*w64[j] - lr*d
				}
			}
			step1, rbc2, omv := float32(lr/b1), float32(math.Sqrt(b2)), float32(alpha*(1-alpha))
			switch name {
			case "SGD":
				ref.SGD(w, g, lr, decay)
			case "SGDMomentum":
				ref.SGDMomentum(w, g, m, lr, mu, damp, decay)
			case "SGDNesterov":
				ref.SGDNesterov(w, g, m, lr, mu, decay)
			case "Adam":
				ref.Adam(w, g, m, root, beta1, 1-beta1, beta2, 1-beta2, step1, rbc2, eps, decay, 1)
			case "AdamW":
				ref.Adam(w, g, m, root, beta1, 1-beta1, beta2, 1-beta2, step1, rbc2, eps, 0, keep)
			case "AMSGrad":
				ref.AMSGrad(w, g, m, root, x, beta1, 1-beta1, beta2, 1-beta2, step1, rbc2, eps, decay, 1)
			case "RMSProp":
				ref.RMSProp(w, g, root, alpha, 1-alpha, lr, eps, decay, keep)
			case "RMSPropMomentum":
				ref.RMSPropMomentum(w, g, root, v, alpha, 1-alpha, lr, eps, mu, decay, keep)
			case "RMSPropCentred":
				ref.RMSPropCentred(w, g, root, m, alpha, 1-alpha, omv, lr, eps, decay, keep)
			case "RMSPropCentredMomentum":
				ref.RMSPropCentredMomentum(w, g, root, m, v, alpha, 1-alpha, omv, lr, eps, mu, decay, keep)
			case "Adagrad":
				ref.RMSProp(w, g, root, 1, 1, lr, eps, decay, keep)
			case "ASGD":
				omm := float32(1 - 1/float64(step))
				ref.ASGD(w, g, v, lr, decay, keep, 1-omm, omm)
				for j := range v {
					if d := math.Abs(float64(v[j]) - b64[j]); d > 2e-6*float64(step) {
						t.Fatalf("%s, step %d: average %d is %v, want %v", name, step, j, v[j], b64[j])
					}
				}
			}
			for j := range w {
				if d := math.Abs(float64(w[j]) - w64[j]); d > 2e-6*float64(step) {
					t.Fatalf("%s, step %d: w[%d] = %v, want %v", name, step, j, w[j], w64[j])
				}
			}
		}
	}
}

// The normalisation against its definition in float64, and its gradient against
// the derivative of that: the imaginary part of a complex step, which is exact to
// the last bits of float64. Bounds follow the float32 steps.
func TestNormalizeFollowsItsDefinition(t *testing.T) {
	const eps = 1e-5
	r := rand.New(rand.NewPCG(5, 5))
	for _, n := range []int{1, 2, 3, 15, 16, 17, 63, 64, 65, 129, 300} {
		x, dy, y, dx := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for j := range x {
			x[j], dy[j] = 4*r.Float32()-1, 2*r.Float32()-1
		}
		got := ref.Normalize(y, x, eps)
		ref.NormalizeGrad(dx, y, dy, got)

		normal := func(x []complex128) (y []complex128) {
			var mean, variance complex128
			for _, v := range x {
				mean += v / complex(float64(n), 0)
			}
			for _, v := range x {
				variance += (v - mean) * (v - mean) / complex(float64(n), 0)
			}
			for _, v := range x {
				y = append(y, (v-mean)/cmplx.Sqrt(variance+complex(float64(float32(eps)), 0)))
			}
			return y
		}
		const h = 1e-100
		exact := make([]complex128, n)
		for j, v := range x {
			exact[j] = complex(float64(v), 0)
		}
		wantY, wantDx := make([]float64, n), make([]float64, n)
		for j, v := range normal(exact) {
			wantY[j] = real(v)
		}
		for j := range x {
			exact[j] += complex(0, h)
			for i, v := range normal(exact) {
				wantDx[j] += float64(dy[i]) * imag(v) / h
			}
			exact[j] = complex(float64(x[j]), 0)
		}

		// The same steps with their errors.
		exactly := func(s []float32) (e []numtest.Running) {
			for _, v := range s {
				e = append(e, numtest.Exact(v))
			}
			return e
		}
		mean := func(a, b []numtest.Running) numtest.Running {
			lanes := make([]numtest.Running, 64)
			for j := range a {
				lanes[j%64] = a[j].FMA(b[j], lanes[j%64])
			}
			for k := 32; k > 0; k /= 2 {
				for l := range k {
					lanes[l] = lanes[l].Add(lanes[l+k])
				}
			}
			return lanes[0].Func(lanes[0].V/float64(n), 1/float64(n), 0.5)
		}
		ones := make([]numtest.Running, n)
		for j := range ones {
			ones[j] = numtest.Exact(1)
		}
		m, d := mean(exactly(x), ones), exactly(x)
		for j := range d {
			d[j] = d[j].Sub(m)
		}
		v := mean(d, d).Add(numtest.Exact(eps))
		least := max(v.V-v.E, eps)
		rr := v.Func(1/math.Sqrt(v.V), 0.5/(least*math.Sqrt(least)), 1.5)
		yy, g := make([]numtest.Running, n), exactly(dy)
		bound := make([]float64, n)
		for j := range d {
			yy[j] = d[j].Mul(rr)
			bound[j] = yy[j].E
		}
		worst := numtest.Within(t, y, wantY, bound, "y of %d", n)
		numtest.Within(t, []float32{got}, []float64{rr.V}, []float64{rr.E}, "r of %d", n)
		m1, m2 := mean(g, ones), mean(g, yy)
		for j := range g {
			bound[j] = m2.Neg().FMA(yy[j], g[j].Sub(m1)).Mul(rr).E
		}
		worst = max(worst, numtest.Within(t, dx, wantDx, bound, "dx of %d", n))
		if n > 1 && worst < 0.01 {
			t.Errorf("n=%d: the bound is %.0f times too wide to say much", n, 1/worst)
		}
	}
}

// The vectors that the authors of Philox publish with it (Random123, kat_vectors).
func TestPhiloxKnownAnswers(t *testing.T) {
	const all = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{all, all, all, all}, [2]uint32{all, all}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := ref.Philox(c.counter, c.key); got != c.want {
			t.Errorf("counter %08x, key %08x: %08x, want %08x", c.counter, c.key, got, c.want)
		}
	}
}

// Numbers lie in [1, 2), evenly: of 2^20 the share below 1+p is p but for five
// standard deviations, and so is their mean.
func TestUniformIsUniform(t *testing.T) {
	u := make([]float32, 1<<20)
	c := ref.Count([4]uint32{0, 1, 2, 3}, [2]uint32{4, 5})
	ref.Uniform(u, &c)
	var sum float64
	for _, v := range u {
		if !(v >= 1 && v < 2) {
			t.Fatalf("%v is not in [1, 2)", v)
		}
		sum += float64(v)
	}
	n := float64(len(u))
	if mean := sum / n; math.Abs(mean-1.5) > 5/math.Sqrt(12*n) {
		t.Errorf("mean %v", mean)
	}
	for _, p := range []float64{0.01, 0.1, 0.25, 0.5, 0.75, 0.99} {
		below := 0.0
		for _, v := range u {
			if v < float32(1+p) {
				below++
			}
		}
		if share := below / n; math.Abs(share-p) > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("the share below 1+%v is %v", p, share)
		}
	}
}

func TestTree(t *testing.T) {
	l := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	if got := ref.Tree(l); got != 36 {
		t.Errorf("sum %v", got)
	}
	if got := ref.TreeMax([]float32{3, -1, 7, 7, 0, 2, 8, 1}); got != 8 {
		t.Errorf("max %v", got)
	}
	// The order is l += l+2, then l += l+1.
	if got := ref.Tree([]float32{1e8, 1, -1e8, 1}); got != 2 {
		t.Errorf("got %v, want the sum of 1e8-1e8 and 1+1", got)
	}
}

// Pack puts column j of B, or row j with trans, into column j of the panel; the
// columns that are missing are +0, and with flush so is what is tiny. NaN keep
// their bits.
func TestPack(t *testing.T) {
	nan := math.Float32frombits(0x7f812345)
	const nr, k, w = 4, 2, 3
	for _, c := range []struct {
		trans bool
		b     []float32
		ldb   int
	}{
		{false, []float32{1, nan, -0x1p-101, 9, 4, 0x1p-100, 1e-40}, 4},
		{true, []float32{1, 4, 9, nan, 0x1p-100, 9, -0x1p-101, 1e-40}, 3},
	} {
		for _, flush := range []bool{false, true} {
			got := []float32{7, 7, 7, 7, 7, 7, 7, 7}
			ref.Pack(got, c.trans, flush, nr, k, c.b, c.ldb, w)
			want := []float32{1, nan, -0x1p-101, 0, 4, 0x1p-100, 1e-40, 0}
			if flush {
				want[2], want[6] = 0, 0
			}
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Errorf("trans=%v flush=%v: element %d is %x, want %x", c.trans, flush, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
				}
			}
		}
	}
}
