package bptt_test

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
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
	for name, seqs := range map[string][]bptt.Sequence{
		"ids and targets": {{Steps: 3, IDs: ids(3), Targets: ids(3)}, {}, {Steps: 1, IDs: ids(1), Targets: ids(1)}},
		"ids and y":       {{Steps: 3, IDs: ids(3), Y: floats(6)}, {}, {Steps: 2, IDs: ids(2), Y: floats(4)}},
		"x and targets":   {{Steps: 3, X: floats(6), Targets: ids(3)}, {}, {Steps: 1, X: floats(2), Targets: ids(1)}},
		"x, y, targets":   {{Steps: 3, X: floats(6), Targets: ids(3), Y: floats(9)}, {}, {Steps: 1, X: floats(2), Targets: ids(1), Y: floats(3)}},
	} {
		left := make([]bptt.Sequence, len(seqs))
		for i, s := range seqs {
			s.Steps = 0
			left[i] = s
		}
		want, err := bptt.NewSequences(seqs, 2, rand.NewPCG(1, 2))
		require.NoError(t, err)
		got, err := bptt.NewSequences(left, 2, rand.NewPCG(1, 2))
		require.NoError(t, err, name)
		for range 5 {
			require.Equal(t, next(t, want, 2), next(t, got, 2), name)
		}
		position, err := want.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, got.UnmarshalBinary(position), name)
		require.Zero(t, left[0].Steps, "what the caller owns is not written")
	}

	// X and Y alone: one sequence tells the widths, before or after the others.
	for _, seqs := range [][]bptt.Sequence{
		{{X: floats(6), Y: floats(3)}, {Steps: 2, X: floats(4), Y: floats(2)}},
		{{Steps: 3, X: floats(6), Y: floats(3)}, {X: floats(4), Y: floats(2)}},
	} {
		d, err := bptt.NewSequences(seqs, 2, nil)
		require.NoError(t, err)
		require.Equal(t, "3x2 [] x[1 2 1 2 3 4 3 4 5 6 0 0] > [] y[1 1 2 2 3 0] len[3 2] r0 r1", next(t, d, 0))
	}

	// Sequences that are empty all of them give batches without steps.
	d, err := bptt.NewSequences(make([]bptt.Sequence, 2), 1, nil)
	require.NoError(t, err)
	require.Equal(t, "0x1 [] > [] len[0] r0", next(t, d, 0))
}

// TestSequencesThatContradict are refused with the number of the sequence, the
// field and both lengths.
func TestSequencesThatContradict(t *testing.T) {
	i, x := func(n int) []int32 { return make([]int32, n) }, func(n int) []float32 { return make([]float32, n) }
	good := bptt.Sequence{Steps: 2, IDs: i(2), Targets: i(2)}
	wide := bptt.Sequence{Steps: 2, X: x(6), Y: x(4)}
	for _, c := range []struct {
		seqs []bptt.Sequence
		want string
	}{
		{[]bptt.Sequence{good, {IDs: i(3), Targets: i(4)}}, "sequence 1 has 3 elements of IDs, want 1 for each of its 4 steps"},
		{[]bptt.Sequence{good, {IDs: i(4), Targets: i(3)}}, "sequence 1 has 3 elements of Targets, want 1 for each of its 4 steps"},
		{[]bptt.Sequence{{}, {Steps: 2, IDs: i(4), Targets: i(2)}}, "sequence 1 has 4 elements of IDs, want 1 for each of its 2 steps"},
		{[]bptt.Sequence{good, {Steps: math.MaxInt, IDs: i(4), Targets: i(4)}}, "sequence 1 has 4 elements of IDs, want 1 for each"},
		{[]bptt.Sequence{{Steps: 4, X: x(6), Y: x(4)}}, "sequence 0 has 6 elements of X, want a multiple of its 4 steps"},
		{[]bptt.Sequence{{Steps: 2, X: x(6), Y: x(3)}}, "sequence 0 has 3 elements of Y, want a multiple of its 2 steps"},
		{[]bptt.Sequence{{Steps: 8, X: x(6), Y: x(8)}}, "sequence 0 has 6 elements of X, want a multiple of its 8 steps"},
		{[]bptt.Sequence{wide, {X: x(6), Y: x(6)}}, "sequence 1 has 6 elements of Y, want 2 for each of its 2 steps"},
		{[]bptt.Sequence{wide, {X: x(7), Y: x(4)}}, "sequence 1 has 7 elements of X, want 3 for each of its 2 steps"},
		{[]bptt.Sequence{wide, {X: x(2), Y: x(2)}}, "sequence 1 has 2 inputs and 2 target values, which is less than one step of width 3 and 2"},
		{[]bptt.Sequence{wide, {Y: x(2)}}, "sequence 1 has 0 inputs and 2 target values"},
		{[]bptt.Sequence{wide, {Steps: 1, IDs: i(1), Y: x(2)}}, "sequence 1 has 1 elements of IDs, want 0 as in sequence 0"},
		{[]bptt.Sequence{good, {Steps: 2, IDs: i(2), Targets: i(2), Y: x(2)}}, "sequence 1 has 2 elements of Y, want 0 as in sequence 0"},
		{[]bptt.Sequence{good, {Steps: 2, IDs: i(2), Y: x(2)}}, "sequence 1 has 0 elements of Targets, want 1 for each of its 2 steps"},
		{[]bptt.Sequence{{X: x(4), Y: x(2)}}, "sequence 0 has 4 inputs and 2 target values but no Steps"},
		{[]bptt.Sequence{good, {IDs: i(2)}}, "sequence 1 has 2 steps and neither Targets nor Y"},
		{[]bptt.Sequence{good, {Targets: i(2)}}, "sequence 1 has 2 steps and neither IDs nor X"},
		{[]bptt.Sequence{good, {IDs: i(2), X: x(2), Targets: i(2)}}, "sequence 1 has 2 ids and 2 inputs"},
		{[]bptt.Sequence{good, {Steps: -2}}, "sequence 1 has -2 steps"},
	} {
		_, err := bptt.NewSequences(c.seqs, 1, nil)
		require.ErrorContains(t, err, c.want)
	}
}

// unread is Data that says its rows and must not be asked for anything else.
type unread struct {
	t    *testing.T
	rows func() int
}

func (d unread) Rows() int              { return d.rows() }
func (d unread) Rewind() error          { d.t.Error("Rewind"); return nil }
func (d unread) Next(*bptt.Batch) error { d.t.Error("Next"); return io.EOF }

// TestRowsAreThoseOfTheNet: data of other rows is refused by both numbers before it
// is asked for a batch.
func TestRowsAreThoseOfTheNet(t *testing.T) {
	seqs, err := bptt.NewSequences([]bptt.Sequence{{IDs: make([]int32, 3), Targets: make([]int32, 3)}}, 5, nil)
	require.NoError(t, err)
	text, err := bptt.NewText(make([]byte, 13), 5)
	require.NoError(t, err)
	tokens, err := bptt.NewTokens(make([]int32, 13), 5)
	require.NoError(t, err)
	refuse := func(data bptt.Data) (errs [2]error) {
		net := newLeaky(6, 2)
		_, errs[0] = bptt.NewTrainer(net, data, plan(bptt.Plan{}))
		_, _, errs[1] = bptt.Evaluate(context.Background(), net, data, bptt.CrossEntropy{})
		require.Empty(t, net.log)
		return errs
	}
	for _, data := range []bptt.Data{seqs, text, tokens, unread{t, func() int { return 5 }}} {
		for _, err := range refuse(data) {
			require.EqualError(t, err, "bptt: the data has batches of 5 rows, the net has 2; make one of them with the rows of the other")
		}
	}
	for _, err := range refuse(unread{t, func() int { panic("rows") }}) {
		var pe *bptt.PanicError
		require.ErrorAs(t, err, &pe)
		require.Equal(t, "Data.Rows", pe.Where)
	}
}

// TestSequencesAskForWhatTheyUse: rows beyond all use, and batches that no memory
// holds, are errors and not the end of the program.
func TestSequencesAskForWhatTheyUse(t *testing.T) {
	seqs := []bptt.Sequence{{IDs: make([]int32, 3), Targets: make([]int32, 3)}}
	for _, rows := range []int{1<<22/3 + 1, math.MaxInt / 1024, math.MaxInt} {
		_, err := bptt.NewSequences(seqs, rows, nil)
		require.ErrorContains(t, err, "want at most 1398101 rows")
	}
	d, err := bptt.NewSequences(seqs, 1<<16, nil)
	require.NoError(t, err)
	b := bptt.Batch{Want: 1}
	require.NoError(t, d.Next(&b))
	require.Len(t, b.IDs, 1<<16)

	many, err := bptt.NewSequences(make([]bptt.Sequence, 1<<17), 1<<17, nil)
	require.NoError(t, err, "as many rows as sequences")
	require.NoError(t, many.Next(&b))
	require.Len(t, b.Lengths, 1<<17)

	story := []bptt.Sequence{{IDs: make([]int32, 30000), Targets: make([]int32, 30000)}}
	_, err = bptt.NewSequences(story, 1<<16, nil)
	require.EqualError(t, err, "bptt: 65536 rows for 1 sequences, the longest of 30000 steps, want at most 1024 rows: all others would be empty; use at most as many rows as sequences")
	_, err = bptt.NewSequences(story, 1025, nil)
	require.ErrorContains(t, err, "1025 rows for 1 sequences, the longest of 30000 steps, want at most 1024 rows")
	_, err = bptt.NewSequences(story, 1024, nil)
	require.NoError(t, err)

	long := []bptt.Sequence{{Steps: 1 << 19, X: make([]float32, 1<<22), Targets: make([]int32, 1<<19)}}
	d, err = bptt.NewSequences(long, 1<<10, nil)
	require.NoError(t, err)
	b = bptt.Batch{}
	require.ErrorContains(t, d.Next(&b), "524288 steps of 1024 rows of width 8, want at most 262143 steps")
	b.Want = 2
	require.NoError(t, d.Next(&b), "in parts it can be had")
	require.Equal(t, 2, b.Steps)

	for _, streams := range []int{12, 1 << 30, math.MaxInt} {
		_, err := bptt.NewText(make([]byte, 12), streams)
		require.ErrorContains(t, err, "too short")
		_, err = bptt.NewTokens(make([]int32, 12), streams)
		require.ErrorContains(t, err, "too short")
	}
	text, err := bptt.NewText(make([]byte, 13), 4)
	require.NoError(t, err)
	b = bptt.Batch{Want: math.MaxInt}
	require.NoError(t, text.Next(&b))
	require.Equal(t, 3, b.Steps)
}
