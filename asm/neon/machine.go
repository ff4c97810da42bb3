// Package neon is the vec.Machine of arm64, and the emitter under it: avo has no
// arm64, and Go's assembler lacks most vector instructions on floats. Those are
// encoded as words (encode.go); virtual registers are allocated by liveness
// (function.go).
//
// The kernels are leaf functions without a frame. They use V0 to V31, all of
// which Go's assembly calling convention leaves to the callee, and the general
// registers up to R25 but R16 to R18.
package neon

import (
	"fmt"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// machine emits one function.
type machine struct {
	*function
	file *File
	args map[string]argument
	// pool is the address of the file's constants, dropped if nothing reads it.
	pool *virt
	// held are the constants in registers, reads how often each was read there.
	held  map[vec.Const]*virt
	reads map[vec.Const]int
	// sums are sums of two registers that may still hold: see sum.
	sums map[[2]*virt]sum
	// worth says which constants to hold, nil in the first run: all.
	worth map[vec.Const]bool
	// block counts the structured blocks that were opened, and is the innermost
	// one's number.
	block, blocks int
}

func newMachine(f *File, name string, args map[string]argument, worth map[vec.Const]bool) *machine {
	m := &machine{
		function: &function{name: name, used: map[string]int{}},
		file:     f, args: args, worth: worth,
		held: map[vec.Const]*virt{}, reads: map[vec.Const]int{}, sums: map[[2]*virt]sum{},
	}
	m.pool = m.new(false)
	m.emit(&inst{write: []*virt{m.pool}, print: func() line {
		return line{asm: fmt.Sprintf("MOVD $%s(SB), R%d", pool, m.pool.x())}
	}})
	return m
}

// wanted is the set of constants that were read from registers.
func (m *machine) wanted() map[vec.Const]bool {
	w := map[vec.Const]bool{}
	for c := range m.reads {
		w[c] = true
	}
	return w
}

// A value is what a vec.Vec stands for. Horner gives it another register, which
// is why it is not the register itself.
type value struct {
	r *virt
	// broadcast marks a value whose one lane stands for all.
	broadcast bool
	lane      int
	// abs is set if the value is |abs| as long as abs has the version absVersion.
	abs        *virt
	absVersion int
	// block is where the value was made.
	block int
}

func (m *machine) value(r *virt) vec.Vec { return vec.Vec{Reg: &value{r: r, block: m.block}} }
func val(a vec.Vec) *value               { return a.Reg.(*value) }

// full is the register of a vector with all its lanes.
func (m *machine) full(a vec.Vec) *virt {
	b := val(a)
	if !b.broadcast {
		return b.r
	}
	d := m.new(true)
	m.op1(func(d, n v) line { return vdup(d, n, b.lane) }, d, b.r)
	return d
}

func (m *machine) Lanes() int     { return Lanes }
func (m *machine) Registers() int { return Registers }

// op1, op2 and update emit d = op(n), d = op(n, m) and d = op(d, n, m).
func (m *machine) op1(op func(d, n v) line, d, n *virt) {
	m.emit(&inst{write: []*virt{d}, read: []*virt{n}, print: func() line { return op(d.v(), n.v()) }})
}

func (m *machine) op2(op func(d, n, m v) line, a, b *virt) vec.Vec {
	d := m.new(true)
	m.emit(&inst{write: []*virt{d}, read: []*virt{a, b}, print: func() line { return op(d.v(), a.v(), b.v()) }})
	return m.value(d)
}

func (m *machine) update(op func(d, n, m v) line, d, a, b *virt) {
	m.emit(&inst{write: []*virt{d}, read: []*virt{d, a, b}, print: func() line { return op(d.v(), a.v(), b.v()) }})
}

// copyTo copies n to d.
func (m *machine) copyTo(d, n *virt) {
	m.emit(&inst{write: []*virt{d}, read: []*virt{n}, move: true, print: func() line {
		if d.vector {
			return vmov(d.v(), n.v())
		}
		return mov(d.x(), n.x())
	}})
}

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

// Constants

// Hold holds all constants in the first run, where it does not matter whether
// they fit. In the second it leaves out those that are only the start of a sum:
// they are loaded into the sum's register each time.
func (m *machine) Hold(live int, constants ...vec.Const) {
	for _, c := range constants {
		if m.held[c] != nil || m.worth != nil && !m.worth[c] {
			continue
		}
		if m.worth != nil && len(m.held) >= Registers-live {
			return
		}
		m.held[c] = m.constant(c)
	}
}

// constant is a new register with c in every lane.
func (m *machine) constant(c vec.Const) *virt {
	d := m.new(true)
	if c == 0 {
		m.emit(&inst{write: []*virt{d}, print: func() line { return vzero(d.v()) }})
		return d
	}
	offset := m.file.constant(c)
	m.emit(&inst{write: []*virt{d}, read: []*virt{m.pool}, print: func() line { return loadNear(whole, d.v(), m.pool.x(), offset) }})
	return d
}

func (m *machine) Const(c vec.Const) vec.Vec { return m.value(m.constant(c)) }
func (m *machine) Zero() vec.Vec             { return m.Const(0) }

func (m *machine) copyOf(r *virt) *virt {
	d := m.new(true)
	m.copyTo(d, r)
	return d
}

func (m *machine) Copy(a vec.Vec) vec.Vec { return m.value(m.copyOf(m.full(a))) }
func (m *machine) Set(a, b vec.Vec) {
	from := m.full(b)
	m.copyTo(m.target(a), from)
}

// target is the register of a value that is about to be written.
func (m *machine) target(a vec.Vec) *virt {
	b := val(a)
	if b.broadcast {
		m.fail("writes a broadcast value")
	}
	b.abs = nil
	return b.r
}

// operand is the register of an operand.
func (m *machine) operand(o vec.Operand) *virt {
	switch o := o.(type) {
	case vec.Vec:
		return m.full(o)
	case vec.Const:
		if r := m.held[o]; r != nil {
			m.reads[o]++
			return r
		}
		return m.constant(o)
	}
	panic(fmt.Sprintf("neon: %s: operand %T", m.name, o))
}

// Arithmetic

func (m *machine) Add(a, b vec.Operand) vec.Vec { return m.op2(fadd, m.operand(a), m.operand(b)) }
func (m *machine) Sub(a, b vec.Operand) vec.Vec { return m.op2(fsub, m.operand(a), m.operand(b)) }
func (m *machine) Mul(a, b vec.Operand) vec.Vec { return m.op2(fmul, m.operand(a), m.operand(b)) }
func (m *machine) Div(a, b vec.Operand) vec.Vec { return m.op2(fdiv, m.operand(a), m.operand(b)) }

// unary is a new register with op(a).
func (m *machine) unary(op func(d, n v) line, a vec.Vec) vec.Vec {
	n, d := m.full(a), m.new(true)
	m.op1(op, d, n)
	return m.value(d)
}

func (m *machine) Sqrt(a vec.Vec) vec.Vec { return m.unary(fsqrt, a) }

// accumulate emits acc = acc +- a*b, by element where a or b is a broadcast.
func (m *machine) accumulate(op func(d, n, m v) line, byLane func(d, n, m v, lane int) line, acc, a vec.Vec, b vec.Operand) {
	first, second := val(a), m.whole(b)
	if second.broadcast {
		first, second = second, first
	}
	if !first.broadcast {
		m.update(op, m.target(acc), first.r, second.r)
		return
	}
	n := second.r
	if second.broadcast {
		n = m.full(vec.Vec{Reg: second})
	}
	m.update(func(d, n, l v) line { return byLane(d, n, l, first.lane) }, m.target(acc), n, first.r)
}

// whole is the value of an operand.
func (m *machine) whole(o vec.Operand) *value {
	if a, ok := o.(vec.Vec); ok {
		return val(a)
	}
	return &value{r: m.operand(o)}
}

func (m *machine) FMA(acc, a vec.Vec, b vec.Operand)  { m.accumulate(vfmla, fmlaLane, acc, a, b) }
func (m *machine) FNMA(acc, a vec.Vec, b vec.Operand) { m.accumulate(vfmls, fmlsLane, acc, a, b) }

// Horner has to put the sum where c was: it loads or copies c and adds to it.
// The sum's register becomes p's, unless p was made in another block: there the
// instructions before and after this block expect it in its own.
func (m *machine) Horner(p, x vec.Vec, c vec.Operand) {
	var sum *virt
	if k, ok := c.(vec.Const); ok {
		sum = m.constant(k)
	} else {
		sum = m.copyOf(m.full(c.(vec.Vec)))
	}
	m.update(vfmla, sum, m.target(p), m.full(x))
	if b := val(p); b.block == m.block {
		b.r = sum
	} else {
		m.copyTo(b.r, sum)
	}
}

// FMAX and FMIN return a NaN where either operand is one, and order the zeros.
// For a constant that is neither this is Max and Min; else they are a
// comparison and a choice.

func (m *machine) Max(a, b vec.Operand) vec.Vec {
	if clamp(a) {
		return m.op2(fmax, m.operand(a), m.operand(b))
	}
	n, o := m.operand(a), m.operand(b)
	return m.choose(m.op2(fcmgt, n, o), n, o)
}

func (m *machine) Min(a, b vec.Operand) vec.Vec {
	if clamp(a) {
		return m.op2(fmin, m.operand(a), m.operand(b))
	}
	n, o := m.operand(a), m.operand(b)
	return m.choose(m.op2(fcmgt, o, n), n, o)
}

// clamp reports whether o is a constant other than zero and NaN.
func clamp(o vec.Operand) bool {
	c, ok := o.(vec.Const)
	magnitude := c &^ (1 << 31)
	return ok && magnitude != 0 && magnitude <= 0x7f800000
}

// choose is mask ? yes : no, written over a copy of no, which mostly is not
// needed any more.
func (m *machine) choose(mask vec.Vec, yes, no *virt) vec.Vec {
	d := m.copyOf(no)
	m.update(vbit, d, yes, val(mask).r)
	return m.value(d)
}

func (m *machine) Less(a, b vec.Operand) vec.Pred {
	if v, ok := a.(vec.Vec); ok {
		switch c, ok := b.(vec.Const); {
		case ok && c == 0:
			return vec.Pred{Reg: val(m.unary(fcmlt0, v)).r}
		case ok && c>>31 == 0 && m.isAbs(val(v)):
			return vec.Pred{Reg: val(m.op2(facgt, m.operand(c), val(v).abs)).r}
		}
	}
	less := m.operand(a)
	return vec.Pred{Reg: val(m.op2(fcmgt, m.operand(b), less)).r}
}

// isAbs reports whether a is known to be the magnitude of a register that still
// holds what it held then.
func (m *machine) isAbs(a *value) bool {
	return a.abs != nil && a.block == m.block && a.abs.version == a.absVersion
}

func (m *machine) Select(p vec.Pred, yes, no vec.Operand) vec.Vec {
	y, n := m.operand(yes), m.operand(no)
	d := m.copyOf(p.Reg.(*virt))
	m.update(vbsl, d, y, n)
	return m.value(d)
}

func (m *machine) SelectSign(a vec.Vec, yes, no vec.Operand) vec.Vec {
	return m.Select(vec.Pred{Reg: val(m.ShiftRight(a, 31)).r}, yes, no)
}

func (m *machine) ZeroWhere(p vec.Pred, a vec.Vec) {
	d, mask := m.target(a), p.Reg.(*virt)
	m.emit(&inst{write: []*virt{d}, read: []*virt{d, mask}, print: func() line { return bic(d.v(), d.v(), mask.v()) }})
}

// Bits

const (
	signBit  vec.Const = 1 << 31
	restBits           = signBit - 1
)

func (m *machine) And(a vec.Vec, b vec.Operand) vec.Vec {
	if b == vec.Operand(restBits) {
		r := m.full(a)
		d := m.unary(fabs, m.value(r))
		val(d).abs, val(d).absVersion = r, r.version
		return d
	}
	return m.op2(vand, m.full(a), m.operand(b))
}

func (m *machine) Or(a vec.Vec, b vec.Operand) vec.Vec {
	return m.op2(vorr, m.full(a), m.operand(b))
}

func (m *machine) Xor(a vec.Vec, b vec.Operand) vec.Vec {
	if b == vec.Operand(signBit) {
		return m.unary(fneg, a)
	}
	return m.op2(veor, m.full(a), m.operand(b))
}

func (m *machine) AddInt(a vec.Vec, b vec.Operand) vec.Vec {
	return m.op2(vadd, m.full(a), m.operand(b))
}

func (m *machine) SubInt(a vec.Vec, b vec.Operand) vec.Vec {
	return m.op2(vsub, m.full(a), m.operand(b))
}

func (m *machine) ShiftLeft(a vec.Vec, n int) vec.Vec {
	return m.unary(func(d, s v) line { return vshl(d, s, n) }, a)
}

func (m *machine) ShiftRight(a vec.Vec, n int) vec.Vec {
	return m.unary(func(d, s v) line { return sshr(d, s, n) }, a)
}

func (m *machine) MulWide(a vec.Vec, c vec.Const) (low, high vec.Vec) {
	n, k := m.full(a), m.operand(c)
	lower, upper := val(m.op2(umull, n, k)).r, val(m.op2(umull2, n, k)).r
	return m.op2(vuzp1, lower, upper), m.op2(vuzp2, lower, upper)
}
