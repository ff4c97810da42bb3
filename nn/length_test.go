package nn_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/nn"
)

// ends is a stage that notes the steps of each row while Forward runs.
type ends struct{ seen *[]int }

type endsNet struct {
	nn.Stateless
	seen  *[]int
	batch int
}

func (ends) Dims() (steps, batch, in, out int) { return 0, 0, 1, 1 }

func (e ends) Bind(b *nn.Binding) (nn.Net, error) {
	return &endsNet{b.Stateless(b.Width), e.seen, b.Batch}, nil
}

func (n *endsNet) Forward(y, x []float32) {
	copy(y, x)
	n.ClearPadding(y, 1)
	*n.seen = nil
	for b := range n.batch {
		*n.seen = append(*n.seen, n.Length(b))
	}
}

func (n *endsNet) Backward(dx, dy []float32) { copy(dx, dy) }

// A stage of a program knows, in Forward, where each row ends: by its length, or with the window.
func TestStatelessLength(t *testing.T) {
	var seen []int
	m, err := nn.Infer(4, 3, ends{&seen})
	require.NoError(t, err)
	y, x := make([]float32, 12), slices.Repeat([]float32{1}, 12)
	require.NoError(t, m.ForwardLengths(y, x, []int{4, 0, 2}))
	require.Equal(t, []int{4, 0, 2}, seen)
	require.NoError(t, m.SetLengths(nil))
	m.Forward(y[:9], x[:9])
	require.Equal(t, []int{3, 3, 3}, seen)
}
