package onnx

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// worded is simple with ids and a table before it.
func worded() graphOf {
	g := simple()
	g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_INT64, "time", "batch")
	g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String("table"), DataType: proto.Int32(1), Dims: []int64{4, 2}, FloatData: []float32{0, 1, 2, 3, 4, 5, 6, 7}},
		&pb.TensorProto{Name: proto.String("zero"), DataType: proto.Int32(7), Int64Data: []int64{0}}, &pb.TensorProto{Name: proto.String("two"), DataType: proto.Int32(7), Int64Data: []int64{2}})
	lstm := g.m.Graph.Node[0]
	lstm.Input[0] = "vectors"
	g.m.Graph.Node = []*pb.NodeProto{g.node("Gather", "vectors", "table", "ids"), lstm}
	return g
}

func (g graphOf) node(op, out string, in ...string) *pb.NodeProto {
	return &pb.NodeProto{OpType: proto.String(op), Name: proto.String(op + " " + out), Input: in, Output: []string{out}}
}

func castTo(n *pb.NodeProto, to pb.TensorProto_DataType) *pb.NodeProto {
	n.Attribute = []*pb.AttributeProto{integer("to", int64(to))}
	return n
}

// What a graph tests of ids is no id, and their number no other length than that of its rows.
func TestTestsOfIDs(t *testing.T) {
	for name, c := range map[string]struct {
		before []*pb.NodeProto
		lens   string
		want   string // "" for a network
	}{
		"ids":               {[]*pb.NodeProto{worded().node("Identity", "ids", "x")}, "", ""},
		"wide integers":     {[]*pb.NodeProto{castTo(worded().node("Cast", "ids", "x"), pb.TensorProto_INT32)}, "", ""},
		"bytes":             {[]*pb.NodeProto{castTo(worded().node("Cast", "ids", "x"), pb.TensorProto_INT8)}, "", "a cast of ids to the data type INT8"},
		"truths":            {[]*pb.NodeProto{castTo(worded().node("Cast", "b", "x"), pb.TensorProto_BOOL), castTo(worded().node("Cast", "ids", "b"), pb.TensorProto_INT64)}, "", "by something that is no input of ids"},
		"a test":            {[]*pb.NodeProto{worded().node("Equal", "b", "x", "zero"), castTo(worded().node("Cast", "ids", "b"), pb.TensorProto_INT64)}, "", "by something that is no input of ids"},
		"another number":    {[]*pb.NodeProto{worded().node("Equal", "ids", "x", "two")}, "", "with something else than 0"},
		"an unknown number": {[]*pb.NodeProto{worded().node("Equal", "ids", "x", "x")}, "", "with something else than 0"},
		"zeros counted":     {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), worded().node("Equal", "b", "x", "zero"), castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32), worded().node("ReduceSum", "l", "n")}, "l", "want that of a test whether they are not 0"},
		"counted": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), worded().node("Equal", "e", "x", "zero"), worded().node("Not", "b", "e"),
			castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32), worded().node("ReduceSum", "l", "n")}, "l", ""},
		"counted by bytes": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), castTo(worded().node("Cast", "b", "x"), pb.TensorProto_BOOL),
			castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32), worded().node("ReduceSum", "l", "n")}, "l", ""},
		"a sum counted": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), worded().node("Add", "more", "x", "two"), castTo(worded().node("Cast", "b", "more"), pb.TensorProto_BOOL),
			castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32), worded().node("ReduceSum", "l", "n")}, "l", "after 2 is added to them"},
		"whether any": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), castTo(worded().node("Cast", "b", "x"), pb.TensorProto_BOOL), castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32),
			worded().node("ReduceSum", "s", "n"), castTo(worded().node("Cast", "l", "s"), pb.TensorProto_BOOL)}, "l", "to the data type BOOL"},
		"a count in a byte": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), castTo(worded().node("Cast", "b", "x"), pb.TensorProto_BOOL), castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32),
			worded().node("ReduceSum", "s", "n"), castTo(worded().node("Cast", "l", "s"), pb.TensorProto_INT8)}, "l", "to the data type INT8"},
		"counted in halves": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), castTo(worded().node("Cast", "b", "x"), pb.TensorProto_BOOL), castTo(worded().node("Cast", "n", "b"), pb.TensorProto_FLOAT16),
			worded().node("ReduceSum", "s", "n"), castTo(worded().node("Cast", "l", "s"), pb.TensorProto_INT32)}, "l", "to the data type FLOAT16"},
		"a count that is cast": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), castTo(worded().node("Cast", "b", "x"), pb.TensorProto_BOOL), castTo(worded().node("Cast", "n", "b"), pb.TensorProto_FLOAT),
			worded().node("ReduceSum", "s", "n"), castTo(worded().node("Cast", "l", "s"), pb.TensorProto_INT32)}, "l", ""},
		"zeros as truths": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), worded().node("Equal", "e", "x", "zero"), castTo(worded().node("Cast", "b", "e"), pb.TensorProto_BOOL),
			castTo(worded().node("Cast", "n", "b"), pb.TensorProto_INT32), worded().node("ReduceSum", "l", "n")}, "l", "want that of a test whether they are not 0"},
		"ids summed": {[]*pb.NodeProto{worded().node("Identity", "ids", "x"), worded().node("ReduceSum", "l", "x")}, "l", "a sum of ids"},
	} {
		g := worded()
		g.m.OpsetImport[0].Version = proto.Int64(11)
		for _, n := range c.before {
			if n.GetOpType() == "ReduceSum" {
				n.Attribute = []*pb.AttributeProto{ints("axes", 0), integer("keepdims", 0)}
			}
		}
		if c.lens != "" {
			g.m.Graph.Node[1].Input = append(g.m.Graph.Node[1].Input, c.lens)
		}
		g.m.Graph.Node = slices.Concat(c.before, g.m.Graph.Node)
		n, err := g.load()
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && n.MaskZero != (c.lens != ""):
			t.Errorf("%s: MaskZero is %v", name, n.MaskZero)
		case n != nil && n.MaskZero:
			// The outputs are those of the same lengths as an input.
			ids := Tensor{Shape: []int{3, 2}, Integers: []int64{1, 3, 0, 2, 2, 1}}
			got, err := n.Run(map[string]Tensor{"x": ids})
			if err != nil {
				t.Fatal(err)
			}
			g := worded()
			g.m.Graph.Node = append([]*pb.NodeProto{g.node("Identity", "ids", "x")}, g.m.Graph.Node...)
			g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("l", pb.TensorProto_INT32, "batch"))
			g.m.Graph.Node[2].Input = append(g.m.Graph.Node[2].Input, "l")
			want, err := must(g.load()).Run(map[string]Tensor{"x": ids, "l": {Shape: []int{2}, Integers: []int64{2, 3}}})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got["y"].Floats, want["y"].Floats) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}

// Ids that a file has as floats, as Keras' models do, are ids: what is no id is an error.
func TestIDsAsFloats(t *testing.T) {
	n, err := Open(filepath.Join("testdata", "keras2onnx", "words_gru.onnx"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := n.Inputs[0]
	if in.Integers {
		t.Errorf("the input is %+v, want floats", in)
	}
	for id, ok := range map[float32]bool{0: true, 8: true, 8.9: true, 9: false, -1: false, -0.5: false, 1e20: false} {
		if _, err := n.Run(map[string]Tensor{in.Name: {Shape: []int{1, 1}, Floats: []float32{id}}}); (err == nil) != ok {
			t.Errorf("the id %v: %v", id, err)
		}
	}
}
