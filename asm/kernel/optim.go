package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// decayed is e = g + decay*w.
func decayed(m vec.Machine, decay, w, g vec.Vec) vec.Vec {
	m.FMA(g, decay, w)
	return g
}

// SGD takes one step of stochastic gradient descent:
//
//	e = g + decay*w
//	w = w - lr*e
func SGD(m vec.Machine) {
	w, g, n := m.Base("w"), m.Base("g"), m.Len("w")
	lr, decay := m.Float("lr"), m.Float("decay")
	vec.Each(m, n, func(at vec.At) {
		wv := at.Load(w)
		e := decayed(m, decay, wv, at.Load(g))
		m.FNMA(wv, lr, e)
		at.Store(wv, w)
	})
	m.Return()
}

// SGDMomentum takes one step of SGD with momentum:
//
//	e = g + decay*w
//	v = mu*v + damp*e     flushed
//	w = w - lr*v
func SGDMomentum(m vec.Machine) {
	w, g, v, n := m.Base("w"), m.Base("g"), m.Base("v"), m.Len("w")
	lr, mu, damp, decay := m.Float("lr"), m.Float("mu"), m.Float("damp"), m.Float("decay")
	vec.Each(m, n, func(at vec.At) {
		wv := at.Load(w)
		e := decayed(m, decay, wv, at.Load(g))
		vv := m.Mul(damp, e)
		m.FMA(vv, mu, at.Load(v))
		vec.Flush(m, vv)
		at.Store(vv, v)
		m.FNMA(wv, lr, vv)
		at.Store(wv, w)
	})
	m.Return()
}

// SGDNesterov takes one step of SGD with Nesterov momentum:
//
//	e = g + decay*w
//	v = mu*v + e          flushed
//	w = w - lr*(mu*v + e)
func SGDNesterov(m vec.Machine) {
	w, g, v, n := m.Base("w"), m.Base("g"), m.Base("v"), m.Len("w")
	lr, mu, decay := m.Float("lr"), m.Float("mu"), m.Float("decay")
	vec.Each(m, n, func(at vec.At) {
		wv := at.Load(w)
		e := decayed(m, decay, wv, at.Load(g))
		vv := at.Load(v)
		m.Horner(vv, mu, e)
		vec.Flush(m, vv)
		at.Store(vv, v)
		m.FMA(e, mu, vv)
		m.FNMA(wv, lr, e)
		at.Store(wv, w)
	})
	m.Return()
}

// Adam takes one step of Adam or AdamW:
//
//	e = g + l2*w
//	m = beta1*m + omb1*e            flushed
//	v = beta2*v + omb2*e^2          flushed
//	w = keep*w - step * m / (sqrt(v)/rbc2 + eps)
func Adam(m vec.Machine) {
	w, g, n := m.Base("w"), m.Base("g"), m.Len("w")
	mean, square := m.Base("m"), m.Base("v")
	beta1, omb1, beta2, omb2 := m.Float("beta1"), m.Float("omb1"), m.Float("beta2"), m.Float("omb2")
	step, rbc2, eps, l2, keep := m.Float("step"), m.Float("rbc2"), m.Float("eps"), m.Float("l2"), m.Float("keep")
	vec.Each(m, n, func(at vec.At) {
		wv := at.Load(w)
		e := decayed(m, l2, wv, at.Load(g))
		mv := m.Mul(omb1, e)
		m.FMA(mv, beta1, at.Load(mean))
		vec.Flush(m, mv)
		at.Store(mv, mean)
		vv := m.Mul(omb2, m.Mul(e, e))
		m.FMA(vv, beta2, at.Load(square))
		vec.Flush(m, vv)
		at.Store(vv, square)
		d := m.Add(m.Div(m.Sqrt(vv), rbc2), eps)
		wv = m.Mul(wv, keep)
		m.FNMA(wv, step, m.Div(mv, d))
		at.Store(wv, w)
	})
	m.Return()
}
