package bptt

import (
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/data"
)

// Rows that begin anew inside of overlapping windows.

// addResets adds those of b, which begins at step have of the window.
func (w *window) addResets(b *data.Batch) {
	w.all.Resets = nil
	for r := range w.resets {
		if w.have == 0 {
			w.resets[r] = w.resets[r][:0]
		}
		if b.Resets != nil {
			for _, t := range b.Resets[r] {
				w.resets[r] = append(w.resets[r], w.have+t)
			}
		}
		if len(w.resets[r]) > 0 {
			w.all.Resets = w.resets
		}
	}
}

// moveResets takes away what stands before the shift, and makes the others count from it.
func (w *window) moveResets() {
	for r, list := range w.resets {
		kept := list[:0]
		for _, t := range list {
			if t >= w.shift {
				kept = append(kept, t-w.shift)
			}
		}
		w.resets[r] = kept
	}
}

// resetsBefore returns the resets of the window up to the shift, for a run over those steps.
func (w *window) resetsBefore() [][]int {
	if w.all.Resets == nil {
		return nil
	}
	for r, list := range w.resets {
		n, _ := slices.BinarySearch(list, w.shift)
		w.before[r] = list[:n]
	}
	return w.before
}

// resetPairs returns a row and a step for each reset, as checkpoints have them.
func (w *window) resetPairs() (pairs []int64) {
	for r, list := range w.resets {
		for _, t := range list {
			pairs = append(pairs, int64(r), int64(t))
		}
	}
	return pairs
}

// loadResets reads what resetPairs has written, nil if there is nothing. Whether the steps are
// in the window is not checked.
func loadResets(c *Checkpoint, rows int) ([][]int, error) {
	const section = "window/resets"
	if !c.file.Has(section) {
		return nil, nil
	}
	pairs, err := c.file.Int64(section)
	if err != nil {
		return nil, err
	}
	if len(pairs)%2 != 0 {
		return nil, &FormatError{Section: section, Reason: fmt.Sprintf("%d numbers, want a row and a step for each reset", len(pairs))}
	}
	resets := make([][]int, rows)
	for ; len(pairs) > 0; pairs = pairs[2:] {
		r, t := pairs[0], pairs[1]
		if r < 0 || r >= int64(rows) || t < 0 || t > math.MaxInt32 {
			return nil, &FormatError{Section: section, Reason: fmt.Sprintf("row %d begins anew at step %d, want one of %d rows", r, t, rows)}
		}
		resets[r] = append(resets[r], int(t))
	}
	return resets, nil
}

// setResets makes resets, nil for none, those of the window.
func (w *window) setResets(resets [][]int) {
	for r := range w.resets {
		w.resets[r] = w.resets[r][:0]
		if resets != nil {
			w.resets[r] = append(w.resets[r], resets[r]...)
		}
	}
}
