package gru_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
)

// Every form has the bits of the contract, on every tier.
func TestNumbers(t *testing.T) {
	for _, k := range variants() {
		t.Run(k.Variant, func(t *testing.T) { nettest.Numbers(t, k) })
	}
}

func TestMethods(t *testing.T) {
	kinds := variants()
	nettest.Methods(t, kinds[0])
	nettest.Methods(t, kinds[3]) // the flags of the configuration in files
}

func TestDefaults(t *testing.T) {
	l, err := gru.NewZero(gru.Config{Input: 1, Hidden: 1})
	if err != nil || l.Config() != (gru.Config{Input: 1, Hidden: 1, Layers: 1, GateActivation: gru.Sigmoid, CandidateActivation: gru.Tanh}) {
		t.Errorf("Config is %+v, %v", l.Config(), err)
	}
}

func BenchmarkTrainGRU(b *testing.B) {
	for _, i := range []int{0, 2} { // with one product a step and with two
		k := variants()[i]
		b.Run(k.Variant, func(b *testing.B) { nettest.BenchmarkTrain(b, k) })
	}
}

func BenchmarkStepGRU(b *testing.B)      { nettest.BenchmarkStep(b, variants()[0]) }
func BenchmarkDenormalsGRU(b *testing.B) { nettest.BenchmarkDenormals(b, variants()[0]) }
