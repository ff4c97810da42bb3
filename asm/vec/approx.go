package vec

// The sequences below are normative: kernels/ref holds the same operations in
// the same order, and every machine gives the same bits. Each function writes
// over none of its arguments unless it says so.

// ExpConstants, SigmoidConstants and TanhConstants are what the sequences
// read, the most rewarding to hold in a register first.
func ExpConstants() []Const {
	return append([]Const{expLeast, expMost}, reduceConstants()...)
}

func SigmoidConstants(m Machine) []Const {
	return append([]Const{one, expLeast, signBit}, boundedConstants(m)...)
}

func TanhConstants(m Machine) []Const {
	c := append([]Const{tanhMost, one, two}, boundedConstants(m)...)
	c = append(c, TanhPoly[:]...)
	return append(c, tanhSplit, restBits, signBit)
}

// SlopeConstants is what OneMinus and OneMinusSquare read.
func SlopeConstants() []Const { return []Const{one} }

func FlushConstants() []Const { return []Const{restBits, tiny} }

func reduceConstants() []Const {
	c := []Const{magic, Log2E, MinusLn2Head, MinusLn2Rest}
	return append(c, ExpPoly[:]...)
}

// boundedConstants is what bounded reads.
func boundedConstants(m Machine) []Const {
	if _, ok := m.(Scaler); ok {
		return reduceConstants()
	}
	return append([]Const{magicExponent, Log2E, MinusLn2Head, MinusLn2Rest}, smallExpPoly()...)
}

// polynomial is Horner's rule, highest coefficient first.
func polynomial(m Machine, x Vec, coefficients []Const) Vec {
	p := m.Const(coefficients[0])
	for _, c := range coefficients[1:] {
		m.Horner(p, x, c)
	}
	return p
}

// power is an integer n as a float32 and, in the low bits of shifted, as an
// integer.
type power struct{ n, shifted Vec }

// remainder gives n and writes over x what is left of it: x - n*ln 2.
func remainder(m Machine, x Vec, magic Const) (e power) {
	e.shifted = m.Const(magic)
	m.FMA(e.shifted, x, Log2E) // t = fma(x, log2 e, magic)
	e.n = m.Sub(e.shifted, magic)
	m.FMA(x, e.n, MinusLn2Head)
	m.FMA(x, e.n, MinusLn2Rest)
	return e
}

// reduce gives p and n with exp(x) = p * 2^n. It writes over x.
func reduce(m Machine, x Vec) (p Vec, e power) {
	e = remainder(m, x, magic)
	return polynomial(m, x, ExpPoly[:]), e
}

// scale is p * 2^n for every n that exp meets: two exact factors, so that only
// the last product rounds, and underflow is gradual.
func scale(m Machine, p Vec, e power) Vec {
	if s, ok := m.(Scaler); ok {
		return s.Scale(p, e.n)
	}
	k := m.SubInt(e.shifted, magic)
	k1 := m.ShiftRight(k, 1)
	k2 := m.SubInt(k, k1)
	return m.Mul(m.Mul(p, powerOfTwo(m, k1)), powerOfTwo(m, k2))
}

// scaleOnce is p * 2^n where 2^n is a normal number. It multiplies: adding to
// the exponent would turn a NaN into a number.
func scaleOnce(m Machine, p Vec, e power) Vec {
	if s, ok := m.(Scaler); ok {
		return s.Scale(p, e.n)
	}
	// The shift drops all of magic's bits.
	return m.Mul(p, powerOfTwo(m, e.shifted))
}

// bounded is exp(x) for x from expLeast to 40, with the bits of reduce and scale in
// fewer operations. Its polynomial gives 2^-65 * p, exactly, since all coefficients are
// smaller by that power of two. The other factor, 2^(n+65), is then a normal number for
// every n, so that one product does what scale does with two, and rounds once as they do.
// The exponent of that factor is the low bits of the sum that rounds to n. It writes over x.
func bounded(m Machine, x Vec) Vec {
	if s, ok := m.(Scaler); ok {
		p, e := reduce(m, x)
		return s.Scale(p, e.n)
	}
	e := remainder(m, x, magicExponent)
	p := polynomial(m, x, smallExpPoly())
	return m.Mul(p, m.ShiftLeft(e.shifted, 23))
}

func powerOfTwo(m Machine, k Vec) Vec { return m.AddInt(m.ShiftLeft(k, 23), one) }

// Exp is the exponential function, 0.90 ulp.
func Exp(m Machine, x Vec) Vec {
	x = m.Max(expLeast, x)
	x = m.Min(expMost, x)
	p, e := reduce(m, x)
	return scale(m, p, e)
}

// Sigmoid is 1/(1+exp(-x)), 1.49 ulp. With e = exp(-|x|) the quotient is e/(1+e)
// or 1/(1+e); the one division is corrected by a Newton step whose residual
// counts what the sum 1+e lost.
func Sigmoid(m Machine, x Vec) Vec {
	e := bounded(m, m.Max(expLeast, m.Or(x, signBit)))
	num := m.SelectSign(x, e, one)
	d := m.Add(e, one)
	dl := m.Sub(e, m.Sub(d, one))
	r := m.Div(one, d)
	q := m.Mul(num, r)
	m.FNMA(num, q, d)
	m.FNMA(num, q, dl)
	m.FMA(q, num, r)
	return q
}

// Tanh is the hyperbolic tangent, 1.37 ulp, odd to the bit: a polynomial below
// 0.625, 1 - 2/(exp(2a)+1) above.
func Tanh(m Machine, x Vec) Vec {
	a := m.And(x, restBits)
	y := m.Mul(m.Min(tanhMost, a), two)
	e := bounded(m, y)
	big := m.Sub(one, m.Div(two, m.Add(e, one)))
	z := m.Mul(a, a)
	small := polynomial(m, z, TanhPoly[:])
	m.Horner(small, m.Mul(a, z), a)
	return m.Or(m.Select(m.Less(a, tanhSplit), small, big), m.And(x, signBit))
}

// Expm1 is exp(x)-1 for x <= 0: with x = n*ln 2 + r it is
// 2^n*(exp(r)-1) + (2^n-1), the last step rounded once.
func Expm1(m Machine, x Vec) Vec {
	r := m.Max(expm1Least, x)
	e := remainder(m, r, magic)
	q := polynomial(m, r, ExpPoly[:5])
	m.Horner(q, m.Mul(r, r), r)
	s := scaleOnce(m, m.Const(one), e)
	m.Horner(q, s, m.Sub(s, one))
	return q
}

// ReLU is max(x, 0); a NaN stays.
func ReLU(m Machine, x Vec) Vec { return m.Max(Const(0), x) }

// Softplus is log(1+exp(x)) = max(x, 0) + log(1+u), u = exp(-|x|), with a
// polynomial in (u/(2+u))^2 for the logarithm.
func Softplus(m Machine, x Vec) Vec {
	u := Exp(m, m.Or(x, signBit))
	s := m.Div(u, m.Add(u, two))
	z := m.Mul(s, s)
	p := polynomial(m, z, LogPoly[:])
	m.Horner(p, z, two)
	m.Horner(p, s, ReLU(m, x))
	return p
}

// Log1pExp is log(1+exp(-|x|)) of a flushed x, +0 where that is below 2^-100. It meets no denormal
// number on the way: what is below -80 counts as that, and a quotient whose square could
// be one is left out of the polynomial, whose sum it does not change.
func Log1pExp(m Machine, x Vec) Vec {
	u := bounded(m, m.Max(expSumLeast, m.Or(x, signBit)))
	s := m.Div(u, m.Add(u, two))
	z := m.Copy(s)
	m.ZeroWhere(m.Less(z, rootLost), z)
	z = m.Mul(z, z)
	p := polynomial(m, z, LogPoly[:])
	m.Horner(p, z, two)
	p = m.Mul(p, s)
	Flush(m, p)
	return p
}

// Log1pExpConstants is what Log1pExp reads.
func Log1pExpConstants(m Machine) []Const {
	c := append([]Const{signBit, restBits, one, expSumLeast}, boundedConstants(m)...)
	return append(append(c, LogPoly[:]...), two, tiny, rootLost)
}

// Limited is x limited to [-80, 80]; a NaN stays.
func Limited(m Machine, x Vec) Vec { return m.Min(expSumMost, m.Max(expSumLeast, x)) }

// LimitConstants is what Limited reads, after Flush.
func LimitConstants() []Const { return []Const{expSumLeast, expSumMost, restBits, tiny} }

// Sign is 1 where a > 0, -1 where a < 0, and a where it is a zero or NaN.
func Sign(m Machine, a Vec) Vec {
	return m.Select(BelowZero(m, a), minusOne, m.Select(m.Less(Const(0), a), one, a))
}

// Normal is P, the share of a normal variable below x, and e = exp(-x*x/2), for x from -12 to
// 12 or of that magnitude: with t = |x| it is Q = e*u*poly(u) or 1 - Q, u = 1/(1 + t/4). The
// square is h + l, exactly, so that e has the accuracy of exp.
func Normal(m Machine, x Vec) (p, e Vec) {
	t := m.Min(normalMost, Magnitude(m, x))
	h := m.Mul(t, t)
	l := Negative(m, h)
	m.FMA(l, t, t)
	rest := m.Mul(l, half)
	e = bounded(m, m.Mul(h, minusHalf))
	m.FNMA(e, m.Copy(e), rest)
	d := m.Const(one)
	m.FMA(d, t, quarter)
	u := m.Div(one, d)
	q := m.Mul(m.Mul(polynomial(m, u, MillsPoly[:]), u), e)
	return m.SelectSign(x, q, m.Sub(one, q)), e
}

// GELU is x*P(x), +0 where that is below 2^-100.
func GELU(m Machine, x Vec) Vec {
	p, _ := Normal(m, x)
	y := m.Mul(m.Max(normalLeast, x), p)
	Flush(m, y)
	return y
}

// GELUSlope is P(x) + x*phi(x).
func GELUSlope(m Machine, x Vec) Vec {
	p, e := Normal(m, x)
	m.FMA(p, m.Min(normalMost, m.Max(normalLeast, x)), m.Mul(e, density))
	return p
}

// GELUConstants is what GELU and GELUSlope read.
func GELUConstants(m Machine) []Const {
	c := append([]Const{one, restBits, normalLeast, normalMost}, boundedConstants(m)...)
	return append(append(c, MillsPoly[:]...), half, minusHalf, quarter, signBit, tiny, density)
}

// curve is a*x + b*x^3, b being a factor of the cube.
func curve(m Machine, x, square Vec, b Const) Vec {
	r := m.Const(curveLinear)
	m.FMA(r, square, b)
	return m.Mul(x, r)
}

// GELUTanh is x*sigmoid(z), z = 2*sqrt(2/pi)*(x + 0.044715*x^3), which is
// x/2*(1 + tanh(z/2)); +0 where that is below 2^-100.
func GELUTanh(m Machine, x Vec) Vec {
	x = m.Max(curveLeast, x)
	y := m.Mul(x, Sigmoid(m, curve(m, x, m.Mul(x, x), curveCubic)))
	Flush(m, y)
	return y
}

// GELUTanhSlope is s + x*s*(1-s)*z' with s = sigmoid(z).
func GELUTanhSlope(m Machine, x Vec) Vec {
	x = m.Min(curveMost, m.Max(curveLeast, x))
	square := m.Mul(x, x)
	slope := curve(m, x, square, curveCubic3)
	s := Sigmoid(m, curve(m, x, square, curveCubic))
	both := m.Copy(s)
	m.FNMA(both, s, s)
	m.FMA(s, slope, both)
	return s
}

// GELUTanhConstants is what GELUTanh and GELUTanhSlope read.
func GELUTanhConstants(m Machine) []Const {
	return append(SigmoidConstants(m), curveLinear, curveCubic, curveCubic3, curveLeast, curveMost, restBits, tiny)
}

// SoftplusConstants is what Softplus reads.
func SoftplusConstants() []Const {
	return append(append(ExpConstants(), LogPoly[:]...), two, signBit, 0)
}

// BelowZero is a < 0, NotPositive a <= 0 and OneOrMore a >= 1, each false for a
// NaN.
func BelowZero(m Machine, a Vec) Pred   { return m.Less(a, Const(0)) }
func NotPositive(m Machine, a Vec) Pred { return m.Less(a, least) }
func OneOrMore(m Machine, a Vec) Pred   { return m.Less(mostBelowOne, a) }

// IsZero is a == 0, of either sign.
func IsZero(m Machine, a Vec) Pred { return m.Less(Magnitude(m, a), least) }

// Magnitude is |a|.
func Magnitude(m Machine, a Vec) Vec { return m.And(a, restBits) }

// OnePlusAbs is 1 + |a|.
func OnePlusAbs(m Machine, a Vec) Vec { return m.Add(Magnitude(m, a), one) }

// AtMostOne is min(a, 1); a NaN stays.
func AtMostOne(m Machine, a Vec) Vec { return m.Min(one, a) }

// Flush writes a: +0 where |a| < 2^-100. A NaN stays.
func Flush(m Machine, a Vec) {
	m.ZeroWhere(m.Less(m.And(a, restBits), tiny), a)
}

// LeastFactor is 2^-101/|a|: the product of a and anything below is tiny.
func LeastFactor(m Machine, a Vec) Vec { return m.Div(halfTiny, Magnitude(m, a)) }

// ScaleFlush is x*a, +0 where that is below 2^-100. What is below least, which is
// LeastFactor of a, is not multiplied: the product could be a denormal number. It
// writes over x.
func ScaleFlush(m Machine, x, a, least Vec) Vec {
	m.ZeroWhere(m.Less(Magnitude(m, x), least), x)
	y := m.Mul(x, a)
	Flush(m, y)
	return y
}

// ExpSumConstants is what ExpSum reads.
func ExpSumConstants() []Const {
	return append(ExpConstants(), restBits, tiny, expSumLeast)
}

// ExpSum is exp(x-max), +0 where that is below 2^-100, for a max that is flushed. It
// meets no denormal number on the way. It writes over x.
func ExpSum(m Machine, x, max Vec) Vec {
	Flush(m, x)
	e := Exp(m, m.Max(expSumLeast, m.Sub(x, max)))
	Flush(m, e)
	return e
}

// RootConstants is what Root reads.
func RootConstants() []Const {
	return []Const{restBits, one, rootSmall, rootLarge, rootUp, rootDown, rootInverse, rootLost, tinyRoot}
}

// Root is sqrt(beta2*r^2 + omb2*e^2) for r >= 0, without squares that leave the range
// of float32: r and e are scaled by a power of two, up, and the root by its inverse.
// It writes over r.
func Root(m Machine, beta2, omb2, r, e Vec) Vec {
	a := Magnitude(m, e)
	s := m.Max(a, r) // (1)
	up := m.Select(m.Less(s, rootSmall), rootUp, one)
	up = m.Select(m.Less(rootLarge, s), rootDown, up) // (2)
	down := m.SubInt(m.Const(rootInverse), up)        // on the bits: the exponent's sign changes
	lost := m.Mul(down, rootLost)
	m.ZeroWhere(m.Less(r, lost), r) // (3)
	m.ZeroWhere(m.Less(a, lost), a)
	r, a = m.Mul(r, up), m.Mul(a, up)
	q := m.Mul(omb2, m.Mul(a, a))
	m.FMA(q, beta2, m.Mul(r, r)) // (4)
	root := m.Mul(m.Sqrt(q), down)
	m.ZeroWhere(m.Less(root, tinyRoot), root) // (5)
	return root
}

// LargerRoot is x where x > r and otherwise r, +0 where that is below the bound of Root.
func LargerRoot(m Machine, x, r Vec) Vec {
	larger := m.Max(x, r)
	m.ZeroWhere(m.Less(larger, tinyRoot), larger)
	return larger
}

// OneMinus is 1 - a.
func OneMinus(m Machine, a Vec) Vec { return m.Sub(one, a) }

// OneMinusSquare is fma(-a, a, 1).
func OneMinusSquare(m Machine, a Vec) Vec {
	s := m.Const(one)
	m.FNMA(s, a, a)
	return s
}

// Negative is -a.
func Negative(m Machine, a Vec) Vec { return m.Xor(a, signBit) }

// BoxMuller is a normal number, sqrt(-2 ln(2-u)) * sin(2*pi*(v-3/2)), made of two numbers in
// [1, 2).
func BoxMuller(m Machine, u, v Vec) Vec { return m.Mul(radius(m, u), turn(m, v)) }

// BoxMullerConstants is what BoxMuller reads.
func BoxMullerConstants() []Const {
	c := append([]Const{two, one, rootHalf, magic, ln2}, LogPoly[:]...)
	c = append(c, threeHalves, quarter, signBit, restBits)
	return append(c, TurnPoly[:]...)
}

// radius is sqrt(-2 ln y), y = 2-u. With y = 2^n x, sqrt(1/2) <= x < sqrt 2, the logarithm is
// n ln 2 + log x, log x as in Softplus with s = (x-1)/(x+1).
func radius(m Machine, u Vec) Vec {
	y := m.Sub(two, u)
	n := m.ShiftRight(m.SubInt(y, rootHalf), exponentFrom)
	x := m.SubInt(y, m.ShiftLeft(n, exponentFrom))
	n = m.Sub(m.AddInt(n, magic), magic)
	s := m.Div(m.Sub(x, one), m.Add(x, one))
	z := m.Mul(s, s)
	p := polynomial(m, z, LogPoly[:])
	m.Horner(p, z, two)
	l := m.Mul(p, s)
	m.FMA(l, n, ln2)
	return m.Sqrt(m.Sub(Const(0), m.Add(l, l)))
}

// turn is sin(2*pi*a), a = v - 3/2 in [-1/2, 1/2), by the sine of the same value that is nearest
// to 0; its argument is exact.
func turn(m Machine, v Vec) Vec {
	a := m.Sub(v, threeHalves)
	x := m.Sub(quarter, Magnitude(m, m.Sub(Magnitude(m, a), quarter)))
	p := polynomial(m, m.Mul(x, x), TurnPoly[:])
	return m.Xor(m.Mul(p, x), m.And(a, signBit))
}
