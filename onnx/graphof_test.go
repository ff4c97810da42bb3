package onnx

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A graphOf makes the file of one model.
type graphOf struct{ m *pb.ModelProto }

// simple is a model of one LSTM of width 2 and 3 units over x, with the output y.
func simple() graphOf {
	e := &exporter{g: &pb.GraphProto{Name: proto.String("g")}}
	for _, w := range []struct {
		name  string
		shape []int
	}{{"W", []int{1, 12, 2}}, {"R", []int{1, 12, 3}}, {"B", []int{1, 24}}} {
		n := 1
		for _, d := range w.shape {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%7)/8 - 0.3
		}
		if _, err := e.floats(w.name, v, w.shape...); err != nil {
			panic(err)
		}
	}
	e.g.Input = []*pb.ValueInfoProto{valueInfo("x", pb.TensorProto_FLOAT, "time", "batch", "2")}
	e.g.Output = []*pb.ValueInfoProto{valueInfo("y", pb.TensorProto_FLOAT, "time", "1", "batch", "3")}
	e.g.Node = []*pb.NodeProto{{OpType: proto.String("LSTM"), Name: proto.String("lstm"), Input: []string{"x", "W", "R", "B"}, Output: []string{"y"}}}
	return graphOf{&pb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: e.g}}
}

func (g graphOf) bytes() []byte { return must(proto.Marshal(g.m)) }

func (g graphOf) load() (*Network, error) { return Load(bytes.NewReader(g.bytes()), Options{}) }

// attr gives the LSTM an attribute.
func (g graphOf) attr(a ...*pb.AttributeProto) { g.m.Graph.Node[0].Attribute = a }

// after puts a node between the LSTM and the output.
func (g graphOf) after(op string, in []string, attrs ...*pb.AttributeProto) {
	nodes := g.m.Graph.Node
	last := nodes[len(nodes)-1]
	last.Output[0] = "t"
	g.m.Graph.Node = append(nodes, &pb.NodeProto{OpType: proto.String(op), Name: proto.String("after"), Input: append([]string{"t"}, in...), Output: []string{"y"}, Attribute: attrs})
}

func (g graphOf) constant(name string, t pb.TensorProto_DataType, raw []byte, dims ...int64) {
	g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(t)), Dims: dims, RawData: raw})
}

func (g graphOf) tensor(name string) *pb.TensorProto {
	for _, t := range g.m.Graph.Initializer {
		if t.GetName() == name {
			return t
		}
	}
	panic(name)
}

// back puts a node after the others that computes a tensor of another one.
func (g graphOf) back(out, in string) {
	g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Identity"), Name: proto.String("back"), Input: []string{in}, Output: []string{out}})
}
