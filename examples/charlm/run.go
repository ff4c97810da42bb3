package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/kernels"
)

// How often a run looks at the held-out text and saves a checkpoint. Where a
// look takes long it is rarer: looking takes at most a tenth of the time.
const (
	lookEvery = 5 * time.Second
	lookShare = 10
	saveEvery = time.Minute
)

// run does what the options say.
func run(ctx context.Context, o *options, stdout, stderr io.Writer) error {
	if err := kernels.Info().Err; err != nil {
		return err
	}
	dir, err := absolute(o.out)
	if err != nil {
		return err
	}
	o.out = dir
	var from *bptt.Checkpoint
	if o.resume || !o.train() {
		if from, err = o.load(); err != nil {
			return err
		}
	}
	if !o.train() {
		return o.onlySample(from, stdout)
	}
	j, err := newJob(o, from)
	if err != nil {
		return err
	}
	j.progress = newProgress(o, stderr)
	if err := j.train(ctx); err != nil {
		return err
	}
	if o.sample > 0 {
		if err := sample(j.net, o.prompt, o.sample, o.temperature, o.settings.Seed, write(stdout)); err != nil {
			return err
		}
		fmt.Fprintln(stdout)
	}
	if o.fingerprint {
		sum := bptt.Fingerprint(j.net)
		fmt.Fprintf(stdout, "sha256 %s\n", hex.EncodeToString(sum[:]))
	}
	_, err = fmt.Fprintf(stdout, "held-out %.3f bits/char after %d steps, %.0f chars/s, %v\n",
		j.heldOut, j.last.Step, j.speed(), kernels.Current())
	return err
}

func write(w io.Writer) func([]byte) error {
	return func(b []byte) error { _, err := w.Write(b); return err }
}

func (o *options) checkpoint() string { return filepath.Join(o.out, "model.ckpt") }

// load reads the checkpoint and takes over its settings.
func (o *options) load() (*bptt.Checkpoint, error) {
	name := o.checkpoint()
	c, err := bptt.ReadCheckpointFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w %s; train a model first, or name its folder with -out", errNoCheckpoint, name)
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint %s cannot be used: %w; train anew without -resume, into another -out to keep the file", name, err)
	}
	s, err := stored(c)
	if err != nil {
		return nil, fmt.Errorf("the checkpoint %s cannot be used: %w; train anew without -resume, into another -out to keep the file", name, err)
	}
	return c, o.merge(s)
}

func (o *options) onlySample(from *bptt.Checkpoint, stdout io.Writer) error {
	m, err := newModel(o.settings, o.workers)
	if err != nil {
		return err
	}
	net, err := m.infer(1, 1)
	if err != nil {
		return err
	}
	if err := from.Params(net); err != nil {
		return fmt.Errorf("the checkpoint %s cannot be used: %w", o.checkpoint(), err)
	}
	if err := sample(net, o.prompt, o.sample, o.temperature, o.settings.Seed, write(stdout)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout)
	return err
}

// A job is one training run.
type job struct {
	o       *options
	model   *model
	net     *bptt.Model
	trainer *bptt.Trainer

	held      func(context.Context) (float64, error)
	heldChars int
	intro     string
	fresh     bool // nothing saved yet of a run that began anew

	last     bptt.Progress
	begun    int64         // characters before this run
	spent    time.Duration // training in this run, evaluation left out
	heldOut  float64       // bits per character, of the last look
	lookTime time.Duration // that it took
	curve    curve
	progress *progress
}

func newJob(o *options, from *bptt.Checkpoint) (*job, error) {
	name := o.text
	if name == "" {
		name = o.settings.Text // of the resumed run
	}
	path, text, err := readText(name)
	if err != nil {
		return nil, err
	}
	if o.text != "" {
		o.settings.Text = path
	}
	s := o.settings
	train, held, err := split(path, text, s.Batch, s.Window)
	if err != nil {
		return nil, err
	}
	if from != nil && o.set["steps"] && from.Step >= o.steps {
		return nil, fmt.Errorf("the checkpoint has %d steps already: -steps counts them all, so give more than that", from.Step)
	}
	j := &job{o: o, fresh: from == nil}
	if j.model, err = newModel(s, o.workers); err != nil {
		return nil, err
	}
	if j.net, err = j.model.train(s); err != nil {
		return nil, err
	}
	data, err := bptt.NewText(train, s.Batch)
	if err != nil {
		return nil, err
	}
	meta, err := s.encode()
	if err != nil {
		return nil, err
	}
	j.trainer, err = bptt.NewTrainer(j.net, data, bptt.Plan{
		Window: s.Window, Steps: o.steps, Workers: o.workers, Meta: meta,
		Loss: bptt.CrossEntropy{}, Optimizer: &bptt.Adam{LR: s.Rate}, ClipNorm: s.Clip,
		Schedule: bptt.StepDecay{Every: 500, Factor: 0.9},
		OnStep:   j.onStep,
	})
	if err != nil {
		return nil, err
	}
	if from != nil {
		if err := j.trainer.Resume(from); err != nil {
			return nil, fmt.Errorf("the checkpoint %s does not fit: %w", o.checkpoint(), err)
		}
		j.last = bptt.Progress{Step: from.Step, Epoch: from.Epoch, Counted: from.Counted}
		j.begun = from.Counted
		j.curve = readCurve(filepath.Join(o.out, "loss.csv"), from.Step)
	}
	if err := j.holdOut(held); err != nil {
		return nil, err
	}
	verb := "training"
	if from != nil {
		verb = fmt.Sprintf("going on at step %d", from.Step)
	}
	j.intro = fmt.Sprintf("%s on %s, %d characters, %d held out; LSTM %d x %d, %v; Ctrl-C stops and saves",
		verb, path, len(train), len(held), s.Layers, s.Hidden, kernels.Current())
	// Everything that can be wrong with the input has been found by now.
	if err := writable(o.out); err != nil {
		return nil, fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	return j, nil
}

// writable makes the folder and tries to write there, which is better found out
// before the training than after it.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// holdOut prepares the measure on the held-out text: a forward run over it in
// up to 16 streams, from the zero state.
func (j *job) holdOut(held []byte) error {
	const steps = 128
	j.heldChars = len(held)
	rows := max(1, min(16, len(held)/2048))
	data, err := bptt.NewText(held, rows)
	if err != nil {
		return err
	}
	net, err := j.model.infer(min(steps, data.Steps()), rows)
	if err != nil {
		return err
	}
	net.SetWorkers(j.o.workers)
	j.held = func(ctx context.Context) (float64, error) {
		loss, _, err := bptt.Evaluate(ctx, net, data, bptt.CrossEntropy{})
		return bptt.BitsPerSymbol(loss), err
	}
	return nil
}

var errPause = fmt.Errorf("pause: %w", bptt.ErrStop)

// train alternates between training and looking at the held-out text until the
// steps or the time are spent or the user interrupts, and saves the result.
func (j *job) train(ctx context.Context) error {
	j.progress.start(j.intro)
	defer j.progress.finish()
	saved := time.Now()
	for {
		report, err := j.trainer.Run(ctx)
		j.spent += report.Elapsed
		stop := ctx.Err() != nil || j.o.limit > 0 && j.spent >= j.o.limit || j.o.steps > 0 && j.last.Step >= j.o.steps
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w; start again with a smaller -rate, or go on from the last checkpoint with -resume", err)
		}
		// The model is saved before anything else can go wrong.
		if stop || time.Since(saved) > saveEvery {
			if err := j.save(); err != nil && stop {
				return fmt.Errorf("the checkpoint is not saved: %w", err)
			} else if err != nil {
				j.progress.warn(fmt.Sprintf("the checkpoint is not saved, to be tried again: %v", err))
			}
			saved = time.Now()
		}
		if stop {
			j.progress.note("measuring the held-out text")
		}
		// What ended the training must not end the last look.
		began := time.Now()
		if j.heldOut, err = j.held(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		j.lookTime = time.Since(began)
		j.curve.look(j.last.Step, j.heldOut)
		j.progress.show(j)
		if stop {
			// The curve is worth a warning, not the result of the run.
			if err := j.curve.write(filepath.Join(j.o.out, "loss.csv"), filepath.Join(j.o.out, "loss.png")); err != nil {
				j.progress.warn(fmt.Sprintf("the loss curve is not saved: %v", err))
			}
			return nil
		}
	}
}

// save writes the checkpoint. A run that began anew keeps the one of the run
// before it, and moves it only when its own is safely on the disk.
func (j *job) save() error {
	name := j.o.checkpoint()
	if !j.fresh {
		return j.trainer.SaveFile(name)
	}
	written := filepath.Join(j.o.out, "model.new.ckpt")
	if err := j.trainer.SaveFile(written); err != nil {
		return err
	}
	err := os.Rename(name, filepath.Join(j.o.out, "model.previous.ckpt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	j.fresh = false
	return os.Rename(written, name)
}

// onStep is called after every step of the trainer.
func (j *job) onStep(p bptt.Progress) error {
	j.last = p
	j.curve.add(p.Step, bptt.BitsPerSymbol(p.Loss))
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

// speed is the characters trained on per second of this run.
func (j *job) speed() float64 {
	if j.spent <= 0 {
		return 0
	}
	return float64(j.last.Counted-j.begun) / j.spent.Seconds()
}
