package nn_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"
)

// TestGrow: old rows stay bit for bit, new ones are drawn as those of a new stage or are
// means, on every tier, and what was given is not changed.
func TestGrow(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		r := traintest.Rng(1)
		e, err := nn.NewEmbedding(5, 67, r)
		require.NoError(t, err)
		e.Weight[3] = float32(math.Copysign(0, -1))
		e.Weight[4] = math.Float32frombits(7) // a subnormal number
		old := append([]float32(nil), e.Weight...)
		mean := make([]float32, 67)
		for c := range mean {
			var sum float32
			for i := range 5 {
				sum += e.Weight[i*67+c]
			}
			mean[c] = sum * (1 / float32(5))
		}
		grown, err := nn.GrowEmbedding(e, 7, nil)
		require.NoError(t, err)
		numtest.Equal(t, grown.Weight, append(append(append([]float32(nil), old...), mean...), mean...), "means")
		require.Equal(t, []int{7, 67}, []int{grown.Vocabulary, grown.Dim})
		grown.Weight[0]++
		numtest.Equal(t, e.Weight, old, "what was given")

		drawn, err := nn.GrowEmbedding(e, 7, traintest.Rng(9))
		require.NoError(t, err)
		fresh, err := nn.NewEmbedding(2, 67, traintest.Rng(9))
		require.NoError(t, err)
		numtest.Equal(t, drawn.Weight, append(append([]float32(nil), old...), fresh.Weight...), "drawn")

		l, err := nn.NewLinear(67, 5, r)
		require.NoError(t, err)
		wide, err := nn.GrowLinear(l, 7, traintest.Rng(9))
		require.NoError(t, err)
		more, err := nn.NewLinear(67, 2, traintest.Rng(9))
		require.NoError(t, err)
		numtest.Equal(t, wide.Weight, append(append([]float32(nil), l.Weight...), more.Weight...), "weights")
		numtest.Equal(t, wide.Bias, append(append([]float32(nil), l.Bias...), more.Bias...), "biases")
		require.Equal(t, []int{67, 7}, []int{wide.In, wide.Out})

		wide, err = nn.GrowLinear(l, 6, nil)
		require.NoError(t, err)
		var sum float32
		for _, b := range l.Bias {
			sum += b
		}
		numtest.Equal(t, wide.Bias, append(append([]float32(nil), l.Bias...), sum*(1/float32(5))), "mean bias")
		numtest.Equal(t, wide.Weight[:len(l.Weight)], l.Weight, "weights beside means")
		require.NotZero(t, wide.Weight[len(l.Weight)])

		l.Bias = nil
		for _, rng := range []uint64{0, 1} {
			r := traintest.Rng(rng)
			if rng == 0 {
				r = nil
			}
			wide, err = nn.GrowLinear(l, 6, r)
			require.NoError(t, err)
			require.Nil(t, wide.Bias)
		}
		same, err := nn.GrowLinear(l, 5, nil)
		require.NoError(t, err)
		numtest.Equal(t, same.Weight, l.Weight, "no more outputs")
		require.False(t, kernels.Same(same.Weight, l.Weight), "memory of its own")
	})
}

// TestGrownModelsSayTheSame of the symbols that were there, tied or not, and train.
func TestGrownModelsSayTheSame(t *testing.T) {
	for _, tied := range []bool{false, true} {
		r := traintest.Rng(3)
		emb := traintest.Must(nn.NewEmbedding(5, 6, r))
		rnn := traintest.Must(lstm.New(lstm.Config{Input: 6, Hidden: 6}, r))
		readout := traintest.Must(nn.NewLinear(6, 5, r))
		if tied {
			readout = emb.Readout()
			copy(readout.Bias, []float32{1, 2, 3, 4, 5})
		}
		grown, err := nn.GrowEmbedding(emb, 8, r)
		require.NoError(t, err)
		var wide *nn.Linear
		if tied {
			_, err = nn.GrowLinear(readout, 8, r)
			require.ErrorContains(t, err, "call GrowEmbedding and then GrowReadout")
			wide, err = nn.GrowReadout(readout, grown)
			require.NoError(t, err)
			require.True(t, kernels.Same(wide.Weight, grown.Weight))
			numtest.Equal(t, wide.Bias, []float32{1, 2, 3, 4, 5, 3, 3, 3}, "biases")
		} else {
			wide, err = nn.GrowLinear(readout, 8, r)
			require.NoError(t, err)
		}
		before := traintest.Must(nn.Chain(emb, rnn.Unroll(3, 1), readout))
		after := traintest.Must(nn.Chain(grown, rnn.Unroll(3, 1), wide))
		a, b := make([]float32, 3*5), make([]float32, 3*8)
		require.NoError(t, before.ForwardIDs(a, []int32{4, 0, 2}))
		require.NoError(t, after.ForwardIDs(b, []int32{4, 0, 2}))
		for step := range 3 {
			numtest.Equal(t, b[step*8:][:5], a[step*5:][:5], "logits of the old symbols")
		}
		require.NoError(t, after.ForwardIDs(b, []int32{7, 6, 5}))
		_, _, err = nn.Trained(after)
		require.NoError(t, err)
	}
}

// TestGrowRefuses sizes that do not fit, each with its numbers.
func TestGrowRefuses(t *testing.T) {
	e := traintest.Must(nn.NewZeroEmbedding(5, 2))
	l := traintest.Must(nn.NewZeroLinear(2, 5))
	for _, c := range []struct {
		call func() error
		want string
	}{
		{func() error { _, err := nn.GrowEmbedding(nil, 5, nil); return err }, "nil *Embedding"},
		{func() error { _, err := nn.GrowEmbedding(e, 4, nil); return err }, "5 symbols to 4"},
		{func() error { _, err := nn.GrowEmbedding(e, 1<<30, nil); return err }, "1073741824 symbols of width 2"},
		{func() error { _, err := nn.GrowEmbedding(&nn.Embedding{Vocabulary: 2, Dim: 1}, 3, nil); return err }, "Weight of 0 elements"},
		{func() error { _, err := nn.GrowLinear(nil, 5, nil); return err }, "nil *Linear"},
		{func() error { _, err := nn.GrowLinear(l, 4, nil); return err }, "5 outputs to 4"},
		{func() error { _, err := nn.GrowLinear(l, 1<<30, nil); return err }, "from width 2 to 1073741824"},
		{func() error { _, err := nn.GrowLinear(&nn.Linear{In: 1, Out: 2}, 3, nil); return err }, "Weight of 0 elements"},
		{func() error { _, err := nn.GrowReadout(nil, e); return err }, "nil *Linear"},
		{func() error { _, err := nn.GrowReadout(l, nil); return err }, "nil *Linear"},
		{func() error { _, err := nn.GrowReadout(&nn.Linear{In: 1, Out: 2}, e); return err }, "Weight of 0 elements"},
		{func() error { _, err := nn.GrowReadout(l, &nn.Embedding{Vocabulary: 2, Dim: 1}); return err }, "Weight of 0 elements"},
		{func() error { _, err := nn.GrowReadout(l, traintest.Must(nn.NewZeroEmbedding(4, 2))); return err }, "5 outputs over width 2 for an embedding of 4 symbols"},
		{func() error { _, err := nn.GrowReadout(l, traintest.Must(nn.NewZeroEmbedding(5, 3))); return err }, "width 3"},
		{func() error {
			_, err := nn.GrowReadout(l, traintest.Must(nn.NewEmbedding(5, 2, traintest.Rng(1))))
			return err
		}, "element 0 of the Weight is 0"},
	} {
		require.ErrorContains(t, c.call(), c.want)
	}
}
