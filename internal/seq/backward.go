package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/pages"
)

// backMemory is what Backward alone needs.
type backMemory struct {
	grads    []Weights
	state    [][]float32 // gradients of the state, laid out as the carried state
	stateSet bool        // SetStateGrad has set them for the next Backward
	wantDx   bool        // of the Backward under way
	tell     func(n int) // see OnGradients

	carry   [][]float32 // gradients of the state of the direction at work: for each tensor [B][width]
	dyRows  []float32   // rows of a step of dy, in the order kept, with tiny values as +0
	scratch []float32   // Step.Scratch, [B][Scratch]

	pairs  pairs
	sums   sums
	totals []float32 // [Tape], of which addTotals uses its columns
}

// newBackMemory makes all but the memory of pairs and sums, which depends on how many
// steps are kept.
func (n *Net) newBackMemory(batch int) backMemory {
	sh := &n.Shape
	m := backMemory{
		dyRows: pages.Floats(batch * sh.States[0]), scratch: pages.Floats(batch * sh.Scratch),
		sums: n.newSums(), totals: make([]float32, sh.Tape),
	}
	m.grads, _ = n.weights(n.W[0].BiasIh != nil, Zeros)
	for _, width := range sh.States {
		m.state = append(m.state, make([]float32, len(n.W)*batch*width))
		m.carry = append(m.carry, make([]float32, batch*width))
	}
	return m
}

// Backward goes back over the last Forward: it takes dy, [T][B][Out], sets dx,
// [T][B][Input] (nil if not wanted), adds to the gradients of the parameters
// and sets the gradients of the state that Forward started from. Each Forward
// serves one Backward. It panics, before it changes anything, if a length is wrong,
// if dx overlaps dy or the x of Forward, or if dx or dy overlaps a parameter or a
// gradient.
func (u *Unrolled) Backward(dx, dy []float32) {
	u.mustKeep("Backward")
	if u.last.canBackward && u.symbols.on {
		panic(u.net.Kind + ": Backward after ForwardSymbols, want BackwardSymbols")
	}
	u.checkBackward("Backward", dx, dy)
	u.backward(dx, dy, dx != nil)
}

// backward goes back over the last forward pass, after all checks. wantDx says whether a product
// with W_ih of the first layer is wanted.
func (u *Unrolled) backward(dx, dy []float32, wantDx bool) {
	defer u.endBackward() // also where it panics: the tape is half replaced then
	m := &u.back
	u.masks.EndStep()
	if !m.stateSet {
		for _, d := range m.state {
			clear(d)
		}
	}
	m.stateSet = false
	u.clearRestartGrads()
	if u.rows.total > 0 && u.batch > 0 {
		m.wantDx = wantDx
		u.packForRecompute()
		u.fork(u.packPiece(false), u.tasks.packBackward)
		for k := range u.segments() {
			if k > 0 {
				u.recompute(k)
			}
			u.layersBackward(dx, dy, k == 0, k == u.segments()-1)
		}
	}
	u.told(0)
}

// OnGradients sets a function that Backward calls while it is at work, nil for none: f(n)
// says that the gradients of all parameters but the first n, in the order of EachParam, have
// got all that this Backward adds to them. It is called as soon as a layer is done, from the
// last one down, and at the end with 0.
func (u *Unrolled) OnGradients(f func(n int)) { u.back.tell = f }

// told says that the gradients of the layers from the given one on are complete.
func (u *Unrolled) told(layer int) {
	if u.back.tell == nil {
		return
	}
	n := 0
	for i := range u.net.W[:layer*len(u.net.Reverse)] {
		for _, w := range u.net.W[i].all {
			if w != nil {
				n++
			}
		}
	}
	u.back.tell(n)
}

// layersBackward goes back over all layers and the steps of the segment under way, which may be
// the first one that Backward visits. The last segment completes the gradients.
func (u *Unrolled) layersBackward(dx, dy []float32, first, last bool) {
	n, t := u.net, u.rows.t
	for layer := n.Layers - 1; layer >= 0; layer-- {
		down := u.memory.between
		if layer == 0 {
			down = dx
		}
		for dir, reverse := range n.Reverse {
			u.job = job{layer: layer, dir: dir, i: layer*len(n.Reverse) + dir, dy: dy}
			symbols := u.overSymbols(layer)
			if symbols && first {
				u.beginSymbols()
			}
			if dir == len(n.Reverse)-1 {
				// From here on the dy of a block is not needed once its steps
				// are done: between two layers dx takes its place.
				u.job.dx = down
			}
			u.loadStateGrad()
			u.beginSums()
			for k := 0; k < t; k += u.chunk {
				u.job.lo, u.job.hi = k, min(k+u.chunk, t)
				if !reverse {
					u.job.lo, u.job.hi = t-u.job.hi, t-k
				}
				u.blockBackward(k+u.chunk >= t)
			}
			u.storeStateGrad()
			if symbols && last {
				u.symbolGradients()
			}
		}
		if last && layer > 0 {
			u.told(layer)
		}
		dy = down
	}
}

// checkBackward panics unless there is a Forward to go back over and dx and dy
// have its sizes and memory of their own.
func (u *Unrolled) checkBackward(method string, dx, dy []float32) {
	n, t := u.net, u.rows.total
	if !u.last.canBackward {
		panic(n.Kind + ": " + method + " without a Forward before it: the backward pass works in the memory of the activations, so each Forward serves one Backward, and none after SetLengths or SetBatchFirst")
	}
	if rows := t * u.batch; len(dy) != rows*u.out {
		panic(fmt.Sprintf("%s: %s with len(dy) = %d, want %d: %d steps * batch %d * %d", n.Kind, method, len(dy), rows*u.out, t, u.batch, u.out))
	} else if dx != nil && len(dx) != rows*n.Input {
		panic(fmt.Sprintf("%s: %s with len(dx) = %d, want %d: %d steps * batch %d * %d", n.Kind, method, len(dx), rows*n.Input, t, u.batch, n.Input))
	}
	n.mustNotOverlap(method, "dx", dx, "dy", dy)
	n.mustNotOverlap(method, "dx", dx, "the x of Forward", u.last.x)
	u.mustNotOverlapParams(method, "dx", dx)
	u.mustNotOverlapParams(method, "dy", dy)
}

// packBackward packs the weights as the backward pass wants them, a share of
// all matrices; the first layer's W_ih serves dx alone.
func (u *Unrolled) packBackward(w, n int) {
	for k := range 2 * len(u.pack) {
		of, ok := u.packShare(k, w, n)
		if !ok {
			continue
		}
		p, weights := &u.pack[k/2], &u.net.W[k/2]
		switch {
		case k%2 == 0:
			p.packRecurBack(u.net, weights, u.recurrent(w, k/2), of)
		case u.inputOnce(k / 2):
		case u.back.wantDx || k/2 >= len(u.net.Reverse):
			p.inBack.PackFlushPart(of.w, of.n, false, weights.Ih, weights.In)
		}
	}
}

// blockBackward runs the job's steps backwards and, with the last direction, sets the
// gradient of the input. Then it adds them to the gradients of the weights, if they are
// enough steps for that, or the last ones.
func (u *Unrolled) blockBackward(last bool) {
	rows, in := (u.job.hi-u.job.lo)*u.batch, u.net.W[u.job.i].In
	if u.units.parts > 0 {
		u.stepsBackByUnits()
	} else {
		u.fork(u.stepsPiece(rows), u.tasks.stepsBack)
	}
	u.listPairs()
	u.addChunk()
	if u.dropsInput(u.job.layer) {
		u.fork(u.copyPiece(rows, in), u.tasks.copyInput)
	}
	if u.overSymbols(u.job.layer) {
		in = 0 // what is done with W_ih is done by symbols
		u.symbolPairs()
		u.fork(u.copyPiece(rows, u.net.Shape.Gates), u.symbols.add)
	}
	u.job.columns = u.byColumns(u.job.i, rows) && !u.wholeGradientRows()
	u.fork(u.gradientsPiece(rows, in, u.job.dx != nil), u.tasks.gradients)
	if chunks := u.back.sums.input().Chunks(); last || chunks == u.back.sums.chunks {
		u.fork(u.weightGradientsPiece(chunks*u.chunk*u.batch, in), u.tasks.weightGradients)
		u.beginSums()
	}
}

// backwardSteps runs the block's steps backwards for a share of the rows of
// the batch.
func (u *Unrolled) backwardSteps(w, n int) {
	s := &u.workers.steps[w]
	s.use(&u.pack[u.job.i], true)
	s.takeAll(u.net.Shape.Hidden)
	first, last := u.rows.share(w, n)
	for k := range u.job.hi - u.job.lo {
		t := u.visited(k)
		u.copyPrevious(t, first, last)
		if u.prepareBackward(s, t, first, last) {
			u.outputGradient(s, t, first)
			u.net.Cell.Backward(s)
			u.stopGradient(s, t, first)
		}
	}
}

// prepareBackward points s at step t of the rows at places first to last-1, but for s.Dy.
// It returns false if none of them is within its length.
func (u *Unrolled) prepareBackward(s *Step, t, first, last int) bool {
	s.Rows = min(last, u.rows.active(t)) - first
	if s.Rows <= 0 {
		return false
	}
	i := u.job.i
	s.Order = order(t)
	s.Tape.Data = u.memory.tape[i][(t*u.batch+first)*s.Tape.Stride:]
	for k, width := range u.net.Shape.States {
		u.timeBlock(&s.State[k], k, i, t+1, first)
		s.Grad[k] = Mat{Data: u.back.carry[k][first*width:], Stride: width, Width: width}
	}
	u.setPrevious(s, t, first)
	s.Scratch.Data = u.back.scratch[first*s.Scratch.Stride:]
	s.masks.setRows(u.job.layer, u.job.dir, t, first)
	return true
}

// outputGradient sets s.Dy, the gradient of the direction's output at step t from
// place first on, of the units of s if it has a part of them. It is a copy with tiny
// values as +0: dy comes from the user or from the layer above, whose dx is not flushed.
func (u *Unrolled) outputGradient(s *Step, t, first int) {
	h, row := u.net.Shape.States[0], t*u.batch+first
	top := u.job.layer == u.net.Layers-1 // dy is the user's
	gather := u.rows.differ() && top
	s.Dy = Mat{Data: u.back.dyRows[first*h:], Stride: h, Width: h}
	lo, hi := 0, h
	if s.N > 1 {
		lo, hi = s.Lo, s.Hi
	} else if !gather && h == u.out && !u.net.merging() {
		// The rows lie side by side: one call serves all of them.
		if top {
			row = u.rows.userRow(row)
		}
		n := s.Rows * h
		u.isa.CopyFlush(s.Dy.Data[:n], u.job.dy[row*h:][:n])
		return
	}
	col := u.job.dir * h
	var other Mat
	if u.net.merging() {
		col = 0
		u.timeBlock(&other, 0, u.job.i^1, t+1, first) // directions come in pairs
	}
	for k := range s.Rows {
		from := row + k
		if top {
			from = u.rows.userRow(from)
		}
		d := s.Dy.Row(k)[lo:hi]
		u.isa.CopyFlush(d, u.job.dy[from*u.out+col+lo:][:hi-lo])
		if u.net.merging() {
			u.mergedGradient(d, other.Row(k)[lo:hi])
		}
	}
}

// visited is the step that the backward pass visits as number k of the block.
func (u *Unrolled) visited(k int) int {
	if u.net.Reverse[u.job.dir] {
		return u.job.lo + k
	}
	return u.job.hi - 1 - k
}
