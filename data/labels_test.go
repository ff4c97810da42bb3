package data_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
)

// Weights go with their steps, padded by 0; labels with their rows, whole.
func TestSequencesWithWeightsAndLabels(t *testing.T) {
	seqs := []data.Sequence{
		{X: []float32{1, 2, 3}, Y: []float32{1, 2, 3, 4, 5, 6}, Steps: 3, Weights: []float32{.1, .2, .3, .4, .5, .6}},
		{X: []float32{4}, Y: []float32{7, 8}, Steps: 1, Weights: []float32{.7, .8}},
	}
	d, err := data.NewSequences(seqs, 2, nil)
	require.NoError(t, err)
	b := data.Batch{Want: 2}
	require.NoError(t, d.Next(&b))
	require.Equal(t, []float32{.1, .2, .7, .8, .3, .4, 0, 0}, b.Weights)
	require.Nil(t, b.Labels)
	require.NoError(t, d.Next(&b))
	require.Equal(t, []float32{.5, .6, 0, 0}, b.Weights)
	require.NoError(t, b.Check(2, 2, 1, 2, false))

	for _, s := range []data.Sequence{{IDs: []int32{1, 2}, Labels: []int32{5, 5, 5}}, {IDs: []int32{1, 2, 3}}} {
		seqs := []data.Sequence{s, {IDs: []int32{4}, Labels: []int32{}}, {Labels: []int32{9}}}
		d, err := data.NewSequences(seqs, 2, nil)
		require.NoError(t, err)
		b := data.Batch{}
		require.NoError(t, d.Next(&b))
		require.Equal(t, [][]int32{s.Labels, {}}, b.Labels)
		require.Equal(t, [][]int{{len(s.IDs), 1}}, [][]int{b.Lengths})
		require.NoError(t, b.Check(3, 2, 0, 7, true), "labels in place of targets")
		require.NoError(t, d.Next(&b))
		require.Equal(t, [][]int32{{9}, nil}, b.Labels, "rows without a sequence have none")
		require.ErrorIs(t, d.Next(&b), io.EOF)
		b.Want = 1
		require.ErrorContains(t, d.Next(&b), "a sequence with Labels has")
	}

	// Other labels or weights are other sequences.
	position, err := d.MarshalBinary()
	require.NoError(t, err)
	for _, change := range []func(s *data.Sequence){
		func(s *data.Sequence) { s.Weights = []float32{.1, .2, .3, .4, .5, 7} },
		func(s *data.Sequence) { s.Labels = []int32{1} },
	} {
		others := append([]data.Sequence(nil), seqs...)
		change(&others[0])
		e, err := data.NewSequences(others, 2, nil)
		require.NoError(t, err)
		require.ErrorContains(t, e.UnmarshalBinary(position), "other sequences")
	}

	for want, s := range map[string]data.Sequence{
		"sequence 1 has 0 elements of Weights, want 1 for each of its 2": {IDs: []int32{1, 2}, Targets: []int32{0, 0}},
		"sequence 1 has 3 elements of Weights, want 1 for each of its 2": {IDs: []int32{1, 2}, Targets: []int32{0, 0}, Weights: make([]float32, 3)},
	} {
		_, err := data.NewSequences([]data.Sequence{{IDs: []int32{1}, Targets: []int32{0}, Weights: []float32{1}}, s}, 1, nil)
		require.ErrorContains(t, err, want)
	}
	_, err = data.NewSequences([]data.Sequence{{IDs: []int32{1, 2}, Targets: []int32{0, 0}, Weights: make([]float32, 3)}}, 1, nil)
	require.ErrorContains(t, err, "sequence 0 has 3 elements of Weights, want a multiple of its 2 steps")
	_, err = data.NewSequences([]data.Sequence{{IDs: []int32{1, 2}}}, 1, nil)
	require.ErrorContains(t, err, "neither Targets nor Y nor Labels")
}

func TestBatchOfWeightsAndLabels(t *testing.T) {
	b := data.Batch{Steps: 2, Rows: 3, IDs: make([]int32, 6), Targets: make([]int32, 6)}
	for n, ok := range map[int]bool{0: true, 6: true, 12: true, 5: false, 24: false} {
		b.Weights = make([]float32, n)
		err := b.Check(2, 3, 0, 2, true)
		if ok {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "weights, want 6, one for each step, or 12, one for each output")
		}
	}
	b.Weights = nil
	b.Labels = make([][]int32, 2)
	require.EqualError(t, b.Check(2, 3, 0, 2, true), "data: a batch with labels of 2 rows, want those of 3")

	b.Labels = nil
	require.Equal(t, 3, b.CountedRows())
	b.Targets = []int32{-1, 0, -1, -1, 0, 4}
	require.Equal(t, 2, b.CountedRows())
	b.Lengths = []int{2, 2, 1}
	require.Equal(t, 1, b.CountedRows())
	b.Context = 2
	require.Zero(t, b.CountedRows())
	require.Zero(t, (&data.Batch{Rows: 2}).CountedRows())

	// Steps of weight 0 are no terms; weights of elements leave no step out.
	b = data.Batch{Steps: 2, Rows: 3, Weights: []float32{0, 1, 0, 0, 0, 0x1p-100}}
	require.Equal(t, 2, b.CountedRows())
	require.Equal(t, []bool{false, true, true}, []bool{b.Term(0), b.Term(1), b.Term(5)})
	b.Targets = []int32{0, -1, 0, 0, 0, 0}
	require.Equal(t, 1, b.CountedRows())
	b.Weights = make([]float32, 12)
	require.Equal(t, 3, b.CountedRows())
}

// A Feed hands weights and labels on as Sequences does, though its reader uses its memory
// again.
func TestFeedOfWeightsAndLabels(t *testing.T) {
	seqs := []data.Sequence{
		{IDs: []int32{1, 2}, Weights: []float32{1, 2}, Labels: []int32{7, 7, 7}},
		{IDs: []int32{3}, Weights: []float32{3}},
		{IDs: []int32{4, 5, 6}, Weights: []float32{4, 5, 6}, Labels: []int32{}},
	}
	feed, err := data.NewFeed(func() (data.SequenceReader, error) { return &rewriting{seqs: seqs}, nil }, data.FeedConfig{Rows: 3})
	require.NoError(t, err)
	list, err := data.NewSequences(seqs, 3, nil)
	require.NoError(t, err)
	var got, want data.Batch
	require.NoError(t, feed.Next(&got))
	require.NoError(t, list.Next(&want))
	require.Equal(t, want, got)
	require.Equal(t, [][]int32{{7, 7, 7}, nil, {}}, got.Labels)
	require.Equal(t, []float32{1, 3, 4, 2, 0, 5, 0, 0, 6}, got.Weights)
}

// rewriting is a reader with one memory for all its sequences.
type rewriting struct {
	seqs []data.Sequence
	s    data.Sequence
}

func (r *rewriting) Next() (data.Sequence, error) {
	if len(r.seqs) == 0 {
		return data.Sequence{}, io.EOF
	}
	from := r.seqs[0]
	r.seqs = r.seqs[1:]
	s := &r.s
	s.IDs, s.Weights = append(s.IDs[:0], from.IDs...), append(s.Weights[:0], from.Weights...)
	if s.Labels = append(s.Labels[:0], from.Labels...); from.Labels == nil {
		s.Labels = nil
	} else if s.Labels == nil {
		s.Labels = []int32{}
	}
	return *s, nil
}
