package kernels

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/pages"
)

// Rows are rows of a matrix, chosen by lists, as the right factor of products over
// these rows (see [ISA.GemmRows]): chunk after chunk, each in the layout of the register
// tiles of one tier. That is how weight gradients are summed: the rows are inputs, the
// lists name (t, b) pairs, and a chunk is one chain of the sum. Several products and
// all workers can share them. Many goroutines may use them at a time as long as none
// changes them.
type Rows struct {
	isa    ISA
	n      int
	ends   []int // of the chunks, counted in rows
	panels []float32
}

// NewRows makes room for up to most rows of up to n elements, in up to chunks chunks, in
// the layout of tier t.
func (t ISA) NewRows(n, most, chunks int) *Rows {
	t.need()
	if n < 0 || most < 0 || chunks < 0 {
		panic(fmt.Sprintf("kernels: NewRows(%d, %d, %d), want sizes of 0 or more", n, most, chunks))
	}
	return &Rows{isa: t, n: n, ends: make([]int, 0, chunks), panels: pages.Floats(panelsSize(&tilings[t], n, most))}
}

// NewRows is [ISA.NewRows] on the current tier.
func NewRows(n, most, chunks int) *Rows { return Current().NewRows(n, most, chunks) }

// Reset removes all chunks. Rows have n elements from then on.
func (r *Rows) Reset(n int) {
	if n < 0 {
		panic(fmt.Sprintf("kernels: Rows.Reset(%d), want a width of 0 or more", n))
	}
	r.n, r.ends = n, r.ends[:0]
}

// Cols is the number of elements of a row.
func (r *Rows) Cols() int { return r.n }

// Chunks is the number of chunks.
func (r *Rows) Chunks() int { return len(r.ends) }

// Bytes returns the size of the memory that r holds.
func (r *Rows) Bytes() int { return 4*cap(r.panels) + 8*cap(r.ends) }

// Chunk adds a chunk of that many rows, which [Rows.Pack] fills.
func (r *Rows) Chunk(rows int) {
	end := rows
	if k := len(r.ends); k > 0 {
		end += r.ends[k-1]
	}
	if rows < 0 || len(r.ends) == cap(r.ends) || end*r.width() > len(r.panels) {
		panic(fmt.Sprintf("kernels: Rows.Chunk(%d): %d rows in %d chunks, want at most %d in %d", rows, end, len(r.ends)+1, len(r.panels)/max(1, r.width()), cap(r.ends)))
	}
	r.ends = append(r.ends, end)
}

// width is the number of columns with those that fill the last panel.
func (r *Rows) width() int {
	s := &tilings[r.isa]
	return s.panels(r.n) * s.nr()
}

// chunk returns the rows of chunk c, and their panels.
func (r *Rows) chunk(c int) (k int, panels []float32) {
	begin := 0
	if c > 0 {
		begin = r.ends[c-1]
	}
	return r.ends[c] - begin, r.panels[begin*r.width() : r.ends[c]*r.width()]
}

// after is what is read after the panel of chunk c that ends at column j: that of the
// next chunk, or of the first one and the columns from j on.
func (r *Rows) after(c, j int) []float32 {
	if c++; c == len(r.ends) {
		if c = 0; j >= r.n {
			j = 0
		}
	} else {
		j -= tilings[r.isa].nr()
	}
	k, panels := r.chunk(c)
	return panels[j*k:]
}

// Pack sets chunk c: its row q is row rows[q] of B, whose rows are ldb apart. It does
// share w of of, some of the chunk's rows, so that as many goroutines can fill a chunk
// together. Rows that follow each other at one distance are copied in one go.
func (r *Rows) Pack(c int, b []float32, ldb int, rows []int32, w, of int) {
	r.pack("Rows.Pack", false, c, b, ldb, rows, w, of)
}

// PackFlush is [Rows.Pack] with +0 in place of elements below 2^-100 (rule 8 of the numerics
// contract).
func (r *Rows) PackFlush(c int, b []float32, ldb int, rows []int32, w, of int) {
	r.pack("Rows.PackFlush", true, c, b, ldb, rows, w, of)
}

func (r *Rows) pack(op string, flush bool, c int, b []float32, ldb int, rows []int32, w, of int) {
	if c < 0 || c >= len(r.ends) || of < 1 || w < 0 || w >= of {
		panic(fmt.Sprintf("kernels: %s: share %d of %d of chunk %d, want a share from 0 on of one of %d chunks", op, w, of, c, len(r.ends)))
	}
	k, panels := r.chunk(c)
	if len(rows) != k {
		lengths(op, "the chunk", k, "rows", len(rows))
	}
	checkRows(op, "B", rows, r.n, len(b), ldb)
	if r.n == 0 {
		return
	}
	nr, end := tilings[r.isa].nr(), share(k, w+1, of)
	for q, run := share(k, w, of), 0; q < end; q += run {
		step := 0
		run, step = steady(rows[q:end], max(1, packMost/r.n))
		for j := 0; j < r.n; j += packMost {
			from := int(rows[q])*ldb + j
			packRows(r.isa, packFlags(flush), panels[j*k+q*nr:], b, from, run, min(packMost, r.n-j), k*nr, step*ldb)
		}
	}
}

// steady returns how many of the first rows of a list, at most most, follow each other at one
// distance, and that distance.
func steady(rows []int32, most int) (run, step int) {
	if len(rows) > 1 {
		step = int(rows[1]) - int(rows[0])
	}
	for run = 1; run < min(most, len(rows)) && int(rows[run])-int(rows[run-1]) == step; run++ {
	}
	return run, step
}

// A RowsProduct says where a product of the rows of A by B goes: C is m x n.
type RowsProduct struct {
	B   *Rows
	C   []float32
	LDC int
}

// GemmRows multiplies by the transpose of rows of A: for each of the products
//
//	C[i][j] = chain over q of a[rows[q]*lda+i] * B[q][j]
//
// set or added to as into says, once for each chunk of B. rows has an element for each
// row of B, in the order of the chunks. With several chunks into must be AddTo. All
// products must have the same chunks, on tier t; they share the transposed copies of
// A. work is scratch of at least [ISA.GemmRowsWork](m, len(rows)) elements; nil
// allocates it.
func (t ISA) GemmRows(into Into, m int, a []float32, lda int, rows []int32, work []float32, products ...RowsProduct) {
	t.need()
	checkRows("GemmRows", "A", rows, m, len(a), lda)
	into.flags()
	for i := range products {
		p := &products[i]
		checkMatrix("GemmRows", "C", m, p.B.n, len(p.C), p.LDC)
		t.checkChunks(into, len(rows), p.B, products[0].B)
	}
	work = scratch("GemmRows", work, t.GemmRowsWork(m, len(rows)))
	if m == 0 || len(products) == 0 {
		return
	}
	nr := tilings[t].nr()
	for block, i := 0, 0; i < m; block++ {
		// The copies of all chunks stay in a near cache, as does a panel of C, which one
		// chunk after another is added to.
		w := t.blockEnd(block, m, len(rows)) - i
		h, pa := t.packFactors(work, a[min(i, len(a)):], lda, rows, w, m-i)
		for _, to := range products {
			if to.B.swept() {
				to.sweep(t, into, w, work, h, pa, i)
				continue
			}
			for j := 0; j < to.B.n; j += nr {
				at := 0
				for c := range to.B.ends {
					k, panels := to.B.chunk(c)
					p := product{isa: t, into: into, n: min(nr, to.B.n-j), k: k, b: panels[j*k:][:k*nr], c: to.C[j:], ldc: to.LDC, pa: pa}
					p.next = to.B.after(c, j+nr)
					p.rows(w, work[at*h:], 1, h, i)
					at += k
				}
			}
		}
		i += w
	}
}

// A tile over at most sweptRows rows has ended before its lines of C come from memory. The panels
// of at most sweptElements stay in a second-level cache of 512 KiB.
const sweptRows, sweptElements = 32, 1 << 16

// swept says whether these are one chunk of so few rows that sweep is faster.
func (r *Rows) swept() bool {
	return r.isa != Scalar && len(r.ends) == 1 && r.ends[0] <= sweptRows && r.ends[0]*r.width() <= sweptElements
}

// sweep makes the product for w rows of C from row i on, whose factors are in panels h wide and
// pa apart. Beside a few steps what takes longest is to bring C: so it is taken as it lies in
// memory, as many rows at a time as a tile has.
func (to *RowsProduct) sweep(t ISA, into Into, w int, work []float32, h, pa, i int) {
	k, panels := to.B.chunk(0)
	p := product{isa: t, k: k, n: to.B.n, b: panels, into: into, c: to.C, ldc: to.LDC}
	for r := 0; r < w; r += h {
		p.rows(min(h, w-r), work[r/h*pa:], 1, h, i+r)
	}
}

// packFactors copies the first w columns of rows of A, which have m columns, to panels as
// wide as tiles are high, where these read each step from one place. It returns the width of
// the panels and the distance between them. The tier without assembly has one panel.
func (t ISA) packFactors(work, a []float32, lda int, rows []int32, w, m int) (h, pa int) {
	if t == Scalar {
		for q, row := range rows {
			copy(work[q*w:][:w], a[int(row)*lda:])
		}
		return w, 0
	}
	f := t.factorPanels(len(rows), w, m)
	for q, run, step := 0, 0, 0; q < len(rows); q += run {
		run, step = steady(rows[q:], f.most)
		f.pack(work, q, a, int(rows[q])*lda, step*lda, run)
	}
	return f.high, f.apart
}

// factorPanels are w columns of a matrix in panels.
type factorPanels struct {
	isa           ISA
	w             int
	high, apart   int // the width of a panel, and the distance between two
	pieces, whole int // how many there are, and how many of them the assembly can copy
	most          int // rows that are copied at a time
}

// factorPanels lays out w columns of k rows of a matrix that has m columns from the first of
// them on. The assembly moves whole vectors, and may read no further than the rows go.
func (t ISA) factorPanels(k, w, m int) factorPanels {
	s := &tilings[t]
	f := factorPanels{isa: t, w: w, high: s.Rows, apart: k*s.Rows + factorsGap, pieces: (w + s.Rows - 1) / s.Rows, most: 1}
	if m >= s.Factors {
		f.whole = min(f.pieces, (m-s.Factors)/s.Rows+1)
	}
	if f.whole > 0 {
		f.most = max(1, packBlock/(f.whole*s.Factors))
	}
	return f
}

// pack copies run rows of a, the first from element from on and each lds after the one before,
// to the places from q on.
func (f *factorPanels) pack(work []float32, q int, a []float32, from, lds, run int) {
	if f.whole > 0 {
		runPackFactors(f.isa, at(work, q*f.high), at(a, from), run, f.whole, f.apart, lds)
	}
	for p := f.whole; p < f.pieces; p++ {
		for i := range run {
			copy(work[p*f.apart+(q+i)*f.high:][:min(f.high, f.w-p*f.high)], a[from+i*lds+p*f.high:])
		}
	}
}

// checkChunks panics unless b is made for the tier and has the rows, in the chunks of
// first.
func (t ISA) checkChunks(into Into, rows int, b, first *Rows) {
	all := 0
	if k := len(b.ends); k > 0 {
		all = b.ends[k-1]
	}
	if all != rows {
		lengths("GemmRows", "B", all, "rows", rows)
	}
	if b.isa != t {
		panic(fmt.Sprintf("kernels: GemmRows on %v: B is in the layout of %v", t, b.isa))
	}
	if into != AddTo && len(b.ends) != 1 {
		panic(fmt.Sprintf("kernels: GemmRows: %d chunks, want 1, or AddTo", len(b.ends)))
	}
	if len(b.ends) != len(first.ends) {
		panic(fmt.Sprintf("kernels: GemmRows: %d chunks of B, want %d as the first product has", len(b.ends), len(first.ends)))
	}
	for c, end := range b.ends {
		if end != first.ends[c] {
			panic(fmt.Sprintf("kernels: GemmRows: chunk %d of B ends at row %d, want %d as in the first product", c, end, first.ends[c]))
		}
	}
}

// GemmRows is [ISA.GemmRows] on the current tier.
func GemmRows(into Into, m int, a []float32, lda int, rows []int32, work []float32, products ...RowsProduct) {
	Current().GemmRows(into, m, a, lda, rows, work, products...)
}

// GemmRowsWork returns how many elements of scratch [ISA.GemmRows] needs for that many
// rows.
func (t ISA) GemmRowsWork(m, rows int) int {
	t.need()
	// Not rows * rowsHeight(rows), which fewer rows can exceed: who has scratch for the
	// most rows and columns has it for fewer.
	s := &tilings[t]
	columns := min(m, s.copied)
	if t != Scalar {
		columns = (columns + s.Rows - 1) / s.Rows * s.Rows
	}
	return min(rows*columns, max(s.room, rowsUnit*rows)) + columns/s.Rows*factorsGap
}

const (
	rowsUnit = 12 // a multiple of the rows of the assembly's tiles

	// factorsGap is between panels of A: room for what the assembly writes behind the last
	// row, and a line, so that panels of 1024 rows are not in the same sets of a cache.
	factorsGap = 16
)

// rowsHeight is how many columns of that many rows of A are copied at a time: as many as
// there is room for, in units of rowsUnit.
func (t ISA) rowsHeight(rows int) int {
	s := &tilings[t]
	return max(rowsUnit, min(s.copied, s.room/max(1, rows))/rowsUnit*rowsUnit)
}

// blockEnd is the end of a block of the m columns of A, of k rows, that are copied at a time.
// Blocks are about as high as each other: a low one reads as much of B as a high one.
func (t ISA) blockEnd(block, m, k int) int {
	units, height := (m+rowsUnit-1)/rowsUnit, t.rowsHeight(k)
	blocks := (m + height - 1) / height
	return min(units*(block+1)/blocks*rowsUnit, m)
}

// GemmRowsWork is [ISA.GemmRowsWork] on the current tier.
func GemmRowsWork(m, rows int) int { return Current().GemmRowsWork(m, rows) }
