package gru_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
)

// Outputs, final states and all gradients of nn.GRU.
func TestAgreesWithPyTorch(t *testing.T) {
	pytorch := variants()[0]
	nettest.PyTorch(t, nettest.ReadPyTorch(t, "testdata/pytorch_gru.json"), func(nettest.PyTorchCase) nettest.Kind { return pytorch })
}

// The textbook's form is PyTorch's with the parameters of z negated, and so are
// their gradients.
func TestTextbookIsPyTorchNegated(t *testing.T) {
	cases := nettest.ReadPyTorch(t, "testdata/pytorch_gru.json")
	for _, c := range cases {
		for _, w := range c.Weights {
			negate(w)
		}
		for _, g := range c.Want.Grads {
			negate(g)
		}
	}
	textbook := variants()[1]
	nettest.PyTorch(t, cases, func(nettest.PyTorchCase) nettest.Kind { return textbook })
}

// negate turns the sign of the second of three blocks of rows.
func negate[F float32 | float64](w []F) {
	for i := len(w) / 3; i < 2*len(w)/3; i++ {
		w[i] = -w[i]
	}
}

// The same for random configurations.
func TestAgreesWithPyTorchAtRandom(t *testing.T) {
	pytorch := variants()[0]
	nettest.PyTorchConfigurations(t, nettest.ReadPyTorchConfigurations(t, "testdata/pytorch_configurations.json", 120), func(c nettest.PyTorchConfiguration) (nettest.Layer, error) {
		return pytorch.New(c.Config(), nil)
	})
}
