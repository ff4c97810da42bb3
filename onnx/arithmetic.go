package onnx

import (
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// spend counts elements that a stage copies.
func (im *importer) spend(n int) error {
	if im.budget -= n; im.budget < 0 {
		return refuse("the weights of this node and those before it have more elements than the file: it uses some of them several times")
	}
	return nil
}

// spendAll counts the elements of a constant, before a stage copies them.
func (im *importer) spendAll(k *constant) error {
	shape, err := k.shape()
	if err != nil {
		return err
	}
	n, ok := 1, true
	for _, d := range shape {
		if n *= d; n > math.MaxInt32 {
			ok = false
			break
		}
	}
	if !ok || slices.Contains(shape, 0) {
		return nil // which whole refuses, or has none
	}
	return im.spend(n)
}

// operands returns the two inputs of an operation: the first as a view if one is.
func (c *call) operands() (v *view, k *constant, swapped bool, err error) {
	if !c.has(0) || !c.has(1) {
		return nil, nil, false, refuse("it needs two inputs")
	}
	a, b := c.in[0], c.in[1]
	if a.v == nil {
		a, b, swapped = b, a, true
	}
	if a.v == nil || b.k == nil {
		return nil, nil, false, nil
	}
	if v, err = c.im.vectors(a.v); err == nil && !v.is("inverse") { // which a gain makes as long as a vector
		if err = v.holds(b.k); err == nil && c.im.join {
			v, err = c.im.forEach(v, b.k)
		}
	}
	return v, b.k, swapped, err
}

// forEach is v over a node of its own where it has some elements of vectors alone and the constant has
// a number for each of these.
func (im *importer) forEach(v *view, k *constant) (*view, error) {
	last := len(v.dims) - 1
	if _, same := k.one(); same || !k.float || v.node == nil || v.node.part != nil || v.node.width == 0 || last < 0 || v.inOrder() || !v.onlyFeaturesIn(last) {
		return v, nil
	}
	return im.wholeOf(v)
}

// holds returns an error where v together with a constant has more axes than v, or more entries
// along one of them.
func (v *view) holds(k *constant) error {
	sizes, err := v.sizes()
	if err != nil {
		return err
	}
	all, err := broadcast(sizes, k.dims)
	if err != nil || !slices.Equal(all, sizes) {
		return refuse("a constant of the dimensions %v, which do not fit into the sizes %v of what the layers give: want the same or 1 along each axis, and no more axes", k.dims, sizes)
	}
	return nil
}

// fold applies an operation to two constants; ok is false if one of them is none.
func (c *call) fold(f func(a, b float32) float32, i func(a, b sym) (sym, error)) (out []value, ok bool, err error) {
	if !c.has(0) || !c.has(1) {
		return nil, false, refuse("it needs two inputs")
	}
	if c.in[0].k == nil || c.in[1].k == nil {
		return nil, false, nil
	}
	if err := c.im.spend(max(c.in[0].k.count(), c.in[1].k.count())); err != nil && c.in[0].k.float {
		return nil, false, err
	}
	k, err := combine(c.in[0].k, c.in[1].k, c.im.most, f, i)
	return constants(k), true, err
}

// along returns the elements of a constant as one for each element of the vectors of v.
func (im *importer) along(v *view, k *constant) ([]float32, error) {
	if !k.float {
		return nil, refuse("a constant of integers beside floats")
	}
	width := v.node.width
	if x, ok := k.one(); ok {
		if err := im.spend(width); err != nil {
			return nil, err
		}
		return slices.Repeat([]float32{x}, width), nil
	}
	last := len(k.dims) - 1
	if !v.onlyFeaturesIn(len(v.dims)-1) || !v.inOrder() || k.count() != k.have[last] || !k.dims[last].is(int64(width)) || k.have[last] != width || last >= len(v.dims) {
		return nil, refuse("a constant of the dimensions %v, want one element for each of the %d of a vector", k.dims, width)
	}
	return k.f, nil
}

func readAdd(c *call) ([]value, error) {
	if out, ok, err := c.fold(func(a, b float32) float32 { return a + b }, sym.add); ok || err != nil {
		return out, err
	}
	v, k, _, err := c.operands()
	if err != nil {
		return nil, err
	}
	if v == nil {
		a, b, err := c.two()
		if err != nil {
			return nil, err
		}
		if out := c.im.geluSum(a, b); out != nil {
			return out, nil
		}
		if a.node.part != nil && b.node.part != nil {
			return c.factoredSum(a, b)
		}
		return c.sum(lstm.Sum)
	}
	return c.im.shifted(v, k, 1)
}

func readSub(c *call) ([]value, error) {
	if out, ok, err := c.fold(func(a, b float32) float32 { return a - b }, func(a, b sym) (sym, error) {
		n, err := b.negative()
		if err != nil {
			return sym{}, err
		}
		return a.add(n)
	}); ok || err != nil {
		return out, err
	}
	v, k, swapped, err := c.operands()
	if err != nil {
		return nil, err
	}
	if v == nil {
		out, err := c.centred()
		if err != nil && c.im.join {
			out, second := c.difference(nil, nil)
			if b, _ := c.view(1); second == nil || b != nil && b.node.part == nil {
				return out, second
			}
		}
		return out, err
	}
	if swapped {
		if v.is("offset") {
			return c.im.offsetPlus(v, k, -1)
		}
		if c.im.join {
			return c.difference(v, k)
		}
		return nil, refuse("a constant less what a layer gives")
	}
	return c.im.shifted(v, k, -1)
}

// shifted adds a constant to the vectors of v, by the bias of a stage where there is one.
func (im *importer) shifted(v *view, k *constant, sign float32) ([]value, error) {
	if v.node.part != nil {
		return im.stable(v, k, sign)
	}
	if v.node.width == 0 {
		return v.wrapped(k, sign)
	}
	add, err := im.along(v, k)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(add, func(x float32) bool { return x != 0 }) {
		return one(v), nil
	}
	if err := im.spend(len(add)); err != nil {
		return nil, err
	}
	bias := make([]float32, len(add))
	for i, x := range add {
		bias[i] = float32(sign * x)
	}
	var stage nn.Stage
	switch s := v.node.stage.(type) {
	case *nn.Linear:
		if l := *s; l.Bias == nil {
			l.Bias, stage = bias, &l
		}
	case *nn.LayerNorm:
		if l := *s; l.Bias == nil {
			l.Bias, stage = bias, &l
		}
	case *Scale:
		if l := *s; l.Shift == nil {
			l.Shift, stage = bias, &l
		}
	}
	if stage != nil {
		return one(im.instead(v, stage)), nil
	}
	out, err := im.mapped(v, &Scale{Shift: bias})
	return one(out), err
}

// instead is v with another stage in place of its node's.
func (im *importer) instead(v *view, stage nn.Stage) *view {
	out := *v
	out.node = newNode(v.node.parent, v.node.width, im.at)
	out.node.stage = stage
	return &out
}

// Keras lets a negative id count from the end of the vocabulary. Here an id is never
// negative: such a one is an error when the network runs. So its tests have one answer, and
// what it adds to an id is multiplied by 0:
//
//	id*not(id < 0) + (id + vocabulary)*(id < 0)

// wrapped adds a constant to ids.
func (v *view) wrapped(k *constant, sign float32) ([]value, error) {
	if k.float || k.count() != 1 || sign < 0 || v.test != noTest {
		return nil, refuse("a constant of the dimensions %v added to ids", k.dims)
	}
	if k.i[0].is(0) {
		return one(v), nil
	}
	n, ok := k.i[0].value()
	if !ok || n < 0 || n > math.MaxInt32 || v.off != 0 {
		return nil, refuse("%v added to ids", k.i[0])
	}
	out := *v
	out.off = int(n)
	return one(&out), nil
}

// chosen multiplies ids by 0 or 1.
func (v *view) chosen(k *constant) ([]value, error) {
	switch {
	case v.test != noTest:
	case !k.float && k.count() == 1 && k.i[0].is(1):
		return one(v), nil
	case !k.float && k.count() == 1 && k.i[0].is(0):
		sizes, err := v.sizes()
		return constants(scalar(known(0)).expanded(sizes)), err
	}
	return nil, refuse("ids multiplied by a constant")
}

// kind is what the operator of a node is called in errors, empty where several make such a node.
func (n *node) kind() string {
	switch {
	case n.rec != nil:
		return n.rec.kind
	case n.parent == nil:
		return "the input"
	case n.residual != nil:
		return "Add"
	case n.parallel != nil:
		return "Concat"
	}
	if s, ok := n.stage.(*Combine); ok && s.Product {
		return "Mul"
	} else if ok {
		return "Add"
	}
	return ""
}

// merged is the node of a bidirectional layer with its directions merged.
func (n *node) merged(merge lstm.Merge) *node {
	out := newNode(n.parent, n.rec.hidden, n.rec.name)
	out.rec, out.merge = n.rec, merge
	return out
}

// sum adds what two nodes give: the directions of one layer, or of two that could be one, or a
// node and what follows from it. The directions can be multiplied too.
func (c *call) sum(merge lstm.Merge) ([]value, error) {
	a, b, err := c.two()
	if err != nil {
		return nil, err
	}
	if a, b, err = c.im.spreadEither(a, b); err != nil {
		return nil, err
	}
	step, err := together(a.step, b.step)
	if err != nil {
		return nil, err
	}
	if sameAxes(a, b, -1) && a.flip != b.flip {
		return nil, refuse("a sequence together with one whose time runs from the end")
	}
	if !sameAxes(a, b, -1) {
		return nil, refuse("%s of two tensors with other axes", map[bool]string{true: "a sum", false: "a product"}[merge == lstm.Sum])
	}
	if n := a.node; n == b.node && n.rec != nil && n.rec.directions == 2 && n.merge == lstm.Concat {
		h, units := n.rec.hidden, normal(a.features())
		if min(a.off, b.off) == 0 && max(a.off, b.off) == h && slices.Equal(units, normal([]atom{feature(h, 1)})) && slices.Equal(units, normal(b.features())) {
			out := *a
			out.off, out.node, out.step = 0, n.merged(merge), step
			return one(&out), nil
		}
	}
	na, err := c.im.input(a)
	if err != nil {
		return nil, err
	}
	nb, err := c.im.input(b)
	if err != nil {
		return nil, err
	}
	out := *a
	out.off, out.step = 0, step
	switch both, err := c.im.pair(na, nb); {
	case err != nil:
		return nil, err
	case both != nil:
		out.node = both.merged(merge)
		return one(out.like(rebased(a.dims, ofFeature))), nil
	}
	base := meet(na, nb)
	if na == base {
		na, nb = nb, na
	}
	if merge == lstm.Sum && nb == base && na != nb && na.width == nb.width {
		out.node = newNode(base, na.width, c.im.at)
		out.node.residual = na
		return one(out.like(rebased(a.dims, ofFeature))), nil
	}
	if !c.im.join {
		return nil, refuse("a sum or a product of what two nodes give")
	}
	product := merge == lstm.Multiply
	if out.node = c.im.halves(a, b, product); out.node == nil {
		if out.node, err = c.im.joined(na, nb, product); err != nil {
			return nil, err
		}
	}
	return one(out.like(rebased(a.dims, ofFeature))), nil
}

// two are the first two inputs, which the graph computes when it runs.
func (c *call) two() (a, b *view, err error) {
	if a, err = c.view(0); err != nil {
		return nil, nil, err
	}
	b, err = c.view(1)
	return a, b, err
}

func readNeg(c *call) ([]value, error) {
	if c.has(0) && c.in[0].v != nil {
		return readNegMean(c)
	}
	k, err := c.constant(0, "the operand")
	if err != nil {
		return nil, err
	}
	minus := scalar(known(-1))
	if k.float {
		minus = &constant{float: true, f: []float32{-1}}
	}
	if err := c.im.spend(k.count()); err != nil {
		return nil, err
	}
	out, err := combine(k, minus, c.im.most, func(a, b float32) float32 { return a * b }, sym.mul)
	return constants(out), err
}
