package seq

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
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
	segment      int  // steps of which the activations are kept at a time: all, unless a budget cuts the sequence
	keep         bool // whether Forward keeps what Backward needs

	rows    rows
	masks   MaskSource
	resets  resets
	pack    []packing // for each direction of each layer
	held    held
	once    once
	symbols symbols
	memory  memory
	state   [][]float32   // carried state: for each tensor [Layers*D][B][width]
	kept    [][][]float32 // the states before the steps of the segments but for segment 0, laid out as the carried one
	last    lastForward
	output  output
	back    backMemory

	workers workers
	units   unitSteps
	job     job
	tasks   tasks
}

// output is where the Forward under way puts the output of the last layer.
type output struct {
	y       []float32
	inPlace bool // the last layer puts h there, and its later steps read it there
}

// lastForward is what the last Forward left for the calls that follow it.
type lastForward struct {
	x           []float32 // its input, kept as long as Backward may go over it
	canBackward bool      // Backward may go over it: none has, and nothing has changed that it needs
	readable    bool      // Sequence may read what it kept: lengths and layout are still those of the Forward
}

// Unroll allocates everything for sequences of up to steps steps and exactly
// batch rows. Without keep only Forward will do. It panics if a size is
// negative or too large.
func (n *Net) Unroll(steps, batch int, keep bool) *Unrolled {
	u := n.newUnrolled(steps, batch, keep)
	u.allocate(steps, u.visitChunks(steps))
	return u
}

// newUnrolled allocates what does not depend on how many steps are kept at a time.
func (n *Net) newUnrolled(steps, batch int, keep bool) *Unrolled {
	sh := &n.Shape
	size, ok := mul(max(steps, 0)+2, batch)
	if ok {
		_, ok = mul(size, n.Layers, max(len(n.Reverse)*sh.Tape, n.widest(), n.wide()))
	}
	if steps < 0 || !ok || size > math.MaxInt32 {
		panic(fmt.Sprintf("%s: cannot unroll %d steps of a batch of %d: sizes must not be negative, and (steps+2)*batch below 2^31", n.Kind, steps, batch))
	}
	// A block of work has the steps of a chunk: enough that a product reads its
	// packed weights seldom, few enough that the block's gates stay in the
	// second-level cache.
	chunk := max(1, min(split.ChunkSteps(batch), steps))
	u := &Unrolled{net: n, isa: kernels.Current(), steps: steps, batch: batch, out: n.Out(), chunk: chunk, keep: keep,
		rows: newRows(batch), masks: NewMaskSource(batch, keep), resets: n.newResets(steps, batch)}
	for _, width := range sh.States {
		u.state = append(u.state, pages.Floats(len(n.W)*batch*width))
	}
	u.tasks = tasks{packForward: u.packForward, copyInput: u.copyInput, products: u.inputProducts, steps: u.forwardSteps, merge: u.merge, writeOutput: u.writeOutput}
	if c, ok := n.Cell.(Phased); ok {
		u.units.most = mostUnitParts(u.isa, sh.Hidden)
		if u.units.forward, u.units.backward = c.Phases(); len(u.units.backward) < 2 {
			panic(fmt.Sprintf("%s: a cell with %d phases of Backward, want 2 or more", n.Kind, len(u.units.backward)))
		}
		u.tasks.forwardUnits, u.tasks.backwardUnits = u.forwardUnits, u.backwardUnits
	}
	if keep {
		u.back = n.newBackMemory(batch)
		u.tasks.packBackward, u.tasks.stepsBack, u.tasks.gradients, u.tasks.weightGradients = u.packBackward, u.backwardSteps, u.gradients, u.weightGradients
		u.tasks.zero = u.zeroShare
	}
	u.once.recur = u.recurOnce()
	for i := range n.W {
		k := n.newPacking(u.isa, &n.W[i], 1, keep)
		if keep {
			k.stored = n.newStored(u.isa, &n.W[i], u.once.recur)
		}
		if keep && !u.once.recur {
			k.newRecurBack(n, u.isa)
		}
		u.pack = append(u.pack, k)
	}
	u.setMostWorkers(n.Workers)
	return u
}

// allocate allocates the rest, for passes that keep segment steps at a time and add so
// many chunks at a time to the gradients of weights.
func (u *Unrolled) allocate(segment, chunks int) {
	n := u.net
	u.segment = segment
	u.memory = n.newMemory(segment, u.chunk, u.batch, u.keep, pages.Floats)
	if u.keep {
		u.setVisit(chunks)
	}
	for range u.boundaries(segment) {
		var state [][]float32
		for _, s := range u.state {
			state = append(state, make([]float32, len(s)))
		}
		u.kept = append(u.kept, state)
	}
	u.growWorkers()
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
			case !u.keep:
				f(w.names[k], v, nil)
			default:
				f(w.names[k], v, u.back.grads[i].all[k])
			}
		}
	}
}

// SetBatchFirst makes the tensors of the calls that follow [B][T][width] in place
// of [T][B][width].
func (u *Unrolled) SetBatchFirst(on bool) {
	u.rows.batchFirst = on
	u.forget()
}

// SetLengths sets the number of steps of each row, nil for all steps of every
// Forward. What the last Forward kept is of no use after it.
func (u *Unrolled) SetLengths(lengths []int) error {
	if lengths != nil {
		if err := u.checkLengths(lengths, u.steps, "steps unrolled; cut the sequence or unroll more steps"); err != nil {
			return err
		}
	}
	u.setLengths(lengths)
	return nil
}

// checkLengths returns an error unless there is a length from 0 to most for each
// row. what says what most is, and what to do about a length that is too large.
func (u *Unrolled) checkLengths(lengths []int, most int, what string) error {
	if len(lengths) != u.batch {
		return fmt.Errorf("%s: %d lengths for a batch of %d rows; give one for each row", u.net.Kind, len(lengths), u.batch)
	}
	for b, n := range lengths {
		if n < 0 || n > most {
			return fmt.Errorf("%s: length %d of row %d is outside 0..%d, the %s", u.net.Kind, n, b, most, what)
		}
	}
	return nil
}

func (u *Unrolled) setLengths(lengths []int) {
	u.rows.setLengths(lengths)
	u.forget()
}

// forget ends the use of what the last Forward kept: rows of it are found by
// lengths and a layout that have changed.
func (u *Unrolled) forget() {
	u.endBackward()
	u.last.readable = false
}

// endBackward ends the time in which Backward may go over the last Forward. It drops
// the references to the caller's x, dx and dy, so that their memory can be freed.
func (u *Unrolled) endBackward() {
	u.last.x, u.last.canBackward, u.job = nil, false, job{}
	u.symbols.table, u.symbols.dTable = nil, nil
}

func (u *Unrolled) mustKeep(method string) {
	if !u.keep {
		panic(u.net.Kind + ": " + method + " on what Infer made: it keeps nothing to go back over; use Unroll")
	}
}
