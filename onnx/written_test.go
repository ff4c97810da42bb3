package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A written is a recurrent layer that a graph has without the operators LSTM, GRU and RNN,
// beside the same layer by the operator.
type written struct {
	kind              string
	form              string // loop, counter, scan, unrolled
	in, hidden        int
	steps, batch      int
	bias, also        bool // biases of W, of R
	fused, gemm, pair bool // one matrix for all gates; Gemm in place of MatMul; [x, h] in one vector
	order             []int
	before            bool
	mix               int // how h is mixed: three ways for z, one for 1-z
	relu              bool
	hard              int // how a hard sigmoid is written, 0 for a Sigmoid
	reverse, last     bool
	folded, learned   bool // the first step simplified; a constant state that is not zero
	late              bool // the activation before the parts are taken apart
	hoisted           bool // the product with W before the steps are taken apart
	slices            int  // how a step is taken from the sequence

	w, r, b, c [][]float32 // of each gate, in the order of the operator: [hidden][in], [hidden][hidden], biases
	h0, c0     []float32

	g    *pb.GraphProto // of the graph, or of the body
	next int
}

// randomWritten is any layer.
func randomWritten(r *rand.Rand) *written {
	w := &written{kind: []string{"RNN", "GRU", "LSTM"}[r.IntN(3)], form: []string{"loop", "counter", "scan", "unrolled", "unrolled"}[r.IntN(5)],
		in: 1 + r.IntN(4), hidden: 1 + r.IntN(4), steps: 2 + r.IntN(3), batch: 1 + r.IntN(3),
		bias: r.IntN(4) > 0, also: r.IntN(2) > 0, fused: r.IntN(2) > 0, gemm: r.IntN(2) > 0, before: r.IntN(2) > 0, mix: r.IntN(4),
		relu: r.IntN(3) == 0, reverse: r.IntN(3) == 0, last: r.IntN(2) == 0, folded: r.IntN(3) == 0, learned: r.IntN(3) == 0,
		hoisted: r.IntN(3) == 0, slices: r.IntN(3), hard: max(0, r.IntN(10)-4)}
	n := gatesOf[w.kind]
	w.order = r.Perm(n)
	w.pair = w.fused && !w.also && w.kind != "GRU" && r.IntN(3) == 0
	if w.kind == "GRU" && w.fused && w.before {
		w.fused = false // the product with R is in two parts
	}
	if w.form != "unrolled" {
		w.folded, w.hoisted = false, false
	}
	if w.folded {
		w.learned = false
	}
	if w.pair {
		w.hoisted, w.folded = false, false
	}
	vec := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	for range n {
		w.w, w.r, w.b, w.c = append(w.w, vec(w.hidden*w.in)), append(w.r, vec(w.hidden*w.hidden)), append(w.b, vec(w.hidden)), append(w.c, vec(w.hidden))
	}
	w.h0, w.c0 = make([]float32, w.hidden), make([]float32, w.hidden)
	if w.learned {
		w.h0, w.c0 = vec(w.hidden), vec(w.hidden)
	}
	return w
}

func (w *written) String() string {
	v := *w
	v.w, v.r, v.b, v.c, v.h0, v.c0, v.g = nil, nil, nil, nil, nil, nil, nil
	return fmt.Sprintf("%+v", struct {
		Kind, Form                                                                           string
		In, Hidden, Steps, Batch, Mix, Slices, Hard                                          int
		Bias, Also, Fused, Gemm, Pair, Before, Relu, Reverse, Last, Folded, Learned, Hoisted bool
		Order                                                                                []int
	}{v.kind, v.form, v.in, v.hidden, v.steps, v.batch, v.mix, v.slices, v.hard, v.bias, v.also, v.fused, v.gemm, v.pair, v.before, v.relu, v.reverse, v.last, v.folded, v.learned, v.hoisted, v.order})
}

func (w *written) node(op string, in []string, attrs ...*pb.AttributeProto) string {
	w.next++
	out := fmt.Sprintf("%s_%d", op, w.next)
	w.g.Node = append(w.g.Node, &pb.NodeProto{OpType: proto.String(op), Name: proto.String("n" + out), Input: in, Output: []string{out}, Attribute: attrs})
	return out
}

// sigmoid is the activation of a gate, or a hard one.
func (w *written) sigmoid(x string) string {
	number := func(v float32) string {
		name := w.floats([]float32{v})
		w.g.Initializer[len(w.g.Initializer)-1].Dims = nil
		return name
	}
	if w.hard == 0 {
		return w.node("Sigmoid", []string{x})
	}
	if w.hard == 1 {
		return w.node("HardSigmoid", []string{x})
	}
	if w.hard == 2 || w.hard == 5 {
		x = w.node("Add", []string{w.node("Mul", []string{number(0.2), x}), number(0.5)})
		if w.hard == 2 {
			return w.node("Clip", []string{x, number(0), number(1)})
		}
		return w.node("Max", []string{number(0), w.node("Min", []string{x, number(1)})})
	}
	x = w.node("Add", []string{x, number(3)})
	if w.hard == 3 {
		return w.node("Div", []string{w.node("Clip", []string{x, number(0), number(6)}), number(6)})
	}
	return w.node("Mul", []string{w.node("Min", []string{w.node("Relu", []string{x}), number(6)}), number(1 / float32(6))})
}

func (w *written) split(in string, axis int64, sizes ...int64) (out []string) {
	w.next++
	for i := range sizes {
		out = append(out, fmt.Sprintf("Split_%d_%d", w.next, i))
	}
	k := w.ints(sizes...)
	w.g.Node = append(w.g.Node, &pb.NodeProto{OpType: proto.String("Split"), Name: proto.String(fmt.Sprint("nSplit_", w.next)), Input: []string{in, k}, Output: out, Attribute: []*pb.AttributeProto{integer("axis", axis)}})
	return out
}

func (w *written) floats(v []float32, dims ...int64) string {
	w.next++
	name := fmt.Sprint("f", w.next)
	w.g.Initializer = append(w.g.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(1), Dims: dims, FloatData: slices.Clone(v)})
	return name
}

func (w *written) ints(v ...int64) string {
	w.next++
	name := fmt.Sprint("i", w.next)
	w.g.Initializer = append(w.g.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(7), Dims: []int64{int64(len(v))}, Int64Data: v})
	return name
}

func (w *written) scalar(v int64) string {
	name := w.ints(v)
	w.g.Initializer[len(w.g.Initializer)-1].Dims = nil
	return name
}

// side puts the rows of some gates one after another, in an order.
func side(parts [][]float32, order []int) (out []float32) {
	for _, i := range order {
		out = append(out, parts[i]...)
	}
	return out
}

func transposed(v []float32, rows, columns int) []float32 {
	out := make([]float32, len(v))
	for i := range rows {
		for j := range columns {
			out[j*rows+i] = v[i*columns+j]
		}
	}
	return out
}

// product is a matrix [rows][columns] times x, and a bias, which may be nil.
func (w *written) product(x string, m []float32, rows, columns int, bias []float32) string {
	if w.gemm {
		in := []string{x, w.floats(m, int64(rows), int64(columns))}
		if bias != nil {
			in = append(in, w.floats(bias, int64(rows)))
		}
		return w.node("Gemm", in, integer("transB", 1))
	}
	out := w.node("MatMul", []string{x, w.floats(transposed(m, rows, columns), int64(columns), int64(rows))})
	if bias != nil {
		out = w.node("Add", []string{out, w.floats(bias, int64(rows))})
	}
	return out
}

func (w *written) add(a, b string) string {
	if b == "" {
		return a
	}
	return w.node("Add", []string{b, a})
}

// step writes one step: x is that of the sequence, or a product with W already; h and c are
// "" where the graph has left a state of zeros out.
func (w *written) step(x, h, c string) (string, string) {
	n, H := len(w.w), w.hidden
	all := make([]int, n)
	copy(all, w.order)
	f := map[bool]string{true: "Relu", false: "Tanh"}[w.relu]
	sizes := slices.Repeat([]int64{int64(H)}, n)
	var xs, hs, sums []string // of each gate
	xs, hs, sums = make([]string, n), make([]string, n), make([]string, n)
	bias := func(list [][]float32, on bool, gates []int) []float32 {
		if !on {
			return nil
		}
		return side(list, gates)
	}
	ofH := func(gates []int) string { // the product with R
		if h == "" {
			if !w.also {
				return ""
			}
			return w.floats(slices.Repeat(side(w.c, gates), w.batch), int64(w.batch), int64(H*len(gates)))
		}
		return w.product(h, side(w.r, gates), H*len(gates), H, bias(w.c, w.also, gates))
	}
	switch {
	case w.pair:
		both := w.node("Concat", []string{x, h}, integer("axis", -1))
		var m []float32
		for _, g := range w.order {
			for o := range H {
				m = append(append(m, w.w[g][o*w.in:(o+1)*w.in]...), w.r[g][o*H:(o+1)*H]...)
			}
		}
		sum := w.product(both, m, H*n, w.in+H, bias(w.b, w.bias, w.order))
		parts := []string{sum}
		if n > 1 {
			parts = w.split(sum, 1, sizes...)
		}
		for i, g := range w.order {
			sums[g] = parts[i]
		}
	case w.fused || w.hoisted:
		fused := x
		if !w.hoisted {
			fused = w.product(x, side(w.w, w.order), H*n, w.in, bias(w.b, w.bias, w.order))
		}
		rec := ""
		if w.fused {
			rec = ofH(w.order)
		}
		if w.fused && w.kind != "GRU" {
			fused, rec = w.add(fused, rec), ""
		}
		parts := []string{fused}
		if n > 1 {
			parts = w.split(fused, 1, sizes...)
		}
		var recs []string
		if rec != "" {
			recs = w.split(rec, 1, sizes...)
		}
		for i, g := range w.order {
			xs[g] = parts[i]
			if recs != nil {
				hs[g] = recs[i]
			}
		}
	default:
		for g := range n {
			xs[g] = w.product(x, w.w[g], H, w.in, bias(w.b, w.bias, []int{g}))
		}
	}
	if !w.fused && !w.pair {
		for g := range n {
			if w.kind != "GRU" || g < 2 || !w.before {
				hs[g] = ofH([]int{g})
			}
		}
	}
	if !w.pair {
		for g := range n {
			if w.kind != "GRU" || g < 2 {
				sums[g] = w.add(xs[g], hs[g])
			}
		}
	}
	switch w.kind {
	case "RNN":
		return w.node(f, sums[:1]), ""
	case "LSTM":
		i, o, F, g := w.sigmoid(sums[:1][0]), w.sigmoid(sums[1:2][0]), "", w.node(f, sums[3:])
		next := w.node("Mul", []string{g, i})
		if c != "" {
			F = w.sigmoid(sums[2:3][0])
			next = w.node("Add", []string{w.node("Mul", []string{F, c}), next})
		}
		return w.node("Mul", []string{o, w.node(f, []string{next})}), next
	}
	z, r := w.sigmoid(sums[:1][0]), ""
	var inner string
	if w.before {
		inner = xs[2]
		if h != "" {
			r = w.sigmoid(sums[1:2][0])
			inner = w.add(inner, w.product(w.node("Mul", []string{r, h}), w.r[2], H, H, bias(w.c, w.also, []int{2})))
		} else if w.also {
			inner = w.add(inner, w.floats(w.c[2], int64(H)))
		}
	} else {
		inner = xs[2]
		if hs[2] != "" {
			r = w.sigmoid(sums[1:2][0])
			inner = w.add(inner, w.node("Mul", []string{hs[2], r}))
		}
	}
	g := w.node(f, []string{inner})
	one := w.floats([]float32{1})
	w.g.Initializer[len(w.g.Initializer)-1].Dims = nil
	if h == "" {
		if w.mix == 3 {
			return w.node("Mul", []string{z, g}), ""
		}
		return w.node("Mul", []string{w.node("Sub", []string{one, z}), g}), ""
	}
	switch w.mix {
	case 0:
		return w.node("Add", []string{w.node("Mul", []string{z, h}), w.node("Mul", []string{w.node("Sub", []string{one, z}), g})}), ""
	case 1:
		return w.node("Add", []string{w.node("Mul", []string{w.node("Sub", []string{h, g}), z}), g}), ""
	case 2:
		return w.node("Sub", []string{w.node("Add", []string{g, w.node("Mul", []string{z, h})}), w.node("Mul", []string{z, g})}), ""
	}
	return w.node("Add", []string{w.node("Mul", []string{w.node("Sub", []string{one, z}), h}), w.node("Mul", []string{z, g})}), ""
}
