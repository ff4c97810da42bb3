package bptt_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/optim"
)

// TestSettingsThatWouldDoNothing, because there is no validation that they follow, are
// refused before anything has moved; those that a validation reaches are not.
func TestSettingsThatWouldDoNothing(t *testing.T) {
	plateau := &optim.Plateau{Factor: 0.5}
	measure := func(context.Context) (float64, error) { return 0, nil }
	validate := func(steps, epochs int64) bptt.Validate {
		return bptt.Validate{Measure: measure, EverySteps: steps, EveryEpochs: epochs}
	}
	patient, best := validate(4, 0), validate(4, 0)
	patient.Patience, best.RestoreBest = 2, true
	start := func(p bptt.Plan) (*traintest.Leaky, error) {
		net := traintest.NewLeaky(6, 1)
		_, err := bptt.NewTrainer(net, &traintest.Script{N: 9}, plan(p))
		return net, err
	}
	for _, c := range []struct {
		plan bptt.Plan
		want string
	}{
		{bptt.Plan{Schedule: plateau}, "bptt: Plan.Schedule is a *optim.Plateau, which follows validation losses, and the plan has no validation; set Plan.Validate.Data, or Measure, or take another schedule"},
		{bptt.Plan{Schedule: told(func(float64) {})}, "Plan.Schedule is a bptt_test.told"},
		{bptt.Plan{Schedule: plateau, Validate: validate(4, 0), Steps: 3}, "bptt: Plan.Validate every 4 steps and 0 epochs in a run of 3 steps and 0 epochs: there is no validation"},
		{bptt.Plan{Schedule: plateau, Validate: validate(0, 4), Epochs: 3}, "every 0 steps and 4 epochs in a run of 0 steps and 3 epochs"},
		{bptt.Plan{Schedule: plateau, Validate: validate(4, 4), Steps: 3, Epochs: 3}, "there is no validation"},
		{bptt.Plan{Validate: patient, Steps: 3}, "there is no validation for Patience"},
		{bptt.Plan{Validate: best, Steps: 3}, "there is no validation for Patience, RestoreBest or a schedule; validate more often, or leave these out, or set Plan.Checkpoint.Dir for a run that is to go on later"},
	} {
		net, err := start(c.plan)
		require.ErrorContains(t, err, c.want)
		require.Empty(t, net.Log)
	}
	for _, p := range []bptt.Plan{
		{Schedule: plateau, Validate: validate(4, 0), Steps: 4},
		{Schedule: plateau, Validate: validate(4, 0), Epochs: 1}, // a pass may have 4 updates
		{Schedule: plateau, Validate: validate(0, 0), Steps: 1},  // or 1
		{Schedule: plateau, Validate: validate(4, 1), Steps: 3, Epochs: 1},
		{Schedule: plateau, Validate: validate(0, 4)},
		{Validate: best},
		{Schedule: plateau, Validate: patient, Steps: 3, Checkpoint: bptt.Checkpoints{Dir: t.TempDir()}}, // may go on with more
		{Validate: validate(4, 0), Steps: 3}, // nothing rests on it
		{ClipP: 1}, {SameTiers: true}, {Checkpoint: bptt.Checkpoints{Meta: []byte("m")}},
	} {
		_, err := start(p)
		require.NoError(t, err, "%+v", p)
	}
}
