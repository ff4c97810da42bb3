package bptt_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// givingWeights gives the batches of a Source weights, of steps or of each of width elements,
// some of them 0.
type givingWeights struct {
	data.Source
	width int
}

func (w givingWeights) Next(b *data.Batch) error {
	if err := w.Source.Next(b); err != nil {
		return err
	}
	b.Weights = traintest.NumbersLike(b.Steps*b.Rows*w.width, uint64(b.Steps))
	for i := range b.Weights {
		b.Weights[i] = max(0, b.Weights[i])
	}
	return nil
}

// numbered is batches of X, and of Y of the given width.
type numbered struct{ steps, rows, in, out, given int }

func (n *numbered) Next(b *data.Batch) error {
	if n.given == 2 {
		n.given = 0
		return io.EOF
	}
	n.given++
	steps := n.steps - n.given%2
	*b = data.Batch{Steps: steps, Rows: n.rows, Targets: make([]int32, steps*n.rows), Lengths: make([]int, n.rows),
		X: traintest.NumbersLike(steps*n.rows*n.in, 3), Y: traintest.NumbersLike(steps*n.rows*n.out, uint64(n.given))}
	for i := range b.Y {
		b.Y[i] = max(0, b.Y[i])
	}
	for r := range b.Lengths {
		b.Lengths[r] = max(0, steps-r%5)
	}
	b.Targets[3] = -1
	return nil
}

func (n *numbered) Rewind() error {
	n.given = 0
	return nil
}

// A limitedCase is a run that must have the same bits with a limit of rows.
type limitedCase struct {
	net    func() nn.Net
	data   func() data.Source
	plan   bptt.Plan
	limits []int
}

func limitedCases(t *testing.T) map[string]limitedCase {
	const rows, vocabulary = 100, 40 // chunks of 3 steps, 300 rows
	sizes := traintest.Sizes{Vocabulary: vocabulary, Embed: 6, Hidden: 6, Layers: 2, Steps: 11, Batch: rows}
	text := func() data.Source {
		return traintest.Must(data.NewText(traintest.Text(rows*24, vocabulary), rows))
	}
	r := traintest.Rng(5)
	var ragged []data.Sequence
	for i := range rows + 7 {
		n := 1 + (i*5)%11
		s := data.Sequence{IDs: traintest.DrawIDs(r, n, vocabulary), Targets: traintest.DrawIDs(r, n, vocabulary)}
		if i%4 == 0 {
			s.Targets[n/2] = -1
		}
		ragged = append(ragged, s)
	}
	sequences := func() data.Source { return traintest.Must(data.NewSequences(ragged, rows, nil)) }
	model := func(change func(*traintest.Sizes)) func() nn.Net {
		s := sizes
		change(&s)
		return func() nn.Net { return traintest.LanguageModel(t, 1, s) }
	}
	classes := traintest.NumbersLike(vocabulary, 9)
	for i := range classes {
		classes[i] = max(0, classes[i])
	}
	many := []int{300, 600, 999, 5000}
	binary := func() nn.Net {
		layer := traintest.Must(nn.NewLinear(3, 2049, rand.New(rand.NewPCG(1, 2))))
		return traintest.Must(nn.Unroll(3, 256, layer)) // chunks of 1 step
	}
	numbers := func() data.Source { return &numbered{3, 256, 3, 2049, 0} }
	// behind adds stages behind the readout of a model.
	behind := func(stages ...nn.Stage) func() nn.Net {
		return func() nn.Net {
			r := rand.New(rand.NewPCG(1, 1))
			emb := traintest.Must(nn.NewEmbedding(vocabulary, 6, r))
			layer := traintest.Must(lstm.New(lstm.Config{Input: 6, Hidden: 6}, r))
			out := traintest.Must(nn.NewLinear(6, vocabulary, r))
			norm := traintest.Must(nn.NewLayerNorm(vocabulary))
			all := append([]nn.Stage{emb, layer.Unroll(11, rows), out, nn.Tanh, norm}, stages...)
			return traintest.Must(nn.Chain(all...))
		}
	}
	return map[string]limitedCase{
		"stages behind the readout": {behind(nn.ELU(0.5)), text, bptt.Plan{Window: 11, Stride: 7, Steps: 4, Loss: loss.CrossEntropy{}}, many},
		"ragged, a layer norm at last": {behind(), func() data.Source { return givingWeights{sequences(), 1} },
			bptt.Plan{Accumulate: 2, Epochs: 1, Loss: loss.CrossEntropy{}}, []int{300, 600}},
		"windows": {model(func(*traintest.Sizes) {}), text, bptt.Plan{Window: 11, Steps: 4, Loss: loss.CrossEntropy{}}, many},
		"tied, masked": {model(func(s *traintest.Sizes) { s.Tied, s.Masks = true, true }), text,
			bptt.Plan{Window: 11, Steps: 3, Loss: &loss.CrossEntropy{}}, []int{300}},
		"tied, twice": {model(func(s *traintest.Sizes) { s.Twice = true }), text,
			bptt.Plan{Window: 7, Steps: 3, Loss: loss.CrossEntropy{}}, []int{300}},
		"overlapping windows": {model(func(s *traintest.Sizes) { s.Masks = true }), text,
			bptt.Plan{Window: 11, Stride: 4, Steps: 6, Loss: loss.CrossEntropy{Smoothing: 0.1}, Reduction: loss.SumOverTime}, []int{300, 600}},
		"ragged, weights, accumulated": {model(func(*traintest.Sizes) {}), func() data.Source { return givingWeights{sequences(), 1} },
			bptt.Plan{Accumulate: 2, Epochs: 2, Loss: loss.CrossEntropy{Weights: classes, Smoothing: 0.2}}, many},
		"nothing counts": {model(func(*traintest.Sizes) {}), text,
			bptt.Plan{Window: 11, Steps: 2, Loss: loss.CrossEntropy{Weights: make([]float32, vocabulary), Smoothing: 0.2}}, []int{300}},
		"a Linear alone, binary": {binary, func() data.Source { return givingWeights{numbers(), 2049} },
			bptt.Plan{Steps: 2, Loss: loss.BCE{PerStep: true}, Reduction: loss.Sum}, []int{256, 600}},
		"squares":  {binary, numbers, bptt.Plan{Steps: 2, Loss: loss.MSE{}}, []int{256}},
		"weighted": {binary, func() data.Source { return givingWeights{numbers(), 1} }, bptt.Plan{Steps: 2, Loss: &loss.Huber{Delta: 0.2}}, []int{256}},
	}
}

// TestReadoutRowsChangesNoBit: losses, norms, gradients and weights of every update, and the
// loss and metrics of an evaluation, are those without a limit.
func TestReadoutRowsChangesNoBit(t *testing.T) {
	ctx := context.Background()
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for name, c := range limitedCases(t) {
			if isa == kernels.Scalar && name != "tied, masked" {
				continue // nothing else differs between tiers here, and scalar is slow
			}
			run := func(limit, workers int) (losses []float64, weights []float32) {
				plan := c.plan
				plan.ReadoutRows, plan.Workers, plan.ClipNorm = limit, workers, 1e-2
				plan.Optimizer = &optim.SGD{LR: 0.1}
				net := c.net()
				plan.OnStep = func(p bptt.Progress) error {
					losses = append(losses, p.Loss, p.Norm, float64(p.Count))
					return nil
				}
				_, err := bptt.Train(ctx, net, c.data(), plan)
				require.NoError(t, err, "%s, limit %d", name, limit)
				var right loss.Accuracy
				_, _, _, width := net.Dims()
				confusion := traintest.Must(loss.NewConfusion(width))
				evaluated := func(within int) {
					mean, n, err := bptt.Evaluate(ctx, net, c.data(), c.plan.Loss, &right, confusion)
					if within > 0 {
						mean, n, err = bptt.EvaluateWithin(ctx, net, c.data(), c.plan.Loss, within, &right, confusion)
					}
					require.NoError(t, err)
					losses = append(losses, mean, float64(n), right.Value(), confusion.Value())
				}
				evaluated(limit)
				return losses, traintest.Weights(net)
			}
			losses, weights := run(0, 1)
			if testing.Short() {
				c.limits = c.limits[:1]
			}
			for i, limit := range c.limits {
				got, changed := run(limit, i%3)
				require.Equal(t, losses, got, "%s, limit %d", name, limit)
				traintest.Equal(t, fmt.Sprintf("%s, limit %d", name, limit), changed, weights)
			}
		}
	})
}

// TestReadoutRowsValidation: a validation within a limit, with the net and with one for
// inference, is that without.
func TestReadoutRowsValidation(t *testing.T) {
	c := limitedCases(t)["windows"]
	losses := func(limit int, other bool) (all []float64) {
		plan := c.plan
		plan.ReadoutRows, plan.Optimizer = limit, &optim.SGD{LR: 0.1}
		plan.Validate = bptt.Validate{Data: c.data(), EverySteps: 1, OnValidate: func(v bptt.Validation) error {
			all = append(all, v.Loss)
			return nil
		}}
		r := rand.New(rand.NewPCG(1, 1))
		emb := traintest.Must(nn.NewEmbedding(40, 6, r))
		layer := traintest.Must(lstm.New(lstm.Config{Input: 6, Hidden: 6}, r))
		out := emb.Readout()
		if other {
			plan.Validate.Net = traintest.Must(nn.Infer(11, 100, emb, layer.Unroll(11, 100), out))
		}
		net := traintest.Must(nn.Chain(emb, layer.Unroll(11, 100), out))
		_, err := bptt.Train(context.Background(), net, c.data(), plan)
		require.NoError(t, err)
		require.Len(t, all, int(plan.Steps))
		return all
	}
	want := losses(0, false)
	require.Equal(t, want, losses(300, false))
	require.Equal(t, want, losses(300, true))
}

// TestReadoutRowsOfTheModelAfterwards: a model whose room was cut has the same outputs and
// gradients as a whole.
func TestReadoutRowsOfTheModelAfterwards(t *testing.T) {
	c := limitedCases(t)["stages behind the readout"]
	ids := traintest.DrawIDs(traintest.Rng(1), 1100, 40)
	run := func(cut bool) ([]float32, []float32) {
		m := c.net().(*nn.Model)
		if cut {
			traintest.Must(m.Blocks(300))
		}
		y := make([]float32, 1100*40)
		require.NoError(t, m.ForwardIDs(y, ids))
		m.Backward(nil, y)
		return y, traintest.Gradients(m)
	}
	y, grads := run(false)
	got, gotGrads := run(true)
	traintest.Equal(t, "outputs", got, y)
	traintest.Equal(t, "gradients", gotGrads, grads)
}

// whole is a Metric that needs whole batches.
type whole struct{ loss.Metric }

// TestReadoutRowsRefuses nets, losses and metrics that cannot be run so, by name.
func TestReadoutRowsRefuses(t *testing.T) {
	ctx := context.Background()
	linear := traintest.Must(nn.NewLinear(4, 4, traintest.Rng(1)))
	norm := traintest.Must(nn.NewLayerNorm(4))
	chain := func(stages ...nn.Stage) nn.Net { return traintest.Must(nn.Unroll(6, 100, stages...)) }
	text := func() data.Source { return &numbered{6, 100, 4, 4, 0} }
	for _, c := range []struct {
		net  nn.Net
		loss loss.Loss
		rows int
		want string
	}{
		{chain(linear), loss.CrossEntropy{}, -1, "Plan.ReadoutRows is -1"},
		{chain(linear), loss.CrossEntropy{}, 299, "at most 299 rows of outputs in memory, want at least 300"},
		{chain(linear, nn.Dropout{P: 0.5}), loss.CrossEntropy{}, 300, "stage 1 of the chain, a nn.Dropout, stands behind the readout or in its place"},
		{chain(linear, nn.Sequential{nn.Tanh}), loss.CrossEntropy{}, 300, "stage 1 of the chain, a nn.Sequential, stands"},
		{chain(nn.PoolMean{}, traintest.Must(nn.NewLayerNorm(4))), loss.CrossEntropy{}, 300, "stage 0 of the chain, a nn.PoolMean, stands"},
		{chain(nn.Tanh, traintest.Must(nn.NewLayerNorm(4))), loss.CrossEntropy{}, 300, "stage 1, the last of the chain, has no Linear before it"},
		{chain(linear, norm, nn.Tanh, norm), loss.CrossEntropy{}, 300, "stages 1 and 3 behind the readout, layer norms, have the same weights"},
		{chain(linear), loss.CTC{}, 300, "loss.CTC cannot be measured in blocks"},
		{chain(linear), loss.PerSequence{Of: loss.CrossEntropy{}}, 300, "PerSequence cannot be measured in blocks"},
		{chain(linear), loss.MSE{}, 300, "width 4 in blocks of steps, want a width of more than 2048"},
		{chain(linear), struct{ loss.CrossEntropy }{}, 300, "cannot be measured in blocks"},
		{traintest.NewLeaky(6, 100), loss.CrossEntropy{}, 300, "a *traintest.Leaky, want an *nn.Model"},
	} {
		_, err := bptt.NewTrainer(c.net, text(), bptt.Plan{Loss: c.loss, Optimizer: &optim.SGD{LR: 1}, ReadoutRows: c.rows})
		require.ErrorContains(t, err, c.want)
		if c.rows > 0 {
			_, _, err = bptt.EvaluateWithin(ctx, c.net, text(), c.loss, c.rows)
			require.ErrorContains(t, err, c.want)
		}
	}
	_, _, err := bptt.EvaluateWithin(ctx, chain(linear), text(), loss.CrossEntropy{}, 0)
	require.ErrorContains(t, err, "within 0 rows")
	_, _, err = bptt.EvaluateWithin(ctx, chain(linear), text(), loss.CrossEntropy{}, 300, &loss.Accuracy{}, whole{&loss.Accuracy{}})
	require.ErrorContains(t, err, "metric 1, a bptt_test.whole, needs the outputs of whole batches")
	for _, v := range []bptt.Validate{{Data: text(), Loss: loss.CTC{}}, {Data: text(), Net: chain(linear, nn.PoolMean{})}} {
		_, err = bptt.NewTrainer(chain(linear), text(), bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 1}, ReadoutRows: 300, Validate: v})
		require.ErrorContains(t, err, "Plan.Validate with a Plan.ReadoutRows")
	}
}

// TestReadoutRowsErrors: a bad target in any block is named by its place in the batch, and
// changes nothing; afterwards the run goes on.
func TestReadoutRowsErrors(t *testing.T) {
	c := limitedCases(t)["windows"]
	net := c.net()
	source := &spoiled{Source: c.data(), at: 7*100 + 5}
	plan := c.plan
	plan.ReadoutRows, plan.Optimizer = 300, &optim.SGD{LR: 0.1}
	trainer, err := bptt.NewTrainer(net, source, plan)
	require.NoError(t, err)
	before := traintest.Weights(net)
	_, err = trainer.Run(context.Background())
	var bad *data.IDError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, data.IDError{What: "target", ID: 40, Step: 7, Row: 5, Limit: 40}, *bad)
	traintest.Equal(t, "weights", traintest.Weights(net), before)
	source.at = -1
	_, err = trainer.Run(context.Background())
	require.NoError(t, err)
}

// spoiled sets one target to what is no class.
type spoiled struct {
	data.Source
	at int
}

func (s *spoiled) Next(b *data.Batch) error {
	err := s.Source.Next(b)
	if err == nil && s.at >= 0 {
		b.Targets[s.at] = 40
	}
	return err
}

// TestReadoutRowsAllocatesNothing in its steady state.
func TestReadoutRowsAllocatesNothing(t *testing.T) {
	c := limitedCases(t)["windows"]
	for _, stride := range []int{0, 4} {
		plan := c.plan
		plan.Stride = stride
		plan.Steps, plan.ReadoutRows, plan.Optimizer, plan.Workers = 0, 300, &optim.SGD{LR: 0.1}, 2
		plan.OnStep = func(bptt.Progress) error { return bptt.ErrStop }
		trainer, err := bptt.NewTrainer(c.net(), c.data(), plan)
		require.NoError(t, err)
		step := func() {
			if _, err := trainer.Run(context.Background()); err != nil {
				panic(err)
			}
		}
		for range 20 {
			step()
		}
		require.Zero(t, testing.AllocsPerRun(10, step), "stride %d", stride)
	}
}

// TestReadoutRowsMemory: with 50,000 classes one update and an evaluation allocate a block
// of outputs, and not all of them.
func TestReadoutRowsMemory(t *testing.T) {
	const classes, steps, rows, width = 50_000, 32, 32, 2
	r := rand.New(rand.NewPCG(1, 2))
	emb := traintest.Must(nn.NewEmbedding(classes, width, r))
	layer := traintest.Must(lstm.New(lstm.Config{Input: width, Hidden: width}, r))
	net := traintest.Must(nn.Chain(emb, layer.Unroll(steps, rows), emb.Readout()))
	source := traintest.Must(data.NewTokens(traintest.DrawIDs(r, rows*steps+1, classes), rows))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	plan := bptt.Plan{Window: steps, Steps: 1, ReadoutRows: 256, Workers: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1}}
	_, err := bptt.Train(context.Background(), net, source, plan)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	const all, block = 4 * classes * steps * rows, 4 * classes * 256
	used := int(after.TotalAlloc - before.TotalAlloc)
	require.Less(t, used, block+all/20, "bytes that an update allocated, of %d of all outputs", all)
	require.Greater(t, used, block)
	runtime.ReadMemStats(&before)
	_, _, err = bptt.EvaluateWithin(context.Background(), net, source, loss.CrossEntropy{}, 256)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Less(t, int(after.TotalAlloc-before.TotalAlloc), block+all/20)
}
