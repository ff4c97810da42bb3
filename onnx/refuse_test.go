package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A graphOf makes the file of one model.
type graphOf struct{ m *pb.ModelProto }

// simple is a model of one LSTM of width 2 and 3 units over x, with the output y.
func simple() graphOf {
	e := &exporter{g: &pb.GraphProto{Name: proto.String("g")}}
	for _, w := range []struct {
		name  string
		shape []int
	}{{"W", []int{1, 12, 2}}, {"R", []int{1, 12, 3}}, {"B", []int{1, 24}}} {
		n := 1
		for _, d := range w.shape {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%7)/8 - 0.3
		}
		if _, err := e.floats(w.name, v, w.shape...); err != nil {
			panic(err)
		}
	}
	e.g.Input = []*pb.ValueInfoProto{valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "2")}
	e.g.Output = []*pb.ValueInfoProto{valueInfo("y", pb.TensorProto_FLOAT, "time", "1", "batch", "3")}
	e.g.Node = []*pb.NodeProto{{OpType: proto.String("LSTM"), Name: proto.String("lstm"), Input: []string{"x", "W", "R", "B"}, Output: []string{"y"}}}
	return graphOf{&pb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: e.g}}
}

func (g graphOf) bytes() []byte { return must(proto.Marshal(g.m)) }

func (g graphOf) load() (*Network, error) { return Load(bytes.NewReader(g.bytes()), Options{}) }

// attr gives the LSTM an attribute.
func (g graphOf) attr(a ...*pb.AttributeProto) { g.m.Graph.Node[0].Attribute = a }

// after puts a node between the LSTM and the output.
func (g graphOf) after(op string, in []string, attrs ...*pb.AttributeProto) {
	nodes := g.m.Graph.Node
	last := nodes[len(nodes)-1]
	last.Output[0] = "t"
	g.m.Graph.Node = append(nodes, &pb.NodeProto{OpType: proto.String(op), Name: proto.String("after"), Input: append([]string{"t"}, in...), Output: []string{"y"}, Attribute: attrs})
}

func (g graphOf) constant(name string, t pb.TensorProto_DataType, raw []byte, dims ...int64) {
	g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(t)), Dims: dims, RawData: raw})
}

func (g graphOf) tensor(name string) *pb.TensorProto {
	for _, t := range g.m.Graph.Initializer {
		if t.GetName() == name {
			return t
		}
	}
	panic(name)
}

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
		{"a cycle", func(g graphOf) { g.after("Add", []string{"z"}); g.back("z", "y") }, "comes from a later node", true},
		{"a missing input", func(g graphOf) { g.after("Add", []string{"nowhere"}) }, `its input "nowhere" is no initializer`, true},
		{"a name twice", func(g graphOf) { g.after("Relu", nil); g.m.Graph.Node[1].Output = []string{"y", "W"} }, "has the name of another tensor", true},
		{"a name of an initializer", func(g graphOf) { g.m.Graph.Node[0].Output[0] = "B"; g.m.Graph.Output[0].Name = proto.String("B") }, "has the name of another tensor", true},
		{"a product of outputs", func(g graphOf) { g.after("Mul", []string{"t"}) }, "a product of what two nodes give", true},
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
		{"what a node gives in two places", func(g graphOf) {
			g.after("Relu", nil)
			g.m.Graph.Node[1].Output[0] = "u"
			g.m.Graph.Node = append(g.m.Graph.Node,
				&pb.NodeProto{OpType: proto.String("Add"), Input: []string{"t", "u"}, Output: []string{"v"}},
				&pb.NodeProto{OpType: proto.String("Concat"), Input: []string{"u", "v"}, Output: []string{"y"}, Attribute: []*pb.AttributeProto{integer("axis", 3)}})
		}, "is used in two ways", true},
		{"a constant less an output", func(g graphOf) {
			g.constant("b", pb.TensorProto_FLOAT, []byte{0, 0, 128, 63})
			g.after("Sub", nil)
			g.m.Graph.Node[1].Input = []string{"b", "t"}
		}, "a constant less what a layer gives", true},
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
		case errors.As(err, &node) != c.node || errors.As(err, &format) == c.node:
			t.Errorf("%s: a %T", c.name, err)
		}
	}
}

// back puts a node after the others that computes a tensor of another one.
func (g graphOf) back(out, in string) {
	g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Identity"), Name: proto.String("back"), Input: []string{in}, Output: []string{out}})
}

// A file that is cut anywhere, or in which any bit is another one, gives a typed error or a
// network, and no more memory than in proportion to its bytes.
func TestFilesThatAreDamaged(t *testing.T) {
	text := simple().bytes()
	check := func(what string, b []byte) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := Load(bytes.NewReader(b), Options{})
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(100*len(b)+1<<18) {
			t.Errorf("%s: %d bytes of memory for %d bytes", what, used, len(b))
		}
		var node *NodeError
		var format *FormatError
		if (n == nil) == (err == nil) || err != nil && !errors.As(err, &node) && !errors.As(err, &format) {
			t.Errorf("%s: %T: %v", what, err, err)
		}
	}
	for i := range text {
		check("cut", text[:i])
		b := bytes.Clone(text)
		b[i] ^= 1 << (i % 8)
		check("a bit", b)
	}
}

// Sizes that a file declares and does not have take no memory.
func TestDeclaredSizes(t *testing.T) {
	huge := []int64{1, 1 << 20, 3}
	for name, edit := range map[string]func(g graphOf){
		"a constant of a huge shape as W": func(g graphOf) {
			g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String("s"), DataType: proto.Int32(7), Dims: []int64{3}, Int64Data: huge})
			g.m.Graph.Node = append([]*pb.NodeProto{{OpType: proto.String("ConstantOfShape"), Input: []string{"s"}, Output: []string{"V"}}}, g.m.Graph.Node...)
			g.m.Graph.Node[1].Input[1] = "V"
		},
		"the same initializer expanded": func(g graphOf) {
			g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String("s"), DataType: proto.Int32(7), Dims: []int64{4}, Int64Data: []int64{1 << 16, 1, 12, 2}})
			g.m.Graph.Node = append([]*pb.NodeProto{
				{OpType: proto.String("Expand"), Input: []string{"W", "s"}, Output: []string{"V"}},
				{OpType: proto.String("Transpose"), Input: []string{"V"}, Output: []string{"V2"}},
				{OpType: proto.String("Squeeze"), Input: []string{"V2"}, Output: []string{"V3"}},
			}, g.m.Graph.Node...)
			g.m.Graph.Node[3].Input[1] = "V3"
		},
		"an input of huge vectors": func(g graphOf) {
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "20000000")
			g.constant("i", pb.TensorProto_INT64, make([]byte, 16), 2)
			g.m.Graph.Node = append([]*pb.NodeProto{{OpType: proto.String("Gather"), Input: []string{"x", "i"}, Output: []string{"x2"}, Attribute: []*pb.AttributeProto{integer("axis", 2)}}}, g.m.Graph.Node...)
			g.m.Graph.Node[1].Input[0] = "x2"
		},
		"huge vectors side by side": func(g graphOf) {
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "20000000")
			g.m.Graph.Node = []*pb.NodeProto{
				{OpType: proto.String("Relu"), Input: []string{"x"}, Output: []string{"r"}},
				{OpType: proto.String("Concat"), Input: []string{"x", "r"}, Output: []string{"y"}, Attribute: []*pb.AttributeProto{integer("axis", 2)}}}
		},
		"huge vectors of any width": func(g graphOf) {
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "20000000")
			g.m.Graph.Node = []*pb.NodeProto{{OpType: proto.String("Relu"), Input: []string{"x"}, Output: []string{"y"}}}
		},
		"steps of a huge sequence": func(g graphOf) {
			w, r := &written{}, rand.New(rand.NewPCG(1, 1))
			for w.kind != "RNN" || w.form != "unrolled" || w.slices != 0 || w.reverse || w.hoisted {
				w = randomWritten(r)
			}
			m := w.graph()
			g.m.Graph, g.m.OpsetImport = m.Graph, m.OpsetImport
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "2147483647", fmt.Sprint(w.batch), fmt.Sprint(w.in))
		},
		"many slices of huge vectors": func(g graphOf) {
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "20000000")
			g.after("Identity", nil)
			g.m.Graph.Node = append([]*pb.NodeProto{{OpType: proto.String("Softmax"), Input: []string{"x"}, Output: []string{"x2"}}, {OpType: proto.String("Transpose"), Input: []string{"x2"}, Output: []string{"x3"}}}, g.m.Graph.Node...)
			g.m.Graph.Node[2].Input[0] = "x3"
		},
	} {
		g := simple()
		edit(g)
		b := g.bytes()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Load(bytes.NewReader(b), Options{})
		runtime.ReadMemStats(&after)
		var node *NodeError
		if !errors.As(err, &node) {
			t.Errorf("%s: %v, want a NodeError", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
	}
}

// A file whose nodes use one tensor again and again gives no network larger than the file.
func TestWeightsThatAreUsedManyTimes(t *testing.T) {
	g := simple()
	g.m.Graph.Node[0].Output[0] = "t0"
	const width = 300
	g.constant("m0", pb.TensorProto_FLOAT, make([]byte, 4*3*width), 3, width)
	g.constant("m", pb.TensorProto_FLOAT, make([]byte, 4*width*width), width, width)
	in := "t0"
	for i := range 200 {
		m := "m"
		if i == 0 {
			m = "m0"
		}
		out := "u" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("MatMul"), Input: []string{in, m}, Output: []string{out}})
		in = out
	}
	g.m.Graph.Output[0].Name = proto.String(in)
	if _, err := g.load(); err == nil || !strings.Contains(err.Error(), "uses some of them several times") {
		t.Errorf("%v, want an error about weights that are used several times", err)
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
}

func FuzzLoad(f *testing.F) {
	f.Add(simple().bytes())
	for _, c := range exportCases() {
		var b bytes.Buffer
		if err := Export(&b, c.o, c.stages...); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	for _, folder := range []string{"pytorch", "tensorflow", "nodes", "unrolled", "opsets", "seq2seq", "keras2onnx"} {
		list, err := filepath.Glob(filepath.Join("testdata", folder, "*.onnx"))
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range list {
			f.Add(must(os.ReadFile(p)))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Load(bytes.NewReader(b), Options{})
		var node *NodeError
		var format *FormatError
		if err != nil {
			if !errors.As(err, &node) && !errors.As(err, &format) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		runZero(n)
	})
}

// runZero runs a network of any file on zeros: there are outputs or an error.
func runZero(n *Network) {
	in := map[string]Tensor{}
	for _, p := range n.Inputs {
		tensor, total := Tensor{}, 1
		for i := range p.Shape {
			size := max(1, p.fixed[i])
			if tensor.Shape = append(tensor.Shape, size); size > 1<<12/total {
				return
			}
			total *= size
		}
		if p.Integers {
			tensor.Integers = make([]int64, total)
		} else {
			tensor.Floats = make([]float32, total)
		}
		in[p.Name] = tensor
	}
	_, _ = n.Run(in)
}
