package data

import (
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

// A Pair is one example of Pairs: a source, which an encoder reads, and a target, which
// a decoder learns to write. Either IDs or X is set; a source may have no steps, and a
// target no symbols.
type Pair struct {
	IDs    []int32   // [steps of the source]
	X      []float32 // [steps of the source][Width]
	Target []int32   // symbols, without a begin and an end
}

// A PairsConfig says how Pairs makes batches.
type PairsConfig struct {
	Rows int // of each batch

	// Begin is the symbol that a decoder reads before the first of a target, End is
	// the one that it is to write after the last. They may be the same.
	Begin, End int32

	Width int // of a step of X; 0: sources are ids

	// Shuffle draws the order of each epoch; nil: that of the pairs. It belongs to the
	// Pairs from then on: nothing else may draw from it.
	Shuffle *rand.PCG
}

// Pairs is a Source of pairs, the material of a net with an encoder and a decoder. Each
// batch is the next few of them side by side, padded to the longest source and to the
// longest target. For a target a, b, c the IDs of the batch are Begin, a, b, c and its
// Targets a, b, c, End (teacher forcing): it has one step more than the target. The
// sources are in Batch.Source.
type Pairs struct {
	pairs []Pair
	cfg   PairsConfig
	sum   uint32
	begin []byte // state of Shuffle before the epoch was shuffled
	order []int
	pos   int // pairs of the epoch that Next has returned

	batch  Batch // memory
	source Input
}

// NewPairs returns the data of pairs. It returns an error without pairs, for a pair that
// has both IDs and X or what the Width does not say, for an id below 0, and for more rows
// than the larger of the number of pairs and 1024. The memory of the pairs' slices is not
// copied.
func NewPairs(pairs []Pair, cfg PairsConfig) (*Pairs, error) {
	switch {
	case len(pairs) < 1 || cfg.Rows < 1:
		return nil, fmt.Errorf("data: %d pairs in %d rows, want at least 1 of each", len(pairs), cfg.Rows)
	case cfg.Rows > max(len(pairs), fewRows):
		return nil, fmt.Errorf("data: %d rows for %d pairs, want at most %d rows: all others would be empty; use at most as many rows as pairs", cfg.Rows, len(pairs), max(len(pairs), fewRows))
	case cfg.Begin < 0 || cfg.End < 0:
		return nil, fmt.Errorf("data: the symbols Begin %d and End %d of pairs, want 0 or more", cfg.Begin, cfg.End)
	case cfg.Width < 0:
		return nil, fmt.Errorf("data: pairs of Width %d, want the width of a step of X, or 0 for ids", cfg.Width)
	}
	d := &Pairs{pairs: slices.Clone(pairs), cfg: cfg, order: make([]int, len(pairs))}
	var b []byte
	for i := range d.pairs {
		p := &d.pairs[i]
		if err := d.check(p); err != nil {
			return nil, fmt.Errorf("data: pair %d has %w", i, err)
		}
		b = p.append(b[:0])
		d.sum = crc32.Update(d.sum, castagnoli, b)
	}
	return d, d.arrange()
}

func (d *Pairs) check(p *Pair) error {
	switch w := d.cfg.Width; {
	case w == 0 && len(p.X) > 0:
		return fmt.Errorf("%d inputs, want ids: PairsConfig.Width is 0", len(p.X))
	case w > 0 && len(p.IDs) > 0:
		return fmt.Errorf("%d ids, want inputs of PairsConfig.Width %d", len(p.IDs), w)
	case w > 0 && len(p.X)%w != 0:
		return fmt.Errorf("%d inputs, want a multiple of the width, %d", len(p.X), w)
	}
	for k, id := range p.IDs {
		if id < 0 {
			return fmt.Errorf("id %d at step %d of its source, want 0 or more", id, k)
		}
	}
	for k, id := range p.Target {
		if id < 0 {
			return fmt.Errorf("id %d at step %d of its target, want 0 or more", id, k)
		}
	}
	return nil
}

// steps returns the steps of the source of p.
func (d *Pairs) steps(p *Pair) int {
	if d.cfg.Width > 0 {
		return len(p.X) / d.cfg.Width
	}
	return len(p.IDs)
}

// append adds the bytes of p that the checksum of the pairs is made of.
func (p *Pair) append(b []byte) []byte {
	for _, v := range [][]int32{p.IDs, p.Target} {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		for _, id := range v {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	for _, f := range p.X {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// arrange makes the order of an epoch, a function of the generator's state.
func (d *Pairs) arrange() (err error) {
	for i := range d.order {
		d.order[i] = i
	}
	shuffle := d.cfg.Shuffle
	if shuffle == nil {
		return nil
	}
	if d.begin, err = shuffle.AppendBinary(d.begin[:0]); err != nil {
		return err
	}
	for i := len(d.order) - 1; i > 0; i-- {
		// The high half of the product is uniform, up to a bias below 2^-40.
		j, _ := bits.Mul64(shuffle.Uint64(), uint64(i+1))
		d.order[i], d.order[j] = d.order[j], d.order[i]
	}
	return nil
}

// Rows returns the number of rows of every batch.
func (d *Pairs) Rows() int { return d.cfg.Rows }

// Longest returns the steps of the longest source, and of the longest target with its
// begin: what an encoder and a decoder are unrolled for.
func (d *Pairs) Longest() (source, target int) {
	for i := range d.pairs {
		source, target = max(source, d.steps(&d.pairs[i])), max(target, len(d.pairs[i].Target)+1)
	}
	return source, target
}

// Next implements Source. Pairs are whole: it returns an error for a batch with more
// than b.Want steps.
func (d *Pairs) Next(b *Batch) error {
	if d.pos == len(d.order) {
		d.pos = 0
		if err := d.arrange(); err != nil {
			return err
		}
		return io.EOF
	}
	rows := d.cfg.Rows
	group := d.order[d.pos:min(d.pos+rows, len(d.order))]
	steps, from := 0, 0
	for _, i := range group {
		steps, from = max(steps, len(d.pairs[i].Target)+1), max(from, d.steps(&d.pairs[i]))
	}
	switch most := maxElements / rows / max(1, d.cfg.Width); {
	case b.Want > 0 && steps > b.Want:
		return fmt.Errorf("data: a batch of pairs takes %d steps, one more than its longest target, and %d were asked for: a pair is not cut; unroll the decoder for %d steps", steps, b.Want, steps)
	case steps > most || from > most:
		return fmt.Errorf("data: a batch of %d and %d steps of %d rows, want at most %d steps; use fewer rows", from, steps, rows, most)
	}
	m, in := &d.batch, &d.source
	m.Want, m.Steps, m.Rows, in.Steps = b.Want, steps, rows, from
	m.IDs, m.Targets = room(m.IDs, steps*rows), room(m.Targets, steps*rows)
	m.Lengths, m.Reset = room(m.Lengths, rows), room(m.Reset, rows)
	in.Lengths = room(in.Lengths, rows)
	if w := d.cfg.Width; w > 0 {
		in.X = room(in.X, from*rows*w)
	} else {
		in.IDs = room(in.IDs, from*rows)
	}
	for r := range rows {
		m.Reset[r] = true
		if r < len(group) {
			d.fill(r, &d.pairs[group[r]])
		}
	}
	m.Source = in
	*b = *m
	d.pos += len(group)
	return nil
}

// fill sets row r of the batch to p.
func (d *Pairs) fill(r int, p *Pair) {
	m, in, rows := &d.batch, &d.source, d.cfg.Rows
	last := d.cfg.Begin
	for t, id := range p.Target {
		m.IDs[t*rows+r], m.Targets[t*rows+r], last = last, id, id
	}
	n := len(p.Target)
	m.IDs[n*rows+r], m.Targets[n*rows+r], m.Lengths[r] = last, d.cfg.End, n+1
	in.Lengths[r] = d.steps(p)
	for s, id := range p.IDs {
		in.IDs[s*rows+r] = id
	}
	for w, s := d.cfg.Width, 0; s*w < len(p.X); s++ {
		copy(in.X[(s*rows+r)*w:][:w], p.X[s*w:])
	}
}

// Rewind implements Source: the order of the epoch stays.
func (d *Pairs) Rewind() error {
	d.pos = 0
	return nil
}

// MarshalBinary returns the position.
func (d *Pairs) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(d.pairs)))
	b = binary.LittleEndian.AppendUint32(b, d.sum)
	for _, v := range []int{d.cfg.Rows, int(d.cfg.Begin), int(d.cfg.End), d.pos} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return append(b, d.begin...), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position among
// other pairs, in another number of rows, with other symbols for begin and end is an error,
// and so is one of shuffled pairs if these are not shuffled, or the reverse.
func (d *Pairs) UnmarshalBinary(b []byte) error {
	const head = 44
	if len(b) < head {
		return fmt.Errorf("data: a position among pairs of %d bytes, want at least %d", len(b), head)
	}
	pairs, sum := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	rows, pos := binary.LittleEndian.Uint64(b[12:]), binary.LittleEndian.Uint64(b[36:])
	begin, end := binary.LittleEndian.Uint64(b[20:]), binary.LittleEndian.Uint64(b[28:])
	switch {
	case pairs != uint64(len(d.pairs)) || sum != d.sum:
		return errors.New("data: the position belongs to other pairs; resume with those of the run that saved it")
	case rows != uint64(d.cfg.Rows):
		return fmt.Errorf("data: the position belongs to batches of %d rows, these have %d; resume with as many rows as the run that saved it", rows, d.cfg.Rows)
	case begin != uint64(d.cfg.Begin) || end != uint64(d.cfg.End):
		return fmt.Errorf("data: the position belongs to pairs with the symbols Begin %d and End %d, these have %d and %d", begin, end, d.cfg.Begin, d.cfg.End)
	case pos > pairs:
		return fmt.Errorf("data: the position is pair %d of %d", pos, pairs)
	case (len(b) > head) != (d.cfg.Shuffle != nil):
		return errors.New("data: one of the position and these pairs is shuffled, the other is not; give NewPairs a Shuffle as in the run that saved the position")
	}
	if d.cfg.Shuffle != nil {
		if err := d.cfg.Shuffle.UnmarshalBinary(b[head:]); err != nil {
			return err
		}
		if err := d.arrange(); err != nil {
			return err
		}
	}
	d.pos = int(pos)
	return nil
}
