package rnn

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// cell is one step of a plain recurrent layer whose f is tanh, ReLU or the
// sigmoid; the others are among the variants. The equations have the numbers
// that they have in kernels/ref.
//
// Forward, for each row of the batch:
//
//	(0) a = b + W_ih x_t + W_hh h_{t-1}       one chain: b, then x, then h
//	(1) h_t = f(a)                            the output y_t
//
// Backward, da being the gradient of a and dh that of h_t which comes from step t+1:
//
//	(2) d = dh + dy_t
//	(3) da = f'(a)*d
//	(4) dh = W_hh^T da                        for step t-1
//	(5) dx_t = W_ih^T da
//	(6) dW_ih += da x_t^T   dW_hh += da h_{t-1}^T   db_ih, db_hh += da
//
// The part of (0) that does not depend on h, and (5) and (6), are products over
// many steps at once, which package seq does for every kind of cell.
type cell struct {
	hidden int
	f      fused
}

// Shape: the state is h, and the tape holds a.
func (c cell) Shape() seq.Shape {
	h := c.hidden
	return seq.Shape{
		Hidden: h,
		States: []int{h},
		Gates:  h,
		Tape:   h,
		Recur:  []seq.Block{{Row: 0, Rows: h, Col: 0}},
		Totals: []seq.Total{{Param: seq.BiasIh, Rows: h}, {Param: seq.BiasHh, Rows: h}},
	}
}

// Forward computes the rest of (0), which finds b + W_ih x in the tape, and (1).
func (c cell) Forward(s *seq.Step) {
	h, hPrev := &s.State[0], &s.Prev[0]
	s.Multiply(0, kernels.Continue, hPrev.From(0), nil, s.Tape.From(0))  // (0)
	c.f.apply(s.ISA, s.Rows, s.Units(), h.From(s.Lo), s.Tape.From(s.Lo)) // (1)
}

// Backward computes (2) to (4).
func (c cell) Backward(s *seq.Step) {
	c.unitsGrad(s)
	c.stateGrad(s)
}

// Phases: (2) and (3) go by units, and (4) needs da of all of them.
func (c cell) Phases() (forward, backward []func(s *seq.Step)) {
	return []func(s *seq.Step){c.Forward}, []func(s *seq.Step){c.unitsGrad, c.stateGrad}
}

// unitsGrad computes (2) and (3).
func (c cell) unitsGrad(s *seq.Step) {
	h, dh := &s.State[0], &s.Grad[0]
	c.f.gradient(s.ISA, s.Rows, s.Units(), s.Tape.From(s.Lo), h.From(s.Lo), dh.From(s.Lo), s.Dy.From(s.Lo)) // (2), (3)
}

// stateGrad computes (4).
func (c cell) stateGrad(s *seq.Step) {
	dh := &s.Grad[0]
	s.MultiplyBack(0, kernels.SetFlush, s.Tape.From(0), dh.From(0)) // (4)
}

// A fused is an activation with kernels that compute a step at once.
type fused int

const (
	composed fused = iota // no such kernels: the cell is a variant
	fusedTanh
	fusedReLU
	fusedSigmoid
)

// fusedOf says which kernels there are for an activation.
func fusedOf(f Activation) fused {
	switch f {
	case Tanh:
		return fusedTanh
	case ReLU:
		return fusedReLU
	case Sigmoid:
		return fusedSigmoid
	}
	return composed
}

// apply sets h = f(a).
func (f fused) apply(t kernels.ISA, rows, units int, h, a kernels.Mat) {
	switch f {
	case fusedTanh:
		t.RNNTanh(rows, units, h, a) // (1)
	case fusedReLU:
		t.RNNReLU(rows, units, h, a) // (1)
	case fusedSigmoid:
		t.RNNSigmoid(rows, units, h, a) // (1)
	}
}

// gradient replaces a by f'(a)*(dh + dy), given h = f(a).
func (f fused) gradient(t kernels.ISA, rows, units int, a, h, dh, dy kernels.Mat) {
	switch f {
	case fusedTanh:
		t.RNNTanhGrad(rows, units, a, h, dh, dy) // (2), (3)
	case fusedReLU:
		t.RNNReLUGrad(rows, units, a, h, dh, dy) // (2), (3)
	case fusedSigmoid:
		t.RNNSigmoidGrad(rows, units, a, h, dh, dy) // (2), (3)
	}
}
