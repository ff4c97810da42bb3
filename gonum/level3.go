package gonum

import (
	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

// strip is how many rows or columns of a symmetric matrix are multiplied at a time.
const strip = 128

// Ssyrk sets C = alpha A Aᵀ + beta C, or with [blas.Trans] or [blas.ConjTrans]
// C = alpha Aᵀ A + beta C, in the triangle ul of C, and leaves the other as it is. C is
// n x n; A is n x k, or with a transposition k x n. From n = 32 and n*n*k = 2^15 on each element has the
// bits that the kernels of [Float32.Sgemm] give it; below it is gonum's own.
func (f Float32) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	if n < syrkRows || !worth(n, n, k, syrkFrom) || !vectors() || !syrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) {
		f.implementation.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	}
}

// syrk is Ssyrk on kernels. If it returns false it has done nothing: there is a mistake, or
// nothing to multiply.
func syrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) bool {
	trans, ok := transposed(tA)
	if !ok || !triangular(ul) || alpha == 0 || !fitsFactor(trans, n, k, a, lda) || !fits(n, n, c, ldc) {
		return false
	}
	p := product{transA: trans, transB: !trans, m: n, n: n, k: k, alpha: alpha, a: a, lda: lda, b: a, ldb: lda, beta: beta, c: c, ldc: ldc}
	p.triangle(ul)
	return true
}

// Ssyr2k sets C = alpha A Bᵀ + alpha B Aᵀ + beta C, or with [blas.Trans] or
// [blas.ConjTrans] C = alpha Aᵀ B + alpha Bᵀ A + beta C, in the triangle ul of C, and
// leaves the other as it is. C is n x n; A and B are n x k, or with a transposition
// k x n. From n = 32 and n*n*k = 2^15 on each element has the bits that the kernels of [Float32.Sgemm]
// give it in two calls, the first with beta and the second with 1; below it is gonum's own.
func (f Float32) Ssyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if n < syrkRows || !worth(n, n, k, syrkFrom) || !vectors() || !syr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		f.implementation.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// syr2k is Ssyr2k on kernels, false as syrk is.
func syr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) bool {
	trans, ok := transposed(tA)
	if !ok || !triangular(ul) || alpha == 0 || !fitsFactor(trans, n, k, a, lda) || !fitsFactor(trans, n, k, b, ldb) || !fits(n, n, c, ldc) {
		return false
	}
	p := product{transA: trans, transB: !trans, m: n, n: n, k: k, alpha: alpha, a: a, lda: lda, b: b, ldb: ldb, beta: beta, c: c, ldc: ldc}
	p.triangle(ul)
	p.a, p.lda, p.b, p.ldb, p.beta = b, ldb, a, lda, 1
	p.triangle(ul)
	return true
}

// triangle computes the triangle ul of a square C, as strips beside the diagonal and
// squares on it, of which a half is dropped.
func (p *product) triangle(ul blas.Uplo) {
	t := kernels.Current()
	for i := 0; i < p.n; i += strip {
		w := min(strip, p.n-i)
		side := p.rows(i, i+w)
		square := side.cols(i, i+w)
		lo, hi := 0, i
		if ul == blas.Upper {
			lo, hi = i+w, p.n
		}
		if lo < hi {
			side = side.cols(lo, hi)
			side.run()
		}
		buf, full := borrow(w * w)
		c, ldc := square.c, square.ldc
		square.alpha, square.beta, square.c, square.ldc = 1, 0, full, w
		square.run()
		for r := range w {
			lo, hi = 0, r+1
			if ul == blas.Upper {
				lo, hi = r, w
			}
			finish(t, c[r*ldc:][lo:hi], full[r*w:][lo:hi], p.alpha, p.beta)
		}
		pool.Put(buf)
	}
}

// Ssymm sets C = alpha A B + beta C for a symmetric A on the left, or C = alpha B A +
// beta C for one on the right. B and C are m x n; of A the triangle ul is read. From
// 2^12 multiply-adds and 8 rows and columns of B on each element has the bits that the kernels of [Float32.Sgemm] give it
// with all of A; below it is gonum's own.
func (f Float32) Ssymm(s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if min(m, n) < squareFrom || !vectors() || !symm(true, s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc) {
		f.implementation.Ssymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// symm is Ssymm on kernels, with gain only from as many multiply-adds on as gain. If it returns
// false it has done nothing: there is a mistake, or nothing to multiply or to gain.
func symm(gain bool, s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) bool {
	order := n
	if s == blas.Left {
		order = m
	}
	if s != blas.Left && s != blas.Right || !triangular(ul) || alpha == 0 || gain && !worth(m, n, order, symmetricFrom) || !fits(order, order, a, lda) || !fits(m, n, b, ldb) || !fits(m, n, c, ldc) {
		return false
	}
	buf, rows := borrow(min(strip, order) * order)
	defer pool.Put(buf)
	for i := 0; i < order; i += strip {
		w := min(strip, order-i)
		expand(rows, ul, order, i, w, a, lda)
		p := product{m: w, n: n, k: m, alpha: alpha, a: rows, lda: m, b: b, ldb: ldb, beta: beta, ldc: ldc}
		if s == blas.Left {
			p.c = c[i*ldc:]
		} else { // the columns of A are its rows
			p.m, p.n, p.k, p.a, p.lda = m, w, n, b, ldb
			p.transB, p.b, p.ldb, p.c = true, rows, n, c[i:]
		}
		p.run()
	}
	return true
}

// expand sets dst[w][n] = rows i to i+w of the symmetric matrix of which the triangle
// ul stands in a.
func expand(dst []float32, ul blas.Uplo, n, i, w int, a []float32, lda int) {
	for r := range w {
		at := i + r
		row := dst[r*n:][:n]
		lo, hi := 0, at
		if ul == blas.Upper {
			copy(row[at:], a[at*lda+at:])
		} else {
			copy(row[:at+1], a[at*lda:])
			lo, hi = at+1, n
		}
		for j := lo; j < hi; j++ {
			row[j] = a[j*lda+at]
		}
	}
}

func triangular(ul blas.Uplo) bool { return ul == blas.Upper || ul == blas.Lower }

// fitsFactor is fits for an n x k factor of a symmetric product, or its transpose.
func fitsFactor(trans bool, n, k int, s []float32, ld int) bool {
	if trans {
		n, k = k, n
	}
	return fits(n, k, s, ld)
}
