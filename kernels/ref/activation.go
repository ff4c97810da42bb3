package ref

import "math"

// Constants of the element functions, as float32 bits where the last bit
// matters. The program asm/coef derives them and states the errors of the fits.
var (
	log2e = math.Float32frombits(0x3fb8aa3b)
	magic = math.Float32frombits(0x4b400000) // 1.5*2^23: adding it rounds to an integer in the low bits
	ln2hi = math.Float32frombits(0xbf317218) // -ln 2 rounded to float32
	ln2lo = math.Float32frombits(0x3102e308) // what that rounding left

	expCoef  = [7]float32{1, 1, f32(0x3efffffe), f32(0x3e2aaa46), f32(0x3d2aac2c), f32(0x3c091ef0), f32(0x3ab56359)}
	tanhCoef = [5]float32{f32(0xbeaaaa99), f32(0x3e08837b), f32(0xbd5c1ad2), f32(0x3ca8fc67), f32(0xbbba8672)}
)

// Bounds of the arguments: beyond them the results are 0, infinity or 1 anyway.
const (
	expMin   = -104
	expMax   = 89
	tanhMax  = 9.25
	tanhPoly = 0.625 // below it the odd polynomial, above it the exponential
)

func f32(bits uint32) float32 { return math.Float32frombits(bits) }

// pow2 returns 2^k for -126 <= k <= 127; for other k its value is unspecified.
func pow2(k int32) float32 { return math.Float32frombits(uint32(k+127) << 23) }

// expParts splits exp(x) into p*2^k for x in [expMin, expMax]:
// k = round(x/ln 2), r = x - k ln 2, p = polynomial in r. A NaN makes p NaN.
func expParts(x float32) (p float32, k int32) {
	t := FMA(x, log2e, magic)
	n := t - magic
	r := FMA(n, ln2hi, x)
	r = FMA(n, ln2lo, r)
	p = expCoef[6]
	for i := 5; i >= 0; i-- {
		p = FMA(p, r, expCoef[i])
	}
	return p, int32(math.Float32bits(t)) - int32(math.Float32bits(magic))
}

// exp2Parts returns p*2^k in two factors, so that k may pass the normal range
// by as much as expParts can produce; only the last product rounds.
func exp2Parts(p float32, k int32) float32 {
	half := k >> 1
	return float32(float32(p*pow2(half)) * pow2(k-half))
}

// Exp1 returns e^x: at most 0.90 ulp off, gradual underflow, +Inf on overflow.
func Exp1(x float32) float32 {
	if x < expMin {
		x = expMin
	}
	if x > expMax {
		x = expMax
	}
	return exp2Parts(expParts(x))
}

// Sigmoid1 returns 1/(1+e^-x): at most 1.48 ulp off. It works on e = e^-|x| <= 1
// and divides num by 1+e, num being 1 or e by the sign of x, with one correction
// step for the quotient and for the rounding of 1+e.
func Sigmoid1(x float32) float32 {
	y := -math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	if y < expMin {
		y = expMin
	}
	e := exp2Parts(expParts(y))
	num := float32(1)
	if x < 0 {
		num = e
	}
	d := 1 + e
	dl := e - (d - 1) // what the rounding of d lost
	r := 1 / d
	q := float32(num * r)
	m := FMA(-q, d, num)
	m = FMA(-q, dl, m)
	return FMA(m, r, q)
}

// Tanh1 returns tanh x: at most 1.37 ulp off, odd bit for bit.
func Tanh1(x float32) float32 {
	bits := math.Float32bits(x)
	sign := bits & (1 << 31)
	a := math.Float32frombits(bits &^ (1 << 31))
	var v float32
	if a < tanhPoly {
		z := float32(a * a)
		p := tanhCoef[4]
		for i := 3; i >= 0; i-- {
			p = FMA(p, z, tanhCoef[i])
		}
		v = FMA(p, float32(a*z), a)
	} else {
		b := a
		if b > tanhMax {
			b = tanhMax
		}
		p, k := expParts(2 * b)
		e := float32(p * pow2(k)) // k is in 1..27: one exact factor
		v = 1 - 2/(e+1)
	}
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// Exp sets dst = e^x.
func Exp(dst, x []float32) {
	for j, v := range x {
		dst[j] = Exp1(v)
	}
}

// Sigmoid sets dst = 1/(1+e^-x).
func Sigmoid(dst, x []float32) {
	for j, v := range x {
		dst[j] = Sigmoid1(v)
	}
}

// Tanh sets dst = tanh x.
func Tanh(dst, x []float32) {
	for j, v := range x {
		dst[j] = Tanh1(v)
	}
}

// slope returns y(1-y), the derivative of the sigmoid from its output.
func slope(y float32) float32 { return y * (1 - y) }

// SigmoidGrad sets dx = y(1-y) dy, y being the saved output of the sigmoid.
func SigmoidGrad(dx, y, dy []float32) {
	for j := range dx {
		dx[j] = slope(y[j]) * dy[j]
	}
}

// TanhGrad sets dx = (1-y^2) dy, y being the saved output of tanh.
func TanhGrad(dx, y, dy []float32) {
	for j := range dx {
		dx[j] = FMA(-y[j], y[j], 1) * dy[j]
	}
}
