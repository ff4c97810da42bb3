package gru

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// One GRU step, in two forms. W_ih and W_hh stand for the rows of r, z and n on
// top of each other, b for b_ih + b_hh; da is the gradient of a pre-activation a,
// dh what step t+1 handed back. The equations of each form have the numbers that
// they have in kernels/ref, where the element-wise ones are computed.
//
// Both are written for h = (1-z)*n + z*h. In the textbook form
//
//	h_t = (1-z)*h_{t-1} + z*n
//
// and in the backward pass z and 1-z change places, as do n and h_{t-1} in da_z.
//
// The part of the products that does not depend on h, and the gradients of x, of
// weights and of biases, are products over many steps at once, which package seq
// does for every kind of cell:
//
//	dx_t = W_ih^T da   dW_ih += da x_t^T   db_ih += da

// resetAfter is the step in which the reset gate acts on the product W_hn h.
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
//	(8) dh = dh + e                     handed to step t-1
//	(9) dW_hh += [da_r, da_z, dnh] h_{t-1}^T   db_hh += [da_r, da_z, dnh]
type resetAfter struct {
	hidden   int
	textbook bool
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
			{Row: 0, Rows: 2 * h, Col: 0},                  // r, z
			{Row: 2 * h, Rows: h, Col: 3 * h, Apart: true}, // n, its gradient that of nh
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
	nh := s.Tape.Data[3*c.hidden:]
	s.Recur[0].Gemm(kernels.Continue, s.Rows, hPrev.Data, hPrev.Stride, s.Tape.Data, s.Tape.Stride)
	if b := s.Bias[1]; b != nil {
		s.Recur[1].GemmBias(s.Rows, hPrev.Data, hPrev.Stride, b, nh, s.Tape.Stride)
	} else {
		s.Recur[1].Gemm(kernels.Set, s.Rows, hPrev.Data, hPrev.Stride, nh, s.Tape.Stride)
	}
	for row := range s.Rows {
		r, z, n, nh := gates(s, row)
		if c.textbook {
			s.ISA.GRUGatesTextbook(r, z, n, nh, h.Row(row), hPrev.Row(row))
		} else {
			s.ISA.GRUGates(r, z, n, nh, h.Row(row), hPrev.Row(row))
		}
	}
}

// Backward computes (4) to (8).
func (c resetAfter) Backward(s *seq.Step) {
	dh, hPrev, chain := &s.Grad[0], &s.Prev[0], &s.Scratch
	for row := range s.Rows {
		r, z, n, nh := gates(s, row)
		if c.textbook {
			s.ISA.GRUGatesTextbookGrad(r, z, n, nh, dh.Row(row), hPrev.Row(row), s.Dy.Row(row))
		} else {
			s.ISA.GRUGatesGrad(r, z, n, nh, dh.Row(row), hPrev.Row(row), s.Dy.Row(row))
		}
	}
	s.Recur[0].Gemm(kernels.Set, s.Rows, s.Tape.Data, s.Tape.Stride, chain.Data, chain.Stride)                   // (7)
	s.Recur[1].Gemm(kernels.Continue, s.Rows, s.Tape.Data[3*c.hidden:], s.Tape.Stride, chain.Data, chain.Stride) //
	carry(s)
}

// resetBefore is the step in which the reset gate acts on h.
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
//	(11) dh = dh + e                    handed to step t-1
//	(12) dW_hr, dW_hz += da h_{t-1}^T   dW_hn += da_n q^T   db_hh += da
type resetBefore struct {
	hidden   int
	textbook bool
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
	h, hPrev := &s.State[0], &s.Prev[0]
	a, stride, H := s.Tape.Data, s.Tape.Stride, c.hidden
	s.Recur[0].Gemm(kernels.Continue, s.Rows, hPrev.Data, hPrev.Stride, a, stride)
	for row := range s.Rows {
		r, _, _, q := gates(s, row)
		s.ISA.GRUReset(r, q, hPrev.Row(row))
	}
	s.Recur[1].Gemm(kernels.Continue, s.Rows, a[3*H:], stride, a[2*H:], stride)
	for row := range s.Rows {
		_, z, n, _ := gates(s, row)
		if c.textbook {
			s.ISA.GRUUpdateTextbook(z, n, h.Row(row), hPrev.Row(row))
		} else {
			s.ISA.GRUUpdate(z, n, h.Row(row), hPrev.Row(row))
		}
	}
}

// Backward computes (5) to (11).
func (c resetBefore) Backward(s *seq.Step) {
	dh, hPrev, dq := &s.Grad[0], &s.Prev[0], &s.Scratch
	a, stride := s.Tape.Data, s.Tape.Stride
	for row := range s.Rows {
		_, z, n, _ := gates(s, row)
		if c.textbook {
			s.ISA.GRUUpdateTextbookGrad(z, n, dh.Row(row), hPrev.Row(row), s.Dy.Row(row))
		} else {
			s.ISA.GRUUpdateGrad(z, n, dh.Row(row), hPrev.Row(row), s.Dy.Row(row))
		}
	}
	s.Recur[1].Gemm(kernels.SetFlush, s.Rows, a[2*c.hidden:], stride, dq.Data, dq.Stride) // (8)
	for row := range s.Rows {
		r, _, _, _ := gates(s, row)
		s.ISA.GRUResetGrad(r, dh.Row(row), dq.Row(row), hPrev.Row(row))
	}
	chain := dq                                                               // which is done with
	s.Recur[0].Gemm(kernels.Set, s.Rows, a, stride, chain.Data, chain.Stride) // (10)
	carry(s)
}

// carry adds e, which stands in dh, to the chain in the scratch: the gradient
// that is handed to step t-1.
func carry(s *seq.Step) {
	dh, chain := &s.Grad[0], &s.Scratch
	for row := range s.Rows {
		s.ISA.AddFlush(dh.Row(row), chain.Row(row), dh.Row(row))
	}
}

// gates cuts a row of the tape into its four parts.
func gates(s *seq.Step, row int) (r, z, n, last []float32) {
	a := s.Tape.Row(row)
	h := len(a) / 4
	return a[:h], a[h : 2*h], a[2*h : 3*h], a[3*h:]
}
