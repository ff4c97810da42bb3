package convert_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/lstm"
)

// The file is of keras_safetensors.save(model, "keras.safetensors").
func ExampleKerasFound() {
	f, err := safetensors.Open("testdata/keras.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	layers, err := convert.InspectKeras(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range layers[:3] {
		fmt.Println(l)
	}
	// Two layers that follow each other are one network.
	net, report, err := convert.LoadKerasLSTM(f, layers[0].Name, layers[1].Name)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(net.Config().Layers, len(report.Matched))
	// Output:
	// "encoder/first": LSTM, input 3, hidden 4, layers 1
	// "encoder/second": LSTM, input 4, hidden 4, layers 1
	// "both": GRU, input 4, hidden 5, layers 1, bidirectional (Sum)
	// 2 6
}

// What a layer of the file is that no network here can be.
func ExampleKerasError() {
	f, err := safetensors.Open("testdata/keras.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	_, _, err = convert.LoadKerasGRU(f, "gelu")
	if bad := new(convert.KerasError); errors.As(err, &bad) {
		fmt.Println(bad.Layer, bad.Reason, bad.Err)
	}
	// Output: gelu activation the activation "gelu" is none that this module has
}

// A network of two layers becomes two layers of Keras, beside a Dense layer of the
// caller's own.
func ExampleKerasLayer() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	layers, err := convert.ToKerasLayers(net, "lstm", "lstm_1")
	if err != nil {
		fmt.Println(err)
		return
	}
	metadata, tensors, err := convert.ToKerasFile(layers...)
	if err != nil {
		fmt.Println(err)
		return
	}
	tensors = append(tensors, safetensors.Tensor{Name: "dense/kernel", Shape: []int{3, 1}, Data: []float32{1, 2, 3}})
	err = safetensors.Write(io.Discard, metadata, tensors...)
	for _, t := range tensors {
		fmt.Println(t.Name, t.Shape)
	}
	fmt.Println(err)
	// Output:
	// lstm/kernel [2 12]
	// lstm/recurrent_kernel [3 12]
	// lstm/bias [12]
	// lstm_1/kernel [3 12]
	// lstm_1/recurrent_kernel [3 12]
	// lstm_1/bias [12]
	// dense/kernel [3 1]
	// <nil>
}
