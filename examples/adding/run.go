package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

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

// settings say which network is trained on what.
type settings struct {
	Cell                  string
	Length, Hidden, Batch int
	Rate, Clip            float64
	Seed                  uint64
}

// defaultRate is Adam's for each kind of cell.
var defaultRate = map[string]float64{"lstm": 1e-2, "gru": 1e-2, "rnn": 1e-3}

// floats is about how many numbers a run holds: what is kept of each step, and the
// weights with gradients, two moments and two packed copies.
func (s settings) floats() float64 {
	h := float64(s.Hidden)
	return 6*4*h*(h+4) + float64(s.Length)*float64(s.Batch+heldOut/heldBatches)*(6*h+8)
}

// The held-out sequences, and after how many updates they are looked at.
const (
	heldOut     = 1000
	heldBatches = 10
	lookEvery   = 100
)

// When the problem counts as solved.
const (
	solvedError = 0.001
	solvedShare = 0.99
)

// A layer lays itself out for training or for running forward only.
type layer struct {
	unroll, infer func(steps, batch int) nn.Stage
}

// newLayer draws the weights of a layer.
func newLayer(s settings, workers int, r *rand.Rand) (layer, error) {
	const in = 2
	switch s.Cell {
	case "gru":
		net, err := gru.New(gru.Config{Input: in, Hidden: s.Hidden, Workers: workers}, r)
		return layer{
			func(steps, batch int) nn.Stage { return net.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return net.Infer(steps, batch) },
		}, err
	case "rnn":
		// Units that hold their value until an input changes it: the network of
		// Le, Jaitly and Hinton.
		net, err := rnn.NewZero(rnn.Config{Input: in, Hidden: s.Hidden, Activation: rnn.ReLU, Workers: workers})
		if err == nil {
			net.Init(r, identity)
		}
		return layer{
			func(steps, batch int) nn.Stage { return net.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return net.Infer(steps, batch) },
		}, err
	default:
		net, err := lstm.New(lstm.Config{Input: in, Hidden: s.Hidden, Workers: workers}, r)
		if err == nil {
			err = net.SetForgetBias(1) // cells begin by remembering
		}
		return layer{
			func(steps, batch int) nn.Stage { return net.Unroll(steps, batch) },
			func(steps, batch int) nn.Stage { return net.Infer(steps, batch) },
		}, err
	}
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

// A job is one training run.
type job struct {
	o       *options
	trainer *bptt.Trainer
	net     *nn.Model
	infer   *nn.Model // over the same weights
	held    *drawn.Source

	last  bptt.Progress
	mean  float64 // squared error on the held-out sequences, of the last look
	share float64 // of them that are right
}

func newJob(o *options, onStep func(bptt.Progress) error) (*job, error) {
	s := o.settings
	r := rand.New(rand.NewPCG(s.Seed, 0))
	l, err := newLayer(s, o.workers, r)
	if err != nil {
		return nil, err
	}
	readout, err := nn.NewLinear(s.Hidden, 1, r)
	if err != nil {
		return nil, err
	}
	j := &job{o: o, held: newProblem(s.Length, heldOut/heldBatches, heldBatches, s.Seed, 2)}
	if j.net, err = nn.Chain(l.unroll(s.Length, s.Batch), readout); err != nil {
		return nil, err
	}
	if j.infer, err = nn.Chain(l.infer(s.Length, heldOut/heldBatches), readout); err != nil {
		return nil, err
	}
	j.infer.SetWorkers(o.workers)
	j.trainer, err = bptt.NewTrainer(j.net, newProblem(s.Length, s.Batch, 0, s.Seed, 1), bptt.Plan{
		Steps: o.steps, Workers: o.workers,
		Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: s.Rate}, ClipNorm: s.Clip,
		OnStep: func(p bptt.Progress) error {
			j.last = p
			return onStep(p)
		},
	})
	return j, err
}

// look measures the network on the held-out sequences.
func (j *job) look(ctx context.Context) (err error) {
	var c tally
	var n int
	j.mean, n, err = bptt.Evaluate(ctx, j.infer, j.held, &c)
	j.share = float64(c.right) / float64(max(1, n))
	return err
}

func (j *job) solved() bool { return j.mean < solvedError && j.share >= solvedShare }

// run is the program.
func run(guard *interrupt.Guard, args []string, stdout, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	if err := kernels.Info().Err; err != nil {
		return err
	}
	if o.quiet {
		progress = io.Discard
	}
	began := time.Now()
	var j *job
	mean := 0.0 // of the updates since the last look
	j, err = newJob(o, func(p bptt.Progress) error {
		mean += p.Loss
		if p.Step%lookEvery != 0 && p.Step != o.steps {
			return nil
		}
		if err := j.look(guard.Context()); err != nil {
			return err
		}
		fmt.Fprintf(progress, "update %5d  training error %.5f  held-out %.5f, %5.1f %% right  %.1f s\n",
			p.Step, mean/float64((p.Step-1)%lookEvery+1), j.mean, 100*j.share, time.Since(began).Seconds())
		mean = 0
		if j.solved() {
			return bptt.ErrStop
		}
		return nil
	})
	if err != nil {
		return err
	}
	s := o.settings
	fmt.Fprintf(progress, "%s of %d units, sequences of %d steps in batches of %d, %v; always saying 1 has the error 0.167\n",
		s.Cell, s.Hidden, s.Length, s.Batch, kernels.Current())
	err = guard.InOrder(func(ctx context.Context) error {
		_, err := j.trainer.Run(ctx)
		if errors.Is(err, context.Canceled) {
			if j.last.Step == 0 {
				return interrupt.Err // there is nothing to look at
			}
			err = j.look(context.WithoutCancel(ctx))
		}
		return err
	})
	if diverged := (*bptt.NonFiniteError)(nil); errors.As(err, &diverged) {
		return fmt.Errorf("%w; start again with a smaller -rate", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, program.Hash(j.net))
	how := "solved"
	if !j.solved() {
		how = "not solved"
	}
	if _, err := fmt.Fprintf(stdout, "%s after %d updates: held-out error %.5f, %.1f %% right to %v, %.1f s, %v\n",
		how, j.last.Step, j.mean, 100*j.share, near, time.Since(began).Seconds(), kernels.Current()); err != nil {
		return err
	}
	if !j.solved() {
		return fmt.Errorf("%w; more -steps or another -seed may help", program.ErrNotSolved)
	}
	return nil
}
