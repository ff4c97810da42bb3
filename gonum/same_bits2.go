package gonum

import (
	"gonum.org/v1/gonum/blas"
)

// Ssymv is [Float32.Ssymv] on the kernels.
func (f SameBits) Ssymv(ul blas.Uplo, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !symv(ul, stored{n: n, ld: lda, a: a}, alpha, x, incX, beta, y, incY) {
		f.implementation.Ssymv(ul, n, alpha, a, lda, x, within(n, x, incX), beta, y, within(n, y, incY))
	}
}

// Sspmv is [Float32.Sspmv] on the kernels.
func (f SameBits) Sspmv(ul blas.Uplo, n int, alpha float32, ap []float32, x []float32, incX int, beta float32, y []float32, incY int) {
	if !symv(ul, stored{form: packed, n: n, a: ap}, alpha, x, incX, beta, y, incY) {
		f.implementation.Sspmv(ul, n, alpha, ap, x, within(n, x, incX), beta, y, within(n, y, incY))
	}
}

// Ssbmv is [Float32.Ssbmv] on the kernels.
func (f SameBits) Ssbmv(ul blas.Uplo, n, k int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !symv(ul, stored{form: banded, n: n, k: k, ld: lda, a: a}, alpha, x, incX, beta, y, incY) {
		f.implementation.Ssbmv(ul, n, k, alpha, a, lda, x, within(n, x, incX), beta, y, within(n, y, incY))
	}
}

// Strmv is [Float32.Strmv] on the kernels. Without a transposition x[i] = fma(d, x[i], r) for each
// row of a square, and then Sgemv adds what is beside the square.
func (f SameBits) Strmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	if !trmv(ul, tA, d, stored{n: n, ld: lda, a: a}, x, incX) {
		f.implementation.Strmv(ul, tA, d, n, a, lda, x, within(n, x, incX))
	}
}

// Stpmv is [Float32.Stpmv] on the kernels.
func (f SameBits) Stpmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, ap []float32, x []float32, incX int) {
	if !trmv(ul, tA, d, stored{form: packed, n: n, a: ap}, x, incX) {
		f.implementation.Stpmv(ul, tA, d, n, ap, x, within(n, x, incX))
	}
}

// Stbmv is [Float32.Stbmv] on the kernels.
func (f SameBits) Stbmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n, k int, a []float32, lda int, x []float32, incX int) {
	if !trmv(ul, tA, d, stored{form: banded, n: n, k: k, ld: lda, a: a}, x, incX) {
		f.implementation.Stbmv(ul, tA, d, n, k, a, lda, x, within(n, x, incX))
	}
}

// Strsv is [Float32.Strsv] on the kernels.
func (f SameBits) Strsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	if !trsv(ul, tA, d, stored{n: n, ld: lda, a: a}, x, incX) {
		f.implementation.Strsv(ul, tA, d, n, a, lda, x, within(n, x, incX))
	}
}

// Stpsv is [Float32.Stpsv] on the kernels.
func (f SameBits) Stpsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, ap []float32, x []float32, incX int) {
	if !trsv(ul, tA, d, stored{form: packed, n: n, a: ap}, x, incX) {
		f.implementation.Stpsv(ul, tA, d, n, ap, x, within(n, x, incX))
	}
}

// Stbsv is [Float32.Stbsv] on the kernels.
func (f SameBits) Stbsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n, k int, a []float32, lda int, x []float32, incX int) {
	if !trsv(ul, tA, d, stored{form: banded, n: n, k: k, ld: lda, a: a}, x, incX) {
		f.implementation.Stbsv(ul, tA, d, n, k, a, lda, x, within(n, x, incX))
	}
}

// Ssyr is [Float32.Ssyr] on the kernels.
func (f SameBits) Ssyr(ul blas.Uplo, n int, alpha float32, x []float32, incX int, a []float32, lda int) {
	if !syr(ul, stored{n: n, ld: lda, a: a}, alpha, x, incX) {
		f.implementation.Ssyr(ul, n, alpha, x, within(n, x, incX), a, lda)
	}
}

// Sspr is [Float32.Sspr] on the kernels.
func (f SameBits) Sspr(ul blas.Uplo, n int, alpha float32, x []float32, incX int, ap []float32) {
	if !syr(ul, stored{form: packed, n: n, a: ap}, alpha, x, incX) {
		f.implementation.Sspr(ul, n, alpha, x, within(n, x, incX), ap)
	}
}

// Ssyr2 is [Float32.Ssyr2] on the kernels.
func (f SameBits) Ssyr2(ul blas.Uplo, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	if !syr2(ul, stored{n: n, ld: lda, a: a}, alpha, x, incX, y, incY) {
		f.implementation.Ssyr2(ul, n, alpha, x, within(n, x, incX), y, within(n, y, incY), a, lda)
	}
}

// Sspr2 is [Float32.Sspr2] on the kernels.
func (f SameBits) Sspr2(ul blas.Uplo, n int, alpha float32, x []float32, incX int, y []float32, incY int, ap []float32) {
	if !syr2(ul, stored{form: packed, n: n, a: ap}, alpha, x, incX, y, incY) {
		f.implementation.Sspr2(ul, n, alpha, x, within(n, x, incX), y, within(n, y, incY), ap)
	}
}

// Sgbmv is [Float32.Sgbmv] on the kernels.
func (f SameBits) Sgbmv(tA blas.Transpose, m, n, kL, kU int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !gbmv(tA, m, n, kL, kU, alpha, a, lda, x, incX, beta, y, incY) {
		rows, cols := m, n
		if tA != blas.NoTrans {
			rows, cols = n, m
		}
		f.implementation.Sgbmv(tA, m, n, kL, kU, alpha, a, lda, x, within(cols, x, incX), beta, y, within(rows, y, incY))
	}
}

// Sger adds alpha x yᵀ to A by one [kernels.Axpy] for each row:
//
//	a[i][j] = fma(fl(alpha x[i]), y[j], a[i][j])
//
// A may not overlap x or y.
func (f SameBits) Sger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	if !ger(m, n, alpha, x, incX, y, incY, a, lda) {
		f.implementation.Sger(m, n, alpha, x, within(m, x, incX), y, within(n, y, incY), a, lda)
	}
}
