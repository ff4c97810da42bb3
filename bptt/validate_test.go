package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// TestValidateChangesNothing of a run: neither its weights nor the masks, the windows that
// overlap or the data, which may be the same. Its loss is that of Evaluate.
func TestValidateChangesNothing(t *testing.T) {
	sizes := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Masks: true}
	for _, stride := range []int{6, 2} {
		run := func(validate bool) nn.Net {
			net := traintest.LanguageModel(t, 1, sizes)
			source := traintest.TextData(t, 100, sizes)
			p := bptt.Plan{Window: 6, Stride: stride, Steps: 20, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}}
			if validate {
				p.Validate = bptt.Validate{Data: source, EverySteps: 3, OnValidate: func(v bptt.Validation) error {
					mean, n, err := bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{})
					require.NoError(t, err)
					require.Equal(t, []any{mean, n}, []any{v.Loss, v.Count})
					return nil
				}}
			}
			_, err := bptt.Train(context.Background(), net, source, p)
			require.NoError(t, err)
			return net
		}
		require.Equal(t, nn.Fingerprint(run(false)), nn.Fingerprint(run(true)), "stride %d", stride)
	}
}

// measures returns a Validate whose results are those given, one after the other.
func measures(values ...float64) bptt.Validate {
	n := 0
	return bptt.Validate{EverySteps: 2, Measure: func(context.Context) (float64, error) {
		n++
		return values[n-1], nil
	}}
}

// TestPatience: when a run ends, what its validations say, and which parameters it leaves.
func TestPatience(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		patience int
		delta    float64
		values   []float64
		steps    int64 // of the run, and of its best validation
		best     int64
		early    bool
	}{
		"falls":            {1, 0, []float64{5, 4, 3, 2, 1}, 10, 10, false},
		"rises":            {2, 0, []float64{5, 6, 7, 1, 1}, 6, 2, true},
		"in a row":         {2, 0, []float64{5, 6, 4, 7, 3}, 10, 10, false},
		"not by more":      {2, 0.5, []float64{5, 4.6, 4.5, 0, 0}, 6, 2, true},
		"by more":          {2, 0.5, []float64{5, 4.6, 4.4, 4.3, 4.2}, 10, 6, true},
		"the same":         {1, 0, []float64{5, 5, 0, 0, 0}, 4, 2, true},
		"no patience":      {0, 0, []float64{1, 2, 3, 4, 5}, 10, 2, false},
		"NaN at first":     {3, 0, []float64{nan, nan, 7, 8, 9}, 10, 6, false},
		"NaN is no better": {2, 0, []float64{5, nan, nan, 1, 1}, 6, 2, true},
		"nothing but NaN":  {2, 0, []float64{nan, nan, nan, 1, 1}, 4, 0, true},
		"infinite":         {2, 0, []float64{math.Inf(1), 3, 4, math.Inf(-1), 1}, 10, 8, false},
		"nothing but +Inf": {2, 0, []float64{math.Inf(1), math.Inf(1), 3, 1, 1}, 4, 0, true},
		"+Inf after NaN":   {3, 0, []float64{nan, math.Inf(1), 3, nan, math.Inf(1)}, 10, 6, false},
	} {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		v := measures(c.values...)
		v.Patience, v.MinDelta, v.RestoreBest = c.patience, c.delta, true
		var at []bptt.Validation
		kept := map[int64][]float32{}
		v.OnValidate = func(r bptt.Validation) error {
			at = append(at, r)
			kept[r.Step] = traintest.Weights(net)
			return nil
		}
		report, err := bptt.Train(context.Background(), net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{Steps: 10, Validate: v}))
		require.NoError(t, err, name)
		require.Equal(t, []any{c.steps, c.early}, []any{report.Step, report.EarlyStop}, name)
		best, since, lowest := int64(0), int64(0), nan
		for i, r := range at {
			value := c.values[i]
			since++
			if value < math.Inf(1) && (math.IsNaN(lowest) || lowest-value > c.delta) {
				best, since, lowest = r.Step, 0, value
			}
			require.Equal(t, fmt.Sprint(bptt.Validation{
				Step: int64(2 * (i + 1)), Loss: value, Best: since == 0, BestLoss: lowest, BestStep: best, Since: since,
			}), fmt.Sprint(r), name)
		}
		require.Equal(t, c.best, best, name)
		if c.best > 0 {
			numtest.Equal(t, traintest.Weights(net), kept[c.best], name)
		} else {
			numtest.Equal(t, traintest.Weights(net), kept[c.steps], name)
		}
	}
}

// TestRunAfterRestoreBest: a run whose net has the best parameters goes on from those of
// the last update, here and from its checkpoint, and the checkpoint has both.
func TestRunAfterRestoreBest(t *testing.T) {
	start := func(steps int64) (*nn.Model, *bptt.Trainer) {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		v := measures(3, 1, 2, 4, 5, 6, 0.5, 7)
		v.RestoreBest = true
		trainer, err := bptt.NewTrainer(net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{Steps: steps, Validate: v}))
		require.NoError(t, err)
		return net, trainer
	}
	plain := func(steps int64) []float32 {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{Steps: steps}))
		require.NoError(t, err)
		return traintest.Weights(net)
	}
	net, trainer := start(6)
	for range 2 { // the second is at its limit
		_, err := trainer.Run(context.Background())
		require.NoError(t, err)
		numtest.Equal(t, traintest.Weights(net), plain(4))
	}
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	c, err := bptt.ReadCheckpoint(&file)
	require.NoError(t, err)
	other := traintest.LanguageModel(t, 2, traintest.Small)
	require.NoError(t, c.Params(other))
	numtest.Equal(t, traintest.Weights(other), plain(6))
	require.NoError(t, c.BestParams(other))
	numtest.Equal(t, traintest.Weights(other), plain(4))

	// From the file: the best is as before until validation 5 beats it. (The measures of
	// the new trainer begin with their first.)
	net, trainer = start(8)
	require.NoError(t, trainer.Resume(c))
	_, err = trainer.Run(context.Background())
	require.NoError(t, err)
	numtest.Equal(t, traintest.Weights(net), plain(4), "3 is no better than 1")
	file.Reset()
	require.NoError(t, trainer.Save(&file))
	c, err = bptt.ReadCheckpoint(&file)
	require.NoError(t, err)
	require.NoError(t, c.Params(other))
	numtest.Equal(t, traintest.Weights(other), plain(8))

	// In this process.
	stopped := false
	net = traintest.LanguageModel(t, 1, traintest.Small)
	v := measures(3, 1, 2, 4, 5, 0.5)
	v.RestoreBest, v.Patience = true, 3
	trainer, err = bptt.NewTrainer(net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{Steps: 12, Validate: v, OnStep: func(p bptt.Progress) error {
		if p.Step == 5 && !stopped {
			stopped = true
			return bptt.ErrStop
		}
		return nil
	}}))
	require.NoError(t, err)
	_, err = trainer.Run(context.Background())
	require.NoError(t, err)
	numtest.Equal(t, traintest.Weights(net), plain(5), "ErrStop puts nothing back")
	report, err := trainer.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []any{int64(10), true}, []any{report.Step, report.EarlyStop})
	numtest.Equal(t, traintest.Weights(net), plain(4))

	// A run without RestoreBest has no best parameters to read.
	var missing *bptt.MissingError
	_, trainer = setups["stream"](t, bptt.Plan{Steps: 2})
	file.Reset()
	require.NoError(t, trainer.Save(&file))
	c, err = bptt.ReadCheckpoint(&file)
	require.NoError(t, err)
	require.ErrorAs(t, c.BestParams(other), &missing)
}

// TestValidateWhen: after which updates and passes, and what OnEpoch is told.
func TestValidateWhen(t *testing.T) {
	run := func(v bptt.Validate) (log []string) {
		v.Measure = func(context.Context) (float64, error) { return 1, nil }
		v.OnValidate = func(r bptt.Validation) error {
			log = append(log, fmt.Sprintf("%d in %d", r.Step, r.Epoch))
			return nil
		}
		_, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), plan(bptt.Plan{
			Epochs: 4, Validate: v, OnEpoch: func(e bptt.EpochEnd) error {
				if e.Validation != nil {
					require.Equal(t, e.Step, e.Validation.Step)
					log = append(log, fmt.Sprint("end ", e.Epoch))
				}
				return nil
			},
		}))
		require.NoError(t, err)
		return log
	}
	require.Equal(t, []string{"6 in 1", "end 1", "12 in 2", "end 2", "18 in 3", "end 3", "24 in 4", "end 4"}, run(bptt.Validate{}))
	require.Equal(t, []string{"12 in 2", "end 2", "24 in 4", "end 4"}, run(bptt.Validate{EveryEpochs: 2}))
	require.Equal(t, []string{"7 in 1", "14 in 2", "21 in 3"}, run(bptt.Validate{EverySteps: 7}))
	require.Equal(t, []string{"10 in 1", "18 in 3", "end 3", "20 in 3"}, run(bptt.Validate{EverySteps: 10, EveryEpochs: 3}))
}

// TestValidateNet: a net over the same weights, of other rows, is what is evaluated.
func TestValidateNet(t *testing.T) {
	net := traintest.NewLeaky(4, 1)
	other := traintest.NewLeaky(7, 1)
	other.W = net.W
	var got, want []float64
	_, err := bptt.Train(context.Background(), net, &traintest.Script{N: 40}, bptt.Plan{
		Window: 4, Steps: 5, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-4},
		Validate: bptt.Validate{Data: &traintest.Script{N: 9}, Net: other, EverySteps: 1, Loss: summed{}, OnValidate: func(v bptt.Validation) error {
			got = append(got, v.Loss)
			mean, _, err := bptt.Evaluate(context.Background(), other, &traintest.Script{N: 9}, summed{})
			want = append(want, mean)
			return err
		}},
	})
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NotEqual(t, got[0], got[4])
	require.Contains(t, other.Log[0]+other.Log[1], "forward 7")
}

// TestSchedulesAreTold: of the step and the pass, and of every validation, before the
// update that follows.
func TestSchedulesAreTold(t *testing.T) {
	s := &both{}
	v := measures(4, 5, 6, 7)
	var rates []float64
	_, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), plan(bptt.Plan{
		Steps: 8, Schedule: s, Validate: v, Optimizer: &optim.SGD{LR: 0.5},
		OnStep: func(p bptt.Progress) error { rates = append(rates, p.Rate); return nil },
	}))
	require.NoError(t, err)
	require.Equal(t, []string{"0 in 0", "1 in 0", "told 4", "2 in 0", "3 in 0", "told 5", "4 in 0", "5 in 0", "told 6", "6 in 1", "7 in 1", "told 7"}, s.log)
	require.Equal(t, []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25}, rates)
}

// both is a schedule that goes by passes and by validation.
type both struct{ log []string }

func (s *both) Rate(int64) float64 { panic("RateAt is there") }
func (s *both) RateAt(step, epoch int64) float64 {
	s.log = append(s.log, fmt.Sprintf("%d in %d", step, epoch))
	return 1 / float64(1+epoch)
}
func (s *both) Observe(loss float64) { s.log = append(s.log, fmt.Sprint("told ", loss)) }

// TestValidateErrors name what failed, and end the run between two updates.
func TestValidateErrors(t *testing.T) {
	bad := errors.New("bad")
	train := func(v bptt.Validate, s optim.Schedule) error {
		report, err := bptt.Train(context.Background(), traintest.NewLeaky(6, 1), &traintest.Script{N: 18}, bptt.Plan{
			Window: 6, Loss: loss.MSE{}, Optimizer: traintest.Frozen{}, Validate: v, Schedule: s, Steps: 9,
		})
		if err != nil {
			require.Zero(t, report.Step%3)
		}
		return err
	}
	err := train(bptt.Validate{Measure: func(context.Context) (float64, error) { return 0, bad }}, nil)
	require.ErrorIs(t, err, bad)
	require.EqualError(t, err, "bptt: validation after step 3: bad")
	for where, err := range map[string]error{
		"Plan.Validate.Measure":    train(bptt.Validate{Measure: func(context.Context) (float64, error) { panic(bad) }}, nil),
		"Plan.Validate.OnValidate": train(bptt.Validate{Data: &traintest.Script{N: 9}, OnValidate: func(bptt.Validation) error { panic(bad) }}, nil),
		"Plan.Schedule":            train(bptt.Validate{Data: &traintest.Script{N: 9}}, told(func(float64) { panic(bad) })),
	} {
		var pe *bptt.PanicError
		require.ErrorAs(t, err, &pe, where)
		require.Equal(t, where, pe.Where)
		require.ErrorIs(t, err, bad)
	}
	require.ErrorContains(t, train(bptt.Validate{Data: traintest.Never{}}, nil), "bptt: validation after step 3: bptt: the data has nothing to evaluate")
	require.NoError(t, train(bptt.Validate{Data: &traintest.Script{N: 9}, OnValidate: func(bptt.Validation) error { return bptt.ErrStop }}, nil))

	for name, v := range map[string]bptt.Validate{
		"without Data":   {Patience: 3},
		"one of them":    {Data: &traintest.Script{N: 9}, Measure: func(context.Context) (float64, error) { return 0, nil }},
		"leave Net and":  {Measure: func(context.Context) (float64, error) { return 0, nil }, Net: traintest.NewLeaky(6, 1)},
		"Loss out":       {Measure: func(context.Context) (float64, error) { return 0, nil }, Loss: loss.MSE{}},
		"nil *traintest": {Data: (*traintest.Script)(nil)},
		"Net is a nil":   {Data: &traintest.Script{N: 9}, Net: (*traintest.Leaky)(nil)},
		"Loss is a nil":  {Data: &traintest.Script{N: 9}, Loss: (*sometimes)(nil)},
		"-1 steps":       {Data: &traintest.Script{N: 9}, EverySteps: -1},
		"Patience is -1": {Data: &traintest.Script{N: 9}, Patience: -1},
		"MinDelta is":    {Data: &traintest.Script{N: 9}, MinDelta: math.NaN()},
		"batches of 3":   {Data: traintest.TextData(t, 100, traintest.Small)},
	} {
		require.ErrorContains(t, train(v, nil), name)
	}
}

// told is a Schedule that is a function of the validation.
type told func(float64)

func (told) Rate(int64) float64  { return 1 }
func (f told) Observe(v float64) { f(v) }
