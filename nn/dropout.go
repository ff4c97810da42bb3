package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
)

// Dropout is a stage, of any width, that in training sets elements to +0 with
// probability P and multiplies the others by 1/(1-P), and otherwise changes nothing
// (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, scaled in training
// as in PyTorch).
//
// A mask follows from a seed, the training step, the step of the row since Reset and the
// row's id: it depends on neither the batch nor the number of workers, a row has the same
// masks wherever its sequence was cut into calls, and a resumed run goes on with them
// (rule 11 of the numerics contract). Model has MaskState, Clock, SetSeed and SetRowIDs
// for them. Chain gives each Dropout a seed of its own.
type Dropout struct {
	// P is 0, or a probability above 2^-24 and below 1.
	P float32
	// Locked draws one mask for each row in place of one for each row and step: it is the
	// same at all steps until the training step ends with a Backward (Gal and Ghahramani
	// 2016, "variational"; the locked dropout of Merity, Keskar and Socher 2018).
	Locked bool
}

// Dims returns zeros: any width will do.
func (d Dropout) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

func (d Dropout) check() error {
	if below := 1 + d.P; d.P != 0 && !(below > 1 && below < 2) {
		return fmt.Errorf("a Dropout whose P is %v, want 0, or a probability above 2^-24 and below 1: the random numbers of masks have steps of 2^-23, and a smaller one would drop nothing", d.P)
	}
	return nil
}

// maskedUnits is how many units the counters of rule 11 have places for.
const maskedUnits = 4 << 20

// Bind makes the Dropout a Net for a chain: see Unsized.
func (d Dropout) Bind(b *Binding) (Net, error) {
	if d.P > 0 && b.Width > maskedUnits {
		return nil, fmt.Errorf("a Dropout of width %d, want at most %d", b.Width, maskedUnits)
	}
	n := &dropout{Stateless: b.Stateless(b.Width), p: d.P, locked: d.Locked, stepMasks: newStepMasks(b.Batch, !b.Infer)}
	n.part = n.apply
	return n, nil
}

// dropout is a Dropout within one chain. A mask is not kept: it is drawn again on the way
// back.
type dropout struct {
	Stateless
	stepMasks
	p        float32
	locked   bool
	dst, src []float32
	part     func(w, n int)
}

func (n *dropout) Forward(y, x []float32) {
	n.begin(n.rows, n.p > 0)
	n.run(y, x)
}

func (n *dropout) Backward(dx, dy []float32) {
	n.stepEnded = true
	if dx != nil {
		n.run(dx, dy)
	}
}

// SetTraining says whether the Forward calls that follow draw masks.
func (n *dropout) SetTraining(on bool) { n.stepMasks.SetTraining(on) }

// Reset begins anew to count the steps of the given rows, of all when there are none.
func (n *dropout) Reset(rows ...int) { n.stepMasks.Reset(rows...) }

// run sets dst to src, flushed and behind the masks of the pass.
func (n *dropout) run(dst, src []float32) {
	n.dst, n.src = dst, src
	n.team.Run(n.isa, elementWork*len(dst), n.part)
	n.ClearPadding(dst, n.out)
}

func (n *dropout) apply(w, of int) {
	lo, hi := split.Share(len(n.dst)/n.out, 1, w, of)
	n.isa.CopyFlush(n.dst[lo*n.out:hi*n.out], n.src[lo*n.out:hi*n.out])
	if !n.drawn {
		return
	}
	var numbers [block]float32
	for p := lo; p < hi; p++ {
		if padded(n.rows.lengths, p, n.batch) {
			continue
		}
		kind, t, row := dropStep, n.start[p%n.batch]+uint32(p/n.batch), n.dst[p*n.out:][:n.out]
		if n.locked {
			kind, t = dropRow, 0
		}
		for unit := 0; unit < len(row); unit += block {
			part := row[unit:min(unit+block, len(row))]
			n.draw(numbers[:(len(part)+63)/64*64], n.isa, kind, unit, t, p%n.batch)
			n.isa.Drop(part, part, numbers[:len(part)], 1+n.p, 1/(1-n.p))
		}
	}
}

// MaskState returns the seed and the training step of the masks to come; nil if P is 0.
func (n *dropout) MaskState() []uint64 {
	if n.p == 0 {
		return nil
	}
	return n.stepMasks.state()
}

// SetMaskState takes what MaskState returned. Nothing is changed if it returns an error.
func (n *dropout) SetMaskState(s []uint64) error {
	if want := len(n.MaskState()); len(s) != want {
		return fmt.Errorf("nn: a mask state of %d numbers, want %d, as MaskState returns them for this Dropout", len(s), want)
	}
	if n.p == 0 {
		return nil
	}
	return n.stepMasks.setState(s)
}
