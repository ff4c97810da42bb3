package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
)

// interrupted is Data that does something before its third batch.
type interrupted struct {
	*data.Text
	n      int
	before func() error
}

func (d *interrupted) Next(b *data.Batch) error {
	if d.n++; d.n == 3 && d.before != nil {
		if err := d.before(); err != nil {
			return err
		}
	}
	return d.Text.Next(b)
}

// hidden is Data whose position cannot be saved.
type hidden struct{ data.Source }

var evaluated = traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 1, Steps: 6, Batch: 2}

// TestEvaluateBeginsAtTheBeginning: 40 targets each time, and the loss of a first
// evaluation to the bit, after one that was interrupted in any way; the net is as
// it was then, and so is the place in the data.
func TestEvaluateBeginsAtTheBeginning(t *testing.T) {
	net := traintest.LanguageModel(t, 1, evaluated)
	want, n, err := bptt.Evaluate(context.Background(), net, traintest.TextData(t, 41, evaluated), loss.CrossEntropy{})
	require.NoError(t, err)
	require.Equal(t, 40, n)
	bad := errors.New("bad")
	for name, c := range map[string]struct {
		before func(cancel func()) error
		is     func(t *testing.T, err error)
	}{
		"cancelled": {func(cancel func()) error { cancel(); return nil }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, context.Canceled)
		}},
		"error": {func(func()) error { return bad }, func(t *testing.T, err error) { require.ErrorIs(t, err, bad) }},
		"panic": {func(func()) error { panic(bad) }, func(t *testing.T, err error) {
			var pe *bptt.PanicError
			require.ErrorAs(t, err, &pe)
			require.ErrorIs(t, err, bad)
			require.Equal(t, "Source.Next", pe.Where)
		}},
	} {
		for _, position := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				inner := &interrupted{Text: traintest.TextData(t, 41, evaluated), before: func() error { return c.before(cancel) }}
				source := data.Source(inner)
				if !position {
					source = hidden{inner}
				}
				y := make([]float32, 2*13)
				require.NoError(t, net.ForwardIDs(y, []int32{3, 4})) // a state that is not zero
				state := net.State()
				mean, n, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{})
				c.is(t, err)
				require.Equal(t, []any{0.0, 0}, []any{mean, n})
				require.Equal(t, state, net.State())
				for range 2 {
					mean, n, err = bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{})
					require.NoError(t, err)
					require.Equal(t, []any{want, 40}, []any{mean, n})
				}
				net.Reset()
			})
		}
	}
}

// TestEvaluateLeavesData where it stood, in the middle of an epoch or at its end,
// in an order that is shuffled too; what cannot say where it stands is left at a
// beginning.
func TestEvaluateLeavesData(t *testing.T) {
	var seqs []data.Sequence
	for i := range 9 {
		s := data.Sequence{Steps: i}
		for k := range i {
			s.IDs, s.Targets = append(s.IDs, int32(k)), append(s.Targets, int32(i))
		}
		seqs = append(seqs, s)
	}
	makers := map[string]func() data.Source{
		"text": func() data.Source { return traintest.TextData(t, 41, evaluated) },
		"tokens": func() data.Source {
			d, err := data.NewTokens(make([]int32, 41), 2)
			require.NoError(t, err)
			return d
		},
		"in order": func() data.Source { d, err := data.NewSequences(seqs, 2, nil); require.NoError(t, err); return d },
		"shuffled": func() data.Source {
			d, err := data.NewSequences(seqs, 2, rand.NewPCG(1, 2))
			require.NoError(t, err)
			return d
		},
	}
	net := traintest.LanguageModel(t, 1, evaluated)
	evaluate := func(source data.Source) float64 {
		mean, _, err := bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{})
		require.NoError(t, err)
		return mean
	}
	for name, make := range makers {
		for taken := range 14 {
			source, undisturbed := make(), make()
			for range taken {
				require.Equal(t, traintest.Next(t, undisturbed, 4), traintest.Next(t, source, 4))
			}
			require.Equal(t, evaluate(source), evaluate(source), name)
			for range 14 {
				require.Equal(t, traintest.Next(t, undisturbed, 4), traintest.Next(t, source, 4), "%s after %d batches", name, taken)
			}
		}

		source := make()
		first := traintest.Next(t, source, 4)
		traintest.Next(t, source, 4)
		require.NoError(t, source.Rewind())
		require.Equal(t, first, traintest.Next(t, source, 4), "%s: Rewind", name)
		evaluate(hidden{source})
		again := traintest.Next(t, source, 4)
		require.Contains(t, again, "r0", "%s: the beginning of an epoch", name)
		if name != "shuffled" {
			require.Equal(t, first, again, name)
		}
	}
}

// TestEvaluateOnTrainingData between updates changes no bit of the training.
func TestEvaluateOnTrainingData(t *testing.T) {
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			run := func(evaluate bool) (losses []float64, file []byte) {
				var net nn.Net
				var trainer *bptt.Trainer
				net, trainer = setup(t, bptt.Plan{Steps: 9, OnStep: func(p bptt.Progress) error {
					losses = append(losses, p.Loss)
					if !evaluate {
						return nil
					}
					_, _, err := bptt.Evaluate(context.Background(), net, trainer.Data(), trainer.Loss())
					return err
				}})
				_, err := trainer.Run(context.Background())
				require.NoError(t, err)
				var b bytes.Buffer
				require.NoError(t, trainer.Save(&b))
				return losses, b.Bytes()
			}
			losses, file := run(false)
			with, other := run(true)
			require.Equal(t, losses, with)
			require.True(t, bytes.Equal(file, other), "the checkpoints differ")
		})
	}
}

// TestTrainerBeginsAtTheBeginning of data that has been read from before.
func TestTrainerBeginsAtTheBeginning(t *testing.T) {
	run := func(taken int) []float32 {
		source := traintest.TextData(t, 100, traintest.Small)
		for range taken {
			traintest.Next(t, source, 5)
		}
		net := traintest.LanguageModel(t, 1, traintest.Small)
		_, err := bptt.Train(context.Background(), net, source, plan(bptt.Plan{Steps: 4}))
		require.NoError(t, err)
		return traintest.Weights(net)
	}
	want := run(0)
	for _, taken := range []int{1, 2, 7, 8} { // in the middle, at the end, after it
		numtest.Equal(t, run(taken), want, "after %d batches", taken)
	}
}

// stuck is Data that cannot go back.
type stuck struct {
	traintest.Script
	fail func() error
}

func (d *stuck) Rewind() error { return d.fail() }

// TestRewindFails: an error or a panic there is the caller's, and nothing is done.
func TestRewindFails(t *testing.T) {
	bad := errors.New("bad")
	for _, fail := range []func() error{func() error { return bad }, func() error { panic(bad) }} {
		source := &stuck{Script: traintest.Script{N: 9}, fail: fail}
		net := traintest.NewLeaky(6, 1)
		_, err := bptt.NewTrainer(net, source, plan(bptt.Plan{}))
		require.ErrorIs(t, err, bad)
		_, _, err = bptt.Evaluate(context.Background(), net, source, loss.MSE{})
		require.ErrorIs(t, err, bad)
		require.Empty(t, net.Log)
	}
}

// lost is Data whose Rewind goes somewhere and fails.
type lost struct {
	traintest.Script
	fail func() error
}

func (d *lost) Rewind() error { d.Pos = 5; return d.fail() }

// TestEvaluateGivesDataBack where it cannot begin, and where the net panics.
func TestEvaluateGivesDataBack(t *testing.T) {
	bad := errors.New("bad")
	for _, fail := range []func() error{func() error { return bad }, func() error { panic(bad) }} {
		source := &lost{traintest.Script{N: 9, Pos: 3}, fail}
		_, _, err := bptt.Evaluate(context.Background(), traintest.NewLeaky(6, 1), source, loss.MSE{})
		require.ErrorIs(t, err, bad)
		require.Equal(t, 3, source.Pos)
	}
	for _, in := range []string{"Dims", "Forward", "SetState"} {
		source := &traintest.Script{N: 9, Pos: 3}
		require.PanicsWithValue(t, in, func() {
			bptt.Evaluate(context.Background(), &panicking{traintest.NewLeaky(6, 1), in}, source, loss.MSE{})
		})
		require.Equal(t, 3, source.Pos, "panic in %s", in)
	}
}

// panicking is a net with a panic in that method.
type panicking struct {
	*traintest.Leaky
	in string
}

func (n *panicking) check(method string) {
	if n.in == method {
		panic(method)
	}
}

func (n *panicking) Dims() (steps, batch, in, out int) { n.check("Dims"); return n.Leaky.Dims() }
func (n *panicking) Forward(y, x []float32)            { n.check("Forward"); n.Leaky.Forward(y, x) }
func (n *panicking) SetState(s [][]float32) error      { n.check("SetState"); return n.Leaky.SetState(s) }

// TestPositionPanics: a panic of the data in MarshalBinary or UnmarshalBinary is an
// error for Evaluate and for Save, and says where it was.
func TestPositionPanics(t *testing.T) {
	bad := errors.New("bad")
	fail := func() error { panic(bad) }
	var pe *bptt.PanicError
	for where, source := range map[string]*misplaced{
		"Source.MarshalBinary":   {traintest.Script{N: 9}, fail, nil},
		"Source.UnmarshalBinary": {traintest.Script{N: 9}, nil, fail},
	} {
		mean, n, err := bptt.Evaluate(context.Background(), traintest.NewLeaky(6, 1), source, loss.MSE{})
		require.ErrorAs(t, err, &pe)
		require.ErrorIs(t, err, bad)
		require.Equal(t, []any{where, 0.0, 0}, []any{pe.Where, mean, n})
	}
	trainer, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &misplaced{traintest.Script{N: 9}, fail, nil}, plan(bptt.Plan{}))
	require.NoError(t, err)
	var file bytes.Buffer
	require.ErrorAs(t, trainer.Save(&file), &pe)
	require.Equal(t, "Source.MarshalBinary", pe.Where)
	require.Zero(t, file.Len(), "nothing is written")

	trainer, err = bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{}))
	require.NoError(t, err)
	require.NoError(t, trainer.Save(&file))
	c, err := bptt.ReadCheckpoint(&file)
	require.NoError(t, err)
	resumed, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &misplaced{traintest.Script{N: 9}, nil, fail}, plan(bptt.Plan{}))
	require.NoError(t, err)
	require.ErrorAs(t, resumed.Resume(c), &pe)
	require.Equal(t, "Source.UnmarshalBinary", pe.Where)
}

// TestPositionFails: a position that cannot be had ends Evaluate before it begins,
// one that is not taken back is reported.
func TestPositionFails(t *testing.T) {
	bad := errors.New("bad")
	fail := func() error { return bad }
	for _, c := range []struct{ get, put func() error }{{fail, nil}, {nil, fail}} {
		net := traintest.NewLeaky(6, 1)
		mean, n, err := bptt.Evaluate(context.Background(), net, &misplaced{traintest.Script{N: 9}, c.get, c.put}, loss.MSE{})
		require.ErrorIs(t, err, bad)
		require.Equal(t, []any{0.0, 0}, []any{mean, n})
		require.Equal(t, c.get != nil, len(net.Log) == 0)
	}
}

type misplaced struct {
	traintest.Script
	get, put func() error
}

func (d *misplaced) MarshalBinary() ([]byte, error) {
	if d.get != nil {
		return nil, d.get()
	}
	return nil, nil
}

func (d *misplaced) UnmarshalBinary([]byte) error {
	if d.put != nil {
		return d.put()
	}
	return nil
}

// TestEvaluateWithout what it needs is an error.
func TestEvaluateWithout(t *testing.T) {
	var net *nn.Model
	var text *data.Text
	for _, c := range []struct {
		net  nn.Net
		data data.Source
		loss loss.Loss
		want string
	}{
		{nil, traintest.Never{}, loss.MSE{}, "no net"}, {net, traintest.Never{}, loss.MSE{}, "no net"},
		{traintest.NewLeaky(2, 1), nil, loss.MSE{}, "no data"}, {traintest.NewLeaky(2, 1), text, loss.MSE{}, "no data"},
		{traintest.NewLeaky(2, 1), traintest.Never{}, nil, "no Loss"}, {traintest.NewLeaky(2, 1), traintest.Never{}, loss.MSE{}, "nothing to evaluate"},
	} {
		_, _, err := bptt.Evaluate(context.Background(), c.net, c.data, c.loss)
		require.ErrorContains(t, err, c.want)
	}
}
