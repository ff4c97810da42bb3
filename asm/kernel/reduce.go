package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// A reduction keeps 64 lanes (32 of float64) in memory: element j of a slice
// belongs to lane j mod 64 and every lane takes its elements in ascending order,
// whatever the width of the machine.

const lanes = 64

// reduce emits the loop over blocks of 64 elements, whose lanes stay in
// registers, and then the rest, whose lanes are read and written one vector at
// a time so that lanes without an element stay as they are. step writes the
// lane it is given, or returns another.
func reduce(m vec.Machine, args []string, step func(lane vec.Vec, v []vec.Vec) vec.Vec) {
	acc, n := m.Base("lanes"), m.Len(args[0])
	index := m.SetReg(0)
	from := make([]vec.Reg, len(args))
	for j, a := range args {
		from[j] = m.Base(a)
	}
	load := func(at vec.Mem, read func(vec.Mem) vec.Vec) []vec.Vec {
		v := make([]vec.Vec, len(from))
		for j, base := range from {
			at.Base, at.Index = base, index
			v[j] = read(at)
		}
		return v
	}
	width := 4 * m.Lanes()
	m.IfAtLeast("lanes", n, lanes, func() {
		held := make([]vec.Vec, lanes/m.Lanes())
		for j := range held {
			held[j] = m.Load(vec.Mem{Base: acc, Disp: j * width})
		}
		m.Loop("block", n, lanes, func() {
			for j := range held {
				m.Set(held[j], step(held[j], load(vec.Mem{Disp: j * width}, m.Load)))
			}
			m.AddImm(index, 4*lanes)
		})
		for j := range held {
			m.Store(held[j], vec.Mem{Base: acc, Disp: j * width})
		}
	})
	at := vec.Mem{Base: acc}
	m.Loop("vector", n, m.Lanes(), func() {
		m.Store(step(m.Load(at), load(vec.Mem{}, m.Load)), at)
		m.AddImm(index, width)
		m.AddImm(acc, width)
	})
	m.IfAtLeast("tail", n, 1, func() {
		t := m.Tail(n)
		read := func(at vec.Mem) vec.Vec { return m.LoadTail(at, t) }
		m.StoreTail(step(read(at), load(vec.Mem{}, read)), at, t)
	})
	m.Return()
}

// MaxLanes lifts lanes to the maximum of themselves and x.
func MaxLanes(m vec.Machine) {
	reduce(m, []string{"x"}, func(lane vec.Vec, v []vec.Vec) vec.Vec { return m.Max(v[0], lane) })
}

// SumLanes adds x to the lanes.
func SumLanes(m vec.Machine) {
	reduce(m, []string{"x"}, func(lane vec.Vec, v []vec.Vec) vec.Vec { return m.Add(lane, v[0]) })
}

// DotLanes adds x*y to the lanes.
func DotLanes(m vec.Machine) {
	reduce(m, []string{"x", "y"}, func(lane vec.Vec, v []vec.Vec) vec.Vec {
		m.FMA(lane, v[0], v[1])
		return lane
	})
}

// ExpSumLanes sets dst = exp(x-max) and adds dst to the lanes. The exponential
// takes longer than a lane's way through memory.
func ExpSumLanes(m vec.Machine) {
	acc, dst, x, n := m.Base("lanes"), m.Base("dst"), m.Base("x"), m.Len("x")
	max := m.Float("max")
	vec.Flush(m, max)
	m.Hold(7, vec.ExpSumConstants()...)
	vec.Each(m, n, func(at vec.At) {
		e := vec.ExpSum(m, at.Load(x), max)
		at.Store(e, dst)
		lane, place := at.Lane(acc)
		place.Store(m.Add(lane, e), acc)
	})
	m.Return()
}

// SumSquaresLanes adds x*x to the float64 lanes. The square of a float32 is
// exact in float64, so that the sum's is the only rounding.
func SumSquaresLanes(m vec.Machine) { dot64(m, "x") }

// DotLanes64 adds x*y to the float64 lanes. So is the product of two.
func DotLanes64(m vec.Machine) { dot64(m, "x", "y") }

// dot64 emits the sum of the products of the first and the last of the arguments, one
// or two, in float64 lanes.
func dot64(m vec.Machine, args ...string) {
	acc := m.Base("lanes")
	from := make([]vec.Reg, len(args))
	for j, a := range args {
		from[j] = m.Base(a)
	}
	n := m.Len(args[0])
	half := m.Lanes() / 2
	step := func(lane vec.Vec, disp int, read func(vec.Mem) vec.Vec) vec.Vec {
		v := make([]vec.Vec, len(from))
		for j, base := range from {
			v[j] = read(vec.Mem{Base: base, Disp: disp})
		}
		m.FMA64(lane, v[0], v[len(v)-1])
		return lane
	}
	advance := func(elements int) {
		for _, base := range from {
			m.AddImm(base, 4*elements)
		}
	}
	const lanes64 = lanes / 2
	m.IfAtLeast("lanes", n, lanes64, func() {
		held := make([]vec.Vec, lanes64/half)
		for j := range held {
			held[j] = m.Load(vec.Mem{Base: acc, Disp: 8 * half * j})
		}
		m.Loop("block", n, lanes64, func() {
			for j := range held {
				step(held[j], 4*half*j, m.LoadWide)
			}
			advance(lanes64)
		})
		for j := range held {
			m.Store(held[j], vec.Mem{Base: acc, Disp: 8 * half * j})
		}
	})
	at := vec.Mem{Base: acc}
	m.Loop("vector", n, half, func() {
		m.Store(step(m.Load(at), 0, m.LoadWide), at)
		advance(half)
		m.AddImm(acc, 8*half)
	})
	m.IfAtLeast("tail", n, 1, func() {
		t := m.Tail64(n)
		read := func(at vec.Mem) vec.Vec { return m.LoadWideTail(at, t) }
		m.StoreTail(step(m.LoadTail(at, t), 0, read), at, t)
	})
	m.Return()
}
