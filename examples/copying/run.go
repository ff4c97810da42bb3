package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
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

// The held-out sequences, and the share of their symbols that has to be right.
const (
	held        = 200
	heldBatches = 4
	solved      = 0.95
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
	training, err := o.training(m)
	if err != nil {
		return err
	}
	session, err := program.Open(o.Flags, guard, stderr)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Say("10 symbols of 8 kinds, a delay of %d steps; a network that keeps nothing has the loss %.4f", o.delay, o.baseline())
	result, err := session.Train(training)
	if err != nil {
		return err
	}
	mean, share, err := m.measure(session.Context())
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s of %d units", strings.ToUpper(o.cell), o.hidden)
	if _, err := fmt.Fprintf(stdout, "delay %-16d symbols right     loss\nkeeping nothing %19.1f %% %8.4f\n%-18s%16.1f %% %8.4f   after %d updates, %v\n%s\n",
		o.delay, 100.0/alphabet, o.baseline(), name, 100*share, mean, result.Step, kernels.Current(), program.Hash(training.Net)); err != nil {
		return err
	}
	if share < solved {
		return fmt.Errorf("%w: %.1f %% of the symbols are right, want %.0f; go on with -resume and more -steps", program.ErrNotSolved, 100*share, 100*solved)
	}
	return nil
}

// baseline is the loss of a network that knows when to answer, but not what.
func (o *options) baseline() float64 {
	return symbols * math.Log(alphabet) / float64(o.delay+2*symbols)
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
	out, err := nn.NewLinear(o.hidden, kinds, r)
	if err != nil {
		return nil, err
	}
	m := &model{held: newProblem(o.delay, held/heldBatches, heldBatches, o.Seed, 2)}
	steps := m.held.Steps()
	if m.net, err = nn.Chain(unroll(steps, o.batch), out); err != nil {
		return nil, err
	}
	if m.infer, err = nn.Chain(infer(steps, held/heldBatches), out); err != nil {
		return nil, err
	}
	m.infer.SetWorkers(o.Workers)
	return m, nil
}

// newLayer draws a layer and returns what lays it out for training and for running forward.
func (o *options) newLayer(r *rand.Rand) (unroll, infer func(steps, batch int) nn.Stage, err error) {
	switch o.cell {
	case "gru":
		l, err := gru.New(gru.Config{Input: kinds, Hidden: o.hidden}, r)
		if err == nil && o.chrono {
			l.Init(r, func(r *rand.Rand, p gru.Param) {
				if strings.HasPrefix(p.Name, "bias_ih") {
					o.memories(r, p.Gate(1).W) // z, the share of h that stays
				}
			})
		}
		return func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }, err
	case "rnn":
		l, err := rnn.New(rnn.Config{Input: kinds, Hidden: o.hidden}, r)
		if err == nil {
			l.Init(r, func(r *rand.Rand, p rnn.Param) {
				if p.Recurrent() && !p.Bias() {
					p.Orthogonal(r)
				}
			})
		}
		return func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }, err
	}
	l, err := lstm.New(lstm.Config{Input: kinds, Hidden: o.hidden}, r)
	switch {
	case err != nil:
	case o.chrono:
		l.Init(r, func(r *rand.Rand, p lstm.Param) {
			switch {
			case strings.HasPrefix(p.Name, "bias_ih"):
				forget, input := p.Gate(1).W, p.Gate(0).W
				o.memories(r, forget)
				for i, b := range forget {
					input[i] = -b
				}
			case p.Bias():
				p.Fill(0)
			}
		})
	default:
		err = l.SetForgetBias(1)
	}
	return func(steps, batch int) nn.Stage { return l.Unroll(steps, batch) },
		func(steps, batch int) nn.Stage { return l.Infer(steps, batch) }, err
}

// memories draws biases by which units forget in 1 to delay+2*symbols steps: the logarithms
// of evenly drawn times (Tallec and Ollivier 2018, equation 16).
func (o *options) memories(r *rand.Rand, bias []float32) {
	longest := float64(o.delay + 2*symbols)
	for i := range bias {
		bias[i] = float32(kernels.Log(1 + float64(r.Float64()*(longest-2))))
	}
}

// training is how the net is trained.
func (o *options) training(m *model) (program.Run, error) {
	scores := &recall{}
	var source data.Source = newProblem(o.delay, o.batch, 0, o.Seed, 1)
	var criterion loss.Loss = loss.CrossEntropy{}
	if o.from > 0 {
		c := newCurriculum(o.from, o.delay, o.batch, o.Seed, 1)
		source, criterion = c, &lessons{of: c}
	}
	return program.Run{
		Net: m.net, Data: source,
		Title: fmt.Sprintf("%s of %d units, delay %d, baseline %.3f", strings.ToUpper(o.cell), o.hidden, o.delay, o.baseline()),
		Scale: program.Scale{Name: "loss"}, Counted: "steps",
		Plan: bptt.Plan{
			Loss: criterion, Optimizer: &optim.Adam{LR: o.rate}, ClipNorm: o.clip,
			Schedule: optim.WarmupCosine{Total: o.fall, Floor: 0.05},
			Validate: bptt.Validate{
				Data: m.held, Net: m.infer, Loss: scores, EverySteps: o.look,
				OnValidate: func(bptt.Validation) error {
					share := scores.symbols.Value()
					scores.symbols.Reset()
					if share >= solved {
						return bptt.ErrStop
					}
					return nil
				},
			},
		},
	}, nil
}

// measure returns the loss of the held-out sequences, and the share of their symbols that is
// right.
func (m *model) measure(ctx context.Context) (mean, share float64, err error) {
	var scores recall
	mean, _, err = bptt.Evaluate(ctx, m.infer, m.held, &scores)
	return mean, scores.symbols.Value(), err
}
