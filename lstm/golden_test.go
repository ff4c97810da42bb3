package lstm_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// golden is the relative difference from PyTorch that the project promises.
const golden = 1e-5

// A pytorchCase is one nn.LSTM in testdata/pytorch_lstm.json, which
// bench/pytorch/goldens.py wrote.
type pytorchCase struct {
	Name                                string
	Input, Hidden, Layers, Steps, Batch int
	Bidirectional, Reverse              bool
	Bias                                *bool
	Lengths                             []int
	Weights                             map[string][]float32
	X, H0, C0, Dy, Dhn, Dcn             []float32
	Want                                struct {
		Y, Hn, Cn, Dx, Dh0, Dc0 []float64
		Grads                   map[string][]float64
	}
}

func readPyTorch(t *testing.T) []pytorchCase {
	t.Helper()
	text, err := os.ReadFile("testdata/pytorch_lstm.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []pytorchCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 12 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	return file.Cases
}

// TestAgreesWithPyTorch: outputs, final states and all gradients of nn.LSTM.
func TestAgreesWithPyTorch(t *testing.T) {
	cases := readPyTorch(t)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		worst := 0.0
		for _, c := range cases {
			n := &numbers{
				cfg: lstm.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers,
					Bidirectional: c.Bidirectional, Reverse: c.Reverse, NoBias: c.Bias != nil && !*c.Bias},
				steps: c.Steps, batch: c.Batch, lengths: c.Lengths, weights: c.Weights,
				x: c.X, dy: c.Dy, state: [][]float32{c.H0, c.C0}, dstate: [][]float32{c.Dhn, c.Dcn},
			}
			n.run(t)
			check := func(name string, got []float32, want []float64) {
				t.Helper()
				d, err := apart(got, want)
				if err == nil && d > golden {
					err = fmt.Errorf("differs by %.2g", d)
				}
				if err != nil {
					t.Errorf("%s: %s: %v", c.Name, name, err)
				}
				worst = max(worst, d)
			}
			check("y", n.y, c.Want.Y)
			check("h_n", n.last[0], c.Want.Hn)
			check("c_n", n.last[1], c.Want.Cn)
			check("dx", n.dx, c.Want.Dx)
			check("dh_0", n.first[0], c.Want.Dh0)
			check("dc_0", n.first[1], c.Want.Dc0)
			if len(n.grads) != len(c.Want.Grads) {
				t.Errorf("%s: %d parameters, PyTorch has %d", c.Name, len(n.grads), len(c.Want.Grads))
			}
			for name, want := range c.Want.Grads {
				check("d"+name, n.grads[name], want)
			}
		}
		t.Logf("%d configurations, at most %.2g relative from PyTorch", len(cases), worst)
	})
}

// apart returns the larger of two relative differences: that of the tensors in
// the Euclidean norm, and the largest of an element, relative to the element or,
// where that is smaller, to the tensor's root mean square.
func apart(got []float32, want []float64) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	var diff, norm float64
	for k, w := range want {
		d := float64(got[k]) - w
		diff += d * d
		norm += w * w
	}
	if norm == 0 {
		return math.Sqrt(diff), nil
	}
	worst := math.Sqrt(diff / norm)
	floor := math.Sqrt(norm / float64(len(want)))
	for k, w := range want {
		worst = max(worst, math.Abs(float64(got[k])-w)/max(math.Abs(w), floor))
	}
	if math.IsNaN(diff) {
		return 0, fmt.Errorf("NaN")
	}
	return worst, nil
}
