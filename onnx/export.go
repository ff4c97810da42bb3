package onnx

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

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

	// LastStep gives y of the last step alone, [batch][width]. Pools, and a Pick with
	// elements of the first step, can be written with it only. Not with Lengths.
	LastStep bool
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
// cannot express: projections, limits on c, layer norm and zoneout within layers, attention,
// stages of a program's own; and for weights of 2 GiB and more, for which files have no
// place. Nothing is written then.
func Export(w io.Writer, o ExportOptions, stages ...nn.Stage) error {
	e := &exporter{o: o, g: &pb.GraphProto{Name: proto.String("simdrnn")}}
	if o.Lengths && o.LastStep {
		return &ExportError{"of all", "ExportOptions.Lengths", "LastStep is set too, and the last step of a row with a length is another one than that of the tensor"}
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
	case *Pick:
		return e.pick(at, s)
	case *Scale:
		return e.scale(at, s)
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

func (e *exporter) linear(at string, l *nn.Linear) error {
	if len(l.Weight) != l.In*l.Out || l.Bias != nil && len(l.Bias) != l.Out {
		return &ExportError{at, "nn.Linear.Weight", fmt.Sprintf("it has %d elements, Bias %d, want %d and %d", len(l.Weight), len(l.Bias), l.In*l.Out, l.Out)}
	}
	turned := make([]float32, len(l.Weight))
	for o := range l.Out {
		for i := range l.In {
			turned[i*l.Out+o] = l.Weight[o*l.In+i]
		}
	}
	w, err := e.floats(at+".weight", turned, l.In, l.Out)
	if err != nil {
		return err
	}
	e.last, e.width = e.node("MatMul", []string{e.last, w}), l.Out
	if l.Bias != nil {
		b, err := e.floats(at+".bias", l.Bias, l.Out)
		if err != nil {
			return err
		}
		e.last = e.node("Add", []string{e.last, b})
	}
	return nil
}

func (e *exporter) layerNorm(at string, l *nn.LayerNorm) error {
	if len(l.Weight) != l.Width || l.Bias != nil && len(l.Bias) != l.Width {
		return &ExportError{at, "nn.LayerNorm.Weight", fmt.Sprintf("it has %d elements, Bias %d, want %d of each", len(l.Weight), len(l.Bias), l.Width)}
	}
	gain, err := e.floats(at+".weight", l.Weight, l.Width)
	if err != nil {
		return err
	}
	in := []string{e.last, gain}
	if l.Bias != nil {
		bias, err := e.floats(at+".bias", l.Bias, l.Width)
		if err != nil {
			return err
		}
		in = append(in, bias)
	}
	eps := l.Eps
	if eps == 0 {
		eps = 1e-5
	}
	e.last = e.node("LayerNormalization", in, integer("axis", -1), float("epsilon", eps))
	return nil
}

// pool writes a pool at the last step: a reduction over time.
func (e *exporter) pool(at, field, op string) error {
	if !e.o.LastStep || e.one {
		return &ExportError{at, field, "its output at a step is that of the steps so far, for which there is no operator; with ExportOptions.LastStep one pool can be written, which is that of all steps"}
	}
	e.last, e.one = e.node(op, []string{e.last}, ints("axes", 0), integer("keepdims", 0)), true
	return nil
}

// lastStep goes on with the last step alone.
func (e *exporter) lastStep() {
	e.last, e.one = e.node("Gather", []string{e.last, e.integers(-1)}, integer("axis", 0)), true
}

func (e *exporter) pick(at string, p *Pick) error {
	if p.First != nil && len(p.First) != len(p.From) {
		return &ExportError{at, "onnx.Pick.First", fmt.Sprintf("it has %d entries, want %d", len(p.First), len(p.From))}
	}
	index := make([]int64, len(p.From))
	future := false
	for i, from := range p.From {
		if from < 0 || from >= p.Width {
			return &ExportError{at, "onnx.Pick.From", fmt.Sprintf("entry %d is %d, of %d elements", i, from, p.Width)}
		}
		if index[i] = int64(from); p.First != nil && p.First[i] {
			index[i] += int64(p.Width)
			future = true
		}
	}
	if future {
		if !e.o.LastStep || e.one {
			return &ExportError{at, "onnx.Pick.First", "it gives elements of the first step at all steps; it can be written with ExportOptions.LastStep, once"}
		}
		x := e.last
		e.lastStep()
		first := e.node("Gather", []string{x, e.integers(0)}, integer("axis", 0))
		e.last = e.node("Concat", []string{e.last, first}, integer("axis", -1))
	}
	list := e.list(index)
	e.last, e.width = e.node("Gather", []string{e.last, list}, integer("axis", -1)), len(index)
	return nil
}

func (e *exporter) scale(at string, s *Scale) error {
	if err := s.check(); err != nil {
		return &ExportError{at, "onnx.Scale", err.Error()}
	}
	for _, w := range []struct {
		op, name string
		v        []float32
	}{{"Mul", "factor", s.Factor}, {"Add", "shift", s.Shift}} {
		if w.v == nil {
			continue
		}
		name, err := e.floats(at+"."+w.name, w.v, len(w.v))
		if err != nil {
			return err
		}
		e.last = e.node(w.op, []string{e.last, name})
	}
	return nil
}

func (e *exporter) parallel(at string, list nn.Parallel) error {
	x, width, one := e.last, e.width, e.one
	var ends []string
	total := 0
	for i, s := range list {
		e.last, e.width, e.one = x, width, one
		if err := e.stage(fmt.Sprintf("%s.%d", at, i), s); err != nil {
			return err
		}
		if e.o.LastStep && !e.one && e.pooled(list) {
			e.lastStep() // as another one of the stages does
		}
		ends = append(ends, e.last)
		total += e.width
	}
	e.last, e.width = e.node("Concat", ends, integer("axis", -1)), total
	return nil
}

// pooled says whether one of the stages goes on with one step: then all side by side have to.
func (e *exporter) pooled(stages []nn.Stage) bool {
	for _, s := range flatten(stages) {
		switch s := s.(type) {
		case nn.PoolMean, nn.PoolMax:
			return true
		case *Pick:
			if slices.Contains(s.First, true) {
				return true
			}
		case nn.Sequential:
			if e.pooled(s) {
				return true
			}
		case nn.Residual:
			if e.pooled(s) {
				return true
			}
		case nn.Parallel:
			if e.pooled(s) {
				return true
			}
		}
	}
	return false
}

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
