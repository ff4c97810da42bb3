package onnx

import (
	"slices"
)

// A graph that takes the output at the end of each row has integers that follow from the lengths
// of rows, such as lengths - 1 in the axes of what it is looked up in, or the places of these in a
// tensor whose first axes are one. They are
//
//	lens*(length of the row) + number*(place along an axis) + plus
//
// with numbers and sizes as factors, and so are masks of the steps that exist, which compare two.

// A rowValue is such a tensor of integers, or of truths.
type rowValue struct {
	of                 lengthsOf
	lens, number, plus sym
	row, place         int // the axes of rows and of places; -1 without
	sizes              []sym
	mask               maskOf
	pair               []*rowValue // in place of these: along the last axis, for GatherND
	upTo               sym         // of lengths that are a sum of a mask: among so many steps; else 0
	narrow             bool        // a mask of a type that does not hold the number of steps
}

// lengthsOf says whose lengths rows have: the input of that name has them, or ids, of which so many
// are not 0. The zero value stands for none.
type lengthsOf struct {
	port   string
	counts bool
}

// rowsOf are the lengths that an operator has.
func (r *recurrent) rowsOf() lengthsOf {
	if r.counts {
		return lengthsOf{r.node.root.port.Name, true}
	}
	return lengthsOf{port: r.lens}
}

// maskOf says what a mask is true for.
type maskOf uint8

const (
	noMask    maskOf = iota
	ofSteps          // steps that exist
	ofPadding        // those past the ends of rows
)

var errRows = refuse("it makes of the lengths of rows, or of what follows from them, what no chain here has; they can say which step of each row is taken, its last, and which steps an attention or a pool leaves out: give the layers the lengths as sequence_lens, or export the graph without this")

// rowOperators are those that read such values.
var rowOperators map[string]func(c *call) (value, error)

func init() {
	rowOperators = map[string]func(c *call) (value, error){
		"Identity": rowIdentity, "Cast": rowCast, "Range": rowRange, "Shape": rowShape,
		"Add": rowSum(1), "Sub": rowSum(-1), "Mul": rowProduct, "Div": rowQuotient, "ReduceSum": rowCount, "Clip": rowClip, "Max": rowClip,
		"Unsqueeze": rowAxes, "Squeeze": rowAxes, "Reshape": rowAxes, "Transpose": rowAxes, "Expand": rowExpand, "Concat": rowConcat,
		"Less": rowLess, "LessOrEqual": rowLess, "Greater": rowLess, "GreaterOrEqual": rowLess, "Not": rowNot, "Equal": rowNot,
		"Where": maskedSteps, "GatherElements": lookUpElements, "GatherND": lookUpPairs, "Gather": lookUpFlat,
	}
}

// rows reads a node of such values; ok is false if it has none.
func (c *call) rows(failed bool) (out []value, ok bool, err error) {
	some := slices.ContainsFunc(c.in, func(v value) bool { return v.r != nil })
	if !some && !failed {
		return nil, false, nil
	}
	read := rowOperators[c.n.GetOpType()]
	if d := c.n.GetDomain(); d != "" && d != "ai.onnx" {
		read = nil
	}
	for i := range c.in {
		some = some || c.in[i].v != nil && c.im.rowOf(c.in[i]) != nil
	}
	if !some && c.n.GetOpType() != "Range" || read == nil {
		return nil, some && !failed, errRows
	}
	v, err := read(c)
	if err == nil {
		err = c.err
	}
	return []value{v}, true, err
}

// rowOf returns a value as a rowValue, nil if it is none.
func (im *importer) rowOf(v value) *rowValue {
	switch {
	case v.r != nil:
		return v.r
	case v.v != nil && v.v.ids():
		return v.v.rowLengths()
	case v.k != nil && !v.k.float:
		return progression(v.k)
	}
	return nil
}

// rowLengths are the lengths that an input of one integer for each row has, or that ids count.
func (v *view) rowLengths() *rowValue {
	p := v.port
	r := &rowValue{lens: known(1), row: -1, place: -1, of: lengthsOf{counts: v.test == counted}}
	if p == nil && v.node.parent == nil {
		p = &portSource{port: v.node.root.port}
	}
	if p == nil || p.first != 0 || p.second != 0 || v.off != 0 || v.flip {
		return nil
	}
	if r.of.port = p.port.Name; !r.of.counts && (v.test != noTest || !p.port.Integers || len(p.port.Shape) != 1) {
		return nil
	}
	for i, d := range v.dims {
		size := known(1)
		switch {
		case len(d) == 1 && d[0].kind == ofSequence && r.row < 0:
			r.row, size = i, d[0].size
		case len(d) > 0:
			return nil
		}
		r.sizes = append(r.sizes, size)
	}
	return r
}

// progression is a constant whose elements grow by the same number along one axis, 0 for all the
// same.
func progression(k *constant) *rowValue {
	r := &rowValue{row: -1, place: -1, sizes: k.dims}
	for i, n := range k.have {
		if n > 1 {
			if r.place >= 0 {
				return nil
			}
			r.place = i
		}
	}
	if len(k.i) == 0 {
		return nil
	}
	if r.plus = k.i[0]; r.place < 0 {
		return r
	}
	first, ok1 := k.i[0].value()
	second, ok2 := k.i[1].value()
	if !ok1 || !ok2 || k.have[r.place] != len(k.i) {
		return nil
	}
	for i, s := range k.i {
		if n, ok := s.value(); !ok || n != first+int64(i)*(second-first) {
			return nil
		}
	}
	r.number = known(second - first)
	return r
}

// rowInput returns input i.
func (c *call) rowInput(i int) (*rowValue, error) {
	if i < len(c.in) {
		if r := c.im.rowOf(c.in[i]); r != nil {
			return r, nil
		}
	}
	return nil, errRows
}

func (c *call) twoRows() (a, b *rowValue, err error) {
	if a, err = c.rowInput(0); err != nil {
		return nil, nil, err
	}
	b, err = c.rowInput(1)
	if err == nil && (len(a.pair) > 0 || len(b.pair) > 0 || a.mask != noMask && b.mask != noMask || a.upTo != (sym{}) || b.upTo != (sym{})) {
		err = errRows
	}
	return a, b, err
}

func rowIdentity(c *call) (value, error) {
	r, err := c.rowInput(0)
	return value{r: r}, err
}

// rowCast passes on what the type holds: of a mask both truths, else numbers of steps.
func rowCast(c *call) (value, error) {
	r, err := c.rowInput(0)
	if err != nil {
		return value{}, err
	}
	to := int32(c.int("to", 0))
	if r.mask == noMask && !holdsCounts(to) {
		return value{}, errRows
	}
	out := *r
	out.narrow = !holdsCounts(to)
	return value{r: &out}, nil
}

// rowRange is 0, 1, 2 and so on up to a size that is known only when the graph runs.
func rowRange(c *call) (value, error) {
	var n [3]sym
	for i, what := range []string{"start", "limit", "delta"} {
		k, err := c.constant(i, what)
		if err != nil {
			return value{}, err
		}
		list, err := k.list()
		if err != nil || len(list) != 1 {
			return value{}, firstOf(err, errRows)
		}
		n[i] = list[0]
	}
	if !n[0].is(0) || !n[2].is(1) || n[1].n == 0 {
		return value{}, refuse("a range from %v to %v in steps of %v, want one from 0 on in steps of 1 where a size is known only when the graph runs", n[0], n[1], n[2])
	}
	return value{r: &rowValue{number: known(1), row: -1, place: 0, sizes: []sym{n[1]}}}, nil
}

func rowShape(c *call) (value, error) {
	r, err := c.rowInput(0)
	if err != nil {
		return value{}, err
	}
	lo, hi := bounds(c.int("start", 0), c.int("end", 1<<62), int64(len(r.sizes)))
	return value{k: vector(r.sizes[lo:max(lo, hi)])}, nil
}

// joint is a value with the axes of both a and b.
func joint(a, b *rowValue) (*rowValue, error) {
	sizes, err := broadcast(a.sizes, b.sizes)
	if err != nil || len(sizes) > maxRank {
		return nil, firstOf(err, errRows)
	}
	if a.of != (lengthsOf{}) && b.of != (lengthsOf{}) && a.of != b.of {
		return nil, refuse("the lengths of two inputs together")
	}
	out := &rowValue{of: a.of, row: -1, place: -1, sizes: sizes}
	if a.of == (lengthsOf{}) {
		out.of = b.of
	}
	for _, r := range []*rowValue{a, b} {
		more := len(sizes) - len(r.sizes)
		for _, axis := range []struct{ from, to *int }{{&r.row, &out.row}, {&r.place, &out.place}} {
			if *axis.from < 0 {
				continue
			}
			at := *axis.from + more
			if *axis.to >= 0 && *axis.to != at {
				return nil, errRows
			}
			*axis.to = at
		}
	}
	return out, nil
}

// rowSum adds, or subtracts for a sign of -1.
func rowSum(sign int64) func(c *call) (value, error) {
	return func(c *call) (value, error) {
		a, b, err := c.twoRows()
		if err != nil {
			return value{}, err
		}
		out, err := sumOfRows(a, b, sign)
		return value{r: out}, err
	}
}

func sumOfRows(a, b *rowValue, sign int64) (*rowValue, error) {
	if a.mask != noMask || b.mask != noMask {
		return nil, errRows
	}
	out, err := joint(a, b)
	if err != nil {
		return nil, err
	}
	for _, t := range []struct {
		to   *sym
		a, b sym
	}{{&out.lens, a.lens, b.lens}, {&out.number, a.number, b.number}, {&out.plus, a.plus, b.plus}} {
		other, err := t.b.mul(known(sign))
		if err != nil {
			return nil, err
		}
		if *t.to, err = t.a.add(other); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isNumber says whether r is one number or size. The lengths of a batch of one row have no axis of
// rows either, and are none.
func (r *rowValue) isNumber() bool {
	return r.lens == known(0) && r.number == known(0) && r.row < 0 && r.place < 0 && r.mask == noMask
}

// rowProduct is a value times a number or a size, or what a layer gives times a mask.
func rowProduct(c *call) (value, error) {
	if slices.ContainsFunc(c.in, func(v value) bool { return v.v != nil && !v.v.ids() }) {
		return keptSteps(c)
	}
	a, b, err := c.twoRows()
	if err != nil {
		return value{}, err
	}
	if a.isNumber() {
		a, b = b, a
	}
	if !b.isNumber() || a.mask != noMask {
		return value{}, errRows
	}
	out, err := joint(a, b)
	if err != nil {
		return value{}, err
	}
	for _, t := range []struct {
		to *sym
		of sym
	}{{&out.lens, a.lens}, {&out.number, a.number}, {&out.plus, a.plus}} {
		if *t.to, err = t.of.mul(b.plus); err != nil {
			return value{}, err
		}
	}
	return value{r: out}, nil
}

// rowClip is lengths - 1, at least 0, or lengths, at least 1: of a row of no steps Run gives no last
// one.
func rowClip(c *call) (value, error) {
	given := slices.DeleteFunc(slices.Clone(c.in), func(v value) bool { return v.k == nil && v.v == nil && v.r == nil })
	if len(given) == 2 && given[0].k != nil && c.n.GetOpType() == "Max" {
		given[0], given[1] = given[1], given[0]
	}
	if len(given) != 2 || given[1].k == nil || c.n.GetOpType() == "Clip" && (len(c.in) < 2 || c.in[1].k == nil) {
		return value{}, errRows
	}
	r, k := c.im.rowOf(given[0]), given[1].k
	if r == nil || k.count() != 1 || len(k.dims) > len(r.sizes) {
		return value{}, errRows
	}
	if k.float {
		if !r.isLengths() || !(k.f[0] <= 1) { // as 1e-9, by which nothing is divided
			return value{}, refuse("a lower limit of %v for what follows from the lengths of rows, want at most 1, of lengths", k.f[0])
		}
		return value{r: r}, nil
	}
	whole := *r // the lengths themselves
	whole.plus = known(-1)
	if !(r.isLast() && k.i[0].is(0) || r.plus == known(0) && whole.isLast() && (k.i[0].is(0) || k.i[0].is(1))) {
		return value{}, refuse("a lower limit of %v for what follows from the lengths of rows, want 0, of lengths - 1, or 1, of lengths", k.i[0])
	}
	return value{r: r}, nil
}
