package kernels

import (
	"unsafe"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// product is the loop nest of every matrix product: what is the same for all
// its rows.
type product struct {
	isa  ISA
	into Into
	from int       // the first column, where a panel begins
	n, k int       // the end of the columns, and the steps
	b    []float32 // panels, or a matrix read in place when ldb > 0
	ldb  int
	base int       // where in b the panels of column 0 are
	edge []float32 // with ldb > 0: the columns past the last whole vector, packed one vector wide
	bias []float32 // where the chains start, nil for +0 or C
	c    []float32
	ldc  int
	pa   int       // with pa > 0: distance between panels of A as wide as tiles are high
	next []float32 // with pa > 0: the panel of B that is multiplied next
	down bool      // from the last column to the first
}

// rows computes m rows of C from row i0 on. Element (r, q) of A is
// a[r*rsa+q*csa], or a[r/h*p.pa+r%h*rsa+q*csa] where A is panels of h rows.
func (p *product) rows(m int, a []float32, rsa, csa, i0 int) {
	if p.ldb == 0 && m <= tilings[p.isa].Rows && p.k <= longK && p.isa != Scalar {
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

// oneTile is rows for as many as one tile has, over packed columns: there are no blocks of
// rows or steps to go through. In a step of a small network what goes on around the tiles
// takes longer than they do.
func (p *product) oneTile(m int, a []float32, rsa, csa, i0 int) {
	if m == 0 {
		return
	}
	s := &tilings[p.isa]
	nr := s.nr()
	t := tile.Args{K: p.k, A: at(a, 0), RSA: rsa, CSA: csa, LDB: nr, PB: p.k * nr, LDC: p.ldc, Flags: p.into.flags()}
	if p.into == Continue {
		t.LDS = p.ldc
		t.Flags = tileStarts
	}
	for left := p.n - p.from; left > 0; {
		j, width := p.column(s, m, left)
		cols := min(width, p.n-j)
		left -= cols
		vecs := (cols + s.Lanes - 1) / s.Lanes
		t.Tail = cols - (vecs-1)*s.Lanes
		t.C = at(p.c, i0*p.ldc+j)
		switch {
		case p.into == Continue:
			t.Start = t.C
		case p.bias != nil:
			t.Start = at(p.bias, j)
		default:
			t.Start = &zeros[0]
		}
		here := p.base + j*p.k
		t.B = at(p.b, here)
		t.Next = t.B
		if len(p.b) > cached {
			if next := p.ahead(here, width*p.k); next >= 0 {
				t.Next = at(p.b, next)
			}
		}
		if width == 3*nr {
			for n := range 2 {
				h := half(t, n, s.Lanes)
				runTile(p.isa, m, 3, &h)
			}
			continue
		}
		runTile(p.isa, m, vecs, &t)
	}
}

// column returns where the columns begin that are next, and how many of them the tiles of
// that many rows take, where left are left.
func (p *product) column(s *tiling, rows, left int) (j, width int) {
	if !p.down {
		return p.n - left, s.width(rows, left)
	}
	nr := s.nr()
	if width = nr; left%nr == 0 {
		width = s.width(rows, left)
	}
	return p.from + (left+nr-1)/nr*nr - width, width
}

// ahead is where in b that is which follows what begins at here and is size long, -1 if
// nothing does.
func (p *product) ahead(here, size int) int {
	if p.down {
		return max(here-size, -1)
	}
	if here += size; here < len(p.b) {
		return here
	}
	return -1
}

// blocks is rows. held has room for the chains of one tile, and is needed where these
// cannot be stored in C between blocks.
//
// mc rows are multiplied by one panel of B at a time, first by kc steps of it, then by
// the next kc. So all tiles of those rows read a block of the panel from a near
// cache while the next block is being fetched. Between blocks the chains are stored in
// C and loaded again, which costs no rounding. Where C still holds a summand (AddTo) a
// chain has to stay within one tile instead. Where one tile has all rows, nothing is
// read twice, and blocks would only cost time.
func (p *product) blocks(m int, a []float32, rsa, csa, i0 int, held []float32) {
	s := &tilings[p.isa]
	mc, kc := s.mc, s.kc
	if held != nil {
		mc = s.Rows
	}
	if p.into == AddTo || m <= s.Rows {
		kc = longK
	}
	if p.pa > 0 {
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
				run.C, run.LDC, run.Flags = at(p.c, (i0+i)*p.ldc+j), p.ldc, 0
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
					run.Flags = p.into.flags()
					if first && p.into == Continue {
						run.Flags |= tileStarts
					}
				} else if p.into == AddTo {
					run.C, run.LDC = &held[0], width
				}
				if p.ldb == 0 {
					block := p.b[p.base+j*p.k+q*nr:]
					run.B, run.LDB, run.PB = at(block, 0), nr, p.k*nr
					ahead := 0
					run.next = nil
					if len(p.b) > cached {
						ahead = len(block) - (width/nr-1)*run.PB - run.K*nr
						if here := p.base + j*p.k; p.down && last {
							if next := p.ahead(here, width*p.k); next >= 0 {
								run.next, ahead = at(p.b, next), width*p.k
							}
						}
					}
					if p.pa > 0 {
						run.next, ahead = at(p.next, 0), len(p.next)
					}
					run.tiles(cols, 0, ahead)
					continue
				}
				whole := cols - cols%s.Lanes
				if whole > 0 {
					run.B, run.LDB, run.PB = at(p.b, q*p.ldb+j), p.ldb, nr
					run.tiles(whole, 0, 0)
				}
				if whole < cols {
					run.B, run.LDB = at(p.edge, q*s.Lanes), s.Lanes
					run.tiles(cols-whole, whole, 0)
				}
			}
		}
		p.down = !p.down // the next rows begin with the columns that were used last
	}
}

// tileStarts is the flag of a tile whose chains start at C.
const tileStarts = 4

// zeros is where chains from +0 start.
var zeros [maxWidth]float32

// strip is a column of register tiles: rows that are multiplied by one block of B.
type strip struct {
	tile.Args // of the uppermost tile
	isa       ISA
	s         *tiling
	rows      int
	pa        int // see product
	next      *float32
}

// tiles runs the tiles over cols columns, off columns right of where Start and
// C point. They are as few as hold the rows and all about as high: a low tile
// at the end would wait for B. ahead is how much of B follows the block in
// memory and is far away: between them the tiles have one block's worth of that
// fetched, evenly, since requests in a burst would hold up those for what is
// needed now.
func (p *strip) tiles(cols, off, ahead int) {
	if cols == 3*p.s.nr() && p.s.apart(p.rows) {
		p.apart(off, ahead)
		return
	}
	h := p.s.height(cols)
	turns := (p.rows + h - 1) / h
	t := p.Args
	a, start, c := t.A, step(t.Start, off), step(t.C, off)
	vecs := (cols + p.s.Lanes - 1) / p.s.Lanes
	t.Tail = cols - (vecs-1)*p.s.Lanes
	t.Next = t.B
	block := t.K * ((cols + p.s.nr() - 1) / p.s.nr() * p.s.nr())
	if ahead = min(ahead, block); ahead > 0 {
		t.Next = step(t.B, block)
		if p.next != nil {
			t.Next = p.next
		}
	}
	share := t.K / 4 * p.s.Fetch * lineFloats
	for turn, r := 0, 0; turn < turns; turn++ {
		next := p.rows * (turn + 1) / turns
		t.A = step(a, r*t.RSA)
		if p.pa > 0 {
			next = min(r+h, p.rows)
			t.A = step(a, turn*p.pa)
		}
		t.Start, t.C = step(start, r*t.LDS), step(c, r*t.LDC)
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

// apart is tiles for four, seven or eight rows over three panels: of four and of three rows
// each, over a panel and a half.
func (p *strip) apart(off, ahead int) {
	t := p.Args
	t.Tail = p.s.Lanes
	t.Next = t.B
	share := t.K / 4 * p.s.Fetch * lineFloats
	if ahead > 0 {
		t.Next = step(t.B, 2*t.PB+t.K*p.s.nr())
	}
	for n := range 2 {
		h := half(t, n, p.s.Lanes)
		start, c := step(h.Start, off), step(h.C, off)
		for r, rows := 0, 0; r < p.rows; r += rows {
			rows = min(4, p.rows-r)
			h.A, h.Start, h.C = step(p.A, r*h.RSA), step(start, r*h.LDS), step(c, r*h.LDC)
			runTile(p.isa, rows, 3, &h)
			if ahead -= share; ahead > 0 {
				h.Next = step(h.Next, share)
			} else {
				h.Next = h.B
			}
		}
		t.Next = h.Next
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
