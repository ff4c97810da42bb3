package bptt_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// BenchmarkTrain is one update of a character model of the size that examples/charlm trains by
// default, of one of fewer symbols, and of the small word model of Zaremba, Sutskever and Vinyals
// (2014).
func BenchmarkTrain(b *testing.B) {
	for _, c := range []struct {
		name  string
		sizes traintest.Sizes
		ours  optim.Optimizer
	}{
		{"char", traintest.Sizes{Vocabulary: 256, Embed: 64, Hidden: 256, Layers: 1, Steps: 64, Batch: 32}, &optim.Adam{LR: 1e-3}},
		{"char65", traintest.Sizes{Vocabulary: 65, Embed: 64, Hidden: 256, Layers: 1, Steps: 64, Batch: 32}, &optim.Adam{LR: 1e-3}},
		{"word", traintest.Sizes{Vocabulary: 10000, Embed: 200, Hidden: 200, Layers: 2, Steps: 20, Batch: 20}, &optim.SGD{LR: 1}},
	} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", c.name, workers), func(b *testing.B) {
				s := c.sizes
				net := traintest.LanguageModel(b, 1, s)
				source, err := data.NewTokens(traintest.DrawIDs(traintest.Rng(2), 1<<20, s.Vocabulary), s.Batch)
				require.NoError(b, err)
				trainer, err := bptt.NewTrainer(net, source, bptt.Plan{
					Window: s.Steps, Loss: loss.CrossEntropy{}, Optimizer: c.ours, ClipNorm: 1, Workers: workers,
					OnStep: func(bptt.Progress) error { return bptt.ErrStop },
				})
				require.NoError(b, err)
				for b.Loop() {
					if _, err := trainer.Run(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*float64(s.Steps*s.Batch)/b.Elapsed().Seconds(), "symbols/s")
			})
		}
	}
}
