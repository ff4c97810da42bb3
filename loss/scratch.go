package loss

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"

	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// Scratch is memory and workers for a Loss. The zero value is ready. It is used by one
// goroutine at a time.
type Scratch struct {
	team  crew.Crew
	call  call
	parts []float64   // sums of rows or blocks
	work  [][]float32 // of each worker
	ctc   []alignment // of each worker
	ones  []float32
	q     []float32 // weights of ones, or derivatives below, for a block of rows
	above []float32 // derivatives above

	rows     []float32 // weights of steps, for PerSequence
	weighted data.Batch

	// For others: see Float64s, Float32s and Rows.
	f64     []float64
	f32     []float32
	share   func(lo, hi int)
	shareOf int

	// What workers run, made once, so that a call allocates nothing.
	classPart, elementPart, ctcPart, sharePart func(w, n int)
}

// A call is the arguments of the call under way, for the parts of it.
type call struct {
	isa   kernels.ISA
	dy, y []float32
	b     *data.Batch
	width int
	by    float64

	work int // multiply-adds, for run

	classes  classCall
	elements elementCall
	ctc      CTC
}

// SetWorkers sets on how many workers a loss may be split at most; 0, the default, sets no such
// limit. It has as many as it is worth, at most GOMAXPROCS and 256. The number changes no bit. It
// panics if n is negative.
func (s *Scratch) SetWorkers(n int) { s.team.Set(n) }

// Float64s returns memory of n elements for a Loss of one's own, the losses of rows say.
// What stands there is undefined. The next call returns the same memory, as far as it
// reaches; the losses of this package leave it alone.
func (s *Scratch) Float64s(n int) []float64 { return grown(&s.f64, n) }

// Float32s is Float64s with float32.
func (s *Scratch) Float32s(n int) []float32 { return grown(&s.f32, n) }

// Rows calls f for shares lo to hi of that many rows, which do not overlap and are all of
// them, on as many workers as the work is worth, within what SetWorkers says. work is how
// many multiply-adds take as long as all rows; an element that is read and written once
// takes as long as 16. Results must not depend on where the shares begin, and f must not
// call Rows. If f is made beforehand, nothing is allocated.
func (s *Scratch) Rows(work, rows int, f func(lo, hi int)) {
	if rows < 0 {
		panic(fmt.Sprintf("loss: Scratch.Rows over %d rows, want 0 or more", rows))
	}
	if rows == 0 {
		return
	}
	if s.sharePart == nil {
		s.sharePart = func(w, n int) {
			if lo, hi := split.Share(s.shareOf, 1, w, n); lo < hi {
				s.share(lo, hi)
			}
		}
	}
	s.share, s.shareOf = f, rows
	isa := kernels.Current()
	s.team.RunParts(min(s.team.Parts(isa, work), rows), isa, work, s.sharePart)
	s.share = nil
}

// begin keeps the arguments of a call and returns the number of parts for so many rows
// or blocks, which together are as much work. Each worker gets that many elements of memory.
func (s *Scratch) begin(dy, y []float32, b *data.Batch, width int, by float64, work, rows, memory int) (parts int) {
	s.call = call{isa: kernels.Current(), dy: dy, y: y, b: b, width: width, by: by}
	parts = max(1, min(s.team.Parts(s.call.isa, work), rows))
	s.call.work = work
	for len(s.work) < parts {
		s.work = append(s.work, nil)
	}
	for w := range parts {
		grown(&s.work[w], memory)
	}
	grown(&s.parts, rows)
	return parts
}

// run calls f for the parts that begin returned.
func (s *Scratch) run(parts int, f func(w, n int)) {
	s.team.RunParts(parts, s.call.isa, s.call.work, f)
}

// sum adds the first n parts in ascending order.
func (s *Scratch) sum(n int) (sum float64) {
	for _, v := range s.parts[:n] {
		sum += v
	}
	return sum
}

// end lets go of the arguments, which belong to the caller.
func (s *Scratch) end() { s.call = call{} }

// allOnes returns n times 1.
func (s *Scratch) allOnes(n int) []float32 {
	for i := len(s.ones); i < n; i++ {
		s.ones = append(s.ones, 1)
	}
	return s.ones[:n]
}

// grown returns n elements of *s, which it makes larger if need be.
func grown[E any](s *[]E, n int) []E {
	if cap(*s) < n {
		*s = make([]E, n)
	}
	*s = (*s)[:n]
	return *s
}
