package bptt

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/nn"
)

// A window is the steps that one gradient flows back through: the batch that
// came last and, if windows overlap, the steps before it.
type window struct {
	overlaps bool

	// With overlapping windows: the steps of the window, gathered. The first
	// have of them come from the window before. start is the state before the first
	// step of the window, after that before the first step of the next window.
	all          data.Batch
	have         int
	start, after [][]float32
	lengths      []int      // of the run ahead
	part         data.Batch // of the run ahead
	weights      int        // of a step
	resets       [][]int    // of the window: all.Resets if there are some
	before       [][]int    // those of the run ahead

	// The Clock of the net at start and at after, if it has masks.
	clock, clockAfter []uint64

	single *data.Batch // otherwise: the batch as the data gave it
	shift  int         // how far the next window begins after this one
}

func (w *window) init(t *Trainer) {
	w.overlaps = t.plan.Stride < t.plan.Window
	if !w.overlaps {
		return
	}
	pairs := t.plan.Window * t.batch
	w.all = data.Batch{Rows: t.batch, Lengths: make([]int, t.batch)}
	w.lengths = make([]int, t.batch)
	w.resets, w.before = make([][]int, t.batch), make([][]int, t.batch)
	if t.ids != nil {
		w.all.IDs = make([]int32, 0, pairs)
	} else {
		w.all.X = pages.Floats(pairs * t.in)[:0]
	}
	w.all.Targets = make([]int32, 0, pairs)
	w.all.Y = pages.Floats(pairs * t.out)[:0]
	w.start, w.after = t.net.State(), t.net.State()
}

// batch is the batch that the net runs over.
func (w *window) batch() *data.Batch {
	if w.overlaps {
		return &w.all
	}
	return w.single
}

// add adds the batch t.next to the window and sets the state of the net to that before
// the window's first step.
func (w *window) add(t *Trainer) error {
	b := &t.next
	w.single = b
	if t.plan.Window == 0 {
		t.net.Reset()
		return nil
	}
	t.rows = t.rows[:0]
	for r, reset := range b.Reset {
		if reset {
			t.rows = append(t.rows, r)
		}
	}
	if err := w.checkLengths(b, len(t.rows) > 0); err != nil {
		return err
	}
	if len(t.rows) > 0 {
		t.net.Reset(t.rows...)
	}
	if !w.overlaps {
		return nil
	}
	if b.Labels != nil {
		return fmt.Errorf("bptt: a batch with labels of whole sequences, in overlapping windows of %d steps; use a Plan.Window of 0", t.plan.Window)
	}
	if len(t.rows) > 0 {
		// A window has one beginning for all rows: when a row begins anew, the
		// window of all of them begins with it, from the carried state.
		w.have = 0
	} else if w.have > 0 {
		if err := w.rewind(t); err != nil {
			return err
		}
	}
	a := &w.all
	a.Steps, a.Context = w.have+b.Steps, w.have
	rows := t.batch
	if t.ids != nil {
		a.IDs = append(a.IDs[:w.have*rows], b.IDs...)
	} else {
		a.X = append(a.X[:w.have*rows*t.in], b.X...)
	}
	a.Targets = extend(a.Targets, b.Targets, w.have*rows)
	a.Y = extend(a.Y, b.Y, w.have*rows*t.out)
	w.weights = len(b.Weights) / max(1, b.Steps)
	a.Weights = extend(a.Weights, b.Weights, w.have*w.weights)
	w.addResets(b)
	for r := range a.Lengths {
		n := b.Steps
		if b.Lengths != nil {
			n = b.Lengths[r]
		}
		if w.have == 0 || a.Lengths[r] == w.have {
			a.Lengths[r] = w.have + n
		}
	}
	return nil
}

// checkLengths refuses steps of a row that has ended in the window.
func (w *window) checkLengths(b *data.Batch, reset bool) error {
	if !w.overlaps || reset || w.have == 0 {
		return nil
	}
	for r, n := range w.all.Lengths {
		if n != w.have && (b.Lengths == nil && b.Steps > 0 || b.Lengths != nil && b.Lengths[r] > 0) {
			return fmt.Errorf("the data continues row %d after its end in an earlier batch, without Reset; a row that ended begins again with Reset set", r)
		}
	}
	return nil
}

// giveUp forgets what the window holds, after an error in it: the next one begins
// anew, from the carried state.
func (w *window) giveUp() { w.have = 0 }

// extend keeps the first n elements of a and appends b; if b is empty so is the result.
func extend[E any](a, b []E, n int) []E {
	if len(b) == 0 {
		return a[:0]
	}
	return append(a[:min(n, len(a))], b...)
}

// ahead computes the state from which the next window will start. If that window begins
// in the middle of this one, the steps before it are run once more. Then the net gets
// the state that this window starts from.
func (w *window) ahead(t *Trainer) error {
	if !w.overlaps {
		return nil
	}
	b := &w.all
	w.shift = max(0, b.Steps+t.plan.Stride-t.plan.Window)
	if w.have == 0 {
		nn.CopyState(t.net, w.start)
		w.clock = t.clock()
	}
	if w.shift == 0 || w.shift == b.Steps {
		return nil
	}
	for r, n := range b.Lengths {
		w.lengths[r] = min(n, w.shift)
	}
	if err := t.net.SetLengths(w.lengths); err != nil {
		return err
	}
	if err := nn.SetResets(t.net, w.resetsBefore()); err != nil {
		return err
	}
	w.part = *b
	part := &w.part
	part.Steps = w.shift
	pairs := w.shift * t.batch
	if t.ids != nil {
		part.IDs = b.IDs[:pairs]
	} else {
		part.X = b.X[:pairs*t.in]
	}
	if t.blocks != nil {
		if err := t.blocks.forward(part); err != nil {
			return err
		}
	} else if err := t.forward(t.y[:pairs*t.out], part); err != nil {
		return err
	}
	nn.CopyState(t.net, w.after)
	w.clockAfter = t.clock()
	return w.rewind(t)
}

// rewind sets the net to the state and clock that the window starts from.
func (w *window) rewind(t *Trainer) error {
	if err := t.net.SetState(w.start); err != nil {
		return err
	}
	if t.masked == nil {
		return nil
	}
	return t.masked.SetClock(w.clock)
}

// clock is the Clock of the net, nil without masks.
func (t *Trainer) clock() []uint64 {
	if t.masked == nil {
		return nil
	}
	return t.masked.Clock()
}

// move drops the steps that the next window does not share with this one.
func (w *window) move(t *Trainer) {
	if !w.overlaps {
		return
	}
	a := &w.all
	w.have = a.Steps - w.shift
	if w.shift == 0 {
		return
	}
	w.start, w.after, w.clock = w.after, w.start, w.clockAfter
	pairs := w.shift * t.batch
	a.IDs = drop(a.IDs, pairs)
	a.X = drop(a.X, pairs*t.in)
	a.Targets = drop(a.Targets, pairs)
	a.Y = drop(a.Y, pairs*t.out)
	a.Weights = drop(a.Weights, w.shift*w.weights)
	w.moveResets()
	for r, n := range a.Lengths {
		a.Lengths[r] = max(0, n-w.shift)
	}
}

// drop removes the first n elements, or all if there are fewer.
func drop[E any](s []E, n int) []E {
	return s[:copy(s, s[min(n, len(s)):])]
}
