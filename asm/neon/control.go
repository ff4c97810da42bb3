package neon

import (
	"fmt"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// Arguments

func (m *machine) argument(name, kind string) argument {
	a, ok := m.args[name]
	if !ok || a.kind != kind {
		m.fail("no argument %s of kind %s", name, kind)
	}
	return a
}

// word64 loads eight bytes of the argument area.
func (m *machine) word64(name string, offset int) vec.Reg {
	d := m.new(false)
	m.emit(&inst{write: []*virt{d}, print: func() line {
		return line{asm: fmt.Sprintf("MOVD %s+%d(FP), R%d", name, offset, d.x())}
	}})
	return vec.Reg{Reg: d}
}

func (m *machine) Base(arg string) vec.Reg {
	return m.word64(arg+"_base", m.argument(arg, "slice").offset)
}

func (m *machine) Len(arg string) vec.Reg {
	return m.word64(arg+"_len", m.argument(arg, "slice").offset+8)
}

func (m *machine) Int(arg string) vec.Reg { return m.word64(arg, m.argument(arg, "int").offset) }

func (m *machine) AddArg(r vec.Reg, arg string) { m.AddReg(r, m.Int(arg)) }

func (m *machine) LoopArg(label, arg string, body func()) { m.Loop(label, m.Int(arg), 1, body) }

func (m *machine) Word(arg string, n int) vec.Reg {
	p, d := reg(m.Int(arg)), m.new(false)
	m.emit(&inst{write: []*virt{d}, read: []*virt{p}, print: func() line { return loadWord(d.x(), p.x(), 8*n) }})
	return vec.Reg{Reg: d}
}

func (m *machine) Float(arg string) vec.Vec {
	a := m.argument(arg, "float32")
	s, d := m.new(true), m.new(true)
	m.emit(&inst{write: []*virt{s}, print: func() line {
		return line{asm: fmt.Sprintf("FMOVS %s+%d(FP), F%d", a.name, a.offset, s.v())}
	}})
	m.op1(func(d, n v) line { return vdup(d, n, 0) }, d, s)
	return m.value(d)
}

// Integers

func reg(r vec.Reg) *virt { return r.Reg.(*virt) }

func (m *machine) SetReg(n int) vec.Reg {
	d := m.new(false)
	m.emit(&inst{write: []*virt{d}, print: func() line { return zero(d.x()) }})
	r := vec.Reg{Reg: d}
	if n != 0 {
		m.AddImm(r, n)
	}
	return r
}

func (m *machine) CopyReg(r vec.Reg) vec.Reg {
	d := m.new(false)
	m.copyTo(d, reg(r))
	return vec.Reg{Reg: d}
}

// change emits r = op(r).
func (m *machine) change(r vec.Reg, op func(x) line) {
	d := reg(r)
	m.emit(&inst{write: []*virt{d}, read: []*virt{d}, print: func() line { return op(d.x()) }})
}

func (m *machine) AddImm(r vec.Reg, n int) { m.change(r, func(r x) line { return addImm(r, r, n) }) }

func (m *machine) AddReg(r, s vec.Reg) {
	d, n := reg(r), reg(s)
	m.emit(&inst{write: []*virt{d}, read: []*virt{d, n}, print: func() line { return addReg(d.x(), d.x(), n.x()) }})
}

func (m *machine) ShiftReg(r vec.Reg, n int) { m.change(r, func(r x) line { return shiftLeft(r, n) }) }

func (m *machine) AndImm(r vec.Reg, n int) {
	width := 0
	for n>>width != 0 {
		width++
	}
	if n != 1<<width-1 {
		m.fail("and with %d, which is not a number of low bits", n)
	}
	m.change(r, func(r x) line { return lowBits(r, width) })
}

// Control

// nested runs body as a block of its own: see Horner.
func (m *machine) nested(body func()) {
	outer := m.block
	m.blocks++
	m.block = m.blocks
	body()
	m.block = outer
}

// branchIf emits a branch on the flags.
func (m *machine) branchIf(op, target string) {
	m.emit(&inst{target: target, effect: true, print: func() line { return branch(op, target) }})
}

func (m *machine) jumpTo(target string) {
	m.emit(&inst{target: target, effect: true, jump: true, print: func() line { return branch("JMP", target) }})
}

func (m *machine) branchUnless(r *virt, bit int, target string) {
	m.emit(&inst{target: target, effect: true, read: []*virt{r}, print: func() line { return branchClear(r.x(), bit, target) }})
}

// flags emits an instruction that sets the flags.
func (m *machine) flags(i *inst) {
	i.effect = true
	m.emit(i)
}

func (m *machine) compare(r *virt, n int) {
	m.flags(&inst{read: []*virt{r}, print: func() line { return cmpImm(r.x(), n) }})
}

func (m *machine) takeFrom(n *virt, step int) {
	m.flags(&inst{write: []*virt{n}, read: []*virt{n}, print: func() line { return subsImm(n.x(), step) }})
}

func (m *machine) Loop(label string, n vec.Reg, step int, body func()) {
	label = m.unique(label)
	after := "done_" + label
	m.takeFrom(reg(n), step)
	m.branchIf("BLT", after)
	m.label(label)
	m.nested(body)
	m.takeFrom(reg(n), step)
	m.branchIf("BGE", label)
	m.label(after)
	m.AddImm(n, step)
}

func (m *machine) IfAtLeast(label string, n vec.Reg, min int, body func()) {
	after := m.unique("skip_" + label)
	m.compare(reg(n), min)
	m.branchIf("BLT", after)
	m.nested(body)
	m.label(after)
}

func (m *machine) IfBit(label string, r vec.Reg, bit int, body func()) {
	after := m.unique("skip_" + label)
	m.branchUnless(reg(r), bit, after)
	m.nested(body)
	m.label(after)
}

func (m *machine) IfEqual(label string, r vec.Reg, n int, yes, no func()) {
	other, after := m.unique("not_"+label), m.unique("after_"+label)
	m.compare(reg(r), n)
	m.branchIf("BNE", other)
	m.nested(yes)
	m.jumpTo(after)
	m.label(other)
	m.nested(no)
	m.label(after)
}

func (m *machine) Return() { m.emit(&inst{effect: true, stop: true, print: ret}) }
