package split

import (
	"runtime"
	"sync/atomic"

	"github.com/simdrnn/simdrnn/kernels"
)

// MaxWorkers is the largest number of workers. Larger numbers in a Config or a Plan
// count as this one: more workers than that do not make a layer faster.
const MaxWorkers = 256

// A Limit is what a user says about the number of workers. The zero value says nothing.
type Limit struct {
	n      int
	shared bool
}

// LimitOf is the limit of a user who asks for n workers, 0 or more; 0 is no limit.
func LimitOf(n int) Limit { return Limit{min(n, MaxWorkers), n > 0 && sharing.Load() > 0} }

// Workers is the n of LimitOf, at most MaxWorkers.
func (l Limit) Workers() int { return l.n }

// Most is the most workers that a piece of work may have now: no more than processors run
// Go code, since a worker without one makes the others wait.
func (l Limit) Most() int {
	if l.shared {
		return l.n
	}
	most := min(runtime.GOMAXPROCS(0), MaxWorkers)
	if l.n > 0 {
		most = min(most, l.n)
	}
	return most
}

// Parts is into how many parts to cut a piece of work that has at most most of them: as
// many as Workers says, or all where ShareAll said so. See Asleep.
func (l Limit) Parts(isa kernels.ISA, work float64, most int) int {
	if l.shared {
		return max(1, most)
	}
	return Workers(isa, work, most)
}

// Asleep is how many of these parts a piece of work is cut into where the workers have parked.
func (l Limit) Asleep(isa kernels.ISA, work float64, most int) int {
	if l.shared {
		return max(1, most)
	}
	return AsleepWorkers(isa, work, most)
}

// Shared says whether work is cut into parts however small it is: see ShareAll.
func (l Limit) Shared() bool { return l.shared }

// sharing counts the callers of ShareAll that have not called what it returned.
var sharing atomic.Int32

// ShareAll makes every Limit of a number, from now until the function that it returns is
// called, a number of parts into which all work is cut. It is for tests that the number of
// workers changes no bit: their networks are so small that one worker would do all.
func ShareAll() (end func()) {
	sharing.Add(1)
	return func() { sharing.Add(-1) }
}
