package bptt

import (
	"math"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Schedule multiplies the learning rate.
type Schedule interface {
	// Rate returns the factor of the update that follows after step updates.
	Rate(step int64) float64
}

// Constant is the Schedule that is 1 always, as is no Schedule.
type Constant struct{}

// Rate implements Schedule.
func (Constant) Rate(int64) float64 { return 1 }

// WarmupCosine rises in Warmup equal steps to 1 and then falls along half a
// cosine to Floor, where it stays from update Total on.
type WarmupCosine struct {
	Warmup, Total int64
	Floor         float64
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

// StepDecay multiplies the rate by Factor every Every updates.
type StepDecay struct {
	Every  int64
	Factor float64
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
