package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// The activations that ONNX lists for recurrent layers besides sigmoid and tanh.

// grad emits dx = f(v, dy), v being what the derivative is computed from.
func grad(m vec.Machine, v string, live int, constants []vec.Const, f func(v, dy vec.Vec) vec.Vec) {
	dx, from, dy, n := m.Base("dx"), m.Base(v), m.Base("dy"), m.Len("dx")
	m.Hold(live, constants...)
	vec.Each(m, n, func(at vec.At) { at.Store(f(at.Load(from), at.Load(dy)), dx) })
	m.Return()
}

// pass is dy with +0 where y <= 0. It writes over dy.
func pass(m vec.Machine, y, dy vec.Vec) vec.Vec {
	m.ZeroWhere(vec.NotPositive(m, y), dy)
	return dy
}

// affine is fma(alpha, x, beta).
func affine(m vec.Machine, alpha, x, beta vec.Vec) vec.Vec {
	v := m.Copy(beta)
	m.FMA(v, alpha, x)
	return v
}

// ReLU sets dst = max(x, 0).
func ReLU(m vec.Machine) { unary(m, 4, nil, vec.ReLU) }

// ReLUGrad sets dx = y > 0 ? dy : 0.
func ReLUGrad(m vec.Machine) {
	grad(m, "y", 4, nil, func(y, dy vec.Vec) vec.Vec { return pass(m, y, dy) })
}

// Affine sets dst = fma(alpha, x, beta).
func Affine(m vec.Machine) {
	alpha, beta := m.Float("alpha"), m.Float("beta")
	unary(m, 6, nil, func(m vec.Machine, x vec.Vec) vec.Vec { return affine(m, alpha, x, beta) })
}

// LeakyReLU sets dst = x < 0 ? alpha*x : x.
func LeakyReLU(m vec.Machine) {
	alpha := m.Float("alpha")
	unary(m, 6, nil, func(m vec.Machine, x vec.Vec) vec.Vec {
		return m.Select(vec.BelowZero(m, x), m.Mul(alpha, x), x)
	})
}

// LeakyReLUGrad sets dx = x < 0 ? alpha*dy : dy.
func LeakyReLUGrad(m vec.Machine) {
	alpha := m.Float("alpha")
	grad(m, "x", 6, nil, func(x, dy vec.Vec) vec.Vec {
		return m.Select(vec.BelowZero(m, x), m.Mul(alpha, dy), dy)
	})
}

// ThresholdedReLU sets dst = x < alpha ? 0 : x.
func ThresholdedReLU(m vec.Machine) {
	alpha := m.Float("alpha")
	unary(m, 6, nil, func(m vec.Machine, x vec.Vec) vec.Vec {
		m.ZeroWhere(m.Less(x, alpha), x)
		return x
	})
}

// ThresholdedReLUGrad sets dx = x < alpha ? 0 : dy.
func ThresholdedReLUGrad(m vec.Machine) {
	alpha := m.Float("alpha")
	grad(m, "x", 6, nil, func(x, dy vec.Vec) vec.Vec {
		m.ZeroWhere(m.Less(x, alpha), dy)
		return dy
	})
}

// ScaledTanh sets dst = alpha*tanh(beta*x).
func ScaledTanh(m vec.Machine) {
	alpha, beta := m.Float("alpha"), m.Float("beta")
	unary(m, 10, vec.TanhConstants(m), func(m vec.Machine, x vec.Vec) vec.Vec {
		return m.Mul(alpha, vec.Tanh(m, m.Mul(beta, x)))
	})
}

// ScaledTanhGrad sets dx = ((1-t*t)*dy) * (alpha*beta), t = tanh(beta*x).
func ScaledTanhGrad(m vec.Machine) {
	beta := m.Float("beta")
	both := m.Mul(m.Float("alpha"), beta)
	grad(m, "x", 12, vec.TanhConstants(m), func(x, dy vec.Vec) vec.Vec {
		t := vec.Tanh(m, m.Mul(beta, x))
		return m.Mul(m.Mul(vec.OneMinusSquare(m, t), dy), both)
	})
}

// HardSigmoid sets dst = min(max(fma(alpha, x, beta), 0), 1).
func HardSigmoid(m vec.Machine) {
	alpha, beta := m.Float("alpha"), m.Float("beta")
	unary(m, 8, nil, func(m vec.Machine, x vec.Vec) vec.Vec {
		return vec.AtMostOne(m, vec.ReLU(m, affine(m, alpha, x, beta)))
	})
}

// HardSigmoidGrad sets dx = 0 < v && v < 1 ? alpha*dy : 0, v = fma(alpha, x, beta).
func HardSigmoidGrad(m vec.Machine) {
	alpha, beta := m.Float("alpha"), m.Float("beta")
	grad(m, "x", 8, nil, func(x, dy vec.Vec) vec.Vec {
		v, d := affine(m, alpha, x, beta), m.Mul(alpha, dy)
		m.ZeroWhere(vec.NotPositive(m, v), d)
		m.ZeroWhere(vec.OneOrMore(m, v), d)
		return d
	})
}

// ELU sets dst = x < 0 ? alpha*(exp(x)-1) : x.
func ELU(m vec.Machine) {
	alpha := m.Float("alpha")
	unary(m, 9, vec.ExpConstants(), func(m vec.Machine, x vec.Vec) vec.Vec {
		return m.Select(vec.BelowZero(m, x), m.Mul(alpha, vec.Expm1(m, x)), x)
	})
}

// ELUGrad sets dx = x < 0 ? (alpha*exp(x))*dy : dy.
func ELUGrad(m vec.Machine) {
	alpha := m.Float("alpha")
	grad(m, "x", 9, vec.ExpConstants(), func(x, dy vec.Vec) vec.Vec {
		return m.Select(vec.BelowZero(m, x), m.Mul(m.Mul(alpha, vec.Exp(m, x)), dy), dy)
	})
}

// Softsign sets dst = x/(1+|x|).
func Softsign(m vec.Machine) {
	unary(m, 5, nil, func(m vec.Machine, x vec.Vec) vec.Vec { return m.Div(x, vec.OnePlusAbs(m, x)) })
}

// SoftsignGrad sets dx = dy/(1+|x|)^2.
func SoftsignGrad(m vec.Machine) {
	grad(m, "x", 5, nil, func(x, dy vec.Vec) vec.Vec {
		d := vec.OnePlusAbs(m, x)
		return m.Div(dy, m.Mul(d, d))
	})
}

// Softplus sets dst = log(1+exp(x)).
func Softplus(m vec.Machine) { unary(m, 9, vec.SoftplusConstants(), vec.Softplus) }

// SoftplusGrad sets dx = sigmoid(x)*dy.
func SoftplusGrad(m vec.Machine) {
	grad(m, "x", 9, vec.SigmoidConstants(m), func(x, dy vec.Vec) vec.Vec { return m.Mul(vec.Sigmoid(m, x), dy) })
}
