package onnx

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// numbers gives the graph a constant of floats.
func (g graphOf) numbers(name string, v []float32, dims ...int64) {
	g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(pb.TensorProto_FLOAT)), Dims: dims, FloatData: v})
}

// whole gives the graph a list of integers.
func (g graphOf) whole(name string, v ...int64) {
	g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(pb.TensorProto_INT64)), Dims: []int64{int64(len(v))}, Int64Data: v})
}

// lengths gives the LSTM, which is node i, lengths that are an input, "l".
func (g graphOf) lengths(i int) {
	g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("l", pb.TensorProto_INT32, "batch"))
	g.m.Graph.Node[i].Input = append(g.m.Graph.Node[i].Input, "l")
}

// counting gives worded the number of ids of a row that are not 0 as its lengths.
func (g graphOf) counting() {
	g.m.OpsetImport[0].Version = proto.Int64(11)
	sum := g.node("ReduceSum", "l", "n")
	sum.Attribute = []*pb.AttributeProto{ints("axes", 0), integer("keepdims", 0)}
	g.m.Graph.Node[1].Input = append(g.m.Graph.Node[1].Input, "l")
	g.m.Graph.Node = slices.Concat([]*pb.NodeProto{g.node("Identity", "ids", "x"), castTo(g.node("Cast", "b", "x"), pb.TensorProto_BOOL),
		castTo(g.node("Cast", "n", "b"), pb.TensorProto_INT32), sum}, g.m.Graph.Node)
}

// turned turns the sequence around that the LSTM, which is node i, reads.
func (g graphOf) turned(i int) {
	g.whole("first", -1)
	g.whole("end", -1<<62)
	g.whole("axis", 0)
	lstm := g.m.Graph.Node[i]
	g.m.Graph.Node = slices.Insert(g.m.Graph.Node, i, g.node("Slice", "turned", lstm.Input[0], "first", "end", "axis", "first"))
	lstm.Input[0] = "turned"
}

// A sequence that is turned around as a whole begins with what follows the end of a row, so it is
// the other direction of rows of all steps alone.
func TestTurnedSequencesOfRowsWithLengths(t *testing.T) {
	fixed := func(batch string, list ...int64) graphOf {
		g := simple()
		g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "3", batch, "2")
		g.whole("l", list...)
		g.m.Graph.Node[0].Input = append(g.m.Graph.Node[0].Input, "l")
		g.turned(0)
		return g
	}
	given := simple()
	given.lengths(0)
	back := simple()
	back.lengths(0)
	back.attr(text("direction", "reverse"))
	counted := worded()
	counted.counting()
	for name, c := range map[string]struct {
		g      graphOf
		at     int    // the LSTM
		advise string // the direction
	}{"an input": {given, 0, "reverse"}, "an input, from the end": {back, 0, "forward"}, "counted": {counted, 5, "reverse"}} {
		if _, err := c.g.load(); err != nil {
			t.Errorf("%s, not turned around: %v", name, err)
		}
		c.g.turned(c.at)
		_, err := c.g.load()
		for _, want := range []string{`"lstm"`, "LSTM", "turned around as a whole", `set the attribute direction to "` + c.advise + `"`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	if _, err := fixed("2", 3, 2).load(); err == nil || !strings.Contains(err.Error(), "turned around as a whole") {
		t.Errorf("lengths of the file: %v", err)
	}
	n, err := fixed("2", 3, 3).load()
	if err != nil {
		t.Fatalf("lengths of all steps: %v", err)
	}
	x := Tensor{Shape: []int{3, 2, 2}, Floats: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
	mirrored := Tensor{Shape: []int{3, 2, 2}, Floats: []float32{9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4}}
	got, err := n.Run(map[string]Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	want, err := must(simple().load()).Run(map[string]Tensor{"x": mirrored})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got["y"].Floats, want["y"].Floats) {
		t.Errorf("%v, want %v", got["y"].Floats, want["y"].Floats)
	}
}

// A row of no steps has a final state, that with which it begins, but no last step to compute
// from.
func TestRowsOfNoSteps(t *testing.T) {
	readout := func(g graphOf) graphOf { // of the final state
		lstm := g.m.Graph.Node[len(g.m.Graph.Node)-1]
		lstm.Output = []string{"", "h"}
		g.numbers("M", []float32{1, 2, 3, 4, 5, 6}, 3, 2)
		g.numbers("Mb", []float32{7, 8}, 2)
		g.m.Graph.Node = append(g.m.Graph.Node, g.node("MatMul", "p", "h", "M"), g.node("Add", "y", "p", "Mb"))
		g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "batch", "2")
		return g
	}
	g := simple()
	g.lengths(0)
	readout(g)
	counted := worded()
	counted.counting()
	readout(counted)
	last := simple() // of the tensor
	last.whole("first", -1)
	last.tensor("first").Dims = nil
	last.after("Gather", []string{"first"})
	last.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "batch", "3")
	x := Tensor{Shape: []int{2, 2, 2}, Floats: make([]float32, 8)}
	for name, c := range map[string]struct {
		g    graphOf
		in   map[string]Tensor
		want string // "" for outputs
	}{
		"given":        {g, map[string]Tensor{"x": x, "l": {Shape: []int{2}, Integers: []int64{2, 0}}}, `row 1 of no steps, and the output "y" is computed from the last step of each row, or from all of them: give rows of at least 1 step`},
		"too few":      {g, map[string]Tensor{"x": x, "l": {Shape: []int{1}, Integers: []int64{2}}}, "lengths"},
		"one step":     {g, map[string]Tensor{"x": x, "l": {Shape: []int{2}, Integers: []int64{2, 1}}}, ""},
		"all":          {g, map[string]Tensor{"x": x}, ""},
		"counted":      {counted, map[string]Tensor{"x": {Shape: []int{2, 3}, Integers: []int64{1, 0, 2, 2, 0, 1}}}, `row 1 of no steps, and the output "y"`},
		"some counted": {counted, map[string]Tensor{"x": {Shape: []int{2, 3}, Integers: []int64{1, 1, 2, 2, 0, 1}}}, ""},
		"no steps":     {last, map[string]Tensor{"x": {Shape: []int{0, 2, 2}}}, `row 0 of no steps, and the output "y"`},
		"a last step":  {last, map[string]Tensor{"x": x}, ""},
	} {
		_, err := must(c.g.load()).Run(c.in)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}

	// A state that is an output itself is there.
	g = simple()
	g.numbers("h0", []float32{0.25, 0.5, -1}, 1, 1, 3)
	lstm := g.m.Graph.Node[0]
	g.lengths(0)
	lstm.Input = append(lstm.Input, "h0")
	lstm.Output = []string{"", "y"}
	g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "batch", "3")
	out, err := must(g.load()).Run(map[string]Tensor{"x": x, "l": {Shape: []int{2}, Integers: []int64{2, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := out["y"].Floats[3:]; !slices.Equal(got, []float32{0.25, 0.5, -1}) {
		t.Errorf("the final state of a row of no steps: %v, want that which it begins with", got)
	}
}

// Outputs of all steps are those of a shorter batch up to the end of a row, and 0 past it.
func TestPastTheEndOfARow(t *testing.T) {
	g := simple()
	g.lengths(0)
	g.numbers("M", []float32{1, 2, 3, 4, 5, 6}, 3, 2)
	g.numbers("Mb", []float32{7, 8}, 2)
	g.m.Graph.Node[0].Output[0] = "t"
	g.m.Graph.Node = append(g.m.Graph.Node, g.node("MatMul", "p", "t", "M"), g.node("Add", "y", "p", "Mb"))
	g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "time", "1", "batch", "2")
	n := must(g.load())
	x := []float32{1, -1, 0.5, 2, 3, -2}
	got, err := n.Run(map[string]Tensor{"x": {Shape: []int{3, 1, 2}, Floats: x}, "l": {Shape: []int{1}, Integers: []int64{2}}})
	if err != nil {
		t.Fatal(err)
	}
	short, err := n.Run(map[string]Tensor{"x": {Shape: []int{2, 1, 2}, Floats: x[:4]}})
	if err != nil {
		t.Fatal(err)
	}
	if want := append(short["y"].Floats, 0, 0); !slices.Equal(got["y"].Floats, want) {
		t.Errorf("%v, want %v", got["y"].Floats, want)
	}
	if slices.Contains(short["y"].Floats, 0) {
		t.Errorf("%v, want a bias in all of them", short["y"].Floats)
	}
}

// A pool and the last step of the tensor go past the end of rows that have lengths.
func TestLastStepOfRowsWithLengths(t *testing.T) {
	for _, op := range []string{"Gather", "ReduceMean"} {
		g := simple()
		g.lengths(0)
		if op == "Gather" {
			g.whole("first", -1)
			g.tensor("first").Dims = nil
			g.after(op, []string{"first"})
		} else {
			g.after(op, nil, ints("axes", 0), integer("keepdims", 0))
		}
		g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "batch", "3")
		if _, err := g.load(); err == nil || !strings.Contains(err.Error(), "from the last step of the tensor, or by a pool over all of its steps") || !strings.Contains(err.Error(), "Y_h") {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// Where the steps of a row are counted, ids that are floats are whole numbers: a graph may ask
// whether they are 0 before it cuts them off.
func TestCountedFloats(t *testing.T) {
	for _, before := range []bool{true, false} {
		g := worded()
		g.m.OpsetImport[0].Version = proto.Int64(11)
		g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "time", "batch")
		of := "ids"
		g.numbers("nought", []float32{0})
		if before {
			of = "x"
		} else {
			g.tensor("nought").DataType, g.tensor("nought").FloatData, g.tensor("nought").Int64Data = proto.Int32(int32(pb.TensorProto_INT64)), nil, []int64{0}
		}
		sum := g.node("ReduceSum", "l", "n")
		sum.Attribute = []*pb.AttributeProto{ints("axes", 0), integer("keepdims", 0)}
		g.m.Graph.Node[1].Input = append(g.m.Graph.Node[1].Input, "l")
		g.m.Graph.Node = slices.Concat([]*pb.NodeProto{castTo(g.node("Cast", "ids", "x"), pb.TensorProto_INT64), g.node("Equal", "e", of, "nought"), g.node("Not", "b", "e"),
			castTo(g.node("Cast", "n", "b"), pb.TensorProto_INT32), sum}, g.m.Graph.Node)
		n := must(g.load())
		if _, err := n.Run(map[string]Tensor{"x": {Shape: []int{3, 2}, Floats: []float32{1, 3, 2, 0, 1, 0}}}); err != nil {
			t.Errorf("whole numbers: %v", err)
		}
		_, err := n.Run(map[string]Tensor{"x": {Shape: []int{3, 2}, Floats: []float32{1, 3, 2, 0.5, 1, 0}}})
		if err == nil || !strings.Contains(err.Error(), `the input "x" has the id 0.5 at step 1 of row 1, want whole numbers`) {
			t.Errorf("a half: %v", err)
		}
	}
}
