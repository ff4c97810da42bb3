package oracle

import (
	"fmt"
	"math"
	"testing"
)

// The tests of the other cells, as far as they differ from the LSTM's.

func grus() map[string]Cell[Real] {
	cells := map[string]Cell[Real]{}
	for _, before := range []bool{false, true} {
		for _, textbook := range []bool{false, true} {
			cells[fmt.Sprintf("before=%v,textbook=%v", before, textbook)] = GRU[Real]{ResetBefore: before, Textbook: textbook}
		}
	}
	return cells
}

func rnns() map[string]Cell[Real] {
	cells := map[string]Cell[Real]{}
	for _, f := range Activations() {
		cells[f.Name] = RNN[Real]{F: f}
	}
	return cells
}

// TestBackwardOfGRU and TestBackwardOfRNN: link one of the proof, for every form.
func TestBackwardOfGRU(t *testing.T) { checkDerivatives(t, grus()) }

func TestBackwardOfRNN(t *testing.T) { checkDerivatives(t, rnns()) }

func checkDerivatives(t *testing.T, cells map[string]Cell[Real]) {
	for name, cell := range cells {
		t.Run(name, func(t *testing.T) {
			deep := newProblem(cell, Shape{Input: 2, Hidden: 2, Layers: 4, Bidirectional: true}, 20, 2, []int{20, 7}, 21)
			for _, p := range append(problems(cell), deep) {
				checkDerivative(t, p)
			}
		})
	}
}

// TestBoundHoldsForCells: a float32 evaluation lies within the bound.
func TestBoundHoldsForCells(t *testing.T) {
	hold := func(name string, cell Cell[Real]) {
		used := 0.0
		for _, p := range append(problems(cell), newProblem(cell, Shape{Input: 17, Hidden: 16, Layers: 2}, 7, 3, nil, 11)) {
			u, outside := compare(t, floats(results[single](p)), results[Bounded](p))
			if outside > 0 {
				t.Errorf("%s: %v: %d elements outside their bounds", name, p, outside)
			}
			used = math.Max(used, u)
		}
		t.Logf("%s: at most %.0f%% of a bound used", name, 100*used)
	}
	for name, cell := range grus() {
		hold("GRU "+name, cell)
	}
	for name, cell := range rnns() {
		hold("RNN "+name, cell)
	}
}

// TestKnownSteps pins steps computed by hand.
func TestKnownSteps(t *testing.T) {
	s := Shape{Input: 1, Hidden: 1, Layers: 1}
	run := func(cell Cell[Real], wih, whh, bih, bhh []Real, x, h Real) float64 {
		p := Params[Real]{"weight_ih_l0": wih, "weight_hh_l0": whh, "bias_ih_l0": bih, "bias_hh_l0": bhh}
		return float64(Forward(cell, s, p, Sequence[Real]{T: 1, B: 1, X: []Real{x}, State: [][]Real{{h}}}).Y[0])
	}
	ln3 := Real(math.Log(3)) // a sigmoid of 3/4
	zero := []Real{0, 0, 0}
	for _, c := range []struct {
		cell GRU[Real]
		want float64
	}{
		// r = 3/4, z = 1/2, h = 0.8, W_hn = 0.5, b_hn = 0.2, b_in = 0.1.
		{GRU[Real]{}, 0.5*math.Tanh(0.1+0.75*(0.4+0.2)) + 0.4},
		{GRU[Real]{ResetBefore: true}, 0.5*math.Tanh(0.1+0.2+0.5*0.75*0.8) + 0.4},
	} {
		if got := run(c.cell, zero, []Real{0, 0, 0.5}, []Real{ln3, 0, 0.1}, []Real{0, 0, 0.2}, 5, 0.8); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%+v: %v, want %v", c.cell, got, c.want)
		}
	}
	// z = 3/4, n = tanh(0.5): which of the two states it weighs.
	for textbook, want := range map[bool]float64{false: 0.25*math.Tanh(0.5) + 0.6, true: 0.75*math.Tanh(0.5) + 0.2} {
		if got := run(GRU[Real]{Textbook: textbook}, zero, zero, []Real{0, ln3, 0.5}, zero, 0, 0.8); math.Abs(got-want) > 1e-15 {
			t.Errorf("textbook=%v: %v, want %v", textbook, got, want)
		}
	}
	// Both sides of every function, f(-0.5) and f(0.5); HardSigmoid and
	// ThresholdedRelu also beyond their second bend.
	want := map[string][2]float64{
		"Tanh": {-math.Tanh(0.5), math.Tanh(0.5)}, "Relu": {0, 0.5}, "Sigmoid": {1 / (1 + math.Exp(0.5)), 1 / (1 + math.Exp(-0.5))},
		"Affine": {-0.5, 0.25}, "LeakyRelu": {-0.0625, 0.5}, "ThresholdedRelu": {0, 0.5}, "ScaledTanh": {-1.75 * math.Tanh(0.3125), 1.75 * math.Tanh(0.3125)},
		"HardSigmoid": {0.3125, 0.6875}, "Elu": {1.25 * math.Expm1(-0.5), 0.5}, "Softsign": {-1. / 3, 1. / 3}, "Softplus": {math.Log1p(math.Exp(-0.5)), math.Log1p(math.Exp(0.5))},
	}
	for _, f := range Activations() {
		for side, x := range []Real{-0.5, 0.5} {
			if y, _ := function(f, x); math.Abs(float64(y)-want[f.Name][side]) > 1e-15 {
				t.Errorf("%s(%v) = %v, want %v", f.Name, x, y, want[f.Name][side])
			}
		}
	}
	for _, c := range []struct {
		f    Activation
		x, y Real
	}{{Activation{"HardSigmoid", 0.375, 0.5}, -2, 0}, {Activation{"HardSigmoid", 0.375, 0.5}, 2, 1}, {Activation{"ThresholdedRelu", 0.25, 0}, 0.125, 0}} {
		if y, slope := function(c.f, c.x); y != c.y || slope != 0 {
			t.Errorf("%s(%v) = %v with slope %v, want %v and 0", c.f.Name, c.x, y, slope, c.y)
		}
	}
}
