package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

// overBytes are stages of layers of several kinds, whose states have different shapes.
func overBytes(t *testing.T) []nn.Stage {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	emb, err := nn.NewEmbedding(256, 6, r)
	require.NoError(t, err)
	a, err := gru.New(gru.Config{Input: 6, Hidden: 5, Layers: 3}, r)
	require.NoError(t, err)
	b, err := lstm.New(lstm.Config{Input: 5, Hidden: 7, Layers: 2, Projection: 5}, r)
	require.NoError(t, err)
	norm, err := nn.NewLayerNorm(5)
	require.NoError(t, err)
	c, err := rnn.New(rnn.Config{Input: 5, Hidden: 9}, r)
	require.NoError(t, err)
	out, err := nn.NewLinear(9, 256, r)
	require.NoError(t, err)
	return []nn.Stage{emb, a.Unroll(2, 1), nn.Residual{b.Unroll(2, 1), nn.Dropout{P: 0.5}}, norm, c.Unroll(2, 1), nn.ReLU, out}
}

// TestStateOfChains: a file that says what its stages are is served, and clients at the same
// time have the texts that each has alone.
func TestStateOfChains(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.safetensors")
	require.NoError(t, chain.WriteFile(name, nil, overBytes(t)...))
	m, err := load(name, 0)
	require.NoError(t, err)
	require.Equal(t, []int{3, 2, 2, 1}, m.layers)
	v := startWith(t, m, nil, generous.request)
	texts := make(chan error)
	for client := range 6 {
		go func() {
			s := v.open(t, "")
			text, _ := written(t, v.ok(t, "POST", s+"/text", fmt.Sprintf(`{"text": "light %d", "count": 40, "temperature": 1, "seed": %d}`, client, client)))
			p, err := m.net.Predictor(1)
			if err == nil {
				var sampler *decode.Sampler
				if sampler, err = decode.NewSampler(p, decode.Sampling{Temperature: 1}, rand.New(rand.NewPCG(uint64(client), 1))); err == nil {
					ids := make([]int32, 40)
					prompt := []int32{}
					for _, c := range []byte(fmt.Sprintf("light %d", client)) {
						prompt = append(prompt, int32(c))
					}
					if _, err = sampler.Sample(ids, prompt); err == nil {
						for i, id := range ids {
							if byte(id) != text[i] {
								err = fmt.Errorf("client %d has %q, which is another text than alone", client, text)
							}
						}
					}
				}
			}
			texts <- err
		}()
	}
	for range 6 {
		require.NoError(t, <-texts)
	}
}

// TestChainsThatAreRefused: what cannot be served is named, with what is wanted.
func TestChainsThatAreRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	stages := overBytes(t)
	back, err := gru.New(gru.Config{Input: 6, Hidden: 9, Reverse: true}, r)
	require.NoError(t, err)
	words, err := nn.NewEmbedding(300, 6, r)
	require.NoError(t, err)
	learned, err := nn.NewLearnedState(back.Infer(1, 1))
	require.NoError(t, err)
	thin, err := nn.NewLinear(6, 256, r)
	require.NoError(t, err)
	out := stages[len(stages)-1]
	dir := t.TempDir()
	i := 0
	for want, stages := range map[string][]nn.Stage{
		"from 300 inputs":              append([]nn.Stage{words}, stages[1:]...),
		"to 9 outputs":                 stages[:5],
		"from 6 inputs":                stages[1:],
		"have no state":                {stages[0], thin},
		"it has a nn.PoolMax":          {stages[0], stages[1], nn.PoolMax{}, must3(nn.NewLinear(5, 256, r))},
		"it has a *nn.LearnedState":    {stages[0], learned, out},
		"reads its input from the end": {stages[0], back.Infer(1, 1), out},
		"it has a nn.Parallel":         {stages[0], nn.Parallel{must3(nn.NewLinear(6, 9, r))}, out},
	} {
		name := filepath.Join(dir, fmt.Sprint(i))
		i++
		require.NoError(t, chain.WriteFile(name, nil, stages...))
		_, err := load(name, 0)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "with -model")
	}
	name := filepath.Join(dir, "a")
	require.NoError(t, chain.WriteFile(name, nil, overBytes(t)...))
	_, err = load(name, 2)
	require.ErrorContains(t, err, "-workers is for models of charlm")
}

func must3[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestCheckpointsOfChains: a checkpoint whose Meta says what the stages are is served.
func TestCheckpointsOfChains(t *testing.T) {
	net, err := nn.Chain(overBytes(t)...)
	require.NoError(t, err)
	d, err := chain.Describe(net)
	require.NoError(t, err)
	meta, err := json.Marshal(map[string]any{chain.Key: d, "rate": 1})
	require.NoError(t, err)
	source, err := data.NewText([]byte("light and colours"), 1)
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = bptt.Train(t.Context(), net, source, bptt.Plan{
		Window: 2, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-3}, Checkpoint: bptt.Checkpoints{Dir: dir, Meta: meta},
	})
	require.NoError(t, err)
	m, err := load(filepath.Join(dir, bptt.LastFile), 0)
	require.NoError(t, err)
	require.Equal(t, nn.Fingerprint(net), nn.Fingerprint(m.net))
}
