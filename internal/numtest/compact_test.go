package numtest

import (
	"math"
	"slices"
	"testing"
)

// What bench/compact.py prints for these labels.
func TestDrawnIsWhatPythonDraws(t *testing.T) {
	if got, want := words("17/x", 3), []uint64{0x247cb8d34bc12e71, 0x5e17434465695d90, 0x72fe22d5e025e2c0}; !slices.Equal(got, want) {
		t.Errorf("words %#x, want %#x", got, want)
	}
	if got, want := Drawn("17/weight_ih_l0", 2, 0.354), []float32{0.005369455, 0.3294644}; !slices.Equal(got, want) {
		t.Errorf("numbers %v, want %v", got, want)
	}
}

func TestApart(t *testing.T) {
	y := make([]float64, 12)
	for i := range y {
		y[i] = float64(i+1) / 8
	}
	some, all := Summary{3.1868872, -0.835277274, 0.25, 1.125, 0.375, 0.75}, Summary{0.467707173, -0.301368088, 0.125, 0.25, 0.375}
	for _, c := range []struct {
		got []float64
		s   Summary
	}{{y, some}, {y[:3], all}, {make([]float64, 3), Summary{0, 0, 0, 0, 0}}, {nil, Summary{0, 0}}} {
		if d, where := Apart("17/y", c.got, c.s); d > 1e-8 {
			t.Errorf("%v is %v apart from its summary: %s", c.got, d, where)
		}
	}
	// One element that is off by a hundredth, wherever it stands; two that have
	// changed places; NaN; too many or too few.
	for i := range y {
		wrong := slices.Clone(y)
		wrong[i] += 0.01
		if d, _ := Apart("17/y", wrong, some); d < 1e-5 {
			t.Errorf("element %d off by a hundredth: %v apart", i, d)
		}
		wrong[i] = y[(i+1)%12]
		wrong[(i+1)%12] = y[i]
		if d, _ := Apart("17/y", wrong, some); d < 1e-3 {
			t.Errorf("element %d and the next exchanged: %v apart", i, d)
		}
		wrong[i] = math.NaN()
		if d, _ := Apart("17/y", wrong, some); !math.IsNaN(d) {
			t.Errorf("element %d is NaN: %v apart", i, d)
		}
	}
	for _, wrong := range [][]float64{y[:11], append(slices.Clone(y), 1), y[:2], nil} {
		if d, _ := Apart("17/y", wrong, some); !(d > 1e-3) {
			t.Errorf("%d elements: %v apart", len(wrong), d)
		}
	}
	if d, _ := Apart("17/y", y[:3], Summary{0, 0, 0, 0, 0}); !math.IsInf(d, 1) {
		t.Errorf("numbers in place of zeros: %v apart", d)
	}
	if d, _ := Apart("17/y", y, some[:1]); !math.IsInf(d, 1) {
		t.Errorf("no summary: %v apart", d)
	}
}
