package ref

import "math"

// Normalize sets dst = y, the elements of x with mean 0 and variance 1, and
// returns r, one over the standard deviation. n is the number of elements:
//
//	(1) mean = sum(x)/n
//	(2) d = x - mean
//	(3) var = dot(d, d)/n
//	(4) r = 1/sqrt(var + eps)
//	(5) y = d*r
//
// Each operation rounds once, the square root included; sum and dot are the
// reductions of 64 lanes. Without elements r is 0.
func Normalize(dst, x []float32, eps float32) (r float32) {
	if len(x) == 0 {
		return 0
	}
	n := float32(len(x))
	var sums, squares [Lanes]float32
	SumLanes(sums[:], x)
	mean := Tree(sums[:]) / n // (1)
	for j, v := range x {
		dst[j] = v - mean // (2)
	}
	DotLanes(squares[:], dst, dst)
	variance := Tree(squares[:]) / n                  // (3)
	r = 1 / float32(math.Sqrt(float64(variance+eps))) // (4)
	for j, d := range dst {
		dst[j] = d * r // (5)
	}
	return r
}

// NormalizeGrad sets dx = the gradient of x, given y and r as [Normalize] made
// them and the gradient dy of y:
//
//	(1) m1 = sum(dy)/n
//	(2) m2 = dot(dy, y)/n
//	(3) dx = fma(-m2, y, dy - m1) * r
//
// Nothing is flushed. Without elements nothing happens.
func NormalizeGrad(dx, y, dy []float32, r float32) {
	if len(y) == 0 {
		return
	}
	n := float32(len(y))
	var sums, dots [Lanes]float32
	SumLanes(sums[:], dy)
	DotLanes(dots[:], dy, y)
	m1, m2 := Tree(sums[:])/n, Tree(dots[:])/n // (1), (2)
	for j, g := range dy {
		dx[j] = FMA(-m2, y[j], g-m1) * r // (3)
	}
}
