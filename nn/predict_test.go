package nn_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// TestPredictor: step by step a frozen copy gives the bits of the forward pass,
// each row by itself, on every tier.
func TestPredictor(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, tied := range []bool{false, true} {
			s := traintest.Small
			if s.Tied = tied; tied {
				s.Hidden = s.Embed
			}
			net := traintest.LanguageModel(t, 1, s)
			ids := make([]int32, 18)
			for i := range ids {
				ids[i] = int32(i*7) % 13
			}
			want := make([]float32, 18*13)
			require.NoError(t, net.ForwardIDs(want, ids))
			p := traintest.Must(net.Predictor(3))
			batch, in, out := p.Dims()
			require.Equal(t, []int{3, 13, 13}, []int{batch, in, out})
			y := make([]float32, 3*13)
			var half [][]float32
			for step := range 6 {
				if step == 3 {
					half = p.State()
				}
				require.NoError(t, p.StepIDs(y, ids[3*step:][:3]))
				numtest.Equal(t, y, want[step*39:][:39], "step %d", step)
			}
			numtest.Equal(t, p.State()[0], net.State()[0])
			require.NoError(t, p.SetState(half))
			require.NoError(t, p.StepIDs(y, ids[9:12]))
			numtest.Equal(t, y, want[3*39:][:39])

			require.Error(t, p.SetState(half[:1]))
			require.Error(t, p.StepIDs(y, []int32{1, 2, 13}))
			require.NoError(t, p.SetState(half))
			p.Reorder([]int{2, 2, 0})
			require.NoError(t, p.StepIDs(y, []int32{ids[11], ids[11], ids[9]}))
			numtest.Equal(t, y[:13], want[3*39+26:][:13])
			numtest.Equal(t, y[13:26], want[3*39+26:][:13])
			numtest.Equal(t, y[26:], want[3*39:][:13])

			// Frozen until Refresh.
			p.Reset()
			net.EachParam(func(_ string, w, _ []float32) {
				for i := range w {
					w[i] /= 2
				}
			})
			require.NoError(t, p.StepIDs(y, ids[:3]))
			numtest.Equal(t, y, want[:39])
			p.Reset(0, 1, 2)
			p.Refresh()
			net.Reset()
			require.NoError(t, net.ForwardIDs(want, ids))
			require.NoError(t, p.StepIDs(y, ids[:3]))
			numtest.Equal(t, y, want[:39])
			require.Zero(t, testing.AllocsPerRun(20, func() { _ = p.StepIDs(y, ids[:3]) }))

			copied := p.State()
			require.NoError(t, p.StepIDs(y, ids[3:6]))
			p.CopyState(copied)
			for k, s := range p.State() {
				numtest.Equal(t, copied[k], s)
			}
			require.PanicsWithValue(t, "nn: a state of 0 tensors, want 2", func() { p.CopyState(nil) })
			require.NoError(t, p.SetState(half)) // makes its memory
			require.Zero(t, testing.AllocsPerRun(20, func() { p.CopyState(copied); _ = p.SetState(copied) }))
		}
	})
	floats := traintest.Must(nn.Chain(traintest.Unrolled(3, 4, 2, 2), traintest.Must(nn.NewLinear(4, 2, traintest.Rng(1)))))
	x, want, y := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 4), make([]float32, 4)
	floats.Forward(want, x)
	any := traintest.Must(floats.NewPredictor(2))
	any.(nn.Predictor).Step(y, x)
	numtest.Equal(t, y, want)
	require.Panics(t, func() { any.(nn.Predictor).Step(y, x[:5]) })
	require.Panics(t, func() { any.(nn.Predictor).Step(y[:3], x) })
	none := traintest.Must(floats.Predictor(0))
	none.Step(nil, nil)
	for _, n := range []int{-1, math.MaxInt} {
		_, err := floats.Predictor(n)
		require.Error(t, err)
	}
	leaky := traintest.Must(nn.Chain(traintest.NewLeaky(2, 1), traintest.Must(nn.NewZeroLinear(1, 1))))
	wide := traintest.Must(nn.Chain(traintest.Must(nn.NewZeroLinear(1, 4)), traintest.Unrolled(4, 1, 1, 1)))
	_, err := wide.Predictor(math.MaxInt32 / 2)
	require.ErrorContains(t, err, "want 0 to 536870911 for stages of width 4")
	_, err = leaky.Predictor(13)
	require.ErrorContains(t, err, "unlucky")
	none13, err := leaky.NewPredictor(13)
	require.ErrorContains(t, err, "unlucky")
	require.True(t, none13 == nil, "no pointer to nothing in an interface")
	_, err = leaky.Predictor(1)
	require.ErrorContains(t, err, "no nn.Predictor")
}

// TestMovesOfAPredictor: another number after what changed the state, and after nothing
// else.
func TestMovesOfAPredictor(t *testing.T) {
	p := traintest.Must(traintest.LanguageModel(t, 1, traintest.Small).Predictor(2))
	require.True(t, p.TakesIDs())
	y, seen := make([]float32, 2*13), map[uint64]bool{p.Moves(): true}
	for _, move := range []func(){
		func() { require.NoError(t, p.StepIDs(y, []int32{1, 2})) },
		func() { require.NoError(t, p.SetState(p.State())) },
		func() { p.Reset(1) },
		func() { p.Reorder([]int{1, 0}) },
	} {
		move()
		require.False(t, seen[p.Moves()])
		seen[p.Moves()] = true
	}
	before := p.Moves()
	p.Refresh()
	require.Error(t, p.StepIDs(y, []int32{1, 13}))
	require.Error(t, p.SetState(nil))
	require.Equal(t, before, p.Moves())

	floats := traintest.Must(traintest.Must(nn.Chain(traintest.Unrolled(3, 4, 2, 2), traintest.Must(nn.NewZeroLinear(4, 3)))).Predictor(1))
	require.False(t, floats.TakesIDs())
	floats.Step(y[:3], make([]float32, 3))
	require.NotZero(t, floats.Moves())
}
