package oracle

import "fmt"

// Kind is one of the four parameters that a layer's direction has.
type Kind string

const (
	WeightIH Kind = "weight_ih"
	WeightHH Kind = "weight_hh"
	BiasIH   Kind = "bias_ih"
	BiasHH   Kind = "bias_hh"
)

// Weights are the parameters of one layer and direction: WeightIH [G*H][In],
// WeightHH [G*H][H], the biases [G*H], nil in a model without them.
type Weights[N any] struct{ WeightIH, WeightHH, BiasIH, BiasHH []N }

// Outer is one row's share in the gradient of a parameter, counted from its row
// Row: D In^T for a matrix, D for a bias (In nil).
type Outer[N any] struct {
	Param Kind
	Row   int
	D, In []N
}

// Cell is one recurrence, seen by one row at one time step.
type Cell[N any] interface {
	// Gates is the number of blocks of H rows in the weights.
	Gates() int
	// States is the number of state vectors; the first is h, the output.
	States() int
	// Step returns the states after the step and whatever StepBack needs.
	Step(p Weights[N], x []N, prev [][]N) (next, tape [][]N)
	// StepBack takes the gradient d of the states after the step. It adds to dx,
	// and returns the gradient of the states before it and every share in a
	// parameter's gradient.
	StepBack(p Weights[N], tape, d [][]N, dx []N) (dprev [][]N, outer []Outer[N])
}

// Shape is a stack of layers of one cell.
type Shape struct {
	Input, Hidden, Layers int
	Bidirectional         bool // outputs side by side, forward first
	Reverse               bool // one direction, last step first
	NoBias                bool
	Merge                 Merge // of the outputs of two directions
}

// Merge says what becomes of the outputs f and r of the two directions.
type Merge int

const (
	Concat   Merge = iota // side by side
	Sum                   // f + r
	Average               // (f + r)/2
	Multiply              // f r
)

// merged returns the output of a layer whose directions put out beside.
func merged[N Number[N]](m Merge, beside []N) []N {
	if m == Concat {
		return beside
	}
	h := len(beside) / 2
	var zero N
	out := make([]N, h)
	for j := range out {
		f, r := beside[j], beside[h+j]
		switch m {
		case Sum:
			out[j] = f.Add(r)
		case Average:
			out[j] = f.Add(r).Mul(zero.Of(0.5))
		case Multiply:
			out[j] = f.Mul(r)
		}
	}
	return out
}

// mergedBack returns the gradient of direction d's output from that of the
// layer's.
func mergedBack[N Number[N]](m Merge, dy, beside []N, h, d int) []N {
	if m == Concat {
		return at(dy, d, h)
	}
	var zero N
	out := make([]N, h)
	for j := range out {
		switch m {
		case Sum:
			out[j] = dy[j]
		case Average:
			out[j] = dy[j].Mul(zero.Of(0.5))
		case Multiply:
			out[j] = dy[j].Mul(beside[(1-d)*h+j])
		}
	}
	return out
}

// Directions returns 2 for a bidirectional stack, else 1.
func (s Shape) Directions() int {
	if s.Bidirectional {
		return 2
	}
	return 1
}

// Out returns the width of the stack's output.
func (s Shape) Out() int {
	if s.Merge != Concat {
		return s.Hidden
	}
	return s.Directions() * s.Hidden
}

// LayerInput returns the width of the input of layer l.
func (s Shape) LayerInput(l int) int {
	if l == 0 {
		return s.Input
	}
	return s.Out()
}

// Name returns PyTorch's name of a parameter. PyTorch has no stack that runs in
// reverse alone; its parameters are named as those of any reverse direction.
func (s Shape) Name(k Kind, layer, direction int) string {
	suffix := ""
	if direction == 1 || s.Reverse {
		suffix = "_reverse"
	}
	return fmt.Sprintf("%s_l%d%s", k, layer, suffix)
}

// Sizes returns the number of elements of every parameter by name, for a cell
// with the given number of gates.
func (s Shape) Sizes(gates int) map[string]int {
	sizes := map[string]int{}
	for l := range s.Layers {
		for d := range s.Directions() {
			rows := gates * s.Hidden
			sizes[s.Name(WeightIH, l, d)] = rows * s.LayerInput(l)
			sizes[s.Name(WeightHH, l, d)] = rows * s.Hidden
			if !s.NoBias {
				sizes[s.Name(BiasIH, l, d)] = rows
				sizes[s.Name(BiasHH, l, d)] = rows
			}
		}
	}
	return sizes
}

func weights[N any](s Shape, p Params[N], l, d int) Weights[N] {
	return Weights[N]{p[s.Name(WeightIH, l, d)], p[s.Name(WeightHH, l, d)], p[s.Name(BiasIH, l, d)], p[s.Name(BiasHH, l, d)]}
}

// Sequence is what a stack is given: X [T][B][Input], the number of valid steps
// per row (nil: all T), and the initial states, one tensor
// [Layers*Directions][B][H] per state (nil: zero). What lies in X past a row's
// end is not looked at.
type Sequence[N any] struct {
	T, B    int
	X       []N
	Lengths []int
	State   [][]N
}

func (q Sequence[N]) length(b int) int {
	if q.Lengths == nil {
		return q.T
	}
	return q.Lengths[b]
}

// Pass is a stack's run over a sequence: the output Y [T][B][Out], zero past a
// row's end, the states after every row's last step, and what Backward needs.
type Pass[N Number[N]] struct {
	Y     []N
	State [][]N

	cell  Cell[N]
	shape Shape
	p     Params[N]
	in    Sequence[N]
	tapes [][]tape[N] // [layer*directions][t*B+b]
	sides [][][]N     // [layer][t*B+b]: the outputs of both directions side by side
}

// tape is what a cell's Step left for its StepBack.
type tape[N any] = [][]N

// Gradients of the loss by what went into a pass, shaped as there.
type Gradients[N any] struct {
	Params Params[N]
	X      []N
	State  [][]N
}

// Forward runs the stack. Row b visits t = 0..len-1, or len-1..0 in the reverse
// direction; past its end its states are handed on as they are.
func Forward[N Number[N]](cell Cell[N], s Shape, p Params[N], in Sequence[N]) *Pass[N] {
	pass := &Pass[N]{
		cell: cell, shape: s, p: p, in: in,
		Y:     zeros[N](in.T * in.B * s.Out()),
		State: states[N](cell.States(), s, in.B, in.State),
		tapes: make([][]tape[N], s.Layers*s.Directions()),
	}
	for k := range pass.tapes {
		pass.tapes[k] = make([]tape[N], in.T*in.B)
	}
	for range s.Layers {
		pass.sides = append(pass.sides, make([][]N, in.T*in.B))
	}
	for b := range in.B {
		steps, errs := in.length(b), new(Errors)
		x := make([][]N, steps)
		for t := range x {
			x[t] = at(in.X, t*in.B+b, s.Input)
		}
		for l := range s.Layers {
			y := make([][]N, steps)
			for d := range s.Directions() {
				w, state := weights(s, p, l, d), row(pass.State, s, in.B, l, d, b)
				for k := range steps {
					t := s.visit(d, k, steps)
					var left tape[N]
					state, left = cell.Step(w, x[t], state)
					pass.tapes[l*s.Directions()+d][t*in.B+b] = loose(left)
					state = stored(state, errs)
					y[t] = append(y[t], state[0]...)
				}
				setRow(pass.State, s, in.B, l, d, b, loose(state))
			}
			for t := range y {
				pass.sides[l][t*in.B+b] = loose(y[t:][:1])[0]
				y[t] = merged(s.Merge, y[t])
			}
			x = y
		}
		for t := range x {
			copy(at(pass.Y, t*in.B+b, s.Out()), loose(x[t:][:1])[0])
		}
	}
	return pass
}

// Backward returns the gradients for a loss whose gradient is dy by Y and dstate
// by State (nil: zero). What lies in dy past a row's end is not looked at. The
// gradient that a step hands to the one before it has dy added to it there.
func (pass *Pass[N]) Backward(dy []N, dstate [][]N) *Gradients[N] {
	s, in := pass.shape, pass.in
	grads := &Gradients[N]{
		Params: Params[N]{},
		X:      zeros[N](in.T * in.B * s.Input),
		State:  states[N](pass.cell.States(), s, in.B, dstate),
	}
	outer := make([][]Outer[N], s.Layers*s.Directions())
	for b := range in.B {
		steps, errs := in.length(b), new(Errors)
		dout := make([][]N, steps)
		for t := range dout {
			dout[t] = at(dy, t*in.B+b, s.Out())
		}
		for l := s.Layers - 1; l >= 0; l-- {
			dx := make([][]N, steps)
			for t := range dx {
				dx[t] = zeros[N](s.LayerInput(l))
			}
			for d := range s.Directions() {
				ld := l*s.Directions() + d
				w, carry := weights(s, pass.p, l, d), row(grads.State, s, in.B, l, d, b)
				for k := steps - 1; k >= 0; k-- {
					t := s.visit(d, k, steps)
					carry[0] = add(carry[0], mergedBack(s.Merge, dout[t], pass.sides[l][t*in.B+b], s.Hidden, d))
					var shares []Outer[N]
					carry, shares = pass.cell.StepBack(w, pass.tapes[ld][t*in.B+b], carry, dx[t])
					carry = stored(carry, errs)
					for _, o := range shares {
						o.D = loose([][]N{o.D})[0]
						outer[ld] = append(outer[ld], o)
					}
				}
				setRow(grads.State, s, in.B, l, d, b, loose(carry))
			}
			dout = dx
		}
		for t := range dout {
			copy(at(grads.X, t*in.B+b, s.Input), loose(dout[t:][:1])[0])
		}
	}
	for l := range s.Layers {
		for d := range s.Directions() {
			shares, rows := outer[l*s.Directions()+d], pass.cell.Gates()*s.Hidden
			grads.Params[s.Name(WeightIH, l, d)] = gather(WeightIH, rows, s.LayerInput(l), shares)
			grads.Params[s.Name(WeightHH, l, d)] = gather(WeightHH, rows, s.Hidden, shares)
			if !s.NoBias {
				grads.Params[s.Name(BiasIH, l, d)] = gather(BiasIH, rows, 1, shares)
				grads.Params[s.Name(BiasHH, l, d)] = gather(BiasHH, rows, 1, shares)
			}
		}
	}
	return grads
}

// Truncated runs the stack over the windows one after the other, each starting
// from the states in which the one before it ended (the first from its own), and
// takes the gradient of each window by itself: none crosses a border. dy holds
// the gradient by Y per window, dlast that by the very last states. The
// parameters' gradients are added up; those by X and by the initial states are
// returned per window.
func Truncated[N Number[N]](cell Cell[N], s Shape, p Params[N], windows []Sequence[N], dy [][]N, dlast [][]N) ([]*Pass[N], []*Gradients[N], Params[N]) {
	var passes []*Pass[N]
	var grads []*Gradients[N]
	total := Params[N]{}
	for k, in := range windows {
		if k > 0 {
			in.State = passes[k-1].State
		}
		pass := Forward(cell, s, p, in)
		var d [][]N
		if k == len(windows)-1 {
			d = dlast
		}
		g := pass.Backward(dy[k], d)
		for name, v := range g.Params {
			if k == 0 {
				total[name] = v
			} else {
				total[name] = add(total[name], v)
			}
		}
		passes, grads = append(passes, pass), append(grads, g)
	}
	return passes, grads, total
}

// visit returns the time at which direction d takes its k-th step of n.
func (s Shape) visit(d, k, n int) int {
	if d == 1 || s.Reverse {
		return n - 1 - k
	}
	return k
}

// preactivation returns b_ih + b_hh + W_ih x + W_hh h, each row one chain from
// the biases over x and then over h.
func preactivation[N Number[N]](w Weights[N], x, h []N) []N {
	a := zeros[N](len(w.WeightHH) / len(h))
	for r := range a {
		if w.BiasIH != nil {
			a[r] = w.BiasIH[r].Add(w.BiasHH[r])
		}
		a[r] = a[r].Chain(at(w.WeightIH, r, len(x)), x)
		a[r] = a[r].Chain(at(w.WeightHH, r, len(h)), h)
	}
	return a
}

// affine returns rows first..first+count-1 of bias + W v, each row one chain; bias
// may be nil.
func affine[N Number[N]](bias, w []N, first, count int, v []N) []N {
	a := zeros[N](count)
	for r := range a {
		if bias != nil {
			a[r] = bias[first+r]
		}
		a[r] = a[r].Chain(at(w, first+r, len(v)), v)
	}
	return a
}

// addTransposed adds W^T d to dx, each element one chain over the rows of W.
func addTransposed[N Number[N]](dx, w, d []N) {
	column := make([]N, len(d))
	for c := range dx {
		for r := range d {
			column[r] = at(w, r, len(dx))[c]
		}
		dx[c] = dx[c].Chain(d, column)
	}
}

// gather sums the shares in one parameter, [rows][cols], in no promised order.
func gather[N Number[N]](k Kind, rows, cols int, outer []Outer[N]) []N {
	sum := zeros[N](rows * cols)
	var zero N
	one := zero.Of(1)
	d, in := make([]N, 0, len(outer)), make([]N, 0, len(outer))
	for r := range rows {
		for c := range cols {
			d, in = d[:0], in[:0]
			for _, o := range outer {
				if o.Param != k || r < o.Row || r >= o.Row+len(o.D) {
					continue
				}
				d = append(d, o.D[r-o.Row])
				if o.In == nil {
					in = append(in, one)
				} else {
					in = append(in, o.In[c])
				}
			}
			sum[r*cols+c] = zero.Dot(d, in)
		}
	}
	return sum
}

// states returns a deep copy of from, or zeros.
func states[N Number[N]](n int, s Shape, batch int, from [][]N) [][]N {
	out := make([][]N, n)
	for k := range out {
		out[k] = zeros[N](s.Layers * s.Directions() * batch * s.Hidden)
		if from != nil {
			copy(out[k], from[k])
		}
	}
	return out
}

// stored and loose mark every value of v.
func stored[N Number[N]](v [][]N, errs *Errors) [][]N {
	return each(v, func(a N) N { return a.Stored(errs) })
}

func loose[N Number[N]](v [][]N) [][]N { return each(v, N.Loose) }

func each[N any](v [][]N, f func(N) N) [][]N {
	out := make([][]N, len(v))
	for k := range v {
		out[k] = make([]N, len(v[k]))
		for j := range v[k] {
			out[k][j] = f(v[k][j])
		}
	}
	return out
}

// row returns copies of the states of one row of one layer and direction.
func row[N any](state [][]N, s Shape, batch, l, d, b int) [][]N {
	out := make([][]N, len(state))
	for k := range state {
		out[k] = append([]N(nil), at(state[k], (l*s.Directions()+d)*batch+b, s.Hidden)...)
	}
	return out
}

func setRow[N any](state [][]N, s Shape, batch, l, d, b int, from [][]N) {
	for k := range state {
		copy(at(state[k], (l*s.Directions()+d)*batch+b, s.Hidden), from[k])
	}
}

// at returns row k of v, rows of the given width.
func at[N any](v []N, k, width int) []N { return v[k*width:][:width] }

func zeros[N Number[N]](n int) []N {
	var zero N
	out := make([]N, n)
	for k := range out {
		out[k] = zero.Of(0)
	}
	return out
}

// add returns a + b over the length of a.
func add[N Number[N]](a, b []N) []N {
	out := make([]N, len(a))
	for k := range a {
		out[k] = a[k].Add(b[k])
	}
	return out
}
