package seq

import (
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Phased cell can do a step in parts that are units of the layer, so that several
// workers share the steps of few rows, and each keeps its part of W_hh in the caches of
// its core.
//
// Phases returns Forward and Backward cut into phases, in order: one after another they do
// what the whole does, and with s.Lo, s.Hi, s.W and s.N each does it for some units alone.
// All parts of a phase have ended before the next one begins, so a phase may read what
// those before it have written about any unit. It writes about its own units alone, and
// nothing that another part of the same phase reads. s.State and s.Prev are different
// memory.
//
// Backward has two phases or more. The last one of a step and the first one of the step
// visited next run in one piece, without waiting for other parts in between: of Grad,
// Scratch and Temp both may use what is about their own units alone. s.Dy is set in the
// first phase only.
type Phased interface {
	Cell
	Phases() (forward, backward []func(s *Step))
}

// unitSteps says how steps are split by units.
type unitSteps struct {
	parts             int // 0: steps are split by rows
	most              int // the most parts that are not empty
	forward, backward []func(s *Step)

	// The phase under way.
	phase, step, visited int
}

// unitParts is into how many parts of units the steps are split, 0 if they are split by
// rows of the batch, or not at all.
func (u *Unrolled) unitParts() int {
	if len(u.units.forward) == 0 {
		return 0
	}
	weights := float64(u.net.Shape.Gates) * float64(u.net.Shape.States[0])
	if u.once.recur {
		if n := split.StepWorkers(u.isa, float64(u.batch)*weights, min(u.workers.most, u.units.most)); n > 1 {
			return n
		}
		return 0
	}
	return unitParts(u.isa, float64(u.batch)*weights, weights, u.batch, min(u.workers.most, u.units.most))
}

// unitParts is the number of parts for steps of fmas multiply-adds with W_hh of so many
// weights, at most most; 0 if they are better split by rows of the batch, or not at all.
func unitParts(isa kernels.ISA, fmas, weights float64, batch, most int) int {
	n := split.StepWorkers(isa, fmas, most)
	if n > 1 && (batch < fewRows*n || batch < 2*fewRows*n && weights > largeWeights || batch <= 2*fewRows*n && fitsInParts(4*weights, n, secondLevel)) {
		return n
	}
	return 0
}

// secondLevel is the size of the second-level cache, -1 if it is not known.
var secondLevel = secondLevelSize()

func secondLevelSize() int { return kernels.Info().L2 }

// fitsInParts says whether a matrix of so many bytes is larger than a second-level cache, and
// the part of each of n workers is not. Shares of rows would all read it from further away.
func fitsInParts(bytes float64, n, cache int) bool {
	return cache >= leastCache && bytes > float64(cache) && bytes/float64(n) <= float64(cache)
}

// mostUnitParts is the most parts of the units of a network that are not empty.
func mostUnitParts(isa kernels.ISA, hidden int) int { return isa.NewPacked(0, hidden).Parts() }

const (
	// A share of fewer rows than fewRows makes the products wait for weights.
	fewRows = 4
	// So many weights are in no second-level cache. Each worker of shares of rows reads all
	// of them in each step.
	largeWeights = 1 << 20
	// In a cache of less than leastCache, 1 MiB, a part finds too little room beside the rest:
	// on a Zen 3 with 512 KiB there is as much loss as gain.
	leastCache = 1 << 20
)

// setUnitParts takes the number of parts. With it change the groups of the packed
// W_hh, if it is packed, which the next Forward packs anew.
func (u *Unrolled) setUnitParts(parts int) {
	grouped := parts > 0
	for i := range u.pack {
		if p := &u.pack[i]; !u.once.recur && (p.recur == nil || grouped != (u.units.parts > 0)) {
			p.newRecur(u.net, u.isa, grouped)
		}
	}
	u.units.parts = parts
}

// newRecur makes room for the blocks of W_hh, the columns in groups of the width of the
// layer, or not.
func (p *packing) newRecur(n *Net, isa kernels.ISA, grouped bool) {
	sh := &n.Shape
	p.recur = nil
	for _, b := range sh.Recur {
		groups := 1
		if grouped {
			groups = b.Rows / sh.Hidden
		}
		p.recur = append(p.recur, isa.NewPackedGroups(sh.States[0], groups, b.Rows/groups))
	}
}

// stepsByUnits runs the block's steps, phase by phase.
func (u *Unrolled) stepsByUnits() {
	for k := range u.job.hi - u.job.lo {
		u.units.step = u.ran(k)
		u.copyPrevious(u.units.step, 0, u.batch)
		for u.units.phase = range u.units.forward {
			u.forkUnits(u.tasks.forwardUnits)
		}
	}
}

// stepsBackByUnits runs the block's steps backwards, phase by phase. The last phase of a
// step and the first one of the next step are one piece of work.
func (u *Unrolled) stepsBackByUnits() {
	steps, phases := u.job.hi-u.job.lo, len(u.units.backward)
	for u.units.visited = range steps + 1 {
		last := phases - 1
		if u.units.visited == steps {
			last = 1
		} else {
			u.copyPrevious(u.visited(u.units.visited), 0, u.batch)
		}
		for u.units.phase = range last {
			u.forkUnits(u.tasks.backwardUnits)
		}
	}
}

func (u *Unrolled) forkUnits(task func(w, n int)) { team.Run(u.units.parts, task) }

// forwardUnits runs the phase under way of a step for part w of n of the units.
func (u *Unrolled) forwardUnits(w, n int) {
	s := &u.workers.steps[w]
	u.takeUnits(s, false, w, n)
	if u.prepareForward(s, u.units.step, 0, u.batch) {
		u.units.forward[u.units.phase](s)
	}
}

// backwardUnits runs the phase under way of a backward step for part w of n of the units,
// after the last phase of the step visited before where it is the first one.
func (u *Unrolled) backwardUnits(w, n int) {
	s, k := &u.workers.steps[w], u.units.visited
	u.takeUnits(s, true, w, n)
	first := u.units.phase == 0
	if first && k > 0 && u.prepareBackward(s, u.visited(k-1), 0, u.batch) {
		u.units.backward[len(u.units.backward)-1](s)
		u.stopGradient(s, u.visited(k-1), 0)
	}
	if t := u.visited(k); k < u.job.hi-u.job.lo && u.prepareBackward(s, t, 0, u.batch) {
		if first {
			u.outputGradient(s, t, 0)
		}
		u.units.backward[u.units.phase](s)
	}
}

func (u *Unrolled) takeUnits(s *Step, back bool, w, n int) {
	p := &u.pack[u.job.i]
	s.use(p, back)
	s.W, s.N = w, n
	if u.once.recur {
		s.Lo, s.Hi = p.stored.recur[0].Columns(w, n)
	} else {
		s.Lo, s.Hi = p.recur[0].Columns(w, n)
	}
}

// takeAll makes s work on all units.
func (s *Step) takeAll(hidden int) { s.Lo, s.Hi, s.W, s.N = 0, hidden, 0, 1 }
