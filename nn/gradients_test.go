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
// chain is said to be complete as soon as it is, layer by layer.
func TestOnGradients(t *testing.T) {
	r := traintest.Rng(5)
	stack := func(in, layers int) nn.Net {
		return traintest.Must(lstm.New(lstm.Config{Input: in, Hidden: 8, Layers: layers}, r)).Unroll(6, 3)
	}
	linear := func() *nn.Linear { return traintest.Must(nn.NewLinear(8, 8, r)) }
	both := linear()
	model := func(s traintest.Sizes) func() *nn.Model {
		return func() *nn.Model { return traintest.LanguageModel(t, 3, s) }
	}
	chain := func(stages ...nn.Stage) func() *nn.Model {
		emb := traintest.Must(nn.NewEmbedding(13, 8, r))
		return func() *nn.Model { return traintest.Must(nn.Chain(append([]nn.Stage{emb}, stages...)...)) }
	}
	for name, c := range map[string]struct {
		net  func() *nn.Model
		want []int
	}{
		"plain":     {model(traintest.Small), []int{5, 1, 0}},
		"layers":    {model(traintest.Sizes{Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 3, Steps: 6, Batch: 3}), []int{13, 9, 5, 1, 0}},
		"tied":      {model(traintest.Sizes{Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Tied: true}), []int{9, 5, 1, 0}},
		"summed":    {model(traintest.Sizes{Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Twice: true}), []int{0}},
		"inside":    {chain(nn.Sequential{stack(8, 2), nn.Sequential{linear(), stack(8, 2)}}, linear()), []int{19, 15, 11, 9, 5, 1, 0}},
		"residual":  {chain(nn.Residual{stack(8, 2), linear()}), []int{9, 5, 1, 0}},
		"parallel":  {chain(nn.Parallel{stack(8, 2), linear()}), []int{1, 0}},
		"two times": {chain(both, stack(8, 2), both), []int{11, 7, 3, 1, 0}},
		"embedded":  {chain(stack(8, 2), &doubled{stack(8, 2).(*lstm.Unrolled)}), []int{9, 5, 1, 0}},
		"learned":   {chain(stack(8, 2), traintest.Must(nn.NewLearnedState(stack(8, 2)))), []int{9, 5, 1, 0}},
	} {
		net := c.net()
		_, _, _, out := net.Dims()
		var grads [][]float32
		net.EachParam(func(_ string, _, g []float32) { grads = append(grads, g) })
		y := make([]float32, 6*3*out)
		traintest.NoError(t, net.ForwardIDs(y, traintest.DrawIDs(traintest.Rng(1), 6*3, 13)))
		var said []int
		seen := make([][]float32, len(grads)) // when they were said to be complete
		require.Same(t, net, net.OnGradients(func(n int) {
			said = append(said, n)
			for i := n; i < len(grads); i++ {
				if seen[i] == nil {
					seen[i] = slices.Clone(grads[i])
				}
			}
		}))
		net.Backward(nil, traintest.NumbersLike(len(y), 5))
		for i := range grads {
			require.Equal(t, grads[i], seen[i], "%s: parameter %d", name, i)
			require.NotEqual(t, make([]float32, len(grads[i])), grads[i], "%s: parameter %d", name, i)
		}
		require.Equal(t, c.want, said, name)

		net.OnGradients(nil)
		said = nil
		traintest.NoError(t, net.ForwardIDs(y, make([]int32, 6*3)))
		net.Backward(nil, make([]float32, len(y)))
		require.Empty(t, said)
	}
}

// doubled is a net that does more than the one in it, whose methods it has.
type doubled struct{ *lstm.Unrolled }

func (d *doubled) Backward(dx, dy []float32) {
	d.Unrolled.Backward(dx, dy)
	d.EachParam(func(_ string, _, g []float32) {
		for i := range g {
			g[i] *= 2
		}
	})
}

// TestOnGradientsOfANet: a net that only embeds one that tells its gradients is not asked, and
// what it was told is taken back.
func TestOnGradientsOfANet(t *testing.T) {
	u := traintest.Unrolled(2, 3, 4, 1)
	said := 0
	back := func(net nn.Net) int {
		said = 0
		net.Forward(make([]float32, 12), make([]float32, 8))
		net.Backward(nil, make([]float32, 12))
		return said
	}
	count := func(int) { said++ }
	require.True(t, nn.OnGradients(u, count))
	require.Equal(t, 1, back(u))
	require.False(t, nn.OnGradients(&doubled{u}, count))
	require.Zero(t, back(u))
	require.False(t, nn.OnGradients(doubledValue{u, nil}, count), "a type that cannot be compared")
	require.Zero(t, back(u))
	require.False(t, nn.OnGradients(&traintest.Leaky{}, count))
}

type doubledValue struct {
	*lstm.Unrolled
	_ []int
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
