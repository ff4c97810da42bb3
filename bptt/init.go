package bptt

import (
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/kernels"
)

// unit returns a uniform number of [0, 1) with 53 random bits.
func unit(r *rand.Rand) float64 { return float64(r.Uint64()>>11) * 0x1p-53 }

// uniform sets w to independent draws from [-bound, bound).
func uniform(w []float32, bound float64, r *rand.Rand) {
	for i := range w {
		u := float64(2*unit(r)) - 1
		w[i] = float32(float64(u * bound))
	}
}

// normal sets w to independent draws from N(0, 1), in pairs by Marsaglia's
// polar method. The generator's own NormFloat64 would not do: its bits depend
// on the architecture's exponential.
func normal(w []float32, r *rand.Rand) {
	for i := 0; i < len(w); i += 2 {
		var u, v, s float64
		for s == 0 || s >= 1 {
			u = float64(2*unit(r)) - 1
			v = float64(2*unit(r)) - 1
			s = float64(u*u) + float64(v*v)
		}
		r := math.Sqrt(-2 * kernels.Log(s) / s)
		w[i] = float32(float64(u * r))
		if i+1 < len(w) {
			w[i+1] = float32(float64(v * r))
		}
	}
}
