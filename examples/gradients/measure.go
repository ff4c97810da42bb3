package main

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

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
	return cell{"", func(o *options, steps int, r *rand.Rand) (nn.Net, error) {
		l, err := rnn.NewZero(rnn.Config{Input: inputs, Hidden: o.hidden, Workers: o.Workers, Activation: rnn.ReLU})
		if err != nil {
			return nil, err
		}
		l.Init(r, identity(gain))
		return l.Unroll(steps, o.batch), nil
	}}
}

// A cell is a kind of layer with a way to begin.
type cell struct {
	name   string
	unroll func(o *options, steps int, r *rand.Rand) (nn.Net, error)
}

func plain(name string, gain float64, a rnn.Activation) cell {
	return cell{name, func(o *options, steps int, r *rand.Rand) (nn.Net, error) {
		l, err := rnn.NewZero(rnn.Config{Input: inputs, Hidden: o.hidden, Workers: o.Workers, Activation: a})
		if err != nil {
			return nil, err
		}
		l.Init(r, scaled(gain))
		return l.Unroll(steps, o.batch), nil
	}}
}

func long(name string, forget float32) cell {
	return cell{name, func(o *options, steps int, r *rand.Rand) (nn.Net, error) {
		l, err := lstm.New(lstm.Config{Input: inputs, Hidden: o.hidden, Workers: o.Workers}, r)
		if err != nil {
			return nil, err
		}
		if err := l.SetForgetBias(forget); err != nil {
			return nil, err
		}
		return l.Unroll(steps, o.batch), nil
	}}
}

// cells are the lines of the first picture.
var cells = []cell{
	plain("RNN, tanh, W_hh 0.9", 0.9, rnn.Tanh),
	plain("RNN, tanh, W_hh 1.5", 1.5, rnn.Tanh),
	plain("RNN, ReLU, W_hh 1.5", 1.5, rnn.ReLU),
	long("LSTM", 0),
	long("LSTM, forget bias 3", 3),
	{"GRU", func(o *options, steps int, r *rand.Rand) (nn.Net, error) {
		l, err := gru.New(gru.Config{Input: inputs, Hidden: o.hidden, Workers: o.Workers}, r)
		if err != nil {
			return nil, err
		}
		return l.Unroll(steps, o.batch), nil
	}},
}

// noise sets v to draws from the normal distribution.
func noise(v []float32, r *rand.Rand) {
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
}

// flow returns, for k = 0 to the length of a sequence, the norm of the gradient of a number L
// that depends on the last output with respect to the state k steps earlier (h, and c of an
// LSTM). The gradient of L by the last output has norm 1. For each k the sequence is run
// once more from that state to its end, and back: what StateGrad returns then. done is called
// after each.
func flow(ctx context.Context, c cell, o *options, done func()) ([]float64, error) {
	r := rand.New(rand.NewPCG(o.Seed, 1))
	net, err := c.unroll(o, o.length, r)
	if err != nil {
		return nil, err
	}
	x := make([]float32, o.length*o.batch*inputs)
	noise(x, r)
	direction := make([]float32, o.batch*o.hidden)
	noise(direction, r)
	norm := length(direction)
	for i := range direction {
		direction[i] /= float32(norm)
	}
	y := make([]float32, o.length*o.batch*o.hidden)
	states := [][][]float32{net.State()}
	for t := range o.length {
		net.Forward(y[:o.batch*o.hidden], x[t*o.batch*inputs:(t+1)*o.batch*inputs])
		states = append(states, net.State())
	}
	norms := []float64{1}
	for k := 1; k <= o.length; k++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		from := o.length - k
		if err := net.SetState(states[from]); err != nil {
			return nil, err
		}
		dy := make([]float32, k*o.batch*o.hidden)
		copy(dy[len(dy)-len(direction):], direction)
		net.Forward(y[:len(dy)], x[from*o.batch*inputs:])
		net.ZeroGrads()
		net.Backward(nil, dy)
		norms = append(norms, length(net.StateGrad()...))
		done()
	}
	return norms, nil
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
