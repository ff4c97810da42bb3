package kernel

import (
	"slices"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// DotRows multiplies rows of a matrix by a vector x, some rows at a time, as many as a vector
// register has groups of four lanes. Of each row's sum in 64 lanes (see reduce) it makes four:
//
//	quads[4*r + i] = lane i after lanes of 32, 16, 8 and 4 were added up
//
// room is one vector for each of these rows. zeros is a vector of -0: where a row ends inside a
// vector the lanes behind it have +0 times -0 added, which changes no lane, as +0 would one of -0.
func DotRows(m vec.Machine) {
	quads, a, x, zeros := m.Int("quads"), m.Int("a"), m.Int("x"), m.Int("zeros")
	width, group := 4*m.Lanes(), m.Lanes()/4
	// All rows of a group share the loads of x if their lanes have registers.
	together := 1
	if vectors := lanes / m.Lanes(); group*vectors < m.Registers()-group {
		together = group
	}
	zero := m.Zero()
	held := make([][]vec.Vec, together)
	for r := range held {
		held[r] = make([]vec.Vec, lanes/m.Lanes())
		for j := range held[r] {
			held[r][j] = m.Copy(zero)
		}
	}
	m.LoopArg("group", "groups", func() {
		room := m.Int("room")
		for done := 0; done < group; done += together {
			for _, row := range held {
				for _, v := range row {
					m.Set(v, zero)
				}
			}
			v := lanesOfRows(m, held, a, x, zeros)
			if group == 1 {
				m.Store(v[0], vec.Mem{Base: quads})
			} else {
				for r := range v {
					m.Store(v[r], vec.Mem{Base: room, Disp: width * (done + r)})
				}
			}
			for range v {
				m.AddArg(a, "lda")
			}
		}
		if group > 1 {
			q := make([]vec.Vec, group)
			for i := range q {
				at := make([]vec.Mem, group)
				for r := range at {
					at[r] = vec.Mem{Base: room, Disp: width*r + 16*i}
				}
				q[i] = m.LoadQuads(at)
			}
			m.Store(fold(m, q), vec.Mem{Base: quads})
		}
		m.AddImm(quads, width)
	})
	m.Return()
}

// DotRow multiplies one row by x, both of cols elements, and sets sum to its 64 lanes after the
// upper half of them was added to the lower one again and again, until one vector is left. zeros is
// what DotRows has.
func DotRow(m vec.Machine) {
	sum, a, x, zeros := m.Int("sum"), m.Int("a"), m.Int("x"), m.Int("zeros")
	held := make([]vec.Vec, lanes/m.Lanes())
	for j := range held {
		held[j] = m.Zero()
	}
	m.Store(lanesOfRows(m, [][]vec.Vec{held}, a, x, zeros)[0], vec.Mem{Base: sum})
	m.Return()
}

// lanesOfRows adds rows from a on to their lanes, and returns these added up to one vector for
// each row.
func lanesOfRows(m vec.Machine, sum [][]vec.Vec, a, x, zeros vec.Reg) []vec.Vec {
	width, left, index := 4*m.Lanes(), m.Int("cols"), m.SetReg(0)
	row := []vec.Reg{a}
	for len(row) < len(sum) {
		next := m.CopyReg(row[len(row)-1])
		m.AddArg(next, "lda")
		row = append(row, next)
	}
	// step adds vector j of a block to the lanes.
	step := func(j int, v vec.Vec, load func(vec.Mem) vec.Vec) {
		for r := range sum {
			m.FMA(sum[r][j], load(vec.Mem{Base: row[r], Index: index, Disp: j * width}), v)
		}
	}
	m.Loop("block", left, lanes, func() {
		for j := range sum[0] {
			step(j, m.Load(vec.Mem{Base: x, Index: index, Disp: j * width}), m.Load)
		}
		m.AddImm(index, 4*lanes)
	})
	var remains func(j int)
	remains = func(j int) {
		if j < len(sum[0])-1 {
			m.IfAtLeast("vector", left, m.Lanes(), func() {
				step(j, m.Load(vec.Mem{Base: x, Index: index, Disp: j * width}), m.Load)
				m.AddImm(left, -m.Lanes())
				remains(j + 1)
				m.AddImm(left, -m.Lanes()) // nothing is left
			})
		}
		m.IfAtLeast("tail", left, 1, func() {
			t := m.Tail(left)
			behind := m.Xor(m.LoadTail(vec.Mem{Base: zeros}, t), vec.Const(1<<31))
			v := m.Or(m.LoadTail(vec.Mem{Base: x, Index: index, Disp: j * width}, t), behind)
			step(j, v, func(at vec.Mem) vec.Vec { return m.LoadTail(at, t) })
		})
	}
	remains(0)
	v := make([]vec.Vec, len(sum))
	for r := range v {
		v[r] = fold(m, slices.Clone(sum[r]))
	}
	return v
}

// fold adds up vectors, a power of two: the upper half to the lower one, until one is left.
func fold(m vec.Machine, v []vec.Vec) vec.Vec {
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			v[i] = m.Add(v[i], v[i+n])
		}
	}
	return v[0]
}
