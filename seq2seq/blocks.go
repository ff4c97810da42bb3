package seq2seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/nn"
)

// ReadoutBlocks returns the net for passes in which the readout of the decoder runs over
// blocks of steps: see nn.OverBlocks and nn.Blocks. Scheduled sampling takes a block more of
// memory, for its first pass.
func (n *Net) ReadoutBlocks(rows int) (nn.ReadoutBlocks, error) {
	if n == nil {
		return nil, nilcheck.Receiver("seq2seq", "Net", "ReadoutBlocks")
	}
	k, err := n.decoder.Blocks(rows)
	if err != nil {
		return nil, fmt.Errorf("seq2seq: the decoder: %w", err)
	}
	b := &blocks{Blocks: k, n: n}
	if n.sampler != nil {
		b.y = make([]float32, k.Steps()*n.batch*n.out)
		b.guess = b.predict
	}
	return b, nil
}

// blocks is a Net whose readout runs over blocks of steps.
type blocks struct {
	*nn.Blocks
	n *Net

	// Of scheduled sampling: the outputs of a block of the first pass.
	y     []float32
	guess func(first, steps int) error
}

// ForwardBatch is that of the Net without its readout.
func (k *blocks) ForwardBatch(b *data.Batch) error {
	if err := k.n.begin(b); err != nil {
		return err
	}
	ids, err := k.n.inputs(b, func() error {
		if err := k.decode(b.IDs, b.Lengths); err != nil {
			return err
		}
		return k.Each(k.guess)
	})
	if err != nil {
		return err
	}
	if err := k.decode(ids, b.Lengths); err != nil {
		return err
	}
	k.n.source = b.Source.Steps
	return nil
}

// decode runs the decoder without its readout from its first state.
func (k *blocks) decode(ids []int32, lengths []int) error {
	if err := k.n.resetDecoder(); err != nil {
		return err
	}
	if err := k.n.decoder.SetLengths(lengths); err != nil {
		return err
	}
	return k.ForwardIDs(ids)
}

// predict is the block of the first pass of scheduled sampling.
func (k *blocks) predict(first, steps int) error {
	y := k.y[:steps*k.n.batch*k.n.out]
	k.Readout(y, first)
	k.n.sampler.predict(y, first)
	return nil
}

// Backward is that of the Net, after ReadoutGrad of all steps.
func (k *blocks) Backward() {
	k.Blocks.Backward()
	k.n.encoderBackward()
}
