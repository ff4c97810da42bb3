package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// mutated returns a model with one thing changed, and what that is.
func mutated(r *rand.Rand, of *pb.ModelProto) (*pb.ModelProto, string) {
	m := proto.Clone(of).(*pb.ModelProto)
	graphs := []*pb.GraphProto{m.Graph}
	for _, n := range m.Graph.Node {
		for _, a := range n.Attribute {
			if a.G != nil {
				graphs = append(graphs, a.G, a.G, a.G)
			}
		}
	}
	for {
		g := graphs[r.IntN(len(graphs))]
		if r.IntN(3) == 0 && len(g.Initializer) > 0 {
			t := g.Initializer[r.IntN(len(g.Initializer))]
			if n := len(t.FloatData); n > 0 {
				t.FloatData[r.IntN(n)] += 1
			} else {
				t.Int64Data[r.IntN(len(t.Int64Data))] += []int64{1, -1, 2}[r.IntN(3)]
			}
			return m, fmt.Sprintf("an element of %s", t.GetName())
		}
		at := r.IntN(len(g.Node))
		n := g.Node[at]
		op := n.GetOpType()
		change := func(to ...string) (*pb.ModelProto, string) {
			n.OpType = proto.String(to[r.IntN(len(to))])
			return m, fmt.Sprintf("%s is %s", n.GetName(), n.GetOpType())
		}
		switch way := r.IntN(4); {
		case way == 0 && op == "Add":
			return change("Sub", "Mul")
		case way == 0 && op == "Mul":
			return change("Sub", "Add")
		case way == 0 && op == "Sub":
			if r.IntN(2) == 0 {
				slices.Reverse(n.Input)
				return m, n.GetName() + " with its operands swapped"
			}
			return change("Mul", "Add")
		case way == 0 && op == "Sigmoid":
			return change("Tanh", "Relu")
		case way == 0 && op == "Tanh" || way == 0 && op == "Relu":
			return change("Sigmoid", map[string]string{"Tanh": "Relu", "Relu": "Tanh"}[op])
		case way == 0 && (op == "Loop" || op == "Scan"):
			for _, a := range n.Attribute {
				if a.G == nil {
					continue
				}
				o := a.G.Output
				i, k := r.IntN(len(o)), r.IntN(len(o))
				o[i], o[k] = o[k], o[i]
				return m, fmt.Sprintf("outputs %d and %d of the body swapped", i, k)
			}
		case way == 1 && len(n.Output) > 1:
			i, k := r.IntN(len(n.Output)), r.IntN(len(n.Output))
			n.Output[i], n.Output[k] = n.Output[k], n.Output[i]
			return m, fmt.Sprintf("outputs %d and %d of %s swapped", i, k, n.GetName())
		case way == 2 && op == "Concat":
			i, k := r.IntN(len(n.Input)), r.IntN(len(n.Input))
			n.Input[i], n.Input[k] = n.Input[k], n.Input[i]
			return m, fmt.Sprintf("inputs %d and %d of %s swapped", i, k, n.GetName())
		case len(n.Input) > 0: // another tensor in the place of an input
			var names []string
			for _, t := range g.Initializer {
				names = append(names, t.GetName())
			}
			for _, i := range g.Input {
				names = append(names, i.GetName())
			}
			for _, other := range g.Node[:at] {
				names = append(names, other.Output...)
			}
			i := r.IntN(len(n.Input))
			n.Input[i] = names[r.IntN(len(names))]
			return m, fmt.Sprintf("input %d of %s is %s", i, n.GetName(), n.Input[i])
		}
	}
}

// A graph that is nearly that of a layer is refused, or computed as it is.
func TestNearMisses(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	var refused, right, invalid, same int
	for range count(t, 160, 30) {
		w := randomWritten(r)
		m, x := w.graph(), w.input(r)
		original := reference(m, x)
		for range 20 {
			bad, what := mutated(r, m)
			n, err := loadModel(bad)
			if err != nil {
				refused++
				continue
			}
			want := reference(bad, x)
			if want == nil {
				invalid++
				continue
			}
			got, err := n.Run(map[string]Tensor{"x": x})
			if err != nil {
				t.Errorf("%v, %s: %v", w, what, err)
				continue
			}
			if d := math.Inf(1); len(got["y"].Floats) == len(want) {
				d, _ = apart(got["y"].Floats, want)
				if d <= 10*conforms {
					if right++; slices.Equal(original, want) {
						same++
					}
					continue
				}
			}
			t.Errorf("%v, %s: it was imported, and gives\n%v, want\n%v, without the change\n%v", w, what, got["y"].Floats, want, original)
		}
	}
	t.Logf("%d refused, %d computed as they are, of which %d are the same layer, %d that were no graphs taken", refused, right, same, invalid)
	if right-same < 100 && !testing.Short() || refused < 100 {
		t.Errorf("the changes are too few: %d refused, %d other layers", refused, right-same)
	}
}
