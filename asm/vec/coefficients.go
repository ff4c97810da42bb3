package vec

// The constants of exp, sigmoid and tanh, whose fits program coef verifies, and of
// the other sequences.
const (
	one      Const = 0x3f800000
	two      Const = 0x40000000
	signBit  Const = 0x80000000
	restBits Const = 0x7fffffff

	Log2E Const = 0x3fb8aa3b
	// Adding magic = 1.5 * 2^23 rounds to an integer and leaves it in the low
	// bits of the sum.
	magic Const = 0x4b400000
	// With 127+65 added to it, the low bits of the sum are the exponent of 2^(n+65). That
	// number is even, so that ties go to the same n.
	magicExponent = magic + 127 + 65
	// -ln 2 as a float32 and what it lacks. With an FMA the first step of the
	// reduction is exact, so that the head may use all its bits.
	MinusLn2Head Const = 0xbf317218
	MinusLn2Rest Const = 0x3102e308

	// exp underflows to +0 below the first and overflows above the second.
	expLeast Const = 0xc2d00000 // -104
	expMost  Const = 0x42b20000 // 89

	// e^x - 1 rounds to -1 below it.
	expm1Least Const = 0xc1900000 // -18

	// tanh rounds to 1 from 9.02 on.
	tanhMost Const = 0x41140000 // 9.25
	// Below this tanh is a polynomial, above it is built on exp.
	tanhSplit Const = 0x3f200000 // 0.625

	// The smallest number above 0 and the largest below 1: x <= 0 is x < least,
	// x >= 1 is mostBelowOne < x, and both are false for a NaN.
	least        Const = 0x00000001
	mostBelowOne Const = 0x3f7fffff

	// Values smaller than this, 2^-100, are stored as +0 by the kernels whose
	// results come back in the next step.
	tiny     Const = 0x0d800000
	halfTiny Const = 0x0d000000 // 2^-101

	// Below ln 2^-100 = -69.3, with an exponential that is a normal number.
	expSumLeast Const = 0xc2a00000 // -80
	expSumMost  Const = 0x42a00000 // 80

	minusOne Const = 0xbf800000

	// Numbers of Root. Powers of two up to 2^66 and down to 2^-66 are scaled by, and
	// rootInverse less the bits of one is the bits of its inverse; what lies below
	// rootLost after that counts as +0, and so does a root below tinyRoot, 2^-112.
	rootSmall   Const = 0x3a800000 // 2^-10
	rootLarge   Const = 0x58800000 // 2^50
	rootUp      Const = 0x60800000 // 2^66
	rootDown    Const = 0x1e800000 // 2^-66
	rootInverse Const = 0x7f000000
	rootLost    Const = 0x27800000 // 2^-48
	tinyRoot    Const = 0x07800000

	// The fraction bits of a float32.
	fraction Const = 0x007fffff

	// The multipliers of Philox and what its key grows by from round to round.
	philoxFactor0 Const = 0xd2511f53
	philoxFactor1 Const = 0xcd9e8d57
	philoxStep0   Const = 0x9e3779b9
	philoxStep1   Const = 0xbb67ae85
)

// ExpPoly is exp(r) on |r| <= ln(2)/2, highest power first; the relative error
// of the fit is 2^-28.2.
var ExpPoly = [...]Const{0x3ab56359, 0x3c091ef0, 0x3d2aac2c, 0x3e2aaa46, 0x3efffffe, one, one}

// smallExpPoly is 2^-65 * ExpPoly.
func smallExpPoly() []Const {
	c := ExpPoly
	for i := range c {
		c[i] -= 65 << 23 // of the exponent
	}
	return c[:]
}

// TanhPoly is T in tanh(a) = a + a*z*T(z), z = a*a, for a < 0.625, highest
// power first; the relative error of the fit is 2^-27.7.
var TanhPoly = [...]Const{0xbbba8672, 0x3ca8fc67, 0xbd5c1ad2, 0x3e08837b, 0xbeaaaa99}

// LogPoly is P in log(1+u) = s*(2 + z*P(z)), s = u/(2+u), z = s*s, for u in
// [0, 1], highest power first; the relative error of the fit is 2^-27.7.
var LogPoly = [...]Const{0x3e8f650c, 0x3e8f6020, 0x3ecce8e6, 0x3f2aaa81}
