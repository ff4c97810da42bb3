package onnx

import "slices"

// rowLess compares the place of a step with the length of its row: a mask.
func rowLess(c *call) (value, error) {
	a, b, err := c.twoRows()
	if err != nil {
		return value{}, err
	}
	d, err := sumOfRows(a, b, -1)
	if err != nil {
		return value{}, err
	}
	op := c.n.GetOpType()
	if op == "LessOrEqual" || op == "Greater" { // d <= 0 is d-1 < 0
		if d.plus, err = d.plus.add(known(-1)); err != nil {
			return value{}, err
		}
	}
	switch {
	case d.place < 0 || d.row == d.place:
		err = errRows
	case d.number == known(1) && d.lens == known(-1) && d.plus == known(0):
		d.mask = ofSteps
	case d.number == known(-1) && d.lens == known(1) && d.plus == known(-1):
		d.mask = ofPadding
	default:
		err = errRows
	}
	if op[0] == 'G' {
		d.mask = ofSteps + ofPadding - d.mask
	}
	d.lens, d.number, d.plus = sym{}, sym{}, sym{}
	return value{r: d}, err
}

// rowNot is the negation of a mask, also as a comparison with 0.
func rowNot(c *call) (value, error) {
	at := 0
	if len(c.in) == 2 && c.in[0].k != nil {
		at = 1
	}
	r, err := c.rowInput(at)
	if err != nil || r.mask == noMask {
		return value{}, firstOf(err, errRows)
	}
	out := *r
	if c.n.GetOpType() == "Equal" {
		k := c.in[1-at].k
		if k == nil || k.count() != 1 || len(k.dims) > len(r.sizes) {
			return value{}, errRows
		}
		if one := k.float && k.f[0] == 1 || !k.float && k.i[0].is(1); one {
			return value{r: r}, nil
		} else if zero := k.float && k.f[0] == 0 || !k.float && k.i[0].is(0); !zero {
			return value{}, errRows
		}
	}
	out.mask = ofSteps + ofPadding - r.mask
	return value{r: &out}, nil
}

// maskedScores is a Where of scores and a number so low that its e^x is 0: masked_fill of PyTorch.
func maskedScores(c *call) (value, error) {
	mask, err := c.rowInput(0)
	if err != nil {
		return value{}, err
	}
	at := 1
	if mask.mask == ofPadding {
		at = 2
	}
	if mask.mask == noMask || mask.place < 0 || !c.has(at) || !c.has(3-at) || c.in[3-at].k == nil || c.in[at].v == nil {
		return value{}, errRows
	}
	k := c.in[3-at].k
	if !k.float || slices.ContainsFunc(k.f, func(x float32) bool { return !(x <= lowScore) }) {
		return value{}, refuse("it masks steps by %v, want -Inf or a number of at most %v, which weighs nothing behind a softmax", k.f[:min(len(k.f), 4)], lowScore)
	}
	v, err := c.view(at)
	if err != nil {
		return value{}, err
	}
	sizes, err := v.sizes()
	if err != nil {
		return value{}, err
	}
	for _, more := range [][]sym{mask.sizes, k.dims} {
		if all, err := broadcast(sizes, more); err != nil || !slices.Equal(all, sizes) {
			return value{}, refuse("a mask of the sizes %v for scores of the sizes %v", more, sizes)
		}
	}
	if v, err = c.im.scored(v); err != nil {
		return value{}, err
	}
	first := len(sizes) - len(mask.sizes)
	time := mask.place + first
	row := -1 // of a batch of one row there is no axis
	if mask.row >= 0 {
		row = mask.row + first
	}
	rows := slices.IndexFunc(v.dims, func(d []atom) bool { return len(d) > 0 && d[0].kind == ofSequence && !slices.Equal(d, v.dims[time]) })
	if v.is("masked") || v.flip || !v.timeAxis(time) || rows != row {
		return value{}, refuse("it masks something else than the scores of steps, one for each")
	}
	out := *v
	out.node = c.im.partOf(v.node, "masked", 1, 0)
	out.node.part.rows = mask.of
	return value{v: &out}, nil
}

// lowScore is the largest number that masks give the steps that they leave out. It is read as -Inf,
// which is the same where the largest score of a row is 104 above it: e^-104 is 0 in float32.
const lowScore = -1e4
