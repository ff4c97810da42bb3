package nn

import (
	"errors"
	"fmt"
	"slices"
)

// resetter is a Net whose rows can begin anew inside a window: see Net.
type resetter interface {
	SetResets(resets [][]int) error
}

// canReset returns an error if rows of net cannot begin anew inside a window.
func canReset(net Net) error {
	if c, ok := net.(interface{ canReset() error }); ok {
		return c.canReset()
	}
	if OverBatches(net) != nil {
		return fmt.Errorf("a %T, takes whole sequences: its rows cannot begin anew inside a window", net)
	}
	if _, ok := net.(resetter); !ok && (len(net.State()) > 0 || MasksOf(net) != nil) {
		return fmt.Errorf("a %T, has a state or random masks and no method SetResets: its rows cannot begin anew inside a window; cut batches where they do (Batch.Reset)", net)
	}
	return nil
}

// restarter is a resetter whose rows can begin anew with a state that is not zero: the
// Unrolled of the layers, and what is made of them.
type restarter interface {
	resetter
	SetResetState(s [][]float32) error
	CopyResetGrad(dst [][]float32)
}

// canRestart returns an error if rows of net cannot begin anew inside a window with a state
// that is not zero.
func canRestart(net Net) error {
	if c, ok := net.(interface{ canRestart() error }); ok {
		return c.canRestart()
	}
	if _, ok := net.(restarter); !ok && len(net.State()) > 0 {
		return fmt.Errorf("a %T, has a state and no methods SetResetState and CopyResetGrad: inside a window its rows can begin anew with a state of zero alone", net)
	}
	return canReset(net)
}

// canRestart is that of all nets.
func (m *group) canRestart() error {
	for _, l := range m.links {
		if err := canRestart(l.net); err != nil {
			return fmt.Errorf("stage %d, %w", l.place, err)
		}
	}
	return nil
}

// SetResetState gives the state, as State returns it, with which rows begin anew at the steps
// of SetResets, from the next forward pass on; nil stands for zero, as at first. It is copied. After it,
// Backward needs a new Forward. It returns an error, with nothing changed, if the tensors do
// not fit, or if a stage has a state but cannot begin with one: only the layers of this module
// and stages made of them can.
func (m *group) SetResetState(s [][]float32) error {
	if s != nil {
		if err := checkLengths("state to begin anew with", s, m.state); err != nil {
			return err
		}
		if err := m.canRestart(); err != nil {
			return fmt.Errorf("nn: %w", err)
		}
	}
	m.pending = false
	m.passes++
	return m.split(s, func(net Net, s [][]float32) error {
		if r, ok := net.(restarter); ok {
			return r.SetResetState(s)
		}
		return nil
	})
}

// CopyResetGrad sets dst, of the lengths of State, to the gradients of the state of
// SetResetState, as the last Backward set them: of each row the sum over the steps at which it
// began anew. It panics without a SetResetState before it.
func (m *group) CopyResetGrad(dst [][]float32) {
	for _, l := range m.links {
		if l.tensors > 0 {
			l.net.(restarter).CopyResetGrad(dst[:l.tensors])
		}
		dst = dst[l.tensors:]
	}
}

// canReset is that of all nets.
func (m *group) canReset() error {
	for _, l := range m.links {
		if err := canReset(l.net); err != nil {
			return fmt.Errorf("stage %d, %w", l.place, err)
		}
	}
	return nil
}

// SetResets is SetResets of net if it has that method: see Net and Model.SetResets.
// Without the method it returns an error if there is a reset and the net has a state or
// random masks, and else does nothing.
func SetResets(net Net, resets [][]int) error {
	if r, ok := net.(resetter); ok {
		return r.SetResets(resets)
	}
	for _, list := range resets {
		if len(list) > 0 {
			if err := canReset(net); err != nil {
				return fmt.Errorf("nn: the net, %w", err)
			}
		}
	}
	return nil
}

// SetResets says that rows begin anew inside the window of the next forward pass, and of no
// other: resets[b] are the steps, in ascending order, at which row b does; nil, or an empty
// list, for none. So one row can hold several sequences one after another. Every stage
// with a state begins anew there as after Reset (but see SetResetState), and no gradient goes back across; gradients of
// weights are summed in the order of the window (rules 4 and 5 of the numerics contract). The
// lists are copied. After SetResets, Backward needs a new Forward.
//
// It returns an error, with nothing changed, unless there is one list for each row, of
// ascending steps from 0 to the last one of the chain; and if there are resets and a stage
// has a state or random masks but cannot begin anew inside a window, such as a Net of a program
// without SetResets. Rows of a LearnedState begin anew with what it has learned so far. Where
// a row ends before a step of its list Forward panics, and ForwardLengths,
// ForwardIDs and ForwardIDsLengths return an error.
func (m *group) SetResets(resets [][]int) error {
	some, err := m.rows.checkResets(resets, m.steps)
	if err != nil {
		return err
	}
	if !some {
		if !m.rows.next {
			return nil
		}
		resets = nil
	} else if err := m.canReset(); err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	m.pending = false
	m.passes++
	for i, l := range m.links {
		if err := SetResets(l.net, resets); err != nil {
			for _, earlier := range m.links[:i] {
				err = errors.Join(err, SetResets(earlier.net, nil))
			}
			m.rows.next = false
			return fmt.Errorf("nn: stage %d of the chain: %w", l.place, err)
		}
	}
	m.rows.setResets(resets)
	return nil
}

// checkResets returns an error unless resets are nil or one list for each row of ascending
// steps below that number. some says that there is a reset.
func (r *rows) checkResets(resets [][]int, steps int) (some bool, err error) {
	if resets != nil && len(resets) != r.batch {
		return false, fmt.Errorf("nn: resets of %d rows for %d rows; give a list of steps for each row, or nil", len(resets), r.batch)
	}
	for b, list := range resets {
		for i, t := range list {
			some = true
			if t < 0 || t >= steps {
				return false, fmt.Errorf("nn: a reset of row %d at step %d, want 0 to %d, the steps of the chain", b, t, steps-1)
			}
			if i > 0 && t <= list[i-1] {
				return false, fmt.Errorf("nn: resets of row %d at step %d and then %d; give them in ascending order", b, list[i-1], t)
			}
		}
	}
	return some, nil
}

// setResets copies resets, which checkResets has accepted, for the next forward pass.
func (r *rows) setResets(resets [][]int) {
	if r.resets == nil {
		r.resets = make([][]int, r.batch)
	}
	r.next = resets != nil
	for b := range r.resets {
		r.resets[b] = r.resets[b][:0]
		if resets != nil {
			r.resets[b] = append(r.resets[b], resets[b]...)
		}
	}
}

// fitResets returns an error if a row of the next forward pass, of t steps with these lengths,
// begins anew past its end.
func (r *rows) fitResets(t int, lengths []int) error {
	if !r.next {
		return nil
	}
	for b, list := range r.resets {
		n := t
		if lengths != nil {
			n = lengths[b]
		}
		if len(list) > 0 && list[len(list)-1] >= n {
			return fmt.Errorf("nn: SetResets gave row %d a reset at step %d, but the row has %d of the %d steps; give the reset to the window that has the step, or call Reset before it", b, list[len(list)-1], n, t)
		}
	}
	return nil
}

// before returns the last step, up to t, at which row b begins anew in the last forward pass;
// ok is false if there is none.
func (r *rows) before(b, t int) (step int, ok bool) {
	if !r.now {
		return 0, false
	}
	list := r.resets[b]
	i, at := slices.BinarySearch(list, t)
	if at {
		return t, true
	}
	if i == 0 {
		return 0, false
	}
	return list[i-1], true
}

// begins says whether row b begins anew at step t of the last forward pass.
func (r *rows) begins(b, t int) bool {
	step, ok := r.before(b, t)
	return ok && step == t
}

// age returns the steps of row b before step t since it began anew, start being those
// before the last forward pass.
func (r *rows) age(b, t, start int) int {
	if step, ok := r.before(b, t); ok {
		return t - step
	}
	return start + t
}
