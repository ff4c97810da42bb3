// Copying trains a recurrent network on the copying problem: it has to keep ten symbols over a
// long delay and then write them down.
//
//	go -C examples run ./copying                  an LSTM, a delay of 20 steps
//	go -C examples run ./copying -cell gru        a GRU
//	go -C examples run ./copying -cell rnn        plain tanh units
//	go -C examples run ./copying -delay 30        a longer delay
//	go -C examples run ./copying -delay 100 -from 2
//	                                              a delay that grows from 2 to 100 steps
//	go -C examples run ./copying -resume          go on where Ctrl-C stopped
//
// A sequence with the delay T has T+20 steps: 10 symbols of 8 kinds, each drawn evenly, then
// T-1 blanks, a mark that says "now", and 10 blanks more. The network answers at each step:
// blank until the mark has come, then the 10 symbols in their order. A network that has kept
// nothing answers blank and then guesses: its loss, the mean over all steps, is
// 10 ln 8 / (T+20), and 12.5 % of the symbols are right. Many networks stay at this
// baseline for long. The problem is that of Hochreiter and Schmidhuber (1997, "Long short-term
// memory"), in the form of Arjovsky, Shah and Bengio (2016, "Unitary evolution recurrent
// neural networks").
//
// The gates of LSTM and GRU begin with biases for memories that last from 1 to T+20 steps, the
// "chrono" initialization of Tallec and Ollivier (2018, "Can recurrent neural networks warp
// time?"); -chrono=false begins with a forget bias of 1 (LSTM) or PyTorch's biases (GRU).
// The recurrent matrix of the plain units begins orthogonal.
//
// With -from the delay is short at first, and a twentieth longer each time that the network
// has learned to answer: a curriculum (Bengio, Louradour, Collobert and Weston 2009,
// "Curriculum learning"). Half of the updates have a delay drawn from the shorter ones. By
// this, delays of 100 steps are learned, over which training with the whole delay from the
// beginning stays near the baseline.
//
// The run ends when the problem is solved: at least 95 % of the symbols of held-out sequences
// are right. The folder that -out names gets the checkpoints, the settings, the metrics and
// the picture of the loss.
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("copying", run) }

// about stands above the list of flags.
const about = `Trains a recurrent network to write down ten symbols that it has read a delay before.
`

// options are the flags.
type options struct {
	*program.Flags
	cell          string
	delay, from   int
	hidden, batch int
	rate, clip    float64
	chrono        bool
	fall, look    int64
}

// gradual are values of flags that are not given beside -from: there is more to learn, and the
// rate must not have fallen before the delay is long.
var gradual = map[string]string{"rate": "0.005", "fall": "20000", "steps": "20000"}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("copying", about, stderr, program.Limits{Steps: 8000})
	o := &options{Flags: f}
	f.StringVar(&o.cell, "cell", "lstm", "`kind` of layer: lstm, gru or rnn")
	f.IntVar(&o.delay, "delay", 20, "`steps` between the last symbol and the first answer")
	f.IntVar(&o.from, "from", 0, "begin with a delay of so many `steps`, and lengthen it to -delay as the network learns; 0: -delay from the beginning")
	f.IntVar(&o.hidden, "hidden", 96, "`units` of the layer")
	f.IntVar(&o.batch, "batch", 16, "`sequences` in an update")
	f.Float64Var(&o.rate, "rate", 1e-2, "learning `rate` of Adam; with -from 0.005 if it is not given")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.Int64Var(&o.fall, "fall", 8000, "`updates` in which the rate falls, along half a cosine, to a twentieth, where it stays; with -from 20000 if it is not given, as -steps is")
	f.BoolVar(&o.chrono, "chrono", true, "gates begin with biases that fit the delay")
	f.Int64Var(&o.look, "look", 100, "`updates` between two looks at the held-out sequences")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.from != 0 && !f.Resume {
		for name, value := range gradual {
			if f.Given(name) {
				continue
			}
			if err := f.Set(name, value); err != nil {
				return nil, err
			}
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
	case o.from < 0 || o.from > o.delay:
		return fmt.Errorf("-from is %d, want 1 to %d, which is -delay, or 0 for no curriculum", o.from, o.delay)
	}
	err := errors.Join(
		program.Between("delay", o.delay, 1, most), program.Between("hidden", o.hidden, 1, most),
		program.Between("batch", o.batch, 1, most),
		program.Between("rate", o.rate, 1e-12, 10), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("fall", o.fall, 1, 1e12), program.Between("look", o.look, 1, 1e12),
	)
	if err != nil {
		return err
	}
	// About what a run holds: what is kept of each step, and the weights with gradients, two
	// moments and two packed copies.
	h, steps := float64(o.hidden), float64(o.delay+2*symbols)
	return program.Fits(24*h*(h+kinds)+steps*float64(o.batch+held/heldBatches)*(6*h+4*kinds), "-delay %d -hidden %d -batch %d", o.delay, o.hidden, o.batch)
}
