package ref

import "math"

// The activations that ONNX lists for recurrent layers besides sigmoid and tanh,
// with its alpha and beta, and their derivatives. A NaN stays a NaN in all of
// them. A derivative of a function with a kink is that of the side on which the
// function's text counts the kink itself.

// logCoef is P in log(1+u) = s*(2 + z*P(z)), s = u/(2+u), z = s*s, for u in
// [0, 1]: twice the series of atanh. The program asm/coef derives it.
var logCoef = [4]float32{f32(0x3f2aaa81), f32(0x3ecce8e6), f32(0x3e8f6020), f32(0x3e8f650c)}

// expm1 returns e^x - 1 for x <= 0. With x = k ln 2 + r it is
// 2^k*(e^r - 1) + (2^k - 1), whose last step is one rounding.
func expm1(x float32) float32 {
	if x < expm1Min {
		x = expm1Min
	}
	t := FMA(x, log2e, magic)
	n := t - magic
	r := FMA(n, ln2hi, x)
	r = FMA(n, ln2lo, r)
	p := expCoef[6]
	for i := 5; i >= 2; i-- {
		p = FMA(p, r, expCoef[i])
	}
	q := FMA(p, float32(r*r), r)
	s := pow2(int32(math.Float32bits(t)) - int32(math.Float32bits(magic)))
	return FMA(q, s, s-1)
}

// expm1Min bounds the argument: below it e^x - 1 rounds to -1.
const expm1Min = -18

// ReLU1 returns max(x, 0).
func ReLU1(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

// Softplus1 returns log(1+e^x) = max(x, 0) + log(1+u), u = e^-|x|.
func Softplus1(x float32) float32 {
	y := -math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	u := Exp1(y)
	s := u / (2 + u)
	z := float32(s * s)
	p := logCoef[3]
	for i := 2; i >= 0; i-- {
		p = FMA(p, z, logCoef[i])
	}
	return FMA(s, FMA(p, z, 2), ReLU1(x))
}

// pass returns dy unless y <= 0, then +0.
func pass(y, dy float32) float32 {
	if y <= 0 {
		return 0
	}
	return dy
}

// ReLU sets dst = max(x, 0).
func ReLU(dst, x []float32) {
	for j, v := range x {
		dst[j] = ReLU1(v)
	}
}

// ReLUGrad sets dx = dy where y is above 0, else +0, y being the output of ReLU.
func ReLUGrad(dx, y, dy []float32) {
	for j, v := range y {
		dx[j] = pass(v, dy[j])
	}
}

// Affine sets dst = alpha*x + beta, one fused multiply-add each. Its derivative
// is alpha: [Scale].
func Affine(dst, x []float32, alpha, beta float32) {
	for j, v := range x {
		dst[j] = FMA(alpha, v, beta)
	}
}

// LeakyReLU sets dst = x where x >= 0, else alpha*x.
func LeakyReLU(dst, x []float32, alpha float32) {
	for j, v := range x {
		if v < 0 {
			v = alpha * v
		}
		dst[j] = v
	}
}

// LeakyReLUGrad sets dx = dy where x >= 0, else alpha*dy.
func LeakyReLUGrad(dx, x, dy []float32, alpha float32) {
	for j, v := range x {
		d := dy[j]
		if v < 0 {
			d = alpha * d
		}
		dx[j] = d
	}
}

// ThresholdedReLU sets dst = x where x >= alpha, else +0.
func ThresholdedReLU(dst, x []float32, alpha float32) {
	for j, v := range x {
		if v < alpha {
			v = 0
		}
		dst[j] = v
	}
}

// ThresholdedReLUGrad sets dx = dy where x >= alpha, else +0.
func ThresholdedReLUGrad(dx, x, dy []float32, alpha float32) {
	for j, v := range x {
		d := dy[j]
		if v < alpha {
			d = 0
		}
		dx[j] = d
	}
}

// ScaledTanh sets dst = alpha*tanh(beta*x).
func ScaledTanh(dst, x []float32, alpha, beta float32) {
	for j, v := range x {
		dst[j] = alpha * Tanh1(beta*v)
	}
}

// ScaledTanhGrad sets dx = (1-t^2)*dy * (alpha*beta) with t = tanh(beta*x).
func ScaledTanhGrad(dx, x, dy []float32, alpha, beta float32) {
	both := float32(alpha * beta)
	for j, v := range x {
		t := Tanh1(beta * v)
		dx[j] = float32(FMA(-t, t, 1)*dy[j]) * both
	}
}

// HardSigmoid sets dst = min(max(alpha*x + beta, 0), 1).
func HardSigmoid(dst, x []float32, alpha, beta float32) {
	for j, v := range x {
		v = ReLU1(FMA(alpha, v, beta))
		if v > 1 {
			v = 1
		}
		dst[j] = v
	}
}

// HardSigmoidGrad sets dx = alpha*dy where 0 < alpha*x + beta < 1, else +0.
func HardSigmoidGrad(dx, x, dy []float32, alpha, beta float32) {
	for j, v := range x {
		d := float32(alpha * dy[j])
		if v = FMA(alpha, v, beta); v <= 0 || v >= 1 {
			d = 0
		}
		dx[j] = d
	}
}

// ELU sets dst = x where x >= 0, else alpha*(e^x - 1).
func ELU(dst, x []float32, alpha float32) {
	for j, v := range x {
		if v < 0 {
			v = alpha * expm1(v)
		}
		dst[j] = v
	}
}

// ELUGrad sets dx = dy where x >= 0, else alpha*e^x*dy.
func ELUGrad(dx, x, dy []float32, alpha float32) {
	for j, v := range x {
		d := dy[j]
		if v < 0 {
			d = float32(alpha*Exp1(v)) * d
		}
		dx[j] = d
	}
}

// Softsign sets dst = x/(1+|x|).
func Softsign(dst, x []float32) {
	for j, v := range x {
		dst[j] = v / (1 + abs(v))
	}
}

// SoftsignGrad sets dx = dy/(1+|x|)^2.
func SoftsignGrad(dx, x, dy []float32) {
	for j, v := range x {
		d := 1 + abs(v)
		dx[j] = dy[j] / float32(d*d)
	}
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// Softplus sets dst = log(1+e^x).
func Softplus(dst, x []float32) {
	for j, v := range x {
		dst[j] = Softplus1(v)
	}
}

// SoftplusGrad sets dx = sigmoid(x)*dy.
func SoftplusGrad(dx, x, dy []float32) {
	for j, v := range x {
		dx[j] = Sigmoid1(v) * dy[j]
	}
}
