package program

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/nn"
)

// saveEvery is how often a run that takes long is saved on the way.
const saveEvery = 30 * time.Second

// A Scale is what losses are shown in.
type Scale struct {
	Name  string                // "perplexity", "bits per character", "error rate"
	Value func(float64) float64 // of a mean loss; nil: the loss itself
	Log   bool                  // the picture has a logarithmic axis
}

func (s Scale) of(loss float64) float64 {
	if s.Value == nil {
		return loss
	}
	return s.Value(loss)
}

// A Run is one training of a program.
type Run struct {
	// Dir is the folder of the training in that of the run; "" is that folder. A program
	// with several trainings has one for each.
	Dir  string
	Net  nn.Net
	Data data.Source

	// Plan says how to train. Train adds the limits of the flags where it has neither
	// Steps nor Epochs, the workers, the folder for checkpoints and the metrics; its
	// callbacks are called as well.
	Plan bptt.Plan

	// Title is what the picture and the progress call the training.
	Title string
	// EpochSteps is the number of updates in a pass over the data, for the progress bar
	// of a run that Epochs limits; 0: not known.
	EpochSteps int64

	Scale      Scale  // of the training loss
	Validation *Scale // of validations; nil: the same
	Counted    string // what Progress.Counted counts, "words"; "" is "targets"

	// Diverges says that a loss or a gradient that is not finite is what the training is to
	// show: it ends the training as a limit does, and Result.Diverged has it. Else it is an
	// error.
	Diverges bool
}

// A Result is how a training ended.
type Result struct {
	bptt.Report
	Interrupted bool                 // by a signal, before a limit
	Diverged    *bptt.NonFiniteError // what ended it, with Run.Diverges; else nil
}

// Train trains, or with -resume goes on from the last checkpoint where there is one, until
// a limit of the plan or a signal, saves, draws the picture, and says where the files are.
// An interruption is no error, so that the program goes on to measure what it has: after it
// too the net has the parameters of the best validation if Plan.Validate.RestoreBest says
// so. One that came before Train is interrupt.Err.
func (s *Session) Train(r Run) (Result, error) {
	dir := s.flags.Path(r.Dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Result{}, err
	}
	if err := s.note(trainingFiles(r.Dir)...); err != nil {
		return Result{}, err
	}
	shown := &progress{session: s, run: &r}
	plan := r.Plan
	if plan.Steps == 0 && plan.Epochs == 0 {
		plan.Steps, plan.Epochs = s.flags.Steps, s.flags.Epochs
	}
	plan.Workers = s.flags.Workers
	plan.Checkpoint.Dir = dir
	if plan.Checkpoint.EverySteps == 0 && plan.Checkpoint.Every == 0 {
		plan.Checkpoint.Every = saveEvery
	}
	metrics := &lateFile{name: filepath.Join(dir, metricsFile)}
	defer metrics.Close()
	plan.Log.Metrics = metrics
	plan.OnStep = both(shown.step, plan.OnStep)
	plan.Validate.OnValidate = both(shown.validation, plan.Validate.OnValidate)
	t, err := bptt.NewTrainer(r.Net, r.Data, plan)
	if err != nil {
		return Result{}, err
	}
	from := int64(0)
	if s.flags.Resume {
		if from, err = resume(t, dir); err != nil {
			return Result{}, err
		}
	}
	if err := trim(metrics.name, from); err != nil {
		return Result{}, err
	}
	r.Plan = plan
	shown.start(from)
	var result Result
	err = s.guard.InOrder(func(ctx context.Context) (err error) {
		result.Report, err = t.Run(ctx)
		if ctx.Err() != nil && only(err, ctx.Err()) {
			result.Interrupted, err = true, nil
		}
		return err
	})
	shown.end()
	switch {
	case errors.Is(err, interrupt.Err):
		return result, err
	case r.Diverges && errors.As(err, &result.Diverged):
	case errors.As(err, new(*bptt.NonFiniteError)):
		return result, fmt.Errorf("%w; start again with a smaller learning rate, or go on from the last checkpoint with -resume", err)
	case errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError)):
		return result, s.rescue(t, dir, err)
	case err != nil:
		return result, err
	}
	if err := metrics.Close(); err != nil {
		return result, err
	}
	if result.Interrupted && plan.Validate.RestoreBest {
		if err := restoreBest(t, r.Net); err != nil {
			return result, err
		}
	}
	if result.Interrupted {
		s.Say("stopped after %d updates and saved; the same command with -resume goes on", result.Step)
	}
	files := "in " + dir + ": "
	for _, name := range []string{bptt.LastFile, bptt.BestFile} {
		// A training that has diverged may have no last checkpoint, one without validation has no best one.
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			files += name + ", "
		}
	}
	files += metricsFile
	// The picture is worth a warning, not the result of the run.
	if err := r.draw(dir); err != nil {
		s.warn(fmt.Sprintf("the picture is not drawn: %v", err))
	} else {
		files += ", " + curveFile
	}
	s.Say("%s", files)
	return result, nil
}

// both calls two callbacks of a plan.
func both[E any](one, two func(E) error) func(E) error {
	if two == nil {
		return one
	}
	return func(e E) error {
		if err := one(e); err != nil {
			return err
		}
		return two(e)
	}
}

// resume goes on from the last checkpoint, and returns its step. A run that was killed
// before the first one begins at the beginning, as it did then.
func resume(t *bptt.Trainer, dir string) (int64, error) {
	name := filepath.Join(dir, bptt.LastFile)
	c, err := bptt.ReadCheckpointFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		err = t.Resume(c)
	}
	if err != nil {
		return 0, fmt.Errorf("%s cannot be used: %w; train anew without -resume", name, err)
	}
	return c.Step, nil
}

// rescue saves what was trained after an error of a file: where it belongs if that can be
// written, since the error may be one of the data, else in another place than the run was
// told.
func (s *Session) rescue(t *bptt.Trainer, dir string, cause error) error {
	if t.SaveFile(filepath.Join(dir, bptt.LastFile)) == nil {
		return fmt.Errorf("%w; what was trained is saved, and -resume goes on", cause)
	}
	dir, err := os.MkdirTemp("", s.flags.Name()+"-")
	name := filepath.Join(dir, bptt.LastFile)
	if err == nil {
		err = t.SaveFile(name)
	}
	if err != nil {
		return fmt.Errorf("the model is not saved: %w; nor can it be saved in the folder for temporary files: %w", cause, err)
	}
	return fmt.Errorf("the model is not saved: %w; it is in %s instead: make room, move it to where it belongs, and go on with -resume", cause, name)
}
