package optim_test

import (
	"context"
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

func TestSchedules(t *testing.T) {
	require.Equal(t, 1.0, optim.Constant{}.Rate(12345))

	w := optim.WarmupCosine{Warmup: 4, Total: 14, Floor: 0.2}
	for step, want := range []float64{0.25, 0.5, 0.75, 1, 1} {
		require.Equal(t, want, w.Rate(int64(step)))
	}
	require.InDelta(t, 0.6, w.Rate(9), 1e-15, "half way down")
	require.InDelta(t, 0.2+0.8*(1+math.Cos(0.9*math.Pi))/2, w.Rate(13), 1e-15)
	for _, step := range []int64{14, 15, 1 << 60} {
		require.Equal(t, 0.2, w.Rate(step))
	}

	s := optim.StepDecay{Every: 10, Factor: 0.5}
	for step, want := range map[int64]float64{0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25, 75: math.Pow(0.5, 7)} {
		require.Equal(t, want, s.Rate(step))
	}
	require.InEpsilon(t, math.Pow(0.97, 123), optim.StepDecay{Every: 1, Factor: 0.97}.Rate(123), 1e-12)
	require.Equal(t, 1.0, optim.StepDecay{}.Rate(5))

	// The rate of an update is the optimizer's times the schedule's.
	var rates []float64
	_, err := bptt.Train(context.Background(), traintest.NewLeaky(2, 1), &traintest.Script{N: 100}, bptt.Plan{
		Window: 2, Steps: 3, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3}, Schedule: optim.StepDecay{Every: 1, Factor: 0.5},
		OnStep: func(p bptt.Progress) error { rates = append(rates, p.Rate); return nil },
	})
	require.NoError(t, err)
	require.Equal(t, []float64{1e-3, 5e-4, 2.5e-4}, rates)
}

// TestOptimizerState moves the state of an optimizer into another of the kind
// and refuses all else.
func TestOptimizerState(t *testing.T) {
	params := func() []nn.Param {
		return []nn.Param{{Name: "a", W: []float32{1, 2}, G: []float32{1, -1}}, {Name: "b", W: []float32{3}, G: []float32{2}}}
	}
	kinds := map[string]func() optim.Optimizer{
		"sgd":      func() optim.Optimizer { return &optim.SGD{LR: 0.1} },
		"momentum": func() optim.Optimizer { return &optim.SGD{LR: 0.1, Momentum: 0.9} },
		"adam":     func() optim.Optimizer { return &optim.Adam{LR: 0.1, WeightDecay: 0.1} },
		"adamw":    func() optim.Optimizer { return &optim.AdamW{LR: 0.1, WeightDecay: 0.1} },
	}
	for name, kind := range kinds {
		p := params()
		o := kind()
		require.NoError(t, o.Init(p))
		require.NoError(t, o.Update(1))
		require.NoError(t, o.Update(0.5))
		q := params()
		copy(q[0].W, p[0].W)
		copy(q[1].W, p[1].W)
		other := kind()
		require.NoError(t, other.Init(q))
		require.NoError(t, other.SetState(o.State()))
		require.NoError(t, o.Update(1))
		require.NoError(t, other.Update(1))
		require.Equal(t, p, q, name)
		require.Equal(t, 0.1, o.LearningRate())

		for foreign, kind := range kinds {
			f := kind()
			require.NoError(t, f.Init(params()))
			if foreign != name {
				require.Error(t, f.SetState(o.State()), "%s into %s", name, foreign)
			}
			if len(o.State().Tensors) > 0 {
				require.NoError(t, f.Init([]nn.Param{{Name: "a", W: make([]float32, 3), G: make([]float32, 3)}, {Name: "b", W: make([]float32, 1), G: make([]float32, 1)}}))
				require.Error(t, f.SetState(o.State()))
			}
		}
		require.NoError(t, o.Init(params()))
		require.Zero(t, o.State().Numbers[0], "Init begins anew")
	}
}
