package kernels

import (
	"testing"

	"github.com/simdrnn/simdrnn/kernels/internal/tile"
)

// Who has scratch for the most rows and columns has it for fewer, and what is asked for is
// enough for what is copied.
func TestGemmRowsWorkIsMonotone(t *testing.T) {
	for _, isa := range Available() {
		for _, m := range []int{0, 1, 11, 12, 40, 81, 95, 96, 97, 500} {
			last := 0
			for rows := range 7000 {
				work := isa.GemmRowsWork(m, rows)
				if work < last {
					t.Fatalf("%s: %d rows of %d columns need %d elements, one row less %d", isa, rows, m, work, last)
				}
				need := rows * min(m, isa.rowsHeight(rows))
				if s := &tilings[isa]; isa != Scalar {
					need = (min(m, isa.rowsHeight(rows)) + s.Rows - 1) / s.Rows * (rows*s.Rows + factorsGap)
				}
				if work < need {
					t.Fatalf("%s: %d rows of %d columns: work is %d elements, %d are used", isa, rows, m, work, need)
				}
				last = work
			}
		}
	}
}

// Assembly is not preempted, so the longest call of a tile is bounded: at half of
// two multiply-adds a cycle and 2 GHz, less than any processor with these
// instructions runs at under load, 100 us are 200,000 vectors of them.
func TestTilesBoundACall(t *testing.T) {
	for isa, s := range tilings {
		if ISA(isa) == Scalar {
			continue // plain Go, preempted anywhere
		}
		for rows := 1; rows <= s.Rows; rows++ {
			width := s.width(rows, 1<<20)
			if n := rows * width / s.Lanes * max(longK, s.kc); n > 200_000 {
				t.Errorf("%s: a call of %d multiply-adds of vectors for %d rows, want at most 200000", ISA(isa), n, rows)
			}
			if width > maxWidth || rows*width > maxTile {
				t.Errorf("%s: a tile of %d x %d does not fit what chains start from", ISA(isa), rows, width)
			}
		}
	}
}

// The same bound for packing: the slowest call is one that touches memory for the
// first time. 16384 elements are what one call of an element kernel may have.
func TestPackingBoundsACall(t *testing.T) {
	for isa, s := range tilings {
		if ISA(isa) == Scalar {
			continue
		}
		strip := packBlock / s.nr() * s.Lanes
		if packMost > 16384 || packMost%s.nr() != 0 || strip == 0 || strip > 16384 || s.abreast < 1 || packAtOnce*s.abreast*s.nr() > 16384 {
			t.Errorf("%s: calls of %d, %d and %d elements, want 1 to 16384 and whole panels of %d", ISA(isa), strip, packAtOnce*s.abreast*s.nr(), packMost, s.nr())
		}
		if s.Lanes > tile.PackLanes || s.Vecs > tile.PackVecs || packBlock/s.nr() > len(noRow) || packBlock/s.nr()%4 != 0 {
			t.Errorf("%s: %d lanes, %d vectors and %d steps a block do not fit what packing is given", ISA(isa), s.Lanes, s.Vecs, packBlock/s.nr())
		}
	}
}

// And for rows of a list, however many of them follow each other.
func TestRowsBoundACall(t *testing.T) {
	list := make([]int32, 20000)
	for i := range list {
		list[i] = int32(i)
	}
	for _, n := range []int{1, 31, 1000, packMost - 1, packMost, packMost + 1, 3 * packMost} {
		run, step := steady(list, max(1, packMost/n))
		if run < 1 || run*min(n, packMost) > packMost || step != 1 {
			t.Errorf("rows of %d elements: %d at a time, %d apart, want at most %d elements of rows side by side", n, run, step, packMost)
		}
	}
}
