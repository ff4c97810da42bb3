package bptt_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// TestPlaceOfNaN: an error of an update tells of the input or target that spoiled it; not of
// padding, of targets that do not count, nor of what does not have to do with it.
func TestPlaceOfNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for name, c := range map[string]struct {
		x, y           float32 // of element 1 of step 1 of the second sequence
		window, stride int
		rate           float64
		want           string
	}{
		"input":                {x: nan, y: nan, want: "input 1 at step 1, row 1 is NaN"},
		"target":               {y: inf, want: "target value 1 at step 1, row 1 is -Inf"},
		"windows":              {x: inf, window: 1, want: "input 1 at step 0, row 1 is -Inf"},
		"windows that overlap": {x: inf, window: 3, stride: 1, want: "input 1 at step 0, row 1 is -Inf"},
		"nothing in data":      {rate: 1e30, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			seqs := []data.Sequence{{Steps: 3, X: make([]float32, 9), Y: make([]float32, 6)}, {Steps: 2, X: make([]float32, 6), Y: []float32{1, 1, 1, 1}}}
			seqs[1].X[4], seqs[1].Y[3] = c.x, 1+c.y
			net := small(t, 0, 2)
			_, err := bptt.Train(context.Background(), net, padded{sequences(t, 2, seqs...)}, bptt.Plan{
				Window: c.window, Stride: c.stride, Steps: 9, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: max(c.rate, 1e-3)},
			})
			var bad *bptt.NonFiniteError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.want, bad.Data)
			if c.want != "" {
				require.ErrorContains(t, err, ", and in the data "+c.want+"; the weights are those before the step")
			}
		})
	}
}

// TestEvaluateNaN: a NaN of the data is an error with its place, of a block of rows too; one of
// the net is a mean, and what does not count is nothing at all.
func TestEvaluateNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	evaluate := func(net nn.Net, x, y float32, limit int) (float64, error) {
		var seqs []data.Sequence
		for range 4 { // two batches of two
			seqs = append(seqs, data.Sequence{Steps: 2, X: make([]float32, 6), Y: []float32{1, 1, 1, 1}})
		}
		seqs[3].X[4], seqs[3].Y[3] = x, 1+y
		seqs[2].Steps, seqs[2].X, seqs[2].Y = 1, seqs[2].X[:3], seqs[2].Y[:2]
		if limit > 0 { // of a loss that knows blocks of any width
			for i := range seqs {
				seqs[i].Y, seqs[i].Targets = nil, []int32{1, 0}[:seqs[i].Steps]
			}
			mean, _, err := bptt.EvaluateWithin(context.Background(), net, padded{sequences(t, 2, seqs...)}, loss.CrossEntropy{}, limit)
			return mean, err
		}
		mean, _, err := bptt.Evaluate(context.Background(), net, padded{sequences(t, 2, seqs...)}, loss.MSE{})
		return mean, err
	}
	for _, limit := range []int{0, 10} {
		for want, v := range map[string][2]float32{
			"batch 1 of the data has the loss NaN: input 1 at step 1, row 1 is NaN; mend it":          {nan, 0},
			"batch 1 of the data has the loss +Inf: target value 1 at step 1, row 1 is -Inf; mend it": {0, inf},
		} {
			if limit > 0 && v[1] != 0 {
				continue // ids are finite
			}
			_, err := evaluate(small(t, 0, 2), v[0], v[1], limit)
			require.ErrorContains(t, err, want, "limit %d", limit)
		}
		mean, err := evaluate(small(t, 0, 2), 0, 0, limit)
		require.NoError(t, err)
		require.False(t, math.IsNaN(mean))
		net := small(t, 0, 2)
		net.EachParam(func(_ string, w, _ []float32) { w[0] = nan })
		mean, err = evaluate(net, 0, 0, limit)
		require.NoError(t, err)
		require.True(t, math.IsNaN(mean))
	}
}

// TestDivergedRunGoesOn: a validation of a net whose weights are NaN is no error. It is not the
// best, before a best as little as after one, its weights are neither kept nor written, and the
// schedule takes it for no improvement.
func TestDivergedRunGoesOn(t *testing.T) {
	var seqs []data.Sequence
	for range 2 {
		seqs = append(seqs, data.Sequence{Steps: 2, X: make([]float32, 6), Y: []float32{1, 1, 1, 1}})
	}
	dir, net := t.TempDir(), small(t, 0, 2)
	diverged := map[int64]bool{1: true, 2: true, 5: true}
	var w0 float32
	var rates []float64
	set := func(v float32) {
		net.EachParam(func(name string, w, _ []float32) {
			if name == "0.weight_ih_l0" {
				w0, w[0] = w[0], v
			}
		})
	}
	report, err := bptt.Train(context.Background(), net, sequences(t, 2, seqs...), bptt.Plan{
		Steps: 6, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3}, SkipNonFinite: 1, Schedule: &optim.Plateau{Factor: 0.5, Patience: 1},
		Checkpoint: bptt.Checkpoints{Dir: dir, EverySteps: 1},
		OnStep: func(p bptt.Progress) error {
			rates = append(rates, p.Rate)
			if diverged[p.Step] {
				set(float32(math.NaN()))
			}
			return nil
		},
		Validate: bptt.Validate{
			Data: sequences(t, 2, seqs...), EverySteps: 1, Patience: 3, RestoreBest: true,
			OnValidate: func(v bptt.Validation) error {
				require.Equal(t, !diverged[v.Step], v.Best, "step %d", v.Step)
				require.Equal(t, diverged[v.Step], math.IsNaN(v.Loss), "step %d", v.Step)
				if diverged[v.Step] {
					set(w0)
				}
				return nil
			},
		},
	})
	require.NoError(t, err)
	require.EqualValues(t, 6, report.Step)
	require.Equal(t, []float64{1e-3, 1e-3, 5e-4, 5e-4, 5e-4, 5e-4}, rates, "two in a row halve the rate, one alone does not")
	best, err := bptt.ReadCheckpointFile(filepath.Join(dir, bptt.BestFile))
	require.NoError(t, err)
	best.EachParam(func(name string, w []float32) {
		require.False(t, slices.ContainsFunc(w, func(v float32) bool { return v != v }), name)
	})
	require.False(t, slices.ContainsFunc(traintest.Weights(net), func(v float32) bool { return v != v }))
}

// padded fills what does not exist with NaN.
type padded struct{ data.Source }

func (p padded) Next(b *data.Batch) error {
	err := p.Source.Next(b)
	for _, v := range [][]float32{b.X, b.Y} {
		for i := range v {
			if pair := i / (len(v) / (b.Steps * b.Rows)); b.Lengths != nil && pair/b.Rows >= b.Lengths[pair%b.Rows] {
				v[i] = float32(math.NaN())
			}
		}
	}
	return err
}
