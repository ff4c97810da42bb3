package onnx

// rowLess compares the place of a step with the length of its row: a mask. Without a place it is the
// first step that counts, so the mask says which rows have steps.
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
	place := known(0)
	if d.place >= 0 {
		place = known(1)
	}
	minus, err := place.negative()
	switch {
	case err != nil:
	case d.place >= 0 && d.row == d.place:
		err = errRows
	case d.number == place && d.lens == known(-1) && d.plus == known(0):
		d.mask = ofSteps
	case d.number == minus && d.lens == known(1) && d.plus == known(-1):
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

// lowScore is the largest number that masks give the steps that they leave out. It is read as -Inf,
// which is the same where the largest score of a row is 104 above it: e^-104 is 0 in float32.
const lowScore = -1e4
