package main

import "math"

// naive forecasts that the last value stays.
func (k *task) naive(origins []origin) (out []float32) {
	for _, g := range origins {
		for range k.horizon {
			out = append(out, k.all[g.series].v[g.at])
		}
	}
	return out
}

// seasonalNaive forecasts the values of a season before.
func (k *task) seasonalNaive(origins []origin) []float32 {
	return k.values(origins, make([]float32, len(origins)*k.horizon))
}

// A linear model forecasts each step ahead by a weighted sum of the values that the network
// sees, and 1.
type linear [][]float64 // [values+1][horizon]

// lags is how many values that are.
func (k *task) lags() int { return k.context + k.season }

// regressors sets dst, [lags+1], to the last values at an origin and 1.
func (k *task) regressors(dst []float64, g origin) {
	for i, v := range k.all[g.series].v[g.at+1-k.lags() : g.at+1] {
		dst[i] = float64(v)
	}
	dst[k.lags()] = 1
}

// maxProducts is how many products the sums of the normal equations have: some 10 seconds.
const maxProducts = 10_000_000_000

// fit is least squares over the windows of the part for training, by the normal equations:
// over all of them, or where that takes too long over one in so many. A small number on the
// diagonal keeps the equations solvable where values depend on one another.
func (k *task) fit() linear {
	n := k.lags() + 1
	a, b := matrix(n, n), matrix(n, k.horizon)
	x := make([]float64, n)
	stride := 1 + int(float64(len(k.all)*k.train)*float64(n*(n/2+k.horizon))/maxProducts)
	origins := k.origins(0, k.train, stride)
	for _, g := range origins {
		k.regressors(x, g)
		future := k.all[g.series].v[g.at+1:]
		for i, xi := range x {
			row := a[i]
			for j, xj := range x[:i+1] {
				row[j] += float64(xi * xj)
			}
			for h := range b[i] {
				b[i][h] += float64(xi * float64(future[h]))
			}
		}
	}
	for i := range a {
		a[i][i] += float64(1e-6 * float64(len(origins)))
	}
	solve(a, b)
	return b
}

func matrix(rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
	}
	return m
}

// solve sets b to the solution x of a x = b by Cholesky's method. a is symmetric and
// positive definite; its lower triangle is read and overwritten.
func solve(a, b [][]float64) {
	for i := range a {
		for j := range i + 1 {
			sum := a[i][j]
			for m := range j {
				sum -= float64(a[i][m] * a[j][m])
			}
			if i == j {
				a[i][i] = math.Sqrt(sum)
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
	}
	for h := range b[0] {
		for i := range a {
			for m := range i {
				b[i][h] -= float64(a[i][m] * b[m][h])
			}
			b[i][h] /= a[i][i]
		}
		for i := len(a) - 1; i >= 0; i-- {
			for m := i + 1; m < len(a); m++ {
				b[i][h] -= float64(a[m][i] * b[m][h])
			}
			b[i][h] /= a[i][i]
		}
	}
}

// forecasts are those of the linear model, [origin][horizon].
func (l linear) forecasts(k *task, origins []origin) []float32 {
	out := make([]float32, 0, len(origins)*k.horizon)
	x, sums := make([]float64, k.lags()+1), make([]float64, k.horizon)
	for _, g := range origins {
		k.regressors(x, g)
		clear(sums)
		for i, xi := range x {
			for h, w := range l[i] {
				sums[h] += float64(xi * w)
			}
		}
		for _, s := range sums {
			out = append(out, float32(s))
		}
	}
	return out
}
