package gonum

import (
	"math/bits"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

// stored is a symmetric or triangular matrix of which the rows of one triangle are stored.
type stored struct {
	form  form
	upper bool
	n, k  int // the order, and the diagonals beside the main one of a band
	ld    int
	a     []float32
}

// A form is how the rows of a triangle lie in memory.
type form uint8

const (
	full   form = iota // as those of a square matrix, ld apart
	packed             // one after another
	banded             // k+1 elements of each, ld apart
)

// valid says whether the matrix has elements, all of them in a.
func (s *stored) valid(ul blas.Uplo) bool {
	s.upper = ul == blas.Upper
	if !triangular(ul) || s.n < 1 || s.k < 0 {
		return false
	}
	switch s.form {
	case full:
		return fits(s.n, s.n, s.a, s.ld)
	case banded:
		return fits(s.n, s.k+1, s.a, s.ld)
	}
	hi, twice := bits.Mul64(uint64(s.n), uint64(s.n)+1)
	return hi == 0 && twice/2 <= uint64(len(s.a))
}

// row returns what is stored of row i: the elements beside the diagonal, the column that they
// begin with, and the one on the diagonal.
func (s *stored) row(i int) (col int, beside []float32, diagonal *float32) {
	first, length := i*s.ld, i+1
	if s.upper {
		length = s.n - i
	}
	switch {
	case s.form == packed && s.upper:
		first = i*s.n - i*(i-1)/2
	case s.form == packed:
		first = i * (i + 1) / 2
	case s.form == full && s.upper:
		first += i
	case s.form == banded:
		length = min(length, s.k+1)
		if !s.upper {
			first += s.k + 1 - length
		}
	}
	v := s.a[first:][:length]
	if s.upper {
		return i + 1, v[1:], &v[0]
	}
	return i + 1 - length, v[:length-1], &v[length-1]
}

// square is how many rows and columns on the diagonal are taken row by row. What the rows of a
// full matrix have beside these is taken as a matrix.
const square = 64

// blocks calls do for the squares on the diagonal and for what is stored beside each, in the
// order of the rows or, with down, from the last one on. rest is a matrix with the rows lo to hi
// and the columns from to to, rows ld apart; it may be empty. Packed and banded rows are one
// square.
func (s *stored) blocks(down bool, do func(on *stored, lo, hi int, rest []float32, from, to int)) {
	size := square
	if s.form != full {
		size = s.n
	}
	last := (s.n - 1) / size
	for b := range last + 1 {
		if down {
			b = last - b
		}
		lo, hi := b*size, min((b+1)*size, s.n)
		on := *s
		if s.form == full {
			on.n, on.a = hi-lo, s.a[lo*s.ld+lo:]
		}
		from, to := 0, lo
		if s.upper {
			from, to = hi, s.n
		}
		var rest []float32
		if from < to {
			rest = s.a[lo*s.ld+from:]
		}
		do(&on, lo, hi, rest, from, to)
	}
}

// symv sets y = alpha A x + beta y for a symmetric A. If it returns false it has done nothing:
// there is a mistake, or nothing to multiply.
func symv(ul blas.Uplo, s stored, alpha float32, x []float32, incX int, beta float32, y []float32, incY int) bool {
	if !s.valid(ul) || alpha == 0 || !spaced(s.n, x, incX) || !spaced(s.n, y, incY) {
		return false
	}
	bufX, x := gather(s.n, x, incX)
	defer release(bufX)
	bufY, out := gather(s.n, y, incY)
	defer release(bufY)
	if beta != 1 {
		Float32{}.Sscal(s.n, beta, out, 1)
	}
	t := kernels.Current()
	s.blocks(false, func(on *stored, lo, hi int, rest []float32, from, to int) {
		on.symv(t, alpha, x[lo:hi], out[lo:hi])
		if from < to {
			gemv(false, hi-lo, to-from, alpha, rest, s.ld, x[from:to], 1, out[lo:hi])
			gemv(true, hi-lo, to-from, alpha, rest, s.ld, x[lo:hi], 1, out[from:to])
		}
	})
	scatter(y, incY, out)
	return true
}

// symv adds alpha A x to y, row by row.
func (s *stored) symv(t kernels.ISA, alpha float32, x, y []float32) {
	for i := range s.n {
		col, row, d := s.row(i)
		sum := kernels.FMA(*d, x[i], t.Dot(row, x[col:][:len(row)]))
		y[i] = kernels.FMA(alpha, sum, y[i])
		t.Axpy(y[col:][:len(row)], row, alpha*x[i])
	}
}

// trmv sets x = op(A) x for a triangular A. It returns false as symv does.
func trmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, s stored, x []float32, incX int) bool {
	trans, ok := transposed(tA)
	if !ok || d != blas.Unit && d != blas.NonUnit || !s.valid(ul) || !spaced(s.n, x, incX) {
		return false
	}
	buf, v := gather(s.n, x, incX)
	defer release(buf)
	t, down := kernels.Current(), s.upper == trans // so that what is overwritten is not needed any more
	s.blocks(down, func(on *stored, lo, hi int, rest []float32, from, to int) {
		if trans && from < to {
			gemv(true, hi-lo, to-from, 1, rest, s.ld, v[lo:hi], 1, v[from:to])
		}
		on.trmv(t, trans, down, d, v[lo:hi])
		if !trans && from < to {
			gemv(false, hi-lo, to-from, 1, rest, s.ld, v[from:to], 1, v[lo:hi])
		}
	})
	scatter(x, incX, v)
	return true
}

// trmv sets v = op(A) v, row by row.
func (s *stored) trmv(t kernels.ISA, trans, down bool, d blas.Diag, v []float32) {
	for i := range s.n {
		if down {
			i = s.n - 1 - i
		}
		col, row, by := s.divisor(i, d)
		if others := v[col:][:len(row)]; trans {
			t.Axpy(others, row, v[i])
			v[i] *= by
		} else {
			v[i] = kernels.FMA(by, v[i], t.Dot(row, others))
		}
	}
}

// trsv sets x to the solution of op(A) x = b, which x holds, for a triangular A. It returns false
// as symv does.
func trsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, s stored, x []float32, incX int) bool {
	trans, ok := transposed(tA)
	if !ok || d != blas.Unit && d != blas.NonUnit || !s.valid(ul) || !spaced(s.n, x, incX) {
		return false
	}
	buf, v := gather(s.n, x, incX)
	defer release(buf)
	t, down := kernels.Current(), s.upper != trans // so that what is needed is solved
	s.blocks(down, func(on *stored, lo, hi int, rest []float32, from, to int) {
		if !trans && from < to {
			gemv(false, hi-lo, to-from, -1, rest, s.ld, v[from:to], 1, v[lo:hi])
		}
		on.trsv(t, trans, down, d, v[lo:hi])
		if trans && from < to {
			gemv(true, hi-lo, to-from, -1, rest, s.ld, v[lo:hi], 1, v[from:to])
		}
	})
	scatter(x, incX, v)
	return true
}

// trsv solves op(A) x = v and sets v to x, row by row.
func (s *stored) trsv(t kernels.ISA, trans, down bool, d blas.Diag, v []float32) {
	for i := range s.n {
		if down {
			i = s.n - 1 - i
		}
		col, row, by := s.divisor(i, d)
		if others := v[col:][:len(row)]; trans {
			v[i] /= by
			t.Axpy(others, row, -v[i])
		} else {
			v[i] = (v[i] - t.Dot(row, others)) / by
		}
	}
}

// divisor is row with the number that the diagonal counts as.
func (s *stored) divisor(i int, d blas.Diag) (col int, beside []float32, by float32) {
	col, beside, diagonal := s.row(i)
	if d == blas.Unit {
		return col, beside, 1
	}
	return col, beside, *diagonal
}

// syr adds alpha x xᵀ to the triangle: row[j] = fma(fl(alpha x[i]), x[j], row[j]). It returns false
// as symv does.
func syr(ul blas.Uplo, s stored, alpha float32, x []float32, incX int) bool {
	if !s.valid(ul) || alpha == 0 || !spaced(s.n, x, incX) {
		return false
	}
	t := kernels.Current()
	buf, x := gather(s.n, x, incX)
	defer release(buf)
	for i := range s.n {
		s.add(t, i, alpha*x[i], x)
	}
	return true
}

// syr2 adds alpha x yᵀ + alpha y xᵀ to the triangle: as syr does with y[j] in place of x[j], and
// then with alpha y[i] in place of alpha x[i]. It returns false as symv does.
func syr2(ul blas.Uplo, s stored, alpha float32, x []float32, incX int, y []float32, incY int) bool {
	if !s.valid(ul) || alpha == 0 || !spaced(s.n, x, incX) || !spaced(s.n, y, incY) {
		return false
	}
	t := kernels.Current()
	bufX, x := gather(s.n, x, incX)
	defer release(bufX)
	bufY, y := gather(s.n, y, incY)
	defer release(bufY)
	for i := range s.n {
		s.add(t, i, alpha*x[i], y)
		s.add(t, i, alpha*y[i], x)
	}
	return true
}

// add adds by*x to row i.
func (s *stored) add(t kernels.ISA, i int, by float32, x []float32) {
	col, row, d := s.row(i)
	*d = kernels.FMA(by, x[i], *d)
	t.Axpy(row, x[col:][:len(row)], by)
}

// ger adds alpha x yᵀ to A: a[i][j] = fma(fl(alpha x[i]), y[j], a[i][j]). It returns false as symv
// does.
func ger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) bool {
	if !fits(m, n, a, lda) || alpha == 0 || !spaced(m, x, incX) || !spaced(n, y, incY) {
		return false
	}
	t := kernels.Current()
	buf, v := gather(n, y, incY)
	defer release(buf)
	at := first(m, incX)
	for i := range m {
		t.Axpy(a[i*lda:][:n], v, alpha*x[at])
		at += incX
	}
	return true
}

// gbmv sets y = alpha op(A) x + beta y for an A of which kL diagonals below the main one and kU
// above it are stored. Without a transposition y[i] is fma(alpha, dot(row, x), fl(beta y[i])); with
// one, y[j] = fma(fl(alpha x[i]), row[j], y[j]), i ascending, after y = fl(beta y). It returns
// false as symv does.
func gbmv(tA blas.Transpose, m, n, kL, kU int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) bool {
	trans, ok := transposed(tA)
	lenX, lenY := n, m
	if trans {
		lenX, lenY = m, n
	}
	if !ok || m < 1 || n < 1 || kL < 0 || kU < 0 || alpha == 0 || !spaced(lenX, x, incX) || !spaced(lenY, y, incY) {
		return false
	}
	rows := min(m, n+kL) // of those below nothing is stored
	if !fits(rows, kL+kU+1, a, lda) {
		return false
	}
	t := kernels.Current()
	bufX, x := gather(lenX, x, incX)
	defer release(bufX)
	bufY, to := gather(lenY, y, incY)
	defer release(bufY)
	if beta != 1 {
		Float32{}.Sscal(lenY, beta, to, 1)
	}
	for i := range rows {
		col := max(0, i-kL)
		row := a[i*lda+col+kL-i:][:min(n, i+kU+1)-col]
		if trans {
			t.Axpy(to[col:][:len(row)], row, alpha*x[i])
		} else {
			to[i] = kernels.FMA(alpha, t.Dot(row, x[col:][:len(row)]), to[i])
		}
	}
	scatter(y, incY, to)
	return true
}
