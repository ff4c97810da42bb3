package ref

import "math"

// expLimit bounds |z| in the binary cross-entropy: e^-80 is a normal number, and is
// below [Tiny].
const expLimit = -expSumMin

// log1pExp returns log(1+e^-|z|), +0 where that is below [Tiny]: the second term of
// [Softplus1], without denormal numbers on the way. Where s is below 2^-48 its square
// could be one, and would not change the sum.
func log1pExp(z float32) float32 {
	y := -abs(z)
	if y < expSumMin {
		y = expSumMin
	}
	u := exp2Parts(expParts(y))
	s := u / (2 + u)
	r := s
	if r < 0x1p-48 {
		r = 0
	}
	q := float32(r * r)
	p := logCoef[3]
	for i := 2; i >= 0; i-- {
		p = FMA(p, q, logCoef[i])
	}
	return Flush(float32(FMA(p, q, 2) * s))
}

// limited returns z limited to [-80, 80]; a NaN stays.
func limited(z float32) float32 {
	if z > expLimit {
		z = expLimit
	}
	if z < expSumMin {
		z = expSumMin
	}
	return z
}

// BCE sets dst to the binary cross-entropy of the logits z and the targets y, from 0 to
// 1, whose ones weigh q:
//
//	dst = -q*y log sigmoid(z) - (1-y) log(1-sigmoid(z))
//	    = |z|*(z < 0 ? q*y : 1-y) + (q*y + 1-y) * log(1+e^-|z|)
//
// Both terms are 0 or more where y lies in [0, 1], so that nothing cancels. A z below
// [Tiny] counts as +0, here and in [BCEGrad].
func BCE(dst, z, y, q []float32) {
	for j, v := range z {
		v = Flush(v)
		rest := 1 - y[j]
		side := rest
		if math.Signbit(float64(v)) {
			side = float32(q[j] * y[j])
		}
		both := FMA(q[j], y[j], rest)
		dst[j] = FMA(both, log1pExp(v), float32(side*abs(v)))
	}
}

// BCEGrad sets dz to the derivative of [BCE]:
//
//	dz = (1-y) sigmoid(z) - q*y sigmoid(-z)
//
// with z limited to [-80, 80], where a sigmoid is 1 or below [Tiny].
func BCEGrad(dz, z, y, q []float32) {
	for j, v := range z {
		v = limited(Flush(v))
		rest, one := 1-y[j], float32(q[j]*y[j])
		dz[j] = FMA(-one, Sigmoid1(-v), float32(rest*Sigmoid1(v)))
	}
}
