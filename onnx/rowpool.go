package onnx

import (
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
)

// Pooling of rows that have lengths goes through
//
//	kept = steps, 0 past the ends of rows -> total = its sum over time -> total / lengths, the mean
//	masked = steps, -Inf past the ends of rows -> its maximum over time
//
// Like the parts of an attention, those before the last are nodes that are no stages.

// noStep is the largest number that stands for none beside all that a layer may give: nothing but
// -Inf is below it.
const noStep = -math.MaxFloat32

// maskedSteps is a Where of what layers give and a constant: steps that are left out, as masked_fill
// of PyTorch writes it.
func maskedSteps(c *call) (value, error) {
	mask, err := c.rowInput(0)
	if err != nil {
		return value{}, err
	}
	at := 1
	if mask.mask == ofPadding {
		at = 2
	}
	if mask.mask == noMask || !c.has(at) || !c.has(3-at) || c.in[3-at].k == nil || c.in[at].v == nil {
		return value{}, errRows
	}
	v, err := c.view(at)
	if err != nil {
		return value{}, err
	}
	k := c.in[3-at].k
	if err := mask.fits(v, k.dims); err != nil {
		return value{}, err
	}
	fill := float32(math.Inf(1)) // the largest of all
	if k.float && len(k.f) > 0 {
		fill = slices.Max(k.f)
	}
	switch zero := fill == 0 && !slices.ContainsFunc(k.f, func(x float32) bool { return x != 0 }); {
	case zero && mask.place < 0:
		return ofRowsWithSteps(v, mask)
	case mask.place < 0:
		return value{}, refuse("it gives rows of no steps %v, want 0", k.f[:min(len(k.f), 4)])
	case zero:
		v, err = c.im.leftOut(v, mask, "kept", 0)
	case !(fill <= lowScore):
		return value{}, refuse("it masks steps by %v, want -Inf or a number of at most %v, which weighs nothing behind a softmax, or 0, which adds nothing to a sum", k.f[:min(len(k.f), 4)], lowScore)
	default:
		if len(v.features()) > 0 && fill > noStep {
			return value{}, refuse("it masks %d numbers of each step by %v, want one, the score of an attention, or -Inf, of which a maximum is had: several attentions side by side are no stage of a chain", v.count(), fill)
		}
		v, err = c.im.leftOut(v, mask, "masked", fill)
	}
	return value{v: v}, err
}

// fits returns an error where v together with a mask, and a constant, has other sizes than v, or where
// the mask is none of the steps of v, or of its rows.
func (mask *rowValue) fits(v *view, constant []sym) error {
	sizes, err := v.sizes()
	if err != nil {
		return err
	}
	for _, more := range [][]sym{mask.sizes, constant} {
		if all, err := broadcast(sizes, more); err != nil || !slices.Equal(all, sizes) {
			return refuse("a mask of the sizes %v for what has the sizes %v", more, sizes)
		}
	}
	first := len(sizes) - len(mask.sizes)
	time, row := -1, -1 // of a batch of one row there is no axis
	if mask.place >= 0 {
		time = mask.place + first
	}
	if mask.row >= 0 {
		row = mask.row + first
	}
	rows := slices.IndexFunc(v.dims, func(d []atom) bool {
		return len(d) > 0 && d[0].kind == ofSequence && (time < 0 || !slices.Equal(d, v.dims[time]))
	})
	if time >= 0 && rows == row && v.node.root.roles == [2]role{} { // no layer says which is time: the mask does
		if err := v.node.setRole(v.dims[time], timeRole); err != nil {
			return err
		}
		if row >= 0 {
			if err := v.node.setRole(v.dims[row], batchRole); err != nil {
				return err
			}
		}
	}
	if v.flip || rows != row || time >= 0 && !v.timeAxis(time) {
		return refuse("it masks something else than the steps of a layer, each of them as a whole")
	}
	return nil
}

// leftOut is a part over v in which steps past the ends of rows are left out.
func (im *importer) leftOut(v *view, mask *rowValue, part string, fill float32) (*view, error) {
	if v.node.part != nil || v.node.width == 0 {
		return nil, refuse("it masks what is not the output of a layer, or is masked before")
	}
	sizes, err := v.sizes()
	if err != nil {
		return nil, err
	}
	steps := sizes[mask.place+len(sizes)-len(mask.sizes)]
	if v, err = im.wholeOf(v); err != nil {
		return nil, err
	}
	out := *v
	out.node = im.partOf(v.node, part, v.node.width, 0)
	p := out.node.part
	p.rows, p.fill, p.steps = mask.of, fill, steps
	return &out, nil
}

// ofRowsWithSteps is v itself, which is 0 for rows of no steps: for these Run gives no last step.
func ofRowsWithSteps(v *view, mask *rowValue) (value, error) {
	if v.node.part != nil || v.step != (step{kind: ofRow, rows: mask.of}) {
		return value{}, refuse("it gives 0 for rows of no steps, want that of what is computed from the steps up to the same lengths")
	}
	return value{v: v}, nil
}

// highest is the maximum over time, an axis of v, with one of size 1 in its place.
func (im *importer) highest(v *view, axis int) (*view, error) {
	p := v.node.part
	if !v.timeAxis(axis) {
		return nil, refuse("a maximum of masked steps over axis %d, which is not time", axis)
	}
	if p.fill > noStep {
		return nil, refuse("a maximum of steps of which those past the ends of rows are %v, which may be above the others: mask them by -Inf", p.fill)
	}
	return im.pooledRows(v, axis, nn.PoolMax{})
}

// pooledRows is a pool in place of a part of one, over the steps up to the lengths of rows.
func (im *importer) pooledRows(v *view, axis int, stage nn.Stage) (*view, error) {
	p := v.node.part
	whole := *v
	whole.node, whole.step = p.of, allSteps
	out, err := im.mapped(&whole, stage)
	if err != nil {
		return nil, err
	}
	out.step, out.flip = step{kind: ofRow, rows: p.rows}, false
	if axis < 0 {
		return out, nil
	}
	return out.without(axis), nil
}

// without is v with an axis of size 1 in place of another.
func (v *view) without(axis int) *view {
	dims := slices.Clone(v.dims)
	dims[axis] = nil
	return v.like(dims)
}

// total is the sum of kept steps over time, an axis of v, with one of size 1 in its place.
func (im *importer) total(v *view, axis int) (*view, error) {
	if !v.timeAxis(axis) {
		return nil, refuse("a sum of masked steps over axis %d, which is not time", axis)
	}
	p := v.node.part
	out := *v
	out.node = im.partOf(p.of, "total", v.node.width, 0)
	out.node.part.rows, out.node.part.steps = p.rows, p.steps
	out.step, out.flip = step{kind: ofRow, rows: p.rows}, false
	return out.without(axis), nil
}

// rowQuotient is the sum of the steps of each row divided by their number: a mean.
func rowQuotient(c *call) (value, error) {
	if !c.has(0) || c.in[0].v == nil || !c.in[0].v.is("total") {
		return value{}, errRows
	}
	r, err := c.rowInput(1)
	if err != nil {
		return value{}, err
	}
	v, p := c.in[0].v, c.in[0].v.node.part
	if !r.isLengths() || r.of != p.rows {
		return value{}, refuse("a sum of the steps of each row divided by something else than the lengths by which they are masked")
	}
	if r.upTo != (sym{}) && r.upTo != p.steps {
		return value{}, refuse("a sum of the steps of each row divided by their number among %v, want %v", r.upTo, p.steps)
	}
	if err := r.fits(v, nil); err != nil {
		return value{}, err
	}
	out, err := c.im.pooledRows(v, -1, nn.PoolMean{})
	return value{v: out}, err
}

// isLengths says whether r is the lengths of rows.
func (r *rowValue) isLengths() bool {
	return r.lens == known(1) && r.number == known(0) && r.plus == known(0) && r.mask == noMask && r.place < 0 && len(r.pair) == 0
}

// rowCount is the sum of a mask over time: how many of so many steps a row has.
func rowCount(c *call) (value, error) {
	r, err := c.rowInput(0)
	if err != nil {
		return value{}, err
	}
	list, ok, err := c.list("axes", 1)
	keep := c.int("keepdims", 1)
	if err != nil || c.err != nil || !ok || len(list) != 1 || keep != 0 && keep != 1 {
		return value{}, firstOf(err, c.err, errRows)
	}
	axis, err := axisOf(list[0], len(r.sizes))
	if err != nil {
		return value{}, err
	}
	if r.mask != ofSteps || r.narrow || axis != r.place {
		return value{}, refuse("a sum of what is no mask of steps, or over axis %d, which is not time", axis)
	}
	out := &rowValue{of: r.of, lens: known(1), row: r.row, place: -1, sizes: slices.Clone(r.sizes), upTo: r.sizes[axis]}
	if out.sizes[axis] = known(1); keep == 0 {
		out.sizes = slices.Delete(out.sizes, axis, axis+1)
		if out.row > axis {
			out.row--
		}
	}
	return value{r: out}, nil
}

// keptSteps is the product of what layers give and a mask as 0 and 1.
func keptSteps(c *call) (value, error) {
	at := 0
	if len(c.in) == 2 && c.in[0].r != nil {
		at = 1
	}
	mask, err := c.rowInput(1 - at)
	if err != nil {
		return value{}, err
	}
	v, err := c.view(at)
	if err != nil {
		return value{}, err
	}
	if mask.mask != ofSteps {
		return value{}, errRows
	}
	if err := mask.fits(v, nil); err != nil {
		return value{}, err
	}
	if mask.place < 0 {
		return ofRowsWithSteps(v, mask)
	}
	v, err = c.im.leftOut(v, mask, "kept", 0)
	return value{v: v}, err
}
