package nn_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// seedsOf returns the seeds in a mask state.
func seedsOf(net *nn.Model) (seeds []uint64) {
	for i, s := range net.MaskState() {
		if i%2 == 0 {
			seeds = append(seeds, s)
		}
	}
	return seeds
}

// TestEachDropoutHasItsSeed, also in stages made of others, which have a part of their
// stages in common.
func TestEachDropoutHasItsSeed(t *testing.T) {
	d := nn.Dropout{P: 0.5}
	layer := traintest.Must(lstm.New(lstm.Config{Input: 3, Hidden: 3, InputDropout: 0.5}, traintest.Rng(1)))
	for name, stages := range map[string][]nn.Stage{
		"alone":     {d, linear(3, 3), d},
		"residuals": {nn.Residual{d, d, nn.Tanh}, nn.Residual{d, nn.Tanh, d, d}, linear(3, 3)},
		"parallel":  {linear(3, 3), nn.Parallel{nn.Sequential{d, linear(3, 2)}, d}, d},
		"with LSTM": {d, layer.Unroll(2, 2), nn.Sequential{layer.Unroll(2, 2), d}},
		"models":    {traintest.Must(nn.Chain(d, layer.Unroll(2, 2))), traintest.Must(nn.Chain(d, layer.Unroll(2, 2), d))},
	} {
		net := traintest.Must(nn.Unroll(2, 2, stages...))
		seeds := seedsOf(net)
		require.Greater(t, len(seeds), 1)
		slices.Sort(seeds)
		require.Len(t, slices.Compact(slices.Clone(seeds)), len(seeds), name)
		before := net.MaskState()
		net.SetSeed(7)
		require.NotEqual(t, before, net.MaskState(), name)
		net.SetSeed(0)
		for i, s := range net.MaskState() {
			require.True(t, i%2 == 0 || s == 0, name)
		}
		// Masks are put back through all stages, or not at all.
		other := net.MaskState()
		for i := range other {
			other[i] += uint64(i)
		}
		require.NoError(t, net.SetMaskState(other), name)
		require.Equal(t, other, net.MaskState(), name)
		bad := slices.Clone(other)
		bad[0], bad[len(bad)-1] = 1, 1<<32
		require.ErrorContains(t, net.SetMaskState(bad), "4294967296", name)
		require.Equal(t, other, net.MaskState(), name)
		require.Error(t, net.SetMaskState(other[1:]), name)
		require.NoError(t, net.SetClock([]uint64{3, 4}), name)
		require.Error(t, net.SetClock([]uint64{3, 1 << 32}), name)
		require.Error(t, net.SetClock([]uint64{3}), name)
		require.Equal(t, []uint64{3, 4}, net.Clock(), name)
		require.Error(t, net.SetRowIDs([]uint32{1}), name)
	}
	// A chain without masks has none to keep.
	none := traintest.Must(nn.Unroll(2, 2, nn.Dropout{}, linear(3, 3)))
	require.Nil(t, none.MaskState())
	require.Nil(t, nn.MasksOf(none))
}

// TestRowIDsEndAPass: the masks of the pass before cannot be drawn again.
func TestRowIDsEndAPass(t *testing.T) {
	net := traintest.Must(nn.Unroll(2, 2, nn.Dropout{P: 0.5}, linear(3, 3)))
	y := make([]float32, 12)
	net.Forward(y, make([]float32, 12))
	require.NoError(t, net.SetRowIDs([]uint32{4, 5}))
	require.Panics(t, func() { net.Backward(nil, y) })
}

// TestSharedThroughStages: the same weights in stages made of others are one parameter,
// with the first of the names and the sum of the gradients.
func TestSharedThroughStages(t *testing.T) {
	const steps, batch, width = 3, 2, 4
	layer := traintest.Must(lstm.New(lstm.Config{Input: width, Hidden: width}, traintest.Rng(1)))
	build := func(lin func() *nn.Linear, n func() *nn.LayerNorm) *nn.Model {
		return traintest.Must(nn.Chain(lin(), nn.Residual{n(), lin(), layer.Unroll(steps, batch)}, n(), nn.Parallel{nn.Sequential{lin()}, lin(), lin()}, linear(12, 4), n()))
	}
	one, gain := linear(width, width), norm(width)
	shared := build(func() *nn.Linear { return one }, func() *nn.LayerNorm { return gain })
	require.Equal(t, []string{"0.weight", "0.bias", "1.0.weight", "1.0.bias", "1.2.weight_ih_l0", "1.2.weight_hh_l0", "1.2.bias_ih_l0", "1.2.bias_hh_l0", "4.weight", "4.bias"}, traintest.ParamNames(shared))
	require.NoError(t, nn.CheckGradients(shared, nn.GradientCheck{}))
	apart := build(func() *nn.Linear { return linear(width, width) }, func() *nn.LayerNorm { return norm(width) })
	x, dy := traintest.NumbersLike(steps*batch*width, 1), traintest.NumbersLike(steps*batch*width, 2)
	a, b := pass(shared, x, dy, nil), pass(apart, x, dy, nil)
	numtest.Equal(t, a.y, b.y)
	numtest.Equal(t, a.dx, b.dx)
	got, each := paramsOf(shared), paramsOf(apart)
	for name, places := range map[string][]string{
		"0.weight": {"0.weight", "1.1.weight", "3.0.0.weight", "3.1.weight", "3.2.weight"},
		"0.bias":   {"0.bias", "1.1.bias", "3.0.0.bias", "3.1.bias", "3.2.bias"},
		"1.0.bias": {"1.0.bias", "2.bias", "5.bias"},
	} {
		for i, g := range got[name].G {
			sum, size := 0.0, 0.0
			for _, place := range places {
				v := float64(each[place].G[i])
				sum, size = sum+v, size+math.Abs(v)
			}
			require.InDelta(t, sum, g, size*0x1p-22, "%s[%d]", name, i) // five terms, each sum rounded once
		}
	}
	// In a second pass each gradient is added once more.
	before := slices.Clone(got["0.weight"].G)
	shared.Reset()
	pass(shared, x, dy, nil)
	for i, g := range got["0.weight"].G {
		require.InDelta(t, 2*float64(before[i]), g, math.Abs(float64(g))*1e-5+1e-5)
	}
	shared.ZeroGrads()
	require.Zero(t, len(slices.DeleteFunc(traintest.Gradients(shared), func(v float32) bool { return v == 0 })))
}

// TestReadoutInsideOfAStage: the table of the embedding may be the weight of a Linear in a
// stage made of others.
func TestReadoutInsideOfAStage(t *testing.T) {
	emb := traintest.Must(nn.NewEmbedding(7, 3, traintest.Rng(1)))
	net := traintest.Must(nn.Unroll(4, 2, emb, nn.Sequential{nn.Tanh, emb.Readout()}))
	require.Equal(t, []string{"0.weight", "1.1.bias"}, traintest.ParamNames(net))
	require.NoError(t, nn.CheckGradients(net, nn.GradientCheck{Samples: -1}))
	require.Equal(t, map[string][]int{"0.weight": {7, 3}, "1.1.bias": {7}}, nn.Shapes(net))
	_, err := nn.Unroll(4, 2, nn.Sequential{linear(3, 3), emb.Readout()})
	require.ErrorContains(t, err, "nn: stage 0 of the chain: stage 1 of the chain: a Readout of an Embedding that is not its first stage")
}

// TestPaddingID: looking it up adds nothing to the gradient; all else is as without.
func TestPaddingID(t *testing.T) {
	gradients := func(pad bool) []float32 {
		emb := traintest.Must(nn.NewEmbedding(4, 3, traintest.Rng(1)))
		if pad {
			require.NoError(t, emb.SetPaddingID(2))
			id, ok := emb.PaddingID()
			require.Equal(t, []any{int32(2), true}, []any{id, ok})
		}
		net := traintest.Must(nn.Unroll(3, 2, emb, linear(3, 2)))
		y := make([]float32, 12)
		require.NoError(t, net.ForwardIDs(y, []int32{0, 2, 2, 1, 3, 2}))
		net.Backward(nil, y)
		return traintest.Gradients(net)
	}
	with, without := gradients(true), gradients(false)
	require.NotEqual(t, []float32{0, 0, 0}, without[6:9])
	clear(without[6:9])
	numtest.Equal(t, with, without)
	emb := traintest.Must(nn.NewZeroEmbedding(4, 3))
	_, ok := emb.PaddingID()
	require.False(t, ok)
	for _, bad := range []int32{-1, 4} {
		require.ErrorContains(t, emb.SetPaddingID(bad), "want 0 to 3")
	}
	require.NoError(t, emb.SetPaddingID(3))
	emb.Vocabulary, emb.Weight = 3, emb.Weight[:9]
	_, err := nn.Unroll(1, 1, emb, linear(3, 3))
	require.ErrorContains(t, err, "an embedding of 3 symbols with the padding id 3")
}

// regular is a model for text with masks in all places, and its plan.
func regular(t *testing.T, plan bptt.Plan) (*nn.Model, *bptt.Trainer) {
	r := traintest.Rng(3)
	emb := traintest.Must(nn.NewEmbedding(13, 5, r))
	layer := traintest.Must(lstm.New(lstm.Config{Input: 5, Hidden: 5}, r))
	net := traintest.Must(nn.Chain(emb, nn.Dropout{P: 0.2, Locked: true}, nn.Residual{norm(5), layer.Unroll(6, 3), nn.Dropout{P: 0.5}}, nn.PoolMean{}, emb.Readout()))
	plan.Loss, plan.Optimizer, plan.Window, plan.Stride = loss.CrossEntropy{}, &optim.Adam{LR: 0.01}, 6, 4
	return net, traintest.Must(bptt.NewTrainer(net, traintest.Must(data.NewText(traintest.Text(200, 13), 3)), plan))
}

// TestTrainingWithStagesResumesToTheBit: masks, clocks and the states of pools are in
// checkpoints, and overlapping windows take them back.
func TestTrainingWithStagesResumesToTheBit(t *testing.T) {
	ctx := context.Background()
	whole, trainer := regular(t, bptt.Plan{Steps: 12})
	traintest.Must(trainer.Run(ctx))
	_, half := regular(t, bptt.Plan{Steps: 5})
	traintest.Must(half.Run(ctx))
	var file bytes.Buffer
	require.NoError(t, half.Save(&file))
	rest, resumed := regular(t, bptt.Plan{Steps: 12})
	require.NoError(t, resumed.Resume(traintest.Must(bptt.ReadCheckpoint(&file))))
	traintest.Must(resumed.Run(ctx))
	require.Equal(t, nn.Fingerprint(whole), nn.Fingerprint(rest))
	require.Equal(t, whole.MaskState(), rest.MaskState())
	require.Equal(t, whole.Clock(), rest.Clock())
	for i, s := range whole.State() {
		numtest.Equal(t, rest.State()[i], s)
	}
}

// TestStagesThatDoNotFit are refused with what to do.
func TestStagesThatDoNotFit(t *testing.T) {
	nan := float32(math.NaN())
	lin := linear(3, 3)
	unrolled := traintest.Unrolled(3, 3, 2, 2)
	for want, stages := range map[string][]nn.Stage{
		"none of the 2 stages of the chain says its width":                     {nn.Tanh, nn.Dropout{P: 0.5}},
		"stage 0 of the chain is a Dropout whose P is 1":                       {nn.Dropout{P: 1}, lin},
		"a Dropout that is Whole and Locked":                                   {nn.Dropout{P: 0.5, Whole: true, Locked: true}, lin},
		"a Dropout whose P is -0.5":                                            {nn.Dropout{P: -0.5}, lin},
		"a Dropout whose P is NaN":                                             {nn.Dropout{P: nan}, lin},
		"a Dropout whose P is 1e-09":                                           {nn.Dropout{P: 1e-9}, lin},
		"is an Activation without a function":                                  {nn.Activation{}, lin},
		"is the Activation LeakyRelu(NaN), each parameter":                     {nn.LeakyReLU(nan), lin},
		"is the Activation Elu(1e-35), each parameter":                         {nn.ELU(1e-35), lin},
		"is a nil *nn.LayerNorm":                                               {(*nn.LayerNorm)(nil), lin},
		"a layer norm of width 0":                                              {&nn.LayerNorm{}, lin},
		"a layer norm of width 3 with a Weight of 2 elements":                  {&nn.LayerNorm{Weight: make([]float32, 2), Width: 3}, lin},
		"a layer norm of width 3 with a Bias of 4 elements":                    {&nn.LayerNorm{Weight: make([]float32, 3), Bias: make([]float32, 4), Width: 3}, lin},
		"a layer norm with an Eps of -1":                                       {&nn.LayerNorm{Weight: make([]float32, 3), Width: 3, Eps: -1}, lin},
		"a layer norm with an Eps of NaN":                                      {&nn.LayerNorm{Weight: make([]float32, 3), Width: 3, Eps: nan}, lin},
		"an AttentionPool without stages":                                      {nn.AttentionPool{}, lin},
		"an AttentionPool whose stages go from width 3 to 3, want 1, a score":  {nn.AttentionPool{lin}, lin},
		"a Residual without stages":                                            {nn.Residual{}, lin},
		"a Residual whose stages go from width 3 to 5, want the same":          {nn.Residual{lin, linear(3, 5)}, lin},
		"a Residual whose stage 1 is nil":                                      {nn.Residual{lin, nil}, lin},
		"a Sequential whose stage 0 is a Residual whose stage 0 is an Embed":   {nn.Sequential{nn.Residual{traintest.Must(nn.NewZeroEmbedding(3, 3))}}},
		"a Parallel whose stage 1 takes width 4, another 3, want the same":     {nn.Parallel{lin, linear(4, 3), lin}},
		"a Parallel none of whose 2 stages says its width":                     {lin, nn.Parallel{nn.Tanh, nn.PoolMax{}}},
		"stage 1 of the chain: stage 1 of the chain takes width 4, the st":     {lin, nn.Sequential{lin, linear(4, 3)}},
		"stage 1 of the chain takes width 4, the stage before it gives 3":      {nn.Residual{lin}, linear(4, 3)},
		"stage 1 of the chain is stage 0 again, or has a net in common with":   {unrolled, nn.Residual{unrolled}},
		"stage 1 of the chain: stage 1 of the chain is stage 0 again":          {lin, nn.Sequential{unrolled, unrolled}},
		"stage 0 of the chain has 5 steps and 2 rows, the chain 2 and 2":       {nn.Residual{traintest.Unrolled(3, 3, 5, 2)}},
		"Bind of stage 1 of the chain, a *nn_test.custom, returned a net of 2": {lin, &custom{in: 3, out: 3, gives: 4}},
		"what Bind of stage 1 of the chain, a *nn_test.custom, returned is nil": {
			lin, &custom{in: 3, out: 3}},
		"stage 1 of the chain: no luck":                                {lin, &custom{in: 3, out: 3, err: errors.New("no luck")}},
		"is a *nn_test.custom from width 3 to 0, want at least 1, or ": {lin, &custom{in: 3}},
	} {
		_, err := nn.Unroll(2, 2, stages...)
		require.ErrorContains(t, err, want)
	}
	_, err := nn.Chain(unrolled, nn.Parallel{traintest.Unrolled(3, 3, 2, 2), traintest.Unrolled(3, 3, 2, 3)})
	require.ErrorContains(t, err, "stage 1 of the chain has 2 steps and 3 rows, an earlier one 2 and 2")
	for _, sizes := range [][2]int{{-1, 1}, {1, -1}} {
		_, err = nn.Unroll(sizes[0], sizes[1], lin)
		require.ErrorContains(t, err, "want 0 or more of each")
	}
	_, err = nn.Unroll(0, 0, &custom{in: 3, out: 4<<20 + 1, gives: 4<<20 + 1}, nn.Dropout{P: 0.5})
	require.ErrorContains(t, err, "a Dropout of width 4194305, want at most 4194304")
	_, err = nn.Unroll(1, 1)
	require.ErrorContains(t, err, "a chain without stages")
	_, err = nn.Chain(lin, nn.Dropout{P: 0.5})
	require.ErrorContains(t, err, "give them to Unroll")
	for _, width := range []int{0, -1} {
		_, err = nn.NewLayerNorm(width)
		require.ErrorContains(t, err, "a layer norm of width")
	}
	_, err = traintest.Must(nn.Chain(nn.Parallel{unrolled, lin})).Predictor(math.MaxInt32)
	require.ErrorContains(t, err, "a predictor for 2147483647 rows")

	// What was replaced after Chain is no part of it.
	n := norm(3)
	net := traintest.Must(nn.Unroll(2, 2, nn.Residual{nn.Parallel{n}}, lin))
	p := traintest.Must(net.Predictor(2))
	weight, y := n.Weight, make([]float32, 12)
	for want, change := range map[string]func(){
		"the Weight, the Bias or the Width of stage 0": func() { n.Weight = make([]float32, 3) },
		"of stage 0 of the chain, a LayerNorm":         func() { n.Bias = nil },
		"a LayerNorm, have been replaced":              func() { n.Width = 2 },
	} {
		bias := n.Bias
		change()
		for _, f := range []func(){func() { net.Forward(y, make([]float32, 12)) }, p.Refresh, func() { _, _ = net.Predictor(1) }} {
			func() {
				defer func() { require.Contains(t, recover(), want) }()
				f()
			}()
		}
		n.Weight, n.Bias, n.Width = weight, bias, 3
	}
	require.Equal(t, make([]float32, 12), y)
	net.Forward(y, make([]float32, 12))
	require.Panics(t, func() {
		traintest.Must(traintest.Must(nn.Unroll(1, 2, nn.PoolMax{}, lin)).Predictor(2)).Reorder([]int{1})
	})
}
