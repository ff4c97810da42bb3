package loss

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/kernels"
)

// A Metric is a number about the outputs of a net that is reported and has no gradient. It
// is collected batch by batch: Reset, then Add for each batch of an epoch, which bptt.Evaluate
// does, then Value. All
// of this package compare the class of the largest output with the target, and count the
// steps that CrossEntropy counts: not those whose target is below 0, nor those of weight 0.
// Other weights are not looked at.
type Metric interface {
	// Add counts the outputs y [T][rows][width] for b. Nothing is counted on an error.
	Add(y []float32, b *data.Batch) error
	// Value is the metric over all that has been added, 0 if that is nothing.
	Value() float64
	// Reset forgets what has been added.
	Reset()
}

// classes calls f for each counted pair p, in order, with its target and the class of its
// largest output, the first of them, or -1 if all are NaN. A target that is no class is an
// error, before any call.
func classes(y []float32, b *data.Batch, f func(p int, target, output int)) error {
	if b == nil {
		return errNoBatch
	}
	rows := b.Steps * b.Rows
	if len(b.Targets) != rows {
		return fmt.Errorf("loss: a batch has %d targets, want %d for %d steps of %d rows", len(b.Targets), rows, b.Steps, b.Rows)
	}
	width, err := Check(nil, y, b, 0)
	if err != nil {
		return err
	}
	for p, id := range b.Targets {
		if b.Term(p) && int(id) >= width {
			return &data.IDError{What: "target", ID: id, Step: p / b.Rows, Row: p % b.Rows, Limit: width}
		}
	}
	isa := kernels.Current()
	for p, id := range b.Targets {
		if b.Term(p) {
			f(p, int(id), best(isa, y[p*width:][:width]))
		}
	}
	return nil
}

// Accuracy is the share of the targets that have the largest output. The zero value is
// ready.
type Accuracy struct{ Right, Counted int64 }

// Add implements Metric. Of equal outputs the first counts.
func (m *Accuracy) Add(y []float32, b *data.Batch) error {
	return classes(y, b, func(_, target, output int) {
		m.Counted++
		if target == output {
			m.Right++
		}
	})
}

// InBlocks says that Add may be given a batch in blocks of its steps.
func (m *Accuracy) InBlocks() bool { return true }

// Value is Right/Counted.
func (m *Accuracy) Value() float64 { return ratio(m.Right, m.Counted) }

// Reset implements Metric.
func (m *Accuracy) Reset() { *m = Accuracy{} }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// A Confusion counts how often each target had which class as its largest output.
type Confusion struct {
	classes int
	counts  []int64 // [target][output]
	none    []int64 // of each target: all outputs were NaN
}

// NewConfusion returns the counts of that many classes, all 0.
func NewConfusion(classes int) (*Confusion, error) {
	if classes < 1 || classes > 1<<15 {
		return nil, fmt.Errorf("loss: a confusion matrix of %d classes, want 1 to %d", classes, 1<<15)
	}
	return &Confusion{classes, make([]int64, classes*classes), make([]int64, classes)}, nil
}

// Add implements Metric.
func (m *Confusion) Add(y []float32, b *data.Batch) error {
	if b == nil {
		return errNoBatch
	}
	if rows := b.Steps * b.Rows; len(y) != rows*m.classes {
		return fmt.Errorf("loss: %d outputs for %d steps, want %d classes for each", len(y), rows, m.classes)
	}
	return classes(y, b, func(_, target, output int) {
		if output < 0 {
			m.none[target]++
		} else {
			m.counts[target*m.classes+output]++
		}
	})
}

// InBlocks says that Add may be given a batch in blocks of its steps.
func (m *Confusion) InBlocks() bool { return true }

// Count returns how often that target had that class as its largest output. It panics if
// one of them is no class.
func (m *Confusion) Count(target, output int) int64 {
	m.mustHave(target)
	m.mustHave(output)
	return m.counts[target*m.classes+output]
}

func (m *Confusion) mustHave(class int) {
	if class < 0 || class >= m.classes {
		panic(fmt.Sprintf("loss: class %d of a confusion matrix, want 0 to %d", class, m.classes-1))
	}
}

// Class returns the counts of one class against all others.
func (m *Confusion) Class(class int) (s Scores) {
	m.mustHave(class)
	s.Labelled = m.none[class]
	for k := range m.classes {
		s.Labelled += m.counts[class*m.classes+k]
		s.Found += m.counts[k*m.classes+class]
	}
	s.Right = m.counts[class*m.classes+class]
	return s
}

// Value is the accuracy.
func (m *Confusion) Value() float64 {
	var right, all int64
	for k := range m.classes {
		s := m.Class(k)
		right, all = right+s.Right, all+s.Labelled
	}
	return ratio(right, all)
}

// Reset implements Metric.
func (m *Confusion) Reset() {
	clear(m.counts)
	clear(m.none)
}

// Scores counts what was labelled, what was found, and what was found and labelled.
type Scores struct{ Labelled, Found, Right int64 }

// Precision is the share of what was found that is right, 0 if nothing was found.
func (s Scores) Precision() float64 { return ratio(s.Right, s.Found) }

// Recall is the share of what was labelled that was found, 0 if nothing was labelled.
func (s Scores) Recall() float64 { return ratio(s.Right, s.Labelled) }

// F1 is the harmonic mean of the two, 2*Right/(Labelled+Found), 0 if there is nothing.
func (s Scores) F1() float64 { return ratio(2*s.Right, s.Labelled+s.Found) }

// EditDistance is the least number of elements to insert, to delete and to replace that
// makes b of a (Levenshtein).
func EditDistance[E comparable](a, b []E) int {
	row := make([]int, len(b)+1) // distances of what there is of a from each beginning of b
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			replace := diagonal
			if x != y {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// LabelErrors is the label error rate of CTC: the edit distances between the labels of the
// best paths and those of the batches, divided by the number of labels. It can be above 1.
type LabelErrors struct {
	CTC CTC // its Blank

	Edits, Labels int64

	path []int32
}

// Add implements Metric.
func (m *LabelErrors) Add(y []float32, b *data.Batch) error {
	width, err := Check(nil, y, b, 0)
	if err != nil {
		return err
	}
	relaxed := m.CTC
	relaxed.ZeroInfinity = true // too few steps are no reason not to count
	if err := relaxed.check(width, b); err != nil {
		return err
	}
	for r, labels := range b.Labels {
		if m.path, err = m.CTC.BestPath(m.path[:0], y, b, r); err != nil {
			return err
		}
		m.Edits += int64(EditDistance(m.path, labels))
		m.Labels += int64(len(labels))
	}
	return nil
}

// Value is Edits/Labels.
func (m *LabelErrors) Value() float64 { return ratio(m.Edits, m.Labels) }

// Reset implements Metric.
func (m *LabelErrors) Reset() { m.Edits, m.Labels = 0, 0 }
