package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
)

// What a step may be: one of the symbols 0 to alphabet-1, blank, or now, the mark that the
// answer begins. A sequence has so many symbols to keep.
const (
	alphabet = 8
	blank    = alphabet
	now      = alphabet + 1
	kinds    = alphabet + 2
	symbols  = 10
)

// problem is the Source of the copying problem: sequences that are drawn as they are asked
// for. Its position is the state of the generator, so a run that resumes sees the sequences
// that would have come.
type problem struct {
	delay, rows  int
	batches      int // of an epoch, which has the same ones every time; 0: new ones for ever
	seed, stream uint64

	from  *rand.PCG
	given int // batches of this epoch
	batch data.Batch
}

func newProblem(delay, rows, batches int, seed, stream uint64) *problem {
	steps := delay + 2*symbols
	p := &problem{delay: delay, rows: rows, batches: batches, seed: seed, stream: stream, from: rand.NewPCG(seed, stream)}
	p.batch = data.Batch{
		Steps: steps, Rows: rows,
		X: make([]float32, steps*rows*kinds), Targets: make([]int32, steps*rows), Reset: make([]bool, rows),
	}
	for i := range p.batch.Targets {
		kind := blank
		if i/rows == steps-symbols-1 {
			kind = now
		}
		p.batch.Targets[i] = blank
		p.batch.X[i*kinds+kind] = 1
	}
	for r := range rows {
		p.batch.Reset[r] = true
	}
	return p
}

// Rows is that of every batch.
func (p *problem) Rows() int { return p.rows }

// Next implements data.Source.
func (p *problem) Next(b *data.Batch) error {
	if p.batches > 0 && p.given == p.batches {
		if err := p.Rewind(); err != nil {
			return err
		}
		return io.EOF
	}
	if steps := p.batch.Steps; b.Want > 0 && b.Want < steps {
		return fmt.Errorf("sequences of %d steps are asked for in parts of %d; they come whole", steps, b.Want)
	}
	p.given++
	answer := p.batch.Targets[(p.batch.Steps-symbols)*p.rows:]
	for i := range symbols * p.rows { // [symbols][rows]
		symbol := int32(p.from.Uint64() % alphabet)
		x := p.batch.X[i*kinds:][:kinds]
		clear(x)
		x[symbol] = 1
		answer[i] = symbol
	}
	want := b.Want
	*b = p.batch
	b.Want = want
	return nil
}

// Rewind implements data.Source: it goes back to the first sequence.
func (p *problem) Rewind() error {
	p.from.Seed(p.seed, p.stream)
	p.given = 0
	return nil
}

// MarshalBinary returns the position.
func (p *problem) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(p.given))
	state, err := p.from.MarshalBinary()
	return append(b, state...), err
}

// UnmarshalBinary moves to a position that MarshalBinary returned.
func (p *problem) UnmarshalBinary(b []byte) error {
	if len(b) < 8 {
		return fmt.Errorf("a position of %d bytes, want at least 8", len(b))
	}
	given := binary.LittleEndian.Uint64(b)
	if p.batches > 0 && given > uint64(p.batches) {
		return fmt.Errorf("the position is batch %d, an epoch has %d", given, p.batches)
	}
	var from rand.PCG
	if err := from.UnmarshalBinary(b[8:]); err != nil {
		return errors.Join(errors.New("the position is no state of the generator"), err)
	}
	*p.from, p.given = from, int(given)
	return nil
}

// recall is the cross-entropy, and counts how many of the symbols of the answers are right.
type recall struct {
	loss.CrossEntropy
	symbols loss.Accuracy
}

// Loss implements loss.Loss.
func (c *recall) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	at := (b.Steps - symbols) * b.Rows
	answer := data.Batch{Steps: symbols, Rows: b.Rows, Targets: b.Targets[at:]}
	if err := c.symbols.Add(y[at*kinds:], &answer); err != nil {
		return loss.Total{}, err
	}
	return c.CrossEntropy.Loss(dy, y, b, by, s)
}
