package nn_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// reporting is a Net that reports the given parameters.
type reporting struct {
	*traintest.Leaky
	params []nn.Param
}

func (n *reporting) EachParam(f func(string, []float32, []float32)) {
	for _, p := range n.params {
		f(p.Name, p.W, p.G)
	}
}

// layers makes one layer of each kind, to be unrolled as often as a test wants.
var layers = map[string]func(width int) func(steps, batch int) nn.Net{
	"lstm": func(width int) func(steps, batch int) nn.Net {
		l := traintest.Must(lstm.New(lstm.Config{Input: width, Hidden: width}, traintest.Rng(2)))
		return func(steps, batch int) nn.Net { return l.Unroll(steps, batch) }
	},
	"gru": func(width int) func(steps, batch int) nn.Net {
		l := traintest.Must(gru.New(gru.Config{Input: width, Hidden: width}, traintest.Rng(2)))
		return func(steps, batch int) nn.Net { return l.Unroll(steps, batch) }
	},
	"rnn": func(width int) func(steps, batch int) nn.Net {
		l := traintest.Must(rnn.New(rnn.Config{Input: width, Hidden: width}, traintest.Rng(2)))
		return func(steps, batch int) nn.Net { return l.Unroll(steps, batch) }
	},
}

func paramsOf(net nn.Net) map[string]nn.Param {
	all := map[string]nn.Param{}
	net.EachParam(func(name string, w, g []float32) { all[name] = nn.Param{Name: name, W: w, G: g} })
	return all
}

// TestSharedGradientIsTheSum: a layer in three stages has the gradient of three
// layers with the same weights, added in the order of the stages, bit for bit,
// over two calls of Backward and on any number of workers.
func TestSharedGradientIsTheSum(t *testing.T) {
	const width, steps, batch = 70, 3, 2 // weights of more than one piece of work
	x, dy := traintest.NumbersLike(steps*batch*width, 1), traintest.NumbersLike(steps*batch*width, 2)
	y, dx := make([]float32, len(x)), make([]float32, len(x))
	for kind, layer := range layers {
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			var nets []nn.Net
			for range 3 {
				nets = append(nets, layer(width)(steps, batch))
			}
			unshared := traintest.Must(nn.Chain(nets[0], nets[1], nets[2]))
			var wantDX, wantY []float32
			var want []map[string]nn.Param
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
					sum[name] = nn.Param{G: slices.Clone(p.G)}
				}
				want = append(want, sum)
			}
			for _, workers := range []int{1, 2, 3, 8} {
				unroll := layer(width)
				u := []nn.Net{unroll(steps, batch), unroll(steps, batch), unroll(steps, batch)}
				net := traintest.Must(nn.Chain(u[0], u[1], u[2]))
				net.SetWorkers(workers)
				require.Equal(t, []string{"0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0"}, traintest.ParamNames(net))
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
	x, dy := traintest.NumbersLike(steps*batch*width, 1), traintest.NumbersLike(steps*batch*width, 2)
	y, wantY := make([]float32, len(x)), make([]float32, len(x))
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		lin := traintest.Must(nn.NewLinear(width, width, traintest.Rng(3)))
		copied := traintest.Must(nn.NewLinear(width, width, traintest.Rng(3)))
		layer := layers["gru"](width)
		net := traintest.Must(nn.Chain(lin, layer(steps, batch), lin))
		require.Equal(t, []string{"0.weight", "0.bias", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0"}, traintest.ParamNames(net))
		unshared := traintest.Must(nn.Chain(lin, layer(steps, batch), copied))
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
	x, dy := traintest.NumbersLike(steps*batch*width, 1), traintest.NumbersLike(steps*batch*width, 2)
	y, wantY := make([]float32, len(x)), make([]float32, len(x))
	for order, places := range map[string][]string{
		"linear, net":         {"0.weight", "1.weight_ih_l0"},
		"net, linear":         {"0.weight_ih_l0", "1.weight"},
		"linear, net, linear": {"0.weight", "1.weight_ih_l0", "2.weight"},
		"net, linear, net":    {"0.weight_ih_l0", "1.weight", "2.weight_ih_l0"},
	} {
		t.Run(order, func(t *testing.T) {
			build := func(share bool) *nn.Model {
				var stages []nn.Stage
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
					stages = append(stages, &nn.Linear{Weight: paramsOf(net)["weight_ih_l0"].W, In: width, Out: width})
				}
				return traintest.Must(nn.Chain(stages...))
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
func firstStep(t *testing.T, net nn.Net, source data.Source, criterion loss.Loss) (moved []float64) {
	before := traintest.Weights(net)
	_, err := bptt.Train(context.Background(), net, source, bptt.Plan{
		Window: 4, Steps: 1, Loss: criterion, Optimizer: &optim.Adam{LR: 0.01, Eps: 1e-20},
	})
	require.NoError(t, err)
	for i, w := range traintest.Weights(net) {
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
	s := traintest.Small
	s.Twice, s.Hidden, s.Steps = true, s.Embed, 4
	lin := traintest.Must(nn.NewLinear(1, 1, traintest.Rng(1)))
	layer := traintest.Must(lstm.New(lstm.Config{Input: 1, Hidden: 1}, traintest.Rng(2)))
	inner := traintest.Must(nn.Chain(layer.Unroll(4, 1), lin))
	for name, moved := range map[string][]float64{
		"embedding and readout, a layer in two stages": firstStep(t, traintest.LanguageModel(t, 1, s), traintest.TextData(t, 100, s), loss.CrossEntropy{}),
		"a net that reports twice":                     firstStep(t, traintest.NewAffine(4), &traintest.Script{N: 8}, loss.MSE{}),
		"a linear layer in two stages":                 firstStep(t, traintest.Must(nn.Chain(lin, traintest.NewLeaky(4, 1), lin)), &traintest.Script{N: 8}, loss.MSE{}),
		"a chain in a chain":                           firstStep(t, traintest.Must(nn.Chain(lin, layer.Unroll(4, 1), inner)), &traintest.Script{N: 8}, loss.MSE{}),
	} {
		for _, d := range moved {
			require.InDelta(t, 0.01, d, 1e-5, name)
		}
	}
}

// TestReportedTwiceLearnsFromBoth: a net that reports a weight twice and is trained
// by itself moves it by the sum of both gradients.
func TestReportedTwiceLearnsFromBoth(t *testing.T) {
	net := traintest.NewAffine(4)
	b := &data.Batch{Steps: 4, Rows: 1, X: []float32{1, 2, 3, 4}, Y: make([]float32, 4)}
	y, dy := make([]float32, 4), make([]float32, 4)
	net.Forward(y, b.X)
	_, err := loss.MSE{}.Loss(dy, y, b, 0, new(loss.Scratch))
	require.NoError(t, err)
	net.Backward(nil, dy)
	require.NotZero(t, net.Scale[0])
	require.NotZero(t, net.Shift[0])
	want := 0.5 - 0.1*(net.Scale[0]+net.Shift[0])
	_, err = bptt.Train(context.Background(), net, &traintest.Script{N: 8}, bptt.Plan{
		Window: 4, Steps: 1, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 0.1},
	})
	require.NoError(t, err)
	require.InDelta(t, want, net.W[0], 1e-6)
}

// TestSharedInNestedChains: what an inner chain shares with its stages and with
// those of the outer one is one parameter, with the sum of all gradients.
func TestSharedInNestedChains(t *testing.T) {
	const width, steps, batch = 6, 4, 3
	x, dy := traintest.NumbersLike(steps*batch*width, 1), traintest.NumbersLike(steps*batch*width, 2)
	y, dx := make([]float32, len(x)), make([]float32, len(x))
	wantY, wantDX := make([]float32, len(x)), make([]float32, len(x))
	layer := layers["lstm"](width)
	lin := traintest.Must(nn.NewLinear(width, width, traintest.Rng(3)))
	inner := traintest.Must(nn.Chain(layer(steps, batch), layer(steps, batch), lin))
	require.Equal(t, []string{"0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0", "2.weight", "2.bias"}, traintest.ParamNames(inner))
	nested := traintest.Must(nn.Chain(lin, inner, layer(steps, batch)))
	require.Equal(t, []string{"0.weight", "0.bias", "1.0.weight_ih_l0", "1.0.weight_hh_l0", "1.0.bias_ih_l0", "1.0.bias_hh_l0"}, traintest.ParamNames(nested))
	flat := traintest.Must(nn.Chain(
		traintest.Must(nn.NewLinear(width, width, traintest.Rng(3))), layers["lstm"](width)(steps, batch), layers["lstm"](width)(steps, batch),
		traintest.Must(nn.NewLinear(width, width, traintest.Rng(3))), layers["lstm"](width)(steps, batch)))
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
	s := traintest.Small
	s.Twice, s.Hidden = true, s.Embed
	net := traintest.LanguageModel(t, 1, s)
	require.Equal(t, []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "3.bias"}, traintest.ParamNames(net))

	// The predictor has the bits of the forward pass, and Evaluate its loss.
	ids := make([]int32, s.Steps*s.Batch)
	for i := range ids {
		ids[i] = int32(i*7) % int32(s.Vocabulary)
	}
	want, y := make([]float32, len(ids)*s.Vocabulary), make([]float32, s.Batch*s.Vocabulary)
	require.NoError(t, net.ForwardIDs(want, ids))
	p := traintest.Must(net.Predictor(s.Batch))
	for step := range s.Steps {
		require.NoError(t, p.StepIDs(y, ids[step*s.Batch:][:s.Batch]))
		numtest.Equal(t, y, want[step*len(y):][:len(y)])
	}
	mean, _, err := bptt.Evaluate(context.Background(), net, traintest.TextData(t, 100, s), loss.CrossEntropy{})
	require.NoError(t, err)
	tied := s
	tied.Twice, tied.Tied, tied.Layers = false, true, 2
	deep := traintest.LanguageModel(t, 1, tied) // the same net, with both layers' weights set alike
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
	same, _, err := bptt.Evaluate(context.Background(), deep, traintest.TextData(t, 100, s), loss.CrossEntropy{})
	require.NoError(t, err)
	require.Equal(t, same, mean)

	// A fingerprint and a checkpoint hold the parameter once, by its first name.
	twice := traintest.NewAffine(4)
	once := &reporting{traintest.NewLeaky(4, 1), []nn.Param{{Name: "scale", W: slices.Clone(twice.W), G: make([]float32, 1)}}}
	require.Equal(t, nn.Fingerprint(once), nn.Fingerprint(twice))
	trainer := traintest.Must(bptt.NewTrainer(twice, &traintest.Script{N: 8}, bptt.Plan{Window: 4, Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: 1e-2}}))
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	c := traintest.Must(bptt.ReadCheckpoint(&file))
	once.params[0].W[0], twice.W[0] = 7, 7
	require.NoError(t, c.Params(once))
	require.NoError(t, c.Params(twice))
	require.Equal(t, []float32{0.5, 0.5}, []float32{once.params[0].W[0], twice.W[0]})

	// One gradient reported twice is not added to itself.
	w, g := []float32{0.5}, []float32{0}
	net2 := &reporting{traintest.NewLeaky(4, 1), []nn.Param{{Name: "a", W: w, G: g}, {Name: "b", W: w, G: g}}}
	net2.W, net2.G = w, g
	chain := traintest.Must(nn.Chain(net2))
	require.Equal(t, []string{"0.a"}, traintest.ParamNames(chain))
	chain.Forward(make([]float32, 1), []float32{3})
	chain.Backward(nil, []float32{2})
	require.Equal(t, []float32{6}, paramsOf(chain)["0.a"].G)
}
