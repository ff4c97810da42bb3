package loss

import (
	"fmt"
	"math"
)

// rangePiece is how many elements are looked at in one go: they stay in the first cache.
const rangePiece = 1024

// A span is what is known of some numbers before one of them is looked at.
type span struct {
	above, below float32 // the largest, and the smallest times -1; 0 if that is less. NaN is passed over
	nan          bool    // one is NaN, or two infinities differ
}

// rangeOf looks at numbers by kernels, in a call of a loss over elements.
func (s *Scratch) rangeOf(v []float32) (r span) {
	c := &s.call
	var above, below [64]float32 // lanes, as MaxLanes has
	n := min(rangePiece, len(s.work[0]))
	for left := v; len(left) > 0; {
		piece := left[:min(n, len(left))]
		left = left[len(piece):]
		negative := s.work[0][:len(piece)]
		c.isa.Scale(negative, piece, -1)
		c.isa.MaxLanes(above[:], piece)
		c.isa.MaxLanes(below[:], negative)
		sum := c.isa.Sum(piece)
		r.nan = r.nan || sum != sum
	}
	r.above, r.below = c.isa.Max(above[:]), c.isa.Max(below[:])
	return r
}

// checkElementWeights returns an error if the weight of an element that counts is negative or
// not finite.
func (s *Scratch) checkElementWeights() error {
	b := s.call.b
	if len(b.Weights) <= b.Steps*b.Rows { // none, or those of steps, which check looks at
		return nil
	}
	if r := s.rangeOf(b.Weights); !r.nan && r.below <= 0 && r.above <= math.MaxFloat32 {
		return nil
	}
	return s.call.wrongWeight()
}

// wrongWeight returns an error for the first weight of an element that counts and is negative
// or not finite.
func (c *call) wrongWeight() error {
	b := c.b
	for i, w := range b.Weights {
		if p := i / c.width; !(w >= 0 && w <= math.MaxFloat32) && b.Term(p) {
			return fmt.Errorf("loss: %s: the weight of output %d at step %d, row %d is %v, want 0 or more", c.elements.name, i%c.width, p/b.Rows, p%b.Rows, w)
		}
	}
	return nil
}
