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

// everyPath is the definition of CTC: it goes through all paths, and returns the
// likelihood of the labels and, given them, that of each class at each step. y is
// [T][width], of one row.
func everyPath(y []float64, width, blank int, labels []int32) (likelihood float64, given []float64) {
	steps := len(y) / width
	p := make([]float64, len(y))
	for t := range steps {
		sum := 0.0
		for k := range width {
			sum += math.Exp(y[t*width+k])
		}
		for k := range width {
			p[t*width+k] = math.Exp(y[t*width+k]) / sum
		}
	}
	given = make([]float64, len(y))
	path := make([]int, steps)
	for {
		var says []int32
		all := 1.0
		for t, k := range path {
			all *= p[t*width+k]
			if k != blank && (t == 0 || k != path[t-1]) {
				says = append(says, int32(k))
			}
		}
		if slices.Equal(says, labels) {
			likelihood += all
			for t, k := range path {
				given[t*width+k] += all
			}
		}
		t := 0
		for ; t < steps; t++ {
			if path[t]++; path[t] < width {
				break
			}
			path[t] = 0
		}
		if t == steps {
			break
		}
	}
	for i := range given {
		given[i] = p[i] - given[i]/likelihood // the gradient
	}
	return likelihood, given
}

// TestCTCIsTheSumOverAllPaths: loss and gradient, with rows of different lengths side by
// side, NaN past their ends, labels that repeat, and none.
func TestCTCIsTheSumOverAllPaths(t *testing.T) {
	labels := [][]int32{{0, 2}, {2, 2}, {}, {3, 0, 3}, {0}, nil, {3, 3, 3}, {2}}
	lengths := []int{5, 3, 4, 6, 1, 0, 5, 6}
	const steps, width, blank = 6, 4, 1
	rows := len(labels)
	r := rand.New(rand.NewPCG(3, 4))
	y := make([]float32, steps*rows*width)
	for i := range y {
		y[i] = float32(2 * r.NormFloat64())
	}
	want, gradient := 0.0, make([]float64, len(y))
	sums := make([]float64, rows)
	for row, n := range lengths {
		if n == 0 {
			continue
		}
		var own []float64
		for t := range n {
			for k := range width {
				own = append(own, float64(y[(t*rows+row)*width+k]))
			}
		}
		p, d := everyPath(own, width, blank, append([]int32(nil), labels[row]...))
		require.Positive(t, p)
		sums[row] = -math.Log(p)
		want += sums[row]
		for i, v := range d {
			gradient[(i/width*rows+row)*width+i%width] = v
		}
	}
	for p := range steps * rows {
		if p/rows >= lengths[p%rows] {
			for k := range width {
				y[p*width+k] = nan
			}
		}
	}
	b := &data.Batch{Steps: steps, Rows: rows, Labels: labels, Lengths: lengths}
	perLabel := 0.0
	for row, l := range labels {
		perLabel += sums[row] / float64(max(1, len(l)))
	}
	var first []float32
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, workers := range []int{1, 3} {
			var s loss.Scratch
			s.SetWorkers(workers)
			dy := make([]float32, len(y))
			for i := range dy {
				dy[i] = nan
			}
			total, err := loss.CTC{Blank: blank}.Loss(dy, y, b, 0, &s)
			require.NoError(t, err)
			require.Equal(t, []any{7.0, 7}, []any{total.Weight, total.Terms})
			require.InEpsilon(t, want, total.Sum, 1e-6)
			for i, d := range gradient {
				require.InDelta(t, d/7, float64(dy[i]), 1e-6/7, "%d", i)
			}
			if first == nil {
				first = slices.Clone(dy)
			}
			numtest.Equal(t, dy, first, "on %d workers", workers)
			place := slices.Clone(y)
			same, err := loss.CTC{Blank: blank}.Loss(place, place, b, 0, &s)
			require.NoError(t, err)
			require.Equal(t, total, same)
			numtest.Equal(t, place, dy, "in place")
			same, err = loss.CTC{Blank: blank}.Loss(nil, y, b, 0, &s)
			require.NoError(t, err)
			require.Equal(t, total, same)
			total, err = loss.CTC{Blank: blank, PerLabel: true}.Loss(dy, y, b, 1, &s)
			require.NoError(t, err)
			require.InEpsilon(t, perLabel, total.Sum, 1e-6)
			require.InDelta(t, gradient[0]/2, float64(dy[0]), 1e-6)
		}
	})
}

// A likelihood that no float64 could hold on the way: the outputs are sure of the blank,
// whose paths are 10^600 times as likely as those of the labels halfway.
func TestCTCOfTheUnlikely(t *testing.T) {
	const steps, labels = 600, 200
	y := make([]float32, steps*2)
	for i := range steps {
		y[2*i] = 14
	}
	b := &data.Batch{Steps: steps, Rows: 1, Labels: [][]int32{slices.Repeat([]int32{1}, labels)}}
	dy := make([]float32, len(y))
	var s loss.Scratch
	total, err := loss.CTC{}.Loss(dy, y, b, 0, &s)
	require.NoError(t, err)
	// Each label takes one step or more, and 199 blanks stand between; nearly all of
	// the sum are the paths of one step for each: 401 over 200 ways to place them.
	ways, _ := math.Lgamma(steps - labels + 2)
	a, _ := math.Lgamma(labels + 1)
	c, _ := math.Lgamma(steps - 2*labels + 2)
	p := math.Log1p(math.Exp(14))
	require.InEpsilon(t, labels*p+(steps-labels)*(p-14)-(ways-a-c), total.Sum, 1e-4)
	sum := 0.0
	for i := range steps {
		sum += float64(dy[2*i+1])
	}
	require.InDelta(t, -labels, sum, 0.01, "as many steps move towards a label as there are labels")
}

func TestCTCRefuses(t *testing.T) {
	var s loss.Scratch
	y := make([]float32, 4*2*3)
	good := func() data.Batch {
		return data.Batch{Steps: 4, Rows: 2, Labels: [][]int32{{1}, {2, 2}}, Lengths: []int{4, 3}}
	}
	for want, c := range map[string]func(b *data.Batch) loss.CTC{
		"row 1 has 2 steps, want at least 3 for its 2 labels, 1 of which repeat": func(b *data.Batch) loss.CTC { b.Lengths[1] = 2; return loss.CTC{} },
		"label 0 of row 0 is 3, want a class, 0 to 2, which is not the blank, 0": func(b *data.Batch) loss.CTC { b.Labels[0][0] = 3; return loss.CTC{} },
		"label 0 of row 0 is -1, want":                                           func(b *data.Batch) loss.CTC { b.Labels[0][0] = -1; return loss.CTC{} },
		"label 1 of row 1 is 2, want":                                            func(b *data.Batch) loss.CTC { b.Labels[1][0] = 1; return loss.CTC{Blank: 2} },
		"CTC.Blank is 3, want 0 to 2":                                            func(b *data.Batch) loss.CTC { return loss.CTC{Blank: 3} },
		"CTC.Blank is -1, want 0 to 2":                                           func(b *data.Batch) loss.CTC { return loss.CTC{Blank: -1} },
		"labels of 1 rows, want those of 2":                                      func(b *data.Batch) loss.CTC { b.Labels = b.Labels[:1]; return loss.CTC{} },
		"a batch has 8 weights, want none":                                       func(b *data.Batch) loss.CTC { b.Weights = make([]float32, 8); return loss.CTC{} },
		"a window with 2 steps of the one before":                                func(b *data.Batch) loss.CTC { b.Context = 2; return loss.CTC{} },
	} {
		b := good()
		l := c(&b)
		dy := slices.Repeat([]float32{7}, len(y))
		_, err := l.Loss(dy, y, &b, 0, &s)
		require.ErrorContains(t, err, want)
		require.Equal(t, slices.Repeat([]float32{7}, len(y)), dy, want)
	}

	// With ZeroInfinity such a row counts, with 0.
	b := good()
	b.Lengths[1] = 2
	dy := slices.Repeat([]float32{7}, len(y))
	total, err := loss.CTC{ZeroInfinity: true}.Loss(dy, y, &b, 1, &s)
	require.NoError(t, err)
	require.Equal(t, 2, total.Terms)
	require.False(t, math.IsInf(total.Sum, 0))
	for p := range 8 {
		if p%2 == 1 {
			require.Equal(t, []float32{0, 0, 0}, dy[3*p:][:3])
		}
	}

	// Logits of -Inf that leave no path, and NaN.
	b = good()
	for step := range 4 {
		y[step*2*3+1] = float32(math.Inf(-1))
	}
	total, err = loss.CTC{}.Loss(dy, y, &b, 1, &s)
	require.NoError(t, err)
	require.True(t, math.IsInf(total.Sum, 1))
	total, err = loss.CTC{ZeroInfinity: true}.Loss(dy, y, &b, 1, &s)
	require.NoError(t, err)
	require.False(t, math.IsInf(total.Sum, 0) || math.IsNaN(total.Sum))
	require.Equal(t, []float32{0, 0, 0}, dy[:3])
	y[0] = nan
	total, err = loss.CTC{}.Loss(dy, y, &b, 1, &s)
	require.NoError(t, err)
	require.True(t, math.IsNaN(total.Sum))
	require.True(t, math.IsNaN(float64(dy[0])))
}

func TestBestPath(t *testing.T) {
	// The largest outputs of row 0 are 1 1 0 1 2 2, of row 1 NaN 2 0.
	classes := [][]int{{1, 1, 0, 1, 2, 2}, {-1, 2, 0, 0, 0, 0}}
	y := make([]float32, 6*2*3)
	for row, path := range classes {
		for step, k := range path {
			for i := range 3 {
				y[(step*2+row)*3+i] = map[bool]float32{true: nan, false: float32(-i)}[k < 0]
			}
			if k >= 0 {
				y[(step*2+row)*3+k] = 5
			}
		}
	}
	b := &data.Batch{Steps: 6, Rows: 2, Lengths: []int{6, 3}, Labels: [][]int32{{1, 1, 2}, {1, 2, 1}}}
	got, err := loss.CTC{}.BestPath([]int32{9}, y, b, 0)
	require.NoError(t, err)
	require.Equal(t, []int32{9, 1, 1, 2}, got)
	got, err = loss.CTC{}.BestPath(nil, y, b, 1)
	require.NoError(t, err)
	require.Equal(t, []int32{2}, got)
	got, err = loss.CTC{Blank: 2}.BestPath(nil, y, b, 0)
	require.NoError(t, err)
	require.Equal(t, []int32{1, 0, 1}, got)
	for _, row := range []int{-1, 2} {
		_, err = loss.CTC{}.BestPath(nil, y, b, row)
		require.ErrorContains(t, err, "want 0 to 1")
	}
	_, err = loss.CTC{Blank: 3}.BestPath(nil, y, b, 0)
	require.ErrorContains(t, err, "CTC.Blank is 3")
	_, err = loss.CTC{}.BestPath(nil, y[1:], b, 0)
	require.ErrorContains(t, err, "35 elements")

	var m loss.LabelErrors
	require.NoError(t, m.Add(y, b))
	require.NoError(t, m.Add(y, b))
	require.Equal(t, []any{int64(4), int64(12), 4.0 / 12}, []any{m.Edits, m.Labels, m.Value()})
	b.Labels[1][0] = 5
	require.ErrorContains(t, m.Add(y, b), "label 0 of row 1 is 5")
	require.Equal(t, int64(4), m.Edits)
	m.Reset()
	require.Zero(t, m.Value())
}
