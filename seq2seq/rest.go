package seq2seq

import (
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/nn"
)

// Forward panics: the net reads ids and a source. Call ForwardBatch.
func (n *Net) Forward(y, x []float32) { panic("seq2seq: Forward of a seq2seq.Net, want ForwardBatch") }

// ForwardIDs returns an error: ids alone are not all that the net reads. Call ForwardBatch.
// That the method is there says that the decoder takes ids.
func (n *Net) ForwardIDs(y []float32, ids []int32) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "ForwardIDs")
	}
	return errors.New("seq2seq: ForwardIDs of a seq2seq.Net, which needs a source too: call ForwardBatch")
}

// SetLengths returns an error unless there is one length for each row, 0 to the steps of
// the decoder, or nil. It has no other effect but that Backward needs a new ForwardBatch,
// which takes the lengths of its batch.
func (n *Net) SetLengths(lengths []int) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "SetLengths")
	}
	if err := checkSteps("decoder", n.steps, n.steps, n.batch, lengths); err != nil {
		return err
	}
	n.pending = false
	return nil
}

// SetTraining switches dropout and the like, and scheduled sampling.
func (n *Net) SetTraining(on bool) {
	n.training = on
	n.encoder.SetTraining(on)
	n.decoder.SetTraining(on)
}

// SetWorkers sets on how many workers a pass may be split at most, 0 for no such limit. Each
// piece of work has as many as it is worth. The number changes no bit. It panics if k is negative.
func (n *Net) SetWorkers(k int) {
	n.decoder.SetWorkers(k)
	if w, ok := n.encoder.(interface{ SetWorkers(int) }); ok {
		w.SetWorkers(k)
	}
	if n.bridge != nil {
		for _, m := range n.bridge.maps {
			m.SetWorkers(k)
		}
	}
	if n.sampler != nil {
		n.sampler.team.Set(k)
	}
}

// State returns nil: no state is carried from batch to batch.
func (n *Net) State() [][]float32 { return nil }

// SetState returns an error for a state that is not empty.
func (n *Net) SetState(s [][]float32) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "SetState")
	}
	return noState(s)
}

// SetStateGrad returns an error for a gradient that is not empty.
func (n *Net) SetStateGrad(g [][]float32) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "SetStateGrad")
	}
	return noState(g)
}

// StateGrad returns nil.
func (n *Net) StateGrad() [][]float32 { return nil }

// Reset does nothing: each batch begins anew.
func (n *Net) Reset(...int) {}

// masked returns what of encoder and decoder has random masks.
func (n *Net) masked() (list []nn.Masked) {
	for _, net := range []nn.Net{n.encoder, n.decoder} {
		if m := nn.MasksOf(net); m != nil {
			list = append(list, m)
		}
	}
	return list
}

// separateMasks gives encoder and decoder other seeds if a seed of one is one of the other.
func (n *Net) separateMasks() {
	if m := n.masked(); len(m) == 2 {
		a, b := m[0].MaskState(), m[1].MaskState()
		for i := 0; i < len(a); i += 2 { // seed, training step, seed, ...
			for j := 0; j < len(b); j += 2 {
				if a[i] == b[j] {
					n.SetSeed(0)
					return
				}
			}
		}
	}
}

// SetSeed sets the seeds of the random masks and of scheduled sampling, which follow from
// the given one, and counts training steps from 0 again. Without it the seed of the
// sampling is 0.
func (n *Net) SetSeed(seed uint64) {
	n.pending = false
	for i, net := range []nn.Net{n.encoder, n.decoder} {
		if s, ok := net.(interface{ SetSeed(seed uint64) }); ok {
			// An odd number with no pattern. It is not the one by which a chain makes the
			// seeds of its nets, or a net of the decoder would have that of the encoder's next.
			s.SetSeed(seed + uint64(i)*0xd1342543de82ef95)
		}
	}
	if n.sampler != nil {
		n.sampler.seed, n.sampler.step = seed, 0
	}
}

// SetRowIDs names the rows of the batch for the random masks of encoder and decoder and for
// scheduled sampling, nil by their places: what is drawn for a row follows from its id. After it
// Backward needs a new ForwardBatch. It returns an error if there is not one id for each row, or
// if one is 2^22 or more and there is scheduled sampling; then nothing is changed. If a net
// refuses the ids, all have the places.
func (n *Net) SetRowIDs(ids []uint32) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "SetRowIDs")
	}
	if ids != nil && len(ids) != n.batch {
		return fmt.Errorf("seq2seq: %d row ids for a batch of %d rows; give one for each row, or nil", len(ids), n.batch)
	}
	for b, id := range ids {
		if n.sampler != nil && id >= sampledRows {
			return fmt.Errorf("seq2seq: the id of row %d is %d, want less than 2^22 with scheduled sampling", b, id)
		}
	}
	err := n.setRowIDs(ids)
	if err != nil {
		err = errors.Join(err, n.setRowIDs(nil))
	}
	return err
}

func (n *Net) setRowIDs(ids []uint32) error {
	n.pending = false
	for _, net := range []nn.Net{n.encoder, n.decoder} {
		if m, ok := net.(interface{ SetRowIDs(ids []uint32) error }); ok {
			if err := m.SetRowIDs(ids); err != nil {
				return err
			}
		}
	}
	if n.sampler != nil {
		n.sampler.rows = slices.Clone(ids)
	}
	return nil
}

// MaskState returns seeds and training steps of the masks of encoder and decoder and of
// scheduled sampling, nil if there is none of them.
func (n *Net) MaskState() (s []uint64) {
	for _, m := range n.masked() {
		s = append(s, m.MaskState()...)
	}
	if n.sampler != nil {
		s = append(s, n.sampler.seed, n.sampler.step)
	}
	return s
}

// SetMaskState puts back what MaskState returned. Nothing is changed if it returns an
// error.
func (n *Net) SetMaskState(s []uint64) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "SetMaskState")
	}
	before := n.MaskState()
	if len(s) != len(before) {
		return fmt.Errorf("seq2seq: a mask state of %d numbers, want %d", len(s), len(before))
	}
	n.pending = false
	masked := n.masked()
	for i, m := range masked {
		k := len(m.MaskState())
		if err := m.SetMaskState(s[:k]); err != nil {
			for _, done := range masked[:i] {
				k := len(done.MaskState())
				err = errors.Join(err, done.SetMaskState(before[:k]))
				before = before[k:]
			}
			return err
		}
		s = s[k:]
	}
	if n.sampler != nil {
		n.sampler.seed, n.sampler.step = s[0], s[1]
	}
	return nil
}

// Clock returns for each row the steps since it began: 0, since each batch begins anew;
// nil if there are no masks and no sampling.
func (n *Net) Clock() []uint64 {
	if n.MaskState() == nil {
		return nil
	}
	return make([]uint64, n.batch)
}

// SetClock returns an error unless c is what Clock returns.
func (n *Net) SetClock(c []uint64) error {
	if n == nil {
		return nilcheck.Receiver("seq2seq", "Net", "SetClock")
	}
	if want := n.Clock(); !slices.Equal(c, want) {
		return fmt.Errorf("seq2seq: the clock of a batch is %d zeros, not %v", len(want), c)
	}
	return nil
}
