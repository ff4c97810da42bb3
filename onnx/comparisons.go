package onnx

import (
	"cmp"
	"math"
	"slices"
)

// folded2 is an operator of two constants.
func folded2(f func(a, b sym) (sym, error)) func(*call) ([]value, error) {
	return func(c *call) ([]value, error) {
		a, err := c.constant(0, "the first operand")
		if err != nil {
			return nil, err
		}
		b, err := c.constant(1, "the second operand")
		if err != nil {
			return nil, err
		}
		if a.float {
			return nil, refuse("it compares floats")
		}
		k, err := combine(a, b, maxIntegers, nil, f)
		return constants(k), err
	}
}

func numbers(a, b sym) (x, y int64, err error) {
	x, ok1 := a.value()
	y, ok2 := b.value()
	if a == b {
		return 0, 0, nil
	}
	if !ok1 || !ok2 {
		return 0, 0, refuse("it compares the sizes %v and %v, one of which is known only when the graph runs", a, b)
	}
	return x, y, nil
}

func truth(b bool) sym {
	if b {
		return known(1)
	}
	return known(0)
}

func minOf(a, b sym) (sym, error) {
	x, y, err := numbers(a, b)
	if x > y {
		return b, err
	}
	return a, err
}

func maxOf(a, b sym) (sym, error) {
	x, y, err := numbers(a, b)
	if x < y {
		return b, err
	}
	return a, err
}

func greater(a, b sym) (sym, error) { x, y, err := numbers(a, b); return truth(x > y), err }

func less(a, b sym) (sym, error) { x, y, err := numbers(a, b); return truth(x < y), err }

// and is of truths.
func and(a, b sym) (sym, error) {
	if a.n != 0 || b.n != 0 {
		return sym{}, refuse("it compares the sizes %v and %v", a, b)
	}
	return truth(!a.is(0) && !b.is(0)), nil
}

// equal compares sizes. A size that is not known is at least 1, so that exporters' tests
// for -1 and 0 can be answered.
func equal(a, b sym) (sym, error) {
	if a.n == 0 {
		a, b = b, a
	}
	if n, ok := b.value(); ok && n < 1 && a.n > 0 && a.plus == 0 {
		return known(0), nil
	}
	x, y, err := numbers(a, b)
	return truth(x == y), err
}

func readWhere(c *call) ([]value, error) {
	if out := c.softplus(); out != nil {
		return out, nil
	}
	if c.has(0) && c.in[0].k == nil {
		return nil, errMask
	}
	which, err := c.constant(0, "the condition")
	if err != nil {
		return nil, err
	}
	if v, err := c.chosenView(which); v != nil || err != nil {
		return []value{{v: v}}, err
	}
	a, err := c.constant(1, "the first choice")
	if err != nil {
		return nil, err
	}
	b, err := c.constant(2, "the second choice")
	if err != nil {
		return nil, err
	}
	if which.float || a.float || b.float {
		return nil, refuse("it chooses between floats")
	}
	// The condition decides by elements: put it together with each choice in turn.
	first, err := combine(which, a, maxIntegers, nil, func(w, v sym) (sym, error) {
		if w.is(0) {
			return known(0), nil
		}
		return v, nil
	})
	if err != nil {
		return nil, err
	}
	second, err := combine(which, b, maxIntegers, nil, func(w, v sym) (sym, error) {
		if w.is(0) {
			return v, nil
		}
		return known(0), nil
	})
	if err != nil {
		return nil, err
	}
	k, err := combine(first, second, maxIntegers, nil, sym.add)
	return constants(k), err
}

// chosenView is the choice of a Where whose condition is known, if that is a view.
func (c *call) chosenView(which *constant) (*view, error) {
	if which.float || which.count() != 1 || which.i[0].n != 0 || !c.has(1) || !c.has(2) {
		return nil, nil
	}
	at := 1
	if which.i[0].is(0) {
		at = 2
	}
	if c.in[at].v == nil {
		return nil, nil
	}
	sizes, err := c.in[at].v.sizes()
	if err != nil {
		return nil, err
	}
	for _, other := range []value{c.in[0], c.in[3-at]} {
		more, err := other.sizes()
		if err != nil {
			return nil, err
		}
		if all, err := broadcast(sizes, more); err != nil || !slices.Equal(all, sizes) {
			return nil, refuse("a choice between tensors of the sizes %v and %v", sizes, more)
		}
	}
	return c.in[at].v, nil
}

func readRange(c *call) ([]value, error) {
	var n [3]int64
	for i, what := range []string{"start", "limit", "delta"} {
		k, err := c.constant(i, what)
		if err != nil {
			return nil, err
		}
		list, err := k.integers()
		if err != nil || len(list) != 1 {
			return nil, firstOf(err, refuse("%s has %d elements, want 1", what, len(list)))
		}
		n[i] = list[0]
	}
	list := make([]sym, 0, max(0, min((n[1]-n[0])/cmp.Or(n[2], 1)+1, maxIntegers)))
	for v := n[0]; n[2] > 0 && v < n[1] || n[2] < 0 && v > n[1]; v += n[2] {
		if len(list) == maxIntegers || v > math.MaxInt32 || v < math.MinInt32 {
			return nil, refuse("a range from %d to %d in steps of %d, want at most %d integers of 32 bits", n[0], n[1], n[2], maxIntegers)
		}
		list = append(list, known(v))
	}
	return constants(vector(list)), nil
}

// readLess compares sizes, and ids with 0.
func readLess(c *call) ([]value, error) {
	if c.has(0) && c.in[0].v != nil && c.has(1) && c.in[1].k != nil {
		v, err := c.view(0)
		if err != nil {
			return nil, err
		}
		k := c.in[1].k
		zero := k.count() == 1 && (k.float && k.f[0] == 0 || !k.float && k.i[0].is(0))
		if !zero || v.node.width != 0 || v.off != 0 || v.test != noTest {
			return nil, refuse("it compares what the graph computes when it runs")
		}
		sizes, err := v.sizes()
		return constants(scalar(known(0)).expanded(sizes)), err
	}
	return folded2(less)(c)
}

func readEqual(c *call) ([]value, error) {
	// Floats that are compared with 0 are ids: nothing else is.
	for i, v := range c.in {
		if v.v == nil || v.v.port == nil || v.v.ids() || len(c.in) != 2 || c.in[1-i].k == nil {
			continue
		}
		if ids, err := c.im.castIDs(v.v); ids != nil || err != nil {
			if err != nil {
				return nil, err
			}
			c.in[i].v = ids
		}
	}
	if out, ok, err := c.tested(); ok {
		return out, err
	}
	if slices.ContainsFunc(c.in, func(v value) bool { return v.v != nil }) {
		return nil, errMask
	}
	return folded2(equal)(c)
}

func readNot(c *call) ([]value, error) {
	if out, ok, err := c.tested(); ok {
		return out, err
	}
	k, err := c.constant(0, "the operand")
	if err != nil {
		return nil, err
	}
	one := scalar(known(1))
	if k.float {
		return nil, refuse("the negation of floats")
	}
	out, err := combine(one, k, maxIntegers, nil, func(_, b sym) (sym, error) { return truth(b.is(0)), nil })
	return constants(out), err
}
