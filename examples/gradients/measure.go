package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/chart"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// settings say what is measured.
type settings struct {
	Hidden, Length, Batch int
	Seed                  uint64
}

// inputs is the width of what each step gets: random numbers.
const inputs = 4

// scaled is a Scheme for plain units: W_hh is orthogonal times gain, so that its singular
// values are all gain; W_ih is small and biases are zero.
func scaled(gain float64) rnn.Scheme {
	return func(r *rand.Rand, p rnn.Param) {
		switch {
		case p.Bias():
			p.Fill(0)
		case p.Recurrent():
			p.Orthogonal(r)
			for i := range p.W {
				p.W[i] *= float32(gain)
			}
		default:
			p.Normal(r, 0.1)
		}
	}
}

// identity is a Scheme for units that hold their value: W_hh is the identity times gain.
func identity(gain float64) rnn.Scheme {
	return func(r *rand.Rand, p rnn.Param) {
		scaled(gain)(r, p)
		if p.Recurrent() {
			p.Fill(0)
			for i := range p.Rows {
				p.W[i*p.Cols+i] = float32(gain)
			}
		}
	}
}

// holding are ReLU units that begin with identity.
func holding(gain float64) cell {
	return cell{"", func(s settings, steps, batch int, r *rand.Rand) (nn.Net, error) {
		l, err := rnn.NewZero(rnn.Config{Input: inputs, Hidden: s.Hidden, Activation: rnn.ReLU})
		if err != nil {
			return nil, err
		}
		l.Init(r, identity(gain))
		return l.Unroll(steps, batch), nil
	}}
}

// A cell is a kind of layer with a way to begin.
type cell struct {
	name   string
	unroll func(s settings, steps, batch int, r *rand.Rand) (nn.Net, error)
}

func plain(name string, gain float64, a rnn.Activation) cell {
	return cell{name, func(s settings, steps, batch int, r *rand.Rand) (nn.Net, error) {
		l, err := rnn.NewZero(rnn.Config{Input: inputs, Hidden: s.Hidden, Activation: a})
		if err != nil {
			return nil, err
		}
		l.Init(r, scaled(gain))
		return l.Unroll(steps, batch), nil
	}}
}

func long(name string, forget float32) cell {
	return cell{name, func(s settings, steps, batch int, r *rand.Rand) (nn.Net, error) {
		l, err := lstm.New(lstm.Config{Input: inputs, Hidden: s.Hidden}, r)
		if err != nil {
			return nil, err
		}
		if err := l.SetForgetBias(forget); err != nil {
			return nil, err
		}
		return l.Unroll(steps, batch), nil
	}}
}

// cells are the lines of the first plot.
var cells = []cell{
	plain("RNN, tanh, W_hh 0.9", 0.9, rnn.Tanh),
	plain("RNN, tanh, W_hh 1.5", 1.5, rnn.Tanh),
	plain("RNN, ReLU, W_hh 1.5", 1.5, rnn.ReLU),
	long("LSTM", 0),
	long("LSTM, forget bias 3", 3),
	{"GRU", func(s settings, steps, batch int, r *rand.Rand) (nn.Net, error) {
		l, err := gru.New(gru.Config{Input: inputs, Hidden: s.Hidden}, r)
		if err != nil {
			return nil, err
		}
		return l.Unroll(steps, batch), nil
	}},
}

// noise returns n draws from the normal distribution.
func noise(n int, r *rand.Rand) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// flow returns, for k = 0 to s.Length, the norm of the gradient of a number L that
// depends on the last output with respect to the state k steps earlier (h, and c of an
// LSTM). The gradient of L by the last output has norm 1. For each k the sequence is run
// once more from that state to its end, and back: what StateGrad returns then.
func flow(c cell, s settings) (chart.Curve, error) {
	r := rand.New(rand.NewPCG(s.Seed, 1))
	net, err := c.unroll(s, s.Length, s.Batch, r)
	if err != nil {
		return chart.Curve{}, err
	}
	x := noise(s.Length*s.Batch*inputs, r)
	direction := noise(s.Batch*s.Hidden, r)
	norm := length(direction)
	for i := range direction {
		direction[i] /= float32(norm)
	}
	y := make([]float32, s.Length*s.Batch*s.Hidden)
	states := [][][]float32{net.State()}
	for t := range s.Length {
		net.Forward(y[:s.Batch*s.Hidden], x[t*s.Batch*inputs:(t+1)*s.Batch*inputs])
		states = append(states, net.State())
	}
	out := chart.Curve{Name: c.name}
	for k := range s.Length + 1 {
		from := s.Length - k
		if err := net.SetState(states[from]); err != nil {
			return chart.Curve{}, err
		}
		if k == 0 {
			out.Y = append(out.Y, 1)
			continue
		}
		dy := make([]float32, k*s.Batch*s.Hidden)
		copy(dy[len(dy)-len(direction):], direction)
		net.Forward(y[:len(dy)], x[from*s.Batch*inputs:])
		net.ZeroGrads()
		net.Backward(nil, dy)
		out.Y = append(out.Y, length(net.StateGrad()...))
	}
	return out, nil
}

// length is the root of the sum of all squares.
func length(tensors ...[]float32) float64 {
	sum := 0.0
	for _, t := range tensors {
		for _, v := range t {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}

// task is a data.Source of sequences: the first step has a number, and after the last step
// the network has to give it. Noise stands beside it at all steps. Every batch is new.
type task struct {
	s     settings
	r     *rand.Rand
	batch data.Batch
}

func (t *task) Next(b *data.Batch) error {
	s := t.s
	t.batch = data.Batch{Want: b.Want, Steps: s.Length, Rows: s.Batch, X: noise(s.Length*s.Batch*inputs, t.r),
		Y: make([]float32, s.Length*s.Batch), Targets: make([]int32, s.Length*s.Batch)}
	for p := range t.batch.Targets {
		t.batch.Targets[p] = -1 // does not count
		if p >= s.Batch {
			t.batch.X[p*inputs] = 0
		}
		if p >= (s.Length-1)*s.Batch {
			t.batch.Targets[p] = 0
			t.batch.Y[p] = t.batch.X[p%s.Batch*inputs]
		}
	}
	*b = t.batch
	return nil
}

func (t *task) Rewind() error { return nil }

// A training is what the second plot shows of one run.
type training struct {
	norms, losses chart.Curve
	end           string // why it ended before its last update; "" if it did not
}

// train trains plain units that begin by holding a little more than what they had, so that
// gradients explode, with or without a limit for the norm of the gradient, 0 for none.
func train(ctx context.Context, s settings, updates int64, clip float64) (training, error) {
	name := "not clipped"
	if clip > 0 {
		name = fmt.Sprintf("clipped at %v", clip)
	}
	t := training{norms: chart.Curve{Name: name}, losses: chart.Curve{Name: name}}
	r := rand.New(rand.NewPCG(s.Seed, 2))
	net, err := holding(1.03).unroll(s, s.Length, s.Batch, r)
	if err != nil {
		return t, err
	}
	readout, err := nn.NewLinear(s.Hidden, 1, r)
	if err != nil {
		return t, err
	}
	model, err := nn.Chain(net, readout)
	if err != nil {
		return t, err
	}
	_, err = bptt.Train(ctx, model, &task{s: s, r: rand.New(rand.NewPCG(s.Seed, 3))}, bptt.Plan{
		Steps: updates, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.003}, ClipNorm: clip,
		OnStep: func(p bptt.Progress) error {
			t.norms.Y = append(t.norms.Y, p.Norm)
			t.losses.Y = append(t.losses.Y, p.Loss)
			return nil
		},
	})
	if diverged := (*bptt.NonFiniteError)(nil); errors.As(err, &diverged) {
		t.end, err = diverged.Error(), nil
	}
	return t, err
}
