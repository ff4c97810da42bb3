package onnx

import (
	"fmt"
	"math/bits"
)

// A sym is an integer of the arithmetic of shapes: n times a product of sizes that are known
// only when the network runs, like those of the batch and of the time axis, plus a number.
// The sizes are those that one importer counts; v has the power of each. Integers that are
// known have n = 0 and no powers. syms can be compared with ==.
type sym struct {
	n, plus int64
	v       [maxSizes]uint8
}

// maxSizes is how many sizes can be unknown: those of two axes of the input, and names that
// a file may use for other inputs.
const maxSizes = 8

func known(n int64) sym { return sym{plus: n} }

// unknown is the size with that number.
func unknown(i int) sym {
	s := sym{n: 1}
	s.v[i] = 1
	return s
}

// value returns s as a number, if it is one.
func (s sym) value() (int64, bool) { return s.plus, s.n == 0 }

func (s sym) is(n int64) bool { return s == known(n) }

func (s sym) String() string {
	if s.n == 0 {
		return fmt.Sprint(s.plus)
	}
	text := ""
	if s.n != 1 {
		text = fmt.Sprint(s.n, "*")
	}
	for i, power := range s.v {
		for range power {
			text += string(rune('a' + i))
		}
	}
	if s.plus != 0 {
		text = fmt.Sprintf("(%s%+d)", text, s.plus)
	}
	return text
}

var errSymbols = refuse("arithmetic with sizes that are not known, beyond products and sums with numbers")

func (s sym) add(o sym) (sym, error) {
	plus, ok := sumOf(s.plus, o.plus)
	if !ok {
		return sym{}, errSymbols
	}
	switch {
	case s.n == 0:
		o.plus = plus
		return o, nil
	case o.n == 0 || s.v == o.v:
		if s.n, ok = sumOf(s.n, o.n); !ok {
			return sym{}, errSymbols
		}
		if s.plus = plus; s.n == 0 {
			return known(plus), nil
		}
		return s, nil
	}
	return sym{}, errSymbols
}

func (s sym) mul(o sym) (sym, error) {
	if s.n == 0 {
		s, o = o, s
	}
	var ok1, ok2 bool
	if o.n == 0 { // a number
		if o.plus == 0 {
			return known(0), nil
		}
		s.n, ok1 = productOf(s.n, o.plus)
		s.plus, ok2 = productOf(s.plus, o.plus)
		if !ok1 || !ok2 {
			return sym{}, errSymbols
		}
		return s, nil
	}
	if s.plus != 0 || o.plus != 0 {
		return sym{}, errSymbols
	}
	if s.n, ok1 = productOf(s.n, o.n); !ok1 {
		return sym{}, errSymbols
	}
	for i := range s.v {
		if s.v[i] += o.v[i]; s.v[i] > 100 {
			return sym{}, errSymbols
		}
	}
	return s, nil
}

// div is the quotient, which has to be exact unless both are numbers.
func (s sym) div(o sym) (sym, error) {
	switch {
	case o.is(0):
		return sym{}, refuse("a division by 0")
	case s.n == 0 && o.n == 0:
		if o.plus == -1 {
			return s.mul(o)
		}
		return known(s.plus / o.plus), nil
	case s.is(0):
		return s, nil
	case o.n == 0:
		if s.n%o.plus != 0 || s.plus%o.plus != 0 || o.plus == -1 {
			return sym{}, errSymbols
		}
		s.n, s.plus = s.n/o.plus, s.plus/o.plus
		return s, nil
	case s.plus != 0 || o.plus != 0 || s.n%o.n != 0:
		return sym{}, errSymbols
	}
	s.n /= o.n
	for i := range s.v {
		if s.v[i] < o.v[i] {
			return sym{}, errSymbols
		}
		s.v[i] -= o.v[i]
	}
	if s.v == (sym{}).v {
		return known(s.n), nil
	}
	return s, nil
}

func (s sym) negative() (sym, error) { return s.mul(known(-1)) }

func sumOf(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func productOf(a, b int64) (int64, bool) {
	if a == -1<<63 || b == -1<<63 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(max(a, -a)), uint64(max(b, -b)))
	return a * b, hi == 0 && lo < 1<<63
}

// productOfSizes is the product of a list.
func productOfSizes(list []sym) (sym, error) {
	p := known(1)
	var err error
	for _, s := range list {
		if p, err = p.mul(s); err != nil {
			return sym{}, err
		}
	}
	return p, nil
}
