package bptt

import (
	"fmt"

	"github.com/simdrnn/simdrnn/optim"
)

// checkUnused returns an error for settings that would do nothing in silence, because what
// they need is missing in another part of the plan. Each part checks its own in its check.
func (p *Plan) checkUnused() error {
	v := &p.Validate
	_, follows := p.Schedule.(optim.Observer)
	switch {
	case follows && !v.on():
		return fmt.Errorf("bptt: Plan.Schedule is a %T, which follows validation losses, and the plan has no validation; set Plan.Validate.Data, or Measure, or take another schedule", p.Schedule)
	case !v.on():
		return nil
	case p.Checkpoint.Dir == "" && v.never(p.Steps, p.Epochs) && (follows || v.Patience > 0 || v.RestoreBest):
		// With a folder the run may go on with higher limits, and has to be the one that was begun.
		return fmt.Errorf("bptt: Plan.Validate every %d steps and %d epochs in a run of %d steps and %d epochs: there is no validation for Patience, RestoreBest or a schedule; validate more often, or leave these out, or set Plan.Checkpoint.Dir for a run that is to go on later", v.EverySteps, v.EveryEpochs, p.Steps, p.Epochs)
	}
	return nil
}

// never says that a run of at most so many updates and passes, 0 for no limit, ends before
// its first validation. How many updates a pass has is not known here.
func (v *Validate) never(steps, epochs int64) bool {
	within := func(every, limit int64) bool { return every > 0 && (limit == 0 || every <= limit) }
	each := v.EveryEpochs
	if each == 0 && v.EverySteps == 0 {
		each = 1
	}
	return !within(v.EverySteps, steps) && !within(each, epochs)
}
