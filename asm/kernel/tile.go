package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// A Tile is the register tile of matrix products: Rows x (Vecs vectors) outputs,
// each one chain of fused multiply-adds over k in ascending order.
//
//	acc[r][v] = start[r*lds + v*L ...]
//	for q = 0..k-1: acc[r][v] = fma(a[r*rsa+q*csa], b[q*ldb + v*L ...], acc[r][v])
//
// What then happens to the accumulators is the Epilogue, composed in here. It
// finds them in registers and loads the arguments it needs.
type Tile struct {
	Rows, Vecs int
	Epilogue   func(m vec.Machine, acc [][]vec.Vec)
}

// tileUnroll steps of k share one loop branch.
const tileUnroll = 4

// Emit emits the tile. One broadcast of A per row is held for the whole step
// and B passes through one or two registers: each step loads Rows+Vecs operands
// for Rows*Vecs multiply-adds, so that the load units keep up.
func (t Tile) Emit(m vec.Machine) {
	acc := t.start(m)
	k := m.Int("k")
	rsa, csa := floats(m, "rsa"), floats(m, "csa")
	a := m.Rows(m.Int("a"), rsa, t.Rows)
	b, ldb := m.Int("b"), floats(m, "ldb")
	next := m.Int("next")
	// step is one step of k, the u-th of its loop. factors prepares those of the
	// rows, and what it returns gives one of them.
	step := func(u int, factors func() func(r int) vec.Vec) {
		m.Prefetch(vec.Mem{Base: next, Disp: 64 * u})
		factor := factors()
		for v := range t.Vecs {
			x := m.Load(vec.Mem{Base: b, Disp: 4 * m.Lanes() * v})
			for r := range t.Rows {
				m.FMA(acc[r][v], factor(r), x)
			}
		}
		m.AddReg(b, ldb)
	}
	loop := func(label string, steps int, body func()) {
		m.Loop(label, k, steps, func() {
			body()
			m.AddImm(next, 64*steps)
		})
	}
	broadcast := func() func(r int) vec.Vec {
		s := make([]vec.Vec, t.Rows)
		for r := range s {
			s[r] = m.Broadcast(m.Row(a, r))
		}
		m.MoveRows(a, csa)
		return func(r int) vec.Vec { return s[r] }
	}
	if l, ok := m.(vec.Laner); ok {
		m.IfEqual("along_k", csa, 4, func() {
			quad := m.SetReg(4 * m.Lanes())
			loop("quads", m.Lanes(), func() {
				// One load brings the factors of a row for all steps. It stands before
				// its first use: decoders that take few instructions a cycle prefer
				// loads scattered among multiply-adds.
				s := make([][]vec.Vec, t.Rows)
				for u := range m.Lanes() {
					step(u, func() func(r int) vec.Vec {
						return func(r int) vec.Vec {
							if s[r] == nil {
								s[r] = l.LoadLanes(m.Row(a, r), m.Lanes())
							}
							return s[r][u]
						}
					})
				}
				m.MoveRows(a, quad)
			})
		}, func() {
			m.IfEqual("along_rows", rsa, 4, func() {
				loop("columns", tileUnroll, func() {
					for u := range tileUnroll {
						step(u, func() func(r int) vec.Vec { return t.column(m, l, a, csa) })
					}
				})
			}, func() {})
		})
	} else {
		loop("steps", tileUnroll, func() {
			for u := range tileUnroll {
				step(u, broadcast)
			}
		})
	}
	loop("step", 1, func() { step(0, broadcast) })
	t.Epilogue(m, acc)
	m.Return()
}

// column gives the factors of one step where those of all rows are contiguous:
// four, two or one a load, each load before the first use.
func (t Tile) column(m vec.Machine, l vec.Laner, a vec.Rows, csa vec.Reg) func(r int) vec.Vec {
	var s []vec.Vec
	return func(r int) vec.Vec {
		if r == len(s) {
			n := m.Lanes()
			for n > t.Rows-r {
				n /= 2
			}
			s = append(s, l.LoadLanes(m.Row(a, r), n)...)
			if len(s) == t.Rows {
				m.MoveRows(a, csa)
			}
		}
		return s[r]
	}
}

// floats is an argument that counts float32, in bytes.
func floats(m vec.Machine, arg string) vec.Reg {
	r := m.Int(arg)
	m.ShiftReg(r, 2)
	return r
}

// start loads the accumulators.
func (t Tile) start(m vec.Machine) [][]vec.Vec {
	acc := make([][]vec.Vec, t.Rows)
	for r := range acc {
		acc[r] = make([]vec.Vec, t.Vecs)
	}
	at := m.Rows(m.Int("start"), floats(m, "lds"), t.Rows)
	tail := m.Tail(m.Int("tail"))
	t.each(m, func(r, v int, offset int, last bool) {
		if from := m.Row(at, r).Plus(offset); last {
			acc[r][v] = m.LoadTail(from, tail)
		} else {
			acc[r][v] = m.Load(from)
		}
	})
	return acc
}

// each visits the accumulators row by row. last marks the last column of
// vectors, of which only part may exist.
func (t Tile) each(m vec.Machine, visit func(r, v, offset int, last bool)) {
	for r := range t.Rows {
		for v := range t.Vecs {
			visit(r, v, 4*m.Lanes()*v, v == t.Vecs-1)
		}
	}
}

// Store is the epilogue of a plain product. Bit 0 of flags: c = c + acc, one
// addition. Bit 1: tiny results become +0.
func Store(m vec.Machine, acc [][]vec.Vec) {
	t := Tile{Rows: len(acc), Vecs: len(acc[0])}
	c := m.Rows(m.Int("c"), floats(m, "ldc"), t.Rows)
	flags, n := m.Int("flags"), m.Int("tail")
	tail := m.Tail(n)
	m.IfBit("add", flags, 0, func() {
		t.each(m, func(r, v, offset int, last bool) {
			var old vec.Vec
			if at := m.Row(c, r).Plus(offset); last {
				old = m.LoadTail(at, tail)
			} else {
				old = m.Load(at)
			}
			m.Set(acc[r][v], m.Add(old, acc[r][v]))
		})
	})
	m.IfBit("flush", flags, 1, func() {
		t.each(m, func(r, v, _ int, _ bool) { vec.Flush(m, acc[r][v]) })
	})
	t.each(m, func(r, v, offset int, last bool) {
		if !last {
			m.Store(acc[r][v], m.Row(c, r).Plus(offset))
		}
	})
	// A partial store may be far slower than a whole one.
	store := func(put func(a vec.Vec, at vec.Mem)) func() {
		return func() {
			t.each(m, func(r, v, offset int, last bool) {
				if last {
					put(acc[r][v], m.Row(c, r).Plus(offset))
				}
			})
		}
	}
	m.IfEqual("whole", n, m.Lanes(), store(m.Store),
		store(func(a vec.Vec, at vec.Mem) { m.StoreTail(a, at, tail) }))
}
