package bptt

import (
	"runtime"

	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// crew decides on how many workers a piece of work is split. Splitting is over
// outputs, so their number changes no bit.
type crew struct{ workers int } // 0: automatic

// grain is the work, in multiply-adds or what takes as long, that is worth
// another worker: some 50 us of it, ten times what handing it over takes.
func grain(isa kernels.ISA) int {
	if isa == kernels.Scalar {
		return 1 << 14
	}
	return 1 << 21
}

// run calls f(w, n) for all w of the n parts that work is worth. f is made
// beforehand, so that running allocates nothing.
func (c crew) run(isa kernels.ISA, work int, f func(w, n int)) {
	n := c.workers
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), work/grain(isa))
	}
	team.Run(max(1, n), f)
}

// most is the largest n that run can hand to a part.
func (c crew) most() int { return max(1, c.workers, runtime.GOMAXPROCS(0)) }

// share is the part [lo, hi) of size things that falls to worker w of n, cut at
// multiples of unit.
func share(size, unit, w, n int) (lo, hi int) {
	units := (size + unit - 1) / unit
	return min(units*w/n*unit, size), min(units*(w+1)/n*unit, size)
}
