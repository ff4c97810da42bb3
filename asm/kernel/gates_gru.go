package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// Mix is which of the two states the update gate z weighs.
type Mix int

const (
	// Keep is h = (1-z)*n + z*hPrev.
	Keep Mix = iota
	// Textbook is h = (1-z)*hPrev + z*n.
	Textbook
)

// state is the new state, a + z*(b-a) with one subtraction and one fused
// multiply-add, tiny values as +0. It writes over n or hPrev.
func (x Mix) state(m vec.Machine, z, n, hPrev vec.Vec) vec.Vec {
	a, b := n, hPrev
	if x == Textbook {
		a, b = b, a
	}
	m.FMA(a, z, m.Sub(b, a))
	vec.Flush(m, a)
	return a
}

// byN, byZ and byH are the derivatives of the new state by n, z and hPrev.
func (x Mix) byN(m vec.Machine, z vec.Vec) vec.Vec {
	if x == Textbook {
		return z
	}
	return vec.OneMinus(m, z)
}

func (x Mix) byZ(m vec.Machine, n, hPrev vec.Vec) vec.Vec {
	if x == Textbook {
		return m.Sub(n, hPrev)
	}
	return m.Sub(hPrev, n)
}

func (x Mix) byH(m vec.Machine, z vec.Vec) vec.Vec {
	if x == Textbook {
		return vec.OneMinus(m, z)
	}
	return z
}

// GRUForward is the forward gate sequence of one vector of units with the reset
// after the product, for every kernel that finishes such a step:
//
//	(1) r = sigmoid(r)   z = sigmoid(z)
//	(2) n = tanh(n + r*nh)
//	(3) h = n + z*(hPrev-n), or hPrev + z*(n-hPrev)
//
// A source is called when its vector is needed and a sink when a result is
// final, in an order that keeps few vectors live.
func GRUForward(m vec.Machine, mix Mix, from GRUSource, to GRUSink) {
	r := vec.Sigmoid(m, from.R()) // (1)
	to.R(r)
	n := from.N()
	m.FMA(n, r, from.NH()) // (2)
	n = vec.Tanh(m, n)
	to.N(n)
	z := vec.Sigmoid(m, from.Z()) // (1)
	to.Z(z)
	to.H(mix.state(m, z, n, from.HPrev())) // (3)
}

// GRUSource gives the pre-activations, the recurrent part of the candidate and
// the previous state.
type GRUSource struct{ R, Z, N, NH, HPrev func() vec.Vec }

// GRUSink takes the activations and the state.
type GRUSink struct{ R, Z, N, H func(vec.Vec) }

// GRUGates is the forward gate sequence over a row of units in memory.
func (x Mix) GRUGates(m vec.Machine) {
	r, z, n, nh := m.Base("r"), m.Base("z"), m.Base("n"), m.Base("nh")
	h, hPrev, count := m.Base("h"), m.Base("hPrev"), m.Len("h")
	m.Hold(16, vec.GateConstants()...)
	vec.Each(m, count, func(at vec.At) {
		load := func(base vec.Reg) func() vec.Vec { return func() vec.Vec { return at.Load(base) } }
		store := func(base vec.Reg) func(vec.Vec) { return func(v vec.Vec) { at.Store(v, base) } }
		GRUForward(m, x,
			GRUSource{load(r), load(z), load(n), load(nh), load(hPrev)},
			GRUSink{store(r), store(z), store(n), store(h)})
	})
	m.Return()
}

// update is the backward step of the last line of a GRU at one place:
//
//	d = dh + dy
//	n' = d * (dh/dn) * (1-n^2)
//	z' = d * (dh/dz) * z(1-z)
//	e = d * (dh/dhPrev), which replaces dh
//
// It returns n'.
func (x Mix) update(m vec.Machine, at vec.At, z, n, dh, hPrev, dy vec.Reg) vec.Vec {
	d := m.Add(at.Load(dh), at.Load(dy))
	zv, nv := at.Load(z), at.Load(n)
	a := m.Mul(m.Mul(d, x.byN(m, zv)), vec.OneMinusSquare(m, nv))
	vec.Flush(m, a)
	at.Store(a, n)
	put(m, at, z, m.Mul(d, x.byZ(m, nv, at.Load(hPrev))), sigmoidSlope(m, zv))
	at.Store(m.Mul(d, x.byH(m, zv)), dh)
	return a
}

// put stores a*b, tiny results as +0.
func put(m vec.Machine, at vec.At, base vec.Reg, a, b vec.Vec) {
	v := m.Mul(a, b)
	vec.Flush(m, v)
	at.Store(v, base)
}

// GRUGatesGrad is the backward step of GRUGates over a row of units: update, and
//
//	nh' = n'*r
//	r'  = n'*nh * r(1-r)
func (x Mix) GRUGatesGrad(m vec.Machine) {
	r, z, n, nh := m.Base("r"), m.Base("z"), m.Base("n"), m.Base("nh")
	dh, hPrev, dy, count := m.Base("dh"), m.Base("hPrev"), m.Base("dy"), m.Len("dh")
	m.Hold(16, vec.FlushConstants()...)
	vec.Each(m, count, func(at vec.At) {
		a := x.update(m, at, z, n, dh, hPrev, dy)
		rv := at.Load(r)
		put(m, at, r, m.Mul(a, at.Load(nh)), sigmoidSlope(m, rv))
		put(m, at, nh, a, rv)
	})
	m.Return()
}

// GRUReset is the first half of a step with the reset before the product:
//
//	r = sigmoid(r)
//	q = r*hPrev
func GRUReset(m vec.Machine) {
	r, q, hPrev, n := m.Base("r"), m.Base("q"), m.Base("hPrev"), m.Len("r")
	m.Hold(9, append(vec.SigmoidConstants(), vec.FlushConstants()...)...)
	vec.Each(m, n, func(at vec.At) {
		rv := vec.Sigmoid(m, at.Load(r))
		at.Store(rv, r)
		put(m, at, q, rv, at.Load(hPrev))
	})
	m.Return()
}

// GRUUpdate is the second half:
//
//	z = sigmoid(z)   n = tanh(n)
//	h = n + z*(hPrev-n), or hPrev + z*(n-hPrev)
func (x Mix) GRUUpdate(m vec.Machine) {
	z, n, h, hPrev, count := m.Base("z"), m.Base("n"), m.Base("h"), m.Base("hPrev"), m.Len("h")
	m.Hold(16, vec.GateConstants()...)
	vec.Each(m, count, func(at vec.At) {
		nv := vec.Tanh(m, at.Load(n))
		at.Store(nv, n)
		zv := vec.Sigmoid(m, at.Load(z))
		at.Store(zv, z)
		at.Store(x.state(m, zv, nv, at.Load(hPrev)), h)
	})
	m.Return()
}

// GRUUpdateGrad is the backward step of GRUUpdate.
func (x Mix) GRUUpdateGrad(m vec.Machine) {
	z, n, dh, hPrev, dy := m.Base("z"), m.Base("n"), m.Base("dh"), m.Base("hPrev"), m.Base("dy")
	count := m.Len("dh")
	m.Hold(16, vec.FlushConstants()...)
	vec.Each(m, count, func(at vec.At) { x.update(m, at, z, n, dh, hPrev, dy) })
	m.Return()
}

// GRUResetGrad is the backward step of GRUReset:
//
//	r' = dq*hPrev * r(1-r)
//	e = e + dq*r
func GRUResetGrad(m vec.Machine) {
	r, e, dq, hPrev, n := m.Base("r"), m.Base("e"), m.Base("dq"), m.Base("hPrev"), m.Len("r")
	m.Hold(9, vec.FlushConstants()...)
	vec.Each(m, n, func(at vec.At) {
		rv, dqv, ev := at.Load(r), at.Load(dq), at.Load(e)
		m.FMA(ev, dqv, rv)
		at.Store(ev, e)
		put(m, at, r, m.Mul(dqv, at.Load(hPrev)), sigmoidSlope(m, rv))
	})
	m.Return()
}
