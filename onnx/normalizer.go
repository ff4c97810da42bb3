package onnx

import (
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// A normalizer is a part of a layer norm that a graph writes as its arithmetic, which
// exporters do for operator sets before 17:
//
//	mean -> centred = x - mean -> squared -> variance -> variance + eps -> deviation
//	normalised = centred / deviation
//
// tf2onnx has that of Keras with a factor in place of the quotient, see factor.go.
//
// A node that is such a part is no stage. The last of them makes a LayerNorm of it.
type normalizer struct {
	of   *node // x
	part string
	eps  float32

	gain, bias []float32 // of a factor and what follows from it; nil for 1 and 0
	minus      bool      // an offset is mean*factor, not -mean*factor

	// Of the parts of an attention, or of a pool: what scores the steps of which the weighted are, the
	// lengths that leave some of them out, of so many, and what masked ones have in place of these.
	scores *node
	rows   lengthsOf
	steps  sym
	fill   float32
}

// what says what it is a part of.
func (p *normalizer) what() string {
	switch p.part {
	case "masked":
		return "masked steps, which only a maximum over time reads, or of scores a softmax"
	case "kept":
		return "steps that are 0 past the ends of rows, of which a chain has the mean over time alone: their sum, divided by the lengths"
	case "total":
		return "the sum of the steps of each row, of which a chain has the mean alone: divide it by the lengths"
	case "weights":
		return "weights of steps, a softmax over time, of which a chain has the sum of the weighted steps alone"
	case "weighted":
		return "weighted steps, of which a chain has the sum over time alone"
	}
	return "a part of a computation that is no layer norm and no GELU"
}

// partOf is a node for a part of a layer norm.
func (im *importer) partOf(of *node, part string, width int, eps float32) *node {
	n := newNode(of, width, im.at)
	n.part = &normalizer{of: of, part: part, eps: eps}
	return n
}

func (v *view) is(part string) bool {
	return v != nil && v.node != nil && v.node.part != nil && v.node.part.part == part
}

// mean is ReduceMean over the vectors.
func (im *importer) mean(v *view, axis int) (*view, error) {
	out := *v
	switch {
	case v.is("squared"):
		out.node = im.partOf(v.node.part.of, "variance", 1, 0)
	default:
		n, err := im.input(v)
		if err != nil {
			return nil, err
		}
		out.node = im.partOf(n, "mean", 1, 0)
	}
	dims := slices.Clone(v.dims)
	dims[axis] = nil
	return out.like(dims), nil
}

var errNoNorm = refuse("a combination of what two nodes give that is no part of a layer norm or of a GELU")

// centred is x less its mean.
func (c *call) centred() ([]value, error) {
	x, err := c.view(0)
	if err != nil {
		return nil, err
	}
	m, err := c.view(1)
	if err != nil {
		return nil, err
	}
	if m.is("mean") && x.node.part == nil && x.node.width > 0 && !x.inOrder() { // such as one of two directions
		if x, err = c.im.wholeOf(x); err != nil {
			return nil, err
		}
	}
	if !m.is("mean") || m.node.part.of != x.node || m.step != x.step || !x.hasMean(m) {
		return nil, errNoNorm
	}
	out := *x
	out.node = c.im.partOf(x.node, "centred", x.node.width, 0)
	return one(&out), nil
}

// hasMean says whether m has the axes of v, with an axis of size 1 in place of the vectors: with that
// axis left out, its numbers would be those of other rows and steps.
func (v *view) hasMean(m *view) bool {
	if len(v.dims) != len(m.dims) {
		return false
	}
	for i, d := range v.dims {
		if isVector := len(d) > 0 && d[0].kind == ofFeature; isVector && len(m.dims[i]) > 0 || !isVector && !slices.Equal(d, m.dims[i]) {
			return false
		}
	}
	return true
}

func (im *importer) squared(v *view) ([]value, error) {
	if !v.is("centred") {
		return nil, errNoNorm
	}
	out := *v
	out.node = im.partOf(v.node.part.of, "squared", v.node.width, 0)
	return one(&out), nil
}

func readPow(c *call) ([]value, error) {
	power := func(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) }
	if len(c.in) == 2 && c.in[0].k != nil && c.in[1].k != nil { // as a width to the power of a half
		out, _, err := c.fold(power, func(_, _ sym) (sym, error) { return sym{}, refuse("a power of integers") })
		return out, err
	}
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	k, err := c.constant(1, "the exponent")
	if err != nil {
		return nil, err
	}
	if err := v.holds(k); err != nil {
		return nil, err
	}
	x, ok := k.one()
	if !ok && len(k.i) == 1 {
		n, _ := k.i[0].value()
		x = float32(n)
	}
	switch {
	case x == 3:
		return c.im.powerOfGELU(v, true)
	case x != 2:
		return nil, errNoNorm
	case v.node.part == nil:
		return c.im.powerOfGELU(v, false)
	}
	return c.im.squared(v)
}

// stable adds epsilon to a variance.
func (im *importer) stable(v *view, k *constant, sign float32) ([]value, error) {
	if v.is("offset") && sign > 0 { // an offset less a constant is none; readSub has the reverse
		return im.offsetPlus(v, k, sign)
	}
	if out := im.plusOne(v, k, sign); out != nil {
		return out, nil
	}
	if v.is("masked") || v.is("weights") || v.is("weighted") || v.is("kept") || v.is("total") {
		return nil, refuse("it adds a constant to %s", v.node.part.what())
	}
	eps, ok := k.one()
	if !v.is("variance") || !ok || sign < 0 {
		return nil, errNoNorm
	}
	if err := epsilon(eps); err != nil {
		return nil, err
	}
	out := *v
	out.node = im.partOf(v.node.part.of, "stable", 1, eps)
	return one(&out), nil
}

func readSqrt(c *call) ([]value, error) {
	if c.has(0) && c.in[0].k != nil && c.in[0].k.float {
		k := c.in[0].k
		if err := c.im.spend(k.count()); err != nil {
			return nil, err
		}
		root := func(a, _ float32) float32 { return float32(math.Sqrt(float64(a))) }
		out, err := combine(k, &constant{float: true, f: []float32{0}}, c.im.most, root, nil)
		return constants(out), err
	}
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	if !v.is("stable") {
		return nil, errNoNorm
	}
	out := *v
	out.node = c.im.partOf(v.node.part.of, "deviation", 1, v.node.part.eps)
	return one(&out), nil
}

// normalized is a layer norm without gain and bias.
func (c *call) normalized() ([]value, error) {
	x, err := c.view(0)
	if err != nil {
		return nil, err
	}
	d, err := c.view(1)
	if err != nil {
		return nil, err
	}
	if out := c.im.softsign(x, d); out != nil {
		return out, nil
	}
	if !x.is("centred") || !d.is("deviation") || x.node.part.of != d.node.part.of || x.step != d.step || !x.hasMean(d) {
		return nil, errNoNorm
	}
	of := x.node.part.of
	if err := c.im.spend(of.width); err != nil {
		return nil, err
	}
	out := *x
	out.node = newNode(of, of.width, c.im.at)
	out.node.stage = &nn.LayerNorm{Width: of.width, Eps: d.node.part.eps, Weight: slices.Repeat([]float32{1}, of.width)}
	return one(&out), nil
}
