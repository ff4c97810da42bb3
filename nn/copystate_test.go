package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// TestCopyStateOfPredictors: whatever stages a chain has, CopyState gives what State gives
// and, like SetState after the first one, allocates nothing.
func TestCopyStateOfPredictors(t *testing.T) {
	learned := func() *nn.LearnedState {
		return traintest.Must(nn.NewLearnedState(traintest.Unrolled(4, 4, 2, 3)))
	}
	for name, stages := range map[string][]nn.Stage{
		"layers":    {traintest.Unrolled(4, 4, 2, 3), traintest.Must(nn.NewLinear(4, 4, traintest.Rng(1))), traintest.Unrolled(4, 4, 2, 3)},
		"learned":   {learned(), traintest.Unrolled(4, 4, 2, 3)},
		"residual":  {nn.Residual{traintest.Unrolled(4, 4, 2, 3), traintest.Unrolled(4, 4, 2, 3)}, nn.Tanh},
		"attention": {traintest.Unrolled(4, 4, 2, 3), nn.AttentionPool{traintest.Must(nn.NewLinear(4, 1, traintest.Rng(1)))}},
		"pool":      {traintest.Unrolled(4, 4, 2, 3), nn.PoolMean{}},
	} {
		t.Run(name, func(t *testing.T) {
			p := traintest.Must(traintest.Must(nn.Chain(stages...)).Predictor(3))
			y, x := make([]float32, 12), traintest.NumbersLike(12, 1)
			p.Step(y, x)
			copied := p.State()
			p.Step(y, x)
			p.CopyState(copied)
			want := p.State()
			require.Len(t, copied, len(want))
			for k := range want {
				numtest.Equal(t, copied[k], want[k], "tensor %d", k)
			}
			p.Step(y, x)
			again := append([]float32(nil), y...)
			require.NoError(t, p.SetState(copied))
			p.Step(y, x)
			numtest.Equal(t, y, again)
			require.Zero(t, testing.AllocsPerRun(10, func() {
				p.CopyState(copied)
				if p.SetState(copied) != nil {
					t.Error("a state is refused")
				}
			}))
		})
	}
}
