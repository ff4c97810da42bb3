package seq

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// Unrolled is a network laid out in time: activations, gradients and carried
// state for a number of steps and a batch. One goroutine may use it at a time.
type Unrolled struct {
	net          *Net
	isa          kernels.ISA
	steps, batch int
	out          int  // width of the output
	chunk        int  // steps in a block of work, and in a chunk of a weight gradient
	keep         bool // whether Forward keeps what Backward needs
	workers      int  // the most parts a piece of work is cut into
	fixed        bool // whether the user said so, rather than the amount of work

	// Rows are kept longest first: those that are within their length at a
	// step are the first of them, whatever the lengths, and products never
	// fall to pieces. Only what crosses to the user's tensors knows the order
	// of rows there.
	lengths []int // of the rows as they are kept; nil: all T
	moved   bool  // whether order is not 0, 1, 2, ...

	batchFirst bool      // the user's tensors are [B][T][width]
	order      []int     // the user's row that is kept at a place
	place      []int     // the place of a user's row
	ragged     []int     // memory of lengths
	inRows     []float32 // input rows of a block in the order kept
	maskedRows []float32 // input rows of a block after their masks
	dyRows     []float32 // rows of a step of dy in the order kept

	pack []packing // for each direction of each layer

	// The time blocks of h. With keep a layer has its own; otherwise two
	// buffers take turns, a layer's output and its input.
	hist [][]float32
	// merged are the merged outputs, [T][B][Out], of as many layers; nil where
	// the outputs of directions stand side by side.
	merged [][]float32
	// rest[i][k-1] is state tensor k of direction i; without keep all
	// directions of all layers share two blocks of time.
	rest [][][]float32
	// tape[i] is the tape of direction i; without keep all share one of chunk
	// steps.
	tape [][]float32

	state  [][]float32 // carried state: for each tensor [Layers*D][B][width]
	grads  []Weights
	dstate [][]float32 // gradients of the state, laid out as state
	handed bool        // dstate was set for the next Backward
	dcarry [][]float32 // those of the direction at work: for each tensor [B][width]
	dmid   []float32   // gradients between two layers, [T][B][Out]

	// The last Forward.
	t       int
	x       []float32
	pending bool // no Backward has used it
	told    bool // what it kept can be told apart: lengths and layout are still its own
	masking bool // it drew masks

	masks    masks
	training bool        // the next Forward draws masks
	stepped  bool        // a Backward has ended a training step
	dropped  [][]float32 // for each worker, memory for W_hh after its mask
	hhSum    []float32   // a block's sum for dW_hh, before its mask

	wantDx bool // of the Backward under way

	// The pairs (t,b) of a chunk of a weight gradient: as rows of the tape, of
	// the input, and of the time blocks of h that hold the state before.
	rows, xRows, prevRows []int32

	sum      []float32 // [Tape], of which totals uses its columns
	cellRows []float32 // Step.Scratch, [B][Scratch]
	steppers []Step    // for each worker
	scratch  [][]float32

	job job
	// Method values made once: making them where they are used would allocate.
	doMerge, doProject, doSteps, doStepsBack, doMaskRows, doGradients, doPack, doPackBack func(w, n int)
}

// job says what the workers are at: a block of steps of one direction of one
// layer.
type job struct {
	layer, dir, i int // i counts directions over all layers
	lo, hi        int // steps lo <= t < hi
	dy            []float32
	dx            []float32 // nil: not wanted
}

// maxWorkers bounds Config.Workers: shares smaller than this help nobody.
const maxWorkers = 256

// Unroll allocates everything for sequences of up to steps steps and exactly
// batch rows. Without keep only Forward will do. It panics if a size is
// negative or too large.
func (n *Net) Unroll(steps, batch int, keep bool) *Unrolled {
	isa := kernels.Current()
	sh := &n.Shape
	dirs := len(n.Reverse)
	u := &Unrolled{net: n, isa: isa, steps: steps, batch: batch, out: n.Out(), keep: keep}
	rows, ok := mul(max(steps, 0)+2, batch)
	if ok {
		_, ok = mul(rows, n.Layers, max(dirs*sh.Tape, n.widest(), n.wide()))
	}
	if steps < 0 || !ok || rows > math.MaxInt32 {
		panic(fmt.Sprintf("%s: cannot unroll %d steps of a batch of %d: sizes must not be negative, and (steps+2)*batch below 2^31", n.Kind, steps, batch))
	}
	// A block of work has the steps of a chunk: enough that a product reads its
	// packed weights seldom, few enough that the block's gates stay in the
	// second-level cache.
	u.chunk = max(1, min(split.ChunkSteps(batch), steps))
	u.ragged, u.order, u.place = make([]int, batch), make([]int, batch), make([]int, batch)
	u.inRows = make([]float32, u.chunk*batch*n.Input)
	u.unrollMasks()
	for i := range n.W {
		u.pack = append(u.pack, n.newPacking(isa, &n.W[i], keep))
	}
	for k, width := range sh.States {
		u.state = append(u.state, make([]float32, len(n.W)*batch*width))
		if keep {
			u.dstate = append(u.dstate, make([]float32, len(u.state[k])))
		}
	}
	layers, ring, tape := n.Layers, steps+2, steps
	if !keep {
		layers, ring, tape = min(2, n.Layers), 2, u.chunk
	}
	for range layers {
		u.hist = append(u.hist, make([]float32, (steps+2)*batch*n.wide()))
		if n.merging() {
			u.merged = append(u.merged, make([]float32, steps*batch*u.out))
		}
	}
	for i := range n.W {
		if !keep && i > 0 {
			u.rest, u.tape = append(u.rest, u.rest[0]), append(u.tape, u.tape[0])
			continue
		}
		var rest [][]float32
		for _, width := range sh.States[1:] {
			rest = append(rest, make([]float32, ring*batch*width))
		}
		u.rest = append(u.rest, rest)
		u.tape = append(u.tape, make([]float32, tape*batch*sh.Tape))
	}
	u.doPack, u.doProject, u.doSteps = u.packShare, u.project, u.forwardSteps
	u.doMerge, u.doMaskRows = u.mergeShare, u.maskRows
	if keep {
		u.unrollBack()
	}
	u.SetWorkers(n.Workers)
	return u
}

// unrollMasks allocates what masks need.
func (u *Unrolled) unrollMasks() {
	n := u.net
	u.training = u.keep
	ids := make([]uint32, 3*u.batch)
	u.masks.ids, u.masks.clock, u.masks.at = ids[:u.batch:u.batch], ids[u.batch:2*u.batch:2*u.batch], ids[2*u.batch:]
	for b := range u.masks.ids {
		u.masks.ids[b] = uint32(b)
	}
	if n.Noise.Dropout > 0 || n.Noise.Input > 0 {
		u.maskedRows = make([]float32, u.chunk*u.batch*n.widest())
	}
	if n.Noise.Weight > 0 && u.keep {
		u.hhSum = make([]float32, len(n.W[0].Hh))
	}
}

// unrollBack allocates what Backward alone needs.
func (u *Unrolled) unrollBack() {
	n, sh := u.net, &u.net.Shape
	u.grads, _ = n.weights(n.W[0].BiasIh != nil, Zeros)
	if n.Layers > 1 {
		u.dmid = make([]float32, u.steps*u.batch*u.out)
	}
	pairs := u.chunk * u.batch
	u.rows, u.xRows, u.prevRows = make([]int32, 0, pairs), make([]int32, 0, pairs), make([]int32, 0, pairs)
	u.dyRows = make([]float32, u.batch*sh.States[0])
	for _, width := range sh.States {
		u.dcarry = append(u.dcarry, make([]float32, u.batch*width))
	}
	u.sum = make([]float32, sh.Tape)
	u.cellRows = make([]float32, u.batch*sh.Scratch)
	u.doPackBack, u.doStepsBack, u.doGradients = u.packBackShare, u.backwardSteps, u.gradients
}

// SetWorkers changes the number of parts that work is cut into, 0 for automatic.
func (u *Unrolled) SetWorkers(n int) {
	sh := &u.net.Shape
	u.fixed = n > 0
	if !u.fixed {
		n = runtime.GOMAXPROCS(0)
	}
	u.workers = min(n, maxWorkers)
	for len(u.steppers) < u.workers {
		s := newStep(u.isa, u.net)
		s.masks.of = u
		u.steppers = append(u.steppers, s)
		// No more workers than matrices pack at once.
		if u.net.Noise.Weight > 0 && len(u.dropped) < 2*len(u.net.W) {
			u.dropped = append(u.dropped, make([]float32, len(u.net.W[0].Hh)))
		}
	}
	if !u.keep {
		return
	}
	work := 0
	for _, width := range []int{u.net.Input, u.out, sh.States[0]} {
		work = max(work, u.isa.GemmRowsWork(sh.Gates, width, u.chunk*u.batch))
	}
	if sh.Project != nil {
		work = max(work, u.isa.GemmRowsWork(sh.States[0], sh.Hidden, u.chunk*u.batch))
	}
	for len(u.scratch) < u.workers {
		u.scratch = append(u.scratch, make([]float32, work))
	}
}

// Dims returns the sizes of what Forward takes: at most steps time steps, rows
// of a batch, widths of an input and of an output row.
func (u *Unrolled) Dims() (steps, batch, in, out int) {
	return u.steps, u.batch, u.net.Input, u.out
}

// EachParam calls f for each parameter with its gradient, in Net.EachParam's
// order; g is nil if there are no gradients.
func (u *Unrolled) EachParam(f func(name string, w, g []float32)) {
	for i := range u.net.W {
		w := &u.net.W[i]
		for k, v := range w.all {
			switch {
			case v == nil:
			case u.grads == nil:
				f(w.names[k], v, nil)
			default:
				f(w.names[k], v, u.grads[i].all[k])
			}
		}
	}
}

// ZeroGrads sets all gradients to +0.
func (u *Unrolled) ZeroGrads() {
	for i := range u.grads {
		for _, g := range u.grads[i].all {
			clear(g)
		}
	}
}

// SetBatchFirst makes the tensors of the calls that follow [B][T][width] in place
// of [T][B][width].
func (u *Unrolled) SetBatchFirst(on bool) {
	u.batchFirst, u.pending, u.told = on, false, false
}

// SetLengths sets the number of steps of each row, nil for all steps of every
// Forward. What the last Forward kept is of no use after it.
func (u *Unrolled) SetLengths(lengths []int) error {
	if lengths == nil {
		u.lengths, u.moved, u.pending, u.told = nil, false, false, false
		return nil
	}
	if len(lengths) != u.batch {
		return fmt.Errorf("%s: %d lengths for a batch of %d rows; give one for each row", u.net.Kind, len(lengths), u.batch)
	}
	for b, n := range lengths {
		if n < 0 || n > u.steps {
			return fmt.Errorf("%s: length %d of row %d is outside 0..%d; cut the sequence or unroll more steps", u.net.Kind, n, b, u.steps)
		}
	}
	for b := range u.order {
		u.order[b] = b
	}
	slices.SortStableFunc(u.order, func(a, b int) int { return lengths[b] - lengths[a] })
	u.lengths, u.moved, u.pending, u.told = u.ragged, false, false, false
	for p, b := range u.order {
		u.lengths[p], u.place[b] = lengths[b], p
		u.moved = u.moved || p != b
	}
	return nil
}

// State returns copies of the carried state's tensors.
func (u *Unrolled) State() [][]float32 { return clone(u.state) }

// CopyState is State into slices that are there already, as State returns
// them.
func (u *Unrolled) CopyState(dst [][]float32) {
	if err := u.net.setState("state", dst, u.state); err != nil {
		panic(err.Error())
	}
}

// SetState sets the carried state. Nothing is changed if it returns an error.
func (u *Unrolled) SetState(s [][]float32) error { return u.net.setState("state", u.state, s) }

// StateGrad returns copies of the gradients of the state that the last
// Forward started from.
func (u *Unrolled) StateGrad() [][]float32 { return clone(u.dstate) }

// SetStateGrad hands the next Backward the gradients of the state that the
// last Forward ended with; nil stands for zero, as without a call.
func (u *Unrolled) SetStateGrad(g [][]float32) error {
	u.mustKeep("SetStateGrad")
	if g == nil {
		u.handed = false
		return nil
	}
	if err := u.net.setState("state gradient", u.dstate, g); err != nil {
		return err
	}
	u.handed = true
	return nil
}

// Reset sets the carried state of rows, or of all rows if none is given, to
// +0. It panics if a row is outside the batch.
func (u *Unrolled) Reset(rows ...int) {
	u.net.reset(u.state, u.batch, rows)
	if len(rows) == 0 {
		clear(u.masks.clock)
	}
	for _, b := range rows {
		u.masks.clock[b] = 0
	}
}

func (u *Unrolled) mustKeep(method string) {
	if !u.keep {
		panic(u.net.Kind + ": " + method + " on what Infer made: it keeps nothing to go back over; use Unroll")
	}
}

func clone(s [][]float32) [][]float32 {
	c := make([][]float32, len(s))
	for k := range s {
		c[k] = slices.Clone(s[k])
	}
	return c
}

func (n *Net) setState(what string, dst, src [][]float32) error {
	if len(src) != len(dst) {
		return fmt.Errorf("%s: a %s of %d tensors, want %d", n.Kind, what, len(src), len(dst))
	}
	for k := range src {
		if len(src[k]) != len(dst[k]) {
			return fmt.Errorf("%s: tensor %d of the %s has %d elements, want %d (layers and directions * batch * %d)", n.Kind, k, what, len(src[k]), len(dst[k]), n.Shape.States[k])
		}
	}
	for k := range src {
		copy(dst[k], src[k])
	}
	return nil
}

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

// active is the number of rows that are within their length at step t, which
// are the first ones.
func (u *Unrolled) active(t int) int {
	if u.lengths == nil {
		return u.batch
	}
	lo, hi := 0, u.batch // lengths[lo-1] > t >= lengths[hi]
	for lo < hi {
		if m := (lo + hi) / 2; u.lengths[m] > t {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// activeRows returns the first run of rows t*B+b in lo..hi-1 that are within
// their length; an empty run means that there is none.
func (u *Unrolled) activeRows(lo, hi int) (first, end int) {
	if u.lengths == nil {
		return lo, hi
	}
	for lo < hi {
		t := lo / u.batch
		end := t*u.batch + u.active(t)
		if lo >= end {
			lo = (t + 1) * u.batch
			continue
		}
		for end == (t+1)*u.batch && end < hi { // all rows are active: the next step's follow at once
			t++
			end += u.active(t)
		}
		return lo, min(end, hi)
	}
	return hi, hi
}

// rowShare cuts the rows of the batch into n shares of about as many steps in
// all and returns the bounds of share w.
func (u *Unrolled) rowShare(w, n int) (lo, hi int) {
	if u.lengths == nil {
		return split.Share(u.batch, 1, w, n)
	}
	total := 0
	for _, steps := range u.lengths {
		total += steps
	}
	// Row b belongs to the share in which the steps before it end.
	sum := 0
	for _, steps := range u.lengths {
		if sum*n < total*w {
			lo++
		}
		if sum*n < total*(w+1) {
			hi++
		}
		sum += steps
	}
	return lo, hi
}

// row is the user's row that is kept at place b.
func (u *Unrolled) row(b int) int {
	if u.moved {
		return u.order[b]
	}
	return b
}

// length is the number of steps of the row kept at place b in the last Forward.
func (u *Unrolled) length(b int) int {
	if u.lengths == nil {
		return u.t
	}
	return u.lengths[b]
}

// block points m at state tensor k of direction i, time block tau, from row b.
func (u *Unrolled) block(m *Mat, k, i, tau, b int) {
	width := u.net.Shape.States[k]
	m.Width = width
	if k == 0 {
		dirs := len(u.net.Reverse)
		h := u.hist[(i/dirs)%len(u.hist)]
		m.Stride = dirs * width
		m.Data = h[(tau*u.batch+b)*m.Stride+i%dirs*width:]
		return
	}
	if !u.keep {
		tau &= 1
	}
	m.Stride = width
	m.Data = u.rest[i][k-1][(tau*u.batch+b)*width:]
}

// Sequence sets dst, [T][B][D*width], to state tensor k of a layer as it was after
// each step of the last Forward, the directions side by side, +0 past each row's
// end. It panics if there is no such layer or dst has another length.
func (u *Unrolled) Sequence(method string, k, layer int, dst []float32) {
	u.mustKeep(method)
	if !u.told {
		panic(u.net.Kind + ": " + method + " without a Forward before it, or with SetLengths or SetBatchFirst between them: it reads what the last Forward kept, by its lengths and in its layout")
	}
	dirs, width := len(u.net.Reverse), u.net.Shape.States[k]
	if layer < 0 || layer >= u.net.Layers {
		panic(fmt.Sprintf("%s: %s of layer %d in a network of %d", u.net.Kind, method, layer, u.net.Layers))
	}
	if want := u.t * u.batch * dirs * width; len(dst) != want {
		panic(fmt.Sprintf("%s: %s into %d elements, want %d: %d steps of the last Forward * batch %d * %d", u.net.Kind, method, len(dst), want, u.t, u.batch, dirs*width))
	}
	var m Mat
	for r := range u.t * u.batch {
		t, b := r/u.batch, r%u.batch
		for d := range dirs {
			row := dst[(u.userRow(r)*dirs+d)*width:][:width]
			if t >= u.length(b) {
				clear(row)
				continue
			}
			u.block(&m, k, layer*dirs+d, t+1, b)
			copy(row, m.Row(0))
		}
	}
}

// outputs is the output of a layer, [T][B][Out].
func (u *Unrolled) outputs(layer int) []float32 {
	if u.merged != nil {
		return u.merged[layer%len(u.merged)]
	}
	return u.hist[layer%len(u.hist)][u.batch*u.out:]
}

// input is the input of a layer and the width of its rows.
func (u *Unrolled) input(layer int) ([]float32, int) {
	if layer == 0 {
		return u.x, u.net.Input
	}
	return u.outputs(layer - 1), u.out
}

// before is the distance in time blocks from a step to the one visited before
// it.
func (u *Unrolled) before(dir int) int {
	if u.net.Reverse[dir] {
		return 1
	}
	return -1
}

// fork runs f in parts: at most limit of them, since the work has no more
// shares, and, unless the user fixed the number, as many as flops is worth.
func (u *Unrolled) fork(flops float64, limit int, f func(w, n int)) {
	n := u.workers
	if !u.fixed {
		n = split.Workers(u.isa, flops/2, n)
	}
	team.Run(max(1, min(n, limit)), f)
}

// rowLimit is into how many shares the rows of the batch may be cut: fewer
// than four rows in a share make its products wait for weights.
func (u *Unrolled) rowLimit() int {
	if !u.fixed {
		return u.batch / 4
	}
	return u.batch
}
