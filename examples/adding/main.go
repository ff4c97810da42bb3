// Adding trains a recurrent network on the adding problem, the classic test of
// whether a network can carry numbers over many steps.
//
//	go -C examples run ./adding               an LSTM, sequences of 100 steps
//	go -C examples run ./adding -cell gru     a GRU
//	go -C examples run ./adding -cell rnn     ReLU units that begin as the identity
//
// Each step of a sequence is a pair: a number drawn evenly from [0, 1], and a
// marker. Two steps are marked by 1, one in each half of the sequence, all others
// by 0. After the last step the network has to give the sum of the two marked
// numbers. Whoever always says 1 has a mean squared error of 1/6; a network that
// does much better has carried a number over half of the sequence, on average.
// The problem is that of Hochreiter and Schmidhuber (1997, "Long short-term
// memory"), in the form that Le, Jaitly and Hinton gave it (2015, "A simple way to
// initialize recurrent networks of rectified linear units").
//
// The run ends when the problem is solved: on sequences that were held out, the
// mean squared error is below 0.001 and at least 99 % of the sums are right to 0.04.
// The last line says so, the one before it has the SHA-256 of the weights: the same
// seed gives the same on every machine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// options are the flags.
type options struct {
	settings settings
	steps    int64
	workers  int
	quiet    bool
}

// usage is what a wrong flag and -help print above the list of flags.
const usage = `usage: adding [flags]
Trains a recurrent network on the adding problem until it is solved.
`

// parse reads the command line.
func parse(args []string, output io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("adding", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() { fmt.Fprint(output, usage); f.PrintDefaults() }
	s := &o.settings
	f.StringVar(&s.Cell, "cell", "lstm", "`kind` of layer: lstm, gru or rnn")
	f.IntVar(&s.Length, "length", 100, "`steps` of a sequence")
	f.IntVar(&s.Hidden, "hidden", 64, "`units` of the layer")
	f.IntVar(&s.Batch, "batch", 50, "`sequences` in an update")
	f.Float64Var(&s.Rate, "rate", 0, "learning `rate` of Adam (default 0.01; 0.001 with -cell rnn)")
	f.Float64Var(&s.Clip, "clip", 1, "largest `norm` of the gradient")
	f.Uint64Var(&s.Seed, "seed", 1, "`seed` of the initial weights and the sequences")
	f.Int64Var(&o.steps, "steps", 20000, "give up after `n` updates")
	f.IntVar(&o.workers, "workers", 0, "`goroutines` that share the work; 0: as many as help. The result is the same")
	f.BoolVar(&o.quiet, "quiet", false, "no progress on standard error")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: every option begins with a dash, as in -cell gru", f.Arg(0))
	}
	given := false
	f.Visit(func(g *flag.Flag) { given = given || g.Name == "rate" })
	if !given {
		s.Rate = defaultRate[s.Cell]
	}
	return o, o.check()
}

// maxWorkers is how many the library uses at most.
const maxWorkers = 256

// check refuses values that mean nothing.
func (o *options) check() error {
	s := &o.settings
	if defaultRate[s.Cell] == 0 {
		return fmt.Errorf("-cell is %q, want lstm, gru or rnn", s.Cell)
	}
	if err := errors.Join(
		program.Between("length", s.Length, 2, 1<<13), program.Between("hidden", s.Hidden, 1, 1<<13), program.Between("batch", s.Batch, 1, 1<<13),
	); err != nil {
		return err
	}
	switch {
	case o.steps < 1:
		return fmt.Errorf("-steps is %d, want at least 1", o.steps)
	case o.workers < 0 || o.workers > maxWorkers:
		return fmt.Errorf("-workers is %d, want 1 to %d, or 0 for as many as help", o.workers, maxWorkers)
	case !(s.Rate >= 1e-12 && s.Rate <= 10):
		return fmt.Errorf("-rate is %v, want 1e-12 to 10, such as 0.01", s.Rate)
	case !(s.Clip >= 1e-12) || math.IsInf(s.Clip, 0):
		return fmt.Errorf("-clip is %v, want 1e-12 or more, such as 1; a large number such as 1e30 never clips", s.Clip)
	}
	return program.Fits(s.floats(), "-length %d -hidden %d -batch %d", s.Length, s.Hidden, s.Batch)
}

func main() { program.Main("adding", run) }
