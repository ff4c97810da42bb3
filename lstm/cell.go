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
func (c cell) Shape() seq.Shape {
	h := c.hidden
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
func (cell) Forward(s *seq.Step) {
	h, hPrev := &s.State[0], &s.Prev[0]
	c, cPrev := &s.State[1], &s.Prev[1]
	s.Recur[0].Gemm(kernels.Continue, s.Rows, hPrev.Data, hPrev.Stride, s.Tape.Data, s.Tape.Stride) // (0)
	for r := range s.Rows {
		i, f, g, o := gates(s, r)
		s.ISA.LSTMGates(i, f, g, o, c.Row(r), h.Row(r), cPrev.Row(r)) // (1), (2), (3)
	}
}

// Backward computes (4) to (8).
func (cell) Backward(s *seq.Step) {
	dh, dc := &s.Grad[0], &s.Grad[1]
	c, cPrev := &s.State[1], &s.Prev[1]
	for r := range s.Rows {
		i, f, g, o := gates(s, r)
		s.ISA.LSTMGatesGrad(i, f, g, o, dc.Row(r), c.Row(r), cPrev.Row(r), dh.Row(r), s.Dy.Row(r)) // (4), (5), (6), (7)
	}
	s.Recur[0].Gemm(kernels.SetFlush, s.Rows, s.Tape.Data, s.Tape.Stride, dh.Data, dh.Stride) // (8)
}

// gates cuts row r of the tape into its four gates.
func gates(s *seq.Step, r int) (i, f, g, o []float32) {
	a := s.Tape.Row(r)
	h := len(a) / 4
	return a[:h], a[h : 2*h], a[2*h : 3*h], a[3*h:]
}
