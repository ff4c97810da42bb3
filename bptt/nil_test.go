package bptt_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// TestNilContext: no context is an error, before anything is read.
func TestNilContext(t *testing.T) {
	net, source := traintest.Tiny()
	before := nn.Fingerprint(net)
	folder := filepath.Join(t.TempDir(), "run")
	_, err := bptt.Train(nil, net, source, bptt.Plan{Window: 4, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}, Checkpoint: bptt.Checkpoints{Dir: folder, EverySteps: 1}})
	require.ErrorContains(t, err, "bptt: the context is nil")
	require.NoDirExists(t, folder)
	_, _, err = bptt.Evaluate(nil, net, source, loss.CrossEntropy{})
	require.ErrorContains(t, err, "bptt: the context is nil")
	require.Equal(t, before, nn.Fingerprint(net))
}

// TestNoTrainer: what NewTrainer has not made returns an error.
func TestNoTrainer(t *testing.T) {
	for _, none := range []*bptt.Trainer{nil, {}} {
		_, err := none.Run(t.Context())
		require.ErrorContains(t, err, "a Trainer that NewTrainer has not made")
		_, err = none.ResumeLast()
		require.ErrorContains(t, err, "a Trainer that NewTrainer has not made")
		for _, err := range []error{none.Save(io.Discard), none.SaveFile(t.TempDir() + "/a"), none.Resume(&bptt.Checkpoint{})} {
			require.ErrorContains(t, err, "a Trainer that NewTrainer has not made")
		}
	}
	net, source := traintest.Tiny()
	trainer, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 4, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}})
	require.NoError(t, err)
	for _, none := range []*bptt.Checkpoint{nil, {}} {
		require.ErrorContains(t, trainer.Resume(none), "no checkpoint; ReadCheckpoint")
	}
}

// TestLogWithoutTarget: settings of a log that goes nowhere are an error.
func TestLogWithoutTarget(t *testing.T) {
	var none *os.File
	for text, log := range map[string]bptt.Log{
		"Plan.Log without Logger":               {Every: time.Second},
		"leave Level, EverySteps and Every out": {EverySteps: 3},
		"bptt: Plan.Log without Logger;":        {Level: slog.LevelDebug},
		"Plan.Log.MetricsEvery without Metrics": {MetricsEvery: 3, Logger: slog.New(slog.DiscardHandler)},
		"Plan.Log.Metrics is a nil *os.File":    {Metrics: none},
	} {
		net, source := traintest.Tiny()
		_, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 4, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}, Log: log})
		require.ErrorContains(t, err, text)
	}
	net, source := traintest.Tiny()
	_, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 4, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}, Log: bptt.Log{Metrics: new(bytes.Buffer), MetricsEvery: 2}})
	require.NoError(t, err)
}

// one gives the same batch for ever.
type one struct{ batch data.Batch }

func (o *one) Next(b *data.Batch) error { *b = o.batch; return nil }
func (o *one) Rewind() error            { return nil }

// TestUnreadSource: a net without an encoder refuses what only an encoder reads, by itself
// and in shards; it would train on half of the data.
func TestUnreadSource(t *testing.T) {
	pairs := []data.Pair{{IDs: []int32{1}, Target: []int32{2}}, {IDs: []int32{3}, Target: []int32{1}}}
	for _, shards := range []int{0, 1} {
		net := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 4, Embed: 3, Hidden: 3, Steps: 2, Batch: 2})
		source, err := data.NewPairs(pairs, data.PairsConfig{Rows: 2, Begin: 0, End: 0})
		require.NoError(t, err)
		_, err = bptt.Train(t.Context(), net, source, bptt.Plan{Steps: 1, Shards: shards, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}})
		require.ErrorContains(t, err, "a batch with a Source, which a *nn.Model does not read", shards)
		_, _, err = bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{})
		require.ErrorContains(t, err, "a batch with a Source, which a *nn.Model does not read")
	}
}

// TestWrongInput: numbers for a net over ids, ids for one over numbers, and sequences that
// are too long are told with what to do.
func TestWrongInput(t *testing.T) {
	plan := bptt.Plan{Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}}
	words := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 4, Embed: 3, Hidden: 3, Steps: 2, Batch: 2})
	_, err := bptt.Train(t.Context(), words, &one{data.Batch{Steps: 2, Rows: 2, X: make([]float32, 12), Targets: make([]int32, 4)}}, plan)
	require.ErrorContains(t, err, "a batch with X, 12 inputs, and without IDs, which the net reads")
	numbers := traintest.Unrolled(3, 4, 2, 2)
	_, err = bptt.Train(t.Context(), numbers, &one{data.Batch{Steps: 2, Rows: 2, IDs: make([]int32, 4), Targets: make([]int32, 4)}}, plan)
	require.ErrorContains(t, err, "a batch with IDs, 4 of them, and without X, which the net reads in rows of width 3; a net over ids begins with an Embedding")
	text, err := data.NewText(make([]byte, 20), 2)
	require.NoError(t, err)
	_, err = bptt.Train(t.Context(), words, text, plan)
	require.ErrorContains(t, err, "a batch of 9 steps, want at most 2: unroll the net for more, cut the sequences, or read a text in windows")
}
