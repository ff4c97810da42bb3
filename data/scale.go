package data

import (
	"fmt"
	"math"
)

// A Scale takes a series to mean 0 and deviation 1 in each column, and its forecasts back.
// Take it from the part for training alone: what the other parts are like is not known in
// training.
type Scale struct {
	Mean, Deviation []float64 // [width]
}

// NewScale returns the mean and the deviation of each column of series [steps][width]. The
// deviation is the root of the mean square of the distances from the mean, as of a whole
// population, and 1 where all values of a column are equal. Sums are float64 in the order
// of the steps. An error is a series without steps, and a value that is not finite.
func NewScale(series []float32, width int) (*Scale, error) {
	if width < 1 || len(series) < 1 || len(series)%width != 0 {
		return nil, fmt.Errorf("data: a series of %d values of width %d, want at least one step of width 1 or more, and whole steps", len(series), width)
	}
	s := &Scale{Mean: make([]float64, width), Deviation: make([]float64, width)}
	n := float64(len(series) / width)
	for i, v := range series {
		if v-v != 0 {
			return nil, fmt.Errorf("data: value %v in column %d at step %d of a series, want a finite number", v, i%width, i/width)
		}
		s.Mean[i%width] += float64(v)
	}
	for c := range s.Mean {
		s.Mean[c] /= n
	}
	for i, v := range series {
		d := float64(v) - s.Mean[i%width]
		s.Deviation[i%width] += float64(d * d)
	}
	for c := range s.Deviation {
		// Equal values may leave a distance by the rounding of their mean.
		first, equal := series[c], true
		for i := c; i < len(series); i += width {
			equal = equal && series[i] == first
		}
		if s.Deviation[c] = math.Sqrt(s.Deviation[c] / n); equal {
			s.Deviation[c] = 1
		}
	}
	return s, nil
}

// Columns returns the scale of these columns: of what a network forecasts that has the
// ForecastConfig.Columns for targets. It panics where there is no such column.
func (s *Scale) Columns(columns ...int) *Scale {
	of := &Scale{}
	for _, c := range columns {
		if c < 0 || c >= min(len(s.Mean), len(s.Deviation)) {
			panic(fmt.Sprintf("data: Columns: column %d of a scale of %d means and %d deviations", c, len(s.Mean), len(s.Deviation)))
		}
		of.Mean, of.Deviation = append(of.Mean, s.Mean[c]), append(of.Deviation, s.Deviation[c])
	}
	return of
}

// Apply sets dst [steps][width] to (src - Mean) / Deviation, computed in float64. dst may
// be src. Wrong lengths panic.
func (s *Scale) Apply(dst, src []float32) {
	s.mustFit("Apply", dst, src)
	for i, v := range src {
		c := i % len(s.Mean)
		dst[i] = float32((float64(v) - s.Mean[c]) / s.Deviation[c])
	}
}

// Undo sets dst [steps][width] to src * Deviation + Mean: what a network forecasts in the
// units of the series. dst may be src. Wrong lengths panic.
func (s *Scale) Undo(dst, src []float32) {
	s.mustFit("Undo", dst, src)
	for i, v := range src {
		c := i % len(s.Mean)
		dst[i] = float32(float64(float64(v)*s.Deviation[c]) + s.Mean[c])
	}
}

func (s *Scale) mustFit(method string, dst, src []float32) {
	if width := len(s.Mean); len(s.Deviation) != width || width == 0 || len(dst) != len(src) || len(src)%width != 0 {
		panic(fmt.Sprintf("data: %s of %d values to %d with %d means and %d deviations, want as many values, in whole steps", method, len(src), len(dst), len(s.Mean), len(s.Deviation)))
	}
}
