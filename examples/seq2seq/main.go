// Seq2seq teaches a network with an encoder, attention and a decoder to read dates.
//
//	go -C examples run ./seq2seq                     train, and measure
//	go -C examples run ./seq2seq -sampling 0.25      with scheduled sampling
//	go -C examples run ./seq2seq -resume             go on where Ctrl-C stopped
//	go -C examples run ./seq2seq -resume -epochs 20  go on for longer
//	go -C examples run ./seq2seq -read "the fifth of march two thousand and three"
//
// A source is a day of 1900 to 2099 in one of fifteen forms, character by character, such
// as "3/5/2003", "march 5th, 2003" or "wednesday, 5 march two thousand and three". The
// answer is the same day as 2003-03-05. Days are of one part alone: the network is measured
// on days that it has not been trained on, in forms that it knows.
//
// The measure is the share of answers of which every character is right, once by taking
// the most likely character each time (greedy), once by beam search. Beside it stands what
// time.Parse of the standard library reads, which knows eight layouts and neither numbers
// in words nor "5th". The task counts as solved, and the exit status is 0, if the
// greedy answers are right to 99 %.
//
// The network is a GRU of two directions over the source, whose last state begins that of
// the decoder, another GRU, and attention over the source by the score "general" (Luong,
// Pham and Manning 2015). It is trained by teacher forcing, or with -sampling by
// scheduled sampling (Bengio et al. 2015, in the two passes of package seq2seq).
//
// The folder that -out names gets the checkpoints, the settings, the metrics, the picture
// of the training, and attention.png: which characters of one source the decoder looked at
// for each character of the answer.
package main

import (
	"errors"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("seq2seq", run) }

// about stands above the list of flags.
const about = `Trains a network to write dates as 2003-03-05, or with -read writes one.
`

// options are the flags.
type options struct {
	*program.Flags
	examples, held       int
	embed, hidden, batch int
	rate, clip, sampling float64
	patience             int

	beam int
	read string
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("seq2seq", about, stderr, program.Limits{Epochs: 8})
	o := &options{Flags: f}
	f.IntVar(&o.examples, "examples", 20000, "`n` dates for training")
	f.IntVar(&o.held, "held", 1000, "`n` dates for validation, and as many for testing")
	f.IntVar(&o.embed, "embed", 32, "`width` of the vector of a character")
	f.IntVar(&o.hidden, "hidden", 64, "`units` of each direction of the encoder; the decoder has twice as many")
	f.IntVar(&o.batch, "batch", 50, "`n` dates for each update")
	f.Float64Var(&o.rate, "rate", 3e-3, "learning `rate` of Adam")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.Float64Var(&o.sampling, "sampling", 0, "`share` of the decoder's inputs that are its own answers, reached after 1000 updates; 0: teacher forcing")
	f.IntVar(&o.patience, "patience", 3, "stop after `n` epochs without a better validation; 0: never")
	f.IntVar(&o.beam, "beam", 4, "`width` of the beam search")
	f.StringVar(&o.read, "read", "", "write the date in this `text` with the best model in -out, and do not train")
	f.NotStored("read", "beam")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if err := f.Use("read", "a date such as \"5 march 2003\""); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	const most = 1 << 9
	return errors.Join(
		program.Between("examples", o.examples, 1, 1e6), program.Between("held", o.held, 1, 1e5),
		program.Between("embed", o.embed, 1, most), program.Between("hidden", o.hidden, 1, most),
		program.Between("batch", o.batch, 1, most),
		program.Between("rate", o.rate, 1e-12, 100), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("sampling", o.sampling, 0, 1), program.Between("patience", o.patience, 0, 1e6),
		program.Between("beam", o.beam, 1, 20),
	)
}
