package bptt_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// An update is a gradient that reached the optimizer, and what was said of it.
type updateSeen struct {
	bptt.Progress
	grads [][]float32
}

// updates trains with weights that stay and returns every update.
func updates(t *testing.T, net nn.Net, source data.Source, p bptt.Plan) (seen []updateSeen) {
	t.Helper()
	p.Optimizer = traintest.Frozen{}
	p.OnStep = func(q bptt.Progress) error {
		u := updateSeen{Progress: q}
		net.EachParam(func(_ string, _, g []float32) { u.grads = append(u.grads, append([]float32(nil), g...)) })
		seen = append(seen, u)
		return nil
	}
	_, err := bptt.Train(context.Background(), net, source, p)
	require.NoError(t, err)
	return seen
}

// TestAccumulateWeighsByTerms: windows of 8 and 1 targets give the gradient of one
// batch of both rows, within the bounds that the oracle computes for that batch,
// and its loss. (The mean of the two means is far outside.)
func TestAccumulateWeighsByTerms(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	whole := model{vocabulary: 7, width: 5, cfg: lstm.Config{Hidden: 9, Layers: 2}, steps: 10, batch: 2}
	whole.chain(t) // draws the weights
	lengths := []int{10, 3}
	var seqs []data.Sequence
	for _, n := range lengths {
		seqs = append(seqs, data.Sequence{IDs: traintest.DrawIDs(rng, n, 7), Targets: traintest.DrawIDs(rng, n, 7)})
	}
	seqs[0].Targets[2], seqs[0].Targets[5] = -1, -1 // leaves 8
	seqs[1].Targets[0], seqs[1].Targets[2] = -1, -1 // leaves 1
	ids, targets := make([]int32, 20), make([]int32, 20)
	for p := range ids {
		if s := seqs[p%2]; p/2 < len(s.IDs) {
			ids[p], targets[p] = s.IDs[p/2], s.Targets[p/2]
		}
	}
	want := whole.judge(10, ids, targets, lengths, nil)
	one := whole
	one.batch = 1
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		run := func(m model, accumulate int) updateSeen {
			source, err := data.NewSequences(seqs, m.batch, nil)
			traintest.NoError(t, err)
			net := m.chain(t)
			seen := updates(t, net, source, bptt.Plan{Accumulate: accumulate, Epochs: 1, Loss: loss.CrossEntropy{}})
			require.Len(t, seen, 1)
			require.Equal(t, 9, seen[0].Count)
			h := holder{t: t}
			h.number("loss", seen[0].Loss, want.loss)
			i := 0
			net.EachParam(func(name string, _, _ []float32) {
				h.hold(fmt.Sprintf("%d rows: gradient of %s", m.batch, name), seen[0].grads[i], want.grads[name])
				i++
			})
			require.Equal(t, len(want.grads), i)
			t.Logf("%d rows, %d windows: norm %.6f, at most %.0f%% of any bound used", m.batch, accumulate, seen[0].Norm, 100*h.used)
			return seen[0]
		}
		inOne, inTwo := run(whole, 1), run(one, 2)
		require.Equal(t, inOne.Loss, inTwo.Loss, "a sum in float64 of the same terms")
		require.InEpsilon(t, inOne.Norm, inTwo.Norm, 1e-5)
	})
}

// TestAccumulateNothing: a window in which nothing counts changes no bit of an
// update, wherever in the update it comes.
func TestAccumulateNothing(t *testing.T) {
	ids := func(n, counted int) data.Sequence {
		s := data.Sequence{Steps: n}
		for i := range n {
			s.IDs, s.Targets = append(s.IDs, int32(i*i%13)), append(s.Targets, int32(i%13))
			if i < n-counted {
				s.Targets[i] = -1
			}
		}
		return s
	}
	floats := func(n, counted int) data.Sequence {
		s := ids(n, counted)
		s.IDs = nil
		for i := range n {
			s.X, s.Y = append(s.X, float32(i)/7, 1), append(s.Y, float32(i%3))
		}
		return s
	}
	for _, c := range []struct {
		name string
		loss loss.Loss
		net  func() nn.Net
		make func(n, counted int) data.Sequence
	}{
		{"cross-entropy", loss.CrossEntropy{}, func() nn.Net {
			return traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 9, Batch: 1})
		}, ids},
		{"squared error", loss.MSE{}, func() nn.Net { return regression(t, 9, 1) }, floats},
	} {
		t.Run(c.name, func(t *testing.T) {
			counting := []data.Sequence{c.make(9, 8), c.make(2, 1)}
			nothing := []data.Sequence{c.make(5, 0), {}, c.make(9, 0)}
			run := func(seqs ...data.Sequence) updateSeen {
				source, err := data.NewSequences(seqs, 1, nil)
				require.NoError(t, err)
				seen := updates(t, c.net(), source, bptt.Plan{Accumulate: len(seqs), Steps: 1, Loss: c.loss, ClipNorm: 0.1})
				require.Len(t, seen, 1)
				return seen[0]
			}
			want := run(counting...)
			require.Equal(t, 9, want.Count)
			for _, n := range nothing {
				for at := range 3 {
					seqs := append(append(append([]data.Sequence{}, counting[:at]...), n), counting[at:]...)
					got := run(seqs...)
					for i := range want.grads {
						numtest.Equal(t, got.grads[i], want.grads[i], "parameter %d", i)
					}
					require.Equal(t, []any{want.Loss, want.Count, want.Norm}, []any{got.Loss, got.Count, got.Norm})
				}
			}
			none := run(nothing...)
			require.Equal(t, []any{0.0, 0, 0.0}, []any{none.Loss, none.Count, none.Norm}, "nothing at all is a gradient of zero")

			// A whole pass in which nothing counts is a mistake in the data.
			source, err := data.NewSequences(nothing, 1, nil)
			require.NoError(t, err)
			trainer, err := bptt.NewTrainer(c.net(), source, bptt.Plan{Steps: 100, Loss: c.loss, Optimizer: &optim.SGD{LR: 1}})
			require.NoError(t, err)
			_, err = trainer.Run(t.Context())
			require.ErrorContains(t, err, "bptt: pass 1 over the data, which ended before step 4: nothing in it counts for the loss")
		})
	}
}

// regression is an LSTM and a readout of width 1 over inputs of width 2.
func regression(t *testing.T, steps, batch int) nn.Net {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	rnn, err := lstm.New(lstm.Config{Input: 2, Hidden: 7}, r)
	require.NoError(t, err)
	out, err := nn.NewLinear(7, 1, r)
	require.NoError(t, err)
	net, err := nn.Chain(rnn.Unroll(steps, batch), out)
	require.NoError(t, err)
	return net
}

// TestAccumulateAcrossEpochs: an update takes its windows from the end of one
// epoch and the beginning of the next, and the last is made from those that are
// left; every target counts once where windows overlap. All numbers here are exact
// in float32 up to the last product.
func TestAccumulateAcrossEpochs(t *testing.T) {
	for _, c := range []struct {
		window, stride int
		counts         []int // of the windows of one epoch
	}{{4, 2, []int{2, 2, 2, 1}}, {4, 2, []int{2, 2, 2, 2}}, {3, 1, []int{1, 1, 1, 1, 1, 1, 1}}, {3, 3, []int{3, 3, 1}}} {
		steps := 0
		for _, n := range c.counts {
			steps += n
		}
		run := func(accumulate int) []updateSeen {
			return updates(t, traintest.NewLeaky(4, 1), &traintest.Script{N: steps, Reset: map[int]bool{0: true}}, bptt.Plan{
				Window: c.window, Stride: c.stride, Epochs: 2, Accumulate: accumulate, Loss: sumOfSquares{}})
		}
		single := run(1)
		require.Len(t, single, 2*len(c.counts))
		for accumulate := 2; accumulate <= 2*len(c.counts)+1; accumulate++ {
			seen := run(accumulate)
			for i := 0; i < len(single); i += accumulate {
				var sum float32
				var mean float64
				n := 0
				for k := i; k < min(i+accumulate, len(single)); k++ {
					count := c.counts[k%len(c.counts)]
					require.Equal(t, count, single[k].Count)
					sum, mean, n = sum+single[k].grads[0][0], mean+single[k].Loss*float64(count), n+count
				}
				got := seen[i/accumulate]
				require.Equal(t, n, got.Count)
				require.InEpsilon(t, mean/float64(n), got.Loss, 1e-15)
				require.Equal(t, sum*float32(1/float64(n)), got.grads[0][0], "update %d of %d windows", i/accumulate, accumulate)
			}
			require.Len(t, seen, (len(single)+accumulate-1)/accumulate)
		}
	}
}

// TestAccumulateEndsWithTheContext: an update of more windows than anybody waits for
// is given up between two of them; weights, optimizer and counts are those of the
// last update, and the run goes on with the data behind the windows it read.
func TestAccumulateEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	net, source := traintest.NewLeaky(2, 1), &traintest.Script{N: 1000}
	passes := 0
	net.Broken = func() {
		if passes++; passes == 7 {
			cancel()
		}
		if passes > 20 {
			panic("the context is ignored")
		}
	}
	opt := &optim.SGD{LR: 1e-6, Momentum: 0.5}
	trainer, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 2, Accumulate: 5, Loss: loss.MSE{}, Optimizer: opt, Steps: 2})
	require.NoError(t, err)
	var w []float32
	var state optim.State
	for range 2 {
		report, err := trainer.Run(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, int64(1), report.Step)
		require.Equal(t, int64(10), report.Counted)
		require.Equal(t, 7, passes, "no window after the end")
		require.Equal(t, 14, source.Pos)
		if w == nil {
			w, state = append(w, net.W...), opt.State()
			state.Numbers = append([]float64(nil), state.Numbers...)
		}
		require.Equal(t, w, net.W)
		require.Equal(t, state.Numbers, opt.State().Numbers)
	}
	require.Equal(t, 1.0, state.Numbers[0])
	report, err := trainer.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []int64{2, 20}, []int64{report.Step, report.Counted})
	require.Equal(t, 24, source.Pos)

	ctx, cancel = context.WithCancel(context.Background())
	passes = 5
	net.Broken = func() {
		if passes++; passes == 7 {
			cancel()
		}
		if passes > 20 {
			panic("the context is ignored")
		}
	}
	_, err = bptt.Train(ctx, net, source, bptt.Plan{Window: 2, Accumulate: math.MaxInt, Loss: loss.MSE{}, Optimizer: opt})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 7, passes)
}

// sumOfSquares is MSE whose gradient is that of the sum, whatever it is asked for.
type sumOfSquares struct{ loss.MSE }

func (l sumOfSquares) Loss(dy, y []float32, b *data.Batch, _ float64, s *loss.Scratch) (loss.Total, error) {
	return l.MSE.Loss(dy, y, b, 1, s)
}

// TestLossesDivideByWhatTheCallerSays: a gradient is that of sum/by; by = 0 is the
// number of terms.
func TestLossesDivideByWhatTheCallerSays(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const steps, rows, width = 3, 2, 5
	y, target := make([]float32, steps*rows*width), make([]float32, steps*rows*width)
	for i := range y {
		y[i], target[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	b := &data.Batch{Steps: steps, Rows: rows, Targets: []int32{0, 4, -1, 2, 3, 1}, Y: target, Lengths: []int{3, 2}}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, criterion := range []loss.Loss{loss.CrossEntropy{}, loss.MSE{}} {
			var s loss.Scratch
			grad := func(by float64) ([]float32, float64, float64) {
				dy := make([]float32, len(y))
				total, err := criterion.Loss(dy, y, b, by, &s)
				require.NoError(t, err)
				require.Equal(t, float64(total.Terms), total.Weight)
				return dy, total.Sum, total.Weight
			}
			mean, sum, n := grad(0)
			same, _, _ := grad(n)
			numtest.Equal(t, same, mean, "%T", criterion)
			for _, by := range []float64{1, 3, 64, 0.5} {
				dy, again, m := grad(by)
				require.Equal(t, []any{sum, n}, []any{again, m}, "%T", criterion)
				for i := range dy {
					// Both are a product with a rounded number.
					want := float64(mean[i]) * n / by
					require.LessOrEqual(t, math.Abs(float64(dy[i])-want), 4*0x1p-24*math.Abs(want), "%T by %v", criterion, by)
				}
			}
			for _, by := range []float64{-1, math.NaN(), math.Inf(1)} {
				_, err := criterion.Loss(nil, y, b, by, &s)
				require.ErrorContains(t, err, fmt.Sprintf("divided by %v,", by))
			}
		}
	})
}
