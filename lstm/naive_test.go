package lstm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/lstm"
)

// naive is the numerics contract written down as loops over single elements:
// row by row, step by step, with nothing packed, blocked, shared or skipped. The
// layer has to give its bits.
type naive struct {
	cfg   lstm.Config
	batch int
	w     map[string][]float32

	y, dx         []float32
	state, dstate [][]float32
	g             map[string][]float32
}

// saved is what one direction keeps of one step of one row.
type saved struct{ i, f, g, o, c, cPrev, hPrev, h []float32 }

func (n *naive) dirs() []bool {
	switch {
	case n.cfg.Bidirectional:
		return []bool{false, true}
	case n.cfg.Reverse:
		return []bool{true}
	}
	return []bool{false}
}

func name(kind string, layer int, reverse bool) string {
	s := fmt.Sprintf("%s_l%d", kind, layer)
	if reverse {
		s += "_reverse"
	}
	return s
}

// run does Forward and Backward. state and dstate are the states and gradients
// handed in; lengths has one entry for each row.
func (n *naive) run(T int, x, dy []float32, state, dstate [][]float32, lengths []int) {
	B, H, D := n.batch, n.cfg.Hidden, len(n.dirs())
	L := max(1, n.cfg.Layers)
	n.state, n.dstate = clone(state), clone(dstate)
	n.g = map[string][]float32{}
	for k, v := range n.w {
		n.g[k] = make([]float32, len(v))
	}
	tape := make([]map[[2]int]*saved, L*D)
	in := x
	var inputs [][]float32
	width := n.cfg.Input
	for l := range L {
		inputs = append(inputs, in)
		out := make([]float32, T*B*D*H)
		for d, reverse := range n.dirs() {
			i := l*D + d
			tape[i] = map[[2]int]*saved{}
			for b := range B {
				h := n.state[0][(i*B+b)*H:][:H]
				c := n.state[1][(i*B+b)*H:][:H]
				for k := range lengths[b] {
					t := k
					if reverse {
						t = lengths[b] - 1 - k
					}
					s := n.step(l, reverse, in[(t*B+b)*width:][:width], h, c)
					tape[i][[2]int{t, b}] = s
					copy(h, s.h)
					copy(c, s.c)
					copy(out[((t*B+b)*D+d)*H:], h)
				}
			}
		}
		in, width = out, D*H
	}
	n.y = in
	for l := L - 1; l >= 0; l-- {
		width = D * H
		if l == 0 {
			width = n.cfg.Input
		}
		dx := make([]float32, T*B*width)
		for d, reverse := range n.dirs() {
			dG := n.stepsBack(l*D+d, tape[l*D+d], T, dy, d, reverse, lengths, l)
			for t := range T {
				for b := range B {
					if a := dG[[2]int{t, b}]; a != nil {
						w := n.w[name("weight_ih", l, reverse)]
						row := dx[(t*B+b)*width:][:width]
						for j := range row { // +0, or where the first direction left off
							for k := range a {
								row[j] = ref.FMA(a[k], w[k*width+j], row[j])
							}
						}
					}
				}
			}
			n.weightGradients(l, d, reverse, T, width, dG, tape[l*D+d], inputs[l])
		}
		dy = dx
	}
	n.dx = dy
}

func (n *naive) step(l int, reverse bool, x, h, c []float32) *saved {
	H := n.cfg.Hidden
	wi, wh := n.w[name("weight_ih", l, reverse)], n.w[name("weight_hh", l, reverse)]
	bi, bh := n.w[name("bias_ih", l, reverse)], n.w[name("bias_hh", l, reverse)]
	a := make([]float32, 4*H)
	for r := range a {
		if bi != nil {
			a[r] = bi[r] + bh[r]
		}
		for k, v := range x {
			a[r] = ref.FMA(v, wi[r*len(x)+k], a[r])
		}
		for k, v := range h {
			a[r] = ref.FMA(v, wh[r*H+k], a[r])
		}
	}
	s := &saved{i: a[:H], f: a[H : 2*H], g: a[2*H : 3*H], o: a[3*H:], c: make([]float32, H), h: make([]float32, H)}
	s.cPrev, s.hPrev = append(s.cPrev, c...), append(s.hPrev, h...)
	ref.LSTMGates(s.i, s.f, s.g, s.o, s.c, s.h, s.cPrev)
	return s
}

// stepsBack returns the gradients of the pre-activations and leaves those of
// the initial state in dstate.
func (n *naive) stepsBack(i int, tape map[[2]int]*saved, T int, dy []float32, d int, reverse bool, lengths []int, l int) map[[2]int][]float32 {
	B, H, D := n.batch, n.cfg.Hidden, len(n.dirs())
	w := n.w[name("weight_hh", l, reverse)]
	dG := map[[2]int][]float32{}
	for b := range B {
		dh := n.dstate[0][(i*B+b)*H:][:H]
		dc := n.dstate[1][(i*B+b)*H:][:H]
		for k := range lengths[b] {
			t := lengths[b] - 1 - k
			if reverse {
				t = k
			}
			s := tape[[2]int{t, b}]
			a := append(append(append(append([]float32(nil), s.i...), s.f...), s.g...), s.o...)
			ref.LSTMGatesGrad(a[:H], a[H:2*H], a[2*H:3*H], a[3*H:], dc, s.c, s.cPrev, dh, dy[((t*B+b)*D+d)*H:][:H])
			for j := range dh {
				var v float32
				for k := range a {
					v = ref.FMA(a[k], w[k*H+j], v)
				}
				if v > -0x1p-100 && v < 0x1p-100 {
					v = 0
				}
				dh[j] = v
			}
			dG[[2]int{t, b}] = a
		}
	}
	return dG
}

func (n *naive) weightGradients(l, d int, reverse bool, T, width int, dG map[[2]int][]float32, tape map[[2]int]*saved, x []float32) {
	B, H := n.batch, n.cfg.Hidden
	chunk := max(1, int(math.Ceil(256/float64(max(B, 1)))))
	for first := 0; first < T; first += chunk {
		var pairs [][2]int
		for k := first; k < min(first+chunk, T); k++ {
			t := T - 1 - k
			if reverse {
				t = k
			}
			for b := range B {
				if dG[[2]int{t, b}] != nil {
					pairs = append(pairs, [2]int{t, b})
				}
			}
		}
		for r := range 4 * H {
			add := func(kind string, cols int, of func(p [2]int) []float32) {
				g := n.g[name(kind, l, reverse)]
				if g == nil {
					return
				}
				for j := range cols {
					var v float32
					for _, p := range pairs {
						v = ref.FMA(dG[p][r], of(p)[j], v)
					}
					g[r*cols+j] += v
				}
			}
			add("weight_ih", width, func(p [2]int) []float32 { return x[(p[0]*B+p[1])*width:] })
			add("weight_hh", H, func(p [2]int) []float32 { return tape[p].hPrev })
			one := func([2]int) []float32 { return []float32{1} }
			add("bias_ih", 1, one)
			add("bias_hh", 1, one)
		}
	}
}

func clone(s [][]float32) [][]float32 {
	var c [][]float32
	for _, v := range s {
		c = append(c, append([]float32(nil), v...))
	}
	return c
}

// draw fills n values from [-1, 1).
func draw(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(int64(r.Uint64())>>40) / (1 << 23)
	}
	return v
}

// A problem is a network with everything that goes in.
type problem struct {
	net           *lstm.Layer
	T, B          int
	x, dy         []float32
	state, dstate [][]float32
	lengths       []int // nil: all T
}

func newProblem(t testing.TB, seed uint64, cfg lstm.Config, T, B int, ragged bool) *problem {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	net, err := lstm.New(cfg, r)
	if err != nil {
		t.Fatal(err)
	}
	D := 1
	if cfg.Bidirectional {
		D = 2
	}
	p := &problem{net: net, T: T, B: B, x: draw(r, T*B*cfg.Input), dy: draw(r, T*B*D*cfg.Hidden)}
	for range 2 {
		n := max(1, cfg.Layers) * D * B * cfg.Hidden
		p.state, p.dstate = append(p.state, draw(r, n)), append(p.dstate, draw(r, n))
	}
	if ragged {
		p.lengths = make([]int, B)
		for b := range p.lengths {
			p.lengths[b] = int(r.Uint64() % uint64(T+1))
		}
	}
	return p
}

// A result is everything that comes out.
type result struct {
	y, dx         []float32
	state, dstate [][]float32
	names         []string
	grads         [][]float32
}

// naive runs the problem through the loops above.
func (p *problem) naive() *result {
	n := &naive{cfg: p.net.Config(), batch: p.B, w: map[string][]float32{}}
	p.net.EachParam(func(name string, w []float32, _ ...int) { n.w[name] = w })
	lengths := p.lengths
	if lengths == nil {
		lengths = make([]int, p.B)
		for b := range lengths {
			lengths[b] = p.T
		}
	}
	n.run(p.T, p.x, p.dy, p.state, p.dstate, lengths)
	res := &result{y: n.y, dx: n.dx, state: n.state, dstate: n.dstate}
	p.net.EachParam(func(name string, _ []float32, _ ...int) {
		res.names, res.grads = append(res.names, name), append(res.grads, n.g[name])
	})
	return res
}

// run runs the problem through u.
func (p *problem) run(t testing.TB, u *lstm.Unrolled) *result {
	t.Helper()
	res := &result{y: filled(len(p.dy)), dx: filled(len(p.x))}
	check(t, u.SetLengths(p.lengths))
	check(t, u.SetState(p.state))
	u.ZeroGrads()
	u.Forward(res.y, p.x)
	res.state = u.State()
	check(t, u.SetStateGrad(p.dstate))
	u.Backward(res.dx, p.dy)
	res.dstate = u.StateGrad()
	res.readGrads(u)
	return res
}

func (r *result) readGrads(u *lstm.Unrolled) {
	r.names, r.grads = nil, nil
	u.EachParam(func(name string, _, g []float32) {
		r.names, r.grads = append(r.names, name), append(r.grads, append([]float32(nil), g...))
	})
}

// filled is n values that no computation leaves behind by accident.
func filled(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	return v
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same fails t unless the results have the same bits.
func same(t testing.TB, what string, got, want *result) {
	t.Helper()
	numtest.Equal(t, got.y, want.y, "%s: y", what)
	numtest.Equal(t, got.dx, want.dx, "%s: dx", what)
	for k, s := range []string{"h", "c"} {
		numtest.Equal(t, got.state[k], want.state[k], "%s: %s", what, s)
		numtest.Equal(t, got.dstate[k], want.dstate[k], "%s: d%s", what, s)
	}
	if len(got.grads) != len(want.grads) {
		t.Fatalf("%s: %d gradients, want %d", what, len(got.grads), len(want.grads))
	}
	for k, name := range want.names {
		if got.names[k] != name {
			t.Fatalf("%s: parameter %d is %s, want %s", what, k, got.names[k], name)
		}
		numtest.Equal(t, got.grads[k], want.grads[k], "%s: gradient of %s", what, name)
	}
}
