package data_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

// TestStepsLeftOut: Steps that are left out follow from the slices, and the data is
// that of the same sequences with their Steps, positions included.
func TestStepsLeftOut(t *testing.T) {
	ids := func(n int) (s []int32) {
		for i := range n {
			s = append(s, int32(i+1))
		}
		return s
	}
	floats := func(n int) (s []float32) {
		for i := range n {
			s = append(s, float32(i+1))
		}
		return s
	}
	for name, seqs := range map[string][]data.Sequence{
		"ids and targets": {{Steps: 3, IDs: ids(3), Targets: ids(3)}, {}, {Steps: 1, IDs: ids(1), Targets: ids(1)}},
		"ids and y":       {{Steps: 3, IDs: ids(3), Y: floats(6)}, {}, {Steps: 2, IDs: ids(2), Y: floats(4)}},
		"x and targets":   {{Steps: 3, X: floats(6), Targets: ids(3)}, {}, {Steps: 1, X: floats(2), Targets: ids(1)}},
		"x, y, targets":   {{Steps: 3, X: floats(6), Targets: ids(3), Y: floats(9)}, {}, {Steps: 1, X: floats(2), Targets: ids(1), Y: floats(3)}},
	} {
		left := make([]data.Sequence, len(seqs))
		for i, s := range seqs {
			s.Steps = 0
			left[i] = s
		}
		want, err := data.NewSequences(seqs, 2, rand.NewPCG(1, 2))
		require.NoError(t, err)
		got, err := data.NewSequences(left, 2, rand.NewPCG(1, 2))
		require.NoError(t, err, name)
		for range 5 {
			require.Equal(t, traintest.Next(t, want, 2), traintest.Next(t, got, 2), name)
		}
		position, err := want.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, got.UnmarshalBinary(position), name)
		require.Zero(t, left[0].Steps, "what the caller owns is not written")
	}

	// X and Y alone: one sequence tells the widths, before or after the others.
	for _, seqs := range [][]data.Sequence{
		{{X: floats(6), Y: floats(3)}, {Steps: 2, X: floats(4), Y: floats(2)}},
		{{Steps: 3, X: floats(6), Y: floats(3)}, {X: floats(4), Y: floats(2)}},
	} {
		d, err := data.NewSequences(seqs, 2, nil)
		require.NoError(t, err)
		require.Equal(t, "3x2 [] x[1 2 1 2 3 4 3 4 5 6 0 0] > [] y[1 1 2 2 3 0] len[3 2] r0 r1", traintest.Next(t, d, 0))
	}

	// Sequences that are empty all of them give batches without steps.
	d, err := data.NewSequences(make([]data.Sequence, 2), 1, nil)
	require.NoError(t, err)
	require.Equal(t, "0x1 [] > [] len[0] r0", traintest.Next(t, d, 0))
}

// TestSequencesThatContradict are refused with the number of the sequence, the
// field and both lengths.
func TestSequencesThatContradict(t *testing.T) {
	i, x := func(n int) []int32 { return make([]int32, n) }, func(n int) []float32 { return make([]float32, n) }
	good := data.Sequence{Steps: 2, IDs: i(2), Targets: i(2)}
	wide := data.Sequence{Steps: 2, X: x(6), Y: x(4)}
	for _, c := range []struct {
		seqs []data.Sequence
		want string
	}{
		{[]data.Sequence{good, {IDs: i(3), Targets: i(4)}}, "sequence 1 has 3 elements of IDs, want 1 for each of its 4 steps"},
		{[]data.Sequence{good, {IDs: i(4), Targets: i(3)}}, "sequence 1 has 3 elements of Targets, want 1 for each of its 4 steps"},
		{[]data.Sequence{{}, {Steps: 2, IDs: i(4), Targets: i(2)}}, "sequence 1 has 4 elements of IDs, want 1 for each of its 2 steps"},
		{[]data.Sequence{good, {Steps: math.MaxInt, IDs: i(4), Targets: i(4)}}, "sequence 1 has 4 elements of IDs, want 1 for each"},
		{[]data.Sequence{{Steps: 4, X: x(6), Y: x(4)}}, "sequence 0 has 6 elements of X, want a multiple of its 4 steps"},
		{[]data.Sequence{{Steps: 2, X: x(6), Y: x(3)}}, "sequence 0 has 3 elements of Y, want a multiple of its 2 steps"},
		{[]data.Sequence{{Steps: 8, X: x(6), Y: x(8)}}, "sequence 0 has 6 elements of X, want a multiple of its 8 steps"},
		{[]data.Sequence{wide, {X: x(6), Y: x(6)}}, "sequence 1 has 6 elements of Y, want 2 for each of its 2 steps"},
		{[]data.Sequence{wide, {X: x(7), Y: x(4)}}, "sequence 1 has 7 elements of X, want 3 for each of its 2 steps"},
		{[]data.Sequence{wide, {X: x(2), Y: x(2)}}, "sequence 1 has 2 inputs and 2 target values, which is less than one step of width 3 and 2"},
		{[]data.Sequence{wide, {Y: x(2)}}, "sequence 1 has 0 inputs and 2 target values"},
		{[]data.Sequence{wide, {Steps: 1, IDs: i(1), Y: x(2)}}, "sequence 1 has 1 elements of IDs, want 0 as in sequence 0"},
		{[]data.Sequence{good, {Steps: 2, IDs: i(2), Targets: i(2), Y: x(2)}}, "sequence 1 has 2 elements of Y, want 0 as in sequence 0"},
		{[]data.Sequence{good, {Steps: 2, IDs: i(2), Y: x(2)}}, "sequence 1 has 0 elements of Targets, want 1 for each of its 2 steps"},
		{[]data.Sequence{{X: x(4), Y: x(2)}}, "sequence 0 has 4 inputs and 2 target values but no Steps"},
		{[]data.Sequence{good, {IDs: i(2)}}, "sequence 1 has 2 steps and neither Targets nor Y"},
		{[]data.Sequence{good, {Targets: i(2)}}, "sequence 1 has 2 steps and neither IDs nor X"},
		{[]data.Sequence{good, {IDs: i(2), X: x(2), Targets: i(2)}}, "sequence 1 has 2 ids and 2 inputs"},
		{[]data.Sequence{good, {Steps: -2}}, "sequence 1 has -2 steps"},
	} {
		_, err := data.NewSequences(c.seqs, 1, nil)
		require.ErrorContains(t, err, c.want)
	}
}

// TestSequencesAskForWhatTheyUse: rows beyond all use, and batches that no memory
// holds, are errors and not the end of the program.
func TestSequencesAskForWhatTheyUse(t *testing.T) {
	seqs := []data.Sequence{{IDs: make([]int32, 3), Targets: make([]int32, 3)}}
	for _, rows := range []int{1<<22/3 + 1, math.MaxInt / 1024, math.MaxInt} {
		_, err := data.NewSequences(seqs, rows, nil)
		require.ErrorContains(t, err, "want at most 1398101 rows")
	}
	d, err := data.NewSequences(seqs, 1<<16, nil)
	require.NoError(t, err)
	b := data.Batch{Want: 1}
	require.NoError(t, d.Next(&b))
	require.Len(t, b.IDs, 1<<16)

	many, err := data.NewSequences(make([]data.Sequence, 1<<17), 1<<17, nil)
	require.NoError(t, err, "as many rows as sequences")
	require.NoError(t, many.Next(&b))
	require.Len(t, b.Lengths, 1<<17)

	story := []data.Sequence{{IDs: make([]int32, 30000), Targets: make([]int32, 30000)}}
	_, err = data.NewSequences(story, 1<<16, nil)
	require.EqualError(t, err, "data: 65536 rows for 1 sequences, the longest of 30000 steps, want at most 1024 rows: all others would be empty; use at most as many rows as sequences")
	_, err = data.NewSequences(story, 1025, nil)
	require.ErrorContains(t, err, "1025 rows for 1 sequences, the longest of 30000 steps, want at most 1024 rows")
	_, err = data.NewSequences(story, 1024, nil)
	require.NoError(t, err)

	long := []data.Sequence{{Steps: 1 << 19, X: make([]float32, 1<<22), Targets: make([]int32, 1<<19)}}
	d, err = data.NewSequences(long, 1<<10, nil)
	require.NoError(t, err)
	b = data.Batch{}
	require.ErrorContains(t, d.Next(&b), "524288 steps of 1024 rows of width 8, want at most 262143 steps")
	b.Want = 2
	require.NoError(t, d.Next(&b), "in parts it can be had")
	require.Equal(t, 2, b.Steps)

	for _, streams := range []int{12, 1 << 30, math.MaxInt} {
		_, err := data.NewText(make([]byte, 12), streams)
		require.ErrorContains(t, err, "too short")
		_, err = data.NewTokens(make([]int32, 12), streams)
		require.ErrorContains(t, err, "too short")
	}
	text, err := data.NewText(make([]byte, 13), 4)
	require.NoError(t, err)
	b = data.Batch{Want: math.MaxInt}
	require.NoError(t, text.Next(&b))
	require.Equal(t, 3, b.Steps)
}
