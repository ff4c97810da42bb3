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

// problem is the Data of the adding problem: sequences that are drawn as they are
// asked for, no two alike. Its position is the state of the generator, so a run
// that resumes sees the sequences that would have come.
type problem struct {
	length, rows int
	batches      int // of an epoch, which has the same ones every time; 0: new ones for ever
	seed, stream uint64

	from  *rand.PCG
	given int // batches of this epoch
	batch data.Batch
}

func newProblem(length, rows, batches int, seed, stream uint64) *problem {
	p := &problem{length: length, rows: rows, batches: batches, seed: seed, stream: stream, from: rand.NewPCG(seed, stream)}
	p.batch = data.Batch{
		Steps: length, Rows: rows,
		X: make([]float32, length*rows*2), Y: make([]float32, length*rows), Targets: make([]int32, length*rows),
		Reset: make([]bool, rows),
	}
	for r := range rows {
		p.batch.Reset[r] = true
	}
	// Only the last step is compared with Y.
	for i := range p.batch.Targets[:(length-1)*rows] {
		p.batch.Targets[i] = -1
	}
	return p
}

// Next implements data.Source.
func (p *problem) Next(b *data.Batch) error {
	if p.batches > 0 && p.given == p.batches {
		if err := p.Rewind(); err != nil {
			return err
		}
		return io.EOF
	}
	if b.Want > 0 && b.Want < p.length {
		return fmt.Errorf("sequences of %d steps are asked for in parts of %d; they come whole", p.length, b.Want)
	}
	p.given++
	x, y := p.batch.X, p.batch.Y[(p.length-1)*p.rows:]
	for r := range p.rows {
		for t := range p.length {
			// 24 bits are what a float32 below 1 has room for.
			x[(t*p.rows+r)*2], x[(t*p.rows+r)*2+1] = float32(p.from.Uint64()>>40)/(1<<24), 0
		}
		half := p.length / 2
		first := p.draw(half)
		second := half + p.draw(p.length-half)
		y[r] = 0
		for _, t := range []int{first, second} {
			x[(t*p.rows+r)*2+1] = 1
			y[r] += x[(t*p.rows+r)*2]
		}
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

// draw returns a number from 0 to n-1, all but evenly: n is far below 2^64.
func (p *problem) draw(n int) int { return int(p.from.Uint64() % uint64(n)) }

// MarshalBinary returns the position.
func (p *problem) MarshalBinary() ([]byte, error) {
	var b []byte
	for _, n := range p.form() {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	state, err := p.from.MarshalBinary()
	return append(binary.LittleEndian.AppendUint64(b, uint64(p.given)), state...), err
}

// form is what positions have in common that are exchangeable.
func (p *problem) form() [3]uint64 {
	return [3]uint64{uint64(p.length), uint64(p.rows), uint64(p.batches)}
}

// UnmarshalBinary moves to a position that MarshalBinary returned, and refuses
// one among sequences of another form.
func (p *problem) UnmarshalBinary(b []byte) error {
	form := p.form()
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
	if p.batches > 0 && given > uint64(p.batches) {
		return fmt.Errorf("the position is batch %d, an epoch has %d", given, p.batches)
	}
	var from rand.PCG
	if err := from.UnmarshalBinary(b[head:]); err != nil {
		return err
	}
	*p.from, p.given = from, int(given)
	return nil
}

// tally is the mean squared error, and counts the sums that are right.
type tally struct {
	loss.MSE
	right int
}

// near is how far from the sum a right answer may lie (Hochreiter and
// Schmidhuber 1997).
const near = 0.04

func (c *tally) Loss(dy, y []float32, b *data.Batch, by float64, s *loss.Scratch) (loss.Total, error) {
	for p, target := range b.Targets {
		if d := y[p] - b.Y[p]; target >= 0 && d < near && d > -near {
			c.right++
		}
	}
	return c.MSE.Loss(dy, y, b, by, s)
}
