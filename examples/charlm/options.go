package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"time"
)

// options are the flags and what follows from them.
type options struct {
	text, out     string
	steps         int64
	limit         time.Duration
	settings      settings
	workers       int
	ranks         int // goroutines of this process
	resume, quiet bool
	fingerprint   bool
	sample        int
	temperature   float64
	prompt        string
	compare       string
	set           map[string]bool // flags that were given
	unlock        func()          // frees the folder; nil while it is not locked
}

// train says whether the run trains or only samples.
func (o *options) train() bool {
	return o.sample == 0 && o.compare == "" || o.resume || o.set["steps"] || o.set["for"]
}

// usage is what a wrong flag and -help print above the list of flags.
const usage = `usage: charlm [flags]
Trains a character model on a text, or with -sample alone writes text with it, or with
-compare draws the curves of several models on one picture.
It writes model.ckpt, loss.csv and loss.png, and keeps the model of the run before
as model.previous.ckpt, in the folder that -out names.
Relative paths start in the working folder of the program: with "go -C examples
run ./charlm" that is the folder examples, wherever the command was typed.
The first Ctrl-C ends the training and saves; the second one ends the program at once.
With -shards several ranks train one model together: those of mpirun, where the program
was built with -tags mpi, or goroutines with -ranks. The bits are those of one.
`

// parse reads the command line.
func parse(args []string, output io.Writer) (*options, error) {
	o := &options{set: map[string]bool{}}
	f := flag.NewFlagSet("charlm", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() { fmt.Fprint(output, usage); f.PrintDefaults() }
	f.StringVar(&o.text, "text", "", "train on this `file` (default: Newton's Opticks, which comes with Go)")
	f.StringVar(&o.out, "out", "charlm-out", "`folder` for the model and the loss curve")
	f.Int64Var(&o.steps, "steps", 0, "stop after `n` steps, those of a resumed run included")
	f.DurationVar(&o.limit, "for", 2*time.Minute, "train for this long; no limit by default if -steps is given")
	f.StringVar(&o.settings.Cell, "cell", "lstm", "`kind` of layer: lstm, gru or rnn")
	f.IntVar(&o.settings.Hidden, "hidden", 256, "`units` of each layer")
	f.IntVar(&o.settings.Layers, "layers", 1, "recurrent `layers`")
	f.IntVar(&o.settings.Embed, "embed", 64, "`width` of the vector of a character")
	f.IntVar(&o.settings.Batch, "batch", 32, "`streams` of text read side by side")
	f.IntVar(&o.settings.Window, "window", 48, "`characters` that the gradient flows back")
	f.Float64Var(&o.settings.Rate, "rate", defaultRate["lstm"], "learning `rate` of Adam; 0.001 by default with -cell rnn")
	f.Float64Var(&o.settings.Clip, "clip", 1, "largest `norm` of the gradient")
	f.Uint64Var(&o.settings.Seed, "seed", 1, "`seed` of the initial weights and of -sample")
	f.IntVar(&o.workers, "workers", 0, "the most `goroutines` that share the work; 0: as many as help. The result is the same")
	f.IntVar(&o.settings.Shards, "shards", 0, "cut a batch into `n` parts that ranks share; 0: it stays whole. The number is part of what is computed, that of the ranks is not")
	f.IntVar(&o.ranks, "ranks", 1, "train with `n` goroutines of this process, as with so many processes of mpirun; that is no faster. At most as many as -shards")
	f.BoolVar(&o.resume, "resume", false, "go on from the model in -out; one that has its -steps already is only measured")
	f.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	f.BoolVar(&o.fingerprint, "fingerprint", false, "print the SHA-256 of all parameters at the end")
	f.IntVar(&o.sample, "sample", 0, "write `n` characters with the model in -out; trains only if -steps, -for or -resume is given too")
	f.Float64Var(&o.temperature, "temperature", 0.7, "`temperature` of -sample: 0 takes the most likely character, 1 follows the model")
	f.StringVar(&o.prompt, "prompt", "\n", "`text` that -sample continues")
	f.StringVar(&o.compare, "compare", "", "draw the curves of the models in these `folders`, with commas between them, to compare.png in -out; trains nothing")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	f.Visit(func(g *flag.Flag) { o.set[g.Name] = true })
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: every option begins with a dash, as in -text FILE", f.Arg(0))
	}
	if o.set["steps"] && !o.set["for"] {
		o.limit = 0
	}
	if rate := defaultRate[o.settings.Cell]; !o.set["rate"] && rate > 0 {
		o.settings.Rate = rate
	}
	if err := o.settings.check(); err != nil {
		return nil, err
	}
	return o, o.check()
}

// maxWorkers is how many the library uses at most.
const maxWorkers = 256

// check refuses values that mean nothing, and flags that contradict each other.
func (o *options) check() error {
	switch {
	case o.set["text"] && o.text == "":
		return errors.New("-text is empty, want the name of a file; leave it out for Newton's Opticks")
	case o.out == "":
		return errors.New("-out is empty, want the name of a folder")
	case o.set["steps"] && o.steps < 1:
		return fmt.Errorf("-steps is %d, want at least 1", o.steps)
	case o.set["for"] && o.limit <= 0:
		return fmt.Errorf("-for is %v, want a time such as 90s or 10m", o.limit)
	case o.workers < 0 || o.workers > maxWorkers:
		return fmt.Errorf("-workers is %d, want 1 to %d, or 0 for as many as help", o.workers, maxWorkers)
	case o.ranks < 1:
		return fmt.Errorf("-ranks is %d, want at least 1", o.ranks)
	case o.set["sample"] && o.sample < 1:
		return fmt.Errorf("-sample is %d, want at least 1", o.sample)
	case !(o.temperature >= 0 && o.temperature <= 100):
		return fmt.Errorf("-temperature is %v, want 0 to 100", o.temperature)
	case o.set["compare"] && o.compare == "":
		return errors.New("-compare is empty, want folders of models with commas between them")
	case o.compare != "" && (o.sample != 0 || o.resume || o.set["steps"] || o.set["for"]):
		return errors.New("-compare neither trains nor writes text: leave -sample, -resume, -steps and -for out")
	case o.prompt == "":
		return errors.New("-prompt is empty, want at least one character to begin with")
	}
	if o.sample == 0 {
		for _, name := range []string{"temperature", "prompt"} {
			if o.set[name] {
				return fmt.Errorf("-%s belongs to -sample, which is not given: add -sample 500, or leave it out", name)
			}
		}
	}
	if !o.train() {
		for _, name := range []string{"fingerprint", "text", "ranks", "shards"} {
			if o.set[name] {
				return fmt.Errorf("-%s goes with training: add -steps, -for or -resume, or leave -sample and -compare out", name)
			}
		}
	}
	return nil
}

// check refuses settings that no model can have.
func (s settings) check() error {
	for _, c := range []struct {
		name  string
		value int
	}{{"hidden", s.Hidden}, {"layers", s.Layers}, {"embed", s.Embed}, {"batch", s.Batch}, {"window", s.Window}} {
		if c.value < 1 || c.value > 1<<16 {
			return fmt.Errorf("-%s is %d, want 1 to %d", c.name, c.value, 1<<16)
		}
	}
	switch {
	case s.Shards < 0 || s.Shards > s.Batch:
		return fmt.Errorf("-shards is %d, want 1 to the %d of -batch, or 0 for a batch that is not cut", s.Shards, s.Batch)
	case defaultRate[s.Cell] == 0:
		return fmt.Errorf("-cell is %q, want lstm, gru or rnn", s.Cell)
	case !(s.Rate >= 1e-12 && s.Rate <= 10):
		return fmt.Errorf("-rate is %v, want 1e-12 to 10, such as 0.002", s.Rate)
	case !(s.Clip >= 1e-12) || math.IsInf(s.Clip, 0):
		return fmt.Errorf("-clip is %v, want 1e-12 or more, such as 1; a large number such as 1e30 never clips", s.Clip)
	case s.bytes() > maxBytes:
		return fmt.Errorf("-hidden %d -layers %d -embed %d -batch %d -window %d need about %s of memory, more than %s; use smaller numbers",
			s.Hidden, s.Layers, s.Embed, s.Batch, s.Window, size(s.bytes()), size(maxBytes))
	}
	return nil
}
