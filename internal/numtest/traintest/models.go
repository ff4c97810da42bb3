package traintest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

func Unrolled(in, hidden, steps, batch int) *lstm.Unrolled {
	return Must(lstm.New(lstm.Config{Input: in, Hidden: hidden}, Rng(2))).Unroll(steps, batch)
}

// Sizes of the small language models of these tests.
type Sizes struct {
	Vocabulary, Embed, Hidden, Layers int
	Steps, Batch                      int
	Tied                              bool
	Masks                             bool // of every kind
	Twice                             bool // the LSTM stands in two stages, and the readout's weight is the embedding's by hand
}

// LanguageModel returns a chain of embedding, LSTM and readout.
func LanguageModel(t testing.TB, seed uint64, s Sizes) *nn.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	emb, err := nn.NewEmbedding(s.Vocabulary, s.Embed, r)
	NoError(t, err)
	cfg := lstm.Config{Input: s.Embed, Hidden: s.Hidden, Layers: s.Layers}
	if s.Masks {
		cfg.Dropout, cfg.InputDropout, cfg.HiddenDropout, cfg.WeightDropout, cfg.Zoneout, cfg.ZoneoutCell = 0.1, 0.1, 0.1, 0.1, 0.1, 0.1
	}
	rnn, err := lstm.New(cfg, r)
	NoError(t, err)
	out := emb.Readout()
	if !s.Tied {
		out, err = nn.NewLinear(s.Hidden, s.Vocabulary, r)
		NoError(t, err)
	}
	if s.Twice {
		out = &nn.Linear{Weight: emb.Weight, Bias: make([]float32, s.Vocabulary), In: s.Embed, Out: s.Vocabulary}
		m, err := nn.Chain(emb, rnn.Unroll(s.Steps, s.Batch), rnn.Unroll(s.Steps, s.Batch), out)
		NoError(t, err)
		return m
	}
	m, err := nn.Chain(emb, rnn.Unroll(s.Steps, s.Batch), out)
	NoError(t, err)
	return m
}

// Text is n bytes with some structure, all below vocabulary.
func Text(n, vocabulary int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i % vocabulary)
		if r.Uint64()%4 == 0 {
			b[i] = byte(r.Uint64() % uint64(vocabulary))
		}
	}
	return b
}

var Small = Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 1, Steps: 6, Batch: 3}

func TextData(t testing.TB, n int, s Sizes) *data.Text {
	t.Helper()
	source, err := data.NewText(Text(n, s.Vocabulary), s.Batch)
	NoError(t, err)
	return source
}

// Tiny is a small character model and its data, for the examples.
func Tiny() (*nn.Model, *data.Text) {
	r := rand.New(rand.NewPCG(1, 2))
	emb, _ := nn.NewEmbedding(256, 8, r)
	rnn, _ := lstm.New(lstm.Config{Input: 8, Hidden: 16}, r)
	out, _ := nn.NewLinear(16, 256, r)
	net, _ := nn.Chain(emb, rnn.Unroll(8, 2), out)
	source, _ := data.NewText([]byte(strings.Repeat("abcdefgh", 40)), 2)
	return net, source
}
