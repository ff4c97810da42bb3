package data

import (
	"cmp"
	"fmt"
)

// A form is what sequences that go into one batch have in common.
type form struct {
	known        bool // there was a sequence with steps
	ids, targets bool
	in, out      int  // widths of X and Y, 0 without them
	weights      int  // of a step
	labels       bool // of any sequence
	first        int  // the number of the sequence that the form is taken from
}

// measure finds the form of seqs, unless it is known, and sets the Steps that were left
// out. A sequence of another form is an error. The first sequence has number base.
func (f *form) measure(seqs []Sequence, base int) error {
	first := -1
	for k := range seqs {
		s, i := &seqs[k], base+k
		if s.Steps < 0 {
			return fmt.Errorf("data: sequence %d has %d steps, want 0 or more", i, s.Steps)
		}
		if s.Steps == 0 {
			s.Steps = max(len(s.IDs), len(s.Targets))
		}
		if first < 0 && s.Steps > 0 {
			first = k
		}
	}
	if !f.known && first >= 0 {
		s := &seqs[first]
		f.known, f.first = true, base+first
		f.ids, f.targets = len(s.IDs) > 0, len(s.Targets) > 0
		f.in, f.out = len(s.X)/s.Steps, len(s.Y)/s.Steps
		f.weights = len(s.Weights) / s.Steps
	}
	for k := range seqs {
		f.labels = f.labels || seqs[k].Labels != nil
	}
	for k := range seqs {
		s, i := &seqs[k], base+k
		if s.Steps == 0 && (len(s.X) > 0 || len(s.Y) > 0) {
			switch {
			case f.in > 0:
				s.Steps = len(s.X) / f.in
			case f.out > 0:
				s.Steps = len(s.Y) / f.out
			default:
				return fmt.Errorf("data: sequence %d has %d inputs and %d target values but no Steps, and no other sequence shows their width; set Steps", i, len(s.X), len(s.Y))
			}
			if s.Steps == 0 {
				return fmt.Errorf("data: sequence %d has %d inputs and %d target values, which is less than one step of width %d and %d", i, len(s.X), len(s.Y), f.in, f.out)
			}
		}
		if s.Steps == 0 {
			continue
		}
		if len(s.IDs) > 0 && len(s.X) > 0 {
			return fmt.Errorf("data: sequence %d has %d ids and %d inputs, want one of them", i, len(s.IDs), len(s.X))
		}
		if len(s.IDs) == 0 && len(s.X) == 0 {
			return fmt.Errorf("data: sequence %d has %d steps and neither IDs nor X", i, s.Steps)
		}
		if len(s.Targets) == 0 && len(s.Y) == 0 && !f.labels {
			return fmt.Errorf("data: sequence %d has %d steps and neither Targets nor Y nor Labels", i, s.Steps)
		}
		err := cmp.Or(
			f.fits(i, s.Steps, "IDs", len(s.IDs), perStep(f.ids)),
			f.fits(i, s.Steps, "X", len(s.X), f.in),
			f.fits(i, s.Steps, "Targets", len(s.Targets), perStep(f.targets)),
			f.fits(i, s.Steps, "Y", len(s.Y), f.out),
			f.fits(i, s.Steps, "Weights", len(s.Weights), f.weights),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// perStep is the number of ids or targets of one step: 1 if the sequences have
// them, else 0.
func perStep(have bool) int {
	if have {
		return 1
	}
	return 0
}

// fits returns an error if sequence i has not width elements of the field for each
// of its steps, but n elements in all. width is what the first sequence has.
func (f *form) fits(i, steps int, field string, n, width int) error {
	switch {
	case width == 0 && n == 0:
		return nil
	case width > 0 && n%width == 0 && n/width == steps: // the product might overflow
		return nil
	case i == f.first && field != "IDs" && field != "Targets":
		return fmt.Errorf("data: sequence %d has %d elements of %s, want a multiple of its %d steps", i, n, field, steps)
	case width == 0:
		return fmt.Errorf("data: sequence %d has %d elements of %s, want 0 as in sequence %d", i, n, field, f.first)
	}
	return fmt.Errorf("data: sequence %d has %d elements of %s, want %d for each of its %d steps", i, n, field, width, steps)
}
