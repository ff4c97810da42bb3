package bptt

import (
	"context"
	"fmt"

	"github.com/simdrnn/simdrnn/loss"
)

// An EpochEnd describes a pass over the data that has ended.
type EpochEnd struct {
	Epoch int64   // passes that are complete, this one included: 1 after the first
	Step  int64   // updates so far
	Loss  float64 // mean over all that the updates of this pass counted, each with the weights it found
	Count int64   // what they counted

	// Validation is the one at the end of this pass; nil if none was due.
	Validation *Validation
}

// A pass is the sums of one pass over the data.
type pass struct {
	total     loss.Total
	validated bool
	empty     bool // no batch has been read
	counts    bool // something in it counts, if only in updates that were left out, or that is not known
}

func (p *pass) add(of loss.Total) {
	p.total = p.total.Plus(of)
	p.counts = p.counts || of.Weight != 0
}

// without is p as it was at the beginning of an update that is left out.
func (p pass) without(before pass) pass {
	before.empty, before.counts = p.empty, p.counts
	return before
}

// endPass tells of the first pass that has ended.
func (t *Trainer) endPass(ctx context.Context) (stop bool, err error) {
	ended := &t.passes[0]
	if !ended.counts {
		return false, fmt.Errorf("bptt: pass %d over the data, which ended before step %d: %w", t.epoch-int64(len(t.passes)-2), t.step+1, errNothingCounts)
	}
	e := EpochEnd{Epoch: t.epoch - int64(len(t.passes)-2), Step: t.step, Count: int64(ended.total.Terms), Loss: ended.total.Mean()}
	if every := t.plan.Validate.EveryEpochs; every > 0 && e.Epoch%every == 0 && !ended.validated {
		var v Validation
		if v, stop, err = t.validate(ctx, func() { ended.validated = true }); err != nil {
			return stop, err
		}
		e.Validation = &v
	}
	t.passes = t.passes[:copy(t.passes, t.passes[1:])]
	t.files.changed = true
	stopped, err := false, t.log.epoch(e)
	if err == nil {
		stopped, err = call(t.plan.OnEpoch, e, "Plan.OnEpoch")
	}
	stopped, err = t.ranks.agree("the end of a pass", stopped, err)
	return stop || stopped, err
}
