package seq

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The borders of a row are found over any distance, on both sides of a step.
func TestBordersAreFound(t *testing.T) {
	const steps, batch = 200, 3
	n, err := NewNet(Net{Kind: "test", Cell: gated{2}, Input: 1, Layers: 1, Reverse: []bool{false}}, true, Zeros)
	if err != nil {
		t.Fatal(err)
	}
	u := n.Unroll(steps, batch, true)
	r := rand.New(rand.NewPCG(1, 2))
	for _, often := range []float64{0.005, 0.02, 0.5} {
		resets := make([][]int, batch)
		for b := range resets {
			for at := range steps {
				if r.Float64() < often || at == 64*b || at == 64*(b+1)-1 {
					resets[b] = append(resets[b], at)
				}
			}
		}
		if err := u.SetResets(resets); err != nil {
			t.Fatal(err)
		}
		if u.resets.before(0, 0) != -1 || u.resets.after(0, 0) != -1 || u.resets.at(0) {
			t.Error("resets of the next Forward are those of the last one")
		}
		u.resets.now = true
		for at := range steps + 1 {
			some := false
			for b, list := range resets {
				before, after := -1, -1
				for _, s := range list {
					if s <= at {
						before = s
					}
					if s >= at && after < 0 {
						after = s
					}
				}
				if at < steps {
					if got := u.resets.before(b, at); got != before {
						t.Errorf("row %d: the border before step %d is %d, want %d", b, at, got, before)
					}
				}
				if got := u.resets.after(b, at); got != after {
					t.Errorf("row %d: the border after step %d is %d, want %d", b, at, got, after)
				}
				has := slices.Contains(list, at)
				if some = some || has; u.resets.of(b, at) != has {
					t.Errorf("row %d: border %d is %v, want %v", b, at, !has, has)
				}
			}
			if u.resets.at(at) != some {
				t.Errorf("border %d of some row is %v, want %v", at, !some, some)
			}
		}
		u.resets.now = false
	}
}
