package nn

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
//
// Arguments are checked first: on an error about them the state is as before. A
// bad id is an *IDError whose Step is its place in prompt. A symbol with a logit of
// -Inf is never drawn. A logit that is NaN or +Inf, and -Inf for all symbols, is an
// error at every temperature: dst then holds the symbols drawn before it, and the
// predictor has the state after these.
func (p *ModelPredictor) Sample(dst, prompt []int32, temperature float64, r *rand.Rand) error {
	switch {
	case p.emb == nil || p.batch != 1 || p.out != p.in:
		return fmt.Errorf("nn: Sample of %d rows, inputs %d and outputs %d, want 1 row of ids with a logit for each", p.batch, p.in, p.out)
	case !(temperature >= 0) || math.IsInf(temperature, 0):
		return fmt.Errorf("nn: temperature %v, want 0 or more, and finite", temperature)
	case temperature > 0 && r == nil:
		return errors.New("nn: Sample at a temperature above 0 needs a source of random numbers, r is nil")
	case len(prompt) == 0 && !p.ready:
		return errors.New("nn: Sample needs a prompt to begin with")
	}
	if err := p.emb.checkIDs(prompt, 1, nil); err != nil {
		return err
	}
	if p.logits == nil {
		p.logits, p.probs = make([]float32, p.out), make([]float32, p.out)
	}
	for i := range prompt {
		if err := p.StepIDs(p.logits, prompt[i:i+1]); err != nil {
			return err
		}
		p.ready = true
	}
	for i := range dst {
		if err := p.checkLogits(); err != nil {
			return fmt.Errorf("nn: Sample before symbol %d of %d: %w", i, len(dst), err)
		}
		dst[i] = p.draw(temperature, r)
		p.next[0] = dst[i]
		if err := p.StepIDs(p.logits, p.next[:]); err != nil {
			return err
		}
		p.ready = true
	}
	return nil
}

// checkLogits returns an error for logits whose softmax is not a distribution.
func (p *ModelPredictor) checkLogits() error {
	choice := false
	for i, v := range p.logits {
		if v != v || v > math.MaxFloat32 {
			return fmt.Errorf("the logit of class %d is %v, want a finite number, or -Inf for a class that must not be drawn", i, v)
		}
		choice = choice || v >= -math.MaxFloat32
	}
	if !choice {
		return fmt.Errorf("all %d logits are -Inf, want a number for at least one class", len(p.logits))
	}
	return nil
}

// draw draws a symbol by p.logits, which checkLogits has accepted.
func (p *ModelPredictor) draw(temperature float64, r *rand.Rand) int32 {
	if temperature == 0 {
		best := 0
		for i, v := range p.logits {
			if v > p.logits[best] {
				best = i
			}
		}
		return int32(best)
	}
	// With the maximum subtracted first, a low temperature cannot overflow. A
	// difference of two finite logits that is infinite in float32 is limited.
	top := p.isa.Max(p.logits)
	for i, v := range p.logits {
		if p.probs[i] = v - top; p.probs[i] < -math.MaxFloat32 {
			p.probs[i] = -math.MaxFloat32
		}
	}
	// The maximum is 0 now, and an infinite factor would make it NaN.
	p.isa.Scale(p.probs, p.probs, float32(min(1/temperature, math.MaxFloat32)))
	// Logits of -Inf are set after Scale: at a very high temperature its factor is 0,
	// and 0 times -Inf is NaN.
	for i, v := range p.logits {
		if v < -math.MaxFloat32 {
			p.probs[i] = v
		}
	}
	p.isa.Softmax(p.probs, p.probs)
	u, sum := draw.Unit(r), 0.0
	last := int32(0)
	for i, q := range p.probs {
		if q > 0 {
			last = int32(i)
		}
		if sum += float64(q); u < sum {
			return int32(i)
		}
	}
	return last // the rounded probabilities may sum to a little less than u
}
