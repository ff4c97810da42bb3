package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// graph writes the layer: of x, [steps][batch][in], the output y of all steps, or of the last.
func (w *written) graph() *pb.ModelProto {
	w.g, w.next = &pb.GraphProto{Name: proto.String("g")}, 0
	T, B, H := int64(w.steps), int64(w.batch), int64(w.hidden)
	w.g.Input = []*pb.ValueInfoProto{valueInfo("x", pb.TensorProto_FLOAT, fmt.Sprint(T), fmt.Sprint(B), fmt.Sprint(w.in))}
	top := w.g
	h := w.floats(slices.Repeat(w.h0, w.batch), B, H)
	c := w.floats(slices.Repeat(w.c0, w.batch), B, H)
	x := "x"
	lstm := w.kind == "LSTM"
	var y, end string
	switch w.form {
	case "unrolled":
		if w.hoisted {
			m := side(w.w, w.order)
			rows := len(w.w) * w.hidden
			x = w.node("MatMul", []string{x, w.floats(transposed(m, rows, w.in), int64(w.in), int64(rows))})
			if w.bias {
				x = w.node("Add", []string{x, w.floats(side(w.b, w.order), int64(rows))})
			}
		}
		var list, outs []string
		if w.slices == 2 {
			list = w.split(x, 0, slices.Repeat([]int64{1}, w.steps)...)
		}
		outs = make([]string, w.steps)
		for i := range w.steps {
			t := int64(i)
			if w.reverse {
				t = T - 1 - t
			}
			var at string
			switch w.slices {
			case 0:
				at = w.node("Gather", []string{x, w.scalar(t)}, integer("axis", 0))
			case 1:
				at = w.node("Squeeze", []string{w.node("Slice", []string{x, w.ints(t), w.ints(t + 1), w.ints(0)}), w.ints(0)})
			default:
				at = w.node("Squeeze", []string{list[t], w.ints(0)})
			}
			if w.folded && i == 0 {
				h, c = w.step(at, "", "")
			} else {
				h, c = w.step(at, h, c)
			}
			outs[t] = w.node("Unsqueeze", []string{h, w.ints(0)})
		}
		y, end = w.node("Concat", outs, integer("axis", 0)), h
	default:
		turned := w.form == "scan" && w.slices == 0 // by attributes
		if w.reverse && !turned {
			x = w.node("Slice", []string{x, w.ints(-1), w.ints(-1 << 62), w.ints(0), w.ints(-1)})
		}
		n := w.node("Gather", []string{w.node("Shape", []string{x}), w.scalar(0)}, integer("axis", 0))
		states := []string{h}
		if lstm {
			states = append(states, c)
		}
		body := &pb.GraphProto{Name: proto.String("body")}
		w.g = body
		var outs []*pb.ValueInfoProto
		info := func(name string, of pb.TensorProto_DataType, shape ...string) *pb.ValueInfoProto {
			return valueInfo(name, of, shape...)
		}
		at := "xt"
		if w.form != "scan" {
			body.Input = []*pb.ValueInfoProto{info("iter", pb.TensorProto_INT64), info("go", pb.TensorProto_BOOL)}
			index := "iter"
			if w.form == "counter" {
				body.Input = append(body.Input, info("count", pb.TensorProto_INT64))
				index = "count"
			}
			at = w.node("Gather", []string{x, index}, integer("axis", 0))
		}
		body.Input = append(body.Input, info("hp", pb.TensorProto_FLOAT, "b", fmt.Sprint(H)))
		if lstm {
			body.Input = append(body.Input, info("cp", pb.TensorProto_FLOAT, "b", fmt.Sprint(H)))
		}
		if w.form == "scan" {
			body.Input = append(body.Input, info("xt", pb.TensorProto_FLOAT, "b", fmt.Sprint(w.in)))
		}
		hn, cn := w.step(at, "hp", "cp")
		switch w.form {
		case "loop":
			outs = append(outs, info(w.node("Identity", []string{"go"}), pb.TensorProto_BOOL))
		case "counter":
			count := w.node("Add", []string{"count", w.scalar(1)})
			outs = append(outs, info(w.node("Less", []string{count, n}), pb.TensorProto_BOOL), info(count, pb.TensorProto_INT64))
		}
		outs = append(outs, info(w.node("Identity", []string{hn}), pb.TensorProto_FLOAT, "b", fmt.Sprint(H)))
		if lstm {
			outs = append(outs, info(cn, pb.TensorProto_FLOAT, "b", fmt.Sprint(H)))
		}
		body.Output = append(outs, info(hn, pb.TensorProto_FLOAT, "b", fmt.Sprint(H)))
		w.g = top
		in, made := states, []string{"end"}
		if lstm {
			made = append(made, "endc")
		}
		attrs := []*pb.AttributeProto{{Name: proto.String("body"), Type: pb.AttributeProto_GRAPH.Enum(), G: body}}
		op := "Loop"
		switch w.form {
		case "loop":
			in = append([]string{n, ""}, in...)
		case "counter":
			in = append([]string{n, w.node("Less", []string{w.scalar(0), n}), w.scalar(0)}, in...)
			made = append([]string{"counted"}, made...)
		default:
			op, in = "Scan", append(in, x)
			attrs = append(attrs, integer("num_scan_inputs", 1))
			if w.reverse && turned {
				attrs = append(attrs, ints("scan_input_directions", 1), ints("scan_output_directions", 1))
			}
		}
		top.Node = append(top.Node, &pb.NodeProto{OpType: proto.String(op), Name: proto.String("theloop"), Input: in, Output: append(made, "all"), Attribute: attrs})
		y, end = "all", "end"
		if w.reverse && !w.last && !turned {
			y = w.node("Slice", []string{y, w.ints(-1), w.ints(-1 << 62), w.ints(0), w.ints(-1)})
		}
	}
	if w.last {
		w.node("Identity", []string{end})
		w.g.Output = []*pb.ValueInfoProto{valueInfo("y", pb.TensorProto_FLOAT, fmt.Sprint(B), fmt.Sprint(H))}
	} else {
		w.node("Identity", []string{y})
		w.g.Output = []*pb.ValueInfoProto{valueInfo("y", pb.TensorProto_FLOAT, fmt.Sprint(T), fmt.Sprint(B), fmt.Sprint(H))}
	}
	top.Node[len(top.Node)-1].Output[0] = "y"
	return &pb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(13)}}, Graph: top}
}
