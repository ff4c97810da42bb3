package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Version is the version of the framing that a Writer writes.
const Version = 1

const (
	magic      = "\x89SRNN\r\n\x1a"
	maxDims    = 8
	chunkBytes = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Type is the element type of a section.
type Type uint8

// The element types. Their numbers are part of the format.
const (
	Byte Type = 1 + iota
	Float32
	Float64
	Int64
)

func (t Type) String() string {
	switch t {
	case Byte:
		return "bytes"
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case Int64:
		return "int64"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// size is the bytes of one element, 0 for an unknown type.
func (t Type) size() int {
	switch t {
	case Byte:
		return 1
	case Float32:
		return 4
	case Float64, Int64:
		return 8
	}
	return 0
}

// A Writer writes one file, section by section. The first error sticks: later
// calls do nothing, and Close returns it.
type Writer struct {
	w        io.Writer
	crc      uint32
	n        int64
	sections uint32
	names    map[string]bool
	buf      []byte
	err      error
}

// NewWriter writes the header of a file of the given kind, whose contents have
// the version given (1 or more).
func NewWriter(w io.Writer, kind string, contents uint32) *Writer {
	wr := &Writer{w: w, names: map[string]bool{}, buf: make([]byte, 0, chunkBytes)}
	if len(kind) == 0 || len(kind) > math.MaxUint16 || contents == 0 {
		wr.err = errors.New("wire: a file needs a kind and a contents version of 1 or more")
		return wr
	}
	b := append(wr.buf, magic...)
	b = binary.LittleEndian.AppendUint32(b, Version)
	b = binary.LittleEndian.AppendUint32(b, contents)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(kind)))
	b = append(b, kind...)
	wr.write(b)
	wr.sum()
	return wr
}

// Bytes writes a section of bytes.
func (w *Writer) Bytes(name string, v []byte) {
	if w.begin(name, Byte, len(v), nil) {
		w.write(v)
		w.sum()
	}
}

// Float32 writes a section of float32 values; without a shape it has one
// dimension. The bits are kept, those of a NaN too.
func (w *Writer) Float32(name string, v []float32, shape ...int) {
	if !w.begin(name, Float32, len(v), shape) {
		return
	}
	for len(v) > 0 {
		n := min(len(v), chunkBytes/4)
		b := w.buf[:0]
		for _, x := range v[:n] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		w.write(b)
		v = v[n:]
	}
	w.sum()
}

// Float64 writes a section of float64 values.
func (w *Writer) Float64(name string, v []float64, shape ...int) {
	if !w.begin(name, Float64, len(v), shape) {
		return
	}
	for len(v) > 0 {
		n := min(len(v), chunkBytes/8)
		b := w.buf[:0]
		for _, x := range v[:n] {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		w.write(b)
		v = v[n:]
	}
	w.sum()
}

// Int64 writes a section of integers.
func (w *Writer) Int64(name string, v []int64, shape ...int) {
	if !w.begin(name, Int64, len(v), shape) {
		return
	}
	for len(v) > 0 {
		n := min(len(v), chunkBytes/8)
		b := w.buf[:0]
		for _, x := range v[:n] {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
		w.write(b)
		v = v[n:]
	}
	w.sum()
}

// Written is the number of bytes written to the stream so far.
func (w *Writer) Written() int64 { return w.n }

// Close writes the end mark, without which a reader refuses the file, and
// returns the first error of all calls. It does not close the stream.
func (w *Writer) Close() error {
	b := append(w.buf[:0], 0, 0, 0, 0)
	w.write(binary.LittleEndian.AppendUint32(b, w.sections))
	w.sum()
	if w.err == nil {
		w.err = errors.New("wire: the writer is closed")
		return nil
	}
	return w.err
}

// begin writes the head of a section and reports whether the payload may follow.
func (w *Writer) begin(name string, t Type, n int, shape []int) bool {
	if w.err != nil {
		return false
	}
	if len(shape) == 0 {
		shape = []int{n}
	}
	elems := 1
	for _, d := range shape {
		elems *= d
	}
	switch {
	case name == "" || len(name) > math.MaxUint16:
		w.err = fmt.Errorf("wire: a section name has 1 to %d bytes, not %d", math.MaxUint16, len(name))
	case w.names[name]:
		w.err = fmt.Errorf("wire: section %q is written twice", name)
	case len(shape) > maxDims:
		w.err = fmt.Errorf("wire: section %q has %d dimensions, at most %d", name, len(shape), maxDims)
	case elems != n:
		w.err = fmt.Errorf("wire: section %q has shape %v for %d elements", name, shape, n)
	}
	if w.err != nil {
		return false
	}
	w.names[name] = true
	w.sections++
	b := binary.LittleEndian.AppendUint16(w.buf[:0], uint16(len(name)))
	b = append(b, byte(t), byte(len(shape)))
	b = append(b, name...)
	for _, d := range shape {
		b = binary.LittleEndian.AppendUint64(b, uint64(d))
	}
	w.write(b)
	w.sum()
	return w.err == nil
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	w.crc = crc32.Update(w.crc, castagnoli, b)
	n, err := w.w.Write(b)
	w.n += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	w.err = err
}

// sum writes the checksum of everything since the last one.
func (w *Writer) sum() {
	crc := w.crc
	w.write(binary.LittleEndian.AppendUint32(nil, crc))
	w.crc = 0
}
