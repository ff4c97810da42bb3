package onnx

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
	"github.com/simdrnn/simdrnn/rnn"
)

// The lists of parameters are consumed in the order of the functions that have them, as far
// as they go; then the defaults hold.
func TestActivationsOfLists(t *testing.T) {
	for _, c := range []struct {
		names       []string
		alpha, beta []float32
		want        string
	}{
		{nil, nil, nil, "[[Sigmoid Tanh Tanh] [Sigmoid Tanh Tanh]]"},
		{[]string{"HardSigmoid", "LeakyRelu", "Elu", "sigmoid", "TANH", "HardSigmoid"}, nil, nil,
			"[[HardSigmoid(0.2, 0.5) LeakyRelu(0.01) Elu(1)] [Sigmoid Tanh HardSigmoid(0.2, 0.5)]]"},
		{[]string{"HardSigmoid", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "HardSigmoid"}, []float32{0.3, 0.1}, []float32{0.4},
			"[[HardSigmoid(0.3, 0.4) LeakyRelu(0.1) Elu(1)] [Sigmoid Tanh HardSigmoid(0.2, 0.5)]]"},
		{[]string{"Relu", "ThresholdedRelu", "Softsign", "Softplus", "Affine", "ScaledTanh"}, []float32{2, 3, 4}, []float32{5, 6},
			"[[Relu ThresholdedRelu(2) Softsign] [Softplus Affine(3, 5) ScaledTanh(4, 6)]]"},
	} {
		got, err := functionsOf("LSTM", 2, c.names, c.alpha, c.beta)
		if text := fmt.Sprint(got); err != nil || text != c.want {
			t.Errorf("%v %v %v: %s, %v, want %s", c.names, c.alpha, c.beta, text, err, c.want)
		}
	}
}

// Directions with different activations are two layers side by side, with the weights, the
// outputs and the states of the operator.
func TestDirectionsWithOtherActivations(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	l := must(gru.New(gru.Config{Input: 3, Hidden: 4, Bidirectional: true, ResetBefore: true}, r))
	var b bytes.Buffer
	if err := Export(&b, ExportOptions{}, Recurrent{Layer: l}); err != nil {
		t.Fatal(err)
	}
	var m pb.ModelProto
	if err := proto.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Graph.Node {
		for _, a := range n.Attribute {
			if a.GetName() == "activations" {
				a.Strings = [][]byte{[]byte("Sigmoid"), []byte("Tanh"), []byte("HardSigmoid"), []byte("Relu")}
			}
		}
	}
	n, err := graphOf{&m}.load()
	if err != nil {
		t.Fatal(err)
	}
	in := inputsOf(n, r, 5, 2)
	got, err := n.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string][]float32{}
	l.EachParam(func(name string, w []float32, _ ...int) { weights[name] = w })
	for d, c := range []gru.Config{{}, {Reverse: true, GateActivation: gru.HardSigmoid(0.2, 0.5), CandidateActivation: gru.ReLU}} {
		c.Input, c.Hidden, c.ResetBefore = 3, 4, true
		one := must(gru.NewZero(c))
		one.EachParam(func(name string, w []float32, _ ...int) {
			copy(w, weights[strings.TrimSuffix(name, "_reverse")+[]string{"", "_reverse"}[d]])
		})
		u := one.Infer(5, 2)
		if err := u.SetState([][]float32{in["0.h"].Floats[d*8:][:8]}); err != nil {
			t.Fatal(err)
		}
		y := make([]float32, 5*2*4)
		u.Forward(y, in["x"].Floats)
		for p := range 10 {
			if part := got["y"].Floats[p*8+d*4:][:4]; !sameBits(part, y[p*4:][:4]) {
				t.Fatalf("direction %d, row %d: %v, want %v", d, p, part, y[p*4:][:4])
			}
		}
		if s := got["0.h_n"].Floats[d*8:][:8]; !sameBits(s, u.State()[0]) {
			t.Errorf("direction %d: the final state is %v, want %v", d, s, u.State()[0])
		}
	}
}

// Gemm has two factors, and its matrix may lie either way.
func TestGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	plain := must(simple().load())
	in := map[string]Tensor{"x": {Shape: []int{3, 2, 2}, Floats: make([]float32, 12)}}
	for i := range in["x"].Floats {
		in["x"].Floats[i] = float32(r.NormFloat64())
	}
	h := must(plain.Run(in))["y"].Floats // [3][1][2][3]
	for turned := range int64(2) {
		g := simple()
		g.after("Reshape", []string{"s"})
		g.m.Graph.Node[1].Output[0] = "u"
		g.m.Graph.Initializer = append(g.m.Graph.Initializer,
			&pb.TensorProto{Name: proto.String("s"), DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{-1, 3}},
			&pb.TensorProto{Name: proto.String("M"), DataType: proto.Int32(1), Dims: [][]int64{{3, 2}, {2, 3}}[turned], FloatData: []float32{1, -2, 3, -4, 5, -6}},
			&pb.TensorProto{Name: proto.String("C"), DataType: proto.Int32(11), Dims: []int64{2}, DoubleData: []float64{0.5, -1.5}})
		g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Gemm"), Input: []string{"u", "M", "C"}, Output: []string{"y"},
			Attribute: []*pb.AttributeProto{float("alpha", 2), float("beta", 3), integer("transB", turned)}})
		n, err := g.load()
		if err != nil {
			t.Fatal(err)
		}
		got := must(n.Run(in))["y"]
		if !slices.Equal(got.Shape, []int{6, 2}) {
			t.Fatalf("the shape is %v", got.Shape)
		}
		var want []float32
		m := []float32{1, -2, 3, -4, 5, -6}
		for p := range 6 {
			for o := range 2 {
				sum := 3 * []float64{0.5, -1.5}[o]
				for i := range 3 {
					at := i*2 + o
					if turned == 1 {
						at = o*3 + i
					}
					sum += 2 * float64(h[p*3+i]) * float64(m[at])
				}
				want = append(want, float32(sum))
			}
		}
		if d, _ := apart(got.Floats, want); d > conforms {
			t.Errorf("transB = %d: %v, want %v", turned, got.Floats, want)
		}
	}
}

// Stages that take any width stand side by side, and make a chain, where the graph knows it.
func TestStagesOfAnyWidth(t *testing.T) {
	g := simple()
	g.after("Squeeze", nil, ints("axes", 1))
	g.m.OpsetImport[0].Version = proto.Int64(11)
	g.m.Graph.Node[1].Output[0] = "u"
	for _, op := range []string{"ReduceMean", "ReduceMax"} {
		g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String(op), Input: []string{"u"}, Output: []string{op}, Attribute: []*pb.AttributeProto{ints("axes", 0), integer("keepdims", 0)}})
	}
	g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Concat"), Input: []string{"ReduceMean", "ReduceMax"}, Output: []string{"y"}, Attribute: []*pb.AttributeProto{integer("axis", 1)}})
	x := Tensor{Shape: []int{2, 1, 2}, Floats: []float32{1, -2, 3, 4}}
	h := must(must(simple().load()).Run(map[string]Tensor{"x": x}))["y"].Floats
	got, err := must(g.load()).Run(map[string]Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		a, b := h[i], h[3+i]
		if y := got["y"].Floats; math.Abs(float64(y[i]-(a+b)/2)) > 1e-6 || y[3+i] != max(a, b) {
			t.Errorf("%v of %v", y, h)
		}
	}

	g = simple()
	g.m.Graph.Node = []*pb.NodeProto{{OpType: proto.String("Relu"), Input: []string{"x"}, Output: []string{"y"}}}
	got, err = must(g.load()).Run(map[string]Tensor{"x": x})
	if err != nil || !slices.Equal(got["y"].Floats, []float32{1, 0, 3, 4}) {
		t.Errorf("%v, %v", got["y"].Floats, err)
	}
}

// Operators that have everything in common are the layers of one stack.
func TestStacks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	l := must(lstm.New(lstm.Config{Input: 3, Hidden: 4, Layers: 3, Bidirectional: true, Clip: 3}, r))
	var b bytes.Buffer
	if err := Export(&b, ExportOptions{}, Recurrent{Layer: l}); err != nil {
		t.Fatal(err)
	}
	n := must(Load(&b, Options{}))
	if len(n.Stages) != 1 || n.Stages[0].(Recurrent).Layer.(*lstm.Layer).Config() != l.Config() {
		t.Errorf("%d stages, the first %+v", len(n.Stages), n.Stages[0])
	}
}

// Every Net that has a layer can be written: a whole Model, an Unrolled, a LearnedState.
func TestExportOfNets(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	first, second, third := must(lstm.New(lstm.Config{Input: 3, Hidden: 4}, r)), must(gru.New(gru.Config{Input: 4, Hidden: 4}, r)), must(rnn.New(rnn.Config{Input: 4, Hidden: 3}, r))
	learned := must(nn.NewLearnedState(second.Unroll(2, 2)))
	learned.EachParam(func(name string, w, _ []float32) {
		if name == "h0" {
			copy(w, []float32{0.1, 0.2, 0.3, 0.4})
		}
	})
	inner := must(nn.Chain(learned, nn.ReLU))
	outer := must(nn.Chain(first.Unroll(2, 2), inner, nn.Dropout{P: 0.5}, third.Unroll(2, 2)))
	var b bytes.Buffer
	if err := Export(&b, ExportOptions{NoStates: true}, outer); err != nil {
		t.Fatal(err)
	}
	n := must(Load(&b, Options{}))
	var types []string
	for _, s := range n.Stages {
		types = append(types, fmt.Sprintf("%T", s))
	}
	if got := strings.Join(types, " "); got != "onnx.Recurrent onnx.Recurrent nn.Activation onnx.Recurrent" {
		t.Errorf("the stages are %s", got)
	}
	if got := n.Stages[1].(Recurrent).Initial; len(got) != 1 || !slices.Equal(got[0], []float32{0.1, 0.2, 0.3, 0.4}) {
		t.Errorf("the learned state is %v", got)
	}
	x, y := make([]float32, 2*2*3), make([]float32, 2*2*3)
	for i := range x {
		x[i] = r.Float32()
	}
	outer.SetTraining(false)
	outer.Reset()
	outer.Forward(y, x)
	got, err := n.Run(map[string]Tensor{"x": {Shape: []int{2, 2, 3}, Floats: x}})
	if err != nil || !sameBits(got["y"].Floats, y) {
		t.Errorf("y is %v, want %v (%v)", got["y"].Floats, y, err)
	}
}

// unknownStage is a stage of a program.
type unknownStage struct{ nn.Dropout }

// What ONNX cannot express is an error with the stage and the field, and nothing is written.
func TestExportsThatAreRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ok := Recurrent{Layer: must(rnn.New(rnn.Config{Input: 3, Hidden: 3}, r))}
	of := func(c lstm.Config) Recurrent {
		c.Input, c.Hidden = 3, 4
		return Recurrent{Layer: must(lstm.New(c, r))}
	}
	ofGRU := func(c gru.Config) Recurrent {
		c.Input, c.Hidden = 3, 4
		return Recurrent{Layer: must(gru.New(c, r))}
	}
	for _, c := range []struct {
		o      ExportOptions
		stages []nn.Stage
		want   string
	}{
		{stages: nil, want: "stage 0: the chain"},
		{stages: []nn.Stage{nn.ReLU}, want: "stage 0: nn.Activation: neither this stage nor one after it says the width"},
		{stages: []nn.Stage{of(lstm.Config{Projection: 2})}, want: "stage 0: lstm.Config.Projection"},
		{stages: []nn.Stage{of(lstm.Config{CellClip: 2})}, want: "lstm.Config.CellClip"},
		{stages: []nn.Stage{of(lstm.Config{LayerNorm: true})}, want: "lstm.Config.LayerNorm"},
		{stages: []nn.Stage{of(lstm.Config{Zoneout: 0.1})}, want: "lstm.Config.Zoneout"},
		{stages: []nn.Stage{of(lstm.Config{ZoneoutCell: 0.1})}, want: "lstm.Config.ZoneoutCell"},
		{stages: []nn.Stage{ok, ofGRU(gru.Config{LayerNorm: true})}, want: "stage 1: gru.Config.LayerNorm"},
		{stages: []nn.Stage{ok, ofGRU(gru.Config{Zoneout: 0.1})}, want: "stage 1: gru.Config.Zoneout"},
		{stages: []nn.Stage{ofGRU(gru.Config{Textbook: true, GateActivation: gru.ReLU})}, want: "stage 0: gru.Layer: "},
		{stages: []nn.Stage{Recurrent{Layer: must(rnn.New(rnn.Config{Input: 3, Hidden: 3, Zoneout: 0.5}, r))}}, want: "rnn.Config.Zoneout"},
		{stages: []nn.Stage{Recurrent{Layer: ok}}, want: "onnx.Recurrent"},
		{stages: []nn.Stage{Recurrent{Layer: (*lstm.Layer)(nil)}}, want: "stage 0: onnx.Recurrent"},
		{stages: []nn.Stage{Recurrent{Layer: ok.Layer, Initial: [][]float32{{1}}}}, want: "onnx.Recurrent.Initial: state 0 has 1 elements, want 3"},
		{stages: []nn.Stage{ok, unknownStage{}}, want: "stage 1: onnx.unknownStage: there is no operator"},
		{stages: []nn.Stage{ok, nn.Sequential{nn.Parallel{nn.ReLU, unknownStage{}}}}, want: "stage 1.0.1: onnx.unknownStage"},
		{stages: []nn.Stage{ok, nil}, want: "stage 1: <nil>"},
		{stages: []nn.Stage{ok, nn.PoolMean{}}, want: "stage 1: nn.PoolMean"},
		{o: ExportOptions{LastStep: true}, stages: []nn.Stage{ok, nn.PoolMax{}, nn.PoolMax{}}, want: "stage 2: nn.PoolMax"},
		{o: ExportOptions{LastStep: true}, stages: []nn.Stage{nn.PoolMax{}, ok}, want: "stage 1: onnx.Recurrent: it comes after a pool"},
		{o: ExportOptions{LastStep: true}, stages: []nn.Stage{ok, nn.Residual{nn.PoolMax{}}}, want: "stage 1: nn.Residual: a pool"},
		{o: ExportOptions{Lengths: true}, stages: []nn.Stage{ok, nn.PoolMean{}}, want: "stage 1: nn.PoolMean: its output at a step"},
		{o: ExportOptions{LastStep: true, Window: Window{-2, 0}}, stages: []nn.Stage{ok}, want: "ExportOptions.Window: LastStep is set too"},
		{o: ExportOptions{Window: Window{3, 3}}, stages: []nn.Stage{ok}, want: "ExportOptions.Window: it is [3:3]"},
		{o: ExportOptions{Window: Window{-2, -2}}, stages: []nn.Stage{ok}, want: "ExportOptions.Window: it is [-2:-2]"},
		{o: ExportOptions{Window: Window{-2, 3}}, stages: []nn.Stage{ok}, want: "ExportOptions.Window: it is [-2:3]"},
		{stages: []nn.Stage{ok, nn.AttentionPool{must(nn.NewZeroLinear(3, 1))}}, want: "stage 1: nn.AttentionPool"},
		{o: ExportOptions{LastStep: true}, stages: []nn.Stage{ok, nn.PoolMax{}, nn.AttentionPool{must(nn.NewZeroLinear(3, 1))}}, want: "stage 2: nn.AttentionPool"},
		{o: ExportOptions{LastStep: true}, stages: []nn.Stage{ok, nn.AttentionPool{nn.PoolMax{}, must(nn.NewZeroLinear(3, 1))}}, want: "stage 1: nn.AttentionPool: its stages give width 1, and one step: true"},
		{o: ExportOptions{LastStep: true}, stages: []nn.Stage{ok, nn.AttentionPool{must(nn.NewZeroLinear(3, 2))}}, want: "stage 1: nn.AttentionPool: its stages give width 2"},
		{o: ExportOptions{LastStep: true, Lengths: true}, stages: []nn.Stage{ok, nn.Residual{nn.AttentionPool{must(nn.NewZeroLinear(3, 1))}}}, want: "stage 1: nn.Residual: a pool"},
		{stages: []nn.Stage{ok, &Pick{Width: 3, From: []int{0}, First: []bool{true}}}, want: "onnx.Pick.First"},
		{stages: []nn.Stage{ok, &Pick{Width: 3, From: []int{3}}}, want: "onnx.Pick.From"},
		{stages: []nn.Stage{ok, &Pick{Width: 3, From: []int{0}, First: []bool{true}, Last: true}}, want: "onnx.Pick.Last"},
		{o: ExportOptions{Lengths: true}, stages: []nn.Stage{ok, &Pick{Width: 3, From: []int{0}, Last: true}}, want: "onnx.Pick.Last: with ExportOptions.Lengths"},
		{stages: []nn.Stage{ok, &Scale{Factor: []float32{1, 2, 3}, Shift: []float32{1}}}, want: "onnx.Scale: a Scale with 3 elements of Factor and 1 of Shift"},
		{stages: []nn.Stage{ok, &Combine{}}, want: "onnx.Combine.Width: it is 0"},
		{stages: []nn.Stage{ok, must(nn.NewZeroLinear(4, 2))}, want: "stage 1: *nn.Linear: it takes width 4, the stage before it gives 3"},
		{stages: []nn.Stage{ok, &nn.Linear{Weight: make([]float32, 5), In: 3, Out: 2}}, want: "nn.Linear.Weight"},
		{stages: []nn.Stage{ok, &nn.LayerNorm{Weight: make([]float32, 2), Width: 3}}, want: "nn.LayerNorm.Weight"},
		{stages: []nn.Stage{ok, must(nn.NewZeroEmbedding(3, 3))}, want: "stage 1: *nn.Embedding: it is not the first stage"},
		{stages: []nn.Stage{ok, (*nn.Linear)(nil)}, want: "stage 1: *nn.Linear: its methods panic"},
		{stages: []nn.Stage{ok, nn.Activation{}}, want: "stage 1: nn.Activation: it has no function"},
	} {
		var b bytes.Buffer
		err := Export(&b, c.o, c.stages...)
		if _, typed := err.(*ExportError); !typed || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want an ExportError that contains %q", err, err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%v: %d bytes were written", err, b.Len())
		}
	}
}

// The stages of this package have the gradients that they say.
func TestGradientsOfStages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	layer := must(rnn.New(rnn.Config{Input: 3, Hidden: 4, Bidirectional: true}, r))
	for name, stages := range map[string][]nn.Stage{
		"Softmax":    {must(nn.NewLinear(3, 4, r)), Softmax{}},
		"LogSoftmax": {must(nn.NewLinear(3, 4, r)), LogSoftmax{}},
		"Pick":       {must(nn.NewLinear(3, 4, r)), &Pick{Width: 4, From: []int{2, 0, 2, 3}, First: []bool{false, true, true, false}}},
		"Last":       {must(nn.NewLinear(3, 4, r)), &Pick{Width: 4, From: []int{2, 0, 2}, Last: true}},
		"Scale":      {must(nn.NewLinear(3, 2, r)), &Scale{Factor: []float32{2, -3}, Shift: []float32{1, 2}}},
		"Sum":        {must(nn.NewLinear(3, 4, r)), &Combine{Width: 2}},
		"Product":    {nn.Parallel{must(nn.NewLinear(3, 2, r)), nn.Sequential{must(nn.NewLinear(3, 2, r)), nn.Sigmoid}}, &Combine{Width: 2, Product: true}},
		"Recurrent":  {Recurrent{Layer: layer}, must(nn.NewLinear(8, 2, r))},
		"Initial":    {Recurrent{Layer: layer, Initial: [][]float32{{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}}}},
	} {
		m, err := nn.Unroll(4, 3, stages...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := nn.CheckGradients(m, nn.GradientCheck{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Predictors take the stages of this package, but for what needs the future.
func TestPredictorsOfStages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	layer := Recurrent{Layer: must(gru.New(gru.Config{Input: 3, Hidden: 4}, r))}
	stages := []nn.Stage{layer, &Pick{Width: 4, From: []int{3, 1, 0, 2, 0, 1}}, nn.Parallel{&Combine{Width: 3}, &Combine{Width: 3, Product: true}}, &Combine{Width: 3}, LogSoftmax{}}
	m := must(nn.Infer(3, 2, stages...))
	p, err := m.Predictor(2)
	if err != nil {
		t.Fatal(err)
	}
	x, want, got := make([]float32, 3*2*3), make([]float32, 3*2*3), make([]float32, 2*3)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	m.Forward(want, x)
	for step := range 3 {
		if p.Step(got, x[step*6:][:6]); !sameBits(got, want[step*6:][:6]) {
			t.Errorf("step %d: %v, want %v", step, got, want[step*6:][:6])
		}
	}
	for _, p := range []*Pick{{Width: 4, From: []int{3}, First: []bool{true}}, {Width: 4, From: []int{3}, Last: true}} {
		m = must(nn.Infer(3, 2, layer, p))
		if _, err := m.Predictor(2); err == nil || !strings.Contains(err.Error(), "know the future") {
			t.Errorf("%v, want an error about the future", err)
		}
	}
	for _, s := range []nn.Stage{
		&Scale{Factor: []float32{1, 2, 3, 4}, Shift: []float32{1}}, &Combine{}, &Combine{Width: -1},
		&Pick{Width: 4, From: []int{4}}, &Pick{Width: 4, From: []int{0}, First: []bool{true}, Last: true}, &Pick{Width: 4, From: []int{0}, First: []bool{true, true}},
		Recurrent{Layer: layer.Layer, Initial: [][]float32{{1}}}, Recurrent{Layer: layer.Layer, Initial: [][]float32{make([]float32, 4), {}}}, Recurrent{Layer: layer.Layer, Initial: [][]float32{}},
	} {
		_, _, width, _ := s.Dims()
		if _, err := nn.Infer(1, 1, must(nn.NewLinear(1, max(1, width), r)), s); err == nil {
			t.Errorf("%+v: it was taken", s)
		}
	}
}
