package avox

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// avx2 is AVX2 with FMA: predicates and tails are vectors whose lanes are all
// ones or all zeros.
type avx2 struct{ *core }

// avx2Tail masks float32 or float64 lanes; half masks the float32 lanes that
// widen to the latter.
type avx2Tail struct {
	lanes, half reg.VecVirtual
	wide        bool
}

func (m *avx2) And(a vec.Vec, b vec.Operand) vec.Vec { return m.binary(m.VANDPS, nil, a, b) }
func (m *avx2) Or(a vec.Vec, b vec.Operand) vec.Vec  { return m.binary(m.VORPS, nil, a, b) }
func (m *avx2) Xor(a vec.Vec, b vec.Operand) vec.Vec { return m.binary(m.VXORPS, nil, a, b) }

func (m *avx2) Less(a, b vec.Operand) vec.Pred {
	left := m.register(a)
	d := m.YMM()
	m.emit(func(ops ...operand.Op) { m.VCMPPS(append([]operand.Op{lessThan}, ops...)...) }, nil, b, left, d)
	return vec.Pred{Reg: d}
}

// VBLENDVPS looks at sign bits alone.

func (m *avx2) SelectSign(a vec.Vec, yes, no vec.Operand) vec.Vec {
	return m.Select(vec.Pred{Reg: a.Reg}, yes, no)
}

func (m *avx2) Select(p vec.Pred, yes, no vec.Operand) vec.Vec {
	d := m.YMM()
	other := m.register(no)
	m.emit(func(ops ...operand.Op) { m.VBLENDVPS(kr(p), ops[0], ops[1], ops[2]) }, nil, yes, other, d)
	return vec.Vec{Reg: d}
}

func (m *avx2) ZeroWhere(p vec.Pred, a vec.Vec) { m.VANDNPS(vr(a), kr(p), vr(a)) }

// window is the mask whose first n elements of the given size are set.
func (m *avx2) window(n vec.Reg, size uint8, v reg.Register) {
	at := m.table(4 * m.Lanes())
	back := m.GP64()
	m.MOVQ(gp(n), back)
	m.NEGQ(back)
	m.VMOVUPS(operand.Mem{Base: at}.Idx(back, size), v)
}

func (m *avx2) Tail(n vec.Reg) vec.Tail {
	t := avx2Tail{lanes: m.YMM()}
	m.window(n, 4, t.lanes)
	return vec.Tail{Lanes: t}
}

func (m *avx2) Tail64(n vec.Reg) vec.Tail {
	t := avx2Tail{lanes: m.YMM(), half: m.XMM(), wide: true}
	m.window(n, 8, t.lanes)
	m.window(n, 4, t.half)
	return vec.Tail{Lanes: t}
}

func (m *avx2) LoadTail(at vec.Mem, t vec.Tail) vec.Vec {
	d := m.YMM()
	if t := t.Lanes.(avx2Tail); t.wide {
		m.VMASKMOVPD(mem(at), t.lanes, d)
	} else {
		m.VMASKMOVPS(mem(at), t.lanes, d)
	}
	return vec.Vec{Reg: d}
}

func (m *avx2) StoreTail(a vec.Vec, at vec.Mem, t vec.Tail) {
	if t := t.Lanes.(avx2Tail); t.wide {
		m.VMASKMOVPD(vr(a), t.lanes, mem(at))
	} else {
		m.VMASKMOVPS(vr(a), t.lanes, mem(at))
	}
}

// LoadQuads takes no shuffle unit: both instructions read memory. The first sets
// the whole register, which a load of 128 bits would not do in avo's eyes.
func (m *avx2) LoadQuads(at []vec.Mem) vec.Vec {
	d := m.YMM()
	m.VBROADCASTF128(mem(at[0]), d)
	m.VINSERTF128(operand.U8(1), mem(at[1]), d, d)
	return vec.Vec{Reg: d}
}

func (m *avx2) LoadWideTail(at vec.Mem, t vec.Tail) vec.Vec {
	narrow, d := m.XMM(), m.YMM()
	m.VMASKMOVPS(mem(at), t.Lanes.(avx2Tail).half, narrow)
	m.VCVTPS2PD(narrow, d)
	return vec.Vec{Reg: d}
}
