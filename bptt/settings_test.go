package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
)

var (
	nan      = math.NaN()
	infinity = math.Inf(1)
	almost1  = 1 - 1e-12 // 1 as a float32
	tiny32   = 1e-50     // 0 as a float32
	huge32   = 1e39      // infinite as a float32
)

// TestSettingsAreNumbers: what is no number, or none that float32 can hold, is
// refused by name before anything has moved.
func TestSettingsAreNumbers(t *testing.T) {
	sgd := func(o optim.SGD) bptt.Plan { return bptt.Plan{Optimizer: &o} }
	adam := func(o optim.Adam) bptt.Plan { return bptt.Plan{Optimizer: &o} }
	adamW := func(o optim.AdamW) bptt.Plan { return bptt.Plan{Optimizer: &o} }
	schedule := func(s optim.Schedule) bptt.Plan { return bptt.Plan{Schedule: s} }
	type refused struct {
		plan bptt.Plan
		want string // the setting
	}
	var cases []refused
	for _, v := range []float64{nan, infinity, -infinity, -1, -1e-300, tiny32, huge32} {
		cases = append(cases,
			refused{sgd(optim.SGD{LR: v}), "SGD with learning rate"},
			refused{adam(optim.Adam{LR: v}), "Adam with learning rate"},
			refused{adamW(optim.AdamW{LR: v}), "AdamW with learning rate"},
			refused{adam(optim.Adam{LR: 1, Eps: v}), "Adam with epsilon"},
			refused{adamW(optim.AdamW{LR: 1, Eps: v}), "AdamW with epsilon"},
			refused{bptt.Plan{ClipNorm: v}, "ClipNorm"},
			refused{bptt.Plan{ClipValue: v}, "ClipValue"})
		if v != tiny32 { // which is no decay to float32 accuracy
			cases = append(cases,
				refused{sgd(optim.SGD{LR: 1, WeightDecay: v}), "SGD with weight decay"},
				refused{adam(optim.Adam{LR: 1, WeightDecay: v}), "Adam with weight decay"},
				refused{adamW(optim.AdamW{LR: 1, WeightDecay: v}), "AdamW with weight decay"})
		}
	}
	for _, v := range []float64{math.SmallestNonzeroFloat64, tiny32, 1e-40, 0x1p-126, 0x1.fffffep-101} {
		cases = append(cases,
			refused{bptt.Plan{ClipNorm: v}, "ClipNorm is"},
			refused{bptt.Plan{ClipValue: v}, "ClipValue is"})
	}
	for _, v := range []float64{1e-40, 1.17e-38} { // denormal as a float32
		cases = append(cases,
			refused{sgd(optim.SGD{LR: v}), "SGD with learning rate"},
			refused{adam(optim.Adam{LR: v}), "Adam with learning rate"},
			refused{adamW(optim.AdamW{LR: v}), "AdamW with learning rate"},
			refused{adam(optim.Adam{LR: 1, Eps: v}), "Adam with epsilon"},
			refused{adamW(optim.AdamW{LR: 1, Eps: v}), "AdamW with epsilon"})
	}
	for _, v := range []float64{nan, infinity, -infinity, -1, -1e-300, 1, almost1, 2} {
		cases = append(cases,
			refused{sgd(optim.SGD{LR: 1, Momentum: v}), "SGD with momentum"},
			refused{sgd(optim.SGD{LR: 1, Momentum: 0.5, Dampening: v}), "SGD with dampening"},
			refused{adam(optim.Adam{LR: 1, Beta1: v}), "Adam with Beta1"},
			refused{adam(optim.Adam{LR: 1, Beta2: v}), "Adam with Beta2"},
			refused{adamW(optim.AdamW{LR: 1, Beta1: v}), "AdamW with Beta1"},
			refused{adamW(optim.AdamW{LR: 1, Beta2: v}), "AdamW with Beta2"})
	}
	for _, v := range []float64{nan, infinity, -infinity, -0.1, 1.1} {
		cases = append(cases, refused{schedule(optim.WarmupCosine{Warmup: 1, Total: 9, Floor: v}), "WarmupCosine with Floor"})
	}
	for _, v := range []float64{nan, infinity, -infinity, -0.1, 0} {
		cases = append(cases, refused{schedule(optim.StepDecay{Every: 9, Factor: v}), "StepDecay with Factor"})
	}
	var noSchedule *optim.WarmupCosine
	cases = append(cases, []refused{
		{adam(optim.Adam{LR: 1e38}), "first step"}, // LR/(1-Beta1) = 1e39
		{adamW(optim.AdamW{LR: 1e10, WeightDecay: 1e30}), "first step"},
		{sgd(optim.SGD{LR: 1, Nesterov: true}), "Nesterov"},
		{sgd(optim.SGD{LR: 1, Momentum: 0.5, Dampening: 0.5, Nesterov: true}), "Nesterov"},
		{schedule(optim.WarmupCosine{}), "WarmupCosine with Total 0"},
		{schedule(optim.WarmupCosine{Warmup: 10, Total: 9}), "WarmupCosine with Warmup 10 and Total 9"},
		{schedule(optim.WarmupCosine{Warmup: -1, Total: 9}), "WarmupCosine with Warmup -1"},
		{schedule(optim.WarmupCosine{Warmup: 5}), "WarmupCosine with Total 0"},
		{schedule(optim.StepDecay{Factor: 0.5}), "every 0 updates"},
		{schedule(optim.StepDecay{Every: -1}), "every -1 updates"},
		{schedule(checked{errors.New("mine")}), "mine"},
		{schedule(noSchedule), "nil *optim.WarmupCosine"},
		{schedule(rates(nil)), "nil bptt_test.rates"},
		{schedule(table(nil)), "nil bptt_test.table"},
		{schedule(named(nil)), "nil bptt_test.named"},
		{schedule(sent(nil)), "nil bptt_test.sent"},
		{schedule(unchecked{}), "panic in Plan.Schedule: no check"},
		{bptt.Plan{Optimizer: (*optim.SGD)(nil)}, "no Optimizer"},
		{bptt.Plan{Accumulate: -1}, "Accumulate is -1"},
		{bptt.Plan{Workers: -1}, "Workers is -1"},
		{bptt.Plan{Steps: -1}, "-1 steps"},
		{bptt.Plan{Epochs: -1}, "-1 epochs"},
		{bptt.Plan{Stride: 7}, "stride 7"},
		{bptt.Plan{Stride: -1}, "stride -1"},
	}...)
	for _, c := range cases {
		net := traintest.NewLeaky(6, 1)
		_, err := bptt.Train(context.Background(), net, &traintest.Script{N: 9}, plan(c.plan))
		require.ErrorContains(t, err, c.want)
		require.Equal(t, []float32{1}, net.W)
		require.Empty(t, net.Log, "%v", err)
	}
	// What is unusual and means something is taken.
	for _, p := range []bptt.Plan{
		sgd(optim.SGD{LR: 0x1p-126, WeightDecay: tiny32, Momentum: 1e-300}), sgd(optim.SGD{LR: 1, WeightDecay: 1e-40, Momentum: 1e-40}), adam(optim.Adam{LR: 3e37, Eps: 1e30, Beta1: 1e-300}),
		adamW(optim.AdamW{LR: 1, WeightDecay: 3}), {ClipNorm: 0x1p-100, ClipValue: 3e38}, {ClipNorm: 3e38, ClipValue: 0x1p-100},
		{ClipNorm: 0x1.ffffffffp-101}, // 2^-100 in float32
		{ClipValue: 0x1.ffffffffp-101},
		schedule(optim.StepDecay{}), schedule(optim.StepDecay{Every: 1, Factor: 2}), schedule(optim.WarmupCosine{Warmup: 9, Total: 9, Floor: 1}),
	} {
		_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(p))
		require.NoError(t, err)
	}
}

// TestSettingIsNamedForWhatItIsInFloat32: the message about a number that looks
// right says why it is not.
func TestSettingIsNamedForWhatItIsInFloat32(t *testing.T) {
	p := traintest.OneParam(1, 1)
	require.EqualError(t, (&optim.Adam{LR: 1, Beta2: almost1}).Init(p), "optim: Adam with Beta2 0.999999999999, want 0 or more and below 1, in float32 too")
	require.EqualError(t, (&optim.Adam{LR: 1, Eps: tiny32}).Init(p), "optim: Adam with epsilon 1e-50, want more than 0 and finite, in float32 too")
	require.EqualError(t, (&optim.Adam{LR: 1, Eps: 1e-40}).Init(p), "optim: Adam with epsilon 1e-40, a denormal number as a float32, want 2^-126 (1.2e-38) or more")
	require.NoError(t, (&optim.Adam{LR: 1, Eps: 0x1p-126}).Init(p))
	require.EqualError(t, (&optim.Adam{LR: 1, Eps: -1}).Init(p), "optim: Adam with epsilon -1, want more than 0 and finite")
	require.EqualError(t, (&optim.SGD{LR: 1, WeightDecay: huge32}).Init(p), "optim: SGD with weight decay 1e+39, want 0 or more and finite, in float32 too")
	_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{ClipNorm: infinity}))
	require.EqualError(t, err, "bptt: Plan.ClipNorm is +Inf, which is infinite in float32 and would clip nothing; use 0 for no clipping")
	_, err = bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{ClipValue: 1e-40}))
	require.EqualError(t, err, "bptt: Plan.ClipValue is 1e-40, want at least 2^-100, which is 7.9e-31: less makes all of the gradient tiny; use 0 for no clipping")
}

// TestOptimizerOfAnotherTrainer is an error of Run and Save, and nothing moves: the
// Trainer that was made last has it.
func TestOptimizerOfAnotherTrainer(t *testing.T) {
	for name, opt := range map[string]optim.Optimizer{
		"sgd": &optim.SGD{LR: 1e-3}, "adam": &optim.Adam{LR: 1e-3}, "adamw": &optim.AdamW{LR: 1e-3},
		"around adam": around{&optim.Adam{LR: 1e-3}}, "around sgd": around{&optim.SGD{LR: 1e-3}},
	} {
		nets := [2]*traintest.Leaky{traintest.NewLeaky(6, 1), traintest.NewLeaky(6, 1)}
		var trainers [2]*bptt.Trainer
		for i, net := range nets {
			var err error
			p := bptt.Plan{Window: 3, Loss: loss.MSE{}, Optimizer: opt, Steps: 2}
			trainers[i], err = bptt.NewTrainer(net, &traintest.Script{N: 9}, p)
			require.NoError(t, err)
		}
		nets[0].Log = nil
		_, err := trainers[0].Run(context.Background())
		require.ErrorContains(t, err, "given to another Trainer", name)
		var file bytes.Buffer
		require.ErrorContains(t, trainers[0].Save(&file), "given to another Trainer", name)
		require.Empty(t, nets[0].Log)
		require.Equal(t, float32(1), nets[0].W[0])
		report, err := trainers[1].Run(context.Background())
		require.NoError(t, err, name)
		require.Equal(t, int64(2), report.Step)
		require.NotEqual(t, float32(1), nets[1].W[0])
		require.NoError(t, trainers[1].Save(&file))
		c, err := bptt.ReadCheckpoint(&file)
		require.NoError(t, err)
		require.ErrorContains(t, trainers[0].Resume(c), "given to another Trainer", name)
		require.Equal(t, float32(1), nets[0].W[0])
	}
}

// around is an Optimizer of one's own around another.
type around struct{ optim.Optimizer }

// copying is one whose State is a copy and no memory.
type copying struct{ *optim.Adam }

func (o copying) State() optim.State {
	s := o.Adam.State()
	s.Numbers = append([]float64(nil), s.Numbers...)
	return s
}

// An optimizer that cannot be known by the memory of its state is not asked whose it
// is: its run goes on.
func TestOptimizerWithoutMemory(t *testing.T) {
	for _, o := range []optim.Optimizer{copying{&optim.Adam{LR: 1e-3}}, traintest.Frozen{}} {
		report, err := bptt.Train(context.Background(), traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, bptt.Plan{Window: 3, Loss: loss.MSE{}, Optimizer: o, Steps: 2})
		require.NoError(t, err)
		require.Equal(t, int64(2), report.Step)
	}
}

// checked is a Schedule of one's own with a check.
type checked struct{ err error }

func (s checked) Check() error     { return s.err }
func (checked) Rate(int64) float64 { return 1 }

// rates is a Schedule that is a function.
type rates func(step int64) float64

func (f rates) Rate(step int64) float64 { return f(step) }

// table, named and sent are Schedules of other kinds that can be nil.
type (
	table []float64
	named map[string]float64
	sent  chan float64
)

func (s table) Rate(int64) float64 { return s[0] }
func (s named) Rate(int64) float64 { return s["rate"] }
func (s sent) Rate(int64) float64  { return <-s }

// unchecked is a Schedule whose check panics.
type unchecked struct{ optim.Constant }

func (unchecked) Check() error { panic("no check") }

// TestPanicInCheck is a *PanicError.
func TestPanicInCheck(t *testing.T) {
	_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{Schedule: unchecked{}}))
	var pe *bptt.PanicError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, []any{"Plan.Schedule", "no check"}, []any{pe.Where, pe.Value})
}

// optimizers are one of every kind.
var optimizers = map[string]func() optim.Optimizer{
	"sgd":      func() optim.Optimizer { return &optim.SGD{LR: 0.1} },
	"momentum": func() optim.Optimizer { return &optim.SGD{LR: 0.1, Momentum: 0.9} },
	"nesterov": func() optim.Optimizer { return &optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true} },
	"adam":     func() optim.Optimizer { return &optim.Adam{LR: 0.1} },
	"adamw":    func() optim.Optimizer { return &optim.AdamW{LR: 0.1, WeightDecay: 0.1} },
}

// stateOf is a copy of what an optimizer carries.
func stateOf(o optim.Optimizer) string { return fmt.Sprint(o.State()) }

// TestScheduleThatIsNoNumber stops the training at its step, with the weights, the
// optimizer's state and the counters of the step before; a schedule that is right
// again goes on from there.
func TestScheduleThatIsNoNumber(t *testing.T) {
	for name, optimizer := range optimizers {
		for _, bad := range []float64{nan, infinity, -infinity, -1, -1e-300, 1e300} {
			o := optimizer()
			net := traintest.LanguageModel(t, 1, traintest.Small)
			wrong := true
			schedule := rates(func(step int64) float64 {
				if step == 2 && wrong {
					return bad
				}
				return 0.5
			})
			var before []float32
			var state string
			trainer, err := bptt.NewTrainer(net, traintest.TextData(t, 400, traintest.Small), plan(bptt.Plan{
				Steps: 4, Optimizer: o, Schedule: schedule, OnStep: func(bptt.Progress) error {
					before, state = traintest.Weights(net), stateOf(o)
					return nil
				},
			}))
			require.NoError(t, err)
			report, err := trainer.Run(context.Background())
			var rate *optim.RateError
			require.ErrorAs(t, err, &rate, "%s at %v", name, bad)
			require.Equal(t, []any{int64(3), 0.1, fmt.Sprint(bad)}, []any{rate.Step, rate.LR, fmt.Sprint(rate.Factor)})
			require.ErrorContains(t, err, fmt.Sprintf("step 3: the learning rate 0.1 times the schedule's %v", bad))
			require.Equal(t, int64(2), report.Step)
			numtest.Equal(t, traintest.Weights(net), before, name)
			require.Equal(t, state, stateOf(o))

			stopped := nn.Fingerprint(net)
			wrong = false
			report, err = trainer.Run(context.Background())
			require.NoError(t, err)
			require.Equal(t, int64(4), report.Step)
			require.NotEqual(t, stopped, nn.Fingerprint(net))
		}
	}
}

// TestRates: Update refuses by itself what is no rate, and takes what is one.
func TestRates(t *testing.T) {
	for name, optimizer := range optimizers {
		p := []nn.Param{{Name: "w", W: []float32{1, -2}, G: []float32{0.5, -3}}}
		o := optimizer()
		require.NoError(t, o.Init(p))
		require.NoError(t, o.Update(1))
		w, state := append([]float32(nil), p[0].W...), stateOf(o)
		for _, bad := range []float64{nan, infinity, -infinity, -1, -1e-300, 1e300, 1e40} {
			err := o.Update(bad)
			var rate *optim.RateError
			require.ErrorAs(t, err, &rate, "%s at %v", name, bad)
			require.Equal(t, []any{int64(2), 0.1}, []any{rate.Step, rate.LR})
			numtest.Equal(t, p[0].W, w, "%s at %v", name, bad)
			require.Equal(t, state, stateOf(o), "%s at %v", name, bad)
		}
		require.NoError(t, o.Update(0))
		numtest.Equal(t, p[0].W, w, "%s at 0", name)
		require.NoError(t, o.Update(1e-60), "less than float32 can hold is no step, and no fault")
		numtest.Equal(t, p[0].W, w, name)
		require.NoError(t, o.Update(2))
		require.NotEqual(t, w, p[0].W)
	}

	// The first step of Adam is ten times its rate, and a decay multiplies it.
	a := &optim.Adam{LR: 3e37}
	require.NoError(t, a.Init(traintest.OneParam(1, 1)))
	require.Error(t, a.Update(2))
	w := &optim.AdamW{LR: 1, WeightDecay: 1e30}
	require.NoError(t, w.Init(traintest.OneParam(1, 1)))
	require.Error(t, w.Update(1e10))
	p := traintest.OneParam(1, 0)
	w = &optim.AdamW{LR: 1, WeightDecay: 3}
	require.NoError(t, w.Init(p))
	require.NoError(t, w.Update(1))
	require.Equal(t, []float32{-2}, p[0].W, "1 - LR*WeightDecay as it is")

	// The learning rate of a run that goes on may be changed, and is looked at again.
	p = traintest.OneParam(1, 1)
	s := &optim.SGD{LR: 0.5}
	require.NoError(t, s.Init(p))
	for _, bad := range []float64{nan, -1, infinity, huge32} {
		s.LR = bad
		require.Error(t, s.Update(1), "%v", bad)
	}
	s.LR = 0.25
	s.Momentum, s.WeightDecay, s.Nesterov = nan, nan, true // these were read by Init
	require.NoError(t, s.Update(1))
	require.Equal(t, []float32{0.75}, p[0].W)
}

// TestDenormalSettingsAreZero: a setting that is a denormal number as a float32 counts
// as 0, as a smaller one does that is 0. With the moments, weights and gradients here
// it would leave a trace.
func TestDenormalSettingsAreZero(t *testing.T) {
	const large, denormal = 1e25, 1e-40
	momentum := func(o *optim.SGD) *optim.SGD { o.LR, o.Momentum = 1, max(o.Momentum, 1e-300); return o }
	for name, c := range map[string]struct {
		o           optim.Optimizer
		w, g        float32
		numbers     []float64   // of the state before
		state, want [][]float32 // before and after
	}{
		"SGD, momentum":   {momentum(&optim.SGD{Momentum: denormal}), 0, 0, []float64{1}, [][]float32{{large}}, [][]float32{{0}}},
		"Nesterov":        {momentum(&optim.SGD{Momentum: denormal, Nesterov: true}), 0, 0, []float64{1}, [][]float32{{large}}, [][]float32{{0}}},
		"SGD, decay":      {momentum(&optim.SGD{WeightDecay: denormal}), large, 0, []float64{1}, [][]float32{{0}}, [][]float32{{0}}},
		"Adam, decay":     {&optim.Adam{LR: 1e-3, WeightDecay: denormal}, large, 0, []float64{1, 0.5, 0.5}, [][]float32{{0}, {0}}, [][]float32{{0}, {0}}},
		"Adam, Beta1":     {&optim.Adam{LR: 1e-3, Beta1: denormal}, 0, 0, []float64{1, 0.5, 0.5}, [][]float32{{large}, {0}}, [][]float32{{0}, {0}}},
		"Adam, Beta2":     {&optim.Adam{LR: 1e-3, Beta2: denormal}, 0, 0, []float64{1, 0.5, 0.5}, [][]float32{{0}, {large}}, [][]float32{{0}, {0}}},
		"AdamW, Beta1, 2": {&optim.AdamW{LR: 1e-3, Beta1: denormal, Beta2: denormal}, 0, 0, []float64{1, 0.5, 0.5}, [][]float32{{large}, {large}}, [][]float32{{0}, {0}}},
	} {
		p := []nn.Param{{Name: "w", W: []float32{c.w}, G: []float32{c.g}}}
		require.NoError(t, c.o.Init(p), name)
		s := c.o.State()
		require.NoError(t, c.o.SetState(optim.State{Kind: s.Kind, Numbers: c.numbers, Tensors: c.state}), name)
		require.NoError(t, c.o.Update(1), name)
		require.Equal(t, c.want, c.o.State().Tensors, name)
		require.Equal(t, c.w, p[0].W[0], name)
	}
	for name, o := range map[string]optim.Optimizer{
		"SGD": &optim.SGD{LR: 1}, "momentum": &optim.SGD{LR: 1, Momentum: 0.5}, "Nesterov": &optim.SGD{LR: 1, Momentum: 0.5, Nesterov: true},
		"Adam": &optim.Adam{LR: 0.1, Eps: 0x1p-126}, "AdamW": &optim.AdamW{LR: 0.1, Eps: 0x1p-126}, // the first step is ten times LR
	} {
		p := traintest.OneParam(0, large)
		require.NoError(t, o.Init(p), name)
		if s := o.State(); len(s.Tensors) == 2 {
			s.Tensors[0][0], s.Tensors[1][0] = 1e20, 0 // a step of 1e15 times its factor
			p[0].G[0] = 1e5
		}
		require.NoError(t, o.Update(denormal), name)
		require.Equal(t, float32(0), p[0].W[0], name)
	}
}

// lawless is an Optimizer of one's own that checks nothing.
type lawless struct {
	traintest.Frozen
	lr    float64
	moved *int
}

func (o lawless) LearningRate() float64 { return o.lr }
func (o lawless) Update(float64) error  { *o.moved++; return nil }

// TestRatesOfOtherOptimizers are checked by the Trainer.
func TestRatesOfOtherOptimizers(t *testing.T) {
	for _, lr := range []float64{nan, infinity, -1} {
		moved := 0
		_, err := bptt.Train(context.Background(), traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, bptt.Plan{
			Window: 6, Loss: loss.MSE{}, Optimizer: lawless{lr: lr, moved: &moved}, Steps: 2,
		})
		var rate *optim.RateError
		require.ErrorAs(t, err, &rate)
		require.Equal(t, int64(1), rate.Step)
		require.Zero(t, moved)
	}
}

// TestPanicsOfSettings: a loss or a schedule that panics is an error with its name.
func TestPanicsOfSettings(t *testing.T) {
	bad := errors.New("bad")
	train := func(p bptt.Plan) *bptt.PanicError {
		p.Window, p.Optimizer = 6, &optim.SGD{LR: 0.1}
		net := traintest.NewLeaky(6, 1)
		_, err := bptt.Train(context.Background(), net, &traintest.Script{N: 9}, p)
		var pe *bptt.PanicError
		require.ErrorAs(t, err, &pe)
		require.ErrorIs(t, err, bad)
		require.Equal(t, []float32{1}, net.W)
		return pe
	}
	require.Equal(t, "Plan.Schedule", train(bptt.Plan{Loss: loss.MSE{}, Schedule: rates(func(int64) float64 { panic(bad) })}).Where)
	require.Equal(t, "Loss", train(bptt.Plan{Loss: broken{bad}}).Where)
	_, _, err := bptt.Evaluate(context.Background(), traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, broken{bad})
	require.ErrorIs(t, err, bad)
}

type broken struct{ err error }

func (l broken) Loss(_, _ []float32, _ *data.Batch, _ float64, _ *loss.Scratch) (loss.Total, error) {
	panic(l.err)
}
