package main

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/drawn"
)

// always0 is the mean squared error of always saying 0: the variance of the numbers.
const always0 = 1.0

// newProblem returns sequences: the first step has a number, and after the last step the
// network has to give it. Noise stands beside it at all steps.
func newProblem(length, rows, batches int, seed, stream uint64) *drawn.Source {
	begin := data.Batch{
		Steps: length, Rows: rows,
		X: make([]float32, length*rows*inputs), Y: make([]float32, length*rows), Targets: make([]int32, length*rows),
	}
	for p := range begin.Targets[:(length-1)*rows] {
		begin.Targets[p] = -1 // does not count
	}
	return drawn.New(begin, batches, seed, stream, func(b *data.Batch, from *rand.PCG) {
		noise(b.X, rand.New(from))
		for p := rows; p < length*rows; p++ {
			b.X[p*inputs] = 0
		}
		for row := range rows {
			b.Y[(length-1)*rows+row] = b.X[row*inputs]
		}
	})
}
