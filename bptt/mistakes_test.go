package bptt_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// small is a net for 5 steps of 2 rows: of ids if symbols is above 0, else of numbers of 3.
func small(t *testing.T, symbols, outputs int, between ...nn.Stage) *nn.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var stages []nn.Stage
	if symbols > 0 {
		emb, err := nn.NewEmbedding(symbols, 3, r)
		require.NoError(t, err)
		stages = append(stages, emb)
	}
	layer, err := gru.New(gru.Config{Input: 3, Hidden: 4}, r)
	require.NoError(t, err)
	out, err := nn.NewLinear(4, outputs, r)
	require.NoError(t, err)
	net, err := nn.Chain(append(append(append(stages, layer.Unroll(5, 2)), between...), out)...)
	require.NoError(t, err)
	return net
}

// trainOn is the error of a training.
func trainOn(net nn.Net, source data.Source, window int, l loss.Loss) error {
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{Window: window, Steps: 3, Loss: l, Optimizer: &optim.Adam{LR: 1e-3}})
	return err
}

// sequences are seqs side by side, in their order.
func sequences(t *testing.T, rows int, seqs ...data.Sequence) data.Source {
	t.Helper()
	s, err := data.NewSequences(seqs, rows, nil)
	require.NoError(t, err)
	return s
}

// tokens are n symbols 1, 2, 3, 4, 1, ... in so many streams.
func tokens(t *testing.T, n, rows int) data.Source {
	t.Helper()
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = 1 + int32(i%4)
	}
	s, err := data.NewTokens(ids, rows)
	require.NoError(t, err)
	return s
}

// failed is the error of what returns something too.
func failed[R any](_ R, err error) error { return err }

// tagged is a sequence of ids and tags.
func tagged(t *testing.T, ids, tags []int32) data.Sequence {
	t.Helper()
	s, err := data.Tagged(ids, tags)
	require.NoError(t, err)
	return s
}

// translator is an encoder of states of 4, and a decoder of states of units.
func translator(units int, bridge *seq2seq.Bridge) (*seq2seq.Net, error) {
	r := rand.New(rand.NewPCG(1, 2))
	in, _ := nn.NewEmbedding(6, 3, r)
	reader, _ := gru.New(gru.Config{Input: 3, Hidden: 4}, r)
	encoder, _ := nn.Chain(in, reader.Unroll(5, 2))
	target, _ := nn.NewEmbedding(6, 3, r)
	writer, _ := gru.New(gru.Config{Input: 3, Hidden: units}, r)
	out, _ := nn.NewLinear(units, 6, r)
	return seq2seq.New(seq2seq.Config{Encoder: encoder, Decoder: []nn.Stage{target, writer.Unroll(5, 2), out}, Bridge: bridge})
}

var (
	ce   = loss.CrossEntropy{}
	yes  = []float32{0, 1, 1, 0}
	long = []int32{1, 2, 3, 1, 1, 1}
)

// mistakes are those of the pages of docs/training, in the order of their tables.
var mistakes = map[string]func(t *testing.T, r *rand.Rand) []error{
	"language-model": func(t *testing.T, r *rand.Rand) []error {
		ids, err := data.NewTokens([]int32{1, 2, 3, 9, 1, 2, 3, 4, 1, 2, 3, 4}, 2)
		require.NoError(t, err)
		v, err := data.NewVocabulary(slices.Values([]string{"a", "b"}), data.VocabularyConfig{})
		require.NoError(t, err)
		return []error{
			failed(data.NewTokens([]int32{1, 2, 3}, 20)),
			trainOn(small(t, 6, 6), tokens(t, 15, 3), 3, ce),
			trainOn(small(t, 6, 6), tokens(t, 15, 2), 9, ce),
			trainOn(small(t, 6, 6), tokens(t, 15, 2), 0, ce),
			trainOn(small(t, 6, 6), ids, 3, ce),
			failed(v.Encode(nil, slices.Values([]string{"a", "c"}))),
		}
	},
	"sequence-labelling": func(t *testing.T, r *rand.Rand) []error {
		emb, err := nn.NewEmbedding(6, 3, r)
		require.NoError(t, err)
		both, err := gru.New(gru.Config{Input: 3, Hidden: 4, Bidirectional: true}, r)
		require.NoError(t, err)
		one, err := nn.NewLinear(4, 3, r)
		require.NoError(t, err)
		two, err := nn.NewLinear(8, 3, r)
		require.NoError(t, err)
		net, err := nn.Chain(emb, both.Unroll(5, 2), two)
		require.NoError(t, err)
		return []error{
			failed(data.Tagged([]int32{1, 2, 3}, []int32{1, 2})),
			trainOn(small(t, 6, 3), sequences(t, 2, tagged(t, []int32{1, 2, 3}, []int32{0, 1, 3})), 0, ce),
			trainOn(small(t, 6, 3), sequences(t, 2, tagged(t, long, []int32{0, 1, 2, 0, 1, 1})), 0, ce),
			failed(nn.Chain(emb, both.Unroll(5, 2), one)),
			failed(net.Predictor(1)),
		}
	},
	"sequence-classification": func(t *testing.T, r *rand.Rand) []error {
		labelled, err := data.Labelled(data.Sequence{IDs: []int32{1}}, 7)
		require.NoError(t, err)
		return []error{
			failed(data.Labelled(data.Sequence{}, 1)),
			failed(data.Labelled(data.Sequence{IDs: []int32{1}}, -1)),
			trainOn(small(t, 6, 3), sequences(t, 2, labelled), 0, ce),
			failed(data.NewBuckets(nil, 2, 3, rand.NewPCG(1, 1))),
			trainOn(small(t, 0, 6), tokens(t, 15, 2), 3, ce),
		}
	},
	"multi-label-steps": func(t *testing.T, r *rand.Rand) []error {
		x := make([]float32, 6)
		right := data.Sequence{Steps: 2, X: x, Y: yes}
		return []error{
			trainOn(small(t, 0, 3), sequences(t, 2, right), 0, loss.BCE{}),
			trainOn(small(t, 0, 2), sequences(t, 2, data.Sequence{Steps: 2, X: x[:4], Y: yes}), 0, loss.BCE{}),
			failed(data.NewSequences([]data.Sequence{{Steps: 4, X: x, Y: yes}}, 2, nil)),
			trainOn(small(t, 0, 2), sequences(t, 2, data.Sequence{Steps: 2, X: x, Y: []float32{0, 1, 1, 127}}), 0, loss.BCE{}),
			trainOn(small(t, 0, 2), sequences(t, 2, right), 0, ce),
		}
	},
	"sequence-to-sequence": func(t *testing.T, r *rand.Rand) []error {
		pairs, err := data.NewPairs([]data.Pair{{IDs: long, Target: []int32{1}}}, data.PairsConfig{Rows: 2, Begin: 0, End: 5})
		require.NoError(t, err)
		net, err := translator(4, &seq2seq.Bridge{})
		require.NoError(t, err)
		p, err := net.Predictor(2)
		require.NoError(t, err)
		return []error{
			failed(translator(4, nil)),
			failed(translator(7, &seq2seq.Bridge{})),
			failed(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 64, Memory: 128, Score: seq2seq.Dot, Out: 64}, r)),
			trainOn(net, pairs, 0, ce),
			trainOn(net, pairs, 3, ce),
			failed(decode.Search(p, []int32{0}, decode.Beam{Width: 2, Most: 3})),
			trainOn(small(t, 6, 6), pairs, 0, ce),
		}
	},
	"forecasting": func(t *testing.T, r *rand.Rand) []error {
		nan := float32(math.NaN())
		seqs, err := data.Forecasts([]float32{1, 2, 3, nan, 5, 6, 1, 1, 1, 2, 3, 1}, data.ForecastConfig{Width: 3, Steps: 3, Horizon: 1})
		require.NoError(t, err)
		return []error{
			failed(data.Forecasts(make([]float32, 7), data.ForecastConfig{Width: 2, Steps: 3, Horizon: 1})),
			failed(data.Forecasts(make([]float32, 6), data.ForecastConfig{Width: 2, Steps: 3, Horizon: 1})),
			failed(data.NewScale([]float32{1, nan, 1}, 1)),
			trainOn(small(t, 0, 3), sequences(t, 2, seqs...), 0, loss.MSE{}),
		}
	},
	"fine-tuning": func(t *testing.T, r *rand.Rand) []error {
		trained, err := finetune.FromNet(small(t, 6, 6))
		require.NoError(t, err)
		other := func(string) string { return "encoder.weight" }
		groups := &optim.Groups{List: []optim.Group{{Params: []string{"emb.*"}, Frozen: true}, {Optimizer: &optim.Adam{LR: 1e-3}}}}
		return []error{
			failed(finetune.Load(small(t, 6, 3), trained, finetune.Options{})),
			failed(finetune.Load(small(t, 6, 3), trained, finetune.Options{Partial: true, Rename: other})),
			failed(bptt.NewTrainer(small(t, 6, 6), tokens(t, 15, 2), bptt.Plan{Window: 3, Loss: ce, Optimizer: groups})),
			failed(finetune.Adapt(small(t, 6, 6), finetune.LowRank{Match: []string{"1.bias_*"}, Rank: 2, Alpha: 4}, r)),
		}
	},
	"decoding": func(t *testing.T, r *rand.Rand) []error {
		p, err := small(t, 6, 6).Predictor(1)
		require.NoError(t, err)
		two, err := small(t, 6, 6).Predictor(2)
		require.NoError(t, err)
		sample := func(p decode.Stepper, prompt []int32, s decode.Sampling, r *rand.Rand) error {
			return failed(decode.Sample(p, make([]int32, 3), prompt, s, r))
		}
		return []error{
			sample(p, nil, decode.Sampling{}, r),
			sample(p, []int32{7}, decode.Sampling{}, r),
			sample(two, []int32{1}, decode.Sampling{}, r),
			sample(p, []int32{1}, decode.Sampling{Temperature: 1}, nil),
			sample(p, []int32{1}, decode.Sampling{TopP: 1.5}, r),
			failed(decode.Search(p, []int32{1}, decode.Beam{Width: 5, Most: 3})),
			failed(decode.Search(p, []int32{1}, decode.Beam{Width: 1})),
		}
	},
}

// inPass is what errors of batches begin with, which the pages leave out.
const inPass = "bptt: step 1, in pass 1 over the data: "

// TestUsualMistakes: the pages of tasks have the errors that a user sees, in their words.
func TestUsualMistakes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "docs", "training", "*.md"))
	require.NoError(t, err)
	require.Len(t, files, len(mistakes))
	steps, err := os.ReadFile(filepath.Join("..", "docs", "training.md"))
	require.NoError(t, err)
	require.Contains(t, string(steps), "`"+strings.TrimSpace(inPass)+"`")
	row := regexp.MustCompile("(?m)^\\| .* \\| `(.*)` \\|$")
	for name, make := range mistakes {
		t.Run(name, func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join("..", "docs", "training", name+".md"))
			require.NoError(t, err)
			_, table, _ := strings.Cut(string(page), "\n## Usual mistakes\n")
			var told, made []string
			for _, m := range row.FindAllStringSubmatch(table, -1) {
				told = append(told, m[1])
			}
			for _, err := range make(t, rand.New(rand.NewPCG(1, 2))) {
				require.Error(t, err)
				made = append(made, strings.TrimPrefix(err.Error(), inPass))
			}
			require.Equal(t, made, told)
		})
	}
}
