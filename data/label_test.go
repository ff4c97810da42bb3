package data_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/stretchr/testify/require"
)

// TestLabels of each kind of task, and what cannot be labelled.
func TestLabels(t *testing.T) {
	s, err := data.Labelled(data.Sequence{IDs: []int32{5, 6, 7}}, 2)
	require.NoError(t, err)
	require.Equal(t, data.Sequence{Steps: 3, IDs: []int32{5, 6, 7}, Targets: []int32{-1, -1, 2}}, s)
	s, err = data.Labelled(data.Sequence{Steps: 1, X: []float32{5, 6}}, 0)
	require.NoError(t, err)
	require.Equal(t, data.Sequence{Steps: 1, X: []float32{5, 6}, Targets: []int32{0}}, s)
	_, err = data.Labelled(data.Sequence{X: []float32{5, 6}}, 0)
	require.ErrorContains(t, err, "0 steps with 2 inputs")
	_, err = data.Labelled(data.Sequence{IDs: []int32{1}}, -1)
	require.ErrorContains(t, err, "label -1")

	s, err = data.Tagged([]int32{1, 2}, []int32{3, -1})
	require.NoError(t, err)
	require.Equal(t, data.Sequence{Steps: 2, IDs: []int32{1, 2}, Targets: []int32{3, -1}}, s)
	_, err = data.Tagged([]int32{1, 2}, []int32{3})
	require.EqualError(t, err, "data: 2 ids with 1 tags, want one for each")

	require.Equal(t, data.Sequence{Steps: 2, IDs: []int32{1, 2}, Targets: []int32{2, 3}}, data.Following([]int32{1, 2, 3}))
	require.Zero(t, data.Following([]int32{1}).Steps)
	require.Zero(t, data.Following(nil).Steps)

	seqs := []data.Sequence{{IDs: []int32{1, 2}, Targets: []int32{-1, 3}}, {IDs: []int32{4}, Targets: []int32{0}}}
	require.NoError(t, data.CheckIDs(seqs, 5, 4))
	require.EqualError(t, data.CheckIDs(seqs, 4, 4), "data: sequence 1: data: id 4 at step 0, want 0 to 3")
	err = data.CheckIDs(seqs, 5, 3)
	require.EqualError(t, err, "data: sequence 0: data: target 3 at step 1, want 0 to 2")
	var e *data.IDError
	require.ErrorAs(t, err, &e)
	seqs[0].IDs[0] = -1
	require.ErrorContains(t, data.CheckIDs(seqs, 5, 3), "id -1 at step 0")
}

// TestForecasts: windows, targets, columns, and a horizon that ends with the series.
func TestForecasts(t *testing.T) {
	series := []float32{0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16}
	cut := func(cfg data.ForecastConfig) (out []string) {
		seqs, err := data.Forecasts(series, cfg)
		require.NoError(t, err)
		d, err := data.NewSequences(seqs, 1, nil)
		require.NoError(t, err)
		for range seqs {
			out = append(out, traintest.Next(t, d, 0))
		}
		return out
	}
	require.Equal(t, []string{
		"2x1 [] x[0 10 1 11] > [] y[1 11 2 12] len[2] r0",
		"2x1 [] x[2 12 3 13] > [] y[3 13 4 14] len[2] r0",
		"2x1 [] x[4 14 5 15] > [] y[5 15 6 16] len[2] r0",
	}, cut(data.ForecastConfig{Width: 2, Steps: 2}))
	require.Equal(t, []string{
		"3x1 [] x[0 10 1 11 2 12] > [-1 -1 0] y[12 13 14] len[3] r0",
		"3x1 [] x[1 11 2 12 3 13] > [-1 -1 0] y[13 14 15] len[3] r0",
		"3x1 [] x[2 12 3 13 4 14] > [-1 -1 0] y[14 15 16] len[3] r0",
	}, cut(data.ForecastConfig{Width: 2, Steps: 3, Horizon: 2, Stride: 1, Columns: []int{1}, Last: true}))
	require.Len(t, cut(data.ForecastConfig{Width: 2, Steps: 6}), 1)
	require.Len(t, cut(data.ForecastConfig{Width: 2, Steps: 1, Horizon: 6}), 1)
	require.Len(t, cut(data.ForecastConfig{Width: 2, Steps: 1, Stride: math.MaxInt}), 1)
	for want, cfg := range map[string]data.ForecastConfig{
		"horizon 0, stride 0, want":  {Width: 2},
		"horizon -1":                 {Width: 2, Steps: 1, Horizon: -1},
		"stride -1":                  {Width: 2, Steps: 1, Stride: -1},
		"of width 0":                 {Steps: 1},
		"14 values, want a multiple": {Width: 3, Steps: 1},
		"column 2 of a series":       {Width: 2, Steps: 1, Columns: []int{2}},
		"column -1":                  {Width: 2, Steps: 1, Columns: []int{-1}},
		"no column":                  {Width: 2, Steps: 1, Columns: []int{}},
		"want at least 7 and 1":      {Width: 2, Steps: 7},
		"want at least 8 and 1":      {Width: 2, Steps: 8},
		"want at least 1 and 7":      {Width: 2, Steps: 1, Horizon: 7},
	} {
		_, err := data.Forecasts(series, cfg)
		require.ErrorContains(t, err, want)
	}
}

// TestSplit: every item is in one part, of the size of its share; a seed fixes which.
func TestSplit(t *testing.T) {
	items := make([]int, 103)
	for i := range items {
		items[i] = i
	}
	given := slices.Clone(items)
	a, err := data.Split(items, rand.NewPCG(1, 2), 8, 1, 1)
	require.NoError(t, err)
	require.Equal(t, given, items)
	require.Equal(t, []int{82, 10, 11}, []int{len(a[0]), len(a[1]), len(a[2])})
	all := slices.Concat(a...)
	require.NotEqual(t, items, all)
	require.Equal(t, []int{97, 27, 6}, a[1][:3], "the same on every machine")
	slices.Sort(all)
	require.Equal(t, items, all)
	b, err := data.Split(items, rand.NewPCG(1, 2), 8, 1, 1)
	require.NoError(t, err)
	require.Equal(t, a, b)
	c, err := data.Split(items, rand.NewPCG(1, 3), 8, 1, 1)
	require.NoError(t, err)
	require.NotEqual(t, a, c)

	text, err := data.Split([]byte("abcdefghij"), nil, 1<<31-1, 1<<30, 1<<30)
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("abcd"), []byte("efg"), []byte("hij")}, text)
	require.Equal(t, 4, cap(text[0]), "appending to a part does not write the next")
	series, err := data.SplitSeries([]float32{0, 1, 2, 3, 4, 5}, 2, 2, 1)
	require.NoError(t, err)
	require.Equal(t, [][]float32{{0, 1, 2, 3}, {4, 5}}, series)

	for want, shares := range map[string][]int{
		"103 items in no parts":           {},
		"a share of 0":                    {1, 0},
		"a share of -1":                   {-1, 1},
		"shares of [1 999]: part 0 has":   {1, 999},
		"shares of [999 1 2]: part 1 has": {999, 1, 2},
	} {
		_, err := data.Split(items, nil, shares...)
		require.ErrorContains(t, err, want)
		_, err = data.SplitSeries(make([]float32, 206), 2, shares...)
		require.ErrorContains(t, err, want)
	}
	_, err = data.SplitSeries(make([]float32, 3), 2, 1)
	require.ErrorContains(t, err, "3 values of width 2")
	_, err = data.SplitSeries(nil, 0, 1)
	require.ErrorContains(t, err, "width 0")
}

// TestScale: mean 0 and deviation 1, and back.
func TestScale(t *testing.T) {
	series := []float32{1, 0.1, 10, 2, 0.1, 20, 3, 0.1, 60}
	s, err := data.NewScale(series, 3)
	require.NoError(t, err)
	require.Equal(t, []float64{2, float64(float32(0.1)), 30}, s.Mean)
	require.Equal(t, []float64{math.Sqrt(2.0 / 3), 1, math.Sqrt((400.0 + 100 + 900) / 3)}, s.Deviation)
	scaled := make([]float32, 9)
	s.Apply(scaled, series)
	require.Equal(t, []float32{float32(-1 / s.Deviation[0]), 0, float32(-20 / s.Deviation[2])}, scaled[:3])
	back := slices.Clone(scaled)
	s.Undo(back, back)
	require.InDeltaSlice(t, series, back, 1e-5)
	one := []float32{scaled[2]}
	s.Columns(2).Undo(one, one)
	require.Equal(t, back[2], one[0])
	require.Panics(t, func() { s.Columns(3) })
	require.Panics(t, func() { s.Columns(-1) })

	// A third of these has no float64, nor a float32.
	same, err := data.NewScale([]float32{0.7, 0.7, 0.7}, 1)
	require.NoError(t, err)
	require.Equal(t, []float64{1}, same.Deviation)
	largest, err := data.NewScale([]float32{math.MaxFloat32, -math.MaxFloat32}, 1)
	require.NoError(t, err)
	require.Equal(t, []float64{math.MaxFloat32}, largest.Deviation)

	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		_, err := data.NewScale([]float32{0, 0, 0, v}, 2)
		require.ErrorContains(t, err, "in column 1 at step 1")
	}
	for _, c := range []struct{ n, width int }{{0, 1}, {3, 2}, {3, 0}, {3, -3}} {
		_, err := data.NewScale(make([]float32, c.n), c.width)
		require.ErrorContains(t, err, "want at least one step")
	}
	require.Panics(t, func() { s.Apply(scaled[:6], series) })
	require.Panics(t, func() { s.Apply(scaled[:2], series[:2]) })
	require.Panics(t, func() { s.Undo(scaled[:6], series) })
	require.Panics(t, func() { new(data.Scale).Undo(nil, nil) })
}
