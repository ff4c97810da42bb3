package onnx

import "slices"

// rowAxes gives a value other axes, as the same operator does a tensor that a layer gives.
func rowAxes(c *call) (value, error) {
	r, err := c.rowInput(0)
	if err != nil || len(r.pair) > 0 {
		return value{}, firstOf(err, errRows)
	}
	dims := make([][]atom, len(r.sizes))
	for i, size := range r.sizes {
		switch i {
		case r.row:
			dims[i] = []atom{{kind: ofSequence, axis: 0, size: size}}
		case r.place:
			dims[i] = []atom{{kind: ofSequence, axis: 1, size: size}}
		default:
			dims[i] = []atom{{kind: ofState, size: size, stride: 1}}
		}
	}
	d := *c
	d.in = slices.Clone(c.in)
	d.in[0] = value{v: (&view{}).like(dims)}
	read := map[string]func(*call) ([]value, error){"Unsqueeze": readUnsqueeze, "Squeeze": readSqueeze, "Reshape": readReshape, "Transpose": readTranspose}[c.n.GetOpType()]
	list, err := read(&d)
	if err != nil {
		return value{}, err
	}
	out := *r
	out.row, out.place = -1, -1
	if out.sizes, err = list[0].v.sizes(); err != nil {
		return value{}, err
	}
	for i, d := range list[0].v.dims {
		for _, a := range d {
			if a.kind == ofSequence && len(d) > 1 {
				return value{}, errRows
			} else if a.kind == ofSequence && a.axis == 0 {
				out.row = i
			} else if a.kind == ofSequence {
				out.place = i
			}
		}
	}
	if r.row == r.place && r.row >= 0 {
		out.place = out.row
	}
	return value{r: &out}, nil
}

func rowExpand(c *call) (value, error) {
	r, err := c.rowInput(0)
	if err != nil || len(r.pair) > 0 {
		return value{}, firstOf(err, errRows)
	}
	k, err := c.constant(1, "the shape")
	if err != nil {
		return value{}, err
	}
	list, err := k.list()
	if err != nil {
		return value{}, err
	}
	out, err := joint(r, &rowValue{row: -1, place: -1, sizes: list})
	if err != nil {
		return value{}, err
	}
	out.lens, out.number, out.plus, out.mask = r.lens, r.number, r.plus, r.mask
	return value{r: out}, nil
}

// rowConcat puts two values side by side along a last axis of size 1 each: places for GatherND.
func rowConcat(c *call) (value, error) {
	out := &rowValue{row: -1, place: -1}
	for i := range c.in {
		r, err := c.rowInput(i)
		if err != nil {
			return value{}, err
		}
		last := len(r.sizes) - 1
		axis, err := axisOf(c.int("axis", 0), len(r.sizes))
		if err != nil || last < 1 || axis != last || !r.sizes[last].is(1) || r.mask != noMask || len(r.pair) > 0 || i > 0 && !slices.Equal(r.sizes, out.pair[0].sizes) {
			return value{}, firstOf(err, errRows)
		}
		out.pair = append(out.pair, r)
	}
	out.sizes = slices.Clone(out.pair[0].sizes)
	out.sizes[len(out.sizes)-1] = known(int64(len(out.pair)))
	return value{r: out}, nil
}
