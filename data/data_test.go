package data_test

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

func TestText(t *testing.T) {
	symbols := make([]byte, 12) // two streams of 5 steps; the last symbol is left over
	ids := make([]int32, 12)
	for i := range symbols {
		symbols[i] = byte(250 + i)
		ids[i] = int32(byte(250 + i))
	}
	a, err := data.NewText(symbols, 2)
	require.NoError(t, err)
	b, err := data.NewTokens(ids, 2)
	require.NoError(t, err)
	require.Equal(t, 5, a.Steps())
	for _, d := range []data.Source{a, b} {
		for range 2 { // two epochs, equal
			require.Equal(t, "2x2 [250 255 251 0] > [251 0 252 1] r0 r1", traintest.Next(t, d, 2))
			require.Equal(t, "1x2 [252 1] > [253 2]", traintest.Next(t, d, 1))
			require.Equal(t, "2x2 [253 2 254 3] > [254 3 255 4]", traintest.Next(t, d, 0))
			require.Equal(t, "end", traintest.Next(t, d, 2))
		}
	}
	for _, streams := range []int{0, -1, 12} {
		_, err := data.NewText(symbols, streams)
		require.Error(t, err)
	}
	_, err = data.NewTokens(nil, 1)
	require.Error(t, err)
}

func TestSequences(t *testing.T) {
	d, err := data.NewSequences([]data.Sequence{
		{Steps: 2, IDs: []int32{1, 2}, Targets: []int32{3, -1}},
		{Steps: 0},
		{Steps: 3, IDs: []int32{4, 5, 6}, Targets: []int32{7, 8, 9}},
	}, 2, nil)
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, "2x2 [1 0 2 0] > [3 0 -1 0] len[2 0] r0 r1", traintest.Next(t, d, 0))
		require.Equal(t, "2x2 [4 0 5 0] > [7 0 8 0] len[2 0] r0 r1", traintest.Next(t, d, 2))
		require.Equal(t, "1x2 [6 0] > [9 0] len[1 0]", traintest.Next(t, d, 2))
		require.Equal(t, "end", traintest.Next(t, d, 0))
	}
	f, err := data.NewSequences([]data.Sequence{
		{Steps: 1, X: []float32{1, 2}, Y: []float32{3}},
		{Steps: 2, X: []float32{4, 5, 6, 7}, Y: []float32{8, 9}},
	}, 2, nil)
	require.NoError(t, err)
	require.Equal(t, "2x2 [] x[1 2 4 5 0 0 6 7] > [] y[3 8 0 9] len[1 2] r0 r1", traintest.Next(t, f, 0))

	for name, s := range map[string][]data.Sequence{
		"none":       nil,
		"no inputs":  {{Steps: 1, Targets: []int32{1}}},
		"both":       {{Steps: 1, IDs: []int32{1}, X: []float32{1}, Targets: []int32{1}}},
		"no targets": {{Steps: 1, IDs: []int32{1}}},
		"short":      {{Steps: 2, IDs: []int32{1}, Targets: []int32{1, 2}}},
		"mixed":      {{Steps: 1, IDs: []int32{1}, Targets: []int32{1}}, {Steps: 1, X: []float32{1}, Targets: []int32{1}}},
		"widths":     {{Steps: 1, X: []float32{1, 2}, Y: []float32{1}}, {Steps: 1, X: []float32{1}, Y: []float32{1}}},
		"negative":   {{Steps: -1}},
	} {
		_, err := data.NewSequences(s, 1, nil)
		require.Error(t, err, name)
	}
}

// TestShuffle: every epoch has every sequence once, in an order of its own that
// the seed fixes.
func TestShuffle(t *testing.T) {
	var seqs []data.Sequence
	for i := range int32(20) {
		seqs = append(seqs, data.Sequence{Steps: 1, IDs: []int32{i}, Targets: []int32{i}})
	}
	orders := func(seed uint64) (out [][]int32) {
		d, err := data.NewSequences(seqs, 1, rand.NewPCG(seed, 0))
		require.NoError(t, err)
		for range 3 {
			var order []int32
			for {
				b := data.Batch{}
				if d.Next(&b) == io.EOF {
					break
				}
				order = append(order, b.IDs[0])
			}
			out = append(out, order)
		}
		return out
	}
	a := orders(1)
	require.Equal(t, a, orders(1))
	require.NotEqual(t, a, orders(2))
	require.NotEqual(t, a[0], a[1])
	for _, order := range a {
		seen := map[int32]bool{}
		for _, id := range order {
			seen[id] = true
		}
		require.Len(t, seen, len(seqs))
	}
}

// TestPositions takes the position at every batch of two epochs and goes on from
// it in data of its own.
func TestPositions(t *testing.T) {
	seqs := []data.Sequence{}
	for i := range 7 {
		seqs = append(seqs, data.Sequence{Steps: i, IDs: make([]int32, i), Targets: make([]int32, i)})
	}
	makers := map[string]func() positioned{
		"text":      func() positioned { d, _ := data.NewText([]byte("abcdefghijklmnopqrstuvw"), 2); return d },
		"tokens":    func() positioned { d, _ := data.NewTokens([]int32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 2); return d },
		"in order":  func() positioned { d, _ := data.NewSequences(seqs, 2, nil); return d },
		"shuffled":  func() positioned { d, _ := data.NewSequences(seqs, 2, rand.NewPCG(1, 2)); return d },
		"reordered": func() positioned { d, _ := data.NewSequences(seqs, 3, rand.NewPCG(1, 2)); return d },
		"buckets":   func() positioned { d, _ := data.NewBuckets(seqs, 2, 2, rand.NewPCG(1, 2)); return d },
		"larger":    func() positioned { d, _ := data.NewBuckets(seqs, 2, 3, rand.NewPCG(1, 2)); return d },
		"sorted":    func() positioned { d, _ := data.NewBuckets(seqs, 2, 2, nil); return d },
	}
	for name, maker := range makers {
		d := maker()
		for range 20 {
			pos, err := d.MarshalBinary()
			require.NoError(t, err)
			e := maker()
			require.NoError(t, e.UnmarshalBinary(pos))
			ahead := maker()
			require.NoError(t, ahead.UnmarshalBinary(pos))
			for range 9 {
				require.Equal(t, traintest.Next(t, ahead, 2), traintest.Next(t, e, 2), name)
			}
			again := maker()
			require.NoError(t, again.UnmarshalBinary(pos))
			require.Equal(t, traintest.Next(t, again, 2), traintest.Next(t, d, 2), name)

			for n := range pos {
				require.Error(t, maker().UnmarshalBinary(pos[:n]), "%s: %d bytes", name, n)
			}
			for other, maker := range makers {
				if other != name {
					require.Error(t, maker().UnmarshalBinary(pos), "%s in %s", name, other)
				}
			}
		}
	}
}
