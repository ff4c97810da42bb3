package seq

import (
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// pairs are the pairs (t,b) of weight gradients in the order of rule 4 of
// docs/numerics.md, as rows of the tape, of the input, and of the time blocks that hold
// the h before the step.
type pairs struct {
	tape        []int32 // of all chunks since the last sum
	block       int     // where those of the block begin
	x, previous []int32 // of the block
}

func newPairs(block, all int) pairs {
	return pairs{tape: make([]int32, 0, all), x: make([]int32, 0, block), previous: make([]int32, 0, block)}
}

// listPairs lists the pairs of the block.
func (u *Unrolled) listPairs() {
	l := &u.back.pairs
	l.block, l.x, l.previous = len(l.tape), l.x[:0], l.previous[:0]
	previous := u.previous(u.job.dir)
	for k := range u.job.hi - u.job.lo {
		t := u.visited(k)
		for b := range u.batch {
			p := u.rows.placeOf(b)
			if t >= u.rows.length(p) {
				continue
			}
			x := t*u.batch + p
			switch {
			case u.dropsInput(u.job.layer):
				x -= u.job.lo * u.batch
			case u.job.layer == 0:
				x = u.rows.userRow(x)
			}
			l.tape = append(l.tape, int32(t*u.batch+p))
			l.x = append(l.x, int32(x))
			h := (t+1+previous)*u.batch + p
			if u.resets.of(b, u.border(t)) {
				h = u.zeroRow()
				if u.resets.restart.grad != nil {
					h = u.restartRow(b)
				}
			}
			l.previous = append(l.previous, int32(h))
		}
	}
}

// gradients does a share of what follows from the gradients of a block's
// pre-activations, but for the gradients of the matrices, of which it prepares the
// factors: columns of the gradients of biases and other vectors, rows or columns of the
// gradient of the input.
func (u *Unrolled) gradients(w, n int) {
	u.addTotals(w, n) // first, while what the steps wrote is near
	u.packFactors(w, n)
	if u.job.dx != nil {
		lo, hi, of := u.productShare((u.job.hi-u.job.lo)*u.batch, w, n)
		u.inputGradient(&u.workers.steps[w], u.workers.products[w], u.job.lo*u.batch+lo, u.job.lo*u.batch+hi, of)
	}
}

// addTotals adds a share of the columns of the block's tape rows to the gradients
// of the parameters that they belong to.
func (u *Unrolled) addTotals(w, n int) {
	sh, g, tape := &u.net.Shape, &u.back.grads[u.job.i], u.memory.tape[u.job.i]
	lo, hi := split.Share(sh.totalsEnd-sh.totalsBegin, totalUnit, w, n)
	if lo == hi {
		return
	}
	lo, hi = lo+sh.totalsBegin, hi+sh.totalsBegin
	sum := u.back.totals[lo:hi]
	clear(sum)
	for _, r := range u.back.pairs.tape[u.back.pairs.block:] {
		u.isa.Add(sum, sum, tape[int(r)*sh.Tape+lo:int(r)*sh.Tape+hi])
	}
	for _, s := range sh.Totals {
		from, to := max(lo, s.Col), min(hi, s.Col+s.Rows)
		if d := g.all[s.Param]; d != nil && from < to {
			d = d[s.Row+from-s.Col : s.Row+to-s.Col]
			u.isa.Add(d, d, u.back.totals[from:to])
		}
	}
}

// wholeGradientRows says whether something is done with whole rows of the gradient of the input.
func (u *Unrolled) wholeGradientRows() bool {
	return u.dropsInput(u.job.layer) || u.job.layer == 0 && u.rows.differ()
}

// inputGradient sets rows lo..hi-1 of the gradient of the layer's input: the
// chain over the rows of W_ih of the first direction, continued by the
// second's, then the masks of the input; +0 past each row's end. Rows that have another
// place in the user's dx are computed in work. Of the columns it sets a part, which is all of
// them where wholeGradientRows says so.
func (u *Unrolled) inputGradient(s *Step, work []float32, lo, hi int, of part) {
	sh, dirs := &u.net.Shape, len(u.net.Reverse)
	in := u.net.W[u.job.i].In
	bottom := u.job.layer == 0 // dx is the user's
	scatter := bottom && u.rows.differ()
	row := func(r int) []float32 {
		if bottom {
			r = u.rows.userRow(r)
		}
		return u.job.dx[r*in:][:in]
	}
	for r := lo; of.w == 0 && u.rows.lengths != nil && r < hi; r++ {
		if r/u.batch >= u.rows.length(r%u.batch) {
			clear(row(r))
		}
	}
	for {
		r, end := u.rows.activeRun(lo, hi)
		if r == end {
			return
		}
		dx := work
		if !scatter {
			first := r
			if bottom {
				first = u.rows.userRow(r)
			}
			dx = u.job.dx[first*in:]
		}
		into := kernels.Set
		for dir := range dirs {
			i := u.job.layer*dirs + dir
			if u.inputOnce(i) {
				u.pack[i].stored.inBack.GemmPart(of.w, of.n, s.strip, into, end-r, u.memory.tape[i][r*sh.Tape:], sh.Tape, nil, dx, in)
			} else {
				u.pack[i].inBack.GemmPart(of.w, of.n, into, end-r, u.memory.tape[i][r*sh.Tape:], sh.Tape, dx, in)
			}
			into = kernels.Continue
		}
		if u.dropsInput(u.job.layer) {
			for k := range end - r {
				u.dropInput(s.masks.numbers, u.job.layer, r+k, dx[k*in:][:in], true)
			}
		}
		if scatter {
			for k := range end - r {
				copy(row(r+k), dx[k*in:])
			}
		}
		lo = end
	}
}
