package data

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
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

	// Buckets is how many batches are sorted together, by the length of the source and then
	// of the target, at least 2, or 0 for none: see NewBuckets.
	Buckets int

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
	order
	pairs []Pair
	cfg   PairsConfig
	sum   uint32 // of the pairs, Begin and End, to recognise them in a position

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
	case cfg.Buckets < 0 || cfg.Buckets == 1:
		return nil, fmt.Errorf("data: %d batches of pairs sorted together, want 2 or more, or 0 for none: one sorted by itself has the padding that it had", cfg.Buckets)
	case cfg.Width < 0:
		return nil, fmt.Errorf("data: pairs of Width %d, want the width of a step of X, or 0 for ids", cfg.Width)
	}
	d := &Pairs{order: order{rows: cfg.Rows, sorted: cfg.Buckets, shuffle: cfg.Shuffle, whole: true}, pairs: slices.Clone(pairs), cfg: cfg}
	b := appendIDs(nil, []int32{cfg.Begin, cfg.End})
	d.sum = crc32.Checksum(b, castagnoli)
	for i := range d.pairs {
		p := &d.pairs[i]
		if err := d.check(p); err != nil {
			return nil, fmt.Errorf("data: pair %d has %w", i, err)
		}
		b = p.append(b[:0])
		d.sum = crc32.Update(d.sum, castagnoli, b)
	}
	return d, d.renew(len(d.pairs), d.compare)
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

// lengths returns the steps that pair i takes in an encoder and in a decoder.
func (d *Pairs) lengths(i int) (source, target int) {
	p := &d.pairs[i]
	return d.steps(p), len(p.Target) + 1
}

// compare orders two pairs by length.
func (d *Pairs) compare(a, b int) int {
	as, at := d.lengths(a)
	bs, bt := d.lengths(b)
	return cmp.Or(cmp.Compare(as, bs), cmp.Compare(at, bt))
}

// append adds the bytes of p that the checksum of the pairs is made of.
func (p *Pair) append(b []byte) []byte {
	for _, v := range [][]int32{p.IDs, p.Target} {
		b = appendIDs(binary.LittleEndian.AppendUint64(b, uint64(len(v))), v)
	}
	return appendFloats(b, p.X)
}

// Longest returns the steps of the longest source, and of the longest target with its
// begin: what an encoder and a decoder are unrolled for.
func (d *Pairs) Longest() (source, target int) { return d.longest(d.list) }

func (d *Pairs) longest(of []int) (source, target int) {
	for _, i := range of {
		s, t := d.lengths(i)
		source, target = max(source, s), max(target, t)
	}
	return source, target
}

// Padding returns which share of the pairs (step, row) of this epoch is padding, 0 to 1, of
// the sources and of the targets: what Buckets make small.
func (d *Pairs) Padding() (source, target float64) {
	source = d.padding(func(i int) int { s, _ := d.lengths(i); return s })
	target = d.padding(func(i int) int { _, t := d.lengths(i); return t })
	return source, target
}

// Next implements Source. Pairs are whole: it returns an error for a batch with more
// than b.Want steps.
func (d *Pairs) Next(b *Batch) error {
	if d == nil {
		return nilcheck.Receiver("data", "Pairs", "Next")
	}
	if d.ended() {
		d.pos = 0
		if err := d.renew(len(d.pairs), d.compare); err != nil {
			return err
		}
		return io.EOF
	}
	rows, group := d.rows, d.group()
	from, steps := d.longest(group)
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
	m, in, rows := &d.batch, &d.source, d.rows
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

// MarshalBinary returns the position.
func (d *Pairs) MarshalBinary() ([]byte, error) {
	if d == nil {
		return nil, nilcheck.Receiver("data", "Pairs", "MarshalBinary")
	}
	return d.position(d.sum), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned. A position among
// other pairs, in another number of rows, with other symbols for begin and end is an error,
// and so is one of shuffled or sorted pairs if these are not, or the reverse.
func (d *Pairs) UnmarshalBinary(b []byte) error {
	if d == nil {
		return nilcheck.Receiver("data", "Pairs", "UnmarshalBinary")
	}
	return d.moveTo(b, "pairs or symbols Begin and End", d.sum, d.compare)
}
