package seq2seq

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Decay says how often scheduled sampling feeds the symbol of the data: Gold returns
// the probability of that for a training step, counted from 0, a number of 0 to 1. A
// training step ends with a Backward. If it has a method Check() error, New calls that.
type Decay interface {
	Gold(step int64) float64
}

// LinearDecay is max(Floor, Start - Slope*step).
type LinearDecay struct{ Start, Slope, Floor float64 }

// Gold implements Decay.
func (d LinearDecay) Gold(step int64) float64 {
	return max(d.Floor, d.Start-float64(d.Slope*float64(step)))
}

// Check returns an error unless 0 <= Floor <= Start <= 1 and Slope is 0 or more.
func (d LinearDecay) Check() error {
	if !(0 <= d.Floor && d.Floor <= d.Start && d.Start <= 1 && d.Slope >= 0 && d.Slope <= 1) {
		return fmt.Errorf("seq2seq: %+v, want 0 <= Floor <= Start <= 1 and a Slope of 0 to 1", d)
	}
	return nil
}

// ExponentialDecay is K to the power of step.
type ExponentialDecay struct{ K float64 }

// Gold implements Decay.
func (d ExponentialDecay) Gold(step int64) float64 { return kernels.Pow(d.K, float64(step)) }

// Check returns an error unless 0 < K < 1.
func (d ExponentialDecay) Check() error {
	if !(0 < d.K && d.K < 1) {
		return fmt.Errorf("seq2seq: %+v, want a K between 0 and 1", d)
	}
	return nil
}

// InverseSigmoidDecay is K/(K + exp(step/K)).
type InverseSigmoidDecay struct{ K float64 }

// Gold implements Decay.
func (d InverseSigmoidDecay) Gold(step int64) float64 {
	return d.K / (d.K + kernels.Exp64(float64(step)/d.K))
}

// Check returns an error unless K is 1 or more, and finite.
func (d InverseSigmoidDecay) Check() error {
	if !(d.K >= 1) || math.IsInf(d.K, 0) {
		return fmt.Errorf("seq2seq: %+v, want a K of 1 or more", d)
	}
	return nil
}

// sampler does scheduled sampling.
type sampler struct {
	decay      Decay
	seed, step uint64
	isa        kernels.ISA
	team       crew.Crew
	batch, out int
	ids        []int32   // inputs of the second pass
	best       []int32   // predictions of the first
	rows       []uint32  // names of the rows; nil: their places
	u          []float32 // of 64 rows

	y      []float32 // for choose
	chosen []int32   // the part of best that it sets
	part   func(w, n int)
}

// rate returns the probability of a prediction in place of the data's symbol.
func (s *sampler) rate() (float64, error) {
	gold := s.decay.Gold(int64(s.step))
	if !(gold >= 0 && gold <= 1) {
		return 0, fmt.Errorf("seq2seq: Config.Sampling gives %v for step %d, want a probability of 0 to 1", gold, s.step)
	}
	return 1 - gold, nil
}

// sampled is the kind of these random numbers among those of masks: rule 11.
const sampled = 6

// sampledRows is how many rows the counter has room for.
const sampledRows = 1 << 22

// predict sets the predictions from step first on by y, the logits of these steps.
func (s *sampler) predict(y []float32, first int) {
	s.y, s.chosen = y, s.best[first*s.batch:][:len(y)/s.out]
	s.team.Run(s.isa, len(y), s.part)
	s.y, s.chosen = nil, nil
}

// mix returns the inputs of the second pass: ids, in which the symbol of a step is, with
// probability p, the prediction by the step before.
func (s *sampler) mix(ids []int32, p float64) []int32 {
	s.ids = append(s.ids[:0], ids...)
	// u is in [1, 2). At p = 1 the limit is 2.
	below := float32(1 + p)
	key := [2]uint32{uint32(s.seed), uint32(s.seed >> 32)}
	for t := 1; t < len(ids)/s.batch; t++ {
		drawn := uint32(sampledRows) // which 64 rows u is of
		for b := range s.batch {
			row := uint32(b)
			if s.rows != nil {
				row = s.rows[b]
			}
			if row/64 != drawn {
				drawn = row / 64
				s.isa.Uniform(s.u[:64], [4]uint32{sampled<<20 | drawn*16, uint32(s.step), uint32(t), 0}, key)
			}
			if best := s.best[(t-1)*s.batch+b]; s.u[row%64] < below && best >= 0 {
				s.ids[t*s.batch+b] = best
			}
		}
	}
	return s.ids
}

// choose sets a share of chosen: the first of the largest logits, -1 where all are NaN.
func (s *sampler) choose(w, n int) {
	lo, hi := split.Share(len(s.chosen), 1, w, n)
	for p := lo; p < hi; p++ {
		row := s.y[p*s.out:][:s.out]
		s.chosen[p] = int32(slices.Index(row, s.isa.Max(row)))
	}
}
