package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/examples/internal/drawn"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// The held-out sequences, and after how many updates they are looked at.
const (
	held        = 1000
	heldBatches = 10
	lookEvery   = 100
)

// When the problem counts as solved.
const (
	solvedError = 0.001
	solvedShare = 0.99
)

func solved(mean, share float64) bool { return mean < solvedError && share >= solvedShare }

// What always saying 1 reaches: the variance of the sum of two evenly drawn numbers, and how
// often it is within near of 1.
const (
	constantError = 1.0 / 6
	constantShare = 2*near - near*near
)

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	m, err := o.newModel()
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("sequences of %d steps; always saying 1 has the mean squared error %.4f", o.length, constantError)
	result, err := session.Train(o.training(m))
	if err != nil {
		return err
	}
	mean, share, err := m.measure(session.Context())
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s of %d units", strings.ToUpper(o.cell), o.hidden)
	if _, err := fmt.Fprintf(stdout, "length %-15d mean squared error  right to %v\nalways saying 1 %24.5f %12.1f %%\n%-22s %17.5f %12.1f %%  after %d updates, %v\n%s\n",
		o.length, near, constantError, 100*constantShare, name, mean, 100*share, result.Step, kernels.Current(), program.Hash(m.net)); err != nil {
		return err
	}
	if !solved(mean, share) {
		return fmt.Errorf("%w; go on with -resume and more -steps, or try another -seed", program.ErrNotSolved)
	}
	return nil
}

// model is a net, the same for running forward only, and what it is measured on.
type model struct {
	net, infer *nn.Model
	held       *drawn.Source
}

func (o *options) newModel() (*model, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	unroll, infer, err := o.newLayer(r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(o.hidden, 1, r)
	if err != nil {
		return nil, err
	}
	m := &model{held: newProblem(o.length, held/heldBatches, heldBatches, o.Seed, 2)}
	if m.net, err = nn.Chain(unroll(o.length, o.batch), out); err != nil {
		return nil, err
	}
	if m.infer, err = nn.Chain(infer(o.length, held/heldBatches), out); err != nil {
		return nil, err
	}
	m.infer.SetWorkers(o.Workers)
	return m, nil
}

// newLayer draws a layer and returns what lays it out for training and for running forward.
func (o *options) newLayer(r *rand.Rand) (unroll, infer func(steps, batch int) nn.Stage, err error) {
	const in = 2
	switch o.cell {
	case "gru":
		l, err := gru.New(gru.Config{Input: in, Hidden: o.hidden}, r)
		return func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }, err
	case "rnn":
		// Units that hold their value until an input changes it: the network of
		// Le, Jaitly and Hinton.
		l, err := rnn.NewZero(rnn.Config{Input: in, Hidden: o.hidden, Activation: rnn.ReLU})
		if err == nil {
			l.Init(r, identity)
		}
		return func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }, err
	}
	l, err := lstm.New(lstm.Config{Input: in, Hidden: o.hidden}, r)
	if err == nil {
		err = l.SetForgetBias(1) // cells begin by remembering
	}
	return func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) },
		func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }, err
}

// identity is a Scheme: W_hh is the identity, W_ih small, biases zero.
func identity(r *rand.Rand, p rnn.Param) {
	switch {
	case p.Bias():
		p.Fill(0)
	case p.Recurrent():
		p.Fill(0)
		for i := range p.Rows {
			p.W[i*p.Cols+i] = 1
		}
	default:
		p.Normal(r, 0.01)
	}
}

// training is how the net is trained.
func (o *options) training(m *model) program.Run {
	count := &tally{}
	return program.Run{
		Net: m.net, Data: newProblem(o.length, o.batch, 0, o.Seed, 1),
		Title: fmt.Sprintf("%s of %d units, %d steps", strings.ToUpper(o.cell), o.hidden, o.length),
		Scale: program.Scale{Name: "mean squared error", Log: true}, Counted: "sequences",
		Plan: bptt.Plan{
			Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: o.clip,
			Validate: bptt.Validate{
				Data: m.held, Net: m.infer, Loss: count, EverySteps: lookEvery,
				OnValidate: func(v bptt.Validation) error {
					share := float64(count.right) / float64(max(1, v.Count))
					count.right = 0
					if solved(v.Loss, share) {
						return bptt.ErrStop
					}
					return nil
				},
			},
		},
	}
}

// measure returns the mean squared error of the held-out sequences, and the share of them
// that is right.
func (m *model) measure(ctx context.Context) (mean, share float64, err error) {
	var count tally
	mean, n, err := bptt.Evaluate(ctx, m.infer, m.held, &count)
	return mean, float64(count.right) / float64(max(1, n)), err
}
