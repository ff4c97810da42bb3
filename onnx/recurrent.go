package onnx

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A recurrent is an LSTM, GRU or RNN of the graph.
type recurrent struct {
	kind, name string
	op         convert.ONNX
	in, hidden int
	directions int
	functions  [][]rnn.Activation // of each direction
	textbook   bool               // Export wrote it of a gru.Config.Textbook

	h, c   initial
	lens   string // the input that has the lengths of rows; "" for none
	fixed  []int  // lengths that the file has
	counts bool   // lengths are how many ids of a row are not 0
	node   *node  // its outputs
	finals *node  // the same with the final states of all directions at the last step

}

// A place is where the state of a direction is: which tensor of the State of the chain, and
// which row of [layers*directions] there.
type place struct{ tensor, row int }

// initial is where a state begins: all nil for zero.
type initial struct {
	learned []float32 // [directions][hidden], of every row
	states  []state   // of each direction: the final one of another layer
	from    *portSource
	rows    int // the axis of the input that counts directions, -1 for none
	batch   int // that of the batch, -1 for none
}

// reversed says of each direction whether it reads from the end.
func (r *recurrent) reversed() []bool {
	switch r.op.Direction {
	case "bidirectional":
		return []bool{false, true}
	case "reverse":
		return []bool{true}
	}
	return []bool{false}
}

var gatesOf = map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}

func readRecurrent(c *call) ([]value, error) {
	r, err := c.recurrent()
	if err != nil {
		return nil, err
	}
	x, err := c.view(0)
	if err != nil {
		return nil, err
	}
	layout := c.int("layout", 0)
	if c.err != nil || layout != 0 && layout != 1 || len(x.dims) != 3 || x.step != allSteps {
		return nil, firstOf(c.err, refuse("its X has %d axes and its layout is %d, or it reads one step only; want sequences of vectors", len(x.dims), layout))
	}
	in, err := c.im.sequence(r, x, int(layout))
	if err != nil {
		return nil, err
	}
	if err := c.lengths(r, x, x.dims[layout]); err != nil {
		return nil, err
	}
	if r.h, err = c.initial(r, 5, "initial_h", int(layout)); err != nil {
		return nil, err
	}
	if r.kind == "LSTM" {
		if r.c, err = c.initial(r, 6, "initial_c", int(layout)); err != nil {
			return nil, err
		}
	}
	return c.im.placed(r, in, x, int(layout)), nil
}

// sequence returns the node that an operator reads, as x.
func (im *importer) sequence(r *recurrent, x *view, layout int) (*node, error) {
	if x.flip {
		// A direction over a sequence whose time runs from the end is the other one.
		switch r.op.Direction {
		case "forward":
			r.op.Direction = "reverse"
		case "reverse":
			r.op.Direction = "forward"
		default:
			return nil, refuse("both directions of a sequence whose time runs from the end")
		}
	}
	if !x.onlyFeaturesIn(2) {
		return nil, refuse("the axes of its X are not time, batch and vector")
	}
	if err := firstOf(x.node.setRole(x.dims[layout], timeRole), x.node.setRole(x.dims[1-layout], batchRole)); err != nil {
		return nil, err
	}
	in, err := im.input(x)
	if err != nil {
		return nil, err
	}
	if in.width != r.in {
		return nil, refuse("its X has vectors of %d elements, its W wants %d", in.width, r.in)
	}
	return in, nil
}

// placed puts an operator after the node that it reads, as x, and returns its outputs.
func (im *importer) placed(r *recurrent, in *node, x *view, layout int) []value {
	time, batch := x.dims[layout], x.dims[1-layout]
	r.node = newNode(in, r.directions*r.hidden, r.name)
	r.node.rec = r
	directions, units := []atom{feature(r.directions, r.hidden)}, []atom{feature(r.hidden, 1)}
	y, s := [][]atom{time, directions, batch, units}, [][]atom{{states(r.directions)}, batch, units}
	if layout == 1 {
		y, s = [][]atom{batch, time, directions, units}, [][]atom{batch, s[0], units}
	}
	out := one((&view{flip: x.flip, source: source{node: r.node}}).like(y))
	for _, cell := range []bool{false, true} {
		var list []state
		for d := range r.directions {
			list = append(list, state{r, cell, d})
		}
		if !cell || r.kind == "LSTM" {
			out = append(out, value{v: (&view{source: source{list: list}}).like(s)})
		}
	}
	return out
}

// setRole says what an axis of the input that n comes from is: time or batch.
func (n *node) setRole(d []atom, is role) error {
	if len(d) == 0 {
		return nil // of size 1
	}
	if len(d) > 1 || d[0].kind != ofSequence {
		return refuse("time and batch are mixed in its X")
	}
	at := &n.root.roles[d[0].axis]
	if *at != noRole && *at != is || n.root.roles[1-d[0].axis] == is {
		return refuse("axis %d of the input is time for one recurrent layer and batch for another; transpose between them", d[0].axis)
	}
	*at = is
	return nil
}

// recurrent reads the attributes and weights of the operator.
func (c *call) recurrent() (*recurrent, error) {
	r := &recurrent{kind: c.n.GetOpType(), name: nameOf(c.n)}
	r.textbook = r.kind == "GRU" && c.n.GetDocString() == textbookNote
	op := &r.op
	op.Direction = c.string("direction", "forward")
	if c.err != nil {
		return nil, c.err
	}
	op.LinearBeforeReset = int(c.int("linear_before_reset", 0))
	op.InputForget = int(c.int("input_forget", 0))
	if _, ok := c.attrs["clip"]; ok {
		op.Clip = c.float("clip", 0)
		if !(op.Clip > 0) {
			return nil, refuse("clip is %v, want a limit above 0", op.Clip)
		}
	}
	switch op.Direction {
	case "forward", "reverse":
		r.directions = 1
	case "bidirectional":
		r.directions = 2
	default:
		return nil, refuse("the direction %q, want forward, reverse or bidirectional", cut(op.Direction))
	}
	var err error
	weights := []struct {
		name string
		at   int
		to   *convert.Tensor
	}{{"W", 1, &op.W}, {"R", 2, &op.R}, {"B", 3, &op.B}, {"P", 7, &op.P}}
	for _, w := range weights {
		if (w.name == "B" || w.name == "P") && !c.has(w.at) || w.name == "P" && r.kind != "LSTM" {
			continue
		}
		k, err := c.constant(w.at, w.name)
		if err != nil {
			return nil, err
		}
		if err := c.im.spendAll(k); err != nil {
			return nil, err
		}
		if k, err = k.whole(c.im.most); err != nil {
			return nil, err
		}
		if !k.float {
			return nil, refuse("its input %d, %s, has integers", w.at, w.name)
		}
		*w.to = convert.Tensor{Shape: k.have, Data: k.f}
	}
	if len(op.W.Shape) != 3 || len(op.R.Shape) != 3 || op.W.Shape[2] < 1 || op.R.Shape[2] < 1 {
		return nil, refuse("W and R have the shapes %v and %v, want [directions][gates*hidden][width]", op.W.Shape, op.R.Shape)
	}
	r.in, r.hidden = op.W.Shape[2], op.R.Shape[2]
	rows := gatesOf[r.kind] * r.hidden
	for _, w := range weights {
		want := map[string][]int{"W": {r.directions, rows, r.in}, "R": {r.directions, rows, r.hidden}, "B": {r.directions, 2 * rows}, "P": {r.directions, 3 * r.hidden}}[w.name]
		if w.to.Shape != nil && !slices.Equal(w.to.Shape, want) {
			return nil, refuse("%s has the shape %v, want %v", w.name, w.to.Shape, want)
		}
	}
	if op.HiddenSize = int(c.int("hidden_size", int64(r.hidden))); op.HiddenSize != r.hidden {
		return nil, refuse("hidden_size is %d, its R is for %d", op.HiddenSize, r.hidden)
	}
	names, alpha, beta := c.strings("activations"), c.floats("activation_alpha"), c.floats("activation_beta")
	if c.err != nil {
		return nil, c.err
	}
	if r.functions, err = functionsOf(r.kind, r.directions, names, alpha, beta); err != nil {
		return nil, err
	}
	return r, nil
}

// lengths reads sequence_lens. Lengths that are the size of the time axis are none.
func (c *call) lengths(r *recurrent, x *view, time []atom) error {
	if !c.has(4) {
		return nil
	}
	if v := c.in[4].v; v != nil && v.test == counted {
		if v.node.root != x.node.root {
			return refuse("its sequence_lens counts the ids of the input %q, and its X comes from %q", v.node.root.port.Name, x.node.root.port.Name)
		}
		r.counts = true
		return nil
	}
	if v := c.in[4].v; v != nil {
		if v.port == nil || !v.port.port.Integers || len(v.dims) != 1 || len(v.port.port.Shape) != 1 {
			return refuse("its sequence_lens is %s, want an input of the graph with one integer for each row", v.what())
		}
		r.lens = v.port.port.Name
		return nil
	}
	size := known(1)
	if len(time) == 1 {
		size = time[0].size
	}
	k := c.in[4].k
	if k.float || len(k.dims) != 1 {
		return refuse("its sequence_lens has %d axes, want one integer for each row", len(k.dims))
	}
	all := true
	for _, s := range k.i {
		n, ok := s.value()
		steps, fixed := size.value()
		if s != size && (!ok || n < 0 || n > 1<<31-1 || fixed && n > steps) {
			return refuse("its sequence_lens has %v, of %v steps", s, size)
		}
		all = all && s == size
		r.fixed = append(r.fixed, int(n))
	}
	if all {
		r.fixed = nil
	} else if !k.dims[0].is(int64(len(r.fixed))) {
		return refuse("its sequence_lens is %v for all rows, of %v steps; leave the steps out", k.i[0], size)
	}
	return nil
}

// initial reads a state that an operator begins with.
func (c *call) initial(r *recurrent, at int, name string, layout int) (initial, error) {
	if !c.has(at) {
		return initial{rows: -1, batch: -1}, nil
	}
	return c.im.initialOf(r, c.in[at], name, layout)
}

func (im *importer) initialOf(r *recurrent, v0 value, name string, layout int) (initial, error) {
	s := initial{rows: -1, batch: -1}
	if v0.rank() != 3 {
		return s, refuse("its %s has %d axes, want 3", name, v0.rank())
	}
	perm := []int{0, 1, 2}
	if layout == 1 {
		perm = []int{1, 0, 2}
	}
	if k := v0.k; k != nil {
		if !k.float || !k.dims[perm[0]].is(int64(r.directions)) || !k.dims[2].is(int64(r.hidden)) {
			return s, refuse("its %s has the dimensions %v, want [%d][batch][%d]", name, k.dims, r.directions, r.hidden)
		}
		if !slices.ContainsFunc(k.f, func(v float32) bool { return v != 0 }) {
			return s, nil
		}
		k = k.transpose([]int{perm[0], 2, perm[1]})
		if err := im.spend(r.directions * r.hidden); err != nil {
			return s, err
		}
		rows := k.have[2]
		k = k.repeated([]int{r.directions, r.hidden, rows})
		for i := 0; i < len(k.f); i += rows {
			for _, v := range k.f[i : i+rows] {
				if v != k.f[i] {
					return s, refuse("its %s is a constant that differs between rows of the batch", name)
				}
			}
			s.learned = append(s.learned, k.f[i])
		}
		return s, nil
	}
	v := v0.v
	if v.list != nil {
		var err error
		s.states, err = v.begins(r, name, perm)
		return s, err
	}
	if v.port == nil || v.port.port.ids() {
		return s, refuse("its %s is %s, want a state as it is: the final one of another layer, zeros, a constant, or an input of the graph; export what maps one state to another as a part of its own, and the layers after it with an input for the state", name, v.what())
	}
	if im.rootOf(v.port.port) != nil {
		return s, refuse("its %s is the input %q, which is the data too", name, v.port.port.Name)
	}
	f := v.features()
	if w := normal(f); v.off != 0 || len(v.dims[2]) != len(f) || r.hidden > 1 && (len(w) != 1 || w[0] != feature(r.hidden, 1)) || r.hidden == 1 && len(w) > 0 {
		return s, refuse("its %s is not made of vectors of %d elements of the input %q", name, r.hidden, v.port.port.Name)
	}
	axis := func(d []atom) (int, sym, error) {
		switch {
		case len(d) == 0:
			return -1, known(1), nil
		case len(d) == 1 && d[0].kind == ofSequence:
			return d[0].axis, d[0].size, nil
		}
		return 0, sym{}, refuse("the axes of its %s are mixed", name)
	}
	var size sym
	var err1, err2 error
	s.rows, size, err1 = axis(v.dims[perm[0]])
	s.batch, _, err2 = axis(v.dims[perm[1]])
	if err := firstOf(err1, err2); err != nil {
		return s, err
	}
	if !size.is(int64(r.directions)) {
		return s, refuse("its %s has %v states, want %d, one for each direction", name, size, r.directions)
	}
	s.from = v.port
	return s, nil
}

// defaults are the activations that an operator has without a list.
var defaults = map[string][]string{"LSTM": {"Sigmoid", "Tanh", "Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "RNN": {"Tanh"}}

// functionsOf returns the activations of each direction. The functions that have an alpha
// take the elements of its list in order, until the list ends; the others, and those for
// which it is too short, have their defaults. Likewise for beta.
func functionsOf(kind string, directions int, names []string, alpha, beta []float32) ([][]rnn.Activation, error) {
	usual := defaults[kind]
	if len(names) == 0 {
		names = slices.Repeat(usual, directions)
	}
	if len(names) != directions*len(usual) {
		return nil, refuse("%d activations, want %d: %d for each of %d directions", len(names), directions*len(usual), len(usual), directions)
	}
	var list []rnn.Activation
	next := func(of *[]float32, otherwise float32) float32 {
		if len(*of) == 0 {
			return otherwise
		}
		v := (*of)[0]
		*of = (*of)[1:]
		return v
	}
	needed := func(of *[]float32, name, parameter string) (float32, error) {
		if len(*of) == 0 {
			return 0, refuse("the activation %s has no default %s", name, parameter)
		}
		return next(of, 0), nil
	}
	for _, name := range names {
		f, known := activations[lower(name)]
		if !known {
			return nil, refuse("the activation %q, want one of those that ONNX lists", cut(name))
		}
		var a, b float32
		var err error
		switch f.parameters {
		case noDefaults:
			if a, err = needed(&alpha, name, "alpha"); err == nil {
				b, err = needed(&beta, name, "beta")
			}
		case onlyAlpha:
			a = next(&alpha, f.alpha)
		case both:
			a, b = next(&alpha, f.alpha), next(&beta, f.beta)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, f.of(a, b))
	}
	if len(alpha) > 0 || len(beta) > 0 {
		return nil, refuse("activation_alpha and activation_beta have %d and %d elements more than the activations %v take", len(alpha), len(beta), names)
	}
	return slices.Collect(slices.Chunk(list, len(usual))), nil
}

type parameters uint8

const (
	none parameters = iota
	onlyAlpha
	both
	noDefaults
)

// activations are the functions that ONNX lists, by their names in lower case: those of
// files differ in that.
var activations = map[string]struct {
	parameters  parameters
	alpha, beta float32
	of          func(alpha, beta float32) rnn.Activation
}{
	"tanh":            {of: func(_, _ float32) rnn.Activation { return rnn.Tanh }},
	"relu":            {of: func(_, _ float32) rnn.Activation { return rnn.ReLU }},
	"sigmoid":         {of: func(_, _ float32) rnn.Activation { return rnn.Sigmoid }},
	"softsign":        {of: func(_, _ float32) rnn.Activation { return rnn.Softsign }},
	"softplus":        {of: func(_, _ float32) rnn.Activation { return rnn.Softplus }},
	"affine":          {noDefaults, 0, 0, rnn.Affine},
	"scaledtanh":      {noDefaults, 0, 0, rnn.ScaledTanh},
	"leakyrelu":       {onlyAlpha, 0.01, 0, func(a, _ float32) rnn.Activation { return rnn.LeakyReLU(a) }},
	"thresholdedrelu": {onlyAlpha, 1, 0, func(a, _ float32) rnn.Activation { return rnn.ThresholdedReLU(a) }},
	"elu":             {onlyAlpha, 1, 0, func(a, _ float32) rnn.Activation { return rnn.ELU(a) }},
	"hardsigmoid":     {both, 0.2, 0.5, rnn.HardSigmoid},
}

func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// settings are what two operators have to have in common to be one stack of layers.
type settings struct {
	kind, direction    string
	hidden             int
	linear, forget     int
	clip               float32
	bias, peephole     bool
	functions          string
	lens               string
	counts             bool
	initialH, initialC bool
	textbook           bool
}

// textbookNote is what Export writes beside an operator whose z it made of 1-z, so that the
// import gives the layer that it was.
const textbookNote = "simdrnn: gru.Config.Textbook"

func (r *recurrent) settings() settings {
	return settings{r.kind, r.op.Direction, r.hidden, r.op.LinearBeforeReset, r.op.InputForget, r.op.Clip,
		r.op.B.Data != nil, r.op.P.Data != nil, fmt.Sprint(r.functions), r.lens, r.counts, r.h.learned != nil, r.c.learned != nil, r.textbook}
}

var merges = map[string]lstm.Merge{"ReduceSum": lstm.Sum, "ReduceMean": lstm.Average, "ReduceProd": lstm.Multiply}
