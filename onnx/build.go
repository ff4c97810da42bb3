package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
	"github.com/simdrnn/simdrnn/rnn"
)

// A builder makes stages of nodes.
type builder struct {
	im      *importer
	used    map[*node]bool
	recs    []*recurrent // those that became layers
	tensors int          // of the State of the stages so far
	root    *root        // the input of the chain
	tree    bool         // within branches that have no node in common
	rows    lengthsOf    // of the rows of the chain, where its layers need not have them

	// Where the states of h and c of each direction are, of those that became layers.
	places map[*recurrent]*[2][2]place
	spent  map[*recurrent]bool // those whose weights have become a layer of some chain
}

// network makes a Network of what the graph's outputs need.
func (im *importer) network(g *pb.GraphProto, want string) (*Network, error) {
	if len(g.Output) == 0 {
		return nil, malformed("the graph", "it has no output")
	}
	var outputs []outputPlan
	var end *outputPlan
	for _, o := range g.Output {
		if want != "" && want != o.GetName() {
			continue // nodes that only it needs have not been read
		}
		part := textOf("output", o.GetName())
		v, ok := im.values[o.GetName()]
		switch {
		case !ok:
			return nil, malformed(part, "no node computes it")
		case v.v == nil || v.v.port != nil:
			if want == "" {
				return nil, malformed(part, "it is a constant, or an input as it is; name the output that is wanted by Options.Output")
			}
			continue
		case v.v.list != nil:
			outputs = append(outputs, outputPlan{name: o.GetName(), view: v.v})
			continue
		case end != nil && end.view.node != v.v.node:
			return nil, malformed(part, "the output %q is another one; a network has one beside its states: name it by Options.Output", end.name)
		}
		outputs = append(outputs, outputPlan{name: o.GetName(), view: v.v})
		end = &outputPlan{name: o.GetName(), view: v.v}
	}
	if len(outputs) == 0 {
		return nil, malformed("the graph", "it has no output named %q that a network can have; name one of those that it has", cut(want))
	}
	return im.built(outputs, end)
}

func (im *importer) built(outputs []outputPlan, end *outputPlan) (*Network, error) {
	at := func(name string, err error) error {
		if r, ok := err.(refusal); ok {
			return malformed(textOf("output", name), "%s", string(r))
		}
		return err
	}
	im.join = true // all nodes are read
	var last *node
	n := &Network{outputs: outputs, sizes: im.sizes}
	if end != nil {
		in, err := im.input(end.view)
		if err != nil {
			return nil, at(end.name, err)
		}
		last, n.LastStep, n.Window = in, end.view.step.one(), end.view.step.of
		if slices.ContainsFunc(outputs, func(o outputPlan) bool { return o.view.list == nil && o.view.step.of != n.Window }) {
			n.Window = Window{}
		}
		for i := range outputs {
			if v := outputs[i].view; v.list == nil && in != v.node {
				if v.off != end.view.off || !slices.Equal(v.features(), end.view.features()) {
					return nil, malformed(textOf("output", outputs[i].name), "it has other units than the output %q: name one of them by Options.Output", end.name)
				}
				w := *v
				w.off, w.node = 0, in
				outputs[i].view = w.like(rebased(v.dims, ofFeature))
			}
		}
	} else {
		for _, o := range outputs {
			for _, s := range o.view.list {
				if last == nil || s.of.node.depth > last.depth {
					last = s.of.node
				}
			}
		}
		n.LastStep = true
	}
	b := &builder{im: im, used: map[*node]bool{}, places: map[*recurrent]*[2][2]place{}, spent: map[*recurrent]bool{}}
	if err := b.chain(n, last); err != nil {
		return nil, err
	}
	for _, o := range outputs {
		n.Reversed = n.Reversed || o.view.flip
		for _, s := range o.view.list {
			if n.with(s.of) == nil {
				return nil, malformed(textOf("output", o.name), "the state of a layer, %q, on which the output %q does not depend", s.of.name, outputs[0].name)
			}
		}
		if o.view.step.kind == ofTensor && len(b.recs) > 0 && b.recs[0].unequal() {
			return nil, malformed(textOf("output", o.name), "it is computed from the last step of the tensor, or by a pool over all of its steps, while rows have lengths of their own (sequence_lens), after which there is padding; take the final state of the layer, Y_h, which is that of the last step of each row")
		}
	}
	if end != nil && slices.ContainsFunc(outputs, func(o outputPlan) bool { return o.view.list == nil && o.view.flip != end.view.flip }) {
		return nil, malformed(textOf("output", end.name), "its time runs in the other direction than that of another output: name one of them by Options.Output")
	}
	if err := b.endRows(outputs); err != nil {
		return nil, err
	}
	return n, im.plan(n, b)
}

// chain gives n the stages that end with last, and its encoder.
func (b *builder) chain(n *Network, last *node) error {
	b.root = last.root
	var err error
	if n.Stages, err = b.stages(last.path(b.root.node)); err != nil {
		return err
	}
	if len(n.Stages) == 0 {
		return malformed("the graph", "between its input and its output there is no layer; name an output behind one by Options.Output")
	}
	if root := b.root.node; root.width > 0 && widthOfChain(n.Stages) == 0 { // so has a chain
		first, err := b.whole(root)
		if err != nil {
			return err
		}
		n.Stages = append([]nn.Stage{first}, n.Stages...)
	}
	n.places = b.places
	n.Encoder, n.begins, err = b.encoder(n.sizes)
	return err
}

// with returns n or the encoder before it that has the layer of an operator, nil if none has.
func (n *Network) with(r *recurrent) *Network {
	for n != nil && n.places[r] == nil {
		n = n.Encoder
	}
	return n
}

// stages makes stages of nodes one after another.
func (b *builder) stages(path []*node) ([]nn.Stage, error) {
	var out []nn.Stage
	for i := 0; i < len(path); i++ {
		n := path[i]
		group := 1
		if n.rec != nil {
			for i+group < len(path) && n.stackedWith(path[i+group]) {
				group++
			}
		}
		for _, other := range path[i : i+group] {
			if err := b.use(other); err != nil {
				return nil, err
			}
		}
		list, err := b.made(path[i : i+group])
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
		i += group - 1
	}
	return out, nil
}

// use marks a node, whose stages a chain has once.
func (b *builder) use(n *node) error {
	if b.used[n] || n.rec != nil && b.places[n.rec] != nil {
		return &NodeError{Node: n.name, Op: n.kind(), Reason: "what it gives is used in two ways, which would need it twice in a chain"}
	}
	b.used[n] = true
	return nil
}

// stackedWith says whether next is one more layer of the same stack.
func (n *node) stackedWith(next *node) bool {
	return next.rec != nil && n.merge == next.merge && n.rec.sameFunctions() &&
		n.rec.settings() == next.rec.settings() && next.rec.in == n.width
}

// made makes the stages of a node, or of nodes that are one layer.
func (b *builder) made(group []*node) ([]nn.Stage, error) {
	n := group[0]
	switch {
	case n.rec != nil:
		s, err := b.layer(group)
		return []nn.Stage{s}, err
	case n.branches() != nil:
		return b.composite(n)
	case n.part != nil:
		return nil, &NodeError{Node: n.name, Op: "ReduceMean", Reason: n.part.what()}
	}
	switch n.stage.(type) {
	case nn.PoolMean, nn.PoolMax:
		b.tensors += 2
	case nn.AttentionPool:
		b.tensors += attentionTensors
	}
	return []nn.Stage{n.stage}, nil
}

// parallel makes a Parallel of the branches of a node.
func (b *builder) parallel(n *node) (nn.Parallel, error) {
	var all nn.Parallel
	for _, end := range n.parallel {
		list, err := b.stages(end.path(n.parent))
		switch {
		case err != nil:
			return nil, err
		case len(list) == 0:
			same, err := b.whole(n.parent)
			if err != nil {
				return nil, err
			}
			list = []nn.Stage{same}
		}
		if len(list) == 1 {
			all = append(all, list[0])
		} else {
			all = append(all, nn.Sequential(list))
		}
	}
	if _, _, in, _ := all.Dims(); in == 0 { // a Parallel has to say its width
		same, err := b.whole(n.parent)
		if err != nil {
			return nil, err
		}
		all[0] = nn.Sequential{same, all[0]}
	}
	return all, nil
}

// whole is a stage that gives what the node gives.
func (b *builder) whole(n *node) (nn.Stage, error) {
	if err := b.spend(n, n.width); err != nil {
		return nil, err
	}
	return whole(n.width), nil
}

func whole(width int) *Pick {
	p := &Pick{Width: width, From: make([]int, width)}
	for i := range p.From {
		p.From[i] = i
	}
	return p
}

// sameFunctions says whether both directions have the same activations, as a Config does.
func (r *recurrent) sameFunctions() bool {
	return r.directions == 1 || slices.Equal(r.functions[0], r.functions[1])
}

// layer makes one layer of operators. Where the directions have different activations they
// become two layers side by side.
func (b *builder) layer(group []*node) (nn.Stage, error) {
	first := group[0].rec
	var list []*recurrent
	for _, n := range group {
		b.places[n.rec] = new([2][2]place)
		if b.spent[n.rec] { // a layer of an encoder too, of the same weights
			op := &n.rec.op
			if err := b.im.spend(len(op.W.Data) + len(op.R.Data) + len(op.B.Data) + len(op.P.Data)); err != nil {
				return nil, &NodeError{Node: n.rec.name, Op: n.rec.kind, Reason: err.Error()}
			}
		}
		b.spent[n.rec] = true
		list = append(list, n.rec)
		b.recs = append(b.recs, n.rec)
		if n.rec.lens != b.recs[0].lens || n.rec.counts != b.recs[0].counts || !slices.Equal(n.rec.fixed, b.recs[0].fixed) {
			return nil, &NodeError{Node: n.rec.name, Op: n.rec.kind, Reason: "its sequence_lens is another one than that of " + b.recs[0].name + ", or only one of them has one"}
		}
	}
	if first.sameFunctions() {
		return b.recurrent(list, group[0].merge, 0, first.directions)
	}
	if group[0].merge != lstm.Concat {
		return nil, &NodeError{Node: first.name, Op: first.kind, Reason: "its directions are merged into one and have different activations, which are two layers here, whose outputs stand side by side"}
	}
	forward, err := b.recurrent(list, lstm.Concat, 0, 1)
	if err != nil {
		return nil, err
	}
	reverse, err := b.recurrent(list, lstm.Concat, 1, 1)
	if err != nil {
		return nil, err
	}
	return nn.Parallel{forward, reverse}, nil
}

// recurrent makes a layer of count directions of operators from one on.
func (b *builder) recurrent(list []*recurrent, merge lstm.Merge, from, count int) (nn.Stage, error) {
	first := list[0]
	var ops []convert.ONNX
	stage := Recurrent{}
	states := 1
	if first.kind == "LSTM" {
		states = 2
	}
	if first.h.learned != nil || first.c.learned != nil {
		stage.Initial = make([][]float32, states)
	}
	for l, r := range list {
		ops = append(ops, r.part(from, count))
		for d := range count {
			for k := range states {
				b.places[r][k][from+d] = place{b.tensors + k, l*count + d}
			}
		}
		for k := range stage.Initial {
			learned := []initial{r.h, r.c}[k].learned
			if learned == nil {
				learned = make([]float32, r.directions*r.hidden)
			}
			stage.Initial[k] = append(stage.Initial[k], learned[from*r.hidden:(from+count)*r.hidden]...)
		}
	}
	if b.tensors += states; stage.Initial != nil {
		b.tensors++
	}
	var err error
	stage.Layer, err = first.made(ops, first.functions[from], merge)
	if err != nil {
		return nil, &NodeError{Node: first.name, Op: first.kind, Reason: err.Error()}
	}
	return stage, nil
}

// part is the operator of some of the directions.
func (r *recurrent) part(from, count int) convert.ONNX {
	op := r.op
	for _, f := range slices.Concat(r.functions[from : from+count]...) {
		name, p := f.ONNX()
		op.Activations = append(op.Activations, name)
		if len(p) > 0 {
			op.Alpha = append(op.Alpha, p[0])
		}
		if len(p) > 1 {
			op.Beta = append(op.Beta, p[1])
		}
	}
	if count == r.directions {
		return op
	}
	op.Direction = []string{"forward", "reverse"}[from]
	for _, t := range []*convert.Tensor{&op.W, &op.R, &op.B, &op.P} {
		if t.Shape != nil {
			size := len(t.Data) / r.directions
			t.Shape = append([]int{1}, t.Shape[1:]...)
			t.Data = t.Data[from*size : (from+1)*size]
		}
	}
	return op
}

// made makes the layer that the operators are. Package convert knows layers whose directions
// stand side by side. The weights of others are the same, but for the widths between layers,
// so they go through one such layer for each operator.
func (r *recurrent) made(ops []convert.ONNX, f []rnn.Activation, merge lstm.Merge) (any, error) {
	l, err := r.zero(ops[0], len(ops), f, merge)
	if err != nil {
		return nil, err
	}
	if merge == lstm.Concat {
		return l, fromONNX(l, ops)
	}
	var singles []any
	for _, op := range ops {
		s, err := r.zero(op, 1, f, lstm.Concat)
		if err != nil {
			return nil, err
		}
		if err := fromONNX(s, []convert.ONNX{op}); err != nil {
			return nil, err
		}
		singles = append(singles, s)
	}
	copyWeights([]any{l}, singles)
	return l, nil
}

// copyWeights copies all weights of layers, in their order, to others, which have as many.
func copyWeights(dst, src []any) {
	to, from := weightsOf(dst), weightsOf(src)
	for i, w := range to {
		copy(w, from[i])
	}
}

func weightsOf(layers []any) (list [][]float32) {
	for _, l := range layers {
		l.(interface {
			EachParam(func(name string, w []float32, shape ...int))
		}).EachParam(func(_ string, w []float32, _ ...int) { list = append(list, w) })
	}
	return list
}

func fromONNX(layer any, ops []convert.ONNX) error {
	switch l := layer.(type) {
	case *lstm.Layer:
		return convert.FromONNX(l, ops)
	case *gru.Layer:
		return convert.FromONNX(l, ops)
	}
	return convert.FromONNX(layer.(*rnn.Layer), ops)
}

// zero is a layer without weights of the Config that an operator says.
func (r *recurrent) zero(op convert.ONNX, layers int, f []rnn.Activation, merge lstm.Merge) (l any, err error) {
	in, bidirectional, reverse, noBias := op.W.Shape[2], op.Direction == "bidirectional", op.Direction == "reverse", op.B.Data == nil
	switch r.kind {
	case "LSTM":
		l, err = lstm.NewZero(lstm.Config{
			Input: in, Hidden: r.hidden, Layers: layers, Bidirectional: bidirectional, Reverse: reverse, Merge: merge, NoBias: noBias,
			Peephole: op.P.Data != nil, Coupled: op.InputForget != 0, Clip: op.Clip,
			GateActivation: lstm.Activation(f[0]), CandidateActivation: lstm.Activation(f[1]), OutputActivation: lstm.Activation(f[2]),
		})
	case "GRU":
		l, err = gru.NewZero(gru.Config{
			Input: in, Hidden: r.hidden, Layers: layers, Bidirectional: bidirectional, Reverse: reverse, Merge: gru.Merge(merge), NoBias: noBias,
			ResetBefore: op.LinearBeforeReset == 0, Textbook: r.textbook, Clip: op.Clip,
			GateActivation: gru.Activation(f[0]), CandidateActivation: gru.Activation(f[1]),
		})
	default:
		l, err = rnn.NewZero(rnn.Config{
			Input: in, Hidden: r.hidden, Layers: layers, Bidirectional: bidirectional, Reverse: reverse, Merge: rnn.Merge(merge), NoBias: noBias,
			Clip: op.Clip, Activation: f[0],
		})
	}
	return l, err
}
