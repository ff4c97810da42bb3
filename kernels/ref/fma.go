package ref

import "math"

// FMA returns a*b+c with one rounding to float32, as the vector units do.
//
// The product of two float32 is exact in float64 (48 bits), so only the sum
// rounds before the conversion. Rounding twice, to 53 and then to 24 bits, goes
// wrong in just two situations: the float64 sum lies on a midpoint between two
// float32, or the result is below the normal range, where float32 has fewer
// bits. The bits of the sum show both, and fmaRare computes these.
func FMA(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	s := p + float64(c)
	if once(math.Float64bits(s)) {
		return float32(s)
	}
	return fmaRare(p, float64(c))
}

const (
	lowBits   = 1<<29 - 1          // the bits of a float64 that float32 drops
	midpoint  = 1 << 28            // their value half way between two float32
	minNormal = (1023 - 126) << 52 // float64 bits of 2^-126
	normals   = 254<<52 - midpoint // and how many there are from there to what becomes infinite
)

// once reports whether a float64 with these bits can be rounded to float32 as if it
// were what it was rounded from: it is normal, finite and no midpoint there.
func once(u uint64) bool { return u&lowBits != midpoint && u<<1-minNormal<<1 < normals<<1 }

// nearest rounds the bits of a float64, for which once holds, to those of the nearest
// float32, in float64. Under an emulator a loop of them takes half the time of one that
// converts to float32 and back.
func nearest(u uint64) float64 { return math.Float64frombits((u + midpoint) &^ lowBits) }

// fmaRare rounds p+c to odd in float64 first: when the sum is inexact, the
// neighbour with an odd last bit is taken, which keeps the information "there
// was more" for the second rounding (Boldo and Melquiond 2008).
//
//go:noinline
func fmaRare(p, c float64) float32 {
	s := p + c
	if s-s != 0 { // infinite or NaN: nothing to repair
		return float32(s)
	}
	t := s - p
	e := (p - (s - t)) + (c - t) // exact error of the sum (Knuth's TwoSum)
	if u := math.Float64bits(s); e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
		s = math.Float64frombits(u)
	}
	return float32(s)
}

// Tiny is the bound below which stored states, gradients and moments become +0.
const Tiny = 0x1p-100

const tinyBits = (127 - 100) << 23 // its bits, below which are those of all smaller numbers

// Flush returns +0 for |v| < [Tiny] and v otherwise, NaN included, so that the
// speed of later steps does not depend on values that no longer matter.
func Flush(v float32) float32 {
	if math.Float32bits(v)<<1 < tinyBits<<1 {
		return 0
	}
	return v
}
