package loss_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

// TestFlushed: the losses whose gradients are said to have no tiny values have none, and it is
// not said of others.
func TestFlushed(t *testing.T) {
	const steps, rows, width = 6, 3, 5
	weights := make([]float32, steps*rows)
	for p := range weights {
		weights[p] = float32(p%3) / 2
	}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, l := range []loss.Loss{
			loss.CrossEntropy{}, &loss.CrossEntropy{Smoothing: 0.25, Weights: []float32{1, 2, 0, 1e-20, 3}},
			loss.MSE{}, &loss.MSE{}, loss.MAE{}, &loss.MAE{}, loss.Huber{}, &loss.Huber{}, loss.BCE{}, &loss.BCE{},
			loss.Quantile{Levels: []float32{0.5}}, &loss.Quantile{Levels: []float32{0.5}}, loss.CTC{}, &loss.CTC{ZeroInfinity: true},
			loss.PerSequence{Of: loss.CrossEntropy{}}, &loss.PerSequence{Of: loss.MSE{}},
		} {
			require.True(t, loss.Flushed(l), "%T", l)
			large, tiny := 0, 0
			for _, by := range []float64{1, 0x1p99, 0x1p101} {
				b := &data.Batch{
					Steps: steps, Rows: rows, Lengths: []int{6, 2, 4}, Targets: traintest.DrawIDs(traintest.Rng(1), steps*rows, width),
					Weights: weights, Y: make([]float32, steps*rows*width),
				}
				switch l.(type) {
				case loss.CTC, *loss.CTC:
					b.Targets, b.Weights, b.Y = nil, nil, nil
					b.Labels = [][]int32{{1, 2}, {3}, {4, 1}}
				}
				dy := make([]float32, steps*rows*width)
				_, err := l.Loss(dy, traintest.NumbersLike(len(dy), 2), b, by, new(loss.Scratch))
				require.NoError(t, err, "%T", l)
				for i, v := range dy {
					switch {
					case math.Abs(float64(v)) >= 0x1p-100:
						large++
					case v != 0 || math.Signbit(float64(v)):
						t.Errorf("%T divided by %g: element %d of the gradient is %g", l, by, i, v)
					default:
						tiny++
					}
				}
			}
			require.Positive(t, large, "%T", l)
			require.Positive(t, tiny, "%T", l)
		}
	})
	require.False(t, loss.Flushed(opaque{loss.MSE{}}))
	require.False(t, loss.Flushed(loss.PerSequence{Of: opaque{loss.MSE{}}}))
	require.False(t, loss.Flushed((*loss.PerSequence)(nil)))
	require.False(t, loss.Flushed(struct{ loss.MSE }{}), "what embeds one may change the gradient after it")
}
