package gru

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// resetBefore is the step in which the reset gate acts on h. In the textbook's form z
// and 1-z change places, as do n and h_{t-1} in da_z.
//
// Forward:
//
//	(0) a_r = b_r + W_ir x_t + W_hr h_{t-1}     one chain each: b, then x, then h
//	    a_z = b_z + W_iz x_t + W_hz h_{t-1}
//	(1) r = sigmoid(a_r)
//	(2) q = r*h_{t-1}
//	    a_n = b_n + W_in x_t + W_hn q           one chain: b, then x, then q
//	(3) z = sigmoid(a_z)   n = tanh(a_n)
//	(4) h_t = (1-z)*n + z*h_{t-1}               the output y_t
//
// Backward:
//
//	(5) d = dh + dy_t
//	(6) da_n = d*(1-z)*(1-n^2)   da_z = d*(h_{t-1}-n)*z(1-z)
//	(7) e = d*z
//	(8) dq = W_hn^T da_n                a chain over the rows of n
//	(9) da_r = dq*h_{t-1}*r(1-r)   e = e + dq*r
//	(10) dh = W_hr^T da_r + W_hz^T da_z   one chain over the rows of r, then z
//	(11) dh = dh + e                    the gradient of h_{t-1}, for step t-1
//	(12) dW_hr, dW_hz += da h_{t-1}^T   dW_hn += da_n q^T   db_hh += da
type resetBefore struct {
	hidden int
	update update
}

// Shape: the state is h, and the tape holds r, z, n and q.
func (c resetBefore) Shape() seq.Shape {
	h := c.hidden
	return seq.Shape{
		Hidden:  h,
		States:  []int{h},
		Gates:   3 * h,
		Tape:    4 * h,
		Scratch: h,
		Recur: []seq.Block{
			{Row: 0, Rows: 2 * h, Col: 0},                    // r, z
			{Row: 2 * h, Rows: h, Col: 2 * h, Factor: 3 * h}, // n, multiplied by q
		},
		Totals: []seq.Total{{Param: seq.BiasIh, Rows: 3 * h}, {Param: seq.BiasHh, Rows: 3 * h}},
	}
}

// Forward computes the rest of (0) and of a_n, of which it finds the share of x
// in the tape, and (1) to (4).
func (c resetBefore) Forward(s *seq.Step) {
	c.reset(s)
	c.mix(s)
}

// Backward computes (5) to (11).
func (c resetBefore) Backward(s *seq.Step) {
	c.mixGrad(s)
	c.resetGrad(s)
	c.stateGrad(s)
}

// Phases: (1) and the first half of (2) go by units, as do (3) to (7) and (9); the
// products need q or the gradients of all of them.
func (c resetBefore) Phases() (forward, backward []func(s *seq.Step)) {
	return []func(s *seq.Step){c.reset, c.mix}, []func(s *seq.Step){c.mixGrad, c.resetGrad, c.stateGrad}
}

// reset computes the rest of (0), (1) and q.
func (c resetBefore) reset(s *seq.Step) {
	hPrev := &s.Prev[0]
	s.Multiply(0, kernels.Continue, hPrev.From(0), nil, s.Tape.From(0)) // (0)
	r, _, _, q := gates(s, c.hidden)
	s.ISA.GRUReset(s.Rows, s.Units(), r, q, hPrev.From(s.Lo)) // (1), (2): q
}

// mix computes the rest of a_n, (3) and (4).
func (c resetBefore) mix(s *seq.Step) {
	h, hPrev := &s.State[0], &s.Prev[0]
	a, q := s.Tape.From(2*c.hidden), s.Tape.From(3*c.hidden)
	s.Multiply(1, kernels.Continue, q, nil, a) // (2): a_n
	_, z, n, _ := gates(s, c.hidden)
	c.update.mix(s.ISA, s.Rows, s.Units(), z, n, h.From(s.Lo), hPrev.From(s.Lo)) // (3), (4)
}

// mixGrad computes (5) to (7).
func (c resetBefore) mixGrad(s *seq.Step) {
	dh, hPrev := &s.Grad[0], &s.Prev[0]
	_, z, n, _ := gates(s, c.hidden)
	c.update.mixGrad(s.ISA, s.Rows, s.Units(), z, n, dh.From(s.Lo), hPrev.From(s.Lo), s.Dy.From(s.Lo)) // (5), (6), (7)
}

// resetGrad computes (8) and (9).
func (c resetBefore) resetGrad(s *seq.Step) {
	dh, hPrev, dq := &s.Grad[0], &s.Prev[0], &s.Scratch
	a := s.Tape.From(2 * c.hidden)
	s.MultiplyBack(1, kernels.SetFlush, a, dq.From(0)) // (8)
	r, _, _, _ := gates(s, c.hidden)
	s.ISA.GRUResetGrad(s.Rows, s.Units(), r, dh.From(s.Lo), dq.From(s.Lo), hPrev.From(s.Lo)) // (9)
}

// stateGrad computes (10) and (11).
func (c resetBefore) stateGrad(s *seq.Step) {
	chain := &s.Scratch                                           // the memory of dq, which is free now
	s.MultiplyBack(0, kernels.Set, s.Tape.From(0), chain.From(0)) // (10)
	addDirect(s)                                                  // (11)
}
