package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
)

// TestEnds of passes come after their last update and before the first of the next, with
// the mean of the losses over all terms.
func TestEnds(t *testing.T) {
	// 100 symbols in 3 streams of 33 steps: 6 windows a pass, the last of 3 steps.
	var log []string
	sums, terms := map[int64]float64{}, map[int64]int64{}
	report, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), plan(bptt.Plan{
		Epochs: 2,
		OnStep: func(p bptt.Progress) error {
			log = append(log, fmt.Sprintf("step %d of %d", p.Step, p.Epoch))
			sums[p.Epoch] += p.Loss * float64(p.Count)
			terms[p.Epoch] += int64(p.Count)
			return nil
		},
		OnEpoch: func(e bptt.EpochEnd) error {
			log = append(log, fmt.Sprintf("end of %d after %d", e.Epoch, e.Step))
			require.Equal(t, terms[e.Epoch-1], e.Count)
			require.InEpsilon(t, sums[e.Epoch-1]/float64(e.Count), e.Loss, 1e-12)
			require.Nil(t, e.Validation)
			return nil
		},
	}))
	require.NoError(t, err)
	require.Equal(t, int64(2), report.Epoch)
	require.Equal(t, []string{
		"step 1 of 0", "step 2 of 0", "step 3 of 0", "step 4 of 0", "step 5 of 0", "step 6 of 0", "end of 1 after 6",
		"step 7 of 1", "step 8 of 1", "step 9 of 1", "step 10 of 1", "step 11 of 1", "step 12 of 1", "end of 2 after 12",
	}, log)
}

// TestEndsInsideAnUpdate are told of after it: each window belongs to the pass that it was
// read in, and one update may end several.
func TestEndsInsideAnUpdate(t *testing.T) {
	for accumulate, want := range map[int][]string{
		4:  {"step 1", "step 2", "end of 1 after 2: 99", "step 3", "end of 2 after 3: 99", "step 4", "step 5", "end of 3 after 5: 99"},
		13: {"step 1", "end of 1 after 1: 99", "end of 2 after 1: 99", "step 2", "end of 3 after 2: 99"},
		18: {"step 1", "end of 1 after 1: 99", "end of 2 after 1: 99", "end of 3 after 1: 99"},
	} {
		var log []string
		_, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), plan(bptt.Plan{
			Epochs: 3, Accumulate: accumulate,
			OnStep: func(p bptt.Progress) error { log = append(log, fmt.Sprint("step ", p.Step)); return nil },
			OnEpoch: func(e bptt.EpochEnd) error {
				log = append(log, fmt.Sprintf("end of %d after %d: %d", e.Epoch, e.Step, e.Count))
				return nil
			},
		}))
		require.NoError(t, err)
		require.Equal(t, want, log, "%d windows", accumulate)
	}
}

// TestEndsGoOn: what an end of the run leaves untold is told when it goes on, in this
// process or from a checkpoint, and nothing twice.
func TestEndsGoOn(t *testing.T) {
	bad := errors.New("bad")
	run := func(stopAt string, with error, resume bool) (log []string) {
		stopped := false
		note := func(s string) error {
			log = append(log, s)
			if s == stopAt && !stopped {
				stopped = true
				return with
			}
			return nil
		}
		start := func() *bptt.Trainer {
			trainer, err := bptt.NewTrainer(traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), plan(bptt.Plan{
				Epochs: 3, Accumulate: 4,
				OnStep:  func(p bptt.Progress) error { return note(fmt.Sprintf("step %d: %v", p.Step, p.Loss)) },
				OnEpoch: func(e bptt.EpochEnd) error { return note(fmt.Sprintf("end of %d: %v", e.Epoch, e.Loss)) },
				Validate: bptt.Validate{
					Data: traintest.TextData(t, 40, traintest.Small), EverySteps: 2, EveryEpochs: 1,
					OnValidate: func(v bptt.Validation) error { return note(fmt.Sprintf("validation at %d: %v", v.Step, v.Loss)) },
				},
			}))
			require.NoError(t, err)
			return trainer
		}
		trainer := start()
		_, err := trainer.Run(context.Background())
		if errors.Is(with, bptt.ErrStop) {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, with, stopAt)
		}
		if stopAt == "" {
			return log
		}
		if resume {
			var file bytes.Buffer
			require.NoError(t, trainer.Save(&file))
			c, err := bptt.ReadCheckpoint(&file)
			require.NoError(t, err)
			trainer = start()
			require.NoError(t, trainer.Resume(c))
		}
		_, err = trainer.Run(context.Background())
		require.NoError(t, err)
		return log
	}
	whole := run("", nil, false)
	require.Len(t, whole, 5+3+2+3)
	for _, stopAt := range whole {
		for _, with := range []error{bptt.ErrStop, bad} {
			require.Equal(t, whole, run(stopAt, with, false), "%v at %s", with, stopAt)
			require.Equal(t, whole, run(stopAt, with, true), "%v at %s, from a checkpoint", with, stopAt)
		}
	}
}

// TestElapsed is the time of updates, whatever the callbacks do.
func TestElapsed(t *testing.T) {
	const nap = 20 * time.Millisecond
	wait := func() error { time.Sleep(nap); return nil }
	begin := time.Now()
	report, err := bptt.Train(context.Background(), traintest.NewLeaky(4, 1), &traintest.Script{N: 4}, bptt.Plan{
		Window: 4, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
		OnStep:  func(bptt.Progress) error { return wait() },
		OnEpoch: func(bptt.EpochEnd) error { return wait() },
		Validate: bptt.Validate{
			EverySteps: 1, Measure: func(context.Context) (float64, error) { return 0, wait() },
			OnValidate: func(bptt.Validation) error { return wait() },
		},
		Log: bptt.Log{Metrics: writer(func(string) { _ = wait() })},
	})
	require.NoError(t, err)
	all := time.Since(begin)
	require.GreaterOrEqual(t, all, 8*nap)
	require.Positive(t, report.Elapsed)
	require.LessOrEqual(t, report.Elapsed, all-8*nap)
	require.InEpsilon(t, 4/report.Elapsed.Seconds(), report.PerSecond, 1e-6)
}

// TestErrorsNameThePlace: the update and the pass over the data in which they came up.
func TestErrorsNameThePlace(t *testing.T) {
	bad := errors.New("bad")
	_, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), &failing{Text: traintest.TextData(t, 100, traintest.Small), at: 9, err: bad}, plan(bptt.Plan{}))
	require.EqualError(t, err, "bptt: step 8, in pass 2 over the data: bad") // 9 calls: one of them was the end of a pass
	require.ErrorIs(t, err, bad)
}

// failing is data whose call of Next of that number, from 1, is an error.
type failing struct {
	*data.Text
	n, at int
	err   error
}

func (d *failing) Next(b *data.Batch) error {
	if d.n++; d.n == d.at {
		return d.err
	}
	return d.Text.Next(b)
}
