package bptt_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// A looking is a loss that keeps what the weights are while it is computed.
type looking struct {
	loss.CrossEntropy
	net  nn.Net
	seen *[][]float32 // of each call
	fail *error       // what it returns, if that is set
}

func (l looking) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	*l.seen = append(*l.seen, traintest.Weights(l.net))
	if l.fail != nil && *l.fail != nil {
		return loss.Total{}, *l.fail
	}
	return l.CrossEntropy.Loss(dy, y, b, by, s)
}

// wide has a weight of several pieces of work, and one whose length is no whole block.
var wide = traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 70, Steps: 4, Batch: 2, Layers: 1}

func noisyText(t testing.TB) data.Source {
	return traintest.TextData(t, 100, traintest.Sizes{Vocabulary: 13, Batch: 2})
}

// noisy is what weights are with the noise of an update, by rule 11 of the contract, one
// element after another.
func noisy(net nn.Net, weights []float32, of bptt.WeightNoise, update uint32, has func(name string) bool) []float32 {
	key := [2]uint32{uint32(of.Seed), uint32(of.Seed >> 32)}
	all, at, place := slices.Clone(weights), 0, uint32(0)
	net.EachParam(func(name string, w, _ []float32) {
		for j := range w {
			if has(name) {
				draw := func(half uint32) float32 {
					words := ref.Philox([4]uint32{uint32(j/64*16 + j%16), update, 2*place + half, math.MaxUint32}, key)
					return math.Float32frombits(words[j%64/16]>>9 | 0x3f800000)
				}
				var n [1]float32
				ref.BoxMuller(n[:], []float32{draw(0)}, []float32{draw(1)})
				all[at+j] = ref.FMA(n[0], float32(of.Std), all[at+j])
			}
		}
		at += len(w)
		place++
	})
	return all
}

func everyName(string) bool { return true }

// TestNoiseIsOnTheWeights: in the windows of an update each weight has its number of the
// contract, the same on every tier and number of workers, and after it what the optimizer has
// made of the weights without.
func TestNoiseIsOnTheWeights(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, workers := range []int{1, 3} {
			net := traintest.LanguageModel(t, 1, wide)
			var seen [][]float32
			of := bptt.WeightNoise{Std: 0.075, Seed: 1<<40 + 3}
			before := traintest.Weights(net)
			require.Greater(t, len(before), 1<<14)
			report, err := bptt.Train(context.Background(), net, noisyText(t), bptt.Plan{
				Window: 4, Accumulate: 2, Steps: 3, Workers: workers, Noise: of,
				Loss: looking{net: net, seen: &seen}, Optimizer: &optim.SGD{LR: 0.1},
				OnStep: func(p bptt.Progress) error {
					require.Len(t, seen, 2)
					want := noisy(net, before, of, uint32(p.Step-1), everyName)
					numtest.Equal(t, seen[0], want, "update %d, %d workers", p.Step, workers)
					numtest.Equal(t, seen[1], want, "the second window of update %d", p.Step)
					// The step is one from the weights without noise.
					at := 0
					net.EachParam(func(name string, w, g []float32) {
						ref.SGD(before[at:at+len(w)], g, 0.1, 0)
						numtest.Equal(t, w, before[at:at+len(w)], "%s after update %d", name, p.Step)
						at += len(w)
					})
					seen = nil
					return nil
				},
			})
			require.NoError(t, err)
			require.Equal(t, int64(3), report.Step)
			h := sha256.New()
			for _, w := range traintest.Weights(net) {
				require.NoError(t, binary.Write(h, binary.LittleEndian, w))
			}
			require.Equal(t, "a3d3c610ebab6939", fmt.Sprintf("%x", h.Sum(nil)[:8]))
		}
	})
}

// TestNoiseIsInTheGradient: it is that of a run without noise from the weights with noise.
func TestNoiseIsInTheGradient(t *testing.T) {
	train := func(net nn.Net, of bptt.WeightNoise) (bptt.Report, []float32) {
		report, err := bptt.Train(context.Background(), net, noisyText(t), bptt.Plan{
			Window: 4, Steps: 1, Noise: of, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1},
		})
		require.NoError(t, err)
		var all []float32
		net.EachParam(func(_ string, _, g []float32) { all = append(all, g...) })
		return report, all
	}
	of := bptt.WeightNoise{Std: 0.3, Seed: 5}
	net, other := traintest.LanguageModel(t, 1, wide), traintest.LanguageModel(t, 1, wide)
	with := noisy(other, traintest.Weights(other), of, 0, everyName)
	other.EachParam(func(_ string, w, _ []float32) { with = with[copy(w, with):] })
	got, grads := train(net, of)
	want, wantGrads := train(other, bptt.WeightNoise{})
	require.Equal(t, want.Loss, got.Loss)
	require.Equal(t, want.Norm, got.Norm)
	numtest.Equal(t, grads, wantGrads, "gradients")
}

// TestNoiseOfSomeParameters: those that a pattern matches, and none that are frozen, while they
// are.
func TestNoiseOfSomeParameters(t *testing.T) {
	net := traintest.LanguageModel(t, 1, wide)
	var seen [][]float32
	of := bptt.WeightNoise{Std: 0.1, Params: []string{"*.weight_hh_l0", "*.weight_ih_l0"}}
	before := traintest.Weights(net)
	_, err := bptt.Train(context.Background(), net, noisyText(t), bptt.Plan{
		Window: 4, Steps: 3, Noise: of, Loss: looking{net: net, seen: &seen},
		Optimizer: &optim.Groups{List: []optim.Group{
			{Params: []string{"*.weight_ih_l0"}, Optimizer: &optim.SGD{LR: 0.1}, From: 2},
			{Optimizer: &optim.SGD{LR: 0.1}},
		}},
		OnStep: func(p bptt.Progress) error {
			has := func(name string) bool {
				return strings.HasSuffix(name, ".weight_hh_l0") || p.Step == 3 && strings.HasSuffix(name, ".weight_ih_l0")
			}
			numtest.Equal(t, seen[0], noisy(net, before, of, uint32(p.Step-1), has), "update %d", p.Step)
			seen, before = nil, traintest.Weights(net)
			return nil
		},
	})
	require.NoError(t, err)
}

// TestNoiseIsNotSeen by validations, files and callbacks, and is gone after an update that ended
// with an error, a panic, or was left out.
func TestNoiseIsNotSeen(t *testing.T) {
	net := traintest.LanguageModel(t, 1, wide)
	var seen [][]float32
	var fail error
	var last []float32
	validations := 0
	plan := bptt.Plan{
		Window: 4, Steps: 4, Noise: bptt.WeightNoise{Std: 0.1}, Loss: looking{net: net, seen: &seen, fail: &fail}, Optimizer: &optim.Adam{LR: 0.1},
		OnStep: func(bptt.Progress) error { last = traintest.Weights(net); return nil },
		Validate: bptt.Validate{EverySteps: 1, Measure: func(context.Context) (float64, error) {
			validations++
			numtest.Equal(t, traintest.Weights(net), last, "in a validation")
			return 0, nil
		}},
	}
	trainer, err := bptt.NewTrainer(net, noisyText(t), plan)
	require.NoError(t, err)
	_, err = trainer.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, 4, validations)
	require.NotEqual(t, last, seen[3], "the test needs noise")

	fail = errors.New("no loss")
	plan.Steps, plan.Optimizer = 8, &optim.Adam{LR: 0.1}
	trainer, err = bptt.NewTrainer(net, noisyText(t), plan)
	require.NoError(t, err)
	_, err = trainer.Run(context.Background())
	require.ErrorIs(t, err, fail)
	numtest.Equal(t, traintest.Weights(net), last, "after an error")

	leaky := traintest.NewLeaky(4, 1)
	leaky.Broken = func() { panic("broken") }
	trainer, err = bptt.NewTrainer(leaky, &traintest.Script{N: 12}, bptt.Plan{
		Window: 4, Noise: bptt.WeightNoise{Std: 0.5}, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.1},
	})
	require.NoError(t, err)
	require.PanicsWithValue(t, "broken", func() { _, _ = trainer.Run(context.Background()) })
	require.Equal(t, []float32{1}, leaky.W, "after a panic")
}

// TestNoiseIsNewAfterAnUpdateLeftOut, whose noise may be why its loss is not finite.
func TestNoiseIsNewAfterAnUpdateLeftOut(t *testing.T) {
	net := traintest.LanguageModel(t, 1, wide)
	var seen [][]float32
	of := bptt.WeightNoise{Std: 0.1}
	before := traintest.Weights(net)
	broken := brokenOnce{looking{net: net, seen: &seen}}
	_, err := bptt.Train(context.Background(), net, noisyText(t), bptt.Plan{
		Window: 4, Steps: 1, SkipNonFinite: 1, Noise: of, Loss: broken, Optimizer: &optim.SGD{LR: 0.1},
	})
	require.NoError(t, err)
	require.Len(t, seen, 2)
	for update, got := range seen {
		numtest.Equal(t, got, noisy(net, before, of, uint32(update), everyName), "update %d", update)
	}
}

// A brokenOnce is a loss that is NaN when it is computed first.
type brokenOnce struct{ looking }

func (l brokenOnce) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	total, err := l.looking.Loss(dy, y, b, by, s)
	if len(*l.seen) == 1 {
		total.Sum = math.NaN()
	}
	return total, err
}

// TestNoiseRefuses what makes no sense, before anything has moved.
func TestNoiseRefuses(t *testing.T) {
	for _, c := range []struct {
		noise bptt.WeightNoise
		want  string
	}{
		{bptt.WeightNoise{Std: -0.1}, "Plan.Noise.Std is -0.1, want a standard deviation that is a normal number above 0"},
		{bptt.WeightNoise{Std: nan}, "Plan.Noise.Std is NaN"},
		{bptt.WeightNoise{Std: infinity}, "Plan.Noise.Std is +Inf"},
		{bptt.WeightNoise{Std: huge32}, "Plan.Noise.Std is 1e+39"},
		{bptt.WeightNoise{Std: tiny32}, "Plan.Noise.Std is 1e-50"},
		{bptt.WeightNoise{Params: []string{"*"}}, `Plan.Noise has Params ["*"] and a Std of 0`},
		{bptt.WeightNoise{Std: 1, Params: []string{"w", "v"}}, `the pattern "v", which matches none of the parameters ["w"]`},
		{bptt.WeightNoise{Std: 1, Params: []string{"[w"}}, `the pattern "[w": syntax error in pattern`},
	} {
		net := traintest.NewLeaky(4, 1)
		_, err := bptt.NewTrainer(net, &traintest.Script{N: 12}, bptt.Plan{Window: 4, Noise: c.noise, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.1}})
		require.ErrorContains(t, err, c.want)
		require.Empty(t, net.Log, "%v", c.noise)
	}
}
