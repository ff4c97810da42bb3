package nettest

import (
	"fmt"
	"math"
	"slices"
	"strings"

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

// Params are the parameters of one direction of one layer, nil where there are
// none, and the masks of the current step. Extra are those that not every cell
// has, under their names without the layer.
type Params struct {
	Ih, Hh, BiasIh, BiasHh []float32
	Extra                  map[string][]float32
	Masks                  Masks
}

// Grads are the gradients of a step. Ih are those of the products with W_ih and Hh
// of those with W_hh, one for each row of the matrix. With gives, for each row of
// W_hh, what it was multiplied by. BiasIh and BiasHh are nil where they are Ih and
// Hh. Vectors are terms of the gradients of vectors among the extra parameters; Hr
// and HrWith belong to W_hr as Hh and With to W_hh.
type Grads struct {
	Ih, Hh         []float32
	With           func(row int) []float32
	BiasIh, BiasHh []float32
	Vectors        map[string][]float32
	Hr, HrWith     []float32
}

// Chain continues the chain of row r of the matrix w over v.
func Chain(start float32, w []float32, r int, v []float32) float32 {
	for k, x := range v {
		start = ref.FMA(x, w[r*len(v)+k], start)
	}
	return start
}

// Start is where the chain of row r begins: at the sum of the biases, +0 if it is
// tiny.
func (p Params) Start(r int) float32 {
	if p.BiasIh == nil {
		return 0
	}
	return ref.Flush(p.BiasIh[r] + p.BiasHh[r])
}

// Bias is element r of a bias, +0 if it is tiny and without biases.
func Bias(b []float32, r int) float32 {
	if b == nil {
		return 0
	}
	return ref.Flush(b[r])
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
	w, g    map[string][]float32 // parameters, tiny values as +0 but in biases, and gradients
	hh      map[string][]float32 // w with the masks of W_hh
	lengths []int
	y, dx   []float32
	table   []float32 // see result

	state, dstate [][]float32
}

func name(kind string, layer int, reverse bool) string {
	s := fmt.Sprintf("%s_l%d", kind, layer)
	if reverse {
		s += "_reverse"
	}
	return s
}

func (n *naive) params(l, d, t, b int, reverse bool) Params {
	p := Params{n.hh[name("weight_ih", l, reverse)], n.hh[name("weight_hh", l, reverse)],
		n.w[name("bias_ih", l, reverse)], n.w[name("bias_hh", l, reverse)], map[string][]float32{}, n.masks(l, d, t, b, reverse)}
	for _, extra := range []string{"weight_hr", "weight_peephole", "gain_ih", "gain_hh", "gain_c", "bias_c"} {
		p.Extra[extra] = n.w[name(extra, l, reverse)]
	}
	return p
}

// masks are those of row b at step t.
func (n *naive) masks(l, d, t, b int, reverse bool) Masks {
	if reverse {
		t = n.lengths[b] - 1 - t
	}
	id := uint32(b)
	if n.p.ids != nil {
		id = n.p.ids[b]
	}
	return Masks{n.p.kind.Noise, !n.p.evaluate, n.p.seed, l, d, t, id}
}

// naive runs the problem.
func (p *problem) naive() *result {
	n := &naive{p: p, w: map[string][]float32{}, g: map[string][]float32{}, lengths: p.lengths, state: flushedState(p.state), dstate: flushedState(p.dstate)}
	p.net.EachParam(func(name string, w []float32, _ ...int) {
		n.w[name], n.g[name] = w, make([]float32, len(w))
		if !strings.HasPrefix(name, "bias_ih") && !strings.HasPrefix(name, "bias_hh") { // see Start and Bias
			n.w[name] = Flushed(slices.Clone(w))
		}
	})
	if n.lengths == nil {
		n.lengths = make([]int, p.B)
		for b := range n.lengths {
			n.lengths[b] = p.T
		}
	}
	n.hh = n.droppedWeights()
	n.run()
	res := &result{y: n.y, dx: n.dx, table: n.table, state: n.state, dstate: n.dstate}
	p.net.EachParam(func(name string, _ []float32, _ ...int) {
		res.names, res.grads = append(res.names, name), append(res.grads, n.g[name])
	})
	return res
}

// flushedState is a copy of a state with tiny values as +0.
func flushedState(s [][]float32) [][]float32 {
	c := clone(s)
	for _, v := range c {
		Flushed(v)
	}
	return c
}

// pair is a step of a row.
type pair struct{ t, b int }

func (n *naive) run() {
	p := n.p
	T, B, H, D, L := p.T, p.B, p.width(0), p.dirs(), p.cfg.Layers
	saved := make([]map[pair]any, L*D)
	in, width := Flushed(slices.Clone(p.x)), p.cfg.Input
	var inputs, beside [][]float32 // of each layer, the outputs as its directions side by side
	for l := range L {
		in = n.dropInput(l, in, width, false)
		inputs = append(inputs, in)
		out := make([]float32, T*B*D*H)
		for d, reverse := range p.cfg.directions() {
			i := l*D + d
			saved[i] = map[pair]any{}
			for b := range B {
				state := n.row(n.state, i*B+b)
				for k := range n.lengths[b] {
					t := k
					if reverse {
						t = n.lengths[b] - 1 - k
					}
					next, s := p.kind.Cell.Step(n.params(l, d, t, b, reverse), in[(t*B+b)*width:][:width], clone(state))
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

	var sums []symbolSums // of each direction, over symbols
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
				carry := n.row(n.dstate, (l*D+d)*B+b)
				for k := range n.lengths[b] {
					t := n.lengths[b] - 1 - k
					if reverse {
						t = k
					}
					before, g := p.kind.Cell.StepBack(n.params(l, d, t, b, reverse), saved[l*D+d][pair{t, b}], n.directionGradient(dy, beside[l], t*B+b, d, p.keepTiny && l < L-1), clone(carry))
					for k := range carry {
						copy(carry[k], before[k])
					}
					grads[pair{t, b}] = g
					// From +0, or where the first direction left off.
					x := dx[(t*B+b)*width:][:width]
					copy(x, Transposed(x, n.w[name("weight_ih", l, reverse)], 0, g.Ih))
				}
			}
			n.weightGradients(l, d, reverse, width, grads, inputs[l])
			if l == 0 && p.over != nil {
				sums = append(sums, n.symbolGradients(reverse, grads))
			}
		}
		dy = n.dropInput(l, dx, width, true)
	}
	n.dx = dy
	if p.over != nil {
		n.dx, n.table = nil, n.tableGradient(sums)
	}
}

// merge makes a layer's output of the outputs of its directions side by side.
func (n *naive) merge(beside []float32) []float32 {
	if n.p.cfg.Merge == 0 {
		return beside
	}
	H := n.p.width(0)
	out := make([]float32, len(beside)/2)
	for i := range out {
		f, r := beside[i/H*2*H+i%H], beside[i/H*2*H+H+i%H]
		out[i] = []float32{f + r, (f + r) * 0.5, ref.Flush(f * r)}[n.p.cfg.Merge-1]
	}
	return out
}

// directionGradient is the gradient of the output of direction d in row r from
// that of the layer's.
func (n *naive) directionGradient(dy, beside []float32, r, d int, keepTiny bool) []float32 {
	H, D := n.p.width(0), n.p.dirs()
	from := (r*D + d) * H
	if n.p.cfg.Merge != 0 {
		from = r * H
	}
	g := slices.Clone(dy[from:][:H])
	if !keepTiny {
		Flushed(g)
	}
	if n.p.cfg.Merge == 0 {
		return g
	}
	for j := range g {
		g[j] *= []float32{1, 0.5, beside[(r*D+1-d)*H+j]}[n.p.cfg.Merge-1]
		if n.p.cfg.Merge == 3 {
			g[j] = ref.Flush(g[j])
		}
	}
	return g
}

// row is a row of each state tensor, in place.
func (n *naive) row(state [][]float32, r int) (s [][]float32) {
	for k := range state {
		width := n.p.width(k)
		s = append(s, state[k][r*width:][:width])
	}
	return s
}

func (n *naive) weightGradients(l, d int, reverse bool, width int, grads map[pair]Grads, x []float32) {
	B, H, R := n.p.B, n.p.cfg.Hidden, n.p.width(0)
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
			if kind == "weight_hh" {
				sum = n.masksOfWeights(l, d, r).Drop(DropWeight, sum)
			}
			for j := range sum {
				g[r*cols+j] += sum[j]
			}
		}
		one := []float32{1}
		total := func(kind string, rows int, of func(g Grads) []float32) {
			for r := range rows {
				add(kind, r, 1, func(p pair) (float32, []float32) { return of(grads[p])[r], one })
			}
		}
		rows := n.p.kind.Gates * H
		for r := range rows {
			if l > 0 || n.p.over == nil {
				add("weight_ih", r, width, func(p pair) (float32, []float32) { return grads[p].Ih[r], x[(p.t*B+p.b)*width:] })
			}
			add("weight_hh", r, R, func(p pair) (float32, []float32) { return grads[p].Hh[r], grads[p].With(r) })
		}
		total("bias_ih", rows, func(g Grads) []float32 { return or(g.BiasIh, g.Ih) })
		total("bias_hh", rows, func(g Grads) []float32 { return or(g.BiasHh, g.Hh) })
		if n.w[name("weight_hr", l, reverse)] != nil {
			for r := range R {
				add("weight_hr", r, H, func(p pair) (float32, []float32) { return grads[p].Hr[r], grads[p].HrWith })
			}
		}
		for _, vector := range []string{"weight_peephole", "gain_ih", "gain_hh", "gain_c", "bias_c"} {
			total(vector, len(n.w[name(vector, l, reverse)]), func(g Grads) []float32 { return g.Vectors[vector] })
		}
	}
}

func or(a, b []float32) []float32 {
	if a == nil {
		return b
	}
	return a
}
