// Gradients shows why recurrent networks are hard to train: how the gradient vanishes or
// explodes on its way back through time, and what clipping does about it.
//
//	go -C examples run ./gradients                 draws flow.png and clipping.png
//	go -C examples run ./gradients -length 200     further back
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
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// options are the flags.
type options struct {
	settings settings
	updates  int64
	clip     float64
	out      string
}

// usage is what a wrong flag and -help print above the list of flags.
const usage = `usage: gradients [flags]
Measures how gradients flow back through time, and draws it: flow.png and clipping.png.
Relative paths start in the working folder of the program.
`

// parse reads the command line.
func parse(args []string, output io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("gradients", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() { fmt.Fprint(output, usage); f.PrintDefaults() }
	f.IntVar(&o.settings.Length, "length", 100, "`steps` of a sequence; training takes 40 at most")
	f.IntVar(&o.settings.Hidden, "hidden", 64, "`units` of a layer")
	f.IntVar(&o.settings.Batch, "batch", 32, "`sequences` side by side")
	f.Uint64Var(&o.settings.Seed, "seed", 1, "`seed` of weights and inputs")
	f.Int64Var(&o.updates, "updates", 600, "`updates` of each training")
	f.Float64Var(&o.clip, "clip", 1, "largest `norm` of the gradient in the second training")
	f.StringVar(&o.out, "out", "gradients-out", "`folder` for the pictures")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: every option begins with a dash, as in -length 200", f.Arg(0))
	}
	return o, o.check()
}

// check refuses values that mean nothing.
func (o *options) check() error {
	s := &o.settings
	if err := errors.Join(
		program.Between("length", s.Length, 2, 2000), program.Between("hidden", s.Hidden, 1, 1024), program.Between("batch", s.Batch, 1, 1024),
		program.Between("updates", o.updates, 1, 1e6), program.Between("clip", o.clip, 1e-12, 1e30),
	); err != nil {
		return err
	}
	if o.out == "" {
		return errors.New("-out is empty, want the name of a folder")
	}
	return nil
}

// trainLength is the longest sequence of the training: one along which the gradient
// explodes and is still a number at first.
const trainLength = 40

// run measures, draws and prints a table.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	var lines []chart.Curve
	fmt.Fprintf(stdout, "norm of the gradient by the state k steps earlier\n%-22s", "k")
	ks := []int{0, o.settings.Length / 4, o.settings.Length / 2, o.settings.Length}
	for _, k := range ks {
		fmt.Fprintf(stdout, " %9d", k)
	}
	fmt.Fprintln(stdout)
	for _, c := range cells {
		if err := guard.Context().Err(); err != nil {
			return interrupt.Err
		}
		line, err := flow(c, o.settings)
		if err != nil {
			return err
		}
		lines = append(lines, line)
		fmt.Fprintf(stdout, "%-22s", line.Name)
		for _, k := range ks {
			fmt.Fprintf(stdout, " %9.2g", line.Y[k])
		}
		fmt.Fprintln(stdout)
	}
	picture := filepath.Join(o.out, "flow.png")
	if err := chart.Write(picture, chart.Panel{Title: "How a gradient flows back through time", X: "k, steps back", Y: "norm of dL/dh", Log: true, Curves: lines}); err != nil {
		return fmt.Errorf("%w; name a folder that can be written with -out", err)
	}
	fmt.Fprintf(stdout, "drawn in %s\n\n", picture)

	s := o.settings
	s.Length = min(s.Length, trainLength)
	var norms, losses []chart.Curve
	for _, clip := range []float64{0, o.clip} {
		var t training
		err := guard.InOrder(func(ctx context.Context) (err error) {
			t, err = train(ctx, s, o.updates, clip)
			return err
		})
		if err != nil {
			return err
		}
		norms, losses = append(norms, t.norms), append(losses, t.losses)
		if t.end != "" {
			fmt.Fprintf(stdout, "%s: ended after %d of %d updates: %s\n", t.norms.Name, len(t.losses.Y), o.updates, t.end)
			continue
		}
		fmt.Fprintf(stdout, "%s: %d updates, loss %.3g at first and %.3g as the mean of the last tenth; always saying 0 has 1\n",
			t.norms.Name, o.updates, t.losses.Y[0], mean(t.losses.Y[len(t.losses.Y)*9/10:]))
	}
	picture = filepath.Join(o.out, "clipping.png")
	err = chart.Write(picture,
		chart.Panel{Title: "Norm of the gradient of an update", X: "updates", Y: "norm", Log: true, Curves: norms},
		chart.Panel{Title: "Loss of an update", X: "updates", Y: "mean squared error", Log: true, Curves: losses})
	if err == nil {
		fmt.Fprintf(stdout, "drawn in %s\n", picture)
	}
	return err
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(1, len(v)))
}

func main() { program.Main("gradients", run) }
