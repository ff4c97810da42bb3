package main

import (
	"math"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// The errors that package vec and the documentation state.
func TestFitErrors(t *testing.T) {
	for _, c := range []struct {
		fit  Fit
		bits float64
	}{{Exp, -28.2}, {Tanh, -27.7}, {Log, -27.7}, {Mills, -25.9}} {
		used := c.fit.MaxError(c.fit.used())
		if got := math.Log2(used); got > c.bits {
			t.Errorf("%s: the coefficients in use have an error of 2^%.3f, stated is 2^%.1f", c.fit.Name, got, c.bits)
		}
		best := c.fit.Minimax(make([]float64, c.fit.Degree+1), make([]bool, c.fit.Degree+1))
		if used < best {
			t.Errorf("%s: the coefficients in use (%g) beat the best real ones (%g): the search has failed", c.fit.Name, used, best)
		}
	}
}

// How close rounding one by one comes to the coefficients in use.
func TestRefit(t *testing.T) {
	for _, c := range []struct {
		fit Fit
		ulp int64 // by which the highest coefficient may differ
	}{{Exp, 78}, {Tanh, 0}, {Log, 0}, {Mills, 0}} {
		order := c.fit.lowestFirst()
		if c.fit.Name == Mills.Name {
			slices.Reverse(order) // its point is above 0: the low coefficients make good what the high ones lack
		}
		got, worst := c.fit.Rounded(order)
		used := c.fit.used()
		for p := range used {
			d := int64(math.Float32bits(float32(got[p]))) - int64(math.Float32bits(float32(used[p])))
			if allowed := c.ulp; d != 0 && (p < c.fit.Degree || d > allowed || d < -allowed) {
				t.Errorf("%s: coefficient %d of P: refitted %x, in use %x", c.fit.Name, p, got[p], used[p])
			}
		}
		if u := c.fit.MaxError(used); math.Abs(worst-u) > u/200 {
			t.Errorf("%s: refitted error %g, in use %g", c.fit.Name, worst, u)
		}
	}
}

func TestReductionConstants(t *testing.T) {
	f32 := func(c vec.Const) float64 { return float64(math.Float32frombits(uint32(c))) }
	if f32(vec.Log2E) != float64(float32(math.Log2E)) {
		t.Errorf("log2 e: %x", vec.Log2E)
	}
	head := f32(vec.MinusLn2Head)
	if head != float64(float32(-math.Ln2)) {
		t.Errorf("-ln 2: %x", vec.MinusLn2Head)
	}
	// ln 2 has more bits than a float64; they do not reach this float32.
	if rest := float64(float32(-math.Ln2 - head)); f32(vec.MinusLn2Rest) != rest {
		t.Errorf("rest of -ln 2: %x, want %x", vec.MinusLn2Rest, math.Float32bits(float32(rest)))
	}
}
