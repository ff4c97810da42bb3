package main

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/nn"
)

// model is the stages of the network. The chains built over them share the weights.
type model struct {
	emb  *nn.Embedding
	rnn  *gru.Layer
	pool nn.Stage
	out  *nn.Linear
}

func newModel(o *options, vocabulary, classes int) (*model, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	emb, err := nn.NewEmbedding(vocabulary, o.embed, r)
	if err != nil {
		return nil, err
	}
	rnn, err := gru.New(gru.Config{Input: o.embed, Hidden: o.hidden, Layers: o.layers, Bidirectional: true, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(2*o.hidden, classes, r)
	if err != nil {
		return nil, err
	}
	m := &model{emb, rnn, nn.PoolMax{}, out}
	switch o.pool {
	case "mean":
		m.pool = nn.PoolMean{}
	case "attention":
		units, err := nn.NewLinear(2*o.hidden, o.hidden, r)
		if err != nil {
			return nil, err
		}
		score, err := nn.NewLinear(o.hidden, 1, r)
		if err != nil {
			return nil, err
		}
		m.pool = nn.AttentionPool{units, nn.Tanh, score}
	}
	return m, nil
}

// train returns the chain that is trained.
func (m *model) train(steps, batch int) (*nn.Model, error) {
	return nn.Chain(m.emb, m.rnn.Unroll(steps, batch), m.pool, m.out)
}

// infer returns a chain over the same weights that only runs forward.
func (m *model) infer(steps, batch int) (*nn.Model, error) {
	return nn.Chain(m.emb, m.rnn.Infer(steps, batch), m.pool, m.out)
}

// fits refuses sizes that need too much memory: for each character of a batch what the
// stages keep, for training and for validation.
func (o *options) fits() error {
	floats := float64(o.batch) * float64(o.length) * (3*float64(o.embed) + 8*float64(o.hidden) + 20*float64(o.layers)*float64(o.hidden))
	if o.pool == "attention" {
		floats += 10 * float64(o.batch) * float64(o.length) * float64(o.hidden)
	}
	return program.Fits(floats, "-batch %d -length %d -embed %d -hidden %d -layers %d", o.batch, o.length, o.embed, o.hidden, o.layers)
}
