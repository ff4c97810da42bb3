package seq

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/kernels"
)

// State returns copies of the carried state's tensors.
func (u *Unrolled) State() [][]float32 { return clone(u.state) }

// CopyState is State into slices that are there already, as State returns
// them. It panics, before it changes anything, if they have another shape, or if
// one overlaps another, the x of a Forward whose Backward is still to come, a
// parameter or a gradient.
func (u *Unrolled) CopyState(dst [][]float32) { u.copyOut("CopyState", "state", dst, u.state) }

func (u *Unrolled) copyOut(method, what string, dst, src [][]float32) {
	if err := u.net.checkState(what, dst, src); err != nil {
		panic(err.Error())
	}
	for k, d := range dst {
		name := tensorNames[k]
		for j, other := range dst[:k] {
			u.net.mustNotOverlap(method, name, d, tensorNames[j], other)
		}
		u.mustNotOverlapKept(method, name, d)
	}
	for k, d := range dst {
		copy(d, src[k])
	}
}

// tensorNames are the names of state tensors in messages; no cell has more.
var tensorNames = [...]string{"tensor 0", "tensor 1"}

// SetState sets the carried state, tiny values as +0. Nothing is changed if it returns
// an error.
func (u *Unrolled) SetState(s [][]float32) error {
	return u.net.setState(u.isa, "state", u.state, s)
}

// StateGrad returns copies of the gradients of the state that the last
// Forward started from.
func (u *Unrolled) StateGrad() [][]float32 { return clone(u.back.state) }

// CopyStateGrad is StateGrad into slices that are there already, with the panics of
// CopyState.
func (u *Unrolled) CopyStateGrad(dst [][]float32) {
	u.mustKeep("CopyStateGrad")
	u.copyOut("CopyStateGrad", "state gradient", dst, u.back.state)
}

// SetStateGrad sets the gradients, for the next Backward, of the state that the
// last Forward ended with, tiny values as +0; nil stands for zero, as without a call.
func (u *Unrolled) SetStateGrad(g [][]float32) error {
	u.mustKeep("SetStateGrad")
	if g == nil {
		u.back.stateSet = false
		return nil
	}
	if err := u.net.setState(u.isa, "state gradient", u.back.state, g); err != nil {
		return err
	}
	u.back.stateSet = true
	return nil
}

// Reset sets the carried state of rows, or of all rows if none is given, to
// +0. It panics if a row is outside the batch.
func (u *Unrolled) Reset(rows ...int) {
	u.net.reset(u.state, u.batch, rows)
	u.masks.Reset(rows...)
}

// Sequence sets dst, [T][B][D*width], to state tensor k of a layer as it was after
// each step of the last Forward, the directions side by side, +0 past each row's
// end. It panics if there is no such layer, if dst has another length, or if dst
// overlaps the x of a Forward whose Backward is still to come, a parameter or a
// gradient.
func (u *Unrolled) Sequence(method string, k, layer int, dst []float32) {
	u.mustKeep(method)
	if u.segment < u.steps {
		panic(fmt.Sprintf("%s: %s on what UnrollWithin made: its budget keeps %d of %d steps at a time; use Unroll, or a larger budget", u.net.Kind, method, u.segment, u.steps))
	}
	if !u.last.readable {
		panic(u.net.Kind + ": " + method + " without a Forward before it, or with SetLengths or SetBatchFirst between them: it reads what the last Forward kept, by its lengths and in its layout")
	}
	dirs, width := len(u.net.Reverse), u.net.Shape.States[k]
	if layer < 0 || layer >= u.net.Layers {
		panic(fmt.Sprintf("%s: %s of layer %d in a network of %d", u.net.Kind, method, layer, u.net.Layers))
	}
	t := u.rows.total
	if want := t * u.batch * dirs * width; len(dst) != want {
		panic(fmt.Sprintf("%s: %s into %d elements, want %d: %d steps of the last Forward * batch %d * %d", u.net.Kind, method, len(dst), want, t, u.batch, dirs*width))
	}
	u.mustNotOverlapKept(method, "dst", dst)
	var m Mat
	for r := range t * u.batch {
		t, p := r/u.batch, r%u.batch
		for d := range dirs {
			row := dst[(u.rows.userRow(r)*dirs+d)*width:][:width]
			if t >= u.rows.length(p) {
				clear(row)
				continue
			}
			u.timeBlock(&m, k, layer*dirs+d, t+1, p)
			copy(row, m.Row(0))
		}
	}
}

// loadState copies a state of the job's direction to where its first steps read it,
// storeState copies the carried state from where the last steps left it.
func (u *Unrolled) loadState(from [][]float32) { u.copyState(from, true) }
func (u *Unrolled) storeState()                { u.copyState(u.state, false) }

func (u *Unrolled) copyState(state [][]float32, load bool) {
	reverse := u.net.Reverse[u.job.dir]
	var m Mat
	for k, width := range u.net.Shape.States {
		for p := range u.batch {
			// Forward starts in block 0 and ends in block len; reverse starts
			// in block len+1 and ends in block 1.
			tau := u.rows.length(p)
			switch {
			case reverse && load:
				tau++
			case reverse:
				tau = 1
			case load:
				tau = 0
			}
			s := state[k][(u.job.i*u.batch+u.rows.user(p))*width:][:width]
			u.timeBlock(&m, k, u.job.i, tau, p)
			if load {
				copy(m.Row(0), s)
			} else {
				copy(s, m.Row(0))
			}
		}
	}
}

// loadStateGrad copies the gradients of the state of the job's direction to where
// its steps work on them, storeStateGrad copies them back.
func (u *Unrolled) loadStateGrad()  { u.copyStateGrad(true) }
func (u *Unrolled) storeStateGrad() { u.copyStateGrad(false) }

func (u *Unrolled) copyStateGrad(load bool) {
	for k, width := range u.net.Shape.States {
		for p := range u.batch {
			carry := u.back.carry[k][p*width:][:width]
			state := u.back.state[k][(u.job.i*u.batch+u.rows.user(p))*width:][:width]
			if load {
				copy(carry, state)
			} else {
				copy(state, carry)
			}
		}
	}
}

func clone(s [][]float32) [][]float32 {
	c := make([][]float32, len(s))
	for k := range s {
		c[k] = slices.Clone(s[k])
	}
	return c
}

// checkState returns an error if a state has not the shape of another one, want.
func (n *Net) checkState(what string, s, want [][]float32) error {
	if len(s) != len(want) {
		return fmt.Errorf("%s: a %s of %d tensors, want %d", n.Kind, what, len(s), len(want))
	}
	for k := range s {
		if len(s[k]) != len(want[k]) {
			return fmt.Errorf("%s: tensor %d of the %s has %d elements, want %d (layers and directions * batch * %d)", n.Kind, k, what, len(s[k]), len(want[k]), n.Shape.States[k])
		}
	}
	return nil
}

// setState copies the tensors of a state, tiny values as +0, or returns an error if src
// has not the shape of dst.
func (n *Net) setState(isa kernels.ISA, what string, dst, src [][]float32) error {
	if err := n.checkState(what, src, dst); err != nil {
		return err
	}
	for k := range src {
		isa.CopyFlush(dst[k], src[k])
	}
	return nil
}

// reset sets the rows of a state to +0, all of them if none is given.
func (n *Net) reset(state [][]float32, batch int, rows []int) {
	for _, b := range rows {
		if b < 0 || b >= batch {
			panic(fmt.Sprintf("%s: Reset of row %d in a batch of %d", n.Kind, b, batch))
		}
	}
	for k, s := range state {
		if len(rows) == 0 {
			clear(s)
			continue
		}
		width := n.Shape.States[k]
		for i := range n.W {
			for _, b := range rows {
				clear(s[(i*batch+b)*width:][:width])
			}
		}
	}
}
