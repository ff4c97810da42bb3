package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// bce emits the loop of a kernel that sets dst to f of logits, targets and the weights
// of ones.
func bce(m vec.Machine, dst string, live int, constants []vec.Const, f func(z, y, q vec.Vec) vec.Vec) {
	to, n := m.Base(dst), m.Len(dst)
	z, y, q := m.Base("z"), m.Base("y"), m.Base("q")
	m.Hold(live, constants...)
	vec.Each(m, n, func(at vec.At) { at.Store(f(at.Load(z), at.Load(y), at.Load(q)), to) })
	m.Return()
}

// BCE sets dst to the binary cross-entropy of z and y.
func BCE(m vec.Machine) {
	bce(m, "dst", 10, vec.Log1pExpConstants(m), func(z, y, q vec.Vec) vec.Vec {
		vec.Flush(m, z)
		l := vec.Log1pExp(m, z)
		rest := vec.OneMinus(m, y)
		side := m.SelectSign(z, m.Mul(q, y), rest)
		m.FMA(rest, q, y)
		loss := m.Mul(side, vec.Magnitude(m, z))
		m.FMA(loss, rest, l)
		return loss
	})
}

// BCEGrad sets dz to the derivative of BCE.
func BCEGrad(m vec.Machine) {
	bce(m, "dz", 11, append(vec.SigmoidConstants(m), vec.LimitConstants()...), func(z, y, q vec.Vec) vec.Vec {
		vec.Flush(m, z)
		z = vec.Limited(m, z)
		dz := m.Mul(vec.OneMinus(m, y), vec.Sigmoid(m, z))
		m.FNMA(dz, m.Mul(q, y), vec.Sigmoid(m, vec.Negative(m, z)))
		return dz
	})
}
