package onnx

import (
	"math"
	"slices"
)

// cut returns a part of an axis of input 0: one step of a sequence, or elements of a
// vector. Of other axes it can be all.
func (c *call) cut(v value, axis int, r span) (*formula, error) {
	sizes, err := v.axes()
	if err != nil {
		return nil, err
	}
	n, fixed := sizes[axis].value()
	switch {
	case r.step != 1 || !fixed:
		return nil, errFormula
	case v.e == nil && v.v != nil && r.count == 1 && n > 1:
		return c.im.stepOf(v.v, axis, int(r.from))
	case v.e == nil:
		return nil, errFormula
	case r == (span{0, n, 1}):
		return v.e, nil
	case axis != len(sizes)-1 || v.e.e.op == ofCount:
		return nil, errFormula
	}
	return v.e.like(c.im.part(v.e.e, int(r.from), int(r.from+r.count))), nil
}

// axes are the sizes of a value that may be a formula.
func (v value) axes() ([]sym, error) {
	switch {
	case v.e != nil:
		return v.e.sizes, nil
	case v.k == nil && v.v == nil:
		return nil, errFormula
	}
	return v.sizes()
}

func sliceFormula(c *call) ([]*formula, error) {
	starts, ok1, err1 := c.list2("starts", 1)
	ends, ok2, err2 := c.list2("ends", 2)
	axes, given, err3 := c.list("axes", 3)
	by, stepped, err4 := c.list("steps", 4)
	if err := firstOf(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	if !ok1 || !ok2 || len(starts) != len(ends) || given && len(axes) != len(starts) || stepped && len(by) != len(starts) || len(c.in) == 0 {
		return nil, errFormula
	}
	v := c.in[0]
	for i := range starts {
		sizes, err := v.axes()
		if err != nil {
			return nil, err
		}
		axis, err := axisOf(int64(i), len(sizes))
		if given {
			axis, err = axisOf(axes[i], len(sizes))
		}
		if err != nil {
			return nil, err
		}
		step := int64(1)
		if stepped {
			step = by[i]
		}
		n, fixed := sizes[axis].value()
		s, ok1 := starts[i].value()
		e, ok2 := ends[i].value()
		if !fixed {
			if whole := ok1 && s == 0 && step == 1 && (ok2 && e >= math.MaxInt32 || ends[i] == sizes[axis]); !whole {
				return nil, errFormula
			}
			continue
		}
		if !ok1 || !ok2 {
			return nil, errFormula
		}
		r := sliceOf(s, e, step, n)
		if r.count == 0 {
			return nil, errFormula
		}
		f, err := c.cut(v, axis, r)
		if err != nil {
			return nil, err
		}
		v = value{e: f}
	}
	f, err := c.im.formulaOf(v)
	return []*formula{f}, err
}

func splitFormula(c *call) ([]*formula, error) {
	list, ok, err := c.list("split", 1)
	if err != nil || len(c.in) == 0 {
		return nil, firstOf(err, errFormula)
	}
	sizes, err := c.in[0].axes()
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(c.int("axis", 0), len(sizes))
	if err != nil {
		return nil, err
	}
	n, fixed := sizes[axis].value()
	parts := int64(len(c.n.Output))
	if c.int("num_outputs", parts) != parts || parts < 1 || !fixed {
		return nil, errFormula
	}
	if !ok {
		size := (n + parts - 1) / parts
		for at := int64(0); int64(len(list)) < parts; at += size {
			list = append(list, max(0, min(size, n-at)))
		}
	}
	if int64(len(list)) != parts {
		return nil, errFormula
	}
	var out []*formula
	at := int64(0)
	for _, size := range list {
		if size < 1 || size > n-at {
			return nil, errFormula
		}
		f, err := c.cut(c.in[0], axis, span{at, size, 1})
		if err != nil {
			return nil, err
		}
		out = append(out, f)
		at += size
	}
	if at != n {
		return nil, errFormula
	}
	return out, nil
}

// gatherFormula takes one step of a sequence, by a number or by that which counts a loop's
// steps.
func gatherFormula(c *call) ([]*formula, error) {
	if len(c.in) < 2 {
		return nil, errFormula
	}
	sizes, err := c.in[0].axes()
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(c.int("axis", 0), len(sizes))
	if err != nil {
		return nil, err
	}
	var out *formula
	keep := false
	if i := c.in[1].e; i != nil {
		if i.e.op != ofCount || i.e.count != 0 || len(i.sizes) > 1 || c.in[0].v == nil {
			return nil, errFormula
		}
		keep = len(i.sizes) == 1
		out, err = c.im.stepOf(c.in[0].v, axis, atLoop)
	} else {
		k, err1 := c.constant(1, "the index")
		if err1 != nil {
			return nil, err1
		}
		list, err1 := k.integers()
		n, fixed := sizes[axis].value()
		if err1 != nil || len(list) != 1 || len(k.dims) > 1 || !fixed || list[0] < -n || list[0] >= n {
			return nil, errFormula
		}
		keep = len(k.dims) == 1
		out, err = c.cut(c.in[0], axis, span{(list[0] + n) % n, 1, 1})
	}
	if err != nil {
		return nil, err
	}
	if !keep {
		if axis == len(sizes)-1 {
			return nil, errFormula
		}
		out = &formula{slices.Delete(slices.Clone(out.sizes), axis, axis+1), out.e}
	}
	return []*formula{out}, nil
}

const atLoop = -1 // the step that a loop is at
