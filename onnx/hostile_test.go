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
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

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

// Vectors that are put side by side again and again, in a part of a graph that is no tree, have more
// elements than the file. They are counted before lists of them are made.
func TestBranchesThatAreJoinedAgainAndAgain(t *testing.T) {
	g := simple()
	g.m.Graph.Node[0].Output[0] = "t0"
	node := func(op, out string, in ...string) {
		n := &pb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}}
		if op == "Concat" {
			n.Attribute = []*pb.AttributeProto{integer("axis", 3)}
		}
		g.m.Graph.Node = append(g.m.Graph.Node, n)
	}
	node("Tanh", "t1", "t0")
	for i := 2; i < 42; i++ { // of 3 times as many elements as Fibonacci's numbers
		node("Concat", fmt.Sprint("t", i), fmt.Sprint("t", i-1), fmt.Sprint("t", i-2))
	}
	g.m.Graph.Output[0].Name = proto.String("t41")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := g.load()
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "uses some of them several times") {
		t.Errorf("%v, want an error about elements that are used several times", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes of memory", used)
	}
}

// A long ladder of branches, each of which has nodes in common with those before, is computed as it
// is.
func TestLongLadderOfBranches(t *testing.T) {
	const rungs = 1000
	g := simple()
	g.m.Graph.Node[0].Output[0] = "t0"
	node := func(op, out string, in ...string) {
		g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}})
	}
	node("Tanh", "t1", "t0")
	for i := 2; i < rungs; i++ {
		node([]string{"Mul", "Add"}[i%2], fmt.Sprint("t", i), fmt.Sprint("t", i-1), fmt.Sprint("t", i-2))
	}
	node("Tanh", "y", fmt.Sprint("t", rungs-1))
	x := map[string]Tensor{"x": {Shape: []int{2, 1, 2}, Floats: []float32{0.5, -0.25, 0.125, 1}}}
	of := func(g graphOf) []float32 {
		n, err := g.load()
		if err != nil {
			t.Fatal(err)
		}
		out, err := n.Run(x)
		if err != nil {
			t.Fatal(err)
		}
		return out["y"].Floats
	}
	want := of(simple())
	for k, h := range want {
		a, b := float64(h), math.Tanh(float64(h))
		for i := 2; i < rungs; i++ {
			if i%2 == 0 {
				a, b = b, a*b
			} else {
				a, b = b, a+b
			}
		}
		want[k] = float32(math.Tanh(b))
	}
	if d, at := apart(of(g), want); !(d <= conforms) {
		t.Errorf("element %d is %.2g apart", at, d)
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

func FuzzLoad(f *testing.F) {
	f.Add(simple().bytes())
	for _, c := range exportCases() {
		var b bytes.Buffer
		if err := Export(&b, c.o, c.stages...); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	for _, folder := range []string{"pytorch", "packed", "tensorflow", "nodes", "unrolled", "opsets", "seq2seq", "keras2onnx", "public", "steps", "queries", "pools"} {
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
