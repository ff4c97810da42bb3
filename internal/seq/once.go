package seq

import (
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/kernels"
)

// once says which weights a training pass multiplies by once: W_ih where the network is unrolled
// for one block of work, and W_hh where it is for one step. Packed copies of a large matrix would
// go to memory and come back for that one product. These products take the weights as they are
// stored, and each worker packs strips of its columns where it multiplies by them.
type once struct {
	input bool // of the pass under way
	recur bool // of all passes
}

// stored is the matrices of a direction for products that are made once a pass.
type stored struct {
	in, inBack       kernels.Stored   // as in packing
	recur, recurBack []kernels.Stored // the columns of recur in groups of the width of the layer; nil where W_hh is packed
}

// beginOnce decides about W_ih for a Forward. It is packed where lengths cut the rows of a block
// into several products, where rows of dx are made as a whole, which would have each worker pack
// all of W_ih, and for symbols, whose products are others.
func (u *Unrolled) beginOnce() {
	u.once.input = u.oneBlock() && u.rows.lengths == nil && !u.rows.differ() && !u.symbols.on
}

// oneBlock says whether passes of u can multiply by W_ih once. Masks on inputs are put on whole
// rows of dx.
func (u *Unrolled) oneBlock() bool {
	d := u.net.Noise
	return u.keep && u.steps <= u.chunk && d.Dropout == 0 && d.Input == 0
}

// recurOnce says whether each pass of u multiplies by W_hh once, in a cell that can share its
// steps by units: shares of rows would each pack all of W_hh.
func (u *Unrolled) recurOnce() bool {
	return u.keep && u.steps == 1 && len(u.units.forward) > 0 && u.net.Noise.Weight == 0 && u.large(u.net.W[0].Hh)
}

// inputOnce says whether the products with W_ih of direction i take it as it is stored. Workers
// share their columns, of which there must be enough for all.
func (u *Unrolled) inputOnce(i int) bool {
	p := &u.pack[i]
	return u.once.input && u.large(u.net.W[i].Ih) && min(p.in.Parts(), p.inBack.Parts()) >= u.workers.most
}

// large says whether weights are more than a strip.
func (u *Unrolled) large(weights []float32) bool { return len(weights) > u.isa.StripRoom(0) }

// newStored are the matrices of w, those of W_hh if recur says so.
func (n *Net) newStored(isa kernels.ISA, w *Weights, recur bool) stored {
	sh := &n.Shape
	r := sh.States[0]
	s := stored{in: isa.NewStored(true, w.In, 1, sh.Gates, w.Ih, w.In), inBack: isa.NewStored(false, sh.Gates, 1, w.In, w.Ih, w.In)}
	if !recur {
		return s
	}
	for _, b := range sh.Recur {
		hh := w.Hh[b.Row*r:]
		s.recur = append(s.recur, isa.NewStored(true, r, b.Rows/sh.Hidden, sh.Hidden, hh, r))
		s.recurBack = append(s.recurBack, isa.NewStored(false, b.Rows, 1, r, hh, r))
	}
	return s
}

// newStrip is memory for the strips of a worker, nil if no pass of u needs it.
func (u *Unrolled) newStrip() []float32 {
	if n := u.stripSize(); n > 0 {
		return pages.Floats(n)
	}
	return nil
}

func (u *Unrolled) stripSize() int {
	some := u.once.recur
	for i := range u.net.W {
		some = some || u.oneBlock() && u.large(u.net.W[i].Ih)
	}
	if !some {
		return 0
	}
	return u.isa.StripRoom(max(u.net.widest(), u.net.Shape.States[0]))
}
