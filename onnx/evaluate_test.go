package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// An array is a tensor of the evaluator; integers and truths are numbers too.
type array struct {
	dims []int
	v    []float64
}

func (a array) size() int { return countOf(a.dims) }

// evaluate computes a graph of the operators that the tests here use, in float64, as ONNX
// defines them. It has nothing in common with the importer: what the importer makes of a
// graph is held against it.
func evaluate(g *pb.GraphProto, outer map[string]array) (out []array, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the graph is none: %v", r)
		}
	}()
	env := map[string]array{}
	for k, v := range outer {
		env[k] = v
	}
	for _, t := range g.Initializer {
		a := array{}
		for _, d := range t.Dims {
			a.dims = append(a.dims, int(d))
		}
		for _, f := range t.FloatData {
			a.v = append(a.v, float64(f))
		}
		for _, i := range t.Int64Data {
			a.v = append(a.v, float64(i))
		}
		env[t.GetName()] = a
	}
	for _, n := range g.Node {
		var in []array
		for _, name := range n.Input {
			a, ok := env[name]
			if !ok && name != "" {
				return nil, fmt.Errorf("no %q", name)
			}
			in = append(in, a)
		}
		results := operate(n, in, env)
		for i, name := range n.Output {
			env[name] = results[i]
		}
	}
	for _, o := range g.Output {
		out = append(out, env[o.GetName()])
	}
	return out, nil
}

func attributeOf(n *pb.NodeProto, name string, otherwise int) int {
	for _, a := range n.Attribute {
		if a.GetName() == name {
			return int(a.GetI())
		}
	}
	return otherwise
}

func (a array) axis(i int) int {
	if i < 0 {
		i += len(a.dims)
	}
	if i < 0 || i >= len(a.dims) {
		panic("axis")
	}
	return i
}

// along applies a choice of entries to an axis.
func (a array) along(axis int, entries []int) array {
	out := array{dims: slices.Clone(a.dims)}
	out.dims[axis] = len(entries)
	outer, inner := countOf(a.dims[:axis]), countOf(a.dims[axis+1:])
	for o := range outer {
		for _, e := range entries {
			if e < 0 || e >= a.dims[axis] {
				panic("entry")
			}
			at := (o*a.dims[axis] + e) * inner
			out.v = append(out.v, a.v[at:at+inner]...)
		}
	}
	return out
}

func (a array) broadcast(dims []int) array {
	out := array{dims: dims}
	index := make([]int, len(dims))
	for range countOf(dims) {
		at := 0
		for i, d := range a.dims {
			k := index[len(dims)-len(a.dims)+i]
			if d == 1 {
				k = 0
			} else if d != dims[len(dims)-len(a.dims)+i] {
				panic("broadcast")
			}
			at = at*d + k
		}
		out.v = append(out.v, a.v[at])
		for i := len(dims) - 1; i >= 0; i-- {
			if index[i]++; index[i] < dims[i] {
				break
			}
			index[i] = 0
		}
	}
	return out
}

func paired(a, b array, f func(x, y float64) float64) array {
	dims := make([]int, max(len(a.dims), len(b.dims)))
	for i := range dims {
		dims[i] = 1
		for _, c := range []array{a, b} {
			if k := i - len(dims) + len(c.dims); k >= 0 && c.dims[k] != 1 {
				dims[i] = c.dims[k]
			}
		}
	}
	a, b = a.broadcast(dims), b.broadcast(dims)
	out := array{dims: dims, v: make([]float64, len(a.v))}
	for i := range out.v {
		out.v[i] = f(a.v[i], b.v[i])
	}
	return out
}

func (a array) each(f func(x float64) float64) array {
	out := array{dims: a.dims, v: make([]float64, len(a.v))}
	for i, x := range a.v {
		out.v[i] = f(x)
	}
	return out
}

func times(a, b array) array {
	rows, k := countOf(a.dims[:len(a.dims)-1]), a.dims[len(a.dims)-1]
	if len(b.dims) != 2 || b.dims[0] != k {
		panic("product")
	}
	out := array{dims: append(slices.Clone(a.dims[:len(a.dims)-1]), b.dims[1])}
	for r := range rows {
		for c := range b.dims[1] {
			sum := 0.0
			for i := range k {
				sum += a.v[r*k+i] * b.v[i*b.dims[1]+c]
			}
			out.v = append(out.v, sum)
		}
	}
	return out
}

func (a array) list() (out []int) {
	for _, x := range a.v {
		out = append(out, int(x))
	}
	return out
}

func operate(n *pb.NodeProto, in []array, env map[string]array) []array {
	one := func(a array) []array { return []array{a} }
	switch n.GetOpType() {
	case "Identity":
		return one(in[0])
	case "Add":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return x + y }))
	case "Sub":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return x - y }))
	case "Mul":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return x * y }))
	case "Div":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return x / y }))
	case "Min":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return min(x, y) }))
	case "Max":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return max(x, y) }))
	case "Clip":
		return one(paired(paired(in[0], in[2], func(x, y float64) float64 { return min(x, y) }), in[1], func(x, y float64) float64 { return max(x, y) }))
	case "HardSigmoid":
		return one(in[0].each(func(x float64) float64 { return max(0, min(1, 0.2*x+0.5)) }))
	case "Less":
		return one(paired(in[0], in[1], func(x, y float64) float64 { return map[bool]float64{true: 1}[x < y] }))
	case "Sigmoid":
		return one(in[0].each(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }))
	case "Tanh":
		return one(in[0].each(math.Tanh))
	case "Relu":
		return one(in[0].each(func(x float64) float64 { return max(x, 0) }))
	case "MatMul":
		return one(times(in[0], in[1]))
	case "Gemm":
		b := in[1]
		if attributeOf(n, "transB", 0) != 0 {
			t := array{dims: []int{b.dims[1], b.dims[0]}, v: make([]float64, len(b.v))}
			for i := range b.dims[0] {
				for j := range b.dims[1] {
					t.v[j*b.dims[0]+i] = b.v[i*b.dims[1]+j]
				}
			}
			b = t
		}
		out := times(in[0], b)
		if len(in) > 2 {
			out = paired(out, in[2], func(x, y float64) float64 { return x + y })
		}
		return one(out)
	case "Shape":
		out := array{dims: []int{len(in[0].dims)}}
		for _, d := range in[0].dims {
			out.v = append(out.v, float64(d))
		}
		return one(out)
	case "Concat":
		axis := in[0].axis(attributeOf(n, "axis", 0))
		out := array{dims: slices.Clone(in[0].dims)}
		out.dims[axis] = 0
		for _, a := range in {
			out.dims[axis] += a.dims[axis]
		}
		for o := range countOf(out.dims[:axis]) {
			for _, a := range in {
				size := countOf(a.dims[axis:])
				out.v = append(out.v, a.v[o*size:(o+1)*size]...)
			}
		}
		return one(out)
	case "Split":
		axis, at := in[0].axis(attributeOf(n, "axis", 0)), 0
		var out []array
		for _, size := range in[1].list() {
			var entries []int
			for i := range size {
				entries = append(entries, at+i)
			}
			at += size
			out = append(out, in[0].along(axis, entries))
		}
		return out
	case "Slice":
		out := in[0]
		for i, axis := range in[3].list() {
			step := 1
			if len(in) > 4 {
				step = in[4].list()[i]
			}
			r := sliceOf(int64(in[1].v[i]), int64(in[2].v[i]), int64(step), int64(out.dims[axis]))
			out = out.along(axis, r.list())
		}
		return one(out)
	case "Gather":
		axis := in[0].axis(attributeOf(n, "axis", 0))
		var entries []int
		for _, e := range in[1].list() {
			if e < 0 {
				e += in[0].dims[axis]
			}
			entries = append(entries, e)
		}
		out := in[0].along(axis, entries)
		if len(in[1].dims) == 0 {
			out.dims = slices.Delete(out.dims, axis, axis+1)
		}
		return one(out)
	case "Squeeze":
		axis := in[0].axis(in[1].list()[0])
		if in[0].dims[axis] != 1 {
			panic("squeeze")
		}
		return one(array{slices.Delete(slices.Clone(in[0].dims), axis, axis+1), in[0].v})
	case "Unsqueeze":
		return one(array{slices.Insert(slices.Clone(in[0].dims), in[1].list()[0], 1), in[0].v})
	case "Loop", "Scan":
		return iterate(n, in, env)
	}
	panic(n.GetOpType())
}

func iterate(n *pb.NodeProto, in []array, env map[string]array) []array {
	var body *pb.GraphProto
	for _, a := range n.Attribute {
		if a.G != nil {
			body = a.G
		}
	}
	scan := n.GetOpType() == "Scan"
	var backIn, backOut bool
	for _, a := range n.Attribute {
		turned := len(a.Ints) > 0 && a.Ints[0] != 0
		backIn, backOut = backIn || turned && a.GetName() == "scan_input_directions", backOut || turned && a.GetName() == "scan_output_directions"
	}
	vars, first, count, going := in[2:], 1, 0, true
	if scan {
		vars, first, count = in[:len(in)-1], 0, in[len(in)-1].dims[0]
	} else {
		count = int(in[0].v[0])
		going = len(in[1].v) == 0 || in[1].v[0] != 0
	}
	vars = slices.Clone(vars)
	collected := make([]array, len(body.Output)-first-len(vars))
	for i := 0; i < count && going; i++ {
		inner := map[string]array{}
		for k, v := range env {
			inner[k] = v
		}
		given := vars
		if scan {
			t := i
			if backIn {
				t = count - 1 - i
			}
			x := in[len(in)-1].along(0, []int{t})
			given = append(slices.Clone(vars), array{x.dims[1:], x.v})
		} else {
			given = append([]array{{v: []float64{float64(i)}}, {v: []float64{1}}}, vars...)
		}
		for k, a := range given {
			inner[body.Input[k].GetName()] = a
		}
		out, err := evaluate(body, inner)
		if err != nil {
			panic(err)
		}
		if !scan {
			going = out[0].v[0] != 0
		}
		copy(vars, out[first:])
		for k := range collected {
			y := out[first+len(vars)+k]
			if backOut {
				collected[k].v = append(slices.Clone(y.v), collected[k].v...)
			} else {
				collected[k].v = append(collected[k].v, y.v...)
			}
			collected[k].dims = append([]int{i + 1}, y.dims...)
		}
	}
	return append(vars, collected...)
}
