package finetune_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// around is a net with a Backward of its own around that of adapters.
type around struct {
	*finetune.Adapted
	calls int
}

func (n *around) Backward(dx, dy []float32) { n.calls++; n.Adapted.Backward(dx, dy) }

// TestBackwardFlushed: adapters have the same gradients by it, and a net around them goes back by
// its own Backward.
func TestBackwardFlushed(t *testing.T) {
	s := traintest.Small
	dy, ids := traintest.NumbersLike(s.Steps*s.Batch*s.Vocabulary, 4), traintest.DrawIDs(traintest.Rng(3), s.Steps*s.Batch, s.Vocabulary)
	y, grads := make([]float32, len(dy)), [3][][]float32{}
	for i := range grads {
		_, a := adapted(t, 1, s, matrices)
		net := &around{Adapted: a}
		require.NoError(t, a.ForwardIDs(y, ids))
		switch i {
		case 0:
			a.Backward(nil, dy)
		case 1:
			nn.BackwardFlushed(a, nil, dy)
		default:
			nn.BackwardFlushed(net, nil, dy)
			require.Equal(t, 1, net.calls)
		}
		a.EachParam(func(_ string, _, g []float32) { grads[i] = append(grads[i], g) })
	}
	require.Equal(t, grads[0], grads[1])
	require.Equal(t, grads[0], grads[2])
}
