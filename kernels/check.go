package kernels

import (
	"fmt"
	"math/bits"
)

// Checks of arguments. Each panics before anything is written. The text of the panic is
// made by a separate function, so that the compiler inlines the check itself.

// same panics unless got equals want, the length of the slice called first.
func same(op, first string, want int, name string, got int) {
	if got != want {
		lengths(op, first, want, name, got)
	}
}

//go:noinline
func lengths(op, first string, want int, name string, got int) {
	panic(fmt.Sprintf("kernels: %s: %s has %d elements, want %d as %s has", op, name, got, want, first))
}

// laneCount panics unless a reduction is given the lanes it works on.
func laneCount(op string, want, got int) {
	if got != want {
		badLanes(op, want, got)
	}
}

//go:noinline
func badLanes(op string, want, got int) {
	panic(fmt.Sprintf("kernels: %s: %d lanes given, want %d", op, got, want))
}

// above0 panics unless v is above 0; a NaN is not.
func above0(op, name string, v float32) {
	if !(v > 0) {
		notAbove0(op, name, v)
	}
}

//go:noinline
func notAbove0(op, name string, v float32) {
	panic(fmt.Sprintf("kernels: %s: %s %v, want it above 0", op, name, v))
}

// checkMatrix panics unless rows x cols elements with rows ld apart fit a slice
// of length have.
func checkMatrix(op, name string, rows, cols, have, ld int) {
	if rows < 0 || cols < 0 || ld < cols {
		badShape(op, name, rows, cols, ld)
	}
	if rows == 0 || cols == 0 {
		return
	}
	hi, need := bits.Mul64(uint64(rows-1), uint64(ld))
	if need += uint64(cols); hi != 0 || need < uint64(cols) || need > uint64(have) {
		short(op, name, rows, cols, ld, have)
	}
}

// checkRows panics unless every row of the list lies in a slice of length have.
func checkRows(op, name string, rows []int32, cols, have, ld int) {
	if cols < 0 || ld < cols {
		badShape(op, name, len(rows), cols, ld)
	}
	last, first := int32(-1), int32(0)
	for _, r := range rows {
		last, first = max(last, r), min(first, r)
	}
	if first < 0 {
		panic(fmt.Sprintf("kernels: %s: row %d of %s asked for, want 0 or more", op, first, name))
	}
	checkMatrix(op, name, int(last)+1, cols, have, ld)
}

//go:noinline
func badShape(op, name string, rows, cols, ld int) {
	panic(fmt.Sprintf("kernels: %s: %s is %d x %d with rows %d apart, want sizes of 0 or more and rows at least %d apart", op, name, rows, cols, ld, cols))
}

//go:noinline
func short(op, name string, rows, cols, ld, have int) {
	panic(fmt.Sprintf("kernels: %s: %s has %d elements, too few for %d x %d with rows %d apart", op, name, have, rows, cols, ld))
}

func scratch(op string, work []float32, need int) []float32 {
	if work == nil && need > 0 {
		return make([]float32, need)
	}
	if len(work) < need {
		panic(fmt.Sprintf("kernels: %s: work has %d elements, want at least %d (or nil)", op, len(work), need))
	}
	return work[:need]
}
