package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
)

// A Section is one named array of a file, read and checked.
type Section struct {
	Name  string
	Type  Type
	Shape []int

	Bytes   []byte    // set when Type is Byte
	Float32 []float32 // set when Type is Float32
	Float64 []float64 // set when Type is Float64
	Int64   []int64   // set when Type is Int64
}

// A Reader reads one file, section by section.
type Reader struct {
	r        io.Reader
	off      int64
	left     int64 // bytes the stream still holds, -1 when it cannot say
	crc      uint32
	sections uint32
	contents uint32
	kind     string
	err      error
	buf      []byte
}

// NewReader reads the header of a file. kind is the kind wanted and contents
// the newest version of it that the caller understands.
func NewReader(r io.Reader, kind string, contents uint32) (*Reader, error) {
	rd := &Reader{r: r, left: sizeLeft(r), buf: make([]byte, chunkBytes)}
	head := rd.buf[:len(magic)]
	if err := rd.read("", head); err != nil {
		return nil, err
	}
	if string(head) != magic {
		return nil, rd.bad("", fmt.Sprintf("the first bytes are %q, want %q", head, magic))
	}
	head = rd.buf[:10]
	if err := rd.read("", head); err != nil {
		return nil, err
	}
	version := binary.LittleEndian.Uint32(head)
	rd.contents = binary.LittleEndian.Uint32(head[4:])
	name := make([]byte, binary.LittleEndian.Uint16(head[8:]))
	if err := rd.read("", name); err != nil {
		return nil, err
	}
	if err := rd.check(""); err != nil {
		return nil, err
	}
	rd.kind = string(name)
	// Only an undamaged header can be from a newer program or of another kind.
	if version < 1 || version > Version {
		return nil, &VersionError{What: "framing", Got: version, Max: Version}
	}
	if rd.kind != kind {
		return nil, &KindError{Got: rd.kind, Want: kind}
	}
	if rd.contents < 1 || rd.contents > contents {
		return nil, &VersionError{What: kind, Got: rd.contents, Max: contents}
	}
	return rd, nil
}

// Contents is the version of the file's contents.
func (r *Reader) Contents() uint32 { return r.contents }

// Next reads the next section. After the last one it checks the end mark and
// returns io.EOF; any other error means the file cannot be used.
func (r *Reader) Next() (*Section, error) {
	if r.err != nil {
		return nil, r.err
	}
	s, err := r.next()
	r.err = err
	return s, err
}

func (r *Reader) next() (*Section, error) {
	head := r.buf[:4]
	if err := r.read("", head); err != nil {
		return nil, err
	}
	nameLen := int(binary.LittleEndian.Uint16(head))
	typ, dims := Type(head[2]), int(head[3])
	if nameLen == 0 {
		return nil, r.end(typ, dims)
	}
	if dims > maxDims || typ.size() == 0 {
		return nil, r.bad("", fmt.Sprintf("a section of %v with %d dimensions", typ, dims))
	}
	rest := make([]byte, nameLen+8*dims)
	if err := r.read("", rest); err != nil {
		return nil, err
	}
	name := string(rest[:nameLen])
	if err := r.check(name); err != nil {
		return nil, err
	}
	s := &Section{Name: name, Type: typ, Shape: make([]int, dims)}
	n, ok := 1, true
	for i := range s.Shape {
		d := binary.LittleEndian.Uint64(rest[nameLen+8*i:])
		if d > math.MaxInt {
			return nil, r.bad(name, fmt.Sprintf("dimension %d is %d", i, d))
		}
		s.Shape[i] = int(d)
		if n, ok = product(n, int(d)); !ok {
			break
		}
	}
	bytes, fits := product(n, typ.size())
	if !ok || !fits {
		return nil, r.bad(name, fmt.Sprintf("shape %v does not fit in memory", s.Shape))
	}
	// The whole array at once when the stream is known to hold it, otherwise as
	// the bytes arrive.
	room := 0
	if r.left >= int64(bytes) {
		room = n
	}
	var err error
	switch typ {
	case Byte:
		s.Bytes, err = elements(r, name, make([]byte, 0, room), n, 1, func(dst, src []byte) []byte {
			return append(dst, src...)
		})
	case Float32:
		s.Float32, err = elements(r, name, make([]float32, 0, room), n, 4, func(dst []float32, src []byte) []float32 {
			for ; len(src) > 0; src = src[4:] {
				dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(src)))
			}
			return dst
		})
	case Float64:
		s.Float64, err = elements(r, name, make([]float64, 0, room), n, 8, func(dst []float64, src []byte) []float64 {
			for ; len(src) > 0; src = src[8:] {
				dst = append(dst, math.Float64frombits(binary.LittleEndian.Uint64(src)))
			}
			return dst
		})
	case Int64:
		s.Int64, err = elements(r, name, make([]int64, 0, room), n, 8, func(dst []int64, src []byte) []int64 {
			for ; len(src) > 0; src = src[8:] {
				dst = append(dst, int64(binary.LittleEndian.Uint64(src)))
			}
			return dst
		})
	}
	if err != nil {
		return nil, err
	}
	if err := r.check(name); err != nil {
		return nil, err
	}
	r.sections++
	return s, nil
}

// elements appends n elements of the given size to dst, a chunk at a time.
func elements[E any](r *Reader, name string, dst []E, n, size int, decode func([]E, []byte) []E) ([]E, error) {
	for len(dst) < n {
		chunk := r.buf[:min(n-len(dst), chunkBytes/size)*size]
		if err := r.read(name, chunk); err != nil {
			return nil, err
		}
		dst = decode(dst, chunk)
	}
	return dst, nil
}

func (r *Reader) end(typ Type, dims int) error {
	count := r.buf[:4]
	if err := r.read("", count); err != nil {
		return err
	}
	got := binary.LittleEndian.Uint32(count)
	if err := r.check("end"); err != nil {
		return err
	}
	if typ != 0 || dims != 0 || got != r.sections {
		return r.bad("end", fmt.Sprintf("the end mark counts %d sections, read %d", got, r.sections))
	}
	return io.EOF
}

func (r *Reader) read(section string, b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.off += int64(n)
	if r.left >= 0 {
		r.left -= int64(n)
	}
	r.crc = crc32.Update(r.crc, castagnoli, b[:n])
	if err == nil {
		return nil
	}
	reason := "reading failed"
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err, reason = io.ErrUnexpectedEOF, "the file ends early"
	}
	return &FormatError{Section: section, Offset: r.off, Reason: reason, Err: err}
}

// check reads a checksum and compares it with that of the bytes since the last.
func (r *Reader) check(section string) error {
	want := r.crc
	var b [4]byte
	if err := r.read(section, b[:]); err != nil {
		return err
	}
	r.crc = 0
	if got := binary.LittleEndian.Uint32(b[:]); got != want {
		return r.bad(section, fmt.Sprintf("checksum %08x, the bytes before it have %08x", got, want))
	}
	return nil
}

func (r *Reader) bad(section, reason string) error {
	return &FormatError{Section: section, Offset: r.off, Reason: reason}
}

// product returns a*b of two counts and whether it fits in an int.
func product(a, b int) (int, bool) {
	if a != 0 && b > math.MaxInt/a {
		return 0, false
	}
	return a * b, true
}

// sizeLeft returns how many bytes a file or an in-memory reader still has.
func sizeLeft(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case *os.File:
		info, err := r.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return -1
		}
		pos, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return -1
		}
		return max(0, info.Size()-pos)
	}
	return -1
}

// A File is a whole file in memory, every checksum good.
type File struct {
	Contents uint32
	sections map[string]*Section
	names    []string
}

// Read reads a whole file; kind and contents as in NewReader. It leaves what
// follows the file in the stream.
func Read(r io.Reader, kind string, contents uint32) (*File, error) {
	rd, err := NewReader(r, kind, contents)
	if err != nil {
		return nil, err
	}
	f := &File{Contents: rd.contents, sections: map[string]*Section{}}
	for {
		s, err := rd.Next()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return nil, err
		}
		if f.sections[s.Name] != nil {
			return nil, rd.bad(s.Name, "the section is there twice")
		}
		f.sections[s.Name] = s
		f.names = append(f.names, s.Name)
	}
}

// ReadFile reads the file of that name and refuses bytes after its end.
func ReadFile(name, kind string, contents uint32) (*File, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := Read(r, kind, contents)
	if err != nil {
		return nil, err
	}
	off, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if n, _ := io.CopyN(io.Discard, r, 1); n > 0 {
		return nil, &FormatError{Section: "end", Offset: off, Reason: "bytes follow the end mark"}
	}
	return f, nil
}

// Sum is the SHA-256 of the contents: of the names, shapes and values of all sections in the
// order of the file.
func (f *File) Sum() (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	w := NewWriter(h, "sum", f.Contents)
	for _, name := range f.names {
		switch s := f.sections[name]; s.Type {
		case Byte:
			w.Bytes(name, s.Bytes)
		case Float32:
			w.Float32(name, s.Float32, s.Shape...)
		case Float64:
			w.Float64(name, s.Float64, s.Shape...)
		case Int64:
			w.Int64(name, s.Int64, s.Shape...)
		}
	}
	err = w.Close()
	return [sha256.Size]byte(h.Sum(nil)), err
}

// Names are the names of the sections in the order of the file.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Has reports whether the file has a section of that name.
func (f *File) Has(name string) bool { return f.sections[name] != nil }

// Bytes returns a section of bytes.
func (f *File) Bytes(name string) ([]byte, error) {
	s, err := f.get(name, Byte, nil)
	if err != nil {
		return nil, err
	}
	return s.Bytes, nil
}

// Float32 returns a section of float32 values, of exactly that shape if one is
// given.
func (f *File) Float32(name string, shape ...int) ([]float32, error) {
	s, err := f.get(name, Float32, shape)
	if err != nil {
		return nil, err
	}
	return s.Float32, nil
}

// Float64 returns a section of float64 values.
func (f *File) Float64(name string, shape ...int) ([]float64, error) {
	s, err := f.get(name, Float64, shape)
	if err != nil {
		return nil, err
	}
	return s.Float64, nil
}

// Int64 returns a section of integers.
func (f *File) Int64(name string, shape ...int) ([]int64, error) {
	s, err := f.get(name, Int64, shape)
	if err != nil {
		return nil, err
	}
	return s.Int64, nil
}

func (f *File) get(name string, t Type, shape []int) (*Section, error) {
	s := f.sections[name]
	if s == nil {
		return nil, &MissingError{Section: name}
	}
	if s.Type != t || shape != nil && !slices.Equal(s.Shape, shape) {
		return nil, &ShapeError{Section: name, GotType: s.Type, WantType: t, Got: s.Shape, Want: slices.Clone(shape)}
	}
	return s, nil
}
