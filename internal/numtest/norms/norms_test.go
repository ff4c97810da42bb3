package norms

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
)

// pushed evaluates in float64 and moves the result of each operation by as much as
// a float32 of the given unit roundoff may: always up, always down, or at random.
// So errors are far larger than those of a real evaluation, which cancel.
type pushed float64

var push struct {
	unit float64
	way  func() float64
}

func (a pushed) by(units float64) pushed { return a * pushed(1+units*push.unit*push.way()) }

func (pushed) Of(v float64) pushed         { return pushed(v) }
func (a pushed) Add(b pushed) pushed       { return (a + b).by(1) }
func (a pushed) Sub(b pushed) pushed       { return (a - b).by(1) }
func (a pushed) Mul(b pushed) pushed       { return (a * b).by(1) }
func (a pushed) Div(b pushed) pushed       { return (a / b).by(1) }
func (a pushed) Max(b pushed) pushed       { return max(a, b) }
func (a pushed) MulAdd(x, y pushed) pushed { return (a + x*y).by(1) }
func (a pushed) IfNegative(yes, no pushed) pushed {
	if a < 0 {
		return yes
	}
	return no
}
func (a pushed) Chain(x, y []pushed) pushed {
	for k := range x {
		a = a.MulAdd(x[k], y[k])
	}
	return a
}
func (a pushed) Dot(x, y []pushed) pushed     { return pushed(0).Chain(x, y) }
func (a pushed) Sigmoid() pushed              { return pushed(1 / (1 + math.Exp(-float64(a)))).by(3) }
func (a pushed) Tanh() pushed                 { return pushed(math.Tanh(float64(a))).by(3) }
func (a pushed) Exp() pushed                  { return pushed(math.Exp(float64(a))).by(2) }
func (a pushed) Log() pushed                  { return pushed(math.Log(float64(a))).by(1) }
func (a pushed) Lanes(x, y []pushed) pushed   { return a.Dot(x, y) }
func (a pushed) Sqrt() pushed                 { return pushed(math.Sqrt(float64(a))).by(1) }
func (a pushed) Stored(*oracle.Errors) pushed { return a }
func (a pushed) Held() pushed                 { return a }
func (a pushed) Loose() pushed                { return a }
func (a pushed) Value() float64               { return float64(a) }

// cells are those of this package with the textbook's, in two arithmetics.
var cells = []struct {
	name   string
	cell   Cell
	real   oracle.Cell[oracle.Real]
	pushed oracle.Cell[pushed]
}{
	{"LSTM", LSTM{}, oracle.LSTM[oracle.Real]{}, oracle.LSTM[pushed]{}},
	{"GRU", GRU{}, oracle.GRU[oracle.Real]{}, oracle.GRU[pushed]{}},
	{"GRU, reset before", GRU{ResetBefore: true}, oracle.GRU[oracle.Real]{ResetBefore: true}, oracle.GRU[pushed]{ResetBefore: true}},
	{"RNN", RNN{}, oracle.RNN[oracle.Real]{F: oracle.Activation{Name: "Tanh"}}, oracle.RNN[pushed]{F: oracle.Activation{Name: "Tanh"}}},
}

// A problem is a layer with all that goes in.
type problem struct {
	cell          Cell
	I, H, T, B    int
	params        map[string][]float32
	x, dy         []float32
	state, dstate [][]float32
}

func (p problem) String() string { return fmt.Sprintf("I=%d,H=%d,T=%d,B=%d", p.I, p.H, p.T, p.B) }

// newProblem draws from [low, 1); recurrent is the size of the elements of W_hh
// relative to 1/H.
func newProblem(cell Cell, I, H, T, B int, low, recurrent float64) problem {
	r := rand.New(rand.NewPCG(uint64(I), uint64(H)))
	draw := func(n int, size float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(size * (low + (1-low)*r.Float64()))
		}
		return v
	}
	G := cell.gates()
	p := problem{cell: cell, I: I, H: H, T: T, B: B, x: draw(T*B*I, 1), dy: draw(T*B*H, 1), params: map[string][]float32{
		"weight_ih_l0": draw(G*H*I, 1/math.Sqrt(float64(I))), "weight_hh_l0": draw(G*H*H, recurrent/float64(H)),
		"bias_ih_l0": draw(G*H, 0.5), "bias_hh_l0": draw(G*H, 0.5)}}
	for range cell.states() {
		p.state, p.dstate = append(p.state, draw(B*H, 1)), append(p.dstate, draw(B*H, 1))
	}
	return p
}

// wanted are the tensors that this package computes, by name, of all rows.
func (p problem) wanted() map[string]Tensor {
	w := p.params
	m := NewModel(p.cell, p.I, p.H, w["weight_ih_l0"], w["weight_hh_l0"], w["bias_ih_l0"], w["bias_hh_l0"])
	pass := m.NewPass(p.T, p.T*p.B)
	out := map[string]Tensor{"y": newTensor(p.T * p.B * p.H), "dx": newTensor(p.T * p.B * p.I)}
	for k := range p.state {
		out[fmt.Sprint("state ", k)], out[fmt.Sprint("state gradient ", k)] = newTensor(p.B*p.H), newTensor(p.B*p.H)
	}
	put := func(to, from Tensor) { copy(to.V, from.V); copy(to.E, from.E) }
	row := func(v []float32, width, b int) (out []float64) {
		for r := b; r < len(v)/width; r += p.B {
			for _, a := range v[r*width:][:width] {
				out = append(out, float64(a))
			}
		}
		return out
	}
	for b := range p.B {
		var state, dstate [][]float64
		for k := range p.state {
			state, dstate = append(state, row(p.state[k], p.H, b)), append(dstate, row(p.dstate[k], p.H, b))
		}
		pass.Row(row(p.x, p.I, b), row(p.dy, p.H, b), state, dstate)
		for t := range p.T {
			put(out["y"].at(t*p.B+b, p.H), pass.Y.at(t, p.H))
			put(out["dx"].at(t*p.B+b, p.I), pass.Dx.at(t, p.I))
		}
		for k := range p.state {
			put(out[fmt.Sprint("state ", k)].at(b, p.H), pass.State[k])
			put(out[fmt.Sprint("state gradient ", k)].at(b, p.H), pass.StateGrad[k])
		}
	}
	for k, t := range pass.Params() {
		out["d"+[]string{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}[k]] = t
	}
	return out
}

// textbook are the same of the oracle in some arithmetic.
func textbook[N oracle.Number[N]](p problem, cell oracle.Cell[N]) map[string][]float64 {
	lift := func(v [][]float32) (l [][]N) {
		for _, s := range v {
			l = append(l, oracle.Lift[N](s))
		}
		return l
	}
	pass := oracle.Forward(cell, oracle.Shape{Input: p.I, Hidden: p.H, Layers: 1}, oracle.LiftParams[N](p.params),
		oracle.Sequence[N]{T: p.T, B: p.B, X: oracle.Lift[N](p.x), State: lift(p.state)})
	g := pass.Backward(oracle.Lift[N](p.dy), lift(p.dstate))
	out := map[string][]float64{"y": oracle.Values(pass.Y), "dx": oracle.Values(g.X)}
	for k := range p.state {
		out[fmt.Sprint("state ", k)], out[fmt.Sprint("state gradient ", k)] = oracle.Values(pass.State[k]), oracle.Values(g.State[k])
	}
	for name, v := range g.Params {
		out["d"+name] = oracle.Values(v)
	}
	return out
}

func problems(cell Cell, low, recurrent float64) (all []problem) {
	for _, s := range [][4]int{{1, 1, 1, 1}, {1, 1, 30, 2}, {3, 2, 7, 3}, {5, 9, 20, 2}, {9, 17, 12, 3}, {33, 6, 5, 1}} {
		all = append(all, newProblem(cell, s[0], s[1], s[2], s[3], low, recurrent))
	}
	return all
}

// TestReferenceIsTheOracle: the values are those of the textbook, whose gradients
// are proved to be the derivatives.
func TestReferenceIsTheOracle(t *testing.T) {
	for _, c := range cells {
		for _, p := range problems(c.cell, -1, 2) {
			want := p.wanted()
			got := textbook(p, c.real)
			if len(got) != len(want) {
				t.Fatalf("%s: %d tensors, want %d", c.name, len(got), len(want))
			}
			for name, v := range got {
				for i := range v {
					if d := math.Abs(v[i] - want[name].V[i]); !(d < 1e-13*(1+math.Abs(v[i]))) {
						t.Errorf("%s %v: %s[%d] is %v, the oracle's %v", c.name, p, name, i, want[name].V[i], v[i])
					}
				}
			}
		}
	}
}

// TestBoundsHold: they hold for evaluations in which every operation errs as far as
// it may, with float32's roundoff and, so that terms of second order count, with
// that of eight bits; where all push one way and nothing cancels, a good part
// of them is used.
func TestBoundsHold(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	before := unit
	defer func() { unit = before }()
	ways := []struct {
		name string
		way  func() float64
	}{
		{"up", func() float64 { return 1 }},
		{"down", func() float64 { return -1 }},
		{"at random", func() float64 { return 1 - 2*float64(r.IntN(2)) }},
	}
	for _, c := range cells {
		for _, bits := range []int{24, 8} {
			push.unit, unit = 1/float64(int(1)<<bits), (1+1e-6)/float64(int(1)<<bits)
			used := map[string]float64{}
			for _, low := range []float64{-1, 0} {
				for _, p := range problems(c.cell, low, 0.7) {
					want := p.wanted()
					for _, w := range ways {
						push.way = w.way
						for name, v := range textbook(p, c.pushed) {
							for i := range v {
								d, e := math.Abs(v[i]-want[name].V[i]), want[name].E[i]
								if !(d <= e) {
									t.Errorf("%s %v, %d bits, %s: %s[%d] is %v, want %v within %v", c.name, p, bits, w.name, name, i, v[i], want[name].V[i], e)
								}
								if low == 0 && p.T > 1 && p.H > 1 {
									used[name] = max(used[name], d/e)
								}
							}
						}
					}
				}
			}
			least, most := 1.0, 0.0
			for name, u := range used {
				least, most = min(least, u), max(most, u)
				if u < 0.1 {
					t.Errorf("%s, %d bits: of a bound on %s at most %.2f is used", c.name, bits, name, u)
				}
			}
			t.Logf("%s, %d bits: of its bounds each tensor uses up to %.2f to %.2f", c.name, bits, least, most)
		}
	}
}

// TestOperations: operands that are off by as much as their bounds say, and a result
// that is rounded as badly as it may be, stay within the result's bound, and so
// does what is not followed when none of it is.
func TestOperations(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	before := unit
	defer func() { unit = before }()
	unit = 1. / 256
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for range 20000 {
		var v, e [3]float64
		for i := range v {
			v[i], e[i] = 4*r.Float64()-2, r.Float64()/2
		}
		k := func(i int) value { return known(bounded{v[i], e[i]}) }
		for _, op := range []struct {
			name   string
			got    value
			units  float64
			really func(a, b, c float64) float64
		}{
			{"add", k(0).add(k(1)), 1, func(a, b, c float64) float64 { return a + b }},
			{"sub", k(0).sub(k(1)), 1, func(a, b, c float64) float64 { return a - b }},
			{"mul", k(0).mul(k(1)), 1, func(a, b, c float64) float64 { return a * b }},
			{"fma", k(0).fma(k(1), k(2)), 1, func(a, b, c float64) float64 { return a*b + c }},
			{"sigmoid", k(0).sigmoid(), 3, func(a, b, c float64) float64 { return sigmoid(a) }},
			{"tanh", k(0).tanh(), 3, func(a, b, c float64) float64 { return math.Tanh(a) }},
			{"slope of sigmoid", k(0).sigmoidSlope(), 1, func(a, b, c float64) float64 { return a * (1 - a) }},
			{"slope of tanh", k(0).tanhSlope(), 1, func(a, b, c float64) float64 { return 1 - a*a }},
		} {
			for i := range 16 {
				way := func(bit int) float64 { return float64(i>>bit&1*2 - 1) }
				x := op.really(v[0]+way(0)*e[0], v[1]+way(1)*e[1], v[2]+way(2)*e[2]) * (1 + way(3)*op.units*unit)
				if d := math.Abs(x - op.got.v); d > op.got.e*(1+1e-12) || d > op.got.rest*(1+1e-12) {
					t.Fatalf("%s of %v within %v: %v is possible, the bound is %+v", op.name, v, e, x, op.got)
				}
			}
		}
	}
}

// TestChainOfErrors and TestSumOfErrors: where the reference is zero all that the
// product rounds are errors.
func TestChainOfErrors(t *testing.T) {
	before := unit
	defer func() { unit = before }()
	unit = 1. / 256
	const n, e = 20, 0.1
	m := newMatrix(1, n, 1, func(r, c int) float64 { return 1 })
	p := &Pass{s: make([]float64, 1), q: make([]float64, 1)}
	m.chains(p.s, p.q, make([]float64, n))
	bound := p.dot(&m, 0, 0, n, []float64{e * math.Sqrt(n)})
	got := 0.0
	for range n {
		got = (got + e) * (1 + unit)
	}
	if got > bound.e || got < 0.95*bound.e || got-n*e > bound.rest {
		t.Errorf("%v is possible, the bound is %+v", got, bound)
	}
}

func TestSumOfErrors(t *testing.T) {
	before := unit
	defer func() { unit = before }()
	unit = 1. / 256
	const n, ed, ex = 20, 0.2, 0.1
	for _, x := range []float64{0, 1} {
		s := newSum(1, 1, n, n)
		got, bias := 0.0, 0.0
		for k := range n {
			s.take(k, Tensor{[]float64{1}, []float64{ed}}, Tensor{[]float64{x}, []float64{ex}})
			got = (got + (1+ed)*(x+ex)) * (1 + unit)
			bias = (bias + 1 + ed) * (1 + unit)
		}
		s.row()
		g, b := s.result()
		if g.V[0] != n*x || b.V[0] != n {
			t.Errorf("the sums are %v and %v", g.V[0], b.V[0])
		}
		for _, d := range []float64{(got - g.V[0]) / g.E[0], (bias - b.V[0]) / b.E[0]} {
			if d > 1 || d < 0.8 {
				t.Errorf("x=%v: a part of %v of a bound is possible", x, d)
			}
		}
	}
}

// TestErrorsFollowDerivatives: without roundings an error of one unit that enters a
// step leaves it multiplied by the derivative, by each way by itself.
func TestErrorsFollowDerivatives(t *testing.T) {
	before := unit
	defer func() { unit = before }()
	unit = 0
	const eps = 1e-7
	for _, c := range cells {
		G, S := c.cell.gates(), c.cell.states()
		for gate := range G {
			for state := range S {
				// run takes a step forward or backward, with the entering error as
				// such or as a change of the value; W_hh leads to one gate.
				run := func(w float32, back bool, change, e float64) *Pass {
					p := newProblem(c.cell, 1, 1, 1, 1, -1, 0)
					p.params["weight_hh_l0"][gate] = w
					m := NewModel(c.cell, 1, 1, p.params["weight_ih_l0"], p.params["weight_hh_l0"], p.params["bias_ih_l0"], p.params["bias_hh_l0"])
					pass := m.NewPass(1, 1)
					pass.x, pass.dy = []float64{float64(p.x[0])}, []float64{float64(p.dy[0])}
					for k := range S {
						pass.hist[k].V[0], pass.StateGrad[k].V[0] = float64(p.state[k][0]), float64(p.dstate[k][0])
					}
					if !back {
						pass.hist[state].V[0] += change
						pass.hist[state].E[0], pass.stateNorm[state] = e, e
					}
					c.cell.forward(pass, 0)
					if back {
						pass.StateGrad[state].V[0] += change
						pass.StateGrad[state].E[0], pass.gradNorm[state] = e, e
						c.cell.backward(pass, 0)
					}
					return pass
				}
				for _, back := range []bool{false, true} {
					// What leaves a step: tensors, and bounds on norms.
					leaves := func(p *Pass) (v, e, n []float64) {
						if !back {
							for k := range S {
								v, e, n = append(v, p.hist[k].V[1]), append(e, p.hist[k].E[1]), append(n, p.stateNorm[k])
							}
							return v, e, n
						}
						for k := range S {
							v, e, n = append(v, p.StateGrad[k].V[0]), append(e, p.StateGrad[k].E[0]), append(n, p.gradNorm[k])
						}
						return append(v, p.dih.V...), append(e, p.dih.E...), append(n, p.dihNorm...)
					}
					// By two ways errors may cancel with one sign of w, and add up with
					// the other.
					most := make([]float64, S+G)
					for _, w := range []float32{0.7, -0.7} {
						up, _, _ := leaves(run(w, back, eps, 0))
						down, _, _ := leaves(run(w, back, -eps, 0))
						_, e, n := leaves(run(w, back, 0, eps))
						for i := range e {
							d := math.Abs(up[i]-down[i]) / 2
							if math.Abs(e[i]-n[i]) > 1e-5*e[i] {
								t.Errorf("%s, gate %d, state %d, back %v: result %d has the bounds %v and, as a norm, %v", c.name, gate, state, back, i, e[i], n[i])
							}
							if d > e[i]*(1+1e-5)+1e-15 {
								t.Errorf("%s, gate %d, state %d, back %v: result %d changes by %v, its bound is %v", c.name, gate, state, back, i, d, e[i])
							}
							if e[i] < 1e-14 {
								most[i] = 1 // it depends on nothing that changes
							} else {
								most[i] = max(most[i], d/e[i])
							}
						}
						most = most[:len(e)]
					}
					for i, m := range most {
						if m < 1-1e-5 {
							t.Errorf("%s, gate %d, state %d, back %v: of the bound of result %d a part of %v is used", c.name, gate, state, back, i, m)
						}
					}
				}
			}
		}
	}
}

// TestSpread: the norm of vectors that sources and a rest make up is at most the
// bound, and reaches it where each source lies along the unit with the largest
// derivative.
func TestSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for trial := range 200 {
		const n, k = 5, 3
		var s spread
		var by [n][k]float64
		norms, longest := make([]float64, k), make([]int, k)
		for i := range k {
			norms[i] = r.Float64()
		}
		for j := range n {
			for i := range k {
				by[j][i] = 2*r.Float64() - 1
				if math.Abs(by[j][i]) > math.Abs(by[longest[i]][i]) {
					longest[i] = j
				}
			}
			b := s.take(value{v: 1, e: 1e9, rest: 0.1}, by[j][:], []float64{1, 2, 3})
			if want := 0.1 + math.Abs(by[j][0]) + 2*math.Abs(by[j][1]) + 3*math.Abs(by[j][2]); math.Abs(b.e-want) > 1e-12 {
				t.Fatalf("the bound on an element is %v, want %v", b.e, want)
			}
		}
		bound, want := s.norm(norms...), 0.1*math.Sqrt(n)
		for i := range k {
			want += math.Abs(by[longest[i]][i]) * norms[i]
		}
		want = min(want, math.Sqrt(s.e))
		if math.Abs(bound-want) > 1e-12 {
			t.Fatalf("trial %d: the bound on the norm is %v, want %v", trial, bound, want)
		}
	}
}

// TestSpectral: the bound lies above what the matrix does to a vector of its first
// singular direction, and at most 3.9 % above it.
func TestSpectral(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 2, 3, 16, 129} {
		for kind := range 3 {
			w := make([]float64, n*n)
			for i := range w {
				switch kind {
				case 0:
					w[i] = r.Float64()
				case 1:
					w[i] = 1e-30 * (2*r.Float64() - 1)
				case 2: // every direction is one
					if i/n == n-1-i%n {
						w[i] = -3
					}
				}
			}
			a := gram(n, func(r, c int) float64 { return w[r*n+c] })
			bound := spectral(a, n)
			v := make([]float64, n)
			for i := range v {
				v[i] = r.Float64()
			}
			largest := 0.0
			for range 2000 {
				next, length := make([]float64, n), 0.0
				for i := range n {
					for j := range n {
						next[i] += a[i*n+j] * v[j]
					}
					length += next[i] * next[i]
				}
				length = math.Sqrt(length)
				for i := range next {
					next[i] /= length
				}
				v, largest = next, math.Sqrt(length)
			}
			if bound < largest*(1-1e-12) || bound > 1.039*largest {
				t.Errorf("n=%d, kind %d: the bound is %v, the norm %v", n, kind, bound, largest)
			}
		}
	}
	if s := spectral(make([]float64, 4), 2); s != 0 {
		t.Errorf("the norm of zero is %v", s)
	}
}
