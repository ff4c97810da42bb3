package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
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
			dst[i] = fromF16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BF16: // the upper half of a float32
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case F64:
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
			if dst[i] = fromF64(v); math.IsInf(float64(dst[i]), 0) && !math.IsInf(v, 0) {
				return i, v
			}
		}
	}
	return -1, 0
}

// fromF16 returns a float16 (1 bit of sign, 5 of exponent, 10 of fraction) as a
// float32, which has them all.
func fromF16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // fraction * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31: // infinities and NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent-15+127)<<23 | fraction<<13)
}

// fromF64 rounds to float32. Of a NaN it keeps the sign and the upper bits of the
// fraction and makes it quiet; what a conversion of the language keeps is up to the
// machine.
func fromF64(v float64) float32 {
	if v != v {
		b := math.Float64bits(v)
		return math.Float32frombits(uint32(b>>63)<<31 | 0x7fc00000 | uint32(b>>29)&(1<<22-1))
	}
	return float32(v)
}
