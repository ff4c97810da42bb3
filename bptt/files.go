package bptt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/simdrnn/simdrnn/internal/wire"
)

// The files in Plan.Checkpoint.Dir.
const (
	LastFile = "last.ckpt" // the newest checkpoint
	BestFile = "best.ckpt" // that of the best validation
)

// Checkpoints says which files Run writes. Each of them is replaced as a whole: after a
// crash at any moment the old one is there or the new one. When one cannot be written Run
// ends with an error that says so, with all files as they were; called again it goes on.
type Checkpoints struct {
	// Dir is the folder, which Run makes if it is not there; "" is no files. LastFile is
	// written when it is due, and when Run ends at a limit, by ErrStop or with its context,
	// unless nothing has happened since; BestFile, with a Plan.Validate, when a validation
	// is the best so far. ReadCheckpointFile reads them, and ResumeLast resumes.
	Dir string

	// EverySteps is after how many updates LastFile is due, Every after how much time,
	// looked at after each update. 0 is never: with 0 in both there is the one at the end.
	EverySteps int64
	Every      time.Duration

	// Keep is how many checkpoints are kept under names of their own besides, of the
	// latest that were due by EverySteps or Every, one of which it needs: step-000000001000.ckpt is that after 1000 updates. Older files
	// with such names are removed; those of later updates are of another run, and stay. Each
	// is written beside LastFile, which takes as long again.
	Keep int

	// Meta is kept in checkpoints, also in those of Save, for the program's own settings. It
	// needs no Dir.
	Meta []byte
}

func (c *Checkpoints) check() error {
	switch {
	case c.EverySteps < 0 || c.Every < 0:
		return fmt.Errorf("bptt: Plan.Checkpoint every %d steps and %v, want 0 or more", c.EverySteps, c.Every)
	case c.Keep < 0:
		return fmt.Errorf("bptt: Plan.Checkpoint.Keep is %d, want 0 or more files", c.Keep)
	case c.Keep > 0 && c.EverySteps == 0 && c.Every == 0:
		return fmt.Errorf("bptt: Plan.Checkpoint.Keep is %d, but with EverySteps and Every of 0 no file is due that it could keep; set one of them, or leave Keep out", c.Keep)
	case c.Dir == "" && (c.EverySteps > 0 || c.Every > 0 || c.Keep > 0):
		return errors.New("bptt: Plan.Checkpoint without Dir; set the folder for the files")
	}
	return nil
}

// files writes the files of a run.
type files struct {
	t       *Trainer
	plan    *Checkpoints
	disk    wire.Files
	changed bool      // since LastFile was written
	step    int64     // of LastFile
	written time.Time // when it was, or when Run began
}

func (f *files) init(t *Trainer) { f.t, f.plan, f.disk = t, &t.plan.Checkpoint, wire.Disk }

func (f *files) on() bool { return f.plan.Dir != "" }

// begin makes the folder.
func (f *files) begin() error {
	f.written = time.Now()
	if !f.on() {
		return nil
	}
	if !f.t.ranks.first() {
		return nil
	}
	if err := os.MkdirAll(f.plan.Dir, 0o777); err != nil {
		return fmt.Errorf("bptt: the folder of Plan.Checkpoint: %w", err)
	}
	return f.prune()
}

// afterStep writes BestFile, and LastFile if it is due.
func (f *files) afterStep() error {
	if err := f.best(); err != nil {
		return err
	}
	if !f.on() || !f.changed || f.step == f.t.step {
		return nil
	}
	due := f.plan.EverySteps > 0 && f.t.step%f.plan.EverySteps == 0
	if f.plan.Every > 0 {
		// The clocks of the ranks differ. If one says that it is time, it is.
		late, err := f.t.ranks.agree("whether a checkpoint is due", time.Since(f.written) >= f.plan.Every, nil)
		if err != nil {
			return err
		}
		due = due || late
	}
	if !due {
		return nil
	}
	// The file with a name of its own first: a program that is killed between the two
	// writes it again.
	if err := f.named(); err != nil {
		return err
	}
	if err := f.last(); err != nil {
		return err
	}
	return f.prune()
}

// last writes LastFile if anything has happened since.
func (f *files) last() error {
	if !f.on() || !f.changed {
		return nil
	}
	if err := f.write(LastFile); err != nil {
		return err
	}
	f.changed, f.step, f.written = false, f.t.step, time.Now()
	return nil
}

// best writes BestFile, if it is not of the best validation.
func (f *files) best() error {
	v := &f.t.valid
	if !f.on() || !v.unwritten {
		return nil
	}
	v.unwritten = false // in the file too
	err := f.write(BestFile)
	v.unwritten = err != nil
	return err
}

func (f *files) write(name string) error {
	name = filepath.Join(f.plan.Dir, name)
	if err := f.t.saveFile(f.disk, name); err != nil {
		return fmt.Errorf("bptt: the checkpoint after step %d: %w", f.t.step, err)
	}
	return f.t.log.checkpoint(f.t.step, name)
}

// nameOf is the name of its own that a checkpoint has.
func nameOf(step int64) string { return fmt.Sprintf("step-%012d.ckpt", step) }

// stepOf is the step of a file with such a name.
func stepOf(name string) (step int64, is bool) {
	_, err := fmt.Sscanf(name, "step-%d.ckpt", &step)
	return step, err == nil && step >= 0 && name == nameOf(step)
}

// named writes the checkpoint under a name of its own, if such files are kept.
func (f *files) named() error {
	if f.plan.Keep == 0 {
		return nil
	}
	return f.write(nameOf(f.t.step))
}

// prune removes the oldest files with such names, up to the current step.
func (f *files) prune() error {
	if f.plan.Keep == 0 || !f.t.ranks.first() {
		return nil
	}
	entries, err := os.ReadDir(f.plan.Dir)
	if err != nil {
		return fmt.Errorf("bptt: the folder of Plan.Checkpoint: %w", err)
	}
	var steps []int64
	for _, e := range entries {
		if step, is := stepOf(e.Name()); is && step <= f.t.step {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	for _, old := range steps[:max(0, len(steps)-f.plan.Keep)] {
		if err := os.Remove(filepath.Join(f.plan.Dir, nameOf(old))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("bptt: an old checkpoint: %w", err)
		}
	}
	return nil
}

// ResumeLast is Resume of the LastFile in Plan.Checkpoint.Dir. It returns false if there
// is none, and then changes nothing: the run begins at the beginning. With several ranks all
// of them call it; the first reads the file, which the others need not see.
func (t *Trainer) ResumeLast() (found bool, err error) {
	if !t.made() {
		return false, errNoTrainer
	}
	if !t.files.on() {
		return false, errors.New("bptt: ResumeLast without Plan.Checkpoint.Dir")
	}
	name := filepath.Join(t.plan.Checkpoint.Dir, LastFile)
	c, err := ReadCheckpointOn(t.ranks.group, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = t.Resume(c)
	}
	switch {
	case err == nil:
	case errors.As(err, new(*FormatError)):
		return false, fmt.Errorf("bptt: %s is damaged, and left as it is: %w; move it away to begin anew, or Resume from another checkpoint", name, err)
	default:
		return false, fmt.Errorf("bptt: resuming from %s: %w", name, err)
	}
	t.files.changed = false
	return true, nil
}
