package onnx

import (
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
	if len(dims) != len(sizes) {
		return nil, refuse("it gives what a layer gives more axes, from %v to %v", sizes, dims)
	}
	return c.im.repeatedTo(c.in[0].v, sizes, dims)
}

// repeatedTo is v with other sizes along axes of size 1.
func (im *importer) repeatedTo(v *view, sizes, to []sym) ([]value, error) {
	var err error
	for axis, n := range to {
		if n == sizes[axis] {
			continue
		}
		if v, err = im.repeated(v, axis, n); err != nil {
			return nil, err
		}
	}
	return one(v), nil
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
		case sizes[i].is(1) && !n.is(0):
			dims[i] = n
		default:
			return nil, refuse("%v repetitions of axis %d of size %v", n, i, sizes[i])
		}
	}
	if k := c.in[0].k; k != nil {
		return constants(k.viewed(dims, k.have)), nil
	}
	return c.im.repeatedTo(c.in[0].v, sizes, dims)
}
