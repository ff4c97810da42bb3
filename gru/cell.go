package gru

import (
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels"
)

// One GRU step reads x_t and h_{t-1} and computes the reset gate r, the update gate z,
// the candidate n and h_t:
//
//	r = sigmoid(W_ir x_t + W_hr h_{t-1} + b_r)
//	z = sigmoid(W_iz x_t + W_hz h_{t-1} + b_z)
//	n = tanh(W_in x_t + b_in + r*(W_hn h_{t-1} + b_hn))    resetAfter, or
//	n = tanh(W_in x_t + W_hn (r*h_{t-1}) + b_n)            resetBefore
//	h_t = (1-z)*n + z*h_{t-1}
//
// The files reset_after.go and reset_before.go have the equations of both passes for
// the two places of the reset gate, with the numbers that they have in kernels/ref,
// where the element-wise ones are computed. There W_ih and W_hh stand for the rows of
// r, z and n on top of each other, b for b_ih + b_hh, da for the gradient of a
// pre-activation a, and dh for the gradient of h_t that comes from step t+1.
//
// The part of the products that does not depend on h, and the gradients of x, of
// weights and of biases, are products over many steps at once, which package seq
// does for every kind of cell:
//
//	dx_t = W_ih^T da   dW_ih += da x_t^T   db_ih += da

// An update is the form of h_t.
type update int

const (
	pytorchUpdate  update = iota // h_t = (1-z)*n + z*h_{t-1}
	textbookUpdate               // h_t = (1-z)*h_{t-1} + z*n: z and 1-z change places
)

// gates computes r, z, n and h_t of a step for resetAfter. r and z come in as
// pre-activations, n as nx, nh as it is.
func (u update) gates(t kernels.ISA, rows, units int, r, z, n, nh, h, hPrev kernels.Mat) {
	if u == textbookUpdate {
		t.GRUGatesTextbook(rows, units, r, z, n, nh, h, hPrev) // (1), (2), (3)
	} else {
		t.GRUGates(rows, units, r, z, n, nh, h, hPrev) // (1), (2), (3)
	}
}

// gatesGrad goes back through gates: it replaces r, z and n by the gradients of the
// pre-activations, nh by dnh, and dh by the part of the gradient of h_{t-1} that does not
// pass through the products.
func (u update) gatesGrad(t kernels.ISA, rows, units int, r, z, n, nh, dh, hPrev, dy kernels.Mat) {
	if u == textbookUpdate {
		t.GRUGatesTextbookGrad(rows, units, r, z, n, nh, dh, hPrev, dy) // (4), (5), (6)
	} else {
		t.GRUGatesGrad(rows, units, r, z, n, nh, dh, hPrev, dy) // (4), (5), (6)
	}
}

// mix computes z, n and h_t of a step from the pre-activations in z and n, for
// resetBefore.
func (u update) mix(t kernels.ISA, rows, units int, z, n, h, hPrev kernels.Mat) {
	if u == textbookUpdate {
		t.GRUUpdateTextbook(rows, units, z, n, h, hPrev) // (3), (4)
	} else {
		t.GRUUpdate(rows, units, z, n, h, hPrev) // (3), (4)
	}
}

// mixGrad goes back through mix, with z, n and dh as in gatesGrad.
func (u update) mixGrad(t kernels.ISA, rows, units int, z, n, dh, hPrev, dy kernels.Mat) {
	if u == textbookUpdate {
		t.GRUUpdateTextbookGrad(rows, units, z, n, dh, hPrev, dy) // (5), (6), (7)
	} else {
		t.GRUUpdateGrad(rows, units, z, n, dh, hPrev, dy) // (5), (6), (7)
	}
}

// ends returns what h_t is where z is 0, and where z is 1.
func (u update) ends(n, hPrev []float32) (at0, at1 []float32) {
	if u == textbookUpdate {
		return hPrev, n
	}
	return n, hPrev
}

// factors returns, of 1-z and z, the factor of n in h_t and that of h_{t-1}.
func (u update) factors(oneMinusZ, z []float32) (ofN, ofH []float32) {
	if u == textbookUpdate {
		return z, oneMinusZ
	}
	return oneMinusZ, z
}

// addDirect completes the gradient of h_{t-1} in dh: there is e, the part that does
// not pass through the products, and in the scratch the part that does.
func addDirect(s *seq.Step) {
	all, stride := &s.Grad[0], s.Grad[0].Stride
	pieces, width := s.Rows, s.Hi-s.Lo
	if width == stride { // the rows lie side by side: one call serves all of them
		pieces, width = min(1, pieces), s.Rows*stride
	}
	for r := range pieces {
		at := r*stride + s.Lo
		dh, throughProducts := all.Data[at:][:width], s.Scratch.Data[at:][:width]
		s.ISA.AddFlush(dh, throughProducts, dh) // (8), or (11) of resetBefore
	}
}

// gates are the four parts of the tape, each from the step's first unit on.
func gates(s *seq.Step, hidden int) (r, z, n, last kernels.Mat) {
	at := func(part int) kernels.Mat { return s.Tape.From(part*hidden + s.Lo) }
	return at(0), at(1), at(2), at(3)
}
