package seq

import "fmt"

// Time checkpointing (T. Chen, B. Xu, C. Zhang and C. Guestrin, "Training deep nets with
// sublinear memory cost", 2016): the activations of one segment of the steps are kept at a
// time, and the state before each segment. Forward runs the segments one after another and
// keeps the last one. Backward goes back over that, then runs each of the others again from
// the state before it, and goes back over it. Each segment goes through all layers before the
// next one begins, so that nothing of a layer is kept for all steps.
//
// Segments are numbered as the backward pass visits them, and counted from the step that it
// visits first. They are multiples of a chunk of weight gradients, so that chunks are where
// they are in a pass that keeps all (rule 4 of docs/numerics.md), and masks follow from
// counters (rule 11): every bit is that of such a pass.

// UnrollWithin is Unroll, with keep, in at most so many bytes, as Bytes counts them. It
// returns an error if that is not possible.
func (n *Net) UnrollWithin(steps, batch, bytes int) (*Unrolled, error) {
	u := n.newUnrolled(steps, batch, true)
	segment, chunks, err := u.fit(bytes)
	if err != nil {
		return nil, err
	}
	u.allocate(segment, chunks)
	return u, nil
}

// fit returns the steps of a segment and the chunks of a visit with which u takes at most
// so many bytes, u not yet being allocated: of the visits the largest for which there are
// segments, of these the longest.
func (u *Unrolled) fit(bytes int) (segment, chunks int, err error) {
	n, fixed := u.net, u.Bytes()
	kept := func(steps int) (size int) { // of memory
		n.newMemory(steps, u.chunk, u.batch, true, func(n int) []float32 { size += 4 * n; return nil })
		return size
	}
	none := kept(0)
	step := kept(1) - none
	boundary := 0
	for _, s := range u.state {
		boundary += 4 * len(s)
	}

	chunks = u.visitChunks(u.steps)
	all := fixed + u.visitBytes(chunks) + u.workerBytes(chunks) + none + step*u.steps
	if all <= bytes {
		return u.steps, chunks, nil
	}
	if len(n.Reverse) > 1 {
		return 0, 0, fmt.Errorf("%s: UnrollWithin: %d steps of a batch of %d take %d bytes, more than the %d given, and a bidirectional network cannot be cut into segments of steps, since each direction needs the outputs of the other one for all steps; give it as many bytes, or unroll fewer steps or rows", n.Kind, u.steps, u.batch, all, bytes)
	}
	least, leastSegment := all, u.steps
	for ; chunks > 0; chunks-- {
		base := fixed + u.visitBytes(chunks) + u.workerBytes(chunks) + none
		for k := units(u.steps, u.chunk) - 1; k >= chunks; k-- {
			segment := k * u.chunk
			size := base + step*segment + boundary*u.boundaries(segment)
			if size <= bytes {
				return segment, chunks, nil
			}
			if size < least {
				least, leastSegment = size, segment
			}
		}
	}
	return 0, 0, fmt.Errorf("%s: UnrollWithin: %d steps of a batch of %d take at least %d bytes, in segments of %d steps, more than the %d given, and %d bytes without time checkpointing; give it as many bytes, or unroll fewer steps or rows", n.Kind, u.steps, u.batch, least, leastSegment, bytes, all)
}

// boundaries is how many states are kept between segments of so many steps.
func (u *Unrolled) boundaries(segment int) int { return max(0, units(u.steps, max(1, segment))-1) }

// segments is the number of segments of the last Forward.
func (u *Unrolled) segments() int { return units(u.rows.total, u.segment) }

// beginSegment takes up segment k.
func (u *Unrolled) beginSegment(k int) {
	r := &u.rows
	lo, hi := k*u.segment, min((k+1)*u.segment, r.total)
	if !u.net.Reverse[0] {
		lo, hi = r.total-hi, r.total-lo
	}
	r.from, r.t = lo, hi-lo
}

// keepState keeps the carried state for recompute of segment k. That of segment 0, which
// Forward runs last, is where its steps read it.
func (u *Unrolled) keepState(k int) {
	if k == 0 {
		return
	}
	for i, s := range u.state {
		copy(u.kept[k-1][i], s)
	}
}

// recompute takes up segment k and runs Forward over it again.
func (u *Unrolled) recompute(k int) {
	u.beginSegment(k)
	u.layersForward(u.kept[k-1], false)
}

// packForRecompute packs the weights for recompute, if there is something to recompute:
// SetWorkers after the Forward may have made other room for them.
func (u *Unrolled) packForRecompute() {
	if u.segments() > 1 {
		u.fork(u.packPiece(false), u.tasks.packForward)
	}
}
