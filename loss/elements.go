package loss

import (
	"cmp"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// What MSE, MAE, Huber and BCE have in common, the losses that compare each element of y
// with one of Batch.Y:
//
// The elements of pairs (t, b) that exist are counted, but for the pairs whose target is
// below 0 if the batch has Targets too. Weights of the batch, of steps or of elements,
// multiply loss and gradient of an element, and are what the mean is divided by; where a
// weight is below 2^-100 the element is left out by selection, whatever y and Y are there. A
// weight that counts is 0 or more and finite.
//
// The sums are of float64, over blocks of as many whole pairs as have 4096 elements, at
// least one, with +0 where nothing is counted: Kernels.Dot64 of each block, the blocks
// ascending.

// MSE is the mean squared error against Batch.Y over every counted element,
// the (t, b) pairs that exist times the width. If the batch has Targets too, a
// pair whose target is below 0 is ignored, as CrossEntropy does: that is how a
// sequence is asked for its last output alone.
//
//	loss = sum (y - target)^2 / N   dy = (y - target) * 2/N
//
// N is the number of these elements, or for dy the by of Loss if that is not 0. Weights
// of the batch are those of steps or of elements: sum w*(y-target)^2 is divided by sum w,
// and an element of a weight below 2^-100 is left out, whatever stands there. The
// sums are of float64.
type MSE struct {
	// PerStep makes N the number of steps in place of that of elements: the squares
	// are summed over the width, and averaged over the steps.
	PerStep bool
}

// MAE is the mean absolute error, MSE with |y - target| in place of the square. The
// gradient is 0 where the two are equal.
type MAE struct {
	PerStep bool // as in MSE
}

// Huber is MSE with the function of Huber (1964), a square near 0 and a line beyond
// Delta:
//
//	d = y - target     loss = d^2/2             where |d| <= Delta     dy = d
//	                          Delta*(|d| - Delta/2)     elsewhere          Delta*sign(d)
//
// It is PyTorch's HuberLoss. PyTorch's SmoothL1Loss(beta) is Huber{Delta: beta} divided
// by beta; both are the same with 1.
type Huber struct {
	Delta   float64 // above 0, and at least 2^-100 in float32; 0 is 1
	PerStep bool    // as in MSE
}

// InPlace says that dy may be y.
func (MSE) InPlace() bool { return true }

// InPlace says that dy may be y.
func (MAE) InPlace() bool { return true }

// InPlace says that dy may be y.
func (Huber) InPlace() bool { return true }

// Loss implements Loss, in place too. dy is y - target, times the element's weight if
// there are weights, times 2/N, rounded after each, and stored as +0 below 2^-100.
func (l MSE) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	return s.elements(dy, y, b, by, l.call())
}

// Loss implements Loss, in place too, as that of MSE.
func (l MAE) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	return s.elements(dy, y, b, by, l.call())
}

// Loss implements Loss, in place too, as that of MSE.
func (l Huber) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	return s.elements(dy, y, b, by, l.call())
}

func (l MSE) call() elementCall { return elementCall{name: "MSE", form: square, perStep: l.PerStep} }
func (l MAE) call() elementCall { return elementCall{name: "MAE", form: absolute, perStep: l.PerStep} }
func (l Huber) call() elementCall {
	c := elementCall{name: "Huber", form: huber, perStep: l.PerStep, given: l.Delta, delta: 1}
	if l.Delta != 0 {
		c.delta = float32(l.Delta)
	}
	return c
}

type form uint8

const (
	square form = iota
	absolute
	huber
	binary
	quantile
)

// An elementCall is one of these losses, and how its elements are cut.
type elementCall struct {
	name    string
	form    form
	perStep bool
	delta   float32   // of Huber
	given   float64   // the same as it was set
	ones    []float32 // the weight of ones for each output, of BCE; nil: 1

	levels []float32 // of Quantile

	block int     // pairs
	scale float32 // of the gradient
}

// least is the smallest weight of an element that counts, which is that of a step: see
// Batch.Term.
const least = 0x1p-100

// blockElements is how many elements a block has, if one pair has not more.
const blockElements = 4096

// elements is Loss of all of them.
func (s *Scratch) elements(dy, y []float32, b *data.Batch, by float64, c elementCall) (Total, error) {
	width, err := check(dy, y, b, by, s)
	if err != nil || width == 0 {
		return Total{}, err
	}
	if err := c.check(b, width); err != nil {
		return Total{}, err
	}
	rows := b.Steps * b.Rows
	c.block = max(1, blockElements/width)
	blocks := (rows + c.block - 1) / c.block
	size := min(rows, c.block) * width
	s.allOnes(size)
	parts := s.begin(dy, y, b, width, by, split.LossWork(kernels.Current(), 0, len(y)), blocks, 4*size)
	defer s.end()
	s.call.elements = c
	if err := s.checkElements(); err != nil {
		return Total{}, err
	}
	t := s.weighElements()
	if t.Weight == 0 {
		clear(dy)
		return t, nil
	}
	by = cmp.Or(by, t.Weight)
	s.call.elements.scale = float32(1 / by)
	switch {
	case c.form == square:
		s.call.elements.scale = float32(2 / by)
	case c.form == quantile:
		s.setLevels(c.levels, size)
	case c.form == binary && c.ones == nil:
		s.q = append(s.q[:0], s.ones[:size]...)
	case c.form == binary:
		s.q = s.q[:0]
		for len(s.q) < size {
			s.q = append(s.q, c.ones...)
		}
	}
	if s.elementPart == nil {
		s.elementPart = s.elementBlocks
	}
	s.run(parts, s.elementPart)
	t.Sum = s.sum(blocks)
	return t, nil
}

// check returns an error for settings that make no sense, and for a batch without the
// targets and weights that outputs of that width need.
func (c *elementCall) check(b *data.Batch, width int) error {
	rows := b.Steps * b.Rows
	if c.form == huber && !(c.delta >= 0x1p-100 && c.delta <= math.MaxFloat32) {
		return fmt.Errorf("loss: Huber.Delta is %v, want a limit of at least 2^-100 in float32, or 0 for 1", c.given)
	}
	if c.form == quantile {
		if err := c.checkLevels(width); err != nil {
			return err
		}
	}
	if len(b.Y) != rows*width {
		return fmt.Errorf("loss: %s: Y of the batch has %d elements, want %d, one for each output", c.name, len(b.Y), rows*width)
	}
	if len(b.Weights) == rows {
		if err := checkStepWeights(c.name, b); err != nil {
			return err
		}
	}
	return checkWeights("BCE.OnesWeight", c.ones, width)
}

// weighBatch is weighElements without outputs.
func (s *Scratch) weighBatch(b *data.Batch, width int, c elementCall) (Total, error) {
	if err := c.check(b, width); err != nil {
		return Total{}, err
	}
	c.block = max(1, blockElements/width)
	size := min(b.Steps*b.Rows, c.block) * width
	s.allOnes(size)
	s.begin(nil, nil, b, width, 0, 0, 1, size)
	defer s.end()
	s.call.elements = c
	if err := s.checkElements(); err != nil {
		return Total{}, err
	}
	return s.weighElements(), nil
}

// checkElements returns an error for a weight or an answer that makes no sense.
func (s *Scratch) checkElements() error {
	err := s.checkElementWeights()
	if err == nil && s.call.elements.form == binary {
		err = s.checkAnswers()
	}
	return err
}

// weighElements returns the weight and the number of the terms.
func (s *Scratch) weighElements() (t Total) {
	c := &s.call
	rows, width := c.b.Steps*c.b.Rows, c.width
	single := len(c.b.Weights) <= rows // weights of steps, or none
	if single || c.elements.perStep {
		each := width
		if c.elements.perStep {
			each = 1
		}
		for p := range rows {
			if c.b.Term(p) {
				t.Terms += each
				w := float64(each)
				if single {
					w = float64(w * stepWeight(c.b, p))
				}
				t.Weight += w
			}
		}
		return t
	}
	w := s.work[0]
	for lo := 0; lo < rows; lo += c.elements.block {
		hi := min(rows, lo+c.elements.block)
		n := (hi - lo) * width
		c.weights(w[:n], s.ones[:n], lo, hi)
		t.Weight += c.isa.Dot64(w[:n], s.ones[:n])
		c.isa.Sign(w[:n], w[:n])
		t.Terms += int(c.isa.Dot64(w[:n], s.ones[:n]))
	}
	return t
}

// weights sets w to the weights of the elements of pairs lo to hi, with +0 for what does
// not count. There are as many ones as elements.
func (c *call) weights(w, ones []float32, lo, hi int) {
	if given := c.b.Weights; len(given) == c.b.Steps*c.b.Rows*c.width {
		given = given[lo*c.width:][:len(w)]
		c.isa.Drop(w, given, given, least, 1)
	} else {
		for p := lo; p < hi; p++ {
			c.isa.Scale(w[(p-lo)*c.width:][:c.width], ones[:c.width], float32(stepWeight(c.b, p)))
		}
	}
	c.leaveOut(w, lo, hi)
}

// leaveOut sets x, one element for each of pairs lo to hi, to +0 where the pair does not
// count.
func (c *call) leaveOut(x []float32, lo, hi int) {
	for p := lo; p < hi; p++ {
		if !c.b.Term(p) {
			clear(x[(p-lo)*c.width:][:c.width])
		}
	}
}

func (s *Scratch) elementBlocks(w, n int) {
	c := &s.call
	rows, block := c.b.Steps*c.b.Rows, c.elements.block
	lo, hi := split.Share((rows+block-1)/block, 1, w, n)
	for i := lo; i < hi; i++ {
		s.parts[i] = s.elementBlock(s.work[w], i*block, min(rows, (i+1)*block))
	}
}

// elementBlock returns the loss of pairs lo to hi and sets their part of dy.
func (s *Scratch) elementBlock(work []float32, lo, hi int) (sum float64) {
	c := &s.call
	isa, e := c.isa, &c.elements
	begin, n := lo*c.width, (hi-lo)*c.width
	y, target := c.y[begin:][:n], c.b.Y[begin:][:n]
	d, g, wg, w := work[:n], work[n:][:n], work[2*n:][:n], []float32(nil)
	if len(c.b.Weights) > 0 {
		w = work[3*n:][:n]
		c.weights(w, s.ones[:len(w)], lo, hi)
	}
	if e.form == binary {
		isa.BCE(d, y, target, s.q[:n])
		c.leaveOut(d, lo, hi)
		weights := s.ones[:n]
		if w != nil {
			isa.Drop(d, d, w, least, 1)
			weights = w
		}
		sum = isa.Dot64(d, weights)
		if c.dy == nil {
			return sum
		}
		isa.BCEGrad(g, y, target, s.q[:n])
		c.leaveOut(g, lo, hi)
		if w != nil {
			isa.Drop(g, g, w, least, 1)
		}
	} else {
		isa.Sub(d, y, target)
		c.leaveOut(d, lo, hi)
		if w != nil {
			isa.Drop(d, d, w, least, 1)
		}
		switch e.form {
		case square:
			g = d
		case absolute:
			isa.Sign(g, d)
		case huber:
			isa.Clip(g, d, e.delta)
		case quantile:
			c.quantileGrad(g, d, wg, s.q[:n], s.above[:n])
		}
	}
	if w == nil {
		wg = g
	} else {
		isa.Mul(wg, g, w)
	}
	switch e.form {
	case square, absolute, quantile:
		sum = isa.Dot64(wg, d)
	case huber:
		// c*d - c*c/2 with c = d limited to Delta: at least half of the first term.
		sum = isa.Dot64(wg, d) - isa.Dot64(wg, g)/2
	}
	if c.dy != nil {
		isa.ScaleFlush(c.dy[begin:][:n], wg, e.scale)
	}
	return sum
}
