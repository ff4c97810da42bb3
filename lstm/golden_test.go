package lstm_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
)

// Outputs, final states and all gradients of nn.LSTM.
func TestAgreesWithPyTorch(t *testing.T) {
	nettest.PyTorch(t, nettest.ReadPyTorch(t, "testdata/pytorch_lstm.json"), func(nettest.PyTorchCase) nettest.Kind { return kind })
}

// The same for random configurations.
func TestAgreesWithPyTorchAtRandom(t *testing.T) {
	var plain []nettest.PyTorchConfiguration
	for _, c := range nettest.ReadPyTorchConfigurations(t, "testdata/pytorch_configurations.json", 200) {
		if c.Projection == 0 {
			plain = append(plain, c)
		}
	}
	nettest.PyTorchConfigurations(t, plain, func(c nettest.PyTorchConfiguration) (nettest.Layer, error) {
		return kind.New(c.Config(), nil)
	})
}
