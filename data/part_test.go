package data_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// TestPart: steps 1 and 2 of 3, and that nothing is copied.
func TestPart(t *testing.T) {
	b := data.Batch{Want: 9, Steps: 3, Rows: 2, Context: 2, IDs: []int32{0, 1, 2, 3, 4, 5}, Targets: []int32{5, 4, 3, 2, 1, 0},
		X: []float32{0, 1, 2, 3, 4, 5}, Y: []float32{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}, Weights: []float32{6, 5, 4, 3, 2, 1},
		Lengths: []int{3, 1}, Reset: []bool{true, false}}
	lengths := make([]int, 2)
	p := b.Part(1, 2, lengths)
	require.Equal(t, data.Batch{Steps: 2, Rows: 2, Context: 1, IDs: []int32{2, 3, 4, 5}, Targets: []int32{3, 2, 1, 0}, X: []float32{2, 3, 4, 5},
		Y: []float32{2, 2, 3, 3, 4, 4, 5, 5}, Weights: []float32{4, 3, 2, 1}, Lengths: []int{2, 0}}, p)
	require.Same(t, &b.IDs[2], &p.IDs[0])
	p = b.Part(0, 1, lengths)
	require.Equal(t, b.Reset, p.Reset)
	require.Equal(t, 1, p.Context)
	require.Equal(t, []int{1, 1}, p.Lengths)
	b.Lengths = nil
	require.Nil(t, b.Part(0, 1, nil).Lengths)
	require.Empty(t, (&data.Batch{}).Part(0, 0, nil).IDs)
	for _, c := range [][2]int{{-1, 1}, {0, 4}, {3, 1}, {1, -1}} {
		require.Panics(t, func() { b.Part(c[0], c[1], nil) })
	}
	b.Lengths = []int{3, 1}
	require.PanicsWithValue(t, "data: memory for 1 lengths, want 2, one for each row", func() { b.Part(0, 1, lengths[:1]) })
}
