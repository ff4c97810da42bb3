package nettest

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/kernels/ref"
)

// A Cell is the numerics contract of one step of one row, as loops over single
// elements.
type Cell interface {
	// Step returns the states after the step and what StepBack needs.
	Step(p Params, x []float32, state [][]float32) (next [][]float32, saved any)
	// StepBack takes the gradient of the output from above and those of the
	// states after the step, without dy. It returns the gradients of the states
	// before the step and those of the products.
	StepBack(p Params, saved any, dy []float32, carry [][]float32) (before [][]float32, g Grads)
}

// Params are the parameters of one direction of one layer; the biases are nil
// without biases.
type Params struct {
	Ih, Hh, BiasIh, BiasHh []float32
}

// Grads are the gradients of the products of a step: Ih of those with W_ih, Hh of
// those with W_hh, one for each row of the matrix. With gives, for each row of
// W_hh, what it was multiplied by.
type Grads struct {
	Ih, Hh []float32
	With   func(row int) []float32
}

// Chain continues the chain of row r of the matrix w over v.
func Chain(start float32, w []float32, r int, v []float32) float32 {
	for k, x := range v {
		start = ref.FMA(x, w[r*len(v)+k], start)
	}
	return start
}

// Start is where the chain of row r begins: at the sum of the biases.
func (p Params) Start(r int) float32 {
	if p.BiasIh == nil {
		return 0
	}
	return p.BiasIh[r] + p.BiasHh[r]
}

// Bias is element r of a bias, +0 without biases.
func Bias(b []float32, r int) float32 {
	if b == nil {
		return 0
	}
	return b[r]
}

// Transposed continues, for each column of w, the chain over the rows from first
// on with the factors d.
func Transposed(start []float32, w []float32, first int, d []float32) []float32 {
	n := len(start)
	out := append([]float32(nil), start...)
	for j := range out {
		for k := range d {
			out[j] = ref.FMA(d[k], w[(first+k)*n+j], out[j])
		}
	}
	return out
}

// naive runs layers over time with nothing packed, blocked, shared or skipped.
type naive struct {
	p       *problem
	w, g    map[string][]float32
	lengths []int
	y, dx   []float32

	state, dstate [][]float32
}

func name(kind string, layer int, reverse bool) string {
	s := fmt.Sprintf("%s_l%d", kind, layer)
	if reverse {
		s += "_reverse"
	}
	return s
}

func (n *naive) params(l int, reverse bool) Params {
	return Params{n.w[name("weight_ih", l, reverse)], n.w[name("weight_hh", l, reverse)],
		n.w[name("bias_ih", l, reverse)], n.w[name("bias_hh", l, reverse)]}
}

// naive runs the problem.
func (p *problem) naive() *result {
	n := &naive{p: p, w: map[string][]float32{}, g: map[string][]float32{}, lengths: p.lengths, state: clone(p.state), dstate: clone(p.dstate)}
	p.net.EachParam(func(name string, w []float32, _ ...int) { n.w[name], n.g[name] = w, make([]float32, len(w)) })
	if n.lengths == nil {
		n.lengths = make([]int, p.B)
		for b := range n.lengths {
			n.lengths[b] = p.T
		}
	}
	n.run()
	res := &result{y: n.y, dx: n.dx, state: n.state, dstate: n.dstate}
	p.net.EachParam(func(name string, _ []float32, _ ...int) {
		res.names, res.grads = append(res.names, name), append(res.grads, n.g[name])
	})
	return res
}

// pair is a step of a row.
type pair struct{ t, b int }

func (n *naive) run() {
	p := n.p
	T, B, H, D, L := p.T, p.B, p.cfg.Hidden, p.dirs(), p.cfg.Layers
	saved := make([]map[pair]any, L*D)
	in, width := p.x, p.cfg.Input
	var inputs, beside [][]float32 // of each layer, the outputs as its directions side by side
	for l := range L {
		inputs = append(inputs, in)
		out := make([]float32, T*B*D*H)
		for d, reverse := range p.cfg.directions() {
			i := l*D + d
			saved[i] = map[pair]any{}
			for b := range B {
				state := row(n.state, i*B+b, H)
				for k := range n.lengths[b] {
					t := k
					if reverse {
						t = n.lengths[b] - 1 - k
					}
					next, s := p.kind.Cell.Step(n.params(l, reverse), in[(t*B+b)*width:][:width], clone(state))
					saved[i][pair{t, b}] = s
					for k := range state {
						copy(state[k], next[k])
					}
					copy(out[((t*B+b)*D+d)*H:], state[0])
				}
			}
		}
		beside = append(beside, out)
		in, width = n.merge(out), p.out()
	}
	n.y = in

	dy := p.dy
	for l := L - 1; l >= 0; l-- {
		width = p.out()
		if l == 0 {
			width = p.cfg.Input
		}
		dx := make([]float32, T*B*width)
		for d, reverse := range p.cfg.directions() {
			grads := map[pair]Grads{}
			for b := range B {
				carry := row(n.dstate, (l*D+d)*B+b, H)
				for k := range n.lengths[b] {
					t := n.lengths[b] - 1 - k
					if reverse {
						t = k
					}
					before, g := p.kind.Cell.StepBack(n.params(l, reverse), saved[l*D+d][pair{t, b}], n.directionGradient(dy, beside[l], t*B+b, d), clone(carry))
					for k := range carry {
						copy(carry[k], before[k])
					}
					grads[pair{t, b}] = g
					// From +0, or where the first direction left off.
					x := dx[(t*B+b)*width:][:width]
					copy(x, Transposed(x, n.params(l, reverse).Ih, 0, g.Ih))
				}
			}
			n.weightGradients(l, reverse, width, grads, inputs[l])
		}
		dy = dx
	}
	n.dx = dy
}

// merge makes a layer's output of the outputs of its directions side by side.
func (n *naive) merge(beside []float32) []float32 {
	if n.p.cfg.Merge == 0 {
		return beside
	}
	H := n.p.cfg.Hidden
	out := make([]float32, len(beside)/2)
	for i := range out {
		f, r := beside[i/H*2*H+i%H], beside[i/H*2*H+H+i%H]
		out[i] = []float32{f + r, (f + r) * 0.5, ref.Flush(f * r)}[n.p.cfg.Merge-1]
	}
	return out
}

// directionGradient is the gradient of the output of direction d in row r from
// that of the layer's.
func (n *naive) directionGradient(dy, beside []float32, r, d int) []float32 {
	H, D := n.p.cfg.Hidden, n.p.dirs()
	if n.p.cfg.Merge == 0 {
		return dy[(r*D+d)*H:][:H]
	}
	g := append([]float32(nil), dy[r*H:][:H]...)
	for j := range g {
		g[j] *= []float32{1, 0.5, beside[(r*D+1-d)*H+j]}[n.p.cfg.Merge-1]
	}
	return g
}

// row is a row of each state tensor, in place.
func row(state [][]float32, r, width int) (s [][]float32) {
	for k := range state {
		s = append(s, state[k][r*width:][:width])
	}
	return s
}

func (n *naive) weightGradients(l int, reverse bool, width int, grads map[pair]Grads, x []float32) {
	B, H := n.p.B, n.p.cfg.Hidden
	chunk := max(1, int(math.Ceil(256/float64(max(B, 1)))))
	for first := 0; first < n.p.T; first += chunk {
		var pairs []pair
		for k := first; k < min(first+chunk, n.p.T); k++ {
			t := n.p.T - 1 - k
			if reverse {
				t = k
			}
			for b := range B {
				if _, ok := grads[pair{t, b}]; ok {
					pairs = append(pairs, pair{t, b})
				}
			}
		}
		add := func(kind string, r, cols int, of func(p pair) (d float32, v []float32)) {
			g := n.g[name(kind, l, reverse)]
			if g == nil {
				return
			}
			sum := make([]float32, cols)
			for _, p := range pairs {
				d, v := of(p)
				for j := range sum {
					sum[j] = ref.FMA(d, v[j], sum[j])
				}
			}
			for j := range sum {
				g[r*cols+j] += sum[j]
			}
		}
		one := []float32{1}
		for r := range n.p.kind.Gates * H {
			add("weight_ih", r, width, func(p pair) (float32, []float32) { return grads[p].Ih[r], x[(p.t*B+p.b)*width:] })
			add("weight_hh", r, H, func(p pair) (float32, []float32) { return grads[p].Hh[r], grads[p].With(r) })
			add("bias_ih", r, 1, func(p pair) (float32, []float32) { return grads[p].Ih[r], one })
			add("bias_hh", r, 1, func(p pair) (float32, []float32) { return grads[p].Hh[r], one })
		}
	}
}
