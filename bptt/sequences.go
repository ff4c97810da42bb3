package bptt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
)

// A Sequence is one example of Sequences. IDs or X is set, and Targets or Y, or
// both where Targets says which of Y count.
type Sequence struct {
	Steps   int
	IDs     []int32   // [Steps]
	X       []float32 // [Steps][in]
	Targets []int32   // [Steps]; below 0: ignored
	Y       []float32 // [Steps][out]
}

// Sequences is Data made of separate sequences of any lengths, the material of
// full BPTT: each batch is the next few of them side by side, padded to the
// longest. Asked for at most n steps it gives the batch in parts of n, with the
// state carried from part to part.
type Sequences struct {
	seqs    []Sequence
	rows    int
	in, out int // widths of X and Y, 0 without them
	sum     uint32

	shuffle *rand.PCG
	begin   []byte // state of shuffle before the epoch was shuffled
	order   []int
	pos     int // sequences taken, but for those of the batch under way
	step    int // steps of the batch under way that have been given

	batch Batch // memory
}

// NewSequences returns the data of seqs, rows at a time, in an order that is
// new in each epoch, drawn from shuffle, or as they stand if that is nil. The
// sequences are not copied.
func NewSequences(seqs []Sequence, rows int, shuffle *rand.PCG) (*Sequences, error) {
	if rows < 1 || len(seqs) < 1 {
		return nil, fmt.Errorf("bptt: %d sequences in %d rows, want at least 1 of each", len(seqs), rows)
	}
	d := &Sequences{seqs: seqs, rows: rows, shuffle: shuffle, order: make([]int, len(seqs))}
	d.batch.Lengths, d.batch.Reset = make([]int, rows), make([]bool, rows)
	first := -1
	var b []byte
	for i, s := range seqs {
		if s.Steps < 0 || (s.Steps > 0 && (len(s.IDs) > 0) == (len(s.X) > 0)) || (s.Steps > 0 && len(s.Targets) == 0 && len(s.Y) == 0) {
			return nil, fmt.Errorf("bptt: sequence %d of %d steps needs either IDs or X, and Targets or Y", i, s.Steps)
		}
		if s.Steps > 0 && first < 0 {
			first = i
			d.in, d.out = len(s.X)/s.Steps, len(s.Y)/s.Steps
		}
		if first >= 0 {
			ids, targets := len(seqs[first].IDs) > 0, len(seqs[first].Targets) > 0
			if len(s.IDs) != count(ids, s.Steps) || len(s.Targets) != count(targets, s.Steps) || len(s.X) != s.Steps*d.in || len(s.Y) != s.Steps*d.out {
				return nil, fmt.Errorf("bptt: sequence %d of %d steps has %d ids, %d inputs, %d targets and %d target values, which is not the form of sequence %d",
					i, s.Steps, len(s.IDs), len(s.X), len(s.Targets), len(s.Y), first)
			}
		}
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(s.Steps))
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
		d.sum = crc32.Update(d.sum, castagnoli, b)
	}
	return d, d.arrange()
}

// count is steps if there are such elements at all.
func count(there bool, steps int) int {
	if there {
		return steps
	}
	return 0
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
		// The high half of the product is uniform but for a bias below 2^-40.
		j, _ := bits.Mul64(d.shuffle.Uint64(), uint64(i+1))
		d.order[i], d.order[j] = d.order[j], d.order[i]
	}
	return nil
}

// Next implements Data.
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
	m := &d.batch
	m.Want, m.Steps, m.Rows, m.Context = b.Want, steps, d.rows, 0
	pairs := steps * d.rows
	m.IDs, m.Targets, m.X, m.Y = m.IDs[:0], m.Targets[:0], m.X[:0], m.Y[:0]
	if d.in == 0 {
		m.IDs = room(m.IDs, pairs)
	}
	m.X, m.Y = room(m.X, pairs*d.in), room(m.Y, pairs*d.out)
	if d.hasTargets() {
		m.Targets = room(m.Targets, pairs)
	}
	for r := range d.rows {
		n := 0
		m.Reset[r] = d.step == 0
		if r < len(group) {
			s := d.seqs[group[r]]
			n = max(0, min(s.Steps-d.step, steps))
			for t := range n {
				p, q := t*d.rows+r, d.step+t
				if d.in == 0 {
					m.IDs[p] = s.IDs[q]
				}
				if len(m.Targets) > 0 {
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

func (d *Sequences) hasTargets() bool {
	for i := range d.seqs {
		if d.seqs[i].Steps > 0 {
			return len(d.seqs[i].Targets) > 0
		}
	}
	return false
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

// MarshalBinary returns the position.
func (d *Sequences) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(d.seqs)))
	b = binary.LittleEndian.AppendUint32(b, d.sum)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.rows))
	b = binary.LittleEndian.AppendUint64(b, uint64(d.pos))
	b = binary.LittleEndian.AppendUint64(b, uint64(d.step))
	return append(b, d.begin...), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned, and refuses
// one among other sequences, in other rows, or shuffled where these are not.
func (d *Sequences) UnmarshalBinary(b []byte) error {
	const head = 36
	if len(b) < head {
		return fmt.Errorf("bptt: a position among sequences of %d bytes, want at least %d", len(b), head)
	}
	seqs, sum, rows := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint64(b[12:])
	pos, step := binary.LittleEndian.Uint64(b[20:]), binary.LittleEndian.Uint64(b[28:])
	switch {
	case seqs != uint64(len(d.seqs)) || sum != d.sum:
		return errors.New("bptt: the position is one among other sequences")
	case rows != uint64(d.rows):
		return fmt.Errorf("bptt: the position is one of batches of %d rows, these have %d", rows, d.rows)
	case pos > seqs || step > math.MaxInt32:
		return fmt.Errorf("bptt: the position %d, step %d, is none among %d sequences", pos, step, seqs)
	case (len(b) > head) != (d.shuffle != nil):
		return errors.New("bptt: the position is one in another order: shuffled or not")
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
