package gonum

import (
	"math/bits"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/blas"

	"github.com/simdrnn/simdrnn/kernels"
)

// Sgemm sets C = alpha op(A) op(B) + beta C, where op(X) is X, or with [blas.Trans]
// or [blas.ConjTrans] its transpose; op(A) is m x k, op(B) k x n. What is computed
// does not depend on the transpositions. From 512 multiply-adds on it is this, but for A Bᵀ with a C of
// less than 4 rows or columns or less than 128 elements, and for the others with k below 4, a C
// of less than 8 elements, or one of 1 or 2 rows with less than 16 elements or 1024 multiply-adds;
// all else is gonum's own:
//
//	P[i][j] = fma(a[i][k-1], b[k-1][j], ... fma(a[i][0], b[0][j], +0))
//	C = fl(alpha P)                    with beta = 0, whatever C holds
//	C = fma(alpha, P, fl(beta C))      else, with beta C = C for beta = 1
//
// With alpha = 0 or k = 0 neither A nor B is read, and with m = 0 or n = 0 nothing
// at all. C may not overlap A or B.
//
// Large products are cut into as many parts as GOMAXPROCS says, columns of C or else
// rows, each on a goroutine of its own. That does not change a bit.
func (f Float32) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	// Sizes before all else, since what follows takes as long as a tiny product does.
	if (m*n < cellsFrom || m*n*k < gemmFrom) && alpha != 0 || !gemm(true, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		f.implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// gemm is Sgemm on kernels, with gain only where they gain. If it returns false it has done
// nothing: then there is a mistake or nothing to multiply, and gonum knows what to say and do,
// or nothing to gain.
func gemm(gain bool, tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) bool {
	p := product{m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, b: b, ldb: ldb, beta: beta, c: c, ldc: ldc}
	var okA, okB bool
	p.transA, okA = transposed(tA)
	p.transB, okB = transposed(tB)
	rowsA, colsA, rowsB, colsB := m, k, k, n
	if p.transA {
		rowsA, colsA = k, m
	}
	if p.transB {
		rowsB, colsB = n, k
	}
	if !okA || !okB || !fits(rowsA, colsA, a, lda) || !fits(rowsB, colsB, b, ldb) || !fits(m, n, c, ldc) {
		return false
	}
	if alpha == 0 { // gonum would multiply A by it, and find NaN where A is not finite
		for i := range m {
			Float32{}.Sscal(n, beta, c[i*ldc:], 1)
		}
		return true
	}
	if gain && !gains(p.transA, p.transB, m, n, k) {
		return false
	}
	if p.transA && m == 1 { // a column, which is read along as a row is
		buf, row := gather(k, a, lda)
		defer release(buf)
		p.transA, p.a, p.lda = false, row, k
	}
	p.run()
	return true
}

// gemvs are gonum's own Sgemv and ours.
var gemvs = [2]func(_ implementation, tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int){
	implementation.Sgemv, sgemv,
}

// Sgemv sets y = alpha op(A) x + beta y, where A is m x n and op(A) is A, or with
// [blas.Trans] or [blas.ConjTrans] its transpose. From 1024 elements
// of A on the transpose with 16 rows and columns or more is [Float32.Sgemm] of the row x and
// A, which is read where it lies. Without a transposition each element is
//
//	fl(alpha d)                    with beta = 0, whatever y holds
//	fma(alpha, d, fl(beta y))      else, with beta y = y for beta = 1
//
// d being [kernels.Dot] of a row and x, from 2048 elements of A on, in 4 rows or more of 64
// elements or more, or in rows of 1024. y may not overlap A or x. All else, and all on the scalar
// tier, is gonum's own.
func (Float32) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	gemvs[uint(gemvFrom-1-m*n)>>(bits.UintSize-1)](implementation{}, tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

func sgemv(own implementation, tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !gemvGains(tA != blas.NoTrans, m, n) || !gemvAny(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) {
		own.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// gemvAny is Sgemv on kernels with any increments, by copies where they are not 1. It returns
// false as gemm does.
func gemvAny(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) bool {
	trans, ok := transposed(tA)
	rows, cols := m, n
	if trans {
		rows, cols = n, m
	}
	if !ok || alpha == 0 || !fits(m, n, a, lda) || !spaced(cols, x, incX) || !spaced(rows, y, incY) {
		return false
	}
	bufX, x := gather(cols, x, incX)
	defer release(bufX)
	bufY, out := gather(rows, y, incY)
	defer release(bufY)
	gemv(trans, m, n, alpha, a, lda, x, beta, out)
	scatter(y, incY, out)
	return true
}

// gemvGains says whether an A of enough elements has a shape that gains.
func gemvGains(trans bool, m, n int) bool {
	if trans {
		return m >= depthFrom && n >= vector && vectors()
	}
	return m*n >= rowsFrom && n >= shortFrom && (m >= fewFrom || n >= rowFrom) && vectors()
}

// dotRows is how many rows of A are multiplied by x at a time.
const dotRows = 64

// gemv is Sgemv on kernels, with increments of 1 and an alpha that is not 0.
func gemv(trans bool, m, n int, alpha float32, a []float32, lda int, x []float32, beta float32, y []float32) {
	if trans {
		p := product{m: 1, n: n, k: m, alpha: alpha, a: x, lda: m, b: a, ldb: lda, beta: beta, c: y, ldc: n}
		p.run()
		return
	}
	t, x := kernels.Current(), x[:n]
	for rows := 0; m > 0; m -= rows {
		var sums [dotRows]float32
		if rows = m; rows > dotRows {
			rows = min(dotRows, m-depthFrom) // few rows at the end would take as long as many
		}
		t.DotRows(sums[:rows], kernels.Mat{Data: a, Stride: lda}, x)
		finish(t, y[:rows], sums[:rows], alpha, beta)
		a, y = a[min(rows*lda, len(a)):], y[rows:]
	}
}

// vectors says whether the tier has vector instructions. Without, a fused multiply-add is some
// twenty instructions, and kernels that consist of them lose to gonum's own code.
func vectors() bool { return kernels.Current() != kernels.Scalar }

// gains says whether a product of enough multiply-adds has a shape that gains.
func gains(transA, transB bool, m, n, k int) bool {
	if !vectors() {
		return false
	}
	if !transA && transB {
		return min(m, n) >= thinFrom && m*n >= dotsFrom
	}
	return k >= stepsFrom && (m > fewRows || m*n >= fewCells && worth(m, n, k, fewGemmFrom))
}

// worth says whether there are at least that many multiply-adds.
func worth(m, n, k int, from uint64) bool {
	hi, fmas := bits.Mul64(uint64(m)*uint64(n), uint64(k))
	return hi != 0 || fmas >= from
}

// transposed says what a transposition is, and whether it is one.
func transposed(t blas.Transpose) (trans, ok bool) {
	return t != blas.NoTrans, t == blas.NoTrans || t == blas.Trans || t == blas.ConjTrans
}

// fits says whether a rows x cols matrix has elements, all of them in s. It does not
// overflow for any sizes.
func fits(rows, cols int, s []float32, ld int) bool {
	if rows < 1 || cols < 1 || ld < cols {
		return false
	}
	hi, need := bits.Mul64(uint64(rows-1), uint64(ld))
	return hi == 0 && need <= uint64(len(s)) && uint64(cols) <= uint64(len(s))-need
}

// scaled sets C = beta C.
func (p *product) scaled(t kernels.ISA) {
	if p.ldc == p.n {
		t.Scale(p.c[:p.m*p.n], p.c[:p.m*p.n], p.beta)
		return
	}
	for i := range p.m {
		row := p.c[i*p.ldc:][:p.n]
		t.Scale(row, row, p.beta)
	}
}

// finish sets c = alpha p + beta c, a row of C and of the product.
func finish(t kernels.ISA, c, p []float32, alpha, beta float32) {
	if beta == 0 {
		t.Scale(c, p, alpha)
		return
	}
	if beta != 1 {
		t.Scale(c, c, beta)
	}
	t.Axpy(c, p, alpha)
}

// product is a call of Sgemm, or a part of one.
type product struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	a, b, c        []float32
	lda, ldb, ldc  int
}

const (
	// panel is how many columns all tiers' panels of B divide: cuts elsewhere
	// would leave registers partly empty.
	panel = 64
	// vector is how many columns all tiers' registers divide.
	vector = 16
	// rowStrip and rowBlock are the columns and the elements of B that one row is
	// multiplied by at a time: the sums stay in the first-level cache, and so few rows of a
	// wide B are read at a time that memory delivers them as it does whole rows. A B of up
	// to held elements, 1 MiB, is in the second-level cache or might be.
	rowStrip, rowBlock, held = 1 << 12, 1 << 15, 1 << 18
	// added is up to how many steps chains are added to C by the tiles.
	added = 512
	// share is how many multiply-adds a goroutine is worth, some 100 microseconds of
	// one core. A quarter of that lost time where another core had to wake up.
	share = 1 << 22
	// most is the scratch of a part in float32, 4 MiB, if it can be done with that.
	most = 1 << 20
)

// workers returns how many goroutines a product is worth.
func workers(m, n, k int) int {
	hi, fmas := bits.Mul64(uint64(m)*uint64(n), uint64(k))
	if hi != 0 {
		return runtime.GOMAXPROCS(0)
	}
	return int(max(1, min(fmas/share, uint64(runtime.GOMAXPROCS(0)))))
}

// run computes the product, on several goroutines if it is large.
func (p *product) run() { p.split(workers(p.m, p.n, p.k)) }

// split computes the product on w goroutines, this one among them.
func (p *product) split(w int) {
	if w > 1 {
		p.parts(w)
		return
	}
	p.compute()
}

// parts is split for more than one. Columns make the better parts, since each then
// packs only its own of B. Goroutines keep the product alive, so it is a copy.
func (p product) parts(w int) {
	panels := (p.n + panel - 1) / panel
	part := func(i int) product {
		return p.cols(panels*i/w*panel, min(panels*(i+1)/w*panel, p.n))
	}
	if panels < w {
		w = min(w, p.m)
		part = func(i int) product { return p.rows(p.m*i/w, p.m*(i+1)/w) }
	}
	var wg sync.WaitGroup
	for i := range w - 1 {
		wg.Go(func() { q := part(i); q.compute() })
	}
	q := part(w - 1)
	q.compute()
	wg.Wait()
}

// cols is columns lo to hi of C.
func (p *product) cols(lo, hi int) product {
	q := *p
	q.n, q.c = hi-lo, p.c[lo:]
	if p.transB {
		q.b = p.b[lo*p.ldb:]
	} else {
		q.b = p.b[lo:]
	}
	return q
}

// rows is rows lo to hi of C.
func (p *product) rows(lo, hi int) product {
	q := *p
	q.m, q.c = hi-lo, p.c[lo*p.ldc:]
	if p.transA {
		q.a = p.a[lo:]
	} else {
		q.a = p.a[lo*p.lda:]
	}
	return q
}

// compute is the product on one goroutine, some columns at a time.
func (p *product) compute() {
	t := kernels.Current()
	if p.m == 1 && !p.transA && !p.transB && p.n >= vector {
		p.row(t)
		return
	}
	width := p.width()
	if width >= p.n {
		p.block(t)
		return
	}
	for lo := 0; lo < p.n; lo += width {
		q := p.cols(lo, min(lo+width, p.n))
		q.block(t)
	}
}

// row is the product for one row, by a B of at least one vector of columns, which is read where
// it lies. Where the columns do not fill vectors, the last ones are computed in a vector
// that begins left of them.
func (p *product) row(t kernels.ISA) {
	buf, sum := borrow(min(p.n, rowStrip) + vector)
	defer pool.Put(buf)
	for lo := 0; lo < p.n; lo += rowStrip {
		w := min(rowStrip, p.n-lo)
		whole := w &^ (vector - 1)
		edge := sum[whole:][:vector]
		steps, into := p.k, kernels.Set
		if steps > held/w {
			steps = max(vector, rowBlock/w)
		}
		for q := 0; q < p.k; q += steps {
			a, b, k := p.a[q:], p.b[q*p.ldb:], min(steps, p.k-q)
			if whole > 0 {
				t.Gemm(into, false, false, 1, whole, k, a, k, b[lo:], p.ldb, sum, whole, nil)
			}
			if whole < w {
				t.Gemm(into, false, false, 1, vector, k, a, k, b[lo+w-vector:], p.ldb, edge, vector, nil)
			}
			into = kernels.Continue
		}
		if whole < w {
			copy(edge, edge[vector-(w-whole):])
		}
		finish(t, p.c[lo:][:w], sum[:w], p.alpha, p.beta)
	}
}

// adds says whether the tiles add the product to C: with alpha = 1 that is what a fused
// multiply-add does.
func (p *product) adds() bool { return p.alpha == 1 && p.beta != 0 && p.k <= added }

// width is as many columns as bound the scratch, which holds panels of B and, unless
// beta is 0, the product before it is added to C.
func (p *product) width() int {
	rows := p.k
	if p.beta != 0 && !p.adds() {
		rows += p.m
	}
	return max(1, most/rows/panel) * panel
}

func (p *product) block(t kernels.ISA) {
	need := t.GemmWork(p.transA, p.transB, p.m, p.n, p.k)
	out, ld, into := p.c, p.ldc, kernels.Set
	size := 0
	switch {
	case p.adds():
		into = kernels.AddTo
		if p.beta != 1 {
			p.scaled(t)
		}
	case p.beta != 0:
		ld, size = p.n, p.m*p.n
	}
	buf, work := borrow(need + size)
	defer pool.Put(buf)
	if size > 0 {
		out = work[need:]
	}
	t.Gemm(into, p.transA, p.transB, p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, out, ld, work[:need])
	switch {
	case into == kernels.AddTo || p.alpha == 1 && p.beta == 0:
	case ld == p.n && p.ldc == p.n:
		finish(t, p.c[:p.m*p.n], out[:p.m*p.n], p.alpha, p.beta)
	default:
		for i := range p.m {
			finish(t, p.c[i*p.ldc:][:p.n], out[i*ld:][:p.n], p.alpha, p.beta)
		}
	}
}

// pool keeps scratch between calls.
var pool = sync.Pool{New: func() any { return new([]float32) }}

// borrow returns n elements of scratch with any values, and what is to be given back
// to the pool.
func borrow(n int) (*[]float32, []float32) {
	buf := pool.Get().(*[]float32)
	if cap(*buf) < n {
		*buf = make([]float32, n)
	}
	return buf, (*buf)[:n]
}
