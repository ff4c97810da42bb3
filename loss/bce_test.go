package loss_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

// TestAnswersOfBCE: a target that is no probability is an error that names its place, with
// nothing written; what does not count, and what roundings leave, is none.
func TestAnswersOfBCE(t *testing.T) {
	const steps, rows = 40, 3
	inf := float32(math.Inf(1))
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, width := range []int{1, 88, 2100} { // one block, several of several pairs, one for each pair
			var s loss.Scratch
			n := steps * rows * width
			y, dy := make([]float32, n), make([]float32, n)
			b := &data.Batch{Steps: steps, Rows: rows, Y: make([]float32, n)}
			at := (31*rows+2)*width + width/2 // of step 31, row 2
			for _, answer := range []float32{127, -1, inf, -inf, 1 + 0x1p-15, -0x1p-15, math.MaxFloat32} {
				b.Y[at] = answer
				dy[at] = 7
				_, err := loss.BCE{}.Loss(dy, y, b, 0, &s)
				require.ErrorContains(t, err, "loss: BCE: the target of output ")
				require.ErrorContains(t, err, " at step 31, row 2 is ")
				require.ErrorContains(t, err, ", want 0 to 1; scale the targets, or give what does not count a weight of 0")
				require.Equal(t, float32(7), dy[at])
				if width > 2048 {
					_, of := new(loss.Blocks).Begin(&loss.BCE{PerStep: true}, b, width, 0, &s)
					require.EqualError(t, of, err.Error())
				}
				weights := make([]float32, n)
				for i := range weights {
					weights[i] = 1
				}
				weights[at] = 0
				of := data.Batch{Steps: steps, Rows: rows, Y: b.Y, Targets: make([]int32, steps*rows)}
				of.Targets[31*rows+2] = -1
				for _, left := range []data.Batch{
					{Steps: steps, Rows: rows, Y: b.Y, Lengths: []int{40, 40, 31}},
					{Steps: steps, Rows: rows, Y: b.Y, Context: 32},
					{Steps: steps, Rows: rows, Y: b.Y, Weights: weights}, of,
				} {
					_, err := loss.BCE{}.Loss(dy, y, &left, 0, &s)
					require.NoError(t, err)
					require.Zero(t, dy[at])
				}
			}
			b.Y[at] = nan
			total, err := loss.BCE{}.Loss(dy, y, b, 0, &s)
			require.NoError(t, err, "what to do about NaN is said by Plan.SkipNonFinite")
			require.True(t, math.IsNaN(total.Sum) && dy[at] != dy[at])
			for _, answer := range []float32{0, float32(math.Copysign(0, -1)), 1, 0.25, 1 + 0x1p-16, -0x1p-16, 1e-40} {
				b.Y[at] = answer
				_, err := loss.BCE{}.Loss(dy, y, b, 0, &s)
				require.NoError(t, err)
			}
		}
	})
}
