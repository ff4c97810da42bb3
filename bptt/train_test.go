package bptt_test

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

func plan(p bptt.Plan) bptt.Plan {
	p.Window, p.Loss = 6, loss.CrossEntropy{}
	if p.Optimizer == nil {
		p.Optimizer = &optim.Adam{LR: 1e-2}
	}
	return p
}

func TestTrainLearns(t *testing.T) {
	for name, optimizer := range map[string]optim.Optimizer{
		"sgd": &optim.SGD{LR: 0.5}, "momentum": &optim.SGD{LR: 0.1, Momentum: 0.9}, "nesterov": &optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true},
		"adam": &optim.Adam{LR: 1e-2}, "adamw": &optim.AdamW{LR: 1e-2, WeightDecay: 1e-3},
	} {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		var first, last float64
		_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{
			Steps: 200, Optimizer: optimizer, ClipNorm: 5, OnStep: func(p bptt.Progress) error {
				if last = p.Loss; p.Step == 1 {
					first = p.Loss
				}
				return nil
			},
		}))
		require.NoError(t, err)
		require.Less(t, last, 0.75*first, name)
	}
}

func TestLimits(t *testing.T) {
	// 100 symbols in 3 streams of 33 steps: 6 windows an epoch, the last of 3.
	run := func(p bptt.Plan) bptt.Report {
		report, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, traintest.Small), traintest.TextData(t, 100, traintest.Small), plan(p))
		require.NoError(t, err)
		return report
	}
	r := run(bptt.Plan{Steps: 7})
	require.Equal(t, []int64{7, 1, 99 + 18}, []int64{r.Step, r.Epoch, r.Counted})
	require.Positive(t, r.PerSecond)
	r = run(bptt.Plan{Epochs: 2})
	require.Equal(t, []int64{12, 2 * 99}, []int64{r.Step, r.Counted})
	r = run(bptt.Plan{Epochs: 1, Accumulate: 4}) // 4 windows, then the 2 that are left
	require.Equal(t, []int64{2, 99}, []int64{r.Step, r.Counted})
	r = run(bptt.Plan{OnStep: func(p bptt.Progress) error {
		if p.Step == 3 {
			return bptt.ErrStop
		}
		return nil
	}})
	require.Equal(t, int64(3), r.Step)
}

// TestAccumulate: the gradient of an update is the mean of its windows' where
// these have the same number of terms.
func TestAccumulate(t *testing.T) {
	grad := func(accumulate int, skip int) (g float32) {
		net := traintest.NewLeaky(2, 1)
		_, err := bptt.Train(context.Background(), net, &traintest.Script{N: 100}, bptt.Plan{
			Window: 2, Steps: int64(skip + 1), Accumulate: accumulate, Loss: loss.MSE{}, Optimizer: traintest.Frozen{},
			OnStep: func(bptt.Progress) error { g = net.G[0]; return nil },
		})
		require.NoError(t, err)
		return g
	}
	require.InEpsilon(t, float64(grad(1, 0)+grad(1, 1)+grad(1, 2))/3, float64(grad(3, 0)), 1e-6)
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	net := traintest.LanguageModel(t, 1, traintest.Small)
	trainer, err := bptt.NewTrainer(net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{
		Steps: 20, OnStep: func(p bptt.Progress) error {
			if p.Step == 5 {
				cancel()
			}
			return nil
		},
	}))
	require.NoError(t, err)
	report, err := trainer.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, int64(5), report.Step, "not a step more")

	// The model is whole and the run goes on as if nothing had been.
	report, err = trainer.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, int64(20), report.Step)
	other := traintest.LanguageModel(t, 1, traintest.Small)
	_, err = bptt.Train(context.Background(), other, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{Steps: 20}))
	require.NoError(t, err)
	require.Equal(t, nn.Fingerprint(other), nn.Fingerprint(net))

	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = bptt.Train(ctx, net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{}))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// wrong is Data that fails in its third batch.
type wrong struct {
	*data.Text
	n    int
	fail func(b *data.Batch) error
}

func (d *wrong) Next(b *data.Batch) error {
	err := d.Text.Next(b)
	if d.n++; d.n == 3 && err == nil {
		return d.fail(b)
	}
	return err
}

func TestUserCodeFails(t *testing.T) {
	bad := errors.New("bad")
	train := func(p bptt.Plan, fail func(b *data.Batch) error) (float64, error) {
		net := traintest.LanguageModel(t, 1, traintest.Small)
		if fail == nil {
			fail = func(*data.Batch) error { return nil }
		}
		report, err := bptt.Train(context.Background(), net, &wrong{Text: traintest.TextData(t, 400, traintest.Small), fail: fail}, plan(p))
		for _, w := range traintest.Weights(net) {
			require.False(t, math.IsNaN(float64(w)))
		}
		return float64(report.Step), err
	}
	goroutines := runtime.NumGoroutine()
	step, err := train(bptt.Plan{}, func(*data.Batch) error { return bad })
	require.ErrorIs(t, err, bad)
	require.Equal(t, 2.0, step, "the updates before it count")

	var pe *bptt.PanicError
	_, err = train(bptt.Plan{}, func(*data.Batch) error { panic(bad) })
	require.ErrorAs(t, err, &pe)
	require.ErrorIs(t, err, bad)
	require.Equal(t, "Source.Next", pe.Where)
	require.Contains(t, string(pe.Stack), "TestUserCodeFails")

	step, err = train(bptt.Plan{OnStep: func(p bptt.Progress) error { return bad }}, nil)
	require.ErrorIs(t, err, bad)
	require.Equal(t, 1.0, step)
	_, err = train(bptt.Plan{OnStep: func(p bptt.Progress) error { panic("callback") }}, nil)
	require.ErrorAs(t, err, &pe)
	require.ErrorContains(t, err, "Plan.OnStep: callback")
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+runtime.GOMAXPROCS(0), "only the team's workers stay")

	// What the data gives is checked before anything is done with it.
	for name, spoil := range map[string]func(b *data.Batch){
		"rows":    func(b *data.Batch) { b.Rows++ },
		"steps":   func(b *data.Batch) { b.Steps++ },
		"ids":     func(b *data.Batch) { b.IDs = b.IDs[1:] },
		"no ids":  func(b *data.Batch) { b.IDs, b.X = nil, make([]float32, 18) },
		"targets": func(b *data.Batch) { b.Targets = nil },
		"lengths": func(b *data.Batch) { b.Lengths = []int{1} },
		"length":  func(b *data.Batch) { b.Lengths = []int{1, 7, 2} },
		"reset":   func(b *data.Batch) { b.Reset = []bool{true} },
	} {
		_, err := train(bptt.Plan{}, func(b *data.Batch) error { spoil(b); return nil })
		require.Error(t, err, name)
	}
	var id *data.IDError
	_, err = train(bptt.Plan{}, func(b *data.Batch) error { b.IDs[7] = 13; return nil })
	require.ErrorAs(t, err, &id)
	require.Equal(t, data.IDError{What: "id", ID: 13, Step: 2, Row: 1, Limit: 13}, *id)
	_, err = train(bptt.Plan{}, func(b *data.Batch) error { b.Targets[4] = 99; return nil })
	require.ErrorAs(t, err, &id)
	require.Equal(t, data.IDError{What: "target", ID: 99, Step: 1, Row: 1, Limit: 13}, *id)
}

func TestPlanErrors(t *testing.T) {
	for name, p := range map[string]bptt.Plan{
		"no loss":      {Window: 6, Optimizer: &optim.SGD{LR: 1}},
		"no optimizer": {Window: 6, Loss: loss.MSE{}},
		"window":       {Window: 7, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}},
		"stride":       {Window: 4, Stride: 5, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}},
		"only stride":  {Stride: 2, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}},
		"negative":     {Window: -1, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}},
		"clip":         {Window: 6, ClipNorm: math.NaN(), Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}},
		"steps":        {Window: 6, Steps: -1, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1}},
		"rate":         {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.SGD{}},
		"momentum":     {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1, Momentum: 1}},
		"nesterov":     {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1, Nesterov: true}},
		"decay":        {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1, WeightDecay: -1}},
		"beta":         {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: 1, Beta1: 1}},
		"epsilon":      {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.AdamW{LR: 1, Eps: -1}},
		"adam rate":    {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.AdamW{LR: math.Inf(1)}},
		"adam decay":   {Window: 6, Loss: loss.MSE{}, Optimizer: &optim.Adam{LR: 1, WeightDecay: math.NaN()}},
	} {
		_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, p)
		require.Error(t, err, name)
	}
	_, err := bptt.NewTrainer(traintest.NewLeaky(6, 0), &traintest.Script{N: 9}, plan(bptt.Plan{}))
	require.Error(t, err)
	_, err = bptt.Train(context.Background(), traintest.NewLeaky(6, 1), traintest.Never{}, plan(bptt.Plan{}))
	require.ErrorContains(t, err, "no batches")
	net := traintest.NewLeaky(6, 1)
	_, err = bptt.NewTrainer(net, traintest.Never{}, plan(bptt.Plan{Workers: 3}))
	require.NoError(t, err)
	require.Equal(t, 3, net.Workers)
}

// counted is an optimizer that notes its workers.
type counted struct {
	traintest.Frozen
	workers *int
}

func (o counted) SetWorkers(n int) { *o.workers = n }

// TestWorkersOfThePlan reach nets and optimizers of the user, bounded; 0 changes
// nothing that was set.
func TestWorkersOfThePlan(t *testing.T) {
	for _, c := range []struct{ asked, set int }{{0, 7}, {1, 1}, {256, 256}, {257, 256}, {math.MaxInt, 256}} {
		net, n := traintest.NewLeaky(6, 1), 7
		net.Workers = 7
		_, err := bptt.NewTrainer(net, &traintest.Script{N: 9}, plan(bptt.Plan{Workers: c.asked, Optimizer: counted{traintest.Frozen{}, &n}}))
		require.NoError(t, err)
		require.Equal(t, []int{c.set, c.set}, []int{net.Workers, n}, "%d workers", c.asked)
	}
}

// TestNonFinite: a gradient or loss that is not finite stops before the update,
// names what it is, and leaves the weights as they were.
func TestNonFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	for _, bad := range []float32{inf, -inf, nan, math.MaxFloat32} {
		net := traintest.NewLeaky(4, 1)
		step := 0
		net.Broken = func() {
			if step++; step == 3 {
				net.G[0] = bad
			}
		}
		var before float32
		_, err := bptt.Train(context.Background(), net, &traintest.Script{N: 100}, bptt.Plan{
			Window: 4, Steps: 3, ClipNorm: 1, ClipValue: 10, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3},
			OnStep: func(bptt.Progress) error { before = net.W[0]; return nil },
		})
		if bad == math.MaxFloat32 {
			require.NoError(t, err, "its square is no float32, but the norm is float64")
			continue
		}
		var nf *bptt.NonFiniteError
		require.ErrorAs(t, err, &nf, "%v", bad)
		require.Equal(t, int64(3), nf.Step)
		require.Equal(t, "w", nf.Param)
		require.Equal(t, before, net.W[0])
	}

	// The first parameter in EachParam order is named, and nothing has moved.
	model := traintest.LanguageModel(t, 1, traintest.Small)
	model.EachParam(func(name string, w, _ []float32) {
		if name == "2.bias" {
			w[3] = nan
		}
	})
	before := traintest.Weights(model)
	_, err := bptt.Train(context.Background(), model, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{Steps: 3, ClipNorm: 1}))
	var nf *bptt.NonFiniteError
	require.ErrorAs(t, err, &nf)
	require.Equal(t, int64(1), nf.Step)
	require.Equal(t, "0.weight", nf.Param)
	require.True(t, math.IsNaN(nf.Loss))
	require.ErrorContains(t, err, "0.weight")
	numtest.Equal(t, traintest.Weights(model), before)

	// An infinite loss with a finite gradient.
	net := traintest.NewLeaky(4, 1)
	_, err = bptt.Train(context.Background(), net, &traintest.Script{N: 8}, bptt.Plan{Window: 4, Loss: infinite{}, Optimizer: &optim.SGD{LR: 1}})
	require.ErrorAs(t, err, &nf)
	require.Empty(t, nf.Param)
	require.Equal(t, float32(1), net.W[0])
}

type infinite struct{}

func (infinite) Loss(dy, _ []float32, _ *data.Batch, _ float64, _ *loss.Scratch) (loss.Total, error) {
	clear(dy)
	return loss.Total{Sum: math.Inf(1), Weight: 1, Terms: 1}, nil
}

// TestClip compares what reaches the optimizer with the definition.
func TestClip(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		grads := func(p bptt.Plan) (out []float32, norm float64) {
			net := traintest.LanguageModel(t, 1, traintest.Small)
			p.Steps = 1
			p.OnStep = func(q bptt.Progress) error { norm = q.Norm; return nil }
			_, err := bptt.Train(context.Background(), net, traintest.TextData(t, 400, traintest.Small), plan(p))
			require.NoError(t, err)
			net.EachParam(func(_ string, _, g []float32) { out = append(out, g...) })
			return out, norm
		}
		raw, norm := grads(bptt.Plan{})
		sum := 0.0
		for _, g := range raw {
			sum += float64(g) * float64(g)
		}
		require.InEpsilon(t, math.Sqrt(sum), norm, 1e-12)

		scaled, same := grads(bptt.Plan{ClipNorm: norm / 3})
		require.Equal(t, norm, same, "the norm that is reported is the one before clipping")
		factor := float32(norm / 3 / norm)
		for i, g := range raw {
			require.Equal(t, g*factor, scaled[i])
		}
		untouched, _ := grads(bptt.Plan{ClipNorm: norm})
		require.Equal(t, raw, untouched)

		limit := float32(0.01)
		clipped, _ := grads(bptt.Plan{ClipValue: float64(limit)})
		cut := 0
		for i, g := range raw {
			want := max(-limit, min(limit, g))
			require.Equal(t, want, clipped[i])
			if want != g {
				cut++
			}
		}
		require.Positive(t, cut)
		both, after := grads(bptt.Plan{ClipValue: float64(limit), ClipNorm: 1e-3})
		require.Less(t, after, norm, "with both the norm is that of the limited gradient")
		require.Equal(t, clipped[0]*float32(1e-3/after), both[0])
	})
}

// TestTrainAllocatesNothing in its steady state: windows that follow on each
// other and windows that overlap.
func TestTrainAllocatesNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		shared := traintest.Small
		shared.Twice, shared.Hidden = true, shared.Embed
		for _, model := range []traintest.Sizes{traintest.Small, shared} {
			for _, c := range [][2]int{{1, 6}, {1, 4}, {2, 6}, {2, 4}} {
				workers, stride := c[0], c[1]
				trainer, err := bptt.NewTrainer(traintest.LanguageModel(t, 1, model), traintest.TextData(t, 400, traintest.Small), bptt.Plan{
					Window: 6, Stride: stride, Workers: workers, ClipNorm: 1, ClipValue: 1, Accumulate: 2,
					Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-3}, Schedule: optim.WarmupCosine{Warmup: 3, Total: 9},
					OnStep: func(bptt.Progress) error { return bptt.ErrStop },
				})
				require.NoError(t, err)
				ctx := context.Background()
				step := func() {
					if _, err := trainer.Run(ctx); err != nil {
						panic(err)
					}
				}
				for range 20 { // past the first short window of an epoch
					step()
				}
				require.Zero(t, testing.AllocsPerRun(50, step), "stride %d, %d workers", stride, workers)
			}
		}
	})
}

// unread is Data that says its rows and must not be asked for anything else.
type unread struct {
	t    *testing.T
	rows func() int
}

func (d unread) Rows() int              { return d.rows() }
func (d unread) Rewind() error          { d.t.Error("Rewind"); return nil }
func (d unread) Next(*data.Batch) error { d.t.Error("Next"); return io.EOF }

// TestRowsAreThoseOfTheNet: data of other rows is refused by both numbers before it
// is asked for a batch.
func TestRowsAreThoseOfTheNet(t *testing.T) {
	seqs, err := data.NewSequences([]data.Sequence{{IDs: make([]int32, 3), Targets: make([]int32, 3)}}, 5, nil)
	require.NoError(t, err)
	text, err := data.NewText(make([]byte, 13), 5)
	require.NoError(t, err)
	tokens, err := data.NewTokens(make([]int32, 13), 5)
	require.NoError(t, err)
	refuse := func(source data.Source) (errs [2]error) {
		net := traintest.NewLeaky(6, 2)
		_, errs[0] = bptt.NewTrainer(net, source, plan(bptt.Plan{}))
		_, _, errs[1] = bptt.Evaluate(context.Background(), net, source, loss.CrossEntropy{})
		require.Empty(t, net.Log)
		return errs
	}
	for _, source := range []data.Source{seqs, text, tokens, unread{t, func() int { return 5 }}} {
		for _, err := range refuse(source) {
			require.EqualError(t, err, "bptt: the data has batches of 5 rows, the net has 2; make one of them with the rows of the other")
		}
	}
	for _, err := range refuse(unread{t, func() int { panic("rows") }}) {
		var pe *bptt.PanicError
		require.ErrorAs(t, err, &pe)
		require.Equal(t, "Source.Rows", pe.Where)
	}
}
