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
// room is one vector for each of these rows. x has whole blocks of 64, and rest what is behind
// them, filled up to 64 elements with -0: the rows have +0 there, so that -0 is added, which
// changes no lane.
func DotRows(m vec.Machine) {
	quads, a, x, rest := m.Int("quads"), m.Int("a"), m.Int("x"), m.Int("rest")
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
			v := lanesOfRows(m, held, a, x, rest)
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

// lanesOfRows adds rows from a on to their lanes, and returns these added up to one vector for
// each row.
func lanesOfRows(m vec.Machine, sum [][]vec.Vec, a, x, rest vec.Reg) []vec.Vec {
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
				step(j, m.Load(vec.Mem{Base: rest, Disp: j * width}), m.Load)
				m.AddImm(left, -m.Lanes())
				remains(j + 1)
				m.AddImm(left, -m.Lanes()) // nothing is left
			})
		}
		m.IfAtLeast("tail", left, 1, func() {
			t := m.Tail(left)
			step(j, m.Load(vec.Mem{Base: rest, Disp: j * width}), func(at vec.Mem) vec.Vec { return m.LoadTail(at, t) })
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
