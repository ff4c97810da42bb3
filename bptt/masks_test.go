package bptt_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/lstm"
)

// A pass over steps that were seen before, to find the state of the next window,
// takes the masks back with the state.
func TestWindowsTakeMasksBack(t *testing.T) {
	for _, stride := range []int{6, 2, 1} {
		seen := uint64(0)
		var net nn.Net
		var trainer *bptt.Trainer
		net, trainer = onMaskedText(t, bptt.Plan{Epochs: 1, OnStep: func(p bptt.Progress) error {
			seen += uint64(p.Count / 3)
			require.Equal(t, []uint64{seen, seen, seen}, net.(*nn.Model).Clock(), "step %d", p.Step)
			require.Equal(t, []uint64{0, uint64(p.Step)}, net.(*nn.Model).MaskState())
			return nil
		}}, 6, stride)
		_, err := trainer.Run(context.Background())
		require.NoError(t, err)
		require.Equal(t, uint64(33), seen)
	}
}

// What Evaluate does between two updates changes no mask of the training.
func TestEvaluateLeavesMasks(t *testing.T) {
	for _, stride := range []int{6, 2} {
		run := func(evaluate bool) [32]byte {
			var net nn.Net
			var trainer *bptt.Trainer
			net, trainer = onMaskedText(t, bptt.Plan{Steps: 8, OnStep: func(bptt.Progress) error {
				if !evaluate {
					return nil
				}
				data := traintest.TextData(t, 50, traintest.Sizes{Vocabulary: 13, Batch: 3})
				_, _, err := bptt.Evaluate(context.Background(), net, data, loss.CrossEntropy{})
				return err
			}}, 6, stride)
			_, err := trainer.Run(context.Background())
			require.NoError(t, err)
			return nn.Fingerprint(net)
		}
		require.Equal(t, run(false), run(true), "stride %d", stride)
	}
}

// Evaluation has no masks, so it says the same every time.
func TestEvaluateDrawsNoMasks(t *testing.T) {
	s := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Masks: true}
	net := traintest.LanguageModel(t, 1, s)
	evaluate := func() float64 {
		mean, _, err := bptt.Evaluate(context.Background(), net, traintest.TextData(t, 100, s), loss.CrossEntropy{})
		require.NoError(t, err)
		return mean
	}
	first := evaluate()
	require.NoError(t, net.SetMaskState([]uint64{9, 9}))
	require.Equal(t, first, evaluate())
}

// A net with masks and one without do not resume each other's runs.
func TestResumeRefusesOtherMasks(t *testing.T) {
	save := func(tr *bptt.Trainer) *bptt.Checkpoint {
		_, err := tr.Run(context.Background())
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, tr.Save(&b))
		c, err := bptt.ReadCheckpoint(&b)
		require.NoError(t, err)
		return c
	}
	_, with := onMaskedText(t, bptt.Plan{Steps: 2}, 6, 6)
	_, without := onText(t, bptt.Plan{Steps: 2}, 6, 6, false)
	require.ErrorContains(t, without.Resume(save(with)), "random masks")
	var missing *bptt.MissingError
	require.ErrorAs(t, with.Resume(save(without)), &missing)
}

// Nets of one chain have seeds of their own, and all count the same steps.
func TestMasksOfSeveralNets(t *testing.T) {
	chain := func(first, second uint64) (*lstm.Unrolled, *lstm.Unrolled, *nn.Model) {
		var u []*lstm.Unrolled
		for range 2 {
			l, err := lstm.New(lstm.Config{Input: 4, Hidden: 4, InputDropout: 0.5}, rand.New(rand.NewPCG(1, 2)))
			require.NoError(t, err)
			u = append(u, l.Unroll(3, 2))
		}
		u[0].SetSeed(first)
		u[1].SetSeed(second)
		m, err := nn.Chain(u[0], u[1])
		require.NoError(t, err)
		return u[0], u[1], m
	}
	a, b, m := chain(3, 4)
	require.Equal(t, []uint64{3, 0, 4, 0}, m.MaskState(), "seeds that differ stay")
	require.NoError(t, m.SetMaskState([]uint64{5, 6, 7, 8}))
	require.Equal(t, []uint64{5, 6}, a.MaskState())
	require.Equal(t, []uint64{7, 8}, b.MaskState())
	require.Error(t, m.SetMaskState([]uint64{1, 2, 3, 1 << 32}))
	require.Equal(t, []uint64{5, 6, 7, 8}, m.MaskState(), "the first net's is put back")
	require.NoError(t, m.SetClock([]uint64{9, 10}))
	require.Equal(t, []uint64{9, 10}, a.Clock())
	require.Equal(t, []uint64{9, 10}, b.Clock())

	a, b, m = chain(0, 0)
	require.NotEqual(t, a.MaskState(), b.MaskState(), "the same masks for both nets")
	same := m.MaskState()
	m.SetSeed(1)
	require.NotEqual(t, same[0], a.MaskState()[0])
	require.NotEqual(t, same[2], b.MaskState()[0])
	require.NotEqual(t, a.MaskState(), b.MaskState())
	m.SetSeed(0)
	require.Equal(t, same, m.MaskState())
}

// A checkpoint whose masks are no masks changes nothing.
func TestResumeRefusesForgedMasks(t *testing.T) {
	_, tr := onMaskedText(t, bptt.Plan{Steps: 3}, 6, 6)
	_, err := tr.Run(context.Background())
	require.NoError(t, err)
	save := func() []byte {
		var b bytes.Buffer
		require.NoError(t, tr.Save(&b))
		return b.Bytes()
	}
	whole := save()
	for _, forged := range []struct {
		section string
		at      int
		value   int64
	}{{"masks", 1, 1 << 32}, {"masks/clock", 2, 1 << 32}, {"masks/clock", 0, -1}} {
		file := forge(t, whole, func(s *wire.Section) {
			if s.Name == forged.section {
				s.Int64[forged.at] = forged.value
			}
		})
		c, err := bptt.ReadCheckpoint(bytes.NewReader(file))
		require.NoError(t, err)
		_, other := onMaskedText(t, bptt.Plan{Steps: 1}, 6, 6)
		_, err = other.Run(context.Background())
		require.NoError(t, err)
		tr = other
		before := save()
		require.Error(t, other.Resume(c), "%+v", forged)
		require.Equal(t, before, save(), "%+v", forged)
	}
}

func TestMasksOfChains(t *testing.T) {
	s := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3, Masks: true}
	m := traintest.LanguageModel(t, 1, s)
	require.NoError(t, m.SetMaskState([]uint64{1 << 63, 5}))
	require.Equal(t, []uint64{1 << 63, 5}, m.MaskState())
	require.NoError(t, m.SetClock([]uint64{1, 2, 3}))
	require.Equal(t, []uint64{1, 2, 3}, m.Clock())
	require.Error(t, m.SetMaskState([]uint64{1}))
	require.Error(t, m.SetMaskState([]uint64{1, 1 << 40}))
	require.Error(t, m.SetClock([]uint64{1}))
	require.Equal(t, []uint64{1 << 63, 5}, m.MaskState())
	require.Equal(t, []uint64{1, 2, 3}, m.Clock())
	plain := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Steps: 6, Batch: 3})
	require.Nil(t, plain.MaskState())
	require.Nil(t, plain.Clock())
	require.NoError(t, plain.SetMaskState(nil))
}
