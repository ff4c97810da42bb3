package data

import "fmt"

// A Batch is the data of one forward pass: Steps steps of Rows rows. Either IDs or X is
// set, the input, and Targets, Y or Labels, which the loss compares the output with. With
// Targets and Y, the steps with a target of 0 or more count. Slices may be memory of the Source that
// filled them: they are valid until its next call, and only the Source writes them.
type Batch struct {
	// Want is the largest number of steps that the caller takes, 0 for no limit:
	// then the data gives whole sequences. It is the only field that Next reads.
	Want int

	Steps, Rows int

	IDs     []int32   // [Steps][Rows]
	X       []float32 // [Steps][Rows][in]
	Targets []int32   // [Steps][Rows]; below 0: ignored
	Y       []float32 // [Steps][Rows][out]

	// Source is what an encoder reads, where the other fields are the sequences to be
	// decoded; nil for nets without an encoder. A Trainer hands it to a net with the
	// method ForwardBatch, which checks it.
	Source *Input

	// Weights is [Steps][Rows], of steps, or [Steps][Rows][out], of the elements of Y:
	// how much each term of the loss weighs, 0 to leave it out; nil: all 1. See package
	// loss for which losses take them.
	Weights []float32

	// Labels are the labels of each row's sequence, of a number of their own, that
	// loss.CTC finds steps for.
	Labels [][]int32

	Lengths []int  // steps of each row that exist; nil: all
	Reset   []bool // rows that begin anew with this batch; nil: none

	// Resets are the steps, in ascending order, at which each row begins anew inside of the
	// batch: another sequence begins there, and no state and no gradient crosses. nil: none.
	Resets [][]int

	// Context is the number of leading steps whose loss has been counted
	// before. The Trainer sets it where windows overlap.
	Context int
}

// An Input is sequences without targets, one for each row of the batch that it belongs
// to. Either IDs or X is set.
type Input struct {
	Steps   int
	IDs     []int32   // [Steps][Rows]
	X       []float32 // [Steps][Rows][in]
	Lengths []int     // steps of each row that exist; nil: all
}

// Counts says whether the loss of pair p = t*Rows+b is counted.
func (b *Batch) Counts(p int) bool {
	t := p / b.Rows
	return t >= b.Context && (b.Lengths == nil || t < b.Lengths[p%b.Rows])
}

// leastWeight is the smallest weight of a step that is not left out.
const leastWeight = 0x1p-100

// Term says whether pair p is one of the terms of a loss: it Counts, its target, if there are
// Targets, is not below 0, and its weight, if Weights are of steps, is not below 2^-100.
func (b *Batch) Term(p int) bool {
	return b.Counts(p) && (len(b.Targets) == 0 || b.Targets[p] >= 0) &&
		(len(b.Weights) != b.Steps*b.Rows || !(b.Weights[p] < leastWeight))
}

// CountedRows is the number of rows in which there is a Term.
func (b *Batch) CountedRows() (n int) {
	for r := range b.Rows {
		for p := r; p < b.Steps*b.Rows; p += b.Rows {
			if b.Term(p) {
				n++
				break
			}
		}
	}
	return n
}

// Check returns an error if a batch does not fit a net of these rows and widths, which
// takes at most that many steps, of ids or of X.
func (b *Batch) Check(steps, rows, in, out int, ids bool) error {
	pairs := b.Steps * rows
	switch {
	case b.Rows != rows:
		return fmt.Errorf("data: a batch of %d rows, the net has %d", b.Rows, rows)
	case b.Steps < 0:
		return fmt.Errorf("data: a batch of %d steps, want 0 to %d", b.Steps, steps)
	case b.Steps > steps:
		return fmt.Errorf("data: a batch of %d steps, want at most %d: unroll the net for more, cut the sequences, or read a text in windows", b.Steps, steps)
	case ids && pairs > 0 && len(b.IDs) == 0 && len(b.X) > 0:
		return fmt.Errorf("data: a batch with X, %d inputs, and without IDs, which the net reads", len(b.X))
	case !ids && pairs*in > 0 && len(b.X) == 0 && len(b.IDs) > 0:
		return fmt.Errorf("data: a batch with IDs, %d of them, and without X, which the net reads in rows of width %d; a net over ids begins with an Embedding", len(b.IDs), in)
	case ids && len(b.IDs) != pairs:
		return fmt.Errorf("data: a batch with %d ids, want %d for %d steps of %d rows", len(b.IDs), pairs, b.Steps, rows)
	case !ids && len(b.X) != pairs*in:
		return fmt.Errorf("data: a batch with %d inputs, want %d for %d steps of %d rows of width %d", len(b.X), pairs*in, b.Steps, rows, in)
	case b.Labels != nil && len(b.Labels) != rows:
		return fmt.Errorf("data: a batch with labels of %d rows, want those of %d", len(b.Labels), rows)
	case len(b.Weights) > 0 && len(b.Weights) != pairs && len(b.Weights) != pairs*out:
		return fmt.Errorf("data: a batch with %d weights, want %d, one for each step, or %d, one for each output", len(b.Weights), pairs, pairs*out)
	case b.Labels == nil && len(b.Targets) != pairs && len(b.Y) != pairs*out:
		return fmt.Errorf("data: a batch with %d targets and %d target values, want %d or %d", len(b.Targets), len(b.Y), pairs, pairs*out)
	case b.Lengths != nil && len(b.Lengths) != rows:
		return fmt.Errorf("data: a batch with %d lengths, want %d", len(b.Lengths), rows)
	case b.Reset != nil && len(b.Reset) != rows:
		return fmt.Errorf("data: a batch with %d reset flags, want %d", len(b.Reset), rows)
	}
	if b.Resets != nil && len(b.Resets) != rows {
		return fmt.Errorf("data: a batch with resets of %d rows, want those of %d", len(b.Resets), rows)
	}
	for r, n := range b.Lengths {
		if n < 0 || n > b.Steps {
			return fmt.Errorf("data: a batch with length %d of row %d, want 0 to %d", n, r, b.Steps)
		}
	}
	for r, list := range b.Resets {
		n := b.Steps
		if b.Lengths != nil {
			n = b.Lengths[r]
		}
		for i, t := range list {
			if t < 0 || t >= n || i > 0 && t <= list[i-1] {
				return fmt.Errorf("data: a batch whose row %d begins anew at steps %v, want ascending steps from 0 to below %d, where it ends", r, list, n)
			}
		}
	}
	return nil
}

// A Source is a source of batches. If it is also an encoding.BinaryMarshaler and
// BinaryUnmarshaler its position goes into checkpoints, and a resumed run sees
// exactly what is left; and Evaluate leaves it where it was. If it has a method
//
//	Rows() int
//
// that is the number of rows of every batch, and Trainer and Evaluate refuse data
// whose rows are not those of the net before they ask for a batch.
type Source interface {
	// Next fills b with what comes next, at most b.Want steps of it. After the
	// last batch of an epoch it returns io.EOF; the call after that begins the
	// next epoch.
	Next(b *Batch) error

	// Rewind goes back to the beginning of the epoch that Next is in: the same
	// batches come once more, in the same order. It changes nothing at the beginning
	// of an epoch, where a new Source is, and one after an io.EOF.
	Rewind() error
}

// An IDError names an id that is not in the vocabulary, or a target that is not
// a class.
type IDError struct {
	What      string // "id" or "target"
	ID        int32
	Step, Row int // Row is below 0 where there are no rows, in a Sequence or a list of ids
	Limit     int // ids are 0 to Limit-1
}

// Error says what was found, where, and what was expected.
func (e *IDError) Error() string {
	if e.Row < 0 {
		return fmt.Sprintf("data: %s %d at step %d, want 0 to %d", e.What, e.ID, e.Step, e.Limit-1)
	}
	return fmt.Sprintf("data: %s %d at step %d, row %d, want 0 to %d", e.What, e.ID, e.Step, e.Row, e.Limit-1)
}
