package onnx

import (
	"errors"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// loops are the operators whose bodies are read: a body is one step of a layer.
var loops = map[string]bool{"Loop": true, "Scan": true}

// A loop is a Loop or a Scan that is being read.
type loop struct {
	*call
	body *pb.GraphProto
	made map[string]*pb.NodeProto // the nodes of the body
	vars []variable
}

// A variable is what a step of a loop is given by the step before.
type variable struct {
	in, out string // its names in the body
	begins  value
	kind    variableKind
}

type variableKind uint8

const (
	isState   variableKind = iota
	isCount                // a number of steps
	unchanged              // the same in all steps
)

func readLoop(c *call) ([]value, error) {
	a := c.attribute("body", pb.AttributeProto_GRAPH)
	if c.err != nil || a.GetG() == nil {
		return nil, firstOf(c.err, refuse("it has no body"))
	}
	l := &loop{call: c, body: a.G, made: map[string]*pb.NodeProto{}}
	n := len(c.in) - 2
	if n < 0 || len(l.body.Input) != n+2 || len(l.body.Output) < n+1 || len(c.n.Output) > len(l.body.Output)-1 {
		return nil, refuse("its body has %d inputs and %d outputs, for %d values that steps pass on", len(l.body.Input), len(l.body.Output), n)
	}
	for i := range n {
		l.vars = append(l.vars, variable{in: l.body.Input[2+i].GetName(), out: l.body.Output[1+i].GetName(), begins: c.in[2+i]})
	}
	return l.values(func() error {
		l.im.values[l.body.Input[0].GetName()] = value{e: &formula{nil, l.im.same(expr{op: ofCount})}}
		l.im.values[l.body.Input[1].GetName()] = value{}
		return nil
	}, n+1, nil, nil)
}

// readScan reads a Scan of operator set 9 and later.
func readScan(c *call) ([]value, error) {
	a := c.attribute("body", pb.AttributeProto_GRAPH)
	m := c.int("num_scan_inputs", 0)
	if c.err != nil || a.GetG() == nil || c.im.opset < 9 {
		return nil, firstOf(c.err, refuse("it has no body, or is of operator set %d, want 9 or later", c.im.opset))
	}
	l := &loop{call: c, body: a.G, made: map[string]*pb.NodeProto{}}
	if m < 1 || m > int64(len(c.in)) || len(l.body.Input) != len(c.in) || len(l.body.Output) < len(c.in)-int(m) || len(c.n.Output) > len(l.body.Output) {
		return nil, refuse("its body has %d inputs and %d outputs, for %d inputs of which %d are sequences", len(l.body.Input), len(l.body.Output), len(c.in), m)
	}
	n := len(c.in) - int(m)
	for i := range n {
		l.vars = append(l.vars, variable{in: l.body.Input[i].GetName(), out: l.body.Output[i].GetName(), begins: c.in[i]})
	}
	var lists [4][]int64
	for i, name := range []string{"scan_input_axes", "scan_input_directions", "scan_output_axes", "scan_output_directions"} {
		list, ok, err := c.list(name, len(c.in))
		want := int(m)
		if i > 1 {
			want = len(l.body.Output) - n
		}
		if !ok {
			list = make([]int64, want)
		}
		if err != nil || len(list) != want {
			return nil, firstOf(err, refuse("%s has %d entries, want %d", name, len(list), want))
		}
		lists[i] = list
	}
	return l.values(func() error {
		for i := range int(m) {
			v := c.in[n+i].v
			if v == nil {
				return refuse("its input %d is no sequence of the network", n+i)
			}
			axis, err := axisOf(lists[0][i], len(v.dims))
			if err != nil {
				return err
			}
			if lists[1][i] != 0 {
				if v, err = c.im.flipped(v, axis); err != nil {
					return err
				}
			}
			f, err := c.im.stepOf(v, axis, atLoop)
			if err != nil {
				return err
			}
			f.sizes = slices.Delete(f.sizes, axis, axis+1)
			c.im.values[l.body.Input[n+i].GetName()] = value{e: f}
		}
		return nil
	}, n, lists[2], lists[3])
}

// values reads the body and returns what the loop gives. bind gives the inputs of the body
// that are no variables their values; scanned is the first output that is collected,
// along axes, of turned from the last step to the first.
func (l *loop) values(bind func() error, scanned int, axes, turned []int64) ([]value, error) {
	im := l.im
	// The names of the body are those of the graph while it is read.
	var local []string
	defer func() {
		for _, name := range local {
			delete(im.values, name)
		}
	}()
	enter := func(name string) error {
		if _, twice := im.values[name]; twice || name == "" {
			return refuse("its body has a tensor %q, a name that is empty or given before", cut(name))
		}
		im.values[name] = value{}
		local = append(local, name)
		return nil
	}
	for _, in := range l.body.Input {
		if err := enter(in.GetName()); err != nil {
			return nil, err
		}
	}
	for _, t := range l.body.Initializer {
		if err := enter(t.GetName()); err != nil {
			return nil, err
		}
		im.values[t.GetName()] = value{t: t}
	}
	if len(l.body.SparseInitializer) > 0 {
		return nil, refuse("its body has sparse initializers")
	}
	for _, n := range l.body.Node {
		for _, out := range n.Output {
			if out == "" {
				continue
			}
			if err := enter(out); err != nil {
				return nil, err
			}
			l.made[out] = n
		}
	}
	if err := bind(); err != nil {
		return nil, err
	}
	if err := l.begin(); err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, n := range l.body.Node {
		for _, in := range n.Input {
			if _, ok := im.values[in]; !ok && in != "" || l.made[in] != nil && !done[in] {
				return nil, refuse("in its body the node %q reads %q, which is no tensor before it", nameOf(n), cut(in))
			}
		}
		if _, ok := operators[n.GetOpType()]; !ok && n.GetOpType() != "And" {
			return nil, inBody(n, refuse("the operator is none that this package reads"))
		}
		if len(readsOf(n)) > len(n.Input) {
			return nil, inBody(n, refuse("a graph within the body of a loop"))
		}
		if n.GetOpType() != "And" { // a condition, which bounded reads
			if err := im.read(n); err != nil {
				return nil, inBody(n, err)
			}
		}
		for _, out := range n.Output {
			done[out] = true
		}
	}
	return l.layer(scanned, axes, turned)
}

// inBody names the node of a body in place of the loop.
func inBody(n *pb.NodeProto, err error) error { return nodeError(n, err) }

// begin gives variables their values at a step.
func (l *loop) begin() error {
	for i := range l.vars {
		v := &l.vars[i]
		b := v.begins
		switch {
		case l.source(v.out) == v.in:
			v.kind = unchanged
			l.im.values[v.in] = b
		case b.k != nil && !b.k.float:
			list, err := b.k.integers()
			if err != nil || len(list) != 1 || len(b.k.dims) > 1 || list[0] < -math.MaxInt32 || list[0] > math.MaxInt32 {
				return refuse("its value %d begins with integers that count no steps", i)
			}
			v.kind = isCount
			l.im.values[v.in] = value{e: &formula{b.k.dims, l.im.same(expr{op: ofCount, count: list[0]})}}
		default:
			sizes, err := b.axes()
			if err != nil {
				return refuse("its value %d begins with what is no part of a network", i)
			}
			if len(sizes) == 0 {
				return refuse("its value %d begins with one number, want a state for each row", i)
			}
			width, ok := sizes[len(sizes)-1].value()
			if !ok || width < 1 || width > math.MaxInt32 || oneOfRows(sizes) != nil {
				return refuse("its value %d begins with a tensor of %v, want a state for each row", i, sizes)
			}
			l.im.values[v.in] = value{e: &formula{sizes, l.im.same(expr{op: ofPast, width: int(width), state: i})}}
		}
	}
	return nil
}

// source is where a name of the body comes from, through nodes that pass it on.
func (l *loop) source(name string) string {
	for range l.body.Node {
		n := l.made[name]
		if n == nil || n.GetOpType() != "Identity" || len(n.Input) != 1 {
			break
		}
		name = n.Input[0]
	}
	return name
}

// layer makes a layer of the body.
func (l *loop) layer(scanned int, axes, turned []int64) ([]value, error) {
	var states []int
	next := map[int]*formula{}
	for i, v := range l.vars {
		f := l.im.values[v.out].e
		switch v.kind {
		case unchanged:
			continue
		case isCount:
			before := l.im.values[v.in].e.e
			if f == nil || f.e.op != ofCount || f.e.count != before.count+1 {
				return nil, refuse("its value %d is an integer that does not grow by 1 with each step", i)
			}
			continue
		}
		if f == nil {
			return nil, l.unread(v.out)
		}
		if !slices.Equal(f.sizes, l.im.values[v.in].e.sizes) {
			return nil, refuse("its value %d has the sizes %v, and %v after a step", i, l.im.values[v.in].e.sizes, f.sizes)
		}
		states, next[i] = append(states, i), f
	}
	m, h, err := l.cell(states, next)
	if err != nil {
		return nil, err
	}
	seq := m.x.seq
	size := seq.time.size
	if m.x.t != atLoop {
		return nil, refuse("a step of its body reads step %d of a sequence", m.x.t)
	}
	if err := l.bounded(size); err != nil {
		return nil, err
	}
	for _, i := range states {
		if !seq.fits(next[i].sizes) {
			return nil, refuse("its value %d has the sizes %v, other rows than those of the sequence that it reads", i, next[i].sizes)
		}
	}
	r, err := m.operator(l.im, nameOf(l.n))
	if err != nil {
		return nil, err
	}
	for k, i := range states {
		to, name := &r.h, "initial_h"
		if i != h {
			to, name = &r.c, "initial_c"
		}
		if *to, err = l.initial(r, l.vars[states[k]].begins, name); err != nil {
			return nil, err
		}
	}
	x := seq.view()
	in, err := l.im.sequence(r, x, 0)
	if err != nil {
		return nil, err
	}
	outputs := l.im.placed(r, in, x, 0)
	var out []value
	for i, v := range l.vars {
		switch {
		case v.kind == unchanged:
			out = append(out, v.begins)
		case v.kind == isCount:
			n, err := size.add(known(l.im.values[v.in].e.e.count))
			if err != nil {
				return nil, err
			}
			out = append(out, value{k: scalar(n).expanded(v.begins.k.dims)})
		case i == h:
			out = append(out, value{v: seq.states(outputs[1].v, next[i].sizes)})
		default:
			out = append(out, value{v: seq.states(outputs[2].v, next[i].sizes)})
		}
	}
	for i, o := range l.body.Output[scanned:] {
		if at := len(l.vars) + i; at >= len(l.n.Output) || l.n.Output[at] == "" {
			out = append(out, value{})
			continue
		}
		f := l.im.values[o.GetName()].e
		if f == nil {
			return nil, l.unread(o.GetName())
		}
		if same, err := newPolynomials(nil).same(f.e, next[h].e); err != nil || !same {
			return nil, refuse("its body gives %q for each step, which is not the state of a layer", cut(o.GetName()))
		}
		at := int64(0)
		if axes != nil {
			at = axes[i]
		}
		y, err := seqView(outputs[0].v, f.sizes, at)
		if err != nil {
			return nil, err
		}
		y.flip = y.flip != (turned != nil && turned[i] != 0)
		out = append(out, value{v: y})
	}
	return out, nil
}

// seqView gives the output of a layer, [time][1][batch][units], the axes of a step of it, with
// that of time at one place.
func seqView(y *view, sizes []sym, at int64) (*view, error) {
	axis, err := axisOf(at, len(sizes)+1)
	if err != nil {
		return nil, err
	}
	if axis == len(sizes) {
		return nil, refuse("it collects vectors along their own axis, %d", axis)
	}
	dims := make([][]atom, len(sizes))
	for i, size := range sizes[:len(sizes)-1] {
		if !size.is(1) {
			dims[i] = y.dims[2]
		}
	}
	dims[len(sizes)-1] = y.dims[3]
	return y.like(slices.Insert(dims, axis, y.dims[0])), nil
}

// cell recognises the cell of the body, and says which variable is its h.
func (l *loop) cell(states []int, next map[int]*formula) (*cell, int, error) {
	past := func(i int) *expr { return l.im.values[l.vars[i].in].e.e }
	err := refuse("its body passes on %d states, want 1 of an RNN or GRU, or the 2 of an LSTM", len(states))
	var reason error
	switch len(states) {
	case 1:
		m, err := match(next[states[0]].e, past(states[0]), nil, nil)
		if err == nil {
			return m, states[0], nil
		}
		reason = err
	case 2:
		for k, h := range states {
			c := states[1-k]
			m, err := match(next[h].e, past(h), past(c), next[c].e)
			if err == nil {
				return m, h, nil
			}
			if reason == nil || errors.Is(reason, errFormula) {
				reason = err
			}
		}
	}
	if reason != nil {
		err = refuse("its body is no step of an RNN, a GRU or an LSTM: %v", reason)
	}
	return nil, 0, err
}

// unread is the error of a tensor of the body that is no formula: that of the first node
// before it.
func (l *loop) unread(name string) error {
	open, seen := []string{name}, map[*pb.NodeProto]bool{}
	for len(open) > 0 {
		n := l.made[open[len(open)-1]]
		open = open[:len(open)-1]
		if n == nil || seen[n] {
			continue
		}
		seen[n] = true
		open = append(open, n.Input...)
	}
	for _, n := range l.body.Node {
		if seen[n] && l.im.refused[n] != nil && !slices.ContainsFunc(n.Output, func(s string) bool { return l.im.values[s].e != nil }) {
			return inBody(n, l.im.refused[n])
		}
	}
	return refuse("its body gives %q, which is no state of a layer", cut(name))
}

// initial reads what a state begins with, which has the axes of a step.
func (l *loop) initial(r *recurrent, v value, name string) (initial, error) {
	sizes, err := v.axes()
	if err != nil || v.k == nil && v.v == nil {
		return initial{}, firstOf(err, refuse("its %s is no constant and no input", name))
	}
	rows := known(1)
	for _, s := range sizes[:len(sizes)-1] {
		if !s.is(1) {
			rows = s
		}
	}
	c := *l.call
	c.in = []value{{k: v.k, v: v.v}}
	three, err := c.reshape([]sym{known(1), rows, known(int64(r.hidden))}, true)
	if err != nil {
		return initial{}, err
	}
	return l.im.initialOf(r, three[0], name, 0)
}
