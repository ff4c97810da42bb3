package optim

import (
	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// An Optimizer moves weights against their gradients. SGD, Adam, AdamW, RMSProp, Adagrad
// and ASGD are optimizers, and Groups is one that is made of others; one value serves one
// Trainer at a time. Their field LR may be changed between updates; the others are read
// by Init, but for those that say otherwise.
type Optimizer interface {
	// Init checks the settings and makes the state for params, as it is before the first
	// step. Each has a gradient as long as its values, and each memory comes once, with
	// the sum of its gradients: one in two params would be moved twice. Chain and
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

// A Freezer is an Optimizer that may leave parameters as they are. A Trainer asks it before
// each update. A parameter that the update leaves as it is has no gradient for it, as in
// PyTorch: what stands in its memory counts in no norm, is not clipped, and may be NaN.
type Freezer interface {
	// Frozen says whether the next update leaves the parameter of that name, one of those
	// of Init, as it is.
	Frozen(name string) bool
}

// core is what the optimizers of this package have in common: parameters, state, and the
// pieces that workers share.
type core struct {
	kind    string
	params  []nn.Param
	isa     kernels.ISA
	pieces  crew.Pieces
	numbers []float64
	tensors [][]float32
}

// begin makes a state of that kind with a number of tensors for each parameter, all zero.
// update moves elements lo to hi of parameter i.
func (c *core) begin(kind string, params []nn.Param, tensors int, numbers []float64, update func(i, lo, hi int)) {
	c.kind, c.params, c.isa = kind, params, kernels.Current()
	c.numbers, c.tensors = numbers, nil
	for range tensors {
		for i := range params {
			c.tensors = append(c.tensors, pages.Floats(len(params[i].W)))
		}
	}
	lengths := make([]int, len(params))
	for i := range params {
		lengths[i] = len(params[i].W)
	}
	c.pieces.Init(c.isa, lengths, update)
}

// descent is what SGD, RMSProp and Adagrad share: a step at their rate, and a decay.
type descent struct {
	core
	decay, slow  float64 // of weights; of the rate, with each step
	decoupled    bool
	lr, l2, keep float32 // of a step
}

// prepare sets what a step at rate times the learning rate lr is taken with. On an error
// it sets nothing.
func (o *descent) prepare(lr, rate float64) error {
	at := float64(lr*rate) / (1 + float64(o.slow*o.numbers[0]))
	l2, keep := decays(at, o.decay, o.decoupled)
	if !usable(rate, at, float32(at), keep) {
		return &RateError{Step: o.steps() + 1, LR: lr, Factor: rate}
	}
	o.lr, o.l2, o.keep = factor(at), l2, keep
	return nil
}

// advance moves the weights at rate times the learning rate lr.
func (o *descent) advance(lr, rate float64) error {
	if err := o.prepare(lr, rate); err != nil {
		return err
	}
	o.numbers[0]++
	o.pieces.Run()
	return nil
}

// piece is elements lo to hi of weight and gradient i.
func (c *core) piece(i, lo, hi int) (w, g []float32) {
	return c.params[i].W[lo:hi], c.params[i].G[lo:hi]
}

// moment is elements lo to hi of tensor k of parameter i.
func (c *core) moment(k, i, lo, hi int) []float32 {
	return c.tensors[k*len(c.params)+i][lo:hi]
}

// steps is how many steps have been taken.
func (c *core) steps() int64 { return int64(c.numbers[0]) }

// adopt moves the numbers of the state to other memory, of the same length.
func (c *core) adopt(numbers []float64) {
	copy(numbers, c.numbers)
	c.numbers = numbers
}

// settled returns an error while the state must not be changed.
func (c *core) settled() error { return nil }

// SetWorkers sets on how many workers Update may be split at most; 0: no such limit. It has as
// many as it is worth, at most GOMAXPROCS and 256. It panics if n is negative.
func (c *core) SetWorkers(n int) { c.pieces.Set(n) }

// State implements Optimizer.
func (c *core) State() State {
	return State{Kind: c.kind, Numbers: c.numbers, Tensors: c.tensors}
}

// SetState implements Optimizer. Adam and AdamW also take a state of the kind "adam" or
// "adamw", as State returned it before they kept roots: these are then the roots of its
// second moments, and the run continues, but not to the bit.
func (c *core) SetState(s State) error { return c.State().Set(s.Rooted()) }
