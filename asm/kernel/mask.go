package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

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
