package optim

import (
	"cmp"
	"math"

	"github.com/simdrnn/simdrnn/nn"
)

// Adagrad divides by the root of the sum of squares (Duchi, Hazan and Singer 2011). With
// t steps taken before:
//
//	e = g + WeightDecay*w   v = v + e^2   w -= LR/(1 + LRDecay*t) * e / (sqrt(v) + Eps)
//
// v is Initial before the first step. Eps is 1e-10 where it is 0. Where Decoupled is set,
// w is multiplied by 1 - LR/(1 + LRDecay*t)*WeightDecay in the step, and e is g alone.
// What SGD says about settings holds here too. The state has sqrt(v) in place of v, as
// that of Adam.
type Adagrad struct {
	LR          float64
	LRDecay     float64
	Initial     float64
	Eps         float64
	WeightDecay float64
	Decoupled   bool

	descent
	eps float32
}

// check returns the error of Init.
func (o *Adagrad) check(params []nn.Param) error {
	eps := cmp.Or(o.Eps, 1e-10)
	return cmp.Or(
		positive("Adagrad", "learning rate", o.LR),
		normal("Adagrad", "learning rate", o.LR),
		atLeast0("Adagrad", "LRDecay", o.LRDecay),
		atLeast0("Adagrad", "Initial", o.Initial),
		positive("Adagrad", "epsilon", eps),
		normal("Adagrad", "epsilon", eps),
		decay("Adagrad", o.WeightDecay),
		firstDecay("Adagrad", o.LR, o.WeightDecay, o.Decoupled),
		nn.CheckParams(params),
	)
}

// Init implements Optimizer.
func (o *Adagrad) Init(params []nn.Param) error {
	if err := o.check(params); err != nil {
		return err
	}
	o.eps, o.slow = float32(cmp.Or(o.Eps, 1e-10)), o.LRDecay
	o.decay, o.decoupled = o.WeightDecay, o.Decoupled
	o.begin(adagradKind, params, 1, []float64{0}, o.update)
	if first := factor(math.Sqrt(o.Initial)); first > 0 {
		for _, r := range o.tensors {
			o.isa.Affine(r, r, 0, first)
		}
	}
	return nil
}

func (o *Adagrad) update(i, lo, hi int) {
	w, g := o.piece(i, lo, hi)
	o.isa.RMSProp(w, g, o.moment(0, i, lo, hi), 1, 1, o.lr, o.eps, o.l2, o.keep)
}

func (o *Adagrad) ready(rate float64) error { return o.prepare(o.LR, rate) }

// Update implements Optimizer.
func (o *Adagrad) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *Adagrad) LearningRate() float64 { return o.LR }
