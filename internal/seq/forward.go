package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// Forward runs the network over x, [T][B][Input], and sets y, [T][B][Out],
// starting from the carried state and carrying on to the next call. With keep
// it holds on to x until Backward has used it. It panics, before it changes
// anything, if y and x are not of one T that fits, if a length given to SetLengths
// is beyond T, if SetResets gave a row a step past its end, or if y or x overlaps the other, a parameter or a gradient.
func (u *Unrolled) Forward(y, x []float32) {
	t := u.window("Forward", y, x)
	u.mustFit("Forward", t, "ForwardLengths takes the lengths of each call and returns an error")
	u.forward(y, x, t, false)
}

// mustFit panics if t steps are more than were unrolled, or fewer than a length or a reset says;
// what says what to do about a length.
func (u *Unrolled) mustFit(method string, t int, what string) {
	if t > u.steps {
		panic(u.tooLong(method, t).Error())
	}
	if lengths := u.rows.lengths; u.batch > 0 && lengths != nil && lengths[0] > t {
		panic(fmt.Sprintf("%s: %s over %d steps, but SetLengths gave row %d %d; %s", u.net.Kind, method, t, u.rows.user(0), lengths[0], what))
	}
	if err := u.checkResets(t, func(b int) int {
		if u.rows.lengths == nil {
			return t
		}
		return u.rows.lengths[u.rows.placeOf(b)]
	}); err != nil {
		panic(err.Error())
	}
}

// ForwardLengths is SetLengths, then Forward, for lengths that are data: whatever
// may be wrong with them, or with the T of x, is an error, on which nothing is
// changed. It panics where Forward does for another reason.
func (u *Unrolled) ForwardLengths(y, x []float32, lengths []int) error {
	t := u.window("ForwardLengths", y, x)
	if t > u.steps {
		return u.tooLong("ForwardLengths", t)
	}
	if lengths != nil {
		if err := u.checkLengths(lengths, t, "steps of x; cut the sequence or give x and y more steps"); err != nil {
			return err
		}
	}
	if err := u.checkResets(t, func(b int) int {
		if lengths == nil {
			return t
		}
		return lengths[b]
	}); err != nil {
		return err
	}
	u.setLengths(lengths)
	u.forward(y, x, t, false)
	return nil
}

// forward runs t steps, after all checks, over x or over the rows of a table.
func (u *Unrolled) forward(y, x []float32, t int, symbols bool) {
	u.rows.total, u.rows.from, u.rows.t = t, 0, t
	u.last = lastForward{x: x, canBackward: u.keep, readable: true}
	if u.symbols.on = symbols; !symbols {
		u.symbols.table = nil
	}
	u.output = output{y, u.outputInPlace()}
	u.resets.now, u.resets.next = u.resets.next, false
	u.beginRestarts()
	u.beginMasks()
	u.beginOnce()
	if t > 0 && u.batch > 0 {
		u.copyWeights()
		if symbols {
			u.symbolProducts()
		}
		for k := u.segments() - 1; k >= 0; k-- {
			u.beginSegment(k)
			u.keepState(k)
			u.layersForward(u.state, true)
			if !u.output.inPlace {
				u.fork(u.copyPiece(u.rows.t*u.batch, u.out), u.tasks.writeOutput)
			}
		}
	}
	u.endOutput()
	if !u.keep {
		u.endBackward()
	}
}

// layersForward runs all layers over the segment under way, from a state that is laid
// out as the carried one. With carry it sets the carried state to that after its last
// step.
func (u *Unrolled) layersForward(start [][]float32, carry bool) {
	n, t := u.net, u.rows.t
	for layer := range n.Layers {
		for dir, reverse := range n.Reverse {
			u.job = job{layer: layer, dir: dir, i: layer*len(n.Reverse) + dir}
			u.loadState(start)
			for k := 0; k < t; k += u.chunk {
				u.job.lo, u.job.hi = k, min(k+u.chunk, t)
				if reverse {
					u.job.lo, u.job.hi = t-u.job.hi, t-k
				}
				u.blockForward()
			}
			if carry {
				u.storeState()
			}
		}
		if n.merging() {
			u.fork(u.mergePiece(t*u.batch), u.tasks.merge)
		}
	}
}

// window returns the number of steps of y and x. It panics if they do not belong to
// one, or if their memory is of no use.
func (u *Unrolled) window(method string, y, x []float32) (t int) {
	n := u.net
	t = u.stepsOf(y)
	if len(y) != t*u.batch*u.out || len(x) != t*u.batch*n.Input {
		panic(fmt.Sprintf("%s: %s with len(y) = %d and len(x) = %d: for T steps of a batch of %d they must be T*%d and T*%d", n.Kind, method, len(y), len(x), u.batch, u.batch*u.out, u.batch*n.Input))
	}
	u.mustBeApart(method, y, "x", x)
	return t
}

// stepsOf is the number of steps that y has, if it has whole ones.
func (u *Unrolled) stepsOf(y []float32) int {
	if u.batch == 0 {
		return 0
	}
	return len(y) / (u.batch * u.out)
}

// mustBeApart panics if y, what a pass reads, and the parameters have memory in common.
func (u *Unrolled) mustBeApart(method string, y []float32, name string, read []float32) {
	u.net.mustNotOverlap(method, "y", y, name, read)
	u.mustNotOverlapParams(method, "y", y)
	u.mustNotOverlapParams(method, name, read)
}

func (u *Unrolled) tooLong(method string, t int) error {
	return fmt.Errorf("%s: %s over %d steps, unrolled for %d; cut the sequence or unroll more steps", u.net.Kind, method, t, u.steps)
}

// packShare is which part of matrix k of all worker w of n packs, if any. Every
// matrix is shared by all workers, but not where elements of W_hh are dropped: that
// is done in memory of one worker, so each takes whole matrices.
func (u *Unrolled) packShare(k, w, n int) (of part, ok bool) {
	if u.net.Noise.Weight > 0 {
		return wholeMatrix, k%n == w
	}
	return part{w, n}, true
}

// packForward packs the weights, a share of all matrices.
func (u *Unrolled) packForward(w, n int) {
	for k := range 2 * len(u.pack) {
		of, ok := u.packShare(k, w, n)
		if !ok {
			continue
		}
		p, weights := &u.pack[k/2], &u.net.W[k/2]
		switch {
		case k%2 == 0:
			p.packRecur(u.net, u.recurrent(w, k/2), of)
		case u.inputOnce(k / 2):
			p.packRest(u.net, u.isa, weights, of)
		default:
			p.packIn(u.net, u.isa, weights, of)
		}
	}
}

// blockForward runs the steps of the job: the products with the input for all of
// them, then the rest step by step.
func (u *Unrolled) blockForward() {
	rows := (u.job.hi - u.job.lo) * u.batch
	switch {
	case u.overSymbols(u.job.layer): // they are made, and copied
		u.fork(u.copyPiece(rows, u.net.Shape.Gates), u.tasks.products)
	case u.copiesInput(u.job.layer):
		u.forkProducts(rows, u.tasks.copyInput, u.tasks.products)
	default:
		u.forkProducts(rows, nil, u.tasks.products)
	}
	if u.units.parts > 0 {
		u.stepsByUnits()
	} else {
		u.fork(u.stepsPiece(rows), u.tasks.steps)
	}
}

// inputProducts sets the input's part of the gates for a share of the block's
// rows (t,p), or of the columns: fl(b_ih + b_hh), then the chain over x.
func (u *Unrolled) inputProducts(w, n int) {
	sh, p, i := &u.net.Shape, &u.pack[u.job.i], u.job.i
	var strip []float32
	if u.inputOnce(i) {
		strip = u.workers.steps[w].strip
	}
	x, width := u.input(u.job.layer)
	tape, first := u.memory.tape[i], u.job.lo*u.batch
	lo, hi, of := u.productShare((u.job.hi-u.job.lo)*u.batch, w, n)
	lo, hi = lo+first, hi+first
	base := first - u.tapeRow(u.job.lo)
	copied, symbols := u.copiesInput(u.job.layer), u.overSymbols(u.job.layer)
	if copied && !u.job.columns {
		u.copyInput(w, n)
	}
	for {
		r, end := u.rows.activeRun(lo, hi)
		switch {
		case r == end:
			return
		case symbols:
			u.copyProducts(r, end, base)
		case copied:
			p.inputProductFrom(strip, sh, of, end-r, u.memory.inRows[(r-first)*width:], width, tape[(r-base)*sh.Tape:], sh.Tape)
		default:
			p.inputProductFrom(strip, sh, of, end-r, x[r*width:], width, tape[(r-base)*sh.Tape:], sh.Tape)
		}
		lo = end
	}
}

// copiesInput reports whether Forward's products with a layer's input read copies of its
// rows: those of the user's x, of which tiny values become +0, and those after masks.
// What the layer below puts out has no tiny values.
func (u *Unrolled) copiesInput(layer int) bool {
	return layer == 0 && !u.symbols.on || u.dropsInput(layer)
}

// copyInput sets inRows for a share of the block's rows (t,p), in the order kept: the
// layer's input with tiny values as +0, then after its masks, which make no value
// smaller.
func (u *Unrolled) copyInput(w, n int) {
	x, width := u.input(u.job.layer)
	first := u.job.lo * u.batch
	lo, hi := split.Share((u.job.hi-u.job.lo)*u.batch, rowUnit, w, n)
	lo, hi = lo+first, hi+first
	for {
		r, end := u.rows.activeRun(lo, hi)
		if r == end {
			return
		}
		rows := u.memory.inRows[(r-first)*width : (end-first)*width]
		switch {
		case u.job.layer > 0:
			copy(rows, x[r*width:])
		case !u.rows.differ():
			u.isa.CopyFlush(rows, x[u.rows.userRow(r)*width:][:len(rows)])
		default:
			for k := range end - r {
				u.isa.CopyFlush(rows[k*width:][:width], x[u.rows.userRow(r+k)*width:][:width])
			}
		}
		if u.dropsInput(u.job.layer) {
			for k := range end - r {
				u.dropInput(u.workers.steps[w].masks.numbers, u.job.layer, r+k, rows[k*width:][:width], false)
			}
		}
		lo = end
	}
}

// forwardSteps runs the block's steps for a share of the rows of the batch.
func (u *Unrolled) forwardSteps(w, n int) {
	s := &u.workers.steps[w]
	s.use(&u.pack[u.job.i], false)
	s.takeAll(u.net.Shape.Hidden)
	first, last := u.rows.share(w, n)
	for k := range u.job.hi - u.job.lo {
		t := u.ran(k)
		u.copyPrevious(t, first, last)
		if u.prepareForward(s, t, first, last) {
			u.net.Cell.Forward(s)
		}
	}
}

// ran is the step that the forward pass runs as number k of the block.
func (u *Unrolled) ran(k int) int {
	if u.net.Reverse[u.job.dir] {
		return u.job.hi - 1 - k
	}
	return u.job.lo + k
}

// prepareForward points s at step t of the rows at places first to last-1. It returns
// false if none of them is within its length.
func (u *Unrolled) prepareForward(s *Step, t, first, last int) bool {
	s.Rows = min(last, u.rows.active(t)) - first
	if s.Rows <= 0 {
		return false
	}
	i := u.job.i
	s.Order = order(t)
	s.Tape.Data = u.memory.tape[i][(u.tapeRow(t)+first)*s.Tape.Stride:]
	for k := range s.State {
		u.timeBlock(&s.State[k], k, i, t+1, first)
	}
	u.setPrevious(s, t, first)
	s.masks.setRows(u.job.layer, u.job.dir, t, first)
	return true
}

// order is the Order of step t.
func order(t int) kernels.Into {
	if t%2 == 0 {
		return 0
	}
	return kernels.FromLast
}

// outputInPlace says whether the last layer can put h into the user's y: nothing needs it after
// Forward, and the rows of y are laid out as those of h.
func (u *Unrolled) outputInPlace() bool {
	return !u.keep && !u.net.merging() && u.rows.lengths == nil && !u.rows.differ()
}

// endOutput drops the references to the user's y, so that its memory can be freed.
func (u *Unrolled) endOutput() {
	if u.output.inPlace {
		for i := range u.workers.steps {
			s := &u.workers.steps[i]
			s.State[0].Data, s.Prev[0].Data = nil, nil
		}
	}
	u.output = output{}
}

// writeOutput sets a share of the user's y, +0 past each row's end.
func (u *Unrolled) writeOutput(w, n int) {
	h := u.outputs(u.net.Layers - 1)
	lo, hi := split.Share(u.rows.t*u.batch, rowUnit, w, n)
	if u.rows.lengths == nil && !u.rows.differ() {
		copy(u.output.y[u.rows.userRow(0)*u.out:][lo*u.out:hi*u.out], h[lo*u.out:])
		return
	}
	for r := lo; r < hi; r++ {
		row := u.output.y[u.rows.userRow(r)*u.out:][:u.out]
		if r/u.batch < u.rows.length(r%u.batch) {
			copy(row, h[r*u.out:])
		} else {
			clear(row)
		}
	}
}
