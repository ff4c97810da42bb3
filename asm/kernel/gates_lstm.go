package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// The forward gate sequence of LSTM:
//
//	(1) i = sigmoid(i)   f = sigmoid(f)   g = tanh(g)   o = sigmoid(o)
//	(2) c = f*cPrev + i*g      one product rounded, then one fused multiply-add
//	(3) h = o*tanh(c)          of c as it is stored

// LSTMForward is the whole sequence for one vector of units in registers, as the
// epilogue of a tile has them.
func LSTMForward(m vec.Machine, i, f, g, o, cPrev vec.Vec) (ai, af, ag, ao, c, h vec.Vec) {
	ai, af, ag, ao = vec.Sigmoid(m, i), vec.Sigmoid(m, f), vec.Tanh(m, g), vec.Sigmoid(m, o)
	c, h = LSTMState(m, ai, af, ag, ao, cPrev)
	return
}

// LSTMState is (2) and (3).
func LSTMState(m vec.Machine, i, f, g, o, cPrev vec.Vec) (c, h vec.Vec) {
	c = m.Mul(i, g) // (2)
	m.FMA(c, f, cPrev)
	vec.Flush(m, c)
	h = m.Mul(o, vec.Tanh(m, c)) // (3)
	vec.Flush(m, h)
	return c, h
}

// LSTMGates is the sequence over a row of units in memory. Each gate has a loop
// of its own: (1) and (3) one after the other are 200 cycles of dependent
// operations for one vector, too long for the processor to find the next vector
// behind them; in short loops it overlaps several. On a Xeon with AVX-512 the
// step takes 95 cycles a vector instead of 123, with AVX2 81 instead of 108.
func LSTMGates(m vec.Machine) {
	i, f, g, o := m.Base("i"), m.Base("f"), m.Base("g"), m.Base("o")
	c, h, cPrev, n := m.Base("c"), m.Base("h"), m.Base("cPrev"), m.Len("h")
	m.Hold(9, vec.GateConstants()...)
	activate := func(base vec.Reg, f func(vec.Machine, vec.Vec) vec.Vec) {
		vec.Each(m, m.CopyReg(n), func(at vec.At) { at.Store(f(m, at.Load(base)), base) })
	}
	activate(i, vec.Sigmoid) // (1)
	activate(f, vec.Sigmoid)
	activate(g, vec.Tanh)
	activate(o, vec.Sigmoid)
	vec.Each(m, n, func(at vec.At) {
		cv, hv := LSTMState(m, at.Load(i), at.Load(f), at.Load(g), at.Load(o), at.Load(cPrev))
		at.Store(cv, c)
		at.Store(hv, h)
	})
	m.Return()
}

// LSTMGatesGrad is the backward step of LSTMGates over a row of units:
//
//	(4) d  = dh + dy
//	(5) D  = dc + d*o*(1 - tanh(c)^2)
//	(6) o' = d*tanh(c) * o(1-o)
//	    i' = D*g       * i(1-i)
//	    f' = D*cPrev   * f(1-f)
//	    g' = D*i       * (1-g^2)
//	(7) dc = D*f
func LSTMGatesGrad(m vec.Machine) {
	i, f, g, o := m.Base("i"), m.Base("f"), m.Base("g"), m.Base("o")
	dc, c, cPrev, dh, dy, n := m.Base("dc"), m.Base("c"), m.Base("cPrev"), m.Base("dh"), m.Base("dy"), m.Len("dc")
	m.Hold(8, append(vec.TanhConstants(), vec.FlushConstants()...)...)
	vec.Each(m, n, func(at vec.At) {
		put := func(base vec.Reg, a, b vec.Vec) { put(m, at, base, a, b) }
		tc := vec.Tanh(m, at.Load(c))
		d := m.Add(at.Load(dh), at.Load(dy)) // (4)
		ov := at.Load(o)
		D := at.Load(dc)
		m.FMA(D, m.Mul(d, ov), vec.OneMinusSquare(m, tc)) // (5)
		put(o, m.Mul(d, tc), sigmoidSlope(m, ov))         // (6)
		iv, gv := at.Load(i), at.Load(g)
		put(i, m.Mul(D, gv), sigmoidSlope(m, iv))
		put(g, m.Mul(D, iv), vec.OneMinusSquare(m, gv))
		fv := at.Load(f)
		put(f, m.Mul(D, at.Load(cPrev)), sigmoidSlope(m, fv))
		put(dc, D, fv) // (7)
	})
	m.Return()
}
