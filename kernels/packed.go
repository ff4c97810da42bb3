package kernels

import (
	"fmt"
	"math/bits"
)

// Packed is a k x n matrix laid out for the register tiles of one tier: panels
// of a few vectors of columns, each panel contiguous over k. Multiplying by it
// needs no scratch and is fast from one row on. It may be used by many
// goroutines as long as none packs it anew.
type Packed struct {
	isa    ISA
	k, n   int
	panels []float32
}

// NewPacked returns room for a k x n matrix of zeros in the layout of tier t.
func (t ISA) NewPacked(k, n int) *Packed {
	t.need()
	if k < 0 || n < 0 {
		panic(fmt.Sprintf("kernels: NewPacked: %d x %d, want sizes of 0 or more", k, n))
	}
	return &Packed{isa: t, k: k, n: n, panels: aligned(panelsSize(&tilings[t], n, k))}
}

// NewPacked is [ISA.NewPacked] on the current tier.
func NewPacked(k, n int) *Packed { return Current().NewPacked(k, n) }

// Pack returns the k x n matrix B in the layout of tier t: NewPacked, then
// [Packed.Pack].
func (t ISA) Pack(trans bool, k, n int, b []float32, ldb int) *Packed {
	p := t.NewPacked(k, n)
	p.Pack(trans, b, ldb)
	return p
}

// Pack is [ISA.Pack] on the current tier.
func Pack(trans bool, k, n int, b []float32, ldb int) *Packed {
	return Current().Pack(trans, k, n, b, ldb)
}

// Pack replaces the contents by B, stored [k][n] with rows ldb apart, or with
// trans [n][k], as weight matrices are (y = x W^T). It allocates nothing.
func (p *Packed) Pack(trans bool, b []float32, ldb int) {
	p.pack("Pack", 0, 1, trans, false, b, ldb)
}

// PackFlush is [Packed.Pack] with +0 in place of elements below 2^-100: rule 8 of
// the numerics contract for weights, so that no denormal number reaches a product
// by them.
func (p *Packed) PackFlush(trans bool, b []float32, ldb int) {
	p.pack("PackFlush", 0, 1, trans, true, b, ldb)
}

// PackFlushPart does part w of n of [Packed.PackFlush]: some of the columns, so that
// workers can share one matrix. The parts 0 to n-1 make the whole, in any order and
// at the same time; those beyond the columns' number are empty. It panics unless
// 0 <= w < n.
func (p *Packed) PackFlushPart(w, n int, trans bool, b []float32, ldb int) {
	if w < 0 || w >= n {
		panic(fmt.Sprintf("kernels: PackFlushPart: part %d of %d, want one from 0 to %d", w, n, n-1))
	}
	p.pack("PackFlushPart", w, n, trans, true, b, ldb)
}

func (p *Packed) pack(op string, w, n int, trans, flush bool, b []float32, ldb int) {
	if trans {
		checkMatrix(op, "B", p.n, p.k, len(b), ldb)
	} else {
		checkMatrix(op, "B", p.k, p.n, len(b), ldb)
	}
	q := packing{isa: p.isa, trans: trans, flush: flush, n: p.n, k: p.k, b: b, ldb: ldb}
	all := tilings[p.isa].panels(p.n)
	q.panels(p.panels, share(all, w, n), share(all, w+1, n))
}

// share is where part w of n of that many things begins.
func share(things, w, n int) int {
	hi, lo := bits.Mul(uint(things), uint(w))
	begin, _ := bits.Div(hi, lo, uint(n))
	return int(begin)
}

// ISA returns the tier whose layout p has and whose kernels multiply by it.
func (p *Packed) ISA() ISA { return p.isa }

// Rows returns k, the rows of the packed matrix.
func (p *Packed) Rows() int { return p.k }

// Cols returns n, the columns of the packed matrix.
func (p *Packed) Cols() int { return p.n }

// Gemm multiplies the m x k matrix A by the packed matrix: C[m][n] = A P, set or
// added to as into says. m may be anything from 0 on.
func (p *Packed) Gemm(into Into, m int, a []float32, lda int, c []float32, ldc int) {
	checkMatrix("Packed.Gemm", "C", m, p.n, len(c), ldc)
	checkMatrix("Packed.Gemm", "A", m, p.k, len(a), lda)
	into.flags()
	q := product{isa: p.isa, into: into, n: p.n, k: p.k, b: p.panels, c: c, ldc: ldc}
	q.rows(m, a, lda, 1, 0)
}

// GemmBias multiplies the m x k matrix A by the packed matrix, every chain of
// column j starting at bias[j]: C[m][n] = bias + A P. C is set.
func (p *Packed) GemmBias(m int, a []float32, lda int, bias []float32, c []float32, ldc int) {
	checkMatrix("Packed.GemmBias", "C", m, p.n, len(c), ldc)
	checkMatrix("Packed.GemmBias", "A", m, p.k, len(a), lda)
	if len(bias) != p.n {
		panic(fmt.Sprintf("kernels: Packed.GemmBias: bias has %d elements, want %d, the columns of the packed matrix", len(bias), p.n))
	}
	q := product{isa: p.isa, into: Set, n: p.n, k: p.k, b: p.panels, bias: bias, c: c, ldc: ldc}
	q.rows(m, a, lda, 1, 0)
}
