package bptt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
)

// The keys that the documentation of Log names.
var keys = map[string]string{
	"step":       "event step epoch loss count counted norm rate skipped seconds per_second",
	"skip":       "event step epoch loss param skipped in_row",
	"epoch":      "event step epoch loss count",
	"validation": "event step epoch loss count best best_loss best_step since",
	"checkpoint": "event step file",
	"end":        "event step epoch skipped seconds early_stop error",
}

// TestMetrics: every line is one JSON object with the documented keys in their order, and
// the numbers are those that the callbacks get, to the last bit.
func TestMetrics(t *testing.T) {
	var out, records bytes.Buffer
	dir := t.TempDir()
	v := measures(3, math.NaN())
	v.EverySteps, v.Patience = 4, 1
	var progress []bptt.Progress
	var ends []bptt.EpochEnd
	var validations []bptt.Validation
	v.OnValidate = func(r bptt.Validation) error { validations = append(validations, r); return nil }
	net := traintest.LanguageModel(t, 1, traintest.Small)
	trainer, err := bptt.NewTrainer(net, traintest.TextData(t, 100, traintest.Small), bptt.Plan{
		Window: 6, Loss: &sometimes{at: map[int]bool{2: true}}, Optimizer: traintest.Frozen{}, SkipNonFinite: 1, Validate: v,
		OnStep:     func(p bptt.Progress) error { progress = append(progress, p); return nil },
		OnEpoch:    func(e bptt.EpochEnd) error { ends = append(ends, e); return nil },
		Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 3},
		Log: bptt.Log{
			Metrics: &out, MetricsEvery: 2,
			Logger: slog.New(slog.NewTextHandler(&records, &slog.HandlerOptions{Level: slog.LevelDebug})), Level: slog.LevelDebug, EverySteps: 5,
		},
	})
	require.NoError(t, err)
	report, err := trainer.Run(context.Background())
	require.NoError(t, err)
	require.True(t, report.EarlyStop)

	number := func(v any) string {
		if v == nil {
			return "NaN"
		}
		return string(v.(json.Number))
	}
	seen := map[string]int{}
	for _, line := range strings.SplitAfter(out.String(), "\n") {
		if line == "" {
			continue
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var m map[string]any
		require.NoError(t, d.Decode(&m), line)
		event := m["event"].(string)
		at := -1
		for _, key := range strings.Fields(keys[event]) {
			k := strings.Index(line, `"`+key+`":`)
			require.Greater(t, k, at, "%s of %s", key, line)
			at = k
		}
		require.Len(t, m, len(strings.Fields(keys[event])), line)
		n := seen[event]
		seen[event]++
		switch event {
		case "step":
			p := progress[2*n+1]
			require.Equal(t, fmt.Sprintln(p.Step, p.Epoch, p.Count, p.Counted, p.Skipped), fmt.Sprintln(m["step"], m["epoch"], m["count"], m["counted"], m["skipped"]))
			for key, want := range map[string]float64{"loss": p.Loss, "norm": p.Norm, "rate": p.Rate, "seconds": p.Elapsed.Seconds()} {
				got, err := m[key].(json.Number).Float64()
				require.NoError(t, err)
				require.Equal(t, want, got, key)
			}
		case "skip":
			require.Equal(t, `{"event":"skip","step":2,"epoch":0,"loss":null,"param":"","skipped":1,"in_row":1}`+"\n", line)
		case "epoch":
			require.Equal(t, fmt.Sprintln(ends[n].Epoch, ends[n].Step, ends[n].Loss, ends[n].Count), fmt.Sprintln(m["epoch"], m["step"], m["loss"], m["count"]))
		case "validation":
			r := validations[n]
			require.Equal(t, fmt.Sprintln(r.Step, r.Epoch, r.Loss, r.Count, r.Best, r.BestLoss, r.BestStep, r.Since),
				fmt.Sprintln(m["step"], m["epoch"], number(m["loss"]), m["count"], m["best"], m["best_loss"], m["best_step"], m["since"]))
		case "checkpoint":
			require.Contains(t, m["file"], dir)
		case "end":
			require.Equal(t, fmt.Sprintln(report.Step, report.Epoch, report.Skipped, true, ""), fmt.Sprintln(m["step"], m["epoch"], m["skipped"], m["early_stop"], m["error"]))
		}
	}
	require.Equal(t, map[string]int{"step": 4, "skip": 1, "epoch": 1, "validation": 2, "checkpoint": 4, "end": 1}, seen)

	text := records.String()
	require.Equal(t, 1, strings.Count(text, "msg=step "), "%s", text)
	require.Contains(t, text, "level=WARN msg=skip step=2 epoch=0 loss=+Inf param=\"\" skipped=1 in_row=1\n")
	require.Equal(t, 2, strings.Count(text, "level=DEBUG msg=validation "))
	require.Contains(t, text, "best=false best_loss=3 best_step=4 since=1\n")
	require.Contains(t, text, "msg=end ")
}

// A logger that does not want the level gets nothing, but for what is left out.
func TestLevels(t *testing.T) {
	var records bytes.Buffer
	_, err := bptt.Train(context.Background(), traintest.NewLeaky(4, 1), &traintest.Script{N: 40}, bptt.Plan{
		Window: 4, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{}, Log: bptt.Log{Logger: slog.New(slog.NewTextHandler(&records, nil)), Level: slog.LevelDebug},
	})
	require.NoError(t, err)
	require.Empty(t, records.String())
}

// TestRecordsByTime: records of updates come no faster than asked for, the first at once; metrics and
// other records are not held back.
func TestRecordsByTime(t *testing.T) {
	for every, want := range map[time.Duration]int{0: 5, time.Nanosecond: 5, time.Hour: 1} {
		var records, metrics bytes.Buffer
		_, err := bptt.Train(context.Background(), traintest.NewLeaky(4, 1), &traintest.Script{N: 40}, bptt.Plan{
			Window: 4, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
			Log: bptt.Log{Logger: slog.New(slog.NewTextHandler(&records, nil)), EverySteps: 2, Every: every, Metrics: &metrics},
		})
		require.NoError(t, err)
		require.Equal(t, want, strings.Count(records.String(), "msg=step "), "%v: %s", every, records.String())
		require.Equal(t, 1, strings.Count(records.String(), "msg=epoch "))
		require.Equal(t, 10, strings.Count(metrics.String(), `"event":"step"`))
	}
	_, err := bptt.NewTrainer(traintest.NewLeaky(4, 1), &traintest.Script{N: 40}, bptt.Plan{
		Window: 4, Loss: loss.MSE{}, Optimizer: traintest.Frozen{}, Log: bptt.Log{Every: -1}})
	require.ErrorContains(t, err, "Plan.Log.Every is -1ns")
}

// TestEndIsRecorded: the last line says why the run has ended, whatever the reason is.
func TestEndIsRecorded(t *testing.T) {
	bad := errors.New("bad")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for name, p := range map[string]bptt.Plan{
		`"error":""`:    {Steps: 2},
		`"error":"bad"`: {OnStep: func(bptt.Progress) error { return bad }},
		`"error":"bptt: step 2: the loss is +Inf; the weights`: {Loss: &sometimes{at: map[int]bool{2: true}}},
		`"error":"bptt: the folder of Plan.Checkpoint: `:       {Checkpoint: bptt.Checkpoints{Dir: file}},
	} {
		var out, records bytes.Buffer
		p.Window, p.Optimizer = 6, traintest.Frozen{}
		if p.Loss == nil {
			p.Loss = loss.CrossEntropy{}
		}
		p.Log = bptt.Log{Metrics: &out, Logger: slog.New(slog.NewTextHandler(&records, nil))}
		_, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), p)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		last := lines[len(lines)-1]
		require.True(t, strings.HasPrefix(last, `{"event":"end",`), last)
		require.Contains(t, last, name)
		require.Equal(t, err == nil, name == `"error":""`)
		require.Equal(t, 1, strings.Count(records.String(), "msg=end "))
	}
}

// TestMetricsFail: an error of the writer ends the run, between two updates.
func TestMetricsFail(t *testing.T) {
	for name, w := range map[string]io.Writer{
		"disk":                            broke{func(b []byte) (int, error) { return 0, errors.New("disk") }},
		"short write":                     broke{func(b []byte) (int, error) { return len(b) - 1, nil }},
		"panic in Plan.Log.Metrics: mine": broke{func(b []byte) (int, error) { panic("mine") }},
	} {
		var records bytes.Buffer
		report, err := bptt.Train(context.Background(), traintest.NewLeaky(4, 1), &traintest.Script{N: 40}, bptt.Plan{
			Window: 4, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{}, Log: bptt.Log{Metrics: w, Logger: slog.New(slog.NewTextHandler(&records, nil))},
		})
		require.Equal(t, 1, strings.Count(err.Error(), "bptt: Plan.Log.Metrics: "), "the writer is not asked again: %v", err)
		require.Equal(t, 1, strings.Count(records.String(), "msg=end "))
		require.ErrorContains(t, err, "bptt: Plan.Log.Metrics: ")
		require.ErrorContains(t, err, name)
		require.Equal(t, int64(1), report.Step)
	}
	_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{Log: bptt.Log{MetricsEvery: -1}}))
	require.ErrorContains(t, err, "Plan.Log")
}

type broke struct{ write func(b []byte) (int, error) }

func (w broke) Write(b []byte) (int, error) { return w.write(b) }

// TestLogAllocatesNothing: lines of metrics allocate nothing.
func TestLogAllocatesNothing(t *testing.T) {
	trainer, err := bptt.NewTrainer(traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{
		Workers: 1, ClipP: 1, ClipNorm: 1, ClipTensor: 1, SkipNonFinite: 1, Log: bptt.Log{Metrics: io.Discard, MetricsEvery: 1},
		OnStep: func(bptt.Progress) error { return bptt.ErrStop },
	}))
	require.NoError(t, err)
	step := func() {
		if _, err := trainer.Run(context.Background()); err != nil {
			panic(err)
		}
	}
	for range 20 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(20, step))
}
