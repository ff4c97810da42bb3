package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	from, to, err := o.read()
	if err != nil {
		return err
	}
	first, err := newModel(o)
	if err != nil {
		return err
	}
	pretraining, err := o.pretraining(first, from)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("first %s: %d characters; then %s: %d for training, as many for validation and for testing", from.name, len(from.train), to.name, len(to.train))
	result, err := session.Train(pretraining)
	if err != nil {
		return err
	}
	if result.Interrupted {
		return interrupt.Err // there is nothing to compare
	}
	before, err := first.bits(session.Context(), to.test)
	if err != nil {
		return err
	}
	c := &comparison{o: o, session: session, to: to, pretrained: first.net, before: before}
	for _, w := range ways {
		interrupted, err := c.try(w)
		if program.Interrupted(err) && len(c.rows) > 0 {
			session.Say("stopped before %s was measured; the same command with -resume goes on", w.name)
			break
		}
		if err != nil {
			return err
		}
		if interrupted {
			break
		}
	}
	return c.print(stdout)
}

// Training losses are nats, which the scale turns into bits; validations measure bits.
var (
	scale      = program.Scale{Name: "bits per character", Value: loss.BitsPerSymbol}
	validation = program.Scale{Name: scale.Name}
)

// training is how a model learns from a text.
func (o *options) training(m *model, c corpus, rate optim.Optimizer) (program.Run, error) {
	source, err := data.NewText(c.train, o.batch)
	if err != nil {
		return program.Run{}, err
	}
	return program.Run{
		Net: m.trained(), Data: source, EpochSteps: max(1, int64((source.Steps()+o.window-1)/o.window)),
		Scale: scale, Validation: &validation, Counted: "characters",
		Plan: bptt.Plan{
			Window: o.window, Loss: loss.CrossEntropy{}, Optimizer: rate, ClipNorm: o.clip,
			Validate: bptt.Validate{
				Measure:     func(ctx context.Context) (float64, error) { return m.bits(ctx, c.valid) },
				RestoreBest: true,
			},
		},
	}, nil
}

// pretraining is that with the first text.
func (o *options) pretraining(m *model, c corpus) (program.Run, error) {
	r, err := o.training(m, c, &optim.Adam{LR: o.rate})
	r.Dir, r.Title = "pretrained", "first text"
	r.Plan.Steps = o.pretrain
	r.Plan.Schedule = optim.WarmupCosine{Total: o.pretrain}
	r.Plan.Validate.EverySteps = max(1, o.pretrain/10)
	return r, err
}

// A comparison is what the ways have led to.
type comparison struct {
	o          *options
	session    *program.Session
	to         corpus
	pretrained nn.Net
	before     float64 // bits per character of the second text, of the model of the first one

	rows   []string
	sums   []byte // fingerprints
	curves []chart.Curve
}

// try trains in one way, and measures what has come of it if no signal has ended it.
func (c *comparison) try(w way) (interrupted bool, err error) {
	m, err := newModel(c.o)
	if err != nil {
		return false, err
	}
	if err := w.begin(c.o, m, c.pretrained); err != nil {
		return false, err
	}
	optimizer := w.optimizer(c.o)
	r, err := c.o.training(m, c.to, optimizer)
	if err != nil {
		return false, err
	}
	r.Dir, r.Title = w.name, w.name
	r.Plan.Validate.EverySteps, r.Plan.Validate.Patience = c.o.look, c.o.patience
	result, err := c.session.Train(r)
	if err != nil || result.Interrupted {
		return result.Interrupted, err
	}
	bits, err := m.bits(c.session.Context(), c.to.test)
	if err != nil {
		return false, err
	}
	name := "model.safetensors"
	if m.adapted != nil {
		name = "adapters.safetensors"
	}
	if name, err = c.session.File(w.name, name); err != nil {
		return false, err
	}
	if err := m.save(name); err != nil {
		return false, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	_, curve, err := program.Curves(c.o.Path(w.name), scale, validation)
	if err != nil {
		return false, err
	}
	curve.Name = w.name
	c.curves = append(c.curves, curve)
	sum := nn.Fingerprint(m.trained())
	c.sums = append(c.sums, sum[:]...)
	c.rows = append(c.rows, fmt.Sprintf("%-10s %16d %9.1f kB %18.3f %8d", w.name, m.numbers(optimizer), float64(info.Size())/1000, bits, result.Step))
	return false, nil
}

// print draws the picture and writes the table.
func (c *comparison) print(stdout io.Writer) error {
	if len(c.rows) == 0 {
		return interrupt.Err
	}
	panel := chart.Panel{Title: "validation with the second text", X: "updates", Y: scale.Name, Curves: c.curves}
	c.session.Draw("curve.png", panel)
	sum := sha256.Sum256(c.sums)
	_, err := fmt.Fprintf(stdout, "way         numbers trained         file bits per character  updates\n%-10s %16d %12s %18.3f %8d\n%s\n%v, sha256 %s\n",
		"as it is", 0, "", c.before, 0, strings.Join(c.rows, "\n"), kernels.Current(), hex.EncodeToString(sum[:]))
	return err
}
