package loss_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
)

// TestBlocksAreTheWhole: total and gradient, of blocks in both orders, with steps that do not
// count and with blocks in which nothing does.
func TestBlocksAreTheWhole(t *testing.T) {
	const steps, rows, classes, outputs = 5, 3, 7, 2049
	weights := traintest.NumbersLike(steps*rows, 1)
	elements := traintest.NumbersLike(steps*rows*outputs, 2)
	for i := range weights {
		weights[i] = max(0, weights[i])
	}
	for i := range elements {
		elements[i] = max(0, elements[i])
	}
	targets := traintest.DrawIDs(traintest.Rng(3), steps*rows, classes)
	targets[4], targets[9], targets[10], targets[11] = -1, -1, -1, -1
	some := traintest.NumbersLike(classes, 4)
	for i := range some {
		some[i] = max(0, some[i])
	}
	for _, l := range []loss.Loss{
		loss.CrossEntropy{}, &loss.CrossEntropy{Smoothing: 0.3}, loss.CrossEntropy{Weights: some, Smoothing: 0.1},
		loss.CrossEntropy{Weights: make([]float32, classes)}, loss.CrossEntropy{Weights: make([]float32, classes), Smoothing: 1},
		loss.MSE{}, &loss.MAE{PerStep: true}, loss.Huber{Delta: 0.5}, loss.BCE{}, &loss.BCE{PerStep: true},
		&loss.MSE{}, loss.MAE{}, &loss.Huber{}, loss.Quantile{Levels: []float32{0.9}}, &loss.Quantile{Levels: []float32{0.25}, PerStep: true},
	} {
		for variant := range 8 {
			width := outputs
			b := &data.Batch{Steps: steps, Rows: rows, Targets: targets}
			switch l.(type) {
			case loss.CrossEntropy, *loss.CrossEntropy:
				width = classes
			default:
				b.Y = traintest.NumbersLike(steps*rows*width, 5)
			}
			switch l.(type) {
			case loss.BCE, *loss.BCE:
				for i, v := range b.Y { // 0, 1 and what lies between them
					b.Y[i] = min(max(v, 0), 1)
				}
			}
			if variant&1 != 0 {
				b.Lengths = []int{5, 0, 2}
			}
			if variant&2 != 0 {
				b.Context = 2
			}
			if variant&4 != 0 {
				b.Weights = weights
				if width == outputs && variant&1 != 0 {
					b.Weights = elements
				}
			}
			y := traintest.NumbersLike(steps*rows*width, 6)
			want := make([]float32, len(y))
			var s loss.Scratch
			by := float64(variant%3) * 1.5
			total, err := l.Loss(want, y, b, by, &s)
			require.NoError(t, err)
			for _, order := range [][]int{{0, 2, 4}, {4, 2, 0}} {
				var k loss.Blocks
				weighed, err := k.Begin(l, b, width, by, &s)
				require.NoError(t, err)
				require.Equal(t, loss.Total{Weight: total.Weight, Terms: total.Terms}, weighed)
				got := append([]float32(nil), y...)
				for _, first := range order {
					part := got[first*rows*width : min(first+2, steps)*rows*width]
					require.NoError(t, k.Block(part, part, first))
				}
				require.Equal(t, total, k.End(), "%T, variant %d", l, variant)
				traintest.Equal(t, fmt.Sprintf("%T, variant %d", l, variant), got, want)
			}
		}
	}
}

// TestBlocksRefuse what Loss refuses, for the whole batch, before any block.
func TestBlocksRefuse(t *testing.T) {
	var k loss.Blocks
	var s loss.Scratch
	b := &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 7}}
	for _, c := range []struct {
		l     loss.Loss
		b     *data.Batch
		width int
		by    float64
		want  string
	}{
		{nil, b, 7, 0, "no loss"},
		{loss.CTC{}, b, 7, 0, "CTC cannot be measured"},
		{loss.CrossEntropy{}, b, 0, 0, "width 0"},
		{loss.CrossEntropy{}, b, 7, -1, "divided by -1"},
		{loss.CrossEntropy{}, b, 7, 0, "target 7 at step 1, row 0"},
		{loss.CrossEntropy{Smoothing: 2}, b, 8, 0, "Smoothing is 2"},
		{loss.CrossEntropy{}, &data.Batch{Steps: 2, Rows: 1}, 8, 0, "0 targets, want 2"},
		{loss.CrossEntropy{}, &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}, Weights: make([]float32, 3)}, 8, 0, "3 weights"},
		{loss.Huber{Delta: -1}, &data.Batch{Steps: 1, Rows: 1, Y: make([]float32, 3000)}, 3000, 0, "Huber.Delta is -1"},
		{loss.MSE{}, &data.Batch{Steps: 1, Rows: 1, Y: make([]float32, 3)}, 3000, 0, "MSE: Y of the batch has 3 elements, want 3000"},
		{loss.BCE{}, b, 2048, 0, "more than 2048"},
	} {
		_, err := k.Begin(c.l, c.b, c.width, c.by, &s)
		require.ErrorContains(t, err, c.want)
		require.Panics(t, func() { _ = k.Block(nil, make([]float32, c.width), 0) })
	}
	_, err := k.Begin(loss.CrossEntropy{}, b, 8, 0, &s)
	require.NoError(t, err)
	require.PanicsWithValue(t, "loss: a block of 8 outputs from step 2 on, want a multiple of 8, and at most those of the 2 steps of the batch", func() { _ = k.Block(nil, make([]float32, 8), 2) })
	require.Panics(t, func() { _ = k.Block(nil, make([]float32, 9), 0) })
}
