// Package narrow turns the numbers of files into float32.
package narrow

import "math"

// F16 returns a float16 (1 bit of sign, 5 of exponent, 10 of fraction) as a
// float32, which has them all.
func F16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // fraction * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31: // infinities and NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent-15+127)<<23 | fraction<<13)
}

// F64 rounds to float32, and reports whether the result is finite if v is. Of a NaN
// it keeps the sign and the upper bits of the fraction and makes it quiet; what a
// conversion of the language keeps is up to the machine.
func F64(v float64) (float32, bool) {
	if v != v {
		b := math.Float64bits(v)
		return math.Float32frombits(uint32(b>>63)<<31 | 0x7fc00000 | uint32(b>>29)&(1<<22-1)), true
	}
	f := float32(v)
	return f, !math.IsInf(float64(f), 0) || math.IsInf(v, 0)
}

// I64 rounds to float32 once, to the nearest, to even at ties.
func I64(v int64) float32 {
	if v < 0 {
		return -U64(-uint64(v))
	}
	return U64(uint64(v))
}

// U64 rounds as I64 does.
func U64(v uint64) float32 {
	// A float64 has 53 bits. What the others say to the rounding is whether one of
	// them is set: the lowest bit that is kept says it, far below those of a float32.
	if v>>53 != 0 {
		sticky := v & (1<<11 - 1)
		v &^= 1<<11 - 1
		if sticky != 0 {
			v |= 1 << 11
		}
	}
	return float32(float64(v))
}
