package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// Uniform sets dst to numbers in [1, 2). Sixteen counters give a block of 64: each
// of the four words of their results is 16 neighbours. c holds the first words of
// the sixteen, then what all counters share. How many of them fit a vector is all
// that the machines differ in.
func Uniform(m vec.Machine) {
	dst, n, c := m.Base("dst"), m.Len("dst"), m.Int("c")
	m.Hold(12, vec.PhiloxConstants()...)
	const counters = 16
	shared := func(i int) vec.Vec { return m.Broadcast(vec.Mem{Base: c, Disp: 4 * (counters + i)}) }
	m.Loop("block", n, 4*counters, func() {
		for from := 0; from < counters; from += m.Lanes() {
			place := vec.Mem{Base: c, Disp: 4 * from}
			first := m.Load(place)
			words := vec.Philox(m, [4]vec.Vec{first, shared(0), shared(1), shared(2)}, [2]vec.Vec{shared(3), shared(4)})
			for w, word := range words {
				m.Store(vec.FromOneToTwo(m, word), vec.Mem{Base: dst, Disp: 4 * (counters*w + from)})
			}
			m.Store(m.AddInt(first, vec.Const(counters)), place)
		}
		m.AddImm(dst, 4*4*counters)
	})
	m.Return()
}

// Drop sets dst = u < below ? 0 : x*scale, by selection.
func Drop(m vec.Machine) {
	below, scale := m.Float("below"), m.Float("scale")
	each(m, "dst", []string{"x", "u"}, func(v []vec.Vec) vec.Vec {
		y := m.Mul(v[0], scale)
		m.ZeroWhere(m.Less(v[1], below), y)
		return y
	})
}

// Choose sets dst = u < below ? a : b.
func Choose(m vec.Machine) {
	below := m.Float("below")
	each(m, "dst", []string{"u", "a", "b"}, func(v []vec.Vec) vec.Vec {
		return m.Select(m.Less(v[0], below), v[1], v[2])
	})
}

// BoxMuller sets dst to normal numbers.
func BoxMuller(m vec.Machine) {
	dst, n, u, v := m.Base("dst"), m.Len("dst"), m.Base("u"), m.Base("v")
	m.Hold(9, vec.BoxMullerConstants()...)
	vec.Each(m, n, func(at vec.At) { at.Store(vec.BoxMuller(m, at.Load(u), at.Load(v)), dst) })
	m.Return()
}
