package bptt

import (
	"fmt"
	"math"
	"path"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// WeightNoise adds noise to the weights while the gradient of an update is computed: the
// regulariser of Graves (2011, "Practical variational inference for neural networks", with a
// fixed deviation) that his recurrent networks of 2013 were trained with. Weights that give a
// small loss only where they are exact are avoided. The zero value adds none.
//
// Each element of a weight gets a number of its own from the normal distribution, anew for each
// update and the same in all windows, shards and ranks of it. Before the optimizer's step the
// weights are put back from a copy, so that the step is one of the weights without noise, to the
// bit; callbacks, validations and checkpoints never see the others. The loss in Progress is that
// of the weights with noise.
//
// A number follows from Seed, the number of the update (those left out are counted), the place of
// the parameter among those of the net, and the place of the element (rule 11 of the numerics
// contract). So a run has the same bits on every machine and number of workers, and a resumed run
// goes on with the noise of the run that was not interrupted. As ClipNorm, it is a setting of the
// Plan that checkpoints do not hold.
//
// It takes a copy of the weights that get noise, and each update the time to make a normal number
// for each of them: some steps of an optimizer.
type WeightNoise struct {
	// Std is the standard deviation, 0 for no noise; papers have 0.05 to 0.1. It must be a normal
	// number in float32.
	Std float64

	// Params are patterns, as those of optim.Group (path.Match), of the names of the parameters
	// that get noise; each must match one. Without any all parameters get it. One that the
	// optimizer leaves as it is (optim.Freezer) gets none.
	Params []string

	Seed uint64
}

// check returns an error for settings that make no sense.
func (n *WeightNoise) check() error {
	std := float32(n.Std)
	switch {
	case n.Std == 0 && len(n.Params) > 0:
		return fmt.Errorf("bptt: Plan.Noise has Params %q and a Std of 0; set Std, the standard deviation of the noise, or leave Params out", n.Params)
	case n.Std != 0 && (!(std >= 0x1p-126) || math.IsInf(float64(std), 1)):
		return fmt.Errorf("bptt: Plan.Noise.Std is %v, want a standard deviation that is a normal number above 0 in float32, or 0 for no noise", n.Std)
	}
	return nil
}

// chosen says which of the parameters get noise.
func (n *WeightNoise) chosen(params []nn.Param) ([]bool, error) {
	all := make([]bool, len(params))
	for i := range all {
		all[i] = len(n.Params) == 0
	}
	for _, pattern := range n.Params {
		found := false
		var list []string
		for i, p := range params {
			match, err := path.Match(pattern, p.Name)
			if err != nil {
				return nil, fmt.Errorf("bptt: Plan.Noise.Params has the pattern %q: %w", pattern, err)
			}
			all[i] = all[i] || match
			found = found || match
			list = append(list, p.Name)
		}
		if !found {
			return nil, fmt.Errorf("bptt: Plan.Noise.Params has the pattern %q, which matches none of the parameters %q", pattern, list)
		}
	}
	return all, nil
}

// noise is the noise on the weights of a Trainer.
type noise struct {
	std    float32
	key    [2]uint32
	isa    kernels.ISA
	params []nn.Param    // of the net; those without noise have no elements
	place  []int         // of each among all parameters of the net
	freeze optim.Freezer // the optimizer; nil: it moves all parameters
	still  []bool        // the parameters that have none in this update
	clean  [][]float32   // the weights without noise
	on     bool          // the weights have noise
	update uint32
	pieces crew.Pieces
}

// init prepares noise for the parameters of a net, none without a Plan.Noise.Std.
func (n *noise) init(plan *Plan, isa kernels.ISA, params []nn.Param) error {
	of := &plan.Noise
	if of.Std == 0 {
		return nil
	}
	chosen, err := of.chosen(params)
	if err != nil {
		return err
	}
	n.std, n.isa = float32(of.Std), isa
	n.key = [2]uint32{uint32(of.Seed), uint32(of.Seed >> 32)}
	n.freeze, _ = plan.Optimizer.(optim.Freezer)
	var lengths []int
	for i, p := range params {
		if chosen[i] {
			n.params, n.place = append(n.params, p), append(n.place, i)
			n.clean = append(n.clean, pages.Floats(len(p.W)))
			lengths = append(lengths, len(p.W))
		}
	}
	n.still = make([]bool, len(n.params))
	n.pieces.Init(isa, lengths, n.piece)
	n.pieces.Set(plan.Workers)
	return nil
}

// add adds the noise of an update, unless the weights have it already.
func (n *noise) add(update int64) {
	if n.std == 0 || n.on {
		return
	}
	for i, p := range n.params {
		n.still[i] = n.freeze != nil && n.freeze.Frozen(p.Name)
	}
	n.on, n.update = true, uint32(update)
	n.pieces.Run()
}

// remove puts the weights back, if they have noise.
func (n *noise) remove() {
	if !n.on {
		return
	}
	for i, p := range n.params {
		if !n.still[i] {
			copy(p.W, n.clean[i])
		}
	}
	n.on = false
}

// noiseBlock is how many numbers are drawn in one go, whole blocks of kernels.Uniform.
const noiseBlock = 512

// noiseRow stands in the counters of the noise where those of random masks have the row of a
// batch.
const noiseRow = math.MaxUint32

// piece keeps the elements lo to hi of parameter i, and adds noise to them. lo is a multiple of
// the pieces' size, so of 64.
func (n *noise) piece(i, lo, hi int) {
	if n.still[i] {
		return
	}
	w := n.params[i].W
	copy(n.clean[i][lo:hi], w[lo:hi])
	var u, v [noiseBlock]float32
	for ; lo < hi; lo += noiseBlock {
		part := w[lo:min(lo+noiseBlock, hi)]
		whole := (len(part) + 63) / 64 * 64
		at, place := uint32(lo/4), uint32(2*n.place[i])
		n.isa.Uniform(u[:whole], [4]uint32{at, n.update, place, noiseRow}, n.key)
		n.isa.Uniform(v[:whole], [4]uint32{at, n.update, place + 1, noiseRow}, n.key)
		normal := u[:len(part)]
		n.isa.BoxMuller(normal, normal, v[:len(part)])
		n.isa.Axpy(part, normal, n.std)
	}
}
