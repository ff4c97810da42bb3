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
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/lock"
	"github.com/simdrnn/simdrnn/kernels"
)

// run does what the options say, as one of the ranks of g. All of them return an error if
// one has one.
func run(guard *interrupt.Guard, o *options, g dist.Group, stdout, stderr io.Writer) error {
	first := g.Rank() == 0
	err := kernels.Info().Err
	if err == nil {
		o.out, err = filepath.Abs(o.out)
	}
	progress := newProgress(o, stderr)
	defer func() {
		if o.unlock != nil {
			o.unlock()
		}
	}()
	switch {
	case err != nil || !first:
	case o.compare != "":
		err = o.drawCompared(stdout)
	case !o.train():
		err = o.onlySample(guard.Context(), stdout)
	default:
		// A run that would have to wait for another one is told before it loads anything.
		if err = o.lock(progress.warn); err != nil {
			err = notWritable(err)
		}
	}
	if err := dist.Agree(g, "the folder", err); err != nil || !o.train() {
		return err
	}
	j, err := newJob(o, g, progress)
	if err != nil {
		return err
	}
	if err := trainInOrder(guard, j); err != nil {
		return err
	}
	if first {
		err = j.print(guard.Context(), stdout)
	}
	return dist.Agree(g, "the result", err)
}

// print prints what the flags ask for, and the last line.
func (j *job) print(ctx context.Context, stdout io.Writer) error {
	o := j.o
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
	if _, err := fmt.Fprintf(stdout, "held-out %.3f bits/char after %d steps, %s%v; by counts of characters %.3f, of pairs %.3f\n",
		j.heldOut, j.last.Step, speed, kernels.Current(), j.single, j.pairs); err != nil {
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

// load reads the checkpoint, on the first of the ranks of g, and takes over its settings.
func (o *options) load(g dist.Group) (*bptt.Checkpoint, error) {
	name := o.checkpoint()
	c, err := bptt.ReadCheckpointOn(g, name)
	if info, bad := os.Stat(o.out); err != nil && bad == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder; name the folder of a trained model with -out", o.out)
	}
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
	from, err := o.load(dist.Alone())
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

// A job is one training run, on one rank.
type job struct {
	o       *options
	group   dist.Group
	model   *model
	net     *nn.Model
	trainer *bptt.Trainer

	held      func(context.Context) (float64, error)
	heldChars int
	single    float64 // bits per held-out character by counts of characters,
	pairs     float64 // and of pairs
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

// texts are what a run trains on, and what it does not.
type texts struct {
	path        string
	train, held []byte
}

func newJob(o *options, g dist.Group, progress *progress) (*job, error) {
	var from *bptt.Checkpoint
	var err error
	if o.resume {
		from, err = o.load(g)
	}
	j := &job{o: o, group: g, fresh: from == nil, progress: progress}
	var t texts
	if err == nil {
		t, err = j.load()
	}
	if err := dist.Agree(g, "the text", err); err != nil {
		return nil, err
	}
	if err := j.prepare(t); err != nil {
		return nil, err
	}
	if from != nil {
		if err := j.trainer.Resume(from); err != nil {
			return nil, fmt.Errorf("the checkpoint %s does not fit: %w", o.checkpoint(), err)
		}
		j.last = bptt.Progress{Step: from.Step, Epoch: from.Epoch, Counted: from.Counted}
		j.begun, j.saved = from.Counted, from.Step
	}
	if j.first() {
		err = j.ready(t, from)
	}
	return j, dist.Agree(g, "the folder of the run", err)
}

// first says whether this is the rank that prints and writes.
func (j *job) first() bool { return j.group.Rank() == 0 }

// load reads the text.
func (j *job) load() (t texts, err error) {
	o := j.o
	name := o.text
	if name == "" {
		name = o.settings.Text // of the resumed run
	}
	if n := max(o.ranks, j.group.Size()); n > max(1, o.settings.Shards) {
		return t, fmt.Errorf("%d ranks share the shards of a batch, and there are %d; begin a run with -shards %d or more: as many as the ranks it will ever have", n, o.settings.Shards, n)
	}
	var text []byte
	if t.path, text, err = readText(name); err != nil {
		return t, err
	}
	if o.text != "" {
		o.settings.Text = t.path
	}
	t.train, t.held, err = split(t.path, text, o.settings.Batch, o.settings.Window)
	return t, err
}

// prepare makes the model and the trainer.
func (j *job) prepare(t texts) error {
	o, s := j.o, j.o.settings
	source, meta, err := j.build(t)
	if err := dist.Agree(j.group, "the model", err); err != nil {
		return err
	}
	// The path of the text may differ among machines. That of the first one is kept.
	if meta, err = j.group.Broadcast(meta, 0); err != nil {
		return err
	}
	j.trainer, err = bptt.NewTrainer(j.net, source, bptt.Plan{
		Window: s.Window, Steps: o.steps, Workers: o.workers, Checkpoint: bptt.Checkpoints{Meta: meta},
		Shards: s.Shards, Group: j.group,
		Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: s.Rate}, ClipNorm: s.Clip,
		Schedule: optim.StepDecay{Every: 500, Factor: 0.9},
		OnStep:   j.onStep,
	})
	return err
}

func (j *job) build(t texts) (source data.Source, meta []byte, err error) {
	s := j.o.settings
	if j.model, err = newModel(s, j.o.workers); err != nil {
		return nil, nil, err
	}
	if j.net, err = j.model.train(s); err != nil {
		return nil, nil, err
	}
	if source, err = data.NewText(t.train, s.Batch); err != nil {
		return nil, nil, err
	}
	meta, err = s.encode(j.net)
	return source, meta, err
}

// ready prepares what the first rank does alone.
func (j *job) ready(t texts, from *bptt.Checkpoint) error {
	o, s := j.o, j.o.settings
	verb := "training"
	switch {
	case j.finished():
		verb = fmt.Sprintf("the model has %d steps, and -steps %d counts them all: nothing is left to train; measuring it", from.Step, o.steps)
	case from != nil:
		verb = fmt.Sprintf("going on at step %d", from.Step)
	}
	if from != nil {
		j.curve = readCurve(filepath.Join(o.out, "loss.csv"), from.Step)
	}
	if err := j.holdOut(t.held); err != nil {
		return err
	}
	j.single, j.pairs = baselines(t.train, t.held)
	shared := ""
	if s.Shards > 0 {
		shared = fmt.Sprintf(", %d shards on %d ranks", s.Shards, j.group.Size())
	}
	j.intro = fmt.Sprintf("%s on %s, %d characters, %d held out; %s %d x %d, %v%s; Ctrl-C stops and saves\nabout %s of memory; files go to %s\nby counts of characters the held-out text takes %.3f bits/char, of pairs %.3f",
		verb, t.path, len(t.train), len(t.held), strings.ToUpper(s.Cell), s.Layers, s.Hidden, kernels.Current(), shared, size(s.bytes()*float64(o.ranks)), o.out, j.single, j.pairs)
	// Everything that can be wrong with the input has been found by now.
	err := os.MkdirAll(o.out, 0o777)
	if err == nil {
		err = o.lock(j.progress.warn)
	}
	if err == nil {
		err = writable(o.out)
	}
	if err != nil {
		return notWritable(err)
	}
	return nil
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
