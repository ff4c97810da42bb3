package bptt

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// scaled is a net of a program, with a setting, and what changes while it works.
type scaled struct {
	nn.Net
	By     float32
	passes int
}

// TestNetSettings: one setting that is no parameter, wherever it lies in a net, is one line that
// differs. Workers and a pass through the net are none.
func TestNetSettings(t *testing.T) {
	type made struct {
		dropout, clip, slope, eps, zoneout, by float32
		padding, workers                       int
		parallel, exact                        bool
		score                                  seq2seq.Score
		rank                                   int
		train                                  bool
	}
	build := func(m made) nn.Net {
		r := rand.New(rand.NewPCG(1, 2))
		must := func(err error) { require.NoError(t, err) }
		emb, err := nn.NewEmbedding(9, 4, r)
		must(err)
		must(emb.SetPaddingID(int32(m.padding)))
		one, err := lstm.New(lstm.Config{Input: 4, Hidden: 4, Clip: 5 + m.clip, Workers: m.workers}, r)
		must(err)
		two, err := gru.New(gru.Config{Input: 4, Hidden: 4, Zoneout: 0.1 + m.zoneout}, r)
		must(err)
		three, err := rnn.New(rnn.Config{Input: 4, Hidden: 4, Activation: rnn.LeakyReLU(0.1 + m.slope)}, r)
		must(err)
		norm, err := nn.NewLayerNorm(4)
		must(err)
		norm.Eps = 1e-5 + m.eps
		parts := []nn.Stage{three.Unroll(3, 2), nn.Dropout{P: 0.25 + m.dropout}}
		var within nn.Stage = nn.Residual(parts)
		if m.parallel {
			within = nn.Sequential(parts)
		}
		activation := nn.GELUTanh
		if m.exact {
			activation = nn.GELU
		}
		attention, err := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 4, Memory: 4, Score: m.score}, r)
		must(err)
		attends, err := attention.Unroll(3, 3, 2)
		must(err)
		out, err := nn.NewLinear(8, 9, r)
		must(err)
		source, err := nn.NewEmbedding(9, 4, r)
		must(err)
		learned, err := nn.NewLearnedState(two.Unroll(3, 2))
		must(err)
		encoder, err := nn.Chain(source, learned)
		must(err)
		pair, err := seq2seq.New(seq2seq.Config{Encoder: encoder, Decoder: []nn.Stage{emb, one.Unroll(3, 2), within, norm, activation, attends, out}})
		must(err)
		adapted, err := finetune.Adapt(pair, finetune.LowRank{Match: []string{"*weight_hh*"}, Rank: 1, Alpha: 2 + float64(m.rank)}, r)
		must(err)
		net := &scaled{Net: adapted, By: 1 + m.by}
		if m.train {
			net.passes++
			net.SetTraining(true)
			net.Reset()
		}
		return net
	}
	base := netSettings(nil, "the net", build(made{}))
	require.Equal(t, base, netSettings(nil, "the net", build(made{workers: 2, train: true})))
	for want, m := range map[string]made{
		".Clip = ": {clip: 1}, ".Zoneout = ": {zoneout: 0.1}, ".Activation.alpha = ": {slope: 0.1}, ".P = ": {dropout: 0.25}, ".Eps = ": {eps: 1e-3},
		".padding = ": {padding: 1}, "nn.Sequential": {parallel: true}, ".gelu = ": {exact: true}, ".Score = ": {score: seq2seq.General}, ".By = ": {by: 1}, ".Alpha = ": {rank: 1},
	} {
		other := netSettings(nil, "the net", build(m))
		i := 0
		for i < min(len(base), len(other)) && base[i] == other[i] {
			i++
		}
		require.Less(t, i, len(other), want)
		require.True(t, strings.Contains(other[i], want), "%s: %s", want, other[i])
		if len(other) == len(base) && want != ".Score = " {
			require.Equal(t, base[i+1:], other[i+1:], "%s: one line", want)
		}
	}
	require.False(t, slices.ContainsFunc(base, func(l string) bool { return strings.Contains(l, "passes") || strings.Contains(l, "Workers") }))
}
