package nn

import (
	"github.com/simdrnn/simdrnn/kernels"
)

// A linearPredictor is a frozen copy of a linear, for one step at a time.
type linearPredictor struct {
	linear *linear
	batch  int
	packed *kernels.Packed
	bias   []float32
	x      []float32 // flushed; nil where x is memory of the predictor of the chain
}

// NewPredictor returns the Linear for one step at a time.
func (s *linear) NewPredictor(batch int) (any, error) {
	p := &linearPredictor{linear: s, batch: batch, packed: s.isa.NewPacked(s.in, s.out)}
	if s.of.Bias != nil {
		p.bias = make([]float32, s.out)
	}
	if s.room != nil {
		p.x = make([]float32, batch*s.in)
	}
	p.Refresh()
	return p, nil
}

func (p *linearPredictor) mustBeUnchanged() { p.linear.mustBeUnchanged() }

func (p *linearPredictor) Refresh() {
	s := p.linear
	p.packed.PackFlush(true, s.of.Weight, s.in)
	s.isa.CopyFlush(p.bias, s.of.Bias)
}

// Step is Forward for one step: x is flushed first, where it lies if that is memory of
// the predictor of the chain.
func (p *linearPredictor) Step(y, x []float32) {
	s := p.linear
	flushed := x
	if p.x != nil {
		flushed = p.x
	}
	s.isa.CopyFlush(flushed, x)
	if p.bias != nil {
		p.packed.GemmBias(p.batch, flushed, s.in, p.bias, y, s.out)
	} else {
		p.packed.Gemm(kernels.Set, p.batch, flushed, s.in, y, s.out)
	}
}

func (p *linearPredictor) State() [][]float32           { return nil }
func (p *linearPredictor) SetState(s [][]float32) error { return checkLengths("state", s, nil) }
func (p *linearPredictor) Reset(...int)                 {}
func (p *linearPredictor) Reorder([]int)                {}
