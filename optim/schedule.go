package optim

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Schedule multiplies the learning rate. If it also has a method
//
//	Check() error
//
// then NewTrainer calls that, and refuses a Plan whose schedule returns an error.
type Schedule interface {
	// Rate returns the factor of the update that follows after step updates, 0
	// or more. Anything else ends the training before that update, with a
	// *RateError.
	Rate(step int64) float64
}

// Constant is the Schedule that is always 1. A Plan without a Schedule does the same.
type Constant struct{}

// Rate implements Schedule.
func (Constant) Rate(int64) float64 { return 1 }

// WarmupCosine rises in Warmup equal steps to 1 and then falls along half a
// cosine to Floor, where it stays from update Total on. Total must be set and be
// no less than Warmup; Floor is 0 to 1.
type WarmupCosine struct {
	Warmup, Total int64
	Floor         float64
}

// Check refuses fields that are no schedule.
func (s WarmupCosine) Check() error {
	switch {
	case s.Total < 1:
		return fmt.Errorf("optim: WarmupCosine with Total %d, want the updates of the run, at least 1", s.Total)
	case s.Warmup < 0 || s.Warmup > s.Total:
		return fmt.Errorf("optim: WarmupCosine with Warmup %d and Total %d, want 0 <= Warmup <= Total", s.Warmup, s.Total)
	case !(s.Floor >= 0 && s.Floor <= 1):
		return fmt.Errorf("optim: WarmupCosine with Floor %v, want 0 to 1", s.Floor)
	}
	return nil
}

// Rate implements Schedule.
func (s WarmupCosine) Rate(step int64) float64 {
	switch {
	case step < s.Warmup:
		return float64(step+1) / float64(s.Warmup)
	case step >= s.Total:
		return s.Floor
	}
	done := float64(step-s.Warmup) / float64(s.Total-s.Warmup)
	half := float64(0.5 * (1 + kernels.Cos(float64(math.Pi*done))))
	return s.Floor + float64((1-s.Floor)*half)
}

// StepDecay multiplies the rate by Factor every Every updates. Factor is above 0.
// The zero value is constant.
type StepDecay struct {
	Every  int64
	Factor float64
}

// Check refuses fields that are no schedule.
func (s StepDecay) Check() error {
	switch {
	case s == StepDecay{}:
		return nil
	case s.Every < 1:
		return fmt.Errorf("optim: StepDecay with Factor %v every %d updates, want at least 1", s.Factor, s.Every)
	case !(s.Factor > 0) || math.IsInf(s.Factor, 1):
		return fmt.Errorf("optim: StepDecay with Factor %v, want more than 0 and finite", s.Factor)
	}
	return nil
}

// Rate implements Schedule. The power is a product of squares.
func (s StepDecay) Rate(step int64) float64 {
	if s.Every < 1 {
		return 1
	}
	rate, square := 1.0, s.Factor
	for n := step / s.Every; n > 0; n >>= 1 {
		if n&1 == 1 {
			rate = float64(rate * square)
		}
		square = float64(square * square)
	}
	return rate
}
