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
