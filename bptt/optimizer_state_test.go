package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/wire"
)

// TestMomentsThatAreNone: a state with moments that no update makes is refused, and
// nothing is changed. In an old state too, where a root of -1 would be NaN.
func TestMomentsThatAreNone(t *testing.T) {
	nan, inf := float32(nan), float32(infinity)
	sgd := func() optim.Optimizer { return &optim.SGD{LR: 0.1, Momentum: 0.9} }
	adam := func() optim.Optimizer { return &optim.Adam{LR: 0.1} }
	adamW := func() optim.Optimizer { return &optim.AdamW{LR: 0.1} }
	one, three := []float64{1}, []float64{3, 0.7, 0.9}
	for _, c := range []struct {
		optimizer func() optim.Optimizer
		kind      string
		numbers   []float64
		bad       int // the tensor that is refused for its element 1
		values    []float32
	}{
		{sgd, "sgd", one, 0, []float32{nan, inf, -inf}},
		{adam, "adam-root", three, 0, []float32{nan, inf, -inf}},
		{adam, "adam-root", three, 1, []float32{nan, -inf, -1, -1e-40}},
		{adam, "adam", three, 0, []float32{nan, inf, -inf}},
		{adam, "adam", three, 1, []float32{nan, -inf, -1, -1e-40}},
		{adamW, "adamw-root", three, 0, []float32{nan, inf, -inf}},
		{adamW, "adamw-root", three, 1, []float32{nan, -inf, -1, -1e-40}},
		{adamW, "adamw", three, 0, []float32{nan, inf, -inf}},
		{adamW, "adamw", three, 1, []float32{nan, -inf, -1, -1e-40}},
	} {
		for _, v := range c.values {
			o := c.optimizer()
			require.NoError(t, o.Init([]nn.Param{{Name: "w", W: []float32{1, 2}, G: []float32{1, 1}}}))
			s := optim.State{Kind: c.kind, Numbers: c.numbers, Tensors: [][]float32{{0.5, 0.5}, {0.25, 0.25}}[:len(o.State().Tensors)]}
			require.NoError(t, o.SetState(s))
			before := stateOf(o)
			s.Tensors[c.bad][1] = v
			require.ErrorContains(t, o.SetState(s), fmt.Sprintf("element 1 of tensor %d of the optimizer state is %v", c.bad, v), c.kind)
			require.Equal(t, before, stateOf(o))
		}
	}
}

// The square of a gradient above 2^64 was infinite as a float32. A run with such a
// second moment is resumed, and the weight stands still as it did.
func TestInfiniteSecondMomentsAreTaken(t *testing.T) {
	for _, kind := range []string{"adam", "adam-root"} {
		o, w := &optim.Adam{LR: 0.1}, []float32{1, 1}
		require.NoError(t, o.Init([]nn.Param{{Name: "w", W: w, G: []float32{1, 1}}}))
		require.NoError(t, o.SetState(optim.State{Kind: kind, Numbers: []float64{3, 0.7, 0.9}, Tensors: [][]float32{{0.5, 0.5}, {float32(infinity), 0.25}}}))
		require.NoError(t, o.Update(1))
		require.Equal(t, float32(1), w[0])
		require.Less(t, w[1], float32(1))
	}
}

// TestOptimizerStateIsNumbers: a state whose counts are none is refused, by the
// optimizer and by Resume, which then changes nothing.
func TestOptimizerStateIsNumbers(t *testing.T) {
	for name, optimizer := range optimizers {
		o := optimizer()
		require.NoError(t, o.Init(traintest.OneParam(1, 1)))
		require.NoError(t, o.Update(1))
		before := stateOf(o)
		for i := range o.State().Numbers {
			for _, v := range []float64{nan, -1, infinity, 1.5} {
				s := o.State()
				s.Numbers = append([]float64(nil), s.Numbers...)
				s.Numbers[i] = v
				require.ErrorContains(t, o.SetState(s), fmt.Sprintf("number %d", i), name)
				require.Equal(t, before, stateOf(o))
			}
		}
	}

	for want, numbers := range map[string][]float64{
		"number 0 of the optimizer state is 0.5; a step count is a whole number":                  {0.5, 1, 1},
		"number 0 of the optimizer state is 1.8014398509481984e+16":                               {1 << 54, 0, 0},
		"number 1 of the optimizer state is 1 after 3 steps; a power of a beta is 1 before":       {3, 1, 0.9},
		"number 2 of the optimizer state is 0.9 after 0 steps; a power of a beta is 1 before the": {0, 1, 0.9},
	} {
		o := &optim.AdamW{LR: 1}
		require.NoError(t, o.Init(traintest.OneParam(1, 1)))
		require.NoError(t, o.Update(1))
		before := stateOf(o)
		s := o.State()
		s.Numbers = numbers
		require.ErrorContains(t, o.SetState(s), want)
		require.Equal(t, before, stateOf(o))
	}

	_, trainer := onMaskedText(t, bptt.Plan{Steps: 3}, 6, 2)
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	forged, err := bptt.ReadCheckpoint(bytes.NewReader(forge(t, file.Bytes(), func(s *wire.Section) {
		if s.Name == "optimizer/numbers" {
			s.Float64[1] = nan
		}
	})))
	require.NoError(t, err)
	short, err := bptt.ReadCheckpoint(bytes.NewReader(forge(t, file.Bytes(), func(s *wire.Section) {
		if s.Name == "data" {
			s.Bytes = s.Bytes[:len(s.Bytes)-1]
		}
	})))
	require.NoError(t, err)
	_, other := onMaskedText(t, bptt.Plan{Steps: 1}, 6, 2)
	_, err = other.Run(context.Background())
	require.NoError(t, err)
	var want bytes.Buffer
	require.NoError(t, other.Save(&want))
	for name, c := range map[string]*bptt.Checkpoint{"number 1": forged, "position": short} {
		require.ErrorContains(t, other.Resume(c), name)
		var got bytes.Buffer
		require.NoError(t, other.Save(&got))
		require.True(t, bytes.Equal(want.Bytes(), got.Bytes()), "%s: a refused checkpoint left traces", name)
	}
}

// TestParamsOfOptimizers: memory that an update would move twice, and gradients that
// do not fit, are refused by every optimizer before its state is made.
func TestParamsOfOptimizers(t *testing.T) {
	memory, g := make([]float32, 12), make([]float32, 24)
	for want, params := range map[string][]nn.Param{
		"parameters a of 4 elements and b of 4 have memory in common": {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[:4], G: g[4:8]}},
		"parameters a of 4 elements and c of 4 have memory in common": {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[4:6], G: g[4:6]}, {Name: "c", W: memory[2:6], G: g[8:12]}},
		"the gradient of parameter b has 3 elements, want 4":          {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[4:8], G: g[4:7]}},
		"the gradient of parameter a has 0 elements, want 4":          {{Name: "a", W: memory[:4], G: nil}},
		"the gradient of a lies in the memory of parameter a":         {{Name: "a", W: memory[:4], G: memory[:4]}},
		"the gradient of b lies in the memory of parameter a":         {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[8:12], G: memory[2:6]}},
		"the gradient of a lies in the memory of parameter b":         {{Name: "a", W: memory[:4], G: memory[4:8]}, {Name: "b", W: memory[4:8], G: g[:4]}},
	} {
		for name, optimizer := range optimizers {
			o := optimizer()
			require.NoError(t, o.Init([]nn.Param{{Name: "a", W: memory[:2], G: g[:2]}, {Name: "b", W: memory[2:4], G: g[2:4]}, {}}))
			before := stateOf(o)
			require.ErrorContains(t, o.Init(params), want, name)
			require.Equal(t, before, stateOf(o), name)
		}
	}
}
