package nn

import (
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Linear of many outputs, such as the readout of a model of words, has more weights than a
// cache. Packed as a whole they would go to memory and come back, several times where there
// are many rows. So each worker packs a strip of them, multiplies all its rows by it while it
// is near, and goes on to the next strip: the sums are the same. On the way forward a strip is
// some outputs, and workers share these. On the way back it is the weights of some outputs for
// all inputs, a piece of every sum, so that each worker packs all strips for its rows.
type strips []*kernels.Packed // one for each worker that has needed it

const (
	// stripLeast and stripUnit are the least outputs of a strip and what their number is a
	// multiple of: each strip reads all rows of the input or the output anew.
	stripLeast, stripUnit = 96, 32
	// stripShares is how many times the work that all workers but one spend on packing has to
	// go into their products for each of them to pack all strips.
	stripShares = 12
	// stripRows is up to how many rows strips are worth it. Beside more of them packing hardly
	// counts, and each strip goes on with the sums of all.
	stripRows = 64 * packWork
)

// stripOutputs is how many outputs a strip has.
func (s *linear) stripOutputs() int {
	return max(stripLeast, split.StripFloats(s.isa)/s.in/stripUnit*stripUnit)
}

// large says whether the weights are packed strip by strip.
func (s *linear) large() bool {
	return len(s.of.Weight) > split.StripFloats(s.isa) && s.steps*s.batch <= stripRows
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

// room makes a strip for each of n workers.
func (l *strips) room(isa kernels.ISA, n int) {
	for len(*l) < n {
		*l = append(*l, isa.NewPacked(0, 0))
	}
}

// stripsForward is Forward.
func (s *linear) stripsForward(y, x []float32) {
	s.take(y, x)
	s.isa.CopyFlush(s.bias, s.of.Bias)
	work := len(y)*s.in + packWork*len(s.of.Weight)
	n := s.team.Parts(s.isa, work)
	s.strips.room(s.isa, n)
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
	out, last := split.Share(s.out, stripUnit, w, n)
	rows, p := len(s.x)/s.in, s.strips[w]
	for outs := 0; out < last; out += outs {
		outs = min(s.stripOutputs(), last-out)
		p.Reset(s.in, outs)
		p.PackFlush(true, s.of.Weight[out*s.in:(out+outs)*s.in], s.in)
		if s.bias != nil {
			p.GemmBias(rows, s.x, s.in, s.bias[out:out+outs], s.y[out:], s.out)
		} else {
			p.Gemm(kernels.Set, rows, s.x, s.in, s.y[out:], s.out)
		}
	}
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
	p, into, outs := s.strips[w], kernels.Set, 0
	for out := 0; out < s.out; out += outs {
		outs = min(s.stripOutputs(), s.out-out)
		p.Reset(outs, s.in)
		p.PackFlush(false, s.of.Weight[out*s.in:(out+outs)*s.in], s.in)
		p.Gemm(into, hi-lo, s.dy[lo*s.out+out:hi*s.out], s.out, s.dx[lo*s.in:hi*s.in], s.in)
		into = kernels.Continue
	}
}
