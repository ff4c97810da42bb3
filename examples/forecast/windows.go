package main

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"
)

// inputs is the width of what the network reads at a step.
const inputs = 2

// A task is the series as they are forecast. A window ends at a step, the origin, and the
// steps after it are forecast.
type task struct {
	season, context, horizon int
	levels                   int // values that are told for each step ahead
	all                      []scaled
	length                   int
	train, valid             int // where these parts end; that for testing ends at length
}

// A scaled series has mean 0 and deviation 1 in the part for training.
type scaled struct {
	name   string
	scale  *data.Scale
	v      []float32 // [length]
	x      []float32 // [length][inputs]
	y      []float32 // [length][levels][horizon]
	yard   float64   // the seasonal naive error in training
	counts []int32   // [context], for all windows: which steps are trained
	last   []int32   // [context]: the last step alone
}

// maxFloats is what all targets may need: 1 GB.
const maxFloats = 1 << 28

func newTask(o *options, all []series) (*task, error) {
	k := &task{season: o.season, context: o.context, horizon: o.horizon, levels: o.values(), length: len(all[0].values)}
	if floats := len(all) * k.length * k.horizon * k.levels; floats > maxFloats {
		return nil, fmt.Errorf("%d series of %d steps with -horizon %d and %d quantiles need about %d GB of memory, more than %d; use a smaller -horizon or fewer lines", len(all), k.length, k.horizon, k.levels, floats>>28, maxFloats>>28)
	}
	counts, last := make([]int32, k.context), make([]int32, k.context)
	for i := range last {
		if i < k.context/2 {
			counts[i] = -1 // too little was seen
		}
		if i < k.context-1 {
			last[i] = -1
		}
	}
	for _, s := range all {
		parts, err := data.SplitSeries(s.values, 1, 8, 1, 1)
		if err != nil {
			return nil, err
		}
		k.train, k.valid = len(parts[0]), len(parts[0])+len(parts[1])
		if need := k.first() + k.horizon + 1; k.train < need || len(parts[1]) < k.horizon || len(parts[2]) < k.horizon {
			return nil, fmt.Errorf("series of %d steps are too short: the part for training has %d, and -context %d -season %d -horizon %d need %d; those for validation and testing have %d and %d, and need %d",
				k.length, k.train, k.context, k.season, k.horizon, need, len(parts[1]), len(parts[2]), k.horizon)
		}
		c := scaled{name: s.name, v: make([]float32, k.length), counts: counts, last: last}
		if c.scale, err = data.NewScale(parts[0], 1); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		c.scale.Apply(c.v, s.values)
		for t := k.season; t < k.train; t++ {
			c.yard += distance(c.v[t], c.v[t-k.season]) / float64(k.train-k.season)
		}
		if c.yard == 0 {
			return nil, fmt.Errorf("%s repeats itself in every season: there is nothing to forecast; leave it out", s.name)
		}
		k.features(&c)
		k.all = append(k.all, c)
	}
	return k, nil
}

// distance is |a - b|.
func distance(a, b float32) float64 { return math.Abs(float64(a) - float64(b)) }

// first is the first origin that has all that its window needs.
func (k *task) first() int { return k.context + k.season - 1 }

// features sets what the network reads and tells.
func (k *task) features(c *scaled) {
	c.x, c.y = make([]float32, k.length*inputs), make([]float32, k.length*k.levels*k.horizon)
	for t := k.season; t < k.length; t++ {
		mean := 0.0
		for _, v := range c.v[t-k.season+1 : t+1] {
			mean += float64(v) / float64(k.season)
		}
		c.x[t*inputs] = c.v[t] - c.v[t-k.season]
		c.x[t*inputs+1] = float32(float64(c.v[t]) - mean)
	}
	for t := k.season; t < k.length; t++ {
		for i := range k.levels {
			for h := 1; h <= k.horizon && t+h < k.length; h++ {
				c.y[(t*k.levels+i)*k.horizon+h-1] = c.v[t+h] - c.v[t+h-k.season]
			}
		}
	}
}

// An origin is where a window ends.
type origin struct{ series, at int }

// origins are those whose forecasts lie in from..to-1.
func (k *task) origins(from, to, stride int) (list []origin) {
	for i := range k.all {
		for t := max(from-1, k.first()); t+k.horizon < to; t += stride {
			list = append(list, origin{i, t})
		}
	}
	return list
}

// sequences are the windows of origins, of which the last step counts, or in training the
// second half.
func (k *task) sequences(origins []origin, training bool) []data.Sequence {
	seqs := make([]data.Sequence, len(origins))
	for i, g := range origins {
		c, from := &k.all[g.series], g.at+1-k.context
		seqs[i] = data.Sequence{
			Steps: k.context, X: c.x[from*inputs : (g.at+1)*inputs], Y: c.y[from*k.levels*k.horizon : (g.at+1)*k.levels*k.horizon], Targets: c.last,
		}
		if training {
			seqs[i].Targets = c.counts
		}
	}
	return seqs
}

// values turns what the network tells, [origin][level][horizon], into values of the scaled series.
func (k *task) values(origins []origin, y []float32) []float32 {
	out := make([]float32, len(y))
	width := len(y) / max(1, len(origins))
	for i, g := range origins {
		for j := range width {
			out[i*width+j] = y[i*width+j] + k.all[g.series].v[g.at+1+j%k.horizon-k.season]
		}
	}
	return out
}

// mase is the mean absolute scaled error of forecasts [origin][horizon].
func (k *task) mase(origins []origin, forecasts []float32) (mean float64) {
	errors, n := make([]float64, len(k.all)), make([]float64, len(k.all))
	for i, g := range origins {
		for h := range k.horizon {
			errors[g.series] += distance(forecasts[i*k.horizon+h], k.all[g.series].v[g.at+1+h])
			n[g.series]++
		}
	}
	for s, e := range errors {
		mean += e / n[s] / k.all[s].yard / float64(len(k.all))
	}
	return mean
}
