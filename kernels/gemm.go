package kernels

import (
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
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

func (i Into) flags() int {
	switch i {
	case Set, Continue:
		return 0
	case AddTo:
		return ref.TileAdd
	case SetFlush:
		return ref.TileFlush
	}
	panic(fmt.Sprintf("kernels: Into(%d), want Set, Continue, AddTo or SetFlush", uint8(i)))
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
// saves: for up to 4 rows (6 on AVX-512 and NEON) an untransposed B is read in
// place. Multiplying by the same B again and again is
// what [Packed] is for, and the only way for few rows and a transposed B to be
// fast.
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
				packRow(p.edge, s.Lanes, k, q, b[q*ldb+n-tail:][:tail])
			}
		}
	} else {
		size := panelsSize(s, n, k)
		p.b, work = work[:size], work[size:]
		packPanels(s, p.b, transB, n, k, b, ldb)
	}
	if !transA {
		p.rows(m, a, lda, 1, 0)
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
	if transA {
		size += k * min(m, s.mc)
	}
	return size
}

// inPlace says whether an unpacked B is read as it lies: so few rows read it once
// or twice, and packing it would cost more than they take.
func (t ISA) inPlace(transB bool, m int) bool { return !transB && m <= max(4, tilings[t].Rows) }

// GemmRows multiplies matrices whose common dimension is a list of rows:
//
//	C[i][j] = chain over q = 0..len(arows)-1 of a[arows[q]*lda+i] * b[brows[q]*ldb+j]
//
// the product of the transpose of the rows arows of A with the rows brows of B,
// in the order of the lists. That is how a weight gradient is summed: A holds
// gate gradients, B the inputs, the lists name the (t, b) pairs. C is m x n.
// work is scratch of at least [ISA.GemmRowsWork](m, n, len(arows)) elements; nil
// allocates it.
func (t ISA) GemmRows(into Into, m, n int, a []float32, lda int, arows []int32, b []float32, ldb int, brows []int32, c []float32, ldc int, work []float32) {
	t.need()
	k := len(arows)
	if len(brows) != k {
		lengths("GemmRows", "arows", k, "brows", len(brows))
	}
	checkMatrix("GemmRows", "C", m, n, len(c), ldc)
	checkRows("GemmRows", "A", arows, m, len(a), lda)
	checkRows("GemmRows", "B", brows, n, len(b), ldb)
	into.flags()
	work = scratch("GemmRows", work, t.GemmRowsWork(m, n, k))
	if m == 0 || n == 0 {
		return
	}
	s := &tilings[t]
	size := panelsSize(s, n, k)
	p := product{isa: t, into: into, n: n, k: k, b: work[:size], c: c, ldc: ldc}
	work = work[size:]
	for q, row := range brows {
		packRow(p.b, s.nr(), k, q, b[int(row)*ldb:][:n])
	}
	for i := 0; i < m; i += s.mc {
		w := min(s.mc, m-i)
		for q, row := range arows {
			copy(work[q*w:][:w], a[int(row)*lda+i:])
		}
		p.rows(w, work, 1, w, i)
	}
}

// GemmRowsWork returns how many elements of scratch [ISA.GemmRows] needs for
// lists of k rows.
func (t ISA) GemmRowsWork(m, n, k int) int {
	t.need()
	s := &tilings[t]
	return panelsSize(s, n, k) + k*min(m, s.mc)
}

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

// NewPacked is [ISA.NewPacked] on the current tier.
func NewPacked(k, n int) *Packed { return Current().NewPacked(k, n) }

// Pack replaces the contents by B, stored [k][n] with rows ldb apart, or with
// trans [n][k], as weight matrices are (y = x W^T). It allocates nothing.
func (p *Packed) Pack(trans bool, b []float32, ldb int) {
	if trans {
		checkMatrix("Pack", "B", p.n, p.k, len(b), ldb)
	} else {
		checkMatrix("Pack", "B", p.k, p.n, len(b), ldb)
	}
	packPanels(&tilings[p.isa], p.panels, trans, p.n, p.k, b, ldb)
}

// Flush replaces elements below 2^-100 by +0, in place: rule 8 of the numerics
// contract for weights, so that no denormal number reaches a product by them.
func (p *Packed) Flush() {
	if len(p.panels) > 0 {
		p.isa.ScaleFlush(p.panels, p.panels, 1)
	}
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

// product is the loop nest of every matrix product: what is the same for all
// its rows.
type product struct {
	isa  ISA
	into Into
	n, k int
	b    []float32 // panels, or a matrix read in place when ldb > 0
	ldb  int
	edge []float32 // with ldb > 0: the columns past the last whole vector, packed one vector wide
	bias []float32 // where the chains start, nil for +0 or C
	c    []float32
	ldc  int
}

// rows computes m rows of C from row i0 on. Element (r, q) of A is
// a[r*rsa+q*csa].
//
// mc rows meet one panel of B at a time, kc steps of it before the next kc, so
// that a block of the panel is read from the second-level cache by all tiles of
// those rows while the next block is being fetched. Between blocks the chains
// are put down in C and taken up again, which costs no rounding. Where C still
// holds a summand (AddTo) they have to stay within one tile instead.
func (p *product) rows(m int, a []float32, rsa, csa, i0 int) {
	s := &tilings[p.isa]
	mc, kc := s.mc, s.kc
	var held [6 * 64]float32 // AddTo over a very long k: the chains of one tile between blocks
	if p.into == AddTo {
		kc = longK
		if p.k > kc {
			mc = s.Rows
		}
	}
	nr := s.nr()
	run := strip{isa: p.isa, s: s}
	if p.k == 0 {
		rsa = 0 // there is no A to point into
	}
	run.RSA, run.CSA = rsa, csa
	for i := 0; i < m; i += mc {
		run.rows = min(mc, m-i)
		for j := 0; j < p.n; j += nr {
			cols := min(nr, p.n-j)
			for q := 0; q == 0 || q < p.k; q += kc {
				first := q == 0
				run.K = min(kc, p.k-q)
				last := q+run.K >= p.k
				run.A = at(a, i*rsa+q*csa)
				run.C, run.LDC, run.Flags = at(p.c, (i0+i)*p.ldc+j), p.ldc, 0
				switch {
				case !first && p.into == AddTo:
					run.Start, run.LDS = &held[0], nr
				case !first || p.into == Continue:
					run.Start, run.LDS = run.C, run.LDC
				case p.bias != nil:
					run.Start, run.LDS = at(p.bias, j), 0
				default:
					run.Start, run.LDS = &zeros[0], 0
				}
				if last {
					run.Flags = p.into.flags()
				} else if p.into == AddTo {
					run.C, run.LDC = &held[0], nr
				}
				if p.ldb == 0 {
					block := p.b[j*p.k+q*nr:]
					run.B, run.LDB = at(block, 0), nr
					ahead := 0
					if len(p.b) > cached {
						ahead = len(block) - run.K*nr
					}
					run.tiles(cols, 0, ahead)
					continue
				}
				whole := cols - cols%s.Lanes
				if whole > 0 {
					run.B, run.LDB = at(p.b, q*p.ldb+j), p.ldb
					run.tiles(whole, 0, 0)
				}
				if whole < cols {
					run.B, run.LDB = at(p.edge, q*s.Lanes), s.Lanes
					run.tiles(cols-whole, whole, 0)
				}
			}
		}
	}
}

// zeros is where chains from +0 start.
var zeros [64]float32

// strip is a column of register tiles: rows rows that meet one block of B.
type strip struct {
	tile.Args // of the uppermost tile
	isa       ISA
	s         *tiling
	rows      int
}

// tiles runs the tiles over cols columns, off columns right of where Start and
// C point. They are as few as hold the rows and all about as high: a low tile
// at the end would wait for B. ahead is how much of B follows the block in
// memory and is far away: between them the tiles have one block's worth of that
// fetched, evenly, since requests in a burst would hold up those for what is
// needed now.
func (p *strip) tiles(cols, off, ahead int) {
	turns := (p.rows + p.s.Rows - 1) / p.s.Rows
	t := p.Args
	a, start, c := t.A, step(t.Start, off), step(t.C, off)
	vecs := (cols + p.s.Lanes - 1) / p.s.Lanes
	t.Tail = cols - (vecs-1)*p.s.Lanes
	t.Next = t.B
	block := t.K * t.LDB
	if ahead = min(ahead, block); ahead > 0 {
		t.Next = step(t.B, block)
	}
	share := t.K / 4 * p.s.Fetch * lineFloats
	for turn, r := 0, 0; turn < turns; turn++ {
		next := p.rows * (turn + 1) / turns
		t.A, t.Start, t.C = step(a, r*t.RSA), step(start, r*t.LDS), step(c, r*t.LDC)
		if p.isa == Scalar {
			scalarTile(next-r, cols, &t)
		} else {
			runTile(p.isa, next-r, vecs, &t)
		}
		r = next
		if ahead -= share; ahead > 0 {
			t.Next = step(t.Next, share)
		} else {
			t.Next = t.B
		}
	}
}

const lineFloats = 16 // float32 in a cache line

// cached is the size up to which all of B is taken to stay in the second-level
// cache beside A and C, 512 KiB. Not fetching a larger B ahead costs 1 % of speed
// where it just fits, and a quarter where it does not.
const cached = 1 << 17

// scalarTile is the register tile of the tier without registers.
func scalarTile(rows, cols int, t *tile.Args) {
	ref.Tile(rows, cols, t.K, view(t.A, span(rows, t.RSA, t.K, t.CSA)), t.RSA, t.CSA,
		view(t.B, span(t.K, t.LDB, cols, 1)), t.LDB,
		view(t.Start, span(rows, t.LDS, cols, 1)), t.LDS,
		view(t.C, span(rows, t.LDC, cols, 1)), t.LDC, t.Flags)
}

// span is the number of elements from the first to the last of an r x k matrix
// with strides rs and cs.
func span(r, rs, k, cs int) int {
	if r == 0 || k == 0 {
		return 0
	}
	return (r-1)*rs + (k-1)*cs + 1
}

// at returns the address of s[i], nil for operands without elements. The sizes
// of all operands have been checked as a whole before.
func at(s []float32, i int) *float32 {
	if i >= len(s) {
		return nil
	}
	return &s[i]
}

func step(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), i*4))
}

func view(p *float32, n int) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice(p, n)
}

// panelsSize is the number of elements of the panels of a k x n matrix. It
// panics if no memory could hold them.
func panelsSize(s *tiling, n, k int) int {
	nr := s.nr()
	if n > math.MaxInt/8 || k > math.MaxInt/8 {
		tooLarge(k, n)
	}
	cols := (n + nr - 1) / nr * nr
	if hi, lo := bits.Mul(uint(cols), uint(k)); hi != 0 || lo > math.MaxInt/8 {
		tooLarge(k, n)
	}
	return cols * k
}

//go:noinline
func tooLarge(k, n int) {
	panic(fmt.Sprintf("kernels: a matrix of %d x %d is too large to pack", k, n))
}

// packPanels lays B out as panels [n/nr][k][nr], the last one padded with
// columns of zeros. B is stored [k][n], or [n][k] with trans.
func packPanels(s *tiling, panels []float32, trans bool, n, k int, b []float32, ldb int) {
	if k == 0 || n == 0 {
		return
	}
	nr := s.nr()
	if !trans {
		for q := range k {
			packRow(panels, nr, k, q, b[q*ldb:][:n])
		}
		return
	}
	for j := 0; j < n; j += nr {
		packRows(panels[j*k:][:k*nr], nr, k, b[j*ldb:], ldb, min(nr, n-j))
	}
}

// packRow spreads row q of a matrix of k rows over its panels of nr columns.
func packRow(panels []float32, nr, k, q int, row []float32) {
	for i := q * nr; len(row) > 0; i += k * nr {
		n := copy(panels[i:i+nr], row)
		clear(panels[i+n : i+nr])
		row = row[n:]
	}
}

// packRows turns w rows of length k into the columns of a panel nr wide, eight
// rows at a time so that whole stretches of the panel are written.
func packRows(panel []float32, nr, k int, b []float32, ldb, w int) {
	j := 0
	for ; j+8 <= w; j += 8 {
		r0, r1, r2, r3 := b[j*ldb:][:k], b[(j+1)*ldb:][:k], b[(j+2)*ldb:][:k], b[(j+3)*ldb:][:k]
		r4, r5, r6, r7 := b[(j+4)*ldb:][:k], b[(j+5)*ldb:][:k], b[(j+6)*ldb:][:k], b[(j+7)*ldb:][:k]
		for q := range k {
			d := (*[8]float32)(panel[q*nr+j:])
			d[0], d[1], d[2], d[3] = r0[q], r1[q], r2[q], r3[q]
			d[4], d[5], d[6], d[7] = r4[q], r5[q], r6[q], r7[q]
		}
	}
	for ; j < w; j++ {
		for q, v := range b[j*ldb:][:k] {
			panel[q*nr+j] = v
		}
	}
	if w < nr {
		for q := range k {
			clear(panel[q*nr+w : (q+1)*nr])
		}
	}
}

// aligned returns n zeros that begin on a cache line.
func aligned(n int) []float32 {
	s := make([]float32, n+lineFloats-1)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) / 4 % lineFloats)
	return s[off : off+n : off+n]
}

// checkMatrix panics unless rows x cols elements with rows ld apart fit a slice
// of length have.
func checkMatrix(op, name string, rows, cols, have, ld int) {
	if rows < 0 || cols < 0 || ld < cols {
		badShape(op, name, rows, cols, ld)
	}
	if rows == 0 || cols == 0 {
		return
	}
	hi, need := bits.Mul64(uint64(rows-1), uint64(ld))
	if need += uint64(cols); hi != 0 || need < uint64(cols) || need > uint64(have) {
		short(op, name, rows, cols, ld, have)
	}
}

// checkRows panics unless every row of the list lies in a slice of length have.
func checkRows(op, name string, rows []int32, cols, have, ld int) {
	if cols < 0 || ld < cols {
		badShape(op, name, len(rows), cols, ld)
	}
	last, first := int32(-1), int32(0)
	for _, r := range rows {
		last, first = max(last, r), min(first, r)
	}
	if first < 0 {
		panic(fmt.Sprintf("kernels: %s: row %d of %s asked for, want 0 or more", op, first, name))
	}
	checkMatrix(op, name, int(last)+1, cols, have, ld)
}

//go:noinline
func badShape(op, name string, rows, cols, ld int) {
	panic(fmt.Sprintf("kernels: %s: %s is %d x %d with rows %d apart, want sizes of 0 or more and rows at least %d apart", op, name, rows, cols, ld, cols))
}

//go:noinline
func short(op, name string, rows, cols, ld, have int) {
	panic(fmt.Sprintf("kernels: %s: %s has %d elements, too few for %d x %d with rows %d apart", op, name, have, rows, cols, ld))
}

func scratch(op string, work []float32, need int) []float32 {
	if work == nil && need > 0 {
		return make([]float32, need)
	}
	if len(work) < need {
		panic(fmt.Sprintf("kernels: %s: work has %d elements, want at least %d (or nil)", op, len(work), need))
	}
	return work[:need]
}

// Gemm is [ISA.Gemm] on the current tier.
func Gemm(into Into, transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, work []float32) {
	Current().Gemm(into, transA, transB, m, n, k, a, lda, b, ldb, c, ldc, work)
}

// GemmWork is [ISA.GemmWork] on the current tier.
func GemmWork(transA, transB bool, m, n, k int) int {
	return Current().GemmWork(transA, transB, m, n, k)
}
