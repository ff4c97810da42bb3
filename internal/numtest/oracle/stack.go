package oracle

import "fmt"

// Cell is one recurrence, seen by one row at one time step.
type Cell[N any] interface {
	// Params lists the parameters of one direction of a layer whose input has in
	// elements, those of a model with biases.
	Params(s Shape, in int) []Param
	// Widths lists the number of units of each state; the first is h, the output.
	Widths(s Shape) []int
	// Step returns the states after the step and what StepBack needs. Where the
	// product with W_hh sees h, it sees the product of h and drop (nil: h itself).
	Step(p Weights[N], x []N, prev [][]N, drop []float64) (next [][]N, left Tape[N])
	// StepBack takes the gradient d of the states after the step. It adds to dx,
	// and returns the gradient of the states before it and every share in a
	// parameter's gradient.
	StepBack(p Weights[N], left Tape[N], d [][]N, drop []float64, dx []N) (dprev [][]N, outer []Outer[N])
}

// Tape is what a cell's Step leaves for its StepBack, by the name it has in the
// equations.
type Tape[N any] map[string][]N

// Shape is a stack of layers of one cell. The probabilities are those of its
// masks: what they do and when they are drawn is said at MaskKind.
type Shape struct {
	Input, Hidden, Layers int
	Projection            int  // the units of h where it has fewer than Hidden, else 0
	Bidirectional         bool // outputs side by side, forward first
	Reverse               bool // one direction, last step first
	NoBias                bool
	Merge                 Merge // of the outputs of two directions

	Dropout, InputDropout, HiddenDropout, WeightDropout float32
	Zoneout, ZoneoutCell                                float32
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

// width returns the number of units of h.
func (s Shape) width() int {
	if s.Projection > 0 {
		return s.Projection
	}
	return s.Hidden
}

// Out returns the width of the stack's output.
func (s Shape) Out() int {
	if s.Merge != Concat {
		return s.width()
	}
	return s.Directions() * s.width()
}

// LayerInput returns the width of the input of layer l.
func (s Shape) LayerInput(l int) int {
	if l == 0 {
		return s.Input
	}
	return s.Out()
}

// Sequence is what a stack is given: X [T][B][Input], the number of valid steps
// per row (nil: all T), the initial states, one tensor
// [Layers*Directions][B][width] per state (nil: zero), and the masks of training
// (nil: evaluation, in which nothing is dropped and zoneout takes the
// expectation). What lies in X past a row's end is not looked at.
type Sequence[N any] struct {
	T, B    int
	X       []N
	Lengths []int
	State   [][]N
	Masks   Masks
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

	cell    Cell[N]
	shape   Shape
	widths  []int
	in      Sequence[N]
	lds     []direction[N] // [layer*directions]
	sides   [][][]N        // [layer][t*B+b]: the outputs of both directions side by side
	follows bool           // Backward follows the errors of Forward
}

// direction is what a pass keeps of one direction of a layer.
type direction[N any] struct {
	w     Weights[N] // W_hh as the products see it
	drop  []float64  // the factors of W_hh, nil for none
	tapes []Tape[N]  // [t*B+b]
}

// Gradients of the loss by what went into a pass, shaped as there.
type Gradients[N any] struct {
	Params Params[N]
	X      []N
	State  [][]N
}

// Forward runs the stack. Row b visits t = 0..len-1, or len-1..0 in the reverse
// direction; past its end its states stay as they are.
func Forward[N Number[N]](cell Cell[N], s Shape, p Params[N], in Sequence[N]) *Pass[N] {
	widths := cell.Widths(s)
	if widths[0] != s.width() || len(widths) == 1 && s.ZoneoutCell > 0 {
		panic(fmt.Sprintf("oracle: %T has no projection and no c", cell))
	}
	pass := &Pass[N]{
		cell: cell, shape: s, widths: widths, in: in,
		Y:     zeros[N](in.T * in.B * s.Out()),
		State: states(widths, s, in.B, in.State),
	}
	for l := range s.Layers {
		for d := range s.Directions() {
			w := weights(cell, s, p, l, d)
			drop := s.weightFactors(in.Masks, l, d, len(w[WeightHH])/s.width())
			w[WeightHH] = masked(w[WeightHH], drop)
			pass.lds = append(pass.lds, direction[N]{w, drop, make([]Tape[N], in.T*in.B)})
			pass.follows = pass.follows || w[GainHH] != nil
		}
		pass.sides = append(pass.sides, make([][]N, in.T*in.B))
	}
	for b := range in.B {
		pass.forward(b, false)
	}
	return pass
}

// forward runs row b. The errors of what its tapes hold are forgotten unless they
// are to be followed.
func (pass *Pass[N]) forward(b int, follow bool) *Errors {
	s, in := pass.shape, pass.in
	steps, errs := in.length(b), new(Errors)
	initial := states(pass.widths, s, in.B, in.State)
	x := make([][]N, steps)
	for t := range x {
		x[t] = at(in.X, t*in.B+b, s.Input)
	}
	for l := range s.Layers {
		for t := range x {
			between, whole := s.inputFactors(in.Masks, l, t, b)
			x[t] = masked(masked(x[t], between), whole)
		}
		y := make([][]N, steps)
		for d := range s.Directions() {
			ld, state := pass.lds[l*s.Directions()+d], stored(row(initial, pass.widths, s, in.B, l, d, b), errs)
			drop := s.hiddenFactors(in.Masks, l, d, b)
			for k := range steps {
				t := s.visit(d, k, steps)
				next, left := pass.cell.Step(ld.w, x[t], state, drop)
				if !follow {
					left = looseTape(left)
				}
				ld.tapes[t*in.B+b] = left
				state = stored(zoneout(s, in.Masks, Element{Layer: l, Direction: d, T: t, B: b}, state, next), errs)
				y[t] = append(y[t], state[0]...)
			}
			setRow(pass.State, pass.widths, s, in.B, l, d, b, loose(state))
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
	return errs
}

// Backward returns the gradients for a loss whose gradient is dy by Y and dstate
// by State (nil: zero). Elements of dy past a row's end are not read. The
// gradient that step t passes to step t-1 does not contain dy of step t-1, which is
// added there.
func (pass *Pass[N]) Backward(dy []N, dstate [][]N) *Gradients[N] {
	s, in := pass.shape, pass.in
	grads := &Gradients[N]{
		Params: Params[N]{},
		X:      zeros[N](in.T * in.B * s.Input),
		State:  states(pass.widths, s, in.B, dstate),
	}
	outer := make([][]Outer[N], s.Layers*s.Directions())
	for b := range in.B {
		steps, errs := in.length(b), new(Errors)
		if pass.follows {
			errs = pass.forward(b, true)
		}
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
				ld, tapes := l*s.Directions()+d, pass.lds[l*s.Directions()+d].tapes
				carry := row(grads.State, pass.widths, s, in.B, l, d, b)
				drop := s.hiddenFactors(in.Masks, l, d, b)
				for k := steps - 1; k >= 0; k-- {
					t := s.visit(d, k, steps)
					carry[0] = add(carry[0], mergedBack(s.Merge, dout[t], pass.sides[l][t*in.B+b], s.width(), d))
					past, now := zoneoutBack(s, in.Masks, Element{Layer: l, Direction: d, T: t, B: b}, carry)
					var shares []Outer[N]
					carry, shares = pass.cell.StepBack(pass.lds[ld].w, tapes[t*in.B+b], now, drop, dx[t])
					carry = stored(sums(carry, past), errs)
					for _, o := range shares {
						o.D = loose([][]N{o.D})[0]
						if pass.follows && o.In != nil {
							o.In = loose([][]N{o.In})[0]
						}
						outer[ld] = append(outer[ld], o)
					}
					if pass.follows { // they are large
						tapes[t*in.B+b] = nil
					}
				}
				setRow(grads.State, pass.widths, s, in.B, l, d, b, loose(carry))
			}
			for t := range dx {
				between, whole := s.inputFactors(in.Masks, l, t, b)
				dx[t] = masked(masked(dx[t], whole), between)
			}
			dout = dx
		}
		for t := range dout {
			copy(at(grads.X, t*in.B+b, s.Input), loose(dout[t:][:1])[0])
		}
	}
	for l := range s.Layers {
		for _, p := range layerParams(pass.cell, s, l) {
			for d := range s.Directions() {
				ld := l*s.Directions() + d
				var mask []N
				if p.Kind == WeightHH && pass.lds[ld].drop != nil {
					mask = Lift[N](pass.lds[ld].drop)
				}
				grads.Params[s.Name(p.Kind, l, d)] = gather(p, mask, outer[ld])
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
