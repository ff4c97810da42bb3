package fingerprint

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A family is one kind of model with the way it is trained. make returns it
// fresh, always the same: whatever is random in it comes from a fixed seed.
type family struct {
	name string
	make func() (*run, error)
}

// A run is a model before training. Its plan lacks what all share: the number of
// steps and of workers.
type run struct {
	net  *nn.Model
	data data.Source
	plan bptt.Plan
	ids  []int32   // input of the outputs that are hashed, if the model takes ids
	x    []float32 // and if it does not
}

// Sizes of the models over vectors: the widths are such that no vector register
// of any tier is filled evenly.
const (
	rows   = 3
	inputs = 7
	hidden = 19
	labels = 5
)

// families are small enough for an emulator and reach every cell, both
// directions, lengths, sums of more than one chunk, and each optimizer.
var families = []family{
	{"lstm", func() (*run, error) {
		r := generator(1)
		l, err := lstm.New(lstm.Config{Input: inputs, Hidden: hidden}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.Adam{LR: 1e-2})
	}},
	{"lstm-2-bidirectional", func() (*run, error) {
		r := generator(2)
		l, err := lstm.New(lstm.Config{Input: inputs, Hidden: 11, Layers: 2, Bidirectional: true}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(6, rows), r, 6, &optim.SGD{LR: 0.1, Momentum: 0.9})
	}},
	{"gru-reset-after", func() (*run, error) {
		r := generator(3)
		l, err := gru.New(gru.Config{Input: inputs, Hidden: hidden}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.Adam{LR: 1e-2, WeightDecay: 0.01})
	}},
	{"gru-reset-before", func() (*run, error) {
		r := generator(4)
		l, err := gru.New(gru.Config{Input: inputs, Hidden: hidden, ResetBefore: true}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.SGD{LR: 0.1, Momentum: 0.9, Dampening: 0.1})
	}},
	{"gru-2-textbook-reverse", func() (*run, error) {
		r := generator(5)
		l, err := gru.New(gru.Config{Input: inputs, Hidden: 13, Layers: 2, Reverse: true, Textbook: true}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(6, rows), r, 6, &optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true})
	}},
	{"rnn-tanh", func() (*run, error) { // long: gradients are sums of several chunks
		r := generator(6)
		l, err := rnn.New(rnn.Config{Input: inputs, Hidden: 6}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(100, rows), r, 100, &optim.Adam{LR: 1e-2})
	}},
	{"rnn-relu", func() (*run, error) {
		r := generator(7)
		l, err := rnn.New(rnn.Config{Input: inputs, Hidden: hidden, Activation: rnn.ReLU}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.SGD{LR: 0.05, Momentum: 0.9})
	}},
	// What Config can add, masks included.
	{"lstm-everything", func() (*run, error) {
		r := generator(10)
		l, err := lstm.New(lstm.Config{
			Input: inputs, Hidden: hidden, Layers: 2, Projection: 11, Peephole: true, Clip: 1.5, CellClip: 0.75, LayerNorm: true,
			GateActivation: lstm.HardSigmoid(0.25, 0.5), CandidateActivation: lstm.Softsign, OutputActivation: lstm.ELU(1),
			Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.125, Zoneout: 0.2, ZoneoutCell: 0.1,
		}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.Adam{LR: 1e-2})
	}},
	{"lstm-coupled-merged", func() (*run, error) {
		r := generator(11)
		l, err := lstm.New(lstm.Config{Input: inputs, Hidden: 11, Layers: 2, Bidirectional: true, Merge: lstm.Multiply, Coupled: true, Peephole: true, Dropout: 0.3, Zoneout: 0.1}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(6, rows), r, 6, &optim.SGD{LR: 0.1, Momentum: 0.9})
	}},
	{"gru-everything", func() (*run, error) {
		r := generator(12)
		l, err := gru.New(gru.Config{
			Input: inputs, Hidden: hidden, Layers: 2, Clip: 1.5, LayerNorm: true, CandidateActivation: gru.ScaledTanh(1.5, 0.75),
			Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.125, Zoneout: 0.2,
		}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.Adam{LR: 1e-2})
	}},
	{"rnn-everything", func() (*run, error) {
		r := generator(13)
		l, err := rnn.New(rnn.Config{
			Input: inputs, Hidden: hidden, Layers: 2, Clip: 1.5, LayerNorm: true, Activation: rnn.Softplus,
			Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.125, Zoneout: 0.2,
		}, r)
		if err != nil {
			return nil, err
		}
		return regression(l.Unroll(9, rows), r, 9, &optim.Adam{LR: 1e-2})
	}},
	{"language-model", func() (*run, error) { return languageModel(61, 8, 9) }},
	// Few symbols: the first layer does its products for each of them once.
	{"characters", func() (*run, error) { return languageModel(13, 16, 14) }},
}

func generator(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0xf19e)) }

// number draws from -1..1. Only Uint64 is taken, and every step is exact.
func number(r *rand.Rand) float32 { return float32(int64(r.Uint64()>>40)-1<<23) / (1 << 23) }

func numbers(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = number(r)
	}
	return x
}

// regression puts a readout on a net and trains it on seven sequences of 0 to
// longest steps, three at a time, so that the last batch lacks two rows.
func regression(net nn.Net, r *rand.Rand, longest int, how optim.Optimizer) (*run, error) {
	_, _, _, width := net.Dims()
	out, err := nn.NewLinear(width, labels, r)
	if err != nil {
		return nil, err
	}
	model, err := nn.Chain(net, out)
	if err != nil {
		return nil, err
	}
	var seqs []data.Sequence
	for _, steps := range []int{longest, 1, longest - 2, 0, longest, longest / 2, longest - 1} {
		seqs = append(seqs, data.Sequence{Steps: steps, X: numbers(r, steps*inputs), Y: numbers(r, steps*labels)})
	}
	source, err := data.NewSequences(seqs, rows, rand.NewPCG(8, 8))
	if err != nil {
		return nil, err
	}
	return &run{
		net: model, data: source, x: numbers(r, longest*rows*inputs),
		plan: bptt.Plan{Loss: loss.MSE{}, Optimizer: how, ClipNorm: 0.5},
	}, nil
}

// languageModel is an embedding, two layers and a readout over so many symbols,
// trained with overlapping windows of so many steps and a schedule.
func languageModel(symbols, steps int, seed uint64) (*run, error) {
	const dim, streams = 12, 4
	r := generator(seed)
	emb, err := nn.NewEmbedding(symbols, dim, r)
	if err != nil {
		return nil, err
	}
	l, err := lstm.New(lstm.Config{Input: dim, Hidden: 17, Layers: 2}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(17, symbols, r)
	if err != nil {
		return nil, err
	}
	model, err := nn.Chain(emb, l.Unroll(steps, streams), out)
	if err != nil {
		return nil, err
	}
	text := make([]byte, 300)
	for i := range text {
		text[i] = byte(i * i % symbols)
		if r.Uint64()%4 == 0 {
			text[i] = byte(r.Uint64() % uint64(symbols))
		}
	}
	source, err := data.NewText(text, streams)
	if err != nil {
		return nil, err
	}
	ids := make([]int32, steps*streams)
	for i := range ids {
		ids[i] = int32(r.Uint64() % uint64(symbols))
	}
	return &run{net: model, data: source, ids: ids, plan: bptt.Plan{
		Window: steps, Stride: 5, ClipNorm: 0.5, Loss: loss.CrossEntropy{},
		Optimizer: &optim.AdamW{LR: 1e-2, WeightDecay: 0.1},
		Schedule:  optim.WarmupCosine{Warmup: 4, Total: 24, Floor: 0.1},
	}}, nil
}

// outputs runs the trained model over its fixed input.
func (r *run) outputs() ([]float32, error) {
	steps, batch, _, out := r.net.Dims()
	y := make([]float32, steps*batch*out)
	r.net.Reset()
	lengths := make([]int, batch)
	for b := range lengths {
		lengths[b] = steps - b
	}
	if err := r.net.SetLengths(lengths); err != nil {
		return nil, fmt.Errorf("lengths: %w", err)
	}
	if r.ids != nil {
		return y, r.net.ForwardIDs(y, r.ids)
	}
	r.net.Forward(y, r.x)
	return y, nil
}
