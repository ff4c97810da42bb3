package kernels

import "testing"

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
