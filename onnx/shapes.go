package onnx

import (
	"math"
	"slices"
)

func readTranspose(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	rank := c.in[0].rank()
	list, ok, err := c.list("perm", len(c.in))
	if err != nil {
		return nil, err
	}
	perm, seen := make([]int, rank), make([]bool, rank)
	for i := range perm {
		perm[i] = rank - 1 - i
	}
	if ok {
		if len(list) != rank {
			return nil, refuse("perm has %d entries, want %d, the axes of the input", len(list), rank)
		}
		for i, p := range list {
			if p < 0 || p >= int64(rank) || seen[p] {
				return nil, refuse("perm is %v, want each axis once", list)
			}
			perm[i], seen[p] = int(p), true
		}
	}
	if k := c.in[0].k; k != nil {
		return constants(k.transpose(perm)), nil
	}
	v := c.in[0].v
	dims := make([][]atom, rank)
	for to, from := range perm {
		dims[to] = v.dims[from]
	}
	return one(v.like(dims)), nil
}

func readSqueeze(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	list, ok, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	drop := make([]bool, len(sizes))
	for i, s := range sizes {
		if drop[i] = !ok && s.is(1); !ok && !s.is(1) {
			if _, fixed := s.value(); !fixed {
				return nil, refuse("without axes it leaves out those of size 1, and that of axis %d is known only when the graph runs", i)
			}
		}
	}
	for _, a := range list {
		axis, err := axisOf(a, len(sizes))
		if err != nil {
			return nil, err
		}
		if !sizes[axis].is(1) {
			return nil, refuse("axis %d has the size %v, want 1", axis, sizes[axis])
		}
		drop[axis] = true
	}
	var keep []int
	for i := range sizes {
		if !drop[i] {
			keep = append(keep, i)
		}
	}
	return c.withAxes(keep)
}

// withAxes returns input 0 with some of its axes, and new ones of size 1 for -1.
func (c *call) withAxes(keep []int) ([]value, error) {
	if len(keep) > maxRank {
		return nil, refuse("%d axes, want at most %d", len(keep), maxRank)
	}
	if k := c.in[0].k; k != nil {
		dims, have := make([]sym, len(keep)), make([]int, len(keep))
		for to, from := range keep {
			dims[to], have[to] = known(1), 1
			if from >= 0 {
				dims[to], have[to] = k.dims[from], k.have[from]
			}
		}
		return constants(k.viewed(dims, have)), nil
	}
	dims := make([][]atom, len(keep))
	for to, from := range keep {
		if from >= 0 {
			dims[to] = c.in[0].v.dims[from]
		}
	}
	return one(c.in[0].v.like(dims)), nil
}

func readUnsqueeze(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	list, ok, err := c.list("axes", 1)
	if err != nil || !ok {
		return nil, firstOf(err, refuse("it has no axes"))
	}
	rank := c.in[0].rank() + len(list)
	if rank > maxRank {
		return nil, refuse("%d axes, want at most %d", rank, maxRank)
	}
	keep := make([]int, rank)
	for _, a := range list {
		axis, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if keep[axis] < 0 {
			return nil, refuse("axis %d twice", axis)
		}
		keep[axis] = -1
	}
	next := 0
	for i := range keep {
		if keep[i] == 0 {
			keep[i] = next
			next++
		}
	}
	return c.withAxes(keep)
}

func readReshape(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	var target []sym
	if list, ok := c.attrs["shape"]; ok && !c.has(1) {
		for _, n := range list.GetInts() {
			target = append(target, known(n))
		}
	} else {
		k, err := c.constant(1, "the shape")
		if err != nil {
			return nil, err
		}
		if target, err = k.list(); err != nil {
			return nil, err
		}
	}
	zero := c.int("allowzero", 0)
	if c.err != nil {
		return nil, c.err
	}
	return c.reshape(target, zero != 0)
}

func (c *call) reshape(target []sym, zeros bool) ([]value, error) {
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	if len(target) > maxRank {
		return nil, refuse("%d axes, want at most %d", len(target), maxRank)
	}
	target = slices.Clone(target)
	open, rest := -1, known(1)
	for i, s := range target {
		n, ok := s.value()
		switch {
		case ok && n == 0 && !zeros:
			if i >= len(sizes) {
				return nil, refuse("the shape copies axis %d of an input of %d axes", i, len(sizes))
			}
			target[i] = sizes[i]
		case ok && n == -1 && open < 0:
			open = i
			continue
		case ok && n < 0:
			return nil, refuse("the shape %v", target)
		}
		if rest, err = rest.mul(target[i]); err != nil {
			return nil, err
		}
	}
	if open >= 0 {
		all, err := productOfSizes(sizes)
		if err != nil {
			return nil, err
		}
		if target[open], err = all.div(rest); err != nil {
			return nil, err
		}
	}
	if k := c.in[0].k; k != nil {
		k, err := k.reshape(target, c.im.most)
		return constants(k), err
	}
	v, err := c.in[0].v.reshape(target)
	return one(v), err
}

func readFlatten(c *call) ([]value, error) {
	if !c.has(0) {
		return nil, refuse("it has no input")
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	axis := c.int("axis", 1)
	if axis < 0 {
		axis += int64(len(sizes))
	}
	if axis < 0 || axis > int64(len(sizes)) || c.err != nil {
		return nil, firstOf(c.err, refuse("axis %d of a tensor of %d axes", axis, len(sizes)))
	}
	rows, err := productOfSizes(sizes[:axis])
	if err != nil {
		return nil, err
	}
	columns, err := productOfSizes(sizes[axis:])
	if err != nil {
		return nil, err
	}
	return c.reshape([]sym{rows, columns}, true)
}

// readExpand reads what gives a constant the size of the batch, and what changes nothing.
func readExpand(c *call) ([]value, error) {
	k, err := c.constant(1, "the shape")
	if err != nil {
		return nil, err
	}
	shape, err := k.list()
	if err != nil {
		return nil, err
	}
	if !c.has(0) {
		return nil, refuse("it has no input 0")
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	if len(shape) > maxRank {
		return nil, refuse("%d axes, want at most %d", len(shape), maxRank)
	}
	dims, err := broadcast(sizes, shape)
	if err != nil {
		return nil, err
	}
	if k := c.in[0].k; k != nil {
		return constants(k.expanded(dims)), nil
	}
	if !slices.Equal(dims, sizes) {
		return nil, refuse("it repeats what a layer gives, from %v to %v", sizes, dims)
	}
	return c.in[:1], nil
}

// readTile is readExpand for repetitions of axes of size 1.
func readTile(c *call) ([]value, error) {
	k, err := c.constant(1, "the repetitions")
	if err != nil {
		return nil, err
	}
	times, err := k.list()
	if err != nil || !c.has(0) {
		return nil, firstOf(err, refuse("it has no input 0"))
	}
	sizes, err := c.in[0].sizes()
	if err != nil {
		return nil, err
	}
	if len(times) != len(sizes) {
		return nil, refuse("%d repetitions of %d axes", len(times), len(sizes))
	}
	dims := slices.Clone(sizes)
	for i, n := range times {
		switch {
		case n.is(1):
		case sizes[i].is(1) && c.in[0].k != nil && !n.is(0):
			dims[i] = n
		default:
			return nil, refuse("%v repetitions of axis %d of size %v", n, i, sizes[i])
		}
	}
	if k := c.in[0].k; k != nil {
		return constants(k.viewed(dims, k.have)), nil
	}
	return c.in[:1], nil
}

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
		return value{}, refuse("entries %v to %v of axis %d, whose size %v is known only when the graph runs; all of them, the first or the last can be had", start, end, axis, size)
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
