package main

import (
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/drawn"
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

// newProblem returns the sequences of the copying problem.
func newProblem(delay, rows, batches int, seed, stream uint64) *drawn.Source {
	var b data.Batch
	blankBatch(&b, delay, rows)
	return drawn.New(b, batches, seed, stream, drawSymbols)
}

// blankBatch sets X and Targets of b to those without the symbols, in their memory if it is
// enough.
func blankBatch(b *data.Batch, delay, rows int) {
	steps := delay + 2*symbols
	b.Steps, b.Rows = steps, rows
	b.X = slices.Grow(b.X[:0], steps*rows*kinds)[:steps*rows*kinds]
	b.Targets = slices.Grow(b.Targets[:0], steps*rows)[:steps*rows]
	clear(b.X)
	for i := range b.Targets {
		kind := blank
		if i/rows == steps-symbols-1 {
			kind = now
		}
		b.Targets[i] = blank
		b.X[i*kinds+kind] = 1
	}
}

// drawSymbols draws the symbols of a batch.
func drawSymbols(b *data.Batch, from *rand.PCG) {
	answer := b.Targets[(b.Steps-symbols)*b.Rows:]
	for i := range symbols * b.Rows { // [symbols][rows]
		symbol := int32(from.Uint64() % alphabet)
		x := b.X[i*kinds:][:kinds]
		clear(x)
		x[symbol] = 1
		answer[i] = symbol
	}
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
