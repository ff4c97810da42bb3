package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// steps is the loop over k of a tile. Each step loads Rows+Vecs operands for Rows*Vecs
// multiply-adds, so that the load units keep up. Those of one side are held for the
// whole step and those of the other pass through one or two registers: held are the
// broadcasts of A, one for each row, and where these find no room beside the
// accumulators, the vectors of B.
type steps struct {
	Tile
	m        vec.Machine
	acc      [][]vec.Vec
	k        vec.Reg // how many are left
	rsa, csa vec.Reg
	a        vec.Rows
	ldb      vec.Reg
	b        []vec.Reg // see panels
	next     vec.Reg   // what is fetched, lines of it in tileUnroll steps
	lines    int
}

// steps emits the loop over k, which adds to acc.
func (t Tile) steps(m vec.Machine, acc [][]vec.Vec) {
	s := &steps{Tile: t, m: m, acc: acc, k: word(m, "K"), rsa: floats(m, "RSA"), csa: floats(m, "CSA")}
	s.a = m.Rows(word(m, "A"), s.rsa, t.Rows)
	s.b, s.ldb = t.panels(m), floats(m, "LDB")
	if s.lines = t.fetches(m); s.lines > 0 {
		s.next = word(m, "Next")
	}
	// A core that takes instructions in their order waits for a load that is used at
	// once. Where factors take no broadcasts there is a register to load the next
	// vector of B ahead of the multiply-adds of this one.
	if l, ok := m.(vec.Laner); ok {
		s.inOrder(l)
	} else {
		s.outOfOrder()
	}
}

// outOfOrder emits loops of tileUnroll steps. Where the columns of A are next to each other
// or in panels, the distance from step to step is a number in the instructions: additions to
// addresses take turns of the units that multiply. Without those for A, AVX2 tiles of six
// rows gain 3 to 5 points of peak on Golden Cove, and AVX-512 tiles of twelve 2. Without
// those for B too, AVX-512 tiles of six rows and four vectors lose 5, for one of the two
// units is then given more than half of the multiply-adds.
func (s *steps) outOfOrder() {
	loop := func(label string, columns int) {
		s.m.AddImm(s.csa, (tileUnroll-1)*columns)
		s.m.Loop(label, s.k, tileUnroll, func() {
			s.fetch()
			for u := range tileUnroll {
				s.broadcast(u * columns)
				s.moveB()
			}
			s.m.MoveRows(s.a, s.csa)
		})
		s.m.AddImm(s.csa, -(tileUnroll-1)*columns)
	}
	step := func() {
		s.broadcast(0)
		s.m.MoveRows(s.a, s.csa)
		s.moveB()
	}
	s.m.IfEqual("along_k", s.csa, 4, func() { loop("along", 4) }, func() {
		s.m.IfEqual("in_panels", s.csa, 4*s.High, func() { loop("panel", 4*s.High) }, func() {
			s.m.Loop("steps", s.k, tileUnroll, func() {
				s.fetch()
				for range tileUnroll {
					step()
				}
			})
		})
	})
	s.m.Loop("step", s.k, 1, step)
}

// inOrder emits loops in which one load brings the factors of several steps or rows.
func (s *steps) inOrder(l vec.Laner) {
	m := s.m
	m.IfEqual("along_k", s.csa, 4, func() {
		quad := m.SetReg(4 * m.Lanes())
		m.Loop("quads", s.k, m.Lanes(), func() {
			s.fetch()
			// One load brings the factors of a row for all steps. It stands before
			// its first use: decoders that take few instructions a cycle prefer
			// loads scattered among multiply-adds.
			factors := make([][]vec.Vec, s.Rows)
			for u := range m.Lanes() {
				s.ahead(func(r int) vec.Vec {
					if factors[r] == nil {
						factors[r] = l.LoadLanes(m.Row(s.a, r), m.Lanes())
					}
					return factors[r][u]
				})
			}
			m.MoveRows(s.a, quad)
		})
	}, func() {
		m.IfEqual("along_rows", s.rsa, 4, func() {
			m.Loop("columns", s.k, tileUnroll, func() {
				s.fetch()
				for range tileUnroll {
					s.ahead(s.column(l))
				}
			})
		}, func() {})
	})
	m.Loop("step", s.k, 1, func() {
		f := s.factors(0)
		m.MoveRows(s.a, s.csa)
		s.ahead(func(r int) vec.Vec { return f[r] })
	})
}

// fetch is done once in tileUnroll steps.
func (s *steps) fetch() {
	for i := range s.lines {
		s.m.Prefetch(vec.Mem{Base: s.next, Disp: 64 * i})
	}
	if s.lines > 0 {
		s.m.AddImm(s.next, 64*s.lines)
	}
}

// load is vector v of a step.
func (s *steps) load(v int) vec.Vec { return s.m.Load(s.at(s.m, s.b, v)) }

// ahead is a step that loads each vector before the multiply-adds of the last one, and
// moves B on. factor gives the factor of a row.
func (s *steps) ahead(factor func(r int) vec.Vec) {
	x := s.load(0)
	for v := range s.Vecs {
		then := x
		if v+1 < s.Vecs {
			then = s.load(v + 1)
		}
		for r := range s.Rows {
			s.m.FMA(s.acc[r][v], factor(r), x)
		}
		x = then
	}
	s.moveB()
}

// broadcast is a step whose factors are off bytes further on.
func (s *steps) broadcast(off int) {
	if s.Rows*s.Vecs+s.Rows+1 > s.m.Registers() {
		x := make([]vec.Vec, s.Vecs)
		for v := range x {
			x[v] = s.load(v)
		}
		for r := range s.Rows {
			f := s.factor(r, off)
			for v := range x {
				s.m.FMA(s.acc[r][v], f, x[v])
			}
		}
		return
	}
	f := s.factors(off)
	for v := range s.Vecs {
		x := s.load(v)
		for r := range f {
			s.m.FMA(s.acc[r][v], f[r], x)
		}
	}
}

// factor is the factor of a row, off bytes further on, in all lanes.
func (s *steps) factor(r, off int) vec.Vec { return s.m.Broadcast(s.m.Row(s.a, r).Plus(off)) }

func (s *steps) factors(off int) []vec.Vec {
	f := make([]vec.Vec, s.Rows)
	for r := range f {
		f[r] = s.factor(r, off)
	}
	return f
}

// moveB goes on to the vectors of the next step.
func (s *steps) moveB() {
	for _, panel := range s.b {
		s.m.AddReg(panel, s.ldb)
	}
}

// panels are the addresses of the panels of B, or those of its vectors.
func (t Tile) panels(m vec.Machine) []vec.Reg {
	list := []vec.Reg{word(m, "B")}
	add := func(distance vec.Reg) {
		next := m.CopyReg(list[len(list)-1])
		m.AddReg(next, distance)
		list = append(list, next)
	}
	if t.Apart {
		add(floats(m, "PB"))
		add(floats(m, "PC"))
	} else if t.Panels > 1 {
		distance := floats(m, "PB")
		for range t.Panels - 1 {
			add(distance)
		}
	}
	return list
}

// at is where vector v of a step stands in the panels of B.
func (t Tile) at(m vec.Machine, panels []vec.Reg, v int) vec.Mem {
	each := t.Vecs / len(panels)
	return vec.Mem{Base: panels[v/each], Disp: 4 * m.Lanes() * (v % each)}
}

// column gives the factors of one step where those of all rows are contiguous:
// four, two or one a load, each load before the first use.
func (s *steps) column(l vec.Laner) func(r int) vec.Vec {
	var factors []vec.Vec
	return func(r int) vec.Vec {
		if r == len(factors) {
			n := s.m.Lanes()
			for n > s.Rows-r {
				n /= 2
			}
			factors = append(factors, l.LoadLanes(s.m.Row(s.a, r), n)...)
			if len(factors) == s.Rows {
				s.m.MoveRows(s.a, s.csa)
			}
		}
		return factors[r]
	}
}
