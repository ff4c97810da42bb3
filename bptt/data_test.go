package bptt_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// next returns a batch as a line of text.
func next(t *testing.T, d bptt.Data, want int) string {
	t.Helper()
	b := bptt.Batch{Want: want}
	if err := d.Next(&b); err == io.EOF {
		return "end"
	} else {
		require.NoError(t, err)
	}
	s := fmt.Sprintf("%dx%d %v", b.Steps, b.Rows, b.IDs)
	if b.X != nil {
		s += fmt.Sprintf(" x%v", b.X)
	}
	s += fmt.Sprintf(" > %v", b.Targets)
	if b.Y != nil {
		s += fmt.Sprintf(" y%v", b.Y)
	}
	if b.Lengths != nil {
		s += fmt.Sprintf(" len%v", b.Lengths)
	}
	for r, reset := range b.Reset {
		if reset {
			s += fmt.Sprintf(" r%d", r)
		}
	}
	return s
}

func TestText(t *testing.T) {
	symbols := make([]byte, 12) // two streams of 5 steps; the last symbol is left over
	ids := make([]int32, 12)
	for i := range symbols {
		symbols[i] = byte(250 + i)
		ids[i] = int32(byte(250 + i))
	}
	a, err := bptt.NewText(symbols, 2)
	require.NoError(t, err)
	b, err := bptt.NewTokens(ids, 2)
	require.NoError(t, err)
	require.Equal(t, 5, a.Steps())
	for _, d := range []bptt.Data{a, b} {
		for range 2 { // two epochs, equal
			require.Equal(t, "2x2 [250 255 251 0] > [251 0 252 1] r0 r1", next(t, d, 2))
			require.Equal(t, "1x2 [252 1] > [253 2]", next(t, d, 1))
			require.Equal(t, "2x2 [253 2 254 3] > [254 3 255 4]", next(t, d, 0))
			require.Equal(t, "end", next(t, d, 2))
		}
	}
	for _, streams := range []int{0, -1, 12} {
		_, err := bptt.NewText(symbols, streams)
		require.Error(t, err)
	}
	_, err = bptt.NewTokens(nil, 1)
	require.Error(t, err)
}

func TestSequences(t *testing.T) {
	d, err := bptt.NewSequences([]bptt.Sequence{
		{Steps: 2, IDs: []int32{1, 2}, Targets: []int32{3, -1}},
		{Steps: 0},
		{Steps: 3, IDs: []int32{4, 5, 6}, Targets: []int32{7, 8, 9}},
	}, 2, nil)
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, "2x2 [1 0 2 0] > [3 0 -1 0] len[2 0] r0 r1", next(t, d, 0))
		require.Equal(t, "2x2 [4 0 5 0] > [7 0 8 0] len[2 0] r0 r1", next(t, d, 2))
		require.Equal(t, "1x2 [6 0] > [9 0] len[1 0]", next(t, d, 2))
		require.Equal(t, "end", next(t, d, 0))
	}
	f, err := bptt.NewSequences([]bptt.Sequence{
		{Steps: 1, X: []float32{1, 2}, Y: []float32{3}},
		{Steps: 2, X: []float32{4, 5, 6, 7}, Y: []float32{8, 9}},
	}, 2, nil)
	require.NoError(t, err)
	require.Equal(t, "2x2 [] x[1 2 4 5 0 0 6 7] > [] y[3 8 0 9] len[1 2] r0 r1", next(t, f, 0))

	for name, s := range map[string][]bptt.Sequence{
		"none":       nil,
		"no inputs":  {{Steps: 1, Targets: []int32{1}}},
		"both":       {{Steps: 1, IDs: []int32{1}, X: []float32{1}, Targets: []int32{1}}},
		"no targets": {{Steps: 1, IDs: []int32{1}}},
		"short":      {{Steps: 2, IDs: []int32{1}, Targets: []int32{1, 2}}},
		"mixed":      {{Steps: 1, IDs: []int32{1}, Targets: []int32{1}}, {Steps: 1, X: []float32{1}, Targets: []int32{1}}},
		"widths":     {{Steps: 1, X: []float32{1, 2}, Y: []float32{1}}, {Steps: 1, X: []float32{1}, Y: []float32{1}}},
		"negative":   {{Steps: -1}},
	} {
		_, err := bptt.NewSequences(s, 1, nil)
		require.Error(t, err, name)
	}
}

// TestShuffle: every epoch has every sequence once, in an order of its own that
// the seed fixes.
func TestShuffle(t *testing.T) {
	var seqs []bptt.Sequence
	for i := range int32(20) {
		seqs = append(seqs, bptt.Sequence{Steps: 1, IDs: []int32{i}, Targets: []int32{i}})
	}
	orders := func(seed uint64) (out [][]int32) {
		d, err := bptt.NewSequences(seqs, 1, rand.NewPCG(seed, 0))
		require.NoError(t, err)
		for range 3 {
			var order []int32
			for {
				b := bptt.Batch{}
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
	type positioned interface {
		bptt.Data
		MarshalBinary() ([]byte, error)
		UnmarshalBinary([]byte) error
	}
	seqs := []bptt.Sequence{}
	for i := range 7 {
		seqs = append(seqs, bptt.Sequence{Steps: i, IDs: make([]int32, i), Targets: make([]int32, i)})
	}
	makers := map[string]func() positioned{
		"text":      func() positioned { d, _ := bptt.NewText([]byte("abcdefghijklmnopqrstuvw"), 2); return d },
		"tokens":    func() positioned { d, _ := bptt.NewTokens([]int32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 2); return d },
		"in order":  func() positioned { d, _ := bptt.NewSequences(seqs, 2, nil); return d },
		"shuffled":  func() positioned { d, _ := bptt.NewSequences(seqs, 2, rand.NewPCG(1, 2)); return d },
		"reordered": func() positioned { d, _ := bptt.NewSequences(seqs, 3, rand.NewPCG(1, 2)); return d },
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
				require.Equal(t, next(t, ahead, 2), next(t, e, 2), name)
			}
			again := maker()
			require.NoError(t, again.UnmarshalBinary(pos))
			require.Equal(t, next(t, again, 2), next(t, d, 2), name)

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
