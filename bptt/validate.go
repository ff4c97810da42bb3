package bptt

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// Validate says how a net is looked at while it is trained. Without Data and Measure it
// is not. A validation changes nothing of the training but what this says: weights,
// carried state, masks and the position of the data are afterwards as before.
//
// NewTrainer refuses fields without Data and Measure, and Patience, RestoreBest or a
// schedule that follows validations in a run whose Steps and Epochs end before the first,
// unless Plan.Checkpoint.Dir lets another run go on with it.
// The result goes to OnValidate, OnEpoch, Log and the schedule, and is in checkpoints.
type Validate struct {
	// Data is what Evaluate is given, with the net that is trained, or with Net if that is
	// set: one over the same weights, as Infer makes it, of other rows or steps. (Of a net
	// with adapters it is one over the weights of the net that was adapted.)
	//
	// With Plan.Shards and several ranks each rank evaluates all of Data. Where Data has
	// the rows of a whole batch of the training, and Net is nil, the ranks share it as
	// they share that, and add up the losses of the shards in ascending order.
	Data data.Source
	Net  nn.Net
	Loss loss.Loss // nil: Plan.Loss

	// Measure, if set, is called in place of Evaluate. It returns the number to compare,
	// of which less is better: an error rate, or an accuracy times -1. It may use the net,
	// whose random masks are off. Of several ranks the number of the first counts.
	Measure func(ctx context.Context) (float64, error)

	// EverySteps and EveryEpochs are after how many updates and passes over the data; 0 is
	// never. With 0 in both it is after every pass.
	EverySteps, EveryEpochs int64

	// Patience, if above 0, ends the training after that many validations in a row that
	// were not better than the best by more than MinDelta. NaN and +Inf are never better, not
	// even than nothing: what a net that has diverged comes to is not the best.
	Patience int
	MinDelta float64

	// RestoreBest keeps a copy of the parameters of the best validation, in memory and in
	// checkpoints, and puts it in the net when Run ends at a limit of the plan or of the
	// patience; not after an interruption or ErrStop. Checkpoints are always of the run as
	// it goes on: their parameters are those of the last update, also when the net has the
	// best ones by then, which Checkpoint.BestParams reads.
	RestoreBest bool

	// OnValidate, if set, is called after every validation. An error ends the training;
	// ErrStop does so without being one for the caller.
	OnValidate func(Validation) error
}

// A Validation is the result of one.
type Validation struct {
	Step, Epoch int64   // updates, and passes over the data, before it
	Loss        float64 // the mean loss, or what Measure returned; NaN or +Inf of a net that has diverged
	Count       int     // terms that it is the mean of; 0 of Measure

	Best     bool    // better than all before by more than MinDelta
	BestLoss float64 // the best so far, this one included; NaN before there is one that is below +Inf
	BestStep int64
	Since    int64 // validations since the best
}

func (v *Validate) on() bool { return v.Data != nil || v.Measure != nil }

func (v *Validate) check() error {
	switch {
	case !v.on() && (v.Net != nil || v.Loss != nil || v.EverySteps != 0 || v.EveryEpochs != 0 || v.Patience != 0 || v.MinDelta != 0 || v.RestoreBest || v.OnValidate != nil):
		return fmt.Errorf("bptt: Plan.Validate without Data; set Data, or Measure")
	case v.Data != nil && v.Measure != nil:
		return fmt.Errorf("bptt: Plan.Validate with Data and Measure, want one of them")
	case v.Measure != nil && (v.Net != nil || v.Loss != nil):
		return fmt.Errorf("bptt: Plan.Validate with Measure, which measures by itself, and with Net or Loss, which are those of Data; leave Net and Loss out")
	case v.Data != nil && nilcheck.IsNil(v.Data):
		return fmt.Errorf("bptt: Plan.Validate.Data is a nil %T", v.Data)
	case v.Net != nil && nilcheck.IsNil(v.Net):
		return fmt.Errorf("bptt: Plan.Validate.Net is a nil %T; leave the field out for the net that is trained", v.Net)
	case v.Loss != nil && nilcheck.IsNil(v.Loss):
		return fmt.Errorf("bptt: Plan.Validate.Loss is a nil %T; leave the field out for Plan.Loss", v.Loss)
	case v.EverySteps < 0 || v.EveryEpochs < 0:
		return fmt.Errorf("bptt: Plan.Validate every %d steps and %d epochs, want 0 or more", v.EverySteps, v.EveryEpochs)
	case v.Patience < 0:
		return fmt.Errorf("bptt: Plan.Validate.Patience is %d, want a number of validations, or 0 for no early stop", v.Patience)
	case !(v.MinDelta >= 0) || math.IsInf(v.MinDelta, 1):
		return fmt.Errorf("bptt: Plan.Validate.MinDelta is %v, want 0 or more and finite", v.MinDelta)
	}
	return nil
}

// checkRows returns an error if the data has other rows than the net, whose rows are those
// given unless there is another net. Without one it may have those of a whole batch too.
func (v *Validate) checkRows(rows, whole int) error {
	if v.Data == nil {
		return nil
	}
	if v.Net == nil && checkRows(v.Data, whole) == nil {
		return nil
	}
	if v.Net != nil {
		_, rows, _, _ = v.Net.Dims()
	}
	if err := checkRows(v.Data, rows); err != nil {
		return fmt.Errorf("bptt: Plan.Validate: %w", err)
	}
	return nil
}

// checkBlocks returns an error if a validation cannot be run with that many rows of outputs
// in memory. net and criterion are those of the training.
func (v *Validate) checkBlocks(net nn.Net, rows int, criterion loss.Loss) error {
	if v.Data == nil || v.Net == nil && v.Loss == nil {
		return nil
	}
	if v.Net != nil {
		net = v.Net
	}
	if v.Loss != nil {
		criterion = v.Loss
	}
	if _, err := newBlocks(net, rows, criterion); err != nil {
		return fmt.Errorf("bptt: Plan.Validate with a Plan.ReadoutRows: %w", err)
	}
	return nil
}

// validated is what the validations of a run have led to.
type validated struct {
	plan *Validate
	due  bool // after the last update, and not done
	best      // of all

	// The best parameters, if they are kept; those of the last update while the best ones
	// are in the net.
	copy     [][]float32
	restored bool
}

// best is the best validation.
type best struct {
	has   bool
	loss  float64
	step  int64
	since int64 // validations since, also where there is no best

	unwritten bool // BestFile is not there yet
}

func (v *validated) init(t *Trainer) {
	v.plan = &t.plan.Validate
	if v.plan.on() && v.plan.EverySteps == 0 && v.plan.EveryEpochs == 0 {
		v.plan.EveryEpochs = 1
	}
	if v.plan.Loss == nil {
		v.plan.Loss = t.plan.Loss
	}
}

func (v *validated) afterStep(t *Trainer) {
	v.due = v.plan.EverySteps > 0 && t.step%v.plan.EverySteps == 0
}

// gaveUp says whether the patience is at its end.
func (v *validated) gaveUp() bool {
	return v.plan.Patience > 0 && v.since >= int64(v.plan.Patience)
}

// validate looks at the net. done is called when the result is there, before anything
// follows from it.
func (t *Trainer) validate(ctx context.Context, done func()) (r Validation, stop bool, err error) {
	v := &t.valid
	value, count, err := t.measured(ctx)
	if value, err = t.ranks.same("a validation", value, err); err != nil {
		if !ended(ctx, err) {
			err = fmt.Errorf("bptt: validation after step %d: %w", t.step, err)
		}
		return r, false, err
	}
	done()
	t.files.changed = true
	r = Validation{Step: t.step, Epoch: t.epoch, Loss: value, Count: count}
	if r.Best = value < math.Inf(1) && (!v.has || v.loss-value > v.plan.MinDelta); r.Best {
		v.best = best{has: true, loss: value, step: t.step, unwritten: true}
		if v.plan.RestoreBest {
			v.keep(t.grads.params)
		}
	} else {
		v.since++
	}
	r.BestLoss, r.BestStep, r.Since = math.NaN(), v.step, v.since
	if v.has {
		r.BestLoss = v.loss
	}
	if err := t.observe(value); err != nil {
		return r, false, err
	}
	if err = t.log.validation(r); err == nil {
		stop, err = call(v.plan.OnValidate, r, "Plan.Validate.OnValidate")
	}
	stop, err = t.ranks.agree("the end of a validation", stop, err)
	return r, stop, err
}

// measured is the number that validations compare.
func (t *Trainer) measured(ctx context.Context) (value float64, count int, err error) {
	v := t.valid.plan
	net := v.Net
	if net == nil {
		net = t.net
	}
	if a, ok := t.net.(interface{ Apply() }); ok {
		a.Apply()
	}
	if v.Measure == nil && t.parts.shares(v) {
		return t.parts.evaluate(ctx, v)
	}
	if v.Measure == nil {
		return meanOf(evaluate(ctx, net, v.Data, v.Loss, t.plan.ReadoutRows, nil))
	}
	giveBack := lend(t.net)
	defer func() { err = withError(err, giveBack()) }()
	defer catch("Plan.Validate.Measure", &err)
	value, err = v.Measure(ctx)
	return value, 0, err
}

// observe tells the schedule, if it wants to know.
func (t *Trainer) observe(value float64) (err error) {
	defer catch("Plan.Schedule", &err)
	if s, ok := t.plan.Schedule.(optim.Observer); ok {
		s.Observe(value)
	}
	return nil
}

// keep copies the parameters.
func (v *validated) keep(params []nn.Param) {
	if v.copy == nil {
		for _, p := range params {
			v.copy = append(v.copy, slices.Clone(p.W))
		}
		return
	}
	for i, p := range params {
		copy(v.copy[i], p.W)
	}
}

// restore puts the best parameters in the net, if they were kept, and keeps those of the
// last update. A run that has come to its end does not go on but by Resume.
func (v *validated) restore(params []nn.Param) {
	if v.restored {
		return
	}
	for i := range v.copy {
		w := slices.Clone(params[i].W)
		copy(params[i].W, v.copy[i])
		v.copy[i] = w
	}
	v.restored = v.copy != nil
}
