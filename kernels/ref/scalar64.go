package ref

import "math"

// The float64 functions here serve losses, schedules and initialisation. The
// standard library's own differ in the last bit between GOARCHes, because some
// have assembly; these are written sequences of exactly rounded operations.

// Log64 returns the natural logarithm of x to about 1 ulp: -Inf for 0, NaN for
// negative x. With x = 2^k m, sqrt(1/2) <= m < sqrt 2, s = (m-1)/(m+1) it sums
// log m = 2 atanh s = 2s + 2s^3/3 + 2s^5/5 + ... to the s^23 term, whose
// successor is below 2^-60 since |s| < 0.1716.
func Log64(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m = float64(m * 2) // exact
		k--
	}
	f := m - 1 // exact
	s := f / (m + 1)
	z := float64(s * s)
	p := 1.0 / 23
	for n := 21; n >= 3; n -= 2 {
		p = math.FMA(p, z, 1/float64(n))
	}
	// log m = 2s + 2s*z*p, and 2s = f - s*f holds to the bit that the
	// rounding of s lost, which the quotient alone would carry along.
	t := math.FMA(float64(s*z), float64(2*p), -float64(s*f))
	t = math.FMA(float64(k), ln2Low, t)
	return math.FMA(float64(k), ln2High, f+t)
}

const (
	ln2High = 0x1.62e42feep-1       // ln 2 to 33 bits: k*ln2High is exact
	ln2Low  = 0x1.a39ef35793c76p-33 // the rest
	piHigh  = 0x1.921fb54442d18p+0  // pi/2
	piLow   = 0x1.1a62633145c07p-54 // the rest
	overPi2 = 0x1.45f306dc9c883p-1  // 2/pi
	overLn2 = 0x1.71547652b82fep+0  // 1/ln 2
)

// Exp64 returns e^x to about 1 ulp: x = k ln 2 + r with |r| <= ln 2 / 2, and the
// Taylor sum of e^r to r^14.
func Exp64(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	k := math.Floor(math.FMA(x, overLn2, 0.5))
	r := math.FMA(-k, ln2High, x)
	r = math.FMA(-k, ln2Low, r)
	p := 1.0
	for n := 14; n >= 1; n-- {
		p = math.FMA(p, r/float64(n), 1)
	}
	return math.Ldexp(p, int(k))
}

// Cos64 returns cos x to about 1 ulp of 1 for |x| <= 2^20: x = k pi/2 + r with
// |r| <= pi/4, and the Taylor sum of cos r or sin r by the quadrant.
func Cos64(x float64) float64 {
	k := math.Floor(math.FMA(x, overPi2, 0.5))
	r := math.FMA(-k, piHigh, x)
	r = math.FMA(-k, piLow, r)
	z := -float64(r * r)
	quadrant := int64(k) & 3
	odd := float64(quadrant & 1) // sin r in quadrants 1 and 3
	p := 1.0
	for n := 20; n >= 2; n -= 2 {
		m := float64(n) + odd
		p = math.FMA(p, z/float64(m*(m-1)), 1)
	}
	if odd == 1 {
		p *= r
	}
	if quadrant == 1 || quadrant == 2 {
		p = -p
	}
	return p
}
