package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// take returns some entries of an axis whose size n is known; the span lies in it.
func (im *importer) take(v value, axis int, r span) (value, error) {
	sizes, err := v.sizes()
	if err != nil {
		return value{}, err
	}
	if n, _ := sizes[axis].value(); r == (span{0, n, 1}) || n == 1 && r.count == 1 {
		return v, nil
	}
	if k := v.k; k != nil {
		if k.have[axis] == 1 {
			dims := slices.Clone(k.dims)
			dims[axis] = known(r.count)
			return value{k: k.viewed(dims, k.have)}, nil
		}
		return value{k: k.take(axis, r.list())}, nil
	}
	w := v.v
	d := w.dims[axis]
	if len(d) != 1 {
		return value{}, refuse("a part of axis %d, on which several of time, batch and units lie", axis)
	}
	a := d[0]
	dims := slices.Clone(w.dims)
	switch {
	case w.list != nil && a.kind == ofState:
		return value{v: w.someStates(axis, r)}, nil
	case w.port != nil && a.kind == ofSequence && a.axis == 0 && r.step == 1:
		out := *w
		port := *w.port
		port.first += int(r.from)
		out.port = &port
		a.size = known(r.count)
		dims[axis] = []atom{a}
		return value{v: out.like(dims)}, nil
	}
	if w, err = im.vectors(w); err != nil {
		return value{}, err
	}
	n, _ := sizes[axis].value()
	switch {
	case a.kind == ofSequence && r == (span{n - 1, n, -1}):
		v, err := im.flipped(w, axis)
		return value{v: v}, err
	case a.kind == ofFeature:
		out := *w
		out.off += int(r.from) * a.stride
		dims[axis] = []atom{{kind: ofFeature, size: known(r.count), stride: a.stride * int(r.step)}}
		return value{v: out.like(dims)}, nil
	case a.kind == ofSequence && r.count == 1 && r.from == n-1:
		return im.oneStep(w, axis, rowOfLast)
	case a.kind == ofSequence && r.count == 1 && r.from == 0:
		return im.oneStep(w, axis, rowOfFirst)
	}
	return value{}, refuse("%d entries of axis %d from %d on, in steps of %d, of %d; of time and batch all can be had, and of time the first or the last", r.count, axis, r.from, r.step, n)
}

// someStates is a list of states with some entries of an axis alone.
func (v *view) someStates(axis int, r span) *view {
	at := []int{0} // the entries of the list, in the order of the axes
	dims := slices.Clone(v.dims)
	for i, d := range v.dims {
		dims[i] = slices.Clone(d)
		for k, a := range d {
			if a.kind != ofState {
				continue
			}
			n, _ := a.size.value()
			part := span{0, n, 1}
			if i == axis {
				part = r
			}
			var next []int
			for _, from := range at {
				for _, j := range part.list() {
					next = append(next, from+j*a.stride)
				}
			}
			at, dims[i][k].size = next, known(part.count)
		}
	}
	out := *v
	out.list = nil
	for _, i := range at {
		out.list = append(out.list, v.list[i])
	}
	return out.like(rebased(dims, ofState))
}

type rowOf uint8

const (
	rowOfFirst rowOf = iota
	rowOfLast
)

// oneStep is the view of the first or last step, with an axis of size 1 in place of time.
func (im *importer) oneStep(v *view, axis int, which rowOf) (value, error) {
	v, err := im.vectors(v)
	if err != nil {
		return value{}, err
	}
	d := v.dims[axis]
	if len(d) != 1 || d[0].kind != ofSequence || v.node.root.roles[d[0].axis] != timeRole || v.step != allSteps {
		return value{}, refuse("one entry of axis %d, which is not the time of a recurrent layer", axis)
	}
	out := *v
	out.flip = false
	dims := slices.Clone(v.dims)
	dims[axis] = nil
	if out.step = lastStep; (which == rowOfFirst) != v.flip {
		if out.node, err = im.ofFirst(v.node, 0, v.node.width); err != nil {
			return value{}, err
		}
		out.step = rowEnd
	}
	return value{v: out.like(dims)}, nil
}

// flipped is v with its time axis from the end.
func (im *importer) flipped(v *view, axis int) (*view, error) {
	v, err := im.vectors(v)
	if err != nil {
		return nil, err
	}
	if d := v.dims[axis]; len(d) != 1 || d[0].kind != ofSequence || v.step != allSteps {
		return nil, refuse("the entries of axis %d from the end, which is not time", axis)
	} else if err := v.node.setRole(d, timeRole); err != nil {
		return nil, err
	}
	out := *v
	out.flip = !v.flip
	return &out, nil
}

// readReverseSequence reads what turns all steps around.
func readReverseSequence(c *call) ([]value, error) {
	v, err := c.view(0)
	if err != nil {
		return nil, err
	}
	time, batch := c.int("time_axis", 0), c.int("batch_axis", 1)
	if c.err != nil || len(v.dims) < 2 || time+batch != 1 || time*batch != 0 {
		return nil, firstOf(c.err, refuse("time_axis = %d and batch_axis = %d, want 0 and 1, in any order", time, batch))
	}
	sizes, err := v.sizes()
	if err != nil {
		return nil, err
	}
	k, err := c.constant(1, "the lengths")
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(k.i, func(s sym) bool { return s != sizes[time] }) || len(k.i) == 0 {
		return nil, refuse("lengths %v of rows of %v steps; all of them have to be turned around", k.i[:min(len(k.i), 4)], sizes[time])
	}
	if len(v.dims[time]) == 0 {
		return one(v), nil
	}
	out, err := c.im.flipped(v, int(time))
	return one(out), err
}

// ofFirst is a node with the vectors of n, of which elements lo to hi are at all steps those
// of the first.
func (im *importer) ofFirst(n *node, lo, hi int) (*node, error) {
	if err := im.spend(n.width); err != nil {
		return nil, err
	}
	from, first := make([]int, n.width), make([]bool, n.width)
	for i := range from {
		from[i], first[i] = i, lo <= i && i < hi
	}
	return im.picked(n, from, first), nil
}

// vectors returns v as vectors of a node.
func (im *importer) vectors(v *view) (*view, error) {
	switch {
	case v.node != nil:
		return v, nil
	case v.list != nil:
		return im.ofStates(v)
	}
	p := v.port
	at := im.rootOf(p.port)
	if at == nil {
		n := &node{name: p.port.Name}
		if !p.port.ids() {
			whole := im.values[p.port.Name].v
			n.width = whole.count()
			if len(whole.features()) == 0 && len(whole.dims) > 0 && p.port.fixed[len(whole.dims)-1] != 1 {
				return nil, refuse("the width of the input %q is not known", p.port.Name)
			}
		}
		at = &root{port: p.port, node: n}
		n.root = at
		im.roots = append(im.roots, at)
	}
	whole := im.values[p.port.Name].v
	n := 0
	for _, d := range v.dims {
		for _, a := range d {
			if a.kind == ofSequence {
				if a.axis > 1 {
					return nil, refuse("the input %q has more than two axes before its vectors, or vectors of a width that is not known", p.port.Name)
				}
				n++
				if !slices.ContainsFunc(whole.dims, func(d []atom) bool { return slices.Contains(d, a) }) {
					return nil, refuse("it reads a part of the input %q", p.port.Name)
				}
			}
		}
	}
	for _, d := range whole.dims { // of which one entry may have been taken
		for _, a := range d {
			if a.kind == ofSequence {
				n--
			}
		}
	}
	if n != 0 || p.first != 0 {
		return nil, refuse("it reads a part of the input %q", p.port.Name)
	}
	out := *v
	out.source = source{node: at.node}
	return &out, nil
}

// ofStates returns final states as the last step of what their layer gives. A direction that
// reads from the end has its final state at the first step.
func (im *importer) ofStates(v *view) (*view, error) {
	of, d := v.list[0].of, v.list[0].direction
	for i, s := range v.list {
		if s.cell {
			return nil, refuse("it reads the final c of the layer %q, which no network here gives as an output", of.name)
		}
		if s.of != of || s.direction != d+i {
			return nil, refuse("it reads final states of several layers at once, or directions in another order")
		}
	}
	n := of.node
	if of.finals == nil {
		of.finals = n
		reversed := of.reversed()
		if slices.Contains(reversed, true) {
			lo, hi := 0, n.width
			if len(reversed) == 2 {
				lo = of.hidden
			}
			var err error
			if of.finals, err = im.ofFirst(n, lo, hi); err != nil {
				return nil, err
			}
		}
	}
	out := *v
	out.source = source{node: of.finals, step: rowEnd}
	out.off = d * of.hidden
	dims := slices.Clone(v.dims)
	for i, axis := range dims {
		dims[i] = slices.Clone(axis)
		for k, a := range axis {
			if a.kind == ofState {
				size, _ := a.size.value()
				dims[i][k] = feature(int(size), a.stride*of.hidden)
			}
		}
	}
	return out.like(dims), nil
}

// readGather reads an embedding, and one or several entries of an axis.
func readGather(c *call) ([]value, error) {
	if !c.has(0) || !c.has(1) {
		return nil, refuse("it needs two inputs")
	}
	axis, err := axisOf(c.int("axis", 0), c.in[0].rank())
	if err != nil || c.err != nil {
		return nil, firstOf(err, c.err)
	}
	if c.in[1].v != nil {
		return c.embedding(axis)
	}
	index := c.in[1].k
	if len(index.dims) > 1 {
		return nil, refuse("indices of %d axes, want at most 1", len(index.dims))
	}
	list, err := index.list()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, refuse("no indices")
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	out := c.in[0]
	if n, fixed := sizes[axis].value(); fixed {
		var numbers []int64
		for _, s := range list {
			i, ok := s.value()
			if i < 0 {
				i += n
			}
			if !ok || i < 0 || i >= n {
				return nil, refuse("the index %v of axis %d of size %d", s, axis, n)
			}
			numbers = append(numbers, i)
		}
		r, ok := spanOf(numbers)
		switch {
		case out.k != nil && !ok:
			at := make([]int, len(numbers))
			for i, n := range numbers {
				at[i] = int(n)
			}
			if n := out.k.count() / max(1, out.k.have[axis]); n > 0 && len(at) > c.im.most/n {
				return nil, refuse("%d entries of a constant of the dimensions %v, more elements than this file can have", len(at), out.k.dims)
			}
			out = value{k: out.k.take(axis, at)}
		case !ok:
			if out, err = c.im.chosen(out.v, axis, numbers); err != nil {
				return nil, err
			}
		default:
			if out, err = c.im.take(out, axis, r); err != nil {
				return nil, err
			}
		}
	} else {
		last, err := sizes[axis].add(known(-1))
		switch {
		case len(list) != 1 || out.v == nil || err != nil:
			return nil, refuse("%d entries of axis %d, whose size %v is known only when the graph runs", len(list), axis, sizes[axis])
		case list[0].is(-1) || list[0] == last:
			out, err = c.im.oneStep(out.v, axis, rowOfLast)
		case list[0].is(0):
			out, err = c.im.oneStep(out.v, axis, rowOfFirst)
		default:
			err = refuse("the entry %v of axis %d, whose size %v is known only when the graph runs; the first and the last can be had", list[0], axis, sizes[axis])
		}
		if err != nil {
			return nil, err
		}
	}
	if len(index.dims) == 1 {
		return []value{out}, nil
	}
	var keep []int
	for i := range out.rank() {
		if i != axis {
			keep = append(keep, i)
		}
	}
	c.in[0] = out
	return c.withAxes(keep)
}

// chosen returns elements of vectors in any order.
func (im *importer) chosen(v *view, axis int, list []int64) (value, error) {
	v, err := im.vectors(v)
	if err != nil {
		return value{}, err
	}
	if !v.onlyFeaturesIn(axis) || v.node.part != nil || v.node.width == 0 {
		return value{}, refuse("the indices %v, which are not equally far apart, of axis %d, which is not that of vectors", list[:min(len(list), 8)], axis)
	}
	order, err := im.order(v)
	if err != nil {
		return value{}, err
	}
	from := make([]int, len(list))
	for i, at := range list {
		from[i] = order[at]
	}
	out := *v
	out.off = 0
	out.node = im.picked(v.node, from, nil)
	dims := slices.Clone(v.dims)
	dims[axis] = []atom{feature(len(list), 1)}
	return value{v: out.like(dims)}, nil
}

// embedding looks ids up in a table.
func (c *call) embedding(axis int) ([]value, error) {
	table, err := c.constant(0, "the table")
	if err != nil {
		return nil, err
	}
	ids, err := c.view(1)
	if err != nil {
		return nil, err
	}
	if !table.float || len(table.dims) != 2 || axis != 0 || ids.node.width != 0 || len(ids.features()) > 0 || ids.off != 0 || ids.test != noTest {
		return nil, refuse("it looks something up that is no table of vectors, or by something that is no input of ids")
	}
	if err := c.im.spendAll(table); err != nil {
		return nil, err
	}
	if table, err = table.whole(c.im.most); err != nil {
		return nil, err
	}
	e := &nn.Embedding{Weight: slices.Clone(table.f), Vocabulary: table.have[0], Dim: table.have[1]}
	if e.Vocabulary < 1 || e.Dim < 1 {
		return nil, refuse("an empty table")
	}
	out := *ids
	out.node = newNode(ids.node, e.Dim, c.im.at)
	out.node.stage = e
	return one(out.like(append(slices.Clone(ids.dims), []atom{feature(e.Dim, 1)}))), nil
}

func readSplit(c *call) ([]value, error) {
	list, ok, err := c.list("split", 1)
	if err != nil || !c.has(0) {
		return nil, firstOf(err, refuse("it has no input"))
	}
	axis, err := axisOf(c.int("axis", 0), c.in[0].rank())
	if err != nil {
		return nil, err
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	n, fixed := sizes[axis].value()
	if !fixed {
		return nil, refuse("parts of axis %d, whose size is known only when the graph runs", axis)
	}
	parts := c.int("num_outputs", int64(len(c.n.Output)))
	if c.err != nil {
		return nil, c.err
	}
	if parts < 1 || parts != int64(len(c.n.Output)) {
		return nil, refuse("%d parts for %d outputs", parts, len(c.n.Output))
	}
	if !ok {
		size := (n + parts - 1) / parts
		for at := int64(0); int64(len(list)) < parts; at += size {
			list = append(list, max(0, min(size, n-at)))
		}
	}
	var out []value
	at := int64(0)
	for _, size := range list {
		if size < 1 || size > n-at {
			return nil, refuse("parts %v of axis %d of size %d", list, axis, n)
		}
		v, err := c.im.take(c.in[0], axis, span{at, size, 1})
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		at += size
	}
	if at != n {
		return nil, refuse("parts %v of axis %d of size %d", list, axis, n)
	}
	return out, nil
}

// readConcat puts constants, final states, or vectors side by side.
func readConcat(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	axis, err := axisOf(c.int("axis", 0), c.in[0].rank())
	if err != nil || c.err != nil {
		return nil, firstOf(err, c.err)
	}
	var consts []*constant
	var views []*view
	areStates := true
	for i := range c.in {
		if !c.has(i) || c.in[i].rank() != c.in[0].rank() {
			return nil, refuse("inputs of different numbers of axes, or none")
		}
		if v := c.in[i].v; v != nil {
			views = append(views, v)
			d := v.dims[axis]
			areStates = areStates && v.list != nil && (len(d) == 0 && len(v.list) == 1 || len(d) == 1 && d[0] == states(len(v.list))) && sameAxes(v, views[0], axis)
		} else {
			consts = append(consts, c.in[i].k)
		}
	}
	switch {
	case len(views) == 0:
		k, err := joined(consts, axis, c.im.most)
		return constants(k), err
	case len(consts) > 0:
		return nil, refuse("constants beside what the graph computes when it runs")
	case areStates:
		out := *views[0]
		out.list = nil
		for _, v := range views {
			out.list = append(out.list, v.list...)
		}
		if len(out.list) > maxNodes {
			return nil, refuse("%d final states", len(out.list))
		}
		dims := slices.Clone(out.dims)
		dims[axis] = []atom{states(len(out.list))}
		return one(out.like(dims)), nil
	}
	v, err := c.im.sideBySide(views, axis)
	return one(v), err
}

// together is the step of two views of one step each, or of two of all.
func together(a, b step) (step, error) {
	switch {
	case a == b:
		return a, nil
	case a == allSteps || b == allSteps:
		return 0, refuse("one step of a layer together with all steps of another")
	}
	return lastStep, nil
}

// sideBySide puts vectors side by side: by an order of elements if they are of one node,
// else by a Parallel.
func (im *importer) sideBySide(views []*view, axis int) (*view, error) {
	var err error
	base, one, width, step := (*node)(nil), true, 0, allSteps
	for i := range views {
		if views[i], err = im.vectors(views[i]); err != nil {
			return nil, err
		}
		v, first := views[i], views[0]
		for k, d := range v.dims {
			for _, a := range d {
				if a.kind == ofFeature && k < axis || a.kind != ofFeature && k == axis {
					return nil, refuse("tensors side by side along axis %d, which is not that of vectors", axis)
				}
			}
		}
		if !sameAxes(v, first, axis) {
			return nil, refuse("tensors side by side whose other axes differ")
		}
		if i == 0 {
			step = v.step
		}
		if step, err = together(step, v.step); err != nil || v.flip != first.flip {
			return nil, firstOf(err, refuse("a sequence beside one whose time runs from the end"))
		}
		if v.node.part != nil || v.node.width == 0 {
			return nil, refuse("something side by side that is not the output of a layer")
		}
		if base = v.node; i > 0 {
			base = meet(v.node, first.node)
			one = one && v.node == first.node
		}
	}
	out := *views[0]
	rows := 0
	for _, v := range views {
		n := 1
		for _, a := range v.dims[axis] {
			size, _ := a.size.value()
			n *= int(size)
		}
		rows += n
	}
	var order []int
	if one {
		for _, v := range views {
			part, err := im.order(v)
			if err != nil {
				return nil, err
			}
			order = append(order, part...)
		}
		out.node = im.picked(views[0].node, order, nil)
	} else {
		ends := make([]*node, len(views))
		for i, v := range views {
			if ends[i], err = im.input(v); err != nil {
				return nil, err
			}
			if i == 0 {
				base = ends[0]
			}
			if base = meet(base, ends[i]); base == nil {
				return nil, refuse("vectors of different inputs side by side")
			}
			if width += ends[i].width; width > 1<<31-1 {
				return nil, refuse("vectors of more than 2^31 elements")
			}
		}
		out.node = newNode(base, width, im.at)
		out.node.parallel = ends
	}
	dims := slices.Clone(out.dims)
	dims[axis] = []atom{feature(rows, 1)}
	out.off, out.step = 0, step
	return out.like(rebased(dims, ofFeature)), nil
}
