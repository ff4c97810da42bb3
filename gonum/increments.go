package gonum

import "math/bits"

// spaced says whether a vector has elements, all of them in x. It does not overflow for any
// increment.
func spaced(n int, x []float32, inc int) bool {
	step := uint64(inc)
	if inc < 0 {
		step = -step
	}
	hi, last := bits.Mul64(uint64(n-1), step)
	return n > 0 && inc != 0 && hi == 0 && last < uint64(len(x))
}

// within is an increment that gonum refuses where the elements of a vector are not all in x, and
// inc where they are: gonum's check overflows if the last one is beyond an int.
func within(n int, x []float32, inc int) int {
	if n < 2 || inc == 0 || spaced(n, x, inc) {
		return inc
	}
	far := 1
	if n-1 < len(x) {
		far = len(x)
	}
	if inc < 0 {
		return -far
	}
	return far
}

// first is the place of the first of n elements.
func first(n, inc int) int {
	if inc < 0 {
		return (1 - n) * inc
	}
	return 0
}

// gather returns the elements of a vector one after another: x itself, or a copy in scratch,
// which is to be released.
func gather(n int, x []float32, inc int) (buf *[]float32, s []float32) {
	if inc == 1 {
		return nil, x[:n]
	}
	buf, s = borrow(n)
	i := first(n, inc)
	for j := range s {
		s[j] = x[i]
		i += inc
	}
	return buf, s
}

// scatter writes the elements of a vector back that gather has copied.
func scatter(x []float32, inc int, s []float32) {
	if inc == 1 {
		return
	}
	i := first(len(s), inc)
	for _, v := range s {
		x[i] = v
		i += inc
	}
}

// release gives scratch back to the pool, if there is any.
func release(buf *[]float32) {
	if buf != nil {
		pool.Put(buf)
	}
}
