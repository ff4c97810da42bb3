package main

import (
	"math/rand/v2"

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
	steps := delay + 2*symbols
	begin := data.Batch{Steps: steps, Rows: rows, X: make([]float32, steps*rows*kinds), Targets: make([]int32, steps*rows)}
	for i := range begin.Targets {
		kind := blank
		if i/rows == steps-symbols-1 {
			kind = now
		}
		begin.Targets[i] = blank
		begin.X[i*kinds+kind] = 1
	}
	return drawn.New(begin, batches, seed, stream, func(b *data.Batch, from *rand.PCG) {
		answer := b.Targets[(steps-symbols)*rows:]
		for i := range symbols * rows { // [symbols][rows]
			symbol := int32(from.Uint64() % alphabet)
			x := b.X[i*kinds:][:kinds]
			clear(x)
			x[symbol] = 1
			answer[i] = symbol
		}
	})
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
