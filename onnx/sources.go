package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

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
	if n != 0 || p.first != 0 || p.second != 0 {
		return nil, refuse("it reads a part of the input %q", p.port.Name)
	}
	out := *v
	out.source = source{node: at.node}
	return &out, nil
}

// entry is one entry of one of the first two axes of an input: a step of it.
func (im *importer) entry(v *view) (*formula, error) {
	whole := im.values[v.port.port.Name].v
	if whole == nil || v.port.first > 0 && v.port.second > 0 {
		return nil, errFormula
	}
	var left []atom
	for _, d := range v.dims {
		left = append(left, d...)
	}
	for axis, at := range []int{v.port.first, v.port.second} {
		if axis >= len(whole.dims) || len(whole.dims[axis]) != 1 || v.port.first+v.port.second != at {
			continue // of a number there is no axis
		}
		n, fixed := whole.dims[axis][0].size.value()
		var others []atom
		for i, d := range whole.dims {
			if i != axis {
				others = append(others, d...)
			}
		}
		if !fixed || at >= int(n) || !slices.Equal(left, others) {
			continue
		}
		f, err := im.stepOf(whole, axis, at)
		if err != nil {
			return nil, err
		}
		sizes, err := v.sizes()
		if err != nil {
			return nil, err
		}
		if last := len(v.dims) - 1; !v.onlyFeaturesIn(last) {
			return nil, errFormula
		}
		return &formula{sizes, f.e}, oneOfRows(sizes)
	}
	return nil, errFormula
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
