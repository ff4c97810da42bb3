package bptt

import (
	"runtime"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// crew decides on how many workers a piece of work is split. Splitting is over
// outputs, so their number changes no bit.
type crew struct{ workers int } // 0: automatic

// run calls f(w, n) for all w of the n parts that work is worth. f is made
// beforehand, so that running allocates nothing.
func (c crew) run(isa kernels.ISA, work int, f func(w, n int)) {
	n := c.workers
	if n == 0 {
		n = split.Workers(isa, float64(work), runtime.GOMAXPROCS(0))
	}
	team.Run(n, f)
}

// most is the largest n that run can hand to a part.
func (c crew) most() int { return max(1, c.workers, runtime.GOMAXPROCS(0)) }
