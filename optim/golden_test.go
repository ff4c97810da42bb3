package optim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// pytorch is testdata/pytorch_optimizers.json or pytorch_schedules.json, which
// bench/pytorch/goldens.py wrote: what torch.optim does in float64.
type pytorch struct {
	Size  int
	Cases []struct {
		Name, Kind                      string
		LR, Eps, Alpha, Lambd, Momentum float64
		Dampening                       float64
		LRDecay                         float64 `json:"lr_decay"`
		Initial                         float64 `json:"initial_accumulator_value"`
		WeightDecay                     float64 `json:"weight_decay"`
		T0                              *int64
		Nesterov, AMSGrad, Centered     bool
		Betas                           [2]float64
		Total                           int64   `json:"total_steps"`
		Rise                            float64 `json:"pct_start"`
		Start                           float64 `json:"div_factor"`
		End                             float64 `json:"final_div_factor"`
		Factor, Threshold, Gamma        float64
		Patience, Cooldown              int64
		Floor                           float64 `json:"min_lr"`
		Want                            map[string][]float64
	}
}

func readPyTorch(t *testing.T, name string, cases int) (p pytorch) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &p))
	require.Len(t, p.Cases, cases)
	return p
}

// optimizer is that of case i, with PyTorch's defaults where ours are others.
func (p pytorch) optimizer(t *testing.T, i int) optim.Optimizer {
	t.Helper()
	c := p.Cases[i]
	switch c.Kind {
	case "SGD":
		return &optim.SGD{LR: c.LR, Momentum: c.Momentum, Dampening: c.Dampening, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay}
	case "Adam":
		return &optim.Adam{LR: c.LR, Beta1: c.Betas[0], Beta2: c.Betas[1], Eps: c.Eps, WeightDecay: c.WeightDecay, AMSGrad: c.AMSGrad}
	case "AdamW":
		return &optim.AdamW{LR: c.LR, Beta1: c.Betas[0], Beta2: c.Betas[1], Eps: c.Eps, WeightDecay: c.WeightDecay, AMSGrad: c.AMSGrad}
	case "RMSprop":
		return &optim.RMSProp{LR: c.LR, Alpha: c.Alpha, Eps: c.Eps, Momentum: c.Momentum, Centred: c.Centered, WeightDecay: c.WeightDecay}
	case "Adagrad":
		return &optim.Adagrad{LR: c.LR, LRDecay: c.LRDecay, Initial: c.Initial, Eps: c.Eps, WeightDecay: c.WeightDecay}
	case "ASGD":
		o := &optim.ASGD{LR: c.LR, Lambda: c.Lambd, Alpha: c.Alpha, T0: 1e6, WeightDecay: c.WeightDecay}
		if c.T0 != nil {
			o.T0 = *c.T0
		} else {
			o.Lambda = 1e-4
		}
		return o
	}
	t.Fatalf("no optimizer %q", c.Kind)
	return nil
}

// noisy is the problem of the golden file: a quadratic with a noise in its gradient.
func noisyStart(w []float32) {
	for j := range w {
		w[j] = float32(j*53%97)/32 - 1.5
	}
}

func noisyGradient(g, w []float32, step int) {
	for j := range g {
		h, c := float64(1+j*37%64)/64, float64(j*29%101)/32-1.5
		noise := float64((step*7919+j*104729)%1021)/1024 - 0.5
		if step >= 20 && step < 30 {
			noise *= 8
		}
		g[j] = float32(float64(h*(float64(w[j])-c)) + noise)
	}
}

// apart is the largest difference of two vectors, relative to the element or, where that
// is smaller, to the root mean square.
func apart(got []float32, want []float64) float64 {
	norm := 0.0
	for _, v := range want {
		norm += v * v
	}
	worst, floor := 0.0, math.Sqrt(norm/float64(len(want)))
	for j, v := range want {
		if d := math.Abs(float64(got[j])-v) / max(math.Abs(v), floor); !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// 200 steps of every optimizer, the weights and averages on the way within the promise of
// docs/proofs.md.
func TestOptimizersAgreeWithPyTorch(t *testing.T) {
	const promise = 1e-5
	p := readPyTorch(t, "pytorch_optimizers.json", 18)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		worst := 0.0
		for i, c := range p.Cases {
			o := p.optimizer(t, i)
			w, g := make([]float32, p.Size), make([]float32, p.Size)
			noisyStart(w)
			require.NoError(t, o.Init([]nn.Param{{Name: "w", W: w, G: g}}))
			compared := 0
			compare := func(what string) {
				want, ok := c.Want[what]
				if !ok {
					return
				}
				require.Len(t, want, p.Size)
				d := apart(w, want)
				if !(d <= promise) {
					t.Errorf("%s: %s differs by %.2g", c.Name, what, d)
				}
				worst = max(worst, d)
				compared++
			}
			for step := 1; step <= 200; step++ {
				noisyGradient(g, w, step)
				require.NoError(t, o.Update(1))
				compare(fmt.Sprintf("w%d", step))
				if o, ok := o.(*optim.ASGD); ok {
					require.NoError(t, o.Average(func() error {
						compare(fmt.Sprintf("a%d", step))
						return nil
					}))
				}
			}
			require.Equal(t, len(c.Want), compared, c.Name)
		}
		t.Logf("%d optimizers, at most %.2g relative from PyTorch", len(p.Cases), worst)
	})
}

func TestSchedulesAgreeWithPyTorch(t *testing.T) {
	p := readPyTorch(t, "pytorch_schedules.json", 5)
	for _, c := range p.Cases {
		var s optim.Schedule
		switch c.Kind {
		case "OneCycleLR":
			one := optim.OneCycle{Total: c.Total, Rise: c.Rise, Start: c.Start, End: c.End}
			require.NoError(t, one.Check())
			s = one
		case "ReduceLROnPlateau":
			plateau := &optim.Plateau{Factor: c.Factor, Patience: c.Patience, Threshold: c.Threshold, Cooldown: c.Cooldown, Floor: c.Floor}
			require.NoError(t, plateau.Check())
			s = plateau
		case "ExponentialLR":
			s = optim.Exponential{Every: 1, Factor: c.Gamma}
		}
		for step, want := range c.Want["rates"] {
			require.InEpsilon(t, want, optim.RateAt(s, int64(step), 0), 1e-12, "%s, update %d", c.Name, step)
			if s, ok := s.(optim.Observer); ok {
				s.Observe(3/(1+float64(0.2*float64(min(step, 20)))) + float64(step*17%11)/64)
			}
		}
	}
}
