package loss

import (
	"errors"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Loss turns the outputs of a net into a number and its gradient.
type Loss interface {
	// Loss returns the sum of the loss over what b counts, with the weight that it
	// is divided by for the mean, and sets dy, if not nil, to the gradient of sum/by;
	// with 0 for by to that of sum/weight, the mean. So the caller chooses the
	// reduction: see Reduction. Where several batches make one update the Trainer
	// asks for by = 1, the gradient of the sum, and divides when it knows the weights
	// of all.
	//
	// y and dy are [T][rows][width] and have no memory in common, unless the Loss has
	// the method InPlace: see InPlace. dy is zero where nothing is counted. s is
	// scratch that the caller keeps between calls.
	//
	// A Loss honours Lengths, Context and Targets of the batch, and its Weights if it says
	// so: Batch.Term says what counts. Check does the checks that all losses need.
	Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error)
}

// A Total is the loss of what has been counted. Totals of several batches are added.
type Total struct {
	Sum    float64 // of the terms, each times its weight
	Weight float64 // the sum of the weights, the number of terms where they have none
	Terms  int     // how many terms there are
}

// Plus is the total of t and u.
func (t Total) Plus(u Total) Total {
	return Total{t.Sum + u.Sum, t.Weight + u.Weight, t.Terms + u.Terms}
}

// Mean is Sum/Weight: the loss that is reported, whatever the reduction of the
// gradient. It is 0 if nothing has a weight.
func (t Total) Mean() float64 {
	if t.Weight == 0 {
		return 0
	}
	return t.Sum / t.Weight
}

// A Reduction says what the gradient of a sum is divided by. The loss that is reported
// is Total.Mean with all of them.
type Reduction uint8

const (
	// Mean divides by the weight of all that is counted: the gradient of the mean.
	Mean Reduction = iota
	// SumOverTime divides by the number of rows in which something is counted: the
	// terms of a row are summed over the steps of the batch, and the sums of the rows
	// averaged. With windows each row of each window is one.
	SumOverTime
	// Sum divides by nothing.
	Sum
)

// Divisor is what the gradient of the sum of t is divided by, rows being
// Batch.CountedRows of the batches in t; it is at least 1 where nothing has a weight.
func (r Reduction) Divisor(t Total, rows int) float64 {
	d := 1.0
	switch r {
	case Mean:
		d = t.Weight
	case SumOverTime:
		d = float64(rows)
	}
	if d == 0 {
		return 1
	}
	return d
}

// Check returns an error if r is none of the constants.
func (r Reduction) Check() error {
	if r > Sum {
		return fmt.Errorf("loss: reduction %d, want Mean, SumOverTime or Sum", r)
	}
	return nil
}

// String returns the name of the constant in words.
func (r Reduction) String() string {
	if r.Check() != nil {
		return fmt.Sprintf("Reduction(%d)", uint8(r))
	}
	return [...]string{"mean", "sum over time", "sum"}[r]
}

// InPlace says whether l may be called with dy the same slice as y: then the gradient
// takes the place of the outputs, and a Trainer needs the memory of one of them. That is
// so if l has a method InPlace() bool that returns true. All losses of this package do. A
// type that embeds one of them has the method too, and must not look at y after the
// embedded Loss has written dy.
func InPlace(l Loss) bool {
	p, ok := l.(interface{ InPlace() bool })
	return ok && p.InPlace()
}

// Flushed says whether the gradients of l have +0 in the place of tiny values (rule 8 of the
// numerics contract), as those of the losses of this package have: then [nn.BackwardFlushed]
// takes them. Of a type that embeds one of these it is not known, and so false.
//
// [nn.BackwardFlushed]: https://pkg.go.dev/github.com/simdrnn/simdrnn/nn#BackwardFlushed
func Flushed(l Loss) bool {
	switch l := l.(type) {
	case CrossEntropy, *CrossEntropy, MSE, *MSE, MAE, *MAE, Huber, *Huber, BCE, *BCE, Quantile, *Quantile, CTC, *CTC:
		return true
	case PerSequence:
		return Flushed(l.Of)
	case *PerSequence:
		return l != nil && Flushed(l.Of)
	}
	return false
}

// Check does the checks of arguments that all losses need, before anything is written,
// and returns the width of the outputs, 0 if there are none: y is a multiple of Steps*Rows
// of b; dy is nil or as long as y, and is y or has no memory in common with it nor with Y
// and Weights of b; by is 0 or more; Targets, Lengths and Weights of b, where given, have
// the right lengths. Whether targets are classes, and whether there are any, is left to
// the caller, and so is a dy that is y for a loss that does not work in place.
func Check(dy, y []float32, b *data.Batch, by float64) (width int, err error) {
	if err := checkBatch(b, by); err != nil {
		return 0, err
	}
	switch {
	case dy != nil && len(dy) != len(y):
		return 0, fmt.Errorf("loss: dy has %d elements, want %d, those of y", len(dy), len(y))
	case kernels.Overlap(dy, y) && !kernels.Same(dy, y) || kernels.Overlap(dy, b.Y) || kernels.Overlap(dy, b.Weights):
		return 0, errors.New("loss: dy overlaps y, or Y or Weights of the batch, in memory; give it memory of its own, or that of y")
	}
	return checkSizes(b, len(y))
}

// check is Check for a loss that needs scratch.
func check(dy, y []float32, b *data.Batch, by float64, s *Scratch) (width int, err error) {
	if s == nil {
		return 0, errNoScratch
	}
	return Check(dy, y, b, by)
}

var errNoBatch = errors.New("loss: a nil batch, want what the outputs are compared with")

var errNoScratch = errors.New("loss: a nil *Scratch, want new(loss.Scratch), which later calls use again")

// checkBatch does the checks of Check that need no outputs.
func checkBatch(b *data.Batch, by float64) error {
	if b == nil {
		return errNoBatch
	}
	rows := b.Steps * b.Rows
	for r, steps := range b.Lengths {
		if steps < 0 || steps > b.Steps {
			return fmt.Errorf("loss: a batch has length %d of row %d, want 0 to %d", steps, r, b.Steps)
		}
	}
	switch {
	case !(by >= 0) || math.IsInf(by, 0):
		return fmt.Errorf("loss: a gradient of the loss divided by %v, want the weight of the terms, or 0 for that of the batch", by)
	case b.Steps < 0 || b.Rows < 0:
		return fmt.Errorf("loss: a batch of %d steps of %d rows", b.Steps, b.Rows)
	case len(b.Targets) > 0 && len(b.Targets) != rows:
		return fmt.Errorf("loss: a batch has %d targets, want %d for %d steps of %d rows", len(b.Targets), rows, b.Steps, b.Rows)
	case b.Lengths != nil && len(b.Lengths) != b.Rows:
		return fmt.Errorf("loss: a batch has %d lengths, want %d", len(b.Lengths), b.Rows)
	}
	return nil
}

// checkSizes returns the width of n outputs of b.
func checkSizes(b *data.Batch, n int) (width int, err error) {
	rows := b.Steps * b.Rows
	switch {
	case rows == 0 && n == 0:
		return 0, nil
	case rows == 0 || n%rows != 0:
		return 0, fmt.Errorf("loss: y has %d elements, which is no multiple of the %d rows of the batch", n, rows)
	case len(b.Weights) > 0 && len(b.Weights) != rows && len(b.Weights) != n:
		return 0, fmt.Errorf("loss: a batch has %d weights, want %d, one for each step, or %d, one for each output", len(b.Weights), rows, n)
	}
	return n / rows, nil
}

// stepWeight is the weight of pair p of a batch whose Weights are those of steps.
func stepWeight(b *data.Batch, p int) float64 {
	if len(b.Weights) == 0 {
		return 1
	}
	return float64(b.Weights[p])
}

// checkStepWeights returns an error if Weights of b are not those of steps, or if one
// that counts is negative or not finite.
func checkStepWeights(name string, b *data.Batch) error {
	if len(b.Weights) == 0 {
		return nil
	}
	if rows := b.Steps * b.Rows; len(b.Weights) != rows {
		return fmt.Errorf("loss: %s: a batch has %d weights, want %d, one for each step", name, len(b.Weights), rows)
	}
	for p, w := range b.Weights {
		if b.Counts(p) && !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("loss: %s: the weight at step %d, row %d is %v, want 0 or more", name, p/b.Rows, p%b.Rows, w)
		}
	}
	return nil
}

// checkWeights returns an error if w, of classes or outputs, is set and is not one finite
// number of 0 or more for each of them.
func checkWeights(field string, w []float32, width int) error {
	if w == nil {
		return nil
	}
	if len(w) != width {
		return fmt.Errorf("loss: %s has %d elements, want %d as the outputs have", field, len(w), width)
	}
	for i, v := range w {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("loss: %s[%d] is %v, want 0 or more", field, i, v)
		}
	}
	return nil
}

// BitsPerSymbol converts a mean loss in nats to bits.
func BitsPerSymbol(loss float64) float64 { return loss / math.Ln2 }

// Perplexity is e to the mean loss in nats.
func Perplexity(loss float64) float64 { return kernels.Exp64(loss) }
