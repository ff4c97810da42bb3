package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/examples/internal/interrupt"
)

// settings are what a checkpoint keeps besides the numbers: enough to build the
// same model and to go on training it.
type settings struct {
	Cell                                 string // "" in files of before there was a choice: lstm
	Hidden, Layers, Embed, Batch, Window int
	Rate, Clip                           float64
	Seed                                 uint64
	Text                                 string // absolute path; "" for Opticks
	Shards                               int    `json:",omitempty"` // of a batch; 0: it is not cut
}

// rows are those of the net: of a batch, or of its largest shard.
func (s settings) rows() int {
	parts := max(1, s.Shards)
	return (s.Batch + parts - 1) / parts
}

const symbols = 256 // bytes

// maxBytes is what a run may ask for.
const maxBytes = 16 << 30

// bytes is about how much memory a training run of an LSTM needs, which is more than the
// other cells need: for the weights with
// gradients, two moments and two packed copies, with shards for sums of gradients, and for
// what is kept of each character of a window. It is a float64 because the largest sizes together are
// more than an int64 can count.
func (s settings) bytes() float64 {
	h, l, e := float64(s.Hidden), float64(s.Layers), float64(s.Embed)
	weights := symbols*(e+h) + 4*h*(e+h) + (l-1)*8*h*h
	kept := 2*e + l*8*h + 3*symbols
	copies := 6 + bits.Len(uint(s.Shards))
	return 4 * (float64(copies)*weights + float64(s.rows())*float64(s.Window)*kept)
}

// size writes a number of bytes for people.
func size(bytes float64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.0f MB", max(1, bytes/(1<<20)))
	}
	return fmt.Sprintf("%.1f GB", bytes/(1<<30))
}

// model is the three stages of the language model. The chains built over them
// share the weights.
type model struct {
	emb *nn.Embedding
	rnn *cell.Layer
	out *nn.Linear
}

// defaultRate is Adam's for each kind of cell.
var defaultRate = map[string]float64{"lstm": 3e-3, "gru": 3e-3, "rnn": 1e-3}

func newModel(s settings, workers int) (*model, error) {
	r := rand.New(rand.NewPCG(s.Seed, 0))
	emb, err := nn.NewEmbedding(symbols, s.Embed, r)
	if err != nil {
		return nil, err
	}
	rnn, err := cell.New(cell.Kind(s.Cell), cell.Config{Input: s.Embed, Hidden: s.Hidden, Layers: s.Layers, Workers: workers}, r)
	if err != nil {
		return nil, err
	}
	out, err := nn.NewLinear(s.Hidden, symbols, r)
	if err != nil {
		return nil, err
	}
	return &model{emb, rnn, out}, nil
}

// train returns the chain that is trained.
func (m *model) train(s settings) (*nn.Model, error) {
	return nn.Chain(m.emb, m.rnn.Unroll(s.Window, s.rows()), m.out)
}

// infer returns a chain over the same weights that only runs forward.
func (m *model) infer(steps, batch int) (*nn.Model, error) {
	return nn.Chain(m.emb, m.rnn.Infer(steps, batch), m.out)
}

// encode is the Meta of a checkpoint: the settings, and what the stages of the model are, by
// which other programs read it.
func (s settings) encode(net *nn.Model) ([]byte, error) {
	d, err := chain.Describe(net)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		settings
		Chain json.RawMessage `json:"simdrnn.chain"` // chain.Key
	}{s, json.RawMessage(d)})
}

// stored reads the settings out of a checkpoint.
func stored(c *bptt.Checkpoint) (s settings, err error) {
	if err := json.Unmarshal(c.Meta, &s); err != nil {
		return s, fmt.Errorf("the settings in it: %w", err)
	}
	s.Cell = cmp.Or(s.Cell, "lstm")
	return s, s.check()
}

// merge takes over the stored settings, and refuses flags that ask for another
// model than the stored one.
func (o *options) merge(s settings) error {
	mine := o.settings
	for name, same := range map[string]bool{
		"cell": mine.Cell == s.Cell, "hidden": mine.Hidden == s.Hidden, "layers": mine.Layers == s.Layers, "embed": mine.Embed == s.Embed,
		"batch": mine.Batch == s.Batch, "shards": mine.Shards == s.Shards, "window": mine.Window == s.Window, "rate": mine.Rate == s.Rate,
		"clip": mine.Clip == s.Clip, "seed": mine.Seed == s.Seed || !o.train(),
	} {
		if o.set[name] && !same {
			return fmt.Errorf("-%s differs from the run in the checkpoint: leave it out to go on as it was, or start anew without -resume", name)
		}
	}
	seed := mine.Seed
	o.settings = s
	if !o.train() {
		o.settings.Seed = seed
	}
	return nil
}

var errNoCheckpoint = errors.New("there is no checkpoint")

// sample continues the prompt by n characters, handing them to emit in pieces,
// until ctx ends.
func sample(ctx context.Context, net *nn.Model, prompt string, n int, temperature float64, seed uint64, emit func([]byte) error) error {
	p, err := net.Predictor(1)
	if err != nil {
		return err
	}
	ids := make([]int32, len(prompt))
	for i := range ids {
		ids[i] = int32(prompt[i])
	}
	s, err := decode.NewSampler(p, decode.Sampling{Temperature: temperature}, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		return err
	}
	piece := make([]int32, 64)
	text := make([]byte, len(piece))
	for n > 0 {
		if ctx.Err() != nil {
			return interrupt.Err
		}
		k := min(n, len(piece))
		if _, err := s.Sample(piece[:k], ids); err != nil {
			return err
		}
		for i, id := range piece[:k] {
			text[i] = byte(id)
		}
		if err := emit(text[:k]); err != nil {
			return err
		}
		n, ids = n-k, nil
	}
	return nil
}
