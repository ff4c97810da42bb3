package seq2seq_test

import (
	"cmp"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// Symbols of the tests' tasks: the last two begin and end a target.
const (
	symbols   = 8
	beginning = symbols - 2
	end       = symbols - 1
)

// sizes of a model of the tests.
type sizes struct {
	steps, source, batch int
	score                seq2seq.Score
	out                  int // of attention
	copied               bool
	noBridge, noScores   bool
	plain                bool // plain layers in place of LSTMs
	floats               int  // width of the sources, 0 for ids
	tied                 bool // one embedding for both sides
	dropout              float32
	sampling             seq2seq.Decay
	hidden               int
	units                int // of the Additive score, 6 if 0
}

var tiny = sizes{steps: 6, source: 5, batch: 4, score: seq2seq.General, out: 7, hidden: 5}

// build makes the layers of a model and returns a function that unrolls them.
func build(t testing.TB, s sizes, seed uint64) *seq2seq.Net {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 9))
	const width = 4
	in := width
	var stages []nn.Stage
	emb := traintest.Must(nn.NewEmbedding(symbols, width, r))
	if s.floats > 0 {
		in = s.floats
	} else {
		stages = append(stages, emb)
	}
	encoder := layer(s, in, true, s.source, r)
	var net nn.Net = encoder
	if s.floats == 0 {
		m, err := nn.Chain(append(stages, encoder)...)
		traintest.NoError(t, err)
		net = m
	}
	_, _, _, memory := net.Dims()
	target := emb
	if !s.tied {
		target = traintest.Must(nn.NewEmbedding(symbols, width, r))
	}
	inner := layer(s, width, false, s.steps, r)
	_, _, _, query := inner.Dims()
	decoder := []nn.Stage{target, inner}
	if !s.noScores {
		cfg := seq2seq.AttentionConfig{Query: query, Memory: memory, Score: s.score, Out: s.out}
		if s.score == seq2seq.Additive {
			cfg.Width = cmp.Or(s.units, 6)
		}
		att := traintest.Must(seq2seq.NewAttention(cfg, r))
		decoder = append(decoder, traintest.Must(att.Unroll(s.steps, s.source, s.batch)))
		if query += memory; s.out > 0 {
			query = s.out
		}
	}
	decoder = append(decoder, traintest.Must(nn.NewLinear(query, symbols, r)))
	c := seq2seq.Config{Encoder: net, Decoder: decoder, Sampling: s.sampling}
	switch {
	case s.copied:
		c.Bridge = &seq2seq.Bridge{}
	case !s.noBridge:
		c.Bridge = traintest.Must(seq2seq.NewBridge(net, decoder, r))
	}
	return traintest.Must(seq2seq.New(c))
}

// layer is a layer of both directions in an encoder that does not hand its state on as
// it is, and of one direction elsewhere.
func layer(s sizes, in int, encoder bool, steps int, r *rand.Rand) nn.Net {
	both := encoder && !s.copied
	hidden := s.hidden
	if both && s.score == seq2seq.Dot && !s.noScores {
		hidden /= 2 // both directions have the width of a query
	}
	if s.plain {
		return traintest.Must(rnn.New(rnn.Config{Input: in, Hidden: hidden, Bidirectional: both}, r)).Unroll(steps, s.batch)
	}
	return traintest.Must(lstm.New(lstm.Config{Input: in, Hidden: hidden, Bidirectional: both, HiddenDropout: s.dropout}, r)).Unroll(steps, s.batch)
}

// batch is a ragged batch: row 1 has no source, row 2 no target.
func batch(s sizes, seed uint64) *data.Batch {
	r := traintest.Rng(seed)
	n := s.steps * s.batch
	b := &data.Batch{Steps: s.steps, Rows: s.batch, IDs: traintest.DrawIDs(r, n, symbols), Targets: traintest.DrawIDs(r, n, symbols), Lengths: make([]int, s.batch)}
	b.Source = &data.Input{Steps: s.source, Lengths: make([]int, s.batch)}
	if s.floats > 0 {
		b.Source.X = traintest.NumbersLike(s.source*s.batch*s.floats, seed)
	} else {
		b.Source.IDs = traintest.DrawIDs(r, s.source*s.batch, symbols)
	}
	for i := range s.batch {
		b.Lengths[i], b.Source.Lengths[i] = 1+r.IntN(s.steps), 1+r.IntN(s.source)
	}
	b.Lengths[0], b.Source.Lengths[0] = s.steps, s.source
	if s.batch > 2 {
		b.Source.Lengths[1], b.Lengths[2] = 0, 0
	}
	return b
}

// pairs are sequences of up to most symbols and what they are to become.
func pairs(n, most int, become func([]int32) []int32) []data.Pair {
	r := traintest.Rng(5)
	list := make([]data.Pair, n)
	for i := range list {
		ids := traintest.DrawIDs(r, 1+r.IntN(most), symbols-2)
		list[i] = data.Pair{IDs: ids, Target: become(ids)}
	}
	return list
}
