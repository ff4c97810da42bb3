package seq2seq_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// TestShapes: matrices are known as such, of all parts, so that files have them and adapters
// find them.
func TestShapes(t *testing.T) {
	s := tiny
	s.score = seq2seq.Additive
	shapes := nn.Shapes(build(t, s, 1))
	for name, dims := range map[string]int{
		"encoder.0.weight": 2, "encoder.1.weight_ih_l0": 2, "bridge.0.weight": 2, "bridge.0.bias": 1,
		"decoder.0.weight": 2, "decoder.2.query.weight": 2, "decoder.2.key.weight": 2, "decoder.2.vector": 1, "decoder.2.out.weight": 2,
	} {
		require.Len(t, shapes[name], dims, "%s in %v", name, shapes)
	}
	require.Equal(t, []int{7, shapes["decoder.2.out.weight"][1]}, shapes["decoder.2.out.weight"])
}

// TestAttentionInsideOfAStage is found, is given the sources, and its predictor too.
func TestAttentionInsideOfAStage(t *testing.T) {
	for name, within := range map[string]func(s nn.Stage) nn.Stage{
		"residual": func(s nn.Stage) nn.Stage { return nn.Residual{s} },
		"pool": func(s nn.Stage) nn.Stage {
			return nn.AttentionPool{s, traintest.Must(nn.NewLinear(4, 1, traintest.Rng(6)))}
		},
	} {
		t.Run(name, func(t *testing.T) { testAttentionInside(t, within, name == "residual") })
	}
}

// testAttentionInside has a bridge where all of the decoder's state is that of layers.
func testAttentionInside(t *testing.T, within func(s nn.Stage) nn.Stage, bridged bool) {
	r := traintest.Rng(5)
	config := func(memory int) seq2seq.Config {
		attention := traintest.Must(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 4, Memory: 4, Score: seq2seq.Dot, Out: 4}, r))
		emb := traintest.Must(nn.NewEmbedding(symbols, 4, r))
		side := traintest.Must(gru.New(gru.Config{Input: 4, Hidden: 2}, r)).Unroll(3, 2)
		c := seq2seq.Config{
			Encoder: traintest.Must(gru.New(gru.Config{Input: 2, Hidden: 4}, r)).Unroll(memory, 2),
			Decoder: []nn.Stage{emb, nn.Parallel{nn.Sequential{within(traintest.Must(attention.Unroll(3, 5, 2)))}, side}, traintest.Must(nn.NewLinear(6, symbols, r))},
		}
		if bridged {
			c.Bridge = traintest.Must(seq2seq.NewBridge(c.Encoder, c.Decoder, r))
		}
		return c
	}
	c := config(5)
	if bridged {
		require.Len(t, c.Bridge.Linears, 1)
		require.Equal(t, 2, c.Bridge.Linears[0].Out)
	}
	net := traintest.Must(seq2seq.New(c))
	require.Len(t, net.Attentions(), 1)
	b := &data.Batch{Steps: 3, Rows: 2, IDs: []int32{1, 2, 3, 4, 5, 6}, Source: &data.Input{Steps: 5, X: traintest.NumbersLike(5*2*2, 3), Lengths: []int{5, 2}}}
	y, step := make([]float32, 3*2*symbols), make([]float32, 2*symbols)
	require.NoError(t, net.ForwardBatch(y, b))
	p := traintest.Must(net.Predictor(2))
	require.NoError(t, p.Encode(b.Source, nil))
	for i := range 3 {
		require.NoError(t, p.StepIDs(step, b.IDs[2*i:2*i+2]))
		numtest.Equal(t, step, y[i*len(step):][:len(step)], "step %d", i)
	}
	_, err := seq2seq.New(config(6))
	require.ErrorContains(t, err, "stage 1, part 0, part 0, part 0 of the decoder attends to a memory of 5 steps")
}

// TestEncoderWithALearnedState begins there with each batch, and the state has a gradient.
func TestEncoderWithALearnedState(t *testing.T) {
	p := newParts()
	c := p.config()
	learned := traintest.Must(nn.NewLearnedState(p.encoder))
	c.Encoder, c.Bridge = learned, nil
	params := map[string]nn.Param{}
	learned.EachParam(func(name string, w, g []float32) { params[name] = nn.Param{W: w, G: g} })
	traintest.Fill(params["h0"].W, 0.5)
	net := traintest.Must(seq2seq.New(c))
	b := &data.Batch{Steps: 3, Rows: 2, IDs: make([]int32, 6), Source: &data.Input{Steps: 4, X: traintest.NumbersLike(4*2*2, 3)}}
	y, again := make([]float32, 3*2*symbols), make([]float32, 3*2*symbols)
	require.NoError(t, net.ForwardBatch(y, b))
	require.NoError(t, net.ForwardBatch(again, b))
	require.Equal(t, y, again)
	net.Backward(nil, traintest.NumbersLike(len(y), 4))
	require.NotZero(t, params["h0"].G[0])
	traintest.Fill(params["h0"].W, 0)
	require.NoError(t, net.ForwardBatch(again, b))
	require.NotEqual(t, y, again)
}

// TestSeedsThatDifferStay: encoder and decoder whose masks differ already keep their seeds.
func TestSeedsThatDifferStay(t *testing.T) {
	p := newParts()
	c := p.config()
	encoder := traintest.Must(gru.New(gru.Config{Input: 2, Hidden: 4, InputDropout: 0.5}, p.rng)).Unroll(4, 2)
	inner := traintest.Must(gru.New(gru.Config{Input: 3, Hidden: 4, InputDropout: 0.5}, p.rng)).Unroll(3, 2)
	c.Encoder, c.Decoder[1] = encoder, inner
	encoder.SetSeed(21)
	inner.SetSeed(22)
	require.Equal(t, []uint64{21, 0, 22, 0}, traintest.Must(seq2seq.New(c)).MaskState())
	inner.SetSeed(21)
	s := traintest.Must(seq2seq.New(c)).MaskState()
	require.NotEqual(t, s[0], s[2])
}
