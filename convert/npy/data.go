package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/simdrnn/simdrnn/convert/internal/narrow"
)

// A number is what elements become.
type number interface{ float32 | int32 }

// wanted is the name of a number's type.
func wanted[E number]() string { return fmt.Sprintf("%T", *new(E)) }

// fill sets dst to the elements of the array, in row-major order. Data begins at
// offset at.
func fill[E number](dst []E, h *header, r io.Reader, name string, at int64) error {
	const most = chunkBytes / 8 // elements that are decoded at a time
	chunk := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(chunk)
	size := h.element.size
	var p *places
	var piece []E // in the order of the file, where that is another
	if h.fortran && len(h.shape) > 1 {
		p, piece = newPlaces(h.shape), make([]E, min(most, len(dst)))
	}
	for done := 0; done < len(dst); {
		n := min(most, len(dst)-done)
		b := chunk[:n*size]
		got, err := io.ReadFull(r, b)
		if at += int64(got); err != nil {
			return ended(&FormatError{Array: name, Offset: at, Reason: fmt.Sprintf("its data ends %d bytes later", int64(len(dst)-done)*int64(size)-int64(got))}, err)
		}
		if h.big {
			turn(b, size)
		}
		to := dst[done : done+n]
		if p != nil {
			to = piece[:n]
		}
		bad, value := decode(to, b, h.element)
		place := done + bad
		if p != nil {
			for k, v := range to {
				to := p.next()
				if dst[to] = v; k == bad {
					place = to
				}
			}
		}
		switch {
		case bad >= 0 && h.element.kind == 'b':
			return &FormatError{Array: name, Offset: at - int64(n-bad), Reason: fmt.Sprintf("element %d, of type %s, is the byte %s, want 0 or 1", place, h.typ, value)}
		case bad >= 0:
			return &RangeError{Array: name, Index: place, Value: value, Want: wanted[E]()}
		}
		done += n
	}
	return nil
}

// whole returns the elements of an array of which nobody knows whether its bytes are
// all there: large ones get memory as the bytes come.
func whole[E number](h *header, r io.Reader, name string, at int64) ([]E, error) {
	const small = 1 << 18
	size := h.bytes()
	if size <= small && h.elements <= small/4 {
		dst := make([]E, h.elements)
		return dst, fill(dst, h, r, name, at)
	}
	var parts []io.Reader
	for got := int64(0); got < size; {
		b := make([]byte, min(max(got, small), size-got))
		n, err := io.ReadFull(r, b)
		if got += int64(n); err != nil {
			return nil, ended(&FormatError{Array: name, Offset: at + got, Reason: fmt.Sprintf("its data ends %d bytes later", size-got)}, err)
		}
		parts = append(parts, bytes.NewReader(b))
	}
	dst := make([]E, h.elements)
	return dst, fill(dst, h, io.MultiReader(parts...), name, at)
}

// places goes through an array in Fortran's order, the first index fastest.
type places struct {
	shape, stride, index []int
	at                   int
}

func newPlaces(shape []int) *places {
	p := &places{shape: shape, stride: make([]int, len(shape)), index: make([]int, len(shape))}
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		p.stride[i] = n
		n *= shape[i]
	}
	return p
}

// next returns the place in row-major order of the next element.
func (p *places) next() int {
	at := p.at
	for i, d := range p.shape {
		p.at += p.stride[i]
		if p.index[i]++; p.index[i] < d {
			break
		}
		p.at -= d * p.stride[i]
		p.index[i] = 0
	}
	return at
}

// turn turns the bytes of each element around.
func turn(b []byte, size int) {
	for ; len(b) > 0; b = b[size:] {
		for i, j := 0, size-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}

// decode sets dst to the elements that b holds, little-endian, and returns the place
// and the value of the first that does not become one of dst, or -1.
func decode[E number](dst []E, b []byte, e element) (int, string) {
	if floats, ok := any(dst).([]float32); ok {
		return toFloat32(floats, b, e)
	}
	return toInt32(any(dst).([]int32), b, e)
}

func toFloat32(dst []float32, b []byte, e element) (int, string) {
	switch {
	case e == element{'f', 4}:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case e == element{'f', 2}:
		for i := range dst {
			dst[i] = narrow.F16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case e == element{'f', 8}:
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			var ok bool
			if dst[i], ok = narrow.F64(v); !ok {
				return i, strconv.FormatFloat(v, 'g', -1, 64)
			}
		}
	case e.kind == 'i':
		for i := range dst {
			dst[i] = narrow.I64(signed(b[i*e.size:], e.size))
		}
	default:
		for i := range dst {
			v := unsigned(b[i*e.size:], e.size)
			if e.kind == 'b' && v > 1 {
				return i, strconv.FormatUint(v, 10)
			}
			dst[i] = narrow.U64(v)
		}
	}
	return -1, ""
}

func toInt32(dst []int32, b []byte, e element) (int, string) {
	if e.kind == 'i' {
		for i := range dst {
			v := signed(b[i*e.size:], e.size)
			if dst[i] = int32(v); int64(dst[i]) != v {
				return i, strconv.FormatInt(v, 10)
			}
		}
		return -1, ""
	}
	most := uint64(math.MaxInt32)
	if e.kind == 'b' {
		most = 1
	}
	for i := range dst {
		v := unsigned(b[i*e.size:], e.size)
		if v > most {
			return i, strconv.FormatUint(v, 10)
		}
		dst[i] = int32(v)
	}
	return -1, ""
}

// unsigned is the integer of size bytes with which b begins; signed has a sign.
func unsigned(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func signed(b []byte, size int) int64 {
	unused := 64 - 8*size
	return int64(unsigned(b, size)<<unused) >> unused
}
