package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// What no network here has is refused with the node and the reason; what is no file, or
// contradicts itself, with the part.
func TestFilesThatAreRefused(t *testing.T) {
	long := func(v ...int64) []byte {
		var b []byte
		for _, n := range v {
			for i := range 8 {
				b = append(b, byte(n>>(8*i)))
			}
		}
		return b
	}
	for _, c := range []struct {
		name string
		edit func(g graphOf)
		want string
		node bool
	}{
		{"another operator", func(g graphOf) { g.after("Conv", nil) }, `node "after", operator Conv: the operator is none`, true},
		{"another domain", func(g graphOf) { g.m.Graph.Node[0].Domain = proto.String("com.microsoft") }, "com.microsoft.LSTM: an operator of the domain", true},
		{"direction", func(g graphOf) { g.attr(text("direction", "sideways")) }, `the direction "sideways"`, true},
		{"clip", func(g graphOf) { g.attr(float("clip", -1)) }, "clip is -1", true},
		{"clip below the limit", func(g graphOf) { g.attr(float("clip", 0x1p-120)) }, "Clip", true},
		{"activation", func(g graphOf) { g.attr(texts("activations", []string{"Sigmoid", "Tanh", "Gelu"})) }, `the activation "Gelu"`, true},
		{"too few activations", func(g graphOf) { g.attr(texts("activations", []string{"Sigmoid"})) }, "1 activations, want 3", true},
		{"alphas without a function", func(g graphOf) { g.attr(floatList("activation_alpha", []float32{1})) }, "1 and 0 elements more", true},
		{"no default alpha", func(g graphOf) { g.attr(texts("activations", []string{"Sigmoid", "Affine", "Tanh"})) }, "Affine has no default alpha", true},
		{"an attribute of another type", func(g graphOf) { g.attr(integer("direction", 1)) }, "the attribute direction is of the type INT", true},
		{"an attribute twice", func(g graphOf) { g.attr(float("clip", 1), float("clip", 2)) }, "the attribute clip twice", true},
		{"hidden size", func(g graphOf) { g.attr(integer("hidden_size", 4)) }, "hidden_size is 4, its R is for 3", true},
		{"shape of B", func(g graphOf) { g.tensor("B").Dims = []int64{2, 12} }, "B has the shape [2 12], want [1 24]", true},
		{"shape of W", func(g graphOf) { g.tensor("W").Dims = []int64{1, 8, 3} }, "W has the shape", true},
		{"integers as weights", func(g graphOf) { g.tensor("B").DataType = proto.Int32(int32(pb.TensorProto_INT32)) }, "B, has integers", true},
		{"W as an input", func(g graphOf) {
			g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("V", pb.TensorProto_FLOAT, "1", "12", "2"))
			g.m.Graph.Node[0].Input[1] = "V"
		}, "input 1, W, is the graph's input V, want a constant", true},
		{"width of x", func(g graphOf) { g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "5") }, "vectors of 5 elements, its W wants 2", true},
		{"x of two axes", func(g graphOf) { g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "batch", "2") }, "its X has 2 axes", true},
		{"data as a state", func(g graphOf) { g.m.Graph.Node[0].Input = []string{"x", "W", "R", "B", "", "x"} }, "which is the data too", true},
		{"a product of a number", func(g graphOf) { // which has no axis that could be time
			g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("number", pb.TensorProto_FLOAT))
			g.constant("m", pb.TensorProto_FLOAT, make([]byte, 24), 3, 2)
			g.after("MatMul", []string{"m"})
			g.m.Graph.Node[1].Input[0] = "number"
		}, `node "after", operator MatMul`, true},
		{"a cycle", func(g graphOf) { g.after("Add", []string{"z"}); g.back("z", "y") }, "comes from a later node", true},
		{"a missing input", func(g graphOf) { g.after("Add", []string{"nowhere"}) }, `its input "nowhere" is no initializer`, true},
		{"a name twice", func(g graphOf) { g.after("Relu", nil); g.m.Graph.Node[1].Output = []string{"y", "W"} }, "has the name of another tensor", true},
		{"a name of an initializer", func(g graphOf) { g.m.Graph.Node[0].Output[0] = "B"; g.m.Graph.Output[0].Name = proto.String("B") }, "has the name of another tensor", true},
		{"another keepdims", func(g graphOf) {
			g.m.OpsetImport[0].Version = proto.Int64(13)
			g.after("ReduceMean", nil, ints("axes", 0), integer("keepdims", 2))
		}, "keepdims is 2, want 0 or 1", true},
		{"a constant of more axes", func(g graphOf) {
			g.constant("k", pb.TensorProto_FLOAT, []byte{0, 0, 0, 64}, 1, 1, 1, 1, 1)
			g.after("Mul", []string{"k"})
		}, "a constant of the dimensions [1 1 1 1 1], which do not fit into the sizes [", true},
		{"a constant that is longer than an axis", func(g graphOf) {
			g.constant("k", pb.TensorProto_FLOAT, []byte{0, 0, 0, 64})
			g.constant("s", pb.TensorProto_INT64, long(1, 5, 1, 1), 4)
			g.m.Graph.Node = append([]*pb.NodeProto{{OpType: proto.String("Expand"), Input: []string{"k", "s"}, Output: []string{"many"}}}, g.m.Graph.Node...)
			g.after("Add", []string{"many"})
		}, "a constant of the dimensions [1 5 1 1], which do not fit", true},
		{"an exponent of more axes", func(g graphOf) {
			g.constant("k", pb.TensorProto_FLOAT, []byte{0, 0, 0, 64}, 1, 1, 1, 1, 1)
			g.after("Pow", []string{"k"})
		}, "a constant of the dimensions [1 1 1 1 1]", true},
		{"a threshold of more axes", func(g graphOf) {
			g.constant("twenty", pb.TensorProto_FLOAT, []byte{0, 0, 160, 65}, 1, 1, 1, 1, 1)
			g.after("Softplus", nil)
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("Greater"), Input: []string{"t", "twenty"}, Output: []string{"b"}},
				&pb.NodeProto{OpType: proto.String("Where"), Input: []string{"b", "t", "u"}, Output: []string{"y"}})
		}, "operator Greater", true},
		{"a product with a sequence from its end", func(g graphOf) {
			for name, n := range map[string]int64{"at": -1, "to": math.MinInt64 + 1, "zero": 0} {
				g.constant(name, pb.TensorProto_INT64, long(n), 1)
			}
			g.after("Slice", []string{"at", "to", "zero", "at"})
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Sub"), Input: []string{"t", "u"}, Output: []string{"y"}})
		}, "a sequence together with one whose time runs from the end", true},
		{"a product with another step", func(g graphOf) {
			g.constant("i", pb.TensorProto_INT64, long(-1))
			g.after("Gather", []string{"i"})
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Mul"), Input: []string{"t", "u"}, Output: []string{"y"}})
		}, "one step of a layer together with all steps of another", true},
		{"a quotient of outputs", func(g graphOf) {
			g.after("Tanh", nil)
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Div"), Input: []string{"t", "u"}, Output: []string{"y"}})
		}, "no part of a layer norm", true},
		{"a quotient by 1 and the absolute value of something else", func(g graphOf) {
			g.constant("b", pb.TensorProto_FLOAT, []byte{0, 0, 128, 63})
			g.after("Tanh", nil)
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("Abs"), Input: []string{"t"}, Output: []string{"a"}},
				&pb.NodeProto{OpType: proto.String("Add"), Input: []string{"a", "b"}, Output: []string{"d"}},
				&pb.NodeProto{OpType: proto.String("Div"), Input: []string{"u", "d"}, Output: []string{"y"}})
		}, "no part of a layer norm", true},
		{"another limit than that of a softplus", func(g graphOf) {
			g.constant("five", pb.TensorProto_FLOAT, []byte{0, 0, 160, 64})
			g.after("Softplus", nil)
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("Greater"), Input: []string{"t", "five"}, Output: []string{"b"}},
				&pb.NodeProto{OpType: proto.String("Where"), Input: []string{"b", "t", "u"}, Output: []string{"y"}})
		}, "operator Greater", true},
		{"a choice of something else than a softplus", func(g graphOf) {
			g.constant("twenty", pb.TensorProto_FLOAT, []byte{0, 0, 160, 65})
			g.after("Relu", nil)
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("Greater"), Input: []string{"t", "twenty"}, Output: []string{"b"}},
				&pb.NodeProto{OpType: proto.String("Where"), Input: []string{"b", "t", "u"}, Output: []string{"y"}})
		}, "operator Where", true},
		{"an absolute value", func(g graphOf) { g.after("Abs", nil) }, "its input is a part of a computation", false},
		{"a comparison", func(g graphOf) {
			g.constant("zero", pb.TensorProto_FLOAT, make([]byte, 4))
			g.after("Equal", []string{"zero"})
		}, "it belongs to a mask", true},
		{"a mask", func(g graphOf) {
			g.m.Graph.Node[0].Output = []string{"y", "h"}
			g.after("Where", []string{"t", "t"})
			g.m.Graph.Node[1].Input[0] = "h"
		}, "the steps of each row as lengths", true},
		{"a Clip below 0", func(g graphOf) {
			g.constant("lo", pb.TensorProto_FLOAT, []byte{0, 0, 128, 191})
			g.constant("hi", pb.TensorProto_FLOAT, []byte{0, 0, 128, 63})
			g.after("Clip", []string{"lo", "hi"})
		}, "limits of -1 and 1, want 0 and a number above it", true},
		{"the third step", func(g graphOf) { g.constant("i", pb.TensorProto_INT64, long(2)); g.after("Gather", []string{"i"}) }, "the entry 2 of axis 0", true},
		{"one row", func(g graphOf) {
			g.constant("i", pb.TensorProto_INT64, long(0))
			g.after("Gather", []string{"i"}, integer("axis", 2))
		}, "one entry of axis 2, which is not the time", true},
		{"time and batch that change places", func(g graphOf) {
			g.after("Squeeze", nil, ints("axes", 1))
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.OpsetImport[0].Version = proto.Int64(11)
			g.constant("W2", pb.TensorProto_FLOAT, make([]byte, 4*12*3), 1, 12, 3)
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("Transpose"), Input: []string{"u"}, Output: []string{"v"}, Attribute: []*pb.AttributeProto{ints("perm", 1, 0, 2)}},
				&pb.NodeProto{OpType: proto.String("LSTM"), Name: proto.String("second"), Input: []string{"v", "W2", "R"}, Output: []string{"y"}})
		}, `node "second", operator LSTM: axis 1 of the input is time for one recurrent layer and batch for another`, true},
		{"directions that are merged and side by side", func(g graphOf) {
			for name, size := range map[string][]int64{"W": {2, 12, 2}, "R": {2, 12, 3}, "B": {2, 24}} {
				w := g.tensor(name)
				w.Dims, w.RawData = size, append(w.RawData, w.RawData...)
			}
			g.attr(text("direction", "bidirectional"))
			g.constant("axis", pb.TensorProto_INT64, long(1), 1)
			g.constant("i", pb.TensorProto_INT64, long(0))
			g.m.Graph.Node[0].Output[0] = "t"
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("ReduceSum"), Input: []string{"t", "axis"}, Output: []string{"sum"}, Attribute: []*pb.AttributeProto{integer("keepdims", 0)}},
				&pb.NodeProto{OpType: proto.String("Gather"), Input: []string{"t", "i"}, Output: []string{"forward"}, Attribute: []*pb.AttributeProto{integer("axis", 1)}},
				&pb.NodeProto{OpType: proto.String("Concat"), Input: []string{"sum", "forward"}, Output: []string{"y"}, Attribute: []*pb.AttributeProto{integer("axis", 2)}})
		}, "is used in two ways", true},
		{"a softmax over time", func(g graphOf) { g.after("Softmax", nil, integer("axis", 0)) }, "goes over axis 0", true},
		{"a product over time", func(g graphOf) {
			g.after("Transpose", nil, ints("perm", 3, 1, 2, 0))
			g.m.Graph.Node[1].Output[0] = "u"
			g.constant("m", pb.TensorProto_FLOAT, make([]byte, 24), 3, 2)
			g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("MatMul"), Input: []string{"u", "m"}, Output: []string{"y"}})
		}, `node "y", operator MatMul: a product over an axis`, true},
		{"a reshape of time into units", func(g graphOf) {
			g.constant("s", pb.TensorProto_INT64, long(-1, 6), 2)
			g.after("Reshape", []string{"s"})
		}, "", true},
		{"training", func(g graphOf) {
			g.constant("r", pb.TensorProto_FLOAT, []byte{0, 0, 0, 63})
			g.constant("m", pb.TensorProto_BOOL, []byte{1})
			g.after("Dropout", []string{"r", "m"})
		}, "training_mode is set", true},
		{"half precision in between", func(g graphOf) { g.after("Cast", nil, integer("to", int64(pb.TensorProto_FLOAT16))) }, "a cast to FLOAT16", true},
		{"lengths beyond the steps", func(g graphOf) {
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "2", "1", "2")
			g.constant("l", pb.TensorProto_INT32, []byte{3, 0, 0, 0}, 1)
			g.m.Graph.Node[0].Input = append(g.m.Graph.Node[0].Input, "l")
		}, "sequence_lens has 3, of 2 steps", true},
		{"a state of one row of the batch", func(g graphOf) {
			g.constant("h", pb.TensorProto_FLOAT, []byte{0, 0, 128, 63, 0, 0, 128, 63, 0, 0, 128, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 2, 3)
			g.m.Graph.Node[0].Input = append(g.m.Graph.Node[0].Input, "", "h")
		}, "differs between rows of the batch", true},

		{"no graph", func(g graphOf) { g.m.Graph = nil }, "the model: it has no graph", false},
		{"no operator set", func(g graphOf) { g.m.OpsetImport = nil }, "does not say its operator set", false},
		{"an old operator set", func(g graphOf) { g.m.OpsetImport[0].Version = proto.Int64(6) }, "the operator set 6, want 7 to 22", false},
		{"a new operator set", func(g graphOf) { g.m.OpsetImport[0].Version = proto.Int64(23) }, "the operator set 23", false},
		{"no output", func(g graphOf) { g.m.Graph.Output = nil }, "it has no output", false},
		{"an output of no node", func(g graphOf) { g.m.Graph.Output[0].Name = proto.String("z") }, `output "z": no node computes it`, false},
		{"only the input", func(g graphOf) { g.m.Graph.Output[0].Name = proto.String("x") }, "it is a constant, or an input", false},
		{"an initializer twice", func(g graphOf) { g.m.Graph.Initializer = append(g.m.Graph.Initializer, g.tensor("W")) }, `tensor "W": the name is empty, or has been given before`, false},
		{"short data", func(g graphOf) { g.tensor("W").RawData = g.tensor("W").RawData[:90] }, `initializer "W": 90 bytes of data, want 96`, false},
		{"long data", func(g graphOf) { g.tensor("W").RawData = append(g.tensor("W").RawData, 0) }, "97 bytes of data, want 96", false},
		{"huge dimensions", func(g graphOf) { g.tensor("W").Dims = []int64{1 << 40, 1 << 40, 4} }, "below 2^31 elements", false},
		{"negative dimensions", func(g graphOf) { g.tensor("W").Dims = []int64{1, -12, -2} }, "none of them negative", false},
		{"data in no field", func(g graphOf) { g.tensor("W").RawData = nil }, "0 elements in float_data, want 24", false},
		{"strings", func(g graphOf) { g.tensor("W").DataType = proto.Int32(int32(pb.TensorProto_STRING)) }, "the data type is STRING", false},
		{"8 bits", func(g graphOf) { g.tensor("W").DataType = proto.Int32(int32(pb.TensorProto_FLOAT8E4M3FN)) }, "the data type is FLOAT8E4M3FN", false},
		{"no type", func(g graphOf) { g.tensor("W").DataType = proto.Int32(99) }, "of a number that is none of ONNX's", false},
		{"external data", func(g graphOf) { g.tensor("W").DataLocation = pb.TensorProto_EXTERNAL.Enum() }, "which is read only by Open with Options.ExternalData", false},
		{"an input of unknown axes", func(g graphOf) { g.m.Graph.Input[0].Type.GetTensorType().Shape = nil }, `input "x": a shape of an unknown number of axes`, false},
		{"an input of strings", func(g graphOf) { g.m.Graph.Input[0].Type.GetTensorType().ElemType = proto.Int32(8) }, "the data type is STRING", false},
		{"functions", func(g graphOf) { g.m.Functions = []*pb.FunctionProto{{Name: proto.String("f")}} }, `function "f"`, false},
		{"sparse weights", func(g graphOf) { g.m.Graph.SparseInitializer = []*pb.SparseTensorProto{{}} }, "sparse initializers", false},
		{"two outputs", func(g graphOf) {
			g.after("Relu", nil)
			g.m.Graph.Output = append(g.m.Graph.Output, valueInfo("t", pb.TensorProto_FLOAT, "a"))
		}, `output "t": the output "y" is another one`, false},
		{"one output with steps in reverse", func(g graphOf) {
			for i, v := range [][]byte{long(-1), long(math.MinInt64), long(0), long(-1)} {
				g.constant(string(rune('a'+i)), pb.TensorProto_INT64, v, 1)
			}
			g.after("Slice", []string{"a", "b", "c", "d"})
			g.m.Graph.Output = append(g.m.Graph.Output, valueInfo("t", pb.TensorProto_FLOAT, "time", "1", "batch", "3"))
		}, "its time runs in the other direction", false},
		{"both directions of steps in reverse", func(g graphOf) {
			g.m.Graph.Node[0].Attribute = []*pb.AttributeProto{text("direction", "bidirectional")}
			for i, v := range [][]byte{long(-1), long(math.MinInt64), long(0), long(-1)} {
				g.constant(string(rune('a'+i)), pb.TensorProto_INT64, v, 1)
			}
			g.m.Graph.Node[0].Input[0] = "turned"
			for _, name := range []string{"W", "R", "B"} {
				w := g.tensor(name)
				w.Dims[0] = 2
				w.RawData = slices.Repeat(w.RawData, 2)
			}
			g.m.Graph.Node = slices.Insert(g.m.Graph.Node, 0, &pb.NodeProto{OpType: proto.String("Slice"), Input: []string{"x", "a", "b", "c", "d"}, Output: []string{"turned"}})
		}, `node "lstm", operator LSTM: both directions of a sequence whose time runs from the end`, true},
	} {
		g := simple()
		if _, err := g.load(); err != nil {
			t.Fatal(err)
		}
		c.edit(g)
		n, err := g.load()
		var node *NodeError
		var format *FormatError
		switch {
		case err == nil || n != nil:
			t.Errorf("%s: it was read", c.name)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want an error that contains %q", c.name, err, c.want)
		case !regexp.MustCompile(`[;:,] (or |and )?(export|take|leave|give|set|name|read|copy) `).MatchString(err.Error()):
			t.Errorf("%s: %v, which does not say what to do", c.name, err)
		case errors.As(err, &node) != c.node || errors.As(err, &format) == c.node:
			t.Errorf("%s: a %T", c.name, err)
		}
	}
}

// External data are read if they are wanted, and from the folder of the model alone.
func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "in", "model.onnx")
	if err := os.Mkdir(filepath.Dir(model), 0o777); err != nil {
		t.Fatal(err)
	}
	g := simple()
	w := g.tensor("W")
	data := append(make([]byte, 5), w.RawData...)
	want := bytes.Clone(w.RawData)
	w.RawData, w.DataLocation = nil, pb.TensorProto_EXTERNAL.Enum()
	for _, p := range []string{filepath.Join(dir, "out.bin"), filepath.Join(dir, "in", "data.bin")} {
		if err := os.WriteFile(p, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "out.bin"), filepath.Join(dir, "in", "link.bin")); err != nil {
		t.Log("NOT EXERCISED: symbolic links:", err)
	}
	open := func(o Options, entries ...string) (*Network, error) {
		w.ExternalData = nil
		for i := 0; i < len(entries); i += 2 {
			w.ExternalData = append(w.ExternalData, &pb.StringStringEntryProto{Key: &entries[i], Value: &entries[i+1]})
		}
		if err := os.WriteFile(model, g.bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return Open(model, o)
	}
	yes := Options{ExternalData: true}
	n, err := open(yes, "location", "data.bin", "offset", "5", "length", "96")
	if err != nil {
		t.Fatal(err)
	}
	got := weightsOf([]any{n.Stages[0].(Recurrent).Layer.(*lstm.Layer)})[0]
	k := constant{float: true}
	if err := k.setRaw("W", want, pb.TensorProto_FLOAT, 24); err != nil || got[0] != k.f[0] {
		t.Errorf("the first weight is %v, want %v (%v)", got[0], k.f[0], err)
	}
	if _, err := open(Options{}, "location", "data.bin", "offset", "5", "length", "96"); err == nil || !strings.Contains(err.Error(), "Options.ExternalData") {
		t.Errorf("without the option: %v", err)
	}
	if _, err := Load(bytes.NewReader(g.bytes()), yes); err == nil || !strings.Contains(err.Error(), "use Open") {
		t.Errorf("Load: %v", err)
	}
	for _, entries := range [][]string{
		{"location", "../out.bin", "offset", "5", "length", "96"},
		{"location", filepath.Join(dir, "out.bin"), "offset", "5", "length", "96"},
		{"location", "link.bin", "offset", "5", "length", "96"},
		{"location", "."}, {"location", ""}, {"location", "missing.bin"},
		{"location", "data.bin", "offset", "6", "length", "96"},
		{"location", "data.bin", "offset", "-5", "length", "96"},
		{"location", "data.bin", "offset", "9223372036854775807", "length", "96"},
		{"location", "data.bin", "offset", "5", "length", "92"},
		{"location", "data.bin", "offset", "five", "length", "96"},
		{"location", "data.bin", "offset", "5", "length", "9223372036854775807"},
	} {
		if _, err := open(yes, entries...); err == nil {
			t.Errorf("%v: it was read", entries)
		}
	}

	// Tensors that all read the same bytes are not more than the file, twice.
	last := "W"
	for i := range 3 {
		more := proto.Clone(w).(*pb.TensorProto)
		more.Name = proto.String(fmt.Sprint("more", i))
		more.ExternalData = []*pb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("data.bin")}, {Key: proto.String("offset"), Value: proto.String("5")}}
		g.m.Graph.Initializer = append(g.m.Graph.Initializer, more)
		sum := fmt.Sprint("sum", i)
		g.m.Graph.Node = slices.Insert(g.m.Graph.Node, i, &pb.NodeProto{OpType: proto.String("Add"), Input: []string{last, more.GetName()}, Output: []string{sum}})
		last = sum
	}
	g.m.Graph.Node[3].Input[1] = last
	if _, err := open(yes, "location", "data.bin", "offset", "5"); err == nil || !strings.Contains(err.Error(), "more than twice the 101 bytes") {
		t.Errorf("the same data four times: %v", err)
	}

	// Another name is no other file.
	names := []string{"data.bin", "./data.bin", ".//data.bin", "././data.bin"}
	if err := os.Link(filepath.Join(dir, "in", "data.bin"), filepath.Join(dir, "in", "again.bin")); err != nil {
		if os.Getenv("CI") != "" {
			t.Errorf("CI leaves nothing out, and there are no hard links here: %v", err)
		}
		t.Log("NOT EXERCISED: hard links:", err)
	} else {
		names[2], names[3] = "again.bin", "./again.bin"
	}
	for i, name := range names[1:] {
		g.tensor(fmt.Sprint("more", i)).ExternalData[0].Value = proto.String(name)
	}
	if _, err := open(yes, "location", names[0], "offset", "5"); err == nil || !strings.Contains(err.Error(), "more than twice the 101 bytes") {
		t.Errorf("the same data by %v: %v", names, err)
	}

	// Other files are.
	for i := range 3 {
		name := fmt.Sprint(i, ".bin")
		if err := os.WriteFile(filepath.Join(dir, "in", name), data, 0o666); err != nil {
			t.Fatal(err)
		}
		g.tensor(fmt.Sprint("more", i)).ExternalData[0].Value = proto.String(name)
	}
	if _, err := open(yes, "location", names[0], "offset", "5"); err != nil {
		t.Errorf("as much data of four files: %v", err)
	}
}
