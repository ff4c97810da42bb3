package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// Models of which layers begin with the final states of others: by both exporters of PyTorch.
func TestEncodersAndDecoders(t *testing.T) {
	eachTier(t, func(t *testing.T) { comparePeer(t, filepath.Join("testdata", "seq2seq"), 16) })
}

// The chains of an encoder and a decoder, and a seq2seq.Net of them, give what Run gives.
func TestChainsOfAnEncoderAndADecoder(t *testing.T) {
	const rows, from, to = 3, 5, 4
	net, err := Open(filepath.Join("testdata", "seq2seq", "translator_lstm_old.onnx"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := net.Encoder; e == nil || len(e.Inputs) != 1 || e.Inputs[0].Use != Data || len(e.Outputs) > 0 || e.Encoder != nil {
		t.Fatalf("the encoder is %+v", net.Encoder)
	}
	if p := net.Inputs; len(p) != 2 || p[0].Name != "in1" || p[0].Use != Data || p[1].Name != "in0" || p[1].Use != SourceOf {
		t.Fatalf("the inputs are %+v", p)
	}
	r := rand.New(rand.NewPCG(1, 2))
	source, target := make([]int32, from*rows), make([]int32, to*rows)
	in := map[string]Tensor{}
	for name, list := range map[string]struct {
		ids   []int32
		count int32
	}{"in0": {source, 11}, "in1": {target, 7}} {
		steps := len(list.ids) / rows
		tensor := Tensor{Shape: []int{rows, steps}, Integers: make([]int64, len(list.ids))}
		for i := range list.ids {
			list.ids[i] = r.Int32N(list.count)
			tensor.Integers[i%rows*steps+i/rows] = int64(list.ids[i])
		}
		in[name] = tensor
	}
	out, err := net.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	var want []float32 // time-major
	y := slices.Collect(maps.Values(out))[0]
	for p := range to * rows {
		want = append(want, y.Floats[(p%rows*to+p/rows)*7:][:7]...)
	}
	encoder, err := nn.Infer(from, rows, net.Encoder.Stages...)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := nn.Infer(to, rows, net.Stages...)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, width := encoder.Dims()
	if err := encoder.ForwardIDs(make([]float32, from*rows*width), source); err != nil {
		t.Fatal(err)
	}
	state := decoder.State()
	if err := net.Begin(state, encoder.State(), rows); err != nil {
		t.Fatal(err)
	}
	if err := decoder.SetState(state); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, to*rows*7)
	if err := decoder.ForwardIDs(got, target); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the chains give %v, Run %v", got, want)
	}

	// The same as package seq2seq has it.
	whole, err := nn.Unroll(from, rows, net.Encoder.Stages...)
	if err != nil {
		t.Fatal(err)
	}
	var stages []nn.Stage // those of one chain
	for _, s := range net.Stages {
		if r, ok := s.(Recurrent); ok {
			s = r.Layer.(*lstm.Layer).Unroll(to, rows)
		}
		stages = append(stages, s)
	}
	both, err := seq2seq.New(seq2seq.Config{Encoder: whole, Decoder: stages, Bridge: &seq2seq.Bridge{}})
	if err != nil {
		t.Fatal(err)
	}
	clear(got)
	if err := both.ForwardBatch(got, &data.Batch{Steps: to, Rows: rows, IDs: target, Source: &data.Input{Steps: from, IDs: source}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("a seq2seq.Net gives %v, Run %v", got, want)
	}

	for name, c := range map[string]struct {
		edit func()
		want string
	}{
		"rows of the source":  {func() { in["in0"] = Tensor{Shape: []int{1, 2}, Integers: make([]int64, 2)} }, "1 rows of \"in0\" and 3 of \"in1\""},
		"without the source":  {func() { delete(in, "in0") }, `without the input "in0"`},
		"a source of another": {func() { in["in0"] = Tensor{Shape: []int{2}, Integers: make([]int64, 2)} }, `"in0" has the shape [2]`},
	} {
		before := in["in0"]
		c.edit()
		if _, err := net.Run(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		in["in0"] = before
	}
	s, e := decoder.State(), encoder.State()
	for name, c := range map[string]struct {
		n       *Network
		s, e    [][]float32
		rows    int
		problem string
	}{
		"no encoder":      {net.Encoder, e, e, rows, "without an Encoder"},
		"tensors":         {net, s[:1], e, rows, "states of 1 and 2 tensors"},
		"no rows":         {net, s, e, 0, "for 0 rows"},
		"other rows":      {net, s, e, 7, "want a multiple of 7 rows"},
		"an encoder's":    {net, s, [][]float32{e[0][:len(e[0])/2], e[1]}, rows, "of the encoder whose tensor 0"},
		"a decoder's too": {net, [][]float32{s[0], nil}, e, rows, "of the decoder whose tensor 1"},
	} {
		kept := slices.Clone(c.s[0])
		if err := c.n.Begin(c.s, c.e, c.rows); err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: %v, want %q", name, err, c.problem)
		}
		if !slices.Equal(kept, c.s[0]) {
			t.Errorf("%s: the state was changed", name)
		}
	}
}

// Layers that read each other's outputs and pass their state on have the weights of those before
// them once more in each encoder: a file with many of them is refused before they take the memory.
func TestManyEncoders(t *testing.T) {
	for count, want := range map[int]string{3: "", 300: "have more elements than the file"} {
		g := simple()
		g.m.OpsetImport[0].Version = proto.Int64(11)
		g.m.Graph.Initializer, g.m.Graph.Node = nil, nil
		x, width := "x", int64(2)
		for i := range count {
			name := func(s string) string { return fmt.Sprint(s, i) }
			for w, dims := range map[string][]int64{"W": {1, 12, width}, "R": {1, 12, 3}} {
				values := make([]float32, 12*dims[2])
				for k := range values {
					values[k] = float32(k%5+i%7)/8 - 0.4
				}
				g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name(w)), DataType: proto.Int32(1), Dims: dims, FloatData: values})
			}
			in := []string{x, name("W"), name("R")}
			if i > 0 {
				in = append(in, "", "", fmt.Sprint("h", i-1), fmt.Sprint("c", i-1))
			}
			g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("LSTM"), Name: proto.String(name("l")), Input: in, Output: []string{name("y"), name("h"), name("c")}},
				&pb.NodeProto{OpType: proto.String("Squeeze"), Input: []string{name("y")}, Output: []string{name("x")}, Attribute: []*pb.AttributeProto{ints("axes", 1)}})
			x, width = name("x"), 3
		}
		g.m.Graph.Output[0].Name = proto.String(x)
		var node *NodeError
		switch n, err := g.load(); {
		case want == "" && err != nil:
			t.Errorf("%d layers: %v", count, err)
		case want == "" && (n.Encoder == nil || n.Encoder.Encoder == nil || n.Encoder.Encoder.Encoder != nil):
			t.Errorf("%d layers: want two encoders, one before the other", count)
		case want != "" && (!errors.As(err, &node) || !strings.Contains(err.Error(), want)):
			t.Errorf("%d layers: %v, want %q", count, err, want)
		}
	}
}

// A direction that is made by hand is the direction of a layer: the sequence is turned around
// before it and after it. Turned around once, the outputs are those of a Network that says so.
func TestReversals(t *testing.T) {
	turn := func(g graphOf, way, in, out string) {
		n := &pb.NodeProto{OpType: proto.String(way), Name: proto.String("turn " + out), Output: []string{out}, Input: []string{in, "first", "last", "axis", "step"}}
		if way == "ReverseSequence" {
			n.Input = []string{in, "all"}
		}
		g.m.Graph.Node = append(g.m.Graph.Node, n)
	}
	const steps, rows = 4, 2
	r := rand.New(rand.NewPCG(3, 4))
	x := Tensor{Shape: []int{steps, rows, 2}}
	for range steps * rows * 2 {
		x.Floats = append(x.Floats, 2*r.Float32()-1)
	}
	run := func(g graphOf) (*Network, []float32) {
		t.Helper()
		n, err := g.load()
		if err != nil {
			t.Fatal(err)
		}
		out, err := n.Run(map[string]Tensor{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		return n, out["y"].Floats
	}
	plain := simple()
	plain.attr(text("direction", "reverse"))
	_, want := run(plain)
	for _, way := range []string{"Slice", "ReverseSequence"} {
		for _, again := range []bool{true, false} {
			for _, softmax := range []bool{false, true} {
				g := simple()
				g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "4", "2", "2")
				for name, v := range map[string]int64{"first": -1, "last": -1 << 62, "axis": 0, "step": -1} {
					g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(7), Dims: []int64{1}, Int64Data: []int64{v}})
				}
				g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String("all"), DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{4, 4}})
				lstm := g.m.Graph.Node[0]
				g.m.Graph.Node = nil
				turn(g, way, "x", "turned")
				lstm.Input[0], lstm.Output[0] = "turned", "t"
				g.m.Graph.Node = append(g.m.Graph.Node, lstm)
				last := "t"
				if softmax {
					g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Softmax"), Input: []string{last}, Output: []string{"s"}, Attribute: []*pb.AttributeProto{integer("axis", -1)}})
					last = "s"
				}
				if again {
					turn(g, way, last, "y")
				} else {
					g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Identity"), Input: []string{last}, Output: []string{"y"}})
				}
				n, got := run(g)
				if n.Reversed == again {
					t.Errorf("%s, again %v: Reversed is %v", way, again, n.Reversed)
				}
				expected := slices.Clone(want)
				if softmax {
					p := simple()
					p.attr(text("direction", "reverse"))
					p.after("Softmax", nil, integer("axis", -1))
					_, expected = run(p)
				}
				if !again { // as the file has them: the last step first
					var turned []float32
					for s := range steps {
						turned = append(turned, expected[(steps-1-s)*rows*3:][:rows*3]...)
					}
					expected = turned
				}
				if !slices.Equal(got, expected) {
					t.Errorf("%s, again %v, softmax %v: %v, want %v", way, again, softmax, got, expected)
				}
			}
		}
	}
}
