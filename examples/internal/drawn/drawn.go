// Package drawn has the data of problems without data: sequences that are drawn as they are
// asked for.
package drawn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
)

// A Source is a data.Source of batches that Draw draws, no two alike. Its position is the
// state of the generator, so a run that resumes sees the sequences that would have come.
type Source struct {
	batch        data.Batch
	draw         func(b *data.Batch, from *rand.PCG)
	batches      int // of an epoch, which has the same ones every time; 0: new ones for ever
	seed, stream uint64

	from  rand.PCG
	given int // batches of this epoch
}

// New returns a Source whose batches begin as the given one; draw sets what differs from one
// batch to the next. With batches above 0 an epoch has so many, the same ones every time.
// All rows begin anew in each batch.
func New(begin data.Batch, batches int, seed, stream uint64, draw func(b *data.Batch, from *rand.PCG)) *Source {
	s := &Source{batch: begin, draw: draw, batches: batches, seed: seed, stream: stream}
	s.batch.Reset = make([]bool, begin.Rows)
	for r := range s.batch.Reset {
		s.batch.Reset[r] = true
	}
	s.from.Seed(seed, stream)
	return s
}

// Steps is that of every batch.
func (s *Source) Steps() int { return s.batch.Steps }

// Rows is that of every batch.
func (s *Source) Rows() int { return s.batch.Rows }

// Next implements data.Source.
func (s *Source) Next(b *data.Batch) error {
	if s.batches > 0 && s.given == s.batches {
		if err := s.Rewind(); err != nil {
			return err
		}
		return io.EOF
	}
	if b.Want > 0 && b.Want < s.batch.Steps {
		return fmt.Errorf("sequences of %d steps are asked for in parts of %d; they come whole", s.batch.Steps, b.Want)
	}
	s.given++
	s.draw(&s.batch, &s.from)
	want := b.Want
	*b = s.batch
	b.Want = want
	return nil
}

// Rewind implements data.Source: it goes back to the first sequence.
func (s *Source) Rewind() error {
	s.from.Seed(s.seed, s.stream)
	s.given = 0
	return nil
}

// MarshalBinary returns the position.
func (s *Source) MarshalBinary() ([]byte, error) {
	var b []byte
	for _, n := range s.form() {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	state, err := s.from.MarshalBinary()
	return append(binary.LittleEndian.AppendUint64(b, uint64(s.given)), state...), err
}

// form is what positions have in common that are exchangeable.
func (s *Source) form() [3]uint64 {
	return [3]uint64{uint64(s.batch.Steps), uint64(s.batch.Rows), uint64(s.batches)}
}

// UnmarshalBinary moves to a position that MarshalBinary returned, and refuses one among
// sequences of another form.
func (s *Source) UnmarshalBinary(b []byte) error {
	form := s.form()
	head := 8 * (len(form) + 1)
	if len(b) < head {
		return fmt.Errorf("a position of %d bytes, want at least %d", len(b), head)
	}
	for i, n := range form {
		if binary.LittleEndian.Uint64(b[8*i:]) != n {
			return errors.New("the position belongs to sequences of another length, or to other batches")
		}
	}
	given := binary.LittleEndian.Uint64(b[8*len(form):])
	if s.batches > 0 && given > uint64(s.batches) {
		return fmt.Errorf("the position is batch %d, an epoch has %d", given, s.batches)
	}
	var from rand.PCG
	if err := from.UnmarshalBinary(b[head:]); err != nil {
		return fmt.Errorf("the position has no state of the generator: %w", err)
	}
	s.from, s.given = from, int(given)
	return nil
}
