package ref

import "math"

// Philox returns the four random words of philox4x32-10, the counter-based
// generator of Salmon, Moraes, Dror and Shaw (2011), for a counter and a key.
func Philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	c, k := counter, key
	for round := range 10 {
		if round > 0 {
			k[0] += 0x9e3779b9
			k[1] += 0xbb67ae85
		}
		p0, p1 := uint64(c[0])*0xd2511f53, uint64(c[2])*0xcd9e8d57
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ k[1], uint32(p0)}
	}
	return c
}

// Counters is what [Uniform] draws from: the first words of sixteen counters that
// follow one another, the three words that they share, and the two of the key.
type Counters = [21]uint32

// Count returns the sixteen counters from the given one on.
func Count(counter [4]uint32, key [2]uint32) (c Counters) {
	for i := range uint32(16) {
		c[i] = counter[0] + i
	}
	copy(c[16:], counter[1:])
	copy(c[19:], key[:])
	return c
}

// Uniform sets dst to numbers in [1, 2), a block of 64 for each sixteen counters:
// word w of counter i makes number 16*w+i of its block, its upper 23 bits being
// the fraction. c moves on by what was used. The length of dst must be a multiple
// of 64.
func Uniform(dst []float32, c *Counters) {
	for ; len(dst) > 0; dst = dst[64:] {
		for i := range 16 {
			for w, word := range Philox([4]uint32{c[i], c[16], c[17], c[18]}, [2]uint32{c[19], c[20]}) {
				dst[16*w+i] = math.Float32frombits(word>>9 | 0x3f800000)
			}
			c[i] += 16
		}
	}
}

// Drop sets dst = +0 where u < below and x*scale elsewhere. It selects: what is
// dropped leaves +0 whatever it was, NaN and infinities included.
func Drop(dst, x, u []float32, below, scale float32) {
	for j, v := range x {
		if u[j] < below {
			dst[j] = 0
		} else {
			dst[j] = v * scale
		}
	}
}

// Choose sets dst = a where u < below and b elsewhere.
func Choose(dst, u, a, b []float32, below float32) {
	for j, v := range u {
		if v < below {
			dst[j] = a[j]
		} else {
			dst[j] = b[j]
		}
	}
}

// turnCoef is P in sin(2*pi*x) = x*P(x*x), for |x| <= 1/4, lowest power first.
var turnCoef = [6]float32{f32(0x40c90fdb), f32(0xc2255de7), f32(0x42a335e3), f32(0xc2996966), f32(0x42283c1a), f32(0xc17183a8)}

// BoxMuller sets dst to normal numbers, each made of two in [1, 2) (Box and Muller 1958):
//
//	dst = sqrt(-2 ln(2-u)) * sin(2*pi*(v-3/2))
func BoxMuller(dst, u, v []float32) {
	for j := range dst {
		dst[j] = float32(radius(u[j]) * turn(v[j]))
	}
}

// radius returns sqrt(-2 ln y), y = 2-u, which is exact. With y = 2^n x, sqrt(1/2) <= x < sqrt 2,
//
//	ln y = n ln 2 + s*(2 + z*P(z))    s = (x-1)/(x+1)    z = s*s
func radius(u float32) float32 {
	bits := int32(math.Float32bits(2 - u))
	n := (bits - 0x3f3504f3) >> 23
	x := math.Float32frombits(uint32(bits - n<<23))
	s := (x - 1) / (x + 1)
	z := float32(s * s)
	p := logCoef[3]
	for i := 2; i >= 0; i-- {
		p = FMA(p, z, logCoef[i])
	}
	// n is an integer of few bits, except where u is not in [1, 2).
	exponent := math.Float32frombits(uint32(n)+0x4b400000) - 0x1.8p23
	l := FMA(exponent, f32(0x3f317218), float32(FMA(p, z, 2)*s))
	return float32(math.Sqrt(float64(0 - (l + l))))
}

// turn returns sin(2*pi*a), a = v - 3/2. The sine of x, the argument nearest to 0 with the sine
// of |a|, has that value; x is exact.
func turn(v float32) float32 {
	a := v - 1.5
	x := 0.25 - abs(abs(a)-0.25)
	z := float32(x * x)
	p := turnCoef[5]
	for i := 4; i >= 0; i-- {
		p = FMA(p, z, turnCoef[i])
	}
	return math.Float32frombits(math.Float32bits(float32(p*x)) ^ math.Float32bits(a)&(1<<31))
}
