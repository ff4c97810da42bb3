package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/nn"
)

// TestNilNet: no net, or a nil pointer to one, is an error, or a panic by name.
func TestNilNet(t *testing.T) {
	var none *nn.Model
	for _, net := range []nn.Net{nil, none} {
		_, err := nn.Params(net)
		require.ErrorContains(t, err, "nn: the net is nil")
		_, _, err = nn.Trained(net)
		require.ErrorContains(t, err, "nn: the net is nil")
		_, err = nn.NewLearnedState(net)
		require.ErrorContains(t, err, "nn: the net is nil")
		require.PanicsWithValue(t, "nn: Fingerprint of a nil net", func() { nn.Fingerprint(net) })
		require.PanicsWithValue(t, "nn: Shapes of a nil net", func() { nn.Shapes(net) })
	}
}
