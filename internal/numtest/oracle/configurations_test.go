package oracle

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// TestAgreesWithPyTorchAtRandom: the same as TestAgreesWithPyTorch for random
// configurations, of which the files hold summaries.
func TestAgreesWithPyTorchAtRandom(t *testing.T) {
	onnx := map[string]string{"tanh": "Tanh", "relu": "Relu"}
	atRandom(t, "lstm", func(configuration) Cell[Real] { return LSTM[Real]{} })
	atRandom(t, "gru", func(configuration) Cell[Real] { return GRU[Real]{} })
	atRandom(t, "rnn", func(c configuration) Cell[Real] { return RNN[Real]{F: Activation{Name: onnx[c.Nonlinearity]}} })
}

type configuration struct {
	Seed                                int
	Input, Hidden, Layers, Steps, Batch int
	Scale                               float64
	Bidirectional, NoBias               bool
	ZeroState                           bool `json:"zero_state"`
	Lengths                             []int
	Nonlinearity                        string
	Projection                          int
	Want                                map[string]numtest.Summary
	Grads                               []numtest.Summary
}

func atRandom(t *testing.T, kind string, cell func(c configuration) Cell[Real]) {
	text, err := os.ReadFile("../../../" + kind + "/testdata/pytorch_configurations.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []configuration }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no configurations")
	}
	worst := 0.0
	for _, c := range file.Cases {
		cell := cell(c)
		s := Shape{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Projection: c.Projection, Bidirectional: c.Bidirectional, NoBias: c.NoBias}
		draw := func(name string, n int, scale float64) []float32 {
			return numtest.Drawn(fmt.Sprintf("%d/%s", c.Seed, name), n, scale)
		}
		weights := map[string][]float32{}
		for name, n := range Sizes(cell, s) {
			weights[name] = draw(name, n, c.Scale)
		}
		var first, dlast [][]Real
		names := []string{"h", "c"}
		for k, width := range cell.Widths(s) {
			n := c.Layers * s.Directions() * c.Batch * width
			state := make([]float32, n)
			if !c.ZeroState {
				state = draw(names[k]+"0", n, 1)
			}
			first, dlast = append(first, Lift[Real](state)), append(dlast, Lift[Real](draw("d"+names[k]+"n", n, 1)))
		}
		in := Sequence[Real]{T: c.Steps, B: c.Batch, X: Lift[Real](draw("x", c.Steps*c.Batch*c.Input, 1)), Lengths: c.Lengths, State: first}
		pass := Forward(cell, s, LiftParams[Real](weights), in)
		grads := pass.Backward(Lift[Real](draw("dy", c.Steps*c.Batch*s.Out(), 1)), dlast)

		check := func(name string, got []Real, want numtest.Summary) {
			t.Helper()
			plain := make([]float64, len(got))
			for i, v := range got {
				plain[i] = float64(v)
			}
			d, where := numtest.Apart(fmt.Sprintf("%d/%s", c.Seed, name), plain, want)
			if !(d <= 1e-8) {
				t.Errorf("%s, seed %d: %s differs by %.2g: %s", kind, c.Seed, name, d, where)
			}
			worst = max(worst, d)
		}
		check("y", pass.Y, c.Want["y"])
		check("dx", grads.X, c.Want["dx"])
		for k := range first {
			check(names[k]+"n", pass.State[k], c.Want[names[k]+"n"])
			check("d"+names[k]+"0", grads.State[k], c.Want["d"+names[k]+"0"])
		}
		n := 0
		for l := range s.Layers {
			for d := range s.Directions() {
				for _, p := range layerParams(cell, s, l) {
					name := s.Name(p.Kind, l, d)
					check(name, grads.Params[name], c.Grads[n])
					n++
				}
			}
		}
		if n != len(c.Grads) {
			t.Errorf("%s, seed %d: %d parameters, PyTorch has %d", kind, c.Seed, n, len(c.Grads))
		}
	}
	t.Logf("%s: %d configurations, at most %.2g from PyTorch", kind, len(file.Cases), worst)
}
