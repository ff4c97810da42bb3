// Classify tells what kind of text a line comes from: Go code, comments, HTML, or the
// assembly of one of eight processors.
//
//	go -C examples run ./classify                         train, on lines of the source of Go
//	go -C examples run ./classify -data FILE              train on lines of your own: label, tab, text
//	go -C examples run ./classify -resume                 go on where Ctrl-C stopped
//	go -C examples run ./classify -line 'MOVQ AX, (BX)'   classify a line with the trained model
//
// It shows one label for a sequence of any length: a bidirectional GRU over characters, the
// largest or the mean output over the steps of each sequence, and a linear layer. Sequences
// of similar length share a batch; the program says how much of its work is padding, and how
// much it would be with lines as they come.
//
// The measure is the accuracy in testing. Beside it stand those of the most frequent class,
// and of counting pairs of characters in each class (naive Bayes), which the network has to
// beat. By default the lines come from the source of Go, as many of each class, each text
// once in a class; lines of one file may be in several of the parts for training, validation
// and testing. A line that two classes have cannot be told by anyone.
//
// The folder that -out names gets the checkpoints, the settings, the metrics, the picture of
// the losses, and confusion.png, which shows what is taken for what. Relative paths start in
// the working folder of the program, which "go -C examples" makes the folder examples.
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("classify", run) }

// about stands above the list of flags.
const about = `Trains a network that tells what kind of text a line comes from, or with -line uses it.
`

// options are the flags.
type options struct {
	*program.Flags
	data, pool                   string
	lines, length                int
	embed, hidden, layers, batch int
	rate, clip, decay            float64
	patience                     int
	line                         string
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("classify", about, stderr, program.Limits{Epochs: 6})
	o := &options{Flags: f}
	f.StringVar(&o.data, "data", "", "`file` of lines, each a label, a tab and a text (default: the source of Go)")
	f.IntVar(&o.lines, "lines", 2500, "at most `n` lines of each class")
	f.IntVar(&o.length, "length", 80, "of longer lines the first `n` characters are read")
	f.StringVar(&o.pool, "pool", "max", "what becomes of the outputs of a line: `max` for the largest, mean, or attention for a mean weighted by trained scores")
	f.IntVar(&o.embed, "embed", 32, "`width` of the vector of a character")
	f.IntVar(&o.hidden, "hidden", 64, "`units` of each direction of each layer")
	f.IntVar(&o.layers, "layers", 1, "GRU `layers`")
	f.IntVar(&o.batch, "batch", 32, "`lines` in an update")
	f.Float64Var(&o.rate, "rate", 5e-3, "learning `rate` of Adam")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.Float64Var(&o.decay, "decay", 0.6, "`factor` of the rate after each epoch")
	f.IntVar(&o.patience, "patience", 2, "stop after `n` epochs without a better validation; 0: never")
	f.StringVar(&o.line, "line", "", "`text` to classify with the best model in -out, without training")
	f.NotStored("line")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if err := f.Use("line", "a text"); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	if o.pool != "max" && o.pool != "mean" && o.pool != "attention" {
		return fmt.Errorf("-pool is %q, want max, mean or attention", o.pool)
	}
	return errors.Join(
		program.Between("lines", o.lines, 1, 1e7), program.Between("length", o.length, 1, 1e4),
		program.Between("embed", o.embed, 1, 1024), program.Between("hidden", o.hidden, 1, 1024),
		program.Between("layers", o.layers, 1, 8), program.Between("batch", o.batch, 1, 1024),
		program.Between("rate", o.rate, 1e-12, 100), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("decay", o.decay, 1e-6, 1), program.Between("patience", o.patience, 0, 1e6),
	)
}
