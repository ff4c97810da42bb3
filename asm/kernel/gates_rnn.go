package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// rnn emits the forward step of a plain recurrent layer, h = f(a), tiny results
// as +0.
func rnn(m vec.Machine, constants []vec.Const, f func(vec.Machine, vec.Vec) vec.Vec) {
	h, a, n := m.Base("h"), m.Base("a"), m.Len("a")
	m.Hold(9, append(constants, vec.FlushConstants()...)...)
	vec.Each(m, n, func(at vec.At) {
		v := f(m, at.Load(a))
		vec.Flush(m, v)
		at.Store(v, h)
	})
	m.Return()
}

// rnnGrad emits the backward step, a = f(h, dh+dy), tiny results as +0.
func rnnGrad(m vec.Machine, f func(h, d vec.Vec) vec.Vec) {
	a, h, dh, dy, n := m.Base("a"), m.Base("h"), m.Base("dh"), m.Base("dy"), m.Len("a")
	m.Hold(8, vec.FlushConstants()...)
	vec.Each(m, n, func(at vec.At) {
		v := f(at.Load(h), m.Add(at.Load(dh), at.Load(dy)))
		vec.Flush(m, v)
		at.Store(v, a)
	})
	m.Return()
}

// RNNTanh sets h = tanh(a).
func RNNTanh(m vec.Machine) { rnn(m, vec.TanhConstants(), vec.Tanh) }

// RNNTanhGrad sets a = (1-h*h) * (dh+dy).
func RNNTanhGrad(m vec.Machine) {
	rnnGrad(m, func(h, d vec.Vec) vec.Vec { return m.Mul(vec.OneMinusSquare(m, h), d) })
}

// RNNReLU sets h = max(a, 0).
func RNNReLU(m vec.Machine) { rnn(m, nil, vec.ReLU) }

// RNNReLUGrad sets a = h > 0 ? dh+dy : 0.
func RNNReLUGrad(m vec.Machine) {
	rnnGrad(m, func(h, d vec.Vec) vec.Vec { return pass(m, h, d) })
}

// RNNSigmoid sets h = sigmoid(a).
func RNNSigmoid(m vec.Machine) { rnn(m, vec.SigmoidConstants(), vec.Sigmoid) }

// RNNSigmoidGrad sets a = (h(1-h)) * (dh+dy).
func RNNSigmoidGrad(m vec.Machine) {
	rnnGrad(m, func(h, d vec.Vec) vec.Vec { return m.Mul(sigmoidSlope(m, h), d) })
}
