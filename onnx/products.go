package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

func readMul(c *call) ([]value, error) {
	if out, ok, err := c.fold(func(a, b float32) float32 { return a * b }, sym.mul); ok || err != nil {
		return out, err
	}
	v, k, _, err := c.operands()
	if err != nil {
		return nil, err
	}
	if v == nil {
		if a, b := c.in[0].v, c.in[1].v; a.node != nil && a.node == b.node && a.node.part != nil {
			return c.im.squared(a)
		}
		a, b, err := c.two()
		if err != nil {
			return nil, err
		}
		if out, err := c.im.weighted(a, b); out != nil || err != nil {
			return one(out), err
		}
		if out := c.im.geluProduct(a, b); out != nil {
			return out, nil
		}
		if a.node.part != nil || b.node.part != nil {
			return c.factored(a, b)
		}
		if a.node == b.node && sameElements(a, b) {
			return c.im.powerOfGELU(a, false)
		}
		return c.sum(lstm.Multiply)
	}
	return c.im.scaled(v, k, false)
}

func readDiv(c *call) ([]value, error) {
	if out, ok, err := c.fold(func(a, b float32) float32 { return a / b }, sym.div); ok || err != nil {
		return out, err
	}
	v, k, swapped, err := c.operands()
	if err != nil {
		return nil, err
	}
	if v == nil {
		if c.in[0].v.is("total") {
			out, err := rowQuotient(c)
			return []value{out}, err
		}
		return c.normalized()
	}
	if swapped {
		if x, ok := k.one(); ok && x == 1 && v.is("deviation") {
			return c.im.inverse(v)
		}
		return nil, refuse("a constant divided by what a layer gives")
	}
	return c.im.scaled(v, k, true)
}

// scaled multiplies the vectors of v by a constant, or divides them. The mean of two directions is half of their sum.
func (im *importer) scaled(v *view, k *constant, divide bool) ([]value, error) {
	if x, ok := k.one(); ok {
		if x == 1 {
			return one(v), nil
		}
		if n := v.node; n.rec != nil && n.merge == lstm.Sum && (x == 0.5 && !divide || x == 2 && divide) {
			out := *v
			out.node = n.merged(lstm.Average)
			return one(&out), nil
		}
	}
	if v.node.width == 0 && !divide {
		return v.chosen(k)
	}
	if v.node.part != nil {
		if out := im.geluTimes(v, k, divide); out != nil {
			return out, nil
		}
		if divide {
			return nil, refuse("it scales %s", v.node.part.what())
		}
		return im.factor(v, k)
	}
	factors, err := im.along(v, k)
	if err != nil {
		return nil, err
	}
	if err := im.spend(len(factors)); err != nil {
		return nil, err
	}
	factors = slices.Clone(factors)
	if divide {
		for i, f := range factors {
			factors[i] = 1 / f
		}
	}
	// The gain of a layer norm that is written as its arithmetic.
	if s, ok := v.node.stage.(*nn.LayerNorm); ok && s.Bias == nil && !slices.ContainsFunc(s.Weight, func(x float32) bool { return x != 1 }) {
		l := *s
		l.Weight = factors
		return one(im.instead(v, &l)), nil
	}
	out, err := im.mapped(v, &Scale{Factor: factors})
	return one(out), err
}
