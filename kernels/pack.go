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
	// packRows is how many rows of B are spread over all panels before the next
	// ones: so many streams are read, and one written in stretches.
	packRows = 32
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
		for q := 0; q < p.k; q += packRows {
			for i := first; i < last; i++ {
				j := i * nr
				packPieces(p.isa, p.flags(), panels[i*size+q*nr:], p.b[q*p.ldb+j:], min(packRows, p.k-q), nr, p.ldb, min(nr, p.n-j))
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
	nr, flags := s.nr(), p.flags()
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

func (p *packing) flags() int {
	if p.flush {
		return tile.PackFlush
	}
	return 0
}

// packPieces copies pieces of w elements, up to a panel's width nr, that lie lds
// apart, to rows of panels that lie ldd apart.
func packPieces(t ISA, flags int, dst, src []float32, pieces, ldd, lds, w int) {
	s := &tilings[t]
	var tails [tile.PackVecs]int
	if w < s.nr() {
		flags |= tile.PackPart
		for v := range tails {
			tails[v] = max(0, min(s.Lanes, w-v*s.Lanes))
		}
	}
	runPackPieces(t, at(dst, 0), at(src, 0), pieces, ldd, lds, &tails, flags)
}

// packRow spreads row q of a matrix of k rows over its panels.
func packRow(t ISA, panels []float32, k, q int, row []float32) {
	nr := tilings[t].nr()
	if t == Scalar {
		spread(panels, nr, k, q, row)
		return
	}
	for panels = panels[q*nr:]; len(row) >= nr; {
		pieces := min(packRows, len(row)/nr)
		packPieces(t, 0, panels, row, pieces, k*nr, nr, nr)
		row = row[pieces*nr:]
		panels = panels[min(len(panels), pieces*k*nr):]
	}
	if len(row) > 0 {
		packPieces(t, 0, panels, row, 1, 0, 0, len(row))
	}
}

// spread is packRow in Go, for panels of any width.
func spread(panels []float32, nr, k, q int, row []float32) {
	for i := q * nr; len(row) > 0; i += k * nr {
		n := copy(panels[i:i+nr], row)
		clear(panels[i+n : i+nr])
		row = row[n:]
	}
}
