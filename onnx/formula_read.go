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
		"Add": addFormula, "Sub": subFormula, "Mul": mulFormula, "Div": divFormula, "Neg": negFormula,
		"Squeeze": axesFormula, "Unsqueeze": axesFormula, "Reshape": axesFormula, "Flatten": axesFormula,
		"Slice": sliceFormula, "Split": splitFormula, "Gather": gatherFormula, "Concat": concatFormula,
		"Where": whereFormula, "Clip": clipFormula, "Min": minFormula, "Max": maxFormula,
	}
	for _, op := range []string{"Tanh", "Relu", "Sigmoid", "Softsign", "Softplus", "LeakyRelu", "Elu", "HardSigmoid"} {
		formulas[op] = functionFormula
	}
}

// readFormulas reads a node as formulas, one for each output.
func (c *call) readFormulas() ([]*formula, error) {
	if len(c.im.exprs) > c.im.maxExprs {
		return nil, errFormulas
	}
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
	for i := range c.in {
		if len(c.in) != 2 {
			return nil, errFormula
		}
		f, k := c.in[i].e, c.in[1-i].k
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
		if out.e.width > math.MaxInt32-f.e.width {
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
