package loss_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/loss"
)

// classBatch has classes, one of them to be ignored, and numberBatch numbers.
func classBatch() *data.Batch {
	return &data.Batch{Steps: 3, Rows: 2, Targets: []int32{0, 2, 1, -1, 0, 2}, Lengths: []int{3, 2}}
}

func numberBatch() *data.Batch {
	b := &data.Batch{Steps: 3, Rows: 2, Y: make([]float32, 18)}
	r := traintest.Rng(5)
	for i := range b.Y {
		b.Y[i] = r.Float32()
	}
	return b
}

// TestCheckGradientsPasses: the losses of this package are as they should be.
func TestCheckGradientsPasses(t *testing.T) {
	weighted := classBatch()
	weighted.Weights = []float32{1, 2, 0, 1, 0.5, 1}
	elements := numberBatch()
	elements.Weights = slices.Repeat([]float32{1, 0, 2}, 6)
	labels := &data.Batch{Steps: 5, Rows: 3, Labels: [][]int32{{1, 2}, {}, {2, 2}}, Lengths: []int{4, 2, 5}}
	for _, c := range []struct {
		l loss.Loss
		b *data.Batch
	}{
		{loss.CrossEntropy{}, classBatch()}, {loss.CrossEntropy{}, weighted},
		{loss.CrossEntropy{Smoothing: 0.1, Weights: []float32{1, 2, 0.5}}, classBatch()},
		{loss.PerSequence{Of: loss.CrossEntropy{}}, classBatch()}, {loss.PerSequence{Of: loss.MSE{}}, numberBatch()},
		{loss.MSE{}, numberBatch()}, {loss.MSE{PerStep: true}, elements}, {loss.MAE{}, numberBatch()}, {loss.Huber{Delta: 0.5}, elements},
		{loss.BCE{}, numberBatch()}, {loss.BCE{OnesWeight: []float32{1, 3, 2}}, elements}, {loss.Quantile{Levels: []float32{0.1, 0.5, 0.9}}, numberBatch()},
		{loss.CTC{}, labels}, {loss.CTC{PerLabel: true}, labels},
	} {
		for seed := range uint64(3) {
			require.NoError(t, loss.CheckGradients(c.l, c.b, 3, loss.GradientCheck{Seed: seed}), "%T %+v", c.l, c.l)
		}
	}
	one := &data.Batch{Steps: 3, Rows: 2, Y: []float32{1, -1, 1, 1, -1, -1}}
	require.NoError(t, loss.CheckGradients(hinge{}, one, 1, loss.GradientCheck{}))
	require.Nil(t, one.Lengths, "the batch is as it was")
}

// A spoilt loss is a squared error with one mistake.
type spoilt string

func (s spoilt) Loss(dy, y []float32, b *data.Batch, by float64, _ *loss.Scratch) (t loss.Total, err error) {
	width, err := loss.Check(dy, y, b, by)
	if err != nil {
		return t, err
	}
	counts := b.Counts
	switch s {
	case "lengths":
		counts = func(p int) bool { return p/b.Rows >= b.Context }
	case "context":
		counts = func(p int) bool { return b.Lengths == nil || p/b.Rows < b.Lengths[p%b.Rows] }
	case "weight of padding":
		t.Weight, t.Terms = float64(len(y)), len(y)
	case "panics":
		_ = y[:b.Steps*b.Rows*width-width*b.Context][0:18]
	case "refuses lengths":
		if b.Lengths != nil {
			return t, errors.New("no lengths")
		}
	}
	for p := range b.Steps * b.Rows {
		if counts(p) && s != "weight of padding" {
			t.Weight += float64(width)
			t.Terms += width
		}
	}
	if by == 0 {
		by = t.Weight
	}
	if s == "by" {
		by = max(1, t.Weight)
	}
	if s == "nothing" && t.Terms == 0 {
		t.Weight = 1
	}
	before := slices.Clone(y)
	for i, v := range before {
		if !counts(i / width) {
			if dy != nil && s != "not set" {
				dy[i] = 0
			}
			if dy != nil && s == "dy of padding" {
				dy[i] = 1
			}
			if s == "y of padding" && i/width/b.Rows < slices.Max(b.Lengths) {
				t.Sum += 0 * float64(b.Y[i]) // which is nothing, unless it is NaN
			}
			continue
		}
		d := float64(v - b.Y[i])
		t.Sum += d * d
		g := 2 * d / by
		switch {
		case s == "formula" && i%width == 1:
			g *= 1.05
		case s == "sum" && dy == nil:
			t.Sum++
		case s == "y":
			y[i] += 1
		}
		if dy != nil {
			dy[i] = float32(g)
		}
	}
	if s == "in place" && dy != nil && &dy[0] == &y[0] {
		dy[2] += 1
	}
	return t, nil
}

func (s spoilt) InPlace() bool { return s == "in place" || s == "" }

// TestCheckGradientsFinds: each mistake is found, and named.
func TestCheckGradientsFinds(t *testing.T) {
	require.NoError(t, loss.CheckGradients(spoilt(""), numberBatch(), 3, loss.GradientCheck{}))
	for mistake, want := range map[spoilt]string{
		"formula":           "loss: the gradient of output 1 at step ",
		"lengths":           "for two more steps past the ends of the rows the total is {Sum:NaN",
		"context":           "two more steps before, and a Context of 2 dy of output 0 at step 0, row 0 is",
		"weight of padding": "for two more steps past the ends of the rows the total is",
		"by":                "with by = 0 dy of output 0 at step 0, row 0 is",
		"nothing":           "for rows of no steps the total is {Sum:0 Weight:1 Terms:0}, want zeros",
		"y of padding":      "for two more steps past the ends of the rows the total is {Sum:NaN",
		"dy of padding":     "dy of output 0 at step 3, row 0 is 1, want 0",
		"not set":           "dy of output 0 at step 3, row 0 is NaN, want 0",
		"sum":               "with dy, and {Sum:",
		"y":                 "the loss changes y[0]",
		"in place":          "with y in the place of dy the gradient of output 2 at step 0, row 0",
		"panics":            "the loss panics: runtime error: slice bounds out of range",
		"refuses lengths":   "the loss returns an error: no lengths",
	} {
		b := numberBatch()
		if mistake == "panics" {
			b.Steps, b.Y = 2, b.Y[:12]
		}
		if mistake == "y of padding" {
			b.Lengths = []int{3, 2}
		}
		require.ErrorContains(t, loss.CheckGradients(mistake, b, 3, loss.GradientCheck{}), want, string(mistake))
	}
}

// A panicky loss panics at one kind of call.
type panicky struct {
	loss.MSE
	at    string
	batch *data.Batch
	first []float32 // outputs of the first call
}

func (l *panicky) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	if l.first == nil {
		l.first = slices.Clone(y)
	}
	moved := -1
	for i := range l.first {
		if b == l.batch && y[i] != l.first[i] {
			moved = i
		}
	}
	is := map[string]bool{
		"context": b.Context > 0, "in place": dy != nil && &dy[0] == &y[0], "moved": moved == 4,
		"closer": moved == 4 && math.Abs(float64(y[4]-l.first[4])) < 1./1024, "without dy": dy == nil,
	}
	if is[l.at] {
		panic("far too much")
	}
	t, err := l.MSE.Loss(dy, y, b, by, s)
	if l.at == "closer" && moved >= 0 {
		t.Sum += 1e3 * float64(l.first[moved]-y[moved]) // so that smaller steps are asked for
	}
	return t, err
}

// TestCheckGradientsReportsPanics: a panic is an error wherever the loss is called.
func TestCheckGradientsReportsPanics(t *testing.T) {
	for at, want := range map[string]string{
		"context":    "loss: for two more steps before, and a Context of 2 the loss panics: far too much",
		"in place":   "loss: for y in the place of dy, which its InPlace says may be there, the loss panics: far too much",
		"moved":      "loss: for output 1 at step 0, row 1 moved the loss panics: far too much",
		"closer":     "loss: for output 1 at step 0, row 1 moved the loss panics: far too much",
		"without dy": "loss: for the batch without dy the loss panics: far too much",
	} {
		b := numberBatch()
		require.EqualError(t, loss.CheckGradients(&panicky{at: at, batch: b}, b, 3, loss.GradientCheck{}), want, at)
	}
}

// sine has a loss that changes too fast for any step.
type sine struct{ loss.MSE }

func (s sine) Loss(dy, y []float32, b *data.Batch, by float64, scratch *loss.Scratch) (loss.Total, error) {
	t, err := s.MSE.Loss(dy, y, b, by, scratch)
	t.Sum = math.Sin(1e6 * t.Sum)
	return t, err
}

func (sine) InPlace() bool { return false }

// TestCheckGradientsRefuses: what cannot be checked is an error.
func TestCheckGradientsRefuses(t *testing.T) {
	context := numberBatch()
	context.Context = 1
	ignored := classBatch()
	ignored.Targets = slices.Repeat([]int32{-1}, 6)
	var none *spoilt
	for _, c := range []struct {
		l     loss.Loss
		b     *data.Batch
		width int
		how   loss.GradientCheck
		want  string
	}{
		{nil, numberBatch(), 3, loss.GradientCheck{}, "CheckGradients of no Loss"},
		{none, numberBatch(), 3, loss.GradientCheck{}, "CheckGradients of no Loss"},
		{loss.MSE{}, nil, 3, loss.GradientCheck{}, "a nil batch"},
		{loss.MSE{}, &data.Batch{}, 3, loss.GradientCheck{}, "with 0 steps of 0 rows of width 3, want at least 1 of each"},
		{loss.MSE{}, numberBatch(), 0, loss.GradientCheck{}, "of width 0"},
		{loss.MSE{}, context, 3, loss.GradientCheck{}, "a batch with the Context 1"},
		{loss.MSE{}, numberBatch(), 3, loss.GradientCheck{Step: -1}, "a Step of -1"},
		{loss.MSE{}, numberBatch(), 3, loss.GradientCheck{Range: math.NaN()}, "a Range of NaN"},
		{loss.MSE{}, numberBatch(), 3, loss.GradientCheck{Tolerance: math.Inf(1)}, "a Tolerance of +Inf"},
		{loss.CrossEntropy{}, ignored, 3, loss.GradientCheck{}, "nothing is counted"},
		{loss.CrossEntropy{}, numberBatch(), 3, loss.GradientCheck{}, "for the batch the loss returns an error: loss: a batch has 0 targets"},
		{sine{}, numberBatch(), 3, loss.GradientCheck{}, "lie at kinks or change the loss too much"},
	} {
		require.ErrorContains(t, loss.CheckGradients(c.l, c.b, c.width, c.how), c.want)
	}
}

// eager is a cross-entropy that looks at the targets of steps that do not exist.
type eager struct{ loss.CrossEntropy }

func (e eager) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	if slices.Max(b.Targets) > 2 {
		return loss.Total{}, errors.New("a target that is no class")
	}
	return e.CrossEntropy.Loss(dy, y, b, by, s)
}

// TestCheckGradientsFindsEager: what stands past the end of a row is no target.
func TestCheckGradientsFindsEager(t *testing.T) {
	require.ErrorContains(t, loss.CheckGradients(eager{}, classBatch(), 3, loss.GradientCheck{}),
		"for two more steps past the ends of the rows the loss returns an error: a target that is no class")
}
