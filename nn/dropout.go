package nn

import (
	"errors"
	"fmt"

	"github.com/simdrnn/simdrnn/internal/seq"
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
	// Whole draws one number for each row and step, which drops all elements of it or none:
	// after an Embedding it leaves out whole words, each place of a word by itself ("word
	// dropout"). It cannot be Locked.
	Whole bool
}

// Dims returns zeros: any width will do.
func (d Dropout) Dims() (steps, batch, in, out int) { return 0, 0, 0, 0 }

func (d Dropout) check() error {
	if d.Whole && d.Locked {
		return errors.New("a Dropout that is Whole and Locked, which would leave out all of a row or nothing, want one of them")
	}
	return seq.CheckProbability("a Dropout whose P", d.P)
}

// Bind makes the Dropout a Net for a chain: see Unsized.
func (d Dropout) Bind(b *Binding) (Net, error) {
	if d.P > 0 && b.Width > seq.MaskedUnits && !d.Whole {
		return nil, fmt.Errorf("a Dropout of width %d, want at most %d", b.Width, seq.MaskedUnits)
	}
	n := &dropout{Stateless: b.Stateless(b.Width), p: d.P, locked: d.Locked, whole: d.Whole, infer: b.Infer, masks: seq.NewMaskSource(b.Batch, !b.Infer)}
	n.part = n.apply
	return n, nil
}

// dropout is a Dropout within one chain. A mask is not kept: it is drawn again on the way
// back.
type dropout struct {
	Stateless
	masks    seq.MaskSource
	p        float32
	locked   bool
	whole    bool
	infer    bool
	dst, src []float32
	part     func(w, n int)
}

// The kinds of masks, in the counters' place, are those of a layer: anew for each step, and
// one for a row.
const (
	dropStep = uint32(seq.DropInput) << 20
	dropRow  = uint32(seq.DropSequence) << 20
)

func (n *dropout) Forward(y, x []float32) {
	n.masks.Begin(n.p > 0)
	for b := range n.batch {
		steps := n.rows.length(b)
		if last, ok := n.rows.before(b, steps-1); ok {
			n.masks.Reset(b)
			steps -= last
		}
		n.masks.Advance(b, steps)
	}
	n.run(y, x)
}

func (n *dropout) Backward(dx, dy []float32) {
	n.masks.EndStep()
	if dx != nil {
		n.run(dx, dy)
	}
}

// run sets dst to src, flushed and behind the masks of the pass.
func (n *dropout) run(dst, src []float32) {
	n.dst, n.src = dst, src
	n.team.Run(n.isa, elementWork*len(dst), n.part)
	n.ClearPadding(dst, n.out)
}

func (n *dropout) apply(w, of int) {
	lo, hi := split.Share(len(n.dst)/n.out, 1, w, of)
	n.isa.CopyFlush(n.dst[lo*n.out:hi*n.out], n.src[lo*n.out:hi*n.out])
	if !n.masks.Drawn() {
		return
	}
	below, scale := seq.MaskBounds(n.p)
	var numbers [block]float32
	for p := lo; p < hi; p++ {
		if padded(n.rows.lengths, p, n.batch) {
			continue
		}
		b, row := p%n.batch, n.dst[p*n.out:][:n.out]
		place, t := dropStep, uint32(n.rows.age(b, p/n.batch, int(n.masks.Start(b))))
		if n.locked {
			place, t = dropRow, 0
		}
		if n.whole {
			n.masks.Draw(n.isa, numbers[:64], place, t, n.masks.ID(b))
			if numbers[0] < below {
				clear(row)
			} else {
				n.isa.Scale(row, row, scale)
			}
			continue
		}
		for unit := 0; unit < len(row); unit += block {
			part := row[unit:min(unit+block, len(row))]
			n.masks.Draw(n.isa, numbers[:(len(part)+63)/64*64], place|uint32(unit/4), t, n.masks.ID(b))
			n.isa.Drop(part, part, numbers[:len(part)], below, scale)
		}
	}
}

// SetResets does nothing: the stage has the resets of its chain.
func (n *dropout) SetResets([][]int) error { return nil }

// SetTraining says whether the Forward calls that follow draw masks. Those of a chain for
// inference never do.
func (n *dropout) SetTraining(on bool) { n.masks.SetTraining(on && !n.infer) }

// Reset begins anew to count the steps of the given rows, of all when there are none.
func (n *dropout) Reset(rows ...int) { n.masks.Reset(rows...) }

// SetSeed sets what the masks are drawn from, and begins anew to count training steps.
func (n *dropout) SetSeed(seed uint64) { n.masks.SetSeed(seed) }

// SetRowIDs names the rows for the masks, nil by their places.
func (n *dropout) SetRowIDs(ids []uint32) error { return n.masks.SetRowIDs("nn", ids) }

// MaskState returns the seed and the training step of the masks to come; nil if P is 0.
func (n *dropout) MaskState() []uint64 { return n.masks.MaskState(n.p > 0) }

// SetMaskState takes what MaskState returned. Nothing is changed if it returns an error.
func (n *dropout) SetMaskState(s []uint64) error { return n.masks.SetMaskState("nn", n.p > 0, s) }

// Clock returns the steps of each row since Reset.
func (n *dropout) Clock() []uint64 { return n.masks.Clock() }

// SetClock takes what Clock returned. Nothing is changed if it returns an error.
func (n *dropout) SetClock(c []uint64) error { return n.masks.SetClock("nn", c) }
