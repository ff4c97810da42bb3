package bptt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// ErrStop, returned by a callback of the Plan, ends the training without an error.
var ErrStop = errors.New("bptt: stop")

// A Progress describes one update.
type Progress struct {
	Step int64 // updates so far, this one included

	// Epoch is the number of complete passes over the data when the batches of this
	// update were read: 0 in the first. The end of a pass is known when the data, asked
	// for the next batch, has none: so the last update of a pass has the Epoch of those
	// before it, and OnEpoch follows.
	Epoch int64

	Loss    float64       // mean over what this update counted, weighted where terms have weights
	Count   int           // what this update counted: targets, or elements for MSE
	Counted int64         // the same over all updates so far
	Norm    float64       // of the gradient, of order ClipP: after ClipValue and ClipTensor where ClipNorm is set too, else before clipping
	Rate    float64       // learning rate of this update
	Skipped int64         // updates left out so far: see Plan.SkipNonFinite
	Elapsed time.Duration // that this Run has spent on updates: not on callbacks, validation, checkpoints and logs
}

// A Report is how a run ended.
type Report struct {
	Progress // of the last update, but Epoch is the number of complete passes at the end

	// Counted per second of Elapsed; 0 if the run made no update.
	PerSecond float64

	// EarlyStop says that Plan.Validate.Patience ended the training.
	EarlyStop bool
}

// Train trains net on data as plan says: NewTrainer and Run.
func Train(ctx context.Context, net nn.Net, source data.Source, plan Plan) (Report, error) {
	t, err := NewTrainer(net, source, plan)
	if err != nil {
		return Report{}, err
	}
	return t.Run(ctx)
}

// A Trainer is a training run that can be saved and resumed.
type Trainer struct {
	net    nn.Net
	ids    nn.IDNet  // net, if it takes ids
	masked nn.Masked // net, if it has random masks
	data   data.Source
	plan   Plan
	state  *optim.State // the optimizer's memory; nil: not known
	team   crew.Crew
	grads  gradients
	noise  noise
	sizes
	counts
	buffers
	held  held
	win   window
	valid validated
	files files
	log   logger
	ranks ranks
	parts *shards // nil without Plan.Shards
}

// sizes are rows of the net and widths of x and y.
type sizes struct{ batch, in, out int }

// counts are how far a run has come.
type counts struct {
	step, epoch, counted int64
	skipped              int64  // updates left out
	inRow                int64  // of them, since the last that was made
	passes               []pass // the passes over the data that have ended and not been told of, and then the current one
}

// buffers are memory that is used anew for every window.
type buffers struct {
	y, dy   []float32 // one memory if the Loss works in place
	scratch loss.Scratch
	blocks  *blocks    // nil: all outputs at a time
	next    data.Batch // what the data gave
	rows    []int      // of a reset
}

// NewTrainer checks the plan against the net and prepares a run from the
// beginning: the state of the net, the plan's optimizer and its schedule are reset, and
// data goes to the beginning of its epoch. A Trainer that had the same optimizer
// before has lost it: its Run, Save and Resume return an error. (Seen from the memory
// of the optimizer's State; one of another package that makes no new memory in Init,
// or whose State is a copy, must be kept for one Trainer by the caller.)
//
// With the ranks of a Plan.Group all of them call it. If it fails on one of them, or if they
// differ, it fails on all; the error of the others is a *dist.RankError.
func NewTrainer(net nn.Net, source data.Source, plan Plan) (*Trainer, error) {
	var r ranks
	if err := r.init(plan.Group); err != nil {
		return nil, err
	}
	t, err := newTrainer(net, source, plan, r)
	if err := r.compare(t, err); err != nil {
		return nil, err
	}
	t.ranks.tiers = r.tiers
	return t, nil
}

// newTrainer is NewTrainer of one rank, which asks the others nothing.
func newTrainer(net nn.Net, source data.Source, plan Plan, r ranks) (*Trainer, error) {
	if err := kernels.Info().Err; err != nil {
		return nil, err
	}
	switch {
	case nilcheck.IsNil(net):
		return nil, errNoNet
	case nilcheck.IsNil(source):
		return nil, errNoData
	}
	steps, batch, in, out := net.Dims()
	if batch < 1 || out < 1 {
		return nil, fmt.Errorf("bptt: a net of %d rows and outputs of width %d cannot be trained, want at least 1 of each", batch, out)
	}
	if plan.Stride == 0 {
		plan.Stride = plan.Window
	}
	if err := plan.check(steps); err != nil {
		return nil, err
	}
	rows, err := batch, error(nil)
	if plan.Shards > 0 {
		rows, err = rowsOf(source, plan.Shards, batch)
	} else {
		err = checkRows(source, batch)
	}
	if err != nil {
		return nil, err
	}
	if plan.Window > 0 && nn.OverBatches(net) != nil {
		return nil, fmt.Errorf("bptt: Plan.Window is %d, but a %T takes whole sequences; leave the field 0", plan.Window, net)
	}
	if err := plan.Validate.checkRows(batch, rows); err != nil {
		return nil, err
	}
	plan.Accumulate = max(1, plan.Accumulate)
	t := &Trainer{net: net, data: source, plan: plan, sizes: sizes{batch, in, out}, ranks: r}
	t.passes = append(make([]pass, 0, 4), pass{empty: true})
	t.ids = nn.OverIDs(net)
	params, sums, err := nn.Trained(net)
	if err != nil {
		return nil, err
	}
	if err := plan.Optimizer.Init(params); err != nil {
		return nil, err
	}
	t.grads.init(kernels.Current(), params, sums, plan.Optimizer, cmp.Or(plan.ClipP, 2))
	if err := t.noise.init(&plan, kernels.Current(), params); err != nil {
		return nil, err
	}
	t.claim()
	if err := rewind(source); err != nil {
		return nil, err
	}
	if err := plan.resetSchedule(); err != nil {
		return nil, err
	}
	t.team.Set(plan.Workers)
	t.grads.pieces.Set(plan.Workers)
	t.scratch.SetWorkers(plan.Workers)
	if t.team.Workers() != 0 {
		for _, part := range []any{net, plan.Optimizer} {
			if w, ok := part.(interface{ SetWorkers(n int) }); ok {
				w.SetWorkers(t.team.Workers())
			}
		}
	}
	t.masked = nn.MasksOf(net)
	if plan.ReadoutRows > 0 {
		if t.blocks, err = newBlocks(net, plan.ReadoutRows, plan.Loss); err != nil {
			return nil, fmt.Errorf("bptt: Plan.ReadoutRows: %w", err)
		}
		steps = t.blocks.net.Steps()
		if err := plan.Validate.checkBlocks(net, plan.ReadoutRows, plan.Loss); err != nil {
			return nil, err
		}
	}
	t.y = pages.Floats(steps * batch * out)
	if t.dy = t.y; !loss.InPlace(plan.Loss) {
		t.dy = pages.Floats(len(t.y))
	}
	t.rows = make([]int, 0, batch)
	t.win.init(t)
	t.held.init(t)
	t.valid.init(t)
	t.files.init(t)
	t.log.init(t)
	net.SetTraining(true)
	net.Reset()
	if t.parts, err = newShards(t, rows); err != nil {
		return nil, err
	}
	return t, nil
}

// Run trains until a limit of the plan, or the end of its patience, and returns a report
// of the last update. When ctx ends it returns after the current window, with ctx's error;
// the net is usable, and Run may be called again to continue. After any other error the
// weights are those of the last complete update. If the current update needs more windows
// (see Plan.Accumulate), both cases drop it: the windows that it has read are not read
// again, so the position of the data, the count of epochs and the carried state are those
// after them, and no later update counts them. With a Plan.Checkpoint.Dir the update is
// completed when ctx ends, so that the last checkpoint is one of the run without the
// interruption.
//
// After an update come, in this order: OnStep; validation, and the schedule's Observe;
// OnValidate; the checkpoint. At the end of a pass over the data, in this order:
// validation and what belongs to it; OnEpoch. What an end of the run leaves undone of
// this is done when the run continues.
func (t *Trainer) Run(ctx context.Context) (Report, error) {
	if !t.made() {
		return Report{}, errNoTrainer
	}
	r := running{Trainer: t, first: t.counted}
	r.report.Progress = Progress{Step: t.step, Epoch: t.epoch, Counted: t.counted, Skipped: t.skipped}
	var err error
	if ctx == nil { // share tells the other ranks
		ctx, err = context.Background(), errNoContext
	} else {
		err = withError(t.files.begin(), t.log.tiers(&t.ranks))
	}
	for more := true; more && err == nil; {
		more, err = r.advance(ctx)
	}
	return r.end(ctx, r.ranks.share(err))
}

// made says whether NewTrainer has made t.
func (t *Trainer) made() bool { return t != nil && t.net != nil }

// A running is a call of Run.
type running struct {
	*Trainer
	report Report
	first  int64         // counted at the beginning
	asked  bool          // the ranks have said that they go on
	spent  time.Duration // on updates
}

// advance makes one update and what follows it. It returns false at the end of the run.
func (r *running) advance(ctx context.Context) (more bool, err error) {
	if !r.asked {
		if _, err := r.ranks.agree("the beginning of an update", false, ctx.Err()); err != nil {
			return false, err
		}
	}
	r.asked = false
	if stop, err := r.settle(ctx); stop || err != nil {
		return false, err
	}
	if r.done() {
		return false, nil
	}
	begin := time.Now()
	p, err := r.update(ctx)
	r.spent += time.Since(begin)
	if err == errPassEnded {
		return true, nil
	}
	if bad, ok := err.(*NonFiniteError); ok {
		return r.skip(bad)
	}
	if err != nil {
		return false, err
	}
	p.Elapsed = r.spent
	r.report.Progress = p
	r.report.PerSecond = r.perSecond()
	r.files.changed = true
	r.valid.afterStep(r.Trainer)
	stop, err := false, r.log.step(p, r.report.PerSecond)
	if err == nil {
		stop, err = call(r.plan.OnStep, p, "Plan.OnStep")
	}
	if r.asked = r.ranks.several(); r.asked && err == nil {
		err = ctx.Err()
	}
	if stop, err = r.ranks.agree("the end of an update", stop, err); err != nil {
		return false, err
	}
	stopped, err := r.settle(ctx)
	return !stop && !stopped, err
}

// perSecond is what has been counted in a second of the time spent on updates.
func (r *running) perSecond() float64 {
	if r.counted == r.first {
		return 0
	}
	return float64(r.counted-r.first) / max(r.spent.Seconds(), 1e-9)
}

// settle does what is due between two updates.
func (t *Trainer) settle(ctx context.Context) (stop bool, err error) {
	if t.valid.due {
		if _, stop, err = t.validate(ctx, func() { t.valid.due = false }); err != nil {
			return stop, err
		}
	}
	for len(t.passes) > 1 {
		ended, err := t.endPass(ctx)
		if stop = stop || ended; err != nil {
			return stop, err
		}
	}
	return stop, t.files.afterStep()
}

// skip leaves an update out, or ends the run if too many were in a row.
func (t *Trainer) skip(bad *NonFiniteError) (more bool, err error) {
	if t.inRow >= int64(t.plan.SkipNonFinite) {
		return false, bad
	}
	t.skipped++
	t.inRow++
	t.files.changed = true
	_, err = t.ranks.agree("an update that is left out", false, t.log.skip(bad, t.counts))
	return true, err
}

// end writes the last checkpoint, and puts the best parameters in the net.
func (r *running) end(ctx context.Context, err error) (Report, error) {
	r.report.Epoch, r.report.Skipped, r.report.Elapsed, r.report.PerSecond = r.epoch, r.skipped, r.spent, r.perSecond()
	if err == nil || ended(ctx, err) {
		saved := r.files.last()
		if err = withError(err, saved); err == nil && r.done() {
			r.report.EarlyStop = r.valid.gaveUp()
			r.valid.restore(r.grads.params)
		}
	}
	return r.report, withError(err, r.log.end(r.report, err))
}

func (t *Trainer) done() bool { return t.atLimit() || t.valid.gaveUp() }

// atLimit says whether the updates or passes of the plan are made.
func (t *Trainer) atLimit() bool {
	return t.plan.Steps > 0 && t.step >= t.plan.Steps || t.plan.Epochs > 0 && t.epoch >= t.plan.Epochs
}

// ended says whether err is that of ctx, or that of another rank.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err()) || interruption(err)
}

// call calls a function of the plan, if it is set. A panic in it is an error.
func call[E any](f func(E) error, event E, where string) (stop bool, err error) {
	if f == nil {
		return false, nil
	}
	defer catch(where, &err)
	if err = f(event); errors.Is(err, ErrStop) {
		return true, nil
	}
	return false, err
}

// claim keeps where the state of the plan's optimizer lies, by which owns knows it
// again. One whose State makes a copy cannot be known.
func (t *Trainer) claim() {
	now := t.plan.Optimizer.State()
	t.state = &now
	if !now.Same(t.plan.Optimizer.State()) {
		t.state = nil
	}
}

// owns says whether the plan's optimizer still works on the parameters of t: Init of
// another Trainer makes a state in other memory.
func (t *Trainer) owns() bool {
	return t.state == nil || t.state.Same(t.plan.Optimizer.State())
}
