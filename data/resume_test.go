package data_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"
)

// TestRunsResume: a run over each kind of data, saved after any step and gone on with in
// another process, ends with the bits of the run that went through, also if it was
// evaluated on its own data in between.
func TestRunsResume(t *testing.T) {
	seqs := numbered(23, 9, rand.New(rand.NewPCG(2, 2)))
	file := records(t, seqs)
	text := traintest.Text(300, 16)
	makers := map[string]func() (data.Source, error){
		"stream": func() (data.Source, error) {
			return data.NewStream(bytes.NewReader(text), int64(len(text)), data.Bytes, 4)
		},
		"buckets": func() (data.Source, error) { return data.NewBuckets(seqs, 4, 3, rand.NewPCG(5, 6)) },
		"feed": func() (data.Source, error) {
			return data.NewFeed((&opener{file: file}).open, data.FeedConfig{Rows: 4, Pool: 2, ByLength: true, Shuffle: rand.NewPCG(5, 6)})
		},
	}
	const steps = 14
	for name, maker := range makers {
		start := func(n int64) (*nn.Model, data.Source, *bptt.Trainer) {
			net := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 32, Embed: 4, Hidden: 5, Layers: 1, Steps: 6, Batch: 4})
			source, err := maker()
			require.NoError(t, err)
			trainer, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 6, Steps: n, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}})
			require.NoError(t, err)
			return net, source, trainer
		}
		run := func(trainer *bptt.Trainer) {
			_, err := trainer.Run(context.Background())
			require.NoError(t, err)
		}
		whole, _, trainer := start(steps)
		run(trainer)
		want := fmt.Sprint(nn.Fingerprint(whole))
		for n := range int64(steps) {
			if testing.Short() && n%5 != 2 {
				continue
			}
			net, source, first := start(n + 1)
			run(first)
			_, _, err := bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{})
			require.NoError(t, err)
			var b bytes.Buffer
			require.NoError(t, first.Save(&b))
			again, _, second := start(steps)
			c, err := bptt.ReadCheckpoint(&b)
			require.NoError(t, err)
			require.NoError(t, second.Resume(c))
			run(second)
			require.Equal(t, want, fmt.Sprint(nn.Fingerprint(again)), "%s, saved after %d steps", name, n+1)
		}
	}
}
