package rnn_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/rnn"
)

// Outputs, final states and all gradients of nn.RNN with both its activations.
func TestAgreesWithPyTorch(t *testing.T) {
	nettest.PyTorch(t, nettest.ReadPyTorch(t, "testdata/pytorch_rnn.json"), func(c nettest.PyTorchCase) nettest.Kind {
		return rnnKind(t, map[string]rnn.Activation{"tanh": rnn.Tanh, "relu": rnn.ReLU}[c.Nonlinearity])
	})
}

// The same for random configurations.
func TestAgreesWithPyTorchAtRandom(t *testing.T) {
	nettest.PyTorchConfigurations(t, nettest.ReadPyTorchConfigurations(t, "testdata/pytorch_configurations.json", 120), func(c nettest.PyTorchConfiguration) (nettest.Layer, error) {
		return rnnKind(t, map[string]rnn.Activation{"tanh": rnn.Tanh, "relu": rnn.ReLU}[c.Nonlinearity]).New(c.Config(), nil)
	})
}
