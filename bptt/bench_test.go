package bptt_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// BenchmarkTrain is one update of a character model of the size that
// examples/charlm trains by default.
func BenchmarkTrain(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			net := languageModel(b, 1, sizes{vocabulary: 256, embed: 64, hidden: 256, layers: 1, steps: 64, batch: 32})
			data, err := bptt.NewText(text(1<<20, 256), 32)
			require.NoError(b, err)
			trainer, err := bptt.NewTrainer(net, data, bptt.Plan{
				Window: 64, Loss: bptt.CrossEntropy{}, Optimizer: &bptt.Adam{LR: 1e-3}, ClipNorm: 1, Workers: workers,
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
