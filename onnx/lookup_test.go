package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// The output at lengths - 1 of a batch that is one row, whose lengths have no axis of rows: numbers
// that are not lengths - 1, and more of them than rows, are refused.
func TestLookUpOfOneRow(t *testing.T) {
	const no = "it makes of the lengths of rows"
	for _, c := range []struct {
		name    string
		nodes   func(g graphOf) []*pb.NodeProto
		refused string
	}{
		{"lengths - 1", func(g graphOf) []*pb.NodeProto {
			return []*pb.NodeProto{g.node("Sub", "i", "lengths", "one")}
		}, ""},
		{"times the rows", func(g graphOf) []*pb.NodeProto {
			return []*pb.NodeProto{g.node("Sub", "before", "lengths", "one"), g.node("Mul", "i", "before", "one")}
		}, ""},
		{"the rows times them", func(g graphOf) []*pb.NodeProto {
			return []*pb.NodeProto{g.node("Sub", "before", "lengths", "one"), g.node("Mul", "i", "one", "before")}
		}, ""},
		{"three times", func(g graphOf) []*pb.NodeProto {
			return []*pb.NodeProto{g.node("Sub", "before", "lengths", "one"), g.node("Expand", "i", "before", "three")}
		}, no},
		{"beside a vector", func(g graphOf) []*pb.NodeProto {
			g.whole("minus", -1, -1, -1)
			return []*pb.NodeProto{g.node("Add", "i", "lengths", "minus")}
		}, no},
		{"lengths and three times as much", func(g graphOf) []*pb.NodeProto {
			return []*pb.NodeProto{g.node("Mul", "more", "lengths", "three"), g.node("Add", "all", "lengths", "more"), g.node("Sub", "i", "all", "one")}
		}, no},
		{"lengths and their square", func(g graphOf) []*pb.NodeProto {
			return []*pb.NodeProto{g.node("Mul", "more", "lengths", "lengths"), g.node("Add", "all", "lengths", "more"), g.node("Sub", "i", "all", "one")}
		}, "a combination of what two nodes give"},
		{"an entry of lengths", func(g graphOf) []*pb.NodeProto {
			g.whole("first", 0)
			return []*pb.NodeProto{g.node("Sub", "before", "lengths", "one"), g.node("Gather", "i", "before", "first")}
		}, no},
	} {
		g := simple()
		g.m.Graph.Input = []*pb.ValueInfoProto{valueInfo("x", pb.TensorProto_FLOAT, "time", "1", "2"), valueInfo("lengths", pb.TensorProto_INT64, "1")}
		g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "3")
		g.whole("one", 1)
		g.whole("three", 3)
		g.whole("flat", -1, 3)
		g.m.Graph.Node[0].Output[0] = "t"
		g.m.Graph.Node = append(append(g.m.Graph.Node, c.nodes(g)...), g.node("Reshape", "f", "t", "flat"), g.node("Gather", "y", "f", "i"))
		n, err := g.load()
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want an error with %q", c.name, err, c.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		x := []float32{1, -1, 0.5, 2, 3, -2, 0.25, 1}
		all := must(must(simple().load()).Run(map[string]Tensor{"x": {Shape: []int{4, 1, 2}, Floats: x}}))["y"].Floats
		got := must(n.Run(map[string]Tensor{"x": {Shape: []int{4, 1, 2}, Floats: x}, "lengths": {Shape: []int{1}, Integers: []int64{3}}}))["y"]
		if !slices.Equal(got.Shape, []int{1, 3}) || !slices.Equal(got.Floats, all[6:9]) {
			t.Errorf("%s: %v %v, want %v", c.name, got.Shape, got.Floats, all[6:9])
		}
	}
}
