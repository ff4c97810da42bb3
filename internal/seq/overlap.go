package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// What a call writes must not be memory that the call, or a Backward to come,
// still reads, and no tensor of a caller may be memory of a parameter or of a
// gradient. Which part of an overlap would be read too late depends on lengths,
// layout and workers, so that every overlap is refused, before anything is
// written.

// mustNotOverlap panics if two slices of a call have memory in common.
func (n *Net) mustNotOverlap(method, name string, v []float32, otherName string, other []float32) {
	if kernels.Overlap(v, other) {
		panic(fmt.Sprintf("%s: %s: %s overlaps %s in memory; give it memory of its own", n.Kind, method, name, otherName))
	}
}

// mustNotOverlapWeights panics if a slice of a call and a parameter have memory in
// common.
func (n *Net) mustNotOverlapWeights(method, name string, v []float32) {
	for i := range n.W {
		w := &n.W[i]
		for k, p := range w.all {
			if kernels.Overlap(v, p) {
				n.mustNotOverlap(method, name, v, w.names[k], p)
			}
		}
	}
}

// mustNotOverlapParams panics if a slice of a call and a parameter or its gradient
// have memory in common.
func (u *Unrolled) mustNotOverlapParams(method, name string, v []float32) {
	u.net.mustNotOverlapWeights(method, name, v)
	for i := range u.back.grads {
		w := &u.back.grads[i]
		for k, g := range w.all {
			if kernels.Overlap(v, g) {
				u.net.mustNotOverlap(method, name, v, "the gradient of "+w.names[k], g)
			}
		}
	}
}

// mustNotOverlapKept panics if a slice that a call sets has memory in common with
// the x or the table that a Backward will read, or with a parameter or a gradient.
func (u *Unrolled) mustNotOverlapKept(method, name string, v []float32) {
	u.net.mustNotOverlap(method, name, v, "the x of the last Forward, which Backward will read,", u.last.x)
	u.net.mustNotOverlap(method, name, v, "the table of the last ForwardSymbols, which BackwardSymbols will read,", u.symbols.table)
	u.mustNotOverlapParams(method, name, v)
}
