package avox

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// core is what both widths share. Go's operand order is Intel's reversed:
// sources first, the destination last.
type core struct {
	*build.Context
	file   *File
	held   map[vec.Const]reg.VecVirtual
	labels map[string]int
}

func gp(r vec.Reg) reg.GPVirtual  { return r.Reg.(reg.GPVirtual) }
func vr(v vec.Vec) reg.VecVirtual { return v.Reg.(reg.VecVirtual) }
func kr(p vec.Pred) reg.Register  { return p.Reg.(reg.Register) }
func (c *core) Lanes() int        { return c.file.target.Lanes }
func (c *core) Registers() int    { return c.file.target.Registers }

// wide says that a constant in memory is a whole vector.
func (c *core) wide() bool { return c.file.target.Lanes == AVX2.Lanes }

func mem(at vec.Mem) operand.Mem {
	m := operand.Mem{Base: gp(at.Base), Disp: at.Disp}
	if at.Index.Reg != nil {
		m = m.Idx(gp(at.Index), 1<<at.Shift)
	}
	return m
}

// newVec is a fresh register of the machine's width.
func (c *core) newVec() reg.VecVirtual {
	if c.wide() {
		return c.YMM()
	}
	return c.ZMM()
}

// Memory

func (c *core) Load(at vec.Mem) vec.Vec {
	v := c.newVec()
	c.VMOVUPS(mem(at), v)
	return vec.Vec{Reg: v}
}

func (c *core) Store(a vec.Vec, at vec.Mem) { c.VMOVUPS(vr(a), mem(at)) }

// TransposeQuads interleaves words, then pairs of them, all within 128 bits.
func (c *core) TransposeQuads(v [4]vec.Vec) [4]vec.Vec {
	interleave := func(op instruction, a, b vec.Vec) vec.Vec {
		d := c.newVec()
		op(vr(b), vr(a), d)
		return vec.Vec{Reg: d}
	}
	low01, high01 := interleave(c.VUNPCKLPS, v[0], v[1]), interleave(c.VUNPCKHPS, v[0], v[1])
	low23, high23 := interleave(c.VUNPCKLPS, v[2], v[3]), interleave(c.VUNPCKHPS, v[2], v[3])
	return [4]vec.Vec{
		interleave(c.VUNPCKLPD, low01, low23), interleave(c.VUNPCKHPD, low01, low23),
		interleave(c.VUNPCKLPD, high01, high23), interleave(c.VUNPCKHPD, high01, high23),
	}
}

func (c *core) Broadcast(at vec.Mem) vec.Vec {
	v := c.newVec()
	c.VBROADCASTSS(mem(at), v)
	return vec.Vec{Reg: v}
}

func (c *core) Prefetch(at vec.Mem) { c.PREFETCHT1(mem(at)) }

// window is the address of the mask table.
func (c *core) table(offset int) reg.GPVirtual {
	c.file.masks = true
	r := c.GP64()
	c.LEAQ(operand.NewDataAddr(operand.NewStaticSymbol(maskTable), offset), r)
	return r
}

// rows holds three rows to a pointer: an x86 address reaches base, base+stride
// and base+2*stride.
type rows struct {
	base   []vec.Reg
	stride vec.Reg
}

func (c *core) Rows(base, stride vec.Reg, n int) vec.Rows {
	rs := rows{base: []vec.Reg{base}, stride: stride}
	for n > 3*len(rs.base) {
		next := c.GP64()
		c.LEAQ(operand.Mem{Base: gp(rs.base[len(rs.base)-1])}.Idx(gp(stride), 2), next)
		c.ADDQ(gp(stride), next)
		rs.base = append(rs.base, vec.Reg{Reg: next})
	}
	return vec.Rows{Addr: rs}
}

func (c *core) Row(r vec.Rows, n int) vec.Mem {
	rs := r.Addr.(rows)
	at := vec.Mem{Base: rs.base[n/3]}
	if n%3 != 0 {
		at.Index, at.Shift = rs.stride, uint8(n%3-1)
	}
	return at
}

func (c *core) MoveRows(r vec.Rows, by vec.Reg) {
	for _, b := range r.Addr.(rows).base {
		c.AddReg(b, by)
	}
}

// Constants

func (c *core) Hold(live int, constants ...vec.Const) {
	room := c.Registers() - live
	c.held = map[vec.Const]reg.VecVirtual{}
	for _, k := range constants {
		if len(c.held) >= room {
			return
		}
		if c.held[k] == nil {
			v := c.newVec()
			c.fill(k, v)
			c.held[k] = v
		}
	}
}

// fill loads a constant into v.
func (c *core) fill(k vec.Const, v reg.VecVirtual) {
	switch held, ok := c.held[k]; {
	case ok:
		c.VMOVAPS(held, v)
	case k == 0:
		// The 128-bit form zeroes the rest and needs no more than AVX.
		c.VXORPS(v.AsX(), v.AsX(), v.AsX())
	case c.wide():
		c.VMOVUPS(c.file.constant(k), v)
	default:
		c.VBROADCASTSS(c.file.constant(k), v)
	}
}

func (c *core) Const(k vec.Const) vec.Vec {
	v := c.newVec()
	c.fill(k, v)
	return vec.Vec{Reg: v}
}

func (c *core) Zero() vec.Vec { return c.Const(0) }

func (c *core) Copy(a vec.Vec) vec.Vec {
	v := c.newVec()
	c.VMOVAPS(vr(a), v)
	return vec.Vec{Reg: v}
}

func (c *core) Set(a, b vec.Vec) {
	if a != b {
		c.VMOVAPS(vr(b), vr(a))
	}
}

// register is an operand that must be in a register.
func (c *core) register(o vec.Operand) reg.VecVirtual {
	switch o := o.(type) {
	case vec.Vec:
		return vr(o)
	case vec.Const:
		if r, ok := c.held[o]; ok {
			return r
		}
		return vr(c.Const(o))
	}
	panic(fmt.Sprintf("operand %T", o))
}

type instruction func(...operand.Op)

// emit appends an instruction whose first source may be a constant in memory:
// a whole vector in the plain form, one value in the broadcasting form.
func (c *core) emit(plain, broadcast instruction, source vec.Operand, rest ...operand.Op) {
	if k, ok := source.(vec.Const); ok && c.held[k] == nil && k != 0 {
		if !c.wide() {
			plain = broadcast
		}
		plain(append([]operand.Op{c.file.constant(k)}, rest...)...)
		return
	}
	plain(append([]operand.Op{c.register(source)}, rest...)...)
}

// binary is d = a op b.
func (c *core) binary(plain, broadcast instruction, a, b vec.Operand) vec.Vec {
	left := c.register(a)
	d := c.newVec()
	c.emit(plain, broadcast, b, left, d)
	return vec.Vec{Reg: d}
}

// commutative prefers the constant on the side that memory may stand on.
func (c *core) commutative(plain, broadcast instruction, a, b vec.Operand) vec.Vec {
	if _, ok := a.(vec.Const); ok {
		a, b = b, a
	}
	return c.binary(plain, broadcast, a, b)
}

// Arithmetic

func (c *core) Add(a, b vec.Operand) vec.Vec { return c.commutative(c.VADDPS, c.VADDPS_BCST, a, b) }
func (c *core) Mul(a, b vec.Operand) vec.Vec { return c.commutative(c.VMULPS, c.VMULPS_BCST, a, b) }
func (c *core) Sub(a, b vec.Operand) vec.Vec { return c.binary(c.VSUBPS, c.VSUBPS_BCST, a, b) }
func (c *core) Div(a, b vec.Operand) vec.Vec { return c.binary(c.VDIVPS, c.VDIVPS_BCST, a, b) }

// VMAXPS and VMINPS return their second source, Go's first, if either is NaN or
// both are zeros: exactly a > b ? a : b with b the second.

func (c *core) Max(a, b vec.Operand) vec.Vec { return c.binary(c.VMAXPS, c.VMAXPS_BCST, a, b) }
func (c *core) Min(a, b vec.Operand) vec.Vec { return c.binary(c.VMINPS, c.VMINPS_BCST, a, b) }

func (c *core) Sqrt(a vec.Vec) vec.Vec {
	d := c.newVec()
	c.VSQRTPS(vr(a), d)
	return vec.Vec{Reg: d}
}

func (c *core) FMA(acc, a vec.Vec, b vec.Operand) {
	c.emit(c.VFMADD231PS, c.VFMADD231PS_BCST, b, vr(a), vr(acc))
}

func (c *core) FNMA(acc, a vec.Vec, b vec.Operand) {
	c.emit(c.VFNMADD231PS, c.VFNMADD231PS_BCST, b, vr(a), vr(acc))
}

func (c *core) Horner(p, x vec.Vec, k vec.Operand) {
	c.emit(c.VFMADD213PS, c.VFMADD213PS_BCST, k, vr(x), vr(p))
}

// Integers in lanes

func (c *core) AddInt(a vec.Vec, b vec.Operand) vec.Vec {
	return c.binary(c.VPADDD, c.VPADDD_BCST, a, b)
}

func (c *core) SubInt(a vec.Vec, b vec.Operand) vec.Vec {
	return c.binary(c.VPSUBD, c.VPSUBD_BCST, a, b)
}

func (c *core) ShiftLeft(a vec.Vec, n int) vec.Vec {
	d := c.newVec()
	c.VPSLLD(operand.U8(n), vr(a), d)
	return vec.Vec{Reg: d}
}

func (c *core) ShiftRight(a vec.Vec, n int) vec.Vec {
	d := c.newVec()
	c.VPSRAD(operand.U8(n), vr(a), d)
	return vec.Vec{Reg: d}
}

// MulWide multiplies the even lanes and, moved there, the odd ones: VPMULUDQ
// makes 64 bits of each second lane. VSHUFPS gathers the halves of the products,
// within 128 bits those of lanes 0, 2, 1, 3.
func (c *core) MulWide(a vec.Vec, k vec.Const) (low, high vec.Vec) {
	factor := c.register(k)
	even, odd := c.newVec(), c.newVec()
	c.VPMULUDQ(factor, vr(a), even)
	c.VPSRLQ(operand.U8(32), vr(a), odd)
	c.VPMULUDQ(factor, odd, odd)
	gather := func(halves uint8) vec.Vec {
		d := c.newVec()
		c.VSHUFPS(operand.U8(halves), odd, even, d)
		c.VPSHUFD(operand.U8(0b11_01_10_00), d, d)
		return vec.Vec{Reg: d}
	}
	return gather(0b10_00_10_00), gather(0b11_01_11_01)
}

// float64

func (c *core) LoadWide(at vec.Mem) vec.Vec {
	v := c.newVec()
	c.VCVTPS2PD(mem(at), v)
	return vec.Vec{Reg: v}
}

func (c *core) FMA64(acc, a, b vec.Vec) { c.VFMADD231PD(vr(b), vr(a), vr(acc)) }

// lessThan is the ordered, quiet comparison (LT_OQ).
const lessThan = operand.U8(17)
