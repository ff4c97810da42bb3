package main

import (
	"context"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

const symbols = 256 // bytes

// model is a chain for training, and one over the same weights that only runs forward.
type model struct {
	net, infer *nn.Model
	adapted    *finetune.Adapted // nil but with adapters
}

// A text is measured in streams side by side, so many characters of each at once.
const (
	evaluated = 64
	streams   = 10
)

// newModel draws new weights. All models of a run begin with the same ones.
func newModel(o *options) (*model, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	emb, err := nn.NewEmbedding(symbols, o.embed, r)
	if err != nil {
		return nil, err
	}
	rnn, err := lstm.New(lstm.Config{Input: o.embed, Hidden: o.hidden, Layers: 2, Workers: o.Workers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(o.hidden, symbols, r)
	if err != nil {
		return nil, err
	}
	m := &model{}
	if m.net, err = nn.Chain(emb, rnn.Unroll(o.window, o.batch), out); err != nil {
		return nil, err
	}
	if m.infer, err = nn.Chain(emb, rnn.Infer(evaluated, streams), out); err != nil {
		return nil, err
	}
	m.infer.SetWorkers(o.Workers)
	return m, nil
}

// trained is what is trained of the model.
func (m *model) trained() nn.Net {
	if m.adapted != nil {
		return m.adapted
	}
	return m.net
}

// A way is one of those to come to a model of the second text.
type way struct {
	name   string
	rate   func(o *options) float64
	frozen []string // patterns of parameters
	begin  func(o *options, m *model, pretrained nn.Net) error
}

var ways = []way{
	{name: "scratch", rate: func(o *options) float64 { return o.rate }, begin: func(*options, *model, nn.Net) error { return nil }},
	{name: "all", rate: func(o *options) float64 { return o.adaptRate }, begin: load},
	{name: "frozen", rate: func(o *options) float64 { return o.adaptRate }, begin: load, frozen: []string{"0.*", "1.*_l0"}},
	{name: "adapters", rate: func(o *options) float64 { return o.adapterRate }, begin: adapt},
}

// load puts the trained weights in the model.
func load(_ *options, m *model, pretrained nn.Net) error {
	from, err := finetune.FromNet(pretrained)
	if err != nil {
		return err
	}
	_, err = finetune.Load(m.net, from, finetune.Options{})
	return err
}

// adapt puts the trained weights in the model, and adapters on all its matrices.
func adapt(o *options, m *model, pretrained nn.Net) error {
	if err := load(o, m, pretrained); err != nil {
		return err
	}
	how := finetune.LowRank{Match: []string{"0.weight", "1.weight_*", "2.weight"}, Train: []string{"2.bias"}, Rank: o.rank, Alpha: o.alpha}
	var err error
	m.adapted, err = finetune.Adapt(m.net, how, rand.New(rand.NewPCG(o.Seed, 3)))
	return err
}

// optimizer moves what the way trains.
func (w way) optimizer(o *options) optim.Optimizer {
	adam := &optim.Adam{LR: w.rate(o)}
	if w.frozen == nil {
		return adam
	}
	return &optim.Groups{List: []optim.Group{{Params: w.frozen, Frozen: true}, {Optimizer: adam}}}
}

// numbers counts what is trained.
func (m *model) numbers(optimizer optim.Optimizer) (n int) {
	groups, _ := optimizer.(*optim.Groups)
	m.trained().EachParam(func(name string, w, _ []float32) {
		if groups == nil || !groups.Frozen(name) {
			n += len(w)
		}
	})
	return n
}

// save writes what a way leaves to a file: the adapters, or else the whole model, with
// what its stages are: serve takes it.
func (m *model) save(name string) error {
	if m.adapted != nil {
		return m.adapted.SaveFile(name)
	}
	return chain.WriteFile(name, nil, m.net)
}

// bits returns the bits for each character of a text but the first of each stream.
func (m *model) bits(ctx context.Context, text []byte) (float64, error) {
	source, err := data.NewText(text, streams)
	if err != nil {
		return 0, err
	}
	if m.adapted != nil {
		m.adapted.Apply() // the matrices are those of the last Forward, before the last update
	}
	mean, _, err := bptt.Evaluate(ctx, m.infer, source, loss.CrossEntropy{})
	return loss.BitsPerSymbol(mean), err
}
