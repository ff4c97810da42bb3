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

// GRUGates is the forward step with the reset after the product:
//
//	(1) r = sigmoid(r)   z = sigmoid(z)
//	(2) n = tanh(n + r*nh)
//	(3) h = n + z*(hPrev-n), or hPrev + z*(n-hPrev)
func (x Mix) GRUGates(m vec.Machine) {
	vec.EachRow(m, []string{"r", "z", "n", "nh", "h", "hPrev"}, func(row []vec.Reg) {
		r, z, n, nh, h, hPrev := row[0], row[1], row[2], row[3], row[4], row[5]
		activateSigmoid(m, r) // (1)
		units(m, tanhLive, vec.TanhConstants(m), func(m vec.Machine, at vec.At) {
			nv := at.Load(n)
			m.FMA(nv, at.Load(r), at.Load(nh)) // (2)
			at.Store(vec.Tanh(m, nv), n)
		})
		x.updateState(m, z, n, h, hPrev) // (1), (3)
	})
	m.Return()
}

// updateState is the sigmoid of z and the new state over the units of a row.
func (x Mix) updateState(m vec.Machine, z, n, h, hPrev vec.Reg) {
	units(m, sigmoidLive, append(vec.SigmoidConstants(m), vec.FlushConstants()...), func(m vec.Machine, at vec.At) {
		zv := vec.Sigmoid(m, at.Load(z))
		at.Store(zv, z)
		at.Store(x.state(m, zv, at.Load(n), at.Load(hPrev)), h)
	})
}

// updateLive and updateConstants are what the backward steps need.
const updateLive = 12

var updateConstants = append(vec.SlopeConstants(), vec.FlushConstants()...)

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

// GRUGatesGrad is the backward step of GRUGates: update, and
//
//	nh' = n'*r
//	r'  = n'*nh * r(1-r)
func (x Mix) GRUGatesGrad(m vec.Machine) {
	vec.EachRow(m, []string{"r", "z", "n", "nh", "dh", "hPrev", "dy"}, func(row []vec.Reg) {
		r, z, n, nh, dh, hPrev, dy := row[0], row[1], row[2], row[3], row[4], row[5], row[6]
		units(m, updateLive, updateConstants, func(m vec.Machine, at vec.At) {
			a := x.update(m, at, z, n, dh, hPrev, dy)
			rv := at.Load(r)
			put(m, at, r, m.Mul(a, at.Load(nh)), sigmoidSlope(m, rv))
			put(m, at, nh, a, rv)
		})
	})
	m.Return()
}

// GRUReset is the first half of a step with the reset before the product:
//
//	r = sigmoid(r)
//	q = r*hPrev
func GRUReset(m vec.Machine) {
	vec.EachRow(m, []string{"r", "q", "hPrev"}, func(row []vec.Reg) {
		r, q, hPrev := row[0], row[1], row[2]
		units(m, sigmoidLive, append(vec.SigmoidConstants(m), vec.FlushConstants()...), func(m vec.Machine, at vec.At) {
			rv := vec.Sigmoid(m, at.Load(r))
			at.Store(rv, r)
			put(m, at, q, rv, at.Load(hPrev))
		})
	})
	m.Return()
}

// GRUUpdate is the second half:
//
//	z = sigmoid(z)   n = tanh(n)
//	h = n + z*(hPrev-n), or hPrev + z*(n-hPrev)
func (x Mix) GRUUpdate(m vec.Machine) {
	vec.EachRow(m, []string{"z", "n", "h", "hPrev"}, func(row []vec.Reg) {
		z, n, h, hPrev := row[0], row[1], row[2], row[3]
		activateTanh(m, n)
		x.updateState(m, z, n, h, hPrev)
	})
	m.Return()
}

// GRUUpdateGrad is the backward step of GRUUpdate.
func (x Mix) GRUUpdateGrad(m vec.Machine) {
	vec.EachRow(m, []string{"z", "n", "dh", "hPrev", "dy"}, func(row []vec.Reg) {
		z, n, dh, hPrev, dy := row[0], row[1], row[2], row[3], row[4]
		units(m, updateLive, updateConstants, func(m vec.Machine, at vec.At) { x.update(m, at, z, n, dh, hPrev, dy) })
	})
	m.Return()
}

// GRUResetGrad is the backward step of GRUReset:
//
//	r' = dq*hPrev * r(1-r)
//	e = e + dq*r
func GRUResetGrad(m vec.Machine) {
	vec.EachRow(m, []string{"r", "e", "dq", "hPrev"}, func(row []vec.Reg) {
		r, e, dq, hPrev := row[0], row[1], row[2], row[3]
		units(m, updateLive, updateConstants, func(m vec.Machine, at vec.At) {
			rv, dqv, ev := at.Load(r), at.Load(dq), at.Load(e)
			m.FMA(ev, dqv, rv)
			at.Store(ev, e)
			put(m, at, r, m.Mul(dqv, at.Load(hPrev)), sigmoidSlope(m, rv))
		})
	})
	m.Return()
}
