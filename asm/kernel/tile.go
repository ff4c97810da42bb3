package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// A Tile is the register tile of matrix products: Rows x (Vecs vectors) outputs,
// each one chain of fused multiply-adds over k in ascending order.
//
//	acc[r][v] = start[r*lds + v*L ...]
//	for q = 0..k-1: acc[r][v] = fma(a[r*rsa+q*csa], b[q*ldb + v*L ...], acc[r][v])
//
// The vectors come from Panels neighbouring panels of B, pb apart, as many from each.
// A tile of few rows takes several panels, for it needs as many chains as there are
// multiply-adds in flight. Where a panel and a half are what that takes, each vector has
// an address of its own (Apart): the second is pb after the first, the third pc after that.
//
// What then happens to the accumulators is the Epilogue, composed in here. It
// finds them in registers and loads the arguments it needs.
type Tile struct {
	Rows, Vecs, Panels int
	Apart              bool
	Epilogue           func(m vec.Machine, acc [][]vec.Vec)
}

// tileUnroll steps of k share one loop branch.
const tileUnroll = 4

// A block of B that comes next is fetched by the tiles that stand on this one,
// tileTurns rows of C together, a few lines in tileUnroll steps each: requests
// in a burst would hold up those for what is needed now. Tiles of fewer than
// tileFetches rows are bound by loads and fetch nothing: without, 1 row gains 4
// points of peak and 2 rows 3.
const (
	tileTurns   = 32
	tileFetches = 3
)

// fetches is how many lines a tile fetches in tileUnroll steps.
func (t Tile) fetches(m vec.Machine) int {
	if t.Rows < tileFetches {
		return 0
	}
	return FetchLines(m.Lanes(), t.Vecs, t.Rows)
}

// FetchLines is how many lines a tile of a machine with that many lanes fetches
// in tileUnroll steps, if it fetches.
func FetchLines(lanes, vecs, rows int) int {
	return max(1, (tileUnroll*4*lanes*vecs/64*rows+tileTurns/2)/tileTurns)
}

// Emit emits the tile. Each step loads Rows+Vecs operands for Rows*Vecs
// multiply-adds, so that the load units keep up. Those of one side are held for the
// whole step and those of the other pass through one or two registers: held are the
// broadcasts of A, one for each row, and where these find no room beside the
// accumulators, the vectors of B.
func (t Tile) Emit(m vec.Machine) {
	t.fetchC(m)
	acc := t.start(m)
	k := word(m, "K")
	rsa, csa := floats(m, "RSA"), floats(m, "CSA")
	a := m.Rows(word(m, "A"), rsa, t.Rows)
	b, ldb := t.panels(m), floats(m, "LDB")
	next, lines := vec.Reg{}, t.fetches(m)
	if lines > 0 {
		next = word(m, "Next")
	}
	// fetch is done once in tileUnroll steps.
	fetch := func() {
		for i := range lines {
			m.Prefetch(vec.Mem{Base: next, Disp: 64 * i})
		}
		if lines > 0 {
			m.AddImm(next, 64*lines)
		}
	}
	load := func(v int) vec.Vec { return m.Load(t.at(m, b, v)) }
	advance := func() {
		for _, panel := range b {
			m.AddReg(panel, ldb)
		}
	}
	// A core that takes instructions in their order waits for a load that is used at
	// once. Where factors take no broadcasts there is a register to load the next
	// vector of B ahead of the multiply-adds of this one.
	l, ahead := m.(vec.Laner)
	// step is one step of k. factors prepares those of the rows, and what it
	// returns gives one of them.
	step := func(factors func() func(r int) vec.Vec) {
		factor := factors()
		x := load(0)
		for v := range t.Vecs {
			then, more := x, v+1 < t.Vecs
			if more && ahead {
				then = load(v + 1)
			}
			for r := range t.Rows {
				m.FMA(acc[r][v], factor(r), x)
			}
			if more && !ahead {
				then = load(v + 1)
			}
			x = then
		}
		advance()
	}
	broadcast := func() func(r int) vec.Vec {
		s := make([]vec.Vec, t.Rows)
		for r := range s {
			s[r] = m.Broadcast(m.Row(a, r))
		}
		m.MoveRows(a, csa)
		return func(r int) vec.Vec { return s[r] }
	}
	plain := func() { step(broadcast) }
	if t.Rows*t.Vecs+t.Rows+1 > m.Registers() {
		plain = func() {
			x := make([]vec.Vec, t.Vecs)
			for v := range x {
				x[v] = load(v)
			}
			for r := range t.Rows {
				s := m.Broadcast(m.Row(a, r))
				for v := range x {
					m.FMA(acc[r][v], s, x[v])
				}
			}
			advance()
			m.MoveRows(a, csa)
		}
	}
	if ahead {
		m.IfEqual("along_k", csa, 4, func() {
			quad := m.SetReg(4 * m.Lanes())
			m.Loop("quads", k, m.Lanes(), func() {
				fetch()
				// One load brings the factors of a row for all steps. It stands before
				// its first use: decoders that take few instructions a cycle prefer
				// loads scattered among multiply-adds.
				s := make([][]vec.Vec, t.Rows)
				for u := range m.Lanes() {
					step(func() func(r int) vec.Vec {
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
				m.Loop("columns", k, tileUnroll, func() {
					fetch()
					for range tileUnroll {
						step(func() func(r int) vec.Vec { return t.column(m, l, a, csa) })
					}
				})
			}, func() {})
		})
	} else {
		m.Loop("steps", k, tileUnroll, func() {
			fetch()
			for range tileUnroll {
				plain()
			}
		})
	}
	m.Loop("step", k, 1, plain)
	t.Epilogue(m, acc)
	m.Return()
}

// fetchC asks for rows of C as wide as the tile. Results are stored there last. Where the
// chains start there it is too late for these rows, so what is asked for is Ahead columns
// to the right: those that the next column of tiles has.
func (t Tile) fetchC(m vec.Machine) {
	if t.Rows < tileFetches {
		return
	}
	from := word(m, "C")
	m.AddReg(from, floats(m, "Ahead"))
	c := m.Rows(from, floats(m, "LDC"), t.Rows)
	for r := range t.Rows {
		for b := 0; b < 4*m.Lanes()*t.Vecs; b += 64 {
			m.Prefetch(m.Row(c, r).Plus(b))
		}
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

// TileFields are the operands of a tile, the fields of a struct of 64-bit words:
// one pointer is passed, and from tile to tile only what differs is written.
var TileFields = []struct{ Name, Type, Doc string }{
	{"K", "int", "steps"},
	{"A", "*float32", "element (r, q) of A is RSA*r + CSA*q from here"},
	{"RSA", "int", "distance between the rows of A"},
	{"CSA", "int", "distance between the columns of A"},
	{"B", "*float32", "the vectors of step q are LDB*q from here"},
	{"LDB", "int", "distance between the rows of B"},
	{"PB", "int", "distance between the panels of B, or from the first vector to the second, where each has its own"},
	{"Start", "*float32", "where the chains of row r start is LDS*r from here"},
	{"LDS", "int", "distance between the rows of Start"},
	{"C", "*float32", "row r of the result is LDC*r from here"},
	{"LDC", "int", "distance between the rows of C"},
	{"Tail", "int", "columns of the last vector that exist in Start and C, 1 to all"},
	{"Flags", "int", "bit 0: add to C; bit 1: tiny results become +0"},
	{"Next", "uintptr", "what is fetched into the cache from here on; any address is harmless"},
	{"PC", "int", "distance from the second vector of B to the third, where each has its own"},
	{"Ahead", "int", "what of C is fetched into the cache is so many columns to the right; any distance is harmless"},
}

// word is a field of the tile's operands.
func word(m vec.Machine, field string) vec.Reg {
	for n, f := range TileFields {
		if f.Name == field {
			return m.Word("t", n)
		}
	}
	panic("a tile has no operand " + field)
}

// floats is a field that counts float32, in bytes.
func floats(m vec.Machine, field string) vec.Reg {
	r := word(m, field)
	m.ShiftReg(r, 2)
	return r
}

// start loads the accumulators.
func (t Tile) start(m vec.Machine) [][]vec.Vec {
	acc := make([][]vec.Vec, t.Rows)
	for r := range acc {
		acc[r] = make([]vec.Vec, t.Vecs)
	}
	at := m.Rows(word(m, "Start"), floats(m, "LDS"), t.Rows)
	tail := m.Tail(word(m, "Tail"))
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
	c := m.Rows(word(m, "C"), floats(m, "LDC"), t.Rows)
	flags, n := word(m, "Flags"), word(m, "Tail")
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
