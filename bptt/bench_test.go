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

// BenchmarkTrain is one update of a character model of the size that
// examples/charlm trains by default.
func BenchmarkTrain(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			net := traintest.LanguageModel(b, 1, traintest.Sizes{Vocabulary: 256, Embed: 64, Hidden: 256, Layers: 1, Steps: 64, Batch: 32})
			source, err := data.NewText(traintest.Text(1<<20, 256), 32)
			require.NoError(b, err)
			trainer, err := bptt.NewTrainer(net, source, bptt.Plan{
				Window: 64, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-3}, ClipNorm: 1, Workers: workers,
				OnStep: func(bptt.Progress) error { return bptt.ErrStop },
			})
			require.NoError(b, err)
			for b.Loop() {
				if _, err := trainer.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*64*32/b.Elapsed().Seconds(), "chars/s")
		})
	}
}
