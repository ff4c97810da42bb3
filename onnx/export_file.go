package onnx

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

func valueInfo(name string, t pb.TensorProto_DataType, dims ...string) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range dims {
		var n int64
		if _, err := fmt.Sscan(d, &n); err == nil {
			shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: n}})
		} else {
			shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: d}})
		}
	}
	return &pb.ValueInfoProto{Name: proto.String(name), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(t)), Shape: shape},
	}}}
}

// node adds a node with one output and returns the name of that.
func (e *exporter) node(op string, in []string, attrs ...*pb.AttributeProto) string {
	return e.nodes(op, 1, in, attrs...)[0]
}

func (e *exporter) nodes(op string, outputs int, in []string, attrs ...*pb.AttributeProto) (out []string) {
	e.names++
	for i := range outputs {
		out = append(out, fmt.Sprintf("%s_%d_%d", strings.ToLower(op), e.names, i))
	}
	e.g.Node = append(e.g.Node, &pb.NodeProto{
		OpType: proto.String(op), Name: proto.String(fmt.Sprintf("%s_%d", op, e.names)), Input: in, Output: out, Attribute: attrs,
	})
	return out
}

func integer(name string, v int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(v)}
}

func ints(name string, v ...int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INTS.Enum(), Ints: v}
}

func float(name string, v float32) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_FLOAT.Enum(), F: proto.Float32(v)}
}

func floatList(name string, v []float32) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_FLOATS.Enum(), Floats: v}
}

func text(name, v string) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_STRING.Enum(), S: []byte(v)}
}

func texts(name string, v []string) *pb.AttributeProto {
	a := &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_STRINGS.Enum()}
	for _, s := range v {
		a.Strings = append(a.Strings, []byte(s))
	}
	return a
}

// floats adds a tensor of weights.
func (e *exporter) floats(name string, w []float32, shape ...int) (string, error) {
	if e.bytes += 4 * len(w); e.bytes > math.MaxInt32-1<<20 {
		return "", &ExportError{strings.SplitN(name, ".", 2)[0], name, "the weights up to here take 2 GiB and more, which an ONNX file cannot hold"}
	}
	raw := make([]byte, 0, 4*len(w))
	for _, v := range w {
		b := math.Float32bits(v)
		raw = append(raw, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	t := &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(pb.TensorProto_FLOAT)), RawData: raw}
	for _, n := range shape {
		t.Dims = append(t.Dims, int64(n))
	}
	e.g.Initializer = append(e.g.Initializer, t)
	return name, nil
}

// integers adds a scalar, list a vector.
func (e *exporter) integers(v int64) string { return e.constant([]int64{v}) }

func (e *exporter) list(v []int64) string { return e.constant(v, int64(len(v))) }

func (e *exporter) constant(v []int64, dims ...int64) string {
	e.names++
	name := fmt.Sprintf("constant_%d", e.names)
	e.g.Initializer = append(e.g.Initializer, &pb.TensorProto{
		Name: proto.String(name), DataType: proto.Int32(int32(pb.TensorProto_INT64)), Dims: dims, Int64Data: v,
	})
	return name
}
