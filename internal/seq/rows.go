package seq

import (
	"slices"

	"github.com/simdrnn/simdrnn/internal/split"
)

// rows says how many steps each row of the batch has, and in which order the
// rows are kept.
//
// Rows are kept longest first. The rows that are within their length at a step
// are then the first ones, whatever the lengths, and a product works on a few
// large runs of rows. A row's number in the order kept is its place. Only code
// that copies from or to the user's tensors converts between the two orders.
type rows struct {
	batch      int
	total      int   // steps of the last Forward
	from, t    int   // those of them that are kept: t steps, the first of which is step from
	batchFirst bool  // the user's tensors are [B][T][width]
	lengths    []int // of the row at each place; nil: all t
	permuted   bool  // whether order is not 0, 1, 2, ...
	order      []int // the user's row at each place
	place      []int // the place of each of the user's rows
	memory     []int // of lengths
}

func newRows(batch int) rows {
	return rows{batch: batch, memory: make([]int, batch), order: make([]int, batch), place: make([]int, batch)}
}

// setLengths takes the lengths of the user's rows, nil for all steps.
func (r *rows) setLengths(lengths []int) {
	r.permuted = false
	if lengths == nil {
		r.lengths = nil
		return
	}
	for b := range r.order {
		r.order[b] = b
	}
	slices.SortStableFunc(r.order, func(a, b int) int { return lengths[b] - lengths[a] })
	r.lengths = r.memory
	for p, b := range r.order {
		r.lengths[p], r.place[b] = lengths[b], p
		r.permuted = r.permuted || p != b
	}
}

// whole is the number of steps of the row at place p in the last Forward.
func (r *rows) whole(p int) int {
	if r.lengths == nil {
		return r.total
	}
	return r.lengths[p]
}

// length is how many of the steps that are kept the row at place p has.
func (r *rows) length(p int) int { return min(max(r.whole(p)-r.from, 0), r.t) }

// active is the number of rows that are within their length at step t of those kept,
// which are the first ones.
func (r *rows) active(t int) int {
	if r.lengths == nil {
		return r.batch
	}
	t += r.from
	lo, hi := 0, r.batch // lengths[lo-1] > t >= lengths[hi]
	for lo < hi {
		if m := (lo + hi) / 2; r.lengths[m] > t {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// activeRun returns the first run of rows t*B+p in lo..hi-1 that are within
// their length; an empty run means that there is none.
func (r *rows) activeRun(lo, hi int) (first, end int) {
	if r.lengths == nil {
		return lo, hi
	}
	for lo < hi {
		t := lo / r.batch
		end := t*r.batch + r.active(t)
		if lo >= end {
			lo = (t + 1) * r.batch
			continue
		}
		for end == (t+1)*r.batch && end < hi { // all rows are active: those of the next step follow at once
			t++
			end += r.active(t)
		}
		return lo, min(end, hi)
	}
	return hi, hi
}

// share returns the places lo..hi-1 of the rows of the batch that are share w of n. All
// shares have about as many steps.
func (r *rows) share(w, n int) (lo, hi int) {
	if r.lengths == nil {
		return split.Share(r.batch, 1, w, n)
	}
	total := 0
	for p := range r.lengths {
		total += r.length(p)
	}
	// A row belongs to the share in which the steps before it end.
	sum := 0
	for p := range r.lengths {
		if sum*n < total*w {
			lo++
		}
		if sum*n < total*(w+1) {
			hi++
		}
		sum += r.length(p)
	}
	return lo, hi
}

// user is the user's row at place p.
func (r *rows) user(p int) int {
	if r.permuted {
		return r.order[p]
	}
	return p
}

// placeOf is the place of the user's row b.
func (r *rows) placeOf(b int) int {
	if r.permuted {
		return r.place[b]
	}
	return b
}

// differ reports whether a row t*B+p of what is kept may have another number in
// the user's tensors.
func (r *rows) differ() bool { return r.permuted || r.batchFirst }

// userRow is the row of the user's tensors that is kept as row k = t*B+p.
func (r *rows) userRow(k int) int { return r.userPair(k/r.batch, r.user(k%r.batch)) }

// userPair is the row of the user's tensors that belongs to step t, of those kept, of
// the user's row b.
func (r *rows) userPair(t, b int) int {
	return r.userWindow(t+r.from, b)
}

// userWindow is the row of the user's tensors that belongs to step t, of all, of the user's row b.
func (r *rows) userWindow(t, b int) int {
	if r.batchFirst {
		return b*r.total + t
	}
	return t*r.batch + b
}
