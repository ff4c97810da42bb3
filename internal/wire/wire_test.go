package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// sample is the file of the tests: every type, an empty tensor, a NaN with a
// payload, a shape of three dimensions.
func sample() []byte {
	var b bytes.Buffer
	w := NewWriter(&b, "test", 3)
	w.Bytes("meta", []byte("simdrnn\r\n\x00\xff"))
	w.Float32("weight", []float32{1, -2.5, float32(math.Inf(1)), math.Float32frombits(0x7fc00123), 0x1p-149, float32(math.Copysign(0, -1))}, 1, 2, 3)
	w.Float32("empty", nil, 4, 0)
	w.Float64("beta", []float64{0.9, math.Pi})
	w.Int64("step", []int64{-1, math.MaxInt64})
	if err := w.Close(); err != nil {
		panic(err)
	}
	if int64(b.Len()) != w.Written() {
		panic("Written does not count the bytes")
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	name := filepath.Join("testdata", "v1.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(name, sample(), 0o666))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, want, sample(), "the bytes of version 1 changed: that takes a new version")

	f, err := ReadFile(name, "test", 3)
	require.NoError(t, err)
	require.Equal(t, uint32(3), f.Contents)
	require.Equal(t, []string{"meta", "weight", "empty", "beta", "step"}, f.Names())
	meta, err := f.Bytes("meta")
	require.NoError(t, err)
	require.Equal(t, "simdrnn\r\n\x00\xff", string(meta))
	v, err := f.Float32("weight", 1, 2, 3)
	require.NoError(t, err)
	bits := make([]uint32, len(v))
	for i := range v {
		bits[i] = math.Float32bits(v[i])
	}
	require.Equal(t, []uint32{0x3f800000, 0xc0200000, 0x7f800000, 0x7fc00123, 1, 0x80000000}, bits)
	v, err = f.Float32("empty", 4, 0)
	require.NoError(t, err)
	require.Empty(t, v)
	d, err := f.Float64("beta", 2)
	require.NoError(t, err)
	require.Equal(t, []float64{0.9, math.Pi}, d)
	n, err := f.Int64("step")
	require.NoError(t, err)
	require.Equal(t, []int64{-1, math.MaxInt64}, n)
}

// remedy is what every error of a reader has in the end.
const remedy = `[;:] (copy|give|read|build|try|.*: (copy|give)) .*$`

func TestTruncation(t *testing.T) {
	whole := sample()
	for n := range whole {
		_, err := Read(bytes.NewReader(whole[:n]), "test", 3)
		var fe *FormatError
		require.ErrorAs(t, err, &fe, "cut to %d bytes", n)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut to %d bytes", n)
		require.Regexp(t, remedy, err.Error())
		require.Equal(t, int64(n), fe.Offset)
	}
}

func TestEveryBitFlip(t *testing.T) {
	whole := sample()
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			_, err := Read(bytes.NewReader(b), "test", 3)
			var fe *FormatError
			require.ErrorAs(t, err, &fe, "byte %d bit %d", i, bit)
			require.Regexp(t, remedy, err.Error())
		}
	}
}

func TestAppendedBytes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(name, append(sample(), 0), 0o666))
	_, err := ReadFile(name, "test", 3)
	var fe *FormatError
	require.ErrorAs(t, err, &fe)

	// From a stream the bytes after the end mark stay where they are.
	r := bytes.NewReader(append(sample(), "next"...))
	_, err = Read(r, "test", 3)
	require.NoError(t, err)
	rest, _ := io.ReadAll(r)
	require.Equal(t, "next", string(rest))
}

func TestOtherFiles(t *testing.T) {
	_, err := Read(bytes.NewReader(sample()), "lstm", 3)
	require.Equal(t, &KindError{Got: "test", Want: "lstm"}, err)
	_, err = Read(bytes.NewReader(sample()), "test", 2)
	require.Equal(t, &VersionError{What: "test", Got: 3, Max: 2}, err)

	b := bytes.Clone(sample())
	b[8] = 2 // the framing version, with its checksum made good again
	head := 8 + 4 + 4 + 2 + len("test")
	binary.LittleEndian.PutUint32(b[head:], crc32.Checksum(b[:head], castagnoli))
	_, err = Read(bytes.NewReader(b), "test", 3)
	require.Equal(t, &VersionError{What: "framing", Got: 2, Max: 1}, err)

	f, err := Read(bytes.NewReader(sample()), "test", 3)
	require.NoError(t, err)
	_, err = f.Float32("weight", 6)
	require.Equal(t, &ShapeError{Section: "weight", GotType: Float32, WantType: Float32, Got: []int{1, 2, 3}, Want: []int{6}}, err)
	_, err = f.Float64("weight")
	var se *ShapeError
	require.ErrorAs(t, err, &se)
	_, err = f.Float32("bias")
	require.Equal(t, &MissingError{Section: "bias"}, err)
	for _, err := range []error{err, se, &FormatError{Section: "s", Reason: "r"}, &FormatError{Err: io.ErrClosedPipe}, &VersionError{}, &VersionError{Got: 2, Max: 1}, &KindError{}, &ShapeError{}, &ShapeError{GotType: Byte}, (&Layer{}).BadConfig()} {
		require.Regexp(t, remedy, err.Error())
	}
}

// TestSectionsAreCounted: a whole section cut out leaves every checksum good.
func TestSectionsAreCounted(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, "test", 3)
	head := b.Len()
	w.Bytes("a", []byte("a"))
	cut := b.Len()
	w.Bytes("b", []byte("b"))
	require.NoError(t, w.Close())
	_, err := Read(bytes.NewReader(append(bytes.Clone(b.Bytes()[:head]), b.Bytes()[cut:]...)), "test", 3)
	var fe *FormatError
	require.ErrorAs(t, err, &fe)
	require.Equal(t, "end", fe.Section)

	// Twice the same section, counted twice, is no better.
	b.Reset()
	w = NewWriter(&b, "test", 3)
	w.Bytes("a", []byte("a"))
	w.names = map[string]bool{}
	w.Bytes("a", []byte("a"))
	require.NoError(t, w.Close())
	_, err = Read(&b, "test", 3)
	require.ErrorAs(t, err, &fe)
	require.Equal(t, "a", fe.Section)
}

// hostile returns a file whose one section declares a tensor of that shape and
// holds payload, every checksum good as far as the bytes go.
func hostile(payload int, shape ...uint64) []byte {
	var b bytes.Buffer
	NewWriter(&b, "test", 3)
	head := binary.LittleEndian.AppendUint16(nil, 1)
	head = append(head, byte(Float32), byte(len(shape)), 'w')
	for _, d := range shape {
		head = binary.LittleEndian.AppendUint64(head, d)
	}
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	b.Write(head)
	b.Write(make([]byte, payload))
	return b.Bytes()
}

// onlyReader hides every method but Read.
type onlyReader struct{ io.Reader }

func TestMemoryFollowsTheBytes(t *testing.T) {
	for _, c := range []struct {
		payload int
		shape   []uint64
	}{
		{0, []uint64{1 << 28}},
		{1 << 20, []uint64{1 << 12, 1 << 16}},
		{100, []uint64{math.MaxUint64}},
		{100, []uint64{1 << 31, 1 << 31, 1 << 31}},
		{100, []uint64{1 << 62}},
	} {
		file := hostile(c.payload, c.shape...)
		for _, r := range []io.Reader{bytes.NewReader(file), onlyReader{bytes.NewReader(file)}} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(r, "test", 3)
			runtime.ReadMemStats(&after)
			var fe *FormatError
			require.ErrorAs(t, err, &fe, "shape %v", c.shape)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*len(file)+1<<20), "shape %v", c.shape)
		}
	}
	// A file that says how long it is gets its arrays in one piece.
	var b bytes.Buffer
	w := NewWriter(&b, "test", 3)
	w.Float32("w", make([]float32, 1<<20))
	require.NoError(t, w.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(bytes.NewReader(b.Bytes()), "test", 3)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(5<<20))
}

func TestWriterErrors(t *testing.T) {
	for name, use := range map[string]func(*Writer){
		"twice":      func(w *Writer) { w.Bytes("a", nil); w.Bytes("a", nil) },
		"no name":    func(w *Writer) { w.Bytes("", nil) },
		"shape":      func(w *Writer) { w.Float32("a", make([]float32, 3), 2) },
		"dimensions": func(w *Writer) { w.Float32("a", make([]float32, 1), 1, 1, 1, 1, 1, 1, 1, 1, 1) },
	} {
		w := NewWriter(io.Discard, "test", 1)
		use(w)
		w.Float64("later", nil)
		require.Error(t, w.Close(), name)
	}
	require.Error(t, NewWriter(io.Discard, "", 1).Close())
	require.Error(t, NewWriter(io.Discard, "test", 0).Close())
}

// failing is a writer whose n-th byte cannot be written.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n < len(b) {
		return f.n, errDisk
	}
	f.n -= len(b)
	return len(b), nil
}

var errDisk = errors.New("no space left")

func TestWriterKeepsTheStreamError(t *testing.T) {
	for n := range sample() {
		w := NewWriter(&failing{n}, "test", 3)
		w.Bytes("meta", []byte("simdrnn\r\n\x00\xff"))
		w.Float32("weight", make([]float32, 6), 1, 2, 3)
		w.Float32("empty", nil, 4, 0)
		w.Float64("beta", make([]float64, 2))
		w.Int64("step", make([]int64, 2))
		require.ErrorIs(t, w.Close(), errDisk, "at byte %d", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample())
	f.Add(hostile(8, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Read(bytes.NewReader(b), "test", 3)
		if err == nil {
			file.Names()
		}
	})
}

// TestSum: each value, name, type and shape counts, and nothing else.
func TestSum(t *testing.T) {
	sum := func(write func(w *Writer)) [32]byte {
		t.Helper()
		var b bytes.Buffer
		w := NewWriter(&b, "kind", 1)
		write(w)
		require.NoError(t, w.Close())
		f, err := Read(&b, "kind", 1)
		require.NoError(t, err)
		got, err := f.Sum()
		require.NoError(t, err)
		return got
	}
	all := func(name string, v []byte, f []float32, d []float64, n []int64, shape ...int) func(w *Writer) {
		return func(w *Writer) {
			w.Bytes(name, v)
			w.Float32("f", f, shape...)
			w.Float64("d", d)
			w.Int64("n", n)
		}
	}
	want := sum(all("b", []byte{1}, []float32{1, 2}, []float64{3}, []int64{4}, 2, 1))
	require.Equal(t, want, sum(all("b", []byte{1}, []float32{1, 2}, []float64{3}, []int64{4}, 2, 1)))
	for name, other := range map[string]func(w *Writer){
		"name":    all("c", []byte{1}, []float32{1, 2}, []float64{3}, []int64{4}, 2, 1),
		"bytes":   all("b", []byte{2}, []float32{1, 2}, []float64{3}, []int64{4}, 2, 1),
		"float32": all("b", []byte{1}, []float32{1, 3}, []float64{3}, []int64{4}, 2, 1),
		"float64": all("b", []byte{1}, []float32{1, 2}, []float64{4}, []int64{4}, 2, 1),
		"int64":   all("b", []byte{1}, []float32{1, 2}, []float64{3}, []int64{5}, 2, 1),
		"shape":   all("b", []byte{1}, []float32{1, 2}, []float64{3}, []int64{4}, 1, 2),
	} {
		require.NotEqual(t, want, sum(other), name)
	}
}
