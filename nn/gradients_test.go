package nn_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// TestOnGradients: what is said to be complete does not change any more, and the rest of a
// chain is said to be complete as soon as it is.
func TestOnGradients(t *testing.T) {
	for name, s := range map[string]traintest.Sizes{
		"plain":  traintest.Small,
		"tied":   {Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 1, Steps: 6, Batch: 3, Tied: true},
		"summed": {Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 1, Steps: 6, Batch: 3, Twice: true},
	} {
		net := traintest.LanguageModel(t, 3, s)
		var grads [][]float32
		net.EachParam(func(_ string, _, g []float32) { grads = append(grads, g) })
		y := make([]float32, s.Steps*s.Batch*s.Vocabulary)
		traintest.NoError(t, net.ForwardIDs(y, traintest.DrawIDs(traintest.Rng(1), s.Steps*s.Batch, s.Vocabulary)))
		var said []int
		seen := make([][]float32, len(grads)) // when they were said to be complete
		net.OnGradients(func(n int) {
			said = append(said, n)
			for i := n; i < len(grads); i++ {
				if seen[i] == nil {
					seen[i] = slices.Clone(grads[i])
				}
			}
		})
		net.Backward(nil, traintest.NumbersLike(len(y), 5))
		for i := range grads {
			require.Equal(t, grads[i], seen[i], "%s: parameter %d", name, i)
			require.NotEqual(t, make([]float32, len(grads[i])), grads[i])
		}
		want := map[string][]int{"plain": {5, 1, 0}, "tied": {5, 1, 0}, "summed": {0}}
		require.Equal(t, want[name], said, name)

		net.OnGradients(nil)
		said = nil
		traintest.NoError(t, net.ForwardIDs(y, make([]int32, s.Steps*s.Batch)))
		net.Backward(nil, make([]float32, len(y)))
		require.Empty(t, said)
	}
}

func ExampleModel_OnGradients() {
	r := traintest.Rng(1)
	rnn, _ := lstm.New(lstm.Config{Input: 2, Hidden: 3}, r)
	out, _ := nn.NewLinear(3, 1, r)
	net, _ := nn.Chain(rnn.Unroll(4, 1), out)
	net.OnGradients(func(n int) { fmt.Println("all gradients but the first", n) })
	net.Forward(make([]float32, 4), make([]float32, 8))
	net.Backward(nil, make([]float32, 4))
	// Output:
	// all gradients but the first 4
	// all gradients but the first 0
}
