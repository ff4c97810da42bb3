package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Gate is an activation, and a limit on what goes into it.
type Gate struct {
	F    Activation
	Clip float32 // the limit, of the magnitude; 0 for none
}

// Apply sets y = F(clip(a)); y may be a.
func (g Gate) Apply(t kernels.ISA, y, a []float32) {
	if g.Clip > 0 {
		t.Clip(y, a, g.Clip)
		a = y
	}
	g.F.Apply(t, y, a)
}

// Gradient replaces a by its gradient, given y = F(clip(a)) and the gradient dy
// of y: +0 beyond the limit, and tiny values as +0. It overwrites dy and temp.
func (g Gate) Gradient(t kernels.ISA, a, y, dy, temp []float32) {
	if g.Clip == 0 {
		g.F.Gradient(t, a, a, y, dy)
	} else {
		t.Clip(temp, a, g.Clip)
		g.F.Gradient(t, dy, temp, y, dy)
		t.ClipGrad(a, a, dy, g.Clip)
	}
	t.CopyFlush(a, a)
}

// tiny is the magnitude below which values are stored as +0 (rule 8). A constant of a
// Config must not be below it: what is limited to it, or multiplied by it, would be
// tiny for ever.
const tiny = 0x1p-100

// CheckLimit returns an error if the named field of the user's Config is neither a
// limit nor 0.
func CheckLimit(kind, name string, limit float32) error {
	if !(limit >= 0) || limit-limit != 0 || isTiny(limit) {
		return fmt.Errorf("%s: Config.%s is %v, want a finite limit of 2^-100 (7.9e-31) or more, or 0 for none", kind, name, limit)
	}
	return nil
}

// Epsilon is what layer normalisation adds to a variance, as in haste.
const Epsilon = 1e-5

// Columns gives each part of a tape row its columns, from the first on.
type Columns int

// Take returns the first of the next columns, or 0 if they are not wanted.
func (c *Columns) Take(width int, wanted bool) (first int) {
	if !wanted {
		return 0
	}
	first = int(*c)
	*c += Columns(width)
	return first
}

// MaskedHidden returns h of the step before as the products with W_hh read it, and the
// distance of its rows. Where col is above 0, it is a copy in the tape columns from
// col on, without the units that HiddenDropout drops.
func (s *Step) MaskedHidden(col int) (h []float32, stride int) {
	prev := &s.Prev[0]
	if col == 0 {
		return prev.Data, prev.Stride
	}
	for r := range s.Rows {
		s.Drop(DropHidden, r, s.Tape.Row(r)[col:][:prev.Width], prev.Row(r))
	}
	return s.Tape.Data[col:], s.Tape.Stride
}

// ScaleShift sets dst = gain*y + bias, element by element; bias is nil for +0.
func (s *Step) ScaleShift(dst, gain, y, bias []float32) {
	if bias == nil {
		clear(dst)
	} else {
		copy(dst, bias)
	}
	s.ISA.MulAdd(dst, gain, y)
}

// NormalizedGrad goes back through y = (x-mean)/deviation and gain*y. d is the
// gradient of gain*y and r what Normalize returned. It sets dx, tiny values as
// +0, and replaces y by the terms of the gradient of gain. dx may be d.
func (s *Step) NormalizedGrad(dx, y, gain, d []float32, r float32, temp []float32) {
	s.ISA.Mul(temp, d, gain)
	s.ISA.NormalizeGrad(temp, y, temp, r)
	s.ISA.MulFlush(y, y, d)
	s.ISA.CopyFlush(dx, temp)
}

// PrevHiddenGrad sets s.Grad[0] to the gradient of h_{t-1}: one chain over the
// gradients of the products with h, through the mask of h, and added to it the first
// columns of Scratch, the part of the gradient that does not pass through products.
// Tiny values are +0. cols are the tape columns where the gradients of the first
// blocks of W_hh begin, as many blocks as there are cols.
func (s *Step) PrevHiddenGrad(cols ...int) {
	dh, into := &s.Grad[0], kernels.Set
	for i, col := range cols {
		s.Recur[i].Gemm(into|s.Order, s.Rows, s.Tape.Data[col:], s.Tape.Stride, dh.Data, dh.Stride)
		into = kernels.Continue
	}
	for r := range s.Rows {
		d := dh.Row(r)
		s.Drop(DropHidden, r, d, d)
		s.ISA.AddFlush(d, d, s.Scratch.Row(r)[:dh.Width])
	}
}
