package loss

import (
	"cmp"
	"fmt"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// CrossEntropy is the negative log-likelihood, in nats, of the targets under
// the softmax of the outputs. A target below 0 is ignored.
//
//	p = softmax(y)   loss = -sum ln p[target] / N   dy = (p - onehot(target)) / N
//
// N is the number of targets counted, or for dy the by of Loss if that is not 0;
// where nothing is counted loss and gradient are zero.
// For each row of logits the maximum is subtracted and the exponentials divided
// by their sum; the losses are added in float64, t then b ascending; dy is
// rounded after p-1 and after the product with 1/N, and stored as +0 below
// 2^-100.
//
// Class weights w and label smoothing e are those of PyTorch's CrossEntropyLoss. Of K
// classes, for a step with target c:
//
//	loss = (1-e) * w[c] * -ln p[c] + e/K * sum_k w[k] * -ln p[k]      weight: w[c]
//	dy   = A*p - e/K*w - (1-e)*w[c]*onehot(c),   A = (1-e)*w[c] + e/K * sum_k w[k]
//
// so that the mean is divided by the sum of the weights of the targets. Weights of the
// batch multiply both loss and weight of a step. Logits that are NaN or +Inf give NaN; a
// logit of -Inf is a probability of 0, whose loss is +Inf where it is the target or, with
// smoothing, anywhere.
type CrossEntropy struct {
	// Weights are those of the classes, one for each output, 0 or more and finite; nil:
	// all 1. A target whose weight is 0 counts among Total.Terms and, with smoothing, for
	// what is spread, and for nothing else.
	Weights []float32

	// Smoothing is e, 0 to 1: the part of each target that is spread evenly over all
	// classes, the target's own included.
	Smoothing float64
}

// A classCall is what CrossEntropy has computed before its rows.
type classCall struct {
	CrossEntropy
	spread float64 // e/K
	all    float64 // the sum of the classes' weights
}

// InPlace says that dy may be y.
func (CrossEntropy) InPlace() bool { return true }

// Loss implements Loss, in place too. A target that is no class is an *data.IDError.
// Weights of the batch are those of steps.
func (c CrossEntropy) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	width, err := check(dy, y, b, by, s)
	if err != nil || width == 0 {
		return Total{}, err
	}
	rows := b.Steps * b.Rows
	t, err := c.weigh(b, width)
	if err != nil {
		return Total{}, err
	}
	if t.Terms == 0 || t.Weight == 0 && c.Smoothing == 0 {
		clear(dy)
		return t, nil
	}
	by = cmp.Or(by, t.Weight)
	if by == 0 {
		// What is spread has a loss, and no weight to divide a gradient by.
		defer clear(dy) // which may be y
		dy = nil
	}
	parts := s.begin(dy, y, b, width, by, split.LossWork(kernels.Current(), rows, len(y)), rows, width)
	call := classCall{c, c.Smoothing / float64(width), float64(width)}
	if c.Smoothing > 0 {
		ones := s.allOnes(width)
		if c.Weights != nil {
			call.all = s.call.isa.Dot64(c.Weights, ones)
		}
	}
	s.call.classes = call
	if s.classPart == nil {
		s.classPart = s.classRows
	}
	s.run(parts, s.classPart)
	s.end()
	t.Sum = s.sum(rows)
	return t, nil
}

// weigh returns the weight and the number of the terms.
func (c *CrossEntropy) weigh(b *data.Batch, width int) (t Total, err error) {
	if err := c.check(width, b); err != nil {
		return Total{}, err
	}
	if rows := b.Steps * b.Rows; len(b.Targets) != rows {
		return Total{}, fmt.Errorf("loss: a batch has %d targets, want %d for %d steps of %d rows", len(b.Targets), rows, b.Steps, b.Rows)
	}
	for p, id := range b.Targets {
		if !b.Term(p) {
			continue
		}
		if int(id) >= width {
			return Total{}, &data.IDError{What: "target", ID: id, Step: p / b.Rows, Row: p % b.Rows, Limit: width}
		}
		t.Terms++
		t.Weight += c.weight(b, p)
	}
	return t, nil
}

func (c *CrossEntropy) check(width int, b *data.Batch) error {
	if !(c.Smoothing >= 0 && c.Smoothing <= 1) {
		return fmt.Errorf("loss: CrossEntropy.Smoothing is %v, want 0 to 1", c.Smoothing)
	}
	if err := checkWeights("CrossEntropy.Weights", c.Weights, width); err != nil {
		return err
	}
	return checkStepWeights("CrossEntropy", b)
}

// weight is that of pair p, whose target is a class.
func (c *CrossEntropy) weight(b *data.Batch, p int) float64 {
	w := stepWeight(b, p)
	if c.Weights != nil {
		w = float64(w * float64(c.Weights[b.Targets[p]]))
	}
	return w
}

func (s *Scratch) classRows(w, n int) {
	c := &s.call
	lo, hi := split.Share(c.b.Steps*c.b.Rows, 1, w, n)
	for p := lo; p < hi; p++ {
		s.parts[p] = 0
		probs := s.work[w]
		if c.dy != nil {
			probs = c.dy[p*c.width:][:c.width]
		}
		if c.b.Term(p) {
			s.parts[p] = s.classRow(probs, c.y[p*c.width:][:c.width], p)
		} else if c.dy != nil {
			clear(probs)
		}
	}
}

// classRow returns the loss of pair p and, if a gradient is wanted, leaves it in probs,
// which may be y.
func (s *Scratch) classRow(probs, y []float32, p int) float64 {
	c := &s.call
	x, id, weight := &c.classes, c.b.Targets[p], c.classes.weight(c.b, p)
	of, logits := float64(y[id]), 0.0
	e := x.Smoothing
	weights := x.Weights
	if e > 0 {
		if weights == nil {
			weights = s.ones[:len(y)]
		}
		logits = c.isa.Dot64(y, weights)
	}
	top, sum := c.isa.Softmax(probs, y)
	log := kernels.Log(float64(sum))
	loss := log - (of - float64(top))
	if e == 0 && weight == 0 {
		clear(probs)
		return 0
	}
	if e == 0 {
		if c.dy != nil {
			probs[id]--
			c.isa.ScaleFlush(probs, probs, float32(weight/c.by))
		}
		return float64(weight * loss)
	}

	// sum_k w[k] * -ln p[k] = all*log + (all*top - sum_k w[k]*y[k])
	spread := float64(x.all*log) + (float64(x.all*float64(top)) - logits)
	step := stepWeight(c.b, p)
	own := 1 - e
	if x.Weights != nil {
		own = float64(own * float64(x.Weights[id]))
	}
	if c.dy != nil {
		if x.Weights == nil {
			c.isa.Affine(probs, probs, 1, float32(-x.spread))
		} else {
			c.isa.Scale(probs, probs, float32(own+float64(x.spread*x.all)))
			c.isa.Axpy(probs, x.Weights, float32(-x.spread))
		}
		probs[id] -= float32(own)
		c.isa.ScaleFlush(probs, probs, float32(step/c.by))
	}
	if own != 0 {
		own = float64(own * loss)
	}
	return float64(step * (own + float64(x.spread*spread)))
}
