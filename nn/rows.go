package nn

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
)

// rows says which pairs (t, b), step t of row b, of a forward pass exist, and in
// which order sums over them are formed.
type rows struct {
	batch   int
	t       int   // steps of the last forward pass
	lengths []int // nil: all rows are whole
	memory  []int // of lengths

	pairs, chunks []int32 // see order
	stale         bool    // pairs and chunks are not those of lengths and t

	// The steps at which each row begins anew, in the next and in the last forward pass.
	resets    [][]int
	next, now bool // whether that has some
}

func newRows(steps, batch int) rows {
	return rows{batch: batch, pairs: make([]int32, 0, steps*batch), chunks: make([]int32, 0, steps)}
}

// check returns an error if there is not one length for each row, or if one is above
// steps. what describes steps in the error.
func (r *rows) check(lengths []int, steps int, what string) error {
	if lengths == nil {
		return nil
	}
	if len(lengths) != r.batch {
		return fmt.Errorf("nn: %d lengths for %d rows, want one for each row", len(lengths), r.batch)
	}
	for b, n := range lengths {
		if n < 0 || n > steps {
			return fmt.Errorf("nn: length %d of row %d, want 0 to %d, the %s", n, b, steps, what)
		}
	}
	return nil
}

// set copies lengths, which check has accepted.
func (r *rows) set(lengths []int) {
	r.stale = r.stale || lengths != nil || r.lengths != nil
	if lengths == nil {
		r.lengths = nil
		return
	}
	r.memory = append(r.memory[:0], lengths...)
	r.lengths = r.memory
}

// begin notes the steps of a forward pass.
func (r *rows) begin(t int) {
	r.stale = r.stale || t != r.t
	r.t = t
	r.now, r.next = r.next, false
}

// order lists the pairs p = t*batch+b that exist in the order of every sum over
// them, t descending and b ascending, and where the chunks of that list end.
func (r *rows) order() {
	if !r.stale {
		return
	}
	r.stale = false
	r.pairs, r.chunks = r.pairs[:0], r.chunks[:0]
	n := split.ChunkSteps(r.batch)
	for done, t := 1, r.t-1; t >= 0; done, t = done+1, t-1 {
		for b := range r.batch {
			if r.lengths == nil || t < r.lengths[b] {
				r.pairs = append(r.pairs, int32(t*r.batch+b))
			}
		}
		if done%n == 0 || t == 0 {
			r.chunks = append(r.chunks, int32(len(r.pairs)))
		}
	}
}

// clearPadding sets the elements of y [t][batch][width] past the ends of rows to +0.
func (r *rows) clearPadding(y []float32, width int) {
	if r.lengths == nil {
		return
	}
	for b, n := range r.lengths {
		for t := n; t < r.t; t++ {
			clear(y[(t*r.batch+b)*width:][:width])
		}
	}
}

// length returns the steps of row b in the last forward pass.
func (r *rows) length(b int) int {
	if r.lengths == nil {
		return r.t
	}
	return r.lengths[b]
}
