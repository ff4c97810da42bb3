package bptt

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// A Plan says how a net is trained. Optimizer and Loss must be set; every other
// zero field is the plain choice. NewTrainer refuses a field that makes no sense.
type Plan struct {
	// Window is how many steps back the gradient flows; 0 is full BPTT, whole
	// sequences. Stride is how many new steps each update takes, Window if 0.
	// See the package comment.
	Window, Stride int

	Loss      loss.Loss
	Optimizer optim.Optimizer
	Schedule  optim.Schedule // of the learning rate; nil: constant

	// Reduction says what the gradient is divided by: the weight of all that counts
	// (loss.Mean, the zero value), the rows in which something counts
	// (loss.SumOverTime), or nothing (loss.Sum). Loss and Progress.Loss are means with
	// all of them.
	Reduction loss.Reduction

	// ClipNorm, if above 0, scales the gradient down so that its norm over all
	// parameters is at most that. ClipValue, if above 0, limits every element,
	// before the norm is taken. 0 is no clipping. Infinity is refused, and so is
	// what is below 2^-100 in float32: it makes all of the gradient tiny.
	ClipNorm, ClipValue float64

	// Accumulate is the number of windows that one update is made from; 0 is 1.
	// The gradient is that of the loss that Progress reports: the sum over all
	// that counts in these windows, divided by the weight of its terms, their number
	// without weights; with another Reduction by the rows of all windows, or by
	// nothing. A window with more targets weighs more, and one in which nothing counts
	// adds nothing. An update may take windows of two epochs; at the end of the
	// last epoch it is made from the windows that are left. When the context of
	// Run ends between two of them, or one of them is an error, the update is
	// given up and the windows read for it are lost; weights, optimizer and
	// counts of updates are those before it.
	Accumulate int

	// Steps and Epochs end the training at that many updates or passes over
	// the data, counted from the beginning of the Trainer and of the run that
	// it resumed; 0 is no limit. Time is limited by the context.
	Steps  int64
	Epochs int64

	// OnStep, if set, is called after every update. An error ends the
	// training; ErrStop does so without being one for the caller.
	OnStep func(Progress) error

	// Workers is the largest number of workers for the work; more than 256 count
	// as 256. NewTrainer calls SetWorkers of the net and of the optimizer with it,
	// where they have that method. With 0 it calls neither: both stay as they were set,
	// and the Trainer's own work is split by its size. The number changes no
	// bit.
	Workers int

	// Meta is kept in checkpoints, for the program's own settings.
	Meta []byte
}

// check returns an error for settings that make no sense, for a net unrolled over that
// many steps.
// The optimizer checks its own settings in Init.
func (p *Plan) check(steps int) error {
	switch {
	case nilcheck.IsNil(p.Loss):
		return errNoLoss
	case nilcheck.IsNil(p.Optimizer):
		return errNoOptimizer
	case p.Schedule != nil && nilcheck.IsNil(p.Schedule):
		return fmt.Errorf("bptt: Plan.Schedule is a nil %T; leave the field out for a constant rate", p.Schedule)
	case p.Window < 0 || p.Stride < 0 || p.Stride > p.Window:
		return fmt.Errorf("bptt: window %d and stride %d, want 0 <= stride <= window", p.Window, p.Stride)
	case p.Window > steps:
		return fmt.Errorf("bptt: a window of %d steps, the net is unrolled over %d", p.Window, steps)
	case p.Accumulate < 0:
		return fmt.Errorf("bptt: Plan.Accumulate is %d, want the windows of an update, or 0 for 1", p.Accumulate)
	case p.Steps < 0 || p.Epochs < 0:
		return fmt.Errorf("bptt: %d steps and %d epochs, want 0 or more", p.Steps, p.Epochs)
	case p.Workers < 0:
		return fmt.Errorf("bptt: Plan.Workers is %d, want a number of goroutines, or 0 for automatic", p.Workers)
	}
	if err := p.Reduction.Check(); err != nil {
		return fmt.Errorf("bptt: Plan.Reduction: %w", err)
	}
	if err := checkClip("ClipNorm", p.ClipNorm); err != nil {
		return err
	}
	if err := checkClip("ClipValue", p.ClipValue); err != nil {
		return err
	}
	return p.checkSchedule()
}

// checkSchedule returns the error of the schedule's Check, if it has that method. A
// panic in Check is an error too.
func (p *Plan) checkSchedule() (err error) {
	defer catch("Plan.Schedule", &err)
	if s, ok := p.Schedule.(interface{ Check() error }); ok {
		return s.Check()
	}
	return nil
}

func checkClip(field string, limit float64) error {
	rounded := float32(limit)
	switch {
	case !(limit >= 0):
		return fmt.Errorf("bptt: Plan.%s is %v, want a limit above 0, or 0 for no clipping", field, limit)
	case math.IsInf(float64(rounded), 1):
		return fmt.Errorf("bptt: Plan.%s is %v, which is infinite in float32 and would clip nothing; use 0 for no clipping", field, limit)
	case limit > 0 && rounded < 0x1p-100:
		return fmt.Errorf("bptt: Plan.%s is %v, want at least 2^-100, which is 7.9e-31: less makes all of the gradient tiny; use 0 for no clipping", field, limit)
	}
	return nil
}
