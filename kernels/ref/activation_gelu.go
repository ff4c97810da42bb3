package ref

import "math"

// The Gaussian error linear units of Hendrycks and Gimpel (2016), x times the share of a
// normal variable below x, and the same with a tanh in its place, as PyTorch has them. A NaN
// stays a NaN, and what is below 2^-100 is +0: -Inf gives +0, where a product of both would be NaN.

// millsCoef is P in e^(t*t/2)*Q(t) = u*P(u), u = 1/(1 + t/4), where Q(t) is what a normal
// variable has above t, for t in [0, 12]. The program asm/coef derives it.
var millsCoef = [10]float32{f32(0x3dcc4dcb), f32(0x3dcb671e), f32(0x3dc65a97), f32(0x3d879a57), f32(0x3dd183b6),
	f32(0xbc7114b8), f32(0x3d745a9c), f32(0x3cf08d21), f32(0xbd5c0dc2), f32(0x3c755aa9)}

var (
	density     = f32(0x3ecc422a) // 1/sqrt(2*pi)
	curveLinear = f32(0x3fcc422a) // 2*sqrt(2/pi)
	curveCubic  = f32(0x3d922279) // times 0.044715
	curveCubic3 = f32(0x3e5b33b6) // times 3
)

// Beyond these a GELU is its argument, or tiny: 12*Q(12) and 9.5*sigmoid(-76) are below 2^-100.
const (
	normalMax = 12
	curveMax  = 9.5
)

// normal returns P, the share of a normal variable below x, and e = e^(-x*x/2). The square is
// h + l, exactly, so that e has the accuracy of [Exp1]. It takes |x| above 12 for 12.
func normal(x float32) (p, e float32) {
	t := abs(x)
	if t > normalMax {
		t = normalMax
	}
	h := float32(t * t)
	l := FMA(t, t, -h)
	rest := float32(l * 0.5)
	e = exp2Parts(expParts(float32(h * -0.5)))
	e = FMA(-e, rest, e)
	u := 1 / FMA(t, 0.25, 1)
	q := millsCoef[9]
	for i := 8; i >= 0; i-- {
		q = FMA(q, u, millsCoef[i])
	}
	q = float32(float32(q*u) * e)
	if math.Float32bits(x)>>31 != 0 {
		return q, e
	}
	return 1 - q, e
}

// limit returns x between -most and most; a NaN stays.
func limit(x, most float32) float32 {
	if x < -most {
		x = -most
	}
	if x > most {
		x = most
	}
	return x
}

// GELU1 returns x/2*(1 + erf(x/sqrt 2)).
func GELU1(x float32) float32 {
	p, _ := normal(x)
	if x < -normalMax {
		x = -normalMax
	}
	return Flush(float32(x * p))
}

// curve returns x times the sum of curveLinear and x*x times a factor.
func curve(x, factor float32) float32 { return float32(x * FMA(float32(x*x), factor, curveLinear)) }

// GELUTanh1 returns x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3))).
func GELUTanh1(x float32) float32 {
	if x < -curveMax {
		x = -curveMax
	}
	return Flush(float32(x * Sigmoid1(curve(x, curveCubic))))
}

// GELU sets dst = x/2*(1 + erf(x/sqrt 2)), +0 where that is below 2^-100.
func GELU(dst, x []float32) {
	for j, v := range x {
		dst[j] = GELU1(v)
	}
}

// GELUGrad sets dx = (P(x) + x*phi(x))*dy, phi being the density of a normal variable and P its
// share below x.
func GELUGrad(dx, x, dy []float32) {
	for j, v := range x {
		p, e := normal(v)
		dx[j] = float32(FMA(limit(v, normalMax), float32(e*density), p) * dy[j])
	}
}

// GELUTanh sets dst = x/2*(1 + tanh(z/2)) = x*sigmoid(z), z = 2*sqrt(2/pi)*(x + 0.044715*x^3),
// +0 where that is below 2^-100.
func GELUTanh(dst, x []float32) {
	for j, v := range x {
		dst[j] = GELUTanh1(v)
	}
}

// GELUTanhGrad sets dx = (s + x*z'*s*(1-s))*dy, with z of [GELUTanh] and s = sigmoid(z).
func GELUTanhGrad(dx, x, dy []float32) {
	for j, v := range x {
		v = limit(v, curveMax)
		s := Sigmoid1(curve(v, curveCubic))
		dx[j] = float32(FMA(curve(v, curveCubic3), FMA(-s, s, s), s) * dy[j])
	}
}
