package rnn_test

import (
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/rnn"
)

// Every activation has the bits of the contract, on every tier.
func TestNumbers(t *testing.T) {
	for _, a := range activations {
		// A short run has those with a step of their own, and one of the others.
		if own := a.f == rnn.Tanh || a.f == rnn.ReLU || a.f == rnn.Sigmoid; testing.Short() && !own && a.f != rnn.ELU(1.3) {
			continue
		}
		t.Run(a.f.String(), func(t *testing.T) { nettest.Numbers(t, a.kind()) })
	}
}

func TestMethods(t *testing.T) {
	nettest.Methods(t, activations[0].kind())
	nettest.Methods(t, rnnKind(t, rnn.HardSigmoid(0.4, 0.5))) // alpha and beta in files
}

func rnnKind(t *testing.T, f rnn.Activation) nettest.Kind {
	for _, a := range activations {
		if a.f == f {
			return a.kind()
		}
	}
	t.Fatalf("no %v in the list", f)
	panic("unreachable")
}

// A step that one kernel finishes has the bits of the same step made of several.
func TestFusedIsComposed(t *testing.T) {
	for _, pair := range [][2]rnn.Activation{
		{rnn.Tanh, rnn.ScaledTanh(1, 1)}, {rnn.ReLU, rnn.LeakyReLU(0)}, {rnn.ReLU, rnn.ThresholdedReLU(0)},
	} {
		t.Run(pair[1].String(), func(t *testing.T) {
			nettest.Alike(t, activation{f: pair[0]}.kind(), activation{f: pair[1]}.kind())
		})
	}
}

func TestActivations(t *testing.T) {
	for _, f := range []rnn.Activation{rnn.Affine(float32(math.NaN()), 0), rnn.ScaledTanh(1, float32(math.Inf(1))), rnn.ELU(float32(math.Inf(-1)))} {
		if _, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1, Activation: f}); err == nil || !strings.Contains(err.Error(), "finite") {
			t.Errorf("%v: error %v, want one that says what the parameters must be", f, err)
		}
	}
	seen := map[string]bool{}
	for _, a := range activations {
		seen[a.f.String()] = true
	}
	if len(seen) != 11 || !seen["Tanh"] || !seen["HardSigmoid(0.4, 0.5)"] {
		t.Errorf("names %v, want those of ONNX's eleven functions", seen)
	}
}

// A tiny gradient between two layers is +0 for the layer below: 2^-81 * 2^40 * 2^-60 is
// 2^-101, and the dx of the layer below would be 2^-91 of it.
func TestTinyGradientBetweenLayers(t *testing.T) {
	for _, c := range []struct{ dy, want float32 }{{0x1p-81, 0}, {0x1p-80, 0x1p-90}} {
		net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1, Layers: 2, Activation: rnn.Affine(0x1p40, 0)})
		if err != nil {
			t.Fatal(err)
		}
		net.EachParam(func(name string, w []float32, _ ...int) {
			switch name {
			case "weight_ih_l0":
				w[0] = 0x1p-30
			case "weight_ih_l1":
				w[0] = 0x1p-60
			}
		})
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			u, y, dx := net.Unroll(1, 1), []float32{0}, []float32{1}
			u.Forward(y, []float32{1})
			u.Backward(dx, []float32{c.dy})
			if math.Float32bits(dx[0]) != math.Float32bits(c.want) {
				t.Errorf("dy = %v gives dx = %v, want %v", c.dy, dx[0], c.want)
			}
		})
	}
}

// Of two biases it is the sum that counts: two tiny ones may make one that is not, and two
// that are not may make one that is. h is 2^40 times the sum.
func TestTwoTinyBiases(t *testing.T) {
	for _, c := range []struct{ ih, hh, want float32 }{
		{0x1.8p-101, 0x1.8p-101, 0x1.8p-60}, {0x1p-101, 0x1p-101, 0x1p-60}, {0x1.8p-101, 0, 0}, {0, 0x1.8p-101, 0}, {0x1.8p-101, 0x1p-103, 0},
		{0x1p-90, -0x1.002p-90, 0}, {0x1p-99, -0x1.8p-100, 0},
	} {
		net, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1, Activation: rnn.Affine(0x1p40, 0)})
		if err != nil {
			t.Fatal(err)
		}
		net.EachParam(func(name string, w []float32, _ ...int) {
			switch name {
			case "bias_ih_l0":
				w[0] = c.ih
			case "bias_hh_l0":
				w[0] = c.hh
			}
		})
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			p, err := net.Predictor(1)
			if err != nil {
				t.Fatal(err)
			}
			x, y := []float32{1}, []float32{1}
			for what, run := range map[string]func(){
				"Unroll": func() { net.Unroll(1, 1).Forward(y, x) }, "Infer": func() { net.Infer(1, 1).Forward(y, x) }, "Predictor": func() { p.Step(y, x) },
			} {
				if run(); math.Float32bits(y[0]) != math.Float32bits(c.want) {
					t.Errorf("%s with biases %v and %v gives %v, want %v", what, c.ih, c.hh, y[0], c.want)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	l, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1})
	if err != nil || l.Config() != (rnn.Config{Input: 1, Hidden: 1, Layers: 1, Activation: rnn.Tanh}) {
		t.Errorf("Config is %+v, %v", l.Config(), err)
	}
}

func BenchmarkTrainRNN(b *testing.B)     { nettest.BenchmarkTrain(b, activations[0].kind()) }
func BenchmarkStepRNN(b *testing.B)      { nettest.BenchmarkStep(b, activations[0].kind()) }
func BenchmarkDenormalsRNN(b *testing.B) { nettest.BenchmarkDenormals(b, activations[0].kind()) }
