package bptt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/lstm"
)

// sizes of the small language models of these tests.
type sizes struct {
	vocabulary, embed, hidden, layers int
	steps, batch                      int
	tied                              bool
	masks                             bool // of every kind
	twice                             bool // the LSTM stands in two stages, and the readout's weight is the embedding's by hand
}

// languageModel returns a chain of embedding, LSTM and readout.
func languageModel(t testing.TB, seed uint64, s sizes) *bptt.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	emb, err := bptt.NewEmbedding(s.vocabulary, s.embed, r)
	require.NoError(t, err)
	cfg := lstm.Config{Input: s.embed, Hidden: s.hidden, Layers: s.layers}
	if s.masks {
		cfg.Dropout, cfg.InputDropout, cfg.HiddenDropout, cfg.WeightDropout, cfg.Zoneout, cfg.ZoneoutCell = 0.1, 0.1, 0.1, 0.1, 0.1, 0.1
	}
	rnn, err := lstm.New(cfg, r)
	require.NoError(t, err)
	out := emb.Readout()
	if !s.tied {
		out, err = bptt.NewLinear(s.hidden, s.vocabulary, r)
		require.NoError(t, err)
	}
	if s.twice {
		out = &bptt.Linear{Weight: emb.Weight, Bias: make([]float32, s.vocabulary), In: s.embed, Out: s.vocabulary}
		m, err := bptt.Chain(emb, rnn.Unroll(s.steps, s.batch), rnn.Unroll(s.steps, s.batch), out)
		require.NoError(t, err)
		return m
	}
	m, err := bptt.Chain(emb, rnn.Unroll(s.steps, s.batch), out)
	require.NoError(t, err)
	return m
}

// text is n bytes with some structure, all below vocabulary.
func text(n, vocabulary int) []byte {
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
