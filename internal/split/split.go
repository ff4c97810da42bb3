// Package split says how work is cut: into shares for workers, which changes no
// bit, and into the chunks of a weight gradient, whose size is part of the
// numerics contract.
package split

import "github.com/simdrnn/simdrnn/kernels"

// Share is the part [lo, hi) of total things that worker w of n takes, cut at
// multiples of unit.
func Share(total, unit, w, n int) (lo, hi int) {
	units := (total + unit - 1) / unit
	return min(total, units*w/n*unit), min(total, units*(w+1)/n*unit)
}

// Workers is the number of workers for a piece of work, at least 1 and at most most.
// Work is counted in multiply-adds, or in other operations that take as long as these. Two
// workers share half a grain, which takes one of them several times as long as sharing does, if
// the other looks for work: see AsleepWorkers.
func Workers(isa kernels.ISA, work float64, most int) int {
	n := AsleepWorkers(isa, work, most)
	if n == 1 && most > 1 && 2*work >= grain(isa) {
		return 2
	}
	return n
}

// AsleepWorkers is Workers where all but one have parked: to wake one takes as long as a piece
// of work that is a fraction of a grain.
func AsleepWorkers(isa kernels.ISA, work float64, most int) int {
	return max(1, int(min(float64(most), work/grain(isa))))
}

// grain is the least work for each of several workers: about 50 us of it, ten times as long as it
// takes to start a worker.
func grain(isa kernels.ISA) float64 {
	if isa == kernels.Scalar {
		return 1 << 15
	}
	return 1 << 21
}

// StepWorkers is Workers for the steps of a sequence, when each step is a piece of work of
// its own: workers that still spin after the step before it start at once.
func StepWorkers(isa kernels.ISA, work float64, most int) int {
	return max(1, int(min(float64(most), work/stepGrain(isa))))
}

// stepGrain is the least work for each worker in a step: several times as long as it takes
// to share it.
func stepGrain(isa kernels.ISA) float64 {
	switch isa {
	case kernels.Scalar:
		return 3 << 10
	case kernels.AVX512: // does it in half the time, and on a Xeon sharing takes twice as long
		return 3 << 15
	}
	return 3 << 13
}

// ChunkPairs is the least number of (t, b) pairs in a chunk, one chain of a
// weight gradient (rule 4 of the numerics contract). One chain over thousands of
// pairs would have many times the rounding error.
const ChunkPairs = 256

// ChunkSteps is the number of steps in a chunk: as many as make ChunkPairs pairs
// of a batch, or more.
func ChunkSteps(batch int) int {
	batch = max(1, batch)
	return max(1, (ChunkPairs+batch-1)/batch)
}

// VisitChunks is how many chunks of rows pairs are added to a weight gradient at a time,
// since each visit of a gradient reads and writes all of it: at most 4, and fewer where
// the copies that they are added from, up to width elements for each pair, would take
// more than 16 MiB. It changes no bit.
func VisitChunks(rows, width int) int {
	return int(max(1, min(4, 1<<22/max(1, int64(rows)*int64(width)))))
}

// LossWork is what a loss over so many elements takes, in multiply-adds of products, and with it
// the softmax of so many rows. On a Xeon a row takes 200 ns and an element up to one, while AVX-512
// makes a hundred multiply-adds in a nanosecond; without assembly all of these are slow.
func LossWork(isa kernels.ISA, rows, elements int) int {
	if isa == kernels.Scalar {
		return 16 * elements
	}
	return 20_000*rows + 64*elements
}
