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
// then NewTrainer calls that, and refuses a Plan whose schedule returns an error. If it
// has a method
//
//	Reset()
//
// then NewTrainer calls that, so that a run begins with a schedule that knows of none
// before it. One
// that goes by epochs is an EpochSchedule, and one that goes by validation an Observer;
// RateAt is how to ask any of them.
//
// A schedule that depends on more than the counts of updates and epochs has a state, and
// the methods MarshalBinary and UnmarshalBinary (encoding.BinaryMarshaler and
// encoding.BinaryUnmarshaler), so that checkpoints keep it.
type Schedule interface {
	// Rate returns the factor of the update that follows after step updates, 0
	// or more. Anything else ends the training before that update, with a
	// *RateError.
	Rate(step int64) float64
}

// An EpochSchedule goes by the passes over the data. RateAt is asked in place of Rate:
// epoch is the number of passes that were complete when the batches of the update were
// read, 0 in the first.
type EpochSchedule interface {
	Schedule
	RateAt(step, epoch int64) float64
}

// An Observer is a Schedule that is told each validation loss, which the rates of later
// updates follow. NewTrainer refuses one in a Plan without validations, whose rate would
// never change: a program that measures by itself gives the number by Validate.Measure.
type Observer interface {
	Schedule
	Observe(validationLoss float64)
}

// RateAt returns the factor of the update that follows after step updates and that many
// complete epochs: that of RateAt if s is an EpochSchedule, else that of Rate. It is 1 if
// s is nil.
func RateAt(s Schedule, step, epoch int64) float64 {
	switch s := s.(type) {
	case nil:
		return 1
	case EpochSchedule:
		return s.RateAt(step, epoch)
	}
	return s.Rate(step)
}

// Constant is the Schedule that is always 1. A Plan without a Schedule does the same.
type Constant struct{}

// Rate implements Schedule.
func (Constant) Rate(int64) float64 { return 1 }

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
	}
	return checkFactor("StepDecay", s.Factor)
}

// Rate implements Schedule.
func (s StepDecay) Rate(step int64) float64 {
	if s.Every < 1 {
		return 1
	}
	return power(s.Factor, step/s.Every)
}

// power is x^n for n >= 0, a product of squares.
func power(x float64, n int64) float64 {
	result, square := 1.0, x
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = float64(result * square)
		}
		square = float64(square * square)
	}
	return result
}

// checkFactor returns an error if a schedule cannot multiply by f again and again.
func checkFactor(schedule string, f float64) error {
	if f > 0 && !math.IsInf(f, 1) {
		return nil
	}
	return fmt.Errorf("optim: %s with Factor %v, want more than 0 and finite", schedule, f)
}

// EpochDecay leaves the rate as it is for the first After epochs, and then multiplies it
// by Factor at the beginning of each further one: in epoch e, counted from 0, it is
// Factor^(e+1-After), and 1 before. Zaremba, Sutskever and Vinyals (2014) have After 4
// and Factor 0.5 for their small model. After 0 counts as 1, by which the first epoch
// has the rate 1. Factor is above 0.
type EpochDecay struct {
	After  int64
	Factor float64
}

// Check refuses fields that are no schedule.
func (s EpochDecay) Check() error {
	if s.After < 0 {
		return fmt.Errorf("optim: EpochDecay with After %d, want 0 epochs or more", s.After)
	}
	return checkFactor("EpochDecay", s.Factor)
}

// RateAt implements EpochSchedule.
func (s EpochDecay) RateAt(_, epoch int64) float64 {
	return power(s.Factor, max(0, epoch+1-max(1, s.After)))
}

// Rate implements Schedule. It is not known without the epoch: the result is NaN, so that
// a training that does not ask RateAt ends with an error and not with a constant rate.
func (s EpochDecay) Rate(int64) float64 { return math.NaN() }

// Exponential multiplies the rate by Factor over each Every updates, a little with each:
// the rate is Factor^(step/Every), where StepDecay has whole powers alone. Factor is above
// 0, Every at least 1.
type Exponential struct {
	Every  int64
	Factor float64
}

// Check refuses fields that are no schedule.
func (s Exponential) Check() error {
	if s.Every < 1 {
		return fmt.Errorf("optim: Exponential with Factor %v over %d updates, want at least 1", s.Factor, s.Every)
	}
	return checkFactor("Exponential", s.Factor)
}

// Rate implements Schedule.
func (s Exponential) Rate(step int64) float64 {
	whole, part := step/s.Every, step%s.Every
	rate := power(s.Factor, whole)
	if part > 0 {
		rate = float64(rate * kernels.Pow(s.Factor, float64(part)/float64(s.Every)))
	}
	return rate
}
