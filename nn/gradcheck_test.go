package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// custom is a stage of a program: y = 2x, if the widths allow.
type custom struct {
	in, out, gives int
	err            error
	wrong          string // what is wrong with it
}

func (c *custom) Dims() (steps, batch, in, out int) { return 0, 0, c.in, c.out }

func (c *custom) Bind(b *nn.Binding) (nn.Net, error) {
	if c.err != nil || c.gives == 0 {
		return nil, c.err
	}
	return &boundCustom{Stateless: b.Stateless(c.gives), wrong: c.wrong, w: []float32{2}, g: b.Gradient([]float32{2})}, nil
}

type boundCustom struct {
	nn.Stateless
	wrong   string
	w, g, x []float32
}

func (c *boundCustom) EachParam(f func(string, []float32, []float32)) { f("factor", c.w, c.g) }
func (c *boundCustom) ZeroGrads()                                     { clear(c.g) }

func (c *boundCustom) Forward(y, x []float32) {
	c.x = x
	for i, v := range x {
		y[i] = c.w[0] * v
		if c.wrong == "kinks" {
			y[i] = float32(math.Floor(float64(40 * y[i])))
		}
	}
	_, _, _, out := c.Dims()
	if c.wrong != "y" {
		c.ClearPadding(y, out)
	}
}

func (c *boundCustom) Backward(dx, dy []float32) {
	_, _, in, _ := c.Dims()
	for _, p := range c.Pairs() {
		for i, d := range dy[int(p)*in:][:in] {
			c.g[0] += float32(d * c.x[int(p)*in+i])
		}
	}
	if c.wrong == "factor" {
		c.g[0] *= 1.02
	}
	for i, d := range dy {
		if dx != nil {
			dx[i] = c.w[0] * d
		}
	}
	switch {
	case dx == nil:
	case c.wrong == "NaN":
		dx[0] = float32(math.NaN())
	case c.wrong == "one element":
		dx[5] *= 1.05
	}
	if c.wrong != "dx" {
		c.ClearPadding(dx, in)
	}
}

// TestWrongGradientsAreFound, and named.
func TestWrongGradientsAreFound(t *testing.T) {
	lengths := []int{4, 2}
	for wrong, want := range map[string]string{
		"":            "",
		"factor":      "the gradient of 0.factor[0]: Backward gives",
		"one element": "the gradient of x[5]: Backward gives",
		"NaN":         "the gradient of x[0]: Backward gives NaN",
		"y":           "y at step 2 of row 1, past the end of the row, is ",
		"dx":          "dx at step 2 of row 1, past the end of the row, is ",
		"kinks":       "take another Step or Seed",
	} {
		net := traintest.Must(nn.Unroll(4, 2, &custom{in: 3, out: 3, gives: 3, wrong: wrong}))
		err := nn.CheckGradients(net, nn.GradientCheck{Lengths: lengths, Samples: -1})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want, wrong)
	}
	// A state without its gradient, and a net that forgets it.
	leaky := traintest.NewLeaky(3, 2)
	require.ErrorContains(t, nn.CheckGradients(leaky, nn.GradientCheck{}), "the gradient of the state before the first step, tensor 0[")
	for want, check := range map[string]nn.GradientCheck{
		"2 lengths for 3 rows":      {Lengths: []int{1, 2}},
		"with a Step of -1":         {Step: -1},
		"and a Tolerance of NaN":    {Tolerance: math.NaN()},
		"of a net of 0 steps and 3": {Seed: 1},
	} {
		steps := 2
		if check.Seed == 1 {
			steps = 0
		}
		require.ErrorContains(t, nn.CheckGradients(traintest.Must(nn.Unroll(steps, 3, linear(2, 2))), check), want)
	}
	require.ErrorContains(t, nn.CheckGradients(nil, nn.GradientCheck{}), "it is nil")
	require.ErrorContains(t, nn.CheckGradients((*nn.Model)(nil), nn.GradientCheck{}), "it is nil")
	require.ErrorContains(t, nn.CheckGradients(traintest.Must(nn.Infer(2, 2, linear(2, 2))), nn.GradientCheck{}), "0.weight has no gradient, as in a net made by Infer")
	require.ErrorContains(t, nn.CheckGradients(traintest.Must(nn.Infer(2, 2, nn.Parallel{nn.Tanh, nn.Sequential{linear(2, 2)}})), nn.GradientCheck{}), "0.1.0.weight has no gradient")
}

// TestCheckGradientsReadsNoPadding: the vector of a padding id has no gradient where it is
// looked up, which is no mistake of the net.
func TestCheckGradientsReadsNoPadding(t *testing.T) {
	for _, tied := range []bool{false, true} {
		for _, id := range []int32{0, 2} {
			r := traintest.Rng(1)
			emb := traintest.Must(nn.NewEmbedding(3, 4, r))
			require.NoError(t, emb.SetPaddingID(id))
			out := traintest.Must(nn.NewLinear(4, 3, r))
			if tied {
				out = emb.Readout()
			}
			net := traintest.Must(nn.Chain(emb, traintest.Must(gru.New(gru.Config{Input: 4, Hidden: 4}, r)).Unroll(5, 3), out))
			require.NoError(t, nn.CheckGradients(net, nn.GradientCheck{Samples: -1}))
			learned := traintest.Must(nn.NewLearnedState(net))
			require.NoError(t, nn.CheckGradients(learned, nn.GradientCheck{Samples: -1}))
		}
	}
	// Where there is nothing else to read it is read: here nothing depends on its vector.
	emb := traintest.Must(nn.NewEmbedding(1, 2, traintest.Rng(1)))
	require.NoError(t, emb.SetPaddingID(0))
	net := traintest.Must(nn.Unroll(2, 2, emb, &nn.Linear{Weight: make([]float32, 4), In: 2, Out: 2}))
	require.NoError(t, nn.CheckGradients(net, nn.GradientCheck{}))
}

// TestCheckGradientsLeavesNoTrace but in gradients, which are zero, and lengths.
func TestCheckGradientsLeavesNoTrace(t *testing.T) {
	net, _ := regular(t, bptt.Plan{Steps: 1})
	y, ids := make([]float32, 18*13), make([]int32, 18)
	require.NoError(t, net.ForwardIDs(y, ids))
	net.Backward(nil, y)
	state, masks, clock, weights := net.State(), net.MaskState(), net.Clock(), nn.Fingerprint(net)
	require.NoError(t, nn.CheckGradients(net, nn.GradientCheck{Lengths: []int{3, 6, 0}, Samples: 3}))
	for i, s := range net.State() {
		numtest.Equal(t, s, state[i])
	}
	require.Equal(t, masks, net.MaskState())
	require.Equal(t, clock, net.Clock())
	require.Equal(t, weights, nn.Fingerprint(net))
	require.Zero(t, len(slices.DeleteFunc(traintest.Gradients(net), func(v float32) bool { return v == 0 })))
}

// binding calls f with what a chain gives it.
type binding struct {
	*custom
	f func(b *nn.Binding)
}

func (s binding) Bind(b *nn.Binding) (nn.Net, error) {
	s.f(b)
	return s.custom.Bind(b)
}

// TestMemoryForGradients is one for one weight in all stages, and none for inference.
func TestMemoryForGradients(t *testing.T) {
	w, other := []float32{1, 2, 3}, []float32{4, 5}
	for _, infer := range []bool{false, true} {
		make, bound := nn.Unroll, 0
		if infer {
			make = nn.Infer
		}
		var seen []float32
		stage := func() nn.Stage {
			return binding{&custom{in: 3, out: 3, gives: 3}, func(b *nn.Binding) {
				bound++
				require.Equal(t, []any{4, 2, 3, infer}, []any{b.Steps, b.Batch, b.Width, b.Infer})
				g := b.Gradient(w)
				if infer {
					require.Nil(t, g)
					return
				}
				require.Equal(t, []float32{0, 0, 0}, g)
				require.Len(t, b.Gradient(other), 2)
			}}
		}
		lin := &nn.Linear{Weight: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, Bias: w, In: 3, Out: 3}
		net := traintest.Must(make(4, 2, lin, stage(), stage()))
		require.Equal(t, 2, bound)
		net.EachParam(func(name string, _, g []float32) {
			if name == "0.bias" {
				seen = g
			}
		})
		require.Equal(t, infer, seen == nil)
	}
	require.PanicsWithValue(t, "nn: a Stateless that does not come from Binding.Stateless", func() { new(nn.Stateless).Dims() })
}
