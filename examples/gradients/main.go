// Gradients shows why recurrent networks are hard to train: how the gradient vanishes or
// explodes on its way back through time, and what clipping does about it.
//
//	go -C examples run ./gradients                 draws flow.png and clipping.png
//	go -C examples run ./gradients -length 200     further back
//	go -C examples run ./gradients -resume         go on where Ctrl-C stopped
//
// flow.png has for plain units, LSTM and GRU as they are before training the norm of
// dL/dh, the gradient of a number L made of the last output, by the state k steps earlier
// (h, and c of an LSTM), over k; at k = 0 it is 1. For plain units it changes by a factor a
// step: it vanishes where W_hh has singular values below 1 and explodes where they are
// large (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013). An LSTM whose
// forget gate begins open carries it (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
//
// clipping.png has a plain network whose gradients explode, trained to give the first
// number of a sequence after its last step: the norm of the gradient and the loss of each
// update, without and with a limit for the norm. Without it one large step ends the run:
// the next gradient is no number. With it the network learns. Clipping does not bring back
// a gradient that has vanished.
//
// The measure is the mean squared error on sequences that were held out. Whoever always says
// 0 has 1, the variance of the numbers. The program has shown what it is for, and the exit
// status is 0, if the training with clipping ends below that.
//
// The folder that -out names gets the pictures, the settings, the norms (flow.json), and for
// each training a folder with its checkpoints, metrics and picture.
package main

import (
	"errors"
	"io"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

func main() { program.Main("gradients", run) }

// about stands above the list of flags.
const about = `Measures how gradients flow back through time, trains without and with clipping, and draws
both: flow.png and clipping.png. -steps is that of each training.
`

// options are the flags.
type options struct {
	*program.Flags
	length, hidden, batch int
	clip                  float64
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	f := program.NewFlags("gradients", about, stderr, program.Limits{Steps: 600})
	o := &options{Flags: f}
	f.IntVar(&o.length, "length", 100, "`steps` of a sequence; training takes 40 at most")
	f.IntVar(&o.hidden, "hidden", 64, "`units` of a layer")
	f.IntVar(&o.batch, "batch", 32, "`sequences` side by side")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient in the second training")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	if o.Given("epochs") {
		return errors.New("-epochs is given, and the sequences have no end: limit the trainings with -steps")
	}
	if err := errors.Join(
		program.Between("length", o.length, 2, 2000), program.Between("hidden", o.hidden, 1, 1024),
		program.Between("batch", o.batch, 1, 1024), program.Between("clip", o.clip, 1e-12, 1e30),
	); err != nil {
		return err
	}
	// About what a run holds: weights with gradients and packed copies, and for each step the
	// state, the activations of a layer, its outputs and their gradients.
	h := float64(o.hidden)
	return program.Fits(24*h*(h+inputs)+float64(o.length)*float64(o.batch)*(10*h+2*inputs), "-length %d -hidden %d -batch %d", o.length, o.hidden, o.batch)
}
