package bptt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// errPassEnded is no error: a pass over the data ended before a window was read.
var errPassEnded = errors.New("bptt: the end of a pass over the data")

// update takes one step of the optimizer. It returns errPassEnded if a pass over the data
// ended before a window was read, and the error of ctx if that ends between two windows.
func (t *Trainer) update(ctx context.Context) (Progress, error) {
	if !t.owns() {
		return Progress{}, errOptimizer
	}
	defer t.noise.remove() // if an error, or a panic in a net, ends the update before its step
	if t.parts != nil {
		return t.parts.update()
	}
	t.held.take(t)
	t.net.ZeroGrads()
	var total loss.Total
	rows, windows := 0, 0 // rows in which something counts
	for windows < t.plan.Accumulate {
		if windows > 0 && !t.files.on() {
			if err := ctx.Err(); err != nil {
				t.held.forget(t)
				return Progress{}, err
			}
		}
		err := t.read(windows > 0)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.held.forget(t)
			return Progress{}, t.where(err)
		}
		of, n, err := t.pass()
		if err != nil {
			t.win.giveUp()
			t.held.forget(t)
			return Progress{}, t.where(err)
		}
		t.passes[len(t.passes)-1].add(of)
		total, rows, windows = total.Plus(of), rows+n, windows+1
	}
	if windows == 0 {
		return Progress{}, errPassEnded
	}
	return t.apply(total, rows)
}

// sums says whether each pass adds the gradient of a sum, which apply divides.
func (t *Trainer) sums() bool { return t.plan.Accumulate > 1 || t.parts != nil }

// apply takes the step that the gradients say, of a loss over so many rows in which
// something counts.
func (t *Trainer) apply(total loss.Total, rows int) (Progress, error) {
	t.noise.remove()
	t.grads.begin()
	mean := total.Mean()
	p := Progress{Step: t.step + 1, Epoch: t.epoch, Loss: mean, Count: total.Terms, Counted: t.counted + int64(total.Terms), Skipped: t.skipped}
	if by := t.plan.Reduction.Divisor(total, rows); t.sums() && by != 1 {
		// Divide by what all windows have.
		t.grads.scale(float32(1 / by))
	}
	norm, bad := t.grads.clip(t.plan.ClipValue, t.plan.ClipTensor, t.plan.ClipNorm)
	if bad != "" || math.IsNaN(mean) || math.IsInf(mean, 0) {
		e := &NonFiniteError{Step: p.Step, Param: bad, Loss: mean, Skipped: t.inRow}
		if t.parts == nil {
			e.Data = notFinite(&t.next)
		}
		return Progress{}, withError(t.putBack(), e)
	}
	p.Norm = norm
	factor, err := t.factor()
	if err != nil {
		t.held.forget(t)
		return Progress{}, err
	}
	p.Rate = float64(t.plan.Optimizer.LearningRate() * factor)
	if err := t.plan.Optimizer.Update(factor); err != nil {
		t.held.forget(t)
		return Progress{}, err
	}
	t.step, t.counted, t.inRow = p.Step, p.Counted, 0
	return p, nil
}

// where says at which update err came up.
func (t *Trainer) where(err error) error {
	return fmt.Errorf("bptt: step %d, in pass %d over the data: %w", t.step+1, t.epoch+1, err)
}

// factor is the schedule's factor of the learning rate, or a *RateError if it is
// negative, infinite or NaN.
func (t *Trainer) factor() (f float64, err error) {
	defer catch("Plan.Schedule", &err)
	f = optim.RateAt(t.plan.Schedule, t.step, t.epoch)
	return f, optim.CheckRate(t.step+1, t.plan.Optimizer.LearningRate(), f)
}

// read fetches the next batch and makes the window of it.
func (t *Trainer) read(goesOn bool) error {
	if err := t.fetch(goesOn); err != nil {
		return err
	}
	if err := checkBatch(t.net, &t.next, t.stepsOfBatch(), t.batch, t.in, t.out); err != nil {
		return err
	}
	t.held.begun(&t.next)
	return t.win.add(t)
}

// fetch reads the next batch. At the end of a pass over the data it begins the next one if
// the update under way goes on, and else, or if that was the last pass of the plan, returns
// io.EOF.
func (t *Trainer) fetch(goesOn bool) error {
	for {
		t.next = data.Batch{Want: t.plan.Stride}
		err := next(t.data, &t.next)
		if err == nil {
			break
		}
		if err != io.EOF {
			return err
		}
		if t.passes[len(t.passes)-1].empty {
			return errNoBatches
		}
		t.epoch++
		t.files.changed = true
		t.passes = append(t.passes, pass{empty: true})
		if !goesOn || t.atLimit() {
			return io.EOF
		}
	}
	t.passes[len(t.passes)-1].empty = false
	return nil
}

// stepsOfBatch is the most steps that a batch may have.
func (t *Trainer) stepsOfBatch() int {
	steps, _, _, _ := t.net.Dims()
	if t.plan.Stride > 0 {
		steps = t.plan.Stride
	}
	return steps
}

// pass runs the window forward and back, adding to the gradients, and moves the
// window on. It also returns the number of rows in which something counts.
func (t *Trainer) pass() (total loss.Total, rows int, err error) {
	if total, rows, err = t.there(); err != nil {
		return total, 0, err
	}
	t.back()
	return total, rows, nil
}

// there is the way forward of pass, up to the gradient of the outputs. (Ids and targets are
// checked where they are used.)
func (t *Trainer) there() (total loss.Total, rows int, err error) {
	b := t.win.batch()
	t.noise.add(t.step + t.skipped)
	if err := t.win.ahead(t); err != nil {
		return total, 0, err
	}
	if err := t.net.SetLengths(b.Lengths); err != nil {
		return total, 0, err
	}
	if err := nn.SetResets(t.net, b.Resets); err != nil {
		return total, 0, err
	}
	rows = b.CountedRows()
	by := 0.0 // the weight of this window's terms
	if t.sums() {
		by = 1 // apply divides, when it is known what all windows have
	} else if t.plan.Reduction != loss.Mean {
		by = t.plan.Reduction.Divisor(total, rows)
	}
	if total, err = t.throughNet(b, by); err != nil {
		return total, 0, err
	}
	return total, rows, nil
}

// throughNet runs the net over b, and the loss. With blocks the readout has its gradients
// then.
func (t *Trainer) throughNet(b *data.Batch, by float64) (total loss.Total, err error) {
	if t.blocks != nil {
		return t.blocks.there(t.y, b, by, &t.scratch)
	}
	y := t.y[:b.Steps*t.batch*t.out]
	if err := t.forward(y, b); err != nil {
		return total, err
	}
	return measure(t.plan.Loss, t.dy[:len(y)], y, b, by, &t.scratch)
}

// back is the way back of pass.
func (t *Trainer) back() {
	if t.blocks != nil {
		t.blocks.net.Backward()
	} else {
		back := nn.Net.Backward
		if loss.Flushed(t.plan.Loss) {
			back = nn.BackwardFlushed
		}
		back(t.net, nil, t.dy[:t.win.batch().Steps*t.batch*t.out])
	}
	t.grads.sums.Run(t.team.Workers())
	t.win.move(t)
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

// held is what an update that is left out takes back: the carried state, and the sums of
// the passes over the data.
type held struct {
	state [][]float32 // nil: no state is carried
	fresh []bool      // rows that have begun anew since
	rows  []int
	pass  pass
}

func (h *held) init(t *Trainer) {
	if t.plan.Window > 0 {
		h.state = t.net.State()
	}
	h.fresh = make([]bool, t.batch)
	h.rows = make([]int, 0, t.batch)
}

// take keeps what there is before an update.
func (h *held) take(t *Trainer) {
	if h.state != nil {
		nn.CopyState(t.net, h.state)
	}
	clear(h.fresh)
	h.pass = t.passes[0]
}

// begun notes the rows that begin anew with a batch, or inside it.
func (h *held) begun(b *data.Batch) {
	for r, is := range b.Reset {
		h.fresh[r] = h.fresh[r] || is
	}
	for r, list := range b.Resets {
		h.fresh[r] = h.fresh[r] || len(list) > 0
	}
}

// forget takes the sums of an update back that was not made.
func (h *held) forget(t *Trainer) {
	before := h.pass
	for i, p := range t.passes {
		t.passes[i] = p.without(before)
		before = pass{}
	}
}

// putBack takes an update back that was not made, and puts the carried state back.
func (t *Trainer) putBack() error {
	t.held.forget(t)
	if t.parts != nil {
		return t.parts.putBack()
	}
	t.win.giveUp()
	return t.held.restore(t)
}

// restore puts the carried state back.
func (h *held) restore(t *Trainer) error {
	if h.state == nil {
		return nil
	}
	if err := t.net.SetState(h.state); err != nil {
		return t.where(err)
	}
	h.rows = h.rows[:0]
	for r, fresh := range h.fresh {
		if fresh {
			h.rows = append(h.rows, r)
		}
	}
	if len(h.rows) > 0 {
		t.net.Reset(h.rows...)
	}
	return nil
}
