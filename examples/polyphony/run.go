package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

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

// likelihood is the negative log-likelihood of a step, in nats.
var likelihood = loss.BCE{PerStep: true}

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	c, err := o.read()
	if err != nil {
		return err
	}
	_, longest := length(c.train)
	if err := o.fits(longest); err != nil {
		return err
	}
	m, err := newModel(o)
	if err != nil {
		return err
	}
	training, err := o.training(c, m, longest)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	for i, part := range c.parts() {
		all, longest := length(part)
		session.Say("%s, %s: %d pieces of %d steps, the longest has %d", c.name, partNames[i], len(part), all, longest)
	}
	session.Say("%s, %d weights", o.name(m), weights(training.Net.(*nn.Model)))
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	session.Say("measuring")
	text, err := o.measure(session.Context(), c, m)
	if err != nil {
		return err
	}
	if err := o.roll(session, c, m); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%safter %d updates, %d passes, %v\n%s\n", text, result.Step, result.Epoch, kernels.Current(), program.Hash(training.Net))
	return err
}

// bucket is how many batches are sorted by length together.
const bucket = 20

// evaluated is how many steps are measured at once.
const evaluated = 128

// training is how the network is trained.
func (o *options) training(c *corpus, m *model, longest int) (program.Run, error) {
	var r program.Run
	source, err := data.NewBuckets(c.train, o.batch, bucket, rand.NewPCG(o.Seed, 1))
	if err != nil {
		return r, err
	}
	valid, err := data.NewBuckets(c.valid, o.batch, bucket, nil)
	if err != nil {
		return r, err
	}
	net, err := m.train(min(o.window, longest), o.batch)
	if err != nil {
		return r, err
	}
	look, err := m.infer(evaluated, o.batch)
	if err != nil {
		return r, err
	}
	look.SetWorkers(o.Workers)
	meta, err := program.Meta{}.Encode(net)
	if err != nil {
		return r, err
	}
	return program.Run{
		Net: net, Data: source,
		Title: o.name(m),
		Scale: program.Scale{Name: "nats a step"}, Counted: "steps",
		Plan: bptt.Plan{
			Window: min(o.window, longest), Loss: likelihood, Reduction: o.reduction(), Optimizer: o.method(), ClipNorm: o.clip,
			Noise:      bptt.WeightNoise{Std: o.noise, Seed: o.Seed},
			Schedule:   &optim.Plateau{Factor: o.decay, Patience: int64(o.wait)},
			Validate:   bptt.Validate{Data: valid, Net: look, Patience: o.patience, RestoreBest: true},
			Checkpoint: bptt.Checkpoints{Meta: meta},
		},
	}, nil
}

// method is the optimizer that the flags name. The numbers of RMSProp are those of Graves (2013,
// "Generating sequences with recurrent neural networks", section 4.2). His 1e-4 is added to the
// variance, Eps to its root.
func (o *options) method() optim.Optimizer {
	if o.optimizer == "rmsprop" {
		return &optim.RMSProp{LR: o.rate, Centred: true, Momentum: 0.9, Alpha: 0.95, Eps: 0.01}
	}
	return &optim.Adam{LR: o.rate}
}

// reduction is what the gradient of an update is divided by.
func (o *options) reduction() loss.Reduction {
	if o.sum {
		return loss.Sum
	}
	return loss.Mean
}

// measure returns a table of what all reach.
func (o *options) measure(ctx context.Context, c *corpus, m *model) (string, error) {
	net, err := m.infer(evaluated, o.batch)
	if err != nil {
		return "", err
	}
	net.SetWorkers(o.Workers)
	var frequencies, befores, own [3]float64
	frequency, before := newBaselines(c.train)
	for i, part := range c.parts() {
		source, err := data.NewBuckets(part, o.batch, bucket, nil)
		if err != nil {
			return "", err
		}
		frequencies[i], befores[i] = frequency.nats(part), before.nats(part)
		if own[i], _, err = bptt.Evaluate(ctx, net, source, likelihood); err != nil {
			return "", err
		}
	}
	text := fmt.Sprintf("%-26s%11s%12s%11s\n", "negative log-likelihood", "training", "validation", "testing")
	row := func(name string, v []float64) {
		text += fmt.Sprintf("%-26s%11.3f%12.3f%11.3f\n", name, v[0], v[1], v[2])
	}
	row("frequency of notes", frequencies[:])
	row("the step before", befores[:])
	if c.least != nil {
		row("the rule", c.least)
	}
	row(o.name(m), own[:])
	return text, nil
}

// shown is how many steps of a piece are on the picture.
const shown = 64

// roll draws the first piece for testing, and what the network told of it.
func (o *options) roll(session *program.Session, c *corpus, m *model) error {
	s := c.test[0]
	steps := min(s.Steps, shown)
	net, err := m.infer(steps, 1)
	if err != nil {
		return err
	}
	told := make([]float32, steps*notes)
	net.SetTraining(false)
	net.Forward(told, s.X[:steps*notes])
	for i, y := range told {
		told[i] = float32(1 / (1 + math.Exp(-float64(y))))
	}
	sound := s.Y[:steps*notes]
	from, to := sounding(sound)
	session.Draw("roll.png",
		chart.Table{Title: "a piece for testing", X: "step", Y: fmt.Sprintf("notes, MIDI %d to %d", from+lowest, to+lowest), Values: rows(sound, from, to)},
		chart.Table{Title: "probabilities by the " + o.name(m), X: "step", Values: rows(told, from, to)})
	return nil
}

// sounding is the lowest and the highest note that sound, counted from the lowest of all: the
// whole range where none does.
func sounding(roll []float32) (from, to int) {
	from, to = notes, -1
	for i, y := range roll {
		if y > 0 {
			from, to = min(from, i%notes), max(to, i%notes)
		}
	}
	if to < 0 {
		return 0, notes - 1
	}
	return from, to
}

// rows are the notes of a range of values [step][note], the highest first.
func rows(values []float32, from, to int) [][]float64 {
	list := make([][]float64, 0, to-from+1)
	for n := to; n >= from; n-- {
		row := make([]float64, len(values)/notes)
		for t := range row {
			row[t] = float64(values[t*notes+n])
		}
		list = append(list, row)
	}
	return list
}
