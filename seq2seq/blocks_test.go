package seq2seq_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// TestReadoutRows: training and an evaluation have the same bits with a limit of the rows of
// outputs, with scheduled sampling too, whose first pass predicts block by block.
func TestReadoutRows(t *testing.T) {
	ctx := context.Background()
	for _, sampling := range []seq2seq.Decay{nil, seq2seq.LinearDecay{Start: 0.5, Slope: 0.1}} {
		s := sizes{steps: 6, source: 5, batch: 100, score: seq2seq.General, out: 7, hidden: 5, dropout: 0.2, sampling: sampling, tied: true}
		run := func(rows int) ([]float64, []float32) {
			net := build(t, s, 1)
			source := traintest.Must(data.NewPairs(pairs(150, 5, reversed), data.PairsConfig{Rows: s.batch, Begin: beginning, End: end, Shuffle: rand.NewPCG(1, 2)}))
			var losses []float64
			_, err := bptt.Train(ctx, net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.5}, ClipNorm: 1, Steps: 6, ReadoutRows: rows,
				OnStep: func(p bptt.Progress) error { losses = append(losses, p.Loss, p.Norm); return nil }})
			require.NoError(t, err)
			mean, _, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{})
			if rows > 0 {
				mean, _, err = bptt.EvaluateWithin(ctx, net, source, loss.CrossEntropy{}, rows)
			}
			require.NoError(t, err)
			return append(losses, mean), traintest.Weights(net)
		}
		losses, weights := run(0)
		for _, rows := range []int{300, 600} {
			got, changed := run(rows)
			require.Equal(t, losses, got, "sampling %v, %d rows", sampling, rows)
			traintest.Equal(t, fmt.Sprintf("sampling %v, %d rows", sampling, rows), changed, weights)
		}
	}
	_, err := nn.OverBlocks(build(t, tiny, 1), 3)
	require.ErrorContains(t, err, "seq2seq: the decoder: nn: at most 3 rows")
}
