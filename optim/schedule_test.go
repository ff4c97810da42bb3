package optim_test

import (
	"context"
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
)

func TestSchedules(t *testing.T) {
	require.Equal(t, 1.0, optim.Constant{}.Rate(12345))

	w := optim.WarmupCosine{Warmup: 4, Total: 14, Floor: 0.2}
	for step, want := range []float64{0.25, 0.5, 0.75, 1, 1} {
		require.Equal(t, want, w.Rate(int64(step)))
	}
	require.InDelta(t, 0.6, w.Rate(9), 1e-15, "half way down")
	require.InDelta(t, 0.2+0.8*(1+math.Cos(0.9*math.Pi))/2, w.Rate(13), 1e-15)
	for _, step := range []int64{14, 15, 1 << 60} {
		require.Equal(t, 0.2, w.Rate(step))
	}

	s := optim.StepDecay{Every: 10, Factor: 0.5}
	for step, want := range map[int64]float64{0: 1, 9: 1, 10: 0.5, 19: 0.5, 20: 0.25, 75: math.Pow(0.5, 7)} {
		require.Equal(t, want, s.Rate(step))
	}
	require.InEpsilon(t, math.Pow(0.97, 123), optim.StepDecay{Every: 1, Factor: 0.97}.Rate(123), 1e-12)
	require.Equal(t, 1.0, optim.StepDecay{}.Rate(5))

	// The rate of an update is the optimizer's times the schedule's.
	var rates []float64
	_, err := bptt.Train(context.Background(), traintest.NewLeaky(2, 1), &traintest.Script{N: 100}, bptt.Plan{
		Window: 2, Steps: 3, Loss: loss.MSE{}, Optimizer: &optim.SGD{LR: 1e-3}, Schedule: optim.StepDecay{Every: 1, Factor: 0.5},
		OnStep: func(p bptt.Progress) error { rates = append(rates, p.Rate); return nil },
	})
	require.NoError(t, err)
	require.Equal(t, []float64{1e-3, 5e-4, 2.5e-4}, rates)
}

// The rates that PyTorch's do not cover: golden_test.go has those.
func TestFurtherSchedules(t *testing.T) {
	zaremba := optim.EpochDecay{After: 4, Factor: 0.5}
	require.NoError(t, zaremba.Check())
	for epoch, want := range []float64{1, 1, 1, 1, 0.5, 0.25, 0.125} {
		require.Equal(t, want, zaremba.RateAt(1000, int64(epoch)))
		require.Equal(t, want, optim.RateAt(zaremba, 7, int64(epoch)))
	}
	require.True(t, math.IsNaN(zaremba.Rate(3)), "without the epoch there is no rate")
	for epoch, want := range []float64{1, 0.5, 0.25} {
		require.Equal(t, want, optim.EpochDecay{Factor: 0.5}.RateAt(0, int64(epoch)))
	}
	require.Equal(t, 1.0, optim.RateAt(nil, 5, 5))
	require.Equal(t, 0.25, optim.RateAt(optim.StepDecay{Every: 1, Factor: 0.5}, 2, 9))

	e := optim.Exponential{Every: 100, Factor: 0.1}
	for _, step := range []int64{0, 1, 50, 99, 100, 101, 550} {
		require.InEpsilon(t, math.Pow(0.1, float64(step)/100), e.Rate(step), 1e-13, "step %d", step)
	}
	require.Equal(t, power(0.1, 7), e.Rate(700))

	c := optim.OneCycle{Total: 100}
	require.InDelta(t, 1.0/25, c.Rate(0), 1e-15)
	require.InDelta(t, 1, c.Rate(29), 1e-15)
	for _, step := range []int64{99, 100, 1 << 50} {
		require.InEpsilon(t, 1.0/25e4, c.Rate(step), 1e-15, "the end stays")
	}
}

// power is a product in the order of squares, as the schedules have it.
func power(x float64, n int) float64 { return optim.StepDecay{Every: 1, Factor: x}.Rate(int64(n)) }

func TestSchedulesAreChecked(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, list := range map[string][]interface{ Check() error }{
		"EpochDecay with Factor":  {optim.EpochDecay{}, optim.EpochDecay{Factor: -1}, optim.EpochDecay{Factor: nan}, optim.EpochDecay{Factor: inf}},
		"EpochDecay with After":   {optim.EpochDecay{After: -1, Factor: 0.5}},
		"Exponential with Factor": {optim.Exponential{Every: 1}, optim.Exponential{Every: 1, Factor: inf}, optim.Exponential{Every: 0, Factor: 1}},
		"OneCycle with Total":     {optim.OneCycle{}, optim.OneCycle{Total: 5}, optim.OneCycle{Total: 10, Rise: 0.95}, optim.OneCycle{Total: -100}},
		"OneCycle with Rise":      {optim.OneCycle{Total: 100, Rise: 1}, optim.OneCycle{Total: 100, Rise: -1}, optim.OneCycle{Total: 100, Rise: nan}},
		"OneCycle with Start":     {optim.OneCycle{Total: 100, Start: 0.5}, optim.OneCycle{Total: 100, End: nan}, optim.OneCycle{Total: 100, End: inf}, optim.OneCycle{Total: 100, Start: -2}},
		"Plateau with Factor":     {&optim.Plateau{}, &optim.Plateau{Factor: 1}, &optim.Plateau{Factor: nan}, &optim.Plateau{Factor: -0.5}},
		"Plateau with Patience":   {&optim.Plateau{Factor: 0.5, Patience: -1}, &optim.Plateau{Factor: 0.5, Cooldown: -1}},
		"Plateau with Threshold":  {&optim.Plateau{Factor: 0.5, Threshold: -1}, &optim.Plateau{Factor: 0.5, Threshold: 1}, &optim.Plateau{Factor: 0.5, Threshold: nan}},
		"Plateau with Floor":      {&optim.Plateau{Factor: 0.5, Floor: 1}, &optim.Plateau{Factor: 0.5, Floor: 2}, &optim.Plateau{Factor: 0.5, Floor: nan}},
	} {
		for _, s := range list {
			require.ErrorContains(t, s.Check(), want, "%+v", s)
		}
	}
	require.NoError(t, optim.OneCycle{Total: 10}.Check())
}

func TestPlateau(t *testing.T) {
	inf := math.Inf(1)
	follow := func(s *optim.Plateau, losses ...float64) (rates []float64) {
		t.Helper()
		require.NoError(t, s.Check())
		for _, l := range losses {
			s.Observe(l)
			rates = append(rates, s.Rate(0))
		}
		return rates
	}
	require.Equal(t, []float64{1, 1, 0.5, 0.25, 0.25, 0.125}, follow(&optim.Plateau{Factor: 0.5}, 3, 2, 2, 2, 1, 1.5))
	require.Equal(t, []float64{1, 1, 1, 0.5, 0.5, 0.5, 0.25}, follow(&optim.Plateau{Factor: 0.5, Patience: 2}, 3, 3, 3, 3, 4, 4, 4))
	require.Equal(t, []float64{1, 0.5, 0.5, 0.5, 0.25}, follow(&optim.Plateau{Factor: 0.5, Cooldown: 2}, 3, 3, 3, 3, 3))
	require.Equal(t, []float64{1, 0.5, 0.4, 0.4}, follow(&optim.Plateau{Factor: 0.5, Floor: 0.4}, 3, 3, 3, 3))
	require.Equal(t, []float64{1, 1, 0.5}, follow(&optim.Plateau{Factor: 0.5, Threshold: 0.1}, 10, 8.9, 8.02), "less than a tenth better")
	require.Equal(t, []float64{1, 0.5, 0.5}, follow(&optim.Plateau{Factor: 0.5, Threshold: 0.1}, -10, -10.9, -11.1), "losses below 0")
	require.Equal(t, []float64{0.5, 0.25, 0.125, 0.125, 0.125}, follow(&optim.Plateau{Factor: 0.5}, math.NaN(), inf, math.NaN(), 3, 2), "what is no number is no improvement")
}

// A Plateau goes on from its state as if nothing had been between; Reset is the beginning.
func TestPlateauKeepsItsState(t *testing.T) {
	losses := []float64{5, 4, 4.5, 4.2, 4.1, 3, 3.5, 3.6, 3.7, 3.8, 2, 2, 2, 2, 2}
	for cut := range losses {
		a := &optim.Plateau{Factor: 0.5, Patience: 1, Cooldown: 1}
		b := &optim.Plateau{Factor: 0.5, Patience: 1, Cooldown: 1}
		b.Observe(-100) // another past
		for _, l := range losses[:cut] {
			a.Observe(l)
		}
		state, err := a.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, b.UnmarshalBinary(state))
		for _, l := range losses[cut:] {
			a.Observe(l)
			b.Observe(l)
			require.Equal(t, a.Rate(0), b.Rate(0))
		}
		require.Equal(t, a, b)
		require.Less(t, a.Rate(0), 0.5)
		a.Reset()
		require.Equal(t, &optim.Plateau{Factor: 0.5, Patience: 1, Cooldown: 1}, a)
	}

	s := &optim.Plateau{Factor: 0.5}
	s.Observe(1)
	s.Observe(1)
	good, err := s.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, "plateau\x01\x03\x00\x00\x00\x00\x00\x00\xe0?\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", string(good), "the bytes of version 1")
	for i := range good {
		require.Error(t, s.UnmarshalBinary(good[:i]))
	}
	require.Error(t, s.UnmarshalBinary(append(good, 0)))
	for _, c := range []struct {
		at int
		v  byte
	}{{0, 'x'}, {7, 2}, {8, 4}, {16, 0xbf}, {16, 0x40}, {24, 0xff}, {32, 0xff}, {40, 0xff}} {
		at := c.at
		bad := append([]byte(nil), good...)
		bad[at] = c.v
		if at == 24 {
			bad[23] = 0xff // NaN
		}
		require.Error(t, s.UnmarshalBinary(bad), "byte %d", at)
		now, err := s.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, good, now, "nothing is changed")
	}
}
