package onnx

import (
	"slices"
)

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
	if v, err := piled(views, axis); v != nil || err != nil {
		return one(v), err
	}
	v, err := c.im.sideBySide(views, axis)
	return one(v), err
}

// piled puts lists of states that are alike one after another along a new axis; nil if they are
// none.
func piled(views []*view, axis int) (*view, error) {
	first := views[0]
	for _, v := range views {
		if v.list == nil || len(v.list) != len(first.list) || len(v.dims[axis]) > 0 || !slices.EqualFunc(v.dims, first.dims, slices.Equal[[]atom]) {
			return nil, nil
		}
	}
	n := len(first.list)
	if len(views) > maxNodes/n {
		return nil, refuse("%d final states", len(views)*n)
	}
	out := *first
	out.list = nil
	for _, v := range views {
		out.list = append(out.list, v.list...)
	}
	dims := slices.Clone(first.dims)
	dims[axis] = []atom{{kind: ofState, size: known(int64(len(views))), stride: n}}
	return out.like(dims), nil
}

// together is the step of two views of one step each, or of two of the same steps.
func together(a, b step) (step, error) {
	switch {
	case a == b:
		return a, nil
	case a.one() && b.one() && a.rows == b.rows && a.kind == b.kind:
		a.both = true
		return a, nil
	case a.one() && b.one() && a.rows == b.rows:
		return lastStep, nil
	case a.rows != (lengthsOf{}) && b == rowEnd:
		a.both = true
		return a, nil
	case b.rows != (lengthsOf{}) && a == rowEnd:
		b.both = true
		return b, nil
	case a.one() && b.one() && a.rows != (lengthsOf{}) && b.rows != (lengthsOf{}):
		return step{}, refuse("the last step of each row by the lengths of one input together with that by the lengths of another")
	case a.one() && b.one():
		return step{}, refuse("the last step of each row, by lengths, together with the last of the tensor, or with a pool over all steps")
	case a.one() || b.one():
		return step{}, refuse("one step of a layer together with all steps of another, or with some")
	}
	return step{}, refuse("some steps of a layer together with others of another")
}

// sideBySide puts vectors side by side: by an order of elements if they are of one node,
// else by a Parallel.
func (im *importer) sideBySide(views []*view, axis int) (*view, error) {
	var err error
	one, width, step := true, 0, allSteps
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
		one = one && v.node == first.node
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
		var base *node
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
