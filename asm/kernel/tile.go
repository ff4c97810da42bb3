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
//
// High is how many rows the highest tile of the machine has, and so panels of A.
type Tile struct {
	Rows, Vecs, Panels int
	High               int
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

// Emit emits the tile.
func (t Tile) Emit(m vec.Machine) {
	t.fetchC(m)
	acc := t.start(m)
	t.steps(m, acc)
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
