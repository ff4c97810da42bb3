// Charlm trains a character model on a text and writes text like it.
//
//	go -C examples run ./charlm                     train two minutes on Newton's Opticks
//	go -C examples run ./charlm -text FILE -for 1h  on a text of your own
//	go -C examples run ./charlm -resume             go on where the last run stopped
//	go -C examples run ./charlm -sample 500         write 500 characters with the trained model
//
// A character is a byte. The last 5 % of the text is held out: the model never
// trains on it, and how many bits it needs for each of its characters is the
// measure of the model. The checkpoint, the loss curve as a picture and as a
// table go to the folder that -out names.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the flags and what follows from them.
type options struct {
	text, out     string
	steps         int64
	limit         time.Duration
	settings      settings
	workers       int
	resume, quiet bool
	fingerprint   bool
	sample        int
	temperature   float64
	prompt        string
	set           map[string]bool // flags that were given
}

// train says whether the run trains or only samples.
func (o *options) train() bool {
	return o.sample == 0 || o.resume || o.set["steps"] || o.set["for"]
}

// usage is what a wrong flag and -help print above the list of flags.
const usage = `usage: charlm [flags]
Trains a character model on a text, or with -sample alone writes text with it.
`

// parse reads the command line.
func parse(args []string, output io.Writer) (*options, error) {
	o := &options{set: map[string]bool{}}
	f := flag.NewFlagSet("charlm", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() { fmt.Fprint(output, usage); f.PrintDefaults() }
	f.StringVar(&o.text, "text", "", "train on this `file` (default: Newton's Opticks, which comes with Go)")
	f.StringVar(&o.out, "out", "charlm-out", "`folder` for the checkpoint and the loss curve")
	f.Int64Var(&o.steps, "steps", 0, "stop after `n` steps, those of a resumed run included")
	f.DurationVar(&o.limit, "for", 2*time.Minute, "train for this long; no limit by default if -steps is given")
	f.IntVar(&o.settings.Hidden, "hidden", 256, "`units` of each layer")
	f.IntVar(&o.settings.Layers, "layers", 1, "LSTM `layers`")
	f.IntVar(&o.settings.Embed, "embed", 64, "`width` of the vector of a character")
	f.IntVar(&o.settings.Batch, "batch", 32, "`streams` of text read side by side")
	f.IntVar(&o.settings.Window, "window", 48, "`characters` that the gradient flows back")
	f.Float64Var(&o.settings.Rate, "rate", 3e-3, "learning `rate` of Adam")
	f.Float64Var(&o.settings.Clip, "clip", 1, "largest `norm` of the gradient")
	f.Uint64Var(&o.settings.Seed, "seed", 1, "`seed` of the initial weights and of -sample")
	f.IntVar(&o.workers, "workers", 0, "`goroutines` that share the work; 0: as many as help. The result is the same")
	f.BoolVar(&o.resume, "resume", false, "go on from the checkpoint in -out")
	f.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	f.BoolVar(&o.fingerprint, "fingerprint", false, "print the SHA-256 of all parameters at the end")
	f.IntVar(&o.sample, "sample", 0, "write `n` characters with the model in -out; trains only if -steps, -for or -resume is given too")
	f.Float64Var(&o.temperature, "temperature", 0.7, "of -sample: 0 takes the most likely `character`, 1 follows the model")
	f.StringVar(&o.prompt, "prompt", "\n", "`text` that -sample continues")
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
	return o, o.check()
}

func (o *options) check() error {
	s := &o.settings
	for _, c := range []struct {
		name  string
		value int
	}{{"hidden", s.Hidden}, {"layers", s.Layers}, {"embed", s.Embed}, {"batch", s.Batch}, {"window", s.Window}} {
		if c.value < 1 || c.value > 1<<16 {
			return fmt.Errorf("-%s is %d, want 1 to %d", c.name, c.value, 1<<16)
		}
	}
	switch {
	case o.set["steps"] && o.steps < 1:
		return fmt.Errorf("-steps is %d, want at least 1", o.steps)
	case o.set["for"] && o.limit <= 0:
		return fmt.Errorf("-for is %v, want a time such as 90s or 10m", o.limit)
	case o.workers < 0:
		return fmt.Errorf("-workers is %d, want 0 or more", o.workers)
	case o.set["sample"] && o.sample < 1:
		return fmt.Errorf("-sample is %d, want at least 1", o.sample)
	case !(o.temperature >= 0 && o.temperature <= 100):
		return fmt.Errorf("-temperature is %v, want 0 to 100", o.temperature)
	case o.prompt == "":
		return errors.New("-prompt is empty, want at least one character to begin with")
	case !(s.Rate > 0 && s.Rate <= 10):
		return fmt.Errorf("-rate is %v, want above 0, such as 0.002", s.Rate)
	case !(s.Clip > 0):
		return fmt.Errorf("-clip is %v, want above 0", s.Clip)
	case s.floats() > maxFloats:
		return fmt.Errorf("-hidden %d -layers %d -embed %d -batch %d -window %d need about %d GB of memory, more than %d; use smaller numbers",
			s.Hidden, s.Layers, s.Embed, s.Batch, s.Window, s.floats()>>28, int64(maxFloats)>>28)
	case o.fingerprint && !o.train():
		return errors.New("-fingerprint goes with training: add -steps, -for or -resume, or leave -sample out")
	}
	return nil
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		// After the first Ctrl-C the run ends in order; a second one kills it.
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "charlm:", err)
		os.Exit(2)
	}
}

// absolute resolves a relative path from the folder the user typed the command
// in. go -C changes the working folder but leaves $PWD alone.
func absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir := os.Getenv("PWD")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, path), nil
}
