package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// A hard sigmoid is written by exporters as its arithmetic, in one of these ways:
//
//	Clip(a*x + b, 0, 1)       Keras 2, with 0.2 and 0.5
//	Clip(x + 3, 0, 6) / 6     Keras 3 with TensorFlow
//
// and Clip, from 0 on, as Max and Min, or as Min of a Relu. HardSigmoid is
// max(0, min(1, alpha*x + beta)), so Clip(x, 0, h) is h times that of x/h.

// limits are the bounds of a Clip: attributes before operator set 11, inputs after it.
func (c *call) limits() (lo, hi float32, err error) {
	lo, hi = float32(math.Inf(-1)), float32(math.Inf(1))
	lo, hi = c.float("min", lo), c.float("max", hi)
	for i, to := range []*float32{&lo, &hi} {
		if !c.has(1 + i) {
			if 1+i < len(c.in) && c.n.Input[1+i] != "" {
				return 0, 0, refuse("a limit that is computed when the graph runs")
			}
			continue
		}
		k, err := c.constant(1+i, []string{"the lower limit", "the upper limit"}[i])
		if err != nil {
			return 0, 0, err
		}
		x, ok := k.one()
		if !ok {
			return 0, 0, refuse("a limit of the dimensions %v, want one number", k.dims)
		}
		*to = x
	}
	return lo, hi, c.err
}

// isLimit says whether a Clip to 0..hi is read.
func isLimit(hi float32) bool { return hi >= 0x1p-20 && hi <= 0x1p20 }

// readClip reads a Clip to 0..hi as a stage.
func readClip(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	lo, hi, err := c.limits()
	if err != nil {
		return nil, err
	}
	if lo == 0 && math.IsInf(float64(hi), 1) {
		out, err := c.im.mapped(v, nn.ReLU)
		return one(out), err
	}
	if lo != 0 || !isLimit(hi) {
		return nil, refuse("limits of %v and %v, want 0 and a number above it", lo, hi)
	}
	out, err := c.im.mapped(v, nn.HardSigmoid(1/hi, 0))
	if err != nil || hi == 1 {
		return one(out), err
	}
	return c.im.scaled(out, &constant{float: true, f: []float32{hi}}, false)
}

func clipFormula(c *call) ([]*formula, error) {
	f, err := c.formula(0)
	if err != nil {
		return nil, err
	}
	lo, hi, err := c.limits()
	if err != nil {
		return nil, err
	}
	if lo != 0 || !isLimit(hi) {
		return nil, errFormula
	}
	return []*formula{f.like(c.im.clipped(f.e, hi))}, nil
}

// limited is a formula of two inputs one of which is a number.
func (c *call) limited() (*formula, float32, error) {
	if len(c.in) != 2 {
		return nil, 0, errFormula
	}
	for i, v := range c.in {
		if v.k == nil {
			continue
		}
		x, ok := v.k.one()
		f, err := c.formula(1 - i)
		if err != nil {
			return nil, 0, err
		}
		sizes, err := broadcast(f.sizes, v.k.dims)
		if !ok || err != nil || !slices.Equal(sizes, f.sizes) { // it would have more elements than the formula
			return nil, 0, firstOf(err, errFormula)
		}
		return f, x, nil
	}
	return nil, 0, errFormula
}

// minFormula and maxFormula read the halves of a Clip. Either may come first.
func minFormula(c *call) ([]*formula, error) {
	f, x, err := c.limited()
	if err != nil {
		return nil, err
	}
	if !isLimit(x) {
		return nil, errFormula
	}
	if f.e.op == ofFunction && f.e.f.name == relu {
		return []*formula{f.like(c.im.clipped(f.e.a, x))}, nil
	}
	return []*formula{f.like(c.im.same(expr{op: ofMin, width: f.e.width, state: int(math.Float32bits(x)), a: f.e}))}, nil
}

func maxFormula(c *call) ([]*formula, error) {
	f, x, err := c.limited()
	if err != nil {
		return nil, err
	}
	if x != 0 {
		return nil, errFormula
	}
	if f.e.op == ofMin {
		return []*formula{f.like(c.im.clipped(f.e.a, math.Float32frombits(uint32(f.e.state))))}, nil
	}
	return []*formula{f.like(c.im.same(expr{op: ofFunction, width: f.e.width, f: activation{relu, rnn.ReLU}, a: f.e}))}, nil
}

// relu is the name of that activation: see functionFormula.
var relu = fmt.Sprint("Relu", " ", float32(0), " ", float32(0))

// clipped is Clip(e, 0, hi), with what e is multiplied by and what is added last as parameters
// of the function.
func (im *importer) clipped(e *expr, hi float32) *expr {
	factor, shift := float64(1), float64(0)
	number := func(e *expr) (x float64, other *expr) {
		for i, k := range []*expr{e.a, e.b} {
			if k.op == ofConstant && len(k.data) == 1 {
				return float64(k.data[0]), []*expr{e.b, e.a}[i]
			}
		}
		return 0, nil
	}
	if e.op == ofSum {
		if x, other := number(e); other != nil {
			e, shift = other, x
		}
	}
	if e.op == ofTimes {
		if x, other := number(e); other != nil && x > 0 {
			e, factor = other, x
		}
	}
	alpha, beta := float32(factor/float64(hi)), float32(shift/float64(hi))
	f := activation{fmt.Sprint("HardSigmoid", " ", alpha, " ", beta), rnn.HardSigmoid(alpha, beta)}
	out := im.same(expr{op: ofFunction, width: e.width, f: f, a: e})
	if hi != 1 {
		out = im.timesOf(im.number(hi, e.width), out)
	}
	return out
}

// divFormula divides by a constant.
func divFormula(c *call) ([]*formula, error) {
	f, x, err := c.limited()
	if err != nil {
		return nil, err
	}
	if c.in[1].k == nil || !isLimit(x) {
		return nil, errFormula
	}
	return []*formula{f.like(c.im.timesOf(c.im.number(1/x, f.e.width), f.e))}, nil
}
