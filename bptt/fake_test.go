package bptt_test

import (
	"fmt"
	"slices"
)

// leaky is the smallest Net there is: h = h/2 + w*x, y = h, one weight, width 1.
// Its state after a run is a fingerprint of every input since the last reset,
// and it notes what it was asked to do.
type leaky struct {
	steps, batch int
	w, g         []float32
	h            []float32
	start        []float32 // h before the last forward pass
	x            []float32
	lengths      []int
	log          []string // "forward T", "backward T", "reset rows"
	workers      int
	copies       int
	broken       func() // called by Backward
}

func newLeaky(steps, batch int) *leaky {
	return &leaky{steps: steps, batch: batch, w: []float32{1}, g: []float32{0}, h: make([]float32, batch)}
}

func (n *leaky) note(format string, args ...any) { n.log = append(n.log, fmt.Sprintf(format, args...)) }

func (n *leaky) Dims() (steps, batch, in, out int) { return n.steps, n.batch, 1, 1 }

func (n *leaky) Forward(y, x []float32) {
	n.note("forward %d from %v", len(y)/n.batch, n.h)
	n.x, n.start = x, slices.Clone(n.h)
	for p := range y {
		b := p % n.batch
		if n.lengths != nil && p/n.batch >= n.lengths[b] {
			y[p] = 0
			continue
		}
		wx := n.w[0] * x[p]
		n.h[b] = float32(n.h[b]/2) + wx
		y[p] = n.h[b]
	}
}

func (n *leaky) Backward(dx, dy []float32) {
	if n.broken != nil {
		n.broken()
	}
	// dy of a step whose loss is not counted is zero.
	counted := 0
	carry := make([]float32, n.batch)
	for p := len(dy) - 1; p >= 0; p-- {
		b := p % n.batch
		if n.lengths != nil && p/n.batch >= n.lengths[b] {
			continue
		}
		if dy[p] != 0 {
			counted++
		}
		carry[b] = float32(carry[b]/2) + dy[p]
		gx := carry[b] * n.x[p]
		n.g[0] += gx
	}
	n.note("backward %d counting %d", len(dy)/n.batch, counted)
}

func (n *leaky) SetLengths(lengths []int) error { n.lengths = slices.Clone(lengths); return nil }
func (n *leaky) SetTraining(bool)               {}
func (n *leaky) State() [][]float32             { return [][]float32{slices.Clone(n.h)} }
func (n *leaky) SetState(s [][]float32) error   { copy(n.h, s[0]); return nil }
func (n *leaky) SetStateGrad([][]float32) error { return nil }
func (n *leaky) StateGrad() [][]float32         { return [][]float32{make([]float32, n.batch)} }
func (n *leaky) ZeroGrads()                     { n.g[0] = 0 }
func (n *leaky) EachParam(f func(string, []float32, []float32)) {
	f("w", n.w, n.g)
}

func (n *leaky) Reset(rows ...int) {
	n.note("reset %v", rows)
	if len(rows) == 0 {
		clear(n.h)
	}
	for _, r := range rows {
		n.h[r] = 0
	}
}

func (n *leaky) NewPredictor(batch int) (any, error) {
	if batch == 13 {
		return nil, fmt.Errorf("unlucky")
	}
	return "no predictor", nil
}

func (n *leaky) SetWorkers(w int) { n.workers = w }
