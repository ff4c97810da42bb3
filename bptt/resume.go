package bptt

import (
	"encoding"
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/optim"
)

// Resume continues the run that wrote the checkpoint: with the same net, data
// and plan, what follows is what would have followed then, bit for bit. A file of
// version 1 from a run with Adam or AdamW has second moments, whose roots are taken
// now: that run continues, but not to the bit. Resume
// refuses any difference of names, sizes, optimizer, kind of schedule or data, and then
// leaves the Trainer as it was; data that moves although it returns an error is taken back
// if it can say its position.
//
// The learning rates are those of the run, whatever the optimizer was made with: set
// its field LR after Resume to go on with another. An optimizer that is no
// optim.RateKeeper must have the rate of the run. What validations have led to is taken
// over if the plan has a Validate, and the best parameters if it has RestoreBest. A file
// of version 1 or 2 has neither rates nor validations, and the state of no schedule:
// these are then as the plan has them.
//
// A run with Plan.Shards goes on with as many shards, on any number of ranks, all of which
// call Resume with the same checkpoint (see ReadCheckpointOn). If one of them cannot, or has
// another checkpoint, all return an error, and all Trainers are as they were; data that
// cannot say its position stays where the checkpoint has put it.
func (t *Trainer) Resume(c *Checkpoint) error {
	if !t.made() {
		return errNoTrainer
	}
	finish, back, err := t.resume(c)
	if wrong := t.ranks.resume(c, err); wrong != nil {
		if err == nil { // another rank cannot
			wrong = withError(wrong, back())
		}
		return wrong
	}
	finish()
	return nil
}

// resume does what can fail of Resume. It returns the rest, finish, and what takes back that
// it has done; after an error that is done already.
func (t *Trainer) resume(c *Checkpoint) (finish func(), back func() error, err error) {
	if c == nil || c.file == nil {
		return nil, nil, errNoCheckpoint
	}
	if !t.owns() {
		return nil, nil, errOptimizer
	}
	values, err := c.params("param/", t.grads.params)
	if err != nil {
		return nil, nil, err
	}
	carried, err := t.loadCarried(c)
	if err != nil {
		return nil, nil, err
	}
	have := t.plan.Optimizer.State()
	kind, err := c.file.Bytes("optimizer")
	if err != nil {
		return nil, nil, err
	}
	opt := optim.State{Kind: string(kind)}
	if now := opt.Rooted(); opt.Kind != have.Kind && now.Kind != have.Kind {
		return nil, nil, have.Set(now)
	}
	if opt.Numbers, err = c.file.Float64("optimizer/numbers", len(have.Numbers)); err != nil {
		return nil, nil, err
	}
	if opt.Tensors, err = c.like("optimizer/", have.Tensors); err != nil {
		return nil, nil, err
	}
	more, err := t.loadCounts(c)
	if err != nil {
		return nil, nil, err
	}
	valid, err := t.valid.load(c, t.grads.params)
	if err != nil {
		return nil, nil, err
	}
	position, err := c.file.Bytes("data")
	if err != nil {
		return nil, nil, err
	}
	pos, ok := t.data.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, nil, fmt.Errorf("bptt: the position of %T cannot be restored: it has no UnmarshalBinary", t.data)
	}
	giveBack := func() error { return nil }
	if from, ok := t.data.(encoding.BinaryMarshaler); ok {
		before, err := positionOf(from)
		if err != nil {
			return nil, nil, err
		}
		giveBack = func() error { return moveTo(pos, before) }
	}

	// Only masks, optimizer, data and net can tell whether their part is valid. When one
	// of them returns an error, those before it are set back.
	var undo []func() error
	takeBack := func() (err error) {
		for _, one := range slices.Backward(undo) {
			err = withError(err, one())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = withError(err, takeBack())
		}
	}()
	if t.parts == nil && t.masked != nil {
		before := t.masked.MaskState()
		if err := t.masked.SetMaskState(carried[0].marks.masks); err != nil {
			return nil, nil, err
		}
		undo = append(undo, func() error { return t.masked.SetMaskState(before) })
	}
	saved := have.Clone()
	if err := t.plan.Optimizer.SetState(opt); err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() error { t.restore(saved); return nil })
	one, err := t.resumeRates(c)
	if err != nil {
		return nil, nil, err
	}
	undo = append(undo, one)
	if one, err = t.resumeSchedule(c); err != nil {
		return nil, nil, err
	}
	undo = append(undo, one, giveBack)
	if err := moveTo(pos, position); err != nil {
		return nil, nil, err
	}
	if one, err = t.resumeCarried(carried); err != nil {
		return nil, nil, err
	}
	undo = append(undo, one)
	return func() {
		for i, p := range t.grads.params {
			copy(p.W, values[i])
		}
		if t.parts != nil {
			t.parts.windows(carried)
		} else {
			carried[0].win()
		}
		t.counts = more
		valid()
		t.files.changed, t.files.step = true, t.step
		t.claim()
	}, takeBack, nil
}

// resumeCarried sets the carried state and the clock, and returns what sets them back.
func (t *Trainer) resumeCarried(all []resumption) (back func() error, err error) {
	if t.parts != nil {
		return t.parts.resume(all)
	}
	before := t.net.State()
	if err := t.net.SetState(all[0].state); err != nil {
		return nil, err
	}
	back = func() error { return t.net.SetState(before) }
	if t.masked != nil {
		if err := t.masked.SetClock(all[0].marks.clock); err != nil {
			return nil, withError(err, back())
		}
	}
	return back, nil
}

// restore takes the optimizer back to a state that it had. A run that diverged has
// one that SetState refuses: that is copied into the memory of the state.
func (t *Trainer) restore(saved optim.State) {
	if t.plan.Optimizer.SetState(saved) != nil {
		t.plan.Optimizer.State().Put(saved)
	}
	t.claim()
}

// loadMasks reads the MaskState and the Clock, nil for a net without masks.
func (t *Trainer) loadMasks(c *Checkpoint) (seeds, clock []uint64, err error) {
	if t.masked == nil {
		if c.file.Has("masks") {
			return nil, nil, errors.New("bptt: the checkpoint is of a net with random masks, this one has none; check the probabilities in its Config")
		}
		return nil, nil, nil
	}
	s, err := c.file.Int64("masks", len(t.masked.MaskState()))
	if err != nil {
		return nil, nil, err
	}
	n, err := c.counts("masks/clock", t.batch)
	return unsigned(s), n, err
}

// counts reads n numbers from 0 to 2^32-1.
func (c *Checkpoint) counts(name string, n int) ([]uint64, error) {
	s, err := c.file.Int64(name, n)
	if err != nil {
		return nil, err
	}
	for _, v := range s {
		if v < 0 || v >= 1<<32 {
			return nil, &FormatError{Section: name, Reason: fmt.Sprintf("a count of %d, want 0 to 2^32-1", v)}
		}
	}
	return unsigned(s), nil
}
