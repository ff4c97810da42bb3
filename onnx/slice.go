package onnx

import (
	"math"
)

// readSlice takes parts of axes.
func readSlice(c *call) ([]value, error) {
	starts, ok1, err1 := c.list2("starts", 1)
	ends, ok2, err2 := c.list2("ends", 2)
	axes, given, err3 := c.list("axes", 3)
	steps, stepped, err4 := c.list("steps", 4)
	if err := firstOf(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	if !ok1 || !ok2 || len(starts) != len(ends) || given && len(axes) != len(starts) || stepped && len(steps) != len(starts) || !c.has(0) {
		return nil, refuse("starts, ends, axes and steps of different lengths, or none")
	}
	out := c.in[0]
	for i := range starts {
		axis, err := axisOf(int64(i), out.rank())
		if given {
			axis, err = axisOf(axes[i], out.rank())
		}
		if err != nil {
			return nil, err
		}
		step := int64(1)
		if stepped {
			step = steps[i]
		}
		if out, err = c.im.slice(out, axis, starts[i], ends[i], step); err != nil {
			return nil, err
		}
	}
	return []value{out}, nil
}

// list2 is list for integers that may be symbols.
func (c *call) list2(name string, i int) ([]sym, bool, error) {
	if _, ok := c.attrs[name]; !ok && c.has(i) {
		k, err := c.constant(i, name)
		if err != nil {
			return nil, false, err
		}
		list, err := k.list()
		return list, true, err
	}
	numbers, ok, err := c.list(name, len(c.in))
	var list []sym
	for _, n := range numbers {
		list = append(list, known(n))
	}
	return list, ok, err
}

// slice is one axis of a Slice.
func (im *importer) slice(v value, axis int, start, end sym, step int64) (value, error) {
	sizes, err := v.sizes()
	if err != nil {
		return value{}, err
	}
	size := sizes[axis]
	n, fixed := size.value()
	if !fixed {
		if e, ok := end.value(); step == -1 && start.is(-1) && ok && e <= -(1<<31-1) && v.v != nil {
			v, err := im.flipped(v.v, axis)
			return value{v: v}, err
		}
		if step != 1 {
			return value{}, refuse("steps of %d along axis %d, whose size is known only when the graph runs", step, axis)
		}
		toEnd := end == size
		if e, ok := end.value(); ok && e >= math.MaxInt32 {
			toEnd = true
		}
		from, err := start.add(known(0))
		if s, ok := start.value(); ok && s < 0 {
			from, err = size.add(start)
		}
		if err != nil {
			return value{}, err
		}
		last, err := size.add(known(-1))
		if err != nil {
			return value{}, err
		}
		switch {
		case from.is(0) && toEnd:
			return v, nil
		case from == last && toEnd && v.v != nil:
			return im.oneStep(v.v, axis, rowOfLast)
		case from.is(0) && end.is(1) && v.v != nil:
			return im.oneStep(v.v, axis, rowOfFirst)
		}
		if v.v == nil {
			return value{}, refuse("entries %v to %v of axis %d of a constant, whose size %v is known only when the graph runs", start, end, axis, size)
		}
		return im.openSteps(v.v, axis, start, end, toEnd, size)
	}
	s, ok1 := start.value()
	e, ok2 := end.value()
	if !ok1 || !ok2 {
		return value{}, refuse("entries %v to %v of axis %d of size %d", start, end, axis, n)
	}
	r := sliceOf(s, e, step, n)
	if r.count == 0 {
		return value{}, refuse("no entries of axis %d: %d to %d in steps of %d, of %d", axis, s, e, step, n)
	}
	return im.take(v, axis, r)
}

// A span is some entries of an axis: count of them, step apart.
type span struct{ from, count, step int64 }

// sliceOf is the span from s to e of n, as ONNX counts them.
func sliceOf(s, e, step, n int64) span {
	if n > 1<<31-1 || step == 0 || step == math.MinInt64 {
		return span{}
	}
	if s < 0 {
		s += n
	}
	if e < 0 {
		e += n
	}
	if step > 0 {
		s, e = max(s, 0), min(e, n)
	} else {
		s, e = min(s, n-1), max(e, -1)
	}
	if step > 0 && s >= e || step < 0 && s <= e {
		return span{}
	}
	step = min(max(step, -n), n)
	count := int64(1)
	if step > 0 {
		count += (e - 1 - s) / step
	} else {
		count += (s - e - 1) / -step
	}
	return span{s, count, step}
}

// spanOf is the span with the entries of a list, if there is one.
func spanOf(list []int64) (span, bool) {
	r := span{list[0], int64(len(list)), 1}
	if len(list) > 1 {
		r.step = list[1] - list[0]
	}
	for i, at := range list {
		if at != r.from+int64(i)*r.step {
			return span{}, false
		}
	}
	return r, r.step != 0
}

// list is the entries of r.
func (r span) list() []int {
	list := make([]int, r.count)
	for i := range list {
		list[i] = int(r.from + int64(i)*r.step)
	}
	return list
}
