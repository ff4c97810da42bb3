package data_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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
	n, err := read(file)
	require.Equal(t, io.EOF, err)
	require.Equal(t, 3, n)
	var e *data.FileError
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
	_, err = read(append(slices.Clone(file), 0))
	require.EqualError(t, err, fmt.Sprintf("data: offset %d: bytes after the end", len(file)))
	for name, c := range map[string]struct {
		header [3]uint32
		record []uint32
		want   string
	}{
		"flags":    {[3]uint32{4, 0, 0}, nil, "flags 4"},
		"width":    {[3]uint32{2, 1 << 31, 0}, nil, "widths up to"},
		"both":     {[3]uint32{3, 1, 0}, nil, "want IDs or X"},
		"inputs":   {[3]uint32{2, 0, 0}, nil, "want IDs or X"},
		"targets":  {[3]uint32{1, 0, 0}, nil, "Targets or Y"},
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

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
