package onnx

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// choose puts an If behind the LSTM: relu and tanh of what it gives.
func (g graphOf) choose(condition string, edit func(then, otherwise *pb.GraphProto)) {
	nodes := g.m.Graph.Node
	nodes[len(nodes)-1].Output[0] = "t"
	then := &pb.GraphProto{Node: []*pb.NodeProto{{OpType: proto.String("Relu"), Name: proto.String("inner"), Input: []string{"t"}, Output: []string{"a"}}}, Output: []*pb.ValueInfoProto{{Name: proto.String("a")}}}
	otherwise := &pb.GraphProto{Node: []*pb.NodeProto{{OpType: proto.String("Tanh"), Input: []string{"t"}, Output: []string{"b"}}}, Output: []*pb.ValueInfoProto{{Name: proto.String("b")}}}
	if edit != nil {
		edit(then, otherwise)
	}
	graph := func(name string, b *pb.GraphProto) *pb.AttributeProto {
		return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_GRAPH.Enum(), G: b}
	}
	g.m.Graph.Node = append(nodes, &pb.NodeProto{OpType: proto.String("If"), Name: proto.String("if"), Input: []string{condition}, Output: []string{"y"},
		Attribute: []*pb.AttributeProto{graph("then_branch", then), graph("else_branch", otherwise)}})
}

// The branch that a constant chooses is what the network computes; the other one may be anything.
func TestBranches(t *testing.T) {
	for yes, want := range map[byte]string{0: "Tanh", 1: "Relu"} {
		g := simple()
		g.constant("yes", pb.TensorProto_BOOL, []byte{yes})
		g.choose("yes", func(then, otherwise *pb.GraphProto) {
			other := then
			if yes == 1 {
				other = otherwise
			}
			other.Node[0].OpType = proto.String("Conv")
		})
		n, err := g.load()
		if err != nil || len(n.Stages) != 2 || fmt.Sprint(n.Stages[1]) != want {
			t.Errorf("%v, %v, want %s behind the layer", n, err, want)
		}
	}
}

// Branches that are not known, and those that are no graph, are refused by the name of the node.
func TestBranchesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(g graphOf)
		want string
	}{
		{"an input", func(g graphOf) {
			g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("s", pb.TensorProto_BOOL))
			g.choose("s", nil)
		}, `node "if", operator If: its condition is the graph's input s`},
		{"a size that is not known", func(g graphOf) {
			g.constant("one", pb.TensorProto_INT64, []byte{1, 0, 0, 0, 0, 0, 0, 0})
			g.choose("c", nil)
			nodes := g.m.Graph.Node
			g.m.Graph.Node = append(nodes[:1:1], &pb.NodeProto{OpType: proto.String("Shape"), Input: []string{"t"}, Output: []string{"s"}, Attribute: []*pb.AttributeProto{integer("end", 1)}},
				&pb.NodeProto{OpType: proto.String("Equal"), Name: proto.String("equal"), Input: []string{"s", "one"}, Output: []string{"c"}}, nodes[1])
		}, `node "equal", operator Equal: it compares the sizes`},
		{"a name that is given before", func(g graphOf) {
			g.chooseYes(func(then, _ *pb.GraphProto) { then.Node[0].Output[0] = "W"; then.Output[0].Name = proto.String("W") })
		}, `its branch has a tensor "W", a name that is empty or given before`},
		{"a name that is missing", func(g graphOf) {
			g.chooseYes(func(then, _ *pb.GraphProto) { then.Node[0].Input[0] = "nowhere" })
		}, `node "inner", operator Relu: its input "nowhere" is no initializer`},
		{"what the If gives", func(g graphOf) {
			g.chooseYes(func(then, _ *pb.GraphProto) { then.Node[0].Input[0] = "y" })
		}, `node "inner", operator Relu: its input "y" is no initializer`},
		{"no output", func(g graphOf) { g.chooseYes(func(then, _ *pb.GraphProto) { then.Output = nil }) }, "does not have 1 outputs"},
		{"an output of no node", func(g graphOf) {
			g.chooseYes(func(then, _ *pb.GraphProto) { then.Output[0].Name = proto.String("z") })
		}, `the output "z" of its branch is computed by none of its nodes`},
		{"an operator that is none", func(g graphOf) {
			g.chooseYes(func(then, _ *pb.GraphProto) { then.Node[0].OpType = proto.String("Conv") })
		}, `node "inner", operator Conv: the operator is none`},
		{"inputs", func(g graphOf) {
			g.chooseYes(func(then, _ *pb.GraphProto) { then.Input = []*pb.ValueInfoProto{{Name: proto.String("q")}} })
		}, "has inputs"},
		{"many", func(g graphOf) {
			for range maxBranches + 1 {
				g.chooseYes(nil)
				last := g.m.Graph.Node[len(g.m.Graph.Node)-1]
				i := len(g.m.Graph.Node)
				for _, a := range last.Attribute {
					a.G.Node[0].Input[0], a.G.Node[0].Output[0] = fmt.Sprint("t", i-1), fmt.Sprint(a.G.Output[0].GetName(), i)
					a.G.Output[0].Name = proto.String(a.G.Node[0].Output[0])
				}
				g.m.Graph.Node[i-2].Output[0] = fmt.Sprint("t", i-1)
			}
		}, "more than 64 operators If"},
	} {
		g := simple()
		c.edit(g)
		if _, err := g.load(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that contains %q", c.name, err, c.want)
		}
	}
}

// chooseYes is choose with a condition that is true.
func (g graphOf) chooseYes(edit func(then, otherwise *pb.GraphProto)) {
	if len(g.m.Graph.Initializer) < 4 {
		g.constant("yes", pb.TensorProto_BOOL, []byte{1})
	}
	g.choose("yes", edit)
}
