package gonum

import (
	"gonum.org/v1/gonum/blas"
)

// Ssymv sets y = alpha A x + beta y for a symmetric A of which the triangle ul is read. From
// n = 128 on it is this. For each square of 64 x 64 on the diagonal, in ascending order, and in it
// for each row of the triangle, i ascending,
//
//	y[i] = fma(alpha, fma(d, x[i], r), y[i])      y[j] = fma(fl(alpha x[i]), row[j], y[j])
//
// row being what the triangle has of the row in the square beside the diagonal element d, and r the
// [kernels.Dot] of it and x; and then what the triangle has beside the square, as [Float32.Sgemv]
// adds it to y without a transposition and with one. Before all that, y = fl(beta y). y may not
// overlap A or x. All else, and all on the scalar tier, is gonum's own.
func (f Float32) Ssymv(ul blas.Uplo, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !long(n/2, symvFrom) || !symv(ul, stored{n: n, ld: lda, a: a}, alpha, x, incX, beta, y, incY) {
		f.implementation.Ssymv(ul, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// Sspmv is [Float32.Ssymv] for a packed A, which counts as one square.
func (f Float32) Sspmv(ul blas.Uplo, n int, alpha float32, ap []float32, x []float32, incX int, beta float32, y []float32, incY int) {
	if !long(n/2, symvFrom) || !symv(ul, stored{form: packed, n: n, a: ap}, alpha, x, incX, beta, y, incY) {
		f.implementation.Sspmv(ul, n, alpha, ap, x, incX, beta, y, incY)
	}
}

// Ssbmv is [Float32.Ssymv] for a band with k diagonals beside the main one, which counts as one square,
// from k = 64 on.
func (f Float32) Ssbmv(ul blas.Uplo, n, k int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !long(k, symvFrom) || !symv(ul, stored{form: banded, n: n, k: k, ld: lda, a: a}, alpha, x, incX, beta, y, incY) {
		f.implementation.Ssbmv(ul, n, k, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// Strmv sets x = op(A) x for a triangular A. With a transposition and from n = 192 on it is this. Squares
// of 64 x 64 on the diagonal and their rows are taken in the order in which nothing is overwritten
// that is needed. What A has beside a square is added to x by [Float32.Sgemv], and then for each row
//
//	x[j] = fma(x[i], row[j], x[j])      x[i] = fl(d x[i])
//
// row and d being those of [Float32.Ssymv]. All else, and all on the scalar tier, is gonum's own.
func (f Float32) Strmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	if tA == blas.NoTrans || !long(n/2, trmvFrom) || !trmv(ul, tA, d, stored{n: n, ld: lda, a: a}, x, incX) {
		f.implementation.Strmv(ul, tA, d, n, a, lda, x, incX)
	}
}

// Stpmv is [Float32.Strmv] for a packed A, which counts as one square.
func (f Float32) Stpmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, ap []float32, x []float32, incX int) {
	if tA == blas.NoTrans || !long(n/2, trmvFrom) || !trmv(ul, tA, d, stored{form: packed, n: n, a: ap}, x, incX) {
		f.implementation.Stpmv(ul, tA, d, n, ap, x, incX)
	}
}

// Stbmv is [Float32.Strmv] for a band with k diagonals beside the main one, which counts as one square,
// from k = 96 on.
func (f Float32) Stbmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n, k int, a []float32, lda int, x []float32, incX int) {
	if tA == blas.NoTrans || !long(k, trmvFrom) || !trmv(ul, tA, d, stored{form: banded, n: n, k: k, ld: lda, a: a}, x, incX) {
		f.implementation.Stbmv(ul, tA, d, n, k, a, lda, x, incX)
	}
}

// Strsv sets x to the solution of op(A) x = b, which x holds, for a triangular A. From n = 192 on, or 64
// with a transposition, it is this. Squares of 64 x 64 on the diagonal and their rows are taken in
// the order of the substitution. Without a transposition what A has beside a square is subtracted
// from b by [Float32.Sgemv] with alpha = -1, and then for each row
//
//	x[i] = fl(fl(b[i] - r) / d)
//
// with one, x[i] = fl(b[i] / d) and b[j] = fma(-x[i], row[j], b[j]) for each row, and then Sgemv.
// row, r and d are those of [Float32.Ssymv], d = 1 where the diagonal counts as that. All else, and
// all on the scalar tier, is gonum's own.
func (f Float32) Strsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	if !solvesLong(tA, n/2) || !trsv(ul, tA, d, stored{n: n, ld: lda, a: a}, x, incX) {
		f.implementation.Strsv(ul, tA, d, n, a, lda, x, incX)
	}
}

// Stpsv is [Float32.Strsv] for a packed A, which counts as one square.
func (f Float32) Stpsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, ap []float32, x []float32, incX int) {
	if !solvesLong(tA, n/2) || !trsv(ul, tA, d, stored{form: packed, n: n, a: ap}, x, incX) {
		f.implementation.Stpsv(ul, tA, d, n, ap, x, incX)
	}
}

// Stbsv is [Float32.Strsv] for a band with k diagonals beside the main one, which counts as one square,
// from k = 96 on, or 32 with a transposition.
func (f Float32) Stbsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n, k int, a []float32, lda int, x []float32, incX int) {
	if !solvesLong(tA, k) || !trsv(ul, tA, d, stored{form: banded, n: n, k: k, ld: lda, a: a}, x, incX) {
		f.implementation.Stbsv(ul, tA, d, n, k, a, lda, x, incX)
	}
}

// Ssyr adds alpha x xᵀ to the triangle ul of A. From n = 64 on it is one [kernels.Axpy] for each row,
//
//	a[i][j] = fma(fl(alpha x[i]), x[j], a[i][j])
//
// All else, and all on the scalar tier, is gonum's own. A may not overlap x.
func (f Float32) Ssyr(ul blas.Uplo, n int, alpha float32, x []float32, incX int, a []float32, lda int) {
	if !long(n/2, syrFrom) || !syr(ul, stored{n: n, ld: lda, a: a}, alpha, x, incX) {
		f.implementation.Ssyr(ul, n, alpha, x, incX, a, lda)
	}
}

// Sspr is [Float32.Ssyr] for a packed A.
func (f Float32) Sspr(ul blas.Uplo, n int, alpha float32, x []float32, incX int, ap []float32) {
	if !long(n/2, syrFrom) || !syr(ul, stored{form: packed, n: n, a: ap}, alpha, x, incX) {
		f.implementation.Sspr(ul, n, alpha, x, incX, ap)
	}
}

// Ssyr2 adds alpha x yᵀ + alpha y xᵀ to the triangle ul of A. From n = 128 on it is two [kernels.Axpy] for
// each row,
//
//	a[i][j] = fma(fl(alpha y[i]), x[j], fma(fl(alpha x[i]), y[j], a[i][j]))
//
// All else, and all on the scalar tier, is gonum's own. A may not overlap x or y.
func (f Float32) Ssyr2(ul blas.Uplo, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	if !long(n/2, syr2From) || !syr2(ul, stored{n: n, ld: lda, a: a}, alpha, x, incX, y, incY) {
		f.implementation.Ssyr2(ul, n, alpha, x, incX, y, incY, a, lda)
	}
}

// Sspr2 is [Float32.Ssyr2] for a packed A.
func (f Float32) Sspr2(ul blas.Uplo, n int, alpha float32, x []float32, incX int, y []float32, incY int, ap []float32) {
	if !long(n/2, syr2From) || !syr2(ul, stored{form: packed, n: n, a: ap}, alpha, x, incX, y, incY) {
		f.implementation.Sspr2(ul, n, alpha, x, incX, y, incY, ap)
	}
}

// Sger adds alpha x yᵀ to A. With a negative increment it is what [SameBits.Sger] is, on every tier
// and for every size: gonum's assembly of amd64 (0.17.0) then multiplies by other memory than x
// and y. All else is gonum's own, which is as fast as the kernels.
func (f Float32) Sger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	if incX >= 0 && incY >= 0 || !ger(m, n, alpha, x, incX, y, incY, a, lda) {
		f.implementation.Sger(m, n, alpha, x, incX, y, incY, a, lda)
	}
}

// Sgbmv sets y = alpha op(A) x + beta y for an m x n band with kL diagonals below the main one and kU above
// it. From kL + kU = 96 on, or 32 with a transposition, and so many columns, it is this. After
// y = fl(beta y), for each row of A, i ascending, that has elements,
//
//	y[i] = fma(alpha, r, y[i])      or with a transposition      y[j] = fma(fl(alpha x[i]), row[j], y[j])
//
// r being the [kernels.Dot] of the row and x. y may not overlap A or x. All else, and all on the
// scalar tier, is gonum's own.
func (f Float32) Sgbmv(tA blas.Transpose, m, n, kL, kU int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !bandLong(tA, min(kL+kU, n)) || !gbmv(tA, m, n, kL, kU, alpha, a, lda, x, incX, beta, y, incY) {
		f.implementation.Sgbmv(tA, m, n, kL, kU, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// long says whether rows of that many elements gain on this tier.
func long(elements, from int) bool { return elements >= from && vectors() }

// solvesLong is long for Strsv and its like, bandLong for Sgbmv.
func solvesLong(tA blas.Transpose, elements int) bool {
	if tA == blas.NoTrans {
		return long(elements, trsvFrom)
	}
	return long(elements, backFrom)
}

func bandLong(tA blas.Transpose, elements int) bool {
	if tA == blas.NoTrans {
		return long(elements, bandFrom)
	}
	return long(elements, downFrom)
}
