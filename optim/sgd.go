package optim

import (
	"cmp"
	"fmt"

	"github.com/simdrnn/simdrnn/nn"
)

// SGD is gradient descent. With e = g + WeightDecay*w:
//
//	plain      w -= LR*e
//	Momentum   v = Momentum*v + (1-Dampening)*e   w -= LR*v
//	Nesterov   v = Momentum*v + e                 w -= LR*(Momentum*v + e)
//
// The first step sets v to e: as in PyTorch, Dampening begins with the second.
// Dampening needs a Momentum.
//
// Where Decoupled is set, w is multiplied by 1 - LR*WeightDecay before the step, and e is
// g alone (Loshchilov and Hutter 2019); without a momentum that is the same up to rounding.
// It may stay set where WeightDecay is 0, here and in other optimizers: no decay has no form.
//
// A weight decay of 0 leaves the weight out of e, so that an infinite weight stays.
// Settings count as float32. LR must be a normal one, 2^-126 (1.2e-38) or more; what is
// smaller counts as 0 in the other settings, and so does a product of LR and the
// schedule's rate, which then is no step. All optimizers store +0 for weights and moments
// below 2^-100, for roots of second moments below 2^-112: what decays ends there.
type SGD struct {
	LR          float64
	Momentum    float64
	Dampening   float64
	Nesterov    bool
	WeightDecay float64
	Decoupled   bool

	descent
	momentum, nesterov bool
	mu, damp           float32
}

// check returns the error of Init.
func (o *SGD) check(params []nn.Param) error {
	if o.Nesterov && (o.Momentum == 0 || o.Dampening != 0) {
		return fmt.Errorf("optim: SGD in Nesterov's form with momentum %v and dampening %v, want a momentum and no dampening", o.Momentum, o.Dampening)
	}
	if o.Momentum == 0 && o.Dampening != 0 {
		return fmt.Errorf("optim: SGD with dampening %v and no momentum, which is what it dampens; set Momentum, or leave Dampening out", o.Dampening)
	}
	return cmp.Or(
		positive("SGD", "learning rate", o.LR),
		normal("SGD", "learning rate", o.LR),
		fraction("SGD", "momentum", o.Momentum),
		fraction("SGD", "dampening", o.Dampening),
		decay("SGD", o.WeightDecay),
		firstDecay("SGD", o.LR, o.WeightDecay, o.Decoupled),
		nn.CheckParams(params),
	)
}

// Init implements Optimizer.
func (o *SGD) Init(params []nn.Param) error {
	if err := o.check(params); err != nil {
		return err
	}
	o.momentum, o.nesterov = o.Momentum > 0, o.Nesterov
	o.mu, o.damp = factor(o.Momentum), float32(1-o.Dampening)
	o.decay, o.decoupled = o.WeightDecay, o.Decoupled
	tensors := 0
	if o.momentum {
		tensors = 1
	}
	o.begin(sgdKind, params, tensors, []float64{0}, o.update)
	return nil
}

func (o *SGD) update(i, lo, hi int) {
	w, g := o.piece(i, lo, hi)
	if o.keep != 1 {
		o.isa.ScaleFlush(w, w, o.keep)
	}
	switch {
	case !o.momentum:
		o.isa.SGD(w, g, o.lr, o.l2)
	case o.nesterov:
		o.isa.SGDNesterov(w, g, o.moment(0, i, lo, hi), o.lr, o.mu, o.l2)
	default:
		damp := o.damp
		if o.steps() == 1 {
			damp = 1
		}
		o.isa.SGDMomentum(w, g, o.moment(0, i, lo, hi), o.lr, o.mu, damp, o.l2)
	}
}

func (o *SGD) ready(rate float64) error { return o.prepare(o.LR, rate) }

// Update implements Optimizer.
func (o *SGD) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *SGD) LearningRate() float64 { return o.LR }
