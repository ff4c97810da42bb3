package kernels_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/kernels"
)

func TestOverlap(t *testing.T) {
	s := make([]float32, 8)
	for _, c := range []struct {
		name          string
		a, b          []float32
		overlap, same bool
	}{
		{"itself", s, s, true, true},
		{"its beginning", s, s[:3], true, false},
		{"its end", s, s[5:], true, false},
		{"halves", s[:4], s[4:], false, false},
		{"by one element", s[:5], s[4:], true, false},
		{"one inside the other", s[2:4], s, true, false},
		{"beyond the length", s[:2:8], s[2:4], false, false},
		{"no elements", s[4:4], s, false, false},
		{"nil", nil, s, false, false},
		{"two nils", nil, nil, false, false},
		{"another slice", s, make([]float32, 8), false, false},
	} {
		for range 2 {
			if got := kernels.Overlap(c.a, c.b); got != c.overlap {
				t.Errorf("%s: Overlap is %v", c.name, got)
			}
			if got := kernels.Same(c.a, c.b); got != c.same {
				t.Errorf("%s: Same is %v", c.name, got)
			}
			c.a, c.b = c.b, c.a
		}
	}
}
