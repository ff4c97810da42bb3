package avox

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// Arguments

func (c *core) Base(arg string) vec.Reg {
	return vec.Reg{Reg: c.Context.Load(c.Param(arg).Base(), c.GP64())}
}

func (c *core) Len(arg string) vec.Reg {
	return vec.Reg{Reg: c.Context.Load(c.Param(arg).Len(), c.GP64())}
}

func (c *core) Int(arg string) vec.Reg {
	return vec.Reg{Reg: c.Context.Load(c.Param(arg), c.GP64())}
}

// place is where an int argument lies.
func (c *core) place(arg string) operand.Mem {
	b, err := c.Param(arg).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func (c *core) AddArg(r vec.Reg, arg string) { c.ADDQ(c.place(arg), gp(r)) }

// A loop starts where a cache line does, and the ten bytes that end it do not cross into
// another line: where they did, a register tile on Golden Cove took 5 to 7 % longer, and it
// depended on the code before them whether they did.
const (
	loopStart = 64
	loopEnd   = 16
)

// align fills with instructions that do nothing up to a multiple of that many bytes.
func (c *core) align(bytes int) {
	c.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.U8(bytes)}})
}

// LoopArg counts in the argument's place, which is the callee's: a register less.
func (c *core) LoopArg(label, arg string, body func()) {
	label = c.label(label)
	after := "done_" + label
	n := c.place(arg)
	c.CMPQ(n, operand.I32(1))
	c.JLT(operand.LabelRef(after))
	c.align(loopStart)
	c.Label(label)
	body()
	c.SUBQ(operand.I32(1), n)
	c.JNE(operand.LabelRef(label))
	c.Label(after)
}

func (c *core) Word(arg string, n int) vec.Reg {
	p, w := gp(c.Int(arg)), c.GP64()
	c.MOVQ(operand.Mem{Base: p, Disp: 8 * n}, w)
	return vec.Reg{Reg: w}
}

func (c *core) Float(arg string) vec.Vec {
	b, err := c.Param(arg).Resolve()
	if err != nil {
		panic(err)
	}
	v := c.newVec()
	c.VBROADCASTSS(b.Addr, v)
	return vec.Vec{Reg: v}
}

// Integers

func (c *core) SetReg(n int) vec.Reg {
	r := c.GP64()
	if n == 0 {
		c.XORQ(r, r)
	} else {
		c.MOVQ(operand.I32(n), r)
	}
	return vec.Reg{Reg: r}
}

func (c *core) CopyReg(r vec.Reg) vec.Reg {
	d := c.GP64()
	c.MOVQ(gp(r), d)
	return vec.Reg{Reg: d}
}

func (c *core) AddImm(r vec.Reg, n int)   { c.ADDQ(operand.I32(n), gp(r)) }
func (c *core) AddReg(r, s vec.Reg)       { c.ADDQ(gp(s), gp(r)) }
func (c *core) ShiftReg(r vec.Reg, n int) { c.SHLQ(operand.U8(n), gp(r)) }
func (c *core) AndImm(r vec.Reg, n int)   { c.ANDQ(operand.I32(n), gp(r)) }

// Control

// label makes a word unique within the function.
func (c *core) label(word string) string {
	c.labels[word]++
	if n := c.labels[word]; n > 1 {
		return fmt.Sprintf("%s%d", word, n)
	}
	return word
}

func (c *core) Loop(label string, n vec.Reg, step int, body func()) {
	label = c.label(label)
	after := "done_" + label
	c.SUBQ(operand.I32(step), gp(n))
	c.JLT(operand.LabelRef(after))
	c.align(loopStart)
	c.Label(label)
	body()
	c.align(loopEnd)
	c.SUBQ(operand.I32(step), gp(n))
	c.JGE(operand.LabelRef(label))
	c.Label(after)
	c.ADDQ(operand.I32(step), gp(n))
}

func (c *core) IfAtLeast(label string, n vec.Reg, min int, body func()) {
	after := c.label("skip_" + label)
	c.CMPQ(gp(n), operand.I32(min))
	c.JLT(operand.LabelRef(after))
	body()
	c.Label(after)
}

func (c *core) IfBit(label string, r vec.Reg, bit int, body func()) {
	after := c.label("skip_" + label)
	c.TESTQ(operand.I32(1<<bit), gp(r))
	c.JEQ(operand.LabelRef(after))
	body()
	c.Label(after)
}

func (c *core) IfEqual(label string, r vec.Reg, n int, yes, no func()) {
	other := c.label("not_" + label)
	after := c.label("after_" + label)
	c.CMPQ(gp(r), operand.I32(n))
	c.JNE(operand.LabelRef(other))
	yes()
	c.JMP(operand.LabelRef(after))
	c.Label(other)
	no()
	c.Label(after)
}

func (c *core) Return() {
	c.VZEROUPPER()
	c.RET()
}
