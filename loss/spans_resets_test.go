package loss_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// TestSpansEndWhereARowBeginsAnew: at a step that counts, at one that does not, and after the
// last step that does.
func TestSpansEndWhereARowBeginsAnew(t *testing.T) {
	tags := []string{"O", "B-x", "I-x"}
	for _, c := range []struct {
		targets       []int32
		resets        []int
		found, labels int64
	}{
		{[]int32{1, 2, 2, 2}, nil, 1, 1},
		{[]int32{1, 2, 2, 2}, []int{2}, 2, 2},
		{[]int32{1, 2, 2, 2}, []int{0, 1, 2, 3}, 4, 4},
		{[]int32{1, -1, 2, 2}, []int{1}, 2, 2},
		{[]int32{1, 2, 2, -1}, []int{3}, 2, 2},
	} {
		m, err := loss.NewSpans(tags)
		require.NoError(t, err)
		y := make([]float32, 4*3)
		for p, id := range c.targets {
			y[p*3+int(max(0, id))] = 1
		}
		b := &data.Batch{Steps: 4, Rows: 1, Targets: c.targets}
		if c.resets != nil {
			b.Resets = [][]int{c.resets}
		}
		require.NoError(t, m.Add(y, b))
		require.NoError(t, m.Add([]float32{0, 0, 1}, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{2}}))
		require.Equal(t, loss.Scores{Labelled: c.labels, Found: c.found, Right: c.labels}, m.Scores(), "%v, %v", c.targets, c.resets)
		require.ErrorContains(t, m.Add(y, &data.Batch{Steps: 4, Rows: 1, Targets: c.targets, Resets: make([][]int, 2)}), "resets of 2 rows")
	}
}
