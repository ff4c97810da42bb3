package main

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/drawn"
	"github.com/simdrnn/simdrnn/loss"
)

// newProblem returns the sequences of the adding problem.
func newProblem(length, rows, batches int, seed, stream uint64) *drawn.Source {
	begin := data.Batch{
		Steps: length, Rows: rows,
		X: make([]float32, length*rows*2), Y: make([]float32, length*rows), Targets: make([]int32, length*rows),
	}
	// Only the last step is compared with Y.
	for i := range begin.Targets[:(length-1)*rows] {
		begin.Targets[i] = -1
	}
	return drawn.New(begin, batches, seed, stream, func(b *data.Batch, from *rand.PCG) {
		x, y := b.X, b.Y[(length-1)*rows:]
		for r := range rows {
			for t := range length {
				// 24 bits are what a float32 below 1 has room for.
				x[(t*rows+r)*2], x[(t*rows+r)*2+1] = float32(from.Uint64()>>40)/(1<<24), 0
			}
			half := length / 2
			first := draw(from, half)
			second := half + draw(from, length-half)
			y[r] = 0
			for _, t := range []int{first, second} {
				x[(t*rows+r)*2+1] = 1
				y[r] += x[(t*rows+r)*2]
			}
		}
	})
}

// draw returns a number from 0 to n-1, all but evenly: n is far below 2^64.
func draw(from *rand.PCG, n int) int { return int(from.Uint64() % uint64(n)) }

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
