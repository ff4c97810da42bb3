package bptt_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// fixedRate is an optimizer whose rate only the program can set.
type fixedRate struct {
	traintest.Frozen
	lr float64
}

func (o fixedRate) LearningRate() float64 { return o.lr }

func checkpointOf(t *testing.T, trainer *bptt.Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, trainer.Save(&b))
	return b.Bytes()
}

func read(t *testing.T, file []byte) *bptt.Checkpoint {
	t.Helper()
	c, err := bptt.ReadCheckpoint(bytes.NewReader(file))
	require.NoError(t, err)
	return c
}

// TestRatesAreResumed: what the program has changed of an optimizer is that of the resumed
// run, whatever the optimizer was made with.
func TestRatesAreResumed(t *testing.T) {
	groups := func(lr float64) *optim.Groups {
		return &optim.Groups{List: []optim.Group{
			{Params: []string{"0.*"}, Frozen: true},
			{Params: []string{"1.bias_*"}, Optimizer: &optim.SGD{LR: lr}, From: math.MaxInt64},
			{Params: []string{"2.*"}, Optimizer: &optim.ASGD{LR: lr, T0: 1 << 60}},
			{Optimizer: &optim.RMSProp{LR: lr / 10}},
		}}
	}
	for name, make := range map[string]func(lr float64) (o optim.Optimizer, change func()){
		"sgd":   func(lr float64) (optim.Optimizer, func()) { o := &optim.SGD{LR: lr}; return o, func() { o.LR /= 4 } },
		"adam":  func(lr float64) (optim.Optimizer, func()) { o := &optim.Adam{LR: lr}; return o, func() { o.LR /= 4 } },
		"adamw": func(lr float64) (optim.Optimizer, func()) { o := &optim.AdamW{LR: lr}; return o, func() { o.LR /= 4 } },
		"rmsprop": func(lr float64) (optim.Optimizer, func()) {
			o := &optim.RMSProp{LR: lr}
			return o, func() { o.LR /= 4 }
		},
		"adagrad": func(lr float64) (optim.Optimizer, func()) {
			o := &optim.Adagrad{LR: lr}
			return o, func() { o.LR /= 4 }
		},
		"asgd": func(lr float64) (optim.Optimizer, func()) { o := &optim.ASGD{LR: lr}; return o, func() { o.LR /= 4 } },
		"asgd, averages": func(lr float64) (optim.Optimizer, func()) {
			o := &optim.ASGD{LR: lr, T0: math.MaxInt64}
			return o, func() { o.T0 = 3 }
		},
		"groups": func(lr float64) (optim.Optimizer, func()) {
			o := groups(lr)
			return o, func() { o.List[3].Optimizer.(*optim.RMSProp).LR /= 4 }
		},
		"groups, their rates": func(lr float64) (optim.Optimizer, func()) {
			o := groups(lr)
			return o, func() { o.List[1].From, o.List[3].Rate = 6, 0.25 }
		},
		"groups, averages": func(lr float64) (optim.Optimizer, func()) {
			o := groups(lr)
			return o, func() { o.List[2].Optimizer.(*optim.ASGD).T0 = 3 }
		},
	} {
		run := func(lr float64, steps int64, from []byte, want []float64) (nn.Net, *bptt.Trainer, []float64) {
			o, change := make(lr)
			net, trainer := onText(t, bptt.Plan{Steps: steps, Optimizer: o, OnStep: func(p bptt.Progress) error {
				if p.Step == 3 {
					change()
				}
				return nil
			}}, 6, 6, false)
			keeper := o.(optim.RateKeeper)
			if from != nil {
				require.NotEqual(t, want, keeper.Rates(), name)
				require.NoError(t, trainer.Resume(read(t, from)))
				require.Equal(t, want, keeper.Rates(), name)
			}
			_, err := trainer.Run(context.Background())
			require.NoError(t, err)
			return net, trainer, keeper.Rates()
		}
		_, whole, _ := run(0.1, 9, nil, nil)
		_, half, rates := run(0.1, 5, nil, nil)
		want, file := checkpointOf(t, whole), checkpointOf(t, half)
		for _, lr := range []float64{0.1, 7} {
			_, resumed, _ := run(lr, 9, file, rates)
			require.True(t, bytes.Equal(want, checkpointOf(t, resumed)), name)
		}

		// What is no rate, in any place of a file, is refused, and the ones before stay.
		o, _ := make(0.5)
		net, trainer := onText(t, bptt.Plan{Optimizer: o}, 6, 6, false)
		before, weights := o.(optim.RateKeeper).Rates(), nn.Fingerprint(net)
		bad := [][]float64{{}, append(slices.Clone(rates), 1), rates[1:]}
		for i := range rates {
			for _, v := range []float64{math.NaN(), -1, math.Inf(1)} {
				some := slices.Clone(rates)
				some[i] = v
				bad = append(bad, some)
			}
		}
		if len(rates) == 1 {
			bad = append(bad, []float64{0}, []float64{1e-40})
		}
		for _, bad := range bad {
			damaged := forge(t, file, func(s *wire.Section) {
				if s.Name == "optimizer/rates" {
					s.Float64, s.Shape = bad, []int{len(bad)}
				}
			})
			require.ErrorContains(t, trainer.Resume(read(t, damaged)), "learning rate", "%s %v", name, bad)
			require.Equal(t, before, o.(optim.RateKeeper).Rates())
			require.Equal(t, weights, nn.Fingerprint(net))
		}
	}
	// An optimizer without SetRates has to have the rate.
	start := func(lr float64) *bptt.Trainer {
		trainer, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, bptt.Plan{Window: 6, Loss: loss.MSE{}, Optimizer: fixedRate{lr: lr}})
		require.NoError(t, err)
		return trainer
	}
	file := checkpointOf(t, start(0.5))
	require.NoError(t, start(0.5).Resume(read(t, file)))
	err := start(0.25).Resume(read(t, file))
	require.ErrorContains(t, err, "the learning rate of the run is [0.5], that of the optimizer [0.25]")
	require.ErrorContains(t, err, "SetRates")
}

// TestSchedulesBeginAnew: two runs with one schedule, which remembers losses, are the same.
func TestSchedulesBeginAnew(t *testing.T) {
	s := &optim.Plateau{Factor: 0.5}
	var weights [][32]byte
	var rates [][]float64
	for range 2 {
		var seen []float64
		net, trainer := onText(t, bptt.Plan{
			Steps: 9, Schedule: s, Validate: measures(1, 2, 1.5, 0.5),
			OnStep: func(p bptt.Progress) error { seen = append(seen, p.Rate); return nil },
		}, 6, 6, false)
		_, err := trainer.Run(context.Background())
		require.NoError(t, err)
		require.Equal(t, 0.25, s.Rate(9))
		weights, rates = append(weights, nn.Fingerprint(net)), append(rates, seen)
	}
	require.Equal(t, rates[0], rates[1])
	require.Equal(t, weights[0], weights[1])

	_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(bptt.Plan{Schedule: unreset{}}))
	var pe *bptt.PanicError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, []any{"Plan.Schedule", "no reset"}, []any{pe.Where, pe.Value})
}

// unreset is a Schedule whose Reset panics.
type unreset struct{ optim.Constant }

func (unreset) Reset() { panic("no reset") }

// seldom is a validation for schedules that follow them, which comes in none of these tests.
var seldom = bptt.Validate{Measure: func(context.Context) (float64, error) { return 0, nil }, EveryEpochs: 1 << 40}

// TestRollBackOfAll: when the data refuses its position, which comes last, the rate and the
// schedule are as before too.
func TestRollBackOfAll(t *testing.T) {
	sizes := traintest.Small
	start := func(text int, lr, rate float64) (*bptt.Trainer, *optim.Adam, *falling) {
		adam, s := &optim.Adam{LR: lr}, &falling{rate: rate}
		trainer, err := bptt.NewTrainer(traintest.LanguageModel(t, 1, sizes), traintest.TextData(t, text, sizes), plan(bptt.Plan{Optimizer: adam, Schedule: s, Steps: 3, Validate: seldom}))
		require.NoError(t, err)
		return trainer, adam, s
	}
	trainer, _, _ := start(100, 0.1, 0.5)
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	file := checkpointOf(t, trainer)
	other, adam, s := start(101, 0.2, 0.75)
	want := checkpointOf(t, other)
	require.Error(t, other.Resume(read(t, file)))
	require.Equal(t, []float64{0.2, 0.75}, []float64{adam.LR, s.rate})
	require.True(t, bytes.Equal(want, checkpointOf(t, other)))
	other, adam, s = start(100, 0.2, 0.75)
	require.NoError(t, other.Resume(read(t, file)))
	require.Equal(t, []float64{0.1, 0.5}, []float64{adam.LR, s.rate})
}

// TestSchedulesOfAnotherKind are refused, in both directions, and so is a state that the
// schedule refuses.
func TestSchedulesOfAnotherKind(t *testing.T) {
	start := func(s optim.Schedule) *bptt.Trainer {
		_, trainer := onText(t, bptt.Plan{Schedule: s, Validate: seldom}, 6, 6, false)
		return trainer
	}
	with, without := checkpointOf(t, start(&falling{rate: 1})), checkpointOf(t, start(optim.Constant{}))
	require.ErrorContains(t, start(optim.Constant{}).Resume(read(t, with)), "a optim.Constant takes none")
	require.ErrorContains(t, start(nil).Resume(read(t, with)), "the state of a schedule")
	require.ErrorContains(t, start(&falling{rate: 1}).Resume(read(t, without)), "which a *bptt_test.falling needs")
	damaged := forge(t, with, func(s *wire.Section) {
		if s.Name == "schedule" {
			s.Bytes, s.Shape = s.Bytes[1:], []int{len(s.Bytes) - 1}
		}
	})
	require.ErrorContains(t, start(&falling{rate: 1}).Resume(read(t, damaged)), "bptt: the state of the schedule: falling: not a state")

	bad := errors.New("bad")
	var b bytes.Buffer
	require.ErrorIs(t, start(unsaved{err: bad}).Save(&b), bad)
	var pe *bptt.PanicError
	require.ErrorAs(t, start(unsaved{panics: true}).Save(&b), &pe)
	require.Equal(t, "Plan.Schedule", pe.Where)
	require.Zero(t, b.Len())
}

// unsaved is a schedule whose state cannot be had.
type unsaved struct {
	optim.Constant
	err    error
	panics bool
}

func (s unsaved) MarshalBinary() ([]byte, error) {
	if s.panics {
		panic("mine")
	}
	return nil, s.err
}

// TestForgedProgress: numbers that no run leads to are refused, before anything changes.
func TestForgedProgress(t *testing.T) {
	_, trainer := setups["validated"](t, bptt.Plan{Steps: 7})
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	file := checkpointOf(t, trainer)
	for name, edit := range map[string]func(s *wire.Section){
		"progress/skipped": func(s *wire.Section) { s.Int64[0] = -1 },
		"passes":           func(s *wire.Section) { s.Int64[1] = 2 },
		"passes/sums":      func(s *wire.Section) { s.Float64, s.Shape = make([]float64, 9), []int{9} },
		"validation":       func(s *wire.Section) { s.Int64[0] = 2 },
		"validation ":      func(s *wire.Section) { s.Int64[4] = -1 },
		"validation/best":  func(s *wire.Section) { s.Float64[0] = math.NaN() },
		"best/0.weight":    func(s *wire.Section) { s.Float32, s.Shape = s.Float32[1:], []int{len(s.Float32) - 1} },
		"best/2.bias":      func(s *wire.Section) { s.Name = "best/unknown" },
	} {
		section := bytes.TrimSpace([]byte(name))
		damaged := forge(t, file, func(s *wire.Section) {
			if s.Name == string(section) {
				edit(s)
			}
		})
		c, err := bptt.ReadCheckpoint(bytes.NewReader(damaged))
		if err == nil {
			_, fresh := setups["validated"](t, bptt.Plan{})
			want := checkpointOf(t, fresh)
			err = fresh.Resume(c)
			require.True(t, bytes.Equal(want, checkpointOf(t, fresh)), name)
		}
		require.Error(t, err, name)
	}
}
