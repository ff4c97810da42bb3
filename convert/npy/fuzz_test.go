package npy_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/convert/npy"
)

// small skips shapes of many elements that take no bytes, for the sake of time, and
// is a limit on what an archive inflates to.
const small = 1 << 20

// FuzzNPY reads any bytes as a file, as a stream and in an archive, stored and deflated.
// All take it or none does, and what they give is the same; what comes back after it
// was written is too.
func FuzzNPY(f *testing.F) {
	for _, name := range []string{"types.npz", "orders.npz", "refused.npz"} {
		z, err := zip.OpenReader(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, entry := range z.File {
			if entry.UncompressedSize64 > 2000 {
				continue
			}
			r, err := entry.Open()
			if err != nil {
				f.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
		z.Close()
	}
	f.Add(raw(2, 0, "{'shape': (2L,1L,), 'fortran_order': True, 'descr': \"<i2\"} \n", make([]byte, 4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := npy.New(bytes.NewReader(b), int64(len(b)))
		stream := bytes.NewReader(b)
		r := npy.NewReader(stream)
		info, streamErr := r.Next()
		z := archive(entry("a.npy", b), deflated("b.npy", b))
		a, zipErr := npy.NewArchive(bytes.NewReader(z), int64(len(z)))
		if zipErr != nil {
			t.Fatal(zipErr)
		}
		if err != nil {
			known(t, err)
			for _, name := range []string{"a", "b"} {
				if _, err := a.Float32(name); err == nil {
					t.Fatalf("%s: an archive takes it", name)
				} else {
					known(t, err)
				}
			}
			for streamErr == nil {
				_, streamErr = r.Next()
			}
			if streamErr == io.EOF && stream.Len() == 0 && len(b) > 0 {
				if n := count(b); n < 2 {
					t.Fatalf("%v, and the stream takes it as %d arrays", err, n)
				}
			}
			return
		}
		if streamErr != nil || info.Elements() != file.Info().Elements() || !slices.Equal(info.Shape, file.Info().Shape) || info.Type != file.Info().Type || info.Fortran != file.Info().Fortran {
			t.Fatalf("a stream has %+v, %v, the file %+v", info, streamErr, file.Info())
		}
		v, err := file.Float32()
		ids, idErr := file.Int32()
		for name, more := range map[string]func() ([]float32, []int32, error, error){
			"a": func() ([]float32, []int32, error, error) { return both(a.Float32("a"))(a.Int32("a")) },
			"b": func() ([]float32, []int32, error, error) { return both(a.Float32("b"))(a.Int32("b")) },
			"stream": func() ([]float32, []int32, error, error) {
				again := npy.NewReader(bytes.NewReader(b))
				if _, err := again.Next(); err != nil {
					t.Fatal(err)
				}
				return both(r.Float32())(again.Int32())
			},
		} {
			w, other, err2, idErr2 := more()
			if (err == nil) != (err2 == nil) || (idErr == nil) != (idErr2 == nil) || !slices.Equal(bits(v), bits(w)) || !slices.Equal(ids, other) {
				t.Fatalf("%s: %v %v %v %v, the file %v %v %v %v", name, w, other, err2, idErr2, v, ids, err, idErr)
			}
		}
		arrays := []npy.Array{}
		if err == nil {
			arrays = append(arrays, npy.Array{Name: "v", Shape: info.Shape, Float32: v})
		} else {
			known(t, err)
		}
		if idErr == nil {
			arrays = append(arrays, npy.Array{Name: "ids", Shape: info.Shape, Int32: ids})
		} else {
			known(t, idErr)
		}
		rewritten(t, arrays)
	})
}

// both puts two results and their errors side by side.
func both(v []float32, err error) func([]int32, error) ([]float32, []int32, error, error) {
	return func(ids []int32, idErr error) ([]float32, []int32, error, error) { return v, ids, err, idErr }
}

// count is the number of arrays of a stream.
func count(b []byte) int {
	r := npy.NewReader(bytes.NewReader(b))
	n := 0
	for {
		if _, err := r.Next(); err != nil {
			return n
		}
		n++
	}
}

// rewritten writes arrays and reads them again.
func rewritten(t *testing.T, arrays []npy.Array) {
	for _, compress := range []bool{false, true} {
		var out bytes.Buffer
		if err := npy.WriteArchive(&out, compress, arrays...); err != nil {
			t.Fatalf("what was read is not written: %v", err)
		}
		a, err := npy.NewArchive(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil || a.Len() != len(arrays) {
			t.Fatalf("what was written is not read: %v", err)
		}
		for _, w := range arrays {
			info, err := a.Info(w.Name)
			if err != nil || !slices.Equal(info.Shape, w.Shape) {
				t.Fatalf("%+v, %v, want %v", info, err, w.Shape)
			}
			if info.Type == npy.Int32 {
				if ids, err := a.Int32(w.Name); err != nil || !slices.Equal(ids, w.Int32) {
					t.Fatalf("%v, %v, want %v", ids, err, w.Int32)
				}
			} else if v, err := a.Float32(w.Name); err != nil || !slices.Equal(bits(v), bits(w.Float32)) {
				t.Fatalf("%v, %v, want %v", v, err, w.Float32)
			}
		}
	}
}

// FuzzNPZ reads any bytes as an archive. What it takes archive/zip takes too, and finds
// the same bytes there.
func FuzzNPZ(f *testing.F) {
	for _, name := range []string{"types.npz", "refused.npz", "orders.npz"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	one := array("<f4", "(1,)", []float32{1})
	e := entry("b.npy", one)
	e.extra, e.localExtra, e.comment = []byte{9, 9, 2, 0, 1, 1}, 5, "x"
	f.Add(archive(entry("a.npy", one), e, deflated("c.npy", array(">i8", "(2, 1)", []int64{1, -1}))))
	f.Add(append(archive(entry("a.npy", one))[:30+5+len(one)], archive(entry("a.npy", one))[30+5+len(one):]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			known(t, err)
			return
		}
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatalf("archive/zip says %v", err)
		}
		theirs := map[string]*zip.File{}
		for _, entry := range z.File {
			theirs[entry.Name] = entry
		}
		if len(theirs) != a.Len() {
			t.Fatalf("%d arrays, archive/zip finds %d", a.Len(), len(theirs))
		}
		var again []npy.Array
		for name := range a.Names() {
			info, err := a.Info(name)
			if err != nil {
				known(t, err)
				if _, err := a.Float32(name); err == nil {
					t.Fatalf("%q is read, but has no Info", name)
				}
				continue
			}
			if info.Elements() > small {
				continue
			}
			v, err := a.Float32(name)
			if err != nil {
				known(t, err)
				continue
			}
			entry := theirs[name+".npy"]
			if entry == nil {
				t.Fatalf("archive/zip has no %q", name)
			}
			content, err := entry.Open()
			if err != nil {
				t.Fatalf("archive/zip: %v", err)
			}
			r := npy.NewReader(content)
			if _, err := r.Next(); err != nil {
				t.Fatalf("%q by archive/zip: %v", name, err)
			}
			w, err := r.Float32()
			if err != nil || !slices.Equal(bits(v), bits(w)) {
				t.Fatalf("%q by archive/zip: %v %v, want %v", name, w, err, v)
			}
			content.Close()
			if _, err := a.Int32(name); err != nil {
				known(t, err)
			}
			// (Some names cannot be written.)
			again = append(again, npy.Array{Name: fmt.Sprint(len(again)), Shape: info.Shape, Float32: v})
		}
		rewritten(t, again)
	})
}

// known fails unless an error is of a type that the documentation names and short.
func known(t *testing.T, err error) {
	var format *npy.FormatError
	var limit *npy.LimitError
	var typ *npy.TypeError
	var beyond *npy.RangeError
	if !errors.As(err, &format) && !errors.As(err, &limit) && !errors.As(err, &typ) && !errors.As(err, &beyond) || len(err.Error()) > 1500 {
		t.Fatalf("%T: %v", err, err)
	}
}
