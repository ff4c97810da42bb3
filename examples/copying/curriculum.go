package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// How a curriculum goes on: when the share of right symbols, as a running mean over about
// so many batches of the delay at hand, is at least passed, the delay becomes a twentieth
// longer, by 1 step at least.
const (
	passed  = solved
	counted = 30
	longer  = 20
)

// A curriculum is sequences whose delay grows while the network learns. Half of the batches
// have the delay at hand, the others one that is drawn evenly from 1 to it, so that what was
// learned stays. It is a data.Source that has no end; where it is belongs to its position.
type curriculum struct {
	from, full, rows int
	seed, stream     uint64

	pcg   rand.PCG
	at    int     // the delay at hand
	share float64 // of right symbols, over the last batches of that delay
	seen  int     // batches of that delay

	batch data.Batch // what Next gave, whose memory the next call uses again
}

// newCurriculum returns sequences whose delay grows from one number to another.
func newCurriculum(from, full, rows int, seed, stream uint64) *curriculum {
	c := &curriculum{from: from, full: full, rows: rows, seed: seed, stream: stream}
	c.batch.Reset = make([]bool, rows)
	for r := range c.batch.Reset {
		c.batch.Reset[r] = true
	}
	c.begin()
	return c
}

func (c *curriculum) begin() {
	c.pcg.Seed(c.seed, c.stream)
	c.at, c.share, c.seen = c.from, 0, 0
}

// Rows is that of every batch.
func (c *curriculum) Rows() int { return c.rows }

// Next implements data.Source.
func (c *curriculum) Next(b *data.Batch) error {
	if steps := c.full + 2*symbols; b.Want > 0 && b.Want < steps {
		return fmt.Errorf("sequences of up to %d steps are asked for in parts of %d; they come whole", steps, b.Want)
	}
	delay := c.at
	if c.pcg.Uint64()%2 == 0 {
		delay = 1 + int(c.pcg.Uint64()%uint64(c.at))
	}
	blankBatch(&c.batch, delay, c.rows)
	drawSymbols(&c.batch, &c.pcg)
	want := b.Want
	*b = c.batch
	b.Want = want
	return nil
}

// learned tells c the share of right symbols in a batch of the given delay.
func (c *curriculum) learned(delay int, share float64) {
	if delay != c.at {
		return
	}
	c.seen++
	c.share += float64((share - c.share) / float64(min(c.seen, counted)))
	if c.seen >= counted && c.share >= passed && c.at < c.full {
		c.at = min(c.full, c.at+max(1, c.at/longer))
		c.share, c.seen = 0, 0
	}
}

// Rewind implements data.Source: it goes back to the first sequence of the first delay.
func (c *curriculum) Rewind() error {
	c.begin()
	return nil
}

// MarshalBinary returns the position: how far the delay has grown, too.
func (c *curriculum) MarshalBinary() ([]byte, error) {
	var b []byte
	for _, n := range [...]uint64{uint64(c.from), uint64(c.full), uint64(c.rows), uint64(c.at), uint64(c.seen), math.Float64bits(c.share)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	state, err := c.pcg.MarshalBinary()
	return append(b, state...), err
}

// UnmarshalBinary moves to a position that MarshalBinary returned, and refuses one of
// another curriculum.
func (c *curriculum) UnmarshalBinary(b []byte) error {
	const head = 6 * 8
	if len(b) < head {
		return fmt.Errorf("a position of %d bytes, want at least %d", len(b), head)
	}
	var n [6]uint64
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	if n[0] != uint64(c.from) || n[1] != uint64(c.full) || n[2] != uint64(c.rows) {
		return errors.New("the position belongs to sequences of other delays, or to other batches")
	}
	share := math.Float64frombits(n[5])
	if n[3] < n[0] || n[3] > n[1] || n[4] > math.MaxInt32 || !(share >= 0 && share <= 1) {
		return fmt.Errorf("the position has the delay %d after %d batches with the share %v, want a delay of %d to %d and a share of 0 to 1", n[3], n[4], share, c.from, c.full)
	}
	var pcg rand.PCG
	if err := pcg.UnmarshalBinary(b[head:]); err != nil {
		return fmt.Errorf("the position has no state of the generator: %w", err)
	}
	c.pcg, c.at, c.seen, c.share = pcg, int(n[3]), int(n[4]), share
	return nil
}

// lessons is the cross-entropy, and tells a curriculum what the network knows.
type lessons struct {
	recall
	of *curriculum
}

// Loss implements loss.Loss.
func (l *lessons) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	l.symbols.Reset()
	total, err := l.recall.Loss(dy, y, b, by, s)
	if err == nil {
		l.of.learned(b.Steps-2*symbols, l.symbols.Value())
	}
	return total, err
}
