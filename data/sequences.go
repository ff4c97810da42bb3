package data

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// A Sequence is one example of Sequences. Either IDs or X is set. Targets, Y or Labels
// is set; with Targets and Y a step counts if its target is 0 or more. A Sequence without
// any of IDs, X, Targets and Y has no steps.
type Sequence struct {
	// Steps may be left 0: then it is computed from the lengths of the slices.
	// Where X and Y alone are set that needs their widths, which come from the
	// first sequence whose Steps is set or that has IDs or Targets.
	Steps   int
	IDs     []int32   // [Steps]
	X       []float32 // [Steps][in]
	Targets []int32   // [Steps]; below 0: ignored
	Y       []float32 // [Steps][out]

	// Weights is [Steps], of steps, or [Steps][out], of the elements of Y; nil: all 1.
	// Either all sequences that have steps have them, or none. See Batch.
	Weights []float32

	// Labels are the labels of the whole sequence, for loss.CTC: any number, none
	// included. Where one sequence has Labels that are not nil, the batches of all have,
	// and are not cut into parts.
	Labels []int32
}

// Sequences is a Source made of separate sequences of any lengths, the material of
// full BPTT: each batch is the next few of them side by side, padded to the
// longest. Asked for at most n steps it gives the batch in parts of n, with the
// state carried from part to part. A Feed is for sequences that stay in their file.
type Sequences struct {
	pool
	sum uint32 // checksum of the sequences, to recognise them in a position
}

// NewSequences returns the data of seqs, rows at a time, in an order that is
// new in each epoch, drawn from shuffle, or in the order of seqs if that is nil. Rows
// for which no sequence is left are empty. It returns an error if the lengths of a
// sequence's slices contradict each other, and for more rows than the largest of
//
//   - the number of sequences,
//   - 1024,
//   - 2^22 divided by the steps of the longest sequence:
//
// more rows would be empty in every batch and still take memory.
//
// The memory of IDs, X, Targets and Y is not copied. shuffle belongs to the
// result from then on: nothing else may draw from it.
func NewSequences(seqs []Sequence, rows int, shuffle *rand.PCG) (*Sequences, error) {
	return newSequences(seqs, rows, 0, shuffle)
}

// NewBuckets is NewSequences with batches of similar lengths, so that little time goes
// into padding; Padding says how much. Each epoch is shuffled; of the result, each so many
// batches are sorted by length, stably, and cut into batches; and all batches of the epoch
// are shuffled. Every sequence comes once in an epoch. The order is a function of
// shuffle's state and has the same bits on every machine.
//
// More batches sorted together pad less, and the orders of two epochs differ less: with
// all of them, an epoch has sequences of equal rank by length side by side each time. 20 to
// 100 are usual. Where the sequences do not fill all rows, the last batch of the epoch has
// the empty ones, and which lengths it has is drawn.
//
// Without shuffle each so many batches are sorted by length, shortest first, and that is
// the order of each epoch: for evaluation. A budget of pairs (steps times rows) in place
// of a number of rows cannot be had, since the rows of a net do not change.
//
// It returns the errors of NewSequences, and one for fewer than 2 batches. Sequences of one
// length, and fewer than fill 2 batches, are taken: there is nothing to gain by sorting them.
func NewBuckets(seqs []Sequence, rows, batches int, shuffle *rand.PCG) (*Sequences, error) {
	if batches < 2 {
		return nil, fmt.Errorf("data: %d batches sorted together, want at least 2: one sorted by itself has the padding that it had; NewSequences sorts none", batches)
	}
	return newSequences(seqs, rows, batches, shuffle)
}

func newSequences(seqs []Sequence, rows, sorted int, shuffle *rand.PCG) (*Sequences, error) {
	if rows < 1 || len(seqs) < 1 {
		return nil, fmt.Errorf("data: %d sequences in %d rows, want at least 1 of each", len(seqs), rows)
	}
	d := &Sequences{pool: pool{seqs: slices.Clone(seqs), order: order{rows: rows, sorted: sorted, shuffle: shuffle}}}
	if err := d.measure(d.seqs, 0); err != nil {
		return nil, err
	}
	if err := d.checkRows(); err != nil {
		return nil, err
	}
	d.whole = d.labels
	var b []byte
	for i := range d.seqs {
		b = d.seqs[i].append(b[:0])
		d.sum = crc32.Update(d.sum, castagnoli, b)
	}
	return d, d.renew(len(d.seqs), d.compare)
}

// append adds the bytes of s that the checksum of the sequences is made of.
func (s *Sequence) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Steps))
	b = appendIDs(appendIDs(b, s.IDs), s.Targets)
	b = appendFloats(appendFloats(b, s.X), s.Y)
	return appendIDs(appendFloats(b, s.Weights), s.Labels)
}

func appendIDs(b []byte, ids []int32) []byte {
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return b
}

func appendFloats(b []byte, v []float32) []byte {
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// Padding returns which share of the pairs (step, row) of this epoch is padding, 0 to 1:
// what NewBuckets makes small. It is that of whole batches, and of batches in parts too.
func (d *Sequences) Padding() float64 { return d.padding(d.steps) }

// Next implements Source.
func (d *Sequences) Next(b *Batch) error {
	if d == nil {
		return nilcheck.Receiver("data", "Sequences", "Next")
	}
	if d.ended() {
		d.pos = 0
		if err := d.renew(len(d.seqs), d.compare); err != nil {
			return err
		}
		return io.EOF
	}
	return d.next(b)
}

// MarshalBinary returns the position.
func (d *Sequences) MarshalBinary() ([]byte, error) {
	if d == nil {
		return nil, nilcheck.Receiver("data", "Sequences", "MarshalBinary")
	}
	return d.position(d.sum), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position among
// other sequences or in another number of rows is an error, and so is one of shuffled or
// sorted sequences if these are not, or the reverse.
func (d *Sequences) UnmarshalBinary(b []byte) error {
	if d == nil {
		return nilcheck.Receiver("data", "Sequences", "UnmarshalBinary")
	}
	return d.moveTo(b, "sequences", d.sum, d.compare)
}
