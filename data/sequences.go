package data

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// A Sequence is one example of Sequences. Either IDs or X is set. Targets or Y is
// set, or both: then a step counts if its target is 0 or more. A Sequence without
// any of these slices has no steps.
type Sequence struct {
	// Steps may be left 0: then it is computed from the lengths of the slices.
	// Where X and Y alone are set that needs their widths, which come from the
	// first sequence whose Steps is set or that has IDs or Targets.
	Steps   int
	IDs     []int32   // [Steps]
	X       []float32 // [Steps][in]
	Targets []int32   // [Steps]; below 0: ignored
	Y       []float32 // [Steps][out]
}

// Sequences is a Source made of separate sequences of any lengths, the material of
// full BPTT: each batch is the next few of them side by side, padded to the
// longest. Asked for at most n steps it gives the batch in parts of n, with the
// state carried from part to part.
type Sequences struct {
	seqs []Sequence
	rows int
	sum  uint32

	// The form of every sequence that has steps.
	ids, targets bool
	in, out      int // widths of X and Y, 0 without them

	shuffle *rand.PCG
	begin   []byte // state of shuffle before the epoch was shuffled
	order   []int
	pos     int // sequences of the epoch before the current batch
	step    int // steps of the current batch that Next has returned

	batch Batch // memory
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
	if rows < 1 || len(seqs) < 1 {
		return nil, fmt.Errorf("data: %d sequences in %d rows, want at least 1 of each", len(seqs), rows)
	}
	d := &Sequences{seqs: slices.Clone(seqs), rows: rows, shuffle: shuffle, order: make([]int, len(seqs))}
	if err := d.measure(); err != nil {
		return nil, err
	}
	longest := 0
	for i := range d.seqs {
		longest = max(longest, d.seqs[i].Steps)
	}
	if most := max(len(seqs), fewRows, fewPairs/max(1, longest)); rows > most {
		return nil, fmt.Errorf("data: %d rows for %d sequences, the longest of %d steps, want at most %d rows: all others would be empty; use at most as many rows as sequences", rows, len(seqs), longest, most)
	}
	var b []byte
	for i := range d.seqs {
		b = d.seqs[i].append(b[:0])
		d.sum = crc32.Update(d.sum, castagnoli, b)
	}
	return d, d.arrange()
}

// maxElements bounds one tensor, so that no product of sizes overflows.
const maxElements = 1<<31 - 1

// Up to fewRows rows, and up to fewPairs pairs (step, row) in a batch, are allowed for
// any number of sequences: so few empty rows take little memory.
const (
	fewRows  = 1 << 10
	fewPairs = 1 << 22
)

// Rows returns the number of rows of every batch.
func (d *Sequences) Rows() int { return d.rows }

// measure finds the form of the sequences and sets the Steps that were left out. A
// sequence of another form is an error.
func (d *Sequences) measure() error {
	first := -1 // the sequence that the form is taken from
	for i := range d.seqs {
		s := &d.seqs[i]
		if s.Steps < 0 {
			return fmt.Errorf("data: sequence %d has %d steps, want 0 or more", i, s.Steps)
		}
		if s.Steps == 0 {
			s.Steps = max(len(s.IDs), len(s.Targets))
		}
		if first < 0 && s.Steps > 0 {
			first = i
		}
	}
	if first >= 0 {
		s := &d.seqs[first]
		d.ids, d.targets = len(s.IDs) > 0, len(s.Targets) > 0
		d.in, d.out = len(s.X)/s.Steps, len(s.Y)/s.Steps
	}
	for i := range d.seqs {
		s := &d.seqs[i]
		if s.Steps == 0 && (len(s.X) > 0 || len(s.Y) > 0) {
			switch {
			case d.in > 0:
				s.Steps = len(s.X) / d.in
			case d.out > 0:
				s.Steps = len(s.Y) / d.out
			default:
				return fmt.Errorf("data: sequence %d has %d inputs and %d target values but no Steps, and no other sequence shows their width; set Steps", i, len(s.X), len(s.Y))
			}
			if s.Steps == 0 {
				return fmt.Errorf("data: sequence %d has %d inputs and %d target values, which is less than one step of width %d and %d", i, len(s.X), len(s.Y), d.in, d.out)
			}
		}
		if s.Steps == 0 {
			continue
		}
		if len(s.IDs) > 0 && len(s.X) > 0 {
			return fmt.Errorf("data: sequence %d has %d ids and %d inputs, want one of them", i, len(s.IDs), len(s.X))
		}
		if len(s.IDs) == 0 && len(s.X) == 0 {
			return fmt.Errorf("data: sequence %d has %d steps and neither IDs nor X", i, s.Steps)
		}
		if len(s.Targets) == 0 && len(s.Y) == 0 {
			return fmt.Errorf("data: sequence %d has %d steps and neither Targets nor Y", i, s.Steps)
		}
		err := cmp.Or(
			d.fits(i, first, "IDs", len(s.IDs), perStep(d.ids)),
			d.fits(i, first, "X", len(s.X), d.in),
			d.fits(i, first, "Targets", len(s.Targets), perStep(d.targets)),
			d.fits(i, first, "Y", len(s.Y), d.out),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// perStep is the number of ids or targets of one step: 1 if the sequences have
// them, else 0.
func perStep(have bool) int {
	if have {
		return 1
	}
	return 0
}

// fits returns an error if sequence i has not width elements of the field for each
// of its steps, but n elements in all. width is what sequence first has.
func (d *Sequences) fits(i, first int, field string, n, width int) error {
	steps := d.seqs[i].Steps
	switch {
	case width == 0 && n == 0:
		return nil
	case width > 0 && n%width == 0 && n/width == steps: // the product might overflow
		return nil
	case i == first && (field == "X" || field == "Y"):
		return fmt.Errorf("data: sequence %d has %d elements of %s, want a multiple of its %d steps", i, n, field, steps)
	case width == 0:
		return fmt.Errorf("data: sequence %d has %d elements of %s, want 0 as in sequence %d", i, n, field, first)
	}
	return fmt.Errorf("data: sequence %d has %d elements of %s, want %d for each of its %d steps", i, n, field, width, steps)
}

// append adds the bytes of s that the checksum of the sequences is made of.
func (s *Sequence) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Steps))
	for _, v := range [][]int32{s.IDs, s.Targets} {
		for _, id := range v {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	for _, v := range [][]float32{s.X, s.Y} {
		for _, f := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
	}
	return b
}

// arrange makes the order of an epoch, a function of the generator's state.
func (d *Sequences) arrange() (err error) {
	for i := range d.order {
		d.order[i] = i
	}
	if d.shuffle == nil {
		return nil
	}
	if d.begin, err = d.shuffle.MarshalBinary(); err != nil {
		return err
	}
	for i := len(d.order) - 1; i > 0; i-- {
		// The high half of the product is uniform, up to a bias below 2^-40.
		j, _ := bits.Mul64(d.shuffle.Uint64(), uint64(i+1))
		d.order[i], d.order[j] = d.order[j], d.order[i]
	}
	return nil
}

// Next implements Source.
func (d *Sequences) Next(b *Batch) error {
	if d.pos == len(d.order) {
		d.pos = 0
		if err := d.arrange(); err != nil {
			return err
		}
		return io.EOF
	}
	group := d.order[d.pos:min(d.pos+d.rows, len(d.order))]
	most := 0
	for _, i := range group {
		most = max(most, d.seqs[i].Steps)
	}
	steps := max(0, most-d.step)
	if b.Want > 0 {
		steps = min(steps, b.Want)
	}
	if most := maxElements / d.rows / max(1, d.in, d.out); steps > most {
		return fmt.Errorf("data: a batch of %d steps of %d rows of width %d, want at most %d steps; use fewer rows, or a Plan.Window", steps, d.rows, max(1, d.in, d.out), most)
	}
	m := &d.batch
	m.Want, m.Steps, m.Rows, m.Context = b.Want, steps, d.rows, 0
	pairs := steps * d.rows
	m.IDs, m.Targets = room(m.IDs, pairs*perStep(d.ids)), room(m.Targets, pairs*perStep(d.targets))
	m.X, m.Y = room(m.X, pairs*d.in), room(m.Y, pairs*d.out)
	m.Lengths, m.Reset = room(m.Lengths, d.rows), room(m.Reset, d.rows)
	for r := range d.rows {
		n := 0
		m.Reset[r] = d.step == 0
		if r < len(group) {
			s := d.seqs[group[r]]
			n = max(0, min(s.Steps-d.step, steps))
			for t := range n {
				p, q := t*d.rows+r, d.step+t
				if d.ids {
					m.IDs[p] = s.IDs[q]
				}
				if d.targets {
					m.Targets[p] = s.Targets[q]
				}
				copy(m.X[p*d.in:][:d.in], s.X[q*d.in:])
				copy(m.Y[p*d.out:][:d.out], s.Y[q*d.out:])
			}
		}
		m.Lengths[r] = n
	}
	*b = *m
	if d.step += steps; d.step >= most {
		d.step = 0
		d.pos += len(group)
	}
	return nil
}

// room returns s with n zero elements.
func room[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Rewind implements Source: the order of the epoch stays.
func (d *Sequences) Rewind() error {
	d.pos, d.step = 0, 0
	return nil
}

// MarshalBinary returns the position.
func (d *Sequences) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(d.seqs)))
	b = binary.LittleEndian.AppendUint32(b, d.sum)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.rows))
	b = binary.LittleEndian.AppendUint64(b, uint64(d.pos))
	b = binary.LittleEndian.AppendUint64(b, uint64(d.step))
	return append(b, d.begin...), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position among
// other sequences or in another number of rows is an error, and so is one of shuffled
// sequences if these are not shuffled, or the reverse.
func (d *Sequences) UnmarshalBinary(b []byte) error {
	const head = 36
	if len(b) < head {
		return fmt.Errorf("data: a position among sequences of %d bytes, want at least %d", len(b), head)
	}
	seqs, sum, rows := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint64(b[12:])
	pos, step := binary.LittleEndian.Uint64(b[20:]), binary.LittleEndian.Uint64(b[28:])
	switch {
	case seqs != uint64(len(d.seqs)) || sum != d.sum:
		return errors.New("data: the position belongs to other sequences; resume with those of the run that saved it")
	case rows != uint64(d.rows):
		return fmt.Errorf("data: the position belongs to batches of %d rows, these have %d; resume with as many rows as the run that saved it", rows, d.rows)
	case pos > seqs || step > math.MaxInt32:
		return fmt.Errorf("data: the position is sequence %d, step %d, of %d sequences", pos, step, seqs)
	case (len(b) > head) != (d.shuffle != nil):
		return errors.New("data: one of the position and these sequences is shuffled, the other is not; give NewSequences a shuffle as in the run that saved the position")
	}
	if d.shuffle != nil {
		if err := d.shuffle.UnmarshalBinary(b[head:]); err != nil {
			return err
		}
		if err := d.arrange(); err != nil {
			return err
		}
	}
	d.pos, d.step = int(pos), int(step)
	return nil
}
