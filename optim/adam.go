package optim

import (
	"cmp"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/nn"
)

// Adam is the method of Kingma and Ba (2015):
//
//	e = g + WeightDecay*w   m = Beta1*m + (1-Beta1)*e   v = Beta2*v + (1-Beta2)*e^2
//	w -= LR/(1-Beta1^t) * m / (sqrt(v)/sqrt(1-Beta2^t) + Eps)
//
// With AMSGrad the largest v so far stands in place of v in the second line (Reddi, Kale
// and Kumar 2018).
//
// Beta1, Beta2 and Eps are 0.9, 0.999 and 1e-8 where they are 0. For a Beta1 that is
// 0 give 1e-300, which float32 rounds to 0. A beta must be below 1 as a float32 too,
// and LR and Eps normal ones, 2^-126 (1.2e-38) or more; the other settings, and the
// factor of a step, count as 0 below that. The state has the powers of the
// betas, as running products. It has sqrt(v) in place of v: the root has the range of a
// gradient, so that Eps may be small and gradients as large as 2^127.
type Adam struct {
	LR                float64
	Beta1, Beta2, Eps float64
	WeightDecay       float64
	AMSGrad           bool

	adam
}

// AdamW is Adam with the decay decoupled from the gradient (Loshchilov and
// Hutter 2019): w is multiplied by 1 - LR*WeightDecay, and the gradient is not
// touched. WeightDecay 0 is no decay; one above 1/LR makes weights change their
// signs, and is taken as it is.
type AdamW struct {
	LR                float64
	Beta1, Beta2, Eps float64
	WeightDecay       float64
	AMSGrad           bool

	adam
}

// adam is what Adam and AdamW share.
type adam struct {
	core               // numbers: step, Beta1^step, Beta2^step
	beta1, beta2       float64
	step, rbc2, eps    float32
	decay              float64
	decoupled, amsGrad bool
	l2, keep           float32
	b1, omb1, b2, omb2 float32
}

// settings are the fields of Adam and AdamW, with their defaults.
type settings struct {
	name                  string
	lr, beta1, beta2, eps float64
	decay                 float64
	decoupled, amsGrad    bool
}

func (o *Adam) settings() settings {
	return settings{"Adam", o.LR, cmp.Or(o.Beta1, 0.9), cmp.Or(o.Beta2, 0.999), cmp.Or(o.Eps, 1e-8), o.WeightDecay, false, o.AMSGrad}
}

func (o *AdamW) settings() settings {
	return settings{"AdamW", o.LR, cmp.Or(o.Beta1, 0.9), cmp.Or(o.Beta2, 0.999), cmp.Or(o.Eps, 1e-8), o.WeightDecay, true, o.AMSGrad}
}

// check returns the error of Init.
func (s settings) check(params []nn.Param) error {
	err := cmp.Or(
		positive(s.name, "learning rate", s.lr),
		normal(s.name, "learning rate", s.lr),
		fraction(s.name, "Beta1", s.beta1),
		fraction(s.name, "Beta2", s.beta2),
		positive(s.name, "epsilon", s.eps),
		normal(s.name, "epsilon", s.eps),
		decay(s.name, s.decay),
		nn.CheckParams(params),
	)
	if err != nil {
		return err
	}
	if _, keep := decays(s.lr, s.decay, s.decoupled); !finite(float32(s.lr/(1-s.beta1))) || !finite(keep) {
		return fmt.Errorf("optim: %s with learning rate %v, Beta1 %v and weight decay %v, whose first step is infinite in float32", s.name, s.lr, s.beta1, s.decay)
	}
	return nil
}

func (o *adam) init(params []nn.Param, s settings) error {
	if err := s.check(params); err != nil {
		return err
	}
	o.beta1, o.beta2, o.decay = s.beta1, s.beta2, s.decay
	o.b1, o.omb1 = factor(s.beta1), float32(1-s.beta1)
	o.b2, o.omb2 = factor(s.beta2), float32(1-s.beta2)
	o.eps, o.decoupled, o.amsGrad = float32(s.eps), s.decoupled, s.amsGrad
	kind := adamKind
	switch {
	case s.decoupled && s.amsGrad:
		kind = amsGradWKind
	case s.decoupled:
		kind = adamWKind
	case s.amsGrad:
		kind = amsGradKind
	}
	o.begin(kind, params, len(layouts[kind]), []float64{0, 1, 1}, o.update)
	return nil
}

func (o *adam) update(i, lo, hi int) {
	w, g := o.piece(i, lo, hi)
	m, r := o.moment(0, i, lo, hi), o.moment(1, i, lo, hi)
	if o.amsGrad {
		o.isa.AMSGrad(w, g, m, r, o.moment(2, i, lo, hi), o.b1, o.omb1, o.b2, o.omb2, o.step, o.rbc2, o.eps, o.l2, o.keep)
		return
	}
	o.isa.Adam(w, g, m, r, o.b1, o.omb1, o.b2, o.omb2, o.step, o.rbc2, o.eps, o.l2, o.keep)
}

// powers are those of the betas after the next step.
func (o *adam) powers() (beta1t, beta2t float64) {
	return float64(o.numbers[1] * o.beta1), float64(o.numbers[2] * o.beta2)
}

// prepare sets what a step at rate times the learning rate lr is taken with. On an error
// it sets nothing.
func (o *adam) prepare(lr, rate float64) error {
	at := float64(lr * rate)
	beta1t, beta2t := o.powers()
	step := factor(at / (1 - beta1t))
	l2, keep := decays(at, o.decay, o.decoupled)
	if !usable(rate, at, step, keep) {
		return &RateError{Step: o.steps() + 1, LR: lr, Factor: rate}
	}
	o.step, o.l2, o.keep = step, l2, keep
	o.rbc2 = float32(math.Sqrt(1 - beta2t))
	return nil
}

// advance moves the weights at rate times the learning rate lr.
func (o *adam) advance(lr, rate float64) error {
	if err := o.prepare(lr, rate); err != nil {
		return err
	}
	o.numbers[1], o.numbers[2] = o.powers()
	o.numbers[0]++
	o.pieces.Run()
	return nil
}

// Init implements Optimizer.
func (o *Adam) Init(params []nn.Param) error { return o.init(params, o.settings()) }

func (o *Adam) check(params []nn.Param) error { return o.settings().check(params) }

func (o *Adam) ready(rate float64) error { return o.prepare(o.LR, rate) }

// Update implements Optimizer.
func (o *Adam) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *Adam) LearningRate() float64 { return o.LR }

// Init implements Optimizer.
func (o *AdamW) Init(params []nn.Param) error { return o.init(params, o.settings()) }

func (o *AdamW) check(params []nn.Param) error { return o.settings().check(params) }

func (o *AdamW) ready(rate float64) error { return o.prepare(o.LR, rate) }

// Update implements Optimizer.
func (o *AdamW) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *AdamW) LearningRate() float64 { return o.LR }
