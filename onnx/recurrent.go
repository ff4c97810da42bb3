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

// unequal says whether rows may have other lengths than all steps.
func (r *recurrent) unequal() bool { return r.lens != "" || r.counts || r.fixed != nil }

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
	if c.err != nil || layout != 0 && layout != 1 || len(x.dims) != 3 || x.step.one() {
		return nil, firstOf(c.err, refuse("its X has %d axes and its layout is %d, or it reads one step only; want sequences of vectors", len(x.dims), layout))
	}
	in, err := c.im.sequence(r, x, int(layout))
	if err != nil {
		return nil, err
	}
	if err := c.lengths(r, x, x.dims[layout]); err != nil {
		return nil, err
	}
	if x.flip && r.unequal() {
		return nil, refuse("its X is turned around as a whole, and its rows have lengths of their own (sequence_lens): it would begin with what follows the end of a row; leave the sequence as it is and set the attribute direction to %q, which begins at the last step of each row", r.op.Direction)
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
	if x.step != allSteps {
		return nil, refuse("it reads some steps of a sequence; a chain has the same steps everywhere: give the layers before it the shorter sequence, or export the two parts of the network as files of their own")
	}
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
