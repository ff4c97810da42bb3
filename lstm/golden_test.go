package lstm_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/lstm"
)

// Outputs, final states and all gradients of nn.LSTM.
func TestAgreesWithPyTorch(t *testing.T) {
	nettest.PyTorch(t, nettest.ReadPyTorch(t, "testdata/pytorch_lstm.json"), func(nettest.PyTorchCase) nettest.Kind { return kind })
}

// The same for random configurations, half of them with a projection.
func TestAgreesWithPyTorchAtRandom(t *testing.T) {
	nettest.PyTorchConfigurations(t, nettest.ReadPyTorchConfigurations(t, "testdata/pytorch_configurations.json", 200), func(c nettest.PyTorchConfiguration) (nettest.Layer, error) {
		return wrap(lstm.NewZero(lstm.Config{Input: c.Input, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, NoBias: c.NoBias, Projection: c.Projection}))
	})
}
