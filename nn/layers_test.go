package nn_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"
)

// TestInitialValues: the distributions of PyTorch, the seed's bits, and zeros
// where they are asked for.
func TestInitialValues(t *testing.T) {
	emb := traintest.Must(nn.NewEmbedding(301, 333, traintest.Rng(5)))
	sum, squares, tails := 0.0, 0.0, 0
	for _, w := range emb.Weight {
		sum += float64(w)
		squares += float64(w) * float64(w)
		if w > 2 || w < -2 {
			tails++
		}
	}
	n := float64(len(emb.Weight))
	require.InDelta(t, 0, sum/n, 4/math.Sqrt(n))
	require.InDelta(t, 1, squares/n, 4*math.Sqrt(2/n))
	require.InDelta(t, 0.0455, float64(tails)/n, 0.003)
	require.Equal(t, emb.Weight, traintest.Must(nn.NewEmbedding(301, 333, traintest.Rng(5))).Weight)

	lin := traintest.Must(nn.NewLinear(100, 900, traintest.Rng(5)))
	low, high, mean := float32(0), float32(0), 0.0
	for _, w := range append(lin.Weight, lin.Bias...) {
		low, high = min(low, w), max(high, w)
		mean += float64(w) / 91000
	}
	require.InDelta(t, -0.1, low, 1e-4)
	require.InDelta(t, 0.1, high, 1e-4)
	require.InDelta(t, 0, mean, 1e-3)
	require.Equal(t, &nn.Linear{Weight: make([]float32, 6), Bias: make([]float32, 3), In: 2, Out: 3}, traintest.Must(nn.NewZeroLinear(2, 3)))
	require.Equal(t, &nn.Embedding{Weight: make([]float32, 6), Vocabulary: 2, Dim: 3}, traintest.Must(nn.NewZeroEmbedding(2, 3)))
}

// TestBadID leaves the state as it was.
func TestBadID(t *testing.T) {
	net := traintest.LanguageModel(t, 1, traintest.Small)
	y := make([]float32, 3*13)
	require.NoError(t, net.ForwardIDs(y, []int32{1, 2, 3}))
	before := net.State()
	for _, bad := range []int32{-1, 13, math.MaxInt32, math.MinInt32} {
		var id *data.IDError
		require.ErrorAs(t, net.ForwardIDs(y, []int32{1, bad, 3}), &id)
		require.Equal(t, bad, id.ID)
		require.Equal(t, 1, id.Row)
	}
	require.Equal(t, before, net.State())
}
