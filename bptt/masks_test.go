package bptt_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// A pass over steps that were seen before, to find the state of the next window,
// takes the masks back with the state.
func TestWindowsTakeMasksBack(t *testing.T) {
	for _, stride := range []int{6, 2, 1} {
		seen := uint64(0)
		var net bptt.Net
		var trainer *bptt.Trainer
		net, trainer = onMaskedText(t, bptt.Plan{Epochs: 1, OnStep: func(p bptt.Progress) error {
			seen += uint64(p.Count / 3)
			require.Equal(t, []uint64{seen, seen, seen}, net.(*bptt.Model).Clock(), "step %d", p.Step)
			require.Equal(t, []uint64{0, uint64(p.Step)}, net.(*bptt.Model).MaskState())
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
			var net bptt.Net
			var trainer *bptt.Trainer
			net, trainer = onMaskedText(t, bptt.Plan{Steps: 8, OnStep: func(bptt.Progress) error {
				if !evaluate {
					return nil
				}
				data := textData(t, 50, sizes{vocabulary: 13, batch: 3})
				_, _, err := bptt.Evaluate(context.Background(), net, data, bptt.CrossEntropy{})
				return err
			}}, 6, stride)
			_, err := trainer.Run(context.Background())
			require.NoError(t, err)
			return bptt.Fingerprint(net)
		}
		require.Equal(t, run(false), run(true), "stride %d", stride)
	}
}

// Evaluation has no masks, so it says the same every time.
func TestEvaluateDrawsNoMasks(t *testing.T) {
	s := sizes{vocabulary: 13, embed: 5, hidden: 8, layers: 2, steps: 6, batch: 3, masks: true}
	net := languageModel(t, 1, s)
	evaluate := func() float64 {
		loss, _, err := bptt.Evaluate(context.Background(), net, textData(t, 100, s), bptt.CrossEntropy{})
		require.NoError(t, err)
		return loss
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

// Nets of one chain keep their own seeds; all count the same steps.
func TestMasksOfChains(t *testing.T) {
	s := sizes{vocabulary: 13, embed: 5, hidden: 8, layers: 2, steps: 6, batch: 3, masks: true}
	m := languageModel(t, 1, s)
	require.NoError(t, m.SetMaskState([]uint64{1 << 63, 5}))
	require.Equal(t, []uint64{1 << 63, 5}, m.MaskState())
	require.NoError(t, m.SetClock([]uint64{1, 2, 3}))
	require.Equal(t, []uint64{1, 2, 3}, m.Clock())
	require.Error(t, m.SetMaskState([]uint64{1}))
	require.Error(t, m.SetMaskState([]uint64{1, 1 << 40}))
	require.Error(t, m.SetClock([]uint64{1}))
	require.Equal(t, []uint64{1 << 63, 5}, m.MaskState())
	require.Equal(t, []uint64{1, 2, 3}, m.Clock())
	plain := languageModel(t, 1, sizes{vocabulary: 13, embed: 5, hidden: 8, steps: 6, batch: 3})
	require.Nil(t, plain.MaskState())
	require.Nil(t, plain.Clock())
	require.NoError(t, plain.SetMaskState(nil))
}
