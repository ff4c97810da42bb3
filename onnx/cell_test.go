package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"math/rand/v2"

	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

func (w *written) input(r *rand.Rand) Tensor {
	x := Tensor{Shape: []int{w.steps, w.batch, w.in}}
	for range w.steps * w.batch * w.in {
		x.Floats = append(x.Floats, float32(r.NormFloat64()))
	}
	return x
}

// reference is what the graph computes, nil if it is none.
func reference(m *pb.ModelProto, x Tensor) []float32 {
	a := array{dims: x.Shape}
	for _, v := range x.Floats {
		a.v = append(a.v, float64(v))
	}
	out, err := evaluate(m.Graph, map[string]array{"x": a})
	if err != nil {
		return nil
	}
	var y []float32
	for _, v := range out[0].v {
		y = append(y, float32(v))
	}
	return y
}

func loadModel(m *pb.ModelProto) (*Network, error) {
	return Load(bytes.NewReader(must(proto.Marshal(m))), Options{})
}

// Layers that a graph has as a loop or as their steps, written in many ways, become layers
// that compute the same.
func TestWrittenLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	worst, forms := 0.0, map[string]int{}
	for range count(t, 600, 150) {
		w := randomWritten(r)
		m, x := w.graph(), w.input(r)
		n, err := loadModel(m)
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		want := reference(m, x)
		got, err := n.Run(map[string]Tensor{"x": x})
		if err != nil || want == nil {
			t.Fatalf("%v: %v", w, err)
		}
		d, _ := apart(got["y"].Floats, want)
		if !(d <= conforms) {
			t.Fatalf("%v: it differs by %v: %v, want %v", w, d, got["y"].Floats, want)
		}
		worst = max(worst, d)
		rec, ok := n.Stages[0].(Recurrent)
		if !ok || len(n.Stages) > 2 {
			t.Fatalf("%v: the stages are %T", w, n.Stages)
		}
		if got := kindOf(rec); got != w.kind {
			t.Fatalf("%v: it became %v", w, got)
		}
		forms[w.kind+" "+w.form]++
	}
	t.Logf("at most %.2g relative, %v", worst, forms)
}

// Two steps of a layer over what another one gives are its first and its last one, so each is a
// branch over that layer: sums of them are no branches as long as they may be a cell.
func TestStepsOfALayerAreNoBranches(t *testing.T) {
	g := simple()
	g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "2", "batch", "2")
	g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "batch", "3")
	g.m.Graph.Node[0].Output[0] = "t"
	for name, n := range map[string]byte{"first": 0, "second": 1} {
		g.constant(name, pb.TensorProto_INT64, []byte{n, 0, 0, 0, 0, 0, 0, 0})
	}
	g.constant("axes", pb.TensorProto_INT64, []byte{1, 0, 0, 0, 0, 0, 0, 0}, 1)
	e := &exporter{g: g.m.Graph}
	for _, name := range []string{"w", "r"} {
		if _, err := e.floats(name, []float32{0.5, -0.25, 0.125, 0.75, 0.5, -0.5, 0.25, 1, -0.75}, 3, 3); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.floats("b", []float32{0.25, -0.5, 0.125}, 3); err != nil {
		t.Fatal(err)
	}
	for _, n := range [][]string{
		{"Squeeze", "s", "t", "axes"}, {"Gather", "s0", "s", "first"}, {"Gather", "s1", "s", "second"},
		{"MatMul", "p0", "s0", "w"}, {"Add", "a0", "p0", "b"}, {"Tanh", "h", "a0"},
		{"MatMul", "p1", "s1", "w"}, {"Add", "a1", "p1", "b"}, {"MatMul", "q", "h", "r"}, {"Add", "a", "a1", "q"}, {"Tanh", "y", "a"},
	} {
		g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: &n[0], Input: n[2:], Output: n[1:2]})
	}
	n, err := g.load()
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Stages) != 2 {
		t.Fatalf("the stages are %T, want two layers", n.Stages)
	}
	if r, ok := n.Stages[1].(Recurrent); !ok || kindOf(r) != "RNN" {
		t.Errorf("the steps became %T", n.Stages[1])
	}
	x := Tensor{Shape: []int{2, 1, 2}, Floats: []float32{0.5, -1, 0.25, 2}}
	got, err := n.Run(map[string]Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := apart(got["y"].Floats, reference(g.m, x)); !(d <= conforms) {
		t.Errorf("%v differs by %.2g", got["y"].Floats, d)
	}
}

func count(t *testing.T, long, short int) int {
	if testing.Short() {
		return short
	}
	t.Helper()
	return long
}

func kindOf(r Recurrent) string {
	switch r.Layer.(type) {
	case *lstm.Layer:
		return "LSTM"
	case *gru.Layer:
		return "GRU"
	}
	return "RNN"
}

// loopOf is a loop over a GRU of 2 units that counts its steps, its loop and the body.
func loopOf() (*written, *pb.ModelProto, *pb.NodeProto, *pb.GraphProto) {
	r := rand.New(rand.NewPCG(1, 1))
	w := randomWritten(r)
	for w.kind != "GRU" || w.form != "counter" || w.learned || w.reverse || w.last || w.hard != 0 {
		w = randomWritten(r)
	}
	m := w.graph()
	m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "T", fmt.Sprint(w.batch), fmt.Sprint(w.in))
	for _, n := range m.Graph.Node {
		if n.GetOpType() == "Loop" {
			return w, m, n, n.Attribute[0].G
		}
	}
	panic("no loop")
}

// A loop is a layer where it has as many steps as the sequence, one state for each row, and
// nothing that ends it before. What else loops compute is refused by name.
func TestLoopsThatAreRefused(t *testing.T) {
	less := func(g *pb.GraphProto) *pb.NodeProto {
		for _, n := range g.Node {
			if n.GetOpType() == "Less" && n.Output[0] == g.Output[0].GetName() {
				return n
			}
		}
		panic("no condition")
	}
	for _, c := range []struct {
		name, want string
		edit       func(w *written, m *pb.ModelProto, n *pb.NodeProto, body *pb.GraphProto)
	}{
		{"as it is", "", func(*written, *pb.ModelProto, *pb.NodeProto, *pb.GraphProto) {}},
		{"no first condition", "", func(_ *written, _ *pb.ModelProto, n *pb.NodeProto, _ *pb.GraphProto) { n.Input[1] = "" }},
		{"a step less", "it may end before the sequence", func(w *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			w.g = body
			cond := less(body)
			two := w.node("Add", []string{cond.Input[0], w.scalar(1)})
			cond.Input[0] = two
			body.Node = append(slices.DeleteFunc(body.Node, func(n *pb.NodeProto) bool { return n == cond }), cond)
		}},
		{"a condition of what it computes", "it may end before the sequence", func(_ *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			less(body).Input[0] = body.Output[len(body.Output)-1].GetName()
		}},
		{"a fixed number of steps", "the number of its steps is not that of the sequence", func(w *written, m *pb.ModelProto, n *pb.NodeProto, _ *pb.GraphProto) {
			w.g = m.Graph
			n.Input[0] = w.scalar(2)
		}},
		{"no number of steps", "the number of its steps is not that of the sequence", func(_ *written, _ *pb.ModelProto, n *pb.NodeProto, _ *pb.GraphProto) { n.Input[0] = "" }},
		{"no body", "it has no body", func(_ *written, _ *pb.ModelProto, n *pb.NodeProto, _ *pb.GraphProto) { n.Attribute = nil }},
		{"an unknown operator in the body", `operator Acos: the operator is none that this package reads`, func(_ *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			for _, k := range body.Node {
				if k.GetOpType() == "Sigmoid" {
					k.OpType = proto.String("Acos")
				}
			}
		}},
		{"another function of a gate", "its body is no step of an RNN, a GRU or an LSTM", func(_ *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			for _, k := range body.Node {
				if k.GetOpType() == "Sigmoid" {
					k.OpType = proto.String("Tanh")
					return
				}
			}
		}},
		{"another tensor collected", "which is not the state of a layer", func(_ *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			for _, k := range body.Node {
				if k.GetOpType() == "Sigmoid" {
					body.Output[len(body.Output)-1].Name = proto.String(k.Output[0])
				}
			}
		}},
		{"a body that names a tensor of the graph", "given before", func(_ *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			body.Input[0].Name = proto.String("x")
		}},
		{"a body that reads nothing", "which is no tensor before it", func(_ *written, _ *pb.ModelProto, _ *pb.NodeProto, body *pb.GraphProto) {
			body.Node[len(body.Node)-1].Input[0] = "nowhere"
		}},
	} {
		w, m, n, body := loopOf()
		w.next = 1000
		c.edit(w, m, n, body)
		_, err := loadModel(m)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var node *NodeError
		if !errors.As(err, &node) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a NodeError that contains %q", c.name, err, c.want)
		}
	}
}

// Steps are a layer where all have the same weights, and read a whole sequence in order.
func TestStepsThatAreRefused(t *testing.T) {
	graph := func() (*written, *pb.ModelProto) {
		r := rand.New(rand.NewPCG(2, 2))
		w := randomWritten(r)
		for w.kind != "LSTM" || w.form != "unrolled" || w.steps != 4 || w.slices != 0 || w.hoisted || w.folded || w.reverse || !w.last {
			w = randomWritten(r)
		}
		return w, w.graph()
	}
	nodes := func(m *pb.ModelProto, op string) (list []*pb.NodeProto) {
		for _, n := range m.Graph.Node {
			if n.GetOpType() == op {
				list = append(list, n)
			}
		}
		return list
	}
	for _, c := range []struct {
		name, want string
		edit       func(w *written, m *pb.ModelProto)
	}{
		{"as it is", "", func(*written, *pb.ModelProto) {}},
		{"other weights in the third step", "whose weights or operators are not those of the step before", func(w *written, m *pb.ModelProto) {
			g := graphOf{m}
			for _, n := range m.Graph.Node[len(m.Graph.Node)/2:] {
				if op := n.GetOpType(); op == "MatMul" || op == "Gemm" {
					g.tensor(n.Input[1]).FloatData[0]++
					return
				}
			}
		}},
		{"a step twice", "this one reads step 1", func(_ *written, m *pb.ModelProto) {
			n := nodes(m, "Gather")
			n[2].Input[1] = n[1].Input[1]
		}},
		{"a sequence that is longer", "of which 4 are found, one after another, in a sequence of 5", func(w *written, m *pb.ModelProto) {
			m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "5", fmt.Sprint(w.batch), fmt.Sprint(w.in))
		}},
		{"a sequence of any length", "one entry of axis 0, which is not the time of a recurrent layer", func(w *written, m *pb.ModelProto) {
			m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "T", fmt.Sprint(w.batch), fmt.Sprint(w.in))
		}},
	} {
		w, m := graph()
		c.edit(w, m)
		n, err := loadModel(m)
		if c.want == "" {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.Run(map[string]Tensor{"x": {Shape: []int{5, w.batch, w.in}, Floats: make([]float32, 5*w.batch*w.in)}}); err == nil {
				t.Errorf("%s: it ran with another number of steps", c.name)
			}
			continue
		}
		var node *NodeError
		if !errors.As(err, &node) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a NodeError that contains %q", c.name, err, c.want)
		}
	}
}
