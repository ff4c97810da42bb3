package seq

import (
	"fmt"
	"math/bits"
)

// resets say at which steps inside a window rows begin anew: the state is +0 there, or that of
// restart, and no gradient goes back across. A direction that runs forward begins anew when it comes to
// such a step, one that runs in reverse when it comes to the step before it. So a bit
// belongs to the border between two steps: bit t to the one between t-1 and t.
//
// The time blocks keep what a row put out before the border, which other layers and the
// caller read. A step that is the first one behind a border of some row therefore reads the
// states before it from a copy, with the state with which such rows begin.
type resets struct {
	words     int      // of a row
	rows      []uint64 // [B][words], a bit for each border of the user's rows
	some      []uint64 // [words], whether there is a row with that bit
	next, now bool     // whether the next Forward, the last Forward, has resets

	// copies of the states before a step, for each tensor [B][width]: of the step under way
	// and, where a piece of work is about two steps, of the other one.
	copies [2][][]float32

	restart restart
}

func (n *Net) newResets(steps, batch int) resets {
	words := steps/64 + 1
	r := resets{words: words, rows: make([]uint64, batch*words), some: make([]uint64, words)}
	for i := range r.copies {
		for _, width := range n.Shape.States {
			r.copies[i] = append(r.copies[i], make([]float32, batch*width))
		}
	}
	return r
}

func (r *resets) row(b int) []uint64 { return r.rows[b*r.words:][:r.words] }

// at reports whether some row has border t in the last Forward.
func (r *resets) at(t int) bool { return r.now && r.some[t/64]>>(t%64)&1 != 0 }

// of reports whether the user's row b has border t in the last Forward.
func (r *resets) of(b, t int) bool { return r.now && r.rows[b*r.words+t/64]>>(t%64)&1 != 0 }

// before returns the last border of the user's row b at or before step t in the last
// Forward, -1 if there is none.
func (r *resets) before(b, t int) int {
	if !r.now {
		return -1
	}
	row := r.row(b)
	i := t / 64
	for word := row[i] << (63 - t%64) >> (63 - t%64); ; word = row[i] {
		if word != 0 {
			return i*64 + bits.Len64(word) - 1
		}
		if i--; i < 0 {
			return -1
		}
	}
}

// after returns the first border of the user's row b at or after step t in the last Forward,
// -1 if there is none.
func (r *resets) after(b, t int) int {
	if !r.now || t/64 >= r.words {
		return -1
	}
	row := r.row(b)
	i := t / 64
	for word := row[i] >> (t % 64) << (t % 64); ; word = row[i] {
		if word != 0 {
			return i*64 + bits.TrailingZeros64(word)
		}
		if i++; i == len(row) {
			return -1
		}
	}
}

// SetResets says at which steps of the next Forward, and of no other, each row begins
// anew; nil for none. What the last Forward kept is of no use after it.
func (u *Unrolled) SetResets(resets [][]int) error {
	if resets != nil && len(resets) != u.batch {
		return fmt.Errorf("%s: resets of %d rows for a batch of %d; give a list of steps for each row, or nil", u.net.Kind, len(resets), u.batch)
	}
	for b, list := range resets {
		for i, t := range list {
			if t < 0 || t >= u.steps {
				return fmt.Errorf("%s: a reset of row %d at step %d, outside 0..%d, the steps unrolled", u.net.Kind, b, t, u.steps-1)
			}
			if i > 0 && t <= list[i-1] {
				return fmt.Errorf("%s: resets of row %d at step %d and then %d; give them in ascending order", u.net.Kind, b, list[i-1], t)
			}
		}
	}
	r := &u.resets
	clear(r.rows)
	clear(r.some)
	r.next = false
	for b, list := range resets {
		for _, t := range list {
			r.row(b)[t/64] |= 1 << (t % 64)
			r.some[t/64] |= 1 << (t % 64)
			r.next = true
		}
	}
	u.forget()
	return nil
}

// checkResets returns an error if a row of the next Forward, of t steps with lengths in the
// user's order (nil: all t), begins anew past its end.
func (u *Unrolled) checkResets(t int, lengths func(b int) int) error {
	if !u.resets.next {
		return nil
	}
	for b := range u.batch {
		n := lengths(b)
		row := u.resets.row(b)
		for i := len(row) - 1; i >= 0; i-- {
			if row[i] == 0 {
				continue
			}
			if last := i*64 + bits.Len64(row[i]) - 1; last >= n {
				return fmt.Errorf("%s: SetResets gave row %d a reset at step %d, but the row has %d of the %d steps; give the reset to the window that has the step, or call Reset before it", u.net.Kind, b, last, n, t)
			}
			break
		}
	}
	return nil
}

// border is the one that the job's direction crosses when it comes to step t of those kept.
func (u *Unrolled) border(t int) int {
	t += u.rows.from
	if u.net.Reverse[u.job.dir] {
		t++
	}
	return t
}

// copyPrevious makes the copy of the states before step t of the rows at places first to
// last-1, if a row begins anew there.
func (u *Unrolled) copyPrevious(t, first, last int) {
	at := u.border(t)
	if !u.resets.at(at) {
		return
	}
	var m Mat
	for k, width := range u.net.Shape.States {
		u.timeBlock(&m, k, u.job.i, t+1+u.previous(u.job.dir), first)
		to := u.resets.copies[t&1][k]
		for p := first; p < min(last, u.rows.active(t)); p++ {
			row := to[p*width:][:width]
			b := u.rows.user(p)
			if !u.resets.of(b, at) {
				copy(row, m.Row(p-first))
			} else if s := u.restartState(k, b); s != nil {
				copy(row, s)
			} else {
				clear(row)
			}
		}
	}
}

// setPrevious points s.Prev at the states before step t, from place first on.
func (u *Unrolled) setPrevious(s *Step, t, first int) {
	if u.resets.at(u.border(t)) {
		for k, width := range u.net.Shape.States {
			s.Prev[k] = Mat{Data: u.resets.copies[t&1][k][first*width:], Stride: width, Width: width}
		}
		return
	}
	for k := range s.Prev {
		u.timeBlock(&s.Prev[k], k, u.job.i, t+1+u.previous(u.job.dir), first)
	}
}

// stopGradient sets the gradients of the states before step t to +0 in rows that begin anew
// there, after they were added to those of the state to begin anew with, of the units of s if it has a part of them. The rows of s are those from place
// first on.
func (u *Unrolled) stopGradient(s *Step, t, first int) {
	at := u.border(t)
	if !u.resets.at(at) {
		return
	}
	for r := range s.Rows {
		if !u.resets.of(u.rows.user(first+r), at) {
			continue
		}
		for k := range s.Grad {
			d := s.Grad[k].Row(r)
			lo, hi := 0, len(d)
			if s.N > 1 {
				lo, hi = s.Lo, s.Hi
			}
			d = d[lo:hi]
			u.addRestartGrad(k, u.rows.user(first+r), lo, hi, d)
			clear(d)
		}
	}
}
