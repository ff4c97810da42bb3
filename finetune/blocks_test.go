package finetune_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// TestReadoutRowsOfAdapters: training adapters, an evaluation too, has the same bits with a
// limit of the rows of outputs. The readout has an adapter as well.
func TestReadoutRowsOfAdapters(t *testing.T) {
	s := traintest.Small
	s.Batch, s.Steps = 100, 6
	run := func(rows int) ([]float64, []float32) {
		_, a := adapted(t, 1, s, matrices)
		p := plan(5)
		p.ReadoutRows = rows
		var losses []float64
		p.OnStep = func(q bptt.Progress) error { losses = append(losses, q.Loss, q.Norm); return nil }
		source := traintest.Must(data.NewText(traintest.Text(100*20, s.Vocabulary), 100))
		_, err := bptt.Train(context.Background(), a, source, p)
		require.NoError(t, err)
		mean, _, err := bptt.Evaluate(context.Background(), a, source, loss.CrossEntropy{})
		if rows > 0 {
			mean, _, err = bptt.EvaluateWithin(context.Background(), a, source, loss.CrossEntropy{}, rows)
		}
		require.NoError(t, err)
		return append(losses, mean), traintest.Weights(a)
	}
	losses, weights := run(0)
	for _, rows := range []int{300, 600} {
		got, changed := run(rows)
		require.Equal(t, losses, got, "%d rows", rows)
		traintest.Equal(t, "weights", changed, weights)
	}
	// What cannot be run so is named.
	net := traintest.Must(nn.Unroll(6, 100, traintest.Must(nn.NewLinear(4, 4, traintest.Rng(1))), nn.PoolMean{}))
	a := traintest.Must(finetune.Adapt(net, finetune.LowRank{Match: []string{"0.weight"}, Rank: 1}, traintest.Rng(1)))
	_, err := a.ReadoutBlocks(300)
	require.ErrorContains(t, err, "finetune: an adapted net: nn: stage 1 of the chain, a nn.PoolMean")
}
