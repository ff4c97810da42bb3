package bptt

import (
	"cmp"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/optim"
)

// A Plan says how a net is trained. Optimizer and Loss must be set; every other
// zero field is the plain choice. NewTrainer refuses a field that makes no sense, and one
// that would do nothing because what it needs is left out: a schedule that follows
// validations without Validate, say. Fields that may stay set where they have nothing to do
// say so.
type Plan struct {
	// Window is how many steps back the gradient flows; 0 is full BPTT, whole
	// sequences. Stride is how many new steps each update takes, Window if 0.
	// See the package comment. A layer that reads from the end begins anew in each window: with
	// a Window a bidirectional net learns to label chunks of so many steps, not whole sequences.
	Window, Stride int

	Loss      loss.Loss
	Optimizer optim.Optimizer
	Schedule  optim.Schedule // of the learning rate; nil: constant. An optim.Observer needs Validate

	// Reduction says what the gradient is divided by: the weight of all that counts
	// (loss.Mean, the zero value), the rows in which something counts
	// (loss.SumOverTime), or nothing (loss.Sum). Loss and Progress.Loss are means with
	// all of them.
	Reduction loss.Reduction

	// ClipValue, if above 0, limits every element of the gradient; then ClipTensor scales
	// the gradient of each parameter down to at most that norm, then ClipNorm that of all
	// parameters together. The norms have the order ClipP, 1 or more: 0 is 2, the
	// Euclidean norm, 1 the sum of the magnitudes, math.Inf(1) the largest. They are
	// computed in float64; an order other than these three takes a power of each element.
	// ClipP is that of Progress.Norm too, which a plan without a limit has as well.
	// Parameters that the optimizer leaves as they are (optim.Freezer) have no part in all
	// this. A limit of 0 is no clipping. Infinity is refused, and so is what is below
	// 2^-100 in float32: it makes all of the gradient tiny. A gradient that a Loss or a
	// Reduction does not divide is larger by the terms, and so must the limits be.
	ClipValue, ClipTensor, ClipNorm float64
	ClipP                           float64

	// Noise is added to the weights for the way forward and back of each update, and taken away
	// before the optimizer's step.
	Noise WeightNoise

	// SkipNonFinite is how many updates in a row may be left out because the loss or the
	// gradient is not finite. The next one ends the training with a *NonFiniteError, with
	// 0 the first. Whether it is left out or ends the training, such an update changes
	// neither weights nor optimizer, schedule or counts but Progress.Skipped, and the
	// carried state goes back to that before it, but for rows that began anew with it,
	// whose state is zero. The batches that were read for it are not read again.
	SkipNonFinite int

	// Accumulate is the number of windows that one update is made from; 0 is 1.
	// The gradient is that of the loss that Progress reports: the sum over all
	// that counts in these windows, divided by the weight of its terms, their number
	// without weights; with another Reduction by the rows of all windows, or by
	// nothing. A window with more targets weighs more, and one in which nothing counts
	// adds nothing. An update may take windows of two epochs; at the end of the
	// last epoch it is made from the windows that are left. When the context of
	// Run ends between two of them, or one of them is an error, the update is
	// given up and the windows read for it are lost; weights, optimizer and
	// counts of updates are those before it.
	Accumulate int

	// Shards, if above 0, cuts the rows of every batch of the data into so many shards of
	// neighbouring rows, whose numbers differ by at most 1. The net has as many rows as the
	// largest of them, and runs them one after another, each with a carried state, windows
	// and random masks of its own. Each shard has a gradient, one sum in the order of the
	// contract, and these are added in a fixed binary tree (package dist). So the number of
	// shards is part of what a run computes, as the number of rows is, and the number of
	// ranks is not. The gradient is divided by what counts in all of them.
	//
	// Group are the ranks that share the shards; nil is one process alone, and a Group of one
	// rank is the same. Each needs a net
	// with the same parameters, and the same plan and data: each reads all of every batch
	// and takes the rows of its shards, so that no example is lost or comes twice. There are
	// at least as many shards as ranks; a multiple gives each the same work. With several
	// ranks updates set the function of nn.OnGradients, and leave none. See "Several
	// processes" in the package comment.
	Shards int
	Group  dist.Group

	// SameTiers makes it an error of NewTrainer if the ranks of Group have several tiers of
	// instruction sets, or lists of tiers to choose from that differ. Without it such ranks
	// train together, with the same bits: Trainer.Tiers tells which rank has which, and so does
	// the event "tiers" of Log. It is for jobs in which no machine may wait for a slower one.
	// One process alone has one tier: there it may stay set.
	SameTiers bool

	// ReadoutRows, if above 0, is how many rows of outputs are in memory at a time, a row
	// being the outputs of one step of one row of the batch: for large vocabularies. The
	// readout of the net, the last Linear of an nn.Model with the activations and layer norms
	// behind it, and the loss then run over blocks of steps, from the last to the first.
	// Adapters of such a net (package finetune), and a seq2seq.Net whose decoder is one, will
	// do too. All numbers have the same bits. It must be at
	// least the rows of a chunk of a weight gradient, which are 256 or a few more: see
	// nn.Model.Blocks. NewTrainer refuses nets and losses that cannot be run so: see
	// loss.CheckBlocks. Validations are limited too; those by
	// Validate.Measure may call EvaluateWithin.
	ReadoutRows int

	// Steps and Epochs end the training at that many updates or passes over
	// the data, counted from the beginning of the Trainer and of the run that
	// it resumed; 0 is no limit. Time is limited by the context.
	Steps  int64
	Epochs int64

	// OnStep, if set, is called after every update, OnEpoch at the end of every pass over
	// the data, before the next one begins. An error ends the training; ErrStop does so
	// without being one for the caller.
	OnStep  func(Progress) error
	OnEpoch func(EpochEnd) error

	Validate   Validate    // on other data, from time to time; early stop; the best parameters
	Checkpoint Checkpoints // files that Run writes
	Log        Log         // records and metrics that Run writes

	// Workers is the largest number of workers for the work; more than 256 count
	// as 256. NewTrainer calls SetWorkers of the net and of the optimizer with it,
	// where they have that method. With 0 it calls neither: both stay as they were set,
	// and the Trainer's own work is split by its size. The number changes no
	// bit.
	Workers int
}

// check returns an error for settings that make no sense, for a net unrolled over that
// many steps.
// The optimizer checks its own settings in Init.
func (p *Plan) check(steps int) error {
	switch {
	case nilcheck.IsNil(p.Loss):
		return errNoLoss
	case nilcheck.IsNil(p.Optimizer):
		return errNoOptimizer
	case p.Schedule != nil && nilcheck.IsNil(p.Schedule):
		return fmt.Errorf("bptt: Plan.Schedule is a nil %T; leave the field out for a constant rate", p.Schedule)
	case p.Window < 0 || p.Stride < 0 || p.Stride > p.Window:
		return fmt.Errorf("bptt: window %d and stride %d, want 0 <= stride <= window", p.Window, p.Stride)
	case p.Window > steps:
		return fmt.Errorf("bptt: a window of %d steps, the net is unrolled over %d", p.Window, steps)
	case p.ReadoutRows < 0:
		return fmt.Errorf("bptt: Plan.ReadoutRows is %d, want the rows of outputs that may be in memory, or 0 for no limit", p.ReadoutRows)
	case p.Accumulate < 0:
		return fmt.Errorf("bptt: Plan.Accumulate is %d, want the windows of an update, or 0 for 1", p.Accumulate)
	case p.Steps < 0 || p.Epochs < 0:
		return fmt.Errorf("bptt: %d steps and %d epochs, want 0 or more", p.Steps, p.Epochs)
	case p.Workers < 0:
		return fmt.Errorf("bptt: Plan.Workers is %d, want a number of goroutines, or 0 for automatic", p.Workers)
	case p.ClipP != 0 && !(p.ClipP >= 1):
		return fmt.Errorf("bptt: Plan.ClipP is %v, want the order of a norm: 1 or more, math.Inf(1) for the largest magnitude, or 0 for 2", p.ClipP)
	case p.Shards < 0:
		return fmt.Errorf("bptt: Plan.Shards is %d, want the number of shards, or 0 for none", p.Shards)
	case p.Shards == 0 && p.Group != nil && p.Group.Size() > 1:
		return fmt.Errorf("bptt: a Plan.Group of %d ranks without Plan.Shards; set it to a number that stays the same on other numbers of ranks, a multiple of %d for example", p.Group.Size(), p.Group.Size())
	case p.SkipNonFinite < 0:
		return fmt.Errorf("bptt: Plan.SkipNonFinite is %d, want how many updates in a row may be left out, or 0 for none", p.SkipNonFinite)
	}
	if err := p.Reduction.Check(); err != nil {
		return fmt.Errorf("bptt: Plan.Reduction: %w", err)
	}
	return cmp.Or(
		checkClip("ClipNorm", p.ClipNorm), checkClip("ClipTensor", p.ClipTensor), checkClip("ClipValue", p.ClipValue), p.Noise.check(),
		p.Validate.check(), p.Checkpoint.check(), p.Log.check(), p.checkSchedule(), p.checkUnused(),
	)
}

// checkSchedule returns the error of the schedule's Check, if it has that method. A
// panic in a method of the schedule is an error too.
func (p *Plan) checkSchedule() (err error) {
	defer catch("Plan.Schedule", &err)
	if s, ok := p.Schedule.(interface{ Check() error }); ok {
		return s.Check()
	}
	return nil
}

// resetSchedule calls Reset of the schedule, if it has that method.
func (p *Plan) resetSchedule() (err error) {
	defer catch("Plan.Schedule", &err)
	if s, ok := p.Schedule.(interface{ Reset() }); ok {
		s.Reset()
	}
	return nil
}

func checkClip(field string, limit float64) error {
	rounded := float32(limit)
	switch {
	case !(limit >= 0):
		return fmt.Errorf("bptt: Plan.%s is %v, want a limit above 0, or 0 for no clipping", field, limit)
	case math.IsInf(float64(rounded), 1):
		return fmt.Errorf("bptt: Plan.%s is %v, which is infinite in float32 and would clip nothing; use 0 for no clipping", field, limit)
	case limit > 0 && rounded < 0x1p-100:
		return fmt.Errorf("bptt: Plan.%s is %v, want at least 2^-100, which is 7.9e-31: less makes all of the gradient tiny; use 0 for no clipping", field, limit)
	}
	return nil
}
