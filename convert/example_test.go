package convert_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
)

// A keras.layers.GRU(1, reset_after=False) goes into a network that has the reset
// gate before the product, and into no other.
func ExampleFromKeras() {
	layer := convert.Keras{ // what get_weights returns
		Kernel:          convert.Tensor{Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		RecurrentKernel: convert.Tensor{Shape: []int{1, 3}, Data: []float32{7, 8, 9}},
		Bias:            convert.Tensor{Shape: []int{3}, Data: []float32{10, 11, 12}},
	}
	for _, before := range []bool{false, true} {
		net, err := gru.New(gru.Config{Input: 2, Hidden: 1, ResetBefore: before}, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := convert.FromKeras(net, []convert.Keras{layer}); err != nil {
			fmt.Println(err)
			continue
		}
		net.EachParam(func(name string, w []float32, _ ...int) { fmt.Println(name, w) })
	}
	// Output:
	// convert: Keras: layer 0: a GRU with reset_after=False has the reset gate before the product: set Config.ResetBefore
	// weight_ih_l0 [2 5 1 4 3 6]
	// weight_hh_l0 [8 7 9]
	// bias_ih_l0 [11 10 12]
	// bias_hh_l0 [0 0 0]
}

func ExampleToPyTorch() {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	dict, err := convert.ToPyTorch(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dict["weight_ih_l0"].Shape, dict["bias_hh_l0"].Shape)
	// Output: [12 2] [12]
}

func ExampleToONNX() {
	net, err := lstm.New(lstm.Config{Input: 1, Hidden: 1, Bidirectional: true}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) {
		if name == "weight_ih_l0_reverse" {
			copy(w, []float32{1, 2, 3, 4}) // i f g o
		}
	})
	ops, err := convert.ToONNX(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ops[0].Direction, ops[0].W.Shape, ops[0].W.Data)
	// Output: bidirectional [2 4 1] [0 0 0 0 1 4 2 3]
}

func ExampleToOneDNN() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	layers, err := convert.ToOneDNN(net, convert.LDIGO)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(layers[0].WeightsLayer.Shape, layers[0].Bias.Shape, layers[0].LinearBeforeReset)
	// Output: [1 1 2 3 3] [1 1 4 3] true
}

func ExampleToHaste() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3, ResetBefore: true}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = convert.ToHaste(net)
	fmt.Println(err)
	// Output: convert: haste: its GRU applies the reset gate after the product, which Config.ResetBefore excludes
}
