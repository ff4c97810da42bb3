package rnn_test

import (
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/rnn"
)

// Every activation has the bits of the contract, on every tier.
func TestNumbers(t *testing.T) {
	for _, a := range activations {
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

func TestDefaults(t *testing.T) {
	l, err := rnn.NewZero(rnn.Config{Input: 1, Hidden: 1})
	if err != nil || l.Config() != (rnn.Config{Input: 1, Hidden: 1, Layers: 1, Activation: rnn.Tanh}) {
		t.Errorf("Config is %+v, %v", l.Config(), err)
	}
}

func BenchmarkTrainRNN(b *testing.B)     { nettest.BenchmarkTrain(b, activations[0].kind()) }
func BenchmarkStepRNN(b *testing.B)      { nettest.BenchmarkStep(b, activations[0].kind()) }
func BenchmarkDenormalsRNN(b *testing.B) { nettest.BenchmarkDenormals(b, activations[0].kind()) }
