package loss_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

// TestQuantile against the equations in float64, with what counts and weights of both kinds, on
// every tier and number of workers.
func TestQuantile(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		const steps, rows, width = 7, 5, 3
		for variant := range 16 {
			levels := []float32{0.1, 0.5, 0.975}
			if variant&1 != 0 {
				levels = levels[:1]
			}
			b := &data.Batch{Steps: steps, Rows: rows, Y: traintest.NumbersLike(steps*rows*width, 1)}
			y := traintest.NumbersLike(steps*rows*width, 2)
			y[7] = b.Y[7] // no difference
			each := 0
			switch variant >> 1 & 3 {
			case 1:
				b.Weights, each = traintest.NumbersLike(steps*rows, 3), width
			case 2:
				b.Weights, each = traintest.NumbersLike(steps*rows*width, 3), 1
			case 3:
				b.Lengths = []int{7, 0, 3, 1, 6}
				b.Targets = make([]int32, steps*rows)
				b.Targets[0], b.Targets[10] = -1, -1
			}
			for i := range b.Weights {
				b.Weights[i] = max(0, b.Weights[i])
			}
			l := loss.Quantile{Levels: levels, PerStep: variant&8 != 0}
			var sum, weight float64
			slope := make([]float64, len(y))
			seen := map[int]float64{}
			for i := range y {
				p, w := i/width, 1.0
				if !b.Counts(p) || b.Targets != nil && b.Targets[p] < 0 {
					continue
				}
				if each > 0 {
					w = float64(b.Weights[i/each])
				}
				q := float64(levels[i%width%len(levels)])
				d := float64(y[i] - b.Y[i])
				sum += w * math.Max(-q*d, (1-q)*d)
				switch {
				case d > 0:
					slope[i] = w * (1 - q)
				case d < 0:
					slope[i] = -w * q
				}
				if l.PerStep && each != 1 {
					seen[p] = w
				} else if l.PerStep {
					seen[i] = w
				} else {
					seen[i] = w
				}
			}
			if l.PerStep && each == 1 { // a step counts as one, whatever its elements weigh
				seen = nil
			}
			for _, w := range seen {
				weight += w
			}
			var s loss.Scratch
			s.SetWorkers(1 + variant%3)
			dy := make([]float32, len(y))
			total, err := l.Loss(dy, y, b, 1, &s)
			require.NoError(t, err)
			require.InDelta(t, sum, total.Sum, 1e-5, "variant %d", variant)
			if seen != nil {
				require.InDelta(t, weight, total.Weight, 1e-5, "variant %d", variant)
			}
			for i := range dy {
				require.InDelta(t, slope[i], dy[i], 1e-7, "variant %d, %d", variant, i)
			}
			again := append([]float32(nil), y...)
			same, err := l.Loss(again, again, b, 1, &s)
			require.NoError(t, err)
			require.Equal(t, total, same)
			traintest.Equal(t, "in place", again, dy)
		}
	})
}

// TestQuantileIsHalfOfMAE at the level 1/2, to the bit of the sum.
func TestQuantileIsHalfOfMAE(t *testing.T) {
	b := &data.Batch{Steps: 40, Rows: 3, Y: traintest.NumbersLike(1200, 1)}
	y := traintest.NumbersLike(1200, 2)
	var s loss.Scratch
	half, err := loss.Quantile{Levels: []float32{0.5}}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	whole, err := loss.MAE{}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	require.Equal(t, whole.Sum/2, half.Sum)
}

func TestQuantileRefuses(t *testing.T) {
	b := &data.Batch{Steps: 1, Rows: 1, Y: make([]float32, 3)}
	for want, levels := range map[string][]float32{
		"Quantile.Levels has 0 elements, want 1, or 3": nil, "has 2 elements": {0.1, 0.2},
		"Quantile.Levels[1] is 1,": {0.5, 1, 0.5}, "Levels[0] is 0,": {0}, "Levels[0] is NaN": {float32(math.NaN())},
	} {
		_, err := loss.Quantile{Levels: levels}.Loss(nil, make([]float32, 3), b, 0, new(loss.Scratch))
		require.ErrorContains(t, err, want)
	}
}

// The constant with the least loss is the quantile: of ten numbers the ninth for 0.85.
func ExampleQuantile() {
	b := &data.Batch{Steps: 10, Rows: 1, Y: []float32{3, 7, 1, 10, 2, 9, 4, 8, 6, 5}}
	l := loss.Quantile{Levels: []float32{0.85}}
	least, best := 0.0, 0
	for c := range 12 {
		y := make([]float32, 10)
		for i := range y {
			y[i] = float32(c)
		}
		if t, _ := l.Loss(nil, y, b, 0, new(loss.Scratch)); c == 0 || t.Sum < least {
			least, best = t.Sum, c
		}
	}
	fmt.Println(best)
	// Output: 9
}
