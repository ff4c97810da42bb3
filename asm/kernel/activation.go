// Package kernel describes every kernel once, for all machines.
package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// unary emits dst = f(x).
func unary(m vec.Machine, live int, constants []vec.Const, f func(vec.Machine, vec.Vec) vec.Vec) {
	dst, x, n := m.Base("dst"), m.Base("x"), m.Len("x")
	m.Hold(live, constants...)
	vec.Each(m, n, func(at vec.At) { at.Store(f(m, at.Load(x)), dst) })
	m.Return()
}

// Exp sets dst = exp(x).
func Exp(m vec.Machine) { unary(m, 5, vec.ExpConstants(), vec.Exp) }

// Sigmoid sets dst = 1/(1+exp(-x)).
func Sigmoid(m vec.Machine) { unary(m, 7, vec.SigmoidConstants(m), vec.Sigmoid) }

// Tanh sets dst = tanh(x).
func Tanh(m vec.Machine) { unary(m, 8, vec.TanhConstants(m), vec.Tanh) }

// SigmoidGrad sets dx = y(1-y) dy.
func SigmoidGrad(m vec.Machine) {
	dx, y, dy, n := m.Base("dx"), m.Base("y"), m.Base("dy"), m.Len("y")
	vec.Each(m, n, func(at vec.At) {
		at.Store(m.Mul(sigmoidSlope(m, at.Load(y)), at.Load(dy)), dx)
	})
	m.Return()
}

// TanhGrad sets dx = (1-y*y) dy.
func TanhGrad(m vec.Machine) {
	dx, y, dy, n := m.Base("dx"), m.Base("y"), m.Base("dy"), m.Len("y")
	vec.Each(m, n, func(at vec.At) {
		at.Store(m.Mul(vec.OneMinusSquare(m, at.Load(y)), at.Load(dy)), dx)
	})
	m.Return()
}

// sigmoidSlope is fl(y*fl(1-y)).
func sigmoidSlope(m vec.Machine, y vec.Vec) vec.Vec { return m.Mul(y, vec.OneMinus(m, y)) }
