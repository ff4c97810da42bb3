package oracle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// single evaluates in float32, one rounding per operation, activations from
// float64: the simplest thing the bound must cover.
type single float32

func (single) Of(v float64) single   { return single(v) }
func (a single) Add(b single) single { return a + b }
func (a single) Sub(b single) single { return a - b }
func (a single) Mul(b single) single { return single(float32(a * b)) }
func (a single) Div(b single) single { return a / b }
func (a single) Max(b single) single { return max(a, b) }
func (a single) IfNegative(yes, no single) single {
	if a < 0 {
		return yes
	}
	return no
}
func (a single) MulAdd(x, y single) single { return single(float32(x*y)) + a }
func (single) Dot(x, y []single) (s single) {
	return chain(s, x, y)
}
func (single) Lanes(x, y []single) (s single) {
	return chain(s, x, y)
}
func (a single) Chain(x, y []single) single { return chain(a, x, y) }
func (a single) Stored(*Errors) single      { return a }
func (a single) Held() single               { return a }
func (a single) Loose() single              { return a }
func (a single) Sigmoid() single            { return single(sigmoid(float64(a))) }
func (a single) Tanh() single               { return single(math.Tanh(float64(a))) }
func (a single) Exp() single                { return single(math.Exp(float64(a))) }
func (a single) Log() single                { return single(math.Log(float64(a))) }
func (a single) Sqrt() single               { return single(math.Sqrt(float64(a))) }
func (a single) Value() float64             { return float64(a) }

// results are everything a pass yields, by name.
func results[N Number[N]](p problem) map[string][]N {
	params, in, dy, dstate := lifted[N](p)
	pass := Forward(as[N](p.cell), p.shape, params, in)
	grads := pass.Backward(dy, dstate)
	out := map[string][]N{"y": pass.Y, "dx": grads.X}
	for k := range pass.State {
		out[fmt.Sprint("state ", k)] = pass.State[k]
		out[fmt.Sprint("state gradient ", k)] = grads.State[k]
	}
	for name, v := range grads.Params {
		out["d"+name] = v
	}
	return out
}

// floats returns the results of an evaluation in float32.
func floats[F single | fused](results map[string][]F) map[string][]float32 {
	out := map[string][]float32{}
	for name, v := range results {
		for _, x := range v {
			out[name] = append(out[name], float32(x))
		}
	}
	return out
}

// compare returns the largest part of a bound used, and how many elements lie
// outside theirs.
func compare(t *testing.T, got map[string][]float32, want map[string][]Bounded) (used float64, outside int) {
	t.Helper()
	for name, w := range want {
		for k := range w {
			u, err := Compare(name, got[name][k:k+1], w[k:k+1])
			if err != nil {
				outside++
			}
			used = max(used, u)
		}
	}
	return used, outside
}

// TestBoundHolds: a float32 evaluation of every problem lies within its bound.
func TestBoundHolds(t *testing.T) {
	for _, p := range append(problems(LSTM[Real]{}), typical()...) {
		used, outside := compare(t, floats(results[single](p)), results[Bounded](p))
		if outside > 0 {
			t.Errorf("%v: %d elements outside their bounds", p, outside)
		}
		t.Logf("%v: at most %.0f%% of a bound used", p, 100*used)
	}
}

// typical are the sizes at which the product is held against the bound.
func typical() []problem {
	return []problem{
		newProblem(LSTM[Real]{}, Shape{Input: 17, Hidden: 16, Layers: 1}, 7, 3, nil, 11),
		newProblem(LSTM[Real]{}, Shape{Input: 3, Hidden: 33, Layers: 1}, 20, 2, nil, 12),
		newProblem(LSTM[Real]{}, Shape{Input: 33, Hidden: 15, Layers: 2, Bidirectional: true}, 3, 7, nil, 13),
		newProblem(LSTM[Real]{}, Shape{Input: 16, Hidden: 17, Layers: 3}, 7, 2, nil, 14),
	}
}

// TestBoundIsTight: the bound on an output is below 1e-4 and on a gradient below
// 5e-3 of its value (median of a tensor), and a single number that is wrong by
// 1e-3, or a single term that is missing, leaves the bound somewhere.
func TestBoundIsTight(t *testing.T) {
	off := func(v []float32) { largest(v)[0] *= 1.001 }
	faults := []struct {
		name  string
		apply func(p problem)
	}{
		{"one W_ih element off by 1e-3", func(p problem) { off(p.weights["weight_ih_l0"]) }},
		{"one W_hh element off by 1e-3", func(p problem) { off(p.weights["weight_hh_l0"]) }},
		{"one bias off by 1e-3", func(p problem) { off(p.weights["bias_ih_l0"]) }},
		{"one input off by 1e-3", func(p problem) { off(p.x) }},
		{"one output gradient off by 1e-3", func(p problem) { off(p.dy) }},
		{"one h0 off by 1e-3", func(p problem) { off(p.state[0]) }},
		{"one c0 off by 1e-3", func(p problem) { off(p.state[1]) }},
		{"one final dh off by 1e-3", func(p problem) { off(p.dstate[0]) }},
		{"one final dc off by 1e-3", func(p problem) { off(p.dstate[1]) }},
		{"last term of a recurrent chain missing", func(p problem) { p.weights["weight_hh_l0"][p.shape.Hidden-1] = 0 }},
	}
	for k, p := range typical() {
		want := results[Bounded](p)
		for name, w := range want {
			limit := 1e-4
			if strings.HasPrefix(name, "d") || strings.Contains(name, "gradient") {
				limit = 5e-3
			}
			var relative []float64
			for _, v := range w {
				relative = append(relative, v.Err()/math.Abs(v.Val))
			}
			slices.Sort(relative)
			if m := relative[len(relative)/2]; m > limit {
				t.Errorf("%v: %s: the median bound is %.2g of the value", p, name, m)
			}
		}
		for _, f := range faults {
			bad := newProblem(p.cell, p.shape, p.t, p.b, p.lengths, uint64(11+k))
			f.apply(bad)
			if _, outside := compare(t, floats(results[single](bad)), want); outside == 0 {
				t.Errorf("%v: %s: within every bound", p, f.name)
			}
		}
	}
}

// largest returns v from its largest element on.
func largest(v []float32) []float32 {
	at := 0
	for k := range v {
		if math.Abs(float64(v[k])) > math.Abs(float64(v[at])) {
			at = k
		}
	}
	return v[at:]
}

// TestBoundOfOperations holds single operations, over operands that are wrong by
// as much as their bounds say, against the bound of the result.
func TestBoundOfOperations(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	two := []struct {
		name string
		real func(a, b float64) float64
		f    func(a, b Bounded) Bounded
	}{
		{"add", func(a, b float64) float64 { return a + b }, Bounded.Add},
		{"sub", func(a, b float64) float64 { return a - b }, Bounded.Sub},
		{"mul", func(a, b float64) float64 { return a * b }, Bounded.Mul},
		{"div", func(a, b float64) float64 { return a / b }, Bounded.Div},
		{"max", math.Max, Bounded.Max},
		{"sigmoid", func(a, _ float64) float64 { return sigmoid(a) }, func(a, _ Bounded) Bounded { return a.Sigmoid() }},
		{"tanh", func(a, _ float64) float64 { return math.Tanh(a) }, func(a, _ Bounded) Bounded { return a.Tanh() }},
		{"exp", func(a, _ float64) float64 { return math.Exp(a) }, func(a, _ Bounded) Bounded { return a.Exp() }},
		{"log", func(a, _ float64) float64 { return math.Log(a) }, func(a, _ Bounded) Bounded { return a.Log() }},
		{"sqrt", func(a, _ float64) float64 { return math.Sqrt(a) }, func(a, _ Bounded) Bounded { return a.Sqrt() }},
		{"held", func(a, b float64) float64 { return a*b - a }, func(a, b Bounded) Bounded { return a.Mul(b).Held().Sub(a) }},
		{"limit", func(a, b float64) float64 { return math.Max(-1, math.Min(1, a)) * b }, func(a, b Bounded) Bounded {
			return limited(1, a, a, a.Of(1)).Mul(b)
		}},
		{"slope of a limit", func(a, b float64) float64 {
			if math.Abs(a) > 1 {
				return 0
			}
			return b
		}, func(a, b Bounded) Bounded { return limited(1, a, b, a.Of(0)) }},
		{"a*(b-a)", func(a, b float64) float64 { return a * (b - a) }, func(a, b Bounded) Bounded { return a.Mul(b.Sub(a)) }},
		{"dot", func(a, b float64) float64 { return a*b + a*a }, func(a, b Bounded) Bounded {
			return Bounded{}.Dot([]Bounded{a, a}, []Bounded{b, a})
		}},
		{"lanes", func(a, b float64) float64 { return a*b + a*a }, func(a, b Bounded) Bounded {
			return Bounded{}.Lanes([]Bounded{a, a}, []Bounded{b, a})
		}},
		{"chain", func(a, b float64) float64 { return b + a*b - a*a }, func(a, b Bounded) Bounded {
			return b.Chain([]Bounded{a, a}, []Bounded{b, Bounded{}.Of(0).Sub(a)})
		}},
	}
	for _, op := range two {
		for range 20000 {
			// Errors from far below a rounding to half the value, partly shared
			// by both operands.
			size := math.Exp(-16 * rng.Float64())
			va, vb := (0.5+rng.Float64())*3, (0.5 + rng.Float64())
			if op.name != "log" && op.name != "div" && op.name != "sqrt" && rng.IntN(2) == 0 {
				va = -va
			}
			errs := new(Errors)
			a := Bounded{Val: va, rest: size * 0.2}.Stored(errs)
			b := Bounded{Val: vb, rest: size * 0.1}.Stored(errs)
			shared := linear(vb, b, 1, a, 0.5)
			sign := func() float64 { return float64(2*rng.IntN(2) - 1) }
			ea, eb := sign()*size*0.2, sign()*size*0.1
			got := op.real(va+ea, vb+eb+0.5*ea)
			want := op.f(a, shared)
			if math.Abs(want.Val-op.real(va, vb)) > 1e-14*math.Abs(want.Val)+1e-15 {
				t.Fatalf("%s(%v, %v) has the value %v, want %v", op.name, va, vb, want.Val, op.real(va, vb))
			}
			if d := math.Abs(got - want.Val); !(d <= want.Err()+1e-15*math.Abs(want.Val)) {
				t.Fatalf("%s(%v, %v), wrong by %v and %v: off by %v, bound %v", op.name, va, vb, ea, eb+0.5*ea, d, want.Err())
			}
		}
	}
}

// TestLanesCountsRoundings: as many as the term meets that meets the most.
func TestLanesCountsRoundings(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 16, 17, 63, 64, 65, 128, 129, 200, 1000} {
		var roundings [64]int
		for k := range n {
			roundings[k%64]++
		}
		for half := 32; half > 0; half /= 2 {
			for l := range half {
				if other := roundings[l+half]; other > 0 { // adding nothing is exact
					roundings[l] = max(roundings[l], other) + 1
				}
			}
		}
		ones := slices.Repeat([]Bounded{{Val: 1}}, n)
		if got := (Bounded{}).Lanes(ones, ones).Err() / unit / float64(n); math.Abs(got-float64(roundings[0])) > 1e-3 {
			t.Errorf("%d terms: %v roundings, want %d", n, got, roundings[0])
		}
	}
}

func TestCompareExcusesNothing(t *testing.T) {
	for _, w := range []Bounded{{Val: math.NaN()}, {Val: 1, rest: math.NaN()}, {Val: 1, rest: math.Inf(1)}} {
		if _, err := Compare("v", []float32{1}, []Bounded{w}); err == nil {
			t.Errorf("%v within %v excuses 1", w.Val, w.Err())
		}
	}
	if _, err := Compare("v", []float32{float32(math.NaN())}, []Bounded{{Val: 1, rest: 1}}); err == nil {
		t.Error("NaN passes")
	}
	if _, err := Compare("v", nil, []Bounded{{}}); err == nil {
		t.Error("a missing element passes")
	}
}
