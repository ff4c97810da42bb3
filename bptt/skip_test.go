package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// breakAt makes the gradient of the backward passes of these numbers, from 1, undefined.
func breakAt(net *traintest.Leaky, at ...int) {
	n := 0
	net.Broken = func() {
		n++
		for _, k := range at {
			if n == k {
				net.G[0] = float32(math.NaN())
			}
		}
	}
}

func forwards(net *traintest.Leaky) (from []string) {
	for _, line := range net.Log {
		if _, state, ok := strings.Cut(line, " from "); ok && strings.HasPrefix(line, "forward") {
			from = append(from, state)
		}
	}
	return from
}

// TestSkip: an update that is left out changes no weight and counts as none, and the next
// one starts from the state that it started from.
func TestSkip(t *testing.T) {
	run := func(p bptt.Plan, reset map[int]bool, at ...int) (net *traintest.Leaky, seen []bptt.Progress, report bptt.Report, err error) {
		net = traintest.NewLeaky(4, 1)
		breakAt(net, at...)
		p.Window, p.Loss, p.Optimizer = 4, loss.MSE{}, &optim.SGD{LR: 1e-4}
		p.OnStep = func(q bptt.Progress) error { seen = append(seen, q); return nil }
		report, err = bptt.Train(context.Background(), net, &traintest.Script{N: 400, Reset: reset}, p)
		return net, seen, report, err
	}
	net, seen, report, err := run(bptt.Plan{Steps: 4, SkipNonFinite: 1}, nil, 3, 5)
	require.NoError(t, err)
	var steps, skipped []int64
	for _, p := range seen {
		steps, skipped = append(steps, p.Step), append(skipped, p.Skipped)
	}
	require.Equal(t, []int64{1, 2, 3, 4}, steps)
	require.Equal(t, []int64{0, 0, 1, 2}, skipped)
	require.Equal(t, []int64{2, 16}, []int64{report.Skipped, report.Counted})
	from := forwards(net)
	require.Len(t, from, 6)
	require.Equal(t, from[2], from[3])
	require.Equal(t, from[4], from[5])
	require.NotEqual(t, from[1], from[2])

	// A row that began anew with the batch that is lost goes on from zero, and not from
	// the end of the sequence before.
	net, _, _, err = run(bptt.Plan{Steps: 3, SkipNonFinite: 1}, map[int]bool{8: true}, 3)
	require.NoError(t, err)
	require.Equal(t, "[0]", forwards(net)[2])
	require.Equal(t, "[0]", forwards(net)[3])

	// Windows that overlap begin anew, with the steps that are new.
	net = traintest.NewLeaky(4, 1)
	breakAt(net, 3)
	_, err = bptt.Train(context.Background(), net, &traintest.Script{N: 400}, bptt.Plan{
		Window: 4, Stride: 2, Steps: 3, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-4}, SkipNonFinite: 1,
	})
	require.NoError(t, err)
	var lengths []string
	for _, line := range net.Log {
		if strings.HasPrefix(line, "backward") {
			lengths = append(lengths, strings.Fields(line)[1])
		}
	}
	require.Equal(t, []string{"2", "4", "4", "2"}, lengths)

	// The state goes back where the run ends too.
	net, _, report, err = run(bptt.Plan{Steps: 9}, nil, 3)
	var nf *bptt.NonFiniteError
	require.ErrorAs(t, err, &nf)
	require.Equal(t, int64(0), nf.Skipped)
	require.Equal(t, int64(2), report.Step)
	before := forwards(net)[2]
	require.Equal(t, before, fmt.Sprint(net.H))

	// Too many in a row, and as many with one between them.
	_, _, report, err = run(bptt.Plan{Steps: 9, SkipNonFinite: 2}, nil, 3, 4, 5)
	require.ErrorAs(t, err, &nf)
	require.Equal(t, bptt.NonFiniteError{Step: 3, Param: "w", Loss: nf.Loss, Skipped: 2}, *nf)
	require.ErrorContains(t, err, "step 3: the gradient of w is not finite")
	require.ErrorContains(t, err, "as in the 2 updates before")
	require.Equal(t, int64(2), report.Skipped)
	_, _, report, err = run(bptt.Plan{Steps: 9, SkipNonFinite: 2}, nil, 3, 4, 6, 7)
	require.NoError(t, err)
	require.Equal(t, []int64{9, 4}, []int64{report.Step, report.Skipped})

	// A pass of which all updates are left out is not one in which nothing counts.
	net = traintest.NewLeaky(4, 1)
	breakAt(net, 1, 3)
	report, err = bptt.Train(context.Background(), net, &traintest.Script{N: 4}, bptt.Plan{
		Window: 4, Steps: 2, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-4}, SkipNonFinite: 1,
	})
	require.NoError(t, err)
	require.Equal(t, []int64{2, 2}, []int64{report.Step, report.Skipped})
}

// A loss that is not finite is left out like a gradient, windows that overlap begin anew,
// and the optimizer, the schedule and the mean of the pass know nothing of it.
func TestSkipLeavesNothing(t *testing.T) {
	for _, window := range []int{4, 6} {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		adam := &optim.Adam{LR: 1e-2}
		bad := &sometimes{at: map[int]bool{3: true, 4: true, 8: true}}
		var weights []float32
		var state string
		var steps []int64
		skips := 0
		var ends []bptt.EpochEnd
		sums, terms := 0.0, int64(0)
		_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 130, traintest.Small), bptt.Plan{
			Window: window, Stride: 4, Epochs: 1, Loss: bad, Optimizer: adam, SkipNonFinite: 2,
			Schedule: rates(func(step int64) float64 { steps = append(steps, step); return 1 }),
			OnStep: func(p bptt.Progress) error {
				weights, state = traintest.Weights(net), stateOf(adam)
				sums += p.Loss * float64(p.Count)
				terms += int64(p.Count)
				return nil
			},
			OnEpoch: func(e bptt.EpochEnd) error { ends = append(ends, e); return nil },
			Log: bptt.Log{Metrics: writer(func(line string) {
				if strings.HasPrefix(line, `{"event":"skip"`) {
					skips++
					numtest.Equal(t, traintest.Weights(net), weights)
					require.Equal(t, state, stateOf(adam))
					require.Contains(t, line, `"loss":null,"param":""`)
				}
			})},
		})
		require.NoError(t, err)
		require.Equal(t, 3, skips)
		require.Equal(t, []int64{0, 1, 2, 3, 4, 5, 6, 7}, steps, "window %d", window)
		require.Len(t, ends, 1)
		require.Equal(t, terms, ends[0].Count)
		require.InEpsilon(t, sums/float64(terms), ends[0].Loss, 1e-12)
	}
}

// sometimes is a CrossEntropy that is infinite at some of its calls, counted from 1.
type sometimes struct {
	loss.CrossEntropy
	n  int
	at map[int]bool
}

func (l *sometimes) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	total, err := l.CrossEntropy.Loss(dy, y, b, by, s)
	if l.n++; l.at[l.n] {
		total.Sum = math.Inf(1)
	}
	return total, err
}

// writer is an io.Writer of whole lines.
type writer func(line string)

func (w writer) Write(b []byte) (int, error) { w(string(b)); return len(b), nil }

// TestSkipIsResumed: a checkpoint knows how many updates were left out, and how many of
// them in a row.
func TestSkipIsResumed(t *testing.T) {
	start := func(ctx context.Context, metrics writer) (*bptt.Trainer, *traintest.Leaky) {
		net := traintest.NewLeaky(4, 1)
		trainer, err := bptt.NewTrainer(net, &traintest.Script{N: 400}, bptt.Plan{
			Window: 4, Steps: 9, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-4}, SkipNonFinite: 2, Log: bptt.Log{Metrics: metrics},
		})
		require.NoError(t, err)
		return trainer, net
	}
	ctx, cancel := context.WithCancel(context.Background())
	trainer, net := start(ctx, func(line string) {
		if strings.Contains(line, `"in_row":2`) {
			cancel()
		}
	})
	breakAt(net, 1, 3, 4)
	_, err := trainer.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	c, err := bptt.ReadCheckpoint(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	require.Equal(t, int64(3), c.Skipped)

	resumed, other := start(context.Background(), func(string) {})
	require.NoError(t, resumed.Resume(c))
	breakAt(other, 1)
	report, err := resumed.Run(context.Background())
	var nf *bptt.NonFiniteError
	require.ErrorAs(t, err, &nf)
	require.Equal(t, []int64{2, 2, 3}, []int64{nf.Step, nf.Skipped, report.Skipped})
	other.Broken = nil
	report, err = resumed.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []int64{9, 3}, []int64{report.Step, report.Skipped})
	require.NotEqual(t, nn.Fingerprint(net), nn.Fingerprint(other))
}
