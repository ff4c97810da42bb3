package onnx

import (
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
)

// Pooling by attention goes through
//
//	scores -> masked -> weights = softmax over time -> weighted = values * weights -> its sum over time
//
// or through a product of weights and values as matrices, or an Einsum. Like the parts of a layer
// norm, those before the last are nodes that are no stages.

// timeAxis says whether an axis of v is time, of all steps; or one of size 1, where time has that.
func (v *view) timeAxis(axis int) bool {
	if len(v.dims[axis]) == 0 {
		return v.step == allSteps && v.oneStepOnly()
	}
	return v.isTime(axis) && v.step == allSteps
}

// isTime says whether an axis of v is time, of all steps or some.
func (v *view) isTime(axis int) bool {
	d := v.dims[axis]
	return len(d) == 1 && d[0].kind == ofSequence && v.node.root.roles[d[0].axis] == timeRole
}

// oneStepOnly says whether the sequences of layers have one step, which is no axis then.
func (v *view) oneStepOnly() bool {
	roles := v.node.root.roles[:]
	return !slices.Contains(roles, timeRole) && slices.Contains(roles, batchRole)
}

// weighing returns v as weights of steps, nil if it is none. The softmax of one number is one over
// time, too, where that has one step.
func (im *importer) weighing(v *view) *view {
	if v.is("weights") {
		return v
	}
	if _, ok := v.node.stage.(Softmax); !ok || v.node.width != 1 || v.step != allSteps || !v.oneStepOnly() {
		return nil
	}
	out := *v
	out.node = im.partOf(v.node.parent, "weights", 1, 0)
	return &out
}

// scored is v, one number for each step, over a node that gives that.
func (im *importer) scored(v *view) (*view, error) {
	if v.is("masked") {
		return v, nil
	}
	if len(v.features()) > 0 {
		return nil, refuse("it masks %d numbers of each step, want one, its score: several attentions side by side are no stage of a chain", v.count())
	}
	return im.wholeOf(v)
}

// weights is a softmax over time; nil if it goes over another axis.
func (c *call) weights(v *view, axis int) (*view, error) {
	if v.step.of != (Window{}) && v.isTime(axis) {
		return nil, refuse("it goes over axis %d, the steps %v of a layer; an attention goes over all of them: leave steps out before the layer", axis, v.step.of)
	}
	if c.n.GetOpType() != "Softmax" || len(v.dims[axis]) == 0 || !v.timeAxis(axis) {
		return nil, nil
	}
	if n := v.count(); n > 1 {
		return nil, refuse("it goes over axis %d, which is time, of %d numbers for each step, want one, its score: several attentions side by side are no stage of a chain", axis, n)
	}
	for i := axis + 1; i < len(v.dims); i++ {
		if c.im.opset < 13 && len(v.dims[i]) > 0 {
			return nil, nil
		}
	}
	v, err := c.im.scored(v)
	if err != nil {
		return nil, err
	}
	of, rows := v.node, lengthsOf{}
	if v.is("masked") {
		of, rows = v.node.part.of, v.node.part.rows
	}
	out := *v
	out.node = c.im.partOf(of, "weights", 1, 0)
	out.node.part.rows = rows
	return &out, nil
}

// weighted is the product of what layers give and weights of its steps; nil if neither is such.
func (im *importer) weighted(a, b *view) (*view, error) {
	if a.is("weights") || len(a.features()) == 0 && !b.is("weights") {
		a, b = b, a
	}
	if b.is("weights") || !sameAxes(a, b, -1) { // a product of two vectors of one element is none
		b = im.weighing(b)
	}
	if b == nil || !b.is("weights") {
		return nil, nil
	}
	same := len(a.dims) == len(b.dims) && a.flip == b.flip && a.step == allSteps && a.node.part == nil
	for i, d := range b.dims {
		same = same && (slices.Equal(a.dims[i], d) || len(a.dims[i]) > 0 && a.onlyFeaturesAt(i) && (len(d) == 0 || len(d) == 1 && d[0] == feature(a.countAt(i), 0)))
	}
	if !same {
		return nil, refuse("weights of steps times something else than vectors of the same steps")
	}
	values, err := im.wholeOf(a)
	if err != nil {
		return nil, err
	}
	out := *values
	out.node = im.partOf(values.node, "weighted", values.node.width, 0)
	out.node.part.scores, out.node.part.rows = b.node.part.of, b.node.part.rows
	return &out, nil
}

// onlyFeaturesAt says whether an axis has features and nothing else.
func (v *view) onlyFeaturesAt(axis int) bool {
	return !slices.ContainsFunc(v.dims[axis], func(a atom) bool { return a.kind != ofFeature })
}

// countAt is how many features an axis has.
func (v *view) countAt(axis int) int {
	n := 1
	for _, a := range v.dims[axis] {
		size, _ := a.size.value()
		n *= int(size)
	}
	return n
}

// attended is the sum of the weighted values over time, an axis of v, with one of size 1 in its place.
func (im *importer) attended(v *view, axis int) (*view, error) {
	p := v.node.part
	if !v.timeAxis(axis) {
		return nil, refuse("a sum of weighted steps over axis %d, which is not time", axis)
	}
	n, err := im.pooled(p.of, p.scores)
	if err != nil {
		return nil, err
	}
	out := *v
	out.node, out.flip, out.step = n, false, lastStep
	if p.rows != (lengthsOf{}) {
		out.step = step{kind: ofRow, rows: p.rows}
	}
	dims := slices.Clone(v.dims)
	dims[axis] = nil
	return out.like(dims), nil
}

// pooled is the node of an attention over values by scores: of values and nothing else, if the
// scores are made of them.
func (im *importer) pooled(values, scores *node) (*node, error) {
	base := meet(values, scores)
	if base == nil {
		return nil, refuse("values of one input, weighted by scores of another")
	}
	if err := im.spend(2 + 2*values.width); err != nil {
		return nil, err
	}
	if base == values {
		n := newNode(base, values.width, im.at)
		n.attend = scores
		return n, nil
	}
	both := newNode(base, values.width+1, im.at)
	both.parallel = []*node{values, scores}
	pool := newNode(both, both.width, im.at)
	pool.stage = byLast(values.width)
	return im.picked(pool, identity(values.width), nil), nil
}

// byLast is an attention over vectors of n elements by a score that stands behind them, which it
// gives too.
func byLast(n int) nn.AttentionPool { return nn.AttentionPool{&Pick{Width: n + 1, From: []int{n}}} }

func identity(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// attention makes the stages of a node whose values are those of its parent.
func (b *builder) attention(n *node) ([]nn.Stage, error) {
	list, err := b.stages(n.attend.path(n.parent))
	if err != nil {
		return nil, err
	}
	if pool := nn.AttentionPool(list); widthOfChain(pool) == 0 { // it has to say its width
		same, err := b.whole(n.parent)
		if err != nil {
			return nil, err
		}
		list = append([]nn.Stage{same}, list...)
	}
	b.tensors += attentionTensors
	return []nn.Stage{nn.AttentionPool(list)}, nil
}

// attentionTensors are those of the state of an AttentionPool, beside that of its stages.
const attentionTensors = 3

// matrices is a product of two tensors that the graph computes: of weights of steps, as one row, and
// the steps, or of these and a column of weights.
func (c *call) matrices() ([]value, error) {
	a, b, err := c.two()
	if err != nil {
		return nil, err
	}
	if v, err := c.queried(a, b); v != nil || err != nil {
		return one(v), err
	}
	w, x, turned := c.im.weighing(a), b, false
	if w == nil {
		w, x, turned = c.im.weighing(b), a, true
	}
	last := len(a.dims) - 1
	if w == nil || len(a.dims) != len(b.dims) || last < 1 {
		return nil, refuse("a product of two tensors that are computed when the graph runs, want a constant matrix, or the weights of steps, a softmax over time, and the steps: attention in which each step looks at all others is no stage of a chain")
	}
	if turned { // as if both were transposed
		w, x = w.swapped(), x.swapped()
	}
	if len(w.dims[last-1]) > 0 || !x.onlyFeaturesIn(last) {
		return nil, refuse("a product of weights of steps and something else than the vectors of the steps")
	}
	v, err := c.im.weighted(x, w.swapped())
	if err != nil {
		return nil, err
	}
	if v, err = c.im.attended(v, last-1); err == nil && turned {
		v = v.swapped()
	}
	return one(v), err
}

// swapped is v with its last two axes in the other order.
func (v *view) swapped() *view {
	dims, last := slices.Clone(v.dims), len(v.dims)-1
	dims[last-1], dims[last] = dims[last], dims[last-1]
	return v.like(dims)
}

// readEinsum reads the sum of weighted steps over time, with axes in any order.
func readEinsum(c *call) ([]value, error) {
	equation := strings.ReplaceAll(c.string("equation", ""), " ", "")
	if c.err != nil {
		return nil, c.err
	}
	in, to, ok := strings.Cut(equation, "->")
	of := strings.Split(in, ",")
	if !ok || len(of) != 2 || len(c.in) != 2 || strings.Contains(equation, ".") {
		return nil, refuse("the equation %q, want one of two inputs and their output, such as bt,bth->bh", cut(equation))
	}
	w, x, err := c.two()
	if err != nil {
		return nil, err
	}
	if c.im.weighing(x) != nil {
		w, x, of[0], of[1] = x, w, of[1], of[0]
	}
	if w.step.one() || x.step.one() {
		if w.step == allSteps { // x is the query
			w, x, of[0], of[1] = x, w, of[1], of[0]
		}
		if len(of[0]) == len(w.dims) && len(of[1]) == len(x.dims) {
			if out, err := c.queriedBy(x, w, of[1], of[0], to); out != nil || err != nil {
				return out, err
			}
		}
	}
	if w = c.im.weighing(w); w == nil || len(of[0]) != len(w.dims) || len(of[1]) != len(x.dims) {
		return nil, refuse("the equation %q, neither of whose inputs is the weights of steps, a softmax over time, with as many axes as it names; export the product as a MatMul", cut(equation))
	}
	// The weights with the axes of the values, and the sum over that which is no axis of the output.
	dims, time := make([][]atom, len(x.dims)), -1
	for i, letter := range of[1] {
		if strings.Count(of[1], string(letter)) > 1 {
			return nil, refuse("the equation %q, with an axis twice", cut(equation))
		}
		if at := strings.IndexRune(of[0], letter); at >= 0 {
			dims[i] = w.dims[at]
		}
		if !strings.ContainsRune(to, letter) {
			if time >= 0 {
				return nil, refuse("the equation %q, a sum over two axes", cut(equation))
			}
			time = i
		}
	}
	for i, letter := range of[0] {
		if !strings.ContainsRune(of[1], letter) && len(w.dims[i]) > 0 || strings.Count(of[0], string(letter)) > 1 {
			return nil, refuse("the equation %q, with an axis of the weights that the steps do not have", cut(equation))
		}
	}
	if time < 0 {
		return nil, refuse("the equation %q, without a sum over time", cut(equation))
	}
	v, err := c.im.weighted(x, w.like(dims))
	if err != nil {
		return nil, err
	}
	if v, err = c.im.attended(v, time); err != nil {
		return nil, err
	}
	return c.lettered(v, of[1], of[0], to)
}
