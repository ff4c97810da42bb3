package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/lock"
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
func run(guard *interrupt.Guard, o *options, stdout, stderr io.Writer) error {
	if err := kernels.Info().Err; err != nil {
		return err
	}
	var err error
	if o.out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	if o.compare != "" {
		return o.drawCompared(stdout)
	}
	if !o.train() {
		return o.onlySample(guard.Context(), stdout)
	}
	progress := newProgress(o, stderr)
	defer func() {
		if o.unlock != nil {
			o.unlock()
		}
	}()
	// A run that would have to wait for another one is told before it loads anything.
	if err := o.lock(progress.warn); err != nil {
		return notWritable(err)
	}
	j, err := newJob(o, progress)
	if err != nil {
		return err
	}
	if err := guard.InOrder(j.train); err != nil {
		return err
	}
	ctx := guard.Context()
	if ctx.Err() != nil {
		// What ended the training must not end what comes after it.
		ctx = context.WithoutCancel(ctx)
	}
	if o.sample > 0 {
		if err := o.write(ctx, j.net, stdout); err != nil {
			return err
		}
	}
	if o.fingerprint {
		sum := nn.Fingerprint(j.net)
		fmt.Fprintf(stdout, "sha256 %s\n", hex.EncodeToString(sum[:]))
	}
	speed := ""
	if j.ran() {
		speed = fmt.Sprintf("%.0f chars/s, ", j.speed(j.spent))
	}
	if _, err := fmt.Fprintf(stdout, "held-out %.3f bits/char after %d steps, %s%v\n",
		j.heldOut, j.last.Step, speed, kernels.Current()); err != nil {
		return fmt.Errorf("the result cannot be printed, the model is in %s: %w", o.checkpoint(), err)
	}
	return nil
}

// write samples to w, and ends the text with a line end however it ends.
func (o *options) write(ctx context.Context, net *nn.Model, w io.Writer) error {
	err := sample(ctx, net, o.prompt, o.sample, o.temperature, o.settings.Seed, func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
	_, lineErr := fmt.Fprintln(w)
	return cmp.Or(err, lineErr)
}

func (o *options) checkpoint() string { return filepath.Join(o.out, "model.ckpt") }

// load reads the checkpoint and takes over its settings.
func (o *options) load() (*bptt.Checkpoint, error) {
	name := o.checkpoint()
	if info, err := os.Stat(o.out); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder; name the folder of a trained model with -out", o.out)
	}
	c, err := bptt.ReadCheckpointFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no checkpoint %s; train a model first, or name its folder with -out", name)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w; make it readable, or name another folder with -out", err)
	}
	var s settings
	if err == nil {
		s, err = stored(c)
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint %s cannot be used: %w; train anew without -resume, into another -out to keep the file", name, err)
	}
	return c, o.merge(s)
}

func (o *options) onlySample(ctx context.Context, stdout io.Writer) error {
	from, err := o.load()
	if err != nil {
		return err
	}
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
	return o.write(ctx, net, stdout)
}

// A job is one training run.
type job struct {
	o       *options
	model   *model
	net     *nn.Model
	trainer *bptt.Trainer

	held      func(context.Context) (float64, error)
	heldChars int
	intro     string
	fresh     bool  // nothing saved yet of a run that began anew
	saved     int64 // steps of the model in the folder

	last     bptt.Progress
	begun    int64         // characters before this run
	spent    time.Duration // training in this run, evaluation left out
	heldOut  float64       // bits per character, of the last look
	lookTime time.Duration // that it took
	curve    curve
	progress *progress
}

func newJob(o *options, progress *progress) (*job, error) {
	var from *bptt.Checkpoint
	if o.resume {
		var err error
		if from, err = o.load(); err != nil {
			return nil, err
		}
	}
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
	j := &job{o: o, fresh: from == nil, progress: progress}
	if j.model, err = newModel(s, o.workers); err != nil {
		return nil, err
	}
	if j.net, err = j.model.train(s); err != nil {
		return nil, err
	}
	source, err := data.NewText(train, s.Batch)
	if err != nil {
		return nil, err
	}
	meta, err := s.encode(j.net)
	if err != nil {
		return nil, err
	}
	j.trainer, err = bptt.NewTrainer(j.net, source, bptt.Plan{
		Window: s.Window, Steps: o.steps, Workers: o.workers, Checkpoint: bptt.Checkpoints{Meta: meta},
		Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: s.Rate}, ClipNorm: s.Clip,
		Schedule: optim.StepDecay{Every: 500, Factor: 0.9},
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
		j.begun, j.saved = from.Counted, from.Step
		j.curve = readCurve(filepath.Join(o.out, "loss.csv"), from.Step)
	}
	if err := j.holdOut(held); err != nil {
		return nil, err
	}
	verb := "training"
	switch {
	case j.finished():
		verb = fmt.Sprintf("the model has %d steps, and -steps %d counts them all: nothing is left to train; measuring it", from.Step, o.steps)
	case from != nil:
		verb = fmt.Sprintf("going on at step %d", from.Step)
	}
	j.intro = fmt.Sprintf("%s on %s, %d characters, %d held out; %s %d x %d, %v; Ctrl-C stops and saves\nabout %s of memory; files go to %s",
		verb, path, len(train), len(held), strings.ToUpper(s.Cell), s.Layers, s.Hidden, kernels.Current(), size(s.bytes()), o.out)
	// Everything that can be wrong with the input has been found by now.
	err = os.MkdirAll(o.out, 0o777)
	if err == nil {
		err = o.lock(progress.warn)
	}
	if err == nil {
		err = writable(o.out)
	}
	if err != nil {
		return nil, notWritable(err)
	}
	return j, nil
}

// lock locks the folder of the run as soon as that exists. It tells about a file
// system without locks, and goes on there: two runs would take turns in replacing
// each other's model, but none is damaged.
func (o *options) lock(warn func(string)) error {
	if o.unlock != nil {
		return nil
	}
	unlock, err := lock.Folder(o.out, "charlm")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		warn(fmt.Sprintf("the file system of %s has no locks: do not let two runs write there at the same time", o.out))
		unlock = func() {}
	case err != nil:
		return err
	default:
		removeLeftovers(o.out)
	}
	o.unlock = unlock
	return nil
}

// finished says whether the run has all the steps it is to have.
func (j *job) finished() bool { return j.o.steps > 0 && j.last.Step >= j.o.steps }

// notWritable says what to do about a folder that cannot be written.
func notWritable(err error) error {
	if errors.As(err, new(*lock.InUseError)) {
		return err
	}
	return fmt.Errorf("%w; name a folder that can be written with -out", err)
}

// writable tries to write in the folder, which is better found out before the
// training than after it.
func writable(dir string) error {
	temp, err := complete(filepath.Join(dir, "try"), func(w io.Writer) error {
		_, err := io.WriteString(w, "try\n")
		return err
	})
	if err != nil {
		return err
	}
	return os.Remove(temp)
}

// holdOut prepares the measure on the held-out text: a forward run over it in
// up to 16 streams, from the zero state.
func (j *job) holdOut(held []byte) error {
	const steps = 128
	j.heldChars = len(held)
	rows := max(1, min(16, len(held)/2048))
	source, err := data.NewText(held, rows)
	if err != nil {
		return err
	}
	net, err := j.model.infer(min(steps, source.Steps()), rows)
	if err != nil {
		return err
	}
	net.SetWorkers(j.o.workers)
	j.held = func(ctx context.Context) (float64, error) {
		mean, _, err := bptt.Evaluate(ctx, net, source, loss.CrossEntropy{})
		return loss.BitsPerSymbol(mean), err
	}
	return nil
}

// train alternates between training and looking at the held-out text until the
// steps or the time are spent or ctx ends, and saves the result.
func (j *job) train(ctx context.Context) error {
	j.progress.start(j.intro)
	defer j.progress.finish()
	saved := time.Now()
	for {
		report, err := j.trainer.Run(ctx)
		j.spent += report.Elapsed
		stop := ctx.Err() != nil || j.o.limit > 0 && j.spent >= j.o.limit || j.finished()
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w; start again with a smaller -rate, or go on from the last checkpoint with -resume", err)
		}
		// The model is saved before anything else can go wrong.
		if stop || time.Since(saved) > saveEvery {
			if err := j.save(); err != nil && stop {
				return j.rescue(err)
			} else if err != nil {
				j.progress.warn(fmt.Sprintf("the model is not saved, to be tried again in %v: %v; make room in %s", saveEvery, err, j.o.out))
			}
			saved = time.Now()
		}
		if stop {
			j.progress.note("measuring the held-out text")
		}
		look := ctx
		if stop {
			// What ended the training must not end the last look.
			look = context.WithoutCancel(ctx)
		}
		began := time.Now()
		heldOut, err := j.held(look)
		if look.Err() != nil {
			continue // to save
		}
		if err != nil {
			return err
		}
		j.heldOut, j.lookTime = heldOut, time.Since(began)
		j.curve.look(j.last.Step, j.heldOut)
		j.progress.show(j)
		if stop {
			// The curve is worth a warning, not the result of the run.
			table, picture := filepath.Join(j.o.out, "loss.csv"), filepath.Join(j.o.out, "loss.png")
			if err := j.curve.write(table, picture); err != nil {
				j.progress.warn(fmt.Sprintf("the loss curve is not saved: %v", err))
				table, picture = "", ""
			}
			j.progress.end(j.o.checkpoint(), table, picture)
			return nil
		}
	}
}

// save writes the checkpoint. A run that began anew keeps the one of the run
// before it, and replaces it only when its own is safely on the disk.
func (j *job) save() error {
	name := j.o.checkpoint()
	if !j.fresh {
		if j.saved == j.last.Step {
			return nil
		}
		if err := j.trainer.SaveFile(name); err != nil {
			return err
		}
		j.saved = j.last.Step
		return nil
	}
	temp, err := complete(name, j.trainer.Save)
	if err != nil {
		return err
	}
	if err := keep(name, filepath.Join(j.o.out, "model.previous.ckpt")); err != nil {
		os.Remove(temp)
		return err
	}
	if err := move(temp, name); err != nil {
		return err
	}
	j.fresh, j.saved = false, j.last.Step
	return nil
}

// rescue saves what a run has trained in another place than it was told, since the
// run ends and that place does not take it.
func (j *job) rescue(cause error) error {
	dir, err := os.MkdirTemp("", "charlm-")
	if err == nil {
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
