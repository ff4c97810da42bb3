package seq2seq_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// always is a Decay of one number.
type always float64

func (a always) Gold(int64) float64 { return float64(a) }

// TestSampling: the second pass is fed by what the first predicts.
func TestSampling(t *testing.T) {
	s := tiny
	s.steps, s.batch = 12, 70
	b := batch(s, 4)
	dy := traintest.NumbersLike(s.steps*s.batch*symbols, 6)
	forced := run(t, build(t, s, 3), b, dy)

	// With a probability of 1 all but the first symbol of a row are predictions: the
	// batch of predictions gives the same without sampling.
	s.sampling = always(0)
	all := run(t, build(t, s, 3), b, dy)
	fed := *b
	fed.IDs = slices.Clone(b.IDs)
	for p := s.batch; p < len(fed.IDs); p++ {
		row := forced.y[(p-s.batch)*symbols:][:symbols]
		fed.IDs[p] = int32(slices.Index(row, slices.Max(row)))
	}
	s.sampling = nil
	run(t, build(t, s, 3), &fed, dy).same(t, all, "all predictions")

	// With a probability of 0, and in evaluation, none is.
	s.sampling = always(1)
	run(t, build(t, s, 3), b, dy).same(t, forced, "no predictions")
	s.sampling = always(0)
	net := build(t, s, 3)
	net.SetTraining(false)
	run(t, net, b, dy).same(t, forced, "evaluation")

	// In between it is some, others in each training step, the same for one seed.
	s.sampling = always(0.5)
	net = build(t, s, 3)
	first, second := run(t, net, b, dy), run(t, net, b, dy)
	require.NotEqual(t, first.y, forced.y)
	require.NotEqual(t, first.y, all.y)
	require.NotEqual(t, first.y, second.y)
	require.NoError(t, net.SetMaskState([]uint64{0, 0}))
	run(t, net, b, dy).same(t, first, "the first step again")
	run(t, net, b, dy).same(t, second, "the second step again")
	net.SetSeed(5)
	require.Equal(t, []uint64{5, 0}, net.MaskState())
	require.NotEqual(t, first.y, run(t, net, b, dy).y)
	require.Equal(t, []uint64{5, 1}, net.MaskState())
	other := run(t, net, b, dy)
	require.NoError(t, net.SetMaskState([]uint64{5, 1}))
	run(t, net, b, dy).same(t, other, "seed 5")
}

func TestDecays(t *testing.T) {
	near := func(want, got float64) { t.Helper(); require.InDelta(t, want, got, 1e-12) }
	near(0.9, seq2seq.LinearDecay{Start: 0.9, Slope: 0.1, Floor: 0.2}.Gold(0))
	near(0.4, seq2seq.LinearDecay{Start: 0.9, Slope: 0.1, Floor: 0.2}.Gold(5))
	near(0.2, seq2seq.LinearDecay{Start: 0.9, Slope: 0.1, Floor: 0.2}.Gold(math.MaxInt64))
	near(1, seq2seq.ExponentialDecay{K: 0.5}.Gold(0))
	near(0.125, seq2seq.ExponentialDecay{K: 0.5}.Gold(3))
	near(0, seq2seq.ExponentialDecay{K: 0.5}.Gold(math.MaxInt64))
	near(10./11, seq2seq.InverseSigmoidDecay{K: 10}.Gold(0))
	near(10/(10+math.E*math.E), seq2seq.InverseSigmoidDecay{K: 10}.Gold(20))
	near(0, seq2seq.InverseSigmoidDecay{K: 10}.Gold(math.MaxInt64))
	for _, d := range []interface{ Check() error }{
		seq2seq.LinearDecay{Start: 1.1}, seq2seq.LinearDecay{Start: 0.5, Floor: 0.6}, seq2seq.LinearDecay{Start: 1, Slope: -1}, seq2seq.LinearDecay{Start: math.NaN()},
		seq2seq.ExponentialDecay{K: 1}, seq2seq.ExponentialDecay{}, seq2seq.ExponentialDecay{K: math.NaN()},
		seq2seq.InverseSigmoidDecay{K: 0.5}, seq2seq.InverseSigmoidDecay{K: math.Inf(1)}, seq2seq.InverseSigmoidDecay{K: math.NaN()},
	} {
		require.Error(t, d.Check(), "%+v", d)
	}
	for _, d := range []interface{ Check() error }{seq2seq.LinearDecay{Start: 1, Slope: 1e-4, Floor: 0.2}, seq2seq.ExponentialDecay{K: 0.99}, seq2seq.InverseSigmoidDecay{K: 1}} {
		require.NoError(t, d.Check(), "%+v", d)
	}
}
