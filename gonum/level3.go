package gonum

import (
	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

const (
	// strip is how many rows or columns of a symmetric matrix are multiplied at a time.
	strip = 128
	// solve is the size of the triangles on a diagonal that are left to gonum.
	solve = 32
)

// Ssyrk sets C = alpha A Aᵀ + beta C, or with [blas.Trans] or [blas.ConjTrans]
// C = alpha Aᵀ A + beta C, in the triangle ul of C, and leaves the other as it is. C is
// n x n; A is n x k, or with a transposition k x n. Each element has the bits that
// [Float32.Sgemm] gives it.
func (f Float32) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	trans, ok := transposed(tA)
	if !ok || !triangular(ul) || alpha == 0 || !fitsFactor(trans, n, k, a, lda) || !fits(n, n, c, ldc) {
		f.implementation.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
		return
	}
	p := product{transA: trans, transB: !trans, m: n, n: n, k: k, alpha: alpha, a: a, lda: lda, b: a, ldb: lda, beta: beta, c: c, ldc: ldc}
	p.triangle(ul)
}

// Ssyr2k sets C = alpha A Bᵀ + alpha B Aᵀ + beta C, or with [blas.Trans] or
// [blas.ConjTrans] C = alpha Aᵀ B + alpha Bᵀ A + beta C, in the triangle ul of C, and
// leaves the other as it is. C is n x n; A and B are n x k, or with a transposition
// k x n. Each element has the bits that [Float32.Sgemm] gives it in two calls, the
// first with beta and the second with 1.
func (f Float32) Ssyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	trans, ok := transposed(tA)
	if !ok || !triangular(ul) || alpha == 0 || !fitsFactor(trans, n, k, a, lda) || !fitsFactor(trans, n, k, b, ldb) || !fits(n, n, c, ldc) {
		f.implementation.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	p := product{transA: trans, transB: !trans, m: n, n: n, k: k, alpha: alpha, a: a, lda: lda, b: b, ldb: ldb, beta: beta, c: c, ldc: ldc}
	p.triangle(ul)
	p.a, p.lda, p.b, p.ldb, p.beta = b, ldb, a, lda, 1
	p.triangle(ul)
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
// beta C for one on the right. B and C are m x n; of A the triangle ul is read. Each
// element has the bits that [Float32.Sgemm] gives it with all of A.
func (f Float32) Ssymm(s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	order := n
	if s == blas.Left {
		order = m
	}
	if s != blas.Left && s != blas.Right || !triangular(ul) || alpha == 0 || !fits(order, order, a, lda) || !fits(m, n, b, ldb) || !fits(m, n, c, ldc) {
		f.implementation.Ssymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
		return
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

// Strsm sets B to the X of op(A) X = alpha B, or of X op(A) = alpha B with A on the
// right, where A is triangular and op(A) is A, or with [blas.Trans] or [blas.ConjTrans]
// its transpose. B is m x n. Triangles of up to 32 x 32 are solved by gonum's own;
// what larger ones have beside these is [Float32.Sgemm].
func (f Float32) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	q, ok := newTriangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	if !ok {
		f.implementation.Strsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
		return
	}
	last := (q.order - 1) / solve
	for i := range last + 1 {
		if !q.before { // what a block needs is solved before it
			i = last - i
		}
		t := q.block(i * solve)
		scale := alpha
		if t.beside.k > 0 {
			t.beside.alpha, t.beside.beta = -1, alpha
			t.beside.run()
			scale = 1
		}
		f.implementation.Strsm(s, ul, tA, d, t.rows, t.cols, scale, t.a, lda, t.b, ldb)
	}
}

// Strmm sets B = alpha op(A) B, or B = alpha B op(A) with A on the right, where A is
// triangular and op(A) is A, or with [blas.Trans] or [blas.ConjTrans] its transpose. B
// is m x n. Triangles of up to 32 x 32 are multiplied by gonum's own; what larger ones
// have beside these is [Float32.Sgemm].
func (f Float32) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	q, ok := newTriangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	if !ok {
		f.implementation.Strmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
		return
	}
	last := (q.order - 1) / solve
	for i := range last + 1 {
		if q.before { // what a block needs is not yet multiplied
			i = last - i
		}
		t := q.block(i * solve)
		f.implementation.Strmm(s, ul, tA, d, t.rows, t.cols, alpha, t.a, lda, t.b, ldb)
		if t.beside.k > 0 {
			t.beside.alpha, t.beside.beta = alpha, 1
			t.beside.run()
		}
	}
}

// triangle is a triangular matrix T, which is op(A), and the B that it stands left or
// right of.
type triangle struct {
	left, trans, before bool // before: T's blocks beside one on the diagonal belong to those before it
	order, m, n         int
	a, b                []float32
	lda, ldb            int
}

// newTriangle returns the operands of Strsm and Strmm, and whether they are valid and
// there is something beside the triangles that are gonum's.
func newTriangle(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) (triangle, bool) {
	q := triangle{left: s == blas.Left, order: n, m: m, n: n, a: a, b: b, lda: lda, ldb: ldb}
	if q.left {
		q.order = m
	}
	var ok bool
	q.trans, ok = transposed(tA)
	lower := (ul == blas.Lower) != q.trans
	q.before = lower == q.left
	return q, ok && (s == blas.Left || s == blas.Right) && triangular(ul) && (d == blas.Unit || d == blas.NonUnit) &&
		alpha != 0 && q.order > solve && fits(q.order, q.order, a, lda) && fits(m, n, b, ldb)
}

// triangleBlock is a triangle on the diagonal, the rows x cols part of B that belongs
// to it, and the product to be added to this part.
type triangleBlock struct {
	rows, cols int
	a, b       []float32
	beside     product // without alpha and beta; k = 0 if there is none
}

// block returns the triangle that begins at row and column i.
func (q *triangle) block(i int) triangleBlock {
	w := min(solve, q.order-i)
	lo, hi := 0, i
	if !q.before {
		lo, hi = i+w, q.order
	}
	t := triangleBlock{rows: q.m, cols: q.n, a: q.a[i*q.lda+i:]}
	p := product{k: hi - lo, ldc: q.ldb}
	row, col := lo, i // of what T has beside the triangle
	if q.left {
		t.rows, t.b = w, q.b[i*q.ldb:]
		row, col = i, lo
	} else {
		t.cols, t.b = w, q.b[i:]
	}
	p.m, p.n, p.c = t.rows, t.cols, t.b
	t.beside = p
	if p.k == 0 {
		return t
	}
	if q.trans {
		row, col = col, row
	}
	if beside := q.a[row*q.lda+col:]; q.left {
		p.transA, p.a, p.lda, p.b, p.ldb = q.trans, beside, q.lda, q.b[lo*q.ldb:], q.ldb
	} else {
		p.a, p.lda, p.transB, p.b, p.ldb = q.b[lo:], q.ldb, q.trans, beside, q.lda
	}
	t.beside = p
	return t
}

func triangular(ul blas.Uplo) bool { return ul == blas.Upper || ul == blas.Lower }

// fitsFactor is fits for an n x k factor of a symmetric product, or its transpose.
func fitsFactor(trans bool, n, k int, s []float32, ld int) bool {
	if trans {
		n, k = k, n
	}
	return fits(n, k, s, ld)
}
