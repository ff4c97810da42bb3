package optim_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// Settings that are no numbers, or none that float32 can hold, are errors that name them;
// Init leaves everything as it is.
func TestSettingsAreChecked(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	above0 := []float64{nan, inf, -inf, -1, 1e-50, 1e39, 1e-40}
	atLeast0 := []float64{nan, inf, -inf, -1, 1e39}
	below1 := []float64{nan, inf, -inf, -1, 1, 1 - 1e-12, 2}
	cases := []struct {
		want   string
		values []float64
		make   func(v float64) optim.Optimizer
	}{
		{"RMSProp with learning rate", above0, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: v} }},
		{"RMSProp with epsilon", above0, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: 1, Eps: v} }},
		{"RMSProp with Alpha", below1, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: 1, Alpha: v} }},
		{"RMSProp with momentum", below1, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: 1, Momentum: v} }},
		{"RMSProp with weight decay", atLeast0, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: 1, WeightDecay: v} }},
		{"centred RMSProp with Alpha", []float64{1e-300, 1e-45}, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: 1, Alpha: v, Centred: true} }},
		{"Adagrad with learning rate", above0, func(v float64) optim.Optimizer { return &optim.Adagrad{LR: v} }},
		{"Adagrad with epsilon", above0, func(v float64) optim.Optimizer { return &optim.Adagrad{LR: 1, Eps: v} }},
		{"Adagrad with LRDecay", atLeast0, func(v float64) optim.Optimizer { return &optim.Adagrad{LR: 1, LRDecay: v} }},
		{"Adagrad with Initial", atLeast0, func(v float64) optim.Optimizer { return &optim.Adagrad{LR: 1, Initial: v} }},
		{"Adagrad with weight decay", atLeast0, func(v float64) optim.Optimizer { return &optim.Adagrad{LR: 1, WeightDecay: v} }},
		{"ASGD with learning rate", above0, func(v float64) optim.Optimizer { return &optim.ASGD{LR: v} }},
		{"ASGD with Lambda", atLeast0, func(v float64) optim.Optimizer { return &optim.ASGD{LR: 1, Lambda: v} }},
		{"ASGD with Alpha", atLeast0, func(v float64) optim.Optimizer { return &optim.ASGD{LR: 1, Lambda: 0.5, Alpha: v} }},
		{"ASGD with weight decay", atLeast0, func(v float64) optim.Optimizer { return &optim.ASGD{LR: 1, WeightDecay: v} }},
		{"ASGD with T0", []float64{-1}, func(v float64) optim.Optimizer { return &optim.ASGD{LR: 1, T0: int64(v)} }},
		{"first step is infinite", []float64{1e30}, func(v float64) optim.Optimizer { return &optim.SGD{LR: v, WeightDecay: v, Decoupled: true} }},
		{"first step is infinite", []float64{1e30}, func(v float64) optim.Optimizer { return &optim.RMSProp{LR: v, WeightDecay: v, Decoupled: true} }},
		{"first step is infinite", []float64{1e30}, func(v float64) optim.Optimizer { return &optim.Adagrad{LR: v, WeightDecay: v, Decoupled: true} }},
		{"first step is infinite", []float64{1e30}, func(v float64) optim.Optimizer { return &optim.ASGD{LR: v, Lambda: v} }},
	}
	for _, c := range cases {
		for _, v := range c.values {
			p := twoParams()
			require.ErrorContains(t, c.make(v).Init(p), c.want, "%v", v)
			require.Equal(t, twoParams(), p)
		}
	}
}

// A rate that is none is a *RateError, and nothing has moved.
func TestRatesAreChecked(t *testing.T) {
	for name, kind := range kinds {
		for _, rate := range []float64{math.NaN(), math.Inf(1), -1, 1e300} {
			p := twoParams()
			o := kind()
			require.NoError(t, o.Init(p))
			require.NoError(t, o.Update(1))
			w, state := append([]float32(nil), p[1].W...), o.State().Clone()
			var bad *optim.RateError
			require.True(t, errors.As(o.Update(rate), &bad), "%s at rate %v", name, rate)
			require.Equal(t, int64(2), bad.Step, name)
			require.Equal(t, w, p[1].W, name)
			require.Equal(t, state, o.State(), name)
		}
	}
}

// A decoupled decay multiplies the weight, once, and leaves moments alone.
func TestDecoupledDecay(t *testing.T) {
	for name, pair := range map[string][2]optim.Optimizer{
		"SGD":      {&optim.SGD{LR: 0.25, WeightDecay: 0.5, Decoupled: true}, &optim.SGD{LR: 0.25}},
		"momentum": {&optim.SGD{LR: 0.25, Momentum: 0.5, WeightDecay: 0.5, Decoupled: true}, &optim.SGD{LR: 0.25, Momentum: 0.5}},
		"Nesterov": {&optim.SGD{LR: 0.25, Momentum: 0.5, Nesterov: true, WeightDecay: 0.5, Decoupled: true}, &optim.SGD{LR: 0.25, Momentum: 0.5, Nesterov: true}},
		"RMSProp":  {&optim.RMSProp{LR: 0.25, WeightDecay: 0.5, Decoupled: true}, &optim.RMSProp{LR: 0.25}},
		"centred":  {&optim.RMSProp{LR: 0.25, Centred: true, Momentum: 0.5, WeightDecay: 0.5, Decoupled: true}, &optim.RMSProp{LR: 0.25, Centred: true, Momentum: 0.5}},
		"Adagrad":  {&optim.Adagrad{LR: 0.25, WeightDecay: 0.5, Decoupled: true}, &optim.Adagrad{LR: 0.25}},
		"ASGD":     {&optim.ASGD{LR: 0.25, Lambda: 0.5, Alpha: 1e-30}, &optim.ASGD{LR: 0.25}},
	} {
		p, q := twoParams(), twoParams()
		require.NoError(t, pair[0].Init(p))
		require.NoError(t, pair[1].Init(q))
		for step := range 5 {
			for i := range p {
				for j := range p[i].G {
					p[i].G[j] = float32(step+i+j) / 4
					q[i].G[j] = p[i].G[j]
				}
			}
			before := p[1].W[0]
			q[1].W[0] = 0
			require.NoError(t, pair[0].Update(1))
			require.NoError(t, pair[1].Update(1))
			require.InDelta(t, float64(before)*(1-0.25*0.5)+float64(q[1].W[0]), float64(p[1].W[0]), 1e-6, "%s, step %d", name, step+1)
			if name != "ASGD" {
				require.Equal(t, pair[1].State(), pair[0].State(), name)
			}
		}
	}
}

// A setting that is changed after Init counts at the next Init, LR at once.
func TestSettingsAreReadByInit(t *testing.T) {
	o := &optim.RMSProp{LR: 0.1}
	p, q := twoParams(), twoParams()
	require.NoError(t, o.Init(p))
	o.Momentum, o.Centred, o.WeightDecay, o.Decoupled, o.LR = 0.9, true, 1, true, 0.2
	require.NoError(t, o.Update(1))
	other := &optim.RMSProp{LR: 0.2}
	require.NoError(t, other.Init(q))
	require.NoError(t, other.Update(1))
	require.Equal(t, []nn.Param(q), p)
}

// TestSettingsWithoutTheirPart: what another setting is a part of is refused without it, and
// would do nothing.
func TestSettingsWithoutTheirPart(t *testing.T) {
	p := []nn.Param{{Name: "w", W: make([]float32, 1), G: make([]float32, 1)}}
	require.EqualError(t, (&optim.SGD{LR: 1, Dampening: 0.5}).Init(p), "optim: SGD with dampening 0.5 and no momentum, which is what it dampens; set Momentum, or leave Dampening out")
	require.EqualError(t, (&optim.ASGD{LR: 1, Alpha: 0.5}).Init(p), "optim: ASGD with Alpha 0.5 and Lambda 0, which leaves the rate as it is whatever Alpha says; set Lambda, or leave Alpha out")
	require.NoError(t, (&optim.SGD{LR: 1, Decoupled: true}).Init(p), "a form of the decay, which is 0")
}
