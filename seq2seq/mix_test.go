package seq2seq

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/kernels"
)

// TestShareOfPredictions: predictions are fed with the probability that the schedule says,
// independently at each place, and the first symbol of a row never is one.
func TestShareOfPredictions(t *testing.T) {
	const steps, batch, out = 50, 80, 3
	y := make([]float32, steps*batch*out)
	for i := 2; i < len(y); i += out {
		y[i] = 1 // symbol 2 is the best of all
	}
	y[2*out], y[2*out+1], y[2*out+2] = float32(math.NaN()), float32(math.NaN()), float32(math.NaN())
	s := &sampler{isa: kernels.Current(), batch: batch, out: out, best: make([]int32, steps*batch), u: make([]float32, 128), seed: 1 << 40, step: 3}
	s.part = s.choose
	s.predict(y, 0)
	for _, p := range []float64{0.1, 0.7} {
		ids := s.mix(make([]int32, steps*batch), p)
		places := (steps - 1) * batch
		n := 0
		for _, id := range ids {
			n += int(id) / 2
		}
		require.InDelta(t, p, float64(n)/float64(places), 4*math.Sqrt(p*(1-p)/float64(places)))
		require.Equal(t, make([]int32, batch), ids[:batch])
		for k := range steps - 2 {
			require.NotEqual(t, ids[(k+1)*batch:][:batch], ids[(k+2)*batch:][:batch], "steps %d and %d", k+1, k+2)
		}
		var low, high []int32 // rows that lie 64 apart have numbers of their own
		for k := range steps {
			low, high = append(low, ids[k*batch:][:16]...), append(high, ids[k*batch+64:][:16]...)
		}
		require.NotEqual(t, low, high)
		again := slices.Clone(ids)
		require.Equal(t, again, s.mix(make([]int32, steps*batch), p))
		s.seed ^= 1 << 40
		require.NotEqual(t, again, s.mix(make([]int32, steps*batch), p), "the upper half of the seed")
		s.seed ^= 1 << 40
	}
	require.Zero(t, s.mix(make([]int32, steps*batch), 1)[batch+2], "nothing is predicted by NaN")
	require.Equal(t, int32(2), s.ids[batch+1])
}
