package gonum

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
)

// linear shows a method that adds up products to out: run32 makes the float32 result of its
// argument, run64 that in float64 and, with magnitudes, that of the magnitudes of all operands,
// whose rounding errors bound those of the result.
func (d double) linear(out []float64, operations int, run32 func(out []float32), run64 func(out []float64, of func([]float64) []float64)) {
	*d.calls++
	got, size := narrow(out), abs(out)
	run32(got)
	run64(size, abs)
	run64(out, slices.Clone[[]float64])
	settle(out, got, slices.Clone(out), size, operations)
}

func sign(of func([]float64) []float64, alpha float64) float64 { return of([]float64{alpha})[0] }

func (d double) Dger(m, n int, alpha float64, x []float64, incX int, y []float64, incY int, a []float64, lda int) {
	x32, y32 := narrow(x), narrow(y)
	d.linear(a, 6, func(a []float32) { d.impl.Sger(m, n, float32(alpha), x32, incX, y32, incY, a, lda) },
		func(a []float64, of func([]float64) []float64) {
			d64.Dger(m, n, sign(of, alpha), of(x), incX, of(y), incY, a, lda)
		})
	intact(x, x32)
	intact(y, y32)
}

func (d double) Dgbmv(tA blas.Transpose, m, n, kL, kU int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	a32, x32 := narrow(a), narrow(x)
	d.linear(y, m+n+6, func(y []float32) {
		d.impl.Sgbmv(tA, m, n, kL, kU, float32(alpha), a32, lda, x32, incX, float32(beta), y, incY)
	}, func(y []float64, of func([]float64) []float64) {
		d64.Dgbmv(tA, m, n, kL, kU, sign(of, alpha), of(a), lda, of(x), incX, sign(of, beta), y, incY)
	})
	intact(a, a32)
	intact(x, x32)
}

func (d double) Dsbmv(ul blas.Uplo, n, k int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	a32, x32 := narrow(a), narrow(x)
	d.linear(y, 2*n+8, func(y []float32) {
		d.impl.Ssbmv(ul, n, k, float32(alpha), a32, lda, x32, incX, float32(beta), y, incY)
	}, func(y []float64, of func([]float64) []float64) {
		d64.Dsbmv(ul, n, k, sign(of, alpha), of(a), lda, of(x), incX, sign(of, beta), y, incY)
	})
	intact(a, a32)
	intact(x, x32)
}

func (d double) Dsymv(ul blas.Uplo, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	a32, x32 := narrow(a), narrow(x)
	d.linear(y, 2*n+8, func(y []float32) {
		d.impl.Ssymv(ul, n, float32(alpha), a32, lda, x32, incX, float32(beta), y, incY)
	}, func(y []float64, of func([]float64) []float64) {
		d64.Dsymv(ul, n, sign(of, alpha), of(a), lda, of(x), incX, sign(of, beta), y, incY)
	})
	intact(a, a32)
	intact(x, x32)
}

func (d double) Dspmv(ul blas.Uplo, n int, alpha float64, ap []float64, x []float64, incX int, beta float64, y []float64, incY int) {
	a32, x32 := narrow(ap), narrow(x)
	d.linear(y, 2*n+8, func(y []float32) {
		d.impl.Sspmv(ul, n, float32(alpha), a32, x32, incX, float32(beta), y, incY)
	}, func(y []float64, of func([]float64) []float64) {
		d64.Dspmv(ul, n, sign(of, alpha), of(ap), of(x), incX, sign(of, beta), y, incY)
	})
	intact(ap, a32)
	intact(x, x32)
}

func (d double) Dsyr(ul blas.Uplo, n int, alpha float64, x []float64, incX int, a []float64, lda int) {
	x32 := narrow(x)
	d.linear(a, 6, func(a []float32) { d.impl.Ssyr(ul, n, float32(alpha), x32, incX, a, lda) },
		func(a []float64, of func([]float64) []float64) { d64.Dsyr(ul, n, sign(of, alpha), of(x), incX, a, lda) })
	intact(x, x32)
}

func (d double) Dspr(ul blas.Uplo, n int, alpha float64, x []float64, incX int, ap []float64) {
	x32 := narrow(x)
	d.linear(ap, 6, func(a []float32) { d.impl.Sspr(ul, n, float32(alpha), x32, incX, a) },
		func(a []float64, of func([]float64) []float64) { d64.Dspr(ul, n, sign(of, alpha), of(x), incX, a) })
	intact(x, x32)
}

func (d double) Dsyr2(ul blas.Uplo, n int, alpha float64, x []float64, incX int, y []float64, incY int, a []float64, lda int) {
	x32, y32 := narrow(x), narrow(y)
	d.linear(a, 8, func(a []float32) { d.impl.Ssyr2(ul, n, float32(alpha), x32, incX, y32, incY, a, lda) },
		func(a []float64, of func([]float64) []float64) {
			d64.Dsyr2(ul, n, sign(of, alpha), of(x), incX, of(y), incY, a, lda)
		})
	intact(x, x32)
	intact(y, y32)
}

func (d double) Dspr2(ul blas.Uplo, n int, alpha float64, x []float64, incX int, y []float64, incY int, ap []float64) {
	x32, y32 := narrow(x), narrow(y)
	d.linear(ap, 8, func(a []float32) { d.impl.Sspr2(ul, n, float32(alpha), x32, incX, y32, incY, a) },
		func(a []float64, of func([]float64) []float64) {
			d64.Dspr2(ul, n, sign(of, alpha), of(x), incX, of(y), incY, a)
		})
	intact(x, x32)
	intact(y, y32)
}

func (d double) Dtrmv(ul blas.Uplo, tA blas.Transpose, diag blas.Diag, n int, a []float64, lda int, x []float64, incX int) {
	a32 := narrow(a)
	d.linear(x, 2*n+6, func(x []float32) { d.impl.Strmv(ul, tA, diag, n, a32, lda, x, incX) },
		func(x []float64, of func([]float64) []float64) { d64.Dtrmv(ul, tA, diag, n, of(a), lda, x, incX) })
	intact(a, a32)
}

func (d double) Dtbmv(ul blas.Uplo, tA blas.Transpose, diag blas.Diag, n, k int, a []float64, lda int, x []float64, incX int) {
	a32 := narrow(a)
	d.linear(x, 2*n+6, func(x []float32) { d.impl.Stbmv(ul, tA, diag, n, k, a32, lda, x, incX) },
		func(x []float64, of func([]float64) []float64) {
			d64.Dtbmv(ul, tA, diag, n, k, of(a), lda, x, incX)
		})
	intact(a, a32)
}

func (d double) Dtpmv(ul blas.Uplo, tA blas.Transpose, diag blas.Diag, n int, ap []float64, x []float64, incX int) {
	a32 := narrow(ap)
	d.linear(x, 2*n+6, func(x []float32) { d.impl.Stpmv(ul, tA, diag, n, a32, x, incX) },
		func(x []float64, of func([]float64) []float64) { d64.Dtpmv(ul, tA, diag, n, of(ap), x, incX) })
	intact(ap, a32)
}

// solution shows a method that solves a triangular system of order n. Whatever the order of its
// operations, a substitution solves a system whose elements are off by operations roundings
// (Higham, Accuracy and Stability, theorem 8.5), so that its error is bounded by that many
// roundings of M⁻¹ |T| |x|, M being T with the magnitudes on the diagonal and the negative ones
// elsewhere. solve and multiply are by a matrix in the form that a has.
func (d double) solution(x []float64, operations int, a []float64, diagonal func(a []float64), run32 func(x []float32), solve, multiply func(a, x []float64)) {
	*d.calls++
	got := narrow(x)
	run32(got)
	solve(a, x)
	size, m := abs(x), abs(a)
	multiply(m, size)
	for i := range m {
		m[i] = -m[i]
	}
	diagonal(m)
	solve(m, size)
	settle(x, got, slices.Clone(x), size, operations)
}

// absAt makes elements of a matrix their magnitudes.
func absAt(n int, at func(i int) int) func(a []float64) {
	return func(a []float64) {
		for i := range n {
			if j := at(i); j < len(a) {
				a[j] = math.Abs(a[j])
			}
		}
	}
}

func (d double) Dtrsv(ul blas.Uplo, tA blas.Transpose, diag blas.Diag, n int, a []float64, lda int, x []float64, incX int) {
	a32 := narrow(a)
	d.solution(x, 2*n+8, a, absAt(n, func(i int) int { return i*lda + i }),
		func(x []float32) { d.impl.Strsv(ul, tA, diag, n, a32, lda, x, incX) },
		func(a, x []float64) { d64.Dtrsv(ul, tA, diag, n, a, lda, x, incX) },
		func(a, x []float64) { d64.Dtrmv(ul, tA, diag, n, a, lda, x, incX) })
	intact(a, a32)
}

func (d double) Dtbsv(ul blas.Uplo, tA blas.Transpose, diag blas.Diag, n, k int, a []float64, lda int, x []float64, incX int) {
	a32 := narrow(a)
	d.solution(x, 2*n+8, a, absAt(n, func(i int) int {
		if ul == blas.Upper {
			return i * lda
		}
		return i*lda + k
	}), func(x []float32) { d.impl.Stbsv(ul, tA, diag, n, k, a32, lda, x, incX) },
		func(a, x []float64) { d64.Dtbsv(ul, tA, diag, n, k, a, lda, x, incX) },
		func(a, x []float64) { d64.Dtbmv(ul, tA, diag, n, k, a, lda, x, incX) })
	intact(a, a32)
}

func (d double) Dtpsv(ul blas.Uplo, tA blas.Transpose, diag blas.Diag, n int, ap []float64, x []float64, incX int) {
	a32 := narrow(ap)
	d.solution(x, 2*n+8, ap, absAt(n, func(i int) int {
		if ul == blas.Upper {
			return i*n - i*(i-1)/2
		}
		return i * (i + 3) / 2
	}), func(x []float32) { d.impl.Stpsv(ul, tA, diag, n, a32, x, incX) },
		func(a, x []float64) { d64.Dtpsv(ul, tA, diag, n, a, x, incX) },
		func(a, x []float64) { d64.Dtpmv(ul, tA, diag, n, a, x, incX) })
	intact(ap, a32)
}

func (d double) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, diag blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	a32 := narrow(a)
	d.linear(b, m+n+6, func(b []float32) { d.impl.Strmm(s, ul, tA, diag, m, n, float32(alpha), a32, lda, b, ldb) },
		func(b []float64, of func([]float64) []float64) {
			d64.Dtrmm(s, ul, tA, diag, m, n, sign(of, alpha), of(a), lda, b, ldb)
		})
	intact(a, a32)
}

func (d double) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, diag blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	a32, order, first := narrow(a), n, alpha
	if s == blas.Left {
		order = m
	}
	d.solution(b, 2*order+10, a, absAt(order, func(i int) int { return i*lda + i }),
		func(b []float32) { d.impl.Strsm(s, ul, tA, diag, m, n, float32(alpha), a32, lda, b, ldb) },
		func(a, b []float64) {
			d64.Dtrsm(s, ul, tA, diag, m, n, first, a, lda, b, ldb)
			first = 1 // alpha belongs to the system, not to its error
		},
		func(a, b []float64) { d64.Dtrmm(s, ul, tA, diag, m, n, 1, a, lda, b, ldb) })
	intact(a, a32)
}
