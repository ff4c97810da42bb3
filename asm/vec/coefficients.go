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

	// Numbers of Normal and of the GELU. Beyond normalMost, and below -logisticMost, a GELU is
	// tiny or its argument; the curve of the tanh form is 2*sqrt(2/pi)*(x + 0.044715*x^3).
	quarter     Const = 0x3e800000
	half        Const = 0x3f000000
	minusHalf   Const = 0xbf000000
	normalMost  Const = 0x41400000 // 12
	normalLeast Const = 0xc1400000
	density     Const = 0x3ecc422a // 1/sqrt(2*pi)
	curveMost   Const = 0x41180000 // 9.5
	curveLeast  Const = 0xc1180000
	curveLinear Const = 0x3fcc422a // 2*sqrt(2/pi)
	curveCubic  Const = 0x3d922279 // times 0.044715
	curveCubic3 Const = 0x3e5b33b6 // times 3

	// Numbers of BoxMuller: adding the bits of magic to an integer of few bits makes the float32
	// magic + it.
	rootHalf     Const = 0x3f3504f3 // sqrt(1/2)
	ln2          Const = 0x3f317218
	threeHalves  Const = 0x3fc00000
	exponentFrom       = 23

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

// MillsPoly is P in e^(t*t/2)*Q(t) = u*P(u), u = 1/(1 + t/4), where Q(t) is what a normal
// variable has above t, for t in [0, 12], highest power first; the relative error of the fit is
// 2^-25.9.
var MillsPoly = [...]Const{0x3c755aa9, 0xbd5c0dc2, 0x3cf08d21, 0x3d745a9c, 0xbc7114b8, 0x3dd183b6, 0x3d879a57, 0x3dc65a97, 0x3dcb671e, 0x3dcc4dcb}

// TurnPoly is P in sin(2*pi*x) = x*P(x*x), the Taylor sum to x^11, highest power first; the
// first term left out is below 2^-24 for |x| <= 1/4.
var TurnPoly = [...]Const{0xc17183a8, 0x42283c1a, 0xc2996966, 0x42a335e3, 0xc2255de7, 0x40c90fdb}

// LogPoly is P in log(1+u) = s*(2 + z*P(z)), s = u/(2+u), z = s*s, for u in
// [0, 1], highest power first; the relative error of the fit is 2^-27.7.
var LogPoly = [...]Const{0x3e8f650c, 0x3e8f6020, 0x3ecce8e6, 0x3f2aaa81}
