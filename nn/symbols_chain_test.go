package nn_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// counting is an LSTM that says which passes it makes.
type counting struct {
	*lstm.Unrolled
	vectors, symbols int
}

func (c *counting) TakesSymbols(net any) bool { return c.Unrolled.TakesSymbols(c.Unrolled) }

func (c *counting) Forward(y, x []float32) {
	c.vectors++
	c.Unrolled.Forward(y, x)
}

func (c *counting) ForwardSymbols(y, table []float32, ids []int32) {
	c.symbols++
	c.Unrolled.ForwardSymbols(y, table, ids)
}

// TestWhatGoesBySymbols: the layer behind the embedding, with a quarter as many symbols as pairs
// or fewer, without masks on its input and with nothing between them.
func TestWhatGoesBySymbols(t *testing.T) {
	const steps, batch, width = 6, 3, 4
	unroll := func(cfg lstm.Config) *counting {
		cfg.Input, cfg.Hidden = width, width
		return &counting{Unrolled: traintest.Must(lstm.New(cfg, traintest.Rng(2))).Unroll(steps, batch)}
	}
	plain := lstm.Config{}
	for name, c := range map[string]struct {
		vocabulary int
		cfg        lstm.Config
		between    []nn.Stage
		inside     bool
		symbols    int
	}{
		"a quarter":        {vocabulary: 4, symbols: 1},
		"one":              {vocabulary: 1, symbols: 1},
		"more":             {vocabulary: 5},
		"masks":            {vocabulary: 4, cfg: lstm.Config{InputDropout: 0.1}},
		"other masks":      {vocabulary: 4, cfg: lstm.Config{HiddenDropout: 0.1, Zoneout: 0.1}, symbols: 1},
		"dropout between":  {vocabulary: 4, between: []nn.Stage{nn.Dropout{P: 0.1}}},
		"a layer between":  {vocabulary: 4, between: []nn.Stage{unroll(plain).Unrolled}},
		"in another stage": {vocabulary: 4, inside: true},
	} {
		net := unroll(c.cfg)
		stages := append([]nn.Stage{traintest.Must(nn.NewEmbedding(c.vocabulary, width, traintest.Rng(1)))}, c.between...)
		if c.inside {
			stages = append(stages, nn.Residual{net})
		} else {
			stages = append(stages, net)
		}
		m := traintest.Must(nn.Chain(stages...))
		y := make([]float32, steps*batch*width)
		require.NoError(t, m.ForwardIDs(y, traintest.DrawIDs(traintest.Rng(3), steps*batch, c.vocabulary)), name)
		m.Backward(nil, y)
		require.Equal(t, [2]int{1 - c.symbols, c.symbols}, [2]int{net.vectors, net.symbols}, name)
	}
}

// twice is a program's net that does more than the one in it.
type twice struct{ *gru.Unrolled }

func (d twice) Forward(y, x []float32) {
	d.Unrolled.Forward(y, x)
	for i := range y {
		y[i] *= 2
	}
}

// TestOwnForwardIsCalled: a type that has the methods of a layer by embedding it may do more in
// its own Forward, which the chain calls.
func TestOwnForwardIsCalled(t *testing.T) {
	const steps, batch, width = 6, 3, 4
	emb := traintest.Must(nn.NewEmbedding(2, width, traintest.Rng(1)))
	layer := traintest.Must(gru.New(gru.Config{Input: width, Hidden: 5}, traintest.Rng(2)))
	ids := traintest.DrawIDs(traintest.Rng(3), steps*batch, 2)
	var ys [2][]float32
	for i, net := range []nn.Net{layer.Unroll(steps, batch), twice{layer.Unroll(steps, batch)}} {
		m := traintest.Must(nn.Chain(emb, net))
		ys[i] = make([]float32, steps*batch*5)
		require.NoError(t, m.ForwardIDs(ys[i], ids))
		m.Backward(nil, ys[i])
	}
	for i := range ys[0] {
		ys[0][i] *= 2
	}
	traintest.Equal(t, "y", ys[1], ys[0])
}

// firstLayers are the layers of TestSymbolsAreVectors, by name.
var firstLayers = map[string]func(steps, batch int, infer bool) nn.Net{
	"lstm, two layers": func(steps, batch int, infer bool) nn.Net {
		l := traintest.Must(lstm.New(lstm.Config{Input: 5, Hidden: 6, Layers: 2, Dropout: 0.2, HiddenDropout: 0.1}, traintest.Rng(2)))
		if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	},
	"lstm, within": func(steps, batch int, infer bool) nn.Net {
		l := traintest.Must(lstm.New(lstm.Config{Input: 5, Hidden: 6}, traintest.Rng(2)))
		if infer {
			return l.Infer(steps, batch)
		}
		return traintest.Must(l.UnrollWithin(steps, batch, l.Unroll(steps, batch).Bytes()-1))
	},
	"gru": func(steps, batch int, infer bool) nn.Net {
		l := traintest.Must(gru.New(gru.Config{Input: 5, Hidden: 3, Bidirectional: true}, traintest.Rng(2)))
		if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	},
	"rnn": func(steps, batch int, infer bool) nn.Net {
		l := traintest.Must(rnn.New(rnn.Config{Input: 5, Hidden: 6, Reverse: true}, traintest.Rng(2)))
		if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	},
}

// TestSymbolsAreVectors: a chain over few symbols, which goes by symbols, and one with the same
// vectors and others that never come, which looks them up, have the same outputs and states, to
// the bit. So are all gradients but those that are summed by symbols, which are close. The
// symbol of padding has none.
func TestSymbolsAreVectors(t *testing.T) {
	const steps, batch, few, many = 9, 64, 7, 145 // chunks of 4 steps; 144 is a quarter of the pairs
	for name, unroll := range firstLayers {
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			chain := func(vocabulary int, infer bool) *nn.Model {
				emb := traintest.Must(nn.NewZeroEmbedding(vocabulary, 5))
				copy(emb.Weight, tinyLike(few*5, 3))
				require.NoError(t, emb.SetPaddingID(2))
				return traintest.Must(nn.Chain(emb, unroll(steps, batch, infer), traintest.Must(nn.NewLinear(6, 4, traintest.Rng(5)))))
			}
			a, b, inferA, inferB := chain(few, false), chain(many, false), chain(few, true), chain(many, true)
			ragged, resets := make([]int, batch), make([][]int, batch)
			for i := range ragged {
				ragged[i] = i % (steps + 1)
				if ragged[i] > 2 {
					resets[i] = []int{2}
				}
			}
			a.SetWorkers(3)
			for pass, lengths := range [][]int{nil, ragged, ragged} {
				ids := traintest.DrawIDs(traintest.Rng(uint64(pass)), steps*batch, few)
				for p := range ids {
					if lengths != nil && p/batch >= lengths[p%batch] {
						ids[p] = -5
					}
				}
				dy := traintest.NumbersLike(steps*batch*4, 8)
				ya, yb := make([]float32, len(dy)), make([]float32, len(dy))
				for i, m := range []*nn.Model{a, b} {
					require.NoError(t, m.SetLengths(lengths))
					if pass == 2 {
						require.NoError(t, m.SetResets(resets))
					}
					y := [][]float32{ya, yb}[i]
					require.NoError(t, m.ForwardIDs(y, ids))
					m.Backward(nil, dy)
				}
				traintest.Equal(t, name+": y", ya, yb)
				for k, s := range a.State() {
					traintest.Equal(t, name+": state", s, b.State()[k])
					traintest.Equal(t, name+": state gradient", a.StateGrad()[k], b.StateGrad()[k])
				}
				var want []nn.Param
				b.EachParam(func(name string, w, g []float32) { want = append(want, nn.Param{Name: name, W: w, G: g}) })
				k := 0
				a.EachParam(func(param string, _, g []float32) {
					w := want[k]
					k++
					require.Equal(t, w.Name, param)
					if param != "0.weight" && param != "1.weight_ih_l0" && param != "1.weight_ih_l0_reverse" {
						traintest.Equal(t, name+": gradient of "+param, g, w.G)
						return
					}
					requireClose(t, fmt.Sprintf("%s, pass %d: gradient of %s", name, pass, param), g, w.G[:len(g)])
					if param == "0.weight" {
						require.Equal(t, make([]float32, 5), g[2*5:3*5], "padding")
					}
				})

				for i, m := range []*nn.Model{inferA, inferB} {
					m.Reset()
					require.NoError(t, m.ForwardIDsLengths([][]float32{ya, yb}[i], ids, lengths))
				}
				traintest.Equal(t, name+": y of Infer", ya, yb)
			}
		})
	}
}

func requireClose(t *testing.T, what string, got, want []float32) {
	t.Helper()
	most := 0.
	for _, v := range want {
		most = max(most, math.Abs(float64(v)))
	}
	require.NotZero(t, most, what)
	for i, v := range want {
		require.InDelta(t, v, got[i], 1e-5*most, "%s[%d]", what, i)
	}
}

// TestSymbolsTakeNoVectors: a chain that goes by symbols has no memory for the vectors and their
// gradients, and allocates nothing from its second pass on.
func TestSymbolsTakeNoVectors(t *testing.T) {
	const steps, batch, width = 64, 64, 256
	emb := traintest.Must(nn.NewEmbedding(4, width, traintest.Rng(1)))
	layer := traintest.Must(lstm.New(lstm.Config{Input: width, Hidden: 4}, traintest.Rng(2)))
	u := layer.Unroll(steps, batch)
	before := u.Bytes()
	live := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	with := live()
	m := traintest.Must(nn.Chain(emb, u))
	require.Less(t, live()-with, int64(4*steps*batch*width), "bytes of a chain whose vectors would be as much")
	require.GreaterOrEqual(t, u.Bytes()-before, 2*4*4*16, "bytes that the layer tells of: products and sums of 4 symbols and 16 gates")

	ids, y := traintest.DrawIDs(traintest.Rng(3), steps*batch, 4), make([]float32, steps*batch*4)
	pass := func() {
		if err := m.ForwardIDs(y, ids); err != nil {
			panic(err)
		}
		m.Backward(nil, y)
	}
	pass()
	require.Zero(t, testing.AllocsPerRun(5, pass))
}

// TestTiedPadding: looking up the symbol of padding adds nothing to the gradient of its vector,
// but a readout with the same weights does.
func TestTiedPadding(t *testing.T) {
	const steps, batch, width, symbols, padding = 5, 4, 6, 5, 3
	emb := traintest.Must(nn.NewEmbedding(symbols, width, traintest.Rng(1)))
	require.NoError(t, emb.SetPaddingID(padding))
	layer := traintest.Must(rnn.New(rnn.Config{Input: width, Hidden: width}, traintest.Rng(2)))
	m := traintest.Must(nn.Chain(emb, layer.Unroll(steps, batch), emb.Readout()))
	apart := traintest.Must(nn.Chain(layer.Unroll(steps, batch), traintest.Must(nn.NewZeroLinear(width, symbols))))
	copy(paramsOf(apart)["1.weight"].W, emb.Weight)
	ids, dy := traintest.DrawIDs(traintest.Rng(3), steps*batch, symbols), traintest.NumbersLike(steps*batch*symbols, 4)
	x, y := make([]float32, steps*batch*width), make([]float32, len(dy))
	for i, id := range ids {
		copy(x[i*width:][:width], emb.Weight[int(id)*width:])
	}
	require.Contains(t, ids, int32(padding))
	require.NoError(t, m.ForwardIDs(y, ids))
	m.Backward(nil, dy)
	apart.Forward(y, x)
	apart.Backward(nil, dy)
	got, readout := paramsOf(m)["0.weight"].G, paramsOf(apart)["1.weight"].G
	traintest.Equal(t, "padding", got[padding*width:][:width], readout[padding*width:][:width])
	require.NotEqual(t, got[:width], readout[:width])
}

// TestSymbolsAreTold: what OnGradients says is complete stays as it is.
func TestSymbolsAreTold(t *testing.T) {
	m := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 5, Embed: 4, Hidden: 6, Layers: 2, Steps: 9, Batch: 3})
	var told []int
	kept := map[string][]float32{}
	require.True(t, nn.OnGradients(m, func(n int) {
		told = append(told, n)
		k := 0
		m.EachParam(func(name string, _, g []float32) {
			if _, ok := kept[name]; k >= n && !ok {
				kept[name] = slices.Clone(g)
			}
			k++
		})
	}))
	y := make([]float32, 27*5)
	require.NoError(t, m.ForwardIDs(y, traintest.DrawIDs(traintest.Rng(3), 27, 5)))
	m.Backward(nil, traintest.NumbersLike(len(y), 4))
	require.Equal(t, 0, told[len(told)-1])
	require.Greater(t, len(told), 2)
	m.EachParam(func(name string, _, g []float32) { traintest.Equal(t, name, g, kept[name]) })
}

// TestTableOfTheLayer: an embedding whose table is W_ih of the layer behind it is one parameter
// with it, whose memory the layer writes.
func TestTableOfTheLayer(t *testing.T) {
	const steps, batch, width = 9, 4, 3
	layer := traintest.Must(rnn.New(rnn.Config{Input: width, Hidden: width}, traintest.Rng(2)))
	u := layer.Unroll(steps, batch)
	emb := &nn.Embedding{Weight: paramsOf(u)["weight_ih_l0"].W, Vocabulary: width, Dim: width}
	m := traintest.Must(nn.Chain(emb, u))
	ids, y, dy := traintest.DrawIDs(traintest.Rng(3), steps*batch, width), make([]float32, steps*batch*width), traintest.NumbersLike(steps*batch*width, 4)
	require.NoError(t, m.ForwardIDs(y, ids))
	m.Backward(nil, dy)

	apart := layer.Unroll(steps, batch)
	x, want, dx := make([]float32, len(y)), make([]float32, len(y)), make([]float32, len(y))
	for i, id := range ids {
		copy(x[i*width:][:width], emb.Weight[int(id)*width:])
	}
	apart.Forward(want, x)
	apart.Backward(dx, dy)
	traintest.Equal(t, "y", y, want)
	sum := slices.Clone(paramsOf(apart)["weight_ih_l0"].G)
	for i, id := range ids {
		for j := range width {
			sum[int(id)*width+j] += dx[i*width+j]
		}
	}
	requireClose(t, "gradient of both", paramsOf(m)["0.weight"].G, sum)
}
