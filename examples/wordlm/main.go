// Wordlm trains a language model of words and writes text with it.
//
//	go -C examples run ./wordlm                    on the documentation in the Go distribution
//	go -C examples run ./wordlm -text FILE         on a text of your own
//	go -C examples run ./wordlm -resume            go on where Ctrl-C stopped
//	go -C examples run ./wordlm -resume -epochs 9  go on for longer
//	go -C examples run ./wordlm -write 100         write 100 words with the trained model
//
// The text is cut into words and marks, in lower case, and into parts for training,
// validation and testing. Words that are rare in the part for training are <unk>. The
// measure is the perplexity of the part for testing: 100 means that the model is as
// uncertain as if it chose each word among 100 equally likely ones. Beside it stand the
// perplexities of counting words, and of counting words and pairs of words; the network
// has to be well below both.
//
// By default all doc comments of the standard library are read, some 500,000 words and
// marks; wherever the program stops, the model of the best validation is measured.
//
// With three files that are prepared, one sentence a line and words between spaces, the
// program repeats published results. That of the small model of Zaremba, Sutskever and
// Vinyals (2014, "Recurrent neural network regularization") on the Penn Treebank, which is
// not part of this module, is a perplexity of about 115 in testing. bench/results/penn-treebank.md
// has what this program reaches. It takes an hour or more:
//
//	go -C examples run ./wordlm -preset zaremba-small -train ptb.train.txt -valid ptb.valid.txt -test ptb.test.txt
//
// The folder that -out names gets the checkpoints, the settings, the metrics and the
// picture of the perplexities. Relative paths start in the working folder of the program,
// which "go -C examples" makes the folder examples.
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("wordlm", run) }

// about stands above the list of flags.
const about = `Trains a language model of words on a text, or with -write writes text with it.
`

// options are the flags.
type options struct {
	*program.Flags
	preset             string
	text               string
	train, valid, test string
	minCount           int

	embed, hidden, layers int
	batch, window         int
	readoutRows           int
	init                  float64
	optimizer             string
	rate, clip            float64
	sum                   bool
	decay                 float64
	hold                  int64
	patience              int

	write       int
	prompt      string
	temperature float64
}

// presets are values of flags that are not given.
var presets = map[string]map[string]string{
	"quick": {},
	// Section 4.1 of the paper, "Non-regularized LSTM", and the authors' program.
	"zaremba-small": {
		"embed": "200", "hidden": "200", "layers": "2", "batch": "20", "window": "20", "init": "0.1",
		"optimizer": "sgd", "rate": "1", "clip": "5", "sum": "true", "decay": "0.5", "hold": "4", "epochs": "13", "patience": "0", "min-count": "1",
	},
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("wordlm", about, stderr, program.Limits{Epochs: 3})
	o := &options{Flags: f}
	f.StringVar(&o.preset, "preset", "quick", "`name` of the values of flags that are not given: quick or zaremba-small")
	f.StringVar(&o.text, "text", "", "plain text `file` (default: the doc comments of Go's standard library)")
	f.StringVar(&o.train, "train", "", "prepared `file` for training, with -valid and -test, in place of -text")
	f.StringVar(&o.valid, "valid", "", "prepared `file` for validation")
	f.StringVar(&o.test, "test", "", "prepared `file` for testing")
	f.IntVar(&o.minCount, "min-count", 8, "words that come less than `n` times in training are <unk>")
	f.IntVar(&o.embed, "embed", 128, "`width` of the vector of a word")
	f.IntVar(&o.hidden, "hidden", 160, "`units` of each layer")
	f.IntVar(&o.layers, "layers", 1, "LSTM `layers`")
	f.IntVar(&o.batch, "batch", 32, "`streams` of text read side by side")
	f.IntVar(&o.window, "window", 20, "`words` that the gradient flows back")
	f.IntVar(&o.readoutRows, "readout-rows", 0, "of the outputs for all words, `rows` in memory at a time, at least 256 or a few more; 0: all")
	f.Float64Var(&o.init, "init", 0, "draw all weights from ±`bound`; 0: as the library does")
	f.StringVar(&o.optimizer, "optimizer", "adam", "`method`: adam or sgd")
	f.Float64Var(&o.rate, "rate", 3e-3, "learning `rate`")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.BoolVar(&o.sum, "sum", false, "-rate and -clip are for a loss that is summed over the window, as papers give them, not for its mean")
	f.Float64Var(&o.decay, "decay", 0.5, "`factor` of the rate in each epoch after those of -hold")
	f.Int64Var(&o.hold, "hold", 2, "`epochs` before the rate decays")
	f.IntVar(&o.patience, "patience", 2, "stop after `n` epochs without a better validation; 0: never")
	f.IntVar(&o.write, "write", 0, "write `n` words with the best model in -out, and do not train")
	f.StringVar(&o.prompt, "prompt", "", "`text` that -write continues (default: the beginning of a sentence)")
	f.Float64Var(&o.temperature, "temperature", 0.7, "`temperature` of the text: 0 takes the most likely word, 1 follows the model")
	f.NotStored("write", "prompt", "temperature")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.write > 0 {
		if err := f.Use("write", "a number", "seed"); err != nil { // -seed may be that of the text
			return nil, err
		}
	}
	if !f.Resume && o.write == 0 {
		values, known := presets[o.preset]
		if !known {
			return nil, fmt.Errorf("-preset is %q, want quick or zaremba-small", o.preset)
		}
		for name, value := range values {
			if f.Given(name) || name == "epochs" && f.Given("steps") {
				continue
			}
			if err := f.Set(name, value); err != nil {
				return nil, err
			}
		}
	}
	return o, o.check()
}

// check refuses values that mean nothing, and flags that contradict each other.
func (o *options) check() error {
	prepared := 0
	for _, name := range []string{o.train, o.valid, o.test} {
		if name != "" {
			prepared++
		}
	}
	switch {
	case prepared != 0 && prepared != 3:
		return errors.New("-train, -valid and -test go together: name three files, or one with -text")
	case prepared != 0 && o.text != "":
		return errors.New("-text and -train are both given: name one text, or three prepared files")
	case o.optimizer != "adam" && o.optimizer != "sgd":
		return fmt.Errorf("-optimizer is %q, want adam or sgd", o.optimizer)
	case o.write == 0 && o.Given("prompt"):
		return errors.New("-prompt belongs to -write, which is not given: add -write 100, or leave it out")
	}
	const most = 1 << 13
	return errors.Join(
		program.Between("min-count", o.minCount, 1, 1e6),
		program.Between("embed", o.embed, 1, most), program.Between("hidden", o.hidden, 1, most),
		program.Between("layers", o.layers, 1, 16),
		program.Between("batch", o.batch, 1, most), program.Between("window", o.window, 1, most),
		program.Between("readout-rows", o.readoutRows, 0, most*most),
		program.Between("init", o.init, 0, 1),
		program.Between("rate", o.rate, 1e-12, 100), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("decay", o.decay, 1e-6, 1), program.Between("hold", o.hold, 1, 1e9),
		program.Between("patience", o.patience, 0, 1e6),
		program.Between("write", o.write, 0, 1e6), program.Between("temperature", o.temperature, 0, 100),
	)
}
