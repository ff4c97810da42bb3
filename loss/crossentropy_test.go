package loss_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
)

// TestCrossEntropyWeighted compares class weights, smoothing and weights of steps, alone
// and together, with the definition in float64, with NaN wherever nothing is counted.
func TestCrossEntropyWeighted(t *testing.T) {
	const steps, rows = 5, 3
	for _, width := range []int{1, 2, 17, 130} {
		for mode := range 8 {
			r := rand.New(rand.NewPCG(uint64(width), uint64(mode)))
			n := steps * rows * width
			y := make([]float32, n)
			for i := range y {
				y[i] = float32(4 * r.NormFloat64())
			}
			b := &data.Batch{Steps: steps, Rows: rows, Targets: make([]int32, steps*rows), Lengths: []int{5, 2, 4}, Context: 1}
			for p := range b.Targets {
				b.Targets[p] = int32(r.Uint64()%uint64(width+1)) - 1
			}
			var l loss.CrossEntropy
			if mode&1 != 0 {
				for k := range width {
					l.Weights = append(l.Weights, float32(k%4))
				}
			}
			if mode&2 != 0 {
				l.Smoothing = 0.15
			}
			if mode&4 != 0 {
				b.Weights = make([]float32, steps*rows)
				for p := range b.Weights {
					b.Weights[p] = float32(p%3) / 2
				}
			}
			classWeight := func(k int) float64 {
				if l.Weights == nil {
					return 1
				}
				return float64(l.Weights[k])
			}
			var want loss.Total
			gradient := make([]float64, n)
			for p, c := range b.Targets {
				step := 1.0
				if b.Weights != nil {
					step = float64(b.Weights[p])
				}
				if p/rows < 1 || p/rows >= b.Lengths[p%rows] || c < 0 || step == 0 {
					for k := range width {
						y[p*width+k] = nan
					}
					continue
				}
				sum := 0.0
				for _, v := range y[p*width:][:width] {
					sum += math.Exp(float64(v))
				}
				for k := range width {
					target := l.Smoothing / float64(width) * classWeight(k) // what class k is worth
					if k == int(c) {
						target += (1 - l.Smoothing) * classWeight(k)
					}
					want.Sum += step * target * (math.Log(sum) - float64(y[p*width+k]))
					for j := range width {
						d := math.Exp(float64(y[p*width+j])) / sum
						if j == k {
							d--
						}
						gradient[p*width+j] += step * target * d
					}
				}
				want.Terms++
				want.Weight += step * classWeight(int(c))
			}
			var first []float32
			numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
				for _, workers := range []int{1, 4} {
					var s loss.Scratch
					s.SetWorkers(workers)
					dy := slices.Clone(y)
					got, err := l.Loss(dy, y, b, 2, &s)
					require.NoError(t, err)
					require.Equal(t, []any{want.Weight, want.Terms}, []any{got.Weight, got.Terms})
					if want.Weight == 0 {
						require.Equal(t, make([]float32, n), dy)
						continue
					}
					require.InDelta(t, want.Sum, got.Sum, 2e-6*(1+want.Sum), "width %d, mode %d", width, mode)
					for i := range dy {
						require.InDelta(t, gradient[i]/2, float64(dy[i]), 2e-6, "width %d, mode %d, %d", width, mode, i)
					}
					if first == nil {
						first = slices.Clone(dy)
					}
					numtest.Equal(t, dy, first, "width %d, mode %d on %d workers", width, mode, workers)
					place := slices.Clone(y)
					same, err := l.Loss(place, place, b, 2, &s)
					require.NoError(t, err)
					require.Equal(t, got, same)
					numtest.Equal(t, place, dy, "width %d, mode %d in place", width, mode)
					same, err = l.Loss(nil, y, b, 2, &s)
					require.NoError(t, err)
					require.Equal(t, got, same)
					mean, err := l.Loss(dy, y, b, 0, &s)
					require.NoError(t, err)
					require.Equal(t, got, mean)
					require.InDelta(t, gradient[0]/want.Weight, float64(dy[0]), 2e-6)
				}
			})
		}
	}
}

// A target whose class has no weight counts for nothing, whatever the logits.
func TestCrossEntropyOfWeightlessTargets(t *testing.T) {
	var s loss.Scratch
	inf := float32(math.Inf(1))
	y := []float32{-inf, 0, 1, nan, 0, 3}
	dy := slices.Clone(y)
	b := &data.Batch{Steps: 3, Rows: 1, Targets: []int32{0, 0, 1}}
	total, err := loss.CrossEntropy{Weights: []float32{0, 2}}.Loss(dy, y, b, 0, &s)
	require.NoError(t, err)
	require.Equal(t, []any{2.0, 3}, []any{total.Weight, total.Terms})
	require.InDelta(t, 2*math.Log1p(math.Exp(-3)), total.Sum, 1e-6)
	require.Equal(t, []float32{0, 0, 0, 0}, dy[:4])

	// A class that cannot be has a loss of +Inf where it is the target, and under smoothing.
	b = &data.Batch{Steps: 1, Rows: 1, Targets: []int32{1}}
	for _, c := range []struct {
		l    loss.CrossEntropy
		want float64
	}{{loss.CrossEntropy{}, 0}, {loss.CrossEntropy{Smoothing: 0.1}, math.Inf(1)}} {
		total, err := c.l.Loss(nil, y[:2], b, 0, &s)
		require.NoError(t, err)
		require.Equal(t, c.want, total.Sum)
	}
}

// TestPerSequence is the mean of the rows' means.
func TestPerSequence(t *testing.T) {
	const steps, rows, width = 6, 4, 3
	r := rand.New(rand.NewPCG(5, 5))
	n := steps * rows * width
	y, target := make([]float32, n), make([]float32, n)
	for i := range y {
		y[i], target[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	b := &data.Batch{Steps: steps, Rows: rows, Y: target, Targets: make([]int32, steps*rows), Lengths: []int{6, 2, 0, 5}}
	b.Targets[3], b.Targets[4] = -1, 2
	for _, weights := range [][]float32{nil, make([]float32, steps*rows)} {
		for p := range weights {
			weights[p] = float32(p%4) / 3
		}
		b.Weights = weights
		var s loss.Scratch
		for _, of := range []loss.Loss{loss.CrossEntropy{}, loss.MSE{}, loss.Huber{PerStep: true}} {
			means, counted := 0.0, 0
			gradient := make([]float64, n)
			for row := range rows {
				one := *b // the same with all but one row left out
				one.Lengths = make([]int, rows)
				one.Lengths[row] = b.Lengths[row]
				dy := make([]float32, n)
				total, err := of.Loss(dy, y, &one, 0, &s)
				require.NoError(t, err)
				means += total.Mean()
				if total.Weight > 0 {
					counted++
				}
				for i, v := range dy {
					gradient[i] += float64(v)
				}
			}
			for _, place := range []bool{false, true} {
				dy, out := make([]float32, n), slices.Clone(y)
				if place {
					dy = out
				}
				require.True(t, loss.InPlace(loss.PerSequence{Of: of}))
				total, err := loss.PerSequence{Of: of}.Loss(dy, out, b, 0, &s)
				require.NoError(t, err)
				require.InEpsilon(t, means/float64(counted), total.Mean(), 1e-6, "%T", of)
				for i, v := range gradient {
					require.InDelta(t, v/float64(counted), float64(dy[i]), 1e-6, "%T", of)
				}
			}
			require.Equal(t, weights, b.Weights, "the batch is as it was")
		}
	}
	require.False(t, loss.InPlace(loss.PerSequence{Of: opaque{loss.MSE{}}}))
}

// opaque is a loss that does not say that it works in place.
type opaque struct{ of loss.Loss }

func (l opaque) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	return l.of.Loss(dy, y, b, by, s)
}

// TestReduction: what the gradient is divided by.
func TestReduction(t *testing.T) {
	total := loss.Total{Sum: 9, Weight: 4.5, Terms: 6}
	for r, want := range map[loss.Reduction]float64{loss.Mean: 4.5, loss.SumOverTime: 3, loss.Sum: 1} {
		require.NoError(t, r.Check())
		require.Equal(t, want, r.Divisor(total, 3), "%v", r)
		require.Equal(t, 1.0, r.Divisor(loss.Total{}, 0), "%v of nothing", r)
	}
	require.ErrorContains(t, loss.Reduction(3).Check(), "reduction 3")
	require.Equal(t, "Reduction(3)", loss.Reduction(3).String())
	require.Equal(t, loss.Total{Sum: 10, Weight: 6.5, Terms: 7}, total.Plus(loss.Total{Sum: 1, Weight: 2, Terms: 1}))
}

// TestScratchForOthers: the shares of Rows are all rows once, on any number of workers,
// and memory stays and is not that of the losses.
func TestScratchForOthers(t *testing.T) {
	for _, workers := range []int{0, 1, 3, 100} {
		var s loss.Scratch
		s.SetWorkers(workers)
		for _, rows := range []int{0, 1, 2, 7, 50} {
			seen := s.Float64s(rows)
			clear(seen)
			s.Rows(1<<30, rows, func(lo, hi int) {
				require.Less(t, lo, hi)
				for i := lo; i < hi; i++ {
					seen[i]++
				}
			})
			for i, n := range seen {
				require.Equal(t, 1.0, n, "row %d of %d on %d workers", i, rows, workers)
			}
		}
		f, g := s.Float64s(3), s.Float32s(4)
		f[0], g[0] = 7, 8
		_, err := loss.PerSequence{Of: loss.BCE{}}.Loss(nil, make([]float32, 9), &data.Batch{Steps: 3, Rows: 3, Y: make([]float32, 9)}, 0, &s)
		require.NoError(t, err)
		require.Equal(t, []any{7.0, float32(8)}, []any{s.Float64s(3)[0], s.Float32s(4)[0]})
		part := func(lo, hi int) { f[0] += 0 * float64(hi-lo) }
		require.Zero(t, testing.AllocsPerRun(5, func() { s.Rows(1, 1, part); s.Float64s(3); s.Float32s(2) }))
	}
	require.PanicsWithValue(t, "loss: Scratch.Rows over -1 rows, want 0 or more", func() { new(loss.Scratch).Rows(1, -1, nil) })
}

// TestSmoothingWithoutWeight: targets of a class that weighs nothing have what is spread, in a
// batch of their own as beside others; a mean, which would be divided by nothing, has no
// gradient.
func TestSmoothingWithoutWeight(t *testing.T) {
	c := loss.CrossEntropy{Weights: []float32{0, 1, 2}, Smoothing: 0.25}
	y := []float32{0.5, -1, 2, 1, 0.25, -0.5}
	both := &data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}}
	alone := &data.Batch{Steps: 1, Rows: 1, Targets: []int32{0}}
	var s loss.Scratch
	want, dy := make([]float32, 6), make([]float32, 3)
	all, err := c.Loss(want, y, both, 1, &s)
	require.NoError(t, err)
	rest, err := c.Loss(nil, y[3:], &data.Batch{Steps: 1, Rows: 1, Targets: []int32{1}}, 1, &s)
	require.NoError(t, err)
	of, err := c.Loss(dy, y[:3], alone, 1, &s)
	require.NoError(t, err)
	require.Greater(t, of.Sum, 0.1)
	require.Equal(t, all, of.Plus(rest))
	require.Equal(t, want[:3], dy)
	copy(dy, y)
	mean, err := c.Loss(dy, dy, alone, 0, &s)
	require.NoError(t, err)
	require.Equal(t, of, mean)
	require.Equal(t, make([]float32, 3), dy)
}
