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
	"github.com/simdrnn/simdrnn/loss"

	"github.com/stretchr/testify/require"
)

// TestLogProbs against float64 of the standard library. The sum of the exponentials is one
// of float32.
func TestLogProbs(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		r := traintest.Rng(3)
		for _, n := range []int{1, 2, 13, 64, 1000} {
			x, total, top := make([]float32, n), 0.0, math.Inf(-1)
			for i := range x {
				x[i] = float32(r.NormFloat64() * 5)
				top = max(top, float64(x[i]))
			}
			for _, v := range x {
				total += math.Exp(float64(v) - top)
			}
			for i, p := range decode.LogProbs(x) {
				require.InDelta(t, float64(x[i])-top-math.Log(total), p, 1e-6)
				require.LessOrEqual(t, p, 0.0)
			}
		}
	})
}

// TestScore: step by step with the predictor, rows of different lengths at a time.
func TestScore(t *testing.T) {
	prompts := [][]int32{{1}, {2, 3, 4}, {5, 6}, {7}}
	texts := [][]int32{{4, 5, 6, 7}, {8}, {}, {9, 9, 9}}
	scores, err := decode.Scores(predictor(t, 4), prompts, texts)
	require.NoError(t, err)
	for i, text := range texts {
		p, y, want := predictor(t, 1), make([]float32, 13), 0.0
		for _, id := range prompts[i] {
			require.NoError(t, p.StepIDs(y, []int32{id}))
		}
		for _, id := range text {
			total := 0.0
			for _, v := range y {
				total += math.Exp(float64(v))
			}
			want += float64(y[id]) - math.Log(total)
			require.NoError(t, p.StepIDs(y, []int32{id}))
		}
		require.InDelta(t, want, scores[i], 1e-6)
		alone, err := decode.Score(predictor(t, 1), prompts[i], text)
		require.NoError(t, err)
		require.Equal(t, scores[i], alone)
	}
	require.Zero(t, scores[2], "no symbols")

	// It begins from the state that there is.
	p := predictor(t, 1)
	require.NoError(t, p.StepIDs(make([]float32, 13), []int32{2}))
	require.NoError(t, p.StepIDs(make([]float32, 13), []int32{3}))
	later, err := decode.Score(p, []int32{4}, []int32{8})
	require.NoError(t, err)
	require.Equal(t, scores[1], later)

	score, err := decode.Score(newFake(1, 2, always(0, inf(-1))), []int32{0}, []int32{0, 1, 0})
	require.NoError(t, err)
	require.Equal(t, math.Inf(-1), score, "what cannot come")
}

func TestScoreErrors(t *testing.T) {
	f := newFake(2, 3, always(0, 1, 2))
	_, err := decode.Score(f, []int32{1}, []int32{1})
	require.ErrorContains(t, err, "Score on 2 rows, want 1")
	_, err = decode.Score(nil, []int32{1}, []int32{1})
	require.ErrorContains(t, err, "nil")
	_, err = decode.Scores(nil, nil, nil)
	require.ErrorContains(t, err, "nil")
	_, err = decode.Scores(f, [][]int32{{1}}, make([][]int32, 2))
	require.ErrorContains(t, err, "1 prompts and 2 texts for 2 rows")
	_, err = decode.Scores(f, [][]int32{{1}, {1}}, make([][]int32, 1))
	require.ErrorContains(t, err, "2 prompts and 1 texts for 2 rows")
	_, err = decode.Scores(f, [][]int32{{1}, {}}, make([][]int32, 2))
	require.ErrorContains(t, err, "the prompt of row 1 is empty")
	var id *data.IDError
	_, err = decode.Scores(f, [][]int32{{1}, {1, 3}}, [][]int32{{1}, {1}})
	require.ErrorAs(t, err, &id)
	require.Equal(t, data.IDError{What: "id", ID: 3, Step: 1, Row: 1, Limit: 3}, *id)
	_, err = decode.Scores(f, [][]int32{{1, 1}, {1}}, [][]int32{{1, -1}, {1}})
	require.ErrorAs(t, err, &id)
	require.Equal(t, data.IDError{What: "id", ID: -1, Step: 3, Row: 0, Limit: 3}, *id)
	require.Zero(t, f.steps, "arguments are checked first")

	bad := newFake(2, 2, func(history []int32) []float32 {
		if len(history) == 3 && history[0] == 1 {
			return []float32{0, inf(1)}
		}
		return []float32{0, 0}
	})
	_, err = decode.Scores(bad, [][]int32{{0}, {1, 0}}, [][]int32{{0}, {0, 0}})
	require.ErrorContains(t, err, "decode: row 1 before symbol 1: the logit of class 1 is +Inf")
	bad.history = make([][]int32, 2)
	_, err = decode.Scores(bad, [][]int32{{0}, {1, 0, 0}}, [][]int32{{0, 0, 0}, {}})
	require.NoError(t, err, "logits that nothing is read of")
}

// TestScoreIsTheLoss: the log-probability of a symbol is the loss of it as a target times -1,
// to the bit.
func TestScoreIsTheLoss(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s loss.Scratch
	for n := 1; n < 80; n++ {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(20 * r.NormFloat64())
		}
		if n > 2 {
			x[n/2] = float32(math.Inf(-1))
		}
		for id, p := range decode.LogProbs(x) {
			of, err := loss.CrossEntropy{}.Loss(nil, x, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{int32(id)}}, 0, &s)
			require.NoError(t, err)
			require.Equal(t, -of.Sum, p, "%d of %d", id, n)
		}
	}
}
