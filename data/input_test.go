package data_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// TestInput: sequences stand in their rows, and the rest does not exist.
func TestInput(t *testing.T) {
	in, err := data.NewInput(3, []int32{1, 2}, nil)
	require.NoError(t, err)
	require.Equal(t, &data.Input{Steps: 2, IDs: []int32{1, 0, 0, 2, 0, 0}, Lengths: []int{2, 0, 0}}, in)
	in, err = data.NewInput(2)
	require.NoError(t, err)
	require.Equal(t, &data.Input{IDs: []int32{}, Lengths: []int{0, 0}}, in)
	_, err = data.NewInput(1, []int32{1}, []int32{2})
	require.EqualError(t, err, "data: an input of 2 sequences in 1 rows, want 1 row or more, and no more sequences")
	_, err = data.NewInput(0)
	require.ErrorContains(t, err, "in 0 rows")
	_, err = data.NewInput(2, []int32{1}, []int32{4, -2})
	require.EqualError(t, err, "data: sequence 1 of an input has id -2 at step 1, want 0 or more")
}

func ExampleNewInput() {
	in, err := data.NewInput(2, []int32{7, 8, 9}, []int32{5})
	fmt.Println(in.Steps, in.IDs, in.Lengths, err)
	// Output: 3 [7 5 8 0 9 0] [3 1] <nil>
}
