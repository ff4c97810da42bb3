// Tagger labels each character of a line of Go code with the kind of token that it belongs
// to: keyword, name, number, string, operator, comment.
//
//	go -C examples run ./tagger                                train, on the standard library of Go
//	go -C examples run ./tagger -source FOLDER                 train on Go code of your own
//	go -C examples run ./tagger -resume                        go on where Ctrl-C stopped
//	go -C examples run ./tagger -mark 'x := f("a//b") // no'   label a line with the trained model
//
// It shows labelling of sequences of any lengths: a bidirectional LSTM over characters, of
// which each step is told apart by what stands before and after it. "func" is a keyword only
// if the word ends there, and what "//" is depends on the quotes before it. The labels are
// made by package go/scanner, which reads whole files; the network sees one line, without
// the space around it, so what begins on another line can only be guessed.
//
// Lines are drawn from each file. Files for training, validation and testing are different
// ones. The measures are the accuracy, by characters, and the F1 of spans: a token counts
// only if its beginning, its end and its kind are right. Beside them stand those of the label
// that each character has most often in training; the network has to be well above.
//
// The folder that -out names gets the checkpoints, the settings, the metrics and the
// picture of the losses. Relative paths start in the working folder of the program, which
// "go -C examples" makes the folder examples.
package main

import (
	"errors"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("tagger", run) }

// about stands above the list of flags.
const about = `Trains a network that finds the tokens in lines of Go code, or with -mark uses it.
`

// options are the flags.
type options struct {
	*program.Flags
	source                       string
	lines, length                int
	embed, hidden, layers, batch int
	rate, clip, decay            float64
	patience                     int
	mark                         string
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("tagger", about, stderr, program.Limits{Epochs: 4})
	o := &options{Flags: f}
	f.StringVar(&o.source, "source", "", "`folder` with Go code (default: Go's standard library)")
	f.IntVar(&o.lines, "lines", 20, "`lines` drawn from each file")
	f.IntVar(&o.length, "length", 100, "longer lines are cut into parts of `n` characters")
	f.IntVar(&o.embed, "embed", 32, "`width` of the vector of a character")
	f.IntVar(&o.hidden, "hidden", 64, "`units` of each direction of each layer")
	f.IntVar(&o.layers, "layers", 1, "LSTM `layers`")
	f.IntVar(&o.batch, "batch", 32, "`lines` in an update")
	f.Float64Var(&o.rate, "rate", 5e-3, "learning `rate` of Adam")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.Float64Var(&o.decay, "decay", 0.5, "`factor` of the rate after each epoch")
	f.IntVar(&o.patience, "patience", 2, "stop after `n` epochs without a better validation; 0: never")
	f.StringVar(&o.mark, "mark", "", "`line` of Go code to label with the best model in -out, without training")
	f.NotStored("mark")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if err := f.Use("mark", "a line of Go code"); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	return errors.Join(
		program.Between("lines", o.lines, 1, 1e6), program.Between("length", o.length, 1, 1e4),
		program.Between("embed", o.embed, 1, 1024), program.Between("hidden", o.hidden, 1, 1024),
		program.Between("layers", o.layers, 1, 8), program.Between("batch", o.batch, 1, 1024),
		program.Between("rate", o.rate, 1e-12, 100), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("decay", o.decay, 1e-6, 1), program.Between("patience", o.patience, 0, 1e6),
	)
}
