package bptt_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// TestWorkersAreBounded, whoever asks for them and however many processors there
// are. (Two thousand million parts of a step never end.)
func TestWorkersAreBounded(t *testing.T) {
	train := func(workers int) [32]byte {
		m := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 256, Embed: 4, Hidden: 6, Layers: 1, Steps: 5, Batch: 3})
		for _, o := range []optim.Optimizer{&optim.SGD{LR: 0.1, Momentum: 0.5}, &optim.AdamW{LR: 0.01}} {
			text, err := data.NewText([]byte("what is asked for is bounded by what can be used"), 3)
			require.NoError(t, err)
			_, err = bptt.Train(context.Background(), m, text, bptt.Plan{Window: 5, Steps: 3, Workers: workers, Loss: loss.CrossEntropy{}, Optimizer: o, ClipNorm: 1})
			require.NoError(t, err)
			_, _, err = bptt.Evaluate(context.Background(), m, text, loss.CrossEntropy{})
			require.NoError(t, err)
		}
		return nn.Fingerprint(m)
	}
	require.Equal(t, train(1), train(math.MaxInt32))
}

// TestNegativeWorkers: a number of workers below 0 is refused by name, as Plan.Workers
// is.
func TestNegativeWorkers(t *testing.T) {
	for _, n := range []int{-1, math.MinInt} {
		m, sgd, adam := traintest.LanguageModel(t, 1, traintest.Small), &optim.SGD{LR: 0.1}, &optim.AdamW{LR: 0.1}
		m.SetWorkers(3)
		for what, f := range map[string]func(){
			"a Model": func() { m.SetWorkers(n) }, "SGD": func() { sgd.SetWorkers(n) }, "AdamW": func() { adam.SetWorkers(n) },
		} {
			require.PanicsWithValue(t, fmt.Sprintf("simdrnn: SetWorkers(%d), want a number of goroutines, or 0 for automatic", n), f, what)
		}
	}
}
