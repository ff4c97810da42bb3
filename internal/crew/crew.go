// Package crew decides on how many workers of the team a piece of work is split.
// Splitting is over outputs, so their number changes no bit.
package crew

import (
	"fmt"
	"runtime"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Crew is a number of workers. The zero value leaves it to the size of the work.
type Crew struct{ workers int } // 0: automatic

// Set sets the number of workers to n, at most split.MaxWorkers; 0: it follows from the
// size of the work. It panics if n is negative.
func (c *Crew) Set(n int) {
	if n < 0 {
		panic(fmt.Sprintf("simdrnn: SetWorkers(%d), want a number of goroutines, or 0 for automatic", n))
	}
	c.workers = min(n, split.MaxWorkers)
}

// Workers returns what Set has set.
func (c Crew) Workers() int { return c.workers }

// Parts is the n that Run splits work of that many multiply-adds into.
func (c Crew) Parts(isa kernels.ISA, work int) int {
	if c.workers > 0 {
		return c.workers
	}
	return split.Workers(isa, float64(work), min(runtime.GOMAXPROCS(0), split.MaxWorkers))
}

// Run calls f(w, n) for all w of the n parts that work is worth. f is made
// beforehand, so that running allocates nothing.
func (c Crew) Run(isa kernels.ISA, work int, f func(w, n int)) {
	team.Run(c.Parts(isa, work), f)
}
