package vec

// Philox is the counter-based generator philox4x32-10 of Salmon, Moraes, Dror and
// Shaw ("Parallel random numbers: as easy as 1, 2, 3", 2011): four random words
// from four words of counter c and two of key k, in each lane.
func Philox(m Machine, c [4]Vec, k [2]Vec) [4]Vec {
	for round := range 10 {
		if round > 0 {
			k = [2]Vec{m.AddInt(k[0], philoxStep0), m.AddInt(k[1], philoxStep1)}
		}
		low0, high0 := m.MulWide(c[0], philoxFactor0)
		low1, high1 := m.MulWide(c[2], philoxFactor1)
		c = [4]Vec{m.Xor(m.Xor(high1, c[1]), k[0]), low1, m.Xor(m.Xor(high0, c[3]), k[1]), low0}
	}
	return c
}

// PhiloxConstants is what Philox and FromOneToTwo read.
func PhiloxConstants() []Const {
	return []Const{philoxFactor0, philoxFactor1, philoxStep0, philoxStep1, fraction, one}
}

// FromOneToTwo makes the upper 23 bits of a the fraction of a float32 in [1, 2).
func FromOneToTwo(m Machine, a Vec) Vec { return m.Or(m.And(m.ShiftRight(a, 9), fraction), one) }
