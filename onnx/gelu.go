package onnx

import (
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// Before operator set 20 exporters write a GELU as its arithmetic, in one of two forms:
//
//	x * 0.5 * (1 + erf(x/sqrt 2))
//	x * 0.5 * (1 + tanh(sqrt(2/pi) * (x + 0.044715*x^3)))
//
// with the factors x and 0.5 in any order. A node that is a part of one is no stage; its part is
// named by what it computes.

// sqrtHalf and tanhFactor are the constants in front of x.
const (
	sqrtHalf   = 1 / math.Sqrt2
	tanhFactor = 0.7978845608028654 // the root of 2/pi
	cubeFactor = 0.044715
)

// isNear says whether a constant of a file, which may have few digits, is x.
func isNear(f float32, x float64) bool { return math.Abs(float64(f)-x) <= 1e-5*x }

// ofGELU is v with another part of a GELU.
func (im *importer) ofGELU(v *view, part string) *view {
	of := v.node
	if of.part != nil {
		of = of.part.of
	}
	out := *v
	out.node = im.partOf(of, part, of.width, 0)
	return &out
}

// gelu is the stage in place of its parts.
func (im *importer) gelu(v *view, of *node, kind string) []value {
	out := *v
	out.node = newNode(of, of.width, im.at)
	if out.node.stage = nn.GELU; kind == "tanh" {
		out.node.stage = nn.GELUTanh
	}
	return one(&out)
}

// sameElements says whether two views have elements of the same places.
func sameElements(a, b *view) bool {
	return a.off == b.off && a.step == b.step && a.flip == b.flip && slices.EqualFunc(a.dims, b.dims, slices.Equal[[]atom])
}

// uniform is the factor of a Scale of one number for all elements, 0 for any other node.
func (n *node) uniform() float32 {
	s, ok := n.stage.(*Scale)
	if !ok || s.Shift != nil || len(s.Factor) == 0 || slices.ContainsFunc(s.Factor, func(f float32) bool { return f != s.Factor[0] }) {
		return 0
	}
	return s.Factor[0]
}

// readGelu reads the operator of operator set 20.
func readGelu(c *call) ([]value, error) {
	form := c.string("approximate", "none")
	v, err := c.view(0)
	if err != nil || c.err != nil {
		return nil, firstOf(err, c.err)
	}
	stage := nn.GELU
	switch form {
	case "none":
	case "tanh":
		stage = nn.GELUTanh
	default:
		return nil, refuse("approximate is %q, want \"none\" or \"tanh\"", cut(form))
	}
	out, err := c.im.mapped(v, stage)
	return one(out), err
}

// readErf reads the error function of x/sqrt 2, of a GELU.
func readErf(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	if !isNear(v.node.uniform(), sqrtHalf) {
		return nil, refuse("the error function of something else than x/sqrt 2, which a GELU has")
	}
	x := *v
	x.node = v.node.parent
	return one(c.im.ofGELU(&x, "erf")), nil
}

// readTanh is tanh, of a GELU or as a stage.
func readTanh(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	if v.is("argument") {
		return one(c.im.ofGELU(v, "tanh")), nil
	}
	return function(nn.Tanh)(c)
}

// readAbs reads the absolute value of a softsign, x / (1 + |x|), which PyTorch writes as its
// arithmetic.
func readAbs(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	if v.node.part != nil || v.node.width == 0 {
		return nil, refuse("the absolute value of ids, or of a part of a computation that is no layer")
	}
	return one(c.im.ofGELU(v, "absolute")), nil
}

// softsign is x / (1 + |x|); it is nil for other views.
func (im *importer) softsign(x, d *view) []value {
	if !d.is("absolute+1") || x.node != d.node.part.of || !sameElements(x, d) {
		return nil
	}
	out := *x
	out.node = newNode(x.node, x.node.width, im.at)
	out.node.stage = nn.Softsign
	return one(&out)
}

// plusOne adds 1 to a part of a GELU or of a softsign; it is nil for any other view.
func (im *importer) plusOne(v *view, k *constant, sign float32) []value {
	if x, ok := k.one(); ok && x == 1 && sign > 0 && (v.is("erf") || v.is("tanh") || v.is("absolute")) {
		return one(im.ofGELU(v, v.node.part.part+"+1"))
	}
	return nil
}

// geluTimes is a part of a GELU by a constant; it is nil for any other view, or constant.
func (im *importer) geluTimes(v *view, k *constant, divide bool) []value {
	f, ok := k.one()
	if divide {
		f = 1 / f
	}
	switch part := v.node.part.part; {
	case !ok:
	case part == "cube" && isNear(f, cubeFactor):
		return one(im.ofGELU(v, "cubic"))
	case part == "inner" && isNear(f, tanhFactor):
		return one(im.ofGELU(v, "argument"))
	case (part == "erf+1" || part == "tanh+1") && f == 0.5:
		return one(im.ofGELU(v, part[:len(part)-2]+"/2"))
	case (part == "x*erf" || part == "x*tanh") && f == 0.5:
		return im.gelu(v, v.node.part.of, part[2:])
	}
	return nil
}

// geluProduct is x, or half of it, by a part of a GELU; it is nil for other views.
func (im *importer) geluProduct(a, b *view) []value {
	if a.node.part == nil {
		a, b = b, a
	}
	if a.node.part == nil || b.node.part != nil || !sameElements(a, b) {
		return nil
	}
	of, part := a.node.part.of, a.node.part.part
	switch isX := b.node == of; {
	case part == "square" && isX:
		return one(im.ofGELU(a, "cube"))
	case (part == "erf/2" || part == "tanh/2") && isX:
		return im.gelu(b, of, part[:len(part)-2])
	case part != "erf+1" && part != "tanh+1":
	case isX:
		return one(im.ofGELU(a, "x*"+part[:len(part)-2]))
	case b.node.parent == of && b.node.uniform() == 0.5:
		return im.gelu(b, of, part[:len(part)-2])
	}
	return nil
}

// geluSum is x with 0.044715*x^3; it is nil for other views.
func (im *importer) geluSum(a, b *view) []value {
	if a.node.part == nil {
		a, b = b, a
	}
	if a.is("cubic") && b.node == a.node.part.of && sameElements(a, b) {
		return one(im.ofGELU(a, "inner"))
	}
	return nil
}

// powerOfGELU is x^2 or x^3 of what a layer gives.
func (im *importer) powerOfGELU(v *view, three bool) ([]value, error) {
	if v.node.part != nil || v.node.width == 0 {
		return nil, errNoNorm
	}
	if three {
		return one(im.ofGELU(v, "cube")), nil
	}
	return one(im.ofGELU(v, "square")), nil
}
