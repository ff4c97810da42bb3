// Package crew decides on how many workers of the team a piece of work is split.
// Splitting is over outputs, so their number changes no bit.
package crew

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Crew is a largest number of workers. The zero value leaves it to GOMAXPROCS.
type Crew struct{ limit split.Limit }

// Set sets the largest number of workers to n, at most split.MaxWorkers; 0: GOMAXPROCS.
// It panics if n is negative.
func (c *Crew) Set(n int) {
	if n < 0 {
		panic(fmt.Sprintf("simdrnn: SetWorkers(%d), want a number of goroutines, or 0 for automatic", n))
	}
	c.limit = split.LimitOf(n)
}

// Workers returns what Set has set.
func (c Crew) Workers() int { return c.limit.Workers() }

// Parts is the n that Run splits work of that many multiply-adds into.
func (c Crew) Parts(isa kernels.ISA, work int) int {
	return c.limit.Parts(isa, float64(work), c.limit.Most())
}

// Run calls f(w, n) for all w of the n parts that work is worth. f is made
// beforehand, so that running allocates nothing.
func (c Crew) Run(isa kernels.ISA, work int, f func(w, n int)) {
	c.RunParts(c.Parts(isa, work), isa, work, f)
}

// RunParts calls f(w, n) for all w of n parts, at most the given number, which the caller has from
// Parts for that work, for it to have memory for each. There are fewer where the workers have
// parked and the work is not worth waking them.
func (c Crew) RunParts(most int, isa kernels.ISA, work int, f func(w, n int)) {
	team.RunAwake(most, min(most, c.limit.Asleep(isa, float64(work), c.limit.Most())), f)
}
