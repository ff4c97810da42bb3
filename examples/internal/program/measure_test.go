package program

import (
	"context"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// TestBest: an interrupted training that grew worse has the parameters of its best
// validation, which are those that Trained reads.
func TestBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	emb, err := nn.NewEmbedding(3, 2, r)
	require.NoError(t, err)
	cell, err := rnn.New(rnn.Config{Input: 2, Hidden: 3}, r)
	require.NoError(t, err)
	net, err := nn.Chain(emb, cell.Unroll(2, 1))
	require.NoError(t, err)
	source, err := data.NewTokens([]int32{0, 1, 2, 0, 1}, 1)
	require.NoError(t, err)
	f := NewFlags("best", "", io.Discard, Limits{Steps: 10})
	require.NoError(t, f.Parse([]string{"-out", filepath.Join(t.TempDir(), "out"), "-quiet"}))
	_, err = f.Trained()
	require.ErrorContains(t, err, "train a model first")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := Open(f, interrupt.Under(ctx), io.Discard)
	require.NoError(t, err)
	defer s.Close()
	worse := 0.0
	result, err := s.Train(Run{Net: net, Data: source, Plan: bptt.Plan{
		Window: 2, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1},
		Validate: bptt.Validate{EverySteps: 1, RestoreBest: true, Measure: func(context.Context) (float64, error) { worse++; return worse, nil }},
		OnStep: func(p bptt.Progress) error {
			if p.Step == 5 {
				cancel()
			}
			return nil
		},
	}})
	require.NoError(t, err)
	require.True(t, result.Interrupted)
	best := nn.Fingerprint(net)
	c, err := bptt.ReadCheckpointFile(f.Path(bptt.LastFile))
	require.NoError(t, err)
	require.EqualValues(t, 5, c.Step)
	require.NoError(t, c.Params(net))
	require.NotEqual(t, best, nn.Fingerprint(net))
	c, err = f.Trained()
	require.NoError(t, err)
	require.EqualValues(t, 1, c.Step)
	require.NoError(t, c.Params(net))
	require.Equal(t, best, nn.Fingerprint(net))

	// Each of the four targets is added once to each metric; and Ctrl-C ends a measurement.
	a, b := new(loss.Accuracy), new(loss.Accuracy)
	require.NoError(t, Measure(s.Context(), net, source, a, b))
	require.EqualValues(t, 4, a.Counted)
	require.Equal(t, a, b)
	require.ErrorIs(t, Measure(ctx, net, source, a), context.Canceled)
}

// TestShort: a speed has three digits and a unit, whatever its size.
func TestShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0k", 12: "0.012k", 999: "0.999k", 1234: "1.23k", 56789: "56.8k", 999_400: "999k", 999_600: "1M", 4_050_000: "4.05M", 2.5e9: "2500M",
	} {
		require.Equal(t, want, short(v))
	}
}
