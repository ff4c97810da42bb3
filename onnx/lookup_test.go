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

// Outputs of different steps are none of a Window.
func TestOutputsOfTwoWindows(t *testing.T) {
	g := simple()
	g.m.Graph.Node[0].Output[0] = "t"
	g.whole("none", 0)
	g.whole("two", 2)
	g.whole("four", 4)
	g.m.Graph.Node = append(g.m.Graph.Node, g.node("Slice", "y", "t", "none", "two", "none"), g.node("Slice", "z", "t", "two", "four", "none"))
	g.m.Graph.Output = []*pb.ValueInfoProto{valueInfo("y", pb.TensorProto_FLOAT, "a", "1", "batch", "3"), valueInfo("z", pb.TensorProto_FLOAT, "b", "1", "batch", "3")}
	n := must(g.load())
	if n.Window != (Window{}) || n.LastStep {
		t.Errorf("the window is %v", n.Window)
	}
	x := Tensor{Shape: []int{5, 1, 2}, Floats: []float32{1, -1, 0.5, 2, 3, -2, 0.25, 1, 2, 0}}
	all := must(must(simple().load()).Run(map[string]Tensor{"x": x}))["y"].Floats
	got := must(n.Run(map[string]Tensor{"x": x}))
	if !slices.Equal(got["y"].Floats, all[:6]) || !slices.Equal(got["z"].Floats, all[6:12]) {
		t.Errorf("%v, want parts of %v", got, all)
	}
	g.m.Graph.Output = g.m.Graph.Output[:1]
	if n := must(g.load()); n.Window != (Window{0, 2}) {
		t.Errorf("the window is %v, want that of the output", n.Window)
	}
}

// What an output has that is none of a chain whose rows have lengths is said in its terms.
func TestLookUpsThatAreRefused(t *testing.T) {
	// ends makes the output y of GatherElements of the last step by the lengths of an input.
	ends := func(g graphOf, y, lengths string) {
		g.m.Graph.Node = append(g.m.Graph.Node, g.node("Sub", y+" less", lengths, "one"), g.node("Reshape", y+" rows", y+" less", "rows"),
			g.node("Expand", y+" at", y+" rows", "units"), g.node("GatherElements", y, "s", y+" at"))
	}
	start := func(layer ...string) graphOf {
		g := simple()
		g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("lengths", pb.TensorProto_INT32, "batch"), valueInfo("others", pb.TensorProto_INT32, "batch"))
		g.m.Graph.Node[0].Input = append(g.m.Graph.Node[0].Input, layer...)
		g.m.Graph.Node[0].Output = []string{"t", "h"}
		g.constant("one", pb.TensorProto_INT32, []byte{1, 0, 0, 0})
		g.whole("axis", 1)
		g.whole("rows", 1, -1, 1)
		g.whole("units", 1, 1, 3)
		g.whole("from", -2)
		g.whole("end", 1<<62)
		g.whole("time", 0)
		g.m.Graph.Node = append(g.m.Graph.Node, g.node("Squeeze", "s", "t", "axis"))
		g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "batch", "3")
		return g
	}
	for name, c := range map[string]struct {
		edit func() graphOf
		want string
	}{
		"the lengths of two inputs": {func() graphOf {
			g := start("lengths")
			ends(g, "y", "others")
			ends(g, "z", "lengths")
			g.m.Graph.Output = append(g.m.Graph.Output, valueInfo("z", pb.TensorProto_FLOAT, "1", "batch", "3"))
			return g
		}, `output "y": it takes a step by other lengths of rows than the output "z"`},
		"their sum": {func() graphOf {
			g := start("lengths")
			ends(g, "a", "others")
			ends(g, "b", "lengths")
			g.m.Graph.Node = append(g.m.Graph.Node, g.node("Add", "y", "a", "b"))
			return g
		}, "by the lengths of one input together with that by the lengths of another"},
		"a final state beside it": {func() graphOf {
			g := start()
			ends(g, "a", "lengths")
			g.m.Graph.Node = append(g.m.Graph.Node, g.node("Add", "y", "a", "h"))
			return g
		}, "it has a final state, or the first step of each row, beside a step"},
		"some steps turned around": {func() graphOf {
			g := start()
			g.whole("first", -1)
			g.whole("before", -1<<62)
			g.m.Graph.Node = append(g.m.Graph.Node, g.node("Slice", "a", "s", "from", "end", "time"), g.node("Slice", "y", "a", "first", "before", "time", "first"))
			return g
		}, "the steps [-2:] of a layer from the end"},
		"the mean of some steps": {func() graphOf {
			g := start()
			mean := g.node("ReduceMean", "y", "a")
			mean.Attribute = []*pb.AttributeProto{ints("axes", 0)}
			g.m.Graph.Node = append(g.m.Graph.Node, g.node("Slice", "a", "s", "from", "end", "time"), mean)
			return g
		}, "a pool goes over all of them"},
		"a softmax over some steps": {func() graphOf {
			g := start()
			w := g.node("Softmax", "y", "a")
			w.Attribute = []*pb.AttributeProto{integer("axis", 0)}
			g.m.Graph.Node = append(g.m.Graph.Node, g.node("Slice", "a", "s", "from", "end", "time"), w)
			return g
		}, "an attention goes over all of them"},
	} {
		if _, err := c.edit().load(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}
