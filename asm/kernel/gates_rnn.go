package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// rnn emits the forward step of a plain recurrent layer, h = f(a), tiny results
// as +0.
func rnn(m vec.Machine, live int, constants []vec.Const, f func(vec.Machine, vec.Vec) vec.Vec) {
	vec.EachRow(m, []string{"h", "a"}, func(row []vec.Reg) {
		h, a := row[0], row[1]
		units(m, live, append(constants, vec.FlushConstants()...), func(m vec.Machine, at vec.At) {
			v := f(m, at.Load(a))
			vec.Flush(m, v)
			at.Store(v, h)
		})
	})
	m.Return()
}

// rnnGrad emits the backward step, a = f(h, dh+dy), tiny results as +0.
func rnnGrad(m vec.Machine, f func(m vec.Machine, h, d vec.Vec) vec.Vec) {
	vec.EachRow(m, []string{"a", "h", "dh", "dy"}, func(row []vec.Reg) {
		a, h, dh, dy := row[0], row[1], row[2], row[3]
		units(m, 10, vec.FlushConstants(), func(m vec.Machine, at vec.At) {
			v := f(m, at.Load(h), m.Add(at.Load(dh), at.Load(dy)))
			vec.Flush(m, v)
			at.Store(v, a)
		})
	})
	m.Return()
}

// RNNTanh sets h = tanh(a).
func RNNTanh(m vec.Machine) { rnn(m, tanhLive, vec.TanhConstants(m), vec.Tanh) }

// RNNTanhGrad sets a = (1-h*h) * (dh+dy).
func RNNTanhGrad(m vec.Machine) {
	rnnGrad(m, func(m vec.Machine, h, d vec.Vec) vec.Vec { return m.Mul(vec.OneMinusSquare(m, h), d) })
}

// RNNReLU sets h = max(a, 0).
func RNNReLU(m vec.Machine) { rnn(m, 8, nil, vec.ReLU) }

// RNNReLUGrad sets a = h > 0 ? dh+dy : 0.
func RNNReLUGrad(m vec.Machine) {
	rnnGrad(m, func(m vec.Machine, h, d vec.Vec) vec.Vec { return pass(m, h, d) })
}

// RNNSigmoid sets h = sigmoid(a).
func RNNSigmoid(m vec.Machine) { rnn(m, sigmoidLive, vec.SigmoidConstants(m), vec.Sigmoid) }

// RNNSigmoidGrad sets a = (h(1-h)) * (dh+dy).
func RNNSigmoidGrad(m vec.Machine) {
	rnnGrad(m, func(m vec.Machine, h, d vec.Vec) vec.Vec { return m.Mul(sigmoidSlope(m, h), d) })
}
