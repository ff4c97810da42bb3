// Package draw is what draws random numbers for initial weights and samples: the
// same bits on every architecture, from nothing but a generator's Uint64.
package draw

import (
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/kernels"
)

// Unit returns a uniform number of [0, 1) with 53 random bits.
func Unit(r *rand.Rand) float64 { return float64(r.Uint64()>>11) * 0x1p-53 }

// Uniform sets w to independent draws from [-bound, bound).
func Uniform(w []float32, bound float64, r *rand.Rand) {
	for i := range w {
		u := float64(2*Unit(r)) - 1
		w[i] = float32(float64(u * bound))
	}
}

// Normal sets w to independent draws from N(0, 1), in pairs by Marsaglia's
// polar method. The generator's own NormFloat64 would not do: its bits depend
// on the architecture's exponential.
func Normal(w []float32, r *rand.Rand) {
	for i := 0; i < len(w); i += 2 {
		var u, v, s float64
		for s == 0 || s >= 1 {
			u = float64(2*Unit(r)) - 1
			v = float64(2*Unit(r)) - 1
			s = float64(u*u) + float64(v*v)
		}
		scale := math.Sqrt(-2 * kernels.Log(s) / s)
		w[i] = float32(float64(u * scale))
		if i+1 < len(w) {
			w[i+1] = float32(float64(v * scale))
		}
	}
}
