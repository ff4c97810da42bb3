package optim

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/kernels"
)

// ASGD is gradient descent that keeps an average of the weights (Polyak and Juditsky
// 1992), in the form that PyTorch has from Bottou. With t steps taken before:
//
//	eta = LR / (1 + Lambda*LR*t)^Alpha   e = g + WeightDecay*w
//	w = (1 - Lambda*eta)*w - eta*e       a = the mean of w
//
// Training goes on with w; Average puts the means into the net for a while. Lambda is a
// decoupled decay that also lowers the rate, and 0 is neither; PyTorch's is 1e-4. Alpha is
// 0.75 where it is 0, and needs a Lambda. What SGD says about settings holds here too.
//
// After t steps the mean is over the last t-1-T0 of them, or the weight itself where that
// is less than 2. T0 may be changed between updates, as LR may: a large one is lowered to
// the current step where averaging is to begin, for example when the validation loss has
// stopped falling (Merity, Keskar and Socher 2018). PyTorch's is 1e6; here 0 is 0.
type ASGD struct {
	LR          float64
	Lambda      float64
	Alpha       float64
	T0          int64
	WeightDecay float64

	core                 // numbers: step, weights in the average, 1 inside Average
	lambda, alpha, decay float64
	eta, l2, keep        float32
	mu, omm              float32
}

// check returns the error of Init.
func (o *ASGD) check(params []nn.Param) error {
	if o.T0 < 0 {
		return fmt.Errorf("optim: ASGD with T0 %d, want 0 or more", o.T0)
	}
	if o.Lambda == 0 && o.Alpha != 0 {
		return fmt.Errorf("optim: ASGD with Alpha %v and Lambda 0, which leaves the rate as it is whatever Alpha says; set Lambda, or leave Alpha out", o.Alpha)
	}
	return cmp.Or(
		positive("ASGD", "learning rate", o.LR),
		normal("ASGD", "learning rate", o.LR),
		atLeast0("ASGD", "Lambda", o.Lambda),
		atLeast0("ASGD", "Alpha", o.Alpha),
		decay("ASGD", o.WeightDecay),
		firstDecay("ASGD", o.LR, o.Lambda, true),
		nn.CheckParams(params),
	)
}

// Init implements Optimizer.
func (o *ASGD) Init(params []nn.Param) error {
	if err := o.check(params); err != nil {
		return err
	}
	o.lambda, o.alpha, o.decay = o.Lambda, cmp.Or(o.Alpha, 0.75), o.WeightDecay
	o.begin(asgdKind, params, 1, []float64{0, 0, 0}, o.update)
	return nil
}

// settled returns an error inside Average.
func (o *ASGD) settled() error {
	if o.numbers != nil && o.numbers[2] != 0 {
		return errors.New("optim: inside ASGD.Average, where averages stand in place of the weights, there is no update, no SetState and no Average; return from its function first")
	}
	return nil
}

func (o *ASGD) update(i, lo, hi int) {
	w, g := o.piece(i, lo, hi)
	o.isa.ASGD(w, g, o.moment(0, i, lo, hi), o.eta, o.l2, o.keep, o.mu, o.omm)
}

// ready sets what a step at this rate is taken with. On an error it sets nothing.
func (o *ASGD) ready(rate float64) error {
	if err := o.settled(); err != nil {
		return err
	}
	at := float64(o.LR * rate)
	eta := at
	if slow := 1 + float64(float64(o.lambda*at)*o.numbers[0]); slow > 1 {
		eta = at / kernels.Pow(slow, o.alpha)
	}
	_, keep := decays(eta, o.lambda, true)
	if !usable(rate, eta, float32(eta), keep) {
		return &RateError{Step: o.steps() + 1, LR: o.LR, Factor: rate}
	}
	o.eta, o.l2, o.keep = factor(eta), factor(o.decay), keep
	return nil
}

// Update implements Optimizer.
func (o *ASGD) Update(rate float64) error {
	if err := o.ready(rate); err != nil {
		return err
	}
	if o.steps()-o.T0 > 1 {
		o.numbers[1]++
	} else {
		o.numbers[1] = 1
	}
	// The two add up to 1, so that the mean of equal weights is that weight.
	o.omm = float32(1 - 1/o.numbers[1])
	o.mu = 1 - o.omm
	o.numbers[0]++
	o.pieces.Run()
	return nil
}

// LearningRate implements Optimizer.
func (o *ASGD) LearningRate() float64 { return o.LR }

// Average puts the averages in place of the weights, calls f and exchanges them back, also
// where f returns an error or panics. Before the first step there are no averages, and f
// sees the weights. f may evaluate the net or save it; a Predictor that is to live longer
// is made in f. In f an update is an error, and so is SetState: a checkpoint that is saved
// in f has averages for parameters, which a net can take but no training can go on from.
// Average allocates.
func (o *ASGD) Average(f func() error) error {
	if o.numbers == nil {
		return errors.New("optim: ASGD.Average before Init")
	}
	if err := o.settled(); err != nil {
		return err
	}
	if o.numbers[0] == 0 {
		return f()
	}
	params, averages, numbers := o.params, o.tensors, o.numbers
	exchange := func(swapped float64) {
		buffer := make([]float32, 1<<12)
		for i, p := range params {
			for lo := 0; lo < len(p.W); lo += len(buffer) {
				w, a := p.W[lo:min(lo+len(buffer), len(p.W))], averages[i][lo:]
				n := copy(buffer, w)
				copy(w, a)
				copy(a, buffer[:n])
			}
		}
		numbers[2] = swapped
	}
	exchange(1)
	defer exchange(0)
	return f()
}

// SetState implements Optimizer.
func (o *ASGD) SetState(s State) error {
	if err := o.settled(); err != nil {
		return err
	}
	return o.core.SetState(s)
}
