package bptt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// raggedSequences are five sequences of floats with targets, some of them ignored, and
// weights of steps if that is set.
func raggedSequences(weights bool) (seqs []data.Sequence) {
	r := rand.New(rand.NewPCG(7, 1))
	for _, n := range []int{7, 2, 0, 5, 9} {
		s := data.Sequence{Steps: n}
		for i := range n {
			s.X, s.Y = append(s.X, float32(r.NormFloat64()), 1), append(s.Y, float32(r.NormFloat64()))
			s.Targets = append(s.Targets, int32(i%3)-1)
			if weights {
				s.Weights = append(s.Weights, float32(i%4)/2)
			}
		}
		seqs = append(seqs, s)
	}
	return seqs
}

// TestReductions: with every reduction the loss that is reported is the mean, and the
// gradient is the sum's divided by its divisor, in one window and in several.
func TestReductions(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, weights := range []bool{false, true} {
			for _, accumulate := range []int{1, 5} {
				batch := map[int]int{1: 5, 5: 1}[accumulate]
				run := func(r loss.Reduction) updateSeen {
					source, err := data.NewSequences(raggedSequences(weights), batch, nil)
					require.NoError(t, err)
					seen := updates(t, regression(t, 9, batch), source, bptt.Plan{Accumulate: accumulate, Epochs: 1, Loss: loss.MSE{}, Reduction: r})
					require.Len(t, seen, 1)
					return seen[0]
				}
				mean, rows, sum := run(loss.Mean), run(loss.SumOverTime), run(loss.Sum)
				weight := 0.0
				for _, s := range raggedSequences(weights) {
					for i, target := range s.Targets {
						if target >= 0 && !weights {
							weight++
						} else if target >= 0 {
							weight += float64(s.Weights[i])
						}
					}
				}
				for name, c := range map[string]struct {
					got updateSeen
					by  float64
				}{"mean": {mean, weight}, "sum over time": {rows, 4}} {
					require.Equal(t, []any{sum.Loss, sum.Count}, []any{c.got.Loss, c.got.Count}, name)
					for i, want := range sum.grads {
						for j, v := range want {
							require.InDelta(t, float64(v)/c.by, float64(c.got.grads[i][j]), 1e-5, "%s, %d windows, parameter %d", name, accumulate, i)
						}
					}
				}
			}
		}
	})
	_, err := bptt.NewTrainer(regression(t, 9, 1), traintest.Never{}, bptt.Plan{Loss: loss.MSE{}, Optimizer: traintest.Frozen{}, Reduction: 9})
	require.EqualError(t, err, "bptt: Plan.Reduction: loss: reduction 9, want Mean, SumOverTime or Sum")
}

// apart is a loss that does not work in place: it reads y after it has written dy.
type apart struct {
	of   loss.Loss
	seen *int
}

func (l apart) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	if dy != nil {
		if *l.seen++; kernels.Overlap(dy, y) {
			panic("dy and y in one memory")
		}
		before := slices.Clone(y)
		defer func() {
			if !slices.Equal(before, y) {
				panic("y has been written")
			}
		}()
	}
	return l.of.Loss(dy, y, b, by, s)
}

// inPlace notes whether dy was y.
type inPlace struct {
	loss.CrossEntropy
	seen *int
}

func (l inPlace) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	if dy != nil && kernels.Same(dy, y) {
		*l.seen++
	}
	return l.CrossEntropy.Loss(dy, y, b, by, s)
}

// TestGradientsInPlace: one memory for outputs and their gradient where the loss says that
// it can, two where it does not, and the same weights.
func TestGradientsInPlace(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		var hashes [][32]byte
		var together, separate int
		for _, l := range []loss.Loss{loss.CrossEntropy{}, inPlace{seen: &together}, apart{loss.CrossEntropy{}, &separate}} {
			for _, stride := range []int{6, 2} {
				net := traintest.LanguageModel(t, 1, traintest.Small)
				_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 100, traintest.Small), bptt.Plan{
					Window: 6, Stride: stride, Steps: 8, Loss: l, Optimizer: &optim.SGD{LR: 0.1},
				})
				require.NoError(t, err)
				hashes = append(hashes, nn.Fingerprint(net))
			}
		}
		require.Equal(t, hashes[:2], hashes[2:4])
		require.Equal(t, hashes[:2], hashes[4:])
		require.Equal(t, []int{16, 16}, []int{together, separate})
	})
}

// goingBack notes how a Trainer goes back through a net.
type goingBack struct {
	*nn.Model
	flushed, plain int
}

func (n *goingBack) Backward(dx, dy []float32) { n.plain++; n.Model.Backward(dx, dy) }
func (n *goingBack) BackwardFlushed(_ nn.Net, dx, dy []float32) {
	n.flushed++
	nn.BackwardFlushed(n.Model, dx, dy)
}

// embedding is a net with a Backward of its own, and without BackwardFlushed.
type embedding struct {
	*nn.Model
	plain int
}

func (n *embedding) Backward(dx, dy []float32) { n.plain++; n.Model.Backward(dx, dy) }

// TestFlushedGradients: a net is told of a dy without tiny values where the loss says that its
// gradients have none, and only there.
func TestFlushedGradients(t *testing.T) {
	for _, c := range []struct {
		loss           loss.Loss
		flushed, plain int
	}{{loss.CrossEntropy{}, 8, 0}, {apart{loss.CrossEntropy{}, new(int)}, 0, 8}} {
		net := &goingBack{Model: traintest.LanguageModel(t, 1, traintest.Small)}
		_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 100, traintest.Small), bptt.Plan{
			Window: 6, Steps: 8, Loss: c.loss, Optimizer: &optim.SGD{LR: 0.1},
		})
		require.NoError(t, err)
		require.Equal(t, []int{c.flushed, c.plain}, []int{net.flushed, net.plain}, "%T", c.loss)
	}
	net := &embedding{Model: traintest.LanguageModel(t, 1, traintest.Small)}
	_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 100, traintest.Small), bptt.Plan{
		Window: 6, Steps: 8, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1},
	})
	require.NoError(t, err)
	require.Equal(t, 8, net.plain, "the Backward of a net that embeds another")
}

// TestWeightsInOverlappingWindows: each term counts once with its own weight, where
// windows overlap too.
func TestWeightsInOverlappingWindows(t *testing.T) {
	want := 0.0
	seqs := raggedSequences(true)
	for k, s := range seqs {
		seqs[k].Y = s.Weights // so that the loss can see whether they go together
		for i, target := range s.Targets {
			if target >= 0 {
				want += float64(s.Weights[i])
			}
		}
	}
	for _, stride := range []int{1, 2, 3} {
		source, err := data.NewSequences(seqs, 1, nil)
		require.NoError(t, err)
		got := 0.0
		_, err = bptt.Train(context.Background(), regression(t, 9, 1), source, bptt.Plan{
			Window: 3, Stride: stride, Epochs: 1, Optimizer: traintest.Frozen{}, Loss: weighing{&got},
		})
		require.NoError(t, err)
		require.Equal(t, want, got, "stride %d", stride)
	}
}

// weighing adds up the weights that MSE counts. They have to be those of the steps, the
// ones that have been counted before too.
type weighing struct{ sum *float64 }

func (l weighing) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	if !slices.Equal(b.Weights, b.Y) {
		return loss.Total{}, fmt.Errorf("weights %v in a window of %v", b.Weights, b.Y)
	}
	total, err := loss.MSE{}.Loss(dy, y, b, by, s)
	*l.sum += total.Weight
	return total, err
}

// TestTrainCTC: a net learns labels that no step is named for, and windows that cut
// sequences are refused.
func TestTrainCTC(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 8))
	var seqs []data.Sequence
	for range 24 { // runs of inputs of 1 to 3 steps; the labels are the runs
		var s data.Sequence
		for range 1 + r.Uint64()%4 {
			k := int32(r.Uint64() % 3)
			for range 2 + r.Uint64()%2 {
				s.IDs = append(s.IDs, k)
			}
			s.IDs = append(s.IDs, 3) // a pause
			s.Labels = append(s.Labels, k+1)
		}
		seqs = append(seqs, s)
	}
	seqs = append(seqs, data.Sequence{IDs: []int32{3, 3}}) // a pause alone
	source, err := data.NewSequences(seqs, 5, nil)
	require.NoError(t, err)
	emb, err := nn.NewEmbedding(4, 4, r)
	require.NoError(t, err)
	rnn, err := lstm.New(lstm.Config{Input: 4, Hidden: 12}, r)
	require.NoError(t, err)
	out, err := nn.NewLinear(12, 4, r)
	require.NoError(t, err)
	net, err := nn.Chain(emb, rnn.Unroll(16, 5), out)
	require.NoError(t, err)
	criterion := loss.CTC{Blank: 0}
	before, n, err := bptt.Evaluate(context.Background(), net, source, criterion)
	require.NoError(t, err)
	require.Equal(t, 25, n)
	_, err = bptt.Train(context.Background(), net, source, bptt.Plan{Loss: criterion, Epochs: 30, Optimizer: &optim.Adam{LR: 0.02}})
	require.NoError(t, err)
	after, _, err := bptt.Evaluate(context.Background(), net, source, criterion)
	require.NoError(t, err)
	require.Less(t, after, before/10)

	for _, window := range []int{3, 16} {
		_, err = bptt.Train(context.Background(), net, source, bptt.Plan{Window: window, Stride: window - 1, Loss: criterion, Epochs: 1, Optimizer: &optim.Adam{LR: 0.02}})
		require.ErrorContains(t, err, "Plan.Window of 0")
	}
}
