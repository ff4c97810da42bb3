package neon

import "fmt"

// The instructions that Go's assembler knows by name. Its operand order is
// GNU's reversed: sources first, the destination last.

func native(asm, gnu string) line { return line{asm, gnu} }

// threeNative is d = n op m.
func threeNative(op, gnu, arrangement, lanes string, d, n, m v) line {
	vectors(d, n, m)
	return native(fmt.Sprintf("%s V%d.%s, V%d.%s, V%d.%s", op, m, arrangement, n, arrangement, d, arrangement),
		fmt.Sprintf("%s v%d.%s, v%d.%s, v%d.%s", gnu, d, lanes, n, lanes, m, lanes))
}

// vfmla is d += n*m, vfmls d -= n*m, rounded once; vfmla64 on two float64.
func vfmla(d, n, m v) line   { return threeNative("VFMLA", "fmla", "S4", "4s", d, n, m) }
func vfmls(d, n, m v) line   { return threeNative("VFMLS", "fmls", "S4", "4s", d, n, m) }
func vfmla64(d, n, m v) line { return threeNative("VFMLA", "fmla", "D2", "2d", d, n, m) }

func vadd(d, n, m v) line { return threeNative("VADD", "add", "S4", "4s", d, n, m) }
func vsub(d, n, m v) line { return threeNative("VSUB", "sub", "S4", "4s", d, n, m) }
func vand(d, n, m v) line { return threeNative("VAND", "and", "B16", "16b", d, n, m) }
func veor(d, n, m v) line { return threeNative("VEOR", "eor", "B16", "16b", d, n, m) }

// vorr of a register with itself is a move, and printed as such: see vmov.
func vorr(d, n, m v) line {
	if n == m {
		return vmov(d, n)
	}
	return threeNative("VORR", "orr", "B16", "16b", d, n, m)
}

// vbsl is d = d ? n : m, bit by bit, vbit d = m ? n : d.
func vbsl(d, n, m v) line { return threeNative("VBSL", "bsl", "B16", "16b", d, n, m) }
func vbit(d, n, m v) line { return threeNative("VBIT", "bit", "B16", "16b", d, n, m) }

// vuzp1 is the lanes 0 and 2 of n, then of m, vuzp2 the lanes 1 and 3.
func vuzp1(d, n, m v) line { return threeNative("VUZP1", "uzp1", "S4", "4s", d, n, m) }
func vuzp2(d, n, m v) line { return threeNative("VUZP2", "uzp2", "S4", "4s", d, n, m) }

// vzip1 is the lower lanes of n and m in turn, vzip2 the upper ones; those of pairs
// take two lanes for one.
func vzip1(d, n, m v) line      { return threeNative("VZIP1", "zip1", "S4", "4s", d, n, m) }
func vzip2(d, n, m v) line      { return threeNative("VZIP2", "zip2", "S4", "4s", d, n, m) }
func vzip1Pairs(d, n, m v) line { return threeNative("VZIP1", "zip1", "D2", "2d", d, n, m) }
func vzip2Pairs(d, n, m v) line { return threeNative("VZIP2", "zip2", "D2", "2d", d, n, m) }

func vshl(d, n v, by int) line {
	vectors(d, n)
	if by < 0 || by > 31 {
		panic(fmt.Sprintf("neon: shl by %d bits", by))
	}
	return native(fmt.Sprintf("VSHL $%d, V%d.S4, V%d.S4", by, n, d), fmt.Sprintf("shl v%d.4s, v%d.4s, #%d", d, n, by))
}

func vmov(d, n v) line {
	vectors(d, n)
	return native(fmt.Sprintf("VMOV V%d.B16, V%d.B16", n, d), fmt.Sprintf("mov v%d.16b, v%d.16b", d, n))
}

func vzero(d v) line {
	vectors(d)
	return native(fmt.Sprintf("VMOVI $0, V%d.B16", d), fmt.Sprintf("movi v%d.16b, #0x0", d))
}

// vdup copies one lane of n into every lane.
func vdup(d, n v, lane int) line {
	vectors(d, n)
	if lane < 0 || lane > 3 {
		panic(fmt.Sprintf("neon: dup: no lane %d of 4", lane))
	}
	return native(fmt.Sprintf("VDUP V%d.S[%d], V%d.S4", n, lane, d), fmt.Sprintf("dup v%d.4s, v%d.s[%d]", d, n, lane))
}

// A width is the part of a vector register that a load or a store moves; a load
// zeroes the rest.
type width struct {
	op       string
	gnu      byte
	bytes    int
	unscaled uint32 // the word of ldur
}

var (
	whole = width{"FMOVQ", 'q', 16, 0x3cc00000}
	half  = width{"FMOVD", 'd', 8, 0xfc400000}
	lane0 = width{"FMOVS", 's', 4, 0xbc400000}
)

// at prints an address with a constant offset that w can reach in one
// instruction: a multiple of its size up to 4095 times the size.
func (w width) at(base x, offset int) (asm, gnu string) {
	generals(base)
	if !w.reaches(offset) {
		panic(fmt.Sprintf("neon: %s cannot reach %d bytes from its base", w.op, offset))
	}
	return offsetFrom(base, offset)
}

func offsetFrom(base x, offset int) (asm, gnu string) {
	if offset == 0 {
		return fmt.Sprintf("(R%d)", base), fmt.Sprintf("[x%d]", base)
	}
	return fmt.Sprintf("%d(R%d)", offset, base), fmt.Sprintf("[x%d, #%d]", base, offset)
}

func (w width) reaches(offset int) bool {
	return offset >= 0 && offset%w.bytes == 0 && offset/w.bytes <= 4095
}

func load(w width, t v, base x, offset int) line {
	vectors(t)
	asm, gnu := w.at(base, offset)
	return native(fmt.Sprintf("%s %s, F%d", w.op, asm, t), fmt.Sprintf("ldr %c%d, %s", w.gnu, t, gnu))
}

// loadNear is a load with ldur where that reaches. Arm's guides to the Neoverse
// and Cortex cores give it a load unit and nothing more, while ldr with a scaled
// offset takes an arithmetic unit too, and a pair of vectors three operations.
func loadNear(w width, t v, base x, offset int) line {
	if near(offset) {
		return ldur(w, t, base, offset)
	}
	return load(w, t, base, offset)
}

func store(w width, t v, base x, offset int) line {
	vectors(t)
	asm, gnu := w.at(base, offset)
	return native(fmt.Sprintf("%s F%d, %s", w.op, t, asm), fmt.Sprintf("str %c%d, %s", w.gnu, t, gnu))
}

// loadIndexed and storeIndexed are at base + index.
func loadIndexed(w width, t v, base, index x) line {
	if w == whole {
		return ldrqIndexed(t, base, index)
	}
	vectors(t)
	generals(base, index)
	return native(fmt.Sprintf("%s (R%d)(R%d), F%d", w.op, base, index, t), fmt.Sprintf("ldr %c%d, [x%d, x%d]", w.gnu, t, base, index))
}

func storeIndexed(w width, t v, base, index x) line {
	if w == whole {
		return strqIndexed(t, base, index)
	}
	vectors(t)
	generals(base, index)
	return native(fmt.Sprintf("%s F%d, (R%d)(R%d)", w.op, t, base, index), fmt.Sprintf("str %c%d, [x%d, x%d]", w.gnu, t, base, index))
}

// loadLane2 and storeLane2 move lane 2 and leave the others.
func loadLane2(t v, base x) line {
	vectors(t)
	generals(base)
	return native(fmt.Sprintf("VLD1 (R%d), V%d.S[2]", base, t), fmt.Sprintf("ld1 {v%d.s}[2], [x%d]", t, base))
}

func storeLane2(t v, base x) line {
	vectors(t)
	generals(base)
	return native(fmt.Sprintf("VST1 V%d.S[2], (R%d)", t, base), fmt.Sprintf("st1 {v%d.s}[2], [x%d]", t, base))
}

// prefetch asks for a line into the first-level cache. No address faults.
func prefetch(base x, offset int) line {
	asm, gnu := half.at(base, offset)
	return native(fmt.Sprintf("PRFM %s, PLDL1KEEP", asm), fmt.Sprintf("prfm pldl1keep, %s", gnu))
}

// General registers

func zero(d x) line {
	generals(d)
	return native(fmt.Sprintf("MOVD $0, R%d", d), fmt.Sprintf("mov x%d, xzr", d))
}

func loadWord(d, base x, offset int) line {
	generals(d)
	asm, gnu := half.at(base, offset)
	return native(fmt.Sprintf("MOVD %s, R%d", asm, d), fmt.Sprintf("ldr x%d, %s", d, gnu))
}

func mov(d, n x) line {
	generals(d, n)
	return native(fmt.Sprintf("MOVD R%d, R%d", n, d), fmt.Sprintf("mov x%d, x%d", d, n))
}

func addReg(d, n, m x) line {
	generals(d, n, m)
	return native(fmt.Sprintf("ADD R%d, R%d, R%d", m, n, d), fmt.Sprintf("add x%d, x%d, x%d", d, n, m))
}

// immediate is d = r op n for 0 <= n < 4096.
func immediate(op, gnu string, d, r x, n int) line {
	generals(d, r)
	if n < 0 || n > 4095 {
		panic(fmt.Sprintf("neon: %s of %d", gnu, n))
	}
	return native(fmt.Sprintf("%s $%d, R%d, R%d", op, n, r, d), fmt.Sprintf("%s x%d, x%d, #0x%x", gnu, d, r, n))
}

// addImm is d = r + n for a number between -4095 and 4095.
func addImm(d, r x, n int) line {
	if n < 0 {
		return immediate("SUB", "sub", d, r, -n)
	}
	return immediate("ADD", "add", d, r, n)
}

// subsImm subtracts and sets the flags.
func subsImm(r x, n int) line { return immediate("SUBS", "subs", r, r, n) }

func cmpImm(r x, n int) line {
	generals(r)
	if n < 0 || n > 4095 {
		panic(fmt.Sprintf("neon: cmp with %d", n))
	}
	return native(fmt.Sprintf("CMP $%d, R%d", n, r), fmt.Sprintf("cmp x%d, #0x%x", r, n))
}

// lowBits keeps the lowest n bits of r.
func lowBits(r x, n int) line {
	generals(r)
	if n < 1 || n > 32 {
		panic(fmt.Sprintf("neon: the lowest %d bits", n))
	}
	mask := uint64(1)<<n - 1
	return native(fmt.Sprintf("AND $%d, R%d, R%d", mask, r, r), fmt.Sprintf("and x%d, x%d, #0x%x", r, r, mask))
}

func shiftLeft(r x, n int) line {
	generals(r)
	if n < 1 || n > 63 {
		panic(fmt.Sprintf("neon: lsl by %d", n))
	}
	return native(fmt.Sprintf("LSL $%d, R%d, R%d", n, r, r), fmt.Sprintf("lsl x%d, x%d, #%d", r, r, n))
}

// Branches name a label of the function.

func branch(op, label string) line { return line{asm: op + " " + label} }

// branchClear branches if a bit is not set.
func branchClear(r x, bit int, label string) line {
	generals(r)
	if bit < 0 || bit > 31 {
		panic(fmt.Sprintf("neon: tbz of bit %d", bit))
	}
	return line{asm: fmt.Sprintf("TBZ $%d, R%d, %s", bit, r, label)}
}

func ret() line { return native("RET", "ret") }
