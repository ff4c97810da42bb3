package onnx

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
	"github.com/simdrnn/simdrnn/rnn"
)

// A stack is a layer as operators, one for each layer of it.
type stack struct {
	kind       string
	ops        []convert.ONNX
	hidden     int
	merge      lstm.Merge
	directions int
	textbook   bool
}

// operatorsOf returns the operators of a layer, or which field of its Config has none.
func operatorsOf(layer any) (s stack, field string, err error) {
	type option struct {
		field string
		used  bool
	}
	var options []option
	var merged, bidirectional bool
	switch l := layer.(type) {
	case *lstm.Layer:
		c := l.Config()
		s.kind, s.hidden, s.merge, bidirectional = "LSTM", c.Hidden, c.Merge, c.Bidirectional
		options = []option{{"Projection", c.Projection > 0}, {"CellClip", c.CellClip > 0}, {"LayerNorm", c.LayerNorm}, {"Zoneout", c.Zoneout > 0}, {"ZoneoutCell", c.ZoneoutCell > 0}}
		if merged = bidirectional && c.Merge != lstm.Concat; merged {
			s.ops, err = split(l, c.Layers, c.Input, c.Hidden, func(in int) (*lstm.Layer, error) {
				c.Layers, c.Input, c.Merge, c.Dropout = 1, in, lstm.Concat, 0
				return lstm.NewZero(c)
			})
		} else {
			s.ops, err = convert.ToONNX(l)
		}
	case *gru.Layer:
		c := l.Config()
		s.kind, s.hidden, s.merge, bidirectional = "GRU", c.Hidden, lstm.Merge(c.Merge), c.Bidirectional
		s.textbook = c.Textbook
		options = []option{{"LayerNorm", c.LayerNorm}, {"Zoneout", c.Zoneout > 0}}
		if merged = bidirectional && c.Merge != gru.Concat; merged {
			s.ops, err = split(l, c.Layers, c.Input, c.Hidden, func(in int) (*gru.Layer, error) {
				c.Layers, c.Input, c.Merge, c.Dropout = 1, in, gru.Concat, 0
				return gru.NewZero(c)
			})
		} else {
			s.ops, err = convert.ToONNX(l)
		}
	case *rnn.Layer:
		c := l.Config()
		s.kind, s.hidden, s.merge, bidirectional = "RNN", c.Hidden, lstm.Merge(c.Merge), c.Bidirectional
		options = []option{{"LayerNorm", c.LayerNorm}, {"Zoneout", c.Zoneout > 0}}
		if merged = bidirectional && c.Merge != rnn.Concat; merged {
			s.ops, err = split(l, c.Layers, c.Input, c.Hidden, func(in int) (*rnn.Layer, error) {
				c.Layers, c.Input, c.Merge, c.Dropout = 1, in, rnn.Concat, 0
				return rnn.NewZero(c)
			})
		} else {
			s.ops, err = convert.ToONNX(l)
		}
	default:
		return s, "onnx.Recurrent.Layer", fmt.Errorf("it is a %T, want a *lstm.Layer, a *gru.Layer or a *rnn.Layer", layer)
	}
	if s.directions = 1; bidirectional {
		s.directions = 2
	}
	name := map[string]string{"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}[s.kind]
	for _, o := range options {
		if o.used {
			return s, name + ".Config." + o.field, fmt.Errorf("the operator %s has nothing for it", s.kind)
		}
	}
	return s, name + ".Layer", err
}

// split makes the operators of layers whose directions are merged: each by itself, through a
// layer whose directions stand side by side and that has the same weights. It has no Dropout,
// which acts between layers.
func split[L convert.Network](l L, layers, input, hidden int, single func(in int) (L, error)) ([]convert.ONNX, error) {
	var list []L
	var all []any
	for k := range layers {
		in := hidden
		if k == 0 {
			in = input
		}
		s, err := single(in)
		if err != nil {
			return nil, err
		}
		list, all = append(list, s), append(all, s)
	}
	copyWeights(all, []any{l})
	var ops []convert.ONNX
	for _, s := range list {
		op, err := convert.ToONNX(s)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op...)
	}
	return ops, nil
}

// recurrent writes the operators of a layer, with its states.
func (e *exporter) recurrent(at string, r Recurrent) error {
	if e.one {
		return &ExportError{at, "onnx.Recurrent", "it comes after a pool, or after a Pick with elements of the first step, and reads one step only"}
	}
	s, field, err := operatorsOf(r.Layer)
	if err != nil {
		return &ExportError{at, field, err.Error()}
	}
	names := []string{"h", "c"}
	if s.kind != "LSTM" {
		names = names[:1]
	}
	states, err := e.initial(at, s, r.Initial, names)
	if err != nil {
		return err
	}
	finals := make([][]string, len(names))
	for l, op := range s.ops {
		out, err := e.operator(fmt.Sprintf("%s.l%d", at, l), s, op, l, states)
		if err != nil {
			return err
		}
		// Y is [time][directions][batch][hidden].
		switch {
		case s.directions == 1:
			e.last = e.node("Squeeze", []string{out[0], e.list([]int64{1})})
		case s.merge == lstm.Concat:
			turned := e.node("Transpose", []string{out[0]}, ints("perm", 0, 2, 1, 3))
			e.last = e.node("Reshape", []string{turned, e.list([]int64{0, 0, -1})})
		case s.merge == lstm.Sum:
			e.last = e.node("ReduceSum", []string{out[0], e.list([]int64{1})}, integer("keepdims", 0))
		case s.merge == lstm.Average:
			e.last = e.node("ReduceMean", []string{out[0]}, ints("axes", 1), integer("keepdims", 0))
		default:
			e.last = e.node("ReduceProd", []string{out[0]}, ints("axes", 1), integer("keepdims", 0))
		}
		for k := range names {
			finals[k] = append(finals[k], out[1+k])
		}
	}
	if e.width = s.hidden; s.directions == 2 && s.merge == lstm.Concat {
		e.width *= 2
	}
	for k, name := range names {
		if e.o.NoStates {
			break
		}
		all := finals[k][0]
		if len(finals[k]) > 1 {
			all = e.node("Concat", finals[k], integer("axis", 0))
		}
		e.rename(all, at+"."+name+"_n")
		e.g.Output = append(e.g.Output, valueInfo(at+"."+name+"_n", pb.TensorProto_FLOAT, fmt.Sprint(len(s.ops)*s.directions), "batch", fmt.Sprint(s.hidden)))
	}
	return nil
}

// initial returns the tensors of the states before the first step, "" for zero.
func (e *exporter) initial(at string, s stack, learned [][]float32, names []string) ([]string, error) {
	rows := len(s.ops) * s.directions
	states := make([]string, len(names))
	if learned != nil && len(learned) != len(names) {
		return nil, &ExportError{at, "onnx.Recurrent.Initial", fmt.Sprintf("it has %d states, want %d", len(learned), len(names))}
	}
	for k, name := range names {
		switch {
		case learned != nil:
			if len(learned[k]) != rows*s.hidden {
				return nil, &ExportError{at, "onnx.Recurrent.Initial", fmt.Sprintf("state %d has %d elements, want %d", k, len(learned[k]), rows*s.hidden)}
			}
			w, err := e.floats(at+"."+name+"0", learned[k], rows, 1, s.hidden)
			if err != nil {
				return nil, err
			}
			sizes := e.node("Shape", []string{e.shape})
			batch := e.node("Gather", []string{sizes, e.list([]int64{1})}, integer("axis", 0))
			shape := e.node("Concat", []string{e.list([]int64{int64(rows)}), batch, e.list([]int64{int64(s.hidden)})}, integer("axis", 0))
			states[k] = e.node("Expand", []string{w, shape})
		case !e.o.NoStates:
			states[k] = at + "." + name
			e.g.Input = append(e.g.Input, valueInfo(states[k], pb.TensorProto_FLOAT, fmt.Sprint(rows), "batch", fmt.Sprint(s.hidden)))
		}
	}
	return states, nil
}

// operator writes one operator and returns its outputs.
func (e *exporter) operator(at string, s stack, op convert.ONNX, layer int, states []string) ([]string, error) {
	in := []string{e.last}
	for _, w := range []struct {
		name string
		t    convert.Tensor
	}{{"W", op.W}, {"R", op.R}, {"B", op.B}} {
		if w.t.Shape == nil {
			in = append(in, "")
			continue
		}
		name, err := e.floats(at+"."+w.name, w.t.Data, w.t.Shape...)
		if err != nil {
			return nil, err
		}
		in = append(in, name)
	}
	lengths := ""
	if e.o.Lengths {
		lengths = "lengths"
	}
	in = append(in, lengths)
	first := int64(layer * s.directions)
	for _, state := range states {
		if state != "" && len(s.ops) > 1 {
			state = e.node("Slice", []string{state, e.list([]int64{first}), e.list([]int64{first + int64(s.directions)}), e.list([]int64{0})})
		}
		in = append(in, state)
	}
	if op.P.Shape != nil {
		name, err := e.floats(at+".P", op.P.Data, op.P.Shape...)
		if err != nil {
			return nil, err
		}
		in = append(in, name)
	}
	for in[len(in)-1] == "" {
		in = in[:len(in)-1]
	}
	attrs := []*pb.AttributeProto{integer("hidden_size", int64(op.HiddenSize)), text("direction", op.Direction), texts("activations", op.Activations)}
	if len(op.Alpha) > 0 {
		attrs = append(attrs, floatList("activation_alpha", op.Alpha))
	}
	if len(op.Beta) > 0 {
		attrs = append(attrs, floatList("activation_beta", op.Beta))
	}
	if op.Clip > 0 {
		attrs = append(attrs, float("clip", op.Clip))
	}
	if s.kind == "GRU" {
		attrs = append(attrs, integer("linear_before_reset", int64(op.LinearBeforeReset)))
	}
	if op.InputForget != 0 {
		attrs = append(attrs, integer("input_forget", 1))
	}
	out := e.nodes(s.kind, 1+len(states), in, attrs...)
	n := e.g.Node[len(e.g.Node)-1]
	if n.Name = proto.String(at); s.textbook {
		n.DocString = proto.String(textbookNote)
	}
	return out, nil
}

// learned writes a layer with a learned state.
func (e *exporter) learned(at string, l *nn.LearnedState) error {
	r := Recurrent{}
	switch net := l.Net().(type) {
	case *lstm.Unrolled:
		r.Layer = net.Layer()
	case *gru.Unrolled:
		r.Layer = net.Layer()
	case *rnn.Unrolled:
		r.Layer = net.Layer()
	default:
		return &ExportError{at, "nn.LearnedState", fmt.Sprintf("it is of a %T, want one of a layer of package lstm, gru or rnn", net)}
	}
	ours := 0
	l.Net().EachParam(func(string, []float32, []float32) { ours-- })
	l.EachParam(func(_ string, w, _ []float32) {
		if ours++; ours > 0 {
			r.Initial = append(r.Initial, w)
		}
	})
	return e.recurrent(at, r)
}
