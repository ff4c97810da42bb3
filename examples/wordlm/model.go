package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/examples/internal/program"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// model is the stages of the language model. The chains built over them share the weights.
type model struct {
	emb *nn.Embedding
	rnn *lstm.Layer
	out *nn.Linear
}

func newModel(o *options, vocabulary int) (*model, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	emb, err := nn.NewEmbedding(vocabulary, o.embed, r)
	if err != nil {
		return nil, err
	}
	rnn, err := lstm.New(lstm.Config{Input: o.embed, Hidden: o.hidden, Layers: o.layers, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(o.hidden, vocabulary, r)
	if err != nil {
		return nil, err
	}
	m := &model{emb, rnn, out}
	if o.init == 0 {
		return m, nil
	}
	net, err := m.infer(1, 1)
	if err != nil {
		return nil, err
	}
	net.EachParam(func(_ string, w, _ []float32) {
		for i := range w {
			w[i] = float32(o.init * (float64(2*r.Float64()) - 1))
		}
	})
	return m, nil
}

// train returns the chain that is trained.
func (m *model) train(steps, batch int) (*nn.Model, error) {
	return nn.Chain(m.emb, m.rnn.Unroll(steps, batch), m.out)
}

// infer returns a chain over the same weights that only runs forward.
func (m *model) infer(steps, batch int) (*nn.Model, error) {
	return nn.Chain(m.emb, m.rnn.Infer(steps, batch), m.out)
}

// fits refuses sizes that need too much memory: weights with gradients and moments, and for
// each word of a window what the layers keep, and logits with their gradients.
func (o *options) fits(vocabulary int) error {
	h, e, v := float64(o.hidden), float64(o.embed), float64(vocabulary)
	weights := v*(e+h) + 4*h*(e+h) + float64(o.layers-1)*8*h*h
	floats := 6*weights + float64(o.batch)*float64(o.window)*(2*e+float64(o.layers)*8*h+3*v)
	err := program.Fits(floats, "-embed %d -hidden %d -layers %d -batch %d -window %d with %d words", o.embed, o.hidden, o.layers, o.batch, o.window, vocabulary)
	if err != nil {
		return fmt.Errorf("%w, or a larger -min-count", err)
	}
	return nil
}

// optimize returns the optimizer and the limit of the gradient's norm.
//
// The library's loss is the mean over the terms of a window, of which there are window times
// batch. Zaremba et al. sum over the window's steps and take the mean over the batch, so
// their loss and gradient are larger by the factor window. For the same updates the limit
// of the norm is smaller by this factor, and the rate of SGD larger. Adam's steps do not
// depend on the scale of the gradient, but for Eps. This is exact as all windows have the
// same number of steps: see whole.
func (o *options) optimize() (optim.Optimizer, float64) {
	rate, clip := o.rate, o.clip
	if o.sum {
		clip /= float64(o.window)
	}
	if o.optimizer == "adam" {
		return &optim.Adam{LR: rate}, clip
	}
	if o.sum {
		rate *= float64(o.window)
	}
	return &optim.SGD{LR: rate}, clip
}

// whole cuts the ids so that windows fill the streams, and returns how many updates a pass
// over the data is. What is left over at the end of each stream is less than a window.
func (o *options) whole(ids []int32) (cut []int32, updates int64, err error) {
	updates = int64((len(ids) - 1) / o.batch / o.window)
	if updates == 0 {
		return nil, 0, fmt.Errorf("the part for training has %d words, too few for -batch %d -window %d, which need %d; use a longer text or smaller numbers",
			len(ids), o.batch, o.window, o.batch*o.window+1)
	}
	return ids[:int(updates)*o.batch*o.window+1], updates, nil
}
