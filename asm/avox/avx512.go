package avox

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// avx512 is AVX-512 (F, BW, DQ, VL): predicates and tails are mask registers.
type avx512 struct{ *core }

// avx512Tail masks lanes of either size; half is the lower half of a vector, without a mask.
type avx512Tail struct {
	lanes      reg.Register
	wide, half bool
}

// The integer forms of the bit operations belong to AVX512F.

func (m *avx512) And(a vec.Vec, b vec.Operand) vec.Vec {
	return m.binary(m.VPANDD, m.VPANDD_BCST, a, b)
}
func (m *avx512) Or(a vec.Vec, b vec.Operand) vec.Vec { return m.binary(m.VPORD, m.VPORD_BCST, a, b) }
func (m *avx512) Xor(a vec.Vec, b vec.Operand) vec.Vec {
	return m.binary(m.VPXORD, m.VPXORD_BCST, a, b)
}

func (m *avx512) Less(a, b vec.Operand) vec.Pred {
	left := m.register(a)
	k := m.K()
	with := func(op instruction) instruction {
		return func(ops ...operand.Op) { op(append([]operand.Op{lessThan}, ops...)...) }
	}
	m.emit(with(m.VCMPPS), with(m.VCMPPS_BCST), b, left, k)
	return vec.Pred{Reg: k}
}

func (m *avx512) Select(p vec.Pred, yes, no vec.Operand) vec.Vec {
	other := m.register(no)
	d := m.ZMM()
	blend := func(form func(...operand.Op) (*ir.Instruction, error)) instruction {
		return func(ops ...operand.Op) {
			i, err := form(ops...)
			if err != nil {
				panic(err)
			}
			// avo takes every masked destination for a source as well, which
			// would keep the register of this one, whose lanes are all written,
			// busy from the start of the function.
			i.Inputs = i.Inputs[:len(i.Inputs)-1]
			m.Instruction(i)
		}
	}
	m.emit(blend(x86.VBLENDMPS), blend(x86.VBLENDMPS_BCST), yes, other, kr(p), d)
	return vec.Vec{Reg: d}
}

func (m *avx512) SelectSign(a vec.Vec, yes, no vec.Operand) vec.Vec {
	k := m.K()
	m.VPMOVD2M(vr(a), k)
	return m.Select(vec.Pred{Reg: k}, yes, no)
}

func (m *avx512) ZeroWhere(p vec.Pred, a vec.Vec) { m.VPXORD(vr(a), vr(a), kr(p), vr(a)) }

// Scale is VSCALEFPS: p * 2^floor(n), rounded once.
func (m *avx512) Scale(p, n vec.Vec) vec.Vec {
	d := m.ZMM()
	m.VSCALEFPS(vr(n), vr(p), d)
	return vec.Vec{Reg: d}
}

func (m *avx512) tail(n vec.Reg, wide bool) vec.Tail {
	k := m.K()
	m.KMOVW(operand.Mem{Base: m.table(0)}.Idx(gp(n), 2), k)
	return vec.Tail{Lanes: avx512Tail{lanes: k, wide: wide}}
}

func (m *avx512) Half() vec.Tail { return vec.Tail{Lanes: avx512Tail{half: true}} }

func (m *avx512) Tail(n vec.Reg) vec.Tail   { return m.tail(n, false) }
func (m *avx512) Tail64(n vec.Reg) vec.Tail { return m.tail(n, true) }

func (m *avx512) LoadTail(at vec.Mem, t vec.Tail) vec.Vec {
	d := m.ZMM()
	switch t := t.Lanes.(avx512Tail); {
	case t.half:
		i, err := x86.VMOVUPS(mem(at), d.AsY())
		if err != nil {
			panic(err)
		}
		// avo takes the upper half, which becomes zero, for one that is left as it was,
		// and would keep the register busy from the start of the function.
		i.Outputs = []operand.Op{d}
		m.Instruction(i)
	case t.wide:
		m.VMOVUPD_Z(mem(at), t.lanes, d)
	default:
		m.VMOVUPS_Z(mem(at), t.lanes, d)
	}
	return vec.Vec{Reg: d}
}

func (m *avx512) StoreTail(a vec.Vec, at vec.Mem, t vec.Tail) {
	switch t := t.Lanes.(avx512Tail); {
	case t.half:
		m.VMOVUPS(vr(a).AsY(), mem(at))
	case t.wide:
		m.VMOVUPD(vr(a), t.lanes, mem(at))
	default:
		m.VMOVUPS(vr(a), t.lanes, mem(at))
	}
}

// LoadQuads is that of AVX2 with four quads.
func (m *avx512) LoadQuads(at []vec.Mem) vec.Vec {
	d := m.ZMM()
	m.VBROADCASTF32X4(mem(at[0]), d)
	for n, a := range at[1:] {
		m.VINSERTF32X4(operand.U8(n+1), mem(a), d, d)
	}
	return vec.Vec{Reg: d}
}

func (m *avx512) LoadWideTail(at vec.Mem, t vec.Tail) vec.Vec {
	d := m.ZMM()
	m.VCVTPS2PD_Z(mem(at), t.Lanes.(avx512Tail).lanes, d)
	return vec.Vec{Reg: d}
}
