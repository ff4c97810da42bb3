package seq2seq_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

func TestAttentionsThatAreRefused(t *testing.T) {
	r := traintest.Rng(1)
	for want, cfg := range map[string]seq2seq.AttentionConfig{
		"Score(3), want Dot":             {Query: 1, Memory: 1, Score: 3},
		"width 0 to a memory":            {Memory: 1},
		"a memory of width 0":            {Query: 1},
		"want one width":                 {Query: 2, Memory: 3},
		"Additive":                       {Query: 2, Memory: 3, Score: seq2seq.Additive},
		"general with Width 4, want 0":   {Query: 2, Memory: 3, Score: seq2seq.General, Width: 4},
		"attentional vector of width -1": {Query: 2, Memory: 2, Out: -1},
		"want 1 to 16777216, or 0":       {Query: 2, Memory: 2, Out: 1<<24 + 1},
	} {
		_, err := seq2seq.NewAttention(cfg, r)
		require.ErrorContains(t, err, want, "%+v", cfg)
	}
	cfg := seq2seq.AttentionConfig{Query: 2, Memory: 3, Score: seq2seq.Additive, Width: 4, Out: 5}
	_, err := seq2seq.NewAttention(cfg, nil)
	require.ErrorContains(t, err, "nil *rand.Rand")

	for want, spoil := range map[string]func(a *seq2seq.Attention){
		"Attention.Key of":                func(a *seq2seq.Attention) { a.Key = nil },
		"Attention.Key is a map from":     func(a *seq2seq.Attention) { a.Key = traintest.Must(nn.NewZeroLinear(4, 4)) },
		"Attention.Query is a map from":   func(a *seq2seq.Attention) { a.Query.Bias = make([]float32, 4) },
		"Attention.Out is a map from":     func(a *seq2seq.Attention) { a.Out.Weight = a.Out.Weight[1:] },
		"Attention.Vector has 3 elements": func(a *seq2seq.Attention) { a.Vector = a.Vector[1:] },
		"Dot of queries of width 2":       func(a *seq2seq.Attention) { a.Config.Score = seq2seq.Dot },
		"Attention.Out of the score general": func(a *seq2seq.Attention) {
			a.Config = seq2seq.AttentionConfig{Query: 2, Memory: 3, Score: seq2seq.General}
			a.Key.Out, a.Key.Weight, a.Query = 2, a.Key.Weight[:6], nil
		},
	} {
		a := traintest.Must(seq2seq.NewAttention(cfg, r))
		spoil(a)
		_, err := a.Unroll(2, 2, 2)
		require.ErrorContains(t, err, want)
	}
	a := traintest.Must(seq2seq.NewAttention(cfg, r))
	for _, s := range [][3]int{{-1, 1, 1}, {1, -1, 1}, {1, 1, -1}, {1 << 20, 1 << 10, 2}, {1, 1 << 30, 2}, {math.MaxInt, math.MaxInt, math.MaxInt}} {
		_, err := a.Unroll(s[0], s[1], s[2])
		require.Error(t, err, "%v", s)
	}
}

func TestAttentionNetCalls(t *testing.T) {
	a := traintest.Must(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 2, Memory: 3, Score: seq2seq.Additive, Width: 4}, traintest.Rng(1)))
	u := traintest.Must(a.Unroll(3, 4, 2))
	y, x, dx := make([]float32, 3*2*5), make([]float32, 3*2*2), make([]float32, 3*2*2)
	m := make([]float32, 4*2*3)
	require.PanicsWithValue(t, "seq2seq: Forward of attention without a memory; call SetMemory, or let a seq2seq.Net do so", func() { u.Forward(y, x) })
	require.ErrorContains(t, u.SetMemory(make([]float32, 5*2*3), nil), "5 steps of the memory, want 0 to 4")
	require.ErrorContains(t, u.SetMemory(m, []int{4}), "1 lengths of the memory for 2 rows")
	require.ErrorContains(t, u.SetMemory(m, []int{4, 5}), "length 5 of the memory of row 1")
	require.Panics(t, func() { u.SetMemory(m[1:], nil) })
	require.NoError(t, u.SetMemory(m, []int{4, 0}))
	require.ErrorContains(t, u.SetLengths([]int{1, -1}), "length -1 of the queries of row 1")
	require.Panics(t, func() { u.Forward(y[1:], x) })
	require.Panics(t, func() { u.Forward(y, x[1:]) })
	require.Panics(t, func() { u.Forward(y, y[:len(x)]) })
	require.Panics(t, func() { u.Backward(dx, y) }, "without a Forward")
	u.Forward(y, x)
	require.Panics(t, func() { u.Weights(make([]float32, 3)) })
	require.Panics(t, func() { u.Backward(dx[1:], y) })
	require.Panics(t, func() { u.Backward(y[:len(dx)], y) })
	u.Backward(dx, y)
	require.Panics(t, func() { u.Backward(dx, y) }, "a second one")
	u.Forward(y, x)
	require.NoError(t, u.SetMemory(m, nil))
	require.Panics(t, func() { u.Backward(dx, y) }, "another memory")
	u.Forward(y, x)
	require.NoError(t, u.SetLengths(nil))
	require.Panics(t, func() { u.Backward(dx, y) }, "other lengths")
	require.NoError(t, u.SetLengths([]int{3, 0}))
	require.Panics(t, func() { u.Forward(y[:10], x[:4]) }, "a length beyond T")
	require.Error(t, u.SetState([][]float32{x}))
	require.Error(t, u.SetStateGrad([][]float32{x}))
	require.NoError(t, u.SetState(u.State()))
	require.Nil(t, u.StateGrad())
	require.Panics(t, func() { u.SetWorkers(-1) })

	// Without maps, whose own Backward would notice.
	dot := traintest.Must(traintest.Must(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 2, Memory: 2}, traintest.Rng(1))).Unroll(1, 1, 1))
	require.NoError(t, dot.SetMemory([]float32{1, 2}, nil))
	dot.Forward(y[:4], x[:2])
	dot.Backward(nil, y[:4])
	require.Panics(t, func() { dot.Backward(nil, y[:4]) }, "a second one")

	p := traintest.Must(u.NewPredictor(2)).(nn.Predictor)
	require.Panics(t, func() { p.Step(y[:10], x[:4]) }, "no memory")
	_, err := u.NewPredictor(-1)
	require.Error(t, err)

	require.NoError(t, u.SetLengths(nil))
	a.Vector = slices.Clone(a.Vector)
	require.Panics(t, func() { u.Forward(y, x) }, "another Vector")

	// Nothing to do: no rows, and no steps.
	none := traintest.Must(a.Unroll(3, 4, 0))
	require.NoError(t, none.SetMemory(nil, []int{}))
	none.Forward(nil, nil)
	none.Backward(nil, nil)
	u = traintest.Must(a.Unroll(3, 4, 2))
	require.NoError(t, u.SetMemory(m, nil))
	u.Forward(nil, nil)
	u.Backward(nil, nil)
	require.Equal(t, make([]float32, len(m)), u.MemoryGrad())
}

// parts are the parts of a small model, to be put together wrongly.
type parts struct {
	encoder  nn.Net
	emb      *nn.Embedding
	inner    nn.Net
	attend   *seq2seq.AttentionNet
	readout  *nn.Linear
	rng      *rand.Rand
	attendTo func(memory, source, batch int) *seq2seq.AttentionNet
}

func newParts() parts {
	r := traintest.Rng(1)
	p := parts{rng: r, emb: traintest.Must(nn.NewEmbedding(symbols, 3, r)), readout: traintest.Must(nn.NewLinear(5, symbols, r))}
	p.encoder = traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 4}, r)).Unroll(4, 2)
	p.inner = traintest.Must(lstm.New(lstm.Config{Input: 3, Hidden: 4}, r)).Unroll(3, 2)
	p.attendTo = func(memory, source, batch int) *seq2seq.AttentionNet {
		a := traintest.Must(seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 4, Memory: memory, Score: seq2seq.General, Out: 5}, r))
		return traintest.Must(a.Unroll(3, source, batch))
	}
	p.attend = p.attendTo(4, 4, 2)
	return p
}

func (p parts) config() seq2seq.Config {
	return seq2seq.Config{Encoder: p.encoder, Decoder: []nn.Stage{p.emb, p.inner, p.attend, p.readout}, Bridge: &seq2seq.Bridge{}}
}

func TestConfigsThatAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(p parts, c *seq2seq.Config){
		"no Config.Encoder":            func(p parts, c *seq2seq.Config) { c.Encoder = (*lstm.Unrolled)(nil) },
		"the decoder: nn: none":        func(p parts, c *seq2seq.Config) { c.Decoder = nil },
		"the decoder has no Embedding": func(p parts, c *seq2seq.Config) { c.Decoder = c.Decoder[1:] },
		"an encoder of 3 rows and a decoder of 2": func(p parts, c *seq2seq.Config) {
			c.Encoder = traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 4}, p.rng)).Unroll(4, 3)
		},
		"an encoder of 0 rows": func(p parts, c *seq2seq.Config) {
			c.Encoder = traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 4}, p.rng)).Unroll(4, 0)
		},
		"memory of 4 steps of width 6, the encoder has 4 of width 4": func(p parts, c *seq2seq.Config) { c.Decoder[2] = p.attendTo(6, 4, 2) },
		"memory of 5 steps of width 4, the encoder has 4 of width 4": func(p parts, c *seq2seq.Config) { c.Decoder[2] = p.attendTo(4, 5, 2) },
		"nothing of the source": func(p parts, c *seq2seq.Config) {
			c.Decoder[2], c.Bridge = traintest.Must(nn.NewLinear(4, 5, p.rng)), nil
		},
		"1x6 and 1x6 for each row, that of the decoder 1x4 and 1x4": func(p parts, c *seq2seq.Config) {
			c.Encoder = traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 6}, p.rng)).Unroll(4, 2)
			c.Decoder[2] = p.attendTo(6, 4, 2)
		},
		"2x4 and 2x4 for each row": func(p parts, c *seq2seq.Config) {
			c.Encoder = traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 4, Layers: 2}, p.rng)).Unroll(4, 2)
		},
		"1 Linears, want 2": func(p parts, c *seq2seq.Config) {
			c.Bridge.Linears = []*nn.Linear{traintest.Must(nn.NewLinear(4, 4, p.rng))}
		},
		"want one from width 4, the state of the encoder, to 4": func(p parts, c *seq2seq.Config) {
			c.Bridge = traintest.Must(seq2seq.NewBridge(c.Encoder, c.Decoder, p.rng))
			c.Bridge.Linears[1] = traintest.Must(nn.NewLinear(5, 4, p.rng))
		},
		"nil *seq2seq.LinearDecay": func(p parts, c *seq2seq.Config) { c.Sampling = (*seq2seq.LinearDecay)(nil) },
		"want a K of 1 or more":    func(p parts, c *seq2seq.Config) { c.Sampling = seq2seq.InverseSigmoidDecay{} },
		"9 outputs for 8 symbols": func(p parts, c *seq2seq.Config) {
			c.Decoder[3], c.Sampling = traintest.Must(nn.NewLinear(5, 9, p.rng)), seq2seq.InverseSigmoidDecay{K: 1}
		},
	} {
		p := newParts()
		c := p.config()
		_, err := seq2seq.New(c)
		require.NoError(t, err)
		spoil(p, &c)
		_, err = seq2seq.New(c)
		require.ErrorContains(t, err, want)
	}
	p := newParts()
	_, err := seq2seq.NewBridge(p.encoder, p.config().Decoder, nil)
	require.ErrorContains(t, err, "nil *rand.Rand")
	_, err = seq2seq.NewBridge(nil, p.config().Decoder, p.rng)
	require.ErrorContains(t, err, "no encoder")
	_, err = seq2seq.NewBridge(p.encoder, []nn.Stage{p.emb, (*lstm.Unrolled)(nil)}, p.rng)
	require.ErrorContains(t, err, "no stage 1 of the decoder")
	_, err = seq2seq.NewBridge(p.encoder, []nn.Stage{p.emb, p.readout}, p.rng)
	require.ErrorContains(t, err, "no state")
	_, err = seq2seq.NewBridge(p.encoder, []nn.Stage{traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 4}, p.rng)).Unroll(4, 3)}, p.rng)
	require.ErrorContains(t, err, "has 3 rows, the encoder 2")
}

// crooked is a net whose state is not [layers][rows][width].
type crooked struct{ *lstm.Unrolled }

func (c crooked) State() [][]float32 {
	s := c.Unrolled.State()
	s[1][len(s[1])-1] = 0
	return s
}

func TestStatesThatAreRefused(t *testing.T) {
	p := newParts()
	c := p.config()
	c.Encoder = crooked{p.encoder.(*lstm.Unrolled)}
	_, err := seq2seq.New(c)
	require.ErrorContains(t, err, "the encoder: tensor 1 of the state is not [layers][2 rows][4]: that Reset(0) sets element 7 is true, and it would be of row 1")
}

// TestBridgeOfManyTensors: an encoder of one tensor starts a decoder of two, and the
// reverse, and the derivative by each parameter of bridge and encoder is that by differences.
func TestBridgeOfManyTensors(t *testing.T) {
	p := newParts()
	for _, reverse := range []bool{false, true} {
		c := p.config()
		c.Decoder[2] = traintest.Must(nn.NewLinear(4, 5, p.rng)) // the bridge is the only way
		want := [][2]int{{8, 4}, {8, 4}}
		if reverse {
			c.Decoder[1] = traintest.Must(gru.New(gru.Config{Input: 3, Hidden: 2, Layers: 2}, p.rng)).Unroll(3, 2)
			c.Decoder[2] = traintest.Must(nn.NewLinear(2, 5, p.rng))
			want = [][2]int{{8, 4}}
		} else {
			c.Encoder = traintest.Must(gru.New(gru.Config{Input: 2, Hidden: 2, Layers: 2, Bidirectional: true}, p.rng)).Unroll(4, 2)
		}
		c.Bridge = traintest.Must(seq2seq.NewBridge(c.Encoder, c.Decoder, p.rng))
		require.Len(t, c.Bridge.Linears, len(want))
		for i, l := range c.Bridge.Linears {
			require.Equal(t, want[i], [2]int{l.In, l.Out})
		}
		net := traintest.Must(seq2seq.New(c))
		b := &data.Batch{Steps: 1, Rows: 2, IDs: []int32{1, 2}, Source: &data.Input{Steps: 1, X: []float32{1, 2, 3, 4}}}
		y := make([]float32, 2*symbols)
		dy := traintest.NumbersLike(len(y), 2)
		sum := func() (s float64) {
			require.NoError(t, net.ForwardBatch(y, b))
			for i := range y {
				s += float64(y[i]) * float64(dy[i])
			}
			return s
		}
		sum()
		net.ZeroGrads()
		net.Backward(nil, dy)
		net.EachParam(func(name string, w, g []float32) {
			if name[0] == 'd' {
				return
			}
			top := slices.Max(g)
			for i := range w {
				// The second differences of these functions are below 10, and a sum has
				// an error of less than 1e-5.
				before := w[i]
				const h = 1.0 / 64
				w[i] = before + h
				up := sum()
				w[i] = before - h
				down := sum()
				w[i] = before
				require.InDelta(t, (up-down)/(2*h), g[i], 1e-3, "%s[%d] of up to %v", name, i, top)
			}
		})
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	s := tiny
	s.sampling = always(1)
	net := build(t, s, 1)
	require.ErrorContains(t, nn.CheckGradients(net, nn.GradientCheck{}), "nn: CheckGradients of a *seq2seq.Net, which reads whole batches")
	y := make([]float32, s.steps*s.batch*symbols)
	for want, spoil := range map[string]func(b *data.Batch){
		"without a Source":                    func(b *data.Batch) { b.Source = nil },
		"a batch of 3 rows, the net has 4":    func(b *data.Batch) { b.Rows = 3 },
		"with 23 ids, want 24":                func(b *data.Batch) { b.IDs = b.IDs[1:] },
		"length 7 of the batch of row 3":      func(b *data.Batch) { b.Lengths[3] = 7 },
		"a source of 6 steps, want 0 to 5":    func(b *data.Batch) { b.Source.Steps = 6 },
		"a source with 19 ids, want 20":       func(b *data.Batch) { b.Source.IDs = b.Source.IDs[1:] },
		"length 6 of the source of row 0":     func(b *data.Batch) { b.Source.Lengths[0] = 6 },
		"3 lengths of the source":             func(b *data.Batch) { b.Source.Lengths = b.Source.Lengths[1:] },
		"source: data: id 8 at step 0, row 0": func(b *data.Batch) { b.Source.IDs[0] = 8 },
		"data: id -1 at step 0, row 0":        func(b *data.Batch) { b.IDs[0] = -1 },
	} {
		b := batch(s, 2)
		spoil(b)
		require.ErrorContains(t, net.ForwardBatch(y, b), want)
		require.Panics(t, func() { net.Backward(nil, y) }, want)
	}
	b := batch(s, 2)
	b.Source.IDs[0] = 8
	var id *data.IDError
	require.True(t, errors.As(net.ForwardBatch(y, b), &id))
	require.Panics(t, func() { net.ForwardBatch(y[1:], batch(s, 2)) })
	b = batch(s, 2)
	require.NoError(t, net.ForwardBatch(y, b))
	require.Panics(t, func() { net.Backward(y, y) }, "dx")
	require.Panics(t, func() { net.Backward(nil, y[1:]) })
	net.Backward(nil, y)
	require.Panics(t, func() { net.Backward(nil, y) }, "a second one")
	require.Panics(t, func() { net.Forward(y, y) })
	require.ErrorContains(t, net.ForwardIDs(y, nil), "ForwardBatch")
	require.Error(t, net.SetLengths([]int{7, 0, 0, 0}))
	require.NoError(t, net.SetLengths([]int{6, 0, 0, 0}))
	require.Error(t, net.SetState([][]float32{y}))
	require.Error(t, net.SetMaskState([]uint64{1}))
	require.Equal(t, make([]uint64, s.batch), net.Clock())
	require.NoError(t, net.SetClock(net.Clock()))
	require.Error(t, net.SetClock([]uint64{0, 0, 1, 0}))

	s.sampling = always(1.5)
	require.ErrorContains(t, build(t, s, 1).ForwardBatch(y, batch(s, 2)), "gives 1.5 for step 0")
	s.sampling = always(math.NaN())
	require.ErrorContains(t, build(t, s, 1).ForwardBatch(y, batch(s, 2)), "gives NaN")
	s.sampling = nil
	require.Nil(t, build(t, s, 1).Clock())
	s.floats = 2
	b = batch(s, 2)
	b.Source.X = b.Source.X[1:]
	require.ErrorContains(t, build(t, s, 1).ForwardBatch(y, b), "39 inputs, want 40")
}

func TestPredictorCalls(t *testing.T) {
	net := build(t, tiny, 1)
	_, err := net.Predictor(0)
	require.ErrorContains(t, err, "0 rows, want at least 1")
	p := traintest.Must(net.Predictor(6))
	b := batch(tiny, 2)
	y, ids := make([]float32, 6*symbols), make([]int32, 6)
	require.ErrorContains(t, p.StepIDs(y, ids), "before Encode")
	require.ErrorContains(t, p.Encode(nil, nil), "without a source")
	require.ErrorContains(t, p.Encode(b.Source, nil), "4 sources for 6 rows")
	require.ErrorContains(t, p.Encode(b.Source, []int{1}), "sources of 1 rows, want 6")
	require.ErrorContains(t, p.Encode(b.Source, []int{0, 1, 2, 3, 4, 0}), "row 4 reads source 4")
	of := []int{0, 1, 2, 3, 0, 0}
	require.ErrorContains(t, p.Encode(&data.Input{Steps: 9}, of), "a source of 9 steps")
	require.NoError(t, net.ForwardBatch(make([]float32, tiny.steps*tiny.batch*symbols), b))
	require.NoError(t, p.Encode(b.Source, of))
	require.Panics(t, func() { net.Backward(nil, make([]float32, tiny.steps*tiny.batch*symbols)) }, "Encode ran the encoder")
	state := p.State()
	require.Error(t, p.SetState(state[1:]))
	require.Error(t, p.SetState(nil))
	for _, v := range []float32{-1, 4, 0.5, float32(math.NaN())} {
		s := p.State()
		s[len(s)-1][2] = v
		require.ErrorContains(t, p.SetState(s), "in row 2, want a whole number of 0 to 3")
	}
	require.Equal(t, state, p.State())
	ids[3] = symbols
	var id *data.IDError
	require.ErrorAs(t, p.StepIDs(y, ids), &id)
	moves := p.Moves()
	require.Error(t, p.StepIDs(y, ids), "nothing has moved")
	require.Equal(t, moves, p.Moves())
	for _, move := range []func(){
		func() { require.NoError(t, p.StepIDs(y, make([]int32, 6))) },
		func() { require.NoError(t, p.SetState(state)) },
		func() { p.Reorder(of) },
		func() { p.Reset() },
		func() { require.NoError(t, p.Encode(b.Source, of)) },
	} {
		move()
		require.NotEqual(t, moves, p.Moves())
		moves = p.Moves()
	}
	require.Panics(t, func() { p.Step(y, y) })
	require.Panics(t, func() { p.Weights(1, y) })
	require.Panics(t, func() { p.Weights(0, y[:1]) })
	any, err := net.NewPredictor(2)
	require.NoError(t, err)
	require.Implements(t, (*nn.Predictor)(nil), any)
	_, err = net.NewPredictor(-1)
	require.Error(t, err)
	bad := *b.Source
	bad.IDs = slices.Clone(bad.IDs)
	bad.IDs[0] = 99
	require.ErrorAs(t, p.Encode(&bad, of), &id)
	require.ErrorContains(t, p.StepIDs(y, make([]int32, 6)), "before Encode")
}

// TestMasks: encoder and decoder drop different units, and what they drop is kept.
func TestMasks(t *testing.T) {
	s := tiny
	s.dropout, s.sampling = 0.5, always(0.5)
	net := build(t, s, 1)
	state := net.MaskState()
	require.Len(t, state, 6)
	require.NotEqual(t, state[0], state[2], "seeds of encoder and decoder")
	b, dy := batch(s, 2), traintest.NumbersLike(s.steps*s.batch*symbols, 3)
	first, second := run(t, net, b, dy), run(t, net, b, dy)
	require.NotEqual(t, first.y, second.y)
	require.NoError(t, net.SetMaskState(state))
	run(t, net, b, dy).same(t, first, "step 0 again")
	net.SetSeed(1)
	require.NotEqual(t, first.y, run(t, net, b, dy).y)
	bad := slices.Clone(net.MaskState())
	before := net.MaskState()
	bad[0], bad[3] = 7, 1<<40
	require.Error(t, net.SetMaskState(bad), "a training step that no net takes")
	require.Equal(t, before, net.MaskState())

	// A predictor has no masks, and the net has them again afterwards.
	p := traintest.Must(net.Predictor(s.batch))
	require.NoError(t, p.Encode(b.Source, nil))
	y := make([]float32, s.batch*symbols)
	require.NoError(t, p.StepIDs(y, b.IDs[:s.batch]))
	require.NoError(t, net.SetMaskState(state))
	run(t, net, b, dy).same(t, first, "step 0 after a decoding")
	net.SetTraining(false)
	all := run(t, net, b, dy).y
	require.Equal(t, y[:symbols], all[:symbols])

	// The seeds of the nets of a chain are apart from those of the other side.
	r := traintest.Rng(2)
	cfg := lstm.Config{Input: 4, Hidden: 4, HiddenDropout: 0.5}
	two := func(steps int) []nn.Stage {
		l := traintest.Must(lstm.New(cfg, r))
		return []nn.Stage{traintest.Must(nn.NewEmbedding(symbols, 4, r)), l.Unroll(steps, 2), traintest.Must(lstm.New(cfg, r)).Unroll(steps, 2)}
	}
	net = traintest.Must(seq2seq.New(seq2seq.Config{Encoder: traintest.Must(nn.Chain(two(3)...)), Decoder: two(4), Bridge: &seq2seq.Bridge{}}))
	net.SetSeed(3)
	m := net.MaskState()
	seeds := []uint64{m[0], m[2], m[4], m[6]}
	slices.Sort(seeds)
	require.Len(t, slices.Compact(seeds), 4)
}
