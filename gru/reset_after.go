package gru

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// resetAfter is the step in which the reset gate acts on the product W_hn h. In the
// textbook's form z and 1-z change places, as do n and h_{t-1} in da_z.
//
// Forward, for each row of the batch:
//
//	(0) a_r = b_r + W_ir x_t + W_hr h_{t-1}     one chain: b, then x, then h
//	    a_z = b_z + W_iz x_t + W_hz h_{t-1}     likewise
//	    nx  = b_in + W_in x_t                   two chains
//	    nh  = b_hn + W_hn h_{t-1}
//	(1) r = sigmoid(a_r)   z = sigmoid(a_z)
//	(2) n = tanh(nx + r*nh)
//	(3) h_t = (1-z)*n + z*h_{t-1}               the output y_t
//
// Backward:
//
//	(4) d = dh + dy_t
//	(5) da_n = d*(1-z)*(1-n^2)          da_z = d*(h_{t-1}-n)*z(1-z)
//	    dnh  = da_n*r                   da_r = da_n*nh*r(1-r)
//	(6) e = d*z
//	(7) dh = W_hh^T [da_r, da_z, dnh]   one chain over the rows of W_hh
//	(8) dh = dh + e                     the gradient of h_{t-1}, for step t-1
//	(9) dW_hh += [da_r, da_z, dnh] h_{t-1}^T   db_hh += [da_r, da_z, dnh]
type resetAfter struct {
	hidden int
	update update
}

// Shape: the state is h, and the tape holds r, z, n (before it nx) and nh.
func (c resetAfter) Shape() seq.Shape {
	h := c.hidden
	return seq.Shape{
		Hidden:  h,
		States:  []int{h},
		Gates:   3 * h,
		Tape:    4 * h,
		Scratch: h,
		Recur: []seq.Block{
			{Row: 0, Rows: 2 * h, Col: 0},                     // r, z
			{Row: 2 * h, Rows: h, Col: 3 * h, OwnChain: true}, // n, its gradient that of nh
		},
		Totals: []seq.Total{
			{Param: seq.BiasIh, Rows: 3 * h},
			{Param: seq.BiasHh, Rows: 2 * h},
			{Param: seq.BiasHh, Row: 2 * h, Rows: h, Col: 3 * h},
		},
	}
}

// Forward computes the rest of (0), of which it finds the share of x in the
// tape, and (1) to (3).
func (c resetAfter) Forward(s *seq.Step) {
	h, hPrev := &s.State[0], &s.Prev[0]
	if s.Order == 0 {
		c.resetUpdate(s)
		c.candidate(s)
	} else { // begins with the matrix that the step before used last
		c.candidate(s)
		c.resetUpdate(s)
	}
	r, z, n, nh := gates(s, c.hidden)
	c.update.gates(s.ISA, s.Rows, s.Units(), r, z, n, nh, h.From(s.Lo), hPrev.From(s.Lo)) // (1), (2), (3)
}

// resetUpdate adds W_hh h to a_r and a_z.
func (c resetAfter) resetUpdate(s *seq.Step) {
	hPrev := &s.Prev[0]
	s.Multiply(0, kernels.Continue, hPrev.From(0), nil, s.Tape.From(0)) // (0): a_r, a_z
}

// candidate computes the share of h in a_n.
func (c resetAfter) candidate(s *seq.Step) {
	hPrev, nh := &s.Prev[0], s.Tape.From(3*c.hidden)
	s.Multiply(1, kernels.Set, hPrev.From(0), s.BiasHh[1], nh) // (0): nh
}

// Backward computes (4) to (8).
func (c resetAfter) Backward(s *seq.Step) {
	c.gatesGrad(s)
	c.stateGrad(s)
}

// Phases: (4) to (6) go by units, and (7) needs the gradients of all of them.
func (c resetAfter) Phases() (forward, backward []func(s *seq.Step)) {
	return []func(s *seq.Step){c.Forward}, []func(s *seq.Step){c.gatesGrad, c.stateGrad}
}

// gatesGrad computes (4) to (6).
func (c resetAfter) gatesGrad(s *seq.Step) {
	dh, hPrev := &s.Grad[0], &s.Prev[0]
	r, z, n, nh := gates(s, c.hidden)
	c.update.gatesGrad(s.ISA, s.Rows, s.Units(), r, z, n, nh, dh.From(s.Lo), hPrev.From(s.Lo), s.Dy.From(s.Lo)) // (4), (5), (6)
}

// stateGrad computes (7) and (8).
func (c resetAfter) stateGrad(s *seq.Step) {
	nh, chain := s.Tape.From(3*c.hidden), &s.Scratch
	s.MultiplyBack(0, kernels.Set, s.Tape.From(0), chain.From(0)) // (7): rows of r and z
	s.MultiplyBack(1, kernels.Continue, nh, chain.From(0))        // (7): rows of n
	addDirect(s)                                                  // (8)
}
