package loss

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/slope"
)

// A GradientCheck says how CheckGradients works. Its zero value is a good choice for most
// losses.
type GradientCheck struct {
	// Seed is what the outputs are drawn from, evenly from -Range to Range; 0 is 2.
	Seed  uint64
	Range float64
	// Step is the distance h by which an output is moved, 0 for 1/16.
	Step float64
	// Tolerance is by how much a gradient may be off, relative to the largest one; 0 for 1/100.
	// A wrong formula is mostly off by far more, a right one by 1e-4.
	Tolerance float64
}

// CheckGradients holds a loss of one's own to what Loss asks of it, for the batch b and
// outputs of the given width that it draws:
//
//	b := &data.Batch{Steps: 3, Rows: 2, Targets: []int32{0, 2, 1, 1, 0, 2}}
//	err := loss.CheckGradients(focal{}, b, 3, loss.GradientCheck{})
//
// b has what the loss compares outputs with: Targets, Y or Labels, and Lengths and Weights
// if they are to be looked at; no Context. The error names what is not as it should be, of
//
//   - the gradient, compared with central differences of Total.Sum as nn.CheckGradients does,
//     passing over kinks;
//   - by: the gradient with 0 is that with 1 divided by Total.Weight, and that with 2 half;
//   - dy, which does not change the total, changes with y in its place nothing where InPlace
//     says so, and is 0 where nothing is counted;
//   - Lengths: steps past the ends of rows change nothing, whatever stands there. The check
//     puts NaN into the outputs, Y and Weights of all of them, and no class into Targets, of
//     those that b has by its Lengths and of two more;
//   - Context: leading steps that were counted before change nothing. A loss may refuse a
//     batch with a Context;
//   - a batch in which nothing exists: its total is 0.
//
// Sums may differ by rounding, since a loss may cut them at other places of a longer batch.
// A panic of the loss is an error that says in which of these batches. b is not changed.
func CheckGradients(l Loss, b *data.Batch, width int, c GradientCheck) error {
	c.Range, c.Step, c.Tolerance = cmp.Or(c.Range, 2), cmp.Or(c.Step, 1./16), cmp.Or(c.Tolerance, 0.01)
	switch {
	case nilcheck.IsNil(l):
		return errors.New("loss: CheckGradients of no Loss: it is nil")
	case b == nil:
		return errNoBatch
	case b.Steps < 1 || b.Rows < 1 || width < 1:
		return fmt.Errorf("loss: CheckGradients with %d steps of %d rows of width %d, want at least 1 of each", b.Steps, b.Rows, width)
	case b.Context != 0:
		return fmt.Errorf("loss: CheckGradients of a batch with the Context %d; leave it out, the check sets one of its own", b.Context)
	case !(c.Range > 0 && c.Range < 1e6) || !(c.Step > 0 && c.Step < 1e6) || !(c.Tolerance > 0 && c.Tolerance < 1e6):
		return fmt.Errorf("loss: CheckGradients with a Range of %v, a Step of %v and a Tolerance of %v, want numbers above 0, or 0 for 2, 1/16 and 1/100", c.Range, c.Step, c.Tolerance)
	}
	k := &gradientCheck{GradientCheck: c, of: l, b: b, width: width, y: make([]float32, b.Steps*b.Rows*width)}
	if _, err := Check(nil, k.y, b, 0); err != nil {
		return err
	}
	k.rng = rand.New(rand.NewPCG(c.Seed, 0))
	draw.Uniform(k.y, c.Range, k.rng)
	return k.run()
}

// gradientCheck is one call of CheckGradients.
type gradientCheck struct {
	GradientCheck
	of    Loss
	b     *data.Batch
	width int
	rng   *rand.Rand
	y     []float32

	scratch Scratch
	total   Total     // of b
	dy      []float32 // of the sum
}

func (k *gradientCheck) run() (err error) {
	if k.total, k.dy, err = k.call("the batch", k.y, k.b, 1); err != nil {
		return err
	}
	if k.total.Terms == 0 {
		return errors.New("loss: CheckGradients of a batch in which nothing is counted, want one with targets")
	}
	for _, part := range []func() error{k.reductions, k.inPlace, k.lengths, k.context, k.nothing, k.differences} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// A panicError is a panic of the loss.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("the loss panics: %v", e.value) }

// loss calls the loss. A panic in it is a *panicError.
func (k *gradientCheck) loss(dy, y []float32, b *data.Batch, by float64) (t Total, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v}
		}
	}()
	return k.of.Loss(dy, y, b, by, &k.scratch)
}

// failed is the error for a batch for which the loss gives one, or panics.
func failed(name string, err error) error {
	if _, ok := err.(*panicError); ok {
		return fmt.Errorf("loss: for %s %w", name, err)
	}
	return fmt.Errorf("loss: for %s the loss returns an error: %w", name, err)
}

// call returns the total and the gradient for one batch, and holds that the total does not
// depend on whether the gradient is wanted, that y is only read, and that dy is 0 where
// nothing is counted.
func (k *gradientCheck) call(name string, y []float32, b *data.Batch, by float64) (t Total, dy []float32, err error) {
	before := slices.Clone(y)
	dy = slices.Repeat([]float32{float32(math.NaN())}, len(y)) // of which nothing may be left
	if t, err = k.loss(dy, y, b, by); err != nil {
		return t, nil, failed(name, err)
	}
	for i := range y {
		if math.Float32bits(y[i]) != math.Float32bits(before[i]) {
			return t, nil, fmt.Errorf("loss: for %s the loss changes y[%d], which is only to be read unless it is dy", name, i)
		}
	}
	plain, err := k.loss(nil, y, b, by)
	if err != nil {
		return t, nil, failed(name+" without dy", err)
	}
	if plain != t {
		return t, nil, fmt.Errorf("loss: for %s the total is %+v with dy, and %+v without", name, t, plain)
	}
	if !(math.Abs(t.Sum) <= math.MaxFloat64) || !(t.Weight >= 0 && t.Weight <= math.MaxFloat64) || t.Terms < 0 {
		return t, nil, fmt.Errorf("loss: for %s the total is %+v, want finite numbers, and a weight and terms of 0 or more", name, t)
	}
	for i, g := range dy {
		switch p := i / k.width; {
		case !counted(b, p) && g != 0:
			return t, nil, fmt.Errorf("loss: for %s dy of %s is %v, want 0: the step is not counted, see Batch.Term", name, k.at(i, b), g)
		case g != g:
			return t, nil, fmt.Errorf("loss: for %s dy of %s is not set, or NaN", name, k.at(i, b))
		}
	}
	return t, dy, nil
}

// counted says whether pair p exists and, where the loss has Targets, is not to be ignored.
func counted(b *data.Batch, p int) bool {
	return b.Counts(p) && (b.Labels != nil || len(b.Targets) == 0 || b.Targets[p] >= 0)
}

// at names an element of outputs.
func (k *gradientCheck) at(i int, b *data.Batch) string {
	p := i / k.width
	return fmt.Sprintf("output %d at step %d, row %d", i%k.width, p/b.Rows, p%b.Rows)
}

// reductions holds that by divides the gradient.
func (k *gradientCheck) reductions() error {
	for _, by := range []float64{0, 2} {
		_, dy, err := k.call("the batch", k.y, k.b, by)
		if err != nil {
			return err
		}
		divisor := cmp.Or(by, k.total.Weight)
		if divisor == 0 {
			continue
		}
		for i, g := range dy {
			if want := float64(k.dy[i]) / divisor; !near(float64(g), want, k.largest()/divisor) {
				return fmt.Errorf("loss: with by = %v dy of %s is %v, want %v: %v, which it is with by = 1, divided by %v", by, k.at(i, k.b), g, want, k.dy[i], divisor)
			}
		}
	}
	return nil
}

// largest is the magnitude of the largest gradient.
func (k *gradientCheck) largest() (m float64) {
	for _, g := range k.dy {
		m = max(m, math.Abs(float64(g)))
	}
	return m
}

// near says whether two numbers are equal but for rounding, beside others of the given size.
func near(a, b, size float64) bool { return math.Abs(a-b) <= 1e-5*max(size, math.Abs(b), 1e-30) }

// inPlace holds that dy may be y, if the loss says so.
func (k *gradientCheck) inPlace() error {
	if !InPlace(k.of) {
		return nil
	}
	y := slices.Clone(k.y)
	t, err := k.loss(y, y, k.b, 1)
	switch {
	case err != nil:
		return failed("y in the place of dy, which its InPlace says may be there,", err)
	case t != k.total:
		return fmt.Errorf("loss: with y in the place of dy the total is %+v, want %+v", t, k.total)
	}
	for i, g := range y {
		if math.Float32bits(g) != math.Float32bits(k.dy[i]) {
			return fmt.Errorf("loss: with y in the place of dy the gradient of %s is %v, want %v as in memory of its own", k.at(i, k.b), g, k.dy[i])
		}
	}
	return nil
}

// lengths holds that steps past the ends of rows change nothing.
func (k *gradientCheck) lengths() error {
	b, y := k.longer(0, 2)
	return k.same("two more steps past the ends of the rows", b, y, 0)
}

// context holds that steps that were counted before change nothing.
func (k *gradientCheck) context() error {
	b, y := k.longer(2, 0)
	const name = "two more steps before, and a Context of 2"
	if _, err := k.loss(nil, y, b, 1); err != nil {
		if _, ok := err.(*panicError); ok {
			return failed(name, err)
		}
		return nil // refused
	}
	return k.same(name, b, y, 2)
}

// same holds that a longer batch, in which the steps of k.b begin at first, is as k.b.
func (k *gradientCheck) same(name string, b *data.Batch, y []float32, first int) error {
	t, dy, err := k.call(name, y, b, 1)
	if err != nil {
		return err
	}
	if !near(t.Sum, k.total.Sum, k.total.Weight) || !near(t.Weight, k.total.Weight, 0) || t.Terms != k.total.Terms {
		return fmt.Errorf("loss: for %s the total is %+v, want %+v as without", name, t, k.total)
	}
	dy = dy[first*b.Rows*k.width:]
	for i, want := range k.dy {
		if !near(float64(dy[i]), float64(want), k.largest()) {
			return fmt.Errorf("loss: for %s dy of what is %s without is %v, want %v as without", name, k.at(i, k.b), dy[i], want)
		}
	}
	return nil
}

// longer returns the batch with steps before and after, and outputs: what stands after the
// ends of rows is nothing that could be counted.
func (k *gradientCheck) longer(before, after int) (*data.Batch, []float32) {
	b := *k.b
	b.Steps += before + after
	b.Context = before
	b.Lengths = make([]int, b.Rows)
	for r := range b.Lengths {
		b.Lengths[r] = before + stepsOf(k.b, r)
	}
	b.Targets = stretched(k.b, k.b.Targets, before, after)
	b.Y = stretched(k.b, k.b.Y, before, after)
	b.Weights = stretched(k.b, k.b.Weights, before, after)
	y := stretched(k.b, k.y, before, after)
	draw.Uniform(y[:before*b.Rows*k.width], k.Range, k.rng)
	nan, pairs := float32(math.NaN()), b.Steps*b.Rows
	for p := before * b.Rows; p < pairs; p++ {
		if !b.Counts(p) {
			erase(b.Targets, p, pairs, math.MaxInt32)
			erase(b.Y, p, pairs, nan)
			erase(b.Weights, p, pairs, nan)
			erase(y, p, pairs, nan)
		}
	}
	return &b, y
}

// erase sets what v has for pair p of so many to nothing.
func erase[E any](v []E, p, pairs int, nothing E) {
	each := len(v) / pairs
	for i := range each {
		v[p*each+i] = nothing
	}
}

// stretched returns v, of the steps of b, with copies of its first step before and zeros after.
func stretched[E any](b *data.Batch, v []E, before, after int) []E {
	if len(v) == 0 {
		return v
	}
	each := len(v) / b.Steps
	s := slices.Repeat(v[:each], before)
	return append(append(s, v...), make([]E, after*each)...)
}

// nothing holds that a batch of rows without steps counts nothing.
func (k *gradientCheck) nothing() error {
	b := *k.b
	b.Lengths = make([]int, b.Rows)
	if b.Labels != nil {
		b.Labels = make([][]int32, b.Rows)
	}
	for _, by := range []float64{0, 1} {
		t, _, err := k.call("rows of no steps", slices.Repeat([]float32{float32(math.NaN())}, len(k.y)), &b, by)
		if err != nil {
			return err
		}
		if t != (Total{}) {
			return fmt.Errorf("loss: for rows of no steps the total is %+v, want zeros", t)
		}
	}
	return nil
}

// differences compares the gradient with central differences.
func (k *gradientCheck) differences() error {
	scale, looked, passed := max(k.largest(), 1e-3), 0, 0
	worst := 0.0
	var found error
	for i, g := range k.dy {
		if !counted(k.b, i/k.width) {
			continue
		}
		looked++
		d, unsure, err := k.difference(i, k.Step)
		if off := math.Abs(float64(g) - d); err == nil && unsure <= k.Tolerance*scale && off > k.Tolerance*scale {
			// At a kink differences by all large steps may be alike.
			var near, close float64
			if near, close, err = k.difference(i, k.Step/64); err == nil && close <= k.Tolerance*scale {
				d = near
			}
		}
		switch off := math.Abs(float64(g)-d) / scale; {
		case err != nil:
			return failed(k.at(i, k.b)+" moved", err)
		case unsure > k.Tolerance*scale:
			passed++
		case off > k.Tolerance && off > worst:
			worst = off
			found = fmt.Errorf("loss: the gradient of %s: dy is %v, central differences of the sum %.6g; it is off by %.2g of the largest one, want at most %v", k.at(i, k.b), g, d, off, k.Tolerance)
		}
	}
	if found == nil && 2*passed > looked {
		return fmt.Errorf("loss: of %d outputs %d lie at kinks or change the loss too much within a step of %v for a gradient to be told; take another Step or Seed", looked, passed, k.Step)
	}
	return found
}

// difference returns the derivative of the sum by y[i], and by how much two estimates of it
// differ. The largest step is the given one.
func (k *gradientCheck) difference(i int, step float64) (d, unsure float64, err error) {
	return slope.Of(&k.y[i], step, k.Tolerance, func() (float64, error) {
		t, err := k.loss(nil, k.y, k.b, 1)
		return t.Sum, err
	})
}
