package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/loss"
)

// How often a run looks at the held-out text and saves a checkpoint. Where a
// look takes long it is rarer: looking takes at most a tenth of the time.
const (
	lookEvery = 5 * time.Second
	lookShare = 10
	saveEvery = time.Minute
)

// train alternates between training and looking at the held-out text until the
// steps or the time are spent or ctx ends, and saves the result. Where the clocks of ranks
// differ, or a signal has come to one of them, all do what one wants.
func (j *job) train(ctx context.Context) error {
	j.progress.start(j.intro)
	defer j.progress.finish()
	saved := time.Now()
	for {
		report, err := j.trainer.Run(ctx)
		j.spent += report.Elapsed
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w; start again with a smaller -rate, or go on from the last checkpoint with -resume", err)
		}
		stop := ctx.Err() != nil || j.o.limit > 0 && j.spent >= j.o.limit || j.finished()
		if stop, err = either(j.group, "whether to stop", stop, nil); err != nil {
			return err
		}
		due, err := either(j.group, "whether to save", stop || time.Since(saved) > saveEvery, nil)
		if err != nil {
			return err
		}
		// The model is saved before anything else can go wrong.
		if due {
			if err := j.save(); err != nil && stop {
				return j.rescue(err)
			} else if err != nil {
				j.progress.warn(fmt.Sprintf("the model is not saved, to be tried again in %v: %v; make room in %s", saveEvery, err, j.o.out))
			}
			saved = time.Now()
		}
		again := false
		if j.first() {
			again, err = j.look(ctx, stop)
		}
		if again, err = either(j.group, "the held-out text", again, err); err != nil {
			return err
		}
		if again {
			continue // to save
		}
		if stop {
			if j.first() {
				j.end()
			}
			return nil
		}
	}
}

// look measures the held-out text. It says whether ctx has ended before, and then there is
// no result; it does not end the last look.
func (j *job) look(ctx context.Context, last bool) (ended bool, err error) {
	if last {
		j.progress.note("measuring the held-out text")
		// What ended the training must not end this.
		ctx = context.WithoutCancel(ctx)
	}
	began := time.Now()
	heldOut, err := j.held(ctx)
	if ctx.Err() != nil {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	j.heldOut, j.lookTime = heldOut, time.Since(began)
	j.curve.look(j.last.Step, j.heldOut)
	j.progress.show(j)
	return false, nil
}

// end writes the curve. It is worth a warning, not the result of the run.
func (j *job) end() {
	table, picture := filepath.Join(j.o.out, "loss.csv"), filepath.Join(j.o.out, "loss.png")
	if err := j.curve.write(table, picture); err != nil {
		j.progress.warn(fmt.Sprintf("the loss curve is not saved: %v", err))
		table, picture = "", ""
	}
	j.progress.end(j.o.checkpoint(), table, picture)
}

// save writes the checkpoint. A run that began anew keeps the one of the run
// before it, and replaces it only when its own is safely on the disk.
func (j *job) save() error {
	if !j.fresh && j.saved == j.last.Step {
		return nil
	}
	var err error
	if name := j.o.checkpoint(); j.fresh {
		err = dist.Agree(j.group, "the first file of the model", j.saveFirst(name))
	} else {
		err = j.trainer.SaveFile(name)
	}
	if err == nil {
		j.fresh, j.saved = false, j.last.Step
	}
	return err
}

// saveFirst is save of a run that began anew.
func (j *job) saveFirst(name string) error {
	if !j.first() {
		return j.trainer.Save(nil)
	}
	took := false
	temp, err := complete(name, func(w io.Writer) error { took = true; return j.trainer.Save(w) })
	if !took {
		// The other ranks are in it.
		return errors.Join(err, j.trainer.Save(io.Discard))
	}
	if err != nil {
		return err
	}
	if err := keep(name, filepath.Join(j.o.out, "model.previous.ckpt")); err != nil {
		os.Remove(temp)
		return err
	}
	return move(temp, name)
}

// rescue saves what a run has trained in another place than it was told, since the
// run ends and that place does not take it.
func (j *job) rescue(cause error) error {
	dir, err := "", error(nil)
	if j.first() {
		dir, err = os.MkdirTemp("", "charlm-")
	}
	if err = dist.Agree(j.group, "a folder for temporary files", err); err == nil {
		err = j.trainer.SaveFile(filepath.Join(dir, "model.ckpt"))
	}
	if err != nil {
		return fmt.Errorf("the model is not saved: %w; nor can it be saved in the folder for temporary files: %w", cause, err)
	}
	return fmt.Errorf("the model is not saved in %s: %w; it is in %s instead: go on with -resume -out %[3]s, or make room and move it", j.o.out, cause, dir)
}

// onStep is called after every step of the trainer.
func (j *job) onStep(p bptt.Progress) error {
	j.last = p
	if !j.first() {
		return nil // the clock of the first rank counts
	}
	j.curve.add(p.Step, loss.BitsPerSymbol(p.Loss))
	j.progress.step(j, p)
	if j.o.limit > 0 && j.spent+p.Elapsed >= j.o.limit {
		return bptt.ErrStop
	}
	look := j.lookTime
	if look == 0 {
		// Before the first look: a forward pass is a third of a step.
		look = time.Duration(float64(p.Elapsed) * float64(j.heldChars) / float64(3*max(1, p.Counted-j.begun)))
	}
	if p.Elapsed >= max(lookEvery, lookShare*look) {
		return bptt.ErrStop
	}
	return nil
}

// ran says whether this run has made a step. One that was resumed when it had all its
// steps makes none, and has neither a speed nor a loss.
func (j *job) ran() bool { return j.last.Counted > j.begun }

// speed is the characters trained on per second of this run, of which that much is
// over.
func (j *job) speed(spent time.Duration) float64 {
	return float64(j.last.Counted-j.begun) / max(spent.Seconds(), 1e-9)
}
