package npy

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// An Array is one to be written: row-major, the product of its Shape as long as its
// elements. Either Float32 or Int32 is set, or, of an array without elements, none:
// then it is one of float32.
type Array struct {
	Name    string // in an archive, without ".npy"
	Shape   []int  // without dimensions a scalar
	Float32 []float32
	Int32   []int32
}

// Write writes an .npy file, or one array of a stream, of version 1.0: the bytes that
// np.save of NumPy 2 writes for the array, little-endian on every machine. The Name is
// not written.
//
// It returns an error before it writes anything if the Shape does not fit the elements
// or has more than MaxDims dimensions; else the first error of w.
func Write(w io.Writer, a Array) error {
	if err := a.check(); err != nil {
		return err
	}
	return a.write(w)
}

// WriteFile writes an .npy file as Write does and puts it in the place of the one of
// that name in one step: whatever happens, the name has the old bytes or the new.
func WriteFile(name string, a Array) error {
	return wire.WriteFileAtomic(name, func(w io.Writer) error { return Write(w, a) })
}

// WriteArchive writes an .npz file with the arrays in their order, each with the bytes
// of Write, deflated if compress is true. np.load reads it. The same arrays give the
// same bytes, deflated ones as long as compress/flate does not change.
//
// It returns an error before it writes anything if a name comes twice, is no UTF-8, has
// a zero byte, or has more than 65,531 bytes, if the names and their records take more
// than 16 MiB, and where Write does; else the first error of w.
func WriteArchive(w io.Writer, compress bool, arrays ...Array) error {
	seen, directory := make(map[string]bool, len(arrays)), 0
	for _, a := range arrays {
		switch {
		case seen[a.Name]:
			return fmt.Errorf("npy: two arrays have the name %s", quote(a.Name))
		case !utf8.ValidString(a.Name) || strings.Contains(a.Name, "\x00"):
			return fmt.Errorf("npy: the name %s is no UTF-8 without zero bytes", quote(a.Name))
		case len(a.Name) > math.MaxUint16-len(suffix):
			return &LimitError{Array: a.Name, What: "bytes of a name", Got: uint64(len(a.Name)), Max: math.MaxUint16 - uint64(len(suffix))}
		}
		seen[a.Name] = true
		// A record, with what it has for sizes of 64 bits.
		if directory += recordBytes + len(a.Name) + len(suffix) + 28; directory > maxDirectory {
			return &LimitError{What: "bytes of directory", Got: uint64(directory), Max: maxDirectory}
		}
		if err := a.check(); err != nil {
			return err
		}
	}
	z := zip.NewWriter(w)
	method := zip.Store
	if compress {
		method = zip.Deflate
	}
	for _, a := range arrays {
		entry, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + suffix, Method: method})
		if err != nil {
			return err
		}
		if err := a.write(entry); err != nil {
			return err
		}
	}
	return z.Close()
}

// WriteArchiveFile writes an .npz file as WriteArchive does, in the place of the one of
// that name, as WriteFile does.
func WriteArchiveFile(name string, compress bool, arrays ...Array) error {
	return wire.WriteFileAtomic(name, func(w io.Writer) error { return WriteArchive(w, compress, arrays...) })
}

func (a Array) check() error {
	n := 1
	for i, d := range a.Shape {
		if d < 0 {
			return fmt.Errorf("npy: %sdimension %d is %d, want 0 or more", of(a.Name, ": "), i, d)
		}
		if d != 0 && n > math.MaxInt/8/d {
			return fmt.Errorf("npy: %sthe shape %v does not fit in memory", of(a.Name, ": "), a.Shape)
		}
		n *= d
	}
	switch {
	case len(a.Float32) > 0 && len(a.Int32) > 0:
		return fmt.Errorf("npy: %sboth Float32 and Int32 have elements, want one of them", of(a.Name, ": "))
	case n != len(a.Float32)+len(a.Int32):
		return fmt.Errorf("npy: %s%d elements, the shape %v wants %d", of(a.Name, ": "), len(a.Float32)+len(a.Int32), a.Shape, n)
	case len(a.Shape) > MaxDims:
		return &LimitError{Array: a.Name, What: "dimensions of an array", Got: uint64(len(a.Shape)), Max: MaxDims}
	}
	return nil
}

// write writes an array that is checked.
func (a Array) write(w io.Writer) error {
	typ := Float32
	if a.Int32 != nil && len(a.Float32) == 0 {
		typ = Int32
	}
	if _, err := w.Write(headerOf(typ, a.Shape)); err != nil {
		return err
	}
	b := make([]byte, 0, min(chunkBytes, 4*(len(a.Float32)+len(a.Int32))))
	flush := func(room int) error {
		if len(b)+room <= cap(b) && room > 0 {
			return nil
		}
		_, err := w.Write(b)
		b = b[:0]
		return err
	}
	for _, v := range a.Float32 {
		if err := flush(4); err != nil {
			return err
		}
		b = little.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range a.Int32 {
		if err := flush(4); err != nil {
			return err
		}
		b = little.AppendUint32(b, uint32(v))
	}
	return flush(0)
}

// headerOf returns the bytes before the data, as numpy.lib.format writes them: room
// for a first dimension of 21 digits, then spaces and a line end up to a multiple of
// 64 bytes, of which there is one at least.
func headerOf(typ Type, shape []int) []byte {
	b := append([]byte(magic), 1, 0, 0, 0)
	b = append(b, "{'descr': '"...)
	b = append(b, typ...)
	b = append(b, "', 'fortran_order': False, 'shape': ("...)
	for i, d := range shape {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	if len(shape) == 1 {
		b = append(b, ',')
	}
	b = append(b, "), }"...)
	if len(shape) > 0 {
		for range 21 - len(strconv.Itoa(shape[0])) {
			b = append(b, ' ')
		}
	}
	for range 64 - (len(b)+1)%64 {
		b = append(b, ' ')
	}
	b = append(b, '\n')
	little.PutUint16(b[8:], uint16(len(b)-10))
	return b
}
