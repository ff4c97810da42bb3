package gonum

import (
	"math"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

// SameBits implements [blas.Float32] with the same bits on every machine, for any size and any
// increments, of
//
//	Sdot, Saxpy, Snrm2, Sasum, Sscal, Sswap, Scopy, Isamax
//	Sgemv, Sger, Sgbmv, Ssymv, Sspmv, Ssbmv, Ssyr, Sspr, Ssyr2, Sspr2
//	Strmv, Stpmv, Stbmv, Strsv, Stpsv, Stbsv
//	Sgemm, Ssyrk, Ssyr2k, Ssymm, Strmm, Strsm
//
// Their results depend on the arguments alone: not on the instruction set, GOARCH, the tier, the
// number of goroutines or where memory begins. Each is what the method of [Float32] documents for
// its kernels, from one element on, so that where Float32 is on kernels both have the same bits. It
// is slower than Float32 where that takes gonum's own code: for small sizes, for increments other
// than 1, which need copies, and on the tier without assembly, where products take 2 to 12 times
// as long, and sums of products (Sdot, Sgemv) up to 30 times.
//
// Srot, Srotm, Srotg, Srotmg, Sdsdot and Dsdot are gonum's own code and promise no bits.
//
// An increment that takes a vector beyond an int is refused with gonum's words. gonum's own check
// overflows, and its assembly then touches other memory; so do the calls of Float32 that are its.
//
// The zero value is ready for use, by many goroutines at the same time.
type SameBits struct{ implementation }

var _ blas.Float32 = SameBits{}

// Sdot is [Float32.Sdot] on the kernel.
func (f SameBits) Sdot(n int, x []float32, incX int, y []float32, incY int) float32 {
	if !spaced(n, x, incX) || !spaced(n, y, incY) {
		return f.implementation.Sdot(n, x, within(n, x, incX), y, within(n, y, incY))
	}
	bufX, x := gather(n, x, incX)
	bufY, y := gather(n, y, incY)
	defer release(bufX)
	defer release(bufY)
	return kernels.Dot(x, y)
}

// Saxpy is [Float32.Saxpy] on the kernel: one fused multiply-add for each element. Where x and y
// share memory these are done one after another, i ascending.
func (f SameBits) Saxpy(n int, alpha float32, x []float32, incX int, y []float32, incY int) {
	if !spaced(n, x, incX) || !spaced(n, y, incY) || alpha == 0 {
		f.implementation.Saxpy(n, alpha, x, within(n, x, incX), y, within(n, y, incY))
		return
	}
	if incX == 1 && incY == 1 && !kernels.Overlap(x[:n], y[:n]) {
		kernels.Axpy(y[:n], x[:n], alpha)
		return
	}
	ix, iy := first(n, incX), first(n, incY)
	for range n {
		y[iy] = kernels.FMA(alpha, x[ix], y[iy])
		ix, iy = ix+incX, iy+incY
	}
}

// Snrm2 is [Float32.Snrm2] on the kernel.
func (f SameBits) Snrm2(n int, x []float32, incX int) float32 {
	if incX < 1 || !spaced(n, x, incX) {
		return f.implementation.Snrm2(n, x, within(n, x, incX))
	}
	buf, x := gather(n, x, incX)
	defer release(buf)
	return float32(math.Sqrt(kernels.SumSquares(x)))
}

// Sasum is [Float32.Sasum] on the kernel.
func (f SameBits) Sasum(n int, x []float32, incX int) float32 {
	if incX < 1 || !spaced(n, x, incX) {
		return f.implementation.Sasum(n, x, within(n, x, incX))
	}
	buf, x := gather(n, x, incX)
	defer release(buf)
	return magnitudes(kernels.Current(), x)
}

// Sscal is [Float32.Sscal].
func (SameBits) Sscal(n int, alpha float32, x []float32, incX int) {
	Float32{}.Sscal(n, alpha, x, within(n, x, incX))
}

// Sswap is [Float32.Sswap].
func (SameBits) Sswap(n int, x []float32, incX int, y []float32, incY int) {
	Float32{}.Sswap(n, x, within(n, x, incX), y, within(n, y, incY))
}

// Sgemv is [Float32.Sgemv] on the kernels.
func (f SameBits) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !gemvAny(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) {
		rows, cols := m, n
		if tA != blas.NoTrans {
			rows, cols = n, m
		}
		f.implementation.Sgemv(tA, m, n, alpha, a, lda, x, within(cols, x, incX), beta, y, within(rows, y, incY))
	}
}

// Sgemm is [Float32.Sgemm] on the kernels.
func (f SameBits) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !gemm(false, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		f.implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Ssyrk is [Float32.Ssyrk] on the kernels.
func (f SameBits) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	if !syrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) {
		f.implementation.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	}
}

// Ssyr2k is [Float32.Ssyr2k] on the kernels.
func (f SameBits) Ssyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !syr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		f.implementation.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Ssymm is [Float32.Ssymm] on the kernels.
func (f SameBits) Ssymm(s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !symm(false, s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc) {
		f.implementation.Ssymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Strmm is [Float32.Strmm] on the kernels.
func (f SameBits) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	q, ok := newTriangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	if !ok {
		f.implementation.Strmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
		return
	}
	q.run()
}

// Strsm is [Float32.Strsm] on the kernels.
func (f SameBits) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	q, ok := newTriangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	if !ok {
		f.implementation.Strsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
		return
	}
	q.solves = true
	q.run()
}
