package lstm_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
)

// Outputs, final states and all gradients of nn.LSTM.
func TestAgreesWithPyTorch(t *testing.T) {
	nettest.PyTorch(t, nettest.ReadPyTorch(t, "testdata/pytorch_lstm.json"), func(nettest.PyTorchCase) nettest.Kind { return kind })
}
