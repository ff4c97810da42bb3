package data_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
)

var threePairs = []data.Pair{{IDs: []int32{1, 2, 3}, Target: []int32{4}}, {IDs: nil, Target: []int32{5, 6}}, {IDs: []int32{7}}}

// nextPairs returns a batch of pairs as a line of text.
func nextPairs(t *testing.T, d data.Source, want int) string {
	t.Helper()
	b := data.Batch{Want: want}
	if err := d.Next(&b); err == io.EOF {
		return "end"
	} else {
		require.NoError(t, err)
	}
	require.Equal(t, want, b.Want)
	for _, reset := range b.Reset {
		require.True(t, reset)
	}
	s := fmt.Sprintf("%dx%d %v > %v len%v from %d %v", b.Steps, b.Rows, b.IDs, b.Targets, b.Lengths, b.Source.Steps, b.Source.IDs)
	if b.Source.X != nil {
		s += fmt.Sprintf(" x%v", b.Source.X)
	}
	return s + fmt.Sprintf(" len%v", b.Source.Lengths)
}

func TestPairs(t *testing.T) {
	d := traintest.Must(data.NewPairs(threePairs, data.PairsConfig{Rows: 2, Begin: 8, End: 9}))
	require.Equal(t, 2, d.Rows())
	source, target := d.Longest()
	require.Equal(t, []int{3, 3}, []int{source, target})
	first := "3x2 [8 8 4 5 0 6] > [4 5 9 6 0 9] len[2 3] from 3 [1 0 2 0 3 0] len[3 0]"
	for range 2 {
		require.Equal(t, first, nextPairs(t, d, 0))
		require.Equal(t, "1x2 [8 0] > [9 0] len[1 0] from 1 [7 0] len[1 0]", nextPairs(t, d, 3))
		require.Equal(t, "end", nextPairs(t, d, 0))
	}
	require.Equal(t, first, nextPairs(t, d, 0))
	require.NoError(t, d.Rewind())
	require.Equal(t, first, nextPairs(t, d, 0))
	require.NoError(t, d.Rewind())
	require.ErrorContains(t, d.Next(&data.Batch{Want: 2}), "takes 3 steps, one more than its longest target, and 2 were asked for")
	require.Equal(t, first, nextPairs(t, d, 3), "after the error")

	x := traintest.Must(data.NewPairs([]data.Pair{{X: []float32{1, 2, 3, 4}, Target: []int32{0}}, {X: []float32{5, 6}}}, data.PairsConfig{Rows: 3, Width: 2, Begin: 1, End: 1}))
	require.Equal(t, "2x3 [1 1 0 0 0 0] > [0 1 0 1 0 0] len[2 1 0] from 2 [] x[1 2 5 6 0 0 3 4 0 0 0 0] len[2 1 0]", nextPairs(t, x, 0))
}

func TestPairsThatAreRefused(t *testing.T) {
	ok := data.PairsConfig{Rows: 1, Begin: 0, End: 1}
	change := func(f func(c *data.PairsConfig)) data.PairsConfig { c := ok; f(&c); return c }
	for want, c := range map[string]struct {
		pairs []data.Pair
		cfg   data.PairsConfig
	}{
		"0 pairs in 1 rows":                        {nil, ok},
		"3 pairs in 0 rows":                        {threePairs, change(func(c *data.PairsConfig) { c.Rows = 0 })},
		"1025 rows for 3 pairs, want at most 1024": {threePairs, change(func(c *data.PairsConfig) { c.Rows = 1025 })},
		"Begin -1 and End 1":                       {threePairs, change(func(c *data.PairsConfig) { c.Begin = -1 })},
		"Begin 0 and End -2":                       {threePairs, change(func(c *data.PairsConfig) { c.End = -2 })},
		"-1 batches of pairs":                      {threePairs, change(func(c *data.PairsConfig) { c.Buckets = -1 })},
		"pairs of Width -1":                        {threePairs, change(func(c *data.PairsConfig) { c.Width = -1 })},
		"pair 0 has 3 ids, want inputs":            {threePairs, change(func(c *data.PairsConfig) { c.Width = 2 })},
		"pair 1 has 1 inputs, want ids":            {[]data.Pair{{}, {X: []float32{1}}}, ok},
		"pair 0 has 3 inputs, want a multiple":     {[]data.Pair{{X: []float32{1, 2, 3}}}, change(func(c *data.PairsConfig) { c.Width = 2 })},
		"pair 0 has id -1 at step 1 of its source": {[]data.Pair{{IDs: []int32{0, -1}}}, ok},
		"pair 0 has id -3 at step 0 of its target": {[]data.Pair{{Target: []int32{-3}}}, ok},
	} {
		_, err := data.NewPairs(c.pairs, c.cfg)
		require.ErrorContains(t, err, want)
	}
	long := traintest.Must(data.NewPairs([]data.Pair{{X: make([]float32, 1<<22)}}, change(func(c *data.PairsConfig) { c.Rows, c.Width = 1024, 1<<10 })))
	require.ErrorContains(t, long.Next(&data.Batch{}), "use fewer rows")
}

// TestPositionOfPairs: a position is where the rest of a shuffled epoch, and the epochs
// after it, are the same, and is refused by other pairs.
func TestPositionOfPairs(t *testing.T) {
	list := make([]data.Pair, 7)
	for i := range list {
		list[i] = data.Pair{IDs: []int32{int32(i)}, Target: []int32{int32(i)}}
	}
	cfg := func(seed uint64) data.PairsConfig {
		return data.PairsConfig{Rows: 2, Begin: 8, End: 9, Shuffle: rand.NewPCG(seed, 0)}
	}
	d, other := traintest.Must(data.NewPairs(list, cfg(1))), traintest.Must(data.NewPairs(list, cfg(2)))
	var epochs [][]string
	for range 2 {
		var lines []string
		for line := ""; line != "end"; {
			line = nextPairs(t, d, 0)
			lines = append(lines, line)
		}
		require.Len(t, lines, 5)
		epochs = append(epochs, lines)
	}
	require.NotEqual(t, epochs[0], epochs[1])
	for k := range 5 {
		at := traintest.Must(d.MarshalBinary())
		require.NoError(t, other.UnmarshalBinary(at))
		mine, its := traintest.Must(d.MarshalBinary()), traintest.Must(other.MarshalBinary())
		require.Equal(t, mine, its)
		for range 7 {
			require.Equal(t, nextPairs(t, d, 0), nextPairs(t, other, 0), "after %d batches", k)
		}
		require.NoError(t, d.UnmarshalBinary(at))
		nextPairs(t, d, 0)
	}
	at := traintest.Must(d.MarshalBinary())
	spoilt := func(i int) []byte { b := slices.Clone(at); b[i] ^= 0x40; return b }
	change := func(f func(c *data.PairsConfig)) *data.Pairs {
		c := cfg(1)
		f(&c)
		return traintest.Must(data.NewPairs(list, c))
	}
	for want, f := range map[string]func() error{
		"of 35 bytes":                   func() error { return d.UnmarshalBinary(at[:35]) },
		"other pairs":                   func() error { return d.UnmarshalBinary(spoilt(0)) },
		"belongs to other pairs":        func() error { return d.UnmarshalBinary(spoilt(8)) },
		"66 rows, these have 2":         func() error { return d.UnmarshalBinary(spoilt(12)) },
		"of 7 in batches of 2":          func() error { return d.UnmarshalBinary(spoilt(20)) },
		"which has whole pairs":         func() error { return d.UnmarshalBinary(spoilt(28)) },
		"is shuffled, the other":        func() error { return d.UnmarshalBinary(at[:36]) },
		"the state of the shuffle":      func() error { return d.UnmarshalBinary(spoilt(36)) },
		"shuffled, the other is":        func() error { return change(func(c *data.PairsConfig) { c.Shuffle = nil }).UnmarshalBinary(at) },
		"or symbols Begin and End":      func() error { return change(func(c *data.PairsConfig) { c.Begin = 9 }).UnmarshalBinary(at) },
		"symbols Begin and End; resume": func() error { return change(func(c *data.PairsConfig) { c.End = 8 }).UnmarshalBinary(at) },
		"belong to 2 batches sorted":    func() error { return change(func(c *data.PairsConfig) { c.Buckets = 2 }).UnmarshalBinary(at) },
	} {
		require.ErrorContains(t, f(), want)
	}
	require.Error(t, d.UnmarshalBinary(at[:len(at)-1]), "a generator's state that is cut")
	require.Equal(t, at, traintest.Must(d.MarshalBinary()), "nothing has changed")
	changed := slices.Clone(list)
	changed[3].Target = []int32{6}
	require.ErrorContains(t, traintest.Must(data.NewPairs(changed, cfg(1))).UnmarshalBinary(at), "other pairs")
}

// TestBucketsOfPairs: each epoch has every pair once, sorted by the source and then by the
// target within so many batches, in another order than the epoch before; a position in it
// goes on to the same end.
func TestBucketsOfPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	list := make([]data.Pair, 23)
	for i := range list {
		list[i] = data.Pair{IDs: make([]int32, r.IntN(9)), Target: make([]int32, 1+r.IntN(5))}
		list[i].Target[0] = int32(i)
	}
	cfg := data.PairsConfig{Rows: 3, Begin: 30, End: 31, Buckets: len(list)}
	d := traintest.Must(data.NewPairs(list, cfg))
	var source, target int
	for range 8 {
		var b data.Batch
		require.NoError(t, d.Next(&b))
		for row, n := range b.Lengths {
			if n == 0 {
				continue // the last batch has two pairs
			}
			s := b.Source.Lengths[row]
			require.True(t, s > source || s == source && n >= target, "%d, %d after %d, %d", s, n, source, target)
			source, target = s, n
		}
	}
	require.Equal(t, io.EOF, d.Next(&data.Batch{}))

	cfg.Shuffle = rand.NewPCG(1, 2)
	d = traintest.Must(data.NewPairs(list, cfg))
	other := cfg
	other.Shuffle = rand.NewPCG(5, 6)
	e := traintest.Must(data.NewPairs(list, other))
	other.Shuffle, other.Buckets = rand.NewPCG(1, 2), 0
	unsorted := traintest.Must(data.NewPairs(list, other))
	of, padded := d.Padding()
	all, most := unsorted.Padding()
	require.Less(t, of, all/2)
	require.Less(t, padded, most)
	var epochs []string
	for range 2 {
		came, text := make([]bool, len(list)), ""
		for {
			require.NoError(t, e.UnmarshalBinary(traintest.Must(d.MarshalBinary())))
			line := nextPairs(t, d, 0)
			require.Equal(t, line, nextPairs(t, e, 0))
			if line == "end" {
				break
			}
			text += line
			require.NoError(t, e.UnmarshalBinary(traintest.Must(d.MarshalBinary())))
		}
		epochs = append(epochs, text)
		for {
			var b data.Batch
			if d.Next(&b) == io.EOF {
				break
			}
			for row, n := range b.Lengths {
				if n > 0 {
					id := b.Targets[row]
					require.False(t, came[id], "pair %d twice", id)
					came[id] = true
				}
			}
		}
		require.NotContains(t, came, false)
	}
	require.NotEqual(t, epochs[0], epochs[1])
}

// TestPaddingOfPairs: one pair of 3 and 2 steps beside one of 1 and 4, and an empty row.
func TestPaddingOfPairs(t *testing.T) {
	d := traintest.Must(data.NewPairs([]data.Pair{
		{IDs: []int32{1, 2, 3}, Target: []int32{4}}, {IDs: []int32{1}, Target: []int32{4, 5, 6}},
	}, data.PairsConfig{Rows: 3}))
	source, target := d.Padding()
	require.Equal(t, []float64{5. / 9, 6. / 12}, []float64{source, target})
}
