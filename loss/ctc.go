package loss

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// CTC is connectionist temporal classification (Graves, Fernandez, Gomez and
// Schmidhuber, 2006): the negative log-likelihood, in nats, of the labels of each row
// under the outputs, when it is not known which step belongs to which label. A path names
// a class or the blank at each step; it stands for the labels that are left when runs of
// one class are made one and the blanks are taken out. The likelihood of the labels is the
// sum over all paths that stand for them of the product of the steps' softmax.
//
//	loss = -sum ln p(labels | y) / N      dy = (p - q) / N
//
// where q[t][k] is the probability, given the labels, that the path is at class k at step
// t (equation 16 there), and N the number of sequences, or for dy the by of Loss if that
// is not 0. A sequence is a row of a length above 0, or one with labels.
//
// Batch.Labels has the labels, Lengths the steps. A row needs as many steps as labels and
// one for each label that is that before it. Weights of the batch are refused, and so is a
// Context: CTC takes whole sequences, a Plan.Window of 0. Targets are not looked at.
//
// The recursions over the labels are in float64 with logarithms, so that no likelihood
// is too small; softmax and gradient are those of CrossEntropy, rounded after p - q and
// after the product with 1/N.
type CTC struct {
	// Blank is the class of the blank.
	Blank int

	// PerLabel divides the loss of each sequence by its labels, or by 1 without any,
	// as the mean of PyTorch's CTCLoss does.
	PerLabel bool

	// ZeroInfinity makes loss and gradient of a sequence 0 if its likelihood is 0: if
	// it has too few steps for its labels, which is an error otherwise, or logits of
	// -Inf in the way. It counts in N all the same, as in PyTorch.
	ZeroInfinity bool
}

// An alignment is the memory of a worker for one sequence at a time.
type alignment struct {
	slots       []int32   // of a class: its place in classes, counted from 1, or 0
	classes     []int32   // the blank, then the classes of the labels
	states      []int32   // the place in classes of blank, label, blank, ..., blank
	emit        []float64 // [T][classes] ln p
	alpha       []float64 // [T][states]
	beta, after []float64 // [states], of this step and the one after
	posterior   []float64 // [classes]
}

// InPlace says that dy may be y.
func (CTC) InPlace() bool { return true }

// Loss implements Loss, in place too. The error of a row with too few steps names it.
func (c CTC) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	width, err := check(dy, y, b, by, s)
	if err != nil {
		return Total{}, err
	}
	if width == 0 && len(b.Labels) == 0 {
		return Total{}, nil
	}
	if err := c.check(width, b); err != nil {
		return Total{}, err
	}
	var t Total
	for r := range b.Rows {
		if sequence(b, r) {
			t.Terms++
			t.Weight++
		}
	}
	if t.Terms == 0 {
		clear(dy)
		return t, nil
	}
	parts := s.begin(dy, y, b, width, cmp.Or(by, t.Weight), split.LossWork(kernels.Current(), b.Steps*b.Rows, len(y)), b.Rows, width)
	s.call.ctc = c
	for len(s.ctc) < parts {
		s.ctc = append(s.ctc, alignment{})
	}
	if s.ctcPart == nil {
		s.ctcPart = s.ctcRows
	}
	s.run(parts, s.ctcPart)
	s.end()
	t.Sum = s.sum(b.Rows)
	return t, nil
}

// stepsOf is the length of row r.
func stepsOf(b *data.Batch, r int) int {
	if b.Lengths == nil {
		return b.Steps
	}
	return b.Lengths[r]
}

func sequence(b *data.Batch, r int) bool { return stepsOf(b, r) > 0 || len(b.Labels[r]) > 0 }

func (c CTC) check(width int, b *data.Batch) error {
	switch {
	case len(b.Labels) != b.Rows:
		return fmt.Errorf("loss: CTC: labels of %d rows, want those of %d; set Labels of the sequences, empty ones where there are none", len(b.Labels), b.Rows)
	case width > 0 && (c.Blank < 0 || c.Blank >= width):
		return fmt.Errorf("loss: CTC.Blank is %d, want 0 to %d", c.Blank, width-1)
	case len(b.Weights) > 0:
		return fmt.Errorf("loss: CTC: a batch has %d weights, want none", len(b.Weights))
	case b.Context > 0:
		return fmt.Errorf("loss: CTC: a window with %d steps of the one before; CTC takes whole sequences, with a Plan.Window of 0", b.Context)
	}
	for r, labels := range b.Labels {
		need := len(labels)
		for i, k := range labels {
			if k < 0 || width > 0 && int(k) >= width || int(k) == c.Blank {
				return fmt.Errorf("loss: CTC: label %d of row %d is %d, want a class, 0 to %d, which is not the blank, %d", i, r, k, width-1, c.Blank)
			}
			if i > 0 && k == labels[i-1] {
				need++
			}
		}
		if n := stepsOf(b, r); n < need && !c.ZeroInfinity {
			return fmt.Errorf("loss: CTC: row %d has %d steps, want at least %d for its %d labels, %d of which repeat the one before; give it more steps, or set ZeroInfinity", r, n, need, len(labels), need-len(labels))
		}
	}
	return nil
}

func (s *Scratch) ctcRows(w, n int) {
	lo, hi := split.Share(s.call.b.Rows, 1, w, n)
	for r := lo; r < hi; r++ {
		s.parts[r] = s.ctcRow(&s.ctc[w], s.work[w], r)
	}
}

// ctcRow returns the loss of row r and sets its part of dy.
func (s *Scratch) ctcRow(a *alignment, probs []float32, r int) float64 {
	c := &s.call
	steps, labels := stepsOf(c.b, r), c.b.Labels[r]
	row := func(x []float32, t int) []float32 { return x[(t*c.b.Rows+r)*c.width:][:c.width] }
	none := func(from int) {
		if c.dy == nil {
			return
		}
		for t := from; t < c.b.Steps; t++ {
			clear(row(c.dy, t))
		}
	}
	none(steps)
	if !sequence(c.b, r) {
		return 0
	}
	a.prepare(steps, labels, c.ctc.Blank, c.width)
	k := len(a.classes)
	for t := range steps {
		y, emit := row(c.y, t), a.emit[t*k:][:k]
		for i, class := range a.classes {
			emit[i] = float64(y[class])
		}
		if c.dy != nil {
			probs = row(c.dy, t)
		}
		top, sum := c.isa.Softmax(probs, y)
		log := kernels.Log(float64(sum))
		for i := range emit {
			emit[i] = (emit[i] - float64(top)) - log
		}
	}
	likelihood := a.forward(steps)
	if math.IsInf(likelihood, -1) && c.ctc.ZeroInfinity {
		none(0)
		return 0
	}
	factor := 1.0
	if c.ctc.PerLabel {
		factor = 1 / float64(max(1, len(labels)))
	}
	if c.dy != nil {
		scale := float32(factor / c.by)
		a.backward(steps, likelihood, func(t int) {
			d := row(c.dy, t)
			for i, class := range a.classes {
				d[class] = float32(float64(d[class]) - a.posterior[i])
			}
			c.isa.ScaleFlush(d, d, scale)
		})
	}
	return float64(-likelihood * factor)
}

// prepare lists the classes and states of the labels, and makes room for these steps.
func (a *alignment) prepare(steps int, labels []int32, blank, width int) {
	slots := grown(&a.slots, width)
	clear(slots)
	a.classes = append(a.classes[:0], int32(blank))
	a.states = append(a.states[:0], 0)
	for _, k := range labels {
		if slots[k] == 0 {
			slots[k] = int32(len(a.classes))
			a.classes = append(a.classes, k)
		}
		a.states = append(a.states, slots[k], 0)
	}
	n := len(a.states)
	grown(&a.emit, steps*len(a.classes))
	grown(&a.alpha, steps*n)
	grown(&a.beta, n)
	grown(&a.after, n)
	grown(&a.posterior, len(a.classes))
}

// skips says whether a path may go to state i from two states before: over a blank, to
// another label.
func (a *alignment) skips(i int) bool { return i >= 2 && i%2 == 1 && a.states[i] != a.states[i-2] }

// forward sets alpha, ln of the likelihood of the first t+1 outputs and state i at t
// (equations 6 and 7 of the paper), and returns that of all (equation 8).
func (a *alignment) forward(steps int) float64 {
	n, k := len(a.states), len(a.classes)
	never := math.Inf(-1)
	if steps == 0 {
		if n == 1 {
			return 0
		}
		return never
	}
	for t := range steps {
		now, emit := a.alpha[t*n:][:n], a.emit[t*k:]
		// Before first the end cannot be reached any more, from last on no path is
		// there yet.
		first, last := max(0, n-2*(steps-t)), min(n, 2*(t+1))
		for i := range now {
			now[i] = never
			if i < first || i >= last {
				continue
			}
			if t == 0 {
				now[i] = emit[a.states[i]]
				continue
			}
			before := a.alpha[(t-1)*n:][:n]
			v, second, third := before[i], never, never
			if i > 0 {
				second = before[i-1]
			}
			if a.skips(i) {
				third = before[i-2]
			}
			now[i] = logSum(v, second, third) + emit[a.states[i]]
		}
	}
	end := a.alpha[(steps-1)*n:][:n]
	if n == 1 {
		return end[0]
	}
	return logSum(end[n-1], end[n-2], never)
}

// backward goes through the steps from the last on, sets posterior to the probabilities
// of the classes there, given the labels, and calls f. beta is ln of the likelihood of the
// outputs after t, given state i at t.
func (a *alignment) backward(steps int, likelihood float64, f func(t int)) {
	n, k := len(a.states), len(a.classes)
	never := math.Inf(-1)
	for t := steps - 1; t >= 0; t-- {
		a.beta, a.after = a.after, a.beta
		clear(a.posterior)
		for i := range n {
			b := never
			if t == steps-1 {
				if i >= n-2 {
					b = 0
				}
			} else {
				emit := a.emit[(t+1)*k:]
				at := func(j int) float64 { return a.after[j] + emit[a.states[j]] }
				second, third := never, never
				if i+1 < n {
					second = at(i + 1)
				}
				if i+2 < n && a.skips(i+2) {
					third = at(i + 2)
				}
				b = logSum(at(i), second, third)
			}
			a.beta[i] = b
			a.posterior[a.states[i]] += kernels.Exp64((a.alpha[t*n+i] + b) - likelihood)
		}
		f(t)
	}
}

// logSum is ln(e^a + e^b + e^c), with NaN if one of them is.
func logSum(a, b, c float64) float64 {
	if sum := a + b + c; sum != sum {
		return sum
	}
	most := max(a, b, c)
	if math.IsInf(most, -1) {
		return most
	}
	return most + kernels.Log(kernels.Exp64(a-most)+kernels.Exp64(b-most)+kernels.Exp64(c-most))
}

// BestPath appends to dst the labels of the most likely path of a row, that is, of the
// largest output of each of its steps: runs of one class are one label, blanks are none.
// These are not always the most likely labels, for which many paths may stand. y is
// [Steps][Rows][width].
func (c CTC) BestPath(dst []int32, y []float32, b *data.Batch, row int) ([]int32, error) {
	width, err := Check(nil, y, b, 0)
	if err != nil {
		return dst, err
	}
	if row < 0 || row >= b.Rows {
		return dst, fmt.Errorf("loss: CTC: the best path of row %d, want 0 to %d", row, b.Rows-1)
	}
	if width > 0 && (c.Blank < 0 || c.Blank >= width) {
		return dst, fmt.Errorf("loss: CTC.Blank is %d, want 0 to %d", c.Blank, width-1)
	}
	isa, before := kernels.Current(), c.Blank
	for t := range stepsOf(b, row) {
		k := best(isa, y[(t*b.Rows+row)*width:][:width])
		if k >= 0 && k != before && k != c.Blank {
			dst = append(dst, int32(k))
		}
		before = k
	}
	return dst, nil
}

// best is the place of the largest element, the first of them; -1 if all are NaN.
func best(isa kernels.ISA, x []float32) int { return slices.Index(x, isa.Max(x)) }
