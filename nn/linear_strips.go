package nn

import (
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Linear of many outputs, such as the readout of a model of words, has more weights than a
// cache. Packed as a whole they would go to memory and come back, several times where there
// are many rows. So its products take them as they are stored (see kernels.Stored). On the way
// forward workers share the outputs. On the way back a strip is the weights of some outputs for
// all inputs, a piece of every sum, so that each worker packs all strips for its rows.
type strips struct {
	fwd, bwd kernels.Stored
	memory   [][]float32 // one for each worker that has needed it
}

const (
	// stripShares is how many times the work that all workers but one spend on packing has to
	// go into their products for each of them to pack all strips.
	stripShares = 12
	// stripRows is up to how many rows strips are worth it. Beside more of them packing hardly
	// counts, and each strip goes on with the sums of all.
	stripRows = 64 * packWork
)

// large says whether the weights are packed strip by strip.
func (s *linear) large() bool {
	return len(s.of.Weight) > s.isa.StripRoom(0) && s.steps*s.batch <= stripRows
}

// packed makes room for all weights, if there is none yet.
func (s *linear) packed(p **kernels.Packed, k, n int) {
	if *p == nil {
		*p = s.isa.NewPacked(k, n)
	}
}

// keepPacked makes this room for passes that go over the rows in several parts.
func (s *linear) keepPacked() {
	s.packed(&s.fwd, s.in, s.out)
	if s.dw != nil {
		s.packed(&s.bwd, s.out, s.in)
	}
}

// stripRoom makes a strip for each of n workers.
func (s *linear) stripRoom(n int) {
	l := &s.strips
	for len(l.memory) < n {
		l.memory = append(l.memory, pages.Floats(s.isa.StripRoom(s.in)))
	}
}

// stripsForward is Forward.
func (s *linear) stripsForward(y, x []float32) {
	s.take(y, x)
	s.isa.CopyFlush(s.bias, s.of.Bias)
	work := len(y)*s.in + packWork*len(s.of.Weight)
	n := s.team.Parts(s.isa, work)
	s.stripRoom(n)
	s.team.RunParts(n, s.isa, work, s.do.flushX)
	s.team.RunParts(n, s.isa, work, s.do.forwardStrips)
	s.ClearPadding(y, s.out)
}

// flushX copies a share of the rows of x, with tiny values as +0.
func (s *linear) flushX(w, n int) {
	lo, hi := split.Share(len(s.x)/s.in, rowUnit, w, n)
	s.isa.CopyFlush(s.x[lo*s.in:hi*s.in], s.given[lo*s.in:hi*s.in])
}

// forwardStrips sets a share of the columns of y.
func (s *linear) forwardStrips(w, n int) {
	s.strips.fwd.GemmPart(w, n, s.strips.memory[w], kernels.Set, len(s.x)/s.in, s.x, s.in, s.bias, s.y, s.out)
}

// backInStrips says whether inputStrips sets dx of so many rows: if packing, which each worker
// does for all strips, is little work beside the products. Copies of dy are made of rows as a
// whole, so that these take whole sums too.
func (s *linear) backInStrips(rows int) bool {
	if !s.large() || s.handed == dyCopied {
		return false
	}
	n := s.team.Parts(s.isa, max(2*rows, packWork)*len(s.of.Weight))
	return stripShares*packWork*(n-1) <= rows
}

// inputStrips sets a share of the rows of dx.
func (s *linear) inputStrips(w, n int) {
	lo, hi := split.Share(len(s.dy)/s.out, rowUnit, w, n)
	if lo == hi {
		return
	}
	s.strips.bwd.GemmPart(0, 1, s.strips.memory[w], kernels.Set, hi-lo, s.dy[lo*s.out:hi*s.out], s.out, nil, s.dx[lo*s.in:hi*s.in], s.in)
}
