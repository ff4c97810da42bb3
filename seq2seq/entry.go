package seq2seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/nn"
)

// affine makes a chain of l alone, so that the maps of this package have the products,
// gradients and workers of a Linear. A chain takes its steps and rows from a Net, which is
// what entry is for.
func affine(l *nn.Linear, steps, batch int) (*nn.Model, error) {
	return nn.Chain(&entry{steps: steps, batch: batch, width: l.In}, l)
}

// entry is a Net that hands on what it is given. It has no parameters and no state.
type entry struct {
	steps, batch, width int
	lengths             []int // nil: all rows are whole
	memory              []int // of lengths
}

func (e *entry) Dims() (steps, batch, in, out int) { return e.steps, e.batch, e.width, e.width }

func (e *entry) Forward(y, x []float32) {
	copy(y, x)
	clearPadding(y, e.lengths, e.batch, e.width)
}

func (e *entry) Backward(dx, dy []float32) {
	if dx != nil {
		e.Forward(dx, dy)
	}
}

func (e *entry) SetLengths(lengths []int) error {
	if lengths == nil {
		e.lengths = nil
		return nil
	}
	e.memory = append(e.memory[:0], lengths...)
	e.lengths = e.memory
	return nil
}

func (e *entry) SetTraining(bool)                            {}
func (e *entry) State() [][]float32                          { return nil }
func (e *entry) SetState([][]float32) error                  { return nil }
func (e *entry) SetStateGrad([][]float32) error              { return nil }
func (e *entry) StateGrad() [][]float32                      { return nil }
func (e *entry) Reset(...int)                                {}
func (e *entry) ZeroGrads()                                  {}
func (e *entry) EachParam(func(name string, w, g []float32)) {}
func (e *entry) NewPredictor(int) (any, error)               { return nil, fmt.Errorf("seq2seq: no predictor") }

// clearPadding sets the elements of y [T][batch][width] past the ends of rows to +0.
func clearPadding(y []float32, lengths []int, batch, width int) {
	steps := 0
	if batch > 0 {
		steps = len(y) / batch / width
	}
	for b, n := range lengths {
		for t := n; t < steps; t++ {
			clear(y[(t*batch+b)*width:][:width])
		}
	}
}
