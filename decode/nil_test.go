package decode_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/nn"
)

// TestNilModel: a nil pointer to a predictor is no model.
func TestNilModel(t *testing.T) {
	var none *nn.ModelPredictor
	_, err := decode.Sample(none, make([]int32, 2), []int32{1}, decode.Sampling{}, nil)
	require.ErrorContains(t, err, "decode: the model is nil")
	_, err = decode.Search(none, []int32{1}, decode.Beam{Width: 1, Most: 1})
	require.ErrorContains(t, err, "decode: the model is nil")
	_, err = decode.Score(none, []int32{1}, []int32{1})
	require.ErrorContains(t, err, "decode: the model is nil")
}
