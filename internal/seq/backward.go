package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// Backward goes back over the last Forward: it takes dy, [T][B][Out], sets dx,
// [T][B][Input] (nil if not wanted), adds to the gradients of the parameters
// and sets the gradients of the state that Forward started from. Each Forward
// serves one Backward.
func (u *Unrolled) Backward(dx, dy []float32) {
	u.mustKeep("Backward")
	n := u.net
	if !u.pending {
		panic(n.Kind + ": Backward without a Forward before it: the backward pass works in the memory of the activations, so each Forward serves one Backward, and none after SetLengths or SetBatchFirst")
	}
	rows := u.t * u.batch
	if len(dy) != rows*u.out {
		panic(fmt.Sprintf("%s: Backward with len(dy) = %d, want %d: %d steps * batch %d * %d", n.Kind, len(dy), rows*u.out, u.t, u.batch, u.out))
	}
	if dx != nil && len(dx) != rows*n.Input {
		panic(fmt.Sprintf("%s: Backward with len(dx) = %d, want %d: %d steps * batch %d * %d", n.Kind, len(dx), rows*n.Input, u.t, u.batch, n.Input))
	}
	u.pending, u.stepped = false, true
	if !u.handed {
		for _, d := range u.dstate {
			clear(d)
		}
	}
	u.handed = false
	if rows == 0 {
		return
	}
	u.wantDx = dx != nil
	u.fork(u.packing(), 2*len(n.W), u.doPackBack)
	for layer := n.Layers - 1; layer >= 0; layer-- {
		down := u.dmid
		if layer == 0 {
			down = dx
		}
		for dir, reverse := range n.Reverse {
			u.job = job{layer: layer, dir: dir, i: layer*len(n.Reverse) + dir, dy: dy}
			if dir == len(n.Reverse)-1 {
				// From here on a block's dy is not needed once its steps are
				// done: dx may take its place.
				u.job.dx = down
			}
			u.carryBack(true)
			for k := 0; k < u.t; k += u.chunk {
				u.job.lo, u.job.hi = k, min(k+u.chunk, u.t)
				if !reverse {
					u.job.lo, u.job.hi = u.t-u.job.hi, u.t-k
				}
				u.blockBackward()
			}
			u.carryBack(false)
		}
		dy = down
	}
	u.x = nil
}

// carryBack copies the gradients of the state of the job's direction to where
// its steps work on them, or back.
func (u *Unrolled) carryBack(in bool) {
	for k, width := range u.net.Shape.States {
		for b := range u.batch {
			carry := u.dcarry[k][b*width:][:width]
			state := u.dstate[k][(u.job.i*u.batch+u.row(b))*width:][:width]
			if in {
				copy(carry, state)
			} else {
				copy(state, carry)
			}
		}
	}
}

// packBackShare packs the weights as the backward pass wants them, a share of
// all matrices; the first layer's W_ih serves dx alone.
func (u *Unrolled) packBackShare(w, n int) {
	for k := w; k < 2*len(u.pack); k += n {
		p, weights := &u.pack[k/2], &u.net.W[k/2]
		if k%2 == 0 {
			p.packRecurBack(u.net, weights, u.recurrent(w, k/2))
		} else if u.wantDx || k/2 >= len(u.net.Reverse) {
			p.inBack.Pack(false, weights.Ih, weights.In)
		}
	}
}

// blockBackward runs the job's steps backwards, then adds them to the
// gradients of the weights and, if it is time, sets the gradient of the input.
func (u *Unrolled) blockBackward() {
	sh, w := &u.net.Shape, &u.net.W[u.job.i]
	perRow := 2 * float64(sh.Gates)
	rows := float64((u.job.hi - u.job.lo) * u.batch)
	u.fork(perRow*rows*float64(sh.States[0]), u.rowLimit(), u.doStepsBack)
	u.listPairs()
	if u.dropping(u.job.layer) {
		u.fork(rows*float64(w.In), int(rows), u.doMaskRows)
	}
	u.fork(perRow*rows*float64(sh.States[0]+2*w.In), u.workers, u.doGradients)
}

// backwardSteps runs the block's steps backwards for a share of the rows of
// the batch.
func (u *Unrolled) backwardSteps(w, n int) {
	s, i, dir := &u.steppers[w], u.job.i, u.job.dir
	s.use(&u.pack[i], true)
	first, last := u.rowShare(w, n)
	before := u.before(dir)
	h := u.net.Shape.States[0]
	gather := u.apart() && u.job.layer == u.net.Layers-1
	for k := range u.job.hi - u.job.lo {
		t := u.visited(k)
		s.Rows = min(last, u.active(t)) - first
		if s.Rows <= 0 {
			continue
		}
		row := t*u.batch + first
		s.Tape.Data = u.tape[i][row*s.Tape.Stride:]
		s.Dy = Mat{Stride: u.out, Width: h}
		switch {
		case u.net.merging():
			s.Dy.Data, s.Dy.Stride = u.dyRows[first*h:], h
			var other Mat
			u.block(&other, 0, i^1, t+1, first) // directions come in pairs
			for k := range s.Rows {
				from := row + k
				if gather {
					from = u.userRow(from)
				}
				u.mergedGradient(s.Dy.Row(k), u.job.dy[from*h:][:h], other.Row(k))
			}
		case gather:
			s.Dy.Data, s.Dy.Stride = u.dyRows[first*h:], h
			for k := range s.Rows {
				copy(s.Dy.Row(k), u.job.dy[u.userRow(row+k)*u.out+dir*h:])
			}
		default:
			s.Dy.Data = u.job.dy[row*u.out+dir*h:]
		}
		for k, width := range u.net.Shape.States {
			u.block(&s.State[k], k, i, t+1, first)
			u.block(&s.Prev[k], k, i, t+1+before, first)
			s.Grad[k] = Mat{Data: u.dcarry[k][first*width:], Stride: width, Width: width}
		}
		s.Scratch.Data = u.cellRows[first*s.Scratch.Stride:]
		s.masks.at(u.job.layer, dir, t, first)
		u.net.Cell.Backward(s)
	}
}

// visited is the step that the backward pass visits as number k of the block.
func (u *Unrolled) visited(k int) int {
	if u.net.Reverse[u.job.dir] {
		return u.job.lo + k
	}
	return u.job.hi - 1 - k
}

// listPairs lists the pairs (t,b) of the block in the order of NUMERICS rule 4.
func (u *Unrolled) listPairs() {
	u.rows, u.xRows, u.prevRows = u.rows[:0], u.xRows[:0], u.prevRows[:0]
	before := u.before(u.job.dir)
	for k := range u.job.hi - u.job.lo {
		t := u.visited(k)
		for b := range u.batch {
			p := b
			if u.moved {
				p = u.place[b]
			}
			if t >= u.length(p) {
				continue
			}
			x := t*u.batch + p
			switch {
			case u.dropping(u.job.layer):
				x -= u.job.lo * u.batch
			case u.job.layer == 0:
				x = u.userPair(t, b)
			}
			u.rows = append(u.rows, int32(t*u.batch+p))
			u.xRows = append(u.xRows, int32(x))
			u.prevRows = append(u.prevRows, int32((t+1+before)*u.batch+p))
		}
	}
}

// gradients does a share of everything that follows from a block's dG: rows of
// the gradients of the matrices, columns of those of biases and other vectors,
// rows of the gradient of the input.
func (u *Unrolled) gradients(w, n int) {
	sh, i := &u.net.Shape, u.job.i
	g, tape, work := &u.grads[i], u.tape[i], u.scratch[w]

	// dW_ih += dG^T x
	x, width := u.input(u.job.layer)
	if u.dropping(u.job.layer) {
		x = u.maskedRows
	}
	lo, hi := split.Share(sh.Gates, 12, w, n)
	u.isa.GemmRows(kernels.AddTo, hi-lo, g.In, tape[lo:], sh.Tape, u.rows, x, width, u.xRows, g.Ih[lo*g.In:], g.In, work)

	// dW_hh += dG^T h_prev, or what stands in its place
	r := sh.States[0]
	prev := u.hist[u.job.layer][u.job.dir*r:]
	for _, b := range sh.Recur {
		lo, hi := split.Share(b.Rows, 12, w, n)
		with, width, rows := prev, u.net.wide(), u.prevRows
		if b.Factor > 0 {
			with, width, rows = tape[b.Factor:], sh.Tape, u.rows
		}
		to := g.Hh[(b.Row+lo)*r : (b.Row+hi)*r]
		if u.masking && u.net.Noise.Weight > 0 {
			sum := u.hhSum[(b.Row+lo)*r : (b.Row+hi)*r]
			u.isa.GemmRows(kernels.Set, hi-lo, r, tape[b.Col+lo:], sh.Tape, u.rows, with, width, rows, sum, r, work)
			u.dropWeights(u.steppers[w].masks.u, i, b.Row+lo, sum, sum)
			u.isa.Add(to, to, sum)
			continue
		}
		u.isa.GemmRows(kernels.AddTo, hi-lo, r, tape[b.Col+lo:], sh.Tape, u.rows, with, width, rows, to, r, work)
	}

	// dW_hr += dh m^T
	if p := sh.Project; p != nil {
		lo, hi := split.Share(r, 12, w, n)
		u.isa.GemmRows(kernels.AddTo, hi-lo, sh.Hidden, tape[p.Col+lo:], sh.Tape, u.rows, tape[p.Factor:], sh.Tape, u.rows, g.all[p.Extra][lo*sh.Hidden:], sh.Hidden, work)
	}

	u.totals(w, n)
	if u.job.dx != nil {
		lo, hi := split.Share((u.job.hi-u.job.lo)*u.batch, 6, w, n)
		u.inputGradient(u.steppers[w].masks.u, u.job.lo*u.batch+lo, u.job.lo*u.batch+hi)
	}
}

// totals adds a share of the columns of the block's tape rows to the gradients of
// the parameters that they belong to.
func (u *Unrolled) totals(w, n int) {
	sh, g, tape := &u.net.Shape, &u.grads[u.job.i], u.tape[u.job.i]
	lo, hi := split.Share(sh.totalsEnd-sh.totalsBegin, 16, w, n)
	if lo == hi {
		return
	}
	lo, hi = lo+sh.totalsBegin, hi+sh.totalsBegin
	sum := u.sum[lo:hi]
	clear(sum)
	for _, r := range u.rows {
		u.isa.Add(sum, sum, tape[int(r)*sh.Tape+lo:int(r)*sh.Tape+hi])
	}
	for _, s := range sh.Totals {
		from, to := max(lo, s.Col), min(hi, s.Col+s.Rows)
		if d := g.all[s.Param]; d != nil && from < to {
			d = d[s.Row+from-s.Col : s.Row+to-s.Col]
			u.isa.Add(d, d, u.sum[from:to])
		}
	}
}

// inputGradient sets rows lo..hi-1 of the gradient of the layer's input: the
// chain over the rows of W_ih of the first direction, continued by the
// second's, then the masks of the input; +0 past each row's end.
func (u *Unrolled) inputGradient(memory []float32, lo, hi int) {
	sh, dirs := &u.net.Shape, len(u.net.Reverse)
	in, first := u.net.W[u.job.i].In, u.job.lo*u.batch
	users := u.job.layer == 0 && u.apart()
	row := func(r int) []float32 {
		if users {
			r = u.userRow(r)
		}
		return u.job.dx[r*in:][:in]
	}
	for r := lo; u.lengths != nil && r < hi; r++ {
		if r/u.batch >= u.lengths[r%u.batch] {
			clear(row(r))
		}
	}
	for {
		r, end := u.activeRows(lo, hi)
		if r == end {
			return
		}
		dx := u.job.dx[r*in:]
		if users {
			dx = u.inRows[(r-first)*in:]
		}
		into := kernels.Set
		for dir := range dirs {
			i := u.job.layer*dirs + dir
			u.pack[i].inBack.Gemm(into, end-r, u.tape[i][r*sh.Tape:], sh.Tape, dx, in)
			into = kernels.Continue
		}
		if u.dropping(u.job.layer) {
			for k := range end - r {
				u.dropInput(memory, u.job.layer, r+k, dx[k*in:][:in], dx[k*in:][:in], true)
			}
		}
		if users {
			for k := range end - r {
				copy(row(r+k), dx[k*in:])
			}
		}
		lo = end
	}
}
