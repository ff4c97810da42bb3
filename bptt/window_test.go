package bptt_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

// h is the state after inputs from+1 to n.
func h(from, n int) float32 {
	v := float32(0)
	for i := from + 1; i <= n; i++ {
		v = v/2 + float32(i)
	}
	return v
}

// TestWindows reads off what the net was asked to do: the windows grow to
// Window steps, begin where they should in the state they should, and count
// each step once.
func TestWindows(t *testing.T) {
	from := func(n int) string { return fmt.Sprint([]float32{h(0, n)}) }
	for _, c := range []struct {
		name           string
		window, stride int
		data           traintest.Script
		want           []string
	}{
		{"chopped", 4, 4, traintest.Script{N: 10}, []string{
			"forward 4 from " + from(0), "backward 4 counting 4",
			"forward 4 from " + from(4), "backward 4 counting 4",
			"forward 2 from " + from(8), "backward 2 counting 2",
		}},
		{"overlapping", 5, 2, traintest.Script{N: 11}, []string{
			"forward 2 from " + from(0), "backward 2 counting 2",
			// 4 + 2 would be 6, so the window after this one begins a step later.
			"forward 1 from " + from(0), "forward 4 from " + from(0), "backward 4 counting 2",
			"forward 2 from " + from(1), "forward 5 from " + from(1), "backward 5 counting 2",
			"forward 2 from " + from(3), "forward 5 from " + from(3), "backward 5 counting 2",
			"forward 2 from " + from(5), "forward 5 from " + from(5), "backward 5 counting 2",
			"forward 1 from " + from(7), "forward 4 from " + from(7), "backward 4 counting 1",
		}},
		{"overlapping with a reset", 4, 1, traintest.Script{N: 5, Reset: map[int]bool{3: true}}, []string{
			"forward 1 from [0]", "backward 1 counting 1",
			"forward 2 from [0]", "backward 2 counting 1",
			"forward 3 from [0]", "backward 3 counting 1",
			"reset [0]", "forward 1 from [0]", "backward 1 counting 1",
			"forward 2 from [0]", "backward 2 counting 1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := traintest.NewLeaky(8, 1)
			_, err := bptt.Train(context.Background(), net, &c.data, bptt.Plan{
				Window: c.window, Stride: c.stride, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
			})
			require.NoError(t, err)
			require.Equal(t, append([]string{"reset []"}, c.want...), net.Log)
		})
	}
}

// TestWindowBeyondOneBatch checks the state at the start of a window against
// the definition where the weights change: it is the state that the window
// before it reached at that step, under the weights of that time.
func TestWindowsCarryTheOldState(t *testing.T) {
	net := traintest.NewLeaky(4, 1)
	source := &traintest.Script{N: 100}
	var before []float32
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 4, Stride: 2, Steps: 6, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-4},
		OnStep: func(p bptt.Progress) error { before = append(before, net.W[0]); return nil },
	})
	require.NoError(t, err)
	w := func(update int) float32 { // the weight during update 1, 2, ...
		if update == 1 {
			return 1
		}
		return before[update-2]
	}
	// Update 2 ran over steps 1-4 and update 3 starts at step 3: its start is
	// the state after steps 1 and 2 under the weight of update 2.
	state := float32(0)
	for update := 2; update <= 5; update++ {
		for i := range 2 {
			wx := w(update) * float32(2*(update-2)+i+1)
			state = float32(state/2) + wx
		}
		require.Contains(t, net.Log, fmt.Sprintf("forward 4 from %v", []float32{state}), "update %d", update+1)
	}
}

// TestFullBPTT: every batch is whole sequences from the zero state.
func TestFullBPTT(t *testing.T) {
	net := traintest.NewLeaky(6, 2)
	seqs := []data.Sequence{
		{Steps: 3, X: []float32{1, 2, 3}, Y: []float32{9, 9, 9}},
		{Steps: 5, X: []float32{1, 2, 3, 4, 5}, Y: make([]float32, 5)},
		{Steps: 0},
		{Steps: 2, X: []float32{7, 8}, Y: []float32{9, 9}},
		{Steps: 1, X: []float32{4}, Y: []float32{9}},
	}
	source, err := data.NewSequences(seqs, 2, nil)
	require.NoError(t, err)
	counts := []int{}
	_, err = bptt.Train(context.Background(), net, source, bptt.Plan{
		Epochs: 2, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
		OnStep: func(p bptt.Progress) error { counts = append(counts, p.Count); return nil },
	})
	require.NoError(t, err)
	epoch := []string{
		"reset []", "forward 5 from [0 0]", "backward 5 counting 8",
		"reset []", "forward 2 from [0 0]", "backward 2 counting 2",
		"reset []", "forward 1 from [0 0]", "backward 1 counting 1",
	}
	require.Equal(t, append(append([]string{"reset []"}, epoch...), epoch...), net.Log)
	require.Equal(t, []int{8, 2, 1, 8, 2, 1}, counts)
}

// TestSequencesInWindows: with a window the sequences come in parts, the state
// carried, and rows that have ended stay ended.
func TestSequencesInWindows(t *testing.T) {
	for _, stride := range []int{2, 1} {
		net := traintest.NewLeaky(4, 2)
		source, err := data.NewSequences([]data.Sequence{
			{Steps: 3, X: []float32{1, 2, 3}, Y: []float32{9, 9, 9}},
			{Steps: 5, X: []float32{1, 2, 3, 4, 5}, Y: []float32{9, 9, 9, 9, 9}},
			{Steps: 1, X: []float32{6}, Y: []float32{9}},
		}, 2, nil)
		require.NoError(t, err)
		report, err := bptt.Train(context.Background(), net, source, bptt.Plan{
			Window: 2, Stride: stride, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
		})
		require.NoError(t, err)
		require.Equal(t, int64(9), report.Counted, "every step of every sequence is counted once")
		require.Equal(t, []float32{6, 0}, net.H, "the last batch is one sequence and an empty row")

		// A row that ended keeps its last state while the other goes on.
		source, err = data.NewSequences([]data.Sequence{
			{Steps: 1, X: []float32{6}, Y: []float32{9}},
			{Steps: 5, X: []float32{1, 2, 3, 4, 5}, Y: []float32{9, 9, 9, 9, 9}},
		}, 2, nil)
		require.NoError(t, err)
		_, err = bptt.Train(context.Background(), net, source, bptt.Plan{
			Window: 2, Stride: stride, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
		})
		require.NoError(t, err)
		require.Equal(t, []float32{6, h(0, 5)}, net.H)
	}
}
