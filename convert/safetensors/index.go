package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	lengthBytes = 8
	metadataKey = "__metadata__"

	// MaxDims and MaxMetadata are the dimensions of a tensor and the entries of the
	// metadata that files may have.
	MaxDims     = 8
	MaxMetadata = 1024

	// entryBytes is what a tensor takes in a header at least.
	entryBytes = len(`"":{"dtype":"U8","shape":[],"data_offsets":[0,1]},`)

	referenceLimit = 100_000_000 // of the header, in the reference implementation
)

// Limits are what files may ask for. The zero value has the defaults, with which
// the package's functions work.
type Limits struct {
	// Header is the largest header in bytes. 0 means 4 MiB, some 40,000 tensors, or
	// for a stream, whose length nobody knows, 512 KiB. The reference
	// implementation takes 100,000,000, and so this cannot be more.
	Header int
}

// header returns the limit that holds.
func (l Limits) header(otherwise int) (uint64, error) {
	if l.Header < 0 || l.Header > referenceLimit {
		return 0, fmt.Errorf("safetensors: Limits.Header is %d, want 1 to %d, or 0 for the default", l.Header, referenceLimit)
	}
	return uint64(cmp.Or(l.Header, otherwise)), nil
}

// A record is a tensor in the index of a file. Headers can have some entries for
// every 50 bytes, so it is small, and finds its shape in the header.
type record struct {
	name             string
	begin            int64  // of its data, from the end of the header
	shapeAt, shapeTo uint32 // in the header
	typ              uint8  // in types
}

// An index is the header of a file, read and checked.
type index struct {
	header   string
	metadata map[string]string
	records  []record // by name
	order    []uint32 // the records in the order of their data
}

// start is where the data begins in the file.
func (x *index) start() int64 { return lengthBytes + int64(len(x.header)) }

// readIndex reads the header at the start of r. size is the length of the file, or
// -1 for one that is not known.
func readIndex(r io.Reader, size int64, limit uint64) (*index, error) {
	var length [lengthBytes]byte
	if n, err := io.ReadFull(r, length[:]); err != nil {
		return nil, ended(&FormatError{Offset: int64(n), Reason: "the length of the header takes 8 bytes"}, err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	switch {
	case n < 2:
		return nil, &FormatError{Reason: fmt.Sprintf("a header of %d bytes, want at least the 2 of {}", n)}
	case size >= 0 && n > uint64(size-lengthBytes):
		return nil, &FormatError{Reason: fmt.Sprintf("a header of %d bytes in a file of %d", n, size), Err: io.ErrUnexpectedEOF}
	case n > limit:
		return nil, &LimitError{What: "bytes of header", Got: n, Max: limit, Hint: "raise Limits.Header if the file is meant to have them"}
	}
	var text strings.Builder
	text.Grow(int(n))
	if got, err := io.CopyN(&text, r, int64(n)); err != nil {
		return nil, ended(&FormatError{Offset: lengthBytes + got, Reason: fmt.Sprintf("the header has %d bytes", n)}, err)
	}
	x := &index{header: text.String()}
	if err := x.parse(); err != nil {
		return nil, err
	}
	return x, x.arrange(size)
}

// ended completes e by the error with which reading stopped.
func ended(e *FormatError, err error) error {
	if e.Err = err; err == io.EOF {
		e.Err = io.ErrUnexpectedEOF
	}
	return e
}

// parse fills records and metadata from the header.
func (x *index) parse() error {
	p := newScanner(x.header)
	switch {
	case x.header[0] != '{':
		return p.Bad("the header begins with %s, want '{'", p.Found())
	case !utf8.ValidString(x.header):
		return p.Bad("the header is no UTF-8")
	}
	x.records = make([]record, 0, min(len(x.header)/entryBytes+1, strings.Count(x.header, `"data_offsets"`)))
	err := p.object(func(key string) error {
		if key == metadataKey {
			return x.parseMetadata(p)
		}
		at := p.At
		r, err := p.tensor()
		if bad, ok := err.(*FormatError); ok {
			bad.Tensor = key
		}
		if err != nil {
			return err
		}
		if len(x.records) == cap(x.records) {
			p.At = at
			return p.Bad("a field is named data_offsets by escapes, want it as it is")
		}
		r.name = key
		x.records = append(x.records, r)
		return nil
	})
	if err != nil {
		return err
	}
	if p.Space(); p.At < len(p.Text) {
		return p.Bad("%s after the header's end, want spaces", p.Found())
	}
	return nil
}

func (x *index) parseMetadata(p *scanner) error {
	if x.metadata != nil {
		return p.Bad("%s comes twice", metadataKey)
	}
	x.metadata = map[string]string{}
	return p.object(func(key string) error {
		if _, twice := x.metadata[key]; twice {
			return p.Bad("the key %s of %s comes twice", quote(key), metadataKey)
		}
		if len(x.metadata) == MaxMetadata {
			return &LimitError{What: "entries of metadata", Got: MaxMetadata + 1, Max: MaxMetadata}
		}
		value, err := p.text()
		x.metadata[key] = value
		return err
	})
}

// tensor reads what the header says of one.
func (p *scanner) tensor() (r record, err error) {
	var typ, shape, offsets bool
	elements, ends, bounds := uint64(1), [2]int64{}, 0
	once := func(seen *bool, field string) error {
		if *seen {
			return p.Bad("%s comes twice", field)
		}
		*seen = true
		return nil
	}
	err = p.object(func(key string) error {
		switch key {
		case "dtype":
			if err := once(&typ, key); err != nil {
				return err
			}
			name, err := p.text()
			if err != nil {
				return err
			}
			for i, t := range types {
				if t.name == Type(name) {
					r.typ = uint8(i)
					return nil
				}
			}
			return p.Bad("the type %s is none that the format is known to have", quote(name))
		case "shape":
			if err := once(&shape, key); err != nil {
				return err
			}
			p.Space()
			r.shapeAt = uint32(p.At)
			dims := 0
			err := p.numbers(func(d int64) error {
				if dims++; dims > MaxDims {
					return &LimitError{What: "dimensions of a tensor", Got: uint64(dims), Max: MaxDims}
				}
				if d > math.MaxInt || d != 0 && elements > math.MaxInt/uint64(d) {
					return p.Bad("a shape with more elements than fit in memory")
				}
				elements *= uint64(d)
				return nil
			})
			r.shapeTo = uint32(p.At)
			return err
		case "data_offsets":
			if err := once(&offsets, key); err != nil {
				return err
			}
			return p.numbers(func(n int64) error {
				if bounds == len(ends) {
					return p.Bad("more than two data_offsets")
				}
				ends[bounds] = n
				bounds++
				return nil
			})
		}
		return p.Bad("%s is no field of a tensor, which has dtype, shape and data_offsets", quote(key))
	})
	if err != nil {
		return r, err
	}
	if !typ || !shape || bounds != len(ends) {
		return r, p.Bad("a tensor has dtype, shape and two data_offsets; want them all")
	}
	bits := uint64(types[r.typ].bits)
	if elements > math.MaxInt/bits {
		return r, p.Bad("a shape with more bytes than fit in memory")
	}
	if elements*bits%8 != 0 {
		return r, p.Bad("%d elements of %s do not end with a byte", elements, types[r.typ].name)
	}
	if want := int64(elements * bits / 8); ends[1]-ends[0] != want {
		return r, p.Bad("data_offsets are %d, which is not the %d bytes of %d elements of %s", ends, want, elements, types[r.typ].name)
	}
	r.begin = ends[0]
	return r, nil
}

// arrange sorts the records and checks that each name is there once and that their
// data lies side by side and ends with the file.
func (x *index) arrange(size int64) error {
	slices.SortFunc(x.records, func(a, b record) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.shapeAt, b.shapeAt))
	})
	x.order = make([]uint32, len(x.records))
	for i, r := range x.records {
		x.order[i] = uint32(i)
		if i > 0 && r.name == x.records[i-1].name {
			return &FormatError{Tensor: r.name, Offset: int64(r.shapeAt) + lengthBytes, Reason: "the name comes twice"}
		}
	}
	slices.SortFunc(x.order, func(a, b uint32) int {
		r, s := &x.records[a], &x.records[b]
		if r.begin != s.begin {
			return cmp.Compare(r.begin, s.begin)
		}
		// A tensor without elements comes before the one that begins where it lies.
		return cmp.Or(cmp.Compare(x.bytes(r), x.bytes(s)), cmp.Compare(a, b))
	})
	end := int64(0)
	for _, i := range x.order {
		r := &x.records[i]
		if r.begin != end {
			what := "overlaps with the one before"
			if r.begin > end {
				what = "leaves a gap to the one before"
			}
			return &FormatError{Tensor: r.name, Offset: x.start() + end, Reason: fmt.Sprintf("its data begins at %d of the data, want %d: it %s", r.begin, end, what)}
		}
		end += x.bytes(r)
	}
	switch left := size - x.start() - end; {
	case size < 0 || left == 0:
		return nil
	case left < 0:
		return &FormatError{Offset: size, Reason: fmt.Sprintf("the tensors take %d bytes, the file has %d for them", end, end+left), Err: io.ErrUnexpectedEOF}
	default:
		return &FormatError{Offset: size - left, Reason: fmt.Sprintf("%d bytes follow that belong to no tensor", left)}
	}
}

// dims are the dimensions of a record.
func (x *index) dims(r *record) iter.Seq[int] {
	return func(yield func(int) bool) {
		p := newScanner(x.header[r.shapeAt:r.shapeTo])
		p.numbers(func(d int64) error {
			if !yield(int(d)) {
				return io.EOF
			}
			return nil
		})
	}
}

// elements is the number of elements of a record.
func (x *index) elements(r *record) int {
	n := 1
	for d := range x.dims(r) {
		n *= d
	}
	return n
}

// bytes is how many the data of a record takes.
func (x *index) bytes(r *record) int64 { return int64(x.elements(r)) * int64(types[r.typ].bits) / 8 }

func (x *index) info(r *record) Info {
	return Info{Name: r.name, Type: types[r.typ].name, Shape: slices.Collect(x.dims(r))}
}

// find returns the record of the name, or nil.
func (x *index) find(name string) *record {
	i, ok := slices.BinarySearchFunc(x.records, name, func(r record, name string) int { return strings.Compare(r.name, name) })
	if !ok {
		return nil
	}
	return &x.records[i]
}

// Len returns the number of tensors.
func (x *index) Len() int { return len(x.records) }

// Names returns the names of the tensors in the order of their data.
func (x *index) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, i := range x.order {
			if !yield(x.records[i].name) {
				return
			}
		}
	}
}

// All returns the tensors in the order of their data.
func (x *index) All() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		for _, i := range x.order {
			if !yield(x.info(&x.records[i])) {
				return
			}
		}
	}
}

// Info returns what the tensor of that name is, and whether there is one.
func (x *index) Info(name string) (Info, bool) {
	r := x.find(name)
	if r == nil {
		return Info{}, false
	}
	return x.info(r), true
}

// Shape returns the shape of the tensor of that name, nil of a scalar, and whether
// there is one. The error is always nil: it is that of formats whose shapes stand with
// the tensors.
func (x *index) Shape(name string) (shape []int, found bool, err error) {
	info, found := x.Info(name)
	return info.Shape, found, nil
}

// Metadata returns a copy of what the file says under "__metadata__", nil if it
// says nothing there.
func (x *index) Metadata() map[string]string { return maps.Clone(x.metadata) }
