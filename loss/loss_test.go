package loss_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// parts is a Total in parts.
func parts(t loss.Total, err error) (sum float64, n int, _ error) { return t.Sum, t.Terms, err }

// TestCrossEntropy compares with the definition in float64 where lengths,
// context and ignored targets leave some rows out.
func TestCrossEntropy(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, width := range []int{1, 2, 17, 64, 130} {
			const steps, rows = 5, 3
			y := make([]float32, steps*rows*width)
			for i := range y {
				y[i] = float32(r.Uint64()%2000)/100 - 10
			}
			targets := make([]int32, steps*rows)
			for p := range targets {
				targets[p] = int32(r.Uint64()%uint64(width+1)) - 1 // -1 is ignored
			}
			b := &data.Batch{Steps: steps, Rows: rows, Targets: targets, Lengths: []int{5, 2, 0}, Context: 1}
			wantSum, wantN := 0.0, 0
			want := make([]float64, len(y))
			counts := func(p int) bool {
				return p/rows >= 1 && p/rows < b.Lengths[p%rows] && targets[p] >= 0
			}
			for p := range targets {
				if counts(p) {
					wantN++
				} else {
					for i := range width {
						y[p*width+i] = float32(math.NaN()) // what is not counted is not read
					}
				}
			}
			for p := range targets {
				if !counts(p) {
					continue
				}
				sum := 0.0
				for _, v := range y[p*width:][:width] {
					sum += math.Exp(float64(v))
				}
				wantSum += math.Log(sum) - float64(y[p*width+int(targets[p])])
				for i := range width {
					q := math.Exp(float64(y[p*width+i])) / sum
					if i == int(targets[p]) {
						q--
					}
					want[p*width+i] = q / float64(wantN)
				}
			}
			dy := make([]float32, len(y))
			for i := range dy {
				dy[i] = float32(math.NaN())
			}
			var s loss.Scratch
			sum, n, err := parts(loss.CrossEntropy{}.Loss(dy, y, b, 0, &s))
			require.NoError(t, err)
			require.Equal(t, wantN, n)
			require.InDelta(t, wantSum, sum, 1e-5*float64(n+1))
			for i := range dy {
				require.InDelta(t, want[i], float64(dy[i]), 1e-6)
			}
			without, n2, err := parts(loss.CrossEntropy{}.Loss(nil, y, b, 0, &s))
			require.NoError(t, err)
			require.Equal(t, sum, without, "the loss without the gradient is the same number")
			require.Equal(t, n, n2)
		}
	})
}

func TestCrossEntropyEdges(t *testing.T) {
	var s loss.Scratch
	ce := loss.CrossEntropy{}
	// Nothing counted: zero loss, zero gradient, whatever y is.
	dy := []float32{1, 2}
	sum, n, err := parts(ce.Loss(dy, []float32{float32(math.NaN()), 1}, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{-100}}, 0, &s))
	require.NoError(t, err)
	require.Zero(t, sum)
	require.Zero(t, n)
	require.Equal(t, []float32{0, 0}, dy)
	sum, n, err = parts(ce.Loss(nil, nil, &data.Batch{Rows: 2}, 0, &s))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, sum)

	// Large logits do not overflow, a NaN shows.
	sum, _, err = parts(ce.Loss(dy, []float32{3e38, -3e38}, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}, 0, &s))
	require.NoError(t, err)
	require.Zero(t, sum)
	require.Equal(t, []float32{0, 0}, dy)
	sum, _, err = parts(ce.Loss(dy, []float32{float32(math.NaN()), 0}, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{1}}, 0, &s))
	require.NoError(t, err)
	require.True(t, math.IsNaN(sum))
	require.True(t, math.IsNaN(float64(dy[0])))

	// Gradients too small to matter are +0: their speed is that of others.
	_, _, err = parts(ce.Loss(dy, []float32{0, -80}, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}, 0, &s))
	require.NoError(t, err)
	require.Equal(t, uint32(0), math.Float32bits(dy[1]))

	for name, b := range map[string]*data.Batch{
		"targets":  {Steps: 1, Rows: 2, Targets: []int32{0}},
		"multiple": {Steps: 3, Rows: 1, Targets: []int32{0, 0, 0}},
		"class":    {Steps: 1, Rows: 1, Targets: []int32{2}},
		"no rows":  {},
	} {
		_, _, err := parts(ce.Loss(dy, []float32{0, 0}, b, 0, &s))
		require.Error(t, err, name)
	}
	_, _, err = parts(ce.Loss(dy[:1], []float32{0, 0}, &data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}, 0, &s))
	require.Error(t, err)
	_, _, err = parts(loss.MSE{}.Loss(dy, []float32{0, 0}, &data.Batch{Steps: 1, Rows: 1, Y: []float32{0}}, 0, &s))
	require.Error(t, err)
}

func TestMSE(t *testing.T) {
	var s loss.Scratch
	nan := float32(math.NaN())
	b := &data.Batch{Steps: 2, Rows: 2, Y: []float32{1, 2, 3, 4, 5, 6, nan, nan}, Lengths: []int{2, 1}}
	y := []float32{2, 2, 0, 4, 5, 4, nan, nan}
	dy := make([]float32, 8)
	sum, n, err := parts(loss.MSE{}.Loss(dy, y, b, 0, &s))
	require.NoError(t, err)
	require.Equal(t, 1.0+9+4, sum)
	require.Equal(t, 6, n)
	third := float32(2) / 6
	require.Equal(t, []float32{third, 0, -3 * third, 0, 0, -2 * third, 0, 0}, dy)
	sum, n, err = parts(loss.MSE{}.Loss(nil, y, &data.Batch{Steps: 2, Rows: 2, Y: b.Y, Lengths: []int{0, 0}}, 0, &s))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, sum)

	// Targets below 0 switch pairs off, what stands there included; those that
	// are left have one element in two of the mean before.
	b.Targets = []int32{-1, 0, 7, -5}
	y[0], b.Y[1] = nan, nan
	sum, n, err = parts(loss.MSE{}.Loss(dy, y, b, 0, &s))
	require.NoError(t, err)
	require.Equal(t, 9.0+4, sum)
	require.Equal(t, 4, n)
	require.Equal(t, []float32{0, 0, -1.5, 0, 0, -1, 0, 0}, dy)
	b.Targets = []int32{-1, -1, -1, -1}
	sum, n, err = parts(loss.MSE{}.Loss(dy, y, b, 0, &s))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, sum)
	require.Equal(t, make([]float32, 8), dy)
	b.Targets = b.Targets[:3]
	_, _, err = parts(loss.MSE{}.Loss(dy, y, b, 0, &s))
	require.ErrorContains(t, err, "3 targets, want 4")
}

// A Sequence may have both: the last step of each, whatever their lengths, is
// what the net is asked for, in training and in evaluation.
func TestMSEOfLastSteps(t *testing.T) {
	seqs := []data.Sequence{
		{Steps: 3, X: []float32{1, 2, 3}, Y: []float32{9, 9, 5}, Targets: []int32{-1, -1, 0}},
		{Steps: 1, X: []float32{4}, Y: []float32{3}, Targets: []int32{0}},
	}
	for _, window := range []int{0, 2} {
		source, err := data.NewSequences(seqs, 2, nil)
		require.NoError(t, err)
		var counts []int
		var losses []float64
		_, err = bptt.Train(context.Background(), traintest.NewLeaky(3, 2), source, bptt.Plan{
			Window: window, Epochs: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
			OnStep: func(p bptt.Progress) error {
				counts, losses = append(counts, p.Count), append(losses, p.Loss)
				return nil
			},
		})
		require.NoError(t, err)
		if window == 0 {
			require.Equal(t, []int{2}, counts)
		} else {
			require.Equal(t, []int{1, 1}, counts, "the short one ends in the first window")
		}
		mean, n, err := bptt.Evaluate(context.Background(), traintest.NewLeaky(3, 2), source, loss.MSE{})
		require.NoError(t, err)
		require.Equal(t, 2, n)
		total := 0.0
		for i, l := range losses {
			total += l * float64(counts[i])
		}
		require.Equal(t, mean, total/2)
	}
}

func TestUnits(t *testing.T) {
	require.InDelta(t, 8, loss.BitsPerSymbol(math.Log(256)), 1e-14)
	require.InDelta(t, 256, loss.Perplexity(math.Log(256)), 1e-11)
}
