package onnx

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// maxIntegers is how many integers a constant may have. They are those of shapes and
// indices; weights are no integers.
const maxIntegers = 1 << 16

// typeName is the name of a data type as ONNX has it, like FLOAT16.
func typeName(t int32) string {
	if name, ok := pb.TensorProto_DataType_name[t]; ok {
		return name
	}
	return "of a number that is none of ONNX's"
}

// isFloat says whether this package reads a type as float32.
func isFloat(t int32) bool {
	switch pb.TensorProto_DataType(t) {
	case pb.TensorProto_FLOAT, pb.TensorProto_DOUBLE, pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16:
		return true
	}
	return false
}

// isInteger says whether this package reads a type as integers.
func isInteger(t int32) bool {
	switch pb.TensorProto_DataType(t) {
	case pb.TensorProto_INT8, pb.TensorProto_INT16, pb.TensorProto_INT32, pb.TensorProto_INT64,
		pb.TensorProto_UINT8, pb.TensorProto_UINT16, pb.TensorProto_UINT32, pb.TensorProto_UINT64, pb.TensorProto_BOOL:
		return true
	}
	return false
}

// elementsOf is the product of dims.
func elementsOf(dims []int64) (int, bool) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, false
		}
	}
	for _, d := range dims {
		if d == 0 {
			return 0, true
		}
		if n > math.MaxInt32/d {
			return 0, false
		}
		n *= d
	}
	return int(n), true
}

// tensor returns a tensor of a file as a constant.
func (im *importer) tensor(part string, t *pb.TensorProto) (*constant, error) {
	if t == nil {
		return nil, malformed(part, "no tensor")
	}
	if !isFloat(t.GetDataType()) && !isInteger(t.GetDataType()) {
		return nil, malformed(part, "the data type is %s, want a float or an integer type; export it with one of these", typeName(t.GetDataType()))
	}
	n, ok := elementsOf(t.Dims)
	if !ok || len(t.Dims) > maxRank {
		return nil, malformed(part, "the dimensions %v, want at most %d, none of them negative, and below 2^31 elements", t.Dims, maxRank)
	}
	if isInteger(t.GetDataType()) && n > maxIntegers {
		return nil, malformed(part, "%d integers, want at most %d: integers are read as shapes and indices", n, maxIntegers)
	}
	raw := t.RawData
	if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
		var err error
		if raw, err = im.external(part, t); err != nil {
			return nil, err
		}
		if raw == nil {
			raw = []byte{}
		}
	}
	k := &constant{have: make([]int, len(t.Dims)), float: isFloat(t.GetDataType())}
	for i, d := range t.Dims {
		k.dims, k.have[i] = append(k.dims, known(d)), int(d)
	}
	if raw != nil {
		return k, k.setRaw(part, raw, pb.TensorProto_DataType(t.GetDataType()), n)
	}
	return k, k.setTyped(part, t, n)
}

// widthOf is the size of an element in raw data.
func widthOf(t pb.TensorProto_DataType) int {
	switch t {
	case pb.TensorProto_DOUBLE, pb.TensorProto_INT64, pb.TensorProto_UINT64:
		return 8
	case pb.TensorProto_FLOAT, pb.TensorProto_INT32, pb.TensorProto_UINT32:
		return 4
	case pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16, pb.TensorProto_INT16, pb.TensorProto_UINT16:
		return 2
	}
	return 1
}

func (k *constant) setRaw(part string, raw []byte, t pb.TensorProto_DataType, n int) error {
	width := widthOf(t)
	if len(raw) != n*width {
		return malformed(part, "%d bytes of data, want %d: %d elements of type %v", len(raw), n*width, n, t)
	}
	if k.float {
		k.f = make([]float32, n)
	} else {
		k.i = make([]sym, n)
	}
	order := binary.LittleEndian
	for i := range n {
		b := raw[i*width:]
		switch t {
		case pb.TensorProto_FLOAT:
			k.f[i] = math.Float32frombits(order.Uint32(b))
		case pb.TensorProto_DOUBLE:
			k.f[i] = float32(math.Float64frombits(order.Uint64(b)))
		case pb.TensorProto_FLOAT16:
			k.f[i] = fromHalf(order.Uint16(b))
		case pb.TensorProto_BFLOAT16:
			k.f[i] = math.Float32frombits(uint32(order.Uint16(b)) << 16)
		case pb.TensorProto_INT64, pb.TensorProto_UINT64:
			k.i[i] = known(int64(order.Uint64(b)))
		case pb.TensorProto_INT32:
			k.i[i] = known(int64(int32(order.Uint32(b))))
		case pb.TensorProto_UINT32:
			k.i[i] = known(int64(order.Uint32(b)))
		case pb.TensorProto_INT16:
			k.i[i] = known(int64(int16(order.Uint16(b))))
		case pb.TensorProto_UINT16:
			k.i[i] = known(int64(order.Uint16(b)))
		case pb.TensorProto_INT8:
			k.i[i] = known(int64(int8(b[0])))
		default: // UINT8 and BOOL
			k.i[i] = known(int64(b[0]))
		}
	}
	return nil
}

// setTyped reads the data from the field that the type has for it.
func (k *constant) setTyped(part string, t *pb.TensorProto, n int) error {
	short := func(field string, have int) error {
		if have != n {
			return malformed(part, "%d elements in %s, want %d by its dimensions %v", have, field, n, t.Dims)
		}
		return nil
	}
	switch kind := pb.TensorProto_DataType(t.GetDataType()); kind {
	case pb.TensorProto_FLOAT:
		if err := short("float_data", len(t.FloatData)); err != nil {
			return err
		}
		k.f = append(make([]float32, 0, n), t.FloatData...)
	case pb.TensorProto_DOUBLE:
		if err := short("double_data", len(t.DoubleData)); err != nil {
			return err
		}
		for _, v := range t.DoubleData {
			k.f = append(k.f, float32(v))
		}
	case pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16:
		if err := short("int32_data", len(t.Int32Data)); err != nil {
			return err
		}
		for _, v := range t.Int32Data {
			if kind == pb.TensorProto_FLOAT16 {
				k.f = append(k.f, fromHalf(uint16(v)))
			} else {
				k.f = append(k.f, math.Float32frombits(uint32(uint16(v))<<16))
			}
		}
	case pb.TensorProto_INT64:
		if err := short("int64_data", len(t.Int64Data)); err != nil {
			return err
		}
		for _, v := range t.Int64Data {
			k.i = append(k.i, known(v))
		}
	case pb.TensorProto_UINT64, pb.TensorProto_UINT32:
		if err := short("uint64_data", len(t.Uint64Data)); err != nil {
			return err
		}
		for _, v := range t.Uint64Data {
			k.i = append(k.i, known(int64(v)))
		}
	default:
		if err := short("int32_data", len(t.Int32Data)); err != nil {
			return err
		}
		for _, v := range t.Int32Data {
			k.i = append(k.i, known(int64(v)))
		}
	}
	return nil
}

// fromHalf is the float32 of the bits of an IEEE binary16.
func fromHalf(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch {
	case exponent == 31: // infinities and NaNs
		return math.Float32frombits(sign | 255<<23 | mantissa<<13)
	case exponent > 0:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
	}
	v := float32(mantissa) * 0x1p-24
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// textOf is a part of a file as the errors name it.
func textOf(kind, name string) string { return kind + " \"" + cut(name) + "\"" }

// cut is a name from a file as it fits into an error.
func cut(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "..."
	}
	return strings.ToValidUTF8(name, "?")
}
