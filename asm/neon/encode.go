package neon

import "fmt"

// A line is one instruction: as Go's assembler reads it, and as GNU objdump
// prints it, but for branches and arguments. The tests hold the two against each
// other.
type line struct{ asm, gnu string }

// A v is a vector register, V0 to V31, and an x a general one: R0 to R25, but
// not R18, which belongs to the platform. R26 to R30 are Go's: closure context,
// assembler's temporary, g, frame pointer and link.
type (
	v uint8
	x uint8
)

// word is an instruction that Go's assembler has no name for.
func word(w uint32, format string, args ...any) line {
	gnu := fmt.Sprintf(format, args...)
	return line{fmt.Sprintf("WORD $0x%08x // %s", w, gnu), gnu}
}

// vectors and generals refuse numbers that are no register: their high bits
// would fall into other fields of the instruction.
func vectors(rs ...v) {
	for _, r := range rs {
		if r > 31 {
			panic(fmt.Sprintf("neon: no vector register V%d", r))
		}
	}
}

func generals(rs ...x) {
	for _, r := range rs {
		if r > 25 || r == 18 {
			panic(fmt.Sprintf("neon: R%d is no register to use", r))
		}
	}
}

// three encodes d = n op m on four lanes, or two of float64.
func three(base uint32, name, lanes string, d, n, m v) line {
	vectors(d, n, m)
	return word(base|uint32(m)<<16|uint32(n)<<5|uint32(d), "%s v%d.%s, v%d.%s, v%d.%s", name, d, lanes, n, lanes, m, lanes)
}

func fadd(d, n, m v) line { return three(0x4e20d400, "fadd", "4s", d, n, m) }
func fsub(d, n, m v) line { return three(0x4ea0d400, "fsub", "4s", d, n, m) }
func fmul(d, n, m v) line { return three(0x6e20dc00, "fmul", "4s", d, n, m) }
func fdiv(d, n, m v) line { return three(0x6e20fc00, "fdiv", "4s", d, n, m) }

// fmax and fmin give NaN where either operand is NaN, and order the zeros.
func fmax(d, n, m v) line { return three(0x4e20f400, "fmax", "4s", d, n, m) }
func fmin(d, n, m v) line { return three(0x4ea0f400, "fmin", "4s", d, n, m) }

// fcmgt is n > m and facgt |n| > |m|: all ones or all zeros, zeros for NaN.
func fcmgt(d, n, m v) line { return three(0x6ea0e400, "fcmgt", "4s", d, n, m) }
func facgt(d, n, m v) line { return three(0x6ea0ec00, "facgt", "4s", d, n, m) }

// bic is n &^ m.
func bic(d, n, m v) line { return three(0x4e601c00, "bic", "16b", d, n, m) }

// umull is the 64-bit products of the lower two lanes, unsigned, umull2 of the
// upper two.
func umull(d, n, m v) line  { return long(0x2ea0c000, "umull", "2s", d, n, m) }
func umull2(d, n, m v) line { return long(0x6ea0c000, "umull2", "4s", d, n, m) }

// long encodes d = n op m with lanes of d twice as wide.
func long(base uint32, name, lanes string, d, n, m v) line {
	vectors(d, n, m)
	return word(base|uint32(m)<<16|uint32(n)<<5|uint32(d), "%s v%d.2d, v%d.%s, v%d.%s", name, d, n, lanes, m, lanes)
}

// two encodes d = op n.
func two(base uint32, format string, d, n v) line {
	vectors(d, n)
	return word(base|uint32(n)<<5|uint32(d), format, d, n)
}

func fabs(d, n v) line  { return two(0x4ea0f800, "fabs v%d.4s, v%d.4s", d, n) }
func fneg(d, n v) line  { return two(0x6ea0f800, "fneg v%d.4s, v%d.4s", d, n) }
func fsqrt(d, n v) line { return two(0x6ea1f800, "fsqrt v%d.4s, v%d.4s", d, n) }

// fcmlt0 is n < 0.
func fcmlt0(d, n v) line { return two(0x4ea0e800, "fcmlt v%d.4s, v%d.4s, #0.0", d, n) }

// fcvtl widens the two low float32 of n to float64.
func fcvtl(d, n v) line { return two(0x0e617800, "fcvtl v%d.2d, v%d.2s", d, n) }

// element encodes an operation of n with one lane of m.
func element(base uint32, name string, d, n, m v, lane int) line {
	vectors(d, n, m)
	if lane < 0 || lane > 3 {
		panic(fmt.Sprintf("neon: %s: no lane %d of 4", name, lane))
	}
	l := uint32(lane)
	return word(base|l&1<<21|uint32(m)<<16|l>>1<<11|uint32(n)<<5|uint32(d), "%s v%d.4s, v%d.4s, v%d.s[%d]", name, d, n, m, lane)
}

// fmlaLane is d += n*m[lane], fmlsLane d -= n*m[lane], rounded once.
func fmlaLane(d, n, m v, lane int) line { return element(0x4f801000, "fmla", d, n, m, lane) }
func fmlsLane(d, n, m v, lane int) line { return element(0x4f805000, "fmls", d, n, m, lane) }

// sshr shifts right by 1 to 32 bits, keeping the sign.
func sshr(d, n v, by int) line {
	vectors(d, n)
	if by < 1 || by > 32 {
		panic(fmt.Sprintf("neon: sshr by %d bits", by))
	}
	return word(0x4f000400|uint32(64-by)<<16|uint32(n)<<5|uint32(d), "sshr v%d.4s, v%d.4s, #%d", d, n, by)
}

// indexed encodes a load or store of a whole vector at base + index.
func indexed(word0 uint32, name string, t v, base, index x) line {
	vectors(t)
	generals(base, index)
	return word(word0|uint32(index)<<16|uint32(base)<<5|uint32(t), "%s q%d, [x%d, x%d]", name, t, base, index)
}

// ldur encodes a load of w from up to 256 bytes before base or 255 after it.
func ldur(w width, t v, base x, offset int) line {
	vectors(t)
	generals(base)
	if !near(offset) {
		panic(fmt.Sprintf("neon: ldur cannot reach %d bytes from its base", offset))
	}
	_, gnu := offsetFrom(base, offset)
	return word(w.unscaled|uint32(offset)&0x1ff<<12|uint32(base)<<5|uint32(t), "ldur %c%d, %s", w.gnu, t, gnu)
}

// near reports whether ldur reaches an offset.
func near(offset int) bool { return offset >= -256 && offset <= 255 }

func ldrqIndexed(t v, base, index x) line { return indexed(0x3ce06800, "ldr", t, base, index) }
func strqIndexed(t v, base, index x) line { return indexed(0x3ca06800, "str", t, base, index) }
