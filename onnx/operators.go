package onnx

import (
	"math"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// operators are what this package reads. Each returns the values of the node's outputs.
var operators map[string]func(c *call) ([]value, error)

func init() {
	operators = map[string]func(c *call) ([]value, error){
		"LSTM": readRecurrent, "GRU": readRecurrent, "RNN": readRecurrent,
		"Loop": readLoop, "Scan": readScan, "If": readIf,

		"Identity": pass, "Dropout": readDropout, "Cast": readCast,
		"Constant": readConstant, "ConstantOfShape": readConstantOfShape,
		"Shape": readShape, "Size": readSize,
		"Transpose": readTranspose, "Squeeze": readSqueeze, "Unsqueeze": readUnsqueeze, "Reshape": readReshape, "Flatten": readFlatten,
		"Expand": readExpand, "Tile": readTile,
		"Slice": readSlice, "Gather": readGather, "Split": readSplit, "Concat": readConcat,
		"ReverseSequence": readReverseSequence,
		"GatherElements":  onlyRows, "GatherND": onlyRows, "LessOrEqual": onlyRows, "GreaterOrEqual": onlyRows,

		"Add": readAdd, "Sub": readSub, "Mul": readMul, "Div": readDiv, "Neg": readNeg, "Pow": readPow, "Sqrt": readSqrt, "Reciprocal": readReciprocal,
		"Min": folded2(minOf), "Max": folded2(maxOf), "Equal": readEqual, "Greater": readGreater, "Less": readLess, "Not": readNot, "And": folded2(and),
		"Where": readWhere, "Range": readRange,

		"MatMul": readMatMul, "Gemm": readGemm, "Einsum": readEinsum,
		"LayerNormalization": readLayerNormalization, "BatchNormalization": readBatchNormalization,
		"Softmax": readSoftmax, "LogSoftmax": readSoftmax,
		"ReduceMean": readReduce, "ReduceMax": readReduce, "ReduceSum": readReduce, "ReduceProd": readReduce,

		"Tanh": readTanh, "Erf": readErf, "Abs": readAbs, "Gelu": readGelu, "Relu": function(nn.ReLU), "Sigmoid": function(nn.Sigmoid),
		"Softsign": function(nn.Softsign), "Softplus": function(nn.Softplus), "Clip": readClip,
		"LeakyRelu": functionOf(0.01, 0, func(alpha, _ float32) nn.Activation { return nn.LeakyReLU(alpha) }),
		"Elu":       functionOf(1, 0, func(alpha, _ float32) nn.Activation { return nn.ELU(alpha) }),
		"HardSigmoid": functionOf(0.2, 0.5, func(alpha, beta float32) nn.Activation {
			return nn.HardSigmoid(alpha, beta)
		}),
	}
}

// onlyRows is for operators that are read of lengths, and of what follows from them, alone.
func onlyRows(*call) ([]value, error) {
	return nil, refuse("it is read of the lengths of rows alone, where these say which step of each row is its last, or which there are")
}

func one(v *view) []value { return []value{{v: v}} }

func constants(k *constant) []value { return []value{{k: k}} }

// pass returns the input as it is.
func pass(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	return c.in[:1], nil
}

// readDropout passes the input: a graph for inference drops nothing.
func readDropout(c *call) ([]value, error) {
	if c.has(2) {
		k, err := c.constant(2, "training_mode")
		if err != nil {
			return nil, err
		}
		if mode, err := k.integers(); err != nil || len(mode) != 1 || mode[0] != 0 {
			return nil, refuse("training_mode is set; export the network for inference")
		}
	}
	if len(c.n.Output) > 1 && c.n.Output[1] != "" {
		return nil, refuse("its mask, output 1, is in use")
	}
	return pass(c)
}

func readCast(c *call) ([]value, error) {
	to := int32(c.int("to", 0))
	if c.err != nil {
		return nil, c.err
	}
	if !isFloat(to) && !isInteger(to) {
		return nil, refuse("a cast to the data type %s", typeName(to))
	}
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	v := c.in[0]
	if v.v != nil {
		if v.v.ids() { // as floats they are compared, and no more
			return castOfIDs(v.v, to)
		}
		if !isFloat(to) {
			if ids, err := c.im.castIDs(v.v); ids != nil || err != nil {
				if err != nil {
					return nil, err
				}
				return castOfIDs(ids, to)
			}
			return nil, refuse("a cast to integers of what the graph computes when it runs")
		}
		if narrow := pb.TensorProto_DataType(to); narrow == pb.TensorProto_FLOAT16 || narrow == pb.TensorProto_BFLOAT16 {
			return nil, refuse("a cast to %s, which rounds what layers compute in float32", typeName(to))
		}
		return c.in[:1], nil
	}
	k := v.k
	if k.float == isFloat(to) {
		return c.in[:1], nil
	}
	out := &constant{dims: k.dims, have: k.have, float: !k.float}
	for _, f := range k.f {
		n := math.Trunc(float64(f))
		if !(math.Abs(n) < 1<<62) {
			return nil, refuse("a cast of %v to an integer", f)
		}
		if len(out.i) >= maxIntegers {
			return nil, refuse("a cast of more than %d floats to integers", maxIntegers)
		}
		out.i = append(out.i, known(int64(n)))
	}
	for _, s := range k.i {
		n, ok := s.value()
		if !ok {
			return nil, refuse("a cast to float of the size %v, which is known only when the graph runs", s)
		}
		out.f = append(out.f, float32(n))
	}
	return constants(out), nil
}

// castIDs returns an input of floats as one of ids, which a graph casts to integers before it
// looks them up; nil for what is no such input.
func (im *importer) castIDs(v *view) (*view, error) {
	if v.port == nil || v != im.values[v.port.port.Name].v || len(v.dims) < 1 || len(v.dims) > 2 {
		return nil, nil
	}
	p := v.port.port
	if im.rootOf(p) != nil {
		return nil, refuse("the input %q is cast to ids here, and a node before reads it as vectors", p.Name)
	}
	sizes, err := v.sizes()
	if err != nil {
		return nil, err
	}
	dims := make([][]atom, len(sizes))
	for i, size := range sizes {
		dims[i] = []atom{{kind: ofSequence, axis: i, size: size}}
	}
	p.cast = true
	v = v.like(dims)
	im.values[p.Name] = value{v: v} // for all that read it
	return v, nil
}

// ids says whether v has ids, or other integers that the graph is given.
func (v *view) ids() bool {
	return v.port != nil && v.port.port.ids() || v.node != nil && v.node.width == 0
}

func readConstant(c *call) ([]value, error) {
	if t := c.attribute("value", pb.AttributeProto_TENSOR); t != nil {
		k, err := c.im.tensor(textOf("the constant of node", nameOf(c.n)), t.T)
		if err != nil {
			return nil, err
		}
		return constants(k), c.err
	}
	if a := c.attribute("value_int", pb.AttributeProto_INT); a != nil {
		return constants(scalar(known(a.GetI()))), c.err
	}
	if a := c.attribute("value_ints", pb.AttributeProto_INTS); a != nil {
		var list []sym
		if len(a.Ints) > maxIntegers {
			return nil, refuse("%d integers, want at most %d", len(a.Ints), maxIntegers)
		}
		for _, n := range a.Ints {
			list = append(list, known(n))
		}
		return constants(vector(list)), c.err
	}
	if a := c.attribute("value_float", pb.AttributeProto_FLOAT); a != nil {
		return constants(&constant{float: true, f: []float32{a.GetF()}}), c.err
	}
	if a := c.attribute("value_floats", pb.AttributeProto_FLOATS); a != nil {
		n := len(a.Floats)
		return constants(&constant{dims: []sym{known(int64(n))}, have: []int{n}, float: true, f: a.Floats}), c.err
	}
	return nil, refuse("it has none of the attributes value, value_int, value_ints, value_float, value_floats")
}

func readConstantOfShape(c *call) ([]value, error) {
	shape, err := c.constant(0, "the shape")
	if err != nil {
		return nil, err
	}
	dims, err := shape.list()
	if err != nil {
		return nil, err
	}
	if len(dims) > maxRank {
		return nil, refuse("%d axes, want at most %d", len(dims), maxRank)
	}
	k := &constant{float: true, f: []float32{0}}
	if a := c.attribute("value", pb.AttributeProto_TENSOR); a != nil {
		if k, err = c.im.tensor("the value of ConstantOfShape", a.T); err != nil {
			return nil, err
		}
		if k.count() != 1 {
			return nil, refuse("a value of %d elements, want 1", k.count())
		}
	}
	have := make([]int, len(dims))
	for i, d := range dims {
		if have[i] = 1; d.is(0) {
			return nil, refuse("an empty constant")
		}
	}
	return constants(k.viewed(dims, have)), c.err
}

func readShape(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	from, to := c.int("start", 0), c.int("end", math.MaxInt64)
	lo, hi := bounds(from, to, int64(len(sizes)))
	return constants(vector(sizes[lo:max(lo, hi)])), c.err
}

func readSize(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	n, err := productOfSizes(sizes)
	return constants(scalar(n)), err
}

// bounds are those of a slice of step 1.
func bounds(from, to, n int64) (lo, hi int64) {
	at := func(i int64) int64 {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	return at(from), at(to)
}

func function(f nn.Activation) func(*call) ([]value, error) {
	return func(c *call) ([]value, error) {
		v, err := c.view(0)
		if err != nil {
			return nil, err
		}
		out, err := c.im.mapped(v, f)
		return one(out), err
	}
}

func functionOf(alpha, beta float32, f func(alpha, beta float32) nn.Activation) func(*call) ([]value, error) {
	return func(c *call) ([]value, error) {
		stage := f(c.float("alpha", alpha), c.float("beta", beta))
		if c.err != nil {
			return nil, c.err
		}
		return function(stage)(c)
	}
}

// readSoftmax reads Softmax and LogSoftmax. Before operator set 13 they act on all axes
// from their axis on, which is the same where these have the vector and nothing else.
func readSoftmax(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	otherwise := int64(-1)
	if c.im.opset < 13 {
		otherwise = 1
	}
	axis, err := axisOf(c.int("axis", otherwise), len(v.dims))
	if err != nil || c.err != nil {
		return nil, firstOf(err, c.err)
	}
	if out, err := c.weights(v, axis); out != nil || err != nil {
		return one(out), err
	}
	for i, d := range v.dims {
		in := i == axis || i > axis && c.im.opset < 13
		for _, a := range d {
			if (a.kind == ofFeature) != in {
				return nil, refuse("it goes over axis %d, which is not the vector that a layer gives for a step", axis)
			}
		}
	}
	in, err := c.im.input(v)
	if err != nil {
		return nil, err
	}
	out := &view{dims: v.dims, flip: v.flip, source: source{node: in, step: v.step}}
	if !v.inOrder() { // its axes count another node's vectors now
		out.dims = rebased(v.dims, ofFeature)
	}
	stage := nn.Stage(Softmax{})
	if c.n.GetOpType() == "LogSoftmax" {
		stage = LogSoftmax{}
	}
	out, err = c.im.mapped(out, stage)
	return one(out), err
}

// rebased are axes whose atoms of a kind lie in the order of the axes.
func rebased(dims [][]atom, kind atomKind) [][]atom {
	out, stride := make([][]atom, len(dims)), 1
	for i := len(dims) - 1; i >= 0; i-- {
		for k := len(dims[i]) - 1; k >= 0; k-- {
			a := dims[i][k]
			if a.kind == kind {
				size, _ := a.size.value()
				a.stride = stride
				stride *= int(size)
			}
			out[i] = append([]atom{a}, out[i]...)
		}
	}
	return out
}

func firstOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}
