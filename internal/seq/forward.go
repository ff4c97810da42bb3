package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// Forward runs the network over x, [T][B][Input], and sets y, [T][B][Out],
// starting from the carried state and carrying on to the next call. With keep
// it holds on to x until Backward has used it.
func (u *Unrolled) Forward(y, x []float32) {
	t := u.checkWindow(y, x)
	u.t, u.x, u.pending, u.told = t, x, u.keep, true
	u.advance(t)
	if t == 0 || u.batch == 0 {
		return
	}
	n := u.net
	u.fork(u.packing(), 2*len(n.W), u.doPack)
	for layer := range n.Layers {
		for dir, reverse := range n.Reverse {
			u.job = job{layer: layer, dir: dir, i: layer*len(n.Reverse) + dir}
			u.begin()
			for k := 0; k < t; k += u.chunk {
				u.job.lo, u.job.hi = k, min(k+u.chunk, t)
				if reverse {
					u.job.lo, u.job.hi = t-u.job.hi, t-k
				}
				u.blockForward()
			}
			u.end()
		}
		if n.merging() {
			u.fork(float64(t*u.batch*u.out), u.rowLimit(), u.doMerge)
		}
	}
	u.emit(y)
	if !u.keep {
		u.x = nil
	}
}

// checkWindow panics unless the lengths of y and x belong to one number of
// steps that fits, and returns it.
func (u *Unrolled) checkWindow(y, x []float32) (t int) {
	n := u.net
	if u.batch > 0 {
		t = len(y) / (u.batch * u.out)
	}
	if len(y) != t*u.batch*u.out || len(x) != t*u.batch*n.Input {
		panic(fmt.Sprintf("%s: Forward with len(y) = %d and len(x) = %d: for T steps of a batch of %d they must be T*%d and T*%d", n.Kind, len(y), len(x), u.batch, u.batch*u.out, u.batch*n.Input))
	}
	if t > u.steps {
		panic(fmt.Sprintf("%s: Forward over %d steps, unrolled for %d", n.Kind, t, u.steps))
	}
	if u.batch > 0 && u.lengths != nil && u.lengths[0] > t {
		panic(fmt.Sprintf("%s: Forward over %d steps, but SetLengths gave row %d %d", n.Kind, t, u.row(0), u.lengths[0]))
	}
	return t
}

// packing is the work of packing in units of floating point operations that
// take as long.
func (u *Unrolled) packing() float64 {
	w := &u.net.W[len(u.net.W)-1]
	return 16 * float64(len(u.net.W)) * float64(len(w.Ih)+len(w.Hh))
}

// packShare packs the weights, a share of all matrices.
func (u *Unrolled) packShare(w, n int) {
	for k := w; k < 2*len(u.pack); k += n {
		if p, weights := &u.pack[k/2], &u.net.W[k/2]; k%2 == 0 {
			p.packRecur(u.net, u.recurrent(w, k/2))
		} else {
			p.packIn(u.net, u.isa, weights)
		}
	}
}

// begin writes the carried state of the job's direction where its first steps
// look for it.
func (u *Unrolled) begin() { u.carry(true) }

// end takes the carried state from where the last steps left it.
func (u *Unrolled) end() { u.carry(false) }

func (u *Unrolled) carry(in bool) {
	reverse := u.net.Reverse[u.job.dir]
	var m Mat
	for k, width := range u.net.Shape.States {
		for b := range u.batch {
			// Forward starts in block 0 and ends in block len; reverse starts
			// in block len+1 and ends in block 1.
			tau := u.length(b)
			switch {
			case reverse && in:
				tau++
			case reverse:
				tau = 1
			case in:
				tau = 0
			}
			s := u.state[k][(u.job.i*u.batch+u.row(b))*width:][:width]
			u.block(&m, k, u.job.i, tau, b)
			if in {
				copy(m.Row(0), s)
			} else {
				copy(s, m.Row(0))
			}
		}
	}
}

// blockForward runs the job's steps: the input's share of the gates of all of
// them, then step by step the rest.
func (u *Unrolled) blockForward() {
	sh := &u.net.Shape
	rows := (u.job.hi - u.job.lo) * u.batch
	perRow := 2 * float64(sh.Gates)
	u.fork(perRow*float64(rows)*float64(u.net.W[u.job.i].In), rows, u.doProject)
	u.fork(perRow*float64(rows)*float64(sh.States[0]), u.rowLimit(), u.doSteps)
}

// tapeRow is the row of a tape that belongs to row 0 of the batch at step t.
func (u *Unrolled) tapeRow(t int) int {
	if !u.keep {
		t -= u.job.lo
	}
	return t * u.batch
}

// userRow is the row of the user's tensors that is kept as row r = t*B+b.
func (u *Unrolled) userRow(r int) int { return u.userPair(r/u.batch, u.row(r%u.batch)) }

// userPair is the row of the user's tensors that belongs to step t of the user's
// row b.
func (u *Unrolled) userPair(t, b int) int {
	if u.batchFirst {
		return b*u.t + t
	}
	return t*u.batch + b
}

// apart says that rows are kept in another order than the user's tensors have.
func (u *Unrolled) apart() bool { return u.moved || u.batchFirst }

// project sets the input's share of the gates for a share of the block's rows
// (t,b): fl(b_ih + b_hh), then the chain over x.
func (u *Unrolled) project(w, n int) {
	sh, p, i := &u.net.Shape, &u.pack[u.job.i], u.job.i
	x, width := u.input(u.job.layer)
	tape, first := u.tape[i], u.job.lo*u.batch
	lo, hi := split.Share((u.job.hi-u.job.lo)*u.batch, 6, w, n)
	lo, hi = lo+first, hi+first
	base := first - u.tapeRow(u.job.lo)
	if u.dropping(u.job.layer) {
		u.maskRows(w, n)
	}
	for {
		r, end := u.activeRows(lo, hi)
		if r == end {
			return
		}
		a, c := x[r*width:], tape[(r-base)*sh.Tape:]
		switch {
		case u.dropping(u.job.layer):
			a = u.maskedRows[(r-first)*width:]
		case u.job.layer == 0 && u.apart():
			a = u.inRows[(r-first)*width:]
			for k := range end - r {
				copy(a[k*width:][:width], x[u.userRow(r+k)*width:])
			}
		}
		if p.bias != nil && !sh.Bare {
			p.in.GemmBias(end-r, a, width, p.bias, c, sh.Tape)
		} else {
			p.in.Gemm(kernels.Set, end-r, a, width, c, sh.Tape)
		}
		lo = end
	}
}

// maskRows sets the rows of maskedRows in a share of the block's rows (t,b): the
// layer's input after its masks, in the order kept.
func (u *Unrolled) maskRows(w, n int) {
	x, width := u.input(u.job.layer)
	first := u.job.lo * u.batch
	lo, hi := split.Share((u.job.hi-u.job.lo)*u.batch, 6, w, n)
	lo, hi = lo+first, hi+first
	for {
		r, end := u.activeRows(lo, hi)
		if r == end {
			return
		}
		for ; r < end; r++ {
			from := r
			if u.job.layer == 0 && u.apart() {
				from = u.userRow(r)
			}
			u.dropInput(u.steppers[w].masks.u, u.job.layer, r, u.maskedRows[(r-first)*width:][:width], x[from*width:][:width], false)
		}
		lo = end
	}
}

// forwardSteps runs the block's steps for a share of the rows of the batch.
func (u *Unrolled) forwardSteps(w, n int) {
	s, i := &u.steppers[w], u.job.i
	s.use(&u.pack[i], false)
	first, last := u.rowShare(w, n)
	before := u.before(u.job.dir)
	for k := range u.job.hi - u.job.lo {
		t := u.job.lo + k
		if before > 0 {
			t = u.job.hi - 1 - k
		}
		s.Rows = min(last, u.active(t)) - first
		if s.Rows <= 0 {
			continue
		}
		s.Tape.Data = u.tape[i][(u.tapeRow(t)+first)*s.Tape.Stride:]
		for k := range s.State {
			u.block(&s.State[k], k, i, t+1, first)
			u.block(&s.Prev[k], k, i, t+1+before, first)
		}
		s.masks.at(u.job.layer, u.job.dir, t, first)
		u.net.Cell.Forward(s)
	}
}

// emit copies the top layer's output to y, +0 past each row's end.
func (u *Unrolled) emit(y []float32) {
	h := u.outputs(u.net.Layers - 1)[:len(y)]
	if u.lengths == nil && !u.apart() {
		copy(y, h)
		return
	}
	for r := range u.t * u.batch {
		row := y[u.userRow(r)*u.out:][:u.out]
		if u.lengths == nil || r/u.batch < u.lengths[r%u.batch] {
			copy(row, h[r*u.out:])
		} else {
			clear(row)
		}
	}
}
