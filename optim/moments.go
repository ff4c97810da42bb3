package optim

import (
	"fmt"
	"math"
	"slices"
)

// The kinds of the states of Adam and AdamW. Their second half of tensors are the
// roots of the second moments. Versions of this module up to checkpoint version 1
// kept the second moments themselves and called the states "adam" and "adamw".
const (
	adamKind  = "adam-root"
	adamWKind = "adamw-root"
)

// rooted returns s with the roots of second moments in place of the moments, each
// correctly rounded, if it is of one of the old kinds, and otherwise s. A number that
// has no root stays as it is: checkTensors returns an error for it.
func (s State) Rooted() State {
	switch s.Kind {
	case "adam":
		s.Kind = adamKind
	case "adamw":
		s.Kind = adamWKind
	default:
		return s
	}
	s.Tensors = slices.Clone(s.Tensors)
	for i := len(s.Tensors) / 2; i < len(s.Tensors); i++ {
		v := s.Tensors[i]
		r := make([]float32, len(v))
		for j := range v {
			r[j] = v[j]
			if v[j] >= 0 {
				r[j] = float32(math.Sqrt(float64(v[j])))
			}
		}
		s.Tensors[i] = r
	}
	return s
}

// maxSteps is the largest step count: float64 has no number for the next one.
const maxSteps = 1 << 53

// checkNumbers returns an error if the numbers are not a step count and powers of betas.
// The powers are 1 at a count of 0, and below 1 at all others, since betas are below 1.
func (s State) checkNumbers() error {
	for i, v := range s.Numbers {
		switch {
		case i == 0 && !(v >= 0 && v <= maxSteps && v == math.Trunc(v)):
			return fmt.Errorf("optim: number 0 of the optimizer state is %v; a step count is a whole number from 0 to 2^53", v)
		case i > 0 && !(v >= 0 && v <= 1):
			return fmt.Errorf("optim: number %d of the optimizer state is %v; a power of a beta is 0 to 1", i, v)
		case i > 0 && (v == 1) != (s.Numbers[0] == 0):
			return fmt.Errorf("optim: number %d of the optimizer state is %v after %v steps; a power of a beta is 1 before the first step and below 1 after it", i, v, s.Numbers[0])
		}
	}
	return nil
}

// checkTensors returns an error if a moment has a value that no updates lead to. First
// moments are means of gradients, which are finite. The root of a second moment is not
// negative. It may be infinite: in a state of the old kinds the square of a large
// gradient was. Its weight does not change then.
func (s State) checkTensors() error {
	roots := len(s.Tensors)
	if s.Kind == adamKind || s.Kind == adamWKind {
		roots /= 2
	}
	for i, t := range s.Tensors {
		for j, v := range t {
			switch {
			case i < roots && !finite(v):
				return fmt.Errorf("optim: element %d of tensor %d of the optimizer state is %v, want a finite number", j, i, v)
			case i >= roots && !(v >= 0):
				return fmt.Errorf("optim: element %d of tensor %d of the optimizer state is %v; a second moment and its root are 0 or more", j, i, v)
			}
		}
	}
	return nil
}
