package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// Keras computes a layer norm by a factor and an offset, and tf2onnx writes it so:
//
//	inverse = 1/deviation, factor = inverse*gain
//	normalised = x*factor + (bias + (-mean)*factor)
//
// Gain and bias may be left out, and bias - mean*factor is the same.

// partAfter is a view of a part that follows from another: of the same layer norm.
func (im *importer) partAfter(v *view, part string, width int) *view {
	out := *v
	out.node = im.partOf(v.node.part.of, part, width, v.node.part.eps)
	out.node.part.gain, out.node.part.bias, out.node.part.minus = v.node.part.gain, v.node.part.bias, v.node.part.minus
	return &out
}

// readReciprocal reads 1/x of a deviation, and of constants.
func readReciprocal(c *call) ([]value, error) {
	if len(c.in) == 1 && c.in[0].k != nil {
		if !c.in[0].k.float {
			return nil, refuse("integers, want floats")
		}
		if err := c.im.spend(c.in[0].k.count()); err != nil {
			return nil, err
		}
		k, err := combine(&constant{float: true, f: []float32{1}}, c.in[0].k, c.im.most, func(a, b float32) float32 { return a / b }, nil)
		return constants(k), err
	}
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	return c.im.inverse(v)
}

func (im *importer) inverse(v *view) ([]value, error) {
	if !v.is("deviation") {
		return nil, errNoNorm
	}
	return one(im.partAfter(v, "inverse", 1)), nil
}

// readNegMean is the mean with its sign turned.
func readNegMean(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	if !v.is("mean") {
		return nil, errNoNorm
	}
	return one(c.im.partAfter(v, "minus mean", 1)), nil
}

// perElement returns a constant as one number for each element of the x of a layer norm: the
// last axis of v, whose other axes it has not.
func (im *importer) perElement(v *view, k *constant) ([]float32, error) {
	width, last := v.node.part.of.width, len(k.dims)-1
	if !k.float || last >= len(v.dims) || len(v.dims) < 2 {
		return nil, errNoNorm
	}
	if err := im.spend(width); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(k.dims[:max(0, last)], func(d sym) bool { return !d.is(1) }) || last >= 0 && !k.dims[last].is(1) && !k.dims[last].is(int64(width)) {
		return nil, refuse("a constant of the dimensions %v in a layer norm of width %d", k.dims, width)
	}
	if x, ok := k.one(); ok {
		return slices.Repeat([]float32{x}, width), nil
	}
	if last < 0 || k.count() != k.have[last] || k.have[last] != width || !k.dims[last].is(int64(width)) {
		return nil, refuse("a constant of the dimensions %v in a layer norm of width %d", k.dims, width)
	}
	return slices.Clone(k.f), nil
}

// widened is v with the elements of a layer norm in its last axis, where a mean has one.
func (v *view) widened(width int) *view {
	dims := slices.Clone(v.dims)
	last := len(dims) - 1
	dims[last] = []atom{feature(width, 1)}
	return v.like(dims)
}

// factor is the inverse of a deviation by a gain.
func (im *importer) factor(v *view, k *constant) ([]value, error) {
	if !v.is("inverse") || len(v.dims) == 0 || len(v.dims[len(v.dims)-1]) != 0 {
		return nil, refuse("it scales %s", v.node.part.what())
	}
	gain, err := im.perElement(v, k)
	if err != nil {
		return nil, err
	}
	out := im.partAfter(v, "factor", len(gain))
	out.node.part.gain = gain
	return one(out.widened(len(gain))), nil
}

// factored is x or a mean by a factor, or centred values by the inverse of a deviation.
func (c *call) factored(a, b *view) ([]value, error) {
	if a.is("inverse") || a.is("factor") {
		a, b = b, a
	}
	if !b.is("inverse") && !b.is("factor") {
		return nil, errNoNorm
	}
	of := b.node.part.of
	if a.step != b.step || len(a.dims) != len(b.dims) || !sameAxes(a, b, len(a.dims)-1) {
		return nil, errNoNorm
	}
	switch {
	case a.is("centred") && a.node.part.of == of:
		return c.im.normalizedBy(a, b.node.part.gain, nil, b.node.part.eps)
	case a.node == of && a.inOrder():
		out := *a
		out.node = c.im.partAfter(b, "scaled", of.width).node
		return one(&out), nil
	case (a.is("mean") || a.is("minus mean")) && a.node.part.of == of:
		out := c.im.partAfter(b, "offset", of.width)
		out.node.part.minus = a.is("mean")
		return one(out.widened(of.width)), nil
	}
	return nil, errNoNorm
}

// offsetPlus adds a bias to an offset, or takes the offset from it where sign is below 0.
func (im *importer) offsetPlus(v *view, k *constant, sign float32) ([]value, error) {
	if v.node.part.bias != nil || sign < 0 != v.node.part.minus {
		return nil, errNoNorm
	}
	bias, err := im.perElement(v, k)
	if err != nil {
		return nil, err
	}
	out := im.partAfter(v, "offset", v.node.width)
	out.node.part.bias, out.node.part.minus = bias, false
	return one(out), nil
}

// factoredSum is x*factor with its offset: a layer norm.
func (c *call) factoredSum(a, b *view) ([]value, error) {
	if a.is("offset") {
		a, b = b, a
	}
	if !a.is("scaled") || !b.is("offset") || b.node.part.minus || a.node.part.of != b.node.part.of || a.step != b.step ||
		a.node.part.eps != b.node.part.eps || !slices.Equal(a.node.part.gain, b.node.part.gain) || !sameAxes(a, b, -1) {
		return nil, errNoNorm
	}
	return c.im.normalizedBy(a, a.node.part.gain, b.node.part.bias, a.node.part.eps)
}

// normalizedBy is a layer norm over the x of parts.
func (im *importer) normalizedBy(v *view, gain, bias []float32, eps float32) ([]value, error) {
	of := v.node.part.of
	if err := im.spend(2 * of.width); err != nil {
		return nil, err
	}
	if gain == nil {
		gain = slices.Repeat([]float32{1}, of.width)
	}
	out := *v
	out.node = newNode(of, of.width, im.at)
	out.node.stage = &nn.LayerNorm{Width: of.width, Eps: eps, Weight: slices.Clone(gain), Bias: slices.Clone(bias)}
	return one(&out), nil
}
