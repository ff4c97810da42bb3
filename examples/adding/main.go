// Adding trains a recurrent network on the adding problem, the classic test of
// whether a network can carry numbers over many steps.
//
//	go -C examples run ./adding               an LSTM, sequences of 100 steps
//	go -C examples run ./adding -cell gru     a GRU
//	go -C examples run ./adding -cell rnn     ReLU units that begin as the identity
//	go -C examples run ./adding -resume       go on where Ctrl-C stopped
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
// Beside both stand those of who always says 1. The last line has the SHA-256 of the
// weights: the same seed gives the same on every machine.
//
// The folder that -out names gets the checkpoints, the settings, the metrics and the
// picture of the errors. Relative paths start in the working folder of the program, which
// "go -C examples" makes the folder examples.
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("adding", run) }

// about stands above the list of flags.
const about = `Trains a recurrent network on the adding problem until it is solved.
`

// options are the flags.
type options struct {
	*program.Flags
	cell                  string
	length, hidden, batch int
	rate, clip            float64
}

// gentle is the rate of plain units if it is not given: with that of the others they diverge.
const gentle = "0.001"

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("adding", about, stderr, program.Limits{Steps: 20000})
	o := &options{Flags: f}
	f.StringVar(&o.cell, "cell", "lstm", "`kind` of layer: lstm, gru or rnn")
	f.IntVar(&o.length, "length", 100, "`steps` of a sequence")
	f.IntVar(&o.hidden, "hidden", 64, "`units` of the layer")
	f.IntVar(&o.batch, "batch", 50, "`sequences` in an update")
	f.Float64Var(&o.rate, "rate", 1e-2, "learning `rate` of Adam; with -cell rnn "+gentle+" if it is not given")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.cell == "rnn" && !f.Resume && !f.Given("rate") {
		if err := f.Set("rate", gentle); err != nil {
			return nil, err
		}
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	const most = 1 << 13
	switch {
	case o.cell != "lstm" && o.cell != "gru" && o.cell != "rnn":
		return fmt.Errorf("-cell is %q, want lstm, gru or rnn", o.cell)
	case o.Given("epochs"):
		return errors.New("-epochs is given, and the sequences have no end: limit the run with -steps")
	}
	err := errors.Join(
		program.Between("length", o.length, 2, most), program.Between("hidden", o.hidden, 1, most),
		program.Between("batch", o.batch, 1, most),
		program.Between("rate", o.rate, 1e-12, 10), program.Between("clip", o.clip, 1e-12, 1e30),
	)
	if err != nil {
		return err
	}
	// About what a run holds: what is kept of each step, and the weights with gradients, two
	// moments and two packed copies.
	h := float64(o.hidden)
	return program.Fits(24*h*(h+4)+float64(o.length)*float64(o.batch+held/heldBatches)*(6*h+8), "-length %d -hidden %d -batch %d", o.length, o.hidden, o.batch)
}
