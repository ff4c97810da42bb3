// Polyphony trains a recurrent network on music of several voices: at each step it tells, for
// each of the 88 notes of a piano, how likely the note sounds at the next step.
//
//	go -C examples run ./polyphony                       an LSTM, on pieces that the program makes
//	go -C examples run ./polyphony -cell gru             a GRU; rnn: plain tanh units
//	go -C examples run ./polyphony -data FILE            train on music of your own
//	go -C examples run ./polyphony -resume               go on where Ctrl-C stopped
//
// The measure is the negative log-likelihood of a step in nats, as papers on polyphonic music
// report it: the sum over the 88 notes of the binary cross-entropy, as a mean over all steps of
// all pieces. The notes of the first step are told from nothing. Beside it stand
//
//	frequency of notes   each note by its share of the steps in training
//	the step before      each note by whether it sounded at the step before
//	the rule             only for pieces that the program makes: each note by its probability
//	                     after all that came before, by the rule that the pieces are made by
//
// No network can be expected to be below the last one, since it tells each note by itself.
//
// A file is JSON: an object with the lists "train", "valid" and "test". Each has pieces, a piece
// is a list of steps, and a step the list of the notes that sound, as MIDI numbers from 21 to
// 108, in any order; an empty list is silence:
//
//	{"train": [[[60, 64, 67], [60, 65, 69], []], ...], "valid": [...], "test": [...]}
//
// This is the form of the public JSB-Chorales-dataset. bench/results/polyphony.md has what the
// three cells reach on two public corpora beside published results.
//
// Without a file the program makes pieces for four voices. A piece is in one of the twelve major
// keys and has 4 to 8 phrases of 8 steps. A phrase begins with the tonic chord and ends with
// dominant and tonic; between them each chord is drawn by a table from the one before. Over
// its bass, the root, a chord has three close notes, of which the highest is usually the one that
// is nearest to the highest note before. So the network must keep the key and count to 8.
//
// Papers on polyphonic music make each update from one piece, from its beginning to its end, and
// many of them sum the loss over its steps: -batch 1 -window 10000 -sum. Such a gradient is longer
// than -clip 1 in nearly all updates, so that each piece moves the weights by about as much as any
// other.
//
// The folder that -out names gets the checkpoints, the settings, the metrics, the picture of
// the training, and roll.png: a piece for testing beside what the network told of it.
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("polyphony", run) }

// about stands above the list of flags.
const about = `Trains a recurrent network to tell which notes of music come next.
`

// options are the flags.
type options struct {
	*program.Flags
	data                          string
	pieces                        int
	cell                          string
	hidden, layers, batch, window int
	rate, clip, decay, dropout    float64
	noise                         float64
	optimizer                     string
	sum                           bool
	patience, wait                int
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("polyphony", about, stderr, program.Limits{Epochs: 80})
	o := &options{Flags: f}
	f.StringVar(&o.data, "data", "", "JSON `file` with the pieces (default: pieces that the program makes)")
	f.IntVar(&o.pieces, "pieces", 1000, "make `n` pieces, of which a tenth is for validation and a tenth for testing")
	f.StringVar(&o.cell, "cell", "lstm", "`kind` of layer: lstm, gru or rnn")
	f.IntVar(&o.hidden, "hidden", 128, "`units` of each layer")
	f.IntVar(&o.layers, "layers", 1, "`layers`")
	f.IntVar(&o.batch, "batch", 8, "`pieces` read side by side")
	f.IntVar(&o.window, "window", 160, "`steps` that the gradient flows back; an update is made after so many")
	f.StringVar(&o.optimizer, "optimizer", "adam", "`method`: adam, or rmsprop, which is centred, has momentum and wants a smaller -rate, such as 0.001")
	f.Float64Var(&o.rate, "rate", 2e-3, "learning `rate`")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.BoolVar(&o.sum, "sum", false, "take the gradient of the loss summed over all steps of an update, not of its mean; -clip is for this sum then")
	f.Float64Var(&o.decay, "decay", 0.5, "`factor` of the rate after the epochs of -wait without a better validation")
	f.IntVar(&o.wait, "wait", 3, "`n` epochs without a better validation until the rate gets smaller")
	f.Float64Var(&o.dropout, "dropout", 0, "`share` of the notes read, and of the units before the readout, that are left out in training")
	f.Float64Var(&o.noise, "noise", 0, "standard `deviation` of the noise on the weights while the gradient is computed")
	f.IntVar(&o.patience, "patience", 10, "stop after `n` epochs without a better validation; 0: never")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing, and flags that contradict each other.
func (o *options) check() error {
	if _, err := cell.Parse(o.cell); err != nil {
		return fmt.Errorf("-cell: %w", err)
	}
	if o.optimizer != "adam" && o.optimizer != "rmsprop" {
		return fmt.Errorf("-optimizer is %q, want adam or rmsprop", o.optimizer)
	}
	if o.data != "" && o.Given("pieces") && !o.Resume {
		return errors.New("-pieces is for pieces that the program makes: leave it or -data out")
	}
	return errors.Join(
		program.Between("pieces", o.pieces, 10, 1e6),
		program.Between("hidden", o.hidden, 1, 1<<12), program.Between("layers", o.layers, 1, 16),
		program.Between("batch", o.batch, 1, 1024), program.Between("window", o.window, 1, 1e4),
		program.Between("rate", o.rate, 1e-12, 100), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("decay", o.decay, 1e-6, 0.999), program.Between("dropout", o.dropout, 0, 0.99),
		program.Between("noise", o.noise, 0, 100),
		program.Between("wait", o.wait, 0, 1e6),
		program.Between("patience", o.patience, 0, 1e6),
	)
}
