package onnx

import (
	"math"
	"slices"
)

// maxRank is how many dimensions a tensor may have.
const maxRank = 8

// A constant is a tensor whose elements are known when the graph is read: floats, or the
// integers of shapes and indices, which may be symbols. Elements that repeat along an axis
// are kept once, so that a constant that a file declares with huge dimensions takes no more
// than the file.
type constant struct {
	dims  []sym // of the tensor
	have  []int // of the elements that are kept, row-major: those of dims, or 1 for any size
	float bool
	f     []float32 // of a float constant
	i     []sym     // of an integer one
}

func scalar(s sym) *constant { return &constant{i: []sym{s}} }

// vector is a list of integers.
func vector(list []sym) *constant {
	return &constant{dims: []sym{known(int64(len(list)))}, have: []int{len(list)}, i: list}
}

func (k *constant) count() int { return countOf(k.have) }

func countOf(have []int) int {
	n := 1
	for _, d := range have {
		n *= d
	}
	return n
}

// list returns the integers of a constant of one or no dimension.
func (k *constant) list() ([]sym, error) {
	if k.float || len(k.dims) > 1 {
		return nil, refuse("a list of integers is needed, not a tensor of %d dimensions, float: %v", len(k.dims), k.float)
	}
	k, err := k.whole(maxIntegers)
	if err != nil {
		return nil, err
	}
	return k.i, nil
}

// integers is list, for numbers.
func (k *constant) integers() ([]int64, error) {
	list, err := k.list()
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, s := range list {
		n, ok := s.value()
		if !ok {
			return nil, refuse("a number is needed where the graph has the size %v, which is known only when it runs", s)
		}
		out = append(out, n)
	}
	return out, nil
}

// one returns the element of a float constant that has one value only.
func (k *constant) one() (float32, bool) {
	if k.float && k.count() == 1 {
		return k.f[0], true
	}
	return 0, false
}

// shape returns dims as numbers.
func (k *constant) shape() ([]int, error) {
	var out []int
	for _, d := range k.dims {
		n, ok := d.value()
		if !ok || n < 0 || n > math.MaxInt32 {
			return nil, refuse("a constant of %v elements along an axis, want a number from 0 to 2^31-1", d)
		}
		out = append(out, int(n))
	}
	return out, nil
}

// whole returns k with all its elements, at most so many.
func (k *constant) whole(most int) (*constant, error) {
	shape, err := k.shape()
	if err != nil {
		return nil, err
	}
	n := 1
	for _, d := range shape {
		if d == 0 {
			n = 0
			break
		}
		if n > most/d {
			return nil, refuse("a constant of the dimensions %v, which has more than the %d elements that this file can have", shape, most)
		}
		n *= d
	}
	return k.repeated(shape), nil
}

// repeated returns k with have as its kept elements.
func (k *constant) repeated(have []int) *constant {
	if slices.Equal(have, k.have) {
		return k
	}
	at := make([]int, len(have))
	copy(at, have)
	return k.picked(at, func(index []int) int {
		from := 0
		for a, i := range index {
			if from *= k.have[a]; k.have[a] > 1 {
				from += i
			}
		}
		return from
	}, k.dims)
}

// picked returns the constant with the given dims and kept elements, each of which is the
// element of k that from says.
func (k *constant) picked(have []int, from func(index []int) int, dims []sym) *constant {
	out := &constant{dims: dims, have: have, float: k.float}
	n := countOf(have)
	if k.float {
		out.f = make([]float32, n)
	} else {
		out.i = make([]sym, n)
	}
	index := make([]int, len(have))
	for p := range n {
		if k.float {
			out.f[p] = k.f[from(index)]
		} else {
			out.i[p] = k.i[from(index)]
		}
		for a := len(have) - 1; a >= 0; a-- {
			if index[a]++; index[a] < have[a] {
				break
			}
			index[a] = 0
		}
	}
	return out
}

// viewed is k with other dims and the same elements in the same order.
func (k *constant) viewed(dims []sym, have []int) *constant {
	return &constant{dims: dims, have: have, float: k.float, f: k.f, i: k.i}
}

func (k *constant) transpose(perm []int) *constant {
	dims, have := make([]sym, len(perm)), make([]int, len(perm))
	for to, from := range perm {
		dims[to], have[to] = k.dims[from], k.have[from]
	}
	at := make([]int, len(perm))
	return k.picked(have, func(index []int) int {
		for to, from := range perm {
			at[from] = index[to]
		}
		p := 0
		for a, i := range at {
			p = p*k.have[a] + i
		}
		return p
	}, dims)
}

// take returns the entries list of an axis.
func (k *constant) take(axis int, list []int) *constant {
	dims, have := slices.Clone(k.dims), slices.Clone(k.have)
	dims[axis] = known(int64(len(list)))
	if k.have[axis] == 1 && !k.dims[axis].is(1) {
		return k.viewed(dims, have) // all entries are the same
	}
	have[axis] = len(list)
	return k.picked(have, func(index []int) int {
		p := 0
		for a, i := range index {
			if a == axis {
				i = list[i]
			}
			p = p*k.have[a] + i
		}
		return p
	}, dims)
}

// reshape returns k with other dims, of as many elements.
func (k *constant) reshape(target []sym, most int) (*constant, error) {
	if k.count() == 1 && len(k.have) > 0 || len(k.have) == 0 {
		have := slices.Repeat([]int{1}, len(target))
		return k.viewed(target, have), nil
	}
	if kept, ok := k.sameButOnes(target); ok {
		return kept, nil
	}
	w, err := k.whole(most)
	if err != nil {
		return nil, err
	}
	out := w.viewed(target, nil)
	if out.have, err = out.shape(); err != nil {
		return nil, err
	}
	if countOf(out.have) != w.count() {
		return nil, refuse("a reshape of %d elements to %v", w.count(), target)
	}
	return out, nil
}

// sameButOnes reshapes k where target differs from its dims by axes of size 1 alone.
func (k *constant) sameButOnes(target []sym) (*constant, bool) {
	have := make([]int, len(target))
	a := 0
	for i, d := range target {
		if d.is(1) {
			have[i] = 1
			continue
		}
		for a < len(k.dims) && k.dims[a].is(1) {
			a++
		}
		if a == len(k.dims) || k.dims[a] != d {
			return nil, false
		}
		have[i] = k.have[a]
		a++
	}
	for ; a < len(k.dims); a++ {
		if !k.dims[a].is(1) {
			return nil, false
		}
	}
	return k.viewed(target, have), true
}

// broadcast returns the dims that two tensors have together, by ONNX's rule.
func broadcast(a, b []sym) ([]sym, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		at := len(a) - len(b) + i
		switch {
		case out[at] == d || d.is(1):
		case out[at].is(1):
			out[at] = d
		default:
			return nil, refuse("sizes %v and %v of one axis, want the same or 1", out[at], d)
		}
	}
	return out, nil
}

// expanded returns k with the dims that broadcast gave, of which its own are the last.
func (k *constant) expanded(dims []sym) *constant {
	have := slices.Repeat([]int{1}, len(dims))
	copy(have[len(dims)-len(k.have):], k.have)
	return k.viewed(dims, have)
}

// combine applies f or i to the elements of two constants of one type.
func combine(a, b *constant, most int, f func(a, b float32) float32, i func(a, b sym) (sym, error)) (*constant, error) {
	if a.float != b.float {
		return nil, refuse("a float and an integer constant")
	}
	dims, err := broadcast(a.dims, b.dims)
	if err != nil {
		return nil, err
	}
	a, b = a.expanded(dims), b.expanded(dims)
	have, n := make([]int, len(dims)), 1
	for axis := range have {
		// A kept size is 1 or that of the axis, so the larger of two is right.
		have[axis] = max(a.have[axis], b.have[axis])
		if a.have[axis] == 0 || b.have[axis] == 0 {
			have[axis] = 0
		}
		if have[axis] > 0 && n > most/have[axis] {
			return nil, refuse("a constant of more than the %d elements that this file can have", most)
		}
		n *= have[axis]
	}
	a, b = a.repeated(have), b.repeated(have)
	out := &constant{dims: dims, have: have, float: a.float}
	for p := range n {
		if a.float {
			out.f = append(out.f, f(a.f[p], b.f[p]))
			continue
		}
		v, err := i(a.i[p], b.i[p])
		if err != nil {
			return nil, err
		}
		out.i = append(out.i, v)
	}
	return out, nil
}

// joined puts constants side by side along an axis.
func joined(list []*constant, axis, most int) (*constant, error) {
	first := list[0]
	rank := len(first.dims)
	dims, have := slices.Clone(first.dims), make([]int, rank)
	total, n := 0, 1
	for _, k := range list {
		if k.float != first.float || len(k.dims) != rank {
			return nil, refuse("constants of different types or numbers of dimensions")
		}
		size, ok := k.dims[axis].value()
		if !ok || size < 0 || size > int64(most-total) {
			return nil, refuse("a constant of %v entries along axis %d, beyond what this file can have", k.dims[axis], axis)
		}
		total += int(size)
		for a := range rank {
			if a != axis && k.dims[a] != first.dims[a] {
				return nil, refuse("sizes %v and %v of axis %d", first.dims[a], k.dims[a], a)
			}
			have[a] = max(have[a], k.have[a])
		}
	}
	have[axis] = total
	for _, d := range have {
		if d > 0 && n > most/d {
			return nil, refuse("a constant of more than the %d elements that this file can have", most)
		}
		n *= d
	}
	dims[axis] = known(int64(total))
	wholes := make([]*constant, len(list))
	for i, k := range list {
		size, _ := k.dims[axis].value()
		part := slices.Clone(have)
		part[axis] = int(size)
		wholes[i] = k.repeated(part)
	}
	out := &constant{dims: dims, have: have, float: first.float}
	outer, inner := countOf(have[:axis]), countOf(have[axis+1:])
	for o := range outer {
		for _, k := range wholes {
			size := k.have[axis] * inner
			if out.float {
				out.f = append(out.f, k.f[o*size:(o+1)*size]...)
			} else {
				out.i = append(out.i, k.i[o*size:(o+1)*size]...)
			}
		}
	}
	return out, nil
}
