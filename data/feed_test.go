package data_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

// records returns the file of seqs.
func records(t testing.TB, seqs []data.Sequence) []byte {
	t.Helper()
	var b bytes.Buffer
	w := data.NewRecordWriter(&b)
	for _, s := range seqs {
		require.NoError(t, w.Write(s))
	}
	require.NoError(t, w.Close())
	require.NoError(t, w.Close(), "once more does nothing")
	return b.Bytes()
}

// opener counts what it opens and what is closed, and fails where it is told to.
type opener struct {
	file           []byte
	opened, closed int
	fail           error // of open
	after          int   // sequences until broken is returned
	broken         error
}

type counted struct {
	*data.Records
	o *opener
	n int
}

func (o *opener) open() (data.SequenceReader, error) {
	if o.fail != nil {
		return nil, o.fail
	}
	r, err := data.NewRecords(bytes.NewReader(o.file))
	if err != nil {
		return nil, err
	}
	o.opened++
	return &counted{Records: r, o: o}, nil
}

func (c *counted) Next() (data.Sequence, error) {
	if c.n++; c.o.broken != nil && c.n > c.o.after {
		return data.Sequence{}, c.o.broken
	}
	return c.Records.Next()
}

func (c *counted) Close() error {
	c.o.closed++
	return c.Records.Close()
}

// TestFeedsHaveEverySequenceOnce, for any number of sequences, rows and batches of a pool.
func TestFeedsHaveEverySequenceOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 60 {
		seqs := numbered(1+r.IntN(40), 9, r)
		o := &opener{file: records(t, seqs)}
		cfg := data.FeedConfig{Rows: 1 + r.IntN(6), Pool: r.IntN(5)}
		cfg.ByLength = cfg.Pool > 1 && r.IntN(2) == 0
		if r.IntN(3) > 0 {
			cfg.Shuffle = rand.NewPCG(r.Uint64(), 0)
		}
		d, err := data.NewFeed(o.open, cfg)
		require.NoError(t, err)
		require.Equal(t, cfg.Rows, d.Rows())
		for range 3 {
			got, _ := epoch(t, d, seqs, r.IntN(4))
			once(t, got, seqs)
		}
		require.Equal(t, 3, o.opened)
		require.Equal(t, 3, o.closed)
	}
}

// TestAFeedOfOnePoolIsSequences, to the bit, whatever the sequences have.
func TestAFeedOfOnePoolIsSequences(t *testing.T) {
	f := func(n int) (v []float32) {
		for i := range n {
			v = append(v, float32(i)+0.5)
		}
		return v
	}
	for _, seqs := range [][]data.Sequence{
		numbered(17, 9, rand.New(rand.NewPCG(1, 1))),
		{{}, {Steps: 3, X: f(6), Y: f(3)}, {X: f(4), Y: f(2)}, {X: f(2), Y: f(1)}},
		{{X: f(3), Targets: []int32{-1, 0, 7}}, {X: f(1), Targets: []int32{5}}, {}},
		{{IDs: []int32{1, 2}, Targets: []int32{-1, 0}, Y: f(6)}},
	} {
		for _, sorted := range []bool{false, true} {
			var want *data.Sequences
			var err error
			if sorted {
				want, err = data.NewBuckets(seqs, 2, 10, rand.NewPCG(1, 2))
			} else {
				want, err = data.NewSequences(seqs, 2, rand.NewPCG(1, 2))
			}
			require.NoError(t, err)
			d, err := data.NewFeed((&opener{file: records(t, seqs)}).open, data.FeedConfig{Rows: 2, Pool: 10, ByLength: sorted, Shuffle: rand.NewPCG(1, 2)})
			require.NoError(t, err)
			for range 20 {
				w := traintest.Next(t, want, 2)
				require.Equal(t, w, traintest.Next(t, d, 2))
				if w == "end" {
					require.NoError(t, d.Rewind()) // nothing at the beginning
				} else {
					require.Equal(t, want.Padding(), d.Padding())
				}
			}
		}
	}
}

// TestFeedPositions takes the position at every batch of three epochs and goes on from
// it in another Feed, and back in this one.
func TestFeedPositions(t *testing.T) {
	seqs := numbered(23, 5, rand.New(rand.NewPCG(2, 2)))
	o := &opener{file: records(t, seqs)}
	makers := map[string]func() *data.Feed{}
	maker := func(name string, cfg data.FeedConfig, shuffled bool) {
		makers[name] = func() *data.Feed {
			cfg := cfg
			if shuffled {
				cfg.Shuffle = rand.NewPCG(4, 5)
			}
			d, err := data.NewFeed(o.open, cfg)
			require.NoError(t, err)
			return d
		}
	}
	maker("in order", data.FeedConfig{Rows: 3}, false)
	maker("sorted", data.FeedConfig{Rows: 3, Pool: 2, ByLength: true}, false)
	maker("shuffled", data.FeedConfig{Rows: 3, Pool: 2}, true)
	maker("larger", data.FeedConfig{Rows: 3, Pool: 3}, true)
	maker("rows", data.FeedConfig{Rows: 2, Pool: 3}, true)
	maker("buckets", data.FeedConfig{Rows: 3, Pool: 2, ByLength: true}, true)
	for name, maker := range makers {
		d, ahead := maker(), maker()
		for i := range 45 {
			if testing.Short() && i%3 != 1 {
				traintest.Next(t, d, 2)
				traintest.Next(t, ahead, 2)
				continue
			}
			position, err := d.MarshalBinary()
			require.NoError(t, err)
			e := maker()
			require.NoError(t, e.UnmarshalBinary(position))
			again, err := e.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, position, again)
			for range 12 {
				require.Equal(t, traintest.Next(t, d, 2), traintest.Next(t, e, 2), name)
			}
			require.NoError(t, d.UnmarshalBinary(position))
			require.Equal(t, traintest.Next(t, ahead, 2), traintest.Next(t, d, 2), name)
			if i%20 != 7 {
				continue
			}
			for n := range position {
				require.Error(t, e.UnmarshalBinary(position[:n]))
				damaged := slices.Clone(position)
				damaged[n] ^= 1
				if n < 77 {
					require.Error(t, e.UnmarshalBinary(damaged))
				}
			}
			for other, maker := range makers {
				if other != name {
					require.Error(t, maker().UnmarshalBinary(position), "%s in %s", name, other)
				}
			}
		}
	}
	require.Positive(t, o.opened)
}

// TestFeedRewinds to the beginning of the epoch, in whichever pool it is.
func TestFeedRewinds(t *testing.T) {
	seqs := numbered(23, 5, rand.New(rand.NewPCG(2, 2)))
	o := &opener{file: records(t, seqs)}
	d, err := data.NewFeed(o.open, data.FeedConfig{Rows: 2, Pool: 3, Shuffle: rand.NewPCG(4, 5)})
	require.NoError(t, err)
	for range 2 {
		var all []string
		for n := 0; ; n++ {
			require.NoError(t, d.Rewind())
			for i := range n {
				if s := traintest.Next(t, d, 0); i < len(all) {
					require.Equal(t, all[i], s)
				} else {
					all = append(all, s)
				}
			}
			if n > 0 && all[n-1] == "end" {
				break
			}
		}
		require.Len(t, all, 13)
	}
	require.Equal(t, o.opened, o.closed)
}

// TestFeedsThatFail: errors come with the number of the sequence, stay until Rewind, and
// leave the position where it was.
func TestFeedsThatFail(t *testing.T) {
	seqs := numbered(20, 5, rand.New(rand.NewPCG(2, 2)))
	broken := errors.New("no network")
	o := &opener{file: records(t, seqs), fail: broken}
	cfg := data.FeedConfig{Rows: 2, Pool: 3, Shuffle: rand.NewPCG(4, 5)}
	_, err := data.NewFeed(o.open, cfg)
	require.ErrorIs(t, err, broken)
	o.fail = nil
	o.broken = broken
	_, err = data.NewFeed(o.open, cfg)
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, o.closed)

	o.broken, o.after = nil, 8
	d, err := data.NewFeed(o.open, cfg)
	require.NoError(t, err)
	o.broken = broken
	for range 3 {
		require.NotEqual(t, "end", traintest.Next(t, d, 0))
	}
	position, err := d.MarshalBinary()
	require.NoError(t, err)
	for range 2 {
		err = d.Next(&data.Batch{})
		require.ErrorIs(t, err, broken)
		require.EqualError(t, err, "data: sequence 8: no network")
		require.Zero(t, d.Padding())
	}
	after, err := d.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, position, after)
	require.ErrorIs(t, d.UnmarshalBinary(position), nil, "the reader holds until there")
	o.broken = nil
	require.NoError(t, d.UnmarshalBinary(position))
	e, err := data.NewFeed(o.open, data.FeedConfig{Rows: 2, Pool: 3, Shuffle: rand.NewPCG(9, 9)})
	require.NoError(t, err)
	require.NoError(t, e.UnmarshalBinary(position))
	want := traintest.Next(t, e, 0)
	require.Equal(t, want, traintest.Next(t, d, 0))

	o.fail = broken
	require.ErrorIs(t, d.UnmarshalBinary(position), broken)
	o.fail = nil
	for range 20 {
		require.Equal(t, traintest.Next(t, e, 0), traintest.Next(t, d, 0), "nothing has changed")
	}
	require.NoError(t, d.Close())
	require.ErrorContains(t, d.Next(&data.Batch{}), "the Feed is closed; Rewind opens it again")
	require.NoError(t, d.Rewind())
	require.NoError(t, e.Rewind())
	require.Equal(t, traintest.Next(t, e, 0), traintest.Next(t, d, 0))

	// Another file is an error at the end of the epoch, and for a position in the old one.
	for s := ""; s != "end"; {
		s = traintest.Next(t, d, 0)
	}
	require.NotEqual(t, "end", traintest.Next(t, d, 0))
	position, err = d.MarshalBinary()
	require.NoError(t, err)
	for _, other := range [][]data.Sequence{seqs[:19], append(slices.Clone(seqs), data.Sequence{}), numbered(20, 5, rand.New(rand.NewPCG(9, 2)))} {
		old := o.file
		o.file = records(t, other)
		require.NoError(t, d.Rewind())
		for err = nil; err == nil; {
			err = d.Next(&data.Batch{})
		}
		if !slices.Equal(other[0].IDs, seqs[0].IDs) {
			require.ErrorContains(t, d.UnmarshalBinary(position), "belongs to other sequences")
		}
		o.file = old
		require.NoError(t, d.UnmarshalBinary(position))
		for err = nil; err == nil; {
			err = d.Next(&data.Batch{})
		}
		require.Equal(t, io.EOF, err)
		require.NotEqual(t, "end", traintest.Next(t, d, 0))
		require.NotEqual(t, "end", traintest.Next(t, d, 0))
		require.NotEqual(t, "end", traintest.Next(t, d, 0))
		require.NotEqual(t, "end", traintest.Next(t, d, 0)) // in the second pool
		o.file = records(t, other)
		require.NoError(t, d.Rewind())
		for err = nil; err == nil; {
			err = d.Next(&data.Batch{})
		}
		require.ErrorIs(t, err, data.ErrChanged)
		o.file = old
		require.NoError(t, d.UnmarshalBinary(position))
	}
}

// TestFeedPositionBeyondTheEnd: a reader that got shorter than a position is another one.
func TestFeedPositionBeyondTheEnd(t *testing.T) {
	seqs := numbered(20, 5, rand.New(rand.NewPCG(2, 2)))
	o := &opener{file: records(t, seqs)}
	d, err := data.NewFeed(o.open, data.FeedConfig{Rows: 2, Pool: 3})
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, d.Next(&data.Batch{}))
	}
	position, err := d.MarshalBinary()
	require.NoError(t, err)
	for _, n := range []int{0, 17, 18, 19, 20} {
		o.file = records(t, seqs[:n])
		err = d.UnmarshalBinary(position)
		if n == 20 {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "the position belongs to other sequences", "%d of 20", n)
		}
	}
}

// TestFeedRefuses what cannot be had, at once.
func TestFeedRefuses(t *testing.T) {
	o := &opener{file: records(t, numbered(3, 5, rand.New(rand.NewPCG(2, 2))))}
	for _, c := range []struct {
		open func() (data.SequenceReader, error)
		cfg  data.FeedConfig
		want string
	}{
		{nil, data.FeedConfig{Rows: 1}, "nil open"},
		{func() (data.SequenceReader, error) { return nil, nil }, data.FeedConfig{Rows: 1}, "open gave no reader"},
		{o.open, data.FeedConfig{}, "0 batches of 0 rows"},
		{o.open, data.FeedConfig{Rows: 1, Pool: -1}, "-1 batches of 1 rows"},
		{o.open, data.FeedConfig{Rows: 1 << 20, Pool: 1 << 11}, "want at most 2147483647 sequences"},
		{o.open, data.FeedConfig{Rows: 1 << 24}, "rows for 3 sequences"},
		{(&opener{file: records(t, nil)}).open, data.FeedConfig{Rows: 1}, "the reader has no sequences"},
		{(&lists{{{IDs: []int32{1}, Targets: []int32{1}}, {IDs: []int32{1}}}}).open, data.FeedConfig{Rows: 2}, "sequence 1 has 1 steps and neither Targets nor Y"},
		{(&lists{{{X: []float32{1}, Y: []float32{1}}}}).open, data.FeedConfig{Rows: 2}, "set Steps"},
	} {
		_, err := data.NewFeed(c.open, c.cfg)
		require.ErrorContains(t, err, c.want)
	}
	// A form that changes in a later pool names the sequence of the whole epoch.
	d, err := data.NewFeed((&lists{{{IDs: []int32{1}, Targets: []int32{1}}, {X: []float32{1}, Targets: []int32{1}}}}).open, data.FeedConfig{Rows: 1})
	require.NoError(t, err)
	require.NoError(t, d.Next(&data.Batch{}))
	require.ErrorContains(t, d.Next(&data.Batch{}), "sequence 1 has 0 elements of IDs")
}

// lists are readers of sequences in memory.
type lists [][]data.Sequence

func (l *lists) open() (data.SequenceReader, error) {
	list := slices.Clone((*l)[0])
	return next(func() (data.Sequence, error) {
		if len(list) == 0 {
			return data.Sequence{}, io.EOF
		}
		s := list[0]
		list = list[1:]
		return s, nil
	}), nil
}

type next func() (data.Sequence, error)

func (f next) Next() (data.Sequence, error) { return f() }

// TestFeedsAllocateNothing within an epoch, once their memory has grown.
func TestFeedsAllocateNothing(t *testing.T) {
	seqs := numbered(4000, 5, rand.New(rand.NewPCG(2, 2)))
	for i := range seqs {
		if i%8 == 0 {
			seqs[i] = data.Sequence{IDs: make([]int32, 5), Targets: make([]int32, 5)}
		}
	}
	d, err := data.NewFeed((&opener{file: records(t, seqs)}).open, data.FeedConfig{Rows: 8, Pool: 4, ByLength: true, Shuffle: rand.NewPCG(4, 5)})
	require.NoError(t, err)
	var b data.Batch
	step := func() {
		b.Want = 0
		if err := d.Next(&b); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(200, step))
}
