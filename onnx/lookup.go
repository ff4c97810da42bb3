package onnx

import "slices"

// isPlaces says whether r is 0, 1, 2 and so on along an axis, or 0 alone.
func (r *rowValue) isPlaces() bool {
	return r.lens == known(0) && (r.number == known(1) || r.place < 0) && r.plus == known(0) && r.mask == noMask && len(r.pair) == 0
}

// isLast says whether r is the last step of each row.
func (r *rowValue) isLast() bool {
	return r.lens == known(1) && r.number == known(0) && r.plus == known(-1) && r.mask == noMask && len(r.pair) == 0
}

// ends is the view of the last step of each row, axis being time, with an axis of size 1 in its
// place.
func (im *importer) ends(v *view, axis int, of lengthsOf) (*view, error) {
	d := v.dims[axis]
	switch {
	case len(d) != 1 || d[0].kind != ofSequence || v.node.root.roles[d[0].axis] != timeRole || v.step != allSteps:
		return nil, refuse("it looks something up by the lengths of rows along axis %d, which is not the time of a recurrent layer", axis)
	case v.flip:
		return nil, refuse("it looks the last step of each row up in a sequence whose time runs from the end")
	case v.node.part != nil || v.node.width == 0:
		return nil, refuse("it looks the last step of each row up in what is not the output of a layer")
	}
	out := *v
	out.step = step{kind: ofRow, rows: of}
	dims := slices.Clone(v.dims)
	dims[axis] = nil
	return out.like(dims), nil
}

// lookUpElements is GatherElements of the last step of each row: gather of PyTorch, by lengths - 1
// in all axes of the tensor.
func lookUpElements(c *call) (value, error) {
	v, err := c.view(0)
	if err != nil {
		return value{}, err
	}
	r, err := c.rowInput(1)
	if err != nil {
		return value{}, err
	}
	axis, err := axisOf(c.int("axis", 0), len(v.dims))
	if err != nil {
		return value{}, err
	}
	sizes, err := v.sizes()
	if err != nil {
		return value{}, err
	}
	if !r.isLast() || len(r.sizes) != len(sizes) || !r.sizes[axis].is(1) {
		return value{}, errRows
	}
	for i, size := range sizes {
		isRows := len(v.dims[i]) == 1 && v.dims[i][0].kind == ofSequence
		if i != axis && (r.sizes[i] != size || isRows != (i == r.row)) {
			return value{}, refuse("it looks elements up by a tensor of the sizes %v, want those of the one that it looks them up in, %v, but for axis %d, the lengths along the axis of rows, and the same for all units", r.sizes, sizes, axis)
		}
	}
	out, err := c.im.ends(v, axis, r.of)
	return value{v: out}, err
}

// lookUpPairs is GatherND by pairs of a row and its last step, in the order of the axes: y[rows, lengths-1]
// of PyTorch.
func lookUpPairs(c *call) (value, error) {
	v, err := c.view(0)
	if err != nil {
		return value{}, err
	}
	r, err := c.rowInput(1)
	if err != nil {
		return value{}, err
	}
	if c.int("batch_dims", 0) != 0 || len(r.pair) != 2 || len(r.sizes) != 2 || len(v.dims) < 2 {
		return value{}, errRows
	}
	axis := 1
	at, end := r.pair[0], r.pair[1]
	if at.isLast() {
		axis, at, end = 0, end, at
	}
	if !at.isPlaces() || !end.isLast() {
		return value{}, errRows
	}
	return c.endsOfRows(v, axis, r.sizes[0], at, end)
}

// endsOfRows is ends where the first two axes are rows and time, without an axis in the place of
// time, if at are the places of all rows.
func (c *call) endsOfRows(v *view, axis int, rows sym, at, end *rowValue) (value, error) {
	sizes, err := v.sizes()
	if err != nil {
		return value{}, err
	}
	if at.place != end.row || sizes[1-axis] != rows || len(v.dims[1-axis]) == 1 && v.dims[1-axis][0].kind != ofSequence {
		return value{}, refuse("it looks the last steps of %v rows up in a tensor of the sizes %v, want as many", rows, sizes)
	}
	out, err := c.im.ends(v, axis, end.of)
	if err != nil {
		return value{}, err
	}
	return value{v: out.like(slices.Delete(slices.Clone(out.dims), axis, axis+1))}, nil
}

// lookUpFlat is a Gather of the last steps of rows from a tensor whose first axes have become one,
// as PyTorch's first exporter writes y[rows, lengths-1].
func lookUpFlat(c *call) (value, error) {
	v, err := c.view(0)
	if err != nil {
		return value{}, err
	}
	r, err := c.rowInput(1)
	if err != nil {
		return value{}, err
	}
	if c.int("axis", 0) != 0 || r.mask != noMask || len(r.pair) > 0 || len(r.sizes) != 1 || len(v.dims) == 0 {
		return value{}, errRows
	}
	if r.row < 0 && r.isLast() && r.sizes[0].is(1) { // of a batch of one row
		out, err := c.im.ends(v, 0, r.of)
		return value{v: out}, err
	}
	if len(v.dims[0]) != 2 || r.row != r.place {
		return value{}, errRows
	}
	apart := *v
	apart.dims = append([][]atom{v.dims[0][:1], v.dims[0][1:]}, v.dims[1:]...)
	sizes, err := apart.sizes()
	if err != nil {
		return value{}, err
	}
	minus, err := r.lens.negative()
	if err != nil || r.plus != minus {
		return value{}, firstOf(err, errRows)
	}
	axis := 0
	switch {
	case r.lens == known(1) && r.number == sizes[1]: // rows first
		axis = 1
	case r.number != known(1) || r.lens != sizes[1]:
		return value{}, errRows
	}
	places := &rowValue{number: known(1), place: r.place}
	return c.endsOfRows(&apart, axis, r.sizes[0], places, r)
}

// endRows makes lengths by which a graph takes the last step of each row, or leaves steps out, those
// of the chain. That is the same where no stage looks ahead, and where the layers have them too.
func (b *builder) endRows(outputs []outputPlan) error {
	var rows lengthsOf
	name := ""
	for _, o := range outputs {
		if o.view.step.rows != (lengthsOf{}) {
			rows, name = o.view.step.rows, o.name
		}
	}
	if rows == (lengthsOf{}) {
		return nil
	}
	if rows.counts && rows.port != b.root.port.Name {
		return malformed(textOf("output", name), "the lengths of its rows count the ids of the input %q, and it comes from %q", rows.port, b.root.port.Name)
	}
	alike := true // all layers have these lengths
	for _, r := range b.recs {
		switch of := r.rowsOf(); {
		case of == rows:
			continue
		case r.unequal():
			return &NodeError{Node: r.name, Op: r.kind, Reason: "its sequence_lens is another one than the lengths by which the output " + name + " takes the last step of each row; give it the same"}
		case slices.Contains(r.reversed(), true):
			return &NodeError{Node: r.name, Op: r.kind, Reason: "it reads all steps from the end, and the output " + name + " takes those of each row up to its length; give it the lengths as sequence_lens"}
		}
		alike = false
	}
	for n := range b.used {
		if p, ok := n.stage.(*Pick); ok && p.Last && !alike {
			return &NodeError{Node: n.name, Op: n.kind(), Reason: "it repeats the last of all steps, and the output " + name + " takes those of each row up to its length; give the layers the lengths as sequence_lens"}
		}
	}
	for _, o := range outputs {
		if of := o.view.step.rows; of != rows && of != (lengthsOf{}) {
			return malformed(textOf("output", o.name), "it takes a step by other lengths of rows than the output %q; name one of them by Options.Output", name)
		}
		if (o.view.step.rows != rows || o.view.step.both) && (!alike || o.view.step.kind == ofTensor) {
			if o.view.step.rows == rows || o.name == name {
				return malformed(textOf("output", o.name), "it has a final state, or the first step of each row, beside a step up to the length of each row, which here are the lengths of all; give the layers the lengths as sequence_lens")
			}
			return malformed(textOf("output", o.name), "it has all steps of rows, or their final states, and the output %q takes steps up to the length of each row, which here are the lengths of all; name one of them by Options.Output, or give the layers the lengths as sequence_lens", name)
		}
	}
	b.rows = rows
	return nil
}
