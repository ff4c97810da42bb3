package numtest

import (
	"fmt"
	"math"
	"testing"
)

// Unit is the unit roundoff of float32: one rounding moves a normal value by at
// most Unit times its magnitude.
const Unit = 0x1p-24

// tiny covers the absolute error of one rounding into the subnormal range, and
// one flush of a value below 2^-100 to zero is counted separately by Flushed.
const tiny = 0x1p-150

// A Running is a value computed in float64 together with a bound on how far the
// same computation in float32, rounded once per operation, can end up from it.
// The methods are those operations; the float64's own rounding is small beside
// the float32's and is covered by a slack of one part in a thousand.
type Running struct {
	V float64 // the value
	E float64 // the bound on |float32 result - V|
}

// Exact is an input that both computations hold exactly.
func Exact(v float32) Running { return Running{V: float64(v)} }

func rounded(v, e float64) Running {
	return Running{v, e + Unit*(math.Abs(v)+e)*1.001 + tiny}
}

// Add is one float32 addition.
func (a Running) Add(b Running) Running { return rounded(a.V+b.V, a.E+b.E) }

// Sub is one float32 subtraction.
func (a Running) Sub(b Running) Running { return rounded(a.V-b.V, a.E+b.E) }

// Mul is one float32 multiplication.
func (a Running) Mul(b Running) Running { return rounded(product(a, b)) }

// FMA is one float32 fused multiply-add, a*b + c.
func (a Running) FMA(b, c Running) Running {
	v, e := product(a, b)
	return rounded(v+c.V, e+c.E)
}

// Neg is exact.
func (a Running) Neg() Running { return Running{-a.V, a.E} }

// Flushed adds what storing +0 for magnitudes below 2^-100 can move.
func (a Running) Flushed() Running { return Running{a.V, a.E + 0x1p-100} }

// Func is an element function with result v = f(a.V), a slope of at most
// lipschitz between the two arguments, and ulps units of error of its own.
func (a Running) Func(v, lipschitz, ulps float64) Running {
	e := a.E * lipschitz
	return Running{v, (e + ulps*(Ulp(v)+2*Unit*e)) * 1.001}
}

func product(a, b Running) (v, e float64) {
	return a.V * b.V, math.Abs(a.V)*b.E + math.Abs(b.V)*a.E + a.E*b.E
}

// ChainBound bounds the error of one chain of k fused multiply-adds in float32
// whose terms have the magnitudes that add up to sum, start included.
func ChainBound(k int, sum float64) float64 {
	return 1.001*float64(k+1)*Unit*sum + float64(k+1)*tiny
}

// Within reports an error unless every got[i] is within bound[i] of want[i]; like
// Equal it fails once. It returns the largest share of a bound that was used.
func Within(t testing.TB, got []float32, want, bound []float64, format ...any) (worst float64) {
	t.Helper()
	if len(got) != len(want) || len(want) != len(bound) {
		t.Errorf("%slengths %d, %d, %d differ", label(format), len(got), len(want), len(bound))
		return math.Inf(1)
	}
	share := func(i int) float64 {
		d := math.Abs(float64(got[i]) - want[i])
		if d == 0 || got[i] != got[i] && want[i] != want[i] {
			return 0
		}
		return d / bound[i]
	}
	report(t, len(got), func(i int) bool {
		s := share(i)
		worst = max(worst, s)
		return s <= 1 // false for NaN
	}, func(i int) string {
		return fmt.Sprintf("[%d] got %v want %v, off by %.3g, bound %.3g",
			i, got[i], want[i], math.Abs(float64(got[i])-want[i]), bound[i])
	}, format)
	return worst
}
