package onnx

import (
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
	"github.com/simdrnn/simdrnn/rnn"
)

// ExportOptions say what graph is written. The zero value has time first, initial states as
// inputs and final states as outputs, and the outputs of all steps.
type ExportOptions struct {
	BatchFirst bool // x and y are [batch][time][width] in place of [time][batch][width]
	NoStates   bool // layers begin at zero, and final states are no outputs
	Lengths    bool // an input "lengths", int32 [batch], has the steps of each row

	// LastStep gives y of the last step alone, [batch][width], with Lengths that of each row. Pools,
	// with Lengths over the steps of each row, and a Pick with elements of the first step, can be
	// written with it only.
	LastStep bool

	// Window gives y of some steps alone: see Window. The zero value stands for all. Not with
	// LastStep. Where sequences have fewer steps the file gives those that there are.
	Window Window
}

// exportOpset is the operator set of what Export writes: the first that has layer norms.
const exportOpset = 17

// Export writes a chain of stages as an ONNX file. The stages are those of a chain; a whole
// chain, an *nn.Model, is a stage too, and so is an Unrolled of package lstm, gru or rnn, of
// which the layer counts. The weights are those of now.
//
// The graph has the input "x", [time][batch][width], or "ids", int64 [time][batch], and the
// output "y"; sizes of time and batch are open. The layer at place 1 has the input "1.h",
// [layers*directions][batch][hidden], an LSTM "1.c" too, and the outputs "1.h_n" and "1.c_n".
// A layer with a learned initial state has it in the graph, not as an input. Dropout, which
// changes nothing after training, is left out. Past the end of a row y is not zero if stages
// after the last layer make something of zeros.
//
// It returns an *ExportError that names the stage and the field for what ONNX's operators
// cannot express: projections, limits on c, layer norm and zoneout within layers, attention over a memory,
// stages of a program's own; and for weights of 2 GiB and more, for which files have no
// place. Nothing is written then.
func Export(w io.Writer, o ExportOptions, stages ...nn.Stage) error {
	e := &exporter{o: o, g: &pb.GraphProto{Name: proto.String("simdrnn")}}
	if w := o.Window; w != (Window{}) && o.LastStep {
		return &ExportError{"of all", "ExportOptions.Window", "LastStep is set too, and gives one step"}
	} else if w.From < 0 && w.To > 0 || w.From >= w.To && (w.From >= 0) == (w.To > 0) && w != (Window{}) {
		return &ExportError{"of all", "ExportOptions.Window", fmt.Sprintf("it is %v, want From before To, both from the first step on or both from the last, or all but some", w)}
	}
	if err := e.graph(stages); err != nil {
		return err
	}
	model := &pb.ModelProto{
		IrVersion: proto.Int64(int64(pb.Version_IR_VERSION_2021_7_30)), ProducerName: proto.String("simdrnn"),
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(exportOpset)}}, Graph: e.g,
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(model)
	if err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// An exporter writes one graph.
type exporter struct {
	o     ExportOptions
	g     *pb.GraphProto
	bytes int

	last  string // the tensor that the stages so far give
	shape string // a tensor whose first axes are time and batch
	width int    // of last; 0 for ids
	one   bool   // last is [batch][width], of one step
	names int    // of tensors between nodes
}

func (e *exporter) graph(stages []nn.Stage) error {
	stages = flatten(stages)
	if len(stages) == 0 {
		return &ExportError{"0", "the chain", "it has no stages"}
	}
	first, dims := "x", []string{"time", "batch"}
	if e.o.BatchFirst {
		dims = []string{"batch", "time"}
	}
	kind := pb.TensorProto_FLOAT
	if _, ok := stages[0].(*nn.Embedding); ok {
		first, kind = "ids", pb.TensorProto_INT64
	} else if e.width = widthOfChain(stages); e.width == 0 {
		return &ExportError{"0", fmt.Sprintf("%T", stages[0]), "neither this stage nor one after it says the width of the input"}
	} else {
		dims = append(dims, fmt.Sprint(e.width))
	}
	e.g.Input = append(e.g.Input, valueInfo(first, kind, dims...))
	if e.o.Lengths {
		e.g.Input = append(e.g.Input, valueInfo("lengths", pb.TensorProto_INT32, "batch"))
	}
	if e.last = first; e.o.BatchFirst {
		perm := []int64{1, 0, 2}
		if e.width == 0 {
			perm = perm[:2]
		}
		e.last = e.node("Transpose", []string{first}, ints("perm", perm...))
	}
	e.shape = e.last
	if err := e.stages("", stages); err != nil {
		return err
	}
	if e.o.LastStep && !e.one {
		e.lastStep()
	}
	out := []string{"time", "batch", fmt.Sprint(e.width)}
	if w := e.o.Window; w != (Window{}) {
		to := int64(w.To)
		if to == 0 {
			to = math.MaxInt64
		}
		e.last = e.node("Slice", []string{e.last, e.list([]int64{int64(w.From)}), e.list([]int64{to}), e.list([]int64{0})})
		out[0] = "steps"
	}
	switch {
	case e.one:
		out = out[1:]
	case e.o.BatchFirst:
		out[0], out[1] = out[1], out[0]
		e.last = e.node("Transpose", []string{e.last}, ints("perm", 1, 0, 2))
	}
	if len(e.g.Node) == 0 {
		e.last = e.node("Identity", []string{e.last})
	}
	e.rename(e.last, "y")
	e.g.Output = append([]*pb.ValueInfoProto{valueInfo("y", pb.TensorProto_FLOAT, out...)}, e.g.Output...)
	return nil
}

// rename gives the output of the last node another name.
func (e *exporter) rename(from, to string) {
	e.g.Node = append(e.g.Node, &pb.NodeProto{OpType: proto.String("Identity"), Name: proto.String(to), Input: []string{from}, Output: []string{to}})
}

// flatten puts the stages of chains among those of the whole, so that places are those of
// one chain.
func flatten(stages []nn.Stage) (out []nn.Stage) {
	for _, s := range stages {
		if m, ok := s.(*nn.Model); ok && m != nil {
			out = append(out, flatten(m.Stages())...)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// widthOfChain is the width of the input of the first stage that says it, 0 if none does, or
// if a stage before it is nil, which is an error where that stage is written.
func widthOfChain(stages []nn.Stage) (width int) {
	defer func() {
		if recover() != nil {
			width = 0
		}
	}()
	for _, s := range stages {
		if s == nil {
			return 0
		}
		if _, _, in, _ := s.Dims(); in > 0 {
			return in
		}
	}
	return 0
}

// stages writes stages one after another; prefix is the place of the stage that they are in.
func (e *exporter) stages(prefix string, stages []nn.Stage) error {
	for i, s := range stages {
		if err := e.stage(prefix+fmt.Sprint(i), s); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) stage(at string, s nn.Stage) (err error) {
	field := fmt.Sprintf("%T", s)
	bad := func(format string, values ...any) error {
		return &ExportError{at, field, fmt.Sprintf(format, values...)}
	}
	defer func() {
		// A stage whose pointer is nil has methods that panic.
		if v := recover(); v != nil {
			err = bad("its methods panic: %v", v)
		}
	}()
	if s == nil {
		return bad("it is nil")
	}
	if _, _, in, _ := s.Dims(); in > 0 && e.width > 0 && in != e.width {
		return bad("it takes width %d, the stage before it gives %d", in, e.width)
	}
	if s, ok := s.(*nn.Embedding); ok {
		if e.width != 0 || at != "0" {
			return bad("it is not the first stage")
		}
		if len(s.Weight) != s.Vocabulary*s.Dim {
			return bad("its Weight has %d elements, want %d", len(s.Weight), s.Vocabulary*s.Dim)
		}
		table, err := e.floats(at+".weight", s.Weight, s.Vocabulary, s.Dim)
		if err != nil {
			return err
		}
		e.last, e.width = e.node("Gather", []string{table, e.last}), s.Dim
		return nil
	}
	switch s := s.(type) {
	case *nn.Linear:
		return e.linear(at, s)
	case *nn.LayerNorm:
		return e.layerNorm(at, s)
	case nn.Activation:
		if s == nn.GELU || s == nn.GELUTanh {
			return e.gelu(at, s == nn.GELUTanh)
		}
		name, p := s.ONNX()
		if name == "" {
			return bad("it has no function")
		}
		var attrs []*pb.AttributeProto
		for i, v := range p {
			attrs = append(attrs, float([]string{"alpha", "beta"}[i], v))
		}
		e.last = e.node(name, []string{e.last}, attrs...)
	case nn.Dropout:
	case Softmax:
		e.last = e.node("Softmax", []string{e.last}, integer("axis", -1))
	case LogSoftmax:
		e.last = e.node("LogSoftmax", []string{e.last}, integer("axis", -1))
	case nn.PoolMean:
		return e.pool(at, field, "ReduceMean")
	case nn.PoolMax:
		return e.pool(at, field, "ReduceMax")
	case nn.AttentionPool:
		return e.attention(at, field, s)
	case *Pick:
		return e.pick(at, s)
	case *Scale:
		return e.scale(at, s)
	case *Combine:
		return e.combine(at, s)
	case nn.Sequential:
		return e.stages(at+".", flatten(s))
	case nn.Residual:
		x, one := e.last, e.one
		if err := e.stages(at+".", flatten(s)); err != nil {
			return err
		}
		if e.one != one {
			return bad("a pool, or a Pick with elements of the first step, within it: its input has all steps, and what is added to it one")
		}
		e.last = e.node("Add", []string{x, e.last})
	case nn.Parallel:
		return e.parallel(at, s)
	case Recurrent:
		return e.recurrent(at, s)
	case *lstm.Unrolled:
		return e.recurrent(at, Recurrent{Layer: s.Layer()})
	case *gru.Unrolled:
		return e.recurrent(at, Recurrent{Layer: s.Layer()})
	case *rnn.Unrolled:
		return e.recurrent(at, Recurrent{Layer: s.Layer()})
	case *nn.LearnedState:
		return e.learned(at, s)
	case *nn.Model:
		return e.stages(at+".", flatten([]nn.Stage{s}))
	default:
		return bad("there is no operator for it")
	}
	return nil
}
