package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

func TestSample(t *testing.T) {
	var first []int32
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		p := traintest.Must(net.Predictor(1))
		draw := func(n int, prompt []int32, temperature float64, r *rand.Rand) []int32 {
			dst := make([]int32, n)
			require.NoError(t, p.Sample(dst, prompt, temperature, r))
			return dst
		}
		whole := draw(40, []int32{1, 2}, 1, traintest.Rng(9))
		if first == nil {
			first = whole
		}
		require.Equal(t, first, whole, "every tier writes the same text")
		p.Reset()
		r := traintest.Rng(9)
		require.Equal(t, whole, append(draw(15, []int32{1, 2}, 1, r), draw(25, nil, 1, r)...), "in pieces")
		p.Reset()
		require.NotEqual(t, whole, draw(40, []int32{1, 2}, 1, traintest.Rng(10)))

		// Temperature 0 is the limit of low ones, and draws nothing.
		p.Reset()
		greedy := draw(40, []int32{1, 2}, 0, nil)
		p.Reset()
		require.Equal(t, greedy, draw(40, []int32{1, 2}, 1e-9, traintest.Rng(9)))
		p.Reset()
		y := make([]float32, 13)
		require.NoError(t, p.StepIDs(y, []int32{1}))
		require.NoError(t, p.StepIDs(y, []int32{2}))
		for i, id := range greedy {
			for _, v := range y {
				require.LessOrEqual(t, v, y[id], "symbol %d", i)
			}
			require.NoError(t, p.StepIDs(y, []int32{id}))
		}
	})

	// The frequencies are the softmax of the logits over the temperature.
	emb := traintest.Must(nn.NewZeroEmbedding(3, 2))
	lin := traintest.Must(nn.NewZeroLinear(4, 3))
	copy(lin.Bias, []float32{0, 1, 2})
	net := traintest.Must(nn.Chain(emb, traintest.Unrolled(2, 4, 1, 1), lin))
	p := traintest.Must(net.Predictor(1))
	dst := make([]int32, 30000)
	require.NoError(t, p.Sample(dst, []int32{0}, 2, traintest.Rng(4)))
	counts := [3]float64{}
	for _, id := range dst {
		counts[id]++
	}
	total := 1 + math.Exp(0.5) + math.E
	for i, c := range counts {
		require.InDelta(t, math.Exp(float64(i)/2)/total, c/float64(len(dst)), 0.015)
	}

	// So low a temperature that its reciprocal is no float32.
	require.NoError(t, p.Sample(dst[:9], []int32{0}, 1e-300, traintest.Rng(4)))
	require.Equal(t, []int32{2, 2, 2, 2, 2, 2, 2, 2, 2}, dst[:9])
}

// biased is a predictor of one row whose logits are what the test sets.
func biased(t *testing.T, logits ...float32) *nn.ModelPredictor {
	t.Helper()
	lin := traintest.Must(nn.NewZeroLinear(4, len(logits)))
	copy(lin.Bias, logits)
	net := traintest.Must(nn.Chain(traintest.Must(nn.NewEmbedding(len(logits), 2, traintest.Rng(1))), traintest.Unrolled(2, 4, 1, 1), lin))
	return traintest.Must(net.Predictor(1))
}

// TestSampleChecksArguments before the state moves; a bad id is named by its
// place in the prompt.
func TestSampleChecksArguments(t *testing.T) {
	p := biased(t, 0, 1, 2)
	dst := []int32{-7, -7}
	require.NoError(t, p.Sample(nil, []int32{1}, 0, nil))
	before := p.State()
	for _, temperature := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		require.ErrorContains(t, p.Sample(dst, []int32{0}, temperature, traintest.Rng(1)), "temperature")
	}
	require.ErrorContains(t, p.Sample(dst, []int32{0}, 1, nil), "r is nil")
	for at, prompt := range [][]int32{{3, 0, 1}, {0, -1, 1}, {0, 1, math.MaxInt32}} {
		var id *data.IDError
		require.ErrorAs(t, p.Sample(dst, prompt, 1, traintest.Rng(1)), &id)
		require.Equal(t, data.IDError{What: "id", ID: prompt[at], Step: at, Row: 0, Limit: 3}, *id)
	}
	require.Equal(t, before, p.State(), "a refused call moved the state")
	require.Equal(t, []int32{-7, -7}, dst)
	require.NoError(t, p.Sample(dst, nil, 0, nil), "it goes on where it was")
	require.Equal(t, []int32{2, 2}, dst)

	p.Reset()
	require.ErrorContains(t, p.Sample(dst, nil, 1, traintest.Rng(1)), "prompt")
	rows := traintest.Must(traintest.LanguageModel(t, 1, traintest.Small).Predictor(2))
	require.ErrorContains(t, rows.Sample(dst, []int32{0}, 1, traintest.Rng(1)), "2 rows")
	floats := traintest.Must(traintest.Must(nn.Chain(traintest.Unrolled(3, 4, 2, 2), traintest.Must(nn.NewZeroLinear(4, 3)))).Predictor(1))
	require.ErrorContains(t, floats.Sample(dst, []int32{0}, 1, traintest.Rng(1)), "1 row of ids")
}

// TestSampleOfBadLogits: the same answer at every temperature, and the state is
// left where it was about to draw.
func TestSampleOfBadLogits(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	temperatures := []float64{0, 5e-324, 1e-9, 1, 1e30, 1e300}
	for _, c := range []struct {
		logits []float32
		want   string
	}{
		{[]float32{nan, 1, 1}, "before symbol 0 of 2: the logit of class 0 is NaN"},
		{[]float32{1, 1, nan}, "before symbol 0 of 2: the logit of class 2 is NaN"},
		{[]float32{1, inf, 1}, "before symbol 0 of 2: the logit of class 1 is +Inf"},
		{[]float32{-inf, -inf, -inf}, "before symbol 0 of 2: all 3 logits are -Inf"},
	} {
		for _, temperature := range temperatures {
			p := biased(t, c.logits...)
			dst := []int32{-7, -7}
			require.ErrorContains(t, p.Sample(dst, []int32{0}, temperature, traintest.Rng(1)), c.want, "temperature %v", temperature)
			require.Equal(t, []int32{-7, -7}, dst)
			before := p.State()
			require.ErrorContains(t, p.Sample(dst, nil, temperature, traintest.Rng(1)), c.want, "it is still there")
			require.Equal(t, before, p.State())
		}
	}
	// -Inf takes its class out of the choice, at every temperature, and so does
	// nothing else: at a very high one all others are alike.
	for _, logits := range [][]float32{{-inf, 1, 2}, {-inf, -math.MaxFloat32, math.MaxFloat32}} {
		for _, temperature := range temperatures {
			p := biased(t, logits...)
			dst, counts := make([]int32, 4000), [3]int{}
			require.NoError(t, p.Sample(dst, []int32{0}, temperature, traintest.Rng(1)), "temperature %v", temperature)
			for _, id := range dst {
				counts[id]++
			}
			require.Zero(t, counts[0], "temperature %v", temperature)
			switch {
			case temperature < 1e-8:
				require.Equal(t, 4000, counts[2], "temperature %v", temperature)
			case temperature == 1e300:
				require.InDelta(t, 2000, counts[1], 160, "temperature %v", temperature)
			}
		}
	}
}
