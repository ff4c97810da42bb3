package onnx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx"
)

// A model that PyTorch exported becomes stages, which are put into a chain.
func Example() {
	net, err := onnx.Open(filepath.Join("testdata", "pytorch", "classifier_lstm_old.onnx"), onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range net.Stages {
		_, _, in, out := s.Dims()
		fmt.Printf("%T from %d to %d\n", s, in, out)
	}
	model, err := nn.Infer(6, 1, net.Stages...)
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 6*3)
	if err := model.ForwardIDs(y, []int32{1, 2, 3, 4, 5, 6}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the graph has the last step alone:", net.LastStep)
	// Output:
	// *nn.Embedding from 11 to 5
	// onnx.Recurrent from 5 to 4
	// *nn.Linear from 4 to 3
	// onnx.LogSoftmax from 0 to 0
	// the graph has the last step alone: true
}

// A chain is written with open sizes of batch and time, and states as inputs and outputs.
func ExampleExport() {
	r := rand.New(rand.NewPCG(1, 2))
	emb, err1 := nn.NewEmbedding(20, 8, r)
	layer, err2 := lstm.New(lstm.Config{Input: 8, Hidden: 16}, r)
	out, err3 := nn.NewLinear(16, 20, r)
	if err := errors.Join(err1, err2, err3); err != nil {
		fmt.Println(err)
		return
	}
	model, err := nn.Chain(emb, layer.Unroll(4, 2), nn.Dropout{P: 0.3}, out)
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := onnx.Export(&file, onnx.ExportOptions{BatchFirst: true}, model); err != nil {
		fmt.Println(err)
		return
	}
	net, err := onnx.Load(&file, onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range append(net.Inputs, net.Outputs...) {
		fmt.Println(p.Use, p.Name, p.Shape)
	}
	// Output:
	// data ids [batch time]
	// state 1.h [1 batch 16]
	// state 1.c [1 batch 16]
	// data y [batch time 20]
	// state 1.h_n [1 batch 16]
	// state 1.c_n [1 batch 16]
}

// Run takes and gives tensors with the names and axes of the file.
func ExampleNetwork_Run() {
	net, err := onnx.Open(filepath.Join("testdata", "pytorch", "unbatched_lstm_old.onnx"), onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := net.Run(map[string]onnx.Tensor{net.Inputs[0].Name: {Shape: []int{5, 5}, Floats: make([]float32, 25)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out[net.Outputs[0].Name].Shape)
	// Output: [5 2]
}

// A layer over time as a stage without steps and rows of its own, here beside its input.
func ExampleRecurrent() {
	layer, err := gru.New(gru.Config{Input: 3, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	both := nn.Parallel{onnx.Recurrent{Layer: layer}, &onnx.Pick{Width: 3, From: []int{0, 1, 2}}}
	m, err := nn.Infer(5, 2, both, onnx.Softmax{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, in, out := m.Dims()
	fmt.Println(in, out)
	// Output: 3 7
}

// The final states of both directions: the last step of one and the first of the other.
func ExamplePick() {
	ends := &onnx.Pick{Width: 4, From: []int{0, 1, 2, 3}, First: []bool{false, false, true, true}}
	m, err := nn.Infer(2, 1, ends)
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 8)
	m.Forward(y, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	fmt.Println(y)
	// Output: [1 2 3 4 5 6 3 4]
}

// An input that is brought to mean 0 and deviation 1.
func ExampleScale() {
	m, err := nn.Infer(1, 2, &onnx.Scale{Factor: []float32{0.5, 2}, Shift: []float32{-1, 0}})
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 4)
	m.Forward(y, []float32{4, 1, 6, 3})
	fmt.Println(y)
	// Output: [1 2 2 6]
}

// A gate: a vector by the sigmoid of another one.
func ExampleCombine() {
	gated := &onnx.Combine{Width: 2, Product: true}
	m, err := nn.Infer(1, 1, nn.Parallel{&onnx.Pick{Width: 4, From: []int{0, 1}}, nn.Sequential{&onnx.Pick{Width: 4, From: []int{2, 3}}, nn.Sigmoid}}, gated)
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 2)
	m.Forward(y, []float32{3, 4, 0, 100})
	fmt.Println(y)
	// Output: [1.5 4]
}

// The probabilities of logits.
func ExampleSoftmax() {
	m, err := nn.Infer(1, 1, &onnx.Pick{Width: 2, From: []int{0, 1}}, onnx.Softmax{})
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 2)
	m.Forward(y, []float32{0, 0})
	fmt.Println(y)
	// Output: [0.5 0.5]
}

// What no network here has is refused with the node and the reason.
func ExampleNodeError() {
	file, err := os.ReadFile(filepath.Join("testdata", "tensorflow", "last_LSTM.onnx"))
	if err != nil {
		fmt.Println(err)
		return
	}
	file = bytes.Replace(file, []byte("Softmax"), []byte("Hardmax"), -1)
	_, err = onnx.Load(bytes.NewReader(file), onnx.Options{})
	var node *onnx.NodeError
	if errors.As(err, &node) {
		fmt.Println(node.Op+":", node.Reason)
	}
	// Output: Hardmax: the operator is none that this package reads
}

// What is no ONNX file is refused too.
func ExampleFormatError() {
	_, err := onnx.Load(bytes.NewReader(nil), onnx.Options{})
	var format *onnx.FormatError
	if errors.As(err, &format) {
		fmt.Println(format.Part+":", format.Reason)
	}
	// Output: the model: it has no graph: the file is none of ONNX, or cut off
}

// What ONNX has no operator for is named by stage and field.
func ExampleExportError() {
	layer, err := lstm.New(lstm.Config{Input: 3, Hidden: 4, Projection: 2}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = onnx.Export(&bytes.Buffer{}, onnx.ExportOptions{}, onnx.Recurrent{Layer: layer})
	var export *onnx.ExportError
	if errors.As(err, &export) {
		fmt.Println(export.Stage, export.Field)
	}
	// Output: 0 lstm.Config.Projection
}

// The logarithms of probabilities.
func ExampleLogSoftmax() {
	m, err := nn.Infer(1, 1, &onnx.Pick{Width: 2, From: []int{0, 1}}, onnx.LogSoftmax{})
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 2)
	m.Forward(y, []float32{0, 0})
	fmt.Println(y)
	// Output: [-0.6931472 -0.6931472]
}

// Weights that lie beside the file are read only where that is wanted.
func ExampleOptions() {
	_, err := onnx.Open("model.onnx", onnx.Options{ExternalData: true})
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output: true
}

// A graph without states, whose first axis is the batch.
func ExampleExportOptions() {
	layer, err := gru.New(gru.Config{Input: 3, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := onnx.Export(&file, onnx.ExportOptions{BatchFirst: true, NoStates: true}, onnx.Recurrent{Layer: layer}); err != nil {
		fmt.Println(err)
		return
	}
	net, err := onnx.Load(&file, onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(net.Inputs), net.Inputs[0].Shape)
	// Output: 1 [batch time 3]
}

// What a graph takes and gives, with the sizes that it leaves open.
func ExamplePort() {
	net, err := onnx.Open(filepath.Join("testdata", "pytorch", "unbatched_lstm_old.onnx"), onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p := net.Inputs[0]
	fmt.Println(p.Name, p.Use, p.Shape, p.Integers)
	// Output: in0 data [5 5] false
}

// States are told from the data by their use.
func ExampleUse() {
	fmt.Println(onnx.Data, onnx.StateOf, onnx.LengthsOf)
	// Output: data state lengths
}

// Tensors are row-major, with the axes of the file.
func ExampleTensor() {
	fmt.Println(onnx.Tensor{Shape: []int{2, 3}, Floats: make([]float32, 6)})
	// Output: a tensor of shape [2 3]
}

// An encoder and a decoder are two chains. Begin gives the states of one to the other.
func ExampleNetwork_Begin() {
	net, err := onnx.Open(filepath.Join("testdata", "seq2seq", "translator_lstm_old.onnx"), onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	const from, to, rows = 3, 2, 1
	encoder, err1 := nn.Infer(from, rows, net.Encoder.Stages...)
	decoder, err2 := nn.Infer(to, rows, net.Stages...)
	if err := errors.Join(err1, err2); err != nil {
		fmt.Println(err)
		return
	}
	_, _, _, width := encoder.Dims()
	if err := encoder.ForwardIDs(make([]float32, from*rows*width), []int32{1, 2, 3}); err != nil {
		fmt.Println(err)
		return
	}
	state := decoder.State()
	if err := errors.Join(net.Begin(state, encoder.State(), rows), decoder.SetState(state)); err != nil {
		fmt.Println(err)
		return
	}
	_, _, _, width = decoder.Dims()
	y := make([]float32, to*rows*width)
	if err := decoder.ForwardIDs(y, []int32{1, 2}); err != nil {
		fmt.Println(err)
		return
	}

	// Run does the same from the inputs of the graph.
	both, err := net.Run(map[string]onnx.Tensor{
		net.Inputs[0].Name: {Shape: []int{rows, to}, Integers: []int64{1, 2}},
		net.Inputs[1].Name: {Shape: []int{rows, from}, Integers: []int64{1, 2, 3}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(net.Inputs[0].Use, net.Inputs[1].Use, slices.Equal(y, both[net.Outputs[0].Name].Floats))
	// Output: data source true
}

// Where a graph has a mask of ids, a chain is given the lengths of its rows.
func ExampleNetwork_maskZero() {
	net, err := onnx.Open(filepath.Join("testdata", "keras2onnx", "masked_lstm.onnx"), onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	const steps, rows = 3, 2
	model, err := nn.Infer(steps, rows, net.Stages...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := []int32{ // [steps][rows]: rows of 3 ids and of 1
		4, 5,
		2, 0,
		7, 0,
	}
	_, _, _, width := model.Dims()
	y := make([]float32, steps*rows*width)
	if err := model.ForwardIDsLengths(y, ids, []int{3, 1}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("rows end where ids are 0:", net.MaskZero, "outputs of the last step alone:", net.LastStep)
	fmt.Printf("%.3f %.3f\n", y[(2*rows+0)*width:][:width], y[(0*rows+1)*width:][:width])
	// Output:
	// rows end where ids are 0: true outputs of the last step alone: true
	// [-0.114 0.759 -0.810] [0.033 0.601 -0.626]
}

// A graph that gives the last 30 steps of its sequences says so; the stages give all.
func ExampleWindow() {
	l, err := gru.New(gru.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := onnx.Export(&file, onnx.ExportOptions{Window: onnx.Window{From: -30}}, onnx.Recurrent{Layer: l}); err != nil {
		fmt.Println(err)
		return
	}
	net, err := onnx.Load(&file, onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := net.Run(map[string]onnx.Tensor{"x": {Shape: []int{120, 1, 2}, Floats: make([]float32, 240)}})
	fmt.Println(net.Window, y["y"].Shape, err)
	// Output: [-30:] [30 1 3] <nil>
}
