package traintest

import (
	"fmt"
	"slices"
)

// Leaky is the smallest Net there is: h = h/2 + w*x, y = h, one weight, width 1.
// Its state after a run is a fingerprint of every input since the last reset,
// and it notes what it was asked to do.
type Leaky struct {
	Steps, Batch int
	W, G         []float32
	H            []float32
	Start        []float32 // h before the last forward pass
	X            []float32
	Lengths      []int
	Log          []string // "forward T", "backward T", "reset rows"
	Workers      int
	Copies       int
	Broken       func() // called by Backward
}

func NewLeaky(steps, batch int) *Leaky {
	return &Leaky{Steps: steps, Batch: batch, W: []float32{1}, G: []float32{0}, H: make([]float32, batch)}
}

func (n *Leaky) Note(format string, args ...any) { n.Log = append(n.Log, fmt.Sprintf(format, args...)) }

func (n *Leaky) Dims() (steps, batch, in, out int) { return n.Steps, n.Batch, 1, 1 }

func (n *Leaky) Forward(y, x []float32) {
	n.Note("forward %d from %v", len(y)/n.Batch, n.H)
	n.X, n.Start = x, slices.Clone(n.H)
	for p := range y {
		b := p % n.Batch
		if n.Lengths != nil && p/n.Batch >= n.Lengths[b] {
			y[p] = 0
			continue
		}
		wx := n.W[0] * x[p]
		n.H[b] = float32(n.H[b]/2) + wx
		y[p] = n.H[b]
	}
}

func (n *Leaky) Backward(dx, dy []float32) {
	if n.Broken != nil {
		n.Broken()
	}
	// dy of a step whose loss is not counted is zero.
	counted := 0
	carry := make([]float32, n.Batch)
	for p := len(dy) - 1; p >= 0; p-- {
		b := p % n.Batch
		if n.Lengths != nil && p/n.Batch >= n.Lengths[b] {
			continue
		}
		if dy[p] != 0 {
			counted++
		}
		carry[b] = float32(carry[b]/2) + dy[p]
		gx := carry[b] * n.X[p]
		n.G[0] += gx
	}
	n.Note("backward %d counting %d", len(dy)/n.Batch, counted)
}

func (n *Leaky) SetLengths(lengths []int) error { n.Lengths = slices.Clone(lengths); return nil }
func (n *Leaky) SetTraining(bool)               {}
func (n *Leaky) State() [][]float32             { return [][]float32{slices.Clone(n.H)} }
func (n *Leaky) SetState(s [][]float32) error   { copy(n.H, s[0]); return nil }
func (n *Leaky) SetStateGrad([][]float32) error { return nil }
func (n *Leaky) StateGrad() [][]float32         { return [][]float32{make([]float32, n.Batch)} }
func (n *Leaky) ZeroGrads()                     { n.G[0] = 0 }
func (n *Leaky) EachParam(f func(string, []float32, []float32)) {
	f("w", n.W, n.G)
}

func (n *Leaky) Reset(rows ...int) {
	n.Note("reset %v", rows)
	if len(rows) == 0 {
		clear(n.H)
	}
	for _, r := range rows {
		n.H[r] = 0
	}
}

func (n *Leaky) NewPredictor(batch int) (any, error) {
	if batch == 13 {
		return nil, fmt.Errorf("unlucky")
	}
	return "no predictor", nil
}

func (n *Leaky) SetWorkers(w int) { n.Workers = w }

// Affine is a Net of one row and width 1, y = w*x + w, that reports w twice, with
// a gradient for each: scale and shift.
type Affine struct {
	Steps        int
	W            []float32
	Scale, Shift []float32
	X            []float32
}

func NewAffine(steps int) *Affine {
	return &Affine{Steps: steps, W: []float32{0.5}, Scale: []float32{0}, Shift: []float32{0}}
}

func (n *Affine) Dims() (steps, batch, in, out int) { return n.Steps, 1, 1, 1 }

func (n *Affine) Forward(y, x []float32) {
	n.X = x
	for i, v := range x {
		y[i] = float32(n.W[0]*v) + n.W[0]
	}
}

func (n *Affine) Backward(dx, dy []float32) {
	for i, d := range dy {
		n.Scale[0] += float32(d * n.X[i])
		n.Shift[0] += d
		if dx != nil {
			dx[i] = d * n.W[0]
		}
	}
}

func (n *Affine) SetLengths([]int) error         { return nil }
func (n *Affine) SetTraining(bool)               {}
func (n *Affine) State() [][]float32             { return nil }
func (n *Affine) SetState([][]float32) error     { return nil }
func (n *Affine) SetStateGrad([][]float32) error { return nil }
func (n *Affine) StateGrad() [][]float32         { return nil }
func (n *Affine) Reset(...int)                   {}
func (n *Affine) ZeroGrads()                     { n.Scale[0], n.Shift[0] = 0, 0 }
func (n *Affine) NewPredictor(int) (any, error)  { return nil, fmt.Errorf("none") }
func (n *Affine) EachParam(f func(string, []float32, []float32)) {
	f("scale", n.W, n.Scale)
	f("shift", n.W, n.Shift)
}
