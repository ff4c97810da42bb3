package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
)

const (
	magic = "\x93NUMPY"

	// MaxDims is the number of dimensions that arrays may have: NumPy's own limit.
	MaxDims = 64

	// maxHeader are the bytes of the largest header of version 1.0. NumPy takes no
	// more than 10,000.
	maxHeader = 1<<16 - 1

	chunkBytes = 1 << 16 // at least maxHeader
)

var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// A header says what an array is.
type header struct {
	typ      Type
	element  element
	big      bool // big-endian
	readable bool // element is one that can be read
	fortran  bool
	shape    []int
	elements int
	length   int64 // bytes from the magic to the data
}

// bytes are those of the data of a header that is readable.
func (h *header) bytes() int64 { return int64(h.elements) * int64(h.element.size) }

// check returns an error unless the elements become those of the type that is wanted.
func (h *header) check(name, want string) error {
	if !h.readable || want == "int32" && h.element.kind == 'f' {
		return &TypeError{Array: name, Type: h.typ, Want: want}
	}
	return nil
}

// readHeader reads the header of an array, which begins at offset at. name is that of
// the array, for errors. It returns io.EOF if there is not one byte.
func readHeader(r io.Reader, name string, at int64) (*header, error) {
	chunk := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(chunk)
	b := chunk[:8]
	n, err := io.ReadFull(r, b)
	switch {
	case err == io.EOF:
		return nil, err
	case string(b[:min(n, len(magic))]) != magic[:min(n, len(magic))]:
		return nil, &FormatError{Array: name, Offset: at, Reason: fmt.Sprintf("it begins with %q, want %q: this is no array", b[:min(n, len(magic))], magic)}
	case err != nil:
		return nil, ended(&FormatError{Array: name, Offset: at + int64(n), Reason: "the magic and the version take 8 bytes"}, err)
	case b[6] < 1 || b[6] > 3 || b[7] != 0:
		return nil, &FormatError{Array: name, Offset: at + 6, Reason: fmt.Sprintf("the version is %d.%d, want 1.0, 2.0 or 3.0", b[6], b[7])}
	}
	version := b[6]
	b = chunk[:2]
	if version > 1 {
		b = chunk[:4]
	}
	if n, err := io.ReadFull(r, b); err != nil {
		return nil, ended(&FormatError{Array: name, Offset: at + 8 + int64(n), Reason: fmt.Sprintf("the length of the header takes %d bytes", len(b))}, err)
	}
	start := 8 + len(b)
	length := uint64(binary.LittleEndian.Uint16(b))
	if version > 1 {
		length = uint64(binary.LittleEndian.Uint32(b))
	}
	if length > maxHeader {
		return nil, &LimitError{Array: name, What: "bytes of header", Got: length, Max: maxHeader}
	}
	b = chunk[:length]
	if n, err := io.ReadFull(r, b); err != nil {
		return nil, ended(&FormatError{Array: name, Offset: at + int64(start+n), Reason: fmt.Sprintf("the header has %d bytes", length)}, err)
	}
	h := &header{length: int64(start) + int64(length)}
	p := newScanner(b, name, at+int64(start), version < 3)
	return h, p.header(h)
}

// header reads the three entries of the dictionary.
func (p *scanner) header(h *header) error {
	var descr, fortran, shape bool
	err := p.dict(func(key string) error {
		seen := map[string]*bool{"descr": &descr, "fortran_order": &fortran, "shape": &shape}[key]
		switch {
		case seen == nil:
			return p.Bad("%s is no key of a header, which has descr, fortran_order and shape", quote(key))
		case *seen:
			return p.Bad("the key %s comes twice", key)
		}
		*seen = true
		switch key {
		case "descr":
			text, err := p.descr()
			h.typ = Type(text)
			h.element, h.big, h.readable = h.typ.element()
			return err
		case "fortran_order":
			var err error
			h.fortran, err = p.boolean()
			return err
		}
		return p.shape(h)
	})
	p.Space()
	switch {
	case err != nil:
		return err
	case p.At < len(p.Text):
		return p.Bad("%s after the header's end, want spaces", p.Found())
	case !descr || !fortran || !shape:
		return p.Bad("a header has descr, fortran_order and shape; want them all")
	}
	return nil
}

// shape reads the tuple of dimensions.
func (p *scanner) shape(h *header) error {
	var dims [MaxDims]int
	n := 0
	h.elements = 1
	err := p.tuple(func(d uint64) error {
		if n == MaxDims {
			return &LimitError{Array: p.array, What: "dimensions of an array", Got: MaxDims + 1, Max: MaxDims}
		}
		// Elements of 8 bytes, or slices of 4, are to have a size that fits in an int.
		if d > math.MaxInt/8 || d != 0 && h.elements > math.MaxInt/8/int(d) {
			return p.Bad("a shape with more elements than fit in memory")
		}
		dims[n] = int(d)
		n++
		h.elements *= int(d)
		return nil
	})
	if n > 0 {
		h.shape = slices.Clone(dims[:n])
	}
	return err
}
