package onnx

import (
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// matrix returns a constant of two axes, [in][out], as the weight [out][in] of a Linear,
// times a factor.
func (im *importer) matrix(k *constant, transposed bool, factor float32) (w []float32, in, out int, err error) {
	if !k.float || len(k.dims) != 2 {
		return nil, 0, 0, refuse("a matrix of %d axes, float: %v, want 2 axes of floats", len(k.dims), k.float)
	}
	if err := im.spendAll(k); err != nil {
		return nil, 0, 0, err
	}
	if k, err = k.whole(im.most); err != nil {
		return nil, 0, 0, err
	}
	if !transposed {
		k = k.transpose([]int{1, 0})
	}
	w = slices.Clone(k.f)
	for i := range w {
		w[i] *= factor
	}
	if out, in = k.have[0], k.have[1]; in < 1 || out < 1 {
		return nil, 0, 0, refuse("an empty matrix")
	}
	return w, in, out, nil
}

func readMatMul(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	if c.has(1) && c.in[1].v != nil {
		return c.matrices()
	}
	k, err := c.constant(1, "the matrix")
	if err != nil {
		return nil, err
	}
	column := len(k.dims) == 1 // a vector: the result has an axis less
	if column {
		k = k.viewed([]sym{k.dims[0], known(1)}, []int{k.have[0], 1})
	}
	w, in, out, err := c.im.matrix(k, false, 1)
	if err != nil {
		return nil, err
	}
	list, err := c.linear(v, &nn.Linear{Weight: w, In: in, Out: out})
	if err == nil && column {
		v := list[0].v
		list[0].v = v.like(v.dims[:len(v.dims)-1])
	}
	return list, err
}

func (c *call) linear(v *view, l *nn.Linear) ([]value, error) {
	last := len(v.dims) - 1
	if last < 0 || !v.onlyFeaturesIn(last) {
		return nil, refuse("a product over an axis that is not the vector that a layer gives for a step")
	}
	n, err := c.im.input(v)
	if err != nil {
		return nil, err
	}
	if n.width != l.In {
		return nil, refuse("a product of vectors of %d elements and a matrix for %d", n.width, l.In)
	}
	out, err := c.im.then(v, l, l.Out, last)
	return one(out), err
}

func readGemm(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	k, err := c.constant(1, "the matrix")
	if err != nil {
		return nil, err
	}
	alpha, beta, a, b := c.float("alpha", 1), c.float("beta", 1), c.int("transA", 0), c.int("transB", 0)
	if c.err != nil {
		return nil, c.err
	}
	if a != 0 || len(v.dims) != 2 {
		return nil, refuse("transA = %d, and %d axes; want 0, and 2", a, len(v.dims))
	}
	w, in, out, err := c.im.matrix(k, b != 0, alpha)
	if err != nil {
		return nil, err
	}
	l := &nn.Linear{Weight: w, In: in, Out: out}
	if c.has(2) {
		bias, err := c.constant(2, "C")
		if err != nil {
			return nil, err
		}
		if !bias.float || bias.count() != 1 && (len(bias.have) == 0 || bias.have[len(bias.have)-1] != out || bias.count() != out) {
			return nil, refuse("C has the dimensions %v, want one element for each of %d outputs", bias.dims, out)
		}
		if err := c.im.spend(out); err != nil {
			return nil, err
		}
		l.Bias = make([]float32, out)
		for i := range l.Bias {
			l.Bias[i] = beta * bias.f[i%len(bias.f)]
		}
	}
	return c.linear(v, l)
}

func readLayerNormalization(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(c.int("axis", -1), len(v.dims))
	if err != nil {
		return nil, err
	}
	last := len(v.dims) - 1
	if axis != last || !v.onlyFeaturesIn(last) || c.int("stash_type", 1) != 1 {
		return nil, refuse("it goes over axes from %d on, not over the vector that a layer gives for a step", axis)
	}
	eps := c.float("epsilon", 1e-5)
	if c.err != nil {
		return nil, c.err
	}
	if len(c.n.Output) > 1 && slices.ContainsFunc(c.n.Output[1:], func(s string) bool { return s != "" }) {
		return nil, refuse("its mean and deviation, outputs 1 and 2, are in use")
	}
	n, err := c.im.input(v)
	if err != nil {
		return nil, err
	}
	l := &nn.LayerNorm{Width: n.width, Eps: eps}
	for i, to := range []*[]float32{&l.Weight, &l.Bias} {
		if i == 1 && !c.has(2) {
			continue
		}
		k, err := c.constant(1+i, []string{"the scale", "the bias"}[i])
		if err != nil {
			return nil, err
		}
		if !k.float || k.count() != n.width || len(k.have) != 1 {
			return nil, refuse("input %d has the dimensions %v, want the %d of a vector", 1+i, k.dims, n.width)
		}
		if err := c.im.spend(n.width); err != nil {
			return nil, err
		}
		*to = slices.Clone(k.f)
	}
	if err := epsilon(eps); err != nil {
		return nil, err
	}
	out, err := c.im.then(v, l, n.width, last)
	return one(out), err
}

// readBatchNormalization reads the one of inference: a factor and a shift of each element.
func readBatchNormalization(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	eps, training := c.float("epsilon", 1e-5), c.int("training_mode", 0)
	if c.err != nil || training != 0 || len(v.dims) < 2 || !v.onlyFeaturesIn(1) {
		return nil, firstOf(c.err, refuse("training_mode is %d, or axis 1 is not the vector that a layer gives for a step", training))
	}
	var w [4][]float32 // scale, bias, mean, variance
	for i := range w {
		k, err := c.constant(1+i, []string{"the scale", "the bias", "the mean", "the variance"}[i])
		if err != nil {
			return nil, err
		}
		if !k.float || len(k.have) != 1 || k.count() != v.count() {
			return nil, refuse("input %d has the dimensions %v, want the %d of a vector", 1+i, k.dims, v.count())
		}
		w[i] = k.f
	}
	n, err := c.im.input(v)
	if err != nil {
		return nil, err
	}
	if err := c.im.spend(2 * n.width); err != nil {
		return nil, err
	}
	s := &Scale{Factor: make([]float32, n.width), Shift: make([]float32, n.width)}
	for i := range s.Factor {
		factor := float64(w[0][i]) / math.Sqrt(float64(w[3][i])+float64(eps))
		s.Factor[i] = float32(factor)
		s.Shift[i] = float32(float64(w[1][i]) - float64(float64(w[2][i])*factor))
	}
	out, err := c.im.then(v, s, n.width, 1)
	return one(out), err
}

func epsilon(eps float32) error {
	if !(eps >= 0x1p-100) || math.IsInf(float64(eps), 0) {
		return refuse("an epsilon of %v, want 2^-100 or more", eps)
	}
	return nil
}

// readReduce reads the reductions: over time they are pools, over the directions of a
// layer the layer's merge, and the mean over a vector is the beginning of a layer norm.
func readReduce(c *call) ([]value, error) {
	list, ok, err := c.list("axes", 1)
	if err != nil || !c.has(0) {
		return nil, firstOf(err, refuse("it has no input"))
	}
	keepdims := c.int("keepdims", 1)
	keep, op := keepdims == 1, c.n.GetOpType()
	if c.err != nil || !keep && keepdims != 0 {
		return nil, firstOf(c.err, refuse("keepdims is %d, want 0 or 1", keepdims))
	}
	if k := c.in[0].k; k != nil {
		return reduced(op, k, keep)
	}
	if !ok || len(list) != 1 {
		return nil, refuse("it goes over the axes %v, want one axis", list)
	}
	v, err := c.im.vectors(c.in[0].v)
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(list[0], len(v.dims))
	if err != nil {
		return nil, err
	}
	if v.node.width == 0 && op == "ReduceSum" {
		v, err := counts(v, axis, keep)
		return one(v), err
	}
	out, err := c.reduce(op, v, axis)
	if err != nil || keep {
		return one(out), err
	}
	var axes []int
	for i := range out.dims {
		if i != axis {
			axes = append(axes, i)
		}
	}
	c.in[0] = value{v: out}
	return c.withAxes(axes)
}

// reduce leaves an axis of size 1.
func (c *call) reduce(op string, v *view, axis int) (*view, error) {
	d := v.dims[axis]
	switch {
	case v.is("weighted") && op == "ReduceSum":
		return c.im.attended(v, axis)
	case v.is("kept") && op == "ReduceSum":
		return c.im.total(v, axis)
	case v.is("masked") && op == "ReduceMax":
		return c.im.highest(v, axis)
	case len(d) == 0:
		return v, nil
	// Of two directions of one unit each the features are the axis of directions alone.
	case v.onlyFeaturesIn(axis) && axis == len(v.dims)-1 && op == "ReduceMean" && (v.node.part == nil || v.inOrder()):
		return c.im.mean(v, axis)
	case len(d) != 1:
	case d[0].kind == ofSequence && v.node.root.roles[d[0].axis] == timeRole && v.step == allSteps && (op == "ReduceMean" || op == "ReduceMax"):
		stage := nn.Stage(nn.PoolMean{})
		if op == "ReduceMax" {
			stage = nn.PoolMax{}
		}
		out, err := c.im.mapped(v, stage)
		if err != nil {
			return nil, err
		}
		out.step, out.flip = lastStep, false
		dims := slices.Clone(v.dims)
		dims[axis] = nil
		return out.like(dims), nil
	case d[0].kind == ofFeature && v.node.rec != nil && v.node.rec.directions == 2 && v.node.merge == lstm.Concat:
		h := v.node.rec.hidden
		merge, ok := merges[op]
		if v.off == 0 && d[0] == feature(2, h) && ok {
			out := *v
			out.node = v.node.merged(merge)
			dims := slices.Clone(v.dims)
			dims[axis] = nil
			return out.like(dims), nil
		}
	}
	if op == "ReduceSum" && c.im.join && len(d) > 0 && v.onlyFeaturesIn(axis) && v.node.part == nil && v.node.width > 0 {
		return c.im.summed(v, axis)
	}
	if v.step.of != (Window{}) && v.isTime(axis) {
		return nil, refuse("it goes over axis %d, the steps %v of a layer; a pool goes over all of them: leave steps out before the layer", axis, v.step.of)
	}
	return nil, refuse("it goes over axis %d, which is neither time after a recurrent layer nor the directions of one", axis)
}

// reduced is a reduction of a list of integers.
func reduced(op string, k *constant, keep bool) ([]value, error) {
	list, err := k.list()
	if err != nil {
		return nil, err
	}
	f := map[string]func(a, b sym) (sym, error){"ReduceProd": sym.mul, "ReduceSum": sym.add, "ReduceMax": maxOf}[op]
	if f == nil || len(list) == 0 {
		return nil, refuse("a reduction of a constant of integers")
	}
	all := list[0]
	for _, s := range list[1:] {
		if all, err = f(all, s); err != nil {
			return nil, err
		}
	}
	if keep {
		return constants(vector([]sym{all})), nil
	}
	return constants(scalar(all)), nil
}
