package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// A SequenceReader gives sequences one after another. If it is also an io.Closer it is
// closed when no more is wanted of it.
type SequenceReader interface {
	// Next returns the next sequence, and io.EOF after the last one. The memory of the
	// sequence may be used again by the next call. Steps has to be set where X and Y alone
	// are, until a sequence has shown their widths.
	Next() (Sequence, error)
}

// A FeedConfig says what a Feed makes of the sequences.
type FeedConfig struct {
	// Rows is the number of rows of every batch.
	Rows int
	// Pool is how many batches are in memory, 0 for one. They are what Shuffle and
	// ByLength put into another order; only the last pool of an epoch may have a batch
	// with empty rows.
	Pool int
	// ByLength sorts each pool, of at least 2 batches, by length before it is cut into
	// batches, and shuffles these: see NewBuckets.
	ByLength bool
	// Shuffle is what the order of each pool is drawn from; nil for the order of the
	// reader. It belongs to the Feed: nothing else may draw from it.
	Shuffle *rand.PCG
}

// A Feed is a Source like Sequences whose sequences stay in their file, which may be
// larger than memory. It reads a pool of them, gives its batches in an order drawn anew,
// and reads the next. Sequences that lie further apart than a pool never meet in a batch:
// write them in a random order once, where the file has an order, such as by class.
//
// The reader has to give the same sequences each time. A Feed compares the number and the
// checksum of an epoch with those of the first, at its end; if they differ that is an error
// with ErrChanged. Records notice damage at once.
//
// To resume, and to give a position back after Evaluate, a Feed reads the epoch anew up to
// its position. What it reads on the way is compared with what the saved run had read.
type Feed struct {
	pool
	open    func() (SequenceReader, error)
	batches int // of a pool

	reader SequenceReader // nil at the beginning of an epoch
	ended  bool           // it has no more
	now    passage
	first  passage // a whole epoch; without sequences before the first has ended
	err    error   // ends all until Rewind

	memory Sequence // of the sequences of the pool, one behind the other
	b      []byte
}

// A passage is what was read of an epoch.
type passage struct {
	pools     uint64
	sequences uint64
	sum       uint32
}

// NewFeed returns the data of what open gives, which is called at the beginning of every
// epoch and begins at the first sequence each time. The first pool is read at once. Errors
// are those of Config, of open and its reader, of sequences that contradict each other, and
// of more rows than NewSequences would take.
func NewFeed(open func() (SequenceReader, error), cfg FeedConfig) (*Feed, error) {
	if open == nil {
		return nil, errors.New("data: NewFeed with a nil open, want a function like that of OpenRecords")
	}
	if cfg.Rows < 1 || cfg.Pool < 0 {
		return nil, fmt.Errorf("data: a pool of %d batches of %d rows, want at least 0 and 1", cfg.Pool, cfg.Rows)
	}
	if cfg.ByLength && cfg.Pool < 2 {
		return nil, fmt.Errorf("data: a Feed with ByLength and a Pool of %d, want at least 2 batches: one sorted by itself has the padding that it had", cfg.Pool)
	}
	batches := max(1, cfg.Pool)
	if batches > maxElements/cfg.Rows {
		return nil, fmt.Errorf("data: a pool of %d batches of %d rows, want at most %d sequences", cfg.Pool, cfg.Rows, maxElements)
	}
	d := &Feed{pool: pool{order: order{rows: cfg.Rows, shuffle: cfg.Shuffle}}, open: open, batches: batches}
	if cfg.ByLength {
		d.sorted = batches
	}
	if err := d.mark(); err != nil {
		return nil, err
	}
	err := d.load()
	if err == nil {
		err = d.checkRows()
	}
	if err == io.EOF {
		err = errors.New("data: the reader has no sequences, want at least 1")
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Next implements Source. After an error of reading all calls return it until Rewind or
// UnmarshalBinary; the position is that after the last batch.
func (d *Feed) Next(b *Batch) error {
	if d == nil {
		return nilcheck.Receiver("data", "Feed", "Next")
	}
	if d.err != nil {
		return d.err
	}
	if d.order.ended() {
		if err := d.load(); err != nil {
			return err
		}
	}
	return d.next(b)
}

// load reads the next pool. It returns io.EOF where there is none, and then the next call
// begins an epoch.
func (d *Feed) load() error {
	err := d.fill()
	if err == nil {
		return nil
	}
	if err == io.EOF {
		if err = d.endEpoch(); err == nil {
			return io.EOF
		}
	}
	// The position stays; the sequences are not those of it any more.
	d.seqs, d.list = d.seqs[:0], d.list[:0]
	d.err = errors.Join(err, d.Close())
	return d.err
}

// fill is load without what ends an epoch.
func (d *Feed) fill() error {
	if d.reader == nil {
		reader, err := d.open()
		if err != nil {
			return err
		}
		if reader == nil {
			return errors.New("data: open gave no reader")
		}
		d.reader, d.ended = reader, false
	}
	now := d.now
	m := &d.memory
	m.IDs, m.Targets, m.X, m.Y = m.IDs[:0], m.Targets[:0], m.X[:0], m.Y[:0]
	m.Weights, m.Labels = m.Weights[:0], m.Labels[:0]
	p := &d.pool
	for p.seqs = p.seqs[:0]; !d.ended && len(p.seqs) < d.batches*d.rows; {
		s, err := d.reader.Next()
		if err == io.EOF {
			d.ended = true
			break
		}
		if err != nil {
			return fmt.Errorf("data: sequence %d: %w", now.sequences, err)
		}
		one := [1]Sequence{s}
		if err := p.measure(one[:], int(min(now.sequences, maxElements))); err != nil {
			return err
		}
		s = one[0]
		d.b = s.append(d.b[:0])
		now.sum = crc32.Update(now.sum, castagnoli, d.b)
		now.sequences++
		m.IDs, m.Targets = append(m.IDs, s.IDs...), append(m.Targets, s.Targets...)
		m.X, m.Y = append(m.X, s.X...), append(m.Y, s.Y...)
		m.Weights, m.Labels = append(m.Weights, s.Weights...), append(m.Labels, s.Labels...)
		p.seqs = append(p.seqs, Sequence{Steps: s.Steps, Labels: s.Labels}) // of the labels the number
	}
	if len(p.seqs) == 0 {
		return io.EOF
	}
	// The memory stays where it is from here on.
	from := *m
	for i := range p.seqs {
		s := &p.seqs[i]
		s.IDs, from.IDs = cut(from.IDs, s.Steps*perStep(p.ids))
		s.Targets, from.Targets = cut(from.Targets, s.Steps*perStep(p.targets))
		s.X, from.X = cut(from.X, s.Steps*p.in)
		s.Y, from.Y = cut(from.Y, s.Steps*p.out)
		s.Weights, from.Weights = cut(from.Weights, s.Steps*p.weights)
		if s.Labels != nil {
			s.Labels, from.Labels = cut(from.Labels, len(s.Labels))
		}
	}
	now.pools++
	d.now, p.pos, p.step = now, 0, 0
	p.arrange(len(p.seqs), p.compare)
	return nil
}

func cut[E any](s []E, n int) (first, rest []E) { return s[:n:n], s[n:] }

// endEpoch makes a beginning of the end of an epoch.
func (d *Feed) endEpoch() error {
	if d.first.sequences > 0 && d.first != d.now {
		return fmt.Errorf("data: the reader gave %d sequences with checksum %08x, in the first epoch %d with %08x: %w", d.now.sequences, d.now.sum, d.first.sequences, d.first.sum, ErrChanged)
	}
	d.first, d.now = d.now, passage{}
	d.seqs, d.list, d.pos, d.step = d.seqs[:0], d.list[:0], 0, 0
	return errors.Join(d.Close(), d.mark())
}

// Close closes the reader. The next call of Next reads on from the position only at the
// beginning of an epoch; elsewhere it is an error. So it is for the end of a run.
func (d *Feed) Close() error {
	if d == nil {
		return nilcheck.Receiver("data", "Feed", "Close")
	}
	reader := d.reader
	d.reader = nil
	if d.now.pools > 0 && d.err == nil {
		d.err = errors.New("data: the Feed is closed; Rewind opens it again")
	}
	if c, ok := reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Padding returns which share of the pairs (step, row) of the pool at hand is padding,
// 0 to 1: what ByLength makes small.
func (d *Feed) Padding() float64 { return d.padding(d.steps) }

// Rewind implements Source: it opens the reader anew, unless no more than a pool was read.
func (d *Feed) Rewind() error {
	if d == nil {
		return nilcheck.Receiver("data", "Feed", "Rewind")
	}
	if d.now.pools == 0 && d.err == nil {
		return nil
	}
	if d.now.pools == 1 && d.err == nil {
		d.pos, d.step = 0, 0
		return nil
	}
	if d.shuffle != nil {
		if err := d.shuffle.UnmarshalBinary(d.begin); err != nil {
			return err
		}
	}
	d.now = passage{}
	err := d.Close()
	d.seqs, d.list, d.pos, d.step, d.err = d.seqs[:0], d.list[:0], 0, 0, nil
	return err
}

// feedHead is the length of a position without the state of a shuffle.
const feedHead = 77

// MarshalBinary returns the position.
func (d *Feed) MarshalBinary() ([]byte, error) {
	if d == nil {
		return nil, nilcheck.Receiver("data", "Feed", "MarshalBinary")
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(d.rows))
	b = binary.LittleEndian.AppendUint64(b, uint64(d.batches))
	b = append(b, byte(min(1, d.sorted)))
	for _, p := range []passage{d.now, d.first} {
		b = binary.LittleEndian.AppendUint64(b, p.pools)
		b = binary.LittleEndian.AppendUint64(b, p.sequences)
		b = binary.LittleEndian.AppendUint32(b, p.sum)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(d.pos))
	b = binary.LittleEndian.AppendUint64(b, uint64(d.step))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, d.begin...), nil
}

// UnmarshalBinary moves to a position that MarshalBinary returned, by reading the epoch up
// to it. A position among other sequences, or of another FeedConfig, is an error; then
// nothing has changed. While it reads, two pools are in memory.
func (d *Feed) UnmarshalBinary(b []byte) error {
	if d == nil {
		return nilcheck.Receiver("data", "Feed", "UnmarshalBinary")
	}
	if want := feedHead + len(d.begin); len(b) != want {
		return fmt.Errorf("data: a position in a Feed of %d bytes, want %d; resume with a Shuffle, or without, as in the run that saved it", len(b), want)
	}
	if crc32.Checksum(b[:feedHead-4], castagnoli) != binary.LittleEndian.Uint32(b[feedHead-4:]) {
		return errors.New("data: a position in a Feed with a wrong checksum: it is damaged, or one in other data")
	}
	rows, batches, sorted := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), b[16] != 0
	if rows != uint64(d.rows) || batches != uint64(d.batches) || sorted != (d.sorted > 0) {
		return fmt.Errorf("data: the position belongs to a Feed of %d rows, pools of %d batches and ByLength %v, this has %d, %d and %v; resume with the FeedConfig of the run that saved it", rows, batches, sorted, d.rows, d.batches, d.sorted > 0)
	}
	read := func(b []byte) passage {
		return passage{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint32(b[16:])}
	}
	now, first := read(b[17:]), read(b[37:])
	pos, step := binary.LittleEndian.Uint64(b[57:]), binary.LittleEndian.Uint64(b[65:])
	e := &Feed{pool: pool{order: order{rows: d.rows, sorted: d.sorted}}, open: d.open, batches: d.batches, first: first}
	if d.shuffle != nil {
		e.shuffle = new(rand.PCG)
		if err := e.shuffle.UnmarshalBinary(b[feedHead:]); err != nil {
			return fmt.Errorf("data: the state of the shuffle in the position: %w", err)
		}
	}
	err := e.mark()
	for err == nil && e.now.pools < now.pools {
		if err = e.fill(); err == io.EOF {
			break
		}
	}
	switch {
	case err == io.EOF || err == nil && e.now != now:
		err = errors.New("data: the position belongs to other sequences; resume with those of the run that saved it")
	case err == nil:
		err = checkPosition(pos, step, len(e.seqs), e.rows)
	}
	if err != nil {
		return errors.Join(err, e.Close())
	}
	e.pos, e.step = int(pos), int(step)
	err = d.Close()
	*d = *e
	return err
}
