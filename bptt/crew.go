package bptt

import (
	"fmt"
	"runtime"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// crew decides on how many workers a piece of work is split. Splitting is over
// outputs, so their number changes no bit.
type crew struct{ workers int } // 0: automatic

// set sets the number of workers to n, at most split.MaxWorkers; 0: it follows from the
// size of the work. It panics if n is negative.
func (c *crew) set(n int) {
	if n < 0 {
		panic(fmt.Sprintf("bptt: SetWorkers(%d), want a number of goroutines, or 0 for automatic", n))
	}
	c.workers = min(n, split.MaxWorkers)
}

// parts is the n that run splits that work into.
func (c crew) parts(isa kernels.ISA, work int) int {
	if c.workers > 0 {
		return c.workers
	}
	return split.Workers(isa, float64(work), min(runtime.GOMAXPROCS(0), split.MaxWorkers))
}

// run calls f(w, n) for all w of the n parts that work is worth. f is made
// beforehand, so that running allocates nothing.
func (c crew) run(isa kernels.ISA, work int, f func(w, n int)) {
	team.Run(c.parts(isa, work), f)
}
