package gonum

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
)

// A drawn call writes to out, or returns a sum or an index.
type drawn struct {
	name string
	out  []float32
	call func(f blas.Float32, out []float32) float32
}

// draws makes calls with random arguments, about every second of them a mistake if wrong is set.
type draws struct {
	*rand.Rand
	wrong bool
}

// one is true once in n times, if mistakes are made.
func (r draws) one(n int) bool { return r.wrong && r.IntN(n) == 0 }

// size is a size, now and then a large, an empty or a wrong one.
func (r draws) size() int {
	switch r.IntN(20) {
	case 0:
		return 0
	case 1:
		if r.wrong {
			return -1 - r.IntN(3)
		}
	case 2:
		return 65 + r.IntN(140)
	}
	return 1 + r.IntN(10)
}

func (r draws) ld(cols int) int {
	if r.one(16) {
		return cols - 1 - r.IntN(2)
	}
	return max(1, cols) + r.IntN(2)
}

// numbers are n values that are exact, so that they are the same on every machine, and so small
// that solutions do not grow.
func (r draws) numbers(n int) []float32 {
	x := make([]float32, max(0, n))
	for i := range x {
		x[i] = float32(int(r.Uint32()>>8)-1<<23) / (1 << 32)
	}
	return x
}

func (r draws) slice(rows, cols, ld int) []float32 {
	need := max(0, (rows-1)*ld+cols)
	if r.one(16) {
		need -= 1 + r.IntN(3)
	}
	return r.numbers(need)
}

func (r draws) trans() blas.Transpose {
	if r.one(30) {
		return 'X'
	}
	return transpositions[r.IntN(3)]
}

func (r draws) inc() int {
	list := []int{1, 1, 1, 1, 1, 1, 1, -1, 2}
	if r.wrong {
		list[6] = 0
	}
	return list[r.IntN(len(list))]
}

func (r draws) vector(n, inc int) []float32 { return r.slice(n, 1, max(inc, -inc)) }

// diagonal gives the matrix of a triangular system large elements there.
func diagonal(n int, a []float32, at func(i int) int) {
	for i := range n {
		if j := at(i); j >= 0 && j < len(a) {
			a[j] += 100
		}
	}
}

func packedAt(ul blas.Uplo, n int) func(i int) int {
	return func(i int) int {
		if ul == blas.Upper {
			return i*n - i*(i-1)/2
		}
		return i * (i + 3) / 2
	}
}

func bandedAt(ul blas.Uplo, k, lda int) func(i int) int {
	return func(i int) int {
		if ul == blas.Upper {
			return i * lda
		}
		return i*lda + k
	}
}

// next is a call of one of the routines that are ours, or of SameBits.
func (r draws) next() drawn {
	ul, side, diag := uplos[r.IntN(2)], []blas.Side{blas.Left, blas.Right}[r.IntN(2)], []blas.Diag{blas.Unit, blas.NonUnit}[r.IntN(2)]
	if r.wrong {
		switch r.IntN(60) {
		case 0:
			ul = 'X'
		case 1:
			side = 'X'
		case 2:
			diag = 'X'
		}
	}
	switch n := r.IntN(29); {
	case n < 6:
		return r.level1(n)
	case n < 22:
		return r.level2(n-6, ul, diag)
	default:
		return r.level3(n-22, ul, side, diag)
	}
}

func (r draws) level1(which int) drawn {
	n := r.size() * []int{1, 40, 400}[r.IntN(3)]
	incX, incY := r.inc(), r.inc()
	x, y, alpha := r.vector(n, incX), r.vector(n, incY), float32(r.IntN(3))*0.5
	switch which {
	case 0:
		return drawn{"Sdot", nil, func(f blas.Float32, _ []float32) float32 { return f.Sdot(n, x, incX, y, incY) }}
	case 1:
		return drawn{"Snrm2", nil, func(f blas.Float32, _ []float32) float32 { return f.Snrm2(n, x, incX) }}
	case 2:
		return drawn{"Sasum", nil, func(f blas.Float32, _ []float32) float32 { return f.Sasum(n, x, incX) }}
	case 3:
		return drawn{"Sscal", x, func(f blas.Float32, x []float32) float32 { f.Sscal(n, alpha, x, incX); return 0 }}
	case 4:
		return drawn{"Sswap", y, func(f blas.Float32, y []float32) float32 {
			f.Sswap(n, append([]float32(nil), x...), incX, y, incY)
			return 0
		}}
	}
	return drawn{"Saxpy", y, func(f blas.Float32, y []float32) float32 { f.Saxpy(n, alpha, x, incX, y, incY); return 0 }}
}

func (r draws) level2(which int, ul blas.Uplo, diag blas.Diag) drawn {
	m, n, k, tA := r.size(), r.size(), r.size(), r.trans()
	if r.IntN(3) == 0 {
		m, n, k = 10*m, 10*n, 10*k
	}
	incX, incY := r.inc(), r.inc()
	alpha, beta := float32(r.IntN(3))*0.5, float32(r.IntN(3))*0.5
	if which < 3 {
		kL, kU, lda := max(0, k), max(0, r.size()), r.ld(n)
		lenX, lenY := n, m
		if tA != blas.NoTrans {
			lenX, lenY = m, n
		}
		if which == 2 {
			lda = r.ld(kL + kU + 1)
			a, x := r.slice(min(m, n+kL), kL+kU+1, lda), r.vector(lenX, incX)
			return drawn{"Sgbmv", r.vector(lenY, incY), func(f blas.Float32, y []float32) float32 {
				f.Sgbmv(tA, m, n, kL, kU, alpha, a, lda, x, incX, beta, y, incY)
				return 0
			}}
		}
		a := r.slice(m, n, lda)
		if which == 1 {
			x, y := r.vector(m, incX), r.vector(n, incY)
			return drawn{"Sger", a, func(f blas.Float32, a []float32) float32 {
				f.Sger(m, n, alpha, x, incX, y, incY, a, lda)
				return 0
			}}
		}
		x := r.vector(lenX, incX)
		return drawn{"Sgemv", r.vector(lenY, incY), func(f blas.Float32, y []float32) float32 {
			f.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
			return 0
		}}
	}
	lda, ldk := r.ld(n), r.ld(max(0, k)+1)
	a, ap, band := r.slice(n, n, lda), r.slice(1, max(0, n)*(max(0, n)+1)/2, 0), r.slice(n, max(0, k)+1, ldk)
	diagonal(n, a, func(i int) int { return i*lda + i })
	diagonal(n, ap, packedAt(ul, n))
	diagonal(n, band, bandedAt(ul, k, ldk))
	x, y := r.vector(n, incX), r.vector(n, incY)
	v := func(name string, out []float32, call func(f blas.Float32, out []float32)) drawn {
		return drawn{name, out, func(f blas.Float32, out []float32) float32 { call(f, out); return 0 }}
	}
	return []drawn{
		v("Ssymv", y, func(f blas.Float32, y []float32) { f.Ssymv(ul, n, alpha, a, lda, x, incX, beta, y, incY) }),
		v("Sspmv", y, func(f blas.Float32, y []float32) { f.Sspmv(ul, n, alpha, ap, x, incX, beta, y, incY) }),
		v("Ssbmv", y, func(f blas.Float32, y []float32) { f.Ssbmv(ul, n, k, alpha, band, ldk, x, incX, beta, y, incY) }),
		v("Ssyr", a, func(f blas.Float32, a []float32) { f.Ssyr(ul, n, alpha, x, incX, a, lda) }),
		v("Sspr", ap, func(f blas.Float32, ap []float32) { f.Sspr(ul, n, alpha, x, incX, ap) }),
		v("Ssyr2", a, func(f blas.Float32, a []float32) { f.Ssyr2(ul, n, alpha, x, incX, y, incY, a, lda) }),
		v("Sspr2", ap, func(f blas.Float32, ap []float32) { f.Sspr2(ul, n, alpha, x, incX, y, incY, ap) }),
		v("Strmv", x, func(f blas.Float32, x []float32) { f.Strmv(ul, tA, diag, n, a, lda, x, incX) }),
		v("Stpmv", x, func(f blas.Float32, x []float32) { f.Stpmv(ul, tA, diag, n, ap, x, incX) }),
		v("Stbmv", x, func(f blas.Float32, x []float32) { f.Stbmv(ul, tA, diag, n, k, band, ldk, x, incX) }),
		v("Strsv", x, func(f blas.Float32, x []float32) { f.Strsv(ul, tA, diag, n, a, lda, x, incX) }),
		v("Stpsv", x, func(f blas.Float32, x []float32) { f.Stpsv(ul, tA, diag, n, ap, x, incX) }),
		v("Stbsv", x, func(f blas.Float32, x []float32) { f.Stbsv(ul, tA, diag, n, k, band, ldk, x, incX) }),
	}[which-3]
}

func (r draws) level3(which int, ul blas.Uplo, side blas.Side, diag blas.Diag) drawn {
	m, n, k, tA, tB := r.size(), r.size(), r.size(), r.trans(), r.trans()
	alpha, beta := float32(r.IntN(3))*0.5, float32(r.IntN(3))*0.5
	shape := func(t blas.Transpose, m, n int) (int, int) {
		if t == blas.NoTrans {
			return m, n
		}
		return n, m
	}
	v := func(name string, out []float32, call func(f blas.Float32, out []float32)) drawn {
		return drawn{name, out, func(f blas.Float32, out []float32) float32 { call(f, out); return 0 }}
	}
	ldc := r.ld(n)
	switch which {
	case 0, 1:
		rowsA, colsA := shape(tA, m, k)
		rowsB, colsB := shape(tB, k, n)
		lda, ldb := r.ld(colsA), r.ld(colsB)
		a, b := r.slice(rowsA, colsA, lda), r.slice(rowsB, colsB, ldb)
		return v("Sgemm", r.slice(m, n, ldc), func(f blas.Float32, c []float32) {
			f.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		})
	case 2, 3:
		rowsA, colsA := shape(tA, n, k)
		lda, ldb := r.ld(colsA), r.ld(colsA)
		a, b, c := r.slice(rowsA, colsA, lda), r.slice(rowsA, colsA, ldb), r.slice(n, n, ldc)
		if which == 2 {
			return v("Ssyrk", c, func(f blas.Float32, c []float32) { f.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) })
		}
		return v("Ssyr2k", c, func(f blas.Float32, c []float32) { f.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) })
	}
	order := n
	if side == blas.Left {
		order = m
	}
	lda, ldb := r.ld(order), r.ld(n)
	a, b, c := r.slice(order, order, lda), r.slice(m, n, ldb), r.slice(m, n, ldc)
	diagonal(order, a, func(i int) int { return i*lda + i })
	return []drawn{
		v("Ssymm", c, func(f blas.Float32, c []float32) { f.Ssymm(side, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc) }),
		v("Strmm", c, func(f blas.Float32, c []float32) { f.Strmm(side, ul, tA, diag, m, n, alpha, a, lda, c, ldc) }),
		v("Strsm", c, func(f blas.Float32, c []float32) { f.Strsm(side, ul, tA, diag, m, n, alpha, a, lda, c, ldc) }),
	}[which-4]
}
