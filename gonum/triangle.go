package gonum

import (
	"sync"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

// Strmm sets B = alpha op(A) B, or B = alpha B op(A) with A on the right, where A is
// triangular and op(A) is A, or with [blas.Trans] or [blas.ConjTrans] its transpose. B
// is m x n. With an A of order 32 or more left of 8 columns or more, or right of 32 rows or
// more, each element is one chain of fused multiply-adds over those elements of op(A) that
// the triangle has, in ascending order, a diagonal of 1 among them, which alpha multiplies at
// the end. All else is gonum's own. B may not overlap A.
func (f Float32) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	if min(m, n) >= leftFrom && vectors() { // before all else, since the rest takes as long as a tiny triangle does
		if q, ok := newTriangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb); ok && q.gains() {
			q.solves = false
			q.run()
			return
		}
	}
	f.implementation.Strmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Strsm sets B to the X of op(A) X = alpha B, or of X op(A) = alpha B with A on the
// right, where A is triangular and op(A) is A, or with [blas.Trans] or [blas.ConjTrans]
// its transpose. B is m x n. For the sizes that Strmm has, each element is
//
//	fl(fl(fl(alpha b) - P) / d)
//
// d being the element on the diagonal, by which nothing is divided where it counts as 1. P
// is a chain of fused multiply-adds over the elements of op(A) that X is known for: first
// those outside of the square of 6 x 6 on the diagonal that the element belongs to, then
// those inside, each in ascending order. All else is gonum's own. B may not overlap A.
func (f Float32) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	if min(m, n) >= leftFrom && vectors() { // before all else, since the rest takes as long as a tiny triangle does
		if q, ok := newTriangle(s, ul, tA, d, m, n, alpha, a, lda, b, ldb); ok && q.gains() {
			q.solves = true
			q.run()
			return
		}
	}
	f.implementation.Strsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// triangle is a triangular matrix T left of B, and B with it: the columns of B are
// independent. With A on the right both are transposed.
type triangle struct {
	solves                    bool // Strsm
	lower, trans, unit, right bool // T is lower; it is the transpose of a; B is that of b
	order, cols               int  // T is order x order, B order x cols
	alpha                     float32
	a, b                      []float32
	lda, ldb                  int
}

const (
	// block is how many rows of B are computed at a time. So many rows are multiplied by
	// a B that is read where it lies, on all tiers.
	block = 6
	// broad is how many columns of B are copied at a time, at most.
	broad = 256
)

// newTriangle returns the operands of Strmm and Strsm, and whether they are valid, not empty
// and alpha is not 0.
func newTriangle(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) (triangle, bool) {
	trans, ok := transposed(tA)
	q := triangle{
		lower: (ul == blas.Lower) != trans, trans: trans, unit: d == blas.Unit, right: s == blas.Right,
		order: m, cols: n, alpha: alpha, a: a, b: b, lda: lda, ldb: ldb,
	}
	if q.right {
		q.order, q.cols, q.trans, q.lower = n, m, !q.trans, !q.lower
	}
	return q, ok && (s == blas.Left || s == blas.Right) && triangular(ul) && (d == blas.Unit || d == blas.NonUnit) &&
		alpha != 0 && fits(q.order, q.order, a, lda) && fits(m, n, b, ldb)
}

// gains says whether the triangle is worth our kernels. With A on the right gonum adds up along
// the rows of both, and the kernels need copies with rows and columns exchanged.
func (q *triangle) gains() bool {
	if q.right {
		return q.order >= triangleFrom && q.cols >= rightFrom
	}
	return q.order >= triangleFrom && q.cols >= leftFrom
}

// run cuts B into columns, on several goroutines if there is much to do.
func (q *triangle) run() {
	w := min(workers(q.order, q.order, (q.cols+1)/2), (q.cols+vector-1)/vector)
	if w > 1 {
		q.parts(w)
		return
	}
	q.columns(kernels.Current(), 0, q.cols)
}

// parts is run for more than one. Goroutines keep the triangle alive, so it is a copy.
func (q triangle) parts(w int) {
	t, vectors := kernels.Current(), (q.cols+vector-1)/vector
	var wg sync.WaitGroup
	for i := range w {
		lo, hi := vectors*i/w*vector, min(vectors*(i+1)/w*vector, q.cols)
		wg.Go(func() { q.columns(t, lo, hi) })
	}
	wg.Wait()
}

// columns does columns lo to hi, as many at a time as bound the scratch.
func (q *triangle) columns(t kernels.ISA, lo, hi int) {
	width := max(1, min(broad, most/q.order)/vector) * vector
	for ; lo < hi; lo += width {
		if q.solves {
			q.solve(t, lo, min(lo+width, hi))
		} else {
			q.multiply(t, lo, min(lo+width, hi))
		}
	}
}

// multiply is Strmm for columns lo to hi. The copy of B stays, so that rows of B can be
// written as they come.
func (q *triangle) multiply(t kernels.ISA, lo, hi int) {
	buf, w := q.borrow(lo, hi)
	defer pool.Put(buf)
	q.fetch(t, &w, lo, hi, 1)
	for i := 0; i < q.order; i += block {
		rows := min(block, q.order-i)
		into := kernels.Set
		q.diagonal(&w, i, rows)
		if q.lower {
			into = q.beside(t, &w, i, rows, into)
		}
		for r := range rows {
			from, to := i, i+r+1
			if !q.lower {
				from, to = i+r, i+rows
			}
			q.chain(t, &w, r, i, from, to, into)
		}
		if !q.lower {
			q.beside(t, &w, i, rows, kernels.Continue)
		}
		q.store(t, &w, w.sum, i, rows, lo, hi, q.alpha)
	}
}

// solve is Strsm for columns lo to hi. Rows of the copy of B become rows of X.
func (q *triangle) solve(t kernels.ISA, lo, hi int) {
	buf, w := q.borrow(lo, hi)
	defer pool.Put(buf)
	q.fetch(t, &w, lo, hi, q.alpha)
	last := (q.order - 1) / block
	for n := range last + 1 {
		i := n * block
		if !q.lower { // what a row needs is solved before it
			i = (last - n) * block
		}
		rows := min(block, q.order-i)
		into := q.beside(t, &w, i, rows, kernels.Set)
		q.diagonal(&w, i, rows)
		for n := range rows {
			r, from, to := n, i, i+n
			if !q.lower {
				r = rows - 1 - n
				from, to = i+r+1, i+rows
			}
			q.chain(t, &w, r, i, from, to, into)
			x := w.row(i + r)
			if from < to || into == kernels.Continue {
				t.Axpy(x, w.sum[r*w.width:][:w.width], -1)
			}
			if !q.unit {
				t.Div(x, x, w.tri[r*block+r])
			}
		}
		q.store(t, &w, w.b[i*w.width:], i, rows, lo, hi, 1)
	}
}

// scratch is what a part works on: columns of B, filled up with zeros to whole vectors, the sums
// of some rows, and the triangle on the diagonal of T that belongs to these.
type scratch struct {
	width        int
	b, sum, work []float32
	tri          [block * block]float32
}

func (w *scratch) row(i int) []float32 { return w.b[i*w.width:][:w.width] }

func (q *triangle) borrow(lo, hi int) (*[]float32, scratch) {
	width := (hi - lo + vector - 1) / vector * vector
	need := kernels.GemmWork(true, false, block, width, q.order)
	buf, all := borrow((q.order+block)*width + need)
	return buf, scratch{width: width, b: all[:q.order*width], sum: all[q.order*width:][:block*width], work: all[(q.order+block)*width:]}
}

// fetch copies columns lo to hi of B, times alpha.
func (q *triangle) fetch(t kernels.ISA, w *scratch, lo, hi int, alpha float32) {
	cols := hi - lo
	if q.right {
		for c := range cols {
			for i, v := range q.b[(lo+c)*q.ldb:][:q.order] {
				w.b[i*w.width+c] = v
			}
		}
	}
	for i := range q.order {
		row := w.row(i)
		if !q.right {
			copy(row, q.b[i*q.ldb+lo:][:cols])
		}
		clear(row[cols:])
		if alpha != 1 {
			t.Scale(row, row, alpha)
		}
	}
}

// store sets rows of columns lo to hi of B to those of x, times alpha.
func (q *triangle) store(t kernels.ISA, w *scratch, x []float32, i, rows, lo, hi int, alpha float32) {
	if q.right {
		if alpha != 1 {
			t.Scale(x[:rows*w.width], x[:rows*w.width], alpha)
		}
		for c := range hi - lo {
			for r := range rows {
				q.b[(lo+c)*q.ldb+i+r] = x[r*w.width+c]
			}
		}
		return
	}
	for r := range rows {
		to, from := q.b[(i+r)*q.ldb+lo:][:hi-lo], x[r*w.width:][:hi-lo]
		if alpha == 1 {
			copy(to, from)
		} else {
			t.Scale(to, from, alpha)
		}
	}
}

// diagonal copies the triangle on the diagonal that begins at i, with a diagonal of 1 where
// that is not stored.
func (q *triangle) diagonal(w *scratch, i, rows int) {
	for r := range rows {
		from, to := 0, r+1
		if !q.lower {
			from, to = r, rows
		}
		for c := from; c < to; c++ {
			switch {
			case r == c && q.unit:
				w.tri[r*block+c] = 1
			case q.trans:
				w.tri[r*block+c] = q.a[(i+c)*q.lda+i+r]
			default:
				w.tri[r*block+c] = q.a[(i+r)*q.lda+i+c]
			}
		}
	}
}

// beside sets the sums to the chains over what T has beside the triangle at i, or goes on
// with them, and returns how they go on: as before if there is nothing.
func (q *triangle) beside(t kernels.ISA, w *scratch, i, rows int, into kernels.Into) kernels.Into {
	from, to := 0, i
	if !q.lower {
		from, to = i+rows, q.order
	}
	if from == to {
		return into
	}
	row, col := i, from
	if q.trans {
		row, col = col, row
	}
	t.Gemm(into, q.trans, false, rows, w.width, to-from, q.a[row*q.lda+col:], q.lda, w.b[from*w.width:], w.width, w.sum, w.width, w.work)
	return kernels.Continue
}

// chain is beside for row r of the triangle at i and its columns from to to.
func (q *triangle) chain(t kernels.ISA, w *scratch, r, i, from, to int, into kernels.Into) {
	if from == to {
		return
	}
	t.Gemm(into, false, false, 1, w.width, to-from, w.tri[r*block+from-i:], to-from, w.b[from*w.width:], w.width, w.sum[r*w.width:], w.width, nil)
}
