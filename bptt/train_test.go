package bptt_test

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

var small = sizes{vocabulary: 13, embed: 5, hidden: 8, layers: 1, steps: 6, batch: 3}

func textData(t testing.TB, n int, s sizes) *bptt.Text {
	t.Helper()
	data, err := bptt.NewText(text(n, s.vocabulary), s.batch)
	require.NoError(t, err)
	return data
}

func plan(p bptt.Plan) bptt.Plan {
	p.Window, p.Loss = 6, bptt.CrossEntropy{}
	if p.Optimizer == nil {
		p.Optimizer = &bptt.Adam{LR: 1e-2}
	}
	return p
}

func weights(net bptt.Net) []float32 {
	var out []float32
	net.EachParam(func(_ string, w, _ []float32) { out = append(out, w...) })
	return out
}

func TestTrainLearns(t *testing.T) {
	for name, optimizer := range map[string]bptt.Optimizer{
		"sgd": &bptt.SGD{LR: 0.5}, "momentum": &bptt.SGD{LR: 0.1, Momentum: 0.9}, "nesterov": &bptt.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true},
		"adam": &bptt.Adam{LR: 1e-2}, "adamw": &bptt.AdamW{LR: 1e-2, WeightDecay: 1e-3},
	} {
		net := languageModel(t, 1, small)
		var first, last float64
		_, err := bptt.Train(context.Background(), net, textData(t, 400, small), plan(bptt.Plan{
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
		report, err := bptt.Train(context.Background(), languageModel(t, 1, small), textData(t, 100, small), plan(p))
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
		net := newLeaky(2, 1)
		_, err := bptt.Train(context.Background(), net, &script{n: 100}, bptt.Plan{
			Window: 2, Steps: int64(skip + 1), Accumulate: accumulate, Loss: bptt.MSE{}, Optimizer: frozen{},
			OnStep: func(bptt.Progress) error { g = net.g[0]; return nil },
		})
		require.NoError(t, err)
		return g
	}
	require.InEpsilon(t, float64(grad(1, 0)+grad(1, 1)+grad(1, 2))/3, float64(grad(3, 0)), 1e-6)
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	net := languageModel(t, 1, small)
	trainer, err := bptt.NewTrainer(net, textData(t, 400, small), plan(bptt.Plan{
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
	other := languageModel(t, 1, small)
	_, err = bptt.Train(context.Background(), other, textData(t, 400, small), plan(bptt.Plan{Steps: 20}))
	require.NoError(t, err)
	require.Equal(t, bptt.Fingerprint(other), bptt.Fingerprint(net))

	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = bptt.Train(ctx, net, textData(t, 400, small), plan(bptt.Plan{}))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// wrong is Data that fails in its third batch.
type wrong struct {
	*bptt.Text
	n    int
	fail func(b *bptt.Batch) error
}

func (d *wrong) Next(b *bptt.Batch) error {
	err := d.Text.Next(b)
	if d.n++; d.n == 3 && err == nil {
		return d.fail(b)
	}
	return err
}

func TestUserCodeFails(t *testing.T) {
	bad := errors.New("bad")
	train := func(p bptt.Plan, fail func(b *bptt.Batch) error) (float64, error) {
		net := languageModel(t, 1, small)
		if fail == nil {
			fail = func(*bptt.Batch) error { return nil }
		}
		report, err := bptt.Train(context.Background(), net, &wrong{Text: textData(t, 400, small), fail: fail}, plan(p))
		for _, w := range weights(net) {
			require.False(t, math.IsNaN(float64(w)))
		}
		return float64(report.Step), err
	}
	goroutines := runtime.NumGoroutine()
	step, err := train(bptt.Plan{}, func(*bptt.Batch) error { return bad })
	require.ErrorIs(t, err, bad)
	require.Equal(t, 2.0, step, "the updates before it count")

	var pe *bptt.PanicError
	_, err = train(bptt.Plan{}, func(*bptt.Batch) error { panic(bad) })
	require.ErrorAs(t, err, &pe)
	require.ErrorIs(t, err, bad)
	require.Equal(t, "Data.Next", pe.Where)
	require.Contains(t, string(pe.Stack), "TestUserCodeFails")

	step, err = train(bptt.Plan{OnStep: func(p bptt.Progress) error { return bad }}, nil)
	require.ErrorIs(t, err, bad)
	require.Equal(t, 1.0, step)
	_, err = train(bptt.Plan{OnStep: func(p bptt.Progress) error { panic("callback") }}, nil)
	require.ErrorAs(t, err, &pe)
	require.ErrorContains(t, err, "Plan.OnStep: callback")
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+runtime.GOMAXPROCS(0), "only the team's workers stay")

	// What the data gives is checked before anything is done with it.
	for name, spoil := range map[string]func(b *bptt.Batch){
		"rows":    func(b *bptt.Batch) { b.Rows++ },
		"steps":   func(b *bptt.Batch) { b.Steps++ },
		"ids":     func(b *bptt.Batch) { b.IDs = b.IDs[1:] },
		"no ids":  func(b *bptt.Batch) { b.IDs, b.X = nil, make([]float32, 18) },
		"targets": func(b *bptt.Batch) { b.Targets = nil },
		"lengths": func(b *bptt.Batch) { b.Lengths = []int{1} },
		"length":  func(b *bptt.Batch) { b.Lengths = []int{1, 7, 2} },
		"reset":   func(b *bptt.Batch) { b.Reset = []bool{true} },
	} {
		_, err := train(bptt.Plan{}, func(b *bptt.Batch) error { spoil(b); return nil })
		require.Error(t, err, name)
	}
	var id *bptt.IDError
	_, err = train(bptt.Plan{}, func(b *bptt.Batch) error { b.IDs[7] = 13; return nil })
	require.ErrorAs(t, err, &id)
	require.Equal(t, bptt.IDError{What: "id", ID: 13, Step: 2, Row: 1, Limit: 13}, *id)
	_, err = train(bptt.Plan{}, func(b *bptt.Batch) error { b.Targets[4] = 99; return nil })
	require.ErrorAs(t, err, &id)
	require.Equal(t, bptt.IDError{What: "target", ID: 99, Step: 1, Row: 1, Limit: 13}, *id)
}

type never struct{}

func (never) Next(*bptt.Batch) error { return io.EOF }
func (never) Rewind() error          { return nil }

func TestPlanErrors(t *testing.T) {
	for name, p := range map[string]bptt.Plan{
		"no loss":      {Window: 6, Optimizer: &bptt.SGD{LR: 1}},
		"no optimizer": {Window: 6, Loss: bptt.MSE{}},
		"window":       {Window: 7, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}},
		"stride":       {Window: 4, Stride: 5, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}},
		"only stride":  {Stride: 2, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}},
		"negative":     {Window: -1, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}},
		"clip":         {Window: 6, ClipNorm: math.NaN(), Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}},
		"steps":        {Window: 6, Steps: -1, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1}},
		"rate":         {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{}},
		"momentum":     {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1, Momentum: 1}},
		"nesterov":     {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1, Nesterov: true}},
		"decay":        {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1, WeightDecay: -1}},
		"beta":         {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.Adam{LR: 1, Beta1: 1}},
		"epsilon":      {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.AdamW{LR: 1, Eps: -1}},
		"adam rate":    {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.AdamW{LR: math.Inf(1)}},
		"adam decay":   {Window: 6, Loss: bptt.MSE{}, Optimizer: &bptt.Adam{LR: 1, WeightDecay: math.NaN()}},
	} {
		_, err := bptt.NewTrainer(newLeaky(6, 1), &script{n: 9}, p)
		require.Error(t, err, name)
	}
	_, err := bptt.NewTrainer(newLeaky(6, 0), &script{n: 9}, plan(bptt.Plan{}))
	require.Error(t, err)
	_, err = bptt.Train(context.Background(), newLeaky(6, 1), never{}, plan(bptt.Plan{}))
	require.ErrorContains(t, err, "no batches")
	net := newLeaky(6, 1)
	_, err = bptt.NewTrainer(net, never{}, plan(bptt.Plan{Workers: 3}))
	require.NoError(t, err)
	require.Equal(t, 3, net.workers)
}

// counted is an optimizer that notes its workers.
type counted struct {
	frozen
	workers *int
}

func (o counted) SetWorkers(n int) { *o.workers = n }

// TestWorkersOfThePlan reach nets and optimizers of the user, bounded; 0 changes
// nothing that was set.
func TestWorkersOfThePlan(t *testing.T) {
	for _, c := range []struct{ asked, set int }{{0, 7}, {1, 1}, {256, 256}, {257, 256}, {math.MaxInt, 256}} {
		net, n := newLeaky(6, 1), 7
		net.workers = 7
		_, err := bptt.NewTrainer(net, &script{n: 9}, plan(bptt.Plan{Workers: c.asked, Optimizer: counted{frozen{}, &n}}))
		require.NoError(t, err)
		require.Equal(t, []int{c.set, c.set}, []int{net.workers, n}, "%d workers", c.asked)
	}
}

// TestNonFinite: a gradient or loss that is not finite stops before the update,
// names what it is, and leaves the weights as they were.
func TestNonFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	for _, bad := range []float32{inf, -inf, nan, math.MaxFloat32} {
		net := newLeaky(4, 1)
		step := 0
		net.broken = func() {
			if step++; step == 3 {
				net.g[0] = bad
			}
		}
		var before float32
		_, err := bptt.Train(context.Background(), net, &script{n: 100}, bptt.Plan{
			Window: 4, Steps: 3, ClipNorm: 1, ClipValue: 10, Loss: bptt.MSE{}, Optimizer: &bptt.SGD{LR: 1e-3},
			OnStep: func(bptt.Progress) error { before = net.w[0]; return nil },
		})
		if bad == math.MaxFloat32 {
			require.NoError(t, err, "its square is no float32, but the norm is float64")
			continue
		}
		var nf *bptt.NonFiniteError
		require.ErrorAs(t, err, &nf, "%v", bad)
		require.Equal(t, int64(3), nf.Step)
		require.Equal(t, "w", nf.Param)
		require.Equal(t, before, net.w[0])
	}

	// The first parameter in EachParam order is named, and nothing has moved.
	model := languageModel(t, 1, small)
	model.EachParam(func(name string, w, _ []float32) {
		if name == "2.bias" {
			w[3] = nan
		}
	})
	before := weights(model)
	_, err := bptt.Train(context.Background(), model, textData(t, 400, small), plan(bptt.Plan{Steps: 3, ClipNorm: 1}))
	var nf *bptt.NonFiniteError
	require.ErrorAs(t, err, &nf)
	require.Equal(t, int64(1), nf.Step)
	require.Equal(t, "0.weight", nf.Param)
	require.True(t, math.IsNaN(nf.Loss))
	require.ErrorContains(t, err, "0.weight")
	numtest.Equal(t, weights(model), before)

	// An infinite loss with a finite gradient.
	net := newLeaky(4, 1)
	_, err = bptt.Train(context.Background(), net, &script{n: 8}, bptt.Plan{Window: 4, Loss: infinite{}, Optimizer: &bptt.SGD{LR: 1}})
	require.ErrorAs(t, err, &nf)
	require.Empty(t, nf.Param)
	require.Equal(t, float32(1), net.w[0])
}

type infinite struct{}

func (infinite) Loss(dy, _ []float32, _ *bptt.Batch, _ int, _ *bptt.Scratch) (float64, int, error) {
	clear(dy)
	return math.Inf(1), 1, nil
}

// TestClip compares what reaches the optimizer with the definition.
func TestClip(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		grads := func(p bptt.Plan) (out []float32, norm float64) {
			net := languageModel(t, 1, small)
			p.Steps = 1
			p.OnStep = func(q bptt.Progress) error { norm = q.Norm; return nil }
			_, err := bptt.Train(context.Background(), net, textData(t, 400, small), plan(p))
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
		shared := small
		shared.twice, shared.hidden = true, shared.embed
		for _, model := range []sizes{small, shared} {
			for _, c := range [][2]int{{1, 6}, {1, 4}, {2, 6}, {2, 4}} {
				workers, stride := c[0], c[1]
				trainer, err := bptt.NewTrainer(languageModel(t, 1, model), textData(t, 400, small), bptt.Plan{
					Window: 6, Stride: stride, Workers: workers, ClipNorm: 1, ClipValue: 1, Accumulate: 2,
					Loss: bptt.CrossEntropy{}, Optimizer: &bptt.Adam{LR: 1e-3}, Schedule: bptt.WarmupCosine{Warmup: 3, Total: 9},
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
