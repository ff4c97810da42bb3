package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/nn"
)

// model is the stages of the network. The chains built over them share the weights.
type model struct {
	rnn     *cell.Layer
	out     *nn.Linear
	dropout float32
	seed    uint64
}

func newModel(o *options) (*model, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	layer, err := cell.New(cell.Kind(o.cell), cell.Config{Input: notes, Hidden: o.hidden, Layers: o.layers, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(o.hidden, notes, r)
	return &model{layer, out, float32(o.dropout), o.Seed}, err
}

// train returns the chain that is trained.
func (m *model) train(steps, batch int) (*nn.Model, error) {
	if m.dropout == 0 {
		return nn.Chain(m.rnn.Unroll(steps, batch), m.out)
	}
	drop := nn.Dropout{P: m.dropout}
	net, err := nn.Chain(drop, m.rnn.Unroll(steps, batch), drop, m.out)
	if err == nil {
		net.SetSeed(m.seed)
	}
	return net, err
}

// infer returns a chain over the same weights that only runs forward.
func (m *model) infer(steps, batch int) (*nn.Model, error) {
	if m.dropout == 0 {
		return nn.Chain(m.rnn.Infer(steps, batch), m.out)
	}
	// Parameters are named by the places of their stages, so these are those of train.
	drop := nn.Dropout{P: m.dropout}
	return nn.Chain(drop, m.rnn.Infer(steps, batch), drop, m.out)
}

// weights is the number of weights of a network.
func weights(net *nn.Model) (n int) {
	net.EachParam(func(_ string, w, _ []float32) { n += len(w) })
	return n
}

// fits refuses sizes that need too much memory: weights with gradients, moments and packed
// copies, and for each step of a window what the layers keep.
func (o *options) fits(longest int) error {
	h := float64(o.hidden)
	weights := 4*h*(h+notes) + float64(o.layers-1)*8*h*h + h*notes
	floats := 6*weights + float64(o.batch)*float64(min(o.window, longest))*(5*notes+float64(o.layers)*8*h)
	return program.Fits(floats, "-hidden %d -layers %d -batch %d -window %d", o.hidden, o.layers, o.batch, o.window)
}

// name is what pictures and tables call the network.
func (o *options) name(m *model) string {
	if o.layers == 1 {
		return fmt.Sprintf("%s of %d units", m.rnn, o.hidden)
	}
	return fmt.Sprintf("%s of %d x %d units", m.rnn, o.layers, o.hidden)
}
