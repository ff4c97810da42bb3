package loss_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// TestNil: a nil batch and nil scratch are errors of every loss, and a nil batch of every
// metric.
func TestNil(t *testing.T) {
	b := data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}, Y: []float32{0, 1}, Labels: [][]int32{{1}}}
	y := []float32{1, 2}
	for _, l := range []loss.Loss{
		loss.CrossEntropy{}, loss.MSE{}, loss.MAE{}, loss.Huber{}, loss.BCE{}, loss.Quantile{Levels: []float32{0.5}}, loss.CTC{},
		loss.PerSequence{Of: loss.MSE{}},
	} {
		_, err := l.Loss(nil, y, nil, 0, new(loss.Scratch))
		require.ErrorContains(t, err, "loss: a nil batch", "%T", l)
		_, err = l.Loss(nil, y, &b, 0, nil)
		require.ErrorContains(t, err, "loss: a nil *Scratch, want new(loss.Scratch)", "%T", l)
	}
	var k loss.Blocks
	_, err := k.Begin(loss.CrossEntropy{}, &b, 2, 0, nil)
	require.ErrorContains(t, err, "loss: a nil *Scratch")
	_, err = k.Begin(loss.CrossEntropy{}, nil, 2, 0, new(loss.Scratch))
	require.ErrorContains(t, err, "loss: a nil batch")
	spans, err := loss.NewSpans([]string{"O", "B"})
	require.NoError(t, err)
	confusion, err := loss.NewConfusion(2)
	require.NoError(t, err)
	for _, m := range []loss.Metric{&loss.Accuracy{}, spans, confusion, &loss.LabelErrors{}} {
		require.ErrorContains(t, m.Add(y, nil), "loss: a nil batch", "%T", m)
	}
}
