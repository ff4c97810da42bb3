package nn

import (
	"errors"
	"fmt"
)

// State returns the carried states of the Nets in the chain, one after another.
func (m *group) State() [][]float32 {
	var s [][]float32
	for _, l := range m.links {
		s = append(s, l.net.State()...)
	}
	return s
}

// CopyState is State into slices of the same lengths.
func (m *group) CopyState(dst [][]float32) {
	for _, l := range m.links {
		CopyState(l.net, dst[:l.tensors])
		dst = dst[l.tensors:]
	}
}

// CopyState copies the state of n into dst, without allocating if n can.
func CopyState(n Net, dst [][]float32) { copyState(n, dst) }

// copyState is CopyState of a Net or of a Predictor.
func copyState(n interface{ State() [][]float32 }, dst [][]float32) {
	if c, ok := n.(interface{ CopyState([][]float32) }); ok {
		c.CopyState(dst)
		return
	}
	for i, s := range n.State() {
		copy(dst[i], s)
	}
}

// SetState puts back what State returned. Nothing is changed if it returns an
// error.
func (m *group) SetState(s [][]float32) error {
	if err := checkLengths("state", s, m.state); err != nil {
		return err
	}
	if m.before == nil {
		m.before = m.State()
	} else {
		m.CopyState(m.before)
	}
	if err := m.split(s, Net.SetState); err != nil {
		return errors.Join(err, m.split(m.before, Net.SetState))
	}
	return nil
}

// SetStateGrad sets the gradient of the state after the last step, which the next
// Backward starts from; nil is zero. Tensors that do not fit change nothing. If a Net
// in the chain refuses its part, its error is returned and the gradient is zero in
// every Net.
func (m *group) SetStateGrad(g [][]float32) error {
	m.mustTrain("SetStateGrad")
	if g != nil {
		if err := checkLengths("state gradient", g, m.state); err != nil {
			return err
		}
	}
	if err := m.split(g, Net.SetStateGrad); err != nil {
		return errors.Join(err, m.split(nil, Net.SetStateGrad))
	}
	return nil
}

// addLengths appends the lengths of the tensors of a state, and counts them.
func addLengths(lengths []int, s [][]float32) ([]int, int) {
	for _, v := range s {
		lengths = append(lengths, len(v))
	}
	return lengths, len(s)
}

// checkLengths refuses a state of other lengths before any part of it is used.
func checkLengths(what string, s [][]float32, want []int) error {
	if len(s) != len(want) {
		return fmt.Errorf("nn: a %s of %d tensors, want %d", what, len(s), len(want))
	}
	for i, n := range want {
		if len(s[i]) != n {
			return fmt.Errorf("nn: tensor %d of the %s has %d elements, want %d", i, what, len(s[i]), n)
		}
	}
	return nil
}

// split calls set for each net with its tensors of s, or with nil if s is nil.
func (m *group) split(s [][]float32, set func(Net, [][]float32) error) error {
	for _, l := range m.links {
		part := s
		if s != nil {
			part, s = s[:l.tensors], s[l.tensors:]
		}
		if err := set(l.net, part); err != nil {
			return err
		}
	}
	return nil
}

// StateGrad returns the gradient of the state before the first step.
func (m *group) StateGrad() [][]float32 {
	var g [][]float32
	for _, l := range m.links {
		g = append(g, l.net.StateGrad()...)
	}
	return g
}

// CopyStateGrad is StateGrad into slices of the same lengths.
func (m *group) CopyStateGrad(dst [][]float32) {
	for _, l := range m.links {
		CopyStateGrad(l.net, dst[:l.tensors])
		dst = dst[l.tensors:]
	}
}

// CopyStateGrad copies the gradient of the state of n into dst, without allocating if n
// can.
func CopyStateGrad(n Net, dst [][]float32) {
	if c, ok := n.(interface{ CopyStateGrad([][]float32) }); ok {
		c.CopyStateGrad(dst)
		return
	}
	for i, g := range n.StateGrad() {
		copy(dst[i], g)
	}
}

// Reset zeroes the carried state of the given rows, of all when there are none.
func (m *group) Reset(rows ...int) {
	for _, l := range m.links {
		l.net.Reset(rows...)
	}
}
