package oracle

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestAgreesWithPyTorch: the oracle over Real and PyTorch in float64 agree on
// outputs, states and every gradient to the nine digits of the golden files. So
// gate order, names and the place of a reverse direction are PyTorch's.
func TestAgreesWithPyTorch(t *testing.T) {
	onnx := map[string]string{"tanh": "Tanh", "relu": "Relu"}
	agreesWithPyTorch(t, "lstm", func(goldenCase) Cell[Real] { return LSTM[Real]{} })
	agreesWithPyTorch(t, "gru", func(goldenCase) Cell[Real] { return GRU[Real]{} })
	agreesWithPyTorch(t, "rnn", func(c goldenCase) Cell[Real] { return RNN[Real]{F: Activation{Name: onnx[c.Nonlinearity]}} })
}

type goldenCase struct {
	Name, Nonlinearity                  string
	Input, Hidden, Layers, Steps, Batch int
	Bidirectional, Reverse              bool
	Bias                                *bool
	Lengths                             []int
	Weights                             map[string][]float64
	X, H0, C0, Dy, Dhn, Dcn             []float64
	Want                                struct {
		Y, Hn, Cn, Dx, Dh0, Dc0 []float64
		Grads                   map[string][]float64
	}
}

func agreesWithPyTorch(t *testing.T, kind string, cell func(c goldenCase) Cell[Real]) {
	text, err := os.ReadFile("../../../" + kind + "/testdata/pytorch_" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		t.Run(kind+"/"+c.Name, func(t *testing.T) {
			s := Shape{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Reverse: c.Reverse, NoBias: c.Bias != nil && !*c.Bias}
			// The file rounds float32 weights to nine digits.
			weights := map[string][]float32{}
			for name, v := range c.Weights {
				weights[name] = nearest(v)
			}
			cell := cell(c)
			lifted := func(v ...[]float64) (l [][]Real) {
				for _, v := range v[:len(cell.Widths(s))] {
					l = append(l, Lift[Real](nearest(v)))
				}
				return l
			}
			in := Sequence[Real]{T: c.Steps, B: c.Batch, X: Lift[Real](nearest(c.X)), Lengths: c.Lengths, State: lifted(c.H0, c.C0)}
			pass := Forward(cell, s, LiftParams[Real](weights), in)
			grads := pass.Backward(Lift[Real](nearest(c.Dy)), lifted(c.Dhn, c.Dcn))
			check := func(name string, got []Real, want []float64) {
				t.Helper()
				if len(got) != len(want) {
					t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
				}
				scale := 0.0
				for _, w := range want {
					scale = math.Max(scale, math.Abs(w))
				}
				for k, w := range want {
					if d := math.Abs(float64(got[k]) - w); d > 1e-8*scale {
						t.Errorf("%s[%d] = %v, PyTorch has %v", name, k, got[k], w)
					}
				}
			}
			check("y", pass.Y, c.Want.Y)
			check("dx", grads.X, c.Want.Dx)
			for k := range pass.State {
				check([]string{"hn", "cn"}[k], pass.State[k], [][]float64{c.Want.Hn, c.Want.Cn}[k])
				check([]string{"dh0", "dc0"}[k], grads.State[k], [][]float64{c.Want.Dh0, c.Want.Dc0}[k])
			}
			if len(grads.Params) != len(c.Want.Grads) {
				t.Errorf("%d parameters, PyTorch has %d", len(grads.Params), len(c.Want.Grads))
			}
			for name, want := range c.Want.Grads {
				check(name, grads.Params[name], want)
			}
		})
	}
}

func nearest(v []float64) []float32 {
	out := make([]float32, len(v))
	for k := range v {
		out[k] = float32(v[k])
	}
	return out
}
