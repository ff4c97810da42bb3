package data

import "fmt"

// NewInput returns sequences of ids side by side, one for each of the first rows: what an
// encoder reads where there is no batch, as Encode of a seq2seq.Predictor does. Steps are
// those of the longest; the other rows, and what is left of a shorter one, do not exist. ids
// are copied.
//
// It returns an error for more sequences than rows, and for an id below 0, with its place.
// What is above a vocabulary the net refuses.
func NewInput(rows int, ids ...[]int32) (*Input, error) {
	if rows < 1 || len(ids) > rows {
		return nil, fmt.Errorf("data: an input of %d sequences in %d rows, want 1 row or more, and no more sequences", len(ids), rows)
	}
	in := &Input{Lengths: make([]int, rows)}
	for r, s := range ids {
		for t, id := range s {
			if id < 0 {
				return nil, fmt.Errorf("data: sequence %d of an input has id %d at step %d, want 0 or more", r, id, t)
			}
		}
		in.Lengths[r] = len(s)
		in.Steps = max(in.Steps, len(s))
	}
	if in.Steps > maxElements/rows {
		return nil, fmt.Errorf("data: an input of %d steps of %d rows has more than %d ids", in.Steps, rows, maxElements)
	}
	in.IDs = make([]int32, in.Steps*rows)
	for r, s := range ids {
		for t, id := range s {
			in.IDs[t*rows+r] = id
		}
	}
	return in, nil
}
