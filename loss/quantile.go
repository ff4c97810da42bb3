package loss

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
)

// Quantile is the loss of quantile regression (Koenker and Bassett 1978), also called the pinball
// loss: what has the least mean of it is the quantile of the target at the level q, the median
// for 1/2. Each output has a level and a target of its own in Batch.Y: for several quantiles of one
// number give it to several outputs.
//
//	d = y - target     loss = (1-q)*d       where d >= 0     dy = (1-q)/N, 0 where d is 0
//	                          q*(-d)        elsewhere             -q/N
//
// N and what is counted are those of MSE. With the level 1/2 it is half of MAE.
type Quantile struct {
	// Levels are above 0 and below 1, one for each output, or one for all.
	Levels  []float32
	PerStep bool // as in MSE
}

// InPlace says that dy may be y.
func (Quantile) InPlace() bool { return true }

// Loss implements Loss, in place too. The derivative of an element is 1-q, rounded, or -q, times
// the element's weight if there are weights, times 1/N, rounded after each, and stored as +0
// below 2^-100.
func (l Quantile) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	return s.elements(dy, y, b, by, l.call())
}

func (l Quantile) call() elementCall {
	return elementCall{name: "Quantile", form: quantile, perStep: l.PerStep, levels: l.Levels}
}

// checkLevels returns an error unless there is one level for all outputs or for each.
func (c *elementCall) checkLevels(width int) error {
	if n := len(c.levels); n != 1 && n != width {
		return fmt.Errorf("loss: Quantile.Levels has %d elements, want 1, or %d as the outputs have", n, width)
	}
	for i, q := range c.levels {
		if !(q > 0 && q < 1) {
			return fmt.Errorf("loss: Quantile.Levels[%d] is %v, want a level above 0 and below 1", i, q)
		}
	}
	return nil
}

// setLevels sets the derivatives below and above the target, for size elements.
func (s *Scratch) setLevels(levels []float32, size int) {
	s.q, s.above = s.q[:0], s.above[:0]
	for i := range size {
		q := levels[i%len(levels)]
		s.q, s.above = append(s.q, -q), append(s.above, 1-q)
	}
}

// quantileGrad sets g to the derivatives for the differences d; t is memory.
func (c *call) quantileGrad(g, d, t, below, above []float32) {
	c.isa.Choose(g, d, below, above, 0)
	c.isa.Sign(t, d)
	c.isa.Mul(t, t, t) // 0 where there is no difference
	c.isa.Mul(g, g, t)
}
