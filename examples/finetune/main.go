// Finetune adapts a character model that was trained on much text of one kind to another
// kind of which there is little, in several ways, and compares them.
//
//	go -C examples run ./finetune                         from Go code to a book
//	go -C examples run ./finetune -from FILE -to FILE     with texts of your own
//	go -C examples run ./finetune -little 200000          with more of the book
//	go -C examples run ./finetune -resume                 go on where Ctrl-C stopped
//
// A character is a byte. First a model is trained on the source code of Go's standard
// library. Then there are 20,000 characters of another text to learn from, by default of
// Newton's Opticks, which is in the Go distribution, and four models learn from them:
//
//	scratch    begins with new weights and does not know the code
//	all        begins with the trained weights, and all of them are trained
//	frozen     the same, but the embedding and the first layer stay as they are
//	           (optim.Groups): the second layer and the readout are trained
//	adapters   the trained weights stay as they are, and to each matrix a product of two
//	           small ones is added and trained (finetune.Adapt, after Hu et al. 2021,
//	           "LoRA: low-rank adaptation of large language models")
//
// Each of them stops after so many updates, or earlier where validation on the characters that
// follow is no longer better. The measure is the bits per character of those that follow then,
// which no model has seen. The first line is the model of the code as it is. Beside the bits
// stand how many numbers were trained, and the size of the file that one has to keep for the
// new text: the adapters take a small part of a whole model.
//
// The folder that -out names gets the settings, a picture of the four validations
// (curve.png), and for each model a folder with its checkpoints, metrics, picture and file
// in the safetensors format.
package main

import (
	"errors"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("finetune", run) }

// about stands above the list of flags.
const about = `Trains a character model on one text, and adapts it to another one in several ways.
Of the limits, -pretrain is that of the first text; -steps and -epochs are those of each way.
`

// options are the flags.
type options struct {
	*program.Flags
	from, to                     string
	much, little                 int
	embed, hidden, batch, window int
	pretrain, look               int64
	rate, adaptRate, adapterRate float64
	clip                         float64
	rank                         int
	alpha                        float64
	patience                     int
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("finetune", about, stderr, program.Limits{Steps: 300})
	o := &options{Flags: f}
	f.StringVar(&o.from, "from", "", "text `file` to train on first (default: the code of Go's standard library)")
	f.StringVar(&o.to, "to", "", "text `file` to adapt to (default: Newton's Opticks)")
	f.IntVar(&o.much, "much", 1500000, "read at most `n` characters of the first text")
	f.IntVar(&o.little, "little", 20000, "`characters` of the second text for training; as many follow for validation and testing")
	f.IntVar(&o.embed, "embed", 48, "`width` of the vector of a character")
	f.IntVar(&o.hidden, "hidden", 96, "`units` of each of the two layers")
	f.IntVar(&o.batch, "batch", 16, "`streams` of text read side by side")
	f.IntVar(&o.window, "window", 50, "`characters` that the gradient flows back")
	f.Int64Var(&o.pretrain, "pretrain", 1500, "`updates` with the first text")
	f.Int64Var(&o.look, "look", 25, "`updates` between two validations with the second text")
	f.Float64Var(&o.rate, "rate", 4e-3, "learning `rate` of Adam where weights are new")
	f.Float64Var(&o.adaptRate, "adapt-rate", 1e-3, "learning `rate` of trained weights (all, frozen)")
	f.Float64Var(&o.adapterRate, "adapter-rate", 4e-3, "learning `rate` of adapters")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient")
	f.IntVar(&o.rank, "rank", 8, "`rank` of the adapters")
	f.Float64Var(&o.alpha, "alpha", 16, "the product of the adapters counts `alpha`/rank times")
	f.IntVar(&o.patience, "patience", 6, "stop a way after `n` validations without a better one; 0: never")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	const most = 1 << 13
	err := errors.Join(
		program.Between("much", o.much, 100, 1<<30), program.Between("little", o.little, 100, 1<<30),
		program.Between("embed", o.embed, 1, most), program.Between("hidden", o.hidden, 1, most),
		program.Between("batch", o.batch, 1, most), program.Between("window", o.window, 1, most),
		program.Between("pretrain", o.pretrain, 1, 1e12), program.Between("look", o.look, 1, 1e12),
		program.Between("rate", o.rate, 1e-12, 10), program.Between("adapt-rate", o.adaptRate, 1e-12, 10),
		program.Between("adapter-rate", o.adapterRate, 1e-12, 10), program.Between("clip", o.clip, 1e-12, 1e30),
		program.Between("rank", o.rank, 1, most), program.Between("alpha", o.alpha, 1e-6, 1e6),
		program.Between("patience", o.patience, 0, 1e6),
	)
	if err != nil {
		return err
	}
	// Weights with gradients and moments, and for each character of a window what the layers
	// keep, and logits with their gradients.
	h, e, r := float64(o.hidden), float64(o.embed), float64(o.rank)
	weights := symbols*(e+h) + 4*h*(e+h) + 8*h*h + r*(15*h+3*symbols+2*e)
	return program.Fits(8*weights+float64(o.batch)*float64(o.window)*(2*e+16*h+3*symbols), "-embed %d -hidden %d -batch %d -window %d -rank %d",
		o.embed, o.hidden, o.batch, o.window, o.rank)
}
