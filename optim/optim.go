package optim

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/kernels"
)

// An Optimizer moves weights against their gradients. SGD, Adam and AdamW are
// optimizers; one value serves one Trainer at a time. Their field LR may be
// changed between updates; the others are read by Init.
type Optimizer interface {
	// Init checks the settings and makes the state for params, all zero. Each has
	// a gradient as long as its values, and each memory comes once, with the sum
	// of its gradients: one in two params would be moved twice. Chain and
	// NewTrainer see to that.
	Init(params []nn.Param) error

	// Update takes one step. rate, the value of the plan's Schedule, multiplies
	// the learning rate. On an error, which is a *RateError if the product is no
	// rate to train at, weights and state are as before.
	Update(rate float64) error

	// LearningRate is the rate that Update multiplies.
	LearningRate() float64

	// State returns the memory of the state, which Init makes anew, and SetState
	// copies such a state in. It refuses one of another kind or shape, and numbers that no updates
	// with finite results lead to: a step count that is not whole, a moment that
	// is not finite, a second moment that is negative. Nothing is changed on an
	// error.
	State() State
	SetState(s State) error
}

// An State is all that an optimizer carries from step to step.
type State struct {
	Kind    string      // "sgd", "adam-root", "adamw-root"
	Numbers []float64   // step count, running products of beta
	Tensors [][]float32 // one for each parameter and moment, moment after moment; of the second moment the root
}

// set copies from into s where kinds and shapes agree.
func (s State) Set(from State) error {
	if from.Kind != s.Kind {
		return fmt.Errorf("optim: the optimizer state is one of %q, the optimizer is %q", from.Kind, s.Kind)
	}
	if len(from.Numbers) != len(s.Numbers) || len(from.Tensors) != len(s.Tensors) {
		return fmt.Errorf("optim: an optimizer state of %d numbers and %d tensors, want %d and %d", len(from.Numbers), len(from.Tensors), len(s.Numbers), len(s.Tensors))
	}
	for i := range s.Tensors {
		if len(from.Tensors[i]) != len(s.Tensors[i]) {
			return fmt.Errorf("optim: tensor %d of the optimizer state has %d elements, want %d", i, len(from.Tensors[i]), len(s.Tensors[i]))
		}
	}
	if err := cmp.Or(from.checkNumbers(), from.checkTensors()); err != nil {
		return err
	}
	s.Put(from)
	return nil
}

// put copies from, which has the shapes of s, into the memory of s.
func (s State) Put(from State) {
	copy(s.Numbers, from.Numbers)
	for i := range s.Tensors {
		copy(s.Tensors[i], from.Tensors[i])
	}
}

// same says whether s and o are the same memory.
func (s State) Same(o State) bool {
	if len(s.Numbers) != len(o.Numbers) || len(s.Tensors) != len(o.Tensors) {
		return false
	}
	if len(s.Numbers) > 0 && &s.Numbers[0] != &o.Numbers[0] {
		return false
	}
	for i, t := range s.Tensors {
		if !kernels.Same(t, o.Tensors[i]) && len(t)+len(o.Tensors[i]) > 0 {
			return false
		}
	}
	return true
}

// clone returns a copy of s in memory of its own.
func (s State) Clone() State {
	c := State{Kind: s.Kind, Numbers: slices.Clone(s.Numbers)}
	for _, t := range s.Tensors {
		c.Tensors = append(c.Tensors, slices.Clone(t))
	}
	return c
}

// lengths returns the number of elements of each of params.
func lengths(params []nn.Param) []int {
	n := make([]int, len(params))
	for i := range params {
		n[i] = len(params[i].W)
	}
	return n
}

// like returns zero tensors of the shapes of params.
func like(params []nn.Param) [][]float32 {
	s := make([][]float32, len(params))
	for i := range params {
		s[i] = make([]float32, len(params[i].W))
	}
	return s
}

// SGD is gradient descent. With e = g + WeightDecay*w:
//
//	plain      w -= LR*e
//	Momentum   v = Momentum*v + (1-Dampening)*e   w -= LR*v
//	Nesterov   v = Momentum*v + e                 w -= LR*(Momentum*v + e)
//
// The first step sets v to e: as in PyTorch, Dampening begins with the second.
//
// A weight decay of 0 leaves the weight out of e, so that an infinite weight stays.
// Settings count as float32. LR must be a normal one, 2^-126 (1.2e-38) or more; what is
// smaller counts as 0 in the other settings, and so does a product of LR and the
// schedule's rate, which then is no step. SGD and Adam store +0 for weights and moments below 2^-100: what decays ends there.
type SGD struct {
	LR          float64
	Momentum    float64
	Dampening   float64
	Nesterov    bool
	WeightDecay float64

	params          []nn.Param
	isa             kernels.ISA
	pieces          crew.Pieces
	v               [][]float32 // nil: no momentum
	step            []float64
	nesterov        bool
	lr              float32
	mu, damp, decay float32
}

// Init implements Optimizer.
func (o *SGD) Init(params []nn.Param) error {
	err := cmp.Or(
		positive("SGD", "learning rate", o.LR),
		normal("SGD", "learning rate", o.LR),
		fraction("SGD", "momentum", o.Momentum),
		fraction("SGD", "dampening", o.Dampening),
		decay("SGD", o.WeightDecay),
		nn.CheckParams(params),
	)
	if err != nil {
		return err
	}
	if o.Nesterov && (o.Momentum == 0 || o.Dampening != 0) {
		return fmt.Errorf("optim: SGD in Nesterov's form with momentum %v and dampening %v, want a momentum and no dampening", o.Momentum, o.Dampening)
	}
	o.v, o.step = nil, []float64{0}
	if o.Momentum > 0 {
		o.v = like(params)
	}
	o.nesterov = o.Nesterov
	o.mu, o.damp, o.decay = factor(o.Momentum), float32(1-o.Dampening), factor(o.WeightDecay)
	o.params, o.isa = params, kernels.Current()
	o.pieces.Init(o.isa, lengths(params), o.update)
	return nil
}

func (o *SGD) update(i, lo, hi int) {
	w, g := o.params[i].W[lo:hi], o.params[i].G[lo:hi]
	switch {
	case o.v == nil:
		o.isa.SGD(w, g, o.lr, o.decay)
	case o.nesterov:
		o.isa.SGDNesterov(w, g, o.v[i][lo:hi], o.lr, o.mu, o.decay)
	default:
		damp := o.damp
		if o.step[0] == 1 {
			damp = 1
		}
		o.isa.SGDMomentum(w, g, o.v[i][lo:hi], o.lr, o.mu, damp, o.decay)
	}
}

// Update implements Optimizer.
func (o *SGD) Update(rate float64) error {
	lr := float64(o.LR * rate)
	if !usable(rate, lr, float32(lr)) {
		return &RateError{Step: int64(o.step[0]) + 1, LR: o.LR, Factor: rate}
	}
	o.step[0]++
	o.lr = factor(lr)
	o.pieces.Run()
	return nil
}

// LearningRate implements Optimizer.
func (o *SGD) LearningRate() float64 { return o.LR }

// SetWorkers sets on how many workers Update may be split; 0: automatic. It
// panics if n is negative.
func (o *SGD) SetWorkers(n int) { o.pieces.Set(n) }

// State implements Optimizer.
func (o *SGD) State() State {
	return State{Kind: "sgd", Numbers: o.step, Tensors: o.v}
}

// SetState implements Optimizer.
func (o *SGD) SetState(s State) error { return o.State().Set(s) }

// Adam is the method of Kingma and Ba (2015):
//
//	e = g + WeightDecay*w   m = Beta1*m + (1-Beta1)*e   v = Beta2*v + (1-Beta2)*e^2
//	w -= LR/(1-Beta1^t) * m / (sqrt(v)/sqrt(1-Beta2^t) + Eps)
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

	adam
}

// adam is what Adam and AdamW share.
type adam struct {
	params             []nn.Param
	isa                kernels.ISA
	pieces             crew.Pieces
	numbers            []float64 // step, Beta1^step, Beta2^step
	moments            [][]float32
	beta1, beta2       float64
	step, rbc2, eps    float32
	decay              float64
	decoupled          bool
	l2, keep           float32
	b1, omb1, b2, omb2 float32
}

func (o *adam) init(params []nn.Param, name string, lr, beta1, beta2, eps, weightDecay float64) error {
	if beta1 == 0 {
		beta1 = 0.9
	}
	if beta2 == 0 {
		beta2 = 0.999
	}
	if eps == 0 {
		eps = 1e-8
	}
	err := cmp.Or(
		positive(name, "learning rate", lr),
		normal(name, "learning rate", lr),
		fraction(name, "Beta1", beta1),
		fraction(name, "Beta2", beta2),
		positive(name, "epsilon", eps),
		normal(name, "epsilon", eps),
		decay(name, weightDecay),
		nn.CheckParams(params),
	)
	if err != nil {
		return err
	}
	if step, keep := float32(lr/(1-beta1)), float32(1-float64(lr*weightDecay)); !finite(step) || o.decoupled && !finite(keep) {
		return fmt.Errorf("optim: %s with learning rate %v, Beta1 %v and weight decay %v, whose first step is infinite in float32", name, lr, beta1, weightDecay)
	}
	o.beta1, o.beta2, o.decay = beta1, beta2, weightDecay
	o.b1, o.omb1 = factor(beta1), float32(1-beta1)
	o.b2, o.omb2 = factor(beta2), float32(1-beta2)
	o.eps = float32(eps)
	o.numbers = []float64{0, 1, 1}
	o.moments = append(like(params), like(params)...)
	o.params, o.isa = params, kernels.Current()
	o.pieces.Init(o.isa, lengths(params), o.update)
	return nil
}

func (o *adam) update(i, lo, hi int) {
	p := o.params[i]
	m, r := o.moments[i][lo:hi], o.moments[len(o.params)+i][lo:hi]
	o.isa.Adam(p.W[lo:hi], p.G[lo:hi], m, r, o.b1, o.omb1, o.b2, o.omb2, o.step, o.rbc2, o.eps, o.l2, o.keep)
}

// advance moves the weights at rate times the learning rate lr.
func (o *adam) advance(lr, rate float64) error {
	at := float64(lr * rate)
	beta1t, beta2t := float64(o.numbers[1]*o.beta1), float64(o.numbers[2]*o.beta2)
	step := factor(at / (1 - beta1t))
	l2, keep := factor(o.decay), float32(1)
	if o.decoupled {
		l2, keep = 0, float32(1-float64(at*o.decay))
	}
	if !usable(rate, at, step, keep) {
		return &RateError{Step: int64(o.numbers[0]) + 1, LR: lr, Factor: rate}
	}
	o.numbers[0]++
	o.numbers[1], o.numbers[2] = beta1t, beta2t
	o.step, o.l2, o.keep = step, l2, keep
	o.rbc2 = float32(math.Sqrt(1 - beta2t))
	o.pieces.Run()
	return nil
}

// SetWorkers sets on how many workers Update may be split; 0: automatic. It
// panics if n is negative.
func (o *adam) SetWorkers(n int) { o.pieces.Set(n) }

// Init implements Optimizer.
func (o *Adam) Init(params []nn.Param) error {
	o.decoupled = false
	return o.init(params, "Adam", o.LR, o.Beta1, o.Beta2, o.Eps, o.WeightDecay)
}

// Update implements Optimizer.
func (o *Adam) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *Adam) LearningRate() float64 { return o.LR }

// State implements Optimizer.
func (o *Adam) State() State {
	return State{Kind: adamKind, Numbers: o.numbers, Tensors: o.moments}
}

// SetState implements Optimizer. It also takes a state of the kind "adam", as State
// returned it before it kept roots: these are then the roots of its second moments,
// and the run continues, but not to the bit.
func (o *Adam) SetState(s State) error { return o.State().Set(s.Rooted()) }

// Init implements Optimizer.
func (o *AdamW) Init(params []nn.Param) error {
	o.decoupled = true
	return o.init(params, "AdamW", o.LR, o.Beta1, o.Beta2, o.Eps, o.WeightDecay)
}

// Update implements Optimizer.
func (o *AdamW) Update(rate float64) error { return o.advance(o.LR, rate) }

// LearningRate implements Optimizer.
func (o *AdamW) LearningRate() float64 { return o.LR }

// State implements Optimizer.
func (o *AdamW) State() State {
	return State{Kind: adamWKind, Numbers: o.numbers, Tensors: o.moments}
}

// SetState implements Optimizer. It takes a state of the kind "adamw" as Adam takes
// one of the kind "adam".
func (o *AdamW) SetState(s State) error { return o.State().Set(s.Rooted()) }

// positive, normal, fraction and decay refuse a setting of an optimizer by name. The
// kernels take settings as float32, so that is what has to be in range.
func positive(optimizer, what string, v float64) error {
	if f := float32(v); f > 0 && finite(f) {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, want more than 0 and finite%s", optimizer, what, v, inFloat32(v > 0 && !math.IsInf(v, 1)))
}

// factor is a setting as the kernels take it. A denormal number, which is slow in every
// operation that it enters, counts as 0, as a smaller one does that float32 cannot hold.
func factor(v float64) float32 {
	f := float32(v)
	if math.Abs(float64(f)) < 0x1p-126 {
		return 0
	}
	return f
}

// normal refuses a denormal number, for a setting that must not count as 0.
func normal(optimizer, what string, v float64) error {
	if float32(v) >= 0x1p-126 {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, a denormal number as a float32, want 2^-126 (1.2e-38) or more", optimizer, what, v)
}

func fraction(optimizer, what string, v float64) error {
	if v >= 0 && float32(v) < 1 {
		return nil
	}
	return fmt.Errorf("optim: %s with %s %v, want 0 or more and below 1%s", optimizer, what, v, inFloat32(v >= 0 && v < 1))
}

func decay(optimizer string, v float64) error {
	if v >= 0 && finite(float32(v)) {
		return nil
	}
	return fmt.Errorf("optim: %s with weight decay %v, want 0 or more and finite%s", optimizer, v, inFloat32(v >= 0 && !math.IsInf(v, 1)))
}

// inFloat32 is the end of the message about a setting that is out of range. It names
// float32 if the setting is in range as a float64, and only out of it as a float32.
func inFloat32(inRange bool) string {
	if inRange {
		return ", in float32 too"
	}
	return ""
}

// A RateError says that an update was not made because its learning rate is
// negative, is no number, or leads to a step that float32 cannot hold. The weights
// and the state of the optimizer are those before it.
type RateError struct {
	Step   int64   // the update that was not made, counted from 1
	LR     float64 // the learning rate of the optimizer
	Factor float64 // the schedule's, which multiplies it
}

func (e *RateError) Error() string {
	return fmt.Sprintf("optim: step %d: the learning rate %v times the schedule's %v, want a number that is 0 or more and whose step is finite in float32; the weights are those before the step",
		e.Step, e.LR, e.Factor)
}

// CheckRate returns a *RateError if update step cannot be made at this value of a
// schedule: if it, or its product with the learning rate lr, is negative, infinite or NaN.
func CheckRate(step int64, lr, factor float64) error {
	if !usable(factor, float64(lr*factor)) {
		return &RateError{Step: step, LR: lr, Factor: factor}
	}
	return nil
}

// usable says whether a step can be taken at this value of a schedule, at the
// learning rate that comes of it, with these factors for the kernel.
func usable(factor, rate float64, factors ...float32) bool {
	ok := factor >= 0 && rate >= 0 && !math.IsInf(rate, 1)
	for _, f := range factors {
		ok = ok && finite(f)
	}
	return ok
}

func finite(v float32) bool { return math.Abs(float64(v)) <= math.MaxFloat32 }
