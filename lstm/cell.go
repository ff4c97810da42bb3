package lstm

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// cell is one LSTM step.
//
// With W = [W_ih W_hh], the two matrices side by side, and b = b_ih + b_hh, the
// rows of i, f, g and o on top of each other, the step is the textbook's
// f, i, o, c~ = act(W [x, h] + b); g is its c~. The equations have the numbers
// that they have in kernels/ref, where the element-wise ones are computed.
//
// Forward, for each row of the batch:
//
//	(0) a = b + W_ih x_t + W_hh h_{t-1}       one chain: b, then x, then h
//	(1) i = sigmoid(a_i)   f = sigmoid(a_f)   g = tanh(a_g)   o = sigmoid(a_o)
//	(2) c_t = f*c_{t-1} + i*g
//	(3) h_t = o*tanh(c_t)                     the output y_t
//
// Backward, da being the gradient of a, and dh and dc those of h_t and c_t that come
// from step t+1:
//
//	(4) d = dh + dy_t
//	(5) D = dc + d*o*(1 - tanh(c_t)^2)
//	(6) da_o = d*tanh(c_t)*o(1-o)   da_i = D*g*i(1-i)
//	    da_f = D*c_{t-1}*f(1-f)     da_g = D*i*(1-g^2)
//	(7) dc = D*f                              for step t-1
//	(8) dh = W_hh^T da                        for step t-1
//	(9) dx_t = W_ih^T da
//	(10) dW_ih += da x_t^T   dW_hh += da h_{t-1}^T   db_ih, db_hh += da
//
// The part of (0) that does not depend on h, and (9) and (10), are products over
// many steps at once, which package seq does for every kind of cell.
type cell struct{ hidden int }

// Shape: the state tensors are h and c, and the tape holds i, f, g, o.
func (l cell) Shape() seq.Shape {
	h := l.hidden
	return seq.Shape{
		Hidden: h,
		States: []int{h, h},
		Gates:  4 * h,
		Tape:   4 * h,
		Recur:  []seq.Block{{Row: 0, Rows: 4 * h, Col: 0}},
		Totals: []seq.Total{{Param: seq.BiasIh, Rows: 4 * h}, {Param: seq.BiasHh, Rows: 4 * h}},
	}
}

// Forward computes the rest of (0), which finds b + W_ih x in the tape, and (1)
// to (3).
func (l cell) Forward(s *seq.Step) {
	h, hPrev := &s.State[0], &s.Prev[0]
	c, cPrev := &s.State[1], &s.Prev[1]
	s.Multiply(0, kernels.Continue, hPrev.From(0), nil, s.Tape.From(0)) // (0)
	i, f, g, o := l.gates(s)
	s.ISA.LSTMGates(s.Rows, s.Units(), i, f, g, o, c.From(s.Lo), h.From(s.Lo), cPrev.From(s.Lo)) // (1), (2), (3)
}

// Backward computes (4) to (8).
func (l cell) Backward(s *seq.Step) {
	l.gatesGrad(s)
	l.stateGrad(s)
}

// Phases: (4) to (7) go by units, and (8) needs da of all of them.
func (l cell) Phases() (forward, backward []func(s *seq.Step)) {
	return []func(s *seq.Step){l.Forward}, []func(s *seq.Step){l.gatesGrad, l.stateGrad}
}

// gatesGrad computes (4) to (7).
func (l cell) gatesGrad(s *seq.Step) {
	dh, dc := &s.Grad[0], &s.Grad[1]
	c, cPrev := &s.State[1], &s.Prev[1]
	i, f, g, o := l.gates(s)
	s.ISA.LSTMGatesGrad(s.Rows, s.Units(), i, f, g, o, dc.From(s.Lo), c.From(s.Lo), cPrev.From(s.Lo), dh.From(s.Lo), s.Dy.From(s.Lo)) // (4), (5), (6), (7)
}

// stateGrad computes (8).
func (l cell) stateGrad(s *seq.Step) {
	dh := &s.Grad[0]
	s.MultiplyBack(0, kernels.SetFlush, s.Tape.From(0), dh.From(0)) // (8)
}

// gates are the four gates of the tape, from the step's first unit on.
func (l cell) gates(s *seq.Step) (i, f, g, o kernels.Mat) {
	h := l.hidden
	return s.Tape.From(s.Lo), s.Tape.From(h + s.Lo), s.Tape.From(2*h + s.Lo), s.Tape.From(3*h + s.Lo)
}
