package kernels

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// panelsSize is the number of elements of the panels of a k x n matrix. It
// panics if no memory could hold them.
func panelsSize(s *tiling, n, k int) int {
	nr := s.nr()
	if n > math.MaxInt/8 || k > math.MaxInt/8 {
		tooLarge(k, n)
	}
	cols := s.panels(n) * nr
	if hi, lo := bits.Mul(uint(cols), uint(k)); hi != 0 || lo > math.MaxInt/8 {
		tooLarge(k, n)
	}
	return cols * k
}

// panels is how many panels n columns make.
func (s *tiling) panels(n int) int { return (n + s.nr() - 1) / s.nr() }

//go:noinline
func tooLarge(k, n int) {
	panic(fmt.Sprintf("kernels: a matrix of %d x %d is too large to pack", k, n))
}

// A packing is what lays B out as panels [n/nr][k][nr], the last one padded with
// columns of zeros. B is stored [k][n], or [n][k] with trans.
type packing struct {
	isa   ISA
	trans bool
	flush bool // tiny values become +0
	n, k  int
	b     []float32
	ldb   int
}

const (
	// packBlock is how many elements of a panel are packed from a transposed B before
	// its rows are read on. Each strip of a panel writes a part of every line, so that
	// the block has to stay in the first-level cache: 16 KiB.
	packBlock = 1 << 12
	// packAtOnce is how many rows of B are spread over all panels before the next ones. So
	// many streams are read. As many are written as there are panels abreast.
	packAtOnce = 32
	// packMost is how many elements one call copies, which nothing interrupts. All panels'
	// widths divide it.
	packMost = 1 << 14
)

// panels packs the panels first to last-1.
func (p *packing) panels(panels []float32, first, last int) {
	if p.k == 0 || p.n == 0 {
		return
	}
	s := &tilings[p.isa]
	nr := s.nr()
	size := p.k * nr
	switch {
	case p.isa == Scalar:
		for i := first; i < last; i++ {
			p.scalarPanel(panels[i*size:][:size], i*nr, nr)
		}
	case p.trans:
		for i := first; i < last; i++ {
			p.strips(s, panels[i*size:][:size], i*nr)
		}
	default:
		for q := 0; q < p.k; q += packAtOnce {
			for i := first; i < last; i += s.abreast {
				j := i * nr
				width := min(nr*min(s.abreast, last-i), p.n-j)
				packRows(p.isa, packFlags(p.flush), panels[i*size+q*nr:], p.b, q*p.ldb+j, min(packAtOnce, p.k-q), width, size, p.ldb)
			}
		}
	}
}

// scalarPanel packs the panel that begins with column j of B.
func (p *packing) scalarPanel(panel []float32, j, nr int) {
	b := p.b[j:]
	if p.trans {
		b = p.b[j*p.ldb:]
	}
	ref.Pack(panel, p.trans, p.flush, nr, p.k, b, p.ldb, min(nr, p.n-j))
}

// noRow is read in place of rows that B does not have: as many steps as a block of
// the narrowest panel has.
var noRow [packBlock / 16]float32

// strips packs the panel that begins with row j of a transposed B, one vector of
// rows after another. Four steps are taken at a time; the last ones are taken again
// where k is no multiple of four.
func (p *packing) strips(s *tiling, panel []float32, j int) {
	if p.k < 4 {
		p.narrowPanel(panel, j, s.nr())
		return
	}
	nr, flags := s.nr(), packFlags(p.flush)
	var rows [tile.PackLanes]*float32
	steps := 0
	for q := 0; q < p.k; q += steps {
		if steps = min(packBlock/nr, (p.k-q)&^3); steps == 0 {
			q, steps = p.k-4, 4
		}
		for col := 0; col < nr; col += s.Lanes {
			for l := range s.Lanes {
				rows[l] = at(noRow[:], 0)
				if i := j + col + l; i < p.n {
					rows[l] = at(p.b, i*p.ldb+q)
				}
			}
			runPackStrip(p.isa, at(panel, q*nr+col), &rows, steps, flags)
		}
	}
}

// narrowPanel packs the panel that begins with row j of a transposed B of less than
// four columns.
func (p *packing) narrowPanel(panel []float32, j, nr int) {
	clear(panel)
	for c := range min(nr, p.n-j) {
		for q, v := range p.b[(j+c)*p.ldb:][:p.k] {
			panel[q*nr+c] = v
		}
	}
	if p.flush {
		p.isa.CopyFlush(panel, panel)
	}
}

func packFlags(flush bool) int {
	if flush {
		return tile.PackFlush
	}
	return 0
}

// packRows spreads rows of w elements of src, the first from its element from on and each lds
// after the one before, over panels that are ldp apart. The first goes to the beginning of
// panels, the next ones to the rows of the panels after it.
func packRows(t ISA, flags int, panels, src []float32, from, rows, w, ldp, lds int) {
	s := &tilings[t]
	nr := s.nr()
	if t == Scalar {
		for i := range rows {
			spread(panels[i*nr:], nr, ldp, src[from+i*lds:][:w], flags != 0)
		}
		return
	}
	var tails [tile.PackVecs]int
	pieces, rest := w/nr, w%nr
	if rest > 0 {
		flags |= tile.PackPart
		for v := range tails {
			tails[v] = max(0, min(s.Lanes, rest-v*s.Lanes))
		}
	}
	runPackRows(t, at(panels, 0), at(src, from), rows, pieces, ldp, nr, lds, &tails, flags)
}

// spread copies a row to panels of nr columns that are ldp apart, in Go.
func spread(panels []float32, nr, ldp int, row []float32, flush bool) {
	for i := 0; len(row) > 0; i += ldp {
		n := copy(panels[i:i+nr], row)
		clear(panels[i+n : i+nr])
		if flush {
			Scalar.CopyFlush(panels[i:i+n], panels[i:i+n])
		}
		row = row[n:]
	}
}
