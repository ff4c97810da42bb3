package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// each emits a loop that sets dst to f of the same place of the other slices.
func each(m vec.Machine, dst string, args []string, f func(v []vec.Vec) vec.Vec) {
	to, n := m.Base(dst), m.Len(dst)
	from := make([]vec.Reg, len(args))
	for j, a := range args {
		from[j] = m.Base(a)
	}
	vec.Each(m, n, func(at vec.At) {
		v := make([]vec.Vec, len(from))
		for j, base := range from {
			v[j] = at.Load(base)
		}
		at.Store(f(v), to)
	})
	m.Return()
}

// Add sets dst = a + b.
func Add(m vec.Machine) {
	each(m, "dst", []string{"a", "b"}, func(v []vec.Vec) vec.Vec { return m.Add(v[0], v[1]) })
}

// Sub sets dst = a - b.
func Sub(m vec.Machine) {
	each(m, "dst", []string{"a", "b"}, func(v []vec.Vec) vec.Vec { return m.Sub(v[0], v[1]) })
}

// Sign sets dst to 1 where x > 0, to -1 where x < 0, and to x elsewhere.
func Sign(m vec.Machine) {
	each(m, "dst", []string{"x"}, func(v []vec.Vec) vec.Vec { return vec.Sign(m, v[0]) })
}

// AddFlush sets dst = a + b, tiny results as +0.
func AddFlush(m vec.Machine) {
	each(m, "dst", []string{"a", "b"}, func(v []vec.Vec) vec.Vec {
		s := m.Add(v[0], v[1])
		vec.Flush(m, s)
		return s
	})
}

// CopyFlush sets dst = x, tiny values as +0, without arithmetic on them.
func CopyFlush(m vec.Machine) {
	each(m, "dst", []string{"x"}, func(v []vec.Vec) vec.Vec {
		vec.Flush(m, v[0])
		return v[0]
	})
}

// Mul sets dst = a * b.
func Mul(m vec.Machine) {
	each(m, "dst", []string{"a", "b"}, func(v []vec.Vec) vec.Vec { return m.Mul(v[0], v[1]) })
}

// MulFlush sets dst = a * b, tiny results as +0.
func MulFlush(m vec.Machine) {
	each(m, "dst", []string{"a", "b"}, func(v []vec.Vec) vec.Vec {
		p := m.Mul(v[0], v[1])
		vec.Flush(m, p)
		return p
	})
}

// MulAdd adds a*b to dst.
func MulAdd(m vec.Machine) {
	each(m, "dst", []string{"dst", "a", "b"}, func(v []vec.Vec) vec.Vec {
		m.FMA(v[0], v[1], v[2])
		return v[0]
	})
}

// Axpy adds alpha*x to dst.
func Axpy(m vec.Machine) {
	alpha := m.Float("alpha")
	each(m, "dst", []string{"dst", "x"}, func(v []vec.Vec) vec.Vec {
		m.FMA(v[0], alpha, v[1])
		return v[0]
	})
}

// Scale sets dst = x*alpha.
func Scale(m vec.Machine) {
	alpha := m.Float("alpha")
	each(m, "dst", []string{"x"}, func(v []vec.Vec) vec.Vec { return m.Mul(v[0], alpha) })
}

// ScaleFlush sets dst = x*alpha, tiny results as +0.
func ScaleFlush(m vec.Machine) {
	alpha := m.Float("alpha")
	least := vec.LeastFactor(m, alpha)
	each(m, "dst", []string{"x"}, func(v []vec.Vec) vec.Vec {
		return vec.ScaleFlush(m, v[0], alpha, least)
	})
}

// Div sets dst = x/d.
func Div(m vec.Machine) {
	d := m.Float("d")
	each(m, "dst", []string{"x"}, func(v []vec.Vec) vec.Vec { return m.Div(v[0], d) })
}

// Clip sets dst to x limited to [-limit, limit]; a NaN stays.
func Clip(m vec.Machine) {
	limit := m.Float("limit")
	least := vec.Negative(m, limit)
	each(m, "dst", []string{"x"}, func(v []vec.Vec) vec.Vec { return m.Max(least, m.Min(limit, v[0])) })
}

// ClipGrad sets dx to dy, +0 where x is beyond [-limit, limit]; at a NaN dy passes.
func ClipGrad(m vec.Machine) {
	limit := m.Float("limit")
	each(m, "dx", []string{"x", "dy"}, func(v []vec.Vec) vec.Vec {
		m.ZeroWhere(m.Less(limit, vec.Magnitude(m, v[0])), v[1])
		return v[1]
	})
}
