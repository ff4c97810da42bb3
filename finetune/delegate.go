package finetune

import (
	"errors"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/nn"
)

// The methods below are those of the net, which adapters do not touch.

// SetLengths implements nn.Net.
func (a *Adapted) SetLengths(lengths []int) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetLengths")
	}
	return a.net.SetLengths(lengths)
}

// SetTraining implements nn.Net.
func (a *Adapted) SetTraining(on bool) { a.net.SetTraining(on) }

// State implements nn.Net.
func (a *Adapted) State() [][]float32 { return a.net.State() }

// CopyState is State into slices of the same lengths.
func (a *Adapted) CopyState(dst [][]float32) { nn.CopyState(a.net, dst) }

// SetState implements nn.Net.
func (a *Adapted) SetState(s [][]float32) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetState")
	}
	return a.net.SetState(s)
}

// SetStateGrad implements nn.Net.
func (a *Adapted) SetStateGrad(g [][]float32) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetStateGrad")
	}
	return a.net.SetStateGrad(g)
}

// StateGrad implements nn.Net.
func (a *Adapted) StateGrad() [][]float32 { return a.net.StateGrad() }

// Reset implements nn.Net.
func (a *Adapted) Reset(rows ...int) { a.net.Reset(rows...) }

// SetResets is that of the net, if it has one.
func (a *Adapted) SetResets(resets [][]int) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetResets")
	}
	return nn.SetResets(a.net, resets)
}

// CopyStateGrad is StateGrad into slices of the same lengths.
func (a *Adapted) CopyStateGrad(dst [][]float32) { nn.CopyStateGrad(a.net, dst) }

// SetRowIDs sets those of the net, by which random masks know rows.
func (a *Adapted) SetRowIDs(ids []uint32) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetRowIDs")
	}
	if m, ok := a.net.(interface{ SetRowIDs(ids []uint32) error }); ok {
		return m.SetRowIDs(ids)
	}
	return errNoMasks
}

var errNoMasks = errors.New("finetune: the adapted net has no random masks")

// MaskState returns that of the net, nil if it has no random masks.
func (a *Adapted) MaskState() []uint64 {
	if m := nn.MasksOf(a.net); m != nil {
		return m.MaskState()
	}
	return nil
}

// SetMaskState sets that of the net.
func (a *Adapted) SetMaskState(s []uint64) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetMaskState")
	}
	if m := nn.MasksOf(a.net); m != nil {
		return m.SetMaskState(s)
	}
	return errNoMasks
}

// Clock returns that of the net, nil if it has no random masks.
func (a *Adapted) Clock() []uint64 {
	if m := nn.MasksOf(a.net); m != nil {
		return m.Clock()
	}
	return nil
}

// SetClock sets that of the net.
func (a *Adapted) SetClock(c []uint64) error {
	if a == nil {
		return nilcheck.Receiver("finetune", "Adapted", "SetClock")
	}
	if m := nn.MasksOf(a.net); m != nil {
		return m.SetClock(c)
	}
	return errNoMasks
}

// SetSeed sets the seed of the net's random masks, if it has any.
func (a *Adapted) SetSeed(seed uint64) {
	if s, ok := a.net.(interface{ SetSeed(seed uint64) }); ok {
		s.SetSeed(seed)
	}
}
