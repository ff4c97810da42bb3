package convert_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// through exports from and imports the result into to.
func through[N convert.Network](library string, to, from N) error {
	switch library {
	case "PyTorch":
		m, err := convert.ToPyTorch(from)
		if err != nil {
			return err
		}
		return convert.FromPyTorch(to, m)
	case "Keras":
		m, err := convert.ToKeras(from)
		if err != nil {
			return err
		}
		return convert.FromKeras(to, m)
	case "ONNX":
		m, err := convert.ToONNX(from)
		if err != nil {
			return err
		}
		return convert.FromONNX(to, m)
	case "haste":
		m, err := convert.ToHaste(from)
		if err != nil {
			return err
		}
		return convert.FromHaste(to, m)
	}
	m, err := convert.ToOneDNN(from, convert.OneDNNFormat(strings.TrimPrefix(library, "oneDNN ")))
	if err != nil {
		return err
	}
	return convert.FromOneDNN(to, m)
}

func bits(v []float32) []uint32 {
	b := make([]uint32, len(v))
	for i := range v {
		b[i] = math.Float32bits(v[i])
	}
	return b
}

func weights(each func(func(string, []float32, ...int))) (all []float32) {
	each(func(_ string, w []float32, _ ...int) { all = append(all, w...) })
	return all
}

// What goes out and comes back has the outputs it had, and where the library has
// both biases, the weights.
func TestRoundTrips(t *testing.T) {
	x := inputs()
	compare := func(t *testing.T, err error, exact bool, a, b []float32, ya, yb []float32) {
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(bits(ya), bits(yb)) {
			t.Errorf("outputs %v, want %v", yb, ya)
		}
		if exact && !slices.Equal(a, b) {
			t.Error("the weights differ")
		}
	}
	for _, library := range libraries {
		two := library == "PyTorch" || library == "ONNX"
		for _, c := range []lstm.Config{{}, {NoBias: true}, {Bidirectional: true}, {Reverse: true}} {
			if c.Reverse && (library == "PyTorch" || library == "haste") {
				continue
			}
			t.Run(fmt.Sprintf("LSTM %s %+v", library, c), func(t *testing.T) {
				a, b := newLSTM(t, c), newLSTM(t, c)
				b.Init(nil, nothing)
				err := through(library, b, a)
				ya, yb := make([]float32, outputs(c.Bidirectional)), make([]float32, outputs(c.Bidirectional))
				a.Infer(steps, 1).Forward(ya, x)
				b.Infer(steps, 1).Forward(yb, x)
				compare(t, err, two || c.NoBias, weights(a.EachParam), weights(b.EachParam), ya, yb)
			})
		}
		for _, c := range []gru.Config{{}, {NoBias: true}, {Bidirectional: true, Textbook: true}, {ResetBefore: true}, {ResetBefore: true, Reverse: true, NoBias: true}} {
			if c.ResetBefore && (library == "PyTorch" || library == "haste") {
				continue
			}
			t.Run(fmt.Sprintf("GRU %s %+v", library, c), func(t *testing.T) {
				a, b := newGRU(t, c), newGRU(t, c)
				b.Init(nil, nothing)
				err := through(library, b, a)
				ya, yb := make([]float32, outputs(c.Bidirectional)), make([]float32, outputs(c.Bidirectional))
				a.Infer(steps, 1).Forward(ya, x)
				b.Infer(steps, 1).Forward(yb, x)
				exact := two || c.NoBias || library == "haste" || library == "Keras" && !c.ResetBefore
				compare(t, err, exact, weights(a.EachParam), weights(b.EachParam), ya, yb)
			})
		}
		for _, c := range []rnn.Config{{}, {NoBias: true, Activation: rnn.ReLU}, {Bidirectional: true}} {
			if library == "haste" {
				continue
			}
			t.Run(fmt.Sprintf("RNN %s %+v", library, c), func(t *testing.T) {
				a, b := newRNN(t, c), newRNN(t, c)
				b.Init(nil, nothing)
				err := through(library, b, a)
				ya, yb := make([]float32, outputs(c.Bidirectional)), make([]float32, outputs(c.Bidirectional))
				a.Infer(steps, 1).Forward(ya, x)
				b.Infer(steps, 1).Forward(yb, x)
				compare(t, err, two || c.NoBias, weights(a.EachParam), weights(b.EachParam), ya, yb)
			})
		}
	}
}
