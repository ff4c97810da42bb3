package bptt_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
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
