package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// The forward gate sequence of LSTM:
//
//	(1) i = sigmoid(i)   f = sigmoid(f)   g = tanh(g)   o = sigmoid(o)
//	(2) c = f*cPrev + i*g      one product rounded, then one fused multiply-add
//	(3) h = o*tanh(c)          of c as it is stored

// LSTMCell is (2) and LSTMOutput is (3), for one vector of units. o is called when it is
// needed, so that it does not take a register before.
func LSTMCell(m vec.Machine, i, f, g, cPrev vec.Vec) (c vec.Vec) {
	c = m.Mul(i, g)
	m.FMA(c, f, cPrev)
	vec.Flush(m, c)
	return c
}

func LSTMOutput(m vec.Machine, c vec.Vec, o func() vec.Vec) (h vec.Vec) {
	t := vec.Tanh(m, c)
	h = m.Mul(o(), t)
	vec.Flush(m, h)
	return h
}

// LSTMGates is the sequence over rows in memory. Each gate has a loop of its own: (1)
// and (3) one after the other are 200 cycles of dependent operations for one vector,
// too long for the processor to find the next vector behind them. Short loops let it
// overlap several turns, each of which has two vectors. What remains of a row, less than a
// vector, goes through all of it in registers: what was stored in some lanes of a vector cannot
// be passed on to the loads of the next loop, which would wait until the store has ended (see
// vec.RestOfRow).
func LSTMGates(m vec.Machine) {
	vec.EachRow(m, []string{"i", "f", "g", "o", "c", "h", "cPrev"}, func(row []vec.Reg) {
		i, f, g, o, c, h, cPrev := row[0], row[1], row[2], row[3], row[4], row[5], row[6]
		state := func(m vec.Machine, at vec.At, iv, fv, gv vec.Vec, o func() vec.Vec) {
			cv := LSTMCell(m, iv, fv, gv, at.Load(cPrev)) // (2)
			at.Store(cv, c)
			at.Store(LSTMOutput(m, cv, o), h) // (3)
		}
		wholeSigmoid(m, i) // (1)
		wholeSigmoid(m, f)
		wholeTanh(m, g)
		wholeSigmoid(m, o)
		constants := append(vec.TanhConstants(m), vec.FlushConstants()...)
		n, index := wholeUnits(m, tanhLive, constants, func(m vec.Machine, at vec.At) {
			state(m, at, at.Load(i), at.Load(f), at.Load(g), func() vec.Vec { return at.Load(o) })
		})
		vec.RestOfRow(m, n, index, func(at vec.At) {
			at = at.Around(i, f, g, o, cPrev)
			defer at.Stores()
			iv, fv, gv := activate(m, at, i, vec.Sigmoid), activate(m, at, f, vec.Sigmoid), activate(m, at, g, vec.Tanh)
			state(m, at, iv, fv, gv, func() vec.Vec { return activate(m, at, o, vec.Sigmoid) })
		})
	})
	m.Return()
}

// LSTMGatesGrad is the backward step of LSTMGates over rows:
//
//	(4) d  = dh + dy
//	(5) D  = dc + d*o*(1 - tanh(c)^2)
//	(6) o' = d*tanh(c) * o(1-o)
//	    i' = D*g       * i(1-i)
//	    f' = D*cPrev   * f(1-f)
//	    g' = D*i       * (1-g^2)
//	(7) dc = D*f
func LSTMGatesGrad(m vec.Machine) {
	vec.EachRow(m, []string{"i", "f", "g", "o", "dc", "c", "cPrev", "dh", "dy"}, func(row []vec.Reg) {
		i, f, g, o, dc, c, cPrev, dh, dy := row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8]
		step := func(m vec.Machine, at vec.At) {
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
		}
		n, index := wholeUnits(m, tanhLive, append(vec.TanhConstants(m), vec.FlushConstants()...), step)
		vec.RestOfRow(m, n, index, func(at vec.At) {
			at = at.Around(c, dh, dy, o, dc, i, g, f, cPrev)
			defer at.Stores()
			step(m, at)
		})
	})
	m.Return()
}
