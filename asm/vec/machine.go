// Package vec is the vocabulary in which the kernels of this module are
// written: a machine with vector registers, and the few operations that every
// instruction set we target has with the same IEEE result. A kernel written
// against Machine is emitted for every target; nothing in this package or in
// package kernel names an instruction set.
package vec

// A Vec is a vector register holding Machine.Lanes float32 values, or half as
// many float64 values where an operation says so.
type Vec struct{ Reg any }

// A Pred is one truth value per lane.
type Pred struct{ Reg any }

// A Reg is a 64-bit integer or address register.
type Reg struct{ Reg any }

// A Tail stands for the first n lanes of a vector, 0 <= n <= Lanes.
type Tail struct{ Lanes any }

// A Const is the bit pattern of a float32 (or of a 32-bit integer) that stands
// in every lane.
type Const uint32

// An Operand is a Vec or a Const. A machine reads constants from registers
// (see Machine.Hold) or from memory as suits it.
type Operand interface{ operand() }

func (Vec) operand()   {}
func (Const) operand() {}

// Mem is the address Base + Index<<Shift + Disp; Index may be absent (the zero
// Reg).
type Mem struct {
	Base, Index Reg
	Shift       uint8
	Disp        int
}

// Plus is the address n bytes further on.
func (m Mem) Plus(n int) Mem { m.Disp += n; return m }

// Rows addresses a few rows of a matrix whose row stride is known only at run
// time. How many registers that takes is the machine's affair.
type Rows struct{ Addr any }

// A Machine emits one function. Operations return a new register unless they
// say that they write an operand: only Set, FMA, FNMA, Horner, ZeroWhere, FMA64
// and the integer operations do.
//
// Control flow is structured, so that a machine with a simple register
// allocator knows what is live across a loop: a register made before a Loop
// and used inside or after it keeps its value (and the writes made to it).
// The label is a word that names the place in the listing.
type Machine interface {
	// Lanes is the number of float32 values in a vector register.
	Lanes() int
	// Registers is the number of vector registers.
	Registers() int

	// Base and Len load the parts of a slice argument; Int loads an int or a
	// pointer; Word loads 64-bit word n of the struct that a pointer argument
	// points to; Float puts a float32 argument into every lane.
	Base(arg string) Reg
	Len(arg string) Reg
	Int(arg string) Reg
	Word(arg string, n int) Reg
	Float(arg string) Vec

	// AddArg writes r: r += an int argument. LoopArg runs body as often as an int
	// argument says, in which it may count.
	AddArg(r Reg, arg string)
	LoopArg(label, arg string, body func())

	// SetReg makes a register holding n, CopyReg one holding r.
	SetReg(n int) Reg
	CopyReg(r Reg) Reg
	// AddImm, AddReg, ShiftReg and AndImm write r: r += n, r += s, r <<= n, r &= n.
	AddImm(r Reg, n int)
	AddReg(r, s Reg)
	ShiftReg(r Reg, n int)
	AndImm(r Reg, n int)

	// Loop runs body while n >= step, taking step from n after each run.
	Loop(label string, n Reg, step int, body func())
	// IfAtLeast runs body if n >= min.
	IfAtLeast(label string, n Reg, min int, body func())
	// IfBit runs body if the given bit of r is set.
	IfBit(label string, r Reg, bit int, body func())
	// IfEqual runs yes if r == n and no otherwise.
	IfEqual(label string, r Reg, n int, yes, no func())
	// Return ends the function.
	Return()

	// Hold keeps the first of the constants in registers from here on, as many
	// as the machine has room for beside `live` other vectors.
	Hold(live int, constants ...Const)
	// Const and Zero load a constant, Copy another register.
	Const(c Const) Vec
	Zero() Vec
	Copy(a Vec) Vec
	// Set writes a: the value of b.
	Set(a, b Vec)

	// Load and Store move one whole vector of any alignment.
	Load(at Mem) Vec
	Store(a Vec, at Mem)
	// Tail makes a Tail of n lanes; LoadTail reads only these (the others are
	// +0), StoreTail writes only these.
	Tail(n Reg) Tail
	LoadTail(at Mem, t Tail) Vec
	StoreTail(a Vec, at Mem, t Tail)
	// LoadQuads loads four float32 from each of Lanes/4 addresses, next to each
	// other. TransposeQuads transposes the 4 x 4 matrix that the same four lanes of
	// four vectors are: lanes 4g..4g+3 of result i are lane 4g+i of the four. Both
	// move bits.
	LoadQuads(at []Mem) Vec
	TransposeQuads(v [4]Vec) [4]Vec
	// Broadcast loads one float32 into every lane.
	Broadcast(at Mem) Vec
	// Prefetch asks for the cache line at an address, which may be any number.
	Prefetch(at Mem)

	// Rows addresses n rows that lie stride bytes apart from base on. Row is
	// the address of one of them; MoveRows adds a number of bytes to all.
	Rows(base, stride Reg, n int) Rows
	Row(rows Rows, r int) Mem
	MoveRows(rows Rows, by Reg)

	// Each is the IEEE operation, rounded once.
	Add(a, b Operand) Vec
	Sub(a, b Operand) Vec
	Mul(a, b Operand) Vec
	Div(a, b Operand) Vec
	Sqrt(a Vec) Vec
	// FMA writes acc = a*b + acc, FNMA acc = -a*b + acc, Horner p = p*x + c,
	// rounded once.
	FMA(acc, a Vec, b Operand)
	FNMA(acc, a Vec, b Operand)
	Horner(p, x Vec, c Operand)
	// Max is a > b ? a : b and Min is a < b ? a : b: b where either is NaN, so
	// that Max(constant, x) lets a NaN in x through.
	Max(a, b Operand) Vec
	Min(a, b Operand) Vec
	// Less is a < b, false where either is NaN.
	Less(a, b Operand) Pred
	// Select takes yes where p holds and no elsewhere.
	Select(p Pred, yes, no Operand) Vec
	// SelectSign takes yes where the sign bit of a is set and no elsewhere.
	SelectSign(a Vec, yes, no Operand) Vec
	// ZeroWhere writes a: +0 where p holds.
	ZeroWhere(p Pred, a Vec)

	// On the bits of the lanes as 32-bit integers. ShiftRight keeps the sign.
	And(a Vec, b Operand) Vec
	Or(a Vec, b Operand) Vec
	Xor(a Vec, b Operand) Vec
	AddInt(a Vec, b Operand) Vec
	SubInt(a Vec, b Operand) Vec
	ShiftLeft(a Vec, n int) Vec
	ShiftRight(a Vec, n int) Vec
	// MulWide is the 64-bit product of each lane and c, both unsigned, as its lower
	// and upper 32 bits.
	MulWide(a Vec, c Const) (low, high Vec)

	// LoadWide loads Lanes/2 float32 and widens them to float64; FMA64 writes
	// acc = a*b + acc in float64. Tail64 is a Tail for vectors of float64:
	// LoadWideTail reads that many float32, LoadTail and StoreTail that many
	// float64.
	LoadWide(at Mem) Vec
	FMA64(acc, a, b Vec)
	Tail64(n Reg) Tail
	LoadWideTail(at Mem, t Tail) Vec
}

// A Scaler is a Machine with an instruction for p * 2^n, n an integer held as a
// float32, that rounds once and keeps NaN.
type Scaler interface {
	Scale(p, n Vec) Vec
}

// A Halver is a Machine with loads and stores of the lower half of a vector, Half, that touch
// nothing else.
type Halver interface{ Half() Tail }

// A Laner is a Machine that multiplies by one lane of a register as it does by a
// whole one, so that neighbouring float32 need one load and no broadcasts.
type Laner interface {
	// LoadLanes loads n consecutive float32, n a power of two up to Lanes. The
	// results stand for one of them each, in every lane.
	LoadLanes(at Mem, n int) []Vec
}
