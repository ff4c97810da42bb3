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
		if n := s.Rows * s.Vecs * max(longK, s.kc); n > 200_000 {
			t.Errorf("%s: a call of %d multiply-adds of vectors, want at most 200000", ISA(isa), n)
		}
		if s.nr() > len(zeros) || s.Rows*s.nr() > 6*64 {
			t.Errorf("%s: a tile of %d x %d does not fit what chains start from", ISA(isa), s.Rows, s.nr())
		}
	}
}
