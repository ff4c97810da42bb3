package bptt

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// Evaluate returns the mean loss of net over one epoch of data, weighted where terms
// have weights, and the number of terms it is the mean of, without training: dropout and the like are off.
// It begins at the beginning of the current epoch of data, whatever the position is.
// Batches have at most as many steps as the net. The state is carried from batch to
// batch, except for the rows whose Batch.Reset is true, and for those that begin anew
// at a step of Batch.Resets.
//
// Metrics are reset first, and then given the outputs of every batch: afterwards their
// Value is that of the epoch. After an error they have what came before it.
//
// The mean of a net that has diverged, whose outputs are NaN or infinite, is NaN or infinite
// too, and no error: so a training that goes on after such an update (Plan.SkipNonFinite)
// goes on after a validation, for which it is worse than any number. Where the data have a NaN
// or an infinity, in an input of a step that exists, of a source too, or in a target that counts,
// and the loss of its batch is not finite, the error names batch, step and row: no net could do
// better.
//
// Afterwards, also after an error or when ctx ends, the carried state of net, the
// state of its masks, and the position of data are as before, if data has the methods
// for that (see data.Source). So a run may be evaluated on the data that it trains on. Data
// without these methods is at the beginning of an epoch afterwards; do not evaluate on
// such data a run that continues with it. The net is in training mode afterwards, and
// its lengths are those of SetLengths(nil).
func Evaluate(ctx context.Context, net nn.Net, source data.Source, criterion loss.Loss, metrics ...loss.Metric) (mean float64, n int, err error) {
	return meanOf(evaluate(ctx, net, source, criterion, 0, metrics))
}

// meanOf returns the mean of what evaluate has returned, and an error if nothing counts.
func meanOf(total loss.Total, err error) (mean float64, n int, _ error) {
	if err == nil && total.Terms == 0 {
		err = errNothing
	}
	if err != nil {
		return 0, 0, err
	}
	return total.Mean(), total.Terms, nil
}

var errNothing = errors.New("bptt: the data has nothing to evaluate")

// evaluate is Evaluate, also of data that has nothing to evaluate, with a limit of the rows
// of outputs in memory, if that is above 0.
func evaluate(ctx context.Context, net nn.Net, source data.Source, criterion loss.Loss, limit int, metrics []loss.Metric) (total loss.Total, err error) {
	switch {
	case ctx == nil:
		return total, errNoContext
	case nilcheck.IsNil(net):
		return total, errNoNet
	case nilcheck.IsNil(source):
		return total, errNoData
	case nilcheck.IsNil(criterion):
		return total, errNoLoss
	}
	for i, m := range metrics {
		if nilcheck.IsNil(m) {
			return total, fmt.Errorf("bptt: metric %d of %d is nil; &loss.Accuracy{} is a metric", i, len(metrics))
		}
	}
	steps, batch, in, out := net.Dims()
	if err := checkRows(source, batch); err != nil {
		return total, err
	}
	ids := nn.OverIDs(net)
	var parts *blocks
	atOnce := steps
	if limit > 0 {
		if parts, err = newBlocks(net, limit, criterion); err == nil {
			err = checkMetrics(metrics)
		}
		if err != nil {
			return total, fmt.Errorf("bptt: an evaluation within %d rows of outputs: %w", limit, err)
		}
		atOnce = parts.net.Steps()
	}
	giveBack, err := borrow(source)
	if err != nil {
		return total, err
	}
	// A panic in the net does not keep the data from going back either: this runs
	// last, whatever the calls below do.
	defer func() {
		err = withError(err, giveBack())
	}()
	giveBackNet := lend(net)
	defer func() { err = withError(err, giveBackNet()) }()
	net.Reset()
	for _, m := range metrics {
		if err := reset(m); err != nil {
			return total, err
		}
	}
	y := make([]float32, atOnce*batch*out)
	var scratch loss.Scratch
	rows := make([]int, 0, batch)
	for batches := 0; ; batches++ {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		b := data.Batch{Want: steps}
		if err := next(source, &b); err == io.EOF {
			break
		} else if err != nil {
			return total, err
		}
		if err := checkBatch(net, &b, steps, batch, in, out); err != nil {
			return total, err
		}
		rows = rows[:0]
		for r, anew := range b.Reset {
			if anew {
				rows = append(rows, r)
			}
		}
		if len(rows) > 0 {
			net.Reset(rows...)
		}
		if err := net.SetLengths(b.Lengths); err != nil {
			return total, err
		}
		if err := nn.SetResets(net, b.Resets); err != nil {
			return total, err
		}
		if parts != nil {
			of, err := parts.evaluate(y, &b, &scratch, metrics)
			if err != nil {
				return total, err
			}
			if total, err = plus(total, of, &b, batches); err != nil {
				return total, err
			}
			continue
		}
		y := y[:b.Steps*batch*out]
		if whole := nn.OverBatches(net); whole != nil {
			if err := whole.ForwardBatch(y, &b); err != nil {
				return total, err
			}
		} else if ids != nil {
			if err := ids.ForwardIDs(y, b.IDs); err != nil {
				return total, err
			}
		} else {
			net.Forward(y, b.X)
		}
		for _, m := range metrics {
			if err := add(m, y, &b); err != nil {
				return total, err
			}
		}
		of, err := measure(criterion, nil, y, &b, 0, &scratch)
		if err != nil {
			return total, err
		}
		if total, err = plus(total, of, &b, batches); err != nil {
			return total, err
		}
	}
	return total, nil
}

// plus adds what a batch has come to, the first being number 0. It is an error if that is not
// finite because of the data.
func plus(total, of loss.Total, b *data.Batch, number int) (loss.Total, error) {
	if of.Sum-of.Sum != 0 || of.Weight-of.Weight != 0 {
		if place := notFinite(b); place != "" {
			return total, fmt.Errorf("bptt: batch %d of the data has the loss %v: %s; mend it, or leave it out, a step by Lengths, a target by a weight of 0", number, of.Sum/of.Weight, place)
		}
	}
	return total.Plus(of), nil
}

// reset resets a Metric; a panic in it is an error.
func reset(m loss.Metric) (err error) {
	defer catch("Metric", &err)
	m.Reset()
	return nil
}

// add gives a Metric the outputs of a batch; a panic in it is an error.
func add(m loss.Metric, y []float32, b *data.Batch) (err error) {
	defer catch("Metric", &err)
	return m.Add(y, b)
}

// lend puts net out of training, and returns what puts it back, with the carried state
// and the state of the masks that it had. Its lengths are then those of SetLengths(nil).
func lend(net nn.Net) (giveBack func() error) {
	saved, masked := net.State(), nn.MasksOf(net)
	var clock []uint64
	if masked != nil {
		clock = masked.Clock()
	}
	net.SetTraining(false)
	return func() (err error) {
		if masked != nil {
			err = masked.SetClock(clock)
		}
		net.SetTraining(true)
		err = withError(err, net.SetLengths(nil))
		return withError(err, net.SetState(saved))
	}
}

// borrow takes data to the beginning of its epoch and returns what takes it back
// to where it was or, if it cannot say where that is, to a beginning. On an error
// it has taken data back already.
func borrow(source data.Source) (giveBack func() error, err error) {
	giveBack = func() error { return rewind(source) }
	from, can := source.(encoding.BinaryMarshaler)
	if to, also := source.(encoding.BinaryUnmarshaler); can && also {
		position, err := positionOf(from)
		if err != nil {
			return nil, err
		}
		giveBack = func() error { return moveTo(to, position) }
	}
	if err := rewind(source); err != nil {
		return nil, withError(err, giveBack())
	}
	return giveBack, nil
}
