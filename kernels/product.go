package kernels

import (
	"unsafe"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// product is the loop nest of every matrix product: what is the same for all
// its rows.
type product struct {
	isa   ISA
	into  Into
	from  int       // the first column, where a panel begins
	n, k  int       // the end of the columns, and the steps
	b     []float32 // panels, or a matrix read in place when ldb > 0
	ldb   int
	base  int       // where in b the panels of column 0 are
	edge  []float32 // with ldb > 0: the columns past the last whole vector, packed one vector wide
	bias  []float32 // where the chains start, nil for +0 or C
	flush bool      // with Continue: results below 2^-100 become +0
	c     []float32
	ldc   int
	pa    int       // with pa > 0: distance between panels of A as wide as tiles are high
	next  []float32 // with pa > 0: the panel of B that is multiplied next
	after []float32 // where B is a strip: what is packed next
	down  bool      // from the last column to the first
	lay   *layout   // if not nil: where the tiles are put, in place of being run; see oneTile
}

// rows computes m rows of C from row i0 on. Element (r, q) of A is
// a[r*rsa+q*csa], or a[r/h*p.pa+r%h*rsa+q*csa] where A is panels of h rows.
func (p *product) rows(m int, a []float32, rsa, csa, i0 int) {
	if p.fitsOneTile(m) {
		p.oneTile(m, a, rsa, csa, i0)
		return
	}
	if p.into == AddTo && p.k > longK {
		var held [maxTile]float32
		p.blocks(m, a, rsa, csa, i0, held[:])
		return
	}
	p.blocks(m, a, rsa, csa, i0, nil)
}

// flags are what the tiles with the last steps do with C.
func (p *product) flags() int {
	if p.flush {
		return ref.TileFlush
	}
	return p.into.flags()
}

// fitsOneTile says whether oneTile is the way to make a product of m rows.
func (p *product) fitsOneTile(m int) bool {
	return p.ldb == 0 && m <= tilings[p.isa].Rows && p.k <= longK && p.isa != Scalar
}

// oneTile is rows for as many as one tile has, over packed columns: there are no blocks of
// rows or steps to go through. In a step of a small network what goes on around the tiles
// takes longer than they do. With lay the tiles are put there and nothing is done.
func (p *product) oneTile(m int, a []float32, rsa, csa, i0 int) {
	if m == 0 {
		return
	}
	s := &tilings[p.isa]
	nr := s.nr()
	// Field by field: a literal is made elsewhere and copied in vectors, which have to wait
	// for the numbers that were just stored.
	var t tile.Args
	t.K, t.A, t.RSA, t.CSA = p.k, at(a, 0), rsa, csa
	t.LDB, t.PB, t.LDC, t.Flags = nr, p.k*nr, p.ldc, p.flags()
	if p.into == Continue {
		t.LDS = p.ldc
	}
	for left := p.n - p.from; left > 0; {
		j, width := p.column(s, m, left)
		cols := min(width, p.n-j)
		left -= cols
		if p.into == Continue {
			t.Ahead = p.behind(j, width)
		}
		vecs, tail := s.vectors(cols)
		t.Tail = tail
		t.C = at(p.c, i0*p.ldc+j)
		switch {
		case p.into == Continue:
			t.Start = t.C
		case p.bias != nil:
			t.Start = at(p.bias, j)
		default:
			t.Start = &zeros[0]
		}
		t.B = at(p.b, p.base+j*p.k)
		t.Next = uintptr(unsafe.Pointer(t.B))
		if len(p.b) > cached || len(p.after) > 0 {
			ask := p.soon(j, width, 0, p.k, p.k)
			t.Next = ask.take(width*p.k, t.B)
		}
		if width == 3*nr {
			for n := range 2 {
				if h := half(t, n, s.Lanes); p.lay != nil {
					p.lay.put(3, &h)
				} else {
					runTile(p.isa, m, 3, &h)
				}
			}
			continue
		}
		if p.lay != nil {
			p.lay.put(vecs, &t)
		} else {
			runTile(p.isa, m, vecs, &t)
		}
	}
}

// column returns where the columns begin that are next, and how many of them the tiles of
// that many rows take, where left are left.
func (p *product) column(s *tiling, rows, left int) (j, width int) {
	if !p.down {
		return p.n - left, s.width(rows, left)
	}
	nr := s.nr() // a power of two
	if width = nr; left&(nr-1) == 0 {
		width = s.width(rows, left)
	}
	return p.from + (left+nr-1)&^(nr-1) - width, width
}

// behind is how far to the right of column j the columns are whose C tiles of that width ask
// for: these themselves, or where chains start there, those that come next.
func (p *product) behind(j, width int) int {
	switch {
	case p.into != Continue:
		return 0
	case p.down && j-width >= p.from:
		return -width
	case !p.down && j+width < p.n:
		return width
	}
	return 0
}

// blocks is rows. held has room for the chains of one tile, and is needed where these
// cannot be stored in C between blocks.
//
// mc rows are multiplied by one panel of B at a time, first by kc steps of it, then by
// the next kc. So all tiles of those rows read a block of the panel from a near
// cache while the next block is being fetched. Between blocks the chains are stored in
// C and loaded again, which costs no rounding. Where C still holds a summand (AddTo) a
// chain has to stay within one tile instead. Where one tile has all rows, nothing is
// read twice, and blocks would only cost time; up to whole steps of a tier they cost more than
// they give.
func (p *product) blocks(m int, a []float32, rsa, csa, i0 int, held []float32) {
	s := &tilings[p.isa]
	mc, kc := s.mc, s.kc
	if held != nil {
		mc = s.Rows
	}
	if p.into == AddTo || m <= s.Rows || p.k <= s.whole {
		kc = longK
	}
	if p.pa > 0 && held == nil {
		mc = m
	}
	run := strip{isa: p.isa, s: s, pa: p.pa}
	if p.k == 0 {
		rsa = 0 // there is no A to point into
	}
	run.RSA, run.CSA = rsa, csa
	nr := s.nr()
	for i := 0; i < m; i += mc {
		run.rows = min(mc, m-i)
		for left := p.n - p.from; left > 0; {
			j, width := p.column(s, run.rows, left)
			cols := min(width, p.n-j)
			left -= cols
			for q := 0; q == 0 || q < p.k; q += kc {
				first := q == 0
				run.K = min(kc, p.k-q)
				last := q+run.K >= p.k
				run.A = at(a, i*rsa+q*csa)
				if p.pa > 0 {
					run.A = at(a, i/s.Rows*p.pa+q*csa)
				}
				run.C, run.LDC, run.Flags, run.Ahead = at(p.c, (i0+i)*p.ldc+j), p.ldc, 0, 0
				if first {
					run.Ahead = p.behind(j, width)
				}
				switch {
				case !first && p.into == AddTo:
					run.Start, run.LDS = &held[0], width
				case !first || p.into == Continue:
					run.Start, run.LDS = run.C, run.LDC
				case p.bias != nil:
					run.Start, run.LDS = at(p.bias, j), 0
				default:
					run.Start, run.LDS = &zeros[0], 0
				}
				if last {
					run.Flags = p.flags()
				} else if p.into == AddTo {
					run.C, run.LDC = &held[0], width
				}
				if p.ldb == 0 {
					run.B, run.LDB, run.PB = at(p.b, p.base+j*p.k+q*nr), nr, p.k*nr
					run.tiles(cols, 0, p.soon(j, width, q, run.K, kc))
					continue
				}
				whole := cols - cols%s.Lanes
				if whole > 0 {
					run.B, run.LDB, run.PB = at(p.b, q*p.ldb+j), p.ldb, nr
					run.tiles(whole, 0, soon{})
				}
				if whole < cols {
					run.B, run.LDB = at(p.edge, q*s.Lanes), s.Lanes
					run.tiles(cols-whole, whole, soon{})
				}
			}
		}
		p.down = !p.down // the next rows begin with the columns that were used last
	}
}

// zeros is where chains from +0 start.
var zeros [maxWidth]float32

// strip is a column of register tiles: rows that are multiplied by one block of B.
type strip struct {
	tile.Args // of the uppermost tile
	isa       ISA
	s         *tiling
	rows      int
	pa        int // see product
}

// tiles runs the tiles over cols columns, off columns right of where Start and
// C point. They are as few as hold the rows and all about as high: a low tile
// at the end would wait for B. ask is what of B comes next and is far away: the tiles
// have it fetched evenly between them, since requests in a burst would hold up those for
// what is needed now.
func (p *strip) tiles(cols, off int, ask soon) {
	if cols == 3*p.s.nr() && p.s.apart(p.rows) {
		p.apart(off, ask)
		return
	}
	h := p.s.height(cols)
	turns := (p.rows + h - 1) / h
	t := p.Args
	a, start, c := t.A, step(t.Start, off), step(t.C, off)
	vecs, tail := p.s.vectors(cols)
	t.Tail = tail
	share := t.K / 4 * p.s.Fetch * lineFloats
	for turn, r := 0, 0; turn < turns; turn++ {
		next := p.rows * (turn + 1) / turns
		t.A = step(a, r*t.RSA)
		if p.pa > 0 {
			next = min(r+h, p.rows)
			t.A = step(a, turn*p.pa)
		}
		t.Start, t.C = step(start, r*t.LDS), step(c, r*t.LDC)
		t.Next = ask.take(share, t.B)
		if p.isa == Scalar {
			scalarTile(next-r, cols, &t)
		} else {
			runTile(p.isa, next-r, vecs, &t)
		}
		r = next
	}
}

// apart is tiles for four, seven or eight rows over three panels: of four and of three rows
// each, over a panel and a half.
func (p *strip) apart(off int, ask soon) {
	t := p.Args
	t.Tail = p.s.Lanes
	share := t.K / 4 * p.s.Fetch * lineFloats
	for n := range 2 {
		h := half(t, n, p.s.Lanes)
		start, c := step(h.Start, off), step(h.C, off)
		for r, rows := 0, 0; r < p.rows; r += rows {
			rows = min(4, p.rows-r)
			h.A, h.Start, h.C = step(p.A, r*h.RSA), step(start, r*h.LDS), step(c, r*h.LDC)
			h.Next = ask.take(share, h.B)
			runTile(p.isa, rows, 3, &h)
		}
	}
}

// half is one of the two tiles of three vectors that take three panels of two, t.PB apart.
func half(t tile.Args, n, lanes int) tile.Args {
	between := t.PB - lanes
	if n == 0 {
		t.PB, t.PC = lanes, between
		return t
	}
	t.B, t.PB, t.PC = step(t.B, t.PB+lanes), between, lanes
	t.Start, t.C = step(t.Start, 3*lanes), step(t.C, 3*lanes)
	return t
}

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

// step returns the address of the element i after *p, nil if there are no elements.
func step(p *float32, i int) *float32 {
	if p == nil {
		return nil
	}
	return (*float32)(unsafe.Add(unsafe.Pointer(p), i*4))
}

func view(p *float32, n int) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice(p, n)
}
