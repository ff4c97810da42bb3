package kernel

import "github.com/simdrnn/simdrnn/asm/vec"

// A Panel packs into panels, [k][n]. Those of packed matrices have Vecs vectors of
// columns, n; two kernels fill them. They move bits, and store +0 for tiny values where
// PackFlush is set. Those of left factors have as many columns as tiles have rows, Rows.
type Panel struct{ Vecs, Rows int }

// Flags of the kernels of a Panel.
const (
	PackFlush = 1 << 0 // tiny values become +0
	PackPart  = 1 << 1 // PackRows: the last piece ends before its panel does
)

// PackMaxLanes is the largest number of rows that PackStrip is given, PackMaxVecs
// that of vectors in a panel.
const (
	PackMaxLanes = 16
	PackMaxVecs  = 4
)

// packLive is how many vectors the kernels keep beside constants on the machine with
// the fewest registers.
const packLive = 12

// size is the bytes of a row of a panel.
func (p Panel) size(m vec.Machine) int { return 4 * m.Lanes() * p.Vecs }

// Strip transposes Lanes rows into a strip of a panel, one vector wide: steps
// elements of each row, a multiple of four, become as many rows of the strip.
//
//	dst[q*n + r] = rows[r][q]
func (p Panel) Strip(m vec.Machine) {
	dst, steps, flags := m.Int("dst"), m.Int("steps"), m.Int("flags")
	// A machine of many lanes has no register for every row, and reads the addresses
	// anew for each block; it takes more steps in a block for that.
	block, address := 1, func(r int) vec.Reg { return m.Word("rows", r) }
	if m.Lanes() > 8 {
		block = 4
	} else {
		held := make([]vec.Reg, m.Lanes())
		for r := range held {
			held[r] = m.Word("rows", r)
		}
		address = func(r int) vec.Reg { return held[r] }
	}
	m.Hold(packLive, vec.FlushConstants()...)
	index := m.SetReg(0)
	// move takes 4*quads steps.
	move := func(quads int, flush bool) {
		v := make([][4]vec.Vec, quads)
		for i := range 4 {
			var at []vec.Mem
			for r := i; r < m.Lanes(); r += 4 {
				at = append(at, vec.Mem{Base: address(r), Index: index})
			}
			for q := range v {
				v[q][i] = m.LoadQuads(at)
				for r := range at {
					at[r] = at[r].Plus(16)
				}
			}
		}
		for q := range v {
			for i, column := range m.TransposeQuads(v[q]) {
				if flush {
					vec.Flush(m, column)
				}
				m.Store(column, vec.Mem{Base: dst, Disp: p.size(m) * (4*q + i)})
			}
		}
		m.AddImm(index, 16*quads)
		m.AddImm(dst, p.size(m)*4*quads)
	}
	all := func(flush bool) func() {
		return func() {
			if block > 1 {
				m.Loop("block", steps, 4*block, func() { move(block, flush) })
			}
			m.Loop("quad", steps, 4, func() { move(1, flush) })
		}
	}
	m.IfEqual("flush", flags, PackFlush, all(true), all(false))
	m.Return()
}

// Spread copies rows to panels, in each pieces of the panels' width, ldp apart, and with
// PackPart one more that ends before its panel does. What is left of that panel is +0: tails
// says how many elements there are for each vector.
//
//	dst[p*ldp + i*ldd + j] = src[i*lds + p*n + j]
func (p Panel) Spread(m vec.Machine) {
	dst, src, rows := m.Int("dst"), m.Int("src"), m.Int("rows")
	pieces, ldp, ldd, lds := m.Int("pieces"), m.Int("ldp"), m.Int("ldd"), m.Int("lds")
	for _, r := range []vec.Reg{ldp, ldd, lds} {
		m.ShiftReg(r, 2)
	}
	m.Hold(packLive, vec.FlushConstants()...)
	all := func(flags int) func() {
		return func() {
			var tails []vec.Tail
			if flags&PackPart != 0 {
				for v := range p.Vecs {
					tails = append(tails, m.Tail(m.Word("tails", v)))
				}
			}
			piece := func(to, from vec.Reg, tails []vec.Tail) {
				x := make([]vec.Vec, p.Vecs)
				for v := range x {
					if at := (vec.Mem{Base: from, Disp: 4 * m.Lanes() * v}); tails != nil {
						x[v] = m.LoadTail(at, tails[v])
					} else {
						x[v] = m.Load(at)
					}
				}
				for v := range x {
					if flags&PackFlush != 0 {
						vec.Flush(m, x[v])
					}
					m.Store(x[v], vec.Mem{Base: to, Disp: 4 * m.Lanes() * v})
				}
			}
			ahead := m.CopyReg(src)
			for range rowsAhead {
				m.AddReg(ahead, lds)
			}
			m.Loop("row", rows, 1, func() {
				from, to, n := m.CopyReg(src), m.CopyReg(dst), m.CopyReg(pieces)
				soon := m.CopyReg(ahead)
				m.Loop("piece", n, 1, func() {
					for b := 0; b < p.size(m); b += 64 {
						m.Prefetch(vec.Mem{Base: soon, Disp: b})
					}
					piece(to, from, nil)
					m.AddImm(from, p.size(m))
					m.AddImm(soon, p.size(m))
					m.AddReg(to, ldp)
				})
				if tails != nil {
					piece(to, from, tails)
				}
				m.AddReg(src, lds)
				m.AddReg(ahead, lds)
				m.AddReg(dst, ldd)
			})
		}
	}
	flags := m.Int("flags")
	m.IfEqual("copy", flags, 0, all(0), func() {
		m.IfEqual("flush", flags, PackFlush, all(PackFlush), func() {
			m.IfEqual("part", flags, PackPart, all(PackPart), all(PackPart|PackFlush))
		})
	})
	m.Return()
}

// rowsAhead is how many rows before it is copied a row of a matrix is asked for. Of each only as
// much is copied as there are panels abreast, too short a stretch for processors to fetch the next
// row by themselves. The part of a panel at the end is not asked for.
const rowsAhead = 4

// FactorVecs is how many vectors hold the columns of a left factor's panel, for a
// machine with that many lanes and tiles of that many rows.
func FactorVecs(lanes, rows int) int { return (rows + lanes - 1) / lanes }

// factorsAhead is how many rows before it is copied a row of a left factor is asked for. Rows
// lie kilobytes apart, and processors fetch ahead by themselves only what lies near. Distances
// of 4, 8 and 16 do not differ.
const factorsAhead = 8

// Factors copies rows of a left factor to panels as wide as tiles are high, pieces in
// number. Whole vectors are written: what a piece has behind the columns of its panel is
// overwritten by that of the next row, and is left behind that of the last one.
//
//	dst[p*ldp + i*Rows + j] = src[i*lds + p*Rows + j]
func (p Panel) Factors(m vec.Machine) {
	dst, src, rows := m.Int("dst"), m.Int("src"), m.Int("rows")
	pieces, ldp, lds := m.Int("pieces"), m.Int("ldp"), m.Int("lds")
	m.ShiftReg(ldp, 2)
	m.ShiftReg(lds, 2)
	ahead := m.CopyReg(src)
	for range factorsAhead {
		m.AddReg(ahead, lds)
	}
	m.Loop("row", rows, 1, func() {
		from, to, n := m.CopyReg(src), m.CopyReg(dst), m.CopyReg(pieces)
		soon := m.CopyReg(ahead)
		m.Loop("piece", n, 1, func() {
			m.Prefetch(vec.Mem{Base: soon})
			x := make([]vec.Vec, FactorVecs(m.Lanes(), p.Rows))
			for v := range x {
				x[v] = m.Load(vec.Mem{Base: from, Disp: 4 * m.Lanes() * v})
			}
			for v := range x {
				m.Store(x[v], vec.Mem{Base: to, Disp: 4 * m.Lanes() * v})
			}
			m.AddImm(from, 4*p.Rows)
			m.AddImm(soon, 4*p.Rows)
			m.AddReg(to, ldp)
		})
		m.AddReg(src, lds)
		m.AddReg(ahead, lds)
		m.AddImm(dst, 4*p.Rows)
	})
	m.Return()
}
