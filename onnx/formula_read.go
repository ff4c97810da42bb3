package onnx

import (
	"fmt"
	"math"
	"slices"
)

// formulas are the operators that cells are made of.
var formulas map[string]func(c *call) ([]*formula, error)

func init() {
	formulas = map[string]func(c *call) ([]*formula, error){
		"Identity": sameFormula, "Dropout": sameFormula, "Cast": castFormula,
		"MatMul": matMulFormula, "Gemm": gemmFormula,
		"Add": addFormula, "Sub": subFormula, "Mul": mulFormula, "Neg": negFormula,
		"Squeeze": axesFormula, "Unsqueeze": axesFormula, "Reshape": axesFormula, "Flatten": axesFormula,
		"Slice": sliceFormula, "Split": splitFormula, "Gather": gatherFormula, "Concat": concatFormula,
		"Where": whereFormula,
	}
	for _, op := range []string{"Tanh", "Relu", "Sigmoid", "Softsign", "Softplus", "LeakyRelu", "Elu", "HardSigmoid"} {
		formulas[op] = functionFormula
	}
}

// readFormulas reads a node as formulas, one for each output.
func (c *call) readFormulas() ([]*formula, error) {
	read, ok := formulas[c.n.GetOpType()]
	if d := c.n.GetDomain(); !ok || d != "" && d != "ai.onnx" {
		return nil, errFormula
	}
	out, err := read(c)
	if err == nil {
		err = c.err
	}
	if err == nil && len(out) < len(c.n.Output) {
		err = errFormula
	}
	return out, err
}

// formula returns input i.
func (c *call) formula(i int) (*formula, error) {
	if i >= len(c.in) {
		return nil, errFormula
	}
	f, err := c.im.formulaOf(c.in[i])
	if err == nil && f.e.op == ofCount {
		err = errFormula
	}
	return f, err
}

func sameFormula(c *call) ([]*formula, error) {
	if len(c.in) < 1 || c.n.GetOpType() == "Dropout" && (len(c.in) > 2 || len(c.n.Output) > 1) {
		return nil, errFormula
	}
	f, err := c.im.formulaOf(c.in[0])
	return []*formula{f}, err
}

func castFormula(c *call) ([]*formula, error) {
	f, err := sameFormula(c)
	if err != nil {
		return nil, err
	}
	to := int32(c.int("to", 0))
	if f[0].e.op == ofCount != isInteger(to) || to != 1 && to != 11 && !isInteger(to) {
		return nil, errFormula // to float16 it would round
	}
	return f, nil
}

func matMulFormula(c *call) ([]*formula, error) {
	k, err := c.constant(1, "the matrix")
	if err != nil {
		return nil, err
	}
	return c.product(k, false)
}

func gemmFormula(c *call) ([]*formula, error) {
	k, err := c.constant(1, "the matrix")
	if err != nil {
		return nil, err
	}
	if c.float("alpha", 1) != 1 || c.float("beta", 1) != 1 && len(c.in) > 2 || c.int("transA", 0) != 0 {
		return nil, errFormula
	}
	out, err := c.product(k, c.int("transB", 0) != 0)
	if err != nil || len(c.in) < 3 || c.n.Input[2] == "" {
		return out, err
	}
	bias, err := c.formula(2)
	if err != nil {
		return nil, err
	}
	if len(out[0].sizes) != 2 {
		return nil, errFormula
	}
	sum, err := c.im.binary(out[0], bias, c.im.sumOf)
	return []*formula{sum}, err
}

func (c *call) product(k *constant, byOut bool) ([]*formula, error) {
	f, err := c.formula(0)
	if err != nil {
		return nil, err
	}
	m, err := c.im.matrixOf(k, byOut)
	if err != nil {
		return nil, err
	}
	if len(f.sizes) < 2 || m.in != f.e.width {
		return nil, errFormula
	}
	return []*formula{f.like(c.im.productOf(m, f.e))}, nil
}

// binary is an operation by elements.
func (im *importer) binary(a, b *formula, op func(a, b *expr) *expr) (*formula, error) {
	sizes, err := broadcast(a.sizes, b.sizes)
	if err != nil {
		return nil, err
	}
	if err := oneOfRows(sizes); err != nil {
		return nil, err
	}
	x, y := a.e, b.e
	if x.width != y.width { // one number for all elements
		if x.width == 1 && x.op == ofConstant {
			x = im.number(x.data[0], y.width)
		} else if y.width == 1 && y.op == ofConstant {
			y = im.number(y.data[0], x.width)
		} else {
			return nil, errFormula
		}
	}
	return &formula{sizes, op(x, y)}, nil
}

func (c *call) binary(op func(a, b *expr) *expr) ([]*formula, error) {
	a, err := c.formula(0)
	if err != nil {
		return nil, err
	}
	b, err := c.formula(1)
	if err != nil {
		return nil, err
	}
	out, err := c.im.binary(a, b, op)
	return []*formula{out}, err
}

// addFormula adds vectors, or a number to the one that counts a loop's steps.
func addFormula(c *call) ([]*formula, error) {
	for i := range min(2, len(c.in)) {
		f, k := c.in[i].e, c.in[1-i%2].k
		if f == nil || f.e.op != ofCount || k == nil {
			continue
		}
		list, err := k.integers()
		if err != nil || len(list) != 1 || list[0] < -math.MaxInt32 || list[0] > math.MaxInt32 {
			return nil, errFormula
		}
		e := *f.e
		if e.count += list[0]; e.count > math.MaxInt32 || e.count < -math.MaxInt32 {
			return nil, errFormula
		}
		return []*formula{{f.sizes, c.im.same(e)}}, nil
	}
	return c.binary(c.im.sumOf)
}

func mulFormula(c *call) ([]*formula, error) { return c.binary(c.im.timesOf) }

func (im *importer) negative(e *expr) *expr { return im.timesOf(im.number(-1, e.width), e) }

func subFormula(c *call) ([]*formula, error) {
	return c.binary(func(a, b *expr) *expr { return c.im.sumOf(a, c.im.negative(b)) })
}

func negFormula(c *call) ([]*formula, error) {
	f, err := c.formula(0)
	if err != nil {
		return nil, err
	}
	return []*formula{f.like(c.im.negative(f.e))}, nil
}

func functionFormula(c *call) ([]*formula, error) {
	f, err := c.formula(0)
	if err != nil {
		return nil, err
	}
	op := c.n.GetOpType()
	known := activations[lower(op)]
	alpha, beta := c.float("alpha", known.alpha), c.float("beta", known.beta)
	a := activation{fmt.Sprint(op, " ", alpha, " ", beta), known.of(alpha, beta)}
	return []*formula{f.like(c.im.same(expr{op: ofFunction, width: f.e.width, f: a, a: f.e}))}, nil
}

// axesFormula reads what changes the axes and not the order of elements.
func axesFormula(c *call) ([]*formula, error) {
	if len(c.in) < 1 || c.in[0].e == nil {
		return nil, errFormula
	}
	f := c.in[0].e
	// A constant with the same axes goes through the same reader.
	d := *c
	d.in = slices.Clone(c.in)
	d.in[0] = value{k: &constant{dims: f.sizes, have: slices.Repeat([]int{1}, len(f.sizes)), float: true, f: []float32{0}}}
	out, err := operators[c.n.GetOpType()](&d)
	if err != nil || d.err != nil {
		return nil, firstOf(err, d.err)
	}
	sizes := out[0].k.dims
	if f.e.op == ofCount {
		return []*formula{{sizes, f.e}}, nil
	}
	if len(sizes) == 0 || !sizes[len(sizes)-1].is(int64(f.e.width)) {
		return nil, errFormula
	}
	return []*formula{{sizes, f.e}}, oneOfRows(sizes)
}

// cut returns a part of an axis of input 0: one step of a sequence, or elements of a
// vector. Of other axes it can be all.
func (c *call) cut(v value, axis int, r span) (*formula, error) {
	sizes, err := v.axes()
	if err != nil {
		return nil, err
	}
	n, fixed := sizes[axis].value()
	switch {
	case r.step != 1 || !fixed:
		return nil, errFormula
	case v.e == nil && v.v != nil && r.count == 1 && n > 1:
		return c.im.stepOf(v.v, axis, int(r.from))
	case v.e == nil:
		return nil, errFormula
	case r == (span{0, n, 1}):
		return v.e, nil
	case axis != len(sizes)-1 || v.e.e.op == ofCount:
		return nil, errFormula
	}
	return v.e.like(c.im.part(v.e.e, int(r.from), int(r.from+r.count))), nil
}

// axes are the sizes of a value that may be a formula.
func (v value) axes() ([]sym, error) {
	switch {
	case v.e != nil:
		return v.e.sizes, nil
	case v.k == nil && v.v == nil:
		return nil, errFormula
	}
	return v.sizes()
}

func sliceFormula(c *call) ([]*formula, error) {
	starts, ok1, err1 := c.list2("starts", 1)
	ends, ok2, err2 := c.list2("ends", 2)
	axes, given, err3 := c.list("axes", 3)
	by, stepped, err4 := c.list("steps", 4)
	if err := firstOf(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	if !ok1 || !ok2 || len(starts) != len(ends) || given && len(axes) != len(starts) || stepped && len(by) != len(starts) || len(c.in) == 0 {
		return nil, errFormula
	}
	v := c.in[0]
	for i := range starts {
		sizes, err := v.axes()
		if err != nil {
			return nil, err
		}
		axis, err := axisOf(int64(i), len(sizes))
		if given {
			axis, err = axisOf(axes[i], len(sizes))
		}
		if err != nil {
			return nil, err
		}
		step := int64(1)
		if stepped {
			step = by[i]
		}
		n, fixed := sizes[axis].value()
		s, ok1 := starts[i].value()
		e, ok2 := ends[i].value()
		if !fixed {
			if whole := ok1 && s == 0 && step == 1 && (ok2 && e >= math.MaxInt32 || ends[i] == sizes[axis]); !whole {
				return nil, errFormula
			}
			continue
		}
		if !ok1 || !ok2 {
			return nil, errFormula
		}
		r := sliceOf(s, e, step, n)
		if r.count == 0 {
			return nil, errFormula
		}
		f, err := c.cut(v, axis, r)
		if err != nil {
			return nil, err
		}
		v = value{e: f}
	}
	f, err := c.im.formulaOf(v)
	return []*formula{f}, err
}

func splitFormula(c *call) ([]*formula, error) {
	list, ok, err := c.list("split", 1)
	if err != nil || len(c.in) == 0 {
		return nil, firstOf(err, errFormula)
	}
	sizes, err := c.in[0].axes()
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(c.int("axis", 0), len(sizes))
	if err != nil {
		return nil, err
	}
	n, fixed := sizes[axis].value()
	parts := int64(len(c.n.Output))
	if c.int("num_outputs", parts) != parts || parts < 1 || !fixed {
		return nil, errFormula
	}
	if !ok {
		size := (n + parts - 1) / parts
		for at := int64(0); int64(len(list)) < parts; at += size {
			list = append(list, max(0, min(size, n-at)))
		}
	}
	if int64(len(list)) != parts {
		return nil, errFormula
	}
	var out []*formula
	at := int64(0)
	for _, size := range list {
		if size < 1 || size > n-at {
			return nil, errFormula
		}
		f, err := c.cut(c.in[0], axis, span{at, size, 1})
		if err != nil {
			return nil, err
		}
		out = append(out, f)
		at += size
	}
	if at != n {
		return nil, errFormula
	}
	return out, nil
}

// gatherFormula takes one step of a sequence, by a number or by that which counts a loop's
// steps.
func gatherFormula(c *call) ([]*formula, error) {
	if len(c.in) < 2 {
		return nil, errFormula
	}
	sizes, err := c.in[0].axes()
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(c.int("axis", 0), len(sizes))
	if err != nil {
		return nil, err
	}
	var out *formula
	keep := false
	if i := c.in[1].e; i != nil {
		if i.e.op != ofCount || i.e.count != 0 || len(i.sizes) > 1 || c.in[0].v == nil {
			return nil, errFormula
		}
		keep = len(i.sizes) == 1
		out, err = c.im.stepOf(c.in[0].v, axis, atLoop)
	} else {
		k, err1 := c.constant(1, "the index")
		if err1 != nil {
			return nil, err1
		}
		list, err1 := k.integers()
		n, fixed := sizes[axis].value()
		if err1 != nil || len(list) != 1 || len(k.dims) > 1 || !fixed || list[0] < -n || list[0] >= n {
			return nil, errFormula
		}
		keep = len(k.dims) == 1
		out, err = c.cut(c.in[0], axis, span{(list[0] + n) % n, 1, 1})
	}
	if err != nil {
		return nil, err
	}
	if !keep {
		if axis == len(sizes)-1 {
			return nil, errFormula
		}
		out = &formula{slices.Delete(slices.Clone(out.sizes), axis, axis+1), out.e}
	}
	return []*formula{out}, nil
}

const atLoop = -1 // the step that a loop is at

// concatFormula puts vectors side by side. Steps one after another are their sequence again:
// see call.stacked.
func concatFormula(c *call) ([]*formula, error) {
	if len(c.in) == 0 {
		return nil, errFormula
	}
	out, err := c.formula(0)
	if err != nil {
		return nil, err
	}
	last := len(out.sizes) - 1
	axis, err := axisOf(c.int("axis", 0), last+1)
	if err != nil || axis != last {
		return nil, errFormula
	}
	for i := 1; i < len(c.in); i++ {
		f, err := c.formula(i)
		if err != nil {
			return nil, err
		}
		if len(f.sizes) != last+1 || !slices.Equal(f.sizes[:last], out.sizes[:last]) {
			return nil, errFormula
		}
		out = out.like(c.im.pairOf(out.e, f.e))
	}
	return []*formula{out}, nil
}

// whereFormula chooses by a condition that is known when the graph is read.
func whereFormula(c *call) ([]*formula, error) {
	k, err := c.constant(0, "the condition")
	if err != nil {
		return nil, err
	}
	if k.float || k.count() != 1 || len(c.in) < 3 {
		return nil, errFormula
	}
	n, ok := k.i[0].value()
	if !ok {
		return nil, errFormula
	}
	at := 1
	if n == 0 {
		at = 2
	}
	f, err := c.formula(at)
	if err != nil {
		return nil, err
	}
	// The other choice and the condition may have more axes.
	other, err := c.im.formulaOf(c.in[3-at])
	if err != nil {
		return nil, err
	}
	sizes, err := broadcast(f.sizes, other.sizes)
	if err == nil {
		sizes, err = broadcast(sizes, k.dims)
	}
	if err != nil || !slices.Equal(sizes, f.sizes) {
		return nil, errFormula
	}
	return []*formula{f}, nil
}
