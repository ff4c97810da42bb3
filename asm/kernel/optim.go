package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// A decay is the factor of the weight in the gradient of a weight decay.
type decay struct {
	factor vec.Vec
	none   vec.Pred // it is 0
}

func newDecay(m vec.Machine, arg string) decay {
	f := m.Float(arg)
	return decay{f, vec.IsZero(m, f)}
}

// gradient is e = g + decay*w at one place, +0 where it is tiny. Without a decay w is not part of it:
// zero times an infinite weight would be NaN. So +0 stands for w there, by selection.
func (d decay) gradient(m vec.Machine, at vec.At, w, g vec.Reg) vec.Vec {
	x := at.Load(w)
	m.ZeroWhere(d.none, x)
	e := at.Load(g)
	m.FMA(e, d.factor, x)
	vec.Flush(m, e)
	return e
}

// putFlushed stores tiny values as +0.
func putFlushed(m vec.Machine, at vec.At, a vec.Vec, to vec.Reg) {
	vec.Flush(m, a)
	at.Store(a, to)
}

// SGD takes one step of stochastic gradient descent:
//
//	e = g + decay*w       flushed
//	w = w - lr*e          flushed
func SGD(m vec.Machine) {
	w, g, n := m.Base("w"), m.Base("g"), m.Len("w")
	lr, decay := m.Float("lr"), newDecay(m, "decay")
	vec.Each(m, n, func(at vec.At) {
		e := decay.gradient(m, at, w, g)
		wv := at.Load(w)
		m.FNMA(wv, lr, e)
		putFlushed(m, at, wv, w)
	})
	m.Return()
}

// SGDMomentum takes one step of SGD with momentum:
//
//	e = g + decay*w       flushed
//	v = mu*v + damp*e     flushed
//	w = w - lr*v          flushed
func SGDMomentum(m vec.Machine) {
	w, g, v, n := m.Base("w"), m.Base("g"), m.Base("v"), m.Len("w")
	lr, mu, damp, decay := m.Float("lr"), m.Float("mu"), m.Float("damp"), newDecay(m, "decay")
	vec.Each(m, n, func(at vec.At) {
		e := decay.gradient(m, at, w, g)
		vv := m.Mul(damp, e)
		m.FMA(vv, mu, at.Load(v))
		putFlushed(m, at, vv, v)
		wv := at.Load(w)
		m.FNMA(wv, lr, vv)
		putFlushed(m, at, wv, w)
	})
	m.Return()
}

// SGDNesterov takes one step of SGD with Nesterov momentum:
//
//	e = g + decay*w       flushed
//	v = mu*v + e          flushed
//	w = w - lr*(mu*v + e) flushed
func SGDNesterov(m vec.Machine) {
	w, g, v, n := m.Base("w"), m.Base("g"), m.Base("v"), m.Len("w")
	lr, mu, decay := m.Float("lr"), m.Float("mu"), newDecay(m, "decay")
	vec.Each(m, n, func(at vec.At) {
		e := decay.gradient(m, at, w, g)
		vv := at.Load(v)
		m.Horner(vv, mu, e)
		putFlushed(m, at, vv, v)
		m.FMA(e, mu, vv)
		wv := at.Load(w)
		m.FNMA(wv, lr, e)
		putFlushed(m, at, wv, w)
	})
	m.Return()
}

// Adam takes one step of Adam or AdamW, r being the root of the second moment:
//
//	(1) e = g + l2*w                        flushed
//	(2) m = beta1*m + omb1*e                flushed
//	(3) r = sqrt(beta2*r^2 + omb2*e^2)      by vec.Root
//	(4) w = keep*w - step * m/(r/rbc2 + eps)    flushed
func Adam(m vec.Machine) { adam(m, false) }

// AMSGrad is Adam with the largest root so far, x = max(x, r), in place of r in (4).
func AMSGrad(m vec.Machine) { adam(m, true) }

// adam loads w and the mean twice: there are more scalars than registers to spare.
func adam(m vec.Machine, largest bool) {
	w, g, n := m.Base("w"), m.Base("g"), m.Len("w")
	mean, root := m.Base("m"), m.Base("r")
	var top vec.Reg
	if largest {
		top = m.Base("x")
	}
	beta1, omb1, beta2, omb2 := m.Float("beta1"), m.Float("omb1"), m.Float("beta2"), m.Float("omb2")
	step, rbc2, eps, l2, keep := m.Float("step"), m.Float("rbc2"), m.Float("eps"), newDecay(m, "l2"), m.Float("keep")
	m.Hold(18, append(vec.RootConstants(), vec.FlushConstants()...)...)
	vec.Each(m, n, func(at vec.At) {
		e := l2.gradient(m, at, w, g) // (1)
		mv := m.Mul(omb1, e)
		m.FMA(mv, beta1, at.Load(mean))
		putFlushed(m, at, mv, mean) // (2)
		rv := vec.Root(m, beta2, omb2, at.Load(root), e)
		at.Store(rv, root) // (3)
		if largest {
			rv = vec.LargerRoot(m, at.Load(top), rv)
			at.Store(rv, top)
		}
		d := m.Add(m.Div(rv, rbc2), eps)
		quotient := m.Div(at.Load(mean), d)
		wv := m.Mul(at.Load(w), keep)
		m.FNMA(wv, step, quotient)
		putFlushed(m, at, wv, w) // (4)
	})
	m.Return()
}

// RMSProp takes one step of RMSProp, r being the root of the mean of squares:
//
//	(1) e = g + l2*w                        flushed
//	(2) r = sqrt(alpha*r^2 + oma*e^2)       by vec.Root
//	(3) w = keep*w - lr * e/(r + eps)       flushed
func RMSProp(m vec.Machine) { rmsprop(m, false, false) }

// RMSPropMomentum has, in place of (3),
//
//	v = mu*v + e/(r + eps)                  flushed
//	w = keep*w - lr*v                       flushed
func RMSPropMomentum(m vec.Machine) { rmsprop(m, false, true) }

// RMSPropCentred has the root of the variance, s, in place of r, and, in place of (2),
//
//	d = e - m                               flushed
//	s = sqrt(alpha*s^2 + omv*d^2)           by vec.Root
//	m = m + oma*d                           flushed
func RMSPropCentred(m vec.Machine) { rmsprop(m, true, false) }

// RMSPropCentredMomentum is both.
func RMSPropCentredMomentum(m vec.Machine) { rmsprop(m, true, true) }

func rmsprop(m vec.Machine, centred, momentum bool) {
	w, g, n := m.Base("w"), m.Base("g"), m.Len("w")
	alpha, oma := m.Float("alpha"), m.Float("oma")
	share := oma // of a new square
	var root, mean, velocity vec.Reg
	if centred {
		root, mean, share = m.Base("s"), m.Base("m"), m.Float("omv")
	} else {
		root = m.Base("r")
	}
	lr, eps := m.Float("lr"), m.Float("eps")
	var mu vec.Vec
	if momentum {
		velocity, mu = m.Base("v"), m.Float("mu")
	}
	l2, keep := newDecay(m, "l2"), m.Float("keep")
	m.Hold(18, append(vec.RootConstants(), vec.FlushConstants()...)...)
	vec.Each(m, n, func(at vec.At) {
		e := l2.gradient(m, at, w, g)
		square := e
		if centred {
			mv := at.Load(mean)
			square = m.Sub(e, mv)
			vec.Flush(m, square)
			m.FMA(mv, oma, square)
			putFlushed(m, at, mv, mean)
		}
		rv := vec.Root(m, alpha, share, at.Load(root), square)
		at.Store(rv, root)
		d := m.Div(e, m.Add(rv, eps))
		if momentum {
			m.FMA(d, mu, at.Load(velocity))
			putFlushed(m, at, d, velocity)
		}
		wv := m.Mul(at.Load(w), keep)
		m.FNMA(wv, lr, d)
		putFlushed(m, at, wv, w)
	})
	m.Return()
}

// ASGD takes one step of averaged stochastic gradient descent:
//
//	e = g + l2*w                            flushed
//	w = keep*w - lr*e                       flushed
//	a = omm*a + mu*w                        flushed; without a where omm is 0
func ASGD(m vec.Machine) {
	w, g, a, n := m.Base("w"), m.Base("g"), m.Base("a"), m.Len("w")
	lr, l2, keep := m.Float("lr"), newDecay(m, "l2"), m.Float("keep")
	mu, omm := m.Float("mu"), newDecay(m, "omm")
	vec.Each(m, n, func(at vec.At) {
		e := l2.gradient(m, at, w, g)
		wv := m.Mul(at.Load(w), keep)
		m.FNMA(wv, lr, e)
		putFlushed(m, at, wv, w)
		av := at.Load(a)
		m.ZeroWhere(omm.none, av)
		av = m.Mul(omm.factor, av)
		m.FMA(av, mu, wv)
		putFlushed(m, at, av, a)
	})
	m.Return()
}
