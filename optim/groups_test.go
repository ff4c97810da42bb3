package optim_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// named returns parameters of these names, each of two elements.
func named(names ...string) (p []nn.Param) {
	for i, name := range names {
		p = append(p, nn.Param{Name: name, W: []float32{1, float32(i)}, G: []float32{0.5, -1}})
	}
	return p
}

func TestGroupsAreChecked(t *testing.T) {
	sgd := func() optim.Optimizer { return &optim.SGD{LR: 1} }
	same := sgd()
	one := func(patterns ...string) optim.Group { return optim.Group{Params: patterns, Optimizer: sgd()} }
	for want, list := range map[string][]optim.Group{
		"without a group": nil,
		`group 1 (0.w* 3.*) has the pattern "3.*", which matches none of the parameters 0.weight 0.bias 1.weight 1.bias`: {one(), one("0.w*", "3.*")},
		"parameter 0.bias is in group 0 (0.*) and in group 1 (*.bias), want one":                                         {one("0.*"), one("*.bias"), one()},
		"parameter 1.weight is in no group":                        {one("0.*"), one("1.bias")},
		"group 0 (the rest) and group 2 (the rest) are both":       {one(), one("0.*"), one()},
		"group 1 (the rest) has no parameter":                      {one("*"), one()},
		`group 0 ([) has the pattern "[": syntax error`:            {one("["), one()},
		"group 0 (the rest) has the optimizer <nil>":               {{}},
		"group 0 (the rest) has the optimizer *optim.Groups":       {{Optimizer: &optim.Groups{List: []optim.Group{one()}}}},
		"group 0 (0.*) and group 1 (the rest) have the same":       {{Params: []string{"0.*"}, Optimizer: same}, {Optimizer: same}},
		"all groups are frozen":                                    {{Frozen: true}},
		"group 0 (the rest) has From -1":                           {{Optimizer: sgd(), From: -1}},
		"group 1 (the rest): optim: Adam with learning rate":       {one("0.*"), {Optimizer: &optim.Adam{}}},
		"group 0 (0.*) has the optimizer traintest.Frozen, want a": {{Params: []string{"0.*"}, Optimizer: traintest.Frozen{}}, one()},
	} {
		p := named("0.weight", "0.bias", "1.weight", "1.bias")
		o := &optim.Groups{List: list}
		require.ErrorContains(t, o.Init(p), want)
	}
}

// When a group is refused, those before it have not begun anew.
func TestGroupsBeginTogether(t *testing.T) {
	first := &optim.Adam{LR: 0.1}
	p := named("a")
	require.NoError(t, first.Init(p))
	require.NoError(t, first.Update(1))
	state := first.State()
	o := &optim.Groups{List: []optim.Group{{Params: []string{"a"}, Optimizer: first}, {Optimizer: &optim.Adam{LR: -1}}}}
	require.Error(t, o.Init(named("a", "b")))
	require.True(t, state.Same(first.State()))
	require.Equal(t, 1.0, state.Numbers[0])
}

// Groups do what their optimizers do by themselves; what is frozen stays, and has no state.
func TestGroupsAreTheirOptimizers(t *testing.T) {
	names := []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias", "2.weight", "2.bias"}
	p, q := named(names...), named(names...)
	first := func() optim.Optimizer { return &optim.RMSProp{LR: 0.01, Momentum: 0.5, WeightDecay: 0.1} }
	second := func() optim.Optimizer { return &optim.AdamW{LR: 0.1, WeightDecay: 0.3} }
	o := &optim.Groups{List: []optim.Group{
		{Params: []string{"0.*", "2.bias"}, Frozen: true},
		{Optimizer: first()},
		{Params: []string{"1.weight_?h_l0"}, Optimizer: second(), Rate: 0.5},
	}}
	require.NoError(t, o.Init(p))
	require.Equal(t, 0.05, o.LearningRate())
	a, b := first(), second()
	require.NoError(t, a.Init([]nn.Param{q[3], q[4]}))
	require.NoError(t, b.Init([]nn.Param{q[1], q[2]}))
	for step := range 20 {
		for i := range p {
			for j := range p[i].G {
				p[i].G[j] = float32(step%5+i-j) / 8
				q[i].G[j] = p[i].G[j]
			}
		}
		rate := 1 / float64(step+1)
		require.NoError(t, o.Update(rate))
		require.NoError(t, a.Update(rate))
		require.NoError(t, b.Update(0.5*rate))
	}
	require.Equal(t, q, p)
	s := o.State()
	require.Equal(t, "groups\nfrozen \"0.weight\" \"2.bias\"\nrmsprop-momentum \"1.bias\" \"2.weight\"\nadamw-root \"1.weight_ih_l0\" \"1.weight_hh_l0\"", s.Kind)
	require.Equal(t, append(append([]float64{20}, a.State().Numbers...), b.State().Numbers...), s.Numbers)
	require.Equal(t, append(append([][]float32{}, a.State().Tensors...), b.State().Tensors...), s.Tensors)
	require.True(t, s.Same(o.State()))
	for i, name := range names {
		require.Equal(t, i == 0 || i == 5, o.Frozen(name), name)
	}
	require.False(t, o.Frozen("3.weight"))
}

// A group that begins later is as one that is made then: neither its parameters nor its
// state move before.
func TestGroupsBeginLater(t *testing.T) {
	p, q := named("a", "b"), named("a", "b")
	late := &optim.Adam{LR: 0.1}
	o := &optim.Groups{List: []optim.Group{{Params: []string{"a"}, Optimizer: late, From: 3}, {Optimizer: &optim.SGD{LR: 0.1}}}}
	require.NoError(t, o.Init(p))
	for range 3 {
		require.True(t, o.Frozen("a"))
		require.False(t, o.Frozen("b"))
		require.NoError(t, o.Update(1))
		require.Equal(t, q[0], p[0])
		require.Zero(t, late.State().Numbers[0])
	}
	require.False(t, o.Frozen("a"), "it moves with the next update")
	alone := &optim.Adam{LR: 0.1}
	require.NoError(t, alone.Init(q[:1]))
	for range 4 {
		require.NoError(t, o.Update(1))
		require.NoError(t, alone.Update(1))
	}
	require.Equal(t, q[0], p[0])
	require.Equal(t, alone.State(), late.State())

	// From and Rate may be changed: the group stands still, then goes on at half the rate.
	o.List[0].From = math.MaxInt64
	require.NoError(t, o.Update(1))
	require.Equal(t, q[0], p[0])
	o.List[0].From, o.List[0].Rate = 0, 0.5
	require.NoError(t, o.Update(1))
	require.NoError(t, alone.Update(0.5))
	require.Equal(t, q[0], p[0])

	o.List[0].Frozen = true
	require.ErrorContains(t, o.Update(1), "Frozen of group 0 (a) is true and was false in Init")
	o.List[0].Frozen = false
	o.List = append(o.List, optim.Group{})
	require.ErrorContains(t, o.Update(1), "a list of 3 groups, Init has seen 2")
}

// An update that one group cannot take is taken by none.
func TestGroupsMoveTogether(t *testing.T) {
	p := named("a", "b")
	o := &optim.Groups{List: []optim.Group{{Params: []string{"a"}, Optimizer: &optim.Adam{LR: 1}}, {Optimizer: &optim.SGD{LR: 1}}}}
	require.NoError(t, o.Init(p))
	require.NoError(t, o.Update(1))
	w := append([]float32(nil), p[0].W...)
	state := o.State().Clone()
	for _, rate := range []float64{-1, math.NaN(), math.Inf(1), 1e300} {
		o.List[1].Rate = rate
		err := o.Update(1)
		require.ErrorContains(t, err, "group 1 (the rest)")
		var bad *optim.RateError
		require.True(t, errors.As(err, &bad))
		require.Equal(t, int64(2), bad.Step)
		require.Equal(t, w, p[0].W)
		require.Equal(t, state, o.State())
	}
}

// The state of another grouping is refused, and the error names a parameter.
func TestOtherGroupsAreRefused(t *testing.T) {
	groups := func(first string, frozen bool, o optim.Optimizer) *optim.Groups {
		g := &optim.Groups{List: []optim.Group{{Params: []string{first}, Optimizer: o, Frozen: frozen}, {Optimizer: &optim.SGD{LR: 1, Momentum: 0.5}}}}
		require.NoError(t, g.Init(named("a", "b", "c d")))
		return g
	}
	from := groups("a", false, &optim.SGD{LR: 1, Momentum: 0.5})
	require.NoError(t, from.Update(1))
	for want, to := range map[string]*optim.Groups{
		`has parameter "b" in group 1 (sgd), the optimizer in group 0 (sgd)`:       groups("b", false, &optim.SGD{LR: 1, Momentum: 0.5}),
		`has parameter "a" in group 0 (sgd), the optimizer in group 0 (frozen)`:    groups("a", true, nil),
		`has parameter "a" in group 0 (sgd), the optimizer in group 0 (adam-root)`: groups("a", false, &optim.Adam{LR: 1}),
		`has parameter "c d" in group 1 (sgd), the optimizer in group 0 (sgd)`:     groups("[ac]*", false, &optim.SGD{LR: 1, Momentum: 0.5}),
		"an optimizer state of 3 numbers and 3 tensors, want 3 and 2":              groups("a", false, &optim.SGD{LR: 1}),
	} {
		before := to.State().Clone()
		require.ErrorContains(t, to.SetState(from.State()), want)
		require.Equal(t, before, to.State())
	}
	one := &optim.SGD{LR: 1, Momentum: 0.5}
	require.NoError(t, one.Init(named("a", "b", "c d")))
	require.ErrorContains(t, one.SetState(from.State()), `the optimizer is "sgd"`)
	require.ErrorContains(t, from.SetState(one.State()), `is one of "sgd"`)
	s := from.State().Clone()
	s.Numbers[1] = 2
	require.ErrorContains(t, from.SetState(s), "group 0 (a): 2 steps after 1 updates")
	s = from.State().Clone()
	s.Kind = "groups\nnot what Groups writes"
	require.ErrorContains(t, from.SetState(s), "in no group")
}

// A run with groups, one of them averaged and one that begins later, goes on from a
// checkpoint to the bit, and not with other groups.
func TestGroupsResume(t *testing.T) {
	run := func(o optim.Optimizer, steps int64, from *bytes.Buffer) (*bptt.Trainer, nn.Net) {
		net, source := traintest.Tiny()
		tr, err := bptt.NewTrainer(net, source, bptt.Plan{Window: 8, Loss: loss.CrossEntropy{}, Optimizer: o, Steps: steps})
		require.NoError(t, err)
		if from != nil {
			c, err := bptt.ReadCheckpoint(bytes.NewReader(from.Bytes()))
			require.NoError(t, err)
			if err := tr.Resume(c); err != nil {
				require.ErrorContains(t, err, `has parameter "1.bias_ih_l0" in group 3 (rmsprop-centred), the optimizer in group 0 (frozen)`)
				return nil, nil
			}
		}
		_, err = tr.Run(context.Background())
		require.NoError(t, err)
		return tr, net
	}
	groups := func(frozen ...string) optim.Optimizer {
		return &optim.Groups{List: []optim.Group{
			{Params: frozen, Frozen: true},
			{Params: []string{"1.weight_*"}, Optimizer: &optim.ASGD{LR: 0.5, T0: 2}},
			{Params: []string{"2.weight"}, Optimizer: &optim.AdamW{LR: 0.01, AMSGrad: true}, From: 6},
			{Optimizer: &optim.RMSProp{LR: 0.01, Centred: true}},
		}}
	}
	_, want := run(groups("0.*"), 12, nil)
	half, _ := run(groups("0.*"), 5, nil)
	var file bytes.Buffer
	require.NoError(t, half.Save(&file))
	_, got := run(groups("0.*"), 12, &file)
	require.Equal(t, nn.Fingerprint(want), nn.Fingerprint(got))
	if tr, _ := run(groups("1.bias_ih_l0"), 12, &file); tr != nil {
		t.Error("another grouping is taken")
	}
}
