package peer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/python"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// conforms is the relative difference from other libraries that the project allows.
const conforms = 1e-5

// An inference runs whole sequences.
type inference interface {
	Dims() (steps, batch, in, out int)
	SetBatchFirst(on bool)
	Forward(y, x []float32)
}

// Models of drawn configurations that Keras saved compute here what they compute there, and
// networks that are written here compute in Keras what they compute here.
func TestKerasBothWays(t *testing.T) {
	count := 10
	if testing.Short() {
		count = 4
	}
	py := find(t, "keras", backend(), "safetensors", "numpy")
	count = python.Count(t, count)
	from, err := filepath.Abs("keras_random.py")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "networks.safetensors")
	layers := writeNetworks(t, file)
	if got, want := py.Run(t, dir, from, dir, fmt.Sprint(count), file, fmt.Sprint(python.Seed(t, 1000))), fmt.Sprintf("ok %d\n", layers); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	compareModels(t, dir, count)
}

// compareModels holds the models that Keras saved in a folder against what they computed there.
func compareModels(t *testing.T, dir string, count int) {
	layers, worst := 0, 0.0
	for i := range count {
		f := open(t, filepath.Join(dir, fmt.Sprintf("%d.safetensors", i)))
		outputs := open(t, filepath.Join(dir, fmt.Sprintf("%d.outputs.safetensors", i)))
		all, err := convert.InspectKeras(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range all {
			layers++
			x, y := floats(t, outputs, found.Name+"/x"), floats(t, outputs, found.Name+"/y")
			shape, _, _ := outputs.Shape(found.Name + "/x")
			var net inference
			var err error
			switch found.Kind {
			case "LSTM":
				var l *lstm.Layer
				if l, _, err = convert.LoadKerasLSTM(f, found.Name); err == nil {
					net = l.Infer(shape[1], shape[0])
				}
			case "GRU":
				var l *gru.Layer
				if l, _, err = convert.LoadKerasGRU(f, found.Name); err == nil {
					net = l.Infer(shape[1], shape[0])
				}
			case "RNN":
				var l *rnn.Layer
				if l, _, err = convert.LoadKerasRNN(f, found.Name); err == nil {
					net = l.Infer(shape[1], shape[0])
				}
			}
			if err != nil || found.Err != nil {
				t.Fatalf("%v: %v", found, err)
			}
			got := make([]float32, len(y))
			net.SetBatchFirst(true)
			net.Forward(got, x)
			for k := range y {
				d := math.Abs(float64(got[k]-y[k])) / max(1, math.Abs(float64(y[k])))
				if worst = max(worst, d); !(d <= conforms) {
					t.Fatalf("model %d, %v: output %d is %v, want %v", i, found, k, got[k], y[k])
				}
			}
		}
	}
	if layers < count {
		t.Errorf("%d layers in %d models", layers, count)
	}
	t.Logf("%d layers, at most %.2g relative", layers, worst)
}

// writeNetworks writes networks of all kinds for Keras, each with an input and its output, and
// returns the number of layers.
func writeNetworks(t *testing.T, name string) int {
	r := rand.New(rand.NewPCG(5, 6))
	var layers []convert.KerasLayer
	var tensors []safetensors.Tensor
	const steps, rows, in = 5, 2, 3
	add := func(name string, of []convert.KerasLayer, err error, net inference) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, out := net.Dims()
		x, y := make([]float32, steps*rows*in), make([]float32, steps*rows*out)
		for i := range x {
			x[i] = 2*r.Float32() - 1
		}
		net.SetBatchFirst(true)
		net.Forward(y, x)
		layers = append(layers, of...)
		tensors = append(tensors, safetensors.Tensor{Name: name + "/x", Shape: []int{rows, steps, in}, Data: x}, safetensors.Tensor{Name: name + "/y", Shape: []int{rows, steps, out}, Data: y})
	}
	for name, cfg := range map[string]lstm.Config{
		"lstm":  {Input: in, Hidden: 4},
		"both":  {Input: in, Hidden: 3, Layers: 2, Bidirectional: true, Merge: lstm.Multiply, GateActivation: lstm.HardSigmoid(1./6, 0.5), CandidateActivation: lstm.LeakyReLU(0.3), OutputActivation: lstm.LeakyReLU(0.3)},
		"back":  {Input: in, Hidden: 5, Reverse: true, NoBias: true},
		"stack": {Input: in, Hidden: 3, Layers: 3, Reverse: true},
	} {
		l, err := lstm.New(cfg, r)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{name + "_0"}
		if l.Config().Layers == 2 {
			names = append(names, name+"_1")
		}
		of, err := convert.ToKerasLayers(l, names...)
		add(name, of, err, l.Infer(steps, rows))
	}
	for name, cfg := range map[string]gru.Config{
		"gru":      {Input: in, Hidden: 4, Layers: 2},
		"before":   {Input: in, Hidden: 4, ResetBefore: true, CandidateActivation: gru.ELU(0.5)},
		"textbook": {Input: in, Hidden: 4, Textbook: true, Bidirectional: true},
	} {
		l, err := gru.New(cfg, r)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{name + "_0"}
		if l.Config().Layers == 2 {
			names = append(names, name+"_1")
		}
		of, err := convert.ToKerasLayers(l, names...)
		add(name, of, err, l.Infer(steps, rows))
	}
	l, err := rnn.New(rnn.Config{Input: in, Hidden: 4, Activation: rnn.Softplus}, r)
	if err != nil {
		t.Fatal(err)
	}
	of, err := convert.ToKerasLayers(l, "rnn_0")
	add("rnn", of, err, l.Infer(steps, rows))

	metadata, weights, err := convert.ToKerasFile(layers...)
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.WriteFile(name, metadata, append(weights, tensors...)...); err != nil {
		t.Fatal(err)
	}
	return len(layers)
}

func open(t *testing.T, name string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func floats(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	v, err := f.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
