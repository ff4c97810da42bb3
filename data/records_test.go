package data_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

// TestRecordsRefuse what is not whole, with the offset, for every byte of a file.
func TestRecordsRefuse(t *testing.T) {
	file := records(t, []data.Sequence{{}, {IDs: []int32{1, 2}, Targets: []int32{0, 1}}, {IDs: []int32{3}, Targets: []int32{-1}}})
	read := func(file []byte) (n int, err error) {
		r, err := data.NewRecords(bytes.NewReader(file))
		for err == nil {
			if _, err = r.Next(); err == nil {
				n++
			}
		}
		if r != nil {
			_, again := r.Next()
			require.Equal(t, err, again)
			require.NoError(t, r.Close())
		}
		return n, err
	}
	var e *data.FileError
	for _, file := range [][]byte{file, records(t, []data.Sequence{
		{}, {IDs: []int32{1, 2}, Y: []float32{0, 1, 1, 0}, Weights: []float32{1, 0, 2, 3}, Labels: []int32{4}}, {IDs: []int32{3}, Y: []float32{1, 1}, Weights: []float32{0, 0.5}, Labels: []int32{}},
	})} {
		n, err := read(file)
		require.Equal(t, io.EOF, err)
		require.Equal(t, 3, n)
		for i := range file {
			_, err := read(file[:i])
			require.ErrorAs(t, err, &e)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Equal(t, int64(i), e.Offset)
			damaged := slices.Clone(file)
			damaged[i] ^= 0x40
			_, err = read(damaged)
			require.ErrorAs(t, err, &e, "byte %d", i)
		}
	}
	_, err := read(append(slices.Clone(file), 0))
	require.EqualError(t, err, fmt.Sprintf("data: offset %d: bytes after the end", len(file)))
	for name, c := range map[string]struct {
		header [3]uint32
		record []uint32
		want   string
	}{
		"flags":    {[3]uint32{32, 0, 0}, nil, "flags 32 and widths 0 and 0, want flags up to 31"},
		"weights":  {[3]uint32{4, 0, 0}, nil, "flags 4 and widths 0 and 0, want IDs or X"},
		"of both":  {[3]uint32{15, 0, 2}, nil, "flags 15, want Weights of steps or of elements, not both"},
		"of no Y":  {[3]uint32{11, 0, 0}, nil, "flags 11 and Y of width 0, want Weights of elements of a wider Y"},
		"labels":   {[3]uint32{17, 0, 0}, []uint32{1, 5, 1 << 31}, "offset 32: a record of 2147483648 labels and 1 steps, want at most 2147483647"},
		"no steps": {[3]uint32{17, 0, 0}, []uint32{0, 1}, "offset 32: a record of 1 labels and 0 steps, want"},
		"cut them": {[3]uint32{17, 0, 0}, []uint32{1, 5, 1 << 24}, "offset 48: the file is cut off"},
		"width":    {[3]uint32{2, 1 << 31, 0}, nil, "widths up to"},
		"both":     {[3]uint32{3, 1, 0}, nil, "want IDs or X"},
		"inputs":   {[3]uint32{2, 0, 0}, nil, "want IDs or X"},
		"targets":  {[3]uint32{1, 0, 0}, nil, "Targets, Y or Labels"},
		"no form":  {[3]uint32{0, 0, 0}, []uint32{1}, "offset 32: a record of 1 steps, want at most 0"},
		"long":     {[3]uint32{2, 8, 0}, []uint32{1 << 28}, "a record of 268435456 steps, want at most 268435455"},
		"cut off":  {[3]uint32{3, 0, 0}, []uint32{1 << 24, 5}, "offset 44: the file is cut off"},
		"too many": {[3]uint32{3, 0, 0}, []uint32{1<<32 - 1, 1, 0}, "the end of 1 records after 0"},
	} {
		file := []byte("simdrnn-seq-v1\r\n")
		for _, v := range c.header {
			file = binary.LittleEndian.AppendUint32(file, v)
		}
		file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(file, crc32.MakeTable(crc32.Castagnoli)))
		at := len(file)
		for _, v := range c.record {
			file = binary.LittleEndian.AppendUint32(file, v)
		}
		if c.record != nil {
			file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(file[at:], crc32.MakeTable(crc32.Castagnoli)))
		}
		_, err := read(file)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err = data.NewRecords(bytes.NewReader(make([]byte, 40)))
	require.ErrorContains(t, err, `offset 0: it begins with "\x00`)
}

// TestRecordsTakeMemoryForWhatIsThere and not for what a record says.
func TestRecordsTakeMemoryForWhatIsThere(t *testing.T) {
	file := records(t, []data.Sequence{{IDs: []int32{1}, Targets: []int32{0}}})[:32]
	file = binary.LittleEndian.AppendUint32(file, 1<<24) // 128 MiB of it
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := data.NewRecords(bytes.NewReader(file))
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

// TestRecordFiles: writers refuse what readers would, and tell of a full disk; files have
// their names in errors.
func TestRecordFiles(t *testing.T) {
	var b bytes.Buffer
	w := data.NewRecordWriter(&b)
	require.NoError(t, w.Write(data.Sequence{}))
	require.ErrorContains(t, w.Write(data.Sequence{X: []float32{1}, Y: []float32{1}}), "sequence 1 has 1 inputs and 1 target values but no Steps")
	require.NoError(t, w.Write(data.Sequence{Steps: 1, X: []float32{1}, Y: []float32{1}}))
	require.ErrorContains(t, w.Write(data.Sequence{IDs: []int32{1}, Y: []float32{1}}), "sequence 2 has 1 elements of IDs, want 0 as in sequence 1")
	require.NoError(t, w.Write(data.Sequence{X: []float32{1, 2}, Y: []float32{3, 4}}))
	require.NoError(t, w.Close())
	require.ErrorContains(t, w.Write(data.Sequence{}), "after Close")

	name := filepath.Join(t.TempDir(), "some.seq")
	open := data.OpenRecords(name)
	_, err := open()
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o600))
	d, err := data.NewFeed(open, data.FeedConfig{Rows: 3})
	require.NoError(t, err)
	require.Equal(t, "2x3 [] x[0 1 1 0 0 2] > [] y[0 1 3 0 0 4] len[0 1 2] r0 r1 r2", traintest.Next(t, d, 0))
	require.Equal(t, "end", traintest.Next(t, d, 0))
	require.NoError(t, os.WriteFile(name, b.Bytes()[:50], 0o600))
	err = d.Next(&data.Batch{})
	require.ErrorContains(t, err, "some.seq: offset 50: the file is cut off")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	_, err = open()
	require.ErrorContains(t, err, "some.seq: offset 0")

	full := errors.New("the disk is full")
	w = data.NewRecordWriter(failing{full})
	for err = nil; err == nil; {
		err = w.Write(data.Sequence{IDs: make([]int32, 100), Targets: make([]int32, 100)})
	}
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, w.Close(), full)
	require.ErrorIs(t, data.NewRecordWriter(failing{full}).Close(), full)
	w = data.NewRecordWriter(failing{full})
	require.NoError(t, w.Write(data.Sequence{}))
	require.ErrorIs(t, w.Close(), full)
	w = data.NewRecordWriter(failing{full})
	require.ErrorIs(t, w.Write(data.Sequence{IDs: make([]int32, 5000), Targets: make([]int32, 5000)}), full)

	broken := errors.New("no paper")
	for i := range b.Len() + 1 {
		r, err := data.NewRecords(io.MultiReader(bytes.NewReader(b.Bytes()[:i]), iotest.ErrReader(broken)))
		for err == nil {
			_, err = r.Next()
		}
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, fmt.Sprintf("offset %d: no paper", i))
	}
}

// TestRecordsOfWeightsAndLabels: a Feed of a file gives the batches of the sequences in memory,
// with weights of steps, of elements, and labels, and these with Weights too.
func TestRecordsOfWeightsAndLabels(t *testing.T) {
	for name, seqs := range map[string][]data.Sequence{
		"of steps": {{IDs: []int32{1, 2}, Targets: []int32{3, 4}, Weights: []float32{1, 0.5}}, {IDs: []int32{5}, Targets: []int32{6}, Weights: []float32{0}}},
		"of elements": {
			{IDs: []int32{1, 2}, Y: []float32{0, 1, 1, 0}, Weights: []float32{1, 0, 2, 3}}, {}, {IDs: []int32{3}, Y: []float32{1, 1}, Weights: []float32{0, 0.5}},
		},
		"of a Y of width 1":              {{IDs: []int32{1, 2}, Y: []float32{0, 1}, Weights: []float32{1, 0}}},
		"labels":                         {{}, {Steps: 3, X: []float32{1, 2, 3, 4, 5, 6}, Labels: []int32{7}}, {Steps: 1, X: []float32{1, 2}, Labels: []int32{}}, {Steps: 2, X: []float32{7, 8, 9, 0}, Labels: []int32{1, 2}}},
		"labels, some of them not there": {{IDs: []int32{1, 2}, Targets: []int32{3, 4}, Labels: []int32{5}}, {IDs: []int32{1}, Targets: []int32{3}}},
		"both":                           {{IDs: []int32{1, 2}, Targets: []int32{3, 4}, Weights: []float32{1, 0.5}, Labels: []int32{5, 6, 7}}},
	} {
		open := func(file []byte) func() (data.SequenceReader, error) {
			return func() (data.SequenceReader, error) { return data.NewRecords(bytes.NewReader(file)) }
		}
		feed, err := data.NewFeed(open(records(t, seqs)), data.FeedConfig{Rows: 2, Pool: 2, Shuffle: rand.NewPCG(1, 2)})
		require.NoError(t, err, name)
		memory, err := data.NewSequences(seqs, 2, rand.NewPCG(1, 2))
		require.NoError(t, err, name)
		for {
			var got, want data.Batch
			err := memory.Next(&want)
			require.Equal(t, err, feed.Next(&got), name)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			require.Equal(t, want.Weights, got.Weights, name)
			require.Equal(t, fmt.Sprint(want.Labels), fmt.Sprint(got.Labels), name)
			require.Equal(t, []any{want.IDs, want.X, want.Targets, want.Y, want.Lengths}, []any{got.IDs, got.X, got.Targets, got.Y, got.Lengths}, name)
		}
	}
	for want, seqs := range map[string][]data.Sequence{
		"sequence 0 has Weights of width 2, want 1 for each step, or 3 as Y":            {{IDs: []int32{1}, Y: []float32{1, 2, 3}, Weights: []float32{1, 2}}},
		"sequence 0 has 1 Labels and no steps":                                          {{Labels: []int32{1}}},
		"sequence 1 has Labels, and those before it have none; give all of them Labels": {{IDs: []int32{1}, Targets: []int32{1}}, {IDs: []int32{1}, Targets: []int32{1}, Labels: []int32{1}}},
		"sequence 1 has 0 elements of Weights, want 1 for each of its 1 steps":          {{IDs: []int32{1}, Targets: []int32{1}, Weights: []float32{1}}, {IDs: []int32{1}, Targets: []int32{1}}},
		"sequence 1 has 1 elements of Weights, want 0 as in sequence 0":                 {{IDs: []int32{1}, Targets: []int32{1}}, {IDs: []int32{1}, Targets: []int32{1}, Weights: []float32{1}}},
	} {
		w := data.NewRecordWriter(io.Discard)
		var err error
		for _, s := range seqs {
			if err == nil {
				err = w.Write(s)
			}
		}
		require.ErrorContains(t, err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
