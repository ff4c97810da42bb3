package decode_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"
)

func inf(sign int) float32 { return float32(math.Inf(sign)) }

// TestSample: the texts of a small model, which have been these since temperatures exist,
// on every tier. One Uint64 is taken for each symbol.
func TestSample(t *testing.T) {
	texts := map[float64][]int32{
		0:   {0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11, 0, 11},
		0.7: {5, 7, 1, 7, 10, 7, 2, 0, 8, 7, 11, 4, 3, 5, 12, 5, 9, 4, 3, 7, 1, 9, 0, 3, 4, 4, 7, 8, 10, 3, 1, 7, 8, 11, 11, 6, 3, 1, 7, 1},
		1:   {5, 7, 2, 8, 10, 7, 2, 0, 8, 8, 11, 4, 3, 5, 12, 5, 10, 4, 3, 7, 1, 9, 1, 3, 4, 4, 8, 8, 10, 3, 1, 7, 8, 11, 11, 6, 3, 1, 7, 1},
		3:   {5, 7, 2, 8, 10, 7, 2, 0, 8, 8, 11, 4, 3, 5, 12, 6, 10, 5, 4, 7, 1, 10, 1, 4, 4, 4, 8, 8, 10, 4, 2, 7, 8, 11, 11, 6, 4, 2, 7, 1},
	}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for temperature, want := range texts {
			p, r := predictor(t, 1), traintest.Rng(9)
			dst := make([]int32, len(want))
			n, err := decode.Sample(p, dst, []int32{1, 2}, decode.Sampling{Temperature: temperature}, r)
			require.NoError(t, err)
			require.Equal(t, len(dst), n)
			require.Equal(t, want, dst, "temperature %v", temperature)
			next := uint64(932024512406628453)
			if temperature == 0 {
				next = 8567264030984673936
			}
			require.Equal(t, next, r.Uint64())

			// In pieces, and settings that change nothing.
			p.Reset()
			r = traintest.Rng(9)
			how := decode.Sampling{Temperature: temperature, Forbid: []int32{}, Repetition: 1, Adjust: func(int, []float32) {}, Stop: []int32{}}
			if temperature > 0 {
				how.TopK, how.TopP = 13, 1
			}
			s := traintest.Must(decode.NewSampler(p, how, r))
			for at, prompt := 0, []int32{1, 2}; at < len(dst); at, prompt = at+8, nil {
				clear(dst[at:])
				n, err := s.Sample(dst[at:at+8], prompt)
				require.NoError(t, err)
				require.Equal(t, 8, n)
			}
			require.Equal(t, want, dst)
		}
		// Temperature 0 is the limit of low ones.
		p, dst := predictor(t, 1), make([]int32, 40)
		_, err := decode.Sample(p, dst, []int32{1, 2}, decode.Sampling{Temperature: 1e-9}, traintest.Rng(9))
		require.NoError(t, err)
		require.Equal(t, texts[0], dst)
	})

	// The frequencies are the softmax of the logits over the temperature.
	p := biased(t, 0, 1, 2)
	dst := make([]int32, 30000)
	_, err := decode.Sample(p, dst, []int32{0}, decode.Sampling{Temperature: 2}, traintest.Rng(4))
	require.NoError(t, err)
	counts := [3]float64{}
	for _, id := range dst {
		counts[id]++
	}
	total := 1 + math.Exp(0.5) + math.E
	for i, c := range counts {
		require.InDelta(t, math.Exp(float64(i)/2)/total, c/float64(len(dst)), 0.015)
	}

	// So low a temperature that its reciprocal is no float32.
	_, err = decode.Sample(p, dst[:9], []int32{0}, decode.Sampling{Temperature: 1e-300}, traintest.Rng(4))
	require.NoError(t, err)
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
	s := traintest.Must(decode.NewSampler(p, decode.Sampling{}))
	n, err := s.Sample(nil, []int32{1})
	require.NoError(t, err)
	require.Zero(t, n)
	before := p.State()
	refused := func(how decode.Sampling, prompt []int32, r *rand.Rand, want string) {
		t.Helper()
		n, err := decode.Sample(p, dst, prompt, how, r)
		require.ErrorContains(t, err, want)
		require.Zero(t, n)
	}
	for _, temperature := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		refused(decode.Sampling{Temperature: temperature}, []int32{0}, traintest.Rng(1), "temperature")
	}
	for how, want := range map[*decode.Sampling]string{
		{Temperature: 1, TopK: -1}:         "TopK is -1",
		{Temperature: 1, TopP: -0.1}:       "TopP is -0.1",
		{Temperature: 1, TopP: 1.1}:        "TopP is 1.1",
		{Temperature: 1, TopP: math.NaN()}: "TopP is NaN",
		{TopK: 2}:                          "TopK is 2 at temperature 0",
		{TopP: 0.5}:                        "TopP is 0.5 at temperature 0",
		{Repetition: 0.5}:                  "Repetition is 0.5",
		{Repetition: math.NaN()}:           "Repetition is NaN",
		{Repetition: math.Inf(1)}:          "Repetition is +Inf",
		{Repetition: 1e39}:                 "Repetition is 1e+39",
		{Forbid: []int32{0, 3}}:            "Forbid has the id 3, want 0 to 2",
		{Stop: []int32{-1}}:                "Stop has the id -1, want 0 to 2",
		{Forbid: []int32{2, 0, 1}}:         "Forbid has all symbols",
		{Adjust: func(_ int, x []float32) { x[1] = float32(1) / x[0] }}: "after Forbid and Adjust the logit of class 1 is +Inf",
	} {
		refused(*how, []int32{0}, traintest.Rng(1), want)
		p.Reset()
		require.NoError(t, p.SetState(before))
	}
	refused(decode.Sampling{Temperature: 1}, []int32{0}, nil, "source 0 is nil")
	for at, prompt := range [][]int32{{3, 0, 1}, {0, -1, 1}, {0, 1, math.MaxInt32}} {
		var id *data.IDError
		_, err := decode.Sample(p, dst, prompt, decode.Sampling{}, nil)
		require.ErrorAs(t, err, &id)
		require.Equal(t, data.IDError{What: "id", ID: prompt[at], Step: at, Row: 0, Limit: 3}, *id)
	}
	require.Equal(t, before, p.State(), "a refused call moved the state")
	require.Equal(t, []int32{-7, -7}, dst)
	refused(decode.Sampling{}, nil, nil, "prompt")

	_, err = decode.NewSampler(nil, decode.Sampling{})
	require.ErrorContains(t, err, "nil")
	rows := predictor(t, 2)
	_, err = decode.Sample(rows, dst, []int32{0}, decode.Sampling{Temperature: 1}, traintest.Rng(1))
	require.ErrorContains(t, err, "2 rows")
	_, err = decode.NewSampler(rows, decode.Sampling{Temperature: 1}, traintest.Rng(1), traintest.Rng(1), traintest.Rng(1))
	require.ErrorContains(t, err, "3 sources of random numbers for 2 rows")
	floats := traintest.Must(traintest.Must(nn.Chain(traintest.Unrolled(3, 4, 2, 2), traintest.Must(nn.NewZeroLinear(4, 3)))).Predictor(1))
	_, err = decode.NewSampler(floats, decode.Sampling{})
	require.ErrorContains(t, err, "takes no ids")
	wide := traintest.Must(traintest.Must(nn.Chain(traintest.Must(nn.NewEmbedding(5, 2, traintest.Rng(1))), traintest.Unrolled(2, 4, 1, 1))).Predictor(1))
	_, err = decode.NewSampler(wide, decode.Sampling{})
	require.ErrorContains(t, err, "5 symbols and 4 outputs")
}

// TestSampleGoesOn: without a prompt where it stopped, unless somebody else has moved the
// state since.
func TestSampleGoesOn(t *testing.T) {
	p := predictor(t, 1)
	s := traintest.Must(decode.NewSampler(p, decode.Sampling{Stop: []int32{11}}))
	dst := make([]int32, 5)
	_, err := s.Sample(dst, nil)
	require.EqualError(t, err, "decode: row 0 needs a prompt to begin with: there are no logits of its state, since nothing was read or the state was moved")
	for i, prompt := range [][]int32{{1, 2}, nil, nil} {
		n, err := s.Sample(dst, prompt)
		require.NoError(t, err)
		require.Equal(t, []int32{0, 11}, dst[:n], "it stops, %d", i)
		require.False(t, s.Live(0))
	}
	for name, move := range map[string]func(){
		"reset":   func() { p.Reset() },
		"set":     func() { require.NoError(t, p.SetState(p.State())) },
		"reorder": func() { p.Reorder([]int{0}) },
		"step":    func() { require.NoError(t, p.StepIDs(make([]float32, 13), []int32{1})) },
	} {
		_, err := s.Sample(dst, []int32{1, 2})
		require.NoError(t, err)
		move()
		_, err = s.Sample(dst, nil)
		require.ErrorContains(t, err, "needs a prompt", name)
	}
	_, err = s.Sample(dst, []int32{1, 2})
	require.NoError(t, err)
	require.Error(t, p.SetState(nil))
	p.Refresh()
	_, err = s.Sample(dst, nil)
	require.NoError(t, err, "nothing has moved")
}

// TestSampleOfBadLogits: the same answer at every temperature, and the state is
// left where it was about to draw.
func TestSampleOfBadLogits(t *testing.T) {
	nan := float32(math.NaN())
	temperatures := []float64{0, 5e-324, 1e-9, 1, 1e30, 1e300}
	for _, c := range []struct {
		logits []float32
		want   string
	}{
		{[]float32{nan, 1, 1}, "row 0 before symbol 0: the logit of class 0 is NaN"},
		{[]float32{1, 1, nan}, "row 0 before symbol 0: the logit of class 2 is NaN"},
		{[]float32{1, inf(1), 1}, "row 0 before symbol 0: the logit of class 1 is +Inf"},
		{[]float32{inf(-1), inf(-1), inf(-1)}, "row 0 before symbol 0: all 3 logits are -Inf"},
	} {
		for _, temperature := range temperatures {
			p := biased(t, c.logits...)
			dst := []int32{-7, -7}
			s := traintest.Must(decode.NewSampler(p, decode.Sampling{Temperature: temperature}, traintest.Rng(1)))
			n, err := s.Sample(dst, []int32{0})
			require.ErrorContains(t, err, c.want, "temperature %v", temperature)
			require.Zero(t, n)
			require.Equal(t, []int32{-7, -7}, dst)
			before := p.State()
			_, err = s.Sample(dst, nil)
			require.ErrorContains(t, err, c.want, "it is still there")
			require.Equal(t, before, p.State())
		}
	}
	// -Inf takes its class out of the choice, at every temperature, and so does
	// nothing else: at a very high one all others are alike.
	for _, logits := range [][]float32{{inf(-1), 1, 2}, {inf(-1), -math.MaxFloat32, math.MaxFloat32}} {
		for _, temperature := range temperatures {
			p := biased(t, logits...)
			dst, counts := make([]int32, 4000), [3]int{}
			_, err := decode.Sample(p, dst, []int32{0}, decode.Sampling{Temperature: temperature}, traintest.Rng(1))
			require.NoError(t, err, "temperature %v", temperature)
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
	// An error in the middle says how many were drawn.
	f := newFake(1, 2, func(history []int32) []float32 {
		if len(history) == 5 {
			return []float32{nan, 0}
		}
		return []float32{0, 1}
	})
	dst := make([]int32, 9)
	n, err := decode.Sample(f, dst, []int32{0, 0}, decode.Sampling{}, nil)
	require.EqualError(t, err, "decode: row 0 before symbol 3: the logit of class 0 is NaN, want a finite number, or -Inf for a class that must not be drawn")
	require.Equal(t, []int32{1, 1, 1}, dst[:n])
	require.Equal(t, []int32{0, 0, 1, 1, 1}, f.history[0])
}
