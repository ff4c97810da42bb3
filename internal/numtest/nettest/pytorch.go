package nettest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// golden is the relative difference from PyTorch that the project promises.
const golden = 1e-5

// A PyTorchCase is a stack in a file that bench/pytorch/goldens.py wrote.
type PyTorchCase struct {
	Name                                string
	Nonlinearity                        string // of nn.RNN
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

// ReadPyTorch reads the cases of a file.
func ReadPyTorch(t *testing.T, path string) []PyTorchCase {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	var file struct{ Cases []PyTorchCase }
	check(t, json.Unmarshal(text, &file))
	if len(file.Cases) < 12 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	return file.Cases
}

// PyTorch holds layers against PyTorch's outputs, final states and all gradients.
// kind is the kind of layer that a case asks for.
func PyTorch(t *testing.T, cases []PyTorchCase, kind func(c PyTorchCase) Kind) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		worst := 0.0
		for _, c := range cases {
			k := kind(c)
			cfg := Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers,
				Bidirectional: c.Bidirectional, Reverse: c.Reverse, NoBias: c.Bias != nil && !*c.Bias}
			net, err := k.New(cfg, nil)
			check(t, err)
			params := 0
			net.EachParam(func(name string, w []float32, _ ...int) {
				if len(w) != len(c.Weights[name]) {
					t.Fatalf("%s: %s has %d elements, PyTorch's has %d", c.Name, name, len(w), len(c.Weights[name]))
				}
				copy(w, c.Weights[name])
				params++
			})
			if params != len(c.Want.Grads) {
				t.Errorf("%s: %d parameters, PyTorch has %d", c.Name, params, len(c.Want.Grads))
			}
			p := &problem{kind: k, cfg: cfg, net: net, T: c.Steps, B: c.Batch, x: c.X, dy: c.Dy, lengths: c.Lengths,
				state: [][]float32{c.H0, c.C0}[:k.States], dstate: [][]float32{c.Dhn, c.Dcn}[:k.States]}
			got := p.run(t, net.Unroll(c.Steps, c.Batch))
			compare := func(name string, got []float32, want []float64) {
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
			compare("y", got.y, c.Want.Y)
			compare("dx", got.dx, c.Want.Dx)
			for i := range got.state {
				compare([]string{"h_n", "c_n"}[i], got.state[i], [][]float64{c.Want.Hn, c.Want.Cn}[i])
				compare([]string{"dh_0", "dc_0"}[i], got.dstate[i], [][]float64{c.Want.Dh0, c.Want.Dc0}[i])
			}
			for i, name := range got.names {
				compare("d"+name, got.grads[i], c.Want.Grads[name])
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
	if math.IsNaN(diff) {
		return 0, fmt.Errorf("NaN")
	}
	if norm == 0 {
		return math.Sqrt(diff), nil
	}
	worst := math.Sqrt(diff / norm)
	floor := math.Sqrt(norm / float64(len(want)))
	for k, w := range want {
		worst = max(worst, math.Abs(float64(got[k])-w)/max(math.Abs(w), floor))
	}
	return worst, nil
}
