package npy_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/simdrnn/simdrnn/convert/npy"
)

// opened is a file that bench/npy/goldens.py wrote.
func opened(t testing.TB, name string) *npy.Archive {
	t.Helper()
	a, err := npy.OpenArchive(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func bits(v []float32) []uint32 {
	var b []uint32
	for _, v := range v {
		b = append(b, math.Float32bits(v))
	}
	return b
}

// member returns the bytes of an entry as archive/zip reads them.
func member(t testing.TB, file, name string) []byte {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r, err := z.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each type, in both orders of bytes, becomes what NumPy makes of it, as float32 and
// as int32, from an archive, a file and a stream. A NaN of float64 has bits of its own
// in NumPy, which depend on the machine.
func TestTypes(t *testing.T) {
	a := opened(t, "types.npz")
	seen := 0
	for name := range a.Names() {
		base, target, ok := strings.Cut(name, " as ")
		if !ok {
			continue
		}
		seen++
		info, err := a.Info(base)
		if err != nil || !strings.HasSuffix(base, string(info.Type)) {
			t.Errorf("%s: %+v, %v", base, info, err)
		}
		whole := member(t, "types.npz", base)
		f, err := npy.New(bytes.NewReader(whole), int64(len(whole)))
		if err != nil {
			t.Fatal(err)
		}
		stream := npy.NewReader(bytes.NewReader(whole))
		if _, err := stream.Next(); err != nil {
			t.Fatal(err)
		}
		if target == "int32" {
			want := must(a.Int32(name))
			into := make([]int32, len(want))
			for how, got := range map[string][]int32{"archive": must(a.Int32(base)), "file": must(f.Int32()), "stream": must(stream.Int32()), "Read": into} {
				if how == "Read" {
					check(t, a.ReadInt32(into, base))
				}
				if !slices.Equal(got, want) || len(want) < 3 {
					t.Errorf("%s as %s: %v, want %v", base, how, got, want)
				}
			}
			check(t, f.ReadInt32(into))
			continue
		}
		want := bits(must(a.Float32(name)))
		into := make([]float32, len(want))
		for how, got := range map[string][]float32{"archive": must(a.Float32(base)), "file": must(f.Float32()), "stream": must(stream.Float32()), "Read": into} {
			if how == "Read" {
				check(t, f.Read(into))
			}
			for i, b := range bits(got) {
				if b != want[i] && !(strings.HasSuffix(base, "f8") && got[i] != got[i] && b&0x7fc00000 == 0x7fc00000) {
					t.Errorf("%s as %s: element %d is %x, want %x", base, how, i, b, want[i])
				}
			}
			if len(got) != len(want) || len(want) < 3 {
				t.Errorf("%s as %s: %d elements, want %d", base, how, len(got), len(want))
			}
		}
	}
	// f2 f4 f8 and six wide integers in two orders, three types of a byte; the integers twice.
	if seen != 2*9+3+2*6+3 {
		t.Errorf("%d types", seen)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// Data in Fortran's order comes out row-major, of any rank.
func TestOrders(t *testing.T) {
	a := opened(t, "orders.npz")
	seen, fortran := 0, 0
	for name := range a.Names() {
		if strings.HasSuffix(name, " as float32") {
			continue
		}
		seen++
		shape, _, _ := strings.Cut(name, " ")
		info := must(a.Info(name))
		want := must(a.Float32(shape + " as float32"))
		wantInfo := must(a.Info(shape + " as float32"))
		if info.Fortran {
			fortran++
		}
		if !slices.Equal(info.Shape, wantInfo.Shape) || info.Elements() != len(want) || strings.Trim(strings.ReplaceAll(fmt.Sprint(info.Shape), " ", "x"), "[]") != shape {
			t.Errorf("%s: %+v", name, info)
		}
		if got := must(a.Float32(name)); !slices.Equal(got, want) {
			t.Errorf("%s: %.20v, want %.20v", name, got, want)
		}
		whole := member(t, "orders.npz", name)
		f := must(npy.New(bytes.NewReader(whole), int64(len(whole))))
		got := make([]float32, len(want))
		if check(t, f.Read(got)); !slices.Equal(got, want) {
			t.Errorf("%s as a file: %.20v, want %.20v", name, got, want)
		}
		if strings.Contains(name, "i2") {
			for i, v := range must(f.Int32()) {
				if float32(v) != want[i] {
					t.Fatalf("%s: id %d is %d, want %v", name, i, v, want[i])
				}
			}
		}
	}
	// NumPy writes what is both as C.
	if seen != 9*4 || fortran < 8 {
		t.Errorf("%d arrays, %d in Fortran's order", seen, fortran)
	}
}

// What cannot be read is listed, and refused with what it is and what to do.
func TestRefusedTypes(t *testing.T) {
	a := opened(t, "refused.npz")
	for name, why := range map[string]string{
		"objects":    `array "objects": the type "|O", objects, stored as a pickle, does not become float32: save arr.astype(np.float32) in Python`,
		"text":       `the type "<U2", text, does not become float32: save numbers for it, such as np.unique(arr, return_inverse=True)[1], in Python`,
		"bytes":      `the type "|S2", text,`,
		"complex":    `the type "<c8", complex numbers, does not become float32: save arr.real and arr.imag in Python`,
		"times":      `the type "<M8[s]", times, does not become float32: save arr.astype(np.int64) in Python`,
		"raw":        `the type "|V2", raw bytes, such as bfloat16 of ml_dtypes, which NumPy does not have, does not`,
		"long":       `the type "<f16", which this package does not read,`,
		"structured": `fields of a structured type, does not become float32: save each field, arr['field'], in Python`,
	} {
		info, err := a.Info(name)
		if err != nil || info.Type == "" || len(info.Shape) != 1 {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		_, err = a.Float32(name)
		var typ *npy.TypeError
		if !errors.As(err, &typ) || typ.Array != name || typ.Type != info.Type || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %s", name, err, why)
		}
		if again := a.Check(name); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: Check says %v", name, again)
		}
		if _, err := a.Int32(name); !errors.As(err, &typ) || typ.Want != "int32" {
			t.Errorf("%s: %v for int32", name, err)
		}
		b := member(t, "refused.npz", name)
		if _, err := npy.New(bytes.NewReader(b), int64(len(b))); !errors.As(err, &typ) {
			t.Errorf("%s: %v as a file", name, err)
		}
		r := npy.NewReader(bytes.NewReader(b))
		_, err = r.Next()
		if _, again := r.Next(); !errors.As(err, &typ) || again != err {
			t.Errorf("%s: %v, then %v in a stream", name, err, again)
		}
	}
	if info := must(a.Info("structured")); info.Type != `[('a', '<f4'), ("b)]'", '<i4', (2,))]` || info.Shape[0] != 2 {
		t.Errorf("%+v", info)
	}
	var typ *npy.TypeError
	dst := []int32{7, 7}
	if err := a.ReadInt32(dst, "float32"); !errors.As(err, &typ) || dst[0] != 7 || !strings.Contains(err.Error(), `the type "<f4", floats, does not become int32: save arr.astype(np.int32)`) {
		t.Errorf("%v, %v for floats as ids", err, dst)
	}
	var ranged *npy.RangeError
	if _, err := a.Float32("double"); !errors.As(err, &ranged) || ranged.Index != 1 || ranged.Value != "-3.402823567797337e+38" || ranged.Want != "float32" {
		t.Errorf("%v for a number beyond float32", err)
	}
	// [1, 0], the second in the file and the third row-major.
	if _, err := a.Int32("ids"); !errors.As(err, &ranged) || err.Error() != `npy: array "ids": element 2 is 2147483648, which is beyond the range of int32; scale or clip it in Python` {
		t.Errorf("%v for an id beyond int32", err)
	}
	if got := must(a.Float32("ids")); !slices.Equal(got, []float32{0, 1, 1 << 31, 2}) {
		t.Errorf("%v", got)
	}
	var missing *npy.MissingError
	if _, err := a.Float32("id"); !errors.As(err, &missing) || missing.Array != "id" {
		t.Errorf("%v for an array that is not there", err)
	}
	if _, found, err := a.Shape("id"); found || err != nil {
		t.Error(found, err)
	}
	if shape, found, err := a.Shape("ids"); !found || err != nil || !slices.Equal(shape, []int{2, 2}) {
		t.Error(shape, found, err)
	}
}

// What is written are NumPy's bytes, and they come back.
func TestWritesAsNumPyDoes(t *testing.T) {
	a := opened(t, "written.npz")
	n := 0
	var all []npy.Array
	for name := range a.Names() {
		n++
		info := must(a.Info(name))
		array := npy.Array{Name: name, Shape: info.Shape}
		switch info.Type {
		case npy.Float32:
			array.Float32 = must(a.Float32(name))
		case npy.Int32:
			array.Int32 = must(a.Int32(name))
		}
		all = append(all, array)
		var b bytes.Buffer
		check(t, npy.Write(&b, array))
		if want := member(t, "written.npz", name); !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s:\n%.300q\nwant\n%.300q", name, b.Bytes(), want)
		}
	}
	if n != 2*11+60 {
		t.Errorf("%d arrays", n)
	}
	for _, compress := range []bool{false, true} {
		var b, again bytes.Buffer
		check(t, npy.WriteArchive(&b, compress, all...))
		check(t, npy.WriteArchive(&again, compress, all...))
		if !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Error("the same arrays gave other bytes")
		}
		got := must(npy.NewArchive(bytes.NewReader(b.Bytes()), int64(b.Len())))
		if names := slices.Collect(got.Names()); !slices.Equal(names, slices.Collect(a.Names())) || got.Len() != n {
			t.Errorf("%q", names)
		}
		for _, w := range all {
			info := must(got.Info(w.Name))
			if !slices.Equal(info.Shape, w.Shape) {
				t.Errorf("%+v, want %v", info, w.Shape)
			}
			if info.Type == npy.Float32 && !slices.Equal(bits(must(got.Float32(w.Name))), bits(w.Float32)) || info.Type == npy.Int32 && !slices.Equal(must(got.Int32(w.Name)), w.Int32) {
				t.Errorf("%s did not come back", w.Name)
			}
		}
	}
}

// Arrays of all versions, one after another in a stream.
func TestStream(t *testing.T) {
	whole, err := os.ReadFile("testdata/versions.npy")
	if err != nil {
		t.Fatal(err)
	}
	for skip := range 8 {
		in := bytes.NewReader(whole)
		r := npy.NewReader(in)
		for i := range 3 {
			info, err := r.Next()
			if err != nil || !slices.Equal(info.Shape, []int{2, i + 1}) || info.Type != npy.Float32 || info.Name != "" {
				t.Fatalf("%+v, %v", info, err)
			}
			if skip>>i&1 == 1 {
				continue
			}
			v := must(r.Float32())
			if want := slices.Repeat([]float32{float32(i) + 0.5}, 2*(i+1)); !slices.Equal(v, want) {
				t.Errorf("%v, want %v", v, want)
			}
		}
		if _, err := r.Next(); err != io.EOF || in.Len() > 0 {
			t.Errorf("%v at the end, %d bytes left", err, in.Len())
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("%v after the end", err)
		}
	}
	// Not one byte more is taken.
	in := io.MultiReader(bytes.NewReader(whole[:128+8]), strings.NewReader("rest"))
	r := npy.NewReader(in)
	must(r.Next())
	must(r.Float32())
	if rest := must(io.ReadAll(in)); string(rest) != "rest" {
		t.Errorf("%q is left", rest)
	}
	// As a file they are one array with bytes behind it.
	var format *npy.FormatError
	if _, err := npy.Open("testdata/versions.npy"); !errors.As(err, &format) || format.Offset != 136 || !strings.Contains(err.Error(), "296 bytes follow the array") {
		t.Errorf("%v", err)
	}
}

// A Reader goes on after an element out of range and after a wrong type, with small
// arrays and with those that are read in pieces.
func TestStreamOverErrors(t *testing.T) {
	for _, n := range []int{3, 70_000, 1_000_000} {
		far := make([]int64, n)
		far[2] = -1 << 31
		far[n-1] = 1 << 31
		in := append(array("<i8", fmt.Sprintf("(%d,)", n), far), array("<f4", "(1,)", []float32{2})...)
		r := npy.NewReader(bytes.NewReader(in))
		must(r.Next())
		var ranged *npy.RangeError
		if v, err := r.Int32(); v != nil || !errors.As(err, &ranged) || ranged.Index != n-1 || ranged.Value != "2147483648" {
			t.Errorf("%v", err)
		}
		if info, err := r.Next(); err != nil || info.Type != npy.Float32 {
			t.Fatal(info, err)
		}
		var typ *npy.TypeError
		if _, err := r.Int32(); !errors.As(err, &typ) {
			t.Error(err)
		}
		if v, err := r.Float32(); err != nil || v[0] != 2 {
			t.Error(v, err)
		}
		if _, err := r.Next(); err != io.EOF {
			t.Error(err)
		}
	}
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "call Next first") {
			t.Error(said)
		}
	}()
	npy.NewReader(bytes.NewReader(nil)).Float32()
}

// A NaN keeps its bits.
func TestNaN(t *testing.T) {
	for _, c := range []struct {
		typ  string
		data any
		want uint32
	}{
		{"<f4", []uint32{0xff812345}, 0xff812345},
		{"<f2", []uint16{0xfc01}, 0xff802000},
		{"<f8", []uint64{0xfff0000020000001}, 0xffc00001},
	} {
		b := array(c.typ, "()", c.data)
		if got := bits(must(must(npy.New(bytes.NewReader(b), int64(len(b)))).Float32())); got[0] != c.want {
			t.Errorf("%s: %x, want %x", c.typ, got, c.want)
		}
	}
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.npy")
	for range 2 { // the second one replaces the first
		check(t, npy.WriteFile(name, npy.Array{Shape: []int{2}, Float32: []float32{1, 2}}))
	}
	f, err := npy.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if v := must(f.Float32()); !slices.Equal(v, []float32{1, 2}) || f.Info().Type != npy.Float32 {
		t.Error(v)
	}
	check(t, f.Close())
	name = filepath.Join(dir, "x.npz")
	check(t, npy.WriteArchiveFile(name, true, npy.Array{Name: "a/../é", Shape: []int{1, 1}, Int32: []int32{-3}}, npy.Array{Name: "", Shape: []int{0}}))
	a, err := npy.OpenArchive(name)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if v := must(a.Int32("a/../é")); !slices.Equal(v, []int32{-3}) || a.Len() != 2 {
		t.Error(v)
	}
	if info := must(a.Info("")); info.Type != npy.Float32 || info.Elements() != 0 {
		t.Errorf("%+v", info)
	}
	if entries := must(os.ReadDir(dir)); len(entries) != 2 {
		t.Error(entries)
	}
}

// What cannot be written is refused before a byte is.
func TestWriteRefuses(t *testing.T) {
	one := []float32{1}
	long := strings.Repeat("x", 65531)
	for name, c := range map[string]struct {
		why    string
		arrays []npy.Array
	}{
		"a shape of more":    {`array "a": 1 elements, the shape [2] wants 2`, []npy.Array{{Name: "a", Shape: []int{2}, Float32: one}}},
		"a shape of less":    {"1 elements, the shape [0] wants 0", []npy.Array{{Shape: []int{0}, Int32: []int32{1}}}},
		"a negative shape":   {"dimension 1 is -1, want 0 or more", []npy.Array{{Shape: []int{1, -1}, Float32: one}}},
		"a shape that wraps": {"does not fit in memory", []npy.Array{{Shape: []int{1 << 20, 1 << 20, 1 << 24}, Float32: one}}},
		"both":               {"both Float32 and Int32", []npy.Array{{Shape: []int{2}, Float32: one, Int32: []int32{1}}}},
		"65 dimensions":      {"65 dimensions of an array, at most 64", []npy.Array{{Shape: slices.Repeat([]int{1}, 65), Float32: one}}},
		"a name twice":       {`two arrays have the name "a"`, []npy.Array{{Name: "a", Float32: one}, {Name: "b", Float32: one}, {Name: "a", Float32: one}}},
		"a name of bytes":    {"no UTF-8 without zero bytes", []npy.Array{{Name: "\xff", Float32: one}}},
		"a name with a zero": {"no UTF-8 without zero bytes", []npy.Array{{Name: "a\x00", Float32: one}}},
		"a name of 65,532":   {"65532 bytes of a name, at most 65531", []npy.Array{{Name: long + "x", Float32: one}}},
		"names of 16 MiB":    {"bytes of directory, at most 16777216", many(256, long[3:])},
	} {
		var b bytes.Buffer
		if err := npy.WriteArchive(&b, false, c.arrays...); err == nil || !strings.Contains(err.Error(), c.why) || b.Len() > 0 {
			t.Errorf("%s: %v, want %q; %d bytes written", name, err, c.why, b.Len())
		}
		if len(c.arrays) == 1 && c.arrays[0].Name == "" {
			if err := npy.Write(&b, c.arrays[0]); err == nil || !strings.Contains(err.Error(), c.why) || b.Len() > 0 {
				t.Errorf("%s: %v, want %q; %d bytes written", name, err, c.why, b.Len())
			}
		}
	}
	var b bytes.Buffer
	check(t, npy.WriteArchive(&b, false, npy.Array{Name: long, Float32: one}))
	if a, err := npy.NewArchive(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil || must(a.Float32(long))[0] != 1 {
		t.Error(err)
	}
	// The first error of the writer, wherever it comes.
	arrays := []npy.Array{{Name: "a", Shape: []int{20_000}, Float32: make([]float32, 20_000)}, {Name: "b", Shape: []int{3}, Int32: []int32{1, 2, 3}}}
	for room := 0; room < 81_000; room += 997 {
		if err := npy.Write(&short{room}, arrays[0]); room < 80_128 && err != errFull {
			t.Errorf("%v after %d bytes", err, room)
		}
		if err := npy.WriteArchive(&short{room}, false, arrays...); err != errFull && room < 80_500 {
			t.Errorf("%v after %d bytes of an archive", err, room)
		}
	}
}

func many(n int, name string) []npy.Array {
	var list []npy.Array
	for i := range n {
		list = append(list, npy.Array{Name: fmt.Sprintf("%s%d", name[:len(name)-3], i), Float32: []float32{1}})
	}
	return list
}

var errFull = errors.New("full")

// A short is a writer with room for so many bytes.
type short struct{ room int }

func (s *short) Write(b []byte) (int, error) {
	if len(b) > s.room {
		n := s.room
		s.room = 0
		return n, errFull
	}
	s.room -= len(b)
	return len(b), nil
}

// Many goroutines read one archive.
func TestConcurrentReads(t *testing.T) {
	for _, file := range []string{"orders.npz", "types.npz"} {
		a := opened(t, file)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for name := range a.Names() {
					if base, ok := strings.CutSuffix(name, " as float32"); ok && file == "orders.npz" {
						if !slices.Equal(must(a.Float32(base+" <f4 F")), must(a.Float32(name))) {
							t.Errorf("%s differs", name)
						}
					} else {
						must(a.Float32(name))
					}
				}
			})
		}
		wg.Wait()
	}
}
