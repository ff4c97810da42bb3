package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/kernels"
)

// A State is all that an optimizer carries from step to step.
type State struct {
	Kind    string      // of the optimizer: what Numbers and Tensors are
	Numbers []float64   // the step count first; then running products of the betas, or other counts
	Tensors [][]float32 // one for each parameter and moment, moment after moment; of second moments the roots
}

// The kinds of states. Those of Adam had second moments up to checkpoint version 1, not
// their roots, and were called "adam" and "adamw".
const (
	sgdKind      = "sgd"
	adamKind     = "adam-root"
	adamWKind    = "adamw-root"
	amsGradKind  = "adam-root-amsgrad"
	amsGradWKind = "adamw-root-amsgrad"
	rmsPropKind  = "rmsprop" // and what it has: -centred, -momentum
	adagradKind  = "adagrad"
	asgdKind     = "asgd"
	groupsKind   = "groups\n" // and what they are
)

// layouts says what the tensors of a kind are, moment after moment: m is a mean of
// gradients or of steps, r the root of a second moment, w a mean of weights.
var layouts = map[string]string{
	sgdKind:  "m", // or none
	adamKind: "mr", adamWKind: "mr", amsGradKind: "mrr", amsGradWKind: "mrr",
	rmsPropKind: "r", rmsPropKind + "-momentum": "rm",
	rmsPropKind + "-centred": "rm", rmsPropKind + "-centred-momentum": "rmm",
	adagradKind: "r", asgdKind: "w",
}

// Set copies from into s where kinds and shapes agree, and refuses what no updates lead
// to. On an error nothing is changed.
func (s State) Set(from State) error {
	if err := s.accepts(from); err != nil {
		return err
	}
	s.Put(from)
	return nil
}

// accepts returns the error of Set.
func (s State) accepts(from State) error {
	if from.Kind != s.Kind {
		if from.ofGroups() && s.ofGroups() {
			return otherGroups(from.Kind, s.Kind)
		}
		return fmt.Errorf("optim: the optimizer state is one of %q, the optimizer is %q", from.Kind, s.Kind)
	}
	if len(from.Numbers) != len(s.Numbers) || len(from.Tensors) != len(s.Tensors) {
		return fmt.Errorf("optim: an optimizer state of %d numbers and %d tensors, want %d and %d", len(from.Numbers), len(from.Tensors), len(s.Numbers), len(s.Tensors))
	}
	for i := range s.Tensors {
		if len(from.Tensors[i]) != len(s.Tensors[i]) {
			return fmt.Errorf("optim: tensor %d of the optimizer state has %d elements, want %d", i, len(from.Tensors[i]), len(s.Tensors[i]))
		}
	}
	if err := from.checkNumbers(); err != nil {
		return err
	}
	return from.checkTensors()
}

// Put copies from, which has the shapes of s, into the memory of s.
func (s State) Put(from State) {
	copy(s.Numbers, from.Numbers)
	for i := range s.Tensors {
		copy(s.Tensors[i], from.Tensors[i])
	}
}

// Same says whether s and o are the same memory.
func (s State) Same(o State) bool {
	if len(s.Numbers) != len(o.Numbers) || len(s.Tensors) != len(o.Tensors) {
		return false
	}
	if len(s.Numbers) > 0 && &s.Numbers[0] != &o.Numbers[0] {
		return false
	}
	for i, t := range s.Tensors {
		if !kernels.Same(t, o.Tensors[i]) && len(t)+len(o.Tensors[i]) > 0 {
			return false
		}
	}
	return true
}

// Clone returns a copy of s in memory of its own.
func (s State) Clone() State {
	c := State{Kind: s.Kind, Numbers: slices.Clone(s.Numbers)}
	for _, t := range s.Tensors {
		c.Tensors = append(c.Tensors, slices.Clone(t))
	}
	return c
}

// Rooted returns s with the roots of second moments in place of the moments, each
// correctly rounded, if it is of one of the old kinds, and otherwise s. A number that
// has no root stays as it is: Set returns an error for it.
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

// checkNumbers returns an error if the numbers are not a step count and what follows it.
func (s State) checkNumbers() error {
	if len(s.Numbers) > 0 && !isCount(s.Numbers[0]) {
		return fmt.Errorf("optim: number 0 of the optimizer state is %v; a step count is a whole number from 0 to 2^53", s.Numbers[0])
	}
	switch {
	case s.ofGroups():
		return nil // Groups looks at them one by one
	case s.Kind == asgdKind:
		return s.checkAverage()
	}
	for i, v := range s.Numbers {
		if i == 0 {
			continue
		}
		// The powers are 1 at a count of 0, and below 1 at all others, since betas are below 1.
		switch {
		case !(v >= 0 && v <= 1):
			return fmt.Errorf("optim: number %d of the optimizer state is %v; a power of a beta is 0 to 1", i, v)
		case (v == 1) != (s.Numbers[0] == 0):
			return fmt.Errorf("optim: number %d of the optimizer state is %v after %v steps; a power of a beta is 1 before the first step and below 1 after it", i, v, s.Numbers[0])
		}
	}
	return nil
}

// checkAverage returns an error if the numbers of a state of ASGD do not go together.
func (s State) checkAverage() error {
	step, n, swapped := s.Numbers[0], s.Numbers[1], s.Numbers[2]
	if !isCount(n) || n > step || (n == 0) != (step == 0) {
		return fmt.Errorf("optim: number 1 of the optimizer state is %v after %v steps; so many weights are in an average, at least 1 after the first step", n, step)
	}
	if swapped != 0 {
		return fmt.Errorf("optim: the optimizer state was taken inside ASGD.Average (number 2 is %v, want 0): the parameters beside it are averages, from which training cannot go on; take a state outside of Average", swapped)
	}
	return nil
}

// ofGroups says whether s is a state of Groups.
func (s State) ofGroups() bool { return strings.HasPrefix(s.Kind, groupsKind) }

func isCount(v float64) bool { return v >= 0 && v <= maxSteps && v == math.Trunc(v) }

// checkTensors returns an error if a moment has a value that no updates lead to. First
// moments are means of gradients, which are finite. The root of a second moment is not
// negative. It may be infinite: in a state of the old kinds the square of a large
// gradient was. Its weight does not change then. A mean of weights is what weights are.
func (s State) checkTensors() error {
	if s.ofGroups() {
		return nil
	}
	layout := layouts[s.Kind]
	for i, t := range s.Tensors {
		what := byte('m')
		if layout != "" {
			what = layout[i*len(layout)/len(s.Tensors)]
		}
		for j, v := range t {
			switch {
			case what == 'm' && !finite(v):
				return fmt.Errorf("optim: element %d of tensor %d of the optimizer state is %v, want a finite number", j, i, v)
			case what == 'r' && !(v >= 0):
				return fmt.Errorf("optim: element %d of tensor %d of the optimizer state is %v; a second moment and its root are 0 or more", j, i, v)
			}
		}
	}
	return nil
}
