package nn_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
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

type stranger struct{}

func (stranger) Dims() (steps, batch, in, out int) { return 0, 0, 3, 3 }

// sized is a Net whose Dims are what the test sets.
type sized struct {
	*traintest.Leaky
	steps, batch, in, out int
}

func (n *sized) Dims() (steps, batch, in, out int) { return n.steps, n.batch, n.in, n.out }

// byValue is a Net that cannot be compared, anyValue one that looks as if it could.
type (
	byValue struct {
		*traintest.Leaky
		slice []int
	}
	anyValue struct {
		*traintest.Leaky
		any any
	}
)

func TestChainErrors(t *testing.T) {
	emb := traintest.Must(nn.NewEmbedding(7, 3, traintest.Rng(1)))
	lin := traintest.Must(nn.NewLinear(4, 7, traintest.Rng(1)))
	net := traintest.Unrolled(3, 4, 5, 2)
	replaced := traintest.Must(nn.NewEmbedding(7, 4, traintest.Rng(1)))
	readout := replaced.Readout()
	replaced.Weight = make([]float32, 28)
	for want, stages := range map[string][]nn.Stage{
		"none of the 0 stages":                           nil,
		"whose methods panic":                            {emb, struct{ nn.Net }{}},
		"stage 1 of the chain is nil":                    {emb, nil},
		"none of the 2 stages of the chain is a Net":     {emb, traintest.Must(nn.NewLinear(3, 7, traintest.Rng(1)))},
		"none of the 1 stages":                           {emb},
		"takes width 4, the stage before it gives 3":     {emb, traintest.Unrolled(4, 4, 5, 2), lin},
		"is an Embedding, which can only be the first":   {net, traintest.Must(nn.NewZeroEmbedding(4, 4))},
		"has 6 steps and 2 rows, an earlier one 5 and 2": {net, traintest.Unrolled(4, 4, 6, 2)},
		"has 5 steps and 3 rows, an earlier one 5 and 2": {net, traintest.Unrolled(4, 4, 5, 3)},
		"Readout of an Embedding that is not its first":  {emb, traintest.Unrolled(3, 3, 5, 2), traintest.Must(nn.NewEmbedding(7, 3, traintest.Rng(1))).Readout()},
		"Weight of one of them has been replaced":        {replaced, traintest.Unrolled(4, 4, 5, 2), readout},
		"stage 0 of the chain is a nn_test.stranger":     {stranger{}, net},
		"stage 1 of the chain is a nil *nn.Linear":       {net, (*nn.Linear)(nil)},
		"stage 0 of the chain is a nil *nn.Embedding":    {(*nn.Embedding)(nil), net},
		"stage 0 of the chain is a nil *lstm.Unrolled":   {(*lstm.Unrolled)(nil), lin},
		"stage 0 of the chain is a nil *gru.Unrolled":    {(*gru.Unrolled)(nil), lin},
		"stage 0 of the chain is a nil *rnn.Unrolled":    {(*rnn.Unrolled)(nil), lin},
		"stage 0 of the chain is a nil *nn.Model":        {(*nn.Model)(nil), lin},
		"stage 0 of the chain is a *nn.Model of 0 st":    {&nn.Model{}, lin},
		"takes ids; put its stages into this chain":      {traintest.LanguageModel(t, 1, traintest.Small), traintest.Must(nn.NewZeroLinear(13, 2))},
		"Weight of 11 elements, want 12":                 {net, &nn.Linear{Weight: make([]float32, 11), In: 4, Out: 3}},
		"Weight of 0 elements, want 12":                  {net, &nn.Linear{In: 4, Out: 3}},
		"Bias of 2 elements, want 3":                     {net, &nn.Linear{Weight: make([]float32, 12), Bias: make([]float32, 2), In: 4, Out: 3}},
		"Bias of 0 elements, want 3":                     {net, &nn.Linear{Weight: make([]float32, 12), Bias: []float32{}, In: 4, Out: 3}},
		"linear layer from width 0 to 0":                 {net, &nn.Linear{}},
		"linear layer from width 4 to -3":                {net, &nn.Linear{Weight: make([]float32, 12), In: 4, Out: -3}},
		"linear layer from width -4 to -3":               {&nn.Linear{Weight: make([]float32, 12), In: -4, Out: -3}, net},
		"linear layer from width 4 to 2147483647 has mo": {net, &nn.Linear{In: 4, Out: math.MaxInt32}},
		"2 symbols of width 3 with a Weight of 7 el":     {&nn.Embedding{Weight: make([]float32, 7), Vocabulary: 2, Dim: 3}, net},
		"an embedding of 0 symbols of width 0":           {&nn.Embedding{}, net},
		"an embedding of -2 symbols of width -3":         {&nn.Embedding{Weight: make([]float32, 6), Vocabulary: -2, Dim: -3}, net},
		"of -1 steps and 1 rows":                         {&sized{traintest.NewLeaky(1, 1), -1, 1, 1, 1}},
		"of 1 steps and -1 rows":                         {&sized{traintest.NewLeaky(1, 1), 1, -1, 1, 1}},
		"inputs of width -1":                             {&sized{traintest.NewLeaky(1, 1), 1, 1, -1, 1}},
		"outputs of width 0":                             {&sized{traintest.NewLeaky(1, 1), 1, 1, 1, 0}},
		"are more than 2147483647 elements":              {&sized{traintest.NewLeaky(1, 1), 1 << 20, 1 << 10, 1, 1}, traintest.Must(nn.NewZeroLinear(1, 2))},
		"1073741824 steps of 1073741824 rows":            {&sized{traintest.NewLeaky(1, 1), 1 << 30, 1 << 30, 1, 1}},
	} {
		_, err := nn.Chain(stages...)
		require.ErrorContains(t, err, want)
	}
	for _, sizes := range [][2]int{{0, 1}, {1, 0}, {-1, 2}, {math.MaxInt32, 2}, {math.MaxInt, math.MaxInt}} {
		_, err := nn.NewZeroLinear(sizes[0], sizes[1])
		require.ErrorContains(t, err, "nn: a linear layer from width")
		_, err = nn.NewLinear(sizes[0], sizes[1], traintest.Rng(1))
		require.ErrorContains(t, err, "nn: a linear layer from width")
		_, err = nn.NewZeroEmbedding(sizes[0], sizes[1])
		require.ErrorContains(t, err, "nn: an embedding of")
		_, err = nn.NewEmbedding(sizes[0], sizes[1], traintest.Rng(1))
		require.ErrorContains(t, err, "nn: an embedding of")
	}
	// Zeros are asked for by name, since they train badly.
	_, err := nn.NewLinear(2, 3, nil)
	require.ErrorContains(t, err, "NewLinear with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZeroLinear")
	_, err = nn.NewEmbedding(2, 3, nil)
	require.ErrorContains(t, err, "NewEmbedding with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZeroEmbedding")
}

// A stage that stands twice in a chain, a chain gone back over twice, and
// arguments that are not there are refused with what to do.
func TestMisuseOfChains(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cell, err := lstm.New(lstm.Config{Input: 3, Hidden: 3}, r)
	require.NoError(t, err)
	u := cell.Unroll(2, 1)
	_, err = nn.Chain(u, u)
	require.ErrorContains(t, err, "stage 1 of the chain is stage 0 again")
	require.ErrorContains(t, err, "unroll the Layer again: both stages then share its weights as one parameter")
	lin, err := nn.NewLinear(3, 3, r)
	require.NoError(t, err)

	m, err := nn.Chain(u, lin)
	require.NoError(t, err)
	y, dy := make([]float32, 6), []float32{1, 2, 3, 4, 5, 6}
	m.Forward(y, make([]float32, 6))
	m.Backward(nil, dy)
	before := traintest.Gradients(m)
	require.Panics(t, func() { m.Backward(nil, dy) })
	m.Forward(y, make([]float32, 6))
	require.NoError(t, m.SetLengths([]int{1}))
	require.Panics(t, func() { m.Backward(nil, dy) })
	require.Equal(t, before, traintest.Gradients(m), "a refused Backward changed gradients")

	plan := bptt.Plan{Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}}
	_, err = bptt.NewTrainer(nil, nil, plan)
	require.ErrorContains(t, err, "no net")
	_, err = bptt.NewTrainer((*lstm.Unrolled)(nil), nil, plan)
	require.ErrorContains(t, err, "no net")
	_, err = bptt.NewTrainer(m, nil, plan)
	require.ErrorContains(t, err, "no data")
}

// TestStagesThatCannotBeCompared are values, each a stage of its own; the same
// memory in two of them shows by the gradients.
func TestStagesThatCannotBeCompared(t *testing.T) {
	for _, stage := range []func(*traintest.Leaky) nn.Stage{
		func(n *traintest.Leaky) nn.Stage { return byValue{n, []int{1}} },
		func(n *traintest.Leaky) nn.Stage { return anyValue{n, []int{1}} },
		func(n *traintest.Leaky) nn.Stage { return anyValue{n, map[string]int{}} },
	} {
		net := traintest.Must(nn.Chain(stage(traintest.NewLeaky(2, 1)), stage(traintest.NewLeaky(2, 1))))
		require.Equal(t, []string{"0.w", "1.w"}, traintest.ParamNames(net))
		one := traintest.NewLeaky(2, 1)
		_, err := nn.Chain(stage(one), traintest.NewLeaky(2, 1), stage(one))
		require.ErrorContains(t, err, "0.w and 2.w have one gradient: both stages are the same net, or contain it; unroll the Layer again")
	}
}

// TestTheSameNetInNestedChains is refused, since each pass of one place would
// overwrite what the other needs.
func TestTheSameNetInNestedChains(t *testing.T) {
	u, v := traintest.Unrolled(3, 3, 2, 1), traintest.NewLeaky(2, 1)
	lin := traintest.Must(nn.NewLinear(3, 3, traintest.Rng(1)))
	inner := traintest.Must(nn.Chain(traintest.Must(nn.Chain(u, lin)), lin))
	for _, stages := range [][]nn.Stage{{u, inner}, {inner, u}, {inner, lin, traintest.Must(nn.Chain(u, lin))}} {
		_, err := nn.Chain(stages...)
		require.ErrorContains(t, err, "or has a net in common with it")
	}
	// Also of a net without parameters.
	empty := &reporting{v, nil}
	_, err := nn.Chain(traintest.Must(nn.Chain(empty)), traintest.NewLeaky(2, 1), empty)
	require.ErrorContains(t, err, "stage 2 of the chain is stage 0 again, or has a net in common with it")
}

// TestParamsInCommonMemory: what two parameters may not share is refused with
// both names, in a chain and in a net that is trained by itself.
func TestParamsInCommonMemory(t *testing.T) {
	memory, g := make([]float32, 12), make([]float32, 24)
	for want, params := range map[string][2]nn.Param{
		"parameters %sa of 4 elements and %sb of 4 share a part":             {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[3:7], G: g[4:8]}},
		"parameters %sa of 8 elements and %sb of 2 share a part":             {{Name: "a", W: memory[:8], G: g[:8]}, {Name: "b", W: memory[3:5], G: g[8:10]}},
		"parameters %sa of 4 elements and %sb of 3 share a part":             {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[:3], G: g[4:7]}},
		"the gradients of %sa and %sb have memory in common":                 {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[4:8], G: g[:4]}},
		"the gradients of %sa and %sb have memory in common, want":           {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[:4], G: g[1:5]}},
		"two parameters are named %sa, one of 4 elements and one of 3%.0s":   {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "a", W: memory[4:7], G: g[4:7]}},
		"the gradient of %sa lies in the memory of parameter %[1]sa":         {{Name: "a", W: memory[:4], G: memory[:4]}, {Name: "b", W: memory[4:8], G: g[:4]}},
		"the gradient of %sb lies in the memory of parameter %sa":            {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[8:12], G: memory[2:6]}},
		"the gradient of %sa lies in the memory of parameter %sb":            {{Name: "a", W: memory[:4], G: memory[4:8]}, {Name: "b", W: memory[4:8], G: g[:4]}},
		"the gradient of parameter %sb has 3 elements, want 4%.0s":           {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[4:8], G: g[4:7]}},
		"parameter %sb has no gradient, as in a net made by Infer; make%.0s": {{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[4:8], G: nil}},
	} {
		net := &reporting{traintest.NewLeaky(2, 1), params[:]}
		_, err := bptt.NewTrainer(net, &traintest.Script{N: 4}, bptt.Plan{Loss: loss.MSE{}, Optimizer: traintest.Frozen{}})
		require.ErrorContains(t, err, fmt.Sprintf(want, "", ""))
		if params[1].G == nil {
			continue // a chain for inference
		}
		_, err = nn.Chain(net)
		require.ErrorContains(t, err, fmt.Sprintf(want, "0.", "0."))
	}
	emb := traintest.Must(nn.NewEmbedding(7, 3, traintest.Rng(1)))
	part := &nn.Linear{Weight: emb.Weight[3:], In: 3, Out: 6}
	for _, net := range []nn.Net{traintest.Unrolled(3, 3, 5, 2), traintest.Must(lstm.New(lstm.Config{Input: 3, Hidden: 3}, traintest.Rng(2))).Infer(5, 2)} {
		_, err := nn.Chain(emb, net, part)
		require.ErrorContains(t, err, "parameters 0.weight of 21 elements and 2.weight of 18 share a part of their memory")
	}
	// Checkpoint.Params has no memory to write twice.
	net := &reporting{traintest.NewLeaky(2, 1), []nn.Param{{Name: "a", W: memory[:4], G: g[:4]}, {Name: "b", W: memory[4:8], G: g[4:8]}}}
	trainer := traintest.Must(bptt.NewTrainer(net, &traintest.Script{N: 4}, bptt.Plan{Loss: loss.MSE{}, Optimizer: traintest.Frozen{}}))
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	net.params[1].W = memory[3:7]
	require.ErrorContains(t, traintest.Must(bptt.ReadCheckpoint(&file)).Params(net), "share a part of their memory")
}

// TestChainForInference: what Infer made runs, is evaluated, loaded and sampled
// from, and is refused by name where it would be trained.
func TestChainForInference(t *testing.T) {
	plan := bptt.Plan{Window: 4, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 0.01}, Steps: 2}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		emb := traintest.Must(nn.NewEmbedding(13, 5, traintest.Rng(1)))
		layer := traintest.Must(lstm.New(lstm.Config{Input: 5, Hidden: 5}, traintest.Rng(2)))
		out := emb.Readout()
		net := traintest.Must(nn.Chain(emb, layer.Unroll(4, 3), layer.Unroll(4, 3), out))
		infer := traintest.Must(nn.Chain(emb, layer.Infer(4, 3), layer.Infer(4, 3), out))
		mixed := traintest.Must(nn.Chain(emb, layer.Unroll(4, 3), layer.Infer(4, 3), out))
		source := func() *data.Text { return traintest.Must(data.NewText(traintest.Text(100, 13), 3)) }
		trainer := traintest.Must(bptt.NewTrainer(net, source(), plan))
		_, err := trainer.Run(context.Background())
		require.NoError(t, err)
		want, _, err := bptt.Evaluate(context.Background(), net, source(), plan.Loss)
		require.NoError(t, err)
		var file bytes.Buffer
		require.NoError(t, trainer.Save(&file))
		c := traintest.Must(bptt.ReadCheckpoint(&file))
		for first, m := range map[string]*nn.Model{"1.weight_ih_l0": infer, "2.weight_ih_l0": mixed} {
			require.Equal(t, traintest.ParamNames(net), traintest.ParamNames(m))
			require.Equal(t, nn.Fingerprint(net), nn.Fingerprint(m))
			require.NoError(t, c.Params(m))
			m.EachParam(func(name string, _, g []float32) { require.Nil(t, g, name) })
			got, _, err := bptt.Evaluate(context.Background(), m, source(), plan.Loss)
			require.NoError(t, err)
			require.Equal(t, want, got)
			_, err = decode.Sample(traintest.Must(m.Predictor(1)), make([]int32, 3), []int32{1}, decode.Sampling{}, nil)
			require.NoError(t, err)

			refused := "parameter " + first + " has no gradient, as in a net made by Infer; make a net that is to be trained by Unroll"
			_, err = bptt.NewTrainer(m, source(), plan)
			require.EqualError(t, err, "nn: "+refused)
			require.PanicsWithValue(t, "nn: Backward of a chain for inference: "+refused, func() { m.Backward(nil, make([]float32, 12*13)) })
			require.PanicsWithValue(t, "nn: SetStateGrad of a chain for inference: "+refused, func() { _ = m.SetStateGrad(nil) })
			m.ZeroGrads()
		}
		// A net by itself, and a chain in a chain.
		alone := layer.Infer(4, 3)
		_, err = bptt.NewTrainer(alone, source(), plan)
		require.ErrorContains(t, err, "parameter weight_ih_l0 has no gradient")
		outer := traintest.Must(nn.Chain(layer.Unroll(4, 3), traintest.Must(nn.Chain(traintest.Must(nn.NewZeroLinear(5, 5)), alone))))
		_, err = bptt.NewTrainer(outer, source(), plan)
		require.ErrorContains(t, err, "parameter 1.1.weight_ih_l0 has no gradient")
	})
}

// TestReplacedSlices: a Weight that is assigned after Chain would be another than
// the one trained.
func TestReplacedSlices(t *testing.T) {
	emb := traintest.Must(nn.NewEmbedding(7, 4, traintest.Rng(1)))
	lin := traintest.Must(nn.NewLinear(4, 7, traintest.Rng(1)))
	net := traintest.Must(nn.Chain(emb, traintest.Unrolled(4, 4, 5, 2), lin))
	p := traintest.Must(net.Predictor(2))
	y, ids := make([]float32, 14), make([]int32, 2)
	require.NoError(t, net.ForwardIDs(y, ids))
	state := net.State()
	weight, bias, table := lin.Weight, lin.Bias, emb.Weight
	for want, change := range map[string]func(){
		"stage 2 of the chain, a Linear":   func() { lin.Weight = emb.Weight },
		"stage 2 of the chain, a Linear, ": func() { lin.Bias = nil },
		"stage 2 of the chain":             func() { lin.Bias = make([]float32, 7) },
		"of stage 2":                       func() { lin.In, lin.Out = 7, 4 },
		"of the chain's Embedding":         func() { emb.Weight = lin.Weight },
		"the chain's Embedding":            func() { emb.Dim++ },
	} {
		change()
		for _, f := range []func(){func() { _ = net.ForwardIDs(y, ids) }, func() { _, _ = net.Predictor(2) }, p.Refresh} {
			func() {
				defer func() { require.Contains(t, recover(), want) }()
				f()
			}()
		}
		lin.Weight, lin.Bias, lin.In, lin.Out, emb.Weight, emb.Dim = weight, bias, 4, 7, table, 4
	}
	require.Equal(t, state, net.State())
	require.NoError(t, net.ForwardIDs(y, ids))
	p.Refresh()

	require.PanicsWithValue(t, "nn: Readout of an embedding of 2 symbols of width 3 with a Weight of 5 elements, want 6", func() {
		(&nn.Embedding{Weight: make([]float32, 5), Vocabulary: 2, Dim: 3}).Readout()
	})
}

// TestOverlapInChains: an output over an input is refused before it is written.
func TestOverlapInChains(t *testing.T) {
	net := traintest.Must(nn.Chain(traintest.Unrolled(3, 3, 2, 1), traintest.Must(nn.NewZeroLinear(3, 3))))
	memory, x := make([]float32, 12), make([]float32, 6)
	require.Panics(t, func() { net.Forward(memory[:6], memory[5:11]) })
	net.Forward(memory[:6], x)
	require.Panics(t, func() { net.Backward(memory[:6], memory[3:9]) })
	require.Panics(t, func() { net.Backward(x, memory[:6]) })
	require.Equal(t, make([]float32, len(traintest.Gradients(net))), traintest.Gradients(net))
	net.Backward(memory[:6], memory[6:])

	// Nor over weights and gradients.
	lin := traintest.Must(nn.NewLinear(3, 3, traintest.Rng(1)))
	net = traintest.Must(nn.Chain(traintest.Unrolled(3, 3, 2, 1), lin))
	before := nn.Fingerprint(net)
	require.PanicsWithValue(t, "nn: Forward: y overlaps parameter 1.weight in memory; give it memory of its own", func() { net.Forward(lin.Weight[:6], x) })
	require.PanicsWithValue(t, "nn: Forward: x overlaps parameter 1.bias in memory; give it memory of its own", func() { net.Forward(memory[:3], lin.Bias) })
	net.Forward(memory[:6], x)
	require.PanicsWithValue(t, "nn: Backward: dx overlaps parameter 1.weight in memory; give it memory of its own", func() { net.Backward(lin.Weight[3:], memory[:6]) })
	net.EachParam(func(name string, _, g []float32) {
		if name == "1.weight" {
			require.PanicsWithValue(t, "nn: Backward: dy overlaps the gradient of 1.weight in memory; give it memory of its own", func() { net.Backward(nil, g[:6]) })
		}
	})
	emb := traintest.Must(nn.NewEmbedding(5, 3, traintest.Rng(1)))
	over := traintest.Must(nn.Chain(emb, traintest.Unrolled(3, 3, 2, 1)))
	require.PanicsWithValue(t, "nn: ForwardIDs: y overlaps parameter 0.weight in memory; give it memory of its own", func() { over.ForwardIDs(emb.Weight[:3], []int32{1}) })
	require.Equal(t, before, nn.Fingerprint(net))
	net.Backward(memory[:6], memory[6:])

	p := traintest.Must(net.Predictor(2))
	require.PanicsWithValue(t, "nn: Step: y and x have memory in common, want memory of its own for each", func() { p.Step(memory[:6], memory[5:11]) })
	require.Equal(t, traintest.Must(net.Predictor(2)).State(), p.State())
	p.Step(memory[:6], memory[6:])
}

// TestOverlapInLosses: a gradient over what it is made of is an error, and nothing
// is written.
func TestOverlapInLosses(t *testing.T) {
	memory := []float32{1, 2, 3, 4, 5, 6}
	var s loss.Scratch
	for name, c := range map[string]struct {
		loss loss.Loss
		b    data.Batch
		y    []float32
	}{
		"CrossEntropy": {loss.CrossEntropy{}, data.Batch{Steps: 2, Rows: 1, Targets: []int32{0, 1}}, memory[1:5]},
		"MSE":          {loss.MSE{}, data.Batch{Steps: 2, Rows: 1, Y: make([]float32, 4)}, memory[1:5]},
		"MSE over Y":   {loss.MSE{}, data.Batch{Steps: 2, Rows: 1, Y: memory[2:]}, make([]float32, 4)},
	} {
		_, err := c.loss.Loss(memory[:4], c.y, &c.b, 0, &s)
		require.EqualError(t, err, "loss: dy overlaps y, or Y or Weights of the batch, in memory; give it memory of its own, or that of y", name)
		require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, memory, name)
	}
}
