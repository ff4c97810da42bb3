package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// The Gaussian error linear units of Hendrycks and Gimpel (2016), in both of their forms.

// GELU sets dst = x*P(x), P being the share of a normal variable below x.
func GELU(m vec.Machine) { unary(m, 9, vec.GELUConstants(m), vec.GELU) }

// GELUGrad sets dx = (P(x) + x*phi(x))*dy.
func GELUGrad(m vec.Machine) {
	grad(m, "x", 9, vec.GELUConstants(m), func(x, dy vec.Vec) vec.Vec { return m.Mul(vec.GELUSlope(m, x), dy) })
}

// GELUTanh sets dst = x*sigmoid(z(x)).
func GELUTanh(m vec.Machine) { unary(m, 9, vec.GELUTanhConstants(m), vec.GELUTanh) }

// GELUTanhGrad sets dx to dy times the derivative of GELUTanh at x.
func GELUTanhGrad(m vec.Machine) {
	grad(m, "x", 9, vec.GELUTanhConstants(m), func(x, dy vec.Vec) vec.Vec { return m.Mul(vec.GELUTanhSlope(m, x), dy) })
}
