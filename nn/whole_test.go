package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// TestWholeDropout leaves out words, with the numbers of a Dropout's first elements; gradients
// have the same masks, and outside of training nothing is left out.
func TestWholeDropout(t *testing.T) {
	const steps, batch, width = 200, 4, 3
	emb := traintest.Must(nn.NewEmbedding(9, width, traintest.Rng(1)))
	identity := &nn.Linear{Weight: []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, In: width, Out: width}
	ids := traintest.DrawIDs(traintest.Rng(2), steps*batch, 9)
	pass := func(d nn.Dropout, train bool) (y, grad []float32) {
		m := traintest.Must(nn.Unroll(steps, batch, emb, d, identity))
		m.SetTraining(train)
		y = make([]float32, steps*batch*width)
		require.NoError(t, m.ForwardIDs(y, ids))
		dy := make([]float32, len(y))
		traintest.Fill(dy, 1)
		m.Backward(nil, dy)
		m.EachParam(func(name string, _, g []float32) {
			if name == "0.weight" {
				grad = append(grad, g...)
			}
		})
		return y, grad
	}
	y, grad := pass(nn.Dropout{P: 0.25, Whole: true}, true)
	each, _ := pass(nn.Dropout{P: 0.25}, true)
	want := make([]float32, len(grad))
	dropped := 0
	for p, id := range ids {
		row, vector := y[p*width:][:width], emb.Weight[int(id)*width:][:width]
		if each[p*width] == 0 {
			dropped++
			require.Equal(t, []float32{0, 0, 0}, row)
			continue
		}
		for i := range row {
			require.Equal(t, vector[i]*float32(1/float32(0.75)), row[i])
			want[int(id)*width+i] += float32(1 / float32(0.75))
		}
	}
	require.InDelta(t, steps*batch*0.25, dropped, 50, "four standard deviations")
	for i := range want {
		require.InDelta(t, want[i], grad[i], 1e-3)
	}
	y, _ = pass(nn.Dropout{P: 0.25, Whole: true}, false)
	for p, id := range ids {
		require.Equal(t, emb.Weight[int(id)*width:][:width], y[p*width:][:width])
	}
}
