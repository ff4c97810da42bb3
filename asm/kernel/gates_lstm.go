package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// LSTMForward is the forward gate sequence of one vector of units, for every
// kernel that finishes an LSTM step, whether the pre-activations come from
// memory or are the accumulators of a tile:
//
//	(1) i = sigmoid(i)   f = sigmoid(f)   g = tanh(g)   o = sigmoid(o)
//	(2) c = f*cPrev + i*g      one product rounded, then one fused multiply-add
//	(3) h = o*tanh(c)          of c as it is stored
//
// A source is called when its vector is needed and a sink when a result is
// final, in an order that keeps few vectors live.
func LSTMForward(m vec.Machine, from LSTMSource, to LSTMSink) {
	i := vec.Sigmoid(m, from.I()) // (1)
	to.I(i)
	g := vec.Tanh(m, from.G())
	to.G(g)
	c := m.Mul(i, g) // (2)
	f := vec.Sigmoid(m, from.F())
	to.F(f)
	m.FMA(c, f, from.CPrev())
	vec.Flush(m, c)
	to.C(c)
	o := vec.Sigmoid(m, from.O())
	to.O(o)
	h := m.Mul(o, vec.Tanh(m, c)) // (3)
	vec.Flush(m, h)
	to.H(h)
}

// LSTMSource gives the pre-activations and the previous cell state.
type LSTMSource struct{ I, F, G, O, CPrev func() vec.Vec }

// LSTMSink takes the activations, the cell state and the output.
type LSTMSink struct{ I, F, G, O, C, H func(vec.Vec) }

// LSTMGates is the forward gate sequence over a row of units in memory.
func LSTMGates(m vec.Machine) {
	i, f, g, o := m.Base("i"), m.Base("f"), m.Base("g"), m.Base("o")
	c, h, cPrev, n := m.Base("c"), m.Base("h"), m.Base("cPrev"), m.Len("h")
	m.Hold(16, vec.GateConstants()...)
	vec.Each(m, n, func(at vec.At) {
		load := func(base vec.Reg) func() vec.Vec { return func() vec.Vec { return at.Load(base) } }
		store := func(base vec.Reg) func(vec.Vec) { return func(v vec.Vec) { at.Store(v, base) } }
		LSTMForward(m,
			LSTMSource{load(i), load(f), load(g), load(o), load(cPrev)},
			LSTMSink{store(i), store(f), store(g), store(o), store(c), store(h)})
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
	m.Hold(16, append(vec.TanhConstants(), vec.FlushConstants()...)...)
	vec.Each(m, n, func(at vec.At) {
		// put stores a*b, tiny results as +0.
		put := func(base vec.Reg, a, b vec.Vec) {
			v := m.Mul(a, b)
			vec.Flush(m, v)
			at.Store(v, base)
		}
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
