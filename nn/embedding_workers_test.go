package nn_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// TestEmbeddingWorkers: on any number of workers vectors and gradients have the same bits,
// with few symbols that come often, one of padding, widths of whole cache lines and others,
// and rows of any length.
func TestEmbeddingWorkers(t *testing.T) {
	const steps, rows, symbols = 9, 5, 4
	for _, dim := range []int{1, 15, 16, 50} {
		emb, err := nn.NewEmbedding(symbols, dim, traintest.Rng(1))
		require.NoError(t, err)
		require.NoError(t, emb.SetPaddingID(2))
		ids := traintest.DrawIDs(traintest.Rng(3), steps*rows, symbols)
		dy := traintest.NumbersLike(steps*rows*dim, 4)
		pass := func(workers int) (y, g []float32) {
			net, err := nn.Unroll(steps, rows, emb, nn.Dropout{})
			require.NoError(t, err)
			net.SetWorkers(workers)
			for range 2 { // the second one adds to the first
				y = make([]float32, steps*rows*dim)
				require.NoError(t, net.ForwardIDsLengths(y, ids, []int{9, 3, 0, 8, 5}))
				net.Backward(nil, dy)
			}
			net.EachParam(func(_ string, _, grad []float32) { g = slices.Clone(grad) })
			return y, g
		}
		y, g := pass(1)
		require.Zero(t, slices.Max(g[2*dim:3*dim]), "padding")
		numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
			for _, workers := range []int{2, 3, 7} {
				y2, g2 := pass(workers)
				numtest.Equal(t, y2, y, "vectors of width %d on %v, %d workers", dim, isa, workers)
				numtest.Equal(t, g2, g, "gradients of width %d on %v, %d workers", dim, isa, workers)
			}
		})
	}
}
