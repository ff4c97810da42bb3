package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/simdrnn/simdrnn/convert/internal/narrow"
)

const chunkBytes = 1 << 16

var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// floats reads the next len(dst) elements of a tensor from r, the first of which is
// its element number first. at is where r stands in the file.
func (x *index) floats(dst []float32, r io.Reader, rec *record, first int, at int64) error {
	chunk := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(chunk)
	t := types[rec.typ]
	size := t.bits / 8
	for done := 0; done < len(dst); {
		part := dst[done:min(done+chunkBytes/size, len(dst))]
		b := chunk[:len(part)*size]
		n, err := io.ReadFull(r, b)
		if at += int64(n); err != nil {
			return ended(&FormatError{Tensor: rec.name, Offset: at, Reason: fmt.Sprintf("its data ends %d bytes later", int64(len(dst)-done)*int64(size)-int64(n))}, err)
		}
		if i, v := decode(part, b, t.name); i >= 0 {
			return &RangeError{Tensor: rec.name, Index: first + done + i, Value: v}
		}
		done += len(part)
	}
	return nil
}

// readable returns an error unless the elements of a record become float32.
func readable(r *record) error {
	switch t := types[r.typ].name; t {
	case F32, F16, BF16, F64:
		return nil
	default:
		return &TypeError{Tensor: r.name, Type: t}
	}
}

// decode sets dst to the elements that src holds, and returns the place and the value
// of the first that is beyond the range, or -1.
func decode(dst []float32, src []byte, t Type) (int, float64) {
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = narrow.F16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BF16: // the upper half of a float32
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case F64:
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
			var ok bool
			if dst[i], ok = narrow.F64(v); !ok {
				return i, v
			}
		}
	}
	return -1, 0
}
