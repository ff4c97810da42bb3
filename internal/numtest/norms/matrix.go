package norms

import "math"

// A matrix is row-major. Its columns fall into blocks of equal width, one for each
// gate, with a bound on the norm of what each of them is multiplied by.
type matrix struct {
	rows, cols, blocks int
	w                  []float64
	norm               []float64 // [rows][blocks], of the part of a row that lies in a block
	all                []float64 // [rows], of the whole row
}

func newMatrix(rows, cols, blocks int, at func(r, c int) float64) matrix {
	m := matrix{rows, cols, blocks, make([]float64, rows*cols), make([]float64, rows*blocks), make([]float64, rows)}
	width := cols / blocks
	for r := range rows {
		for c := range cols {
			v := at(r, c)
			m.w[r*cols+c] = v
			m.norm[r*blocks+c/width] += v * v
			m.all[r] += v * v
		}
		m.all[r] = math.Sqrt(m.all[r])
	}
	for k, n := range m.norm {
		m.norm[k] = math.Sqrt(n)
	}
	return m
}

// chains continues the chain of each row over x: s is its value, and q the sum of
// the squares of all partial sums.
func (m *matrix) chains(s, q, x []float64) {
	n, w := m.cols, m.w
	s, q, x = s[:m.rows], q[:m.rows], x[:n]
	r := 0
	for ; r+4 <= m.rows; r += 4 {
		w0, w1, w2, w3 := w[r*n:][:n], w[(r+1)*n:][:n], w[(r+2)*n:][:n], w[(r+3)*n:][:n]
		s0, s1, s2, s3 := s[r], s[r+1], s[r+2], s[r+3]
		q0, q1, q2, q3 := q[r], q[r+1], q[r+2], q[r+3]
		for k, v := range x {
			s0 += w0[k] * v
			s1 += w1[k] * v
			s2 += w2[k] * v
			s3 += w3[k] * v
			q0 += s0 * s0
			q1 += s1 * s1
			q2 += s2 * s2
			q3 += s3 * s3
		}
		s[r], s[r+1], s[r+2], s[r+3] = s0, s1, s2, s3
		q[r], q[r+1], q[r+2], q[r+3] = q0, q1, q2, q3
	}
	for ; r < m.rows; r++ {
		s0, q0, w0 := s[r], q[r], w[r*n:][:n]
		for k, v := range x {
			s0 += w0[k] * v
			q0 += s0 * s0
		}
		s[r], q[r] = s0, q0
	}
}

// moved bounds what row r makes of errors whose norms in the blocks are at most
// norms.
func (m *matrix) moved(r int, norms []float64) float64 {
	return joint(m.norm[r*m.blocks:][:m.blocks], m.all[r], norms)
}

// joint bounds the product of a matrix, given the norms of its blocks and its own,
// with a vector, given those of its blocks: block by block or all at once.
func joint(blocks []float64, whole float64, norms []float64) float64 {
	sum, squares := 0.0, 0.0
	for k, n := range norms {
		sum += blocks[k] * n
		squares += n * n
	}
	return min(sum, whole*math.Sqrt(squares))
}

// chainError bounds the roundings of one chain of n links, the start included, in
// float32. q is the sum of the squares of the partial sums of the reference, from
// which those of the product are at most moved away by errors in what is
// multiplied, and otherwise by these roundings themselves: with rho_k the error
// after k links, |rho_k| <= |rho_{k-1}| + unit |product's partial sum k|, so that
//
//	rho <= unit (sum_k |s_k| + n moved + n rho),   sum_k |s_k| <= sqrt(n q)
func chainError(n int, q, moved float64) float64 {
	nf := float64(n)
	return unit*(math.Sqrt(nf*q)+nf*moved)/(1-nf*unit) + tiny
}

// gram returns W^T W of a square matrix.
func gram(n int, at func(r, c int) float64) []float64 {
	g, row := make([]float64, n*n), make([]float64, n)
	for r := range n {
		for c := range row {
			row[c] = at(r, c)
		}
		for i, a := range row {
			for j, b := range row {
				g[i*n+j] += a * b
			}
		}
	}
	return g
}

// spectral bounds the largest factor by which W lengthens a vector, given
// A = W^T W with n columns: its square is the largest eigenvalue of A, and the
// p-th power of that is at most the Frobenius norm of A^p. With p = 32 the bound is
// at most n^(1/128) too large, 3.9 % for 129.
func spectral(a []float64, n int) float64 {
	log, p := 0.0, 1.0 // A^p = exp(p*log) * a
	for {
		f := frobenius(a)
		if f == 0 {
			return 0
		}
		log += math.Log(f) / p
		if p == 32 {
			// The roundings of five products of matrices that are not negative
			// definite are far below the billionth.
			return math.Exp(log/2) * (1 + 1e-9)
		}
		next := make([]float64, n*n)
		for i := range n {
			x, y := a[i*n:][:n], next[i*n:][:n]
			for k, v := range x { // a is symmetric
				v /= f
				for j, w := range a[k*n:][:n] {
					y[j] += v * w
				}
			}
		}
		for i := range next {
			next[i] /= f
		}
		a, p = next, 2*p
	}
}

func frobenius(a []float64) float64 {
	s := 0.0
	for _, v := range a {
		s += v * v
	}
	return math.Sqrt(s)
}
