package kernels

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels/ref"
)

// Into says what a product does with C. A chain is
// fma(a[k-1],b[k-1], ... fma(a[0],b[0], start)), one rounding a step.
type Into uint8

const (
	Set      Into = iota // C = the chain from +0
	Continue             // C = the chain that starts at C
	AddTo                // C = C + the chain from +0, one addition
	SetFlush             // Set, with +0 in place of results below 2^-100
)

// FromLast with one of the others (Continue|FromLast) takes the columns of a [Packed] matrix
// from the last to the first. The results are the same bits. Where the matrix is larger than
// a cache, a product that goes the other way than the one before finds in it what that
// one used last. [Packed.Gemm], [Packed.GemmPart] and [Bound.Gemm] take it, other products
// refuse it.
const FromLast Into = 1 << 7

func (i Into) flags() int {
	switch i {
	case Set, Continue:
		return 0
	case AddTo:
		return ref.TileAdd
	case SetFlush:
		return ref.TileFlush
	}
	panic(fmt.Sprintf("kernels: Into(%d), want Set, Continue, AddTo or SetFlush, for Packed with FromLast or without", uint8(i)))
}

// Gemm multiplies row-major matrices: C[m][n] = op(A)[m][k] op(B)[k][n], where
// op(A) is A, or with transA the transpose of a k x m matrix A, and likewise
// op(B). into says whether C is set or added to. lda, ldb and ldc are the
// distances between the rows of A, B and C as they are stored.
//
// work is scratch of at least [ISA.GemmWork] elements; nil allocates it. With
// k = 0 the chain is its start: Set and SetFlush store +0.
//
// B is packed into panels first, except where that would cost more than it
// saves: for as few rows as one tile has (6, 12 on AVX-512, 8 on the scalar tier) an untransposed B is
// read in place. Multiplying by the same B again and again is what [Packed] is for, and
// the only way for few rows and a transposed B to be fast.
func (t ISA) Gemm(into Into, transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, work []float32) {
	t.need()
	checkMatrix("Gemm", "C", m, n, len(c), ldc)
	if transA {
		checkMatrix("Gemm", "A", k, m, len(a), lda)
	} else {
		checkMatrix("Gemm", "A", m, k, len(a), lda)
	}
	if transB {
		checkMatrix("Gemm", "B", n, k, len(b), ldb)
	} else {
		checkMatrix("Gemm", "B", k, n, len(b), ldb)
	}
	into.flags()
	work = scratch("Gemm", work, t.GemmWork(transA, transB, m, n, k))
	if m == 0 || n == 0 {
		return
	}
	s := &tilings[t]
	p := product{isa: t, into: into, n: n, k: k, c: c, ldc: ldc}
	if t.inPlace(transB, m) {
		p.b, p.ldb = b, ldb
		if tail := n % s.Lanes; tail != 0 && k != 0 { // the last columns do not fill a vector: a narrow panel of their own
			p.edge, work = work[:k*s.Lanes], work[k*s.Lanes:]
			for q := range k {
				spread(p.edge[q*s.Lanes:], s.Lanes, 0, b[q*ldb+n-tail:][:tail], false)
			}
		}
	} else {
		size := panelsSize(s, n, k)
		p.b, work = work[:size], work[size:]
		pack := packing{isa: t, trans: transB, n: n, k: k, b: b, ldb: ldb}
		pack.panels(p.b, 0, s.panels(n))
	}
	if !transA {
		p.rows(m, a, lda, 1, 0)
		return
	}
	if p.ldb == 0 && t != Scalar && k > 0 {
		p.turned(m, a, lda, work)
		return
	}
	for i := 0; i < m; i += s.mc {
		w := min(s.mc, m-i)
		for q := range k {
			copy(work[q*w:][:w], a[q*lda+i:])
		}
		p.rows(w, work, 1, w, i)
	}
}

// turned multiplies by the transpose of A, whose columns are copied to panels as high as
// tiles are, a block of them at a time, as in weight gradients. p has B in panels. Where
// chains can go on from C there are no more than turnedSteps at a time, so that blocks are
// higher and B is read less often.
func (p *product) turned(m int, a []float32, lda int, work []float32) {
	steps := p.k
	if p.into == Set || p.into == Continue {
		steps = min(steps, turnedSteps)
	}
	nr, one := tilings[p.isa].nr(), *p
	for from := 0; from < p.k; from += steps {
		one.k = min(steps, p.k-from)
		for block, i := 0, 0; i < m; block++ {
			w := p.isa.blockEnd(block, m, steps) - i
			f := p.isa.factorPanels(one.k, w, m-i)
			for q := 0; q < one.k; q += f.most {
				f.pack(work, q, a[i:], (from+q)*lda, lda, min(f.most, one.k-q))
			}
			one.pa = f.apart
			panel := func(j int) []float32 { return p.b[j*p.k+from*nr:][:one.k*nr] }
			for j := 0; j < p.n; j += nr {
				one.n, one.b, one.c, one.next = min(nr, p.n-j), panel(j), p.c[j:], panel(0)
				if j+nr < p.n {
					one.next = panel(j + nr)
				}
				one.rows(w, work, 1, f.high, i)
			}
			i += w
		}
		one.into = Continue
	}
}

const turnedSteps = 1024

// Gemm is [ISA.Gemm] on the current tier.
func Gemm(into Into, transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, work []float32) {
	Current().Gemm(into, transA, transB, m, n, k, a, lda, b, ldb, c, ldc, work)
}

// GemmWork returns how many elements of scratch [ISA.Gemm] needs.
func (t ISA) GemmWork(transA, transB bool, m, n, k int) int {
	t.need()
	s := &tilings[t]
	size := 0
	if t.inPlace(transB, m) {
		if n%s.Lanes != 0 {
			size = k * s.Lanes
		}
	} else {
		size = panelsSize(s, n, k)
	}
	switch {
	case transA && (t == Scalar || t.inPlace(transB, m)):
		size += k * min(m, s.mc)
	case transA:
		size += t.GemmRowsWork(m, k)
	}
	return size
}

// GemmWork is [ISA.GemmWork] on the current tier.
func GemmWork(transA, transB bool, m, n, k int) int {
	return Current().GemmWork(transA, transB, m, n, k)
}

// inPlace says whether an unpacked B is read as it lies: so few rows read it once
// or twice, and packing it would cost more than they take.
func (t ISA) inPlace(transB bool, m int) bool { return !transB && m <= tilings[t].Rows }
