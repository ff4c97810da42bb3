package bptt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// ErrStop, returned by Plan.OnStep, ends the training without an error.
var ErrStop = errors.New("bptt: stop")

// A Progress describes one update.
type Progress struct {
	Step    int64         // updates so far, this one included
	Epoch   int64         // passes over the data that are complete
	Loss    float64       // mean over what this update counted, weighted where terms have weights
	Count   int           // what this update counted: targets, or elements for MSE
	Counted int64         // the same over all updates so far
	Norm    float64       // of the gradient: after ClipValue where ClipNorm is set too, else before clipping
	Rate    float64       // learning rate of this update
	Elapsed time.Duration // since this Run began
}

// A Report is how a run ended.
type Report struct {
	Progress // of the last update

	// Counted per second of this run; 0 if it made no update.
	PerSecond float64
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
	params []nn.Param
	sums   *nn.Sums     // of parameters that the net reports several times
	state  *optim.State // its memory; nil: not known
	team   crew.Crew
	isa    kernels.ISA

	batch, in, out int

	step, epoch, counted int64

	y, dy   []float32 // one memory if the Loss works in place
	scratch loss.Scratch
	next    data.Batch // what the data gave
	win     window
	rows    []int // of a reset
}

// NewTrainer checks the plan against the net and prepares a run from the
// beginning: the state of the net and the plan's optimizer are reset, and data
// goes to the beginning of its epoch. A Trainer that had the same optimizer
// before has lost it: its Run, Save and Resume return an error. (Seen from the memory
// of the optimizer's State; one of another package that makes no new memory in Init,
// or whose State is a copy, must be kept for one Trainer by the caller.)
func NewTrainer(net nn.Net, source data.Source, plan Plan) (*Trainer, error) {
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
	if err := checkRows(source, batch); err != nil {
		return nil, err
	}
	if plan.Stride == 0 {
		plan.Stride = plan.Window
	}
	if err := plan.check(steps); err != nil {
		return nil, err
	}
	if plan.Window > 0 && nn.OverBatches(net) != nil {
		return nil, fmt.Errorf("bptt: Plan.Window is %d, but a %T takes whole sequences; leave the field 0", plan.Window, net)
	}
	plan.Accumulate = max(1, plan.Accumulate)
	t := &Trainer{isa: kernels.Current(), net: net, data: source, plan: plan, batch: batch, in: in, out: out}
	t.ids = nn.OverIDs(net)
	var err error
	if t.params, t.sums, err = nn.Trained(net); err != nil {
		return nil, err
	}
	if err := plan.Optimizer.Init(t.params); err != nil {
		return nil, err
	}
	t.claim()
	if err := rewind(source); err != nil {
		return nil, err
	}
	t.team.Set(plan.Workers)
	t.scratch.SetWorkers(plan.Workers)
	if t.team.Workers() != 0 {
		for _, part := range []any{net, plan.Optimizer} {
			if w, ok := part.(interface{ SetWorkers(n int) }); ok {
				w.SetWorkers(t.team.Workers())
			}
		}
	}
	t.masked = nn.MasksOf(net)
	t.y = make([]float32, steps*batch*out)
	if t.dy = t.y; !loss.InPlace(plan.Loss) {
		t.dy = make([]float32, len(t.y))
	}
	t.rows = make([]int, 0, batch)
	t.win.init(t)
	net.SetTraining(true)
	net.Reset()
	return t, nil
}

// Run trains until a limit of the plan, and returns a report of the last update. When
// ctx ends it returns after the current window, with ctx's error; the net is usable, and
// Run may be called again to continue. After any other error the weights are those of
// the last complete update. If the current update needs more windows (see
// Plan.Accumulate), both cases drop it: the windows that it has read are not read again,
// so the position of the data, the count of epochs and the carried state are those after
// them, and no later update counts them.
func (t *Trainer) Run(ctx context.Context) (Report, error) {
	begin := time.Now()
	first := t.counted
	report := Report{Progress: Progress{Step: t.step, Epoch: t.epoch, Counted: t.counted}}
	for {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if t.done() {
			return report, nil
		}
		p, err := t.update(ctx)
		if err == io.EOF {
			return report, nil
		}
		if err != nil {
			return report, err
		}
		p.Elapsed = time.Since(begin)
		report.Progress = p
		report.PerSecond = float64(t.counted-first) / max(p.Elapsed.Seconds(), 1e-9)
		if t.plan.OnStep != nil {
			if err := t.callback(p); errors.Is(err, ErrStop) {
				return report, nil
			} else if err != nil {
				return report, err
			}
		}
	}
}

func (t *Trainer) done() bool {
	return t.plan.Steps > 0 && t.step >= t.plan.Steps || t.plan.Epochs > 0 && t.epoch >= t.plan.Epochs
}

func (t *Trainer) callback(p Progress) (err error) {
	defer catch("Plan.OnStep", &err)
	return t.plan.OnStep(p)
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

// update takes one step of the optimizer. It returns io.EOF if the epochs of
// the plan ended before a window was read, and the error of ctx if that ends between
// two windows.
func (t *Trainer) update(ctx context.Context) (Progress, error) {
	if !t.owns() {
		return Progress{}, errOptimizer
	}
	t.net.ZeroGrads()
	var total loss.Total
	rows, windows := 0, 0 // rows in which something counts
	for windows < t.plan.Accumulate {
		if windows > 0 {
			if err := ctx.Err(); err != nil {
				return Progress{}, err
			}
		}
		err := t.read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Progress{}, err
		}
		of, n, err := t.pass()
		if err != nil {
			t.win.giveUp()
			return Progress{}, err
		}
		total, rows, windows = total.Plus(of), rows+n, windows+1
	}
	if windows == 0 {
		return Progress{}, io.EOF
	}
	mean := total.Mean()
	p := Progress{Step: t.step + 1, Epoch: t.epoch, Loss: mean, Count: total.Terms, Counted: t.counted + int64(total.Terms)}
	if by := t.plan.Reduction.Divisor(total, rows); t.plan.Accumulate > 1 && by != 1 {
		// Each pass added the gradient of a sum: divide by what all windows have.
		for _, q := range t.params {
			t.isa.Scale(q.G, q.G, float32(1/by))
		}
	}
	norm, bad := t.clip()
	if bad != "" || math.IsNaN(mean) || math.IsInf(mean, 0) {
		return Progress{}, &NonFiniteError{Step: p.Step, Param: bad, Loss: mean}
	}
	p.Norm = norm
	factor, err := t.factor()
	if err != nil {
		return Progress{}, err
	}
	p.Rate = float64(t.plan.Optimizer.LearningRate() * factor)
	if err := t.plan.Optimizer.Update(factor); err != nil {
		return Progress{}, err
	}
	t.step, t.counted = p.Step, p.Counted
	return p, nil
}

// factor is the schedule's factor of the learning rate, or a *RateError if it is
// negative, infinite or NaN.
func (t *Trainer) factor() (f float64, err error) {
	defer catch("Plan.Schedule", &err)
	f = 1
	if t.plan.Schedule != nil {
		f = t.plan.Schedule.Rate(t.step)
	}
	return f, optim.CheckRate(t.step+1, t.plan.Optimizer.LearningRate(), f)
}

// clip returns the norm of the gradient, the root of the sum of the tensors'
// squares in float64, and clips. If an element is not finite it returns the
// name of the first parameter that has one, and does nothing.
func (t *Trainer) clip() (norm float64, bad string) {
	norm, bad = t.norm()
	if bad != "" {
		return norm, bad
	}
	if limit := float32(t.plan.ClipValue); limit > 0 {
		for _, p := range t.params {
			t.isa.Clip(p.G, p.G, limit)
		}
		if t.plan.ClipNorm > 0 {
			norm, _ = t.norm()
		}
	}
	if c := t.plan.ClipNorm; c > 0 && norm > c {
		factor := float32(c / norm)
		for _, p := range t.params {
			t.isa.Scale(p.G, p.G, factor)
		}
	}
	return norm, ""
}

func (t *Trainer) norm() (norm float64, bad string) {
	sum := 0.0
	for i := range t.params {
		s := t.isa.SumSquares(t.params[i].G)
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return s, t.params[i].Name
		}
		sum += s
	}
	return math.Sqrt(sum), ""
}

// read fetches the next batch and makes the window of it. At the end of an epoch it
// begins the next one, or returns io.EOF if that was the last epoch of the plan.
func (t *Trainer) read() error {
	for again := false; ; again = true {
		t.next = data.Batch{Want: t.plan.Stride}
		err := Next(t.data, &t.next)
		if err == nil {
			break
		}
		if err != io.EOF {
			return err
		}
		if again {
			return errNoBatches
		}
		t.epoch++
		if t.done() {
			return io.EOF
		}
	}
	if err := t.check(&t.next); err != nil {
		return err
	}
	return t.win.add(t)
}

// check returns an error if the batch does not fit the net. (Ids and targets are checked
// where they are used.)
func (t *Trainer) check(b *data.Batch) error {
	steps, _, _, _ := t.net.Dims()
	if t.plan.Stride > 0 {
		steps = t.plan.Stride
	}
	return b.Check(steps, t.batch, t.in, t.out, t.ids != nil)
}

// pass runs the window forward and back, adding to the gradients, and moves the
// window on. It also returns the number of rows in which something counts.
func (t *Trainer) pass() (total loss.Total, rows int, err error) {
	b := t.win.batch()
	y := t.y[:b.Steps*t.batch*t.out]
	dy := t.dy[:len(y)]
	if err := t.win.ahead(t); err != nil {
		return total, 0, err
	}
	if err := t.net.SetLengths(b.Lengths); err != nil {
		return total, 0, err
	}
	if err := t.forward(y, b); err != nil {
		return total, 0, err
	}
	rows = b.CountedRows()
	by := 0.0 // the weight of this window's terms
	if t.plan.Accumulate > 1 {
		by = 1 // update divides, when it knows what all windows have
	} else if t.plan.Reduction != loss.Mean {
		by = t.plan.Reduction.Divisor(total, rows)
	}
	if total, err = measure(t.plan.Loss, dy, y, b, by, &t.scratch); err != nil {
		return total, 0, err
	}
	t.net.Backward(nil, dy)
	t.sums.Run(t.team.Workers())
	t.win.move(t)
	return total, rows, nil
}

func (t *Trainer) forward(y []float32, b *data.Batch) error {
	if net := nn.OverBatches(t.net); net != nil {
		return net.ForwardBatch(y, b)
	}
	if t.ids != nil {
		return t.ids.ForwardIDs(y, b.IDs)
	}
	t.net.Forward(y, b.X)
	return nil
}
