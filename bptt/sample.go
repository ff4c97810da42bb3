package bptt

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
)

// Sample reads prompt and then draws len(dst) symbols, each from the softmax of
// logits/temperature and each the input of the next step; at temperature 0 it
// takes the most likely symbol, the first of equals. The model is one over ids
// whose output is one logit for each symbol, the predictor has one row. With an
// empty prompt it continues where the last Sample stopped.
//
// One Uint64 is taken from r for each symbol, none at temperature 0, so seed
// and prompt fix the text on every machine.
func (p *ModelPredictor) Sample(dst, prompt []int32, temperature float64, r *rand.Rand) error {
	switch {
	case p.emb == nil || p.batch != 1 || p.out != p.in:
		return fmt.Errorf("bptt: Sample of %d rows, inputs %d and outputs %d, want 1 row of ids with a logit for each", p.batch, p.in, p.out)
	case !(temperature >= 0) || math.IsInf(temperature, 0):
		return fmt.Errorf("bptt: temperature %v, want 0 or more", temperature)
	case temperature > 0 && r == nil:
		return errors.New("bptt: Sample at a temperature above 0 needs a source of random numbers, r is nil")
	case len(prompt) == 0 && !p.ready:
		return errors.New("bptt: Sample needs a prompt to begin with")
	}
	if p.logits == nil {
		p.logits, p.probs = make([]float32, p.out), make([]float32, p.out)
	}
	for i := range prompt {
		if err := p.StepIDs(p.logits, prompt[i:i+1]); err != nil {
			return err
		}
	}
	for i := range dst {
		id := p.draw(temperature, r)
		if id < 0 {
			return fmt.Errorf("bptt: the logits of symbol %d are not finite", i)
		}
		dst[i], p.next[0] = id, id
		if err := p.StepIDs(p.logits, p.next[:]); err != nil {
			return err
		}
	}
	p.ready = true
	return nil
}

// draw takes a symbol from p.logits, -1 if they allow none.
func (p *ModelPredictor) draw(temperature float64, r *rand.Rand) int32 {
	if temperature == 0 {
		best := int32(-1)
		for i, v := range p.logits {
			if v == v && (best < 0 || v > p.logits[best]) {
				best = int32(i)
			}
		}
		return best
	}
	// Subtracting the maximum first keeps a low temperature from overflowing.
	top := p.isa.Max(p.logits)
	for i, v := range p.logits {
		p.probs[i] = v - top
	}
	// An infinite factor would make a NaN of the maximum, which is 0 by now.
	p.isa.Scale(p.probs, p.probs, float32(min(1/temperature, math.MaxFloat32)))
	p.isa.Softmax(p.probs, p.probs)
	u, sum := draw.Unit(r), 0.0
	last := int32(-1)
	for i, q := range p.probs {
		if q != q {
			return -1
		}
		if q > 0 {
			last = int32(i)
		}
		if sum += float64(q); u < sum {
			return int32(i)
		}
	}
	return last // the rounded probabilities may sum to a little less than u
}
