package optim_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// kinds makes an optimizer of every kind, and of the forms that have another state or
// another kernel.
var kinds = map[string]func() optim.Optimizer{
	"sgd":           func() optim.Optimizer { return &optim.SGD{LR: 0.1, WeightDecay: 0.1} },
	"sgd decoupled": func() optim.Optimizer { return &optim.SGD{LR: 0.1, WeightDecay: 0.1, Decoupled: true} },
	"momentum":      func() optim.Optimizer { return &optim.SGD{LR: 0.1, Momentum: 0.9, Dampening: 0.5} },
	"nesterov decoupled": func() optim.Optimizer {
		return &optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.1, Decoupled: true}
	},
	"adam":     func() optim.Optimizer { return &optim.Adam{LR: 0.1, WeightDecay: 0.1} },
	"adamw":    func() optim.Optimizer { return &optim.AdamW{LR: 0.1, WeightDecay: 0.1} },
	"amsgrad":  func() optim.Optimizer { return &optim.Adam{LR: 0.1, AMSGrad: true} },
	"amsgradw": func() optim.Optimizer { return &optim.AdamW{LR: 0.1, WeightDecay: 0.1, AMSGrad: true} },
	"rmsprop":  func() optim.Optimizer { return &optim.RMSProp{LR: 0.1, WeightDecay: 0.1} },
	"rmsprop momentum": func() optim.Optimizer {
		return &optim.RMSProp{LR: 0.1, Momentum: 0.9, WeightDecay: 0.1, Decoupled: true}
	},
	"rmsprop centred":   func() optim.Optimizer { return &optim.RMSProp{LR: 0.1, Centred: true} },
	"rmsprop both":      func() optim.Optimizer { return &optim.RMSProp{LR: 0.1, Centred: true, Momentum: 0.5} },
	"adagrad":           func() optim.Optimizer { return &optim.Adagrad{LR: 0.1, LRDecay: 0.1, Initial: 0.5} },
	"adagrad decoupled": func() optim.Optimizer { return &optim.Adagrad{LR: 0.1, WeightDecay: 0.1, Decoupled: true} },
	"asgd":              func() optim.Optimizer { return &optim.ASGD{LR: 0.1, Lambda: 0.1, WeightDecay: 0.1, T0: 1} },
	"groups": func() optim.Optimizer {
		return &optim.Groups{List: []optim.Group{{Params: []string{"a"}, Optimizer: &optim.ASGD{LR: 0.1}, From: 2}, {Optimizer: &optim.Adam{LR: 0.1}, Rate: 0.5}}}
	},
}

// sameState are the kinds of which one takes the other's state.
var sameState = map[string]string{
	"sgd": "plain", "sgd decoupled": "plain", "momentum": "velocity", "nesterov decoupled": "velocity", "adagrad": "adagrad", "adagrad decoupled": "adagrad",
}

func twoParams() []nn.Param {
	return []nn.Param{{Name: "a", W: []float32{1, 2}, G: []float32{1, -1}}, {Name: "b", W: []float32{3}, G: []float32{2}}}
}

// TestOptimizerState moves the state of an optimizer into another of the kind
// and refuses all else.
func TestOptimizerState(t *testing.T) {
	for name, kind := range kinds {
		p := twoParams()
		o := kind()
		require.NoError(t, o.Init(p))
		for range 3 {
			require.NoError(t, o.Update(1))
		}
		require.NoError(t, o.Update(0.5))
		q := twoParams()
		copy(q[0].W, p[0].W)
		copy(q[1].W, p[1].W)
		other := kind()
		require.NoError(t, other.Init(q))
		require.NoError(t, other.SetState(o.State()))
		require.True(t, o.State().Same(o.State()), "%s: the memory of the state", name)
		require.NoError(t, o.Update(1))
		require.NoError(t, other.Update(1))
		require.Equal(t, p, q, name)
		require.Equal(t, o.State(), other.State(), name)
		require.Equal(t, 0.1, o.LearningRate())

		for foreign, kind := range kinds {
			f := kind()
			require.NoError(t, f.Init(twoParams()))
			before := f.State().Clone()
			if foreign != name && (sameState[foreign] == "" || sameState[foreign] != sameState[name]) {
				require.Error(t, f.SetState(o.State()), "%s into %s", name, foreign)
				require.Equal(t, before, f.State())
			}
			if len(o.State().Tensors) > 0 {
				require.NoError(t, f.Init([]nn.Param{{Name: "a", W: make([]float32, 3), G: make([]float32, 3)}, {Name: "b", W: make([]float32, 1), G: make([]float32, 1)}}))
				require.Error(t, f.SetState(o.State()))
			}
		}
		require.NoError(t, o.Init(twoParams()))
		require.Zero(t, o.State().Numbers[0], "Init begins anew")
	}
}

// TestStatesThatAreNone: numbers that no updates lead to are refused, and nothing changes.
func TestStatesThatAreNone(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	tensors := map[string][]float32{ // what a tensor of a kind cannot have
		"m": {float32(inf), float32(-inf), float32(nan)},
		"r": {-1, float32(-inf), float32(nan)},
		"w": nil,
	}
	layouts := map[string]string{
		"sgd": "", "momentum": "m", "adam": "mr", "adamw": "mr", "amsgrad": "mrr", "amsgradw": "mrr", "rmsprop": "r", "rmsprop momentum": "rm",
		"rmsprop centred": "rm", "rmsprop both": "rmm", "adagrad": "r", "asgd": "w",
		"groups": "wmr", // a has an average, b a mean and a root
	}
	for name, layout := range layouts {
		o := kinds[name]()
		require.NoError(t, o.Init(twoParams()))
		for range 4 {
			require.NoError(t, o.Update(1))
		}
		before := o.State().Clone()
		refused := func(change func(s *optim.State), what string) {
			t.Helper()
			s := before.Clone()
			change(&s)
			require.Error(t, o.SetState(s), "%s: %s", name, what)
			require.Equal(t, before, o.State(), "%s: %s", name, what)
		}
		for _, v := range []float64{-1, 0.5, inf, nan, 1 << 54} {
			for i := range before.Numbers {
				if v == 0.5 && i > 0 && name != "asgd" { // a power of a beta, or a half of the flag
					continue
				}
				refused(func(s *optim.State) { s.Numbers[i] = v }, "a number")
			}
		}
		refused(func(s *optim.State) { s.Kind += "x" }, "a kind")
		refused(func(s *optim.State) { s.Tensors = append(s.Tensors, nil) }, "a tensor more")
		for i := range before.Tensors {
			what := layout[i*len(layout)/len(before.Tensors)]
			for _, v := range tensors[string(what)] {
				refused(func(s *optim.State) { s.Tensors[i][0] = v }, "an element")
			}
			if what != 'm' {
				s := before.Clone()
				s.Tensors[i][0] = float32(inf)
				require.NoError(t, o.SetState(s), "%s: an infinite root or weight", name)
				require.NoError(t, o.SetState(before))
			}
		}
	}
	a := &optim.ASGD{LR: 1}
	require.NoError(t, a.Init(twoParams()))
	for _, n := range [][]float64{{0, 1, 0}, {3, 0, 0}, {3, 4, 0}, {3, 3, 1}, {3, 3, -1}} {
		require.Error(t, a.SetState(optim.State{Kind: "asgd", Numbers: n, Tensors: a.State().Tensors}), "%v", n)
	}
}

// The same bits on any number of workers, wherever the work is cut.
func TestWorkersChangeNoBit(t *testing.T) {
	n := 40000 // three pieces
	if testing.Short() {
		n = 17000
	}
	for name, kind := range kinds {
		var want []nn.Param
		for _, workers := range []int{1, 3} {
			r := rand.New(rand.NewPCG(1, 1))
			p := []nn.Param{{Name: "a", W: make([]float32, n), G: make([]float32, n)}, {Name: "b", W: make([]float32, 33), G: make([]float32, 33)}}
			for _, q := range p {
				for j := range q.W {
					q.W[j], q.G[j] = r.Float32()-0.5, r.Float32()-0.5
				}
			}
			o := kind()
			o.(interface{ SetWorkers(int) }).SetWorkers(workers)
			require.NoError(t, o.Init(p))
			for range 4 {
				require.NoError(t, o.Update(1))
			}
			if want == nil {
				want = p
			}
			for i := range p {
				numtest.Equal(t, p[i].W, want[i].W, "%s on %d workers", name, workers)
			}
		}
	}
}

// After Init an update allocates nothing.
func TestUpdatesAllocateNothing(t *testing.T) {
	for name, kind := range kinds {
		o := kind()
		require.NoError(t, o.Init(twoParams()))
		require.Zero(t, testing.AllocsPerRun(10, func() { _ = o.Update(1e-3) }), name)
	}
}
