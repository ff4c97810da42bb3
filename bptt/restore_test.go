package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/wire"
)

// saved is what Save writes.
func saved(t *testing.T, trainer *bptt.Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, trainer.Save(&b))
	return b.Bytes()
}

// A run that has diverged holds moments that SetState refuses. A Resume that fails
// puts them back all the same.
func TestResumeRestoresAStateThatDiverged(t *testing.T) {
	for name, optimizer := range optimizers {
		if name == "sgd" {
			continue // has no moments
		}
		_, source := onText(t, bptt.Plan{Steps: 3, Optimizer: optimizer()}, 6, 6, false)
		_, err := source.Run(context.Background())
		require.NoError(t, err)
		bad, err := bptt.ReadCheckpoint(bytes.NewReader(forge(t, saved(t, source), func(s *wire.Section) {
			if s.Name == "data" {
				s.Bytes = s.Bytes[:len(s.Bytes)-1]
			}
		})))
		require.NoError(t, err)

		o := optimizer()
		_, trainer := onText(t, bptt.Plan{Steps: 1, Optimizer: o}, 6, 6, false)
		_, err = trainer.Run(context.Background())
		require.NoError(t, err)
		o.State().Tensors[0][1] = float32(nan)
		o.State().Tensors[1][0] = float32(infinity)
		state, before := stateOf(o), saved(t, trainer)
		require.Error(t, o.SetState(o.State()), "the state is not refused")
		require.ErrorContains(t, trainer.Resume(bad), "position")
		require.Equal(t, state, stateOf(o), name)
		require.True(t, bytes.Equal(before, saved(t, trainer)), name)
	}
}

// choosy is a Net with masks that refuses what it is told to.
type choosy struct {
	*traintest.Leaky
	seeds, clock       []uint64
	badState, badClock bool
	stubborn           bool // refuses seeds after a clock that it has refused
	badSeeds           bool
}

var errChoosy = errors.New("not taken")

func (n *choosy) MaskState() []uint64 { return append([]uint64(nil), n.seeds...) }
func (n *choosy) Clock() []uint64     { return append([]uint64(nil), n.clock...) }

func (n *choosy) SetMaskState(s []uint64) error {
	if n.badSeeds {
		return errChoosy
	}
	copy(n.seeds, s)
	return nil
}

func (n *choosy) SetClock(c []uint64) error {
	if n.badClock {
		n.badSeeds = n.stubborn
		return errChoosy
	}
	copy(n.clock, c)
	return nil
}

func (n *choosy) SetState(s [][]float32) error {
	if n.badState {
		return errChoosy
	}
	return n.Leaky.SetState(s)
}

// TestResumeTakesEverythingBack: masks, optimizer, data and state are as they were,
// whichever of the net's methods refuses its part last.
func TestResumeTakesEverythingBack(t *testing.T) {
	build := func(steps int64) (*choosy, *bptt.Trainer) {
		net := &choosy{Leaky: traintest.NewLeaky(6, 1), seeds: []uint64{uint64(steps), 7}, clock: []uint64{uint64(steps)}}
		trainer, err := bptt.NewTrainer(net, &traintest.Script{N: 90}, bptt.Plan{Window: 6, Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: 1e-3}, Steps: steps})
		require.NoError(t, err)
		_, err = trainer.Run(context.Background())
		require.NoError(t, err)
		return net, trainer
	}
	_, source := build(3)
	c, err := bptt.ReadCheckpoint(bytes.NewReader(saved(t, source)))
	require.NoError(t, err)
	for name, spoil := range map[string]func(n *choosy){
		"state": func(n *choosy) { n.badState = true },
		"clock": func(n *choosy) { n.badClock = true },
	} {
		net, trainer := build(1)
		before := saved(t, trainer)
		spoil(net)
		require.ErrorIs(t, trainer.Resume(c), errChoosy)
		require.True(t, bytes.Equal(before, saved(t, trainer)), name)
		net.badState, net.badClock = false, false
		require.NoError(t, trainer.Resume(c))
		require.True(t, bytes.Equal(saved(t, source), saved(t, trainer)), name)
	}

	// What cannot be taken back is told.
	net, trainer := build(1)
	net.badClock, net.stubborn = true, true
	err = trainer.Resume(c)
	several, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	require.Len(t, several.Unwrap(), 2)
}

// spoilt is Data whose batch number bad has a target that is no class.
type spoilt struct {
	*data.Text
	n, bad int
}

func (d *spoilt) Next(b *data.Batch) error {
	err := d.Text.Next(b)
	if d.n++; d.n == d.bad {
		b.Targets[0] = 99
	}
	return err
}

// TestOverlapAfterAnError: a window that ended in an error is given up, and the run
// can go on after it.
func TestOverlapAfterAnError(t *testing.T) {
	for bad := 1; bad <= 4; bad++ {
		s := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 1, Steps: 6, Batch: 3}
		net := traintest.LanguageModel(t, 1, s)
		trainer, err := bptt.NewTrainer(net, &spoilt{Text: traintest.TextData(t, 200, s), bad: bad}, bptt.Plan{
			Window: 6, Stride: 2, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1}, Steps: 8,
		})
		require.NoError(t, err)
		_, err = trainer.Run(context.Background())
		var id *data.IDError
		require.ErrorAs(t, err, &id, "batch %d", bad)
		report, err := trainer.Run(context.Background())
		require.NoError(t, err, "batch %d", bad)
		require.Equal(t, int64(8), report.Step)
	}
}

// ragged is Data of two rows with these lengths, batch after batch of two steps.
type ragged struct {
	lengths [][]int
	n       int
}

func (d *ragged) Rewind() error { d.n = 0; return nil }

func (d *ragged) Next(b *data.Batch) error {
	if d.n == len(d.lengths) {
		d.n = 0
		return io.EOF
	}
	x := []float32{1, 1, 1, 1}
	*b = data.Batch{Steps: 2, Rows: 2, X: x, Y: make([]float32, 4), Lengths: d.lengths[d.n]}
	d.n++
	return nil
}

// TestRowThatGoesOnIsRefusedFirst: a batch that goes on with a row that has ended
// changes nothing, not the lengths of the rows before that one either.
func TestRowThatGoesOnIsRefusedFirst(t *testing.T) {
	net := traintest.NewLeaky(4, 2)
	source := &ragged{lengths: [][]int{{2, 1}, {2, 1}, {2, 0}}}
	trainer, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 4, Stride: 2, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3}, Epochs: 1})
	require.NoError(t, err)
	_, err = trainer.Run(context.Background())
	require.EqualError(t, err, "bptt: step 2, in pass 1 over the data: the data continues row 1 after its end in an earlier batch, without Reset; a row that ended begins again with Reset set")
	report, err := trainer.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, int64(2), report.Step)
	require.Equal(t, []int{4, 1}, net.Lengths)
}

// TestErrorsAreAllTold: where what was borrowed does not go back either, both errors
// come out.
func TestErrorsAreAllTold(t *testing.T) {
	bad, worse := errors.New("bad"), errors.New("worse")
	_, _, err := bptt.Evaluate(context.Background(), traintest.NewLeaky(6, 1), &misplaced{traintest.Script{N: 9}, nil, func() error { return worse }}, broken{bad})
	require.ErrorIs(t, err, bad)
	require.ErrorIs(t, err, worse)
	_, _, err = bptt.Evaluate(context.Background(), traintest.NewLeaky(6, 1), &unwilling{misplaced{traintest.Script{N: 9}, nil, func() error { return worse }}, bad}, loss.MSE{})
	require.ErrorIs(t, err, bad)
	require.ErrorIs(t, err, worse)
}

// unwilling is Data that cannot begin.
type unwilling struct {
	misplaced
	err error
}

func (d *unwilling) Rewind() error { return d.err }
