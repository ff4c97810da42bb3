package optim_test

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// As in PyTorch, an infinite weight stays where its gradient and the decay are 0. In
// an optimizer that multiplies it by a decay of 0 it becomes NaN.
func TestInfiniteWeightsStay(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, o := range map[string]optim.Optimizer{
		"SGD": &optim.SGD{LR: 0.1}, "momentum": &optim.SGD{LR: 0.1, Momentum: 0.9}, "Nesterov": &optim.SGD{LR: 0.1, Momentum: 0.9, Nesterov: true},
		"Adam": &optim.Adam{LR: 0.1}, "AdamW": &optim.AdamW{LR: 0.1}, "AdamW with a decay": &optim.AdamW{LR: 0.1, WeightDecay: 0.1},
		"AMSGrad": &optim.Adam{LR: 0.1, AMSGrad: true}, "decoupled": &optim.SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 0.1, Decoupled: true},
		"RMSProp": &optim.RMSProp{LR: 0.1}, "RMSProp, momentum": &optim.RMSProp{LR: 0.1, Momentum: 0.9, WeightDecay: 0.1, Decoupled: true},
		"RMSProp, centred": &optim.RMSProp{LR: 0.1, Centred: true}, "RMSProp, both": &optim.RMSProp{LR: 0.1, Centred: true, Momentum: 0.9},
		"Adagrad": &optim.Adagrad{LR: 0.1}, "ASGD": &optim.ASGD{LR: 0.1, Lambda: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			p := nn.Param{Name: "w", W: []float32{-inf, inf, -inf, inf}, G: make([]float32, 4)}
			require.NoError(t, o.Init([]nn.Param{p}))
			for range 3 {
				require.NoError(t, o.Update(1))
			}
			numtest.Equal(t, p.W, []float32{-inf, inf, -inf, inf}, "after three steps")
		})
	}
}

// A weight without a gradient decays to +0 and not to the smallest number that there
// is, which slows every product down that it enters.
func TestWeightsDecayToZero(t *testing.T) {
	for name, o := range map[string]optim.Optimizer{
		"SGD":      &optim.SGD{LR: 0.5, WeightDecay: 1},
		"momentum": &optim.SGD{LR: 0.5, WeightDecay: 1, Momentum: 0.5},
		"AdamW":    &optim.AdamW{LR: 0.5, WeightDecay: 1},
		"SGDW":     &optim.SGD{LR: 0.5, WeightDecay: 1, Momentum: 0.5, Decoupled: true},
		"RMSProp":  &optim.RMSProp{LR: 0.5, WeightDecay: 1, Decoupled: true},
		"centred":  &optim.RMSProp{LR: 0.5, WeightDecay: 1, Decoupled: true, Centred: true, Momentum: 0.5},
		"Adagrad":  &optim.Adagrad{LR: 0.5, WeightDecay: 1, Decoupled: true},
		"ASGD":     &optim.ASGD{LR: 0.5, WeightDecay: 1},
		"Lambda":   &optim.ASGD{LR: 0.5, Lambda: 1, Alpha: 1e-3},
	} {
		t.Run(name, func(t *testing.T) {
			p := nn.Param{Name: "w", W: []float32{1, -1, 1e-30, -1e-40}, G: make([]float32, 4)}
			require.NoError(t, o.Init([]nn.Param{p}))
			for range 1000 {
				require.NoError(t, o.Update(1))
			}
			numtest.Equal(t, p.W, make([]float32, 4), "after 1000 steps")
		})
	}
}

// A small Eps with gradients of its size: kept as a square in float32, the second
// moment is flushed and the weight comes out as 0.94000006.
func TestAdamWithASmallEps(t *testing.T) {
	for _, c := range []struct {
		eps  float64
		g, w float32
	}{{1e-15, 2e-14, 0.9971429}, {1e-20, 1e-18, 0.9970297}, {1e-8, 1e30, 0.997}} {
		for name, o := range map[string]optim.Optimizer{"Adam": &optim.Adam{LR: 1e-3, Eps: c.eps}, "AdamW": &optim.AdamW{LR: 1e-3, Eps: c.eps}} {
			p := nn.Param{Name: "w", W: []float32{1}, G: []float32{c.g}}
			require.NoError(t, o.Init([]nn.Param{p}))
			for range 3 {
				require.NoError(t, o.Update(1))
			}
			require.InDelta(t, c.w, p.W[0], 0x1p-23, "%s, Eps %v, gradient %v", name, c.eps, c.g)
		}
	}
}
