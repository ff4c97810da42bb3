package onnx

import (
	"slices"
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
	case w.port != nil && !w.port.port.ids() && a.kind == ofFeature:
		return value{v: w.someFeatures(axis, r)}, nil // of states maybe, which are no vectors of a node
	case w.port != nil && a.kind == ofSequence && a.axis < 2 && r.step == 1:
		out := *w
		port := *w.port
		if a.axis == 0 {
			port.first += int(r.from)
		} else {
			port.second += int(r.from)
		}
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
		return value{v: w.someFeatures(axis, r)}, nil
	case a.kind == ofSequence && r.count == 1 && r.from == n-1:
		return im.oneStep(w, axis, rowOfLast)
	case a.kind == ofSequence && r.count == 1 && r.from == 0:
		return im.oneStep(w, axis, rowOfFirst)
	case a.kind == ofSequence && r.count > 1 && r.step == 1:
		part := Window{int(r.from), int(r.from + r.count)}
		if r.from+r.count == n {
			part = Window{-int(r.count), 0}
		}
		return im.someSteps(w, axis, part, known(r.count))
	}
	return value{}, refuse("%d entries of axis %d from %d on, in steps of %d, of %d; of time and batch all can be had, and of time some one after another, the first or the last", r.count, axis, r.from, r.step, n)
}

// someFeatures is v with some elements of its vectors alone, all of which axis has.
func (v *view) someFeatures(axis int, r span) *view {
	out, dims, stride := *v, slices.Clone(v.dims), v.dims[axis][0].stride
	out.off += int(r.from) * stride
	dims[axis] = []atom{{kind: ofFeature, size: known(r.count), stride: stride * int(r.step)}}
	return out.like(dims)
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
	if len(d) != 1 || d[0].kind != ofSequence || v.node.root.roles[d[0].axis] != timeRole || v.step.one() {
		return value{}, refuse("one entry of axis %d, which is not the time of a recurrent layer", axis)
	}
	if w := v.step.of; which == rowOfFirst && w.From != 0 || which == rowOfLast && w.To != 0 {
		return value{}, refuse("one entry of axis %d, which has the steps %v of a layer: of these the first of all or the last of all can be had", axis, w)
	}
	if v.node.part != nil {
		return value{}, refuse("one step of a part of a computation that is no layer norm and no GELU")
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
	if v.step.of != (Window{}) {
		return nil, refuse("the steps %v of a layer from the end; turn the sequence around where it has all steps", v.step.of)
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
