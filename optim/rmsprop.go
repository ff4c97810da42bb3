package optim

import (
	"cmp"
	"fmt"

	"github.com/simdrnn/simdrnn/nn"
)

// RMSProp divides by the root of a running mean of squares (Hinton 2012):
//
//	e = g + WeightDecay*w   v = Alpha*v + (1-Alpha)*e^2   d = e / (sqrt(v) + Eps)
//	plain      w -= LR*d
//	Momentum   b = Momentum*b + d   w -= LR*b
//
// Centred, v is the variance of the gradients, v - m^2 with m their running mean (Graves
// 2013). It has a recurrence of its own here, so that it never is a difference of two
// large squares. Where gradients hardly vary, Eps is all that limits a step; Graves took
// 1e-4.
//
// Where Decoupled is set, w is multiplied by 1 - LR*WeightDecay in the step, and e is g
// alone. Alpha and Eps are 0.99 and 1e-8 where they are 0. What SGD says about settings
// holds here too. The state has sqrt(v) in place of v, as that of Adam.
type RMSProp struct {
	LR          float64
	Alpha, Eps  float64
	Momentum    float64
	Centred     bool
	WeightDecay float64
	Decoupled   bool

	descent
	centred, momentum        bool
	alpha, oma, omv, eps, mu float32
}

// filled returns Alpha and Eps with their defaults.
func (o *RMSProp) filled() (alpha, eps float64) {
	return cmp.Or(o.Alpha, 0.99), cmp.Or(o.Eps, 1e-8)
}

// check returns the error of Init.
func (o *RMSProp) check(params []nn.Param) error {
	alpha, eps := o.filled()
	err := cmp.Or(
		positive("RMSProp", "learning rate", o.LR),
		normal("RMSProp", "learning rate", o.LR),
		fraction("RMSProp", "Alpha", alpha),
		positive("RMSProp", "epsilon", eps),
		normal("RMSProp", "epsilon", eps),
		fraction("RMSProp", "momentum", o.Momentum),
		decay("RMSProp", o.WeightDecay),
		firstDecay("RMSProp", o.LR, o.WeightDecay, o.Decoupled),
		nn.CheckParams(params),
	)
	if err == nil && o.Centred && factor(alpha) == 0 {
		err = fmt.Errorf("optim: centred RMSProp with Alpha %v, which is 0 in float32: a single gradient has no variance to divide by", alpha)
	}
	return err
}

// Init implements Optimizer.
func (o *RMSProp) Init(params []nn.Param) error {
	if err := o.check(params); err != nil {
		return err
	}
	alpha, eps := o.filled()
	o.alpha, o.oma, o.omv = factor(alpha), float32(1-alpha), factor(float64(alpha*(1-alpha)))
	o.eps, o.mu, o.momentum, o.centred = float32(eps), factor(o.Momentum), o.Momentum > 0, o.Centred
	o.decay, o.decoupled = o.WeightDecay, o.Decoupled
	kind := rmsPropKind
	if o.centred {
		kind += "-centred"
	}
	if o.momentum {
		kind += "-momentum"
	}
	o.begin(kind, params, len(layouts[kind]), []float64{0}, o.update)
	return nil
}

func (o *RMSProp) update(i, lo, hi int) {
	w, g := o.piece(i, lo, hi)
	r := o.moment(0, i, lo, hi)
	switch {
	case o.centred && o.momentum:
		o.isa.RMSPropCentredMomentum(w, g, r, o.moment(1, i, lo, hi), o.moment(2, i, lo, hi), o.alpha, o.oma, o.omv, o.lr, o.eps, o.mu, o.l2, o.keep)
	case o.centred:
		o.isa.RMSPropCentred(w, g, r, o.moment(1, i, lo, hi), o.alpha, o.oma, o.omv, o.lr, o.eps, o.l2, o.keep)
	case o.momentum:
		o.isa.RMSPropMomentum(w, g, r, o.moment(1, i, lo, hi), o.alpha, o.oma, o.lr, o.eps, o.mu, o.l2, o.keep)
	default:
		o.isa.RMSProp(w, g, r, o.alpha, o.oma, o.lr, o.eps, o.l2, o.keep)
	}
}

func (o *RMSProp) ready(rate float64) error { return o.prepare(o.LR, rate) }

// Update implements Optimizer.
func (o *RMSProp) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *RMSProp) LearningRate() float64 { return o.LR }
