package nn_test

import (
	"context"
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"

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
	_ nn.Net       = (*lstm.Unrolled)(nil)
	_ nn.Predictor = (*lstm.Predictor)(nil)
	_ nn.Net       = (*gru.Unrolled)(nil)
	_ nn.Predictor = (*gru.Predictor)(nil)
	_ nn.Net       = (*rnn.Unrolled)(nil)
	_ nn.Predictor = (*rnn.Predictor)(nil)
	_ nn.Net       = (*nn.Model)(nil)
	_ nn.Predictor = (*nn.ModelPredictor)(nil)
)

func TestChainNames(t *testing.T) {
	names := func(net nn.Net) (out []string) {
		net.EachParam(func(name string, w, g []float32) {
			require.Len(t, g, len(w))
			out = append(out, name)
		})
		return out
	}
	require.Equal(t, []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "2.weight", "2.bias"},
		names(traintest.LanguageModel(t, 1, traintest.Small)))
	tied := traintest.Small
	tied.Tied, tied.Hidden = true, tied.Embed
	require.Equal(t, []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "2.bias"},
		names(traintest.LanguageModel(t, 1, tied)))
}

// TestPadding: what lies past the end of a row changes nothing and comes out as
// +0, bad ids and NaN included.
func TestPadding(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		lengths := []int{6, 0, 4}
		run := func(pad int32, dpad float32) (y, grads []float32) {
			net := traintest.LanguageModel(t, 1, traintest.Small)
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
	first := traintest.Must(nn.NewLinear(2, 3, traintest.Rng(1)))
	front := traintest.Must(nn.Chain(first, traintest.Unrolled(3, 4, 3, 2), traintest.Must(nn.NewLinear(4, 2, traintest.Rng(1)))))
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
	net := traintest.LanguageModel(t, 1, traintest.Small)
	for _, bad := range [][]int{{1, 2}, {1, 2, 7}, {-1, 2, 3}} {
		require.Error(t, net.SetLengths(bad))
	}
}

// TestChainOfFloats has no embedding, two nets and two linear layers, and hands
// dx and state gradients through.
func TestChainOfFloats(t *testing.T) {
	build := func() *nn.Model {
		a := traintest.Must(nn.NewLinear(3, 4, traintest.Rng(1)))
		b := traintest.Must(nn.NewLinear(6, 2, traintest.Rng(2)))
		return traintest.Must(nn.Chain(a, traintest.Unrolled(4, 5, 4, 2), traintest.Unrolled(5, 6, 4, 2), b))
	}
	whole, parts := build(), build()
	x, dy := make([]float32, 4*2*3), make([]float32, 4*2*2)
	r := traintest.Rng(3)
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
	p := traintest.Must(whole.Predictor(2))
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
	net := traintest.Must(nn.Chain(traintest.Unrolled(3, 4, 6, 2), traintest.Must(nn.NewLinear(4, 2, traintest.Rng(1)))))
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
	ids, floats := traintest.LanguageModel(t, 1, traintest.Small), traintest.Must(nn.Chain(traintest.Unrolled(3, 4, 6, 2), traintest.Must(nn.NewLinear(4, 2, traintest.Rng(1)))))
	y := make([]float32, 18*13)
	for text, f := range map[string]func(){
		"want ForwardIDs":    func() { ids.Forward(y, y) },
		"want Forward":       func() { _ = floats.ForwardIDs(y[:4], make([]int32, 2)) },
		"4 ids, want 3":      func() { _ = ids.ForwardIDs(y[:39], make([]int32, 4)) },
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
	x := make([]float32, 6)
	floats.Forward(y[:4], x)
	require.PanicsWithValue(t, "nn: Backward: dx has 5 elements, want 6, those of the last forward pass", func() { floats.Backward(y[:5], y[:4]) })

	// No steps and no rows are nothing to do.
	require.NoError(t, ids.ForwardIDs(nil, nil))
	ids.Backward(nil, nil)
	empty := traintest.Must(nn.Chain(traintest.Must(nn.NewEmbedding(5, 3, traintest.Rng(1))), traintest.Unrolled(3, 4, 6, 0), traintest.Must(nn.NewLinear(4, 5, traintest.Rng(1)))))
	require.NoError(t, empty.ForwardIDs(nil, nil))
	empty.Backward(nil, nil)
}

// TestEvaluate gives the loss that training sees, and leaves no trace.
func TestEvaluate(t *testing.T) {
	net := traintest.LanguageModel(t, 1, traintest.Small)
	y := make([]float32, 3*13)
	require.NoError(t, net.ForwardIDs(y, []int32{1, 2, 3}))
	state, before := net.State(), nn.Fingerprint(net)
	ctx := context.Background()
	mean, n, err := bptt.Evaluate(ctx, net, traintest.TextData(t, 100, traintest.Small), loss.CrossEntropy{})
	require.NoError(t, err)
	require.Equal(t, 99, n)
	require.Equal(t, state, net.State())
	require.Equal(t, before, nn.Fingerprint(net))

	sum := 0.0
	_, err = bptt.Train(ctx, net, traintest.TextData(t, 100, traintest.Small), bptt.Plan{
		Window: 6, Epochs: 1, Loss: loss.CrossEntropy{}, Optimizer: traintest.Frozen{},
		OnStep: func(p bptt.Progress) error { sum += p.Loss * float64(p.Count); return nil },
	})
	require.NoError(t, err)
	require.InEpsilon(t, sum/99, mean, 1e-12)

	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, _, err = bptt.Evaluate(gone, net, traintest.TextData(t, 100, traintest.Small), loss.CrossEntropy{})
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = bptt.Evaluate(ctx, net, traintest.Never{}, loss.CrossEntropy{})
	require.Error(t, err)
	_, _, err = bptt.Evaluate(ctx, net, traintest.TextData(t, 100, traintest.Sizes{Vocabulary: 13, Batch: 2}), loss.CrossEntropy{})
	require.Error(t, err)
	// Data without reset flags begins in the zero state.
	used := traintest.NewLeaky(4, 1)
	used.H[0] = 1000
	mean, n, err = bptt.Evaluate(ctx, used, &traintest.Script{N: 10}, loss.MSE{})
	require.NoError(t, err)
	require.Equal(t, 10, n)
	fresh, _, err := bptt.Evaluate(ctx, traintest.NewLeaky(4, 1), &traintest.Script{N: 10}, loss.MSE{})
	require.NoError(t, err)
	require.Equal(t, fresh, mean)
	require.Equal(t, float32(1000), used.H[0])
}
