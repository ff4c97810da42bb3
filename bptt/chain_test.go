package bptt_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// What users rely on to fit together.
var (
	_ bptt.Net       = (*lstm.Unrolled)(nil)
	_ bptt.Predictor = (*lstm.Predictor)(nil)
	_ bptt.Net       = (*gru.Unrolled)(nil)
	_ bptt.Predictor = (*gru.Predictor)(nil)
	_ bptt.Net       = (*rnn.Unrolled)(nil)
	_ bptt.Predictor = (*rnn.Predictor)(nil)
	_ bptt.Net       = (*bptt.Model)(nil)
	_ bptt.Predictor = (*bptt.ModelPredictor)(nil)
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// must is for what cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func unrolled(in, hidden, steps, batch int) *lstm.Unrolled {
	return must(lstm.New(lstm.Config{Input: in, Hidden: hidden}, rng(2))).Unroll(steps, batch)
}

func TestChainErrors(t *testing.T) {
	emb := must(bptt.NewEmbedding(7, 3, rng(1)))
	lin := must(bptt.NewLinear(4, 7, rng(1)))
	net := unrolled(3, 4, 5, 2)
	for name, stages := range map[string][]bptt.Stage{
		"nothing":         nil,
		"nil":             {emb, nil},
		"no net":          {emb, must(bptt.NewLinear(3, 7, rng(1)))},
		"embedding alone": {emb},
		"width":           {emb, unrolled(4, 4, 5, 2), lin},
		"embedding last":  {net, must(bptt.NewEmbedding(4, 4, nil))},
		"steps":           {net, unrolled(4, 4, 6, 2)},
		"rows":            {net, unrolled(4, 4, 5, 3)},
		"foreign readout": {emb, unrolled(3, 3, 5, 2), must(bptt.NewEmbedding(7, 3, rng(1))).Readout()},
		"no stage":        {stranger{}, net},
	} {
		_, err := bptt.Chain(stages...)
		require.Error(t, err, name)
	}
	for _, sizes := range [][2]int{{0, 1}, {1, 0}, {-1, 2}, {math.MaxInt32, 2}, {math.MaxInt, math.MaxInt}} {
		_, err := bptt.NewLinear(sizes[0], sizes[1], nil)
		require.Error(t, err)
		_, err = bptt.NewEmbedding(sizes[0], sizes[1], nil)
		require.Error(t, err)
	}
}

type stranger struct{}

func (stranger) Dims() (steps, batch, in, out int) { return 0, 0, 3, 3 }

func TestChainNames(t *testing.T) {
	names := func(net bptt.Net) (out []string) {
		net.EachParam(func(name string, w, g []float32) {
			require.Len(t, g, len(w))
			out = append(out, name)
		})
		return out
	}
	require.Equal(t, []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "2.weight", "2.bias"},
		names(languageModel(t, 1, small)))
	tied := small
	tied.tied, tied.hidden = true, tied.embed
	require.Equal(t, []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "2.bias"},
		names(languageModel(t, 1, tied)))
}

// TestInitialValues: the distributions of PyTorch, the seed's bits, and zeros
// without a generator.
func TestInitialValues(t *testing.T) {
	emb := must(bptt.NewEmbedding(301, 333, rng(5)))
	sum, squares, tails := 0.0, 0.0, 0
	for _, w := range emb.Weight {
		sum += float64(w)
		squares += float64(w) * float64(w)
		if w > 2 || w < -2 {
			tails++
		}
	}
	n := float64(len(emb.Weight))
	require.InDelta(t, 0, sum/n, 4/math.Sqrt(n))
	require.InDelta(t, 1, squares/n, 4*math.Sqrt(2/n))
	require.InDelta(t, 0.0455, float64(tails)/n, 0.003)
	require.Equal(t, emb.Weight, must(bptt.NewEmbedding(301, 333, rng(5))).Weight)

	lin := must(bptt.NewLinear(100, 900, rng(5)))
	low, high, mean := float32(0), float32(0), 0.0
	for _, w := range append(lin.Weight, lin.Bias...) {
		low, high = min(low, w), max(high, w)
		mean += float64(w) / 91000
	}
	require.InDelta(t, -0.1, low, 1e-4)
	require.InDelta(t, 0.1, high, 1e-4)
	require.InDelta(t, 0, mean, 1e-3)
	require.Equal(t, make([]float32, 6), must(bptt.NewLinear(2, 3, nil)).Weight)
	require.Equal(t, make([]float32, 6), must(bptt.NewEmbedding(2, 3, nil)).Weight)
}

// TestPadding: what lies past the end of a row changes nothing and comes out as
// +0, bad ids and NaN included.
func TestPadding(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		lengths := []int{6, 0, 4}
		run := func(pad int32, dpad float32) (y, grads []float32) {
			net := languageModel(t, 1, small)
			ids := make([]int32, 18)
			y, dy := make([]float32, 18*13), make([]float32, 18*13)
			for p := range ids {
				ids[p] = int32(p) % 13
				for i := range 13 {
					dy[p*13+i] = float32(p+i) / 50
					if p/3 >= lengths[p%3] {
						ids[p], dy[p*13+i] = pad, dpad
					}
				}
			}
			require.NoError(t, net.SetLengths(lengths))
			require.NoError(t, net.ForwardIDs(y, ids))
			net.Backward(nil, dy)
			net.EachParam(func(_ string, _, g []float32) { grads = append(grads, g...) })
			return y, grads
		}
		y, grads := run(0, 0)
		other, same := run(-77, float32(math.NaN()))
		numtest.Equal(t, other, y)
		numtest.Equal(t, same, grads)
		for p := range 18 {
			for i := range 13 {
				if p/3 >= lengths[p%3] {
					require.Equal(t, uint32(0), math.Float32bits(y[p*13+i]))
				}
			}
		}
	})
	// A linear layer in front hands out dx: +0 there too.
	first := must(bptt.NewLinear(2, 3, rng(1)))
	front := must(bptt.Chain(first, unrolled(3, 4, 3, 2), must(bptt.NewLinear(4, 2, rng(1)))))
	require.NoError(t, front.SetLengths([]int{1, 3}))
	nan := float32(math.NaN())
	y, dx := make([]float32, 12), make([]float32, 12)
	front.Forward(y, []float32{1, 2, 3, 4, nan, nan, 5, 6, nan, nan, 7, 8})
	front.Backward(dx, []float32{1, 2, 3, 4, nan, nan, 5, 6, nan, nan, 7, 8})
	for i, v := range dx {
		if row := i / 2; row == 2 || row == 4 {
			require.Equal(t, uint32(0), math.Float32bits(v), "dx[%d]", i)
		} else {
			require.False(t, math.IsNaN(float64(v)) || v == 0, "dx[%d]", i)
		}
	}
	first.Weight[0] = nan // 0 * NaN is NaN, but padding is +0 by selection
	front.Forward(y, make([]float32, 12))
	front.Backward(dx, y)
	require.Equal(t, []float32{0, 0}, dx[4:6])
	require.Equal(t, []float32{0, 0}, dx[8:10])
	net := languageModel(t, 1, small)
	for _, bad := range [][]int{{1, 2}, {1, 2, 7}, {-1, 2, 3}} {
		require.Error(t, net.SetLengths(bad))
	}
}

// TestChainOfFloats has no embedding, two nets and two linear layers, and hands
// dx and state gradients through.
func TestChainOfFloats(t *testing.T) {
	build := func() *bptt.Model {
		a := must(bptt.NewLinear(3, 4, rng(1)))
		b := must(bptt.NewLinear(6, 2, rng(2)))
		return must(bptt.Chain(a, unrolled(4, 5, 4, 2), unrolled(5, 6, 4, 2), b))
	}
	whole, parts := build(), build()
	x, dy := make([]float32, 4*2*3), make([]float32, 4*2*2)
	r := rng(3)
	for i := range x {
		x[i] = float32(r.Uint64()%100)/50 - 1
	}
	for i := range dy {
		dy[i] = float32(r.Uint64()%100)/50 - 1
	}
	y, dx := make([]float32, len(dy)), make([]float32, len(x))
	whole.Forward(y, x)
	whole.Backward(dx, dy)

	// Cut in two: forward first to last, backward last to first.
	y2, dx2 := make([]float32, len(dy)), make([]float32, len(x))
	parts.Forward(y2[:8], x[:12])
	middle := parts.State()
	parts.Forward(y2[8:], x[12:])
	numtest.Equal(t, y2, y)
	numtest.Equal(t, parts.State()[3], whole.State()[3])
	parts.Backward(dx2[12:], dy[8:])
	grad := parts.StateGrad()
	require.Len(t, grad, 4)
	parts.Reset()
	parts.Forward(y2[:8], x[:12])
	numtest.Equal(t, parts.State()[1], middle[1])
	require.NoError(t, parts.SetStateGrad(grad))
	parts.Backward(dx2[:12], dy[:8])
	numtest.Equal(t, dx2, dx)
	for i, g := range whole.StateGrad() {
		numtest.Equal(t, parts.StateGrad()[i], g)
	}
	copied := whole.State()
	whole.CopyState(copied)
	for i, s := range whole.State() {
		numtest.Equal(t, copied[i], s)
	}
	require.NoError(t, whole.SetState(middle))
	require.Error(t, whole.SetState(middle[:3]))
	require.Error(t, whole.SetStateGrad(middle[:1]))
	require.NoError(t, whole.SetStateGrad(nil))

	// What does not fit the last net is not set in the first either.
	other := whole.State()
	other[0][0]++
	other[3] = other[3][1:]
	require.ErrorContains(t, whole.SetState(other), "tensor 3 of the state has 11 elements, want 12")
	require.ErrorContains(t, whole.SetStateGrad(other), "tensor 3 of the state gradient has 11 elements, want 12")
	for i, s := range whole.State() {
		numtest.Equal(t, s, middle[i])
	}
	p := must(whole.Predictor(2))
	require.ErrorContains(t, p.SetState(other), "tensor 3 of the state has 11 elements, want 12")
	for _, s := range p.State() {
		require.Equal(t, make([]float32, len(s)), s)
	}
	whole.Forward(y, x)
	whole.Backward(dx, dy)
	whole.ZeroGrads()
	whole.EachParam(func(_ string, _, g []float32) { require.Equal(t, make([]float32, len(g)), g) })
}

// TestNoSteps: a pass over no steps hands the gradient of the state on, once.
func TestNoSteps(t *testing.T) {
	net := must(bptt.Chain(unrolled(3, 4, 6, 2), must(bptt.NewLinear(4, 2, rng(1)))))
	x, y, dx := make([]float32, 6*2*3), make([]float32, 6*2*2), make([]float32, 6*2*3)
	grad := net.State()
	for _, g := range grad {
		for i := range g {
			g[i] = float32(i) + 1
		}
	}
	zero := net.State()
	net.Forward(y, x)
	require.NoError(t, net.SetStateGrad(grad))
	net.Backward(dx, y)
	first := net.StateGrad()
	require.NotEqual(t, zero, first)

	net.Forward(nil, nil)
	net.Backward(nil, nil)
	require.Equal(t, zero, net.StateGrad(), "none was handed in")
	net.Forward(nil, nil)
	require.NoError(t, net.SetStateGrad(grad))
	net.Backward(nil, nil)
	require.Equal(t, grad, net.StateGrad())
	net.Reset()
	net.Forward(y, x)
	net.Backward(dx, make([]float32, len(y)))
	require.Equal(t, zero, net.StateGrad(), "the gradient served the pass over no steps")
}

func TestMisusePanics(t *testing.T) {
	ids, floats := languageModel(t, 1, small), must(bptt.Chain(unrolled(3, 4, 6, 2), must(bptt.NewLinear(4, 2, rng(1)))))
	y := make([]float32, 18*13)
	for text, f := range map[string]func(){
		"want ForwardIDs":    func() { ids.Forward(y, y) },
		"want Forward":       func() { _ = floats.ForwardIDs(y[:4], make([]int32, 2)) },
		"4 ids, want 3":      func() { _ = ids.ForwardIDs(y[:39], make([]int32, 4)) },
		"up to 234":          func() { _ = ids.ForwardIDs(make([]float32, 7*39), make([]int32, 21)) },
		"multiple of 39":     func() { _ = ids.ForwardIDs(y[:38], make([]int32, 3)) },
		"5 elements, want 6": func() { floats.Forward(y[:4], y[:5]) },
		"over ids has no dx": func() { ids.Backward(y, y) },
		"Backward: dy has 3": func() { floats.Backward(nil, y[:3]) },
	} {
		func() {
			defer func() { require.Contains(t, recover(), text) }()
			f()
		}()
	}
	floats.Forward(y[:4], y[:6])
	require.PanicsWithValue(t, "bptt: Backward: dx has 5 elements, want 6, those of the last forward pass", func() { floats.Backward(y[:5], y[:4]) })

	// No steps and no rows are nothing to do.
	require.NoError(t, ids.ForwardIDs(nil, nil))
	ids.Backward(nil, nil)
	empty := must(bptt.Chain(must(bptt.NewEmbedding(5, 3, rng(1))), unrolled(3, 4, 6, 0), must(bptt.NewLinear(4, 5, rng(1)))))
	require.NoError(t, empty.ForwardIDs(nil, nil))
	empty.Backward(nil, nil)
}

// TestBadID leaves the state as it was.
func TestBadID(t *testing.T) {
	net := languageModel(t, 1, small)
	y := make([]float32, 3*13)
	require.NoError(t, net.ForwardIDs(y, []int32{1, 2, 3}))
	before := net.State()
	for _, bad := range []int32{-1, 13, math.MaxInt32, math.MinInt32} {
		var id *bptt.IDError
		require.ErrorAs(t, net.ForwardIDs(y, []int32{1, bad, 3}), &id)
		require.Equal(t, bad, id.ID)
		require.Equal(t, 1, id.Row)
	}
	require.Equal(t, before, net.State())
}

// TestPredictor: step by step a frozen copy gives the bits of the forward pass,
// each row by itself, on every tier.
func TestPredictor(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, tied := range []bool{false, true} {
			s := small
			if s.tied = tied; tied {
				s.hidden = s.embed
			}
			net := languageModel(t, 1, s)
			ids := make([]int32, 18)
			for i := range ids {
				ids[i] = int32(i*7) % 13
			}
			want := make([]float32, 18*13)
			require.NoError(t, net.ForwardIDs(want, ids))
			p := must(net.Predictor(3))
			batch, in, out := p.Dims()
			require.Equal(t, []int{3, 13, 13}, []int{batch, in, out})
			y := make([]float32, 3*13)
			var half [][]float32
			for step := range 6 {
				if step == 3 {
					half = p.State()
				}
				require.NoError(t, p.StepIDs(y, ids[3*step:][:3]))
				numtest.Equal(t, y, want[step*39:][:39], "step %d", step)
			}
			numtest.Equal(t, p.State()[0], net.State()[0])
			require.NoError(t, p.SetState(half))
			require.NoError(t, p.StepIDs(y, ids[9:12]))
			numtest.Equal(t, y, want[3*39:][:39])

			require.Error(t, p.SetState(half[:1]))
			require.Error(t, p.StepIDs(y, []int32{1, 2, 13}))
			require.NoError(t, p.SetState(half))
			p.Reorder([]int{2, 2, 0})
			require.NoError(t, p.StepIDs(y, []int32{ids[11], ids[11], ids[9]}))
			numtest.Equal(t, y[:13], want[3*39+26:][:13])
			numtest.Equal(t, y[13:26], want[3*39+26:][:13])
			numtest.Equal(t, y[26:], want[3*39:][:13])

			// Frozen until Refresh.
			p.Reset()
			net.EachParam(func(_ string, w, _ []float32) {
				for i := range w {
					w[i] /= 2
				}
			})
			require.NoError(t, p.StepIDs(y, ids[:3]))
			numtest.Equal(t, y, want[:39])
			p.Reset(0, 1, 2)
			p.Refresh()
			net.Reset()
			require.NoError(t, net.ForwardIDs(want, ids))
			require.NoError(t, p.StepIDs(y, ids[:3]))
			numtest.Equal(t, y, want[:39])
			require.Zero(t, testing.AllocsPerRun(20, func() { _ = p.StepIDs(y, ids[:3]) }))
		}
	})
	floats := must(bptt.Chain(unrolled(3, 4, 2, 2), must(bptt.NewLinear(4, 2, rng(1)))))
	x, want, y := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 4), make([]float32, 4)
	floats.Forward(want, x)
	any := must(floats.NewPredictor(2))
	any.(bptt.Predictor).Step(y, x)
	numtest.Equal(t, y, want)
	require.Panics(t, func() { any.(bptt.Predictor).Step(y, x[:5]) })
	require.Panics(t, func() { any.(bptt.Predictor).Step(y[:3], x) })
	none := must(floats.Predictor(0))
	none.Step(nil, nil)
	for _, n := range []int{-1, math.MaxInt} {
		_, err := floats.Predictor(n)
		require.Error(t, err)
	}
	leaky := must(bptt.Chain(newLeaky(2, 1), must(bptt.NewLinear(1, 1, nil))))
	_, err := leaky.Predictor(13)
	require.ErrorContains(t, err, "unlucky")
	_, err = leaky.Predictor(1)
	require.ErrorContains(t, err, "no bptt.Predictor")
}

func TestSample(t *testing.T) {
	var first []int32
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		net := languageModel(t, 1, small)
		p := must(net.Predictor(1))
		draw := func(n int, prompt []int32, temperature float64, r *rand.Rand) []int32 {
			dst := make([]int32, n)
			require.NoError(t, p.Sample(dst, prompt, temperature, r))
			return dst
		}
		whole := draw(40, []int32{1, 2}, 1, rng(9))
		if first == nil {
			first = whole
		}
		require.Equal(t, first, whole, "every tier writes the same text")
		p.Reset()
		r := rng(9)
		require.Equal(t, whole, append(draw(15, []int32{1, 2}, 1, r), draw(25, nil, 1, r)...), "in pieces")
		p.Reset()
		require.NotEqual(t, whole, draw(40, []int32{1, 2}, 1, rng(10)))

		// Temperature 0 is the limit of low ones, and draws nothing.
		p.Reset()
		greedy := draw(40, []int32{1, 2}, 0, nil)
		p.Reset()
		require.Equal(t, greedy, draw(40, []int32{1, 2}, 1e-9, rng(9)))
		p.Reset()
		y := make([]float32, 13)
		require.NoError(t, p.StepIDs(y, []int32{1}))
		require.NoError(t, p.StepIDs(y, []int32{2}))
		for i, id := range greedy {
			for _, v := range y {
				require.LessOrEqual(t, v, y[id], "symbol %d", i)
			}
			require.NoError(t, p.StepIDs(y, []int32{id}))
		}
	})

	// The frequencies are the softmax of the logits over the temperature.
	emb := must(bptt.NewEmbedding(3, 2, nil))
	lin := must(bptt.NewLinear(4, 3, nil))
	copy(lin.Bias, []float32{0, 1, 2})
	net := must(bptt.Chain(emb, unrolled(2, 4, 1, 1), lin))
	p := must(net.Predictor(1))
	dst := make([]int32, 30000)
	require.NoError(t, p.Sample(dst, []int32{0}, 2, rng(4)))
	counts := [3]float64{}
	for _, id := range dst {
		counts[id]++
	}
	total := 1 + math.Exp(0.5) + math.E
	for i, c := range counts {
		require.InDelta(t, math.Exp(float64(i)/2)/total, c/float64(len(dst)), 0.015)
	}

	// So low a temperature that its reciprocal is no float32.
	require.NoError(t, p.Sample(dst[:9], []int32{0}, 1e-300, rng(4)))
	require.Equal(t, []int32{2, 2, 2, 2, 2, 2, 2, 2, 2}, dst[:9])

	copy(lin.Bias, []float32{float32(math.NaN()), 1, 1})
	p.Refresh()
	require.NoError(t, p.Sample(nil, []int32{0}, 0, nil))
	require.NoError(t, p.Sample(dst[:1], nil, 0, nil), "the largest that is a number")
	require.Equal(t, int32(1), dst[0])
	require.Error(t, p.Sample(dst[:1], nil, 1, rng(1)))
	for _, temperature := range []float64{-1, math.NaN(), math.Inf(1)} {
		require.Error(t, p.Sample(dst, []int32{0}, temperature, rng(1)))
	}
	p.Reset()
	require.ErrorContains(t, p.Sample(dst, nil, 1, rng(1)), "prompt")
	require.Error(t, p.Sample(dst, []int32{3}, 1, rng(1)))
	require.Error(t, must(net.Predictor(2)).Sample(dst, []int32{0}, 1, rng(1)))
}

// TestEvaluate gives the loss that training sees, and leaves no trace.
func TestEvaluate(t *testing.T) {
	net := languageModel(t, 1, small)
	y := make([]float32, 3*13)
	require.NoError(t, net.ForwardIDs(y, []int32{1, 2, 3}))
	state, before := net.State(), bptt.Fingerprint(net)
	ctx := context.Background()
	mean, n, err := bptt.Evaluate(ctx, net, textData(t, 100, small), bptt.CrossEntropy{})
	require.NoError(t, err)
	require.Equal(t, 99, n)
	require.Equal(t, state, net.State())
	require.Equal(t, before, bptt.Fingerprint(net))

	sum := 0.0
	_, err = bptt.Train(ctx, net, textData(t, 100, small), bptt.Plan{
		Window: 6, Epochs: 1, Loss: bptt.CrossEntropy{}, Optimizer: frozen{},
		OnStep: func(p bptt.Progress) error { sum += p.Loss * float64(p.Count); return nil },
	})
	require.NoError(t, err)
	require.InEpsilon(t, sum/99, mean, 1e-12)

	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, _, err = bptt.Evaluate(gone, net, textData(t, 100, small), bptt.CrossEntropy{})
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = bptt.Evaluate(ctx, net, never{}, bptt.CrossEntropy{})
	require.Error(t, err)
	_, _, err = bptt.Evaluate(ctx, net, textData(t, 100, sizes{vocabulary: 13, batch: 2}), bptt.CrossEntropy{})
	require.Error(t, err)
	// Data without reset flags begins in the zero state.
	used := newLeaky(4, 1)
	used.h[0] = 1000
	mean, n, err = bptt.Evaluate(ctx, used, &script{n: 10}, bptt.MSE{})
	require.NoError(t, err)
	require.Equal(t, 10, n)
	fresh, _, err := bptt.Evaluate(ctx, newLeaky(4, 1), &script{n: 10}, bptt.MSE{})
	require.NoError(t, err)
	require.Equal(t, fresh, mean)
	require.Equal(t, float32(1000), used.h[0])
}

func TestFingerprintSeesEverything(t *testing.T) {
	net := newLeaky(1, 1)
	sum := bptt.Fingerprint(net)
	net.w[0] = math.Float32frombits(math.Float32bits(1) + 1)
	require.NotEqual(t, sum, bptt.Fingerprint(net))
	net.w[0] = float32(math.NaN())
	sum = bptt.Fingerprint(net)
	net.w[0] = math.Float32frombits(0xffc12345)
	require.Equal(t, sum, bptt.Fingerprint(net), "one NaN is as good as another")
}

// A stage that stands twice in a chain, a chain gone back over twice, and
// arguments that are not there are refused with what to do.
func TestMisuseOfChains(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cell, err := lstm.New(lstm.Config{Input: 3, Hidden: 3}, r)
	require.NoError(t, err)
	u := cell.Unroll(2, 1)
	_, err = bptt.Chain(u, u)
	require.ErrorContains(t, err, "stage 1 of the chain is stage 0 again")
	lin, err := bptt.NewLinear(3, 3, r)
	require.NoError(t, err)
	_, err = bptt.Chain(lin, u, lin)
	require.ErrorContains(t, err, "stage 2 of the chain is stage 0 again")

	m, err := bptt.Chain(u, lin)
	require.NoError(t, err)
	y, dy := make([]float32, 6), []float32{1, 2, 3, 4, 5, 6}
	m.Forward(y, make([]float32, 6))
	m.Backward(nil, dy)
	before := gradients(m)
	require.Panics(t, func() { m.Backward(nil, dy) })
	m.Forward(y, make([]float32, 6))
	require.NoError(t, m.SetLengths([]int{1}))
	require.Panics(t, func() { m.Backward(nil, dy) })
	require.Equal(t, before, gradients(m), "a refused Backward changed gradients")

	plan := bptt.Plan{Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}}
	_, err = bptt.NewTrainer(nil, nil, plan)
	require.ErrorContains(t, err, "no net")
	_, err = bptt.NewTrainer(m, nil, plan)
	require.ErrorContains(t, err, "no data")
}

func gradients(m *bptt.Model) (all []float32) {
	m.EachParam(func(_ string, _, g []float32) { all = append(all, g...) })
	return all
}
