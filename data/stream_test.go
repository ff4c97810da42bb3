package data_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

type positioned interface {
	data.Source
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}

// symbols returns n ids as each format stores them; the last is the largest.
func symbols(t *testing.T, n int, format data.Format) (ids []int32, file []byte) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	limit := map[data.Format]int32{data.Bytes: 256, data.Uint16: 1 << 16, data.Int32: math.MaxInt32}[format]
	for range n - 1 {
		ids = append(ids, r.Int32N(limit-1))
	}
	ids = append(ids, limit-1)
	file, err := format.Append(nil, ids...)
	require.NoError(t, err)
	return ids, file
}

// inMemory is Text for bytes and else Tokens.
func inMemory(t *testing.T, ids []int32, format data.Format, rows int) interface {
	positioned
	Steps() int
} {
	if format == data.Bytes {
		text, err := format.Append(nil, ids...)
		require.NoError(t, err)
		d, err := data.NewText(text, rows)
		require.NoError(t, err)
		return d
	}
	d, err := data.NewTokens(ids, rows)
	require.NoError(t, err)
	return d
}

// TestStreamsAreTokens: a file gives the batches of the same symbols in memory, at every
// border of its blocks, and has their positions.
func TestStreamsAreTokens(t *testing.T) {
	for _, format := range []data.Format{data.Bytes, data.Uint16, data.Int32} {
		for _, rows := range []int{1, 3, 1100} { // for 1100 rows the blocks are smaller
			if testing.Short() && rows != 3 {
				continue
			}
			ids, file := symbols(t, 70001, format)
			d, err := data.NewStream(bytes.NewReader(file), int64(len(file)), format, rows)
			require.NoError(t, err)
			tokens := inMemory(t, ids, format, rows)
			require.Equal(t, tokens.Steps(), d.Steps())
			require.Equal(t, rows, d.Rows())
			require.Equal(t, slices.Max(ids), d.Largest())
			r := rand.New(rand.NewPCG(9, 9))
			for range 2 {
				for {
					position, err := d.MarshalBinary()
					require.NoError(t, err)
					other, err := tokens.MarshalBinary()
					require.NoError(t, err)
					require.Equal(t, other, position)
					if same(t, tokens, d, r.IntN(1+tokens.Steps()/3)) == io.EOF {
						break
					}
				}
			}
			// From any position, taken from the one into the other.
			for range 20 {
				position, err := tokens.MarshalBinary()
				require.NoError(t, err)
				binary.LittleEndian.PutUint64(position[20:], r.Uint64N(uint64(tokens.Steps()+1)))
				require.NoError(t, tokens.UnmarshalBinary(position))
				require.NoError(t, d.UnmarshalBinary(position))
				same(t, tokens, d, 5)
			}
			require.NoError(t, d.Rewind())
			require.NoError(t, tokens.Rewind())
			same(t, tokens, d, 5)
		}
	}
}

// same fails unless both give the same batch or the same error, which it returns.
func same(t *testing.T, want, got data.Source, steps int) error {
	t.Helper()
	a, b := data.Batch{Want: steps}, data.Batch{Want: steps}
	err := want.Next(&a)
	require.Equal(t, err, got.Next(&b))
	if err == nil && (a.Steps != b.Steps || a.Rows != b.Rows || !slices.Equal(a.IDs, b.IDs) || !slices.Equal(a.Targets, b.Targets) || !slices.Equal(a.Reset, b.Reset) || b.Lengths != nil) {
		t.Fatalf("%d steps of %d rows, %d at most, differ", a.Steps, a.Rows, steps)
	}
	return err
}

// TestStreamRefuses what is no file of ids, with the place.
func TestStreamRefuses(t *testing.T) {
	_, file := symbols(t, 40000, data.Int32)
	open := func(file []byte, size int64, format data.Format, rows int) error {
		_, err := data.NewStream(bytes.NewReader(file), size, format, rows)
		return err
	}
	size := int64(len(file))
	require.NoError(t, open(file, size, data.Int32, 1))
	require.EqualError(t, open(file, size-1, data.Int32, 1), "data: a file of 159999 bytes, want a multiple of 4, the bytes of an id as Int32")
	require.ErrorContains(t, open(file, -4, data.Int32, 1), "-4 bytes")
	require.ErrorContains(t, open(file, size, data.Int32+1, 1), "Format(3), want Bytes, Uint16 or Int32")
	require.ErrorContains(t, open(file, size, data.Int32, 0), "0 streams")
	require.ErrorContains(t, open(file, size/1000, data.Int32, 40), "too short")
	require.ErrorContains(t, open(file, size, data.Int32, 1<<14+1), "16385 streams of a file, want at most 16384")
	require.ErrorContains(t, open(nil, 0, data.Bytes, 1), "0 symbols")

	var e *data.FileError
	err := open(file, size+4, data.Int32, 1)
	require.ErrorAs(t, err, &e)
	require.Equal(t, size, e.Offset)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	binary.LittleEndian.PutUint32(file[100000:], 1<<31)
	err = open(file, size, data.Int32, 1)
	require.ErrorAs(t, err, &e)
	require.Equal(t, int64(100000), e.Offset)
	require.EqualError(t, err, "data: offset 100000: id -2147483648, want 0 or more")
}

// TestStreamsThatChange: a byte that changes under the run, a shorter file and an error
// of reading end it with the place, before a batch has them. The position stays, and
// once the file is what it was the run goes on.
func TestStreamsThatChange(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ids")
	ids, file := symbols(t, 150000, data.Bytes)
	require.NoError(t, os.WriteFile(name, file, 0o600))
	d, err := data.OpenStream(name, data.Bytes, 2)
	require.NoError(t, err)
	var e *data.FileError
	for _, c := range []struct {
		file   []byte
		offset int64
	}{
		{slices.Replace(slices.Clone(file), 70000, 70001, file[70000]^1), 65536},
		{file[:70000], 70000},
	} {
		require.NoError(t, os.WriteFile(name, c.file, 0o600))
		require.NoError(t, d.Rewind())
		tokens := inMemory(t, ids, data.Bytes, 2)
		b := data.Batch{Want: 60000} // the second row begins in the block with the fault
		require.NoError(t, os.WriteFile(name, file, 0o600))
		if e == nil {
			require.NoError(t, d.Next(&b))
			require.NoError(t, tokens.Next(&b))
		}
		require.NoError(t, os.WriteFile(name, c.file, 0o600))
		before, err := d.MarshalBinary()
		require.NoError(t, err)
		b = data.Batch{Want: 100}
		for err = nil; err == nil; {
			before, _ = d.MarshalBinary()
			err = d.Next(&b)
		}
		require.ErrorAs(t, err, &e)
		require.ErrorIs(t, err, data.ErrChanged)
		require.Equal(t, c.offset, e.Offset)
		require.Equal(t, name, e.Name)
		require.ErrorContains(t, err, "ids: offset ")
		after, err := d.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.NoError(t, os.WriteFile(name, file, 0o600))
		require.NoError(t, tokens.UnmarshalBinary(after))
		require.Equal(t, traintest.Next(t, tokens, 100), traintest.Next(t, d, 100))
	}
	require.NoError(t, d.Close())
	require.NoError(t, d.Rewind())
	require.ErrorIs(t, d.Next(&data.Batch{}), os.ErrClosed)
	require.ErrorIs(t, d.Close(), os.ErrClosed)

	_, err = data.OpenStream(name+"s", data.Bytes, 2)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = data.OpenStream(name, data.Bytes, 0)
	require.Error(t, err)

	f := &faulty{ReaderAt: bytes.NewReader(file)}
	s, err := data.NewStream(f, int64(len(file)), data.Bytes, 1)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	f.err = errors.New("the disk is on fire")
	err = s.Next(&data.Batch{})
	require.ErrorIs(t, err, f.err)
	require.EqualError(t, err, "data: offset 5: the disk is on fire")
	f.err = nil
	require.NoError(t, s.Next(&data.Batch{}), "it was not for long")
}

type faulty struct {
	io.ReaderAt
	err error
}

func (f *faulty) ReadAt(b []byte, at int64) (int, error) {
	if f.err != nil {
		return 5, f.err
	}
	return f.ReaderAt.ReadAt(b, at)
}

// TestForgedTextPositions are refused, for a text in memory and in a file.
func TestForgedTextPositions(t *testing.T) {
	text := []byte("abcdefghi")
	d, err := data.NewText(text, 2)
	require.NoError(t, err)
	s, err := data.NewStream(bytes.NewReader(text), 9, data.Bytes, 2)
	require.NoError(t, err)
	for _, d := range []positioned{d, s} {
		require.NoError(t, d.Next(&data.Batch{Want: 1}))
		before, err := d.MarshalBinary()
		require.NoError(t, err)
		for _, c := range []struct {
			at   int
			v    byte
			want string
		}{
			{0, 8, "belongs to another text"},
			{8, 1, "belongs to another text"},
			{12, 3, "belongs to 3 streams, this text is cut into 2"},
			{20, 5, "the position is step 5 of streams of 4 steps"},
			{27, 255, "of streams of 4 steps"},
		} {
			b := slices.Clone(before)
			b[c.at] = c.v
			require.ErrorContains(t, d.UnmarshalBinary(b), c.want)
		}
		require.ErrorContains(t, d.UnmarshalBinary(before[1:]), "27 bytes, want 28")
		after, err := d.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

// TestFormats: what does not fit is named with its place, and nothing is written.
func TestFormats(t *testing.T) {
	b, err := data.Uint16.Append([]byte("a"), 1, 65535)
	require.NoError(t, err)
	require.Equal(t, []byte{'a', 1, 0, 255, 255}, b)
	b, err = data.Uint16.Append(b[:1], 1, 65536)
	require.EqualError(t, err, "data: id 65536 at step 1, want 0 to 65535")
	require.Equal(t, []byte("a"), b)
	_, err = data.Bytes.Append(nil, 256)
	require.ErrorContains(t, err, "want 0 to 255")
	_, err = data.Int32.Append(nil, -1)
	require.ErrorContains(t, err, "id -1 at step 0")
	_, err = data.Format(9).Append(nil, 1)
	require.ErrorContains(t, err, "Format(9)")
}

// TestStreamsAllocateNothing in the steady state, blocks included.
func TestStreamsAllocateNothing(t *testing.T) {
	_, file := symbols(t, 200000, data.Uint16)
	d, err := data.NewStream(bytes.NewReader(file), int64(len(file)), data.Uint16, 2)
	require.NoError(t, err)
	b := data.Batch{}
	next := func() {
		b.Want = 5000
		if err := d.Next(&b); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	}
	next()
	require.Zero(t, testing.AllocsPerRun(40, next))
}
