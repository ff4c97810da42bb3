package norms

import "math"

// A sum is the gradient of some rows of a matrix, the sum over pairs of step and
// row of the batch of d x^T, and with it that of their bias.
type sum struct {
	rows, cols, T int
	grow          float64 // n*unit/(1-n*unit) for n roundings
	g             []float64
	bias          Tensor
	d, x          []float64 // of the current row of the batch, [rows][T] and [cols][T]
	// Sums of squares over the pairs: of what e(d) and the roundings make of a term
	// relative to |x|, of the largest |d| relative to e(x), of x and of e(x).
	dError, dMost, xMost, xError []float64
}

func newSum(rows, cols, T, roundings int) *sum {
	nu := float64(roundings) * unit
	f := func(n int) []float64 { return make([]float64, n) }
	return &sum{rows: rows, cols: cols, T: T, grow: nu / (1 - nu), g: f(rows * cols), bias: newTensor(rows),
		d: f(rows * T), x: f(cols * T), dError: f(rows), dMost: f(rows), xMost: f(cols), xError: f(cols)}
}

// take notes d and x of step t; x is exact where it has no bounds.
func (s *sum) take(t int, d, x Tensor) {
	for r, v := range d.V {
		s.d[r*s.T+t] = v
		// The product's |d| is at most most, and a term with it and with the
		// product's x is off by at most error |x| + most e(x), roundings included.
		most := math.Abs(v) + d.E[r]
		err := d.E[r] + s.grow*most
		most *= 1 + s.grow
		s.bias.V[r] += v
		s.bias.E[r] += err
		s.dError[r] += err * err
		s.dMost[r] += most * most
	}
	for c, v := range x.V {
		s.x[c*s.T+t] = v
		s.xMost[c] += v * v
	}
	for c, e := range x.E {
		s.xError[c] += e * e
	}
}

// row adds the terms of the current row. It takes the steps in blocks, so that the
// factors stay in a cache.
func (s *sum) row() {
	const block = 256
	at := func(v []float64, k, lo, hi int) []float64 { return v[k*s.T+lo : k*s.T+hi] }
	for lo := 0; lo < s.T; lo += block {
		hi := min(lo+block, s.T)
		r := 0
		for ; r+4 <= s.rows; r += 4 {
			d0, d1, d2, d3 := at(s.d, r, lo, hi), at(s.d, r+1, lo, hi), at(s.d, r+2, lo, hi), at(s.d, r+3, lo, hi)
			c := 0
			for ; c+2 <= s.cols; c += 2 {
				x0, x1 := at(s.x, c, lo, hi), at(s.x, c+1, lo, hi)
				var a0, a1, a2, a3, b0, b1, b2, b3 float64
				d0, d1, d2, d3, x1 := d0[:len(x0)], d1[:len(x0)], d2[:len(x0)], d3[:len(x0)], x1[:len(x0)]
				for t, a := range x0 {
					b := x1[t]
					a0 += d0[t] * a
					a1 += d1[t] * a
					a2 += d2[t] * a
					a3 += d3[t] * a
					b0 += d0[t] * b
					b1 += d1[t] * b
					b2 += d2[t] * b
					b3 += d3[t] * b
				}
				s.add(r, c, a0, a1, a2, a3)
				s.add(r, c+1, b0, b1, b2, b3)
			}
			if c < s.cols {
				x0 := at(s.x, c, lo, hi)
				s.add(r, c, inner(d0, x0), inner(d1, x0), inner(d2, x0), inner(d3, x0))
			}
		}
		for ; r < s.rows; r++ {
			for c := range s.cols {
				s.add(r, c, inner(at(s.d, r, lo, hi), at(s.x, c, lo, hi)))
			}
		}
	}
}

// add adds to elements below each other.
func (s *sum) add(r, c int, v ...float64) {
	for k, a := range v {
		s.g[(r+k)*s.cols+c] += a
	}
}

func inner(a, b []float64) (s float64) {
	b = b[:len(a)]
	for k, v := range a {
		s += v * b[k]
	}
	return s
}

// result are the gradients of the matrix and of the bias so far.
func (s *sum) result() (g, bias Tensor) {
	g = newTensor(len(s.g))
	copy(g.V, s.g)
	for r := range s.rows {
		e, most := math.Sqrt(s.dError[r]), math.Sqrt(s.dMost[r])
		for c := range s.cols {
			g.E[r*s.cols+c] = e*math.Sqrt(s.xMost[c]) + most*math.Sqrt(s.xError[c]) + tiny
		}
	}
	bias = newTensor(s.rows)
	copy(bias.V, s.bias.V)
	for r, e := range s.bias.E {
		bias.E[r] = e + tiny
	}
	return g, bias
}
