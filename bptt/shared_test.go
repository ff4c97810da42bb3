package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// affine is a Net of one row and width 1, y = w*x + w, that reports w twice, with
// a gradient for each: scale and shift.
type affine struct {
	steps        int
	w            []float32
	scale, shift []float32
	x            []float32
}

func newAffine(steps int) *affine {
	return &affine{steps: steps, w: []float32{0.5}, scale: []float32{0}, shift: []float32{0}}
}

func (n *affine) Dims() (steps, batch, in, out int) { return n.steps, 1, 1, 1 }

func (n *affine) Forward(y, x []float32) {
	n.x = x
	for i, v := range x {
		y[i] = float32(n.w[0]*v) + n.w[0]
	}
}

func (n *affine) Backward(dx, dy []float32) {
	for i, d := range dy {
		n.scale[0] += float32(d * n.x[i])
		n.shift[0] += d
		if dx != nil {
			dx[i] = d * n.w[0]
		}
	}
}

func (n *affine) SetLengths([]int) error         { return nil }
func (n *affine) SetTraining(bool)               {}
func (n *affine) State() [][]float32             { return nil }
func (n *affine) SetState([][]float32) error     { return nil }
func (n *affine) SetStateGrad([][]float32) error { return nil }
func (n *affine) StateGrad() [][]float32         { return nil }
func (n *affine) Reset(...int)                   {}
func (n *affine) ZeroGrads()                     { n.scale[0], n.shift[0] = 0, 0 }
func (n *affine) NewPredictor(int) (any, error)  { return nil, fmt.Errorf("none") }
func (n *affine) EachParam(f func(string, []float32, []float32)) {
	f("scale", n.w, n.scale)
	f("shift", n.w, n.shift)
}

// reporting is a Net that reports the given parameters.
type reporting struct {
	*leaky
	params []bptt.Param
}

func (n *reporting) EachParam(f func(string, []float32, []float32)) {
	for _, p := range n.params {
		f(p.Name, p.W, p.G)
	}
}

func onReportedTwice(t *testing.T, p bptt.Plan) (bptt.Net, *bptt.Trainer) {
	p.Window, p.Stride, p.Loss, p.Accumulate = 4, 3, bptt.MSE{}, 2
	p.Optimizer = &bptt.Adam{LR: 1e-2}
	net := newAffine(4)
	trainer, err := bptt.NewTrainer(net, &script{n: 17}, p)
	require.NoError(t, err)
	return net, trainer
}

// layers makes one layer of each kind, to be unrolled as often as a test wants.
var layers = map[string]func(width int) func(steps, batch int) bptt.Net{
	"lstm": func(width int) func(steps, batch int) bptt.Net {
		l := must(lstm.New(lstm.Config{Input: width, Hidden: width}, rng(2)))
		return func(steps, batch int) bptt.Net { return l.Unroll(steps, batch) }
	},
	"gru": func(width int) func(steps, batch int) bptt.Net {
		l := must(gru.New(gru.Config{Input: width, Hidden: width}, rng(2)))
		return func(steps, batch int) bptt.Net { return l.Unroll(steps, batch) }
	},
	"rnn": func(width int) func(steps, batch int) bptt.Net {
		l := must(rnn.New(rnn.Config{Input: width, Hidden: width}, rng(2)))
		return func(steps, batch int) bptt.Net { return l.Unroll(steps, batch) }
	},
}

func paramNames(net bptt.Net) (names []string) {
	net.EachParam(func(name string, _, _ []float32) { names = append(names, name) })
	return names
}

func paramsOf(net bptt.Net) map[string]bptt.Param {
	all := map[string]bptt.Param{}
	net.EachParam(func(name string, w, g []float32) { all[name] = bptt.Param{Name: name, W: w, G: g} })
	return all
}

func numbersLike(n int, seed uint64) []float32 {
	r, v := rng(seed), make([]float32, n)
	for i := range v {
		v[i] = float32(r.Uint64()%2001)/1000 - 1
	}
	return v
}

// TestSharedGradientIsTheSum: a layer in three stages has the gradient of three
// layers with the same weights, added in the order of the stages, bit for bit,
// over two calls of Backward and on any number of workers.
func TestSharedGradientIsTheSum(t *testing.T) {
	const width, steps, batch = 70, 3, 2 // weights of more than one piece of work
	x, dy := numbersLike(steps*batch*width, 1), numbersLike(steps*batch*width, 2)
	y, dx := make([]float32, len(x)), make([]float32, len(x))
	for kind, layer := range layers {
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			var nets []bptt.Net
			for range 3 {
				nets = append(nets, layer(width)(steps, batch))
			}
			unshared := must(bptt.Chain(nets[0], nets[1], nets[2]))
			var wantDX, wantY []float32
			var want []map[string]bptt.Param
			for range 2 {
				for _, n := range nets[1:] {
					n.ZeroGrads() // that of the first stage holds the sum of the call before
				}
				wantY, wantDX = make([]float32, len(x)), make([]float32, len(x))
				unshared.Reset()
				unshared.Forward(wantY, x)
				unshared.Backward(wantDX, dy)
				sum := paramsOf(nets[0])
				for _, n := range nets[1:] {
					n.EachParam(func(name string, _, g []float32) {
						for i := range g {
							sum[name].G[i] += g[i]
						}
					})
				}
				for name, p := range sum {
					sum[name] = bptt.Param{G: slices.Clone(p.G)}
				}
				want = append(want, sum)
			}
			for _, workers := range []int{1, 2, 3, 8} {
				unroll := layer(width)
				u := []bptt.Net{unroll(steps, batch), unroll(steps, batch), unroll(steps, batch)}
				net := must(bptt.Chain(u[0], u[1], u[2]))
				net.SetWorkers(workers)
				require.Equal(t, []string{"0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0"}, paramNames(net))
				for call := range 2 {
					net.Reset()
					net.Forward(y, x)
					net.Backward(dx, dy)
					numtest.Equal(t, y, wantY)
					numtest.Equal(t, dx, wantDX)
					net.EachParam(func(name string, _, g []float32) {
						numtest.Equal(t, g, want[call][name[2:]].G, "%s, %s, call %d, %d workers", kind, name, call, workers)
					})
					for _, n := range u[1:] {
						n.EachParam(func(name string, _, g []float32) { require.Equal(t, make([]float32, len(g)), g, name) })
					}
				}
				net.ZeroGrads()
				for _, n := range u {
					n.EachParam(func(name string, _, g []float32) { require.Equal(t, make([]float32, len(g)), g, name) })
				}
				require.Zero(t, testing.AllocsPerRun(5, func() {
					net.Forward(y, x)
					net.Backward(dx, dy)
				}))
			}
		})
	}
}

// TestSharedLinear: one Linear in two stages sums its gradients in one memory,
// the later stage first, as if the earlier one went on with the gradient of the
// later. Several chunks, so that another order has other bits.
func TestSharedLinear(t *testing.T) {
	const width, steps, batch = 5, 9, 60 // chunks of 5 steps
	x, dy := numbersLike(steps*batch*width, 1), numbersLike(steps*batch*width, 2)
	y, wantY := make([]float32, len(x)), make([]float32, len(x))
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		lin := must(bptt.NewLinear(width, width, rng(3)))
		copied := must(bptt.NewLinear(width, width, rng(3)))
		layer := layers["gru"](width)
		net := must(bptt.Chain(lin, layer(steps, batch), lin))
		require.Equal(t, []string{"0.weight", "0.bias", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0"}, paramNames(net))
		unshared := must(bptt.Chain(lin, layer(steps, batch), copied))
		got, free := paramsOf(net), paramsOf(unshared)
		want := map[string][]float32{"weight": make([]float32, width*width), "bias": make([]float32, width)}
		for range 2 {
			net.Reset()
			net.Forward(y, x)
			net.Backward(nil, dy)
			for _, stage := range []string{"2.", "0."} {
				for name, g := range want {
					copy(free[stage+name].G, g)
				}
				unshared.Reset()
				unshared.Forward(wantY, x)
				unshared.Backward(nil, dy)
				for name, g := range want {
					copy(g, free[stage+name].G)
				}
			}
			numtest.Equal(t, y, wantY)
			for name, g := range want {
				numtest.Equal(t, got["0."+name].G, g, name)
			}
		}
	})
}

// TestSharedByLinearAndNet: a Linear and a Net that share a weight each sum a gradient,
// and the sum of both is the gradient of the first place. The Linear stands before the
// Net, after it, or on both sides.
func TestSharedByLinearAndNet(t *testing.T) {
	const width, steps, batch = 4, 3, 2
	x, dy := numbersLike(steps*batch*width, 1), numbersLike(steps*batch*width, 2)
	y, wantY := make([]float32, len(x)), make([]float32, len(x))
	for order, places := range map[string][]string{
		"linear, net":         {"0.weight", "1.weight_ih_l0"},
		"net, linear":         {"0.weight_ih_l0", "1.weight"},
		"linear, net, linear": {"0.weight", "1.weight_ih_l0", "2.weight"},
		"net, linear, net":    {"0.weight_ih_l0", "1.weight", "2.weight_ih_l0"},
	} {
		t.Run(order, func(t *testing.T) {
			build := func(share bool) *bptt.Model {
				var stages []bptt.Stage
				layer := layers["rnn"](width)
				for _, kind := range strings.Split(order, ", ") {
					if !share {
						layer = layers["rnn"](width) // the same numbers in other memory
					}
					net := layer(steps, batch)
					if kind == "net" {
						stages = append(stages, net)
						continue
					}
					stages = append(stages, &bptt.Linear{Weight: paramsOf(net)["weight_ih_l0"].W, In: width, Out: width})
				}
				return must(bptt.Chain(stages...))
			}
			shared, unshared := build(true), build(false)
			shared.Forward(y, x)
			shared.Backward(nil, dy)
			unshared.Forward(wantY, x)
			unshared.Backward(nil, dy)
			numtest.Equal(t, y, wantY)
			got, free := paramsOf(shared), paramsOf(unshared)
			if order == "linear, net, linear" {
				// Linears have one gradient, before that of the net.
				places[1], places[2] = places[2], places[1]
			}
			want := make([]float32, width*width)
			for _, place := range places {
				for i, v := range free[place].G {
					want[i] += v
				}
			}
			for _, place := range places[1:] {
				require.NotContains(t, got, place)
			}
			numtest.Equal(t, got[places[0]].G, want)
		})
	}
}

// firstStep trains one step of Adam at rate 0.01 and returns how far each weight
// moved. Adam's first step is the rate for every weight with a gradient.
func firstStep(t *testing.T, net bptt.Net, data bptt.Data, loss bptt.Loss) (moved []float64) {
	before := weights(net)
	_, err := bptt.Train(context.Background(), net, data, bptt.Plan{
		Window: 4, Steps: 1, Loss: loss, Optimizer: &bptt.Adam{LR: 0.01, Eps: 1e-20},
	})
	require.NoError(t, err)
	for i, w := range weights(net) {
		if d := math.Abs(float64(w) - float64(before[i])); d != 0 {
			moved = append(moved, d)
		}
	}
	require.NotEmpty(t, moved)
	return moved
}

// TestSharedWeightsMoveOnce: a weight in two places is moved by one step, 0.01,
// not by two.
func TestSharedWeightsMoveOnce(t *testing.T) {
	s := small
	s.twice, s.hidden, s.steps = true, s.embed, 4
	lin := must(bptt.NewLinear(1, 1, rng(1)))
	layer := must(lstm.New(lstm.Config{Input: 1, Hidden: 1}, rng(2)))
	inner := must(bptt.Chain(layer.Unroll(4, 1), lin))
	for name, moved := range map[string][]float64{
		"embedding and readout, a layer in two stages": firstStep(t, languageModel(t, 1, s), textData(t, 100, s), bptt.CrossEntropy{}),
		"a net that reports twice":                     firstStep(t, newAffine(4), &script{n: 8}, bptt.MSE{}),
		"a linear layer in two stages":                 firstStep(t, must(bptt.Chain(lin, newLeaky(4, 1), lin)), &script{n: 8}, bptt.MSE{}),
		"a chain in a chain":                           firstStep(t, must(bptt.Chain(lin, layer.Unroll(4, 1), inner)), &script{n: 8}, bptt.MSE{}),
	} {
		for _, d := range moved {
			require.InDelta(t, 0.01, d, 1e-5, name)
		}
	}
}

// TestReportedTwiceLearnsFromBoth: a net that reports a weight twice and is trained
// by itself moves it by the sum of both gradients.
func TestReportedTwiceLearnsFromBoth(t *testing.T) {
	net := newAffine(4)
	b := &bptt.Batch{Steps: 4, Rows: 1, X: []float32{1, 2, 3, 4}, Y: make([]float32, 4)}
	y, dy := make([]float32, 4), make([]float32, 4)
	net.Forward(y, b.X)
	_, _, err := bptt.MSE{}.Loss(dy, y, b, 0, new(bptt.Scratch))
	require.NoError(t, err)
	net.Backward(nil, dy)
	require.NotZero(t, net.scale[0])
	require.NotZero(t, net.shift[0])
	want := 0.5 - 0.1*(net.scale[0]+net.shift[0])
	_, err = bptt.Train(context.Background(), net, &script{n: 8}, bptt.Plan{
		Window: 4, Steps: 1, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 0.1},
	})
	require.NoError(t, err)
	require.InDelta(t, want, net.w[0], 1e-6)
}

// TestSharedInNestedChains: what an inner chain shares with its stages and with
// those of the outer one is one parameter, with the sum of all gradients.
func TestSharedInNestedChains(t *testing.T) {
	const width, steps, batch = 6, 4, 3
	x, dy := numbersLike(steps*batch*width, 1), numbersLike(steps*batch*width, 2)
	y, dx := make([]float32, len(x)), make([]float32, len(x))
	wantY, wantDX := make([]float32, len(x)), make([]float32, len(x))
	layer := layers["lstm"](width)
	lin := must(bptt.NewLinear(width, width, rng(3)))
	inner := must(bptt.Chain(layer(steps, batch), layer(steps, batch), lin))
	require.Equal(t, []string{"0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0", "2.weight", "2.bias"}, paramNames(inner))
	nested := must(bptt.Chain(lin, inner, layer(steps, batch)))
	require.Equal(t, []string{"0.weight", "0.bias", "1.0.weight_ih_l0", "1.0.weight_hh_l0", "1.0.bias_ih_l0", "1.0.bias_hh_l0"}, paramNames(nested))
	flat := must(bptt.Chain(
		must(bptt.NewLinear(width, width, rng(3))), layers["lstm"](width)(steps, batch), layers["lstm"](width)(steps, batch),
		must(bptt.NewLinear(width, width, rng(3))), layers["lstm"](width)(steps, batch)))
	nested.Forward(y, x)
	nested.Backward(dx, dy)
	flat.Forward(wantY, x)
	flat.Backward(wantDX, dy)
	numtest.Equal(t, y, wantY)
	numtest.Equal(t, dx, wantDX)
	free := paramsOf(flat)
	for name, p := range paramsOf(nested) {
		places := []string{"0.", "3."}
		if short, ok := strings.CutPrefix(name, "1.0."); ok {
			places, name = []string{"1.", "2.", "4."}, short
		} else {
			name = name[2:]
		}
		want := make([]float32, len(p.G))
		for _, place := range places {
			for i, g := range free[place+name].G {
				want[i] += g
			}
		}
		numtest.Equal(t, p.G, want, p.Name)
	}
	require.Equal(t, make([]float32, width), paramsOf(inner)["2.bias"].G, "what the outer chain has added to its first place")
}

// TestSharedElsewhere: what else walks over parameters or runs the net.
func TestSharedElsewhere(t *testing.T) {
	s := small
	s.twice, s.hidden = true, s.embed
	net := languageModel(t, 1, s)
	require.Equal(t, []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "3.bias"}, paramNames(net))

	// The predictor has the bits of the forward pass, and Evaluate its loss.
	ids := make([]int32, s.steps*s.batch)
	for i := range ids {
		ids[i] = int32(i*7) % int32(s.vocabulary)
	}
	want, y := make([]float32, len(ids)*s.vocabulary), make([]float32, s.batch*s.vocabulary)
	require.NoError(t, net.ForwardIDs(want, ids))
	p := must(net.Predictor(s.batch))
	for step := range s.steps {
		require.NoError(t, p.StepIDs(y, ids[step*s.batch:][:s.batch]))
		numtest.Equal(t, y, want[step*len(y):][:len(y)])
	}
	mean, _, err := bptt.Evaluate(context.Background(), net, textData(t, 100, s), bptt.CrossEntropy{})
	require.NoError(t, err)
	tied := s
	tied.twice, tied.tied, tied.layers = false, true, 2
	deep := languageModel(t, 1, tied) // the same net, with both layers' weights set alike
	from, to := paramsOf(net), paramsOf(deep)
	for name, q := range to {
		for _, suffix := range []string{"_l0", "_l1"} {
			name = strings.Replace(name, suffix, "_l0", 1)
		}
		if name == "2.bias" {
			name = "3.bias"
		}
		copy(q.W, from[name].W)
	}
	same, _, err := bptt.Evaluate(context.Background(), deep, textData(t, 100, s), bptt.CrossEntropy{})
	require.NoError(t, err)
	require.Equal(t, same, mean)

	// A fingerprint and a checkpoint hold the parameter once, by its first name.
	twice := newAffine(4)
	once := &reporting{newLeaky(4, 1), []bptt.Param{{Name: "scale", W: slices.Clone(twice.w), G: make([]float32, 1)}}}
	require.Equal(t, bptt.Fingerprint(once), bptt.Fingerprint(twice))
	trainer := must(bptt.NewTrainer(twice, &script{n: 8}, bptt.Plan{Window: 4, Loss: bptt.MSE{}, Optimizer: &bptt.Adam{LR: 1e-2}}))
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	c := must(bptt.ReadCheckpoint(&file))
	once.params[0].W[0], twice.w[0] = 7, 7
	require.NoError(t, c.Params(once))
	require.NoError(t, c.Params(twice))
	require.Equal(t, []float32{0.5, 0.5}, []float32{once.params[0].W[0], twice.w[0]})

	// One gradient reported twice is not added to itself.
	w, g := []float32{0.5}, []float32{0}
	net2 := &reporting{newLeaky(4, 1), []bptt.Param{{Name: "a", W: w, G: g}, {Name: "b", W: w, G: g}}}
	net2.w, net2.g = w, g
	chain := must(bptt.Chain(net2))
	require.Equal(t, []string{"0.a"}, paramNames(chain))
	chain.Forward(make([]float32, 1), []float32{3})
	chain.Backward(nil, []float32{2})
	require.Equal(t, []float32{6}, paramsOf(chain)["0.a"].G)
}
