package lstm_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/lstm"
)

// Both passes have the bits of the contract, on every tier.
func TestNumbers(t *testing.T) { nettest.Numbers(t, kind) }

func TestMethods(t *testing.T) { nettest.Methods(t, kind) }

func TestDefaults(t *testing.T) {
	l, err := lstm.NewZero(lstm.Config{Input: 1, Hidden: 1})
	if err != nil || l.Config() != (lstm.Config{Input: 1, Hidden: 1, Layers: 1, GateActivation: lstm.Sigmoid, CandidateActivation: lstm.Tanh, OutputActivation: lstm.Tanh}) {
		t.Errorf("Config is %+v, %v", l.Config(), err)
	}
}

func BenchmarkTrainLSTM(b *testing.B)     { nettest.BenchmarkTrain(b, kind) }
func BenchmarkStepLSTM(b *testing.B)      { nettest.BenchmarkStep(b, kind) }
func BenchmarkDenormalsLSTM(b *testing.B) { nettest.BenchmarkDenormals(b, kind) }
