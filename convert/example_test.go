package convert_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// The weights of a keras.layers.GRU(1, reset_after=False) go into a network that has
// the reset gate before the product, and into no other.
func ExampleKeras() {
	layer := convert.Keras{ // what get_weights returns
		Kernel:          convert.Tensor{Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		RecurrentKernel: convert.Tensor{Shape: []int{1, 3}, Data: []float32{7, 8, 9}},
		Bias:            convert.Tensor{Shape: []int{3}, Data: []float32{10, 11, 12}},
	}
	for _, before := range []bool{false, true} {
		net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 1, ResetBefore: before})
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

func ExampleONNX() {
	net, err := lstm.NewZero(lstm.Config{Input: 1, Hidden: 1, Bidirectional: true})
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

func ExampleOneDNN() {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3})
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

// haste has no GRU whose reset gate acts before the product.
func ExampleHaste() {
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 3, ResetBefore: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = convert.ToHaste(net)
	fmt.Println(err)
	// Output: convert: haste: its GRU applies the reset gate after the product, which Config.ResetBefore excludes
}

// A GRU of Keras goes into a network here, and on to PyTorch: the gates change their
// order, and the columns of Keras become rows.
func Example() {
	net, err := gru.NewZero(gru.Config{Input: 1, Hidden: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = convert.FromKeras(net, []convert.Keras{{
		Kernel:          convert.Tensor{Shape: []int{1, 3}, Data: []float32{1, 2, 3}}, // z r h
		RecurrentKernel: convert.Tensor{Shape: []int{1, 3}, Data: []float32{4, 5, 6}},
		Bias:            convert.Tensor{Shape: []int{2, 3}, Data: []float32{7, 8, 9, 0, 0, 0}},
		ResetAfter:      true,
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dict, err := convert.ToPyTorch(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0"} {
		fmt.Println(name, dict[name].Shape, dict[name].Data) // r z n
	}
	// Output:
	// weight_ih_l0 [3 1] [2 1 3]
	// weight_hh_l0 [3 1] [5 4 6]
	// bias_ih_l0 [3] [8 7 9]
}

// A state_dict of torch.nn.RNN(1, 2). A name that is missing is an error, and leaves
// the network as it was.
func ExampleFromPyTorch() {
	net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	dict := map[string]convert.Tensor{
		"weight_ih_l0": {Shape: []int{2, 1}, Data: []float32{1, 2}},
		"weight_hh_l0": {Shape: []int{2, 2}, Data: []float32{3, 4, 5, 6}},
		"bias_ih_l0":   {Shape: []int{2}, Data: []float32{7, 8}},
	}
	fmt.Println(convert.FromPyTorch(net, dict))
	dict["bias_hh_l0"] = convert.Tensor{Shape: []int{2}, Data: []float32{9, 10}}
	fmt.Println(convert.FromPyTorch(net, dict))
	net.EachParam(func(name string, w []float32, _ ...int) { fmt.Println(name, w) })
	// Output:
	// convert: PyTorch: bias_hh_l0 is missing
	// <nil>
	// weight_ih_l0 [1 2]
	// weight_hh_l0 [3 4 5 6]
	// bias_ih_l0 [7 8]
	// bias_hh_l0 [9 10]
}

// A Tensor is a shape and the elements, row by row. They must agree.
func ExampleTensor() {
	net, err := rnn.NewZero(rnn.Config{Input: 3, Hidden: 2, NoBias: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(convert.FromPyTorch(net, map[string]convert.Tensor{
		"weight_ih_l0": {Shape: []int{3, 2}, Data: make([]float32, 6)},
		"weight_hh_l0": {Shape: []int{2, 2}, Data: make([]float32, 4)},
	}))
	// Output:
	// convert: PyTorch: weight_ih_l0 has the shape [3 2] and 6 elements, want [2 3]
}

// names works for the networks of all three packages.
func names[N convert.Network](net N) {
	dict, err := convert.ToPyTorch(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(slices.Sorted(maps.Keys(dict)))
}

func ExampleNetwork() {
	plain, err := rnn.NewZero(rnn.Config{Input: 3, Hidden: 2, NoBias: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	projected, err := lstm.NewZero(lstm.Config{Input: 3, Hidden: 2, Projection: 1, NoBias: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	names(plain)
	names(projected)
	// Output:
	// [weight_hh_l0 weight_ih_l0]
	// [weight_hh_l0 weight_hr_l0 weight_ih_l0]
}

// The same weights in the two orders of axes that oneDNN's primitives take.
func ExampleOneDNNFormat() {
	net, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, format := range []convert.OneDNNFormat{convert.LDIGO, convert.LDGOI} {
		layers, err := convert.ToOneDNN(net, format)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(format, layers[0].WeightsLayer.Shape)
	}
	// Output:
	// ldigo [1 1 2 4 3]
	// ldgoi [1 1 4 3 2]
}

// A model that PyTorch saved with safetensors.torch.save_file is looked into, and its
// encoder loaded.
func ExampleInspect() {
	f, err := safetensors.Open("testdata/pytorch.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	layers, err := convert.Inspect(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range layers {
		fmt.Println(l)
	}
	// Output:
	// "small.lstm.": LSTM, input 4, hidden 5, layers 1, projection 3
	// "encoder.rnn.": LSTM, input 3, hidden 4, layers 2, bidirectional
	// "decoder.": GRU, input 2, hidden 5, layers 2
	// "plain.": RNN, input 3, hidden 2, layers 1, bidirectional, no bias
}

func ExampleLoadLSTM() {
	f, err := safetensors.Open("testdata/pytorch.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	net, report, err := convert.LoadLSTM(f, "encoder.rnn.")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(net.Config().Hidden, len(report.Matched), report.Left)
	_, _, err = convert.LoadLSTM(f, "encoder.")
	fmt.Println(err)
	// Output:
	// 4 16 []
	// convert: safetensors: prefix "encoder.": there is no recurrent layer, want one of the kind LSTM; the recurrent layers of the file: "small.lstm." LSTM, "encoder.rnn." LSTM, "decoder." GRU, "plain." RNN
}

// What no file says goes into the Config before the weights come: here for another
// round of training.
func ExampleFound() {
	f, err := safetensors.Open("testdata/pytorch.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	layers, err := convert.Inspect(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range layers {
		if l.Kind != "RNN" || l.Err != nil {
			continue
		}
		cfg := l.RNN()
		cfg.Activation, cfg.InputDropout = rnn.ReLU, 0.25
		net, err := rnn.NewZero(cfg)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = convert.FromSafetensors(net, f, l.Prefix)
		fmt.Println(l.Prefix, err)
	}
	// Output: plain. <nil>
}

func ExampleReport() {
	f, err := safetensors.Open("testdata/pytorch.safetensors")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 5, Layers: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := convert.FromSafetensors(net, f, "decoder.")
	fmt.Println(err)
	fmt.Println(len(report.Matched), report.Missing, report.Left)
	// Output:
	// convert: safetensors: prefix "decoder.": weight_ih_l2 is missing, and 3 more
	// 8 [weight_ih_l2 weight_hh_l2 bias_ih_l2 bias_hh_l2] [step]
}

// The weights go into a file for PyTorch, here beside a layer of the caller's own.
func ExampleToSafetensors() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	tensors, err := convert.ToSafetensors(net, "decoder.")
	if err != nil {
		fmt.Println(err)
		return
	}
	tensors = append(tensors, safetensors.Tensor{Name: "head.weight", Shape: []int{1, 3}, Data: []float32{1, 2, 3}})
	err = safetensors.Write(io.Discard, map[string]string{"format": "pt"}, tensors...)
	for _, t := range tensors {
		fmt.Println(t.Name, t.Shape)
	}
	fmt.Println(err)
	// Output:
	// decoder.weight_ih_l0 [9 2]
	// decoder.weight_hh_l0 [9 3]
	// decoder.bias_ih_l0 [9]
	// decoder.bias_hh_l0 [9]
	// head.weight [1 3]
	// <nil>
}

// A model that np.savez saved, {k: v.numpy() for k, v in model.state_dict().items()},
// fills a network.
func ExampleFromNPZ() {
	f, err := npy.OpenArchive("testdata/pytorch.npz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	net, err := gru.NewZero(gru.Config{Input: 2, Hidden: 5, Layers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := convert.FromNPZ(net, f, "decoder.")
	fmt.Println(len(report.Matched), report.Left, err)
	// Output: 8 [step] <nil>
}

// The weights go into an .npz file and come back.
func ExampleToNPZ() {
	net, err := gru.New(gru.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	arrays, err := convert.ToNPZ(net, "decoder.")
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := npy.WriteArchive(&file, true, arrays...); err != nil {
		fmt.Println(err)
		return
	}
	f, err := npy.NewArchive(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	layers, err := convert.Inspect(f)
	fmt.Println(layers, err)
	// Output: ["decoder.": GRU, input 2, hidden 3, layers 1] <nil>
}

// state are tensors in memory under PyTorch's names, as a File.
type state map[string]convert.Tensor

func (s state) Names() iter.Seq[string] { return slices.Values(slices.Sorted(maps.Keys(s))) }

func (s state) Shape(name string) ([]int, bool, error) {
	t, found := s[name]
	return t.Shape, found, nil
}

func (s state) Check(name string) error { return nil }

func (s state) Read(dst []float32, name string) error {
	copy(dst, s[name].Data)
	return nil
}

// What has tensors under names is loaded as a file is.
func ExampleFile() {
	f := state{
		"rnn.weight_ih_l0": {Shape: []int{1, 2}, Data: []float32{1, 2}},
		"rnn.weight_hh_l0": {Shape: []int{1, 1}, Data: []float32{3}},
	}
	net, report, err := convert.LoadRNN(f, "rnn.", rnn.Tanh)
	if err != nil {
		fmt.Println(err)
		return
	}
	net.EachParam(func(name string, w []float32, _ ...int) { fmt.Println(name, w) })
	fmt.Println(report.Matched)
	_, _, err = convert.LoadLSTM(f, "rnn.")
	fmt.Println(err)
	// Output:
	// weight_ih_l0 [1 2]
	// weight_hh_l0 [3]
	// [weight_ih_l0 weight_hh_l0]
	// convert: file: prefix "rnn.": there is a layer of the kind RNN, want one of the kind LSTM; the recurrent layers of the file: "rnn." RNN
}
