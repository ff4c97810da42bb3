package onnx

import (
	"fmt"
	"math"
)

// A Window is some steps of a sequence, one after another, as a slice of Python has them: those
// from From on and before To. What is below 0 counts from the end, and so does a To of 0, which is
// the end itself. So the zero Window is all steps, {-30, 0} the last 30 and {0, 30} the first.
type Window struct{ From, To int }

// String writes w as Python does.
func (w Window) String() string {
	text := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	return "[" + text(w.From) + ":" + text(w.To) + "]"
}

// of returns the first step of w, of so many, and that after its last one; ok is false if not all of
// them are there.
func (w Window) of(steps int) (from, to int, ok bool) {
	from, to = w.From, w.To
	if from < 0 {
		from += steps
	}
	if to <= 0 {
		to += steps
	}
	return from, to, 0 <= from && from <= to && to <= steps
}

// step is which steps of a node a view has. Steps can be compared with ==.
type step struct {
	kind stepKind
	of   Window    // of a kind that has several
	rows lengthsOf // of ofRow: what says which step is the last, where no layer does
	both bool      // and a final state of a layer stands beside: so one has to
}

type stepKind uint8

const (
	several  stepKind = iota
	ofRow             // the last of each row
	ofTensor          // the last of the tensor; that of each row too, if rows have no lengths
)

var (
	allSteps = step{}
	rowEnd   = step{kind: ofRow}
	lastStep = step{kind: ofTensor}
)

// one says whether it is one step of each row.
func (s step) one() bool { return s.kind != several }

// someSteps is the view of some steps, so many, of those that v has.
func (im *importer) someSteps(v *view, axis int, w Window, count sym) (value, error) {
	v, err := im.vectors(v)
	if err != nil {
		return value{}, err
	}
	d := v.dims[axis]
	switch {
	case len(d) != 1 || d[0].kind != ofSequence || v.node.root.roles[d[0].axis] != timeRole || v.step.one():
		return value{}, refuse("the entries %v of axis %d, which is not the time of a recurrent layer", w, axis)
	case v.flip:
		return value{}, refuse("the steps %v of a sequence whose time runs from the end; take them before it is turned around", w)
	case v.node.width == 0 || v.node.part != nil:
		return value{}, refuse("the steps %v of what is not the output of a layer", w)
	}
	out := *v
	if had := v.step.of; had != (Window{}) { // a part of a part
		n, ok := count.value()
		if w.From < 0 { // from the end of so many
			all, fixed := d[0].size.value()
			w.From += int(all)
			ok = ok && fixed
		}
		if !ok || had.From >= 0 && had.To <= 0 {
			return value{}, refuse("the steps %v of the steps %v of a layer; take them at once", w, had)
		}
		w.From += had.From
		w.To = w.From + int(n)
	}
	out.step.of = w
	dims := make([][]atom, len(v.dims))
	copy(dims, v.dims)
	a := d[0]
	a.size = count
	dims[axis] = []atom{a}
	return value{v: out.like(dims)}, nil
}

// openSteps is a slice of an axis whose size is known only when the graph runs.
func (im *importer) openSteps(v *view, axis int, start, end sym, toEnd bool, size sym) (value, error) {
	bound := func(s sym) (n int64, ok bool) { // from the start, or from the end where it is not above 0
		if s.n != 0 {
			n, ok = s.plus-size.plus, s.n == size.n && s.v == size.v && s.plus <= size.plus
		} else if n = s.plus; n != 0 {
			ok = true
		}
		return n, ok && -math.MaxInt32 < n && n < math.MaxInt32
	}
	from, ok1 := bound(start)
	if start.is(0) {
		from, ok1 = 0, true
	} else if from == 0 {
		ok1 = false
	}
	to, ok2 := bound(end)
	if toEnd {
		to, ok2 = 0, true
	}
	count := known(to - from)
	var err error
	switch {
	case from >= 0 && to <= 0:
		count, err = size.add(count)
	case from < 0 && to > 0:
		ok1 = false
	}
	if n, fixed := count.value(); !ok1 || !ok2 || err != nil || fixed && n < 1 {
		return value{}, refuse("entries %v to %v of axis %d, whose size %v is known only when the graph runs; of time some from the first or from the last on can be had, and all but some", start, end, axis, size)
	}
	if v.step != allSteps {
		return value{}, refuse("entries %v to %v of axis %d, of which some have been left out before; take them at once", start, end, axis)
	}
	return im.someSteps(v, axis, Window{int(from), int(to)}, count)
}
