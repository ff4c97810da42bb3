package data_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/data"

	"github.com/stretchr/testify/require"
)

// numbered returns sequences whose ids are all their own number, of drawn lengths.
func numbered(n, longest int, r *rand.Rand) []data.Sequence {
	seqs := make([]data.Sequence, n)
	for i := range seqs {
		ids := make([]int32, r.IntN(longest+1))
		for t := range ids {
			ids[t] = int32(i)
		}
		seqs[i] = data.Sequence{IDs: ids, Targets: ids}
	}
	return seqs
}

// epoch returns the batches of an epoch, each as the numbers of its sequences that have
// steps, checked against seqs step by step, and the share of padding.
func epoch(t *testing.T, d data.Source, seqs []data.Sequence, want int) (batches [][]int, padding float64) {
	t.Helper()
	pairs, steps := 0, 0
	var rows []int // the numbers in the current batch, -1 for rows without
	var at int     // steps of it so far
	end := func() {
		for _, i := range rows {
			if i >= 0 {
				require.GreaterOrEqual(t, at, len(seqs[i].IDs), "sequence %d is cut off", i)
			}
		}
		batches = append(batches, slices.DeleteFunc(rows, func(i int) bool { return i < 0 }))
	}
	for {
		b := data.Batch{Want: want}
		err := d.Next(&b)
		if err == io.EOF {
			end()
			return batches[1:], float64(pairs-steps) / float64(max(1, pairs))
		}
		require.NoError(t, err)
		if b.Reset[0] {
			end()
			rows, at = slices.Repeat([]int{-1}, b.Rows), 0
		}
		pairs += b.Steps * b.Rows
		for p, id := range b.IDs {
			r, step := p%b.Rows, p/b.Rows
			if step >= b.Lengths[r] {
				if id != 0 {
					t.Fatalf("padding %d", id)
				}
				continue
			}
			steps++
			if at == 0 && step == 0 {
				rows[r] = int(id)
			}
			if rows[r] != int(id) || at+step >= len(seqs[id].IDs) {
				t.Fatalf("row %d has sequence %d at step %d, want %d", r, id, at+step, rows[r])
			}
		}
		at += b.Steps
	}
}

// once fails unless the batches have each sequence with steps once.
func once(t *testing.T, batches [][]int, seqs []data.Sequence) {
	t.Helper()
	got := slices.Concat(batches...)
	slices.Sort(got)
	var want []int
	for i, s := range seqs {
		if len(s.IDs) > 0 {
			want = append(want, i)
		}
	}
	require.Equal(t, want, got)
}

// TestBucketsHaveEverySequenceOnce, whatever their number, the rows and the sorted
// batches are, shuffled and not, in whole batches and in parts.
func TestBucketsHaveEverySequenceOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		seqs := numbered(1+r.IntN(40), 9, r)
		rows, batches, want := 1+r.IntN(7), 2+r.IntN(4), r.IntN(4)
		var shuffle *rand.PCG
		if r.IntN(3) > 0 {
			shuffle = rand.NewPCG(r.Uint64(), 0)
		}
		d, err := data.NewBuckets(seqs, rows, batches, shuffle)
		require.NoError(t, err)
		for range 3 {
			share := d.Padding()
			got, padding := epoch(t, d, seqs, want)
			once(t, got, seqs)
			require.Equal(t, padding, share)
		}
	}
}

// TestBucketsPadLittle: within the batches that are sorted together each batch's lengths
// lie between those of its neighbours, and the padding is a small part of what it is
// without.
func TestBucketsPadLittle(t *testing.T) {
	seqs := numbered(800, 60, rand.New(rand.NewPCG(5, 6)))
	plain, err := data.NewSequences(seqs, 16, rand.NewPCG(1, 2))
	require.NoError(t, err)
	buckets, err := data.NewBuckets(seqs, 16, 25, rand.NewPCG(1, 2))
	require.NoError(t, err)
	require.Greater(t, plain.Padding(), 0.4)
	require.Less(t, buckets.Padding(), 0.06)

	var last [][]int
	for range 3 {
		got, _ := epoch(t, buckets, seqs, 0)
		require.NotEqual(t, last, got, "every epoch has an order of its own")
		last = got
	}
	lengths := func(batch []int) (shortest, longest int) {
		shortest = 1 << 30
		for _, i := range batch {
			shortest, longest = min(shortest, len(seqs[i].IDs)), max(longest, len(seqs[i].IDs))
		}
		return shortest, longest
	}
	rising := 0
	for i := range last[1:] {
		if _, longest := lengths(last[i]); longest <= len(seqs[last[i+1][0]].IDs) {
			rising++
		}
	}
	require.InDelta(t, len(last)/2, rising, float64(len(last))/5, "the batches are shuffled")

	all, err := data.NewBuckets(seqs, 16, math.MaxInt, nil)
	require.NoError(t, err)
	got, _ := epoch(t, all, seqs, 0)
	before := 0
	for _, batch := range got {
		shortest, longest := lengths(batch)
		require.LessOrEqual(t, before, shortest)
		before = longest
	}
}

// TestShortBatchIsDrawn: the batch with empty rows comes last and does not always have
// the longest sequences.
func TestShortBatchIsDrawn(t *testing.T) {
	seqs := numbered(0, 1, nil)
	for i := range 10 {
		ids := slices.Repeat([]int32{int32(i)}, i+1)
		seqs = append(seqs, data.Sequence{IDs: ids, Targets: ids})
	}
	d, err := data.NewBuckets(seqs, 4, 3, rand.NewPCG(1, 2))
	require.NoError(t, err)
	seen := map[string]int{}
	for range 300 {
		got, _ := epoch(t, d, seqs, 0)
		require.Len(t, got, 3)
		seen[fmt.Sprint(got[2])]++
	}
	require.Len(t, seen, 3, "%v", seen)
	for batch, n := range seen {
		require.InDelta(t, 100, n, 30, batch)
	}
}

// TestGoldenOrders: the order for a seed is the same on every machine and in every
// version of the library.
func TestGoldenOrders(t *testing.T) {
	seqs := numbered(11, 9, rand.New(rand.NewPCG(8, 8)))
	for i := range seqs {
		seqs[i].IDs = append(seqs[i].IDs, int32(i))
		seqs[i].Targets = seqs[i].IDs
	}
	plain, err := data.NewSequences(seqs, 3, rand.NewPCG(1, 2))
	require.NoError(t, err)
	buckets, err := data.NewBuckets(seqs, 3, 2, rand.NewPCG(1, 2))
	require.NoError(t, err)
	for _, c := range []struct {
		d    data.Source
		want [2]string
	}{
		{plain, [2]string{"[[3 4 5] [10 2 0] [1 9 7] [6 8]]", "[[1 5 10] [6 3 9] [2 0 8] [4 7]]"}},
		{buckets, [2]string{"[[0 10 3] [6 1 8] [2 5 4] [9 7]]", "[[0 6 10] [9 5 7] [8 2 4] [1 3]]"}},
	} {
		for _, want := range c.want {
			got, _ := epoch(t, c.d, seqs, 0)
			require.Equal(t, want, fmt.Sprint(got))
		}
	}
}

// TestForgedBucketPositions are refused, and leave the data where it was.
func TestForgedBucketPositions(t *testing.T) {
	seqs := numbered(11, 9, rand.New(rand.NewPCG(8, 8)))
	d, err := data.NewBuckets(seqs, 3, 2, rand.NewPCG(1, 2))
	require.NoError(t, err)
	before, err := d.MarshalBinary()
	require.NoError(t, err)
	for _, c := range []struct {
		at   int
		v    uint64
		want string
	}{
		{20, 12, "the position is example 12, step 0, of 11 in batches of 3"},
		{20, 2, "the position is example 2, step 0"},
		{28, 1 << 40, "step 1099511627776"},
		{36, 3, "does not belong to 2 batches sorted together"},
		{44, 0, "the state of the shuffle in the position"},
	} {
		b := slices.Clone(before)
		binary.LittleEndian.PutUint64(b[c.at:], c.v)
		require.ErrorContains(t, d.UnmarshalBinary(b), c.want)
		after, err := d.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
	b := binary.LittleEndian.AppendUint64(nil, 0)
	require.ErrorContains(t, d.UnmarshalBinary(append(slices.Clone(before), b...)), "72 bytes, want 64")
	plain, err := data.NewSequences(seqs, 3, rand.NewPCG(1, 2))
	require.NoError(t, err)
	require.ErrorContains(t, plain.UnmarshalBinary(before), "64 bytes, want 56")
	position, err := plain.MarshalBinary()
	require.NoError(t, err)
	require.ErrorContains(t, d.UnmarshalBinary(position), "does not belong to 2 batches")

}

// TestSortingOneBatch, which pads as much as before, is refused wherever batches of similar
// lengths can be had.
func TestSortingOneBatch(t *testing.T) {
	seqs := numbered(9, 9, rand.New(rand.NewPCG(3, 6)))
	for _, n := range []int{-1, 0, 1} {
		_, err := data.NewBuckets(seqs, 3, n, nil)
		require.ErrorContains(t, err, fmt.Sprintf("data: %d batches sorted together, want at least 2", n))
	}
	for _, n := range []int{-1, 1} {
		_, err := data.NewPairs([]data.Pair{{IDs: []int32{1}, Target: []int32{2}}}, data.PairsConfig{Rows: 1, Buckets: n})
		require.ErrorContains(t, err, fmt.Sprintf("data: %d batches of pairs sorted together, want 2 or more", n))
	}
	for _, n := range []int{0, 1} {
		o := &opener{file: records(t, seqs)}
		_, err := data.NewFeed(o.open, data.FeedConfig{Rows: 3, Pool: n, ByLength: true})
		require.ErrorContains(t, err, fmt.Sprintf("ByLength and a Pool of %d, want at least 2", n))
	}
}
