package optim

import (
	"fmt"
	"math"
)

// positive, normal, fraction and decay refuse a setting of an optimizer by name. The
// kernels take settings as float32, so that is what has to be in range.
func positive(optimizer, what string, v float64) error {
	if f := float32(v); f > 0 && finite(f) {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, want more than 0 and finite%s", optimizer, what, v, inFloat32(v > 0 && !math.IsInf(v, 1)))
}

// factor is a setting as the kernels take it. A denormal number, which is slow in every
// operation that it enters, counts as 0, as a smaller one does that float32 cannot hold.
func factor(v float64) float32 {
	f := float32(v)
	if math.Abs(float64(f)) < 0x1p-126 {
		return 0
	}
	return f
}

// normal refuses a denormal number, for a setting that must not count as 0.
func normal(optimizer, what string, v float64) error {
	if float32(v) >= 0x1p-126 {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, a denormal number as a float32, want 2^-126 (1.2e-38) or more", optimizer, what, v)
}

func fraction(optimizer, what string, v float64) error {
	if v >= 0 && float32(v) < 1 {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, want 0 or more and below 1%s", optimizer, what, v, inFloat32(v >= 0 && v < 1))
}

func decay(optimizer string, v float64) error { return atLeast0(optimizer, "weight decay", v) }

func atLeast0(optimizer, what string, v float64) error {
	if v >= 0 && finite(float32(v)) {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, want 0 or more and finite%s", optimizer, what, v, inFloat32(v >= 0 && !math.IsInf(v, 1)))
}

// decays are the factors of a weight in a step at the rate lr: that in its gradient and
// that of itself.
func decays(lr, decay float64, decoupled bool) (l2, keep float32) {
	if decoupled {
		return 0, float32(1 - float64(lr*decay))
	}
	return factor(decay), 1
}

// firstDecay refuses a decoupled decay whose factor is infinite at the rate lr.
func firstDecay(optimizer string, lr, decay float64, decoupled bool) error {
	if _, keep := decays(lr, decay, decoupled); finite(keep) {
		return nil
	}
	return fmt.Errorf("optim: %s with learning rate %v and a decay of %v, whose first step is infinite in float32", optimizer, lr, decay)
}

// inFloat32 is the end of the message about a setting that is out of range. It names
// float32 if the setting is in range as a float64, and only out of it as a float32.
func inFloat32(inRange bool) string {
	if inRange {
		return ", in float32 too"
	}
	return ""
}

// A RateError says that an update was not made because its learning rate is
// negative, is no number, or leads to a step that float32 cannot hold. The weights
// and the state of the optimizer are those before it.
type RateError struct {
	Step   int64   // the update that was not made, counted from 1
	LR     float64 // the learning rate of the optimizer
	Factor float64 // the schedule's, which multiplies it
}

// Error says which update was not made, and the rates.
func (e *RateError) Error() string {
	return fmt.Sprintf("optim: step %d: the learning rate %v times the schedule's %v, want a number that is 0 or more and whose step is finite in float32; the weights are those before the step",
		e.Step, e.LR, e.Factor)
}

// CheckRate returns a *RateError if update step cannot be made at this value of a
// schedule: if it, or its product with the learning rate lr, is negative, infinite or NaN.
func CheckRate(step int64, lr, factor float64) error {
	if !usable(factor, float64(lr*factor)) {
		return &RateError{Step: step, LR: lr, Factor: factor}
	}
	return nil
}

// usable says whether a step can be taken at this value of a schedule, at the
// learning rate that comes of it, with these factors for the kernel.
func usable(factor, rate float64, factors ...float32) bool {
	ok := factor >= 0 && rate >= 0 && !math.IsInf(rate, 1)
	for _, f := range factors {
		ok = ok && finite(f)
	}
	return ok
}

func finite(v float32) bool { return math.Abs(float64(v)) <= math.MaxFloat32 }
