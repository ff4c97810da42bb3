package bptt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// golden is the relative difference from PyTorch that the project promises.
const golden = 1e-5

// pytorchModel is testdata/pytorch_model.json, which bench/pytorch/goldens.py
// wrote: an Embedding, an LSTM of two layers, a Linear and CrossEntropyLoss,
// three steps of each optimizer. The first case holds what all start from.
type pytorchModel struct {
	Symbols, Width, Hidden, Layers, Steps, Batch int
	Cases                                        []struct {
		Name, Kind                         string
		LR, Clip, Eps, Momentum, Dampening float64
		WeightDecay                        float64 `json:"weight_decay"`
		Nesterov                           bool
		Betas                              []float64
		Weights                            map[string][]float32
		Batches                            []struct{ IDs, Targets []int32 }
		Want                               struct {
			Loss, Norm                     []float64
			Grads, Clipped, After1, After3 map[string][]float64
		}
	}
}

func readPyTorch(t *testing.T) *pytorchModel {
	t.Helper()
	text, err := os.ReadFile("testdata/pytorch_model.json")
	if err != nil {
		t.Fatal(err)
	}
	m := new(pytorchModel)
	if err := json.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	if len(m.Cases) < 6 || len(m.Cases[0].Batches) != 3 {
		t.Fatalf("%d cases", len(m.Cases))
	}
	return m
}

// chain builds the model with PyTorch's weights.
func (m *pytorchModel) chain(t *testing.T) *nn.Model {
	t.Helper()
	src := rand.New(rand.NewPCG(1, 2))
	emb, err := nn.NewEmbedding(m.Symbols, m.Width, src)
	traintest.NoError(t, err)
	rnn, err := lstm.New(lstm.Config{Input: m.Width, Hidden: m.Hidden, Layers: m.Layers}, src)
	traintest.NoError(t, err)
	out, err := nn.NewLinear(m.Hidden, m.Symbols, src)
	traintest.NoError(t, err)
	net, err := nn.Chain(emb, rnn.Unroll(m.Steps, m.Batch), out)
	traintest.NoError(t, err)
	weights := m.Cases[0].Weights
	seen := 0
	net.EachParam(func(name string, w, _ []float32) {
		from := weights[pytorchName(name)]
		if len(from) != len(w) {
			t.Fatalf("%s has %d elements, PyTorch %d", name, len(w), len(from))
		}
		copy(w, from)
		seen++
	})
	if seen != len(weights) {
		t.Fatalf("%d parameters, PyTorch has %d", seen, len(weights))
	}
	return net
}

func pytorchName(name string) string {
	stage, rest, _ := strings.Cut(name, ".")
	return map[string]string{"0": "embedding.", "1": "lstm.", "2": "linear."}[stage] + rest
}

// Next gives the batches of the first case, one after the other.
type pytorchData struct {
	m *pytorchModel
	n int
}

func (d *pytorchData) Next(b *data.Batch) error {
	batches := d.m.Cases[0].Batches
	if d.n == len(batches) {
		return io.EOF
	}
	*b = data.Batch{Want: b.Want, Steps: d.m.Steps, Rows: d.m.Batch, IDs: batches[d.n].IDs, Targets: batches[d.n].Targets}
	d.n++
	return nil
}

func (d *pytorchData) Rewind() error {
	d.n = 0
	return nil
}

// agreement compares numbers with PyTorch's and keeps the largest difference.
type agreement struct {
	t     *testing.T
	worst float64
}

func (a *agreement) check(name string, got []float32, want []float64) {
	a.t.Helper()
	d, err := difference(got, want)
	if err == nil && d > golden {
		err = fmt.Errorf("differs by %.2g", d)
	}
	if err != nil {
		a.t.Errorf("%s: %v", name, err)
	}
	a.worst = max(a.worst, d)
}

func (a *agreement) number(name string, got, want float64) {
	a.t.Helper()
	d := math.Abs(got-want) / math.Abs(want)
	if !(d <= golden) {
		a.t.Errorf("%s = %v, PyTorch has %v", name, got, want)
	}
	a.worst = max(a.worst, d)
}

// difference returns the larger of two relative differences: that of the tensors in
// the Euclidean norm, and the largest of an element, relative to the element or,
// where that is smaller, to the tensor's root mean square.
func difference(got []float32, want []float64) (float64, error) {
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

// TestGradientsAgreeWithPyTorch: the loss and its gradient by every parameter of
// the whole model.
func TestGradientsAgreeWithPyTorch(t *testing.T) {
	m := readPyTorch(t)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		a := agreement{t: t}
		net := m.chain(t)
		first := m.Cases[0].Batches[0]
		y := make([]float32, m.Steps*m.Batch*m.Symbols)
		dy := make([]float32, len(y))
		traintest.NoError(t, net.ForwardIDs(y, first.IDs))
		b := &data.Batch{Steps: m.Steps, Rows: m.Batch, IDs: first.IDs, Targets: first.Targets}
		total, err := loss.CrossEntropy{}.Loss(dy, y, b, 0, new(loss.Scratch))
		traintest.NoError(t, err)
		a.number("loss", total.Mean(), m.Cases[0].Want.Loss[0])
		net.Backward(nil, dy)
		net.EachParam(func(name string, _, g []float32) {
			a.check("gradient of "+name, g, m.Cases[0].Want.Grads[pytorchName(name)])
		})
		t.Logf("at most %.2g relative from PyTorch", a.worst)
	})
}

// TestOptimizersAgreeWithPyTorch: three steps of the training loop with every
// optimizer: loss, norm, the clipped gradient, the parameters after one and after
// three steps.
func TestOptimizersAgreeWithPyTorch(t *testing.T) {
	m := readPyTorch(t)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		worst := 0.0
		for _, c := range m.Cases {
			t.Run(c.Name, func(t *testing.T) {
				a := agreement{t: t}
				net := m.chain(t)
				steps := 0
				_, err := bptt.Train(context.Background(), net, &pytorchData{m: m}, bptt.Plan{
					Loss: loss.CrossEntropy{}, Optimizer: optimizer(t, c.Kind, c.LR, c.Momentum, c.Dampening, c.WeightDecay, c.Eps, c.Nesterov, c.Betas),
					ClipNorm: c.Clip, Steps: 3,
					OnStep: func(p bptt.Progress) error {
						a.number(fmt.Sprintf("loss of step %d", p.Step), p.Loss, c.Want.Loss[steps])
						a.number(fmt.Sprintf("norm of step %d", p.Step), p.Norm, c.Want.Norm[steps])
						steps++
						net.EachParam(func(name string, w, g []float32) {
							switch {
							case steps == 1:
								a.check(name+" after 1 step", w, c.Want.After1[pytorchName(name)])
								if c.Want.Clipped != nil {
									a.check("clipped gradient of "+name, g, c.Want.Clipped[pytorchName(name)])
								}
							case steps == 3:
								a.check(name+" after 3 steps", w, c.Want.After3[pytorchName(name)])
							}
						})
						return nil
					},
				})
				traintest.NoError(t, err)
				if steps != 3 {
					t.Errorf("%d steps, want 3", steps)
				}
				worst = max(worst, a.worst)
			})
		}
		t.Logf("%d optimizers, at most %.2g relative from PyTorch", len(m.Cases), worst)
	})
}

func optimizer(t *testing.T, kind string, lr, momentum, dampening, decay, eps float64, nesterov bool, betas []float64) optim.Optimizer {
	t.Helper()
	if betas == nil {
		betas = []float64{0, 0}
	}
	switch kind {
	case "SGD":
		return &optim.SGD{LR: lr, Momentum: momentum, Dampening: dampening, Nesterov: nesterov, WeightDecay: decay}
	case "Adam":
		return &optim.Adam{LR: lr, Beta1: betas[0], Beta2: betas[1], Eps: eps, WeightDecay: decay}
	case "AdamW":
		return &optim.AdamW{LR: lr, Beta1: betas[0], Beta2: betas[1], Eps: eps, WeightDecay: decay}
	}
	t.Fatalf("no optimizer %q", kind)
	return nil
}
