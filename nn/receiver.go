package nn

import "github.com/simdrnn/simdrnn/internal/nilcheck"

// Model shares the methods of group. An embedded part cannot see that the whole is nil.

// SetClock sets that in every Net with random masks. Nothing is changed if it
// returns an error.
func (m *Model) SetClock(c []uint64) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetClock")
	}
	return m.group.SetClock(c)
}

// SetLengths gives the number of steps of each row that exist, 0 to the steps of
// the chain; nil: all do. They hold until the next call, and are copied. After
// SetLengths, Backward needs a new Forward. Lengths that differ with each call are
// easier given to ForwardLengths and ForwardIDsLengths.
//
// On an error the lengths are as before. If the error comes from a Net that is not the
// first of the chain, Backward needs a new Forward too.
func (m *Model) SetLengths(lengths []int) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetLengths")
	}
	return m.group.SetLengths(lengths)
}

// SetMaskState puts back what MaskState returned. Nothing is changed if it returns
// an error.
func (m *Model) SetMaskState(s []uint64) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetMaskState")
	}
	return m.group.SetMaskState(s)
}

// SetResetState gives the state, as State returns it, with which rows begin anew at the steps
// of SetResets, from the next forward pass on; nil stands for zero, as at first. It is copied. After it,
// Backward needs a new Forward. It returns an error, with nothing changed, if the tensors do
// not fit, or if a stage has a state but cannot begin with one: only the layers of this module
// and stages made of them can.
func (m *Model) SetResetState(s [][]float32) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetResetState")
	}
	return m.group.SetResetState(s)
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
func (m *Model) SetResets(resets [][]int) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetResets")
	}
	return m.group.SetResets(resets)
}

// SetRowIDs names the rows of the batch for the random masks of every Net that has a
// method SetRowIDs: a row's masks follow from its id, not from its place. nil stands for
// the places. After it, Backward needs a new Forward. It returns an error, with nothing
// changed, if there is not one id for each row. If a Net refuses the ids, all have the
// places.
func (m *Model) SetRowIDs(ids []uint32) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetRowIDs")
	}
	return m.group.SetRowIDs(ids)
}

// SetState puts back what State returned. Nothing is changed if it returns an
// error.
func (m *Model) SetState(s [][]float32) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetState")
	}
	return m.group.SetState(s)
}

// SetStateGrad sets the gradient of the state after the last step, which the next
// Backward starts from; nil is zero. Tensors that do not fit change nothing. If a Net
// in the chain refuses its part, its error is returned and the gradient is zero in
// every Net.
func (m *Model) SetStateGrad(g [][]float32) error {
	if m == nil {
		return nilcheck.Receiver("nn", "Model", "SetStateGrad")
	}
	return m.group.SetStateGrad(g)
}
