package neon

import (
	"github.com/simdrnn/simdrnn/asm/vec"
)

// An address is base + offset, or base + the register by which a group of rows
// has moved.
type address struct {
	base   *virt
	offset int
	index  *virt
	rows   *rows
}

// rows are the bases of a few rows and what has been added to all of them, nil
// as long as that is nothing.
type rows struct {
	base         []*virt
	moved, still *virt
	// fixed forbids moving: an access took the bases for the addresses.
	fixed bool
}

func (a *address) indexRegister() *virt {
	if a.rows != nil {
		return a.rows.moved
	}
	return a.index
}

// A rowBase is the Base of a vec.Mem that addresses one of a group of rows.
type rowBase struct {
	rows *rows
	row  int
}

// address turns a vec.Mem into what loads and stores can reach.
func (m *machine) address(at vec.Mem) *address {
	if b, ok := at.Base.Reg.(rowBase); ok {
		if at.Index.Reg != nil {
			m.fail("indexes a row")
		}
		return &address{base: b.rows.base[b.row], offset: at.Disp, rows: b.rows}
	}
	a := &address{base: reg(at.Base), offset: at.Disp}
	if at.Index.Reg == nil {
		return a
	}
	if at.Shift != 0 {
		m.fail("scales an index by %d", 1<<at.Shift)
	}
	if at.Disp == 0 {
		a.index = reg(at.Index)
		return a
	}
	a.base = m.sum(a.base, reg(at.Index))
	return a
}

// A sum is a register that held base + index when they had these versions.
type sum struct {
	r                         *virt
	block                     int
	baseVersion, indexVersion int
}

// sum is a register with base + index, computed once for all accesses in a block
// that differ only in their offset.
func (m *machine) sum(base, index *virt) *virt {
	key := [2]*virt{base, index}
	s := sum{nil, m.block, base.version, index.version}
	old := m.sums[key]
	if s.r = old.r; s == old {
		return s.r
	}
	d := m.new(false)
	m.emit(&inst{write: []*virt{d}, read: []*virt{base, index}, print: func() line { return addReg(d.x(), base.x(), index.x()) }})
	s.r = d
	m.sums[key] = s
	return d
}

// plain makes an address whose base and offset are all there is to it.
func (m *machine) plain(a *address) *address {
	switch {
	case a.rows != nil:
		if a.rows.moved != nil {
			m.fail("a partial access to rows that move")
		}
		a.rows.fixed = true
		return &address{base: a.base, offset: a.offset}
	case a.index != nil:
		return &address{base: m.sum(a.base, a.index)}
	}
	return a
}

// further is a register with the address n bytes after a plain one.
func (m *machine) further(a *address, n int) *virt {
	d := m.new(false)
	m.emit(&inst{write: []*virt{d}, read: []*virt{a.base}, print: func() line { return addImm(d.x(), a.base.x(), a.offset+n) }})
	return d
}

// loadTo and storeFrom move part of a vector register.
func (m *machine) loadTo(d *virt, w width, a *address) {
	m.emit(&inst{write: []*virt{d}, at: a, print: func() line {
		if i := a.indexRegister(); i != nil {
			return loadIndexed(w, d.v(), a.base.x(), i.x())
		}
		return loadNear(w, d.v(), a.base.x(), a.offset)
	}})
}

func (m *machine) storeFrom(s *virt, w width, a *address) {
	m.emit(&inst{read: []*virt{s}, at: a, effect: true, print: func() line {
		if i := a.indexRegister(); i != nil {
			return storeIndexed(w, s.v(), a.base.x(), i.x())
		}
		return store(w, s.v(), a.base.x(), a.offset)
	}})
}

func (m *machine) Load(at vec.Mem) vec.Vec {
	d := m.new(true)
	m.loadTo(d, whole, m.address(at))
	return m.value(d)
}

func (m *machine) Store(a vec.Vec, at vec.Mem) { m.storeFrom(m.full(a), whole, m.address(at)) }

func (m *machine) LoadQuads(at []vec.Mem) vec.Vec { return m.Load(at[0]) }

// TransposeQuads interleaves words, then pairs of them.
func (m *machine) TransposeQuads(v [4]vec.Vec) [4]vec.Vec {
	r0, r1, r2, r3 := m.full(v[0]), m.full(v[1]), m.full(v[2]), m.full(v[3])
	low01, high01 := val(m.op2(vzip1, r0, r1)).r, val(m.op2(vzip2, r0, r1)).r
	low23, high23 := val(m.op2(vzip1, r2, r3)).r, val(m.op2(vzip2, r2, r3)).r
	return [4]vec.Vec{
		m.op2(vzip1Pairs, low01, low23), m.op2(vzip2Pairs, low01, low23),
		m.op2(vzip1Pairs, high01, high23), m.op2(vzip2Pairs, high01, high23),
	}
}

// LoadLanes loads n neighbours into one register. Multiplications take a lane of
// it for all lanes, so that nothing has to be broadcast.
func (m *machine) LoadLanes(at vec.Mem, n int) []vec.Vec {
	w := map[int]width{1: lane0, 2: half, 4: whole}[n]
	d := m.new(true)
	m.loadTo(d, w, m.address(at))
	lanes := make([]vec.Vec, n)
	for l := range lanes {
		lanes[l] = vec.Vec{Reg: &value{r: d, broadcast: true, lane: l, block: m.block}}
	}
	return lanes
}

func (m *machine) Broadcast(at vec.Mem) vec.Vec { return m.LoadLanes(at, 1)[0] }

func (m *machine) Prefetch(at vec.Mem) {
	a := m.plain(m.address(at))
	m.emit(&inst{read: []*virt{a.base}, effect: true, print: func() line { return prefetch(a.base.x(), a.offset) }})
}

// Rows keeps a pointer to each row. Moving them all is one addition, to a
// register that the loads add to the pointers.
func (m *machine) Rows(base, stride vec.Reg, n int) vec.Rows {
	rs := &rows{base: []*virt{reg(base)}, still: reg(m.SetReg(0))}
	for r := 1; r < n; r++ {
		d, last, by := m.new(false), rs.base[r-1], reg(stride)
		m.emit(&inst{write: []*virt{d}, read: []*virt{last, by}, print: func() line { return addReg(d.x(), last.x(), by.x()) }})
		rs.base = append(rs.base, d)
	}
	return vec.Rows{Addr: rs}
}

func (m *machine) Row(r vec.Rows, n int) vec.Mem {
	return vec.Mem{Base: vec.Reg{Reg: rowBase{r.Addr.(*rows), n}}}
}

func (m *machine) MoveRows(r vec.Rows, by vec.Reg) {
	rs := r.Addr.(*rows)
	if rs.fixed {
		m.fail("moves rows after a partial access to them")
	}
	rs.moved = rs.still
	m.AddReg(vec.Reg{Reg: rs.moved}, by)
}

// Partial vectors. A tail is a number of lanes in a general register; loads and
// stores look at its bits and move four, two or one float at a time.

type tail struct {
	n    *virt
	wide bool
}

func (m *machine) Tail(n vec.Reg) vec.Tail   { return vec.Tail{Lanes: tail{reg(n), false}} }
func (m *machine) Tail64(n vec.Reg) vec.Tail { return vec.Tail{Lanes: tail{reg(n), true}} }

// parts branches on n, 0 to 4 units: all, two, the third after two, one.
func (m *machine) parts(n *virt, all, two, third, one func()) {
	part, single, done := m.unique("part"), m.unique("single"), m.unique("done")
	m.branchUnless(n, 2, part)
	all()
	m.jumpTo(done)
	m.label(part)
	m.branchUnless(n, 1, single)
	two()
	m.branchUnless(n, 0, done)
	third()
	m.jumpTo(done)
	m.label(single)
	m.branchUnless(n, 0, done)
	one()
	m.label(done)
}

// pairs branches on n, 0 to 2 units: both, or one.
func (m *machine) pairs(n *virt, both, one func()) {
	single, done := m.unique("single"), m.unique("done")
	m.branchUnless(n, 1, single)
	both()
	m.jumpTo(done)
	m.label(single)
	m.branchUnless(n, 0, done)
	one()
	m.label(done)
}

func (m *machine) LoadTail(at vec.Mem, t vec.Tail) vec.Vec {
	d := m.constant(0)
	a, tl := m.plain(m.address(at)), t.Lanes.(tail)
	part := func(w width) func() { return func() { m.loadTo(d, w, a) } }
	if tl.wide {
		m.pairs(tl.n, part(whole), part(half))
		return m.value(d)
	}
	m.parts(tl.n, part(whole), part(half), func() {
		third := m.further(a, 8)
		m.emit(&inst{write: []*virt{d}, read: []*virt{d, third}, print: func() line { return loadLane2(d.v(), third.x()) }})
	}, part(lane0))
	return m.value(d)
}

func (m *machine) StoreTail(v vec.Vec, at vec.Mem, t vec.Tail) {
	s := m.full(v)
	a, tl := m.plain(m.address(at)), t.Lanes.(tail)
	part := func(w width) func() { return func() { m.storeFrom(s, w, a) } }
	if tl.wide {
		m.pairs(tl.n, part(whole), part(half))
		return
	}
	m.parts(tl.n, part(whole), part(half), func() {
		third := m.further(a, 8)
		m.emit(&inst{read: []*virt{s, third}, effect: true, print: func() line { return storeLane2(s.v(), third.x()) }})
	}, part(lane0))
}

// float64

func (m *machine) widen(narrow *virt) vec.Vec {
	d := m.new(true)
	m.op1(fcvtl, d, narrow)
	return m.value(d)
}

func (m *machine) LoadWide(at vec.Mem) vec.Vec {
	narrow := m.new(true)
	m.loadTo(narrow, half, m.address(at))
	return m.widen(narrow)
}

func (m *machine) LoadWideTail(at vec.Mem, t vec.Tail) vec.Vec {
	narrow := m.constant(0)
	a := m.plain(m.address(at))
	m.pairs(t.Lanes.(tail).n, func() { m.loadTo(narrow, half, a) }, func() { m.loadTo(narrow, lane0, a) })
	return m.widen(narrow)
}

func (m *machine) FMA64(acc, a, b vec.Vec) { m.update(vfmla64, m.target(acc), m.full(a), m.full(b)) }
