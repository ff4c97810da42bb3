package kernels

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/simdrnn/simdrnn/internal/pages"
)

// Packed is a k x n matrix laid out for the register tiles of one tier: panels
// of a few vectors of columns, each panel contiguous over k. Multiplying by it
// needs no scratch and is fast from one row on. It may be used by many
// goroutines as long as none packs it anew.
//
// The columns may be several groups of equal width, such as the gates of a cell. Each
// group then begins a panel, so that workers can share the columns of every group (see
// [Packed.GemmPart]).
type Packed struct {
	isa    ISA
	k, n   int
	groups int
	cols   int       // of a group
	panels []float32 // of all groups, one after another
	size   int       // of a group's panels
}

// NewPacked returns room for a k x n matrix of zeros in the layout of tier t.
func (t ISA) NewPacked(k, n int) *Packed {
	return t.NewPackedGroups(k, 1, n)
}

// NewPacked is [ISA.NewPacked] on the current tier.
func NewPacked(k, n int) *Packed { return Current().NewPacked(k, n) }

// NewPackedGroups is NewPacked for a k x groups*cols matrix, the columns of which are
// that many groups of cols columns.
func (t ISA) NewPackedGroups(k, groups, cols int) *Packed {
	t.need()
	if k < 0 || groups < 1 || cols < 0 {
		panic(fmt.Sprintf("kernels: NewPackedGroups: k = %d, %d groups of %d columns, want sizes of 0 or more and at least 1 group", k, groups, cols))
	}
	size := panelsSize(&tilings[t], cols, k)
	for _, each := range []int{cols, size} {
		if hi, all := bits.Mul(uint(each), uint(groups)); hi != 0 || all > math.MaxInt/8 {
			panic(fmt.Sprintf("kernels: NewPackedGroups: %d groups of %d columns of %d rows are too large to pack", groups, cols, k))
		}
	}
	return &Packed{isa: t, k: k, n: groups * cols, groups: groups, cols: cols, panels: pages.Floats(groups * size), size: size}
}

// NewPackedGroups is [ISA.NewPackedGroups] on the current tier.
func NewPackedGroups(k, groups, cols int) *Packed { return Current().NewPackedGroups(k, groups, cols) }

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

// PackFlushPart does part w of n of [Packed.PackFlush]: some of the columns of each
// group, so that workers can share one matrix. The parts 0 to n-1 make the whole, in any
// order and at the same time; those beyond the columns' number are empty. It panics
// unless 0 <= w < n.
func (p *Packed) PackFlushPart(w, n int, trans bool, b []float32, ldb int) {
	checkPart("PackFlushPart", w, n)
	p.pack("PackFlushPart", w, n, trans, true, b, ldb)
}

func checkPart(op string, w, n int) {
	if w < 0 || w >= n {
		panic(fmt.Sprintf("kernels: %s: part %d of %d, want one from 0 to %d", op, w, n, n-1))
	}
}

func (p *Packed) pack(op string, w, n int, trans, flush bool, b []float32, ldb int) {
	if trans {
		checkMatrix(op, "B", p.n, p.k, len(b), ldb)
	} else {
		checkMatrix(op, "B", p.k, p.n, len(b), ldb)
	}
	all := tilings[p.isa].panels(p.cols)
	first, last := share(all, w, n), share(all, w+1, n)
	if p.k == 0 || first == last {
		return
	}
	next := p.cols // where the next group of B begins
	if trans {
		next *= ldb
	}
	for g := range p.groups {
		q := packing{isa: p.isa, trans: trans, flush: flush, n: p.cols, k: p.k, b: b[g*next:], ldb: ldb}
		q.panels(p.panels[g*p.size:][:p.size], first, last)
	}
}

// Columns returns the columns lo..hi-1 of each group that are part w of n: whole panels,
// but for the end of the last one. Matrices of one tier with groups of one width have the
// same parts.
func (p *Packed) Columns(w, n int) (lo, hi int) {
	return columns(p.isa, p.cols, w, n)
}

func columns(t ISA, cols, w, n int) (lo, hi int) {
	checkPart("Columns", w, n)
	if n == 1 {
		return 0, cols
	}
	s := &tilings[t]
	all := s.panels(cols)
	return min(cols, share(all, w, n)*s.nr()), min(cols, share(all, w+1, n)*s.nr())
}

// Parts returns the most parts of the columns that are not empty.
func (p *Packed) Parts() int { return tilings[p.isa].panels(p.cols) }

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

// Bytes returns the size of the memory that p holds.
func (p *Packed) Bytes() int { return 4 * cap(p.panels) }

// Gemm multiplies the m x k matrix A by the packed matrix: C[m][n] = A P, set or
// added to as into says. m may be anything from 0 on.
func (p *Packed) Gemm(into Into, m int, a []float32, lda int, c []float32, ldc int) {
	p.gemm("Packed.Gemm", into, m, a, lda, nil, c, ldc, 0, p.cols)
}

// GemmPart is Gemm for the [Packed.Columns] of part w of n: it touches these columns of C
// alone, in every group, and gives them the same bits.
func (p *Packed) GemmPart(w, n int, into Into, m int, a []float32, lda int, c []float32, ldc int) {
	lo, hi := p.Columns(w, n)
	p.gemm("Packed.GemmPart", into, m, a, lda, nil, c, ldc, lo, hi)
}

// GemmBias multiplies the m x k matrix A by the packed matrix, every chain of
// column j starting at bias[j]: C[m][n] = bias + A P. C is set.
func (p *Packed) GemmBias(m int, a []float32, lda int, bias []float32, c []float32, ldc int) {
	p.needBias("Packed.GemmBias", bias)
	p.gemm("Packed.GemmBias", Set, m, a, lda, bias, c, ldc, 0, p.cols)
}

// GemmBiasPart is to GemmBias what GemmPart is to Gemm. bias has all n elements.
func (p *Packed) GemmBiasPart(w, n, m int, a []float32, lda int, bias []float32, c []float32, ldc int) {
	lo, hi := p.Columns(w, n)
	p.needBias("Packed.GemmBiasPart", bias)
	p.gemm("Packed.GemmBiasPart", Set, m, a, lda, bias, c, ldc, lo, hi)
}

func (p *Packed) needBias(op string, bias []float32) {
	if len(bias) != p.n {
		panic(fmt.Sprintf("kernels: %s: bias has %d elements, want %d, the columns of the packed matrix", op, len(bias), p.n))
	}
}

// check panics unless A and C have the sizes of a product of m rows.
func (p *Packed) check(op string, m int, a []float32, lda int, c []float32, ldc int) {
	checkMatrix(op, "C", m, p.n, len(c), ldc)
	checkMatrix(op, "A", m, p.k, len(a), lda)
}

// gemm multiplies by columns lo..hi-1 of each group, whose chains start at bias unless
// that is nil.
func (p *Packed) gemm(op string, into Into, m int, a []float32, lda int, bias []float32, c []float32, ldc, lo, hi int) {
	p.check(op, m, a, lda, c, ldc)
	p.groupwise(into, m, a, lda, bias, c, ldc, lo, hi, nil)
}

// groupwise is gemm after its checks. With lay it makes no product, but puts the tiles of one
// that fitsOneTile there.
func (p *Packed) groupwise(into Into, m int, a []float32, lda int, bias []float32, c []float32, ldc, lo, hi int, lay *layout) {
	down := into&FromLast != 0
	into &^= FromLast
	into.flags()
	var q product // field by field, as in oneTile
	q.isa, q.into, q.k, q.b, q.ldc = p.isa, into, p.k, p.panels, ldc
	q.from, q.n, q.lay = lo, hi, lay
	for g := range p.groups {
		if q.down = down; down {
			g = p.groups - 1 - g
		}
		q.base = g * p.size
		if q.c = nil; m > 0 && p.cols > 0 {
			q.c = c[g*p.cols:]
		}
		if bias != nil {
			q.bias = bias[g*p.cols:]
		}
		q.rows(m, a, lda, 1, 0)
	}
}

// fitsOneTile says whether one tile has all of m rows, and all steps.
func (p *Packed) fitsOneTile(m int) bool {
	q := product{isa: p.isa, k: p.k}
	return q.fitsOneTile(m)
}
