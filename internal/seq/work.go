package seq

import (
	"runtime"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
)

// job is what the workers are doing: a block of steps of one direction of one
// layer.
type job struct {
	layer, dir, i int // i counts directions over all layers
	lo, hi        int // steps lo <= t < hi
	dy            []float32
	dx            []float32 // nil: not wanted
}

// workers says into how many parts work is cut, and holds what each worker needs
// for itself.
type workers struct {
	most  int  // the most parts of a piece of work
	fixed bool // whether the user gave that number, rather than the amount of work

	steps    []Step
	droppedW [][]float32 // memory for W_hh after its mask
	products [][]float32 // scratch of the products of weight gradients
}

// shares are the pieces of work, as functions that do share w of n. They are made
// once: a method value that is made where it is used would be allocated there.
type shares struct {
	packForward, packBackward        func(w, n int)
	maskRows, products, steps, merge func(w, n int)
	stepsBack, gradients             func(w, n int)
}

// maxWorkers bounds Config.Workers: shares smaller than this help nobody.
const maxWorkers = 256

// SetWorkers changes the number of parts that work is cut into, 0 for automatic.
func (u *Unrolled) SetWorkers(n int) {
	sh, k := &u.net.Shape, &u.workers
	k.fixed = n > 0
	if !k.fixed {
		n = runtime.GOMAXPROCS(0)
	}
	k.most = min(n, maxWorkers)
	for len(k.steps) < k.most {
		s := newStep(u.isa, u.net)
		s.masks.unrolled = u
		k.steps = append(k.steps, s)
		// No more workers than matrices pack at once.
		if u.net.Noise.Weight > 0 && len(k.droppedW) < 2*len(u.net.W) {
			k.droppedW = append(k.droppedW, make([]float32, len(u.net.W[0].Hh)))
		}
	}
	if !u.keep {
		return
	}
	work := 0
	for _, width := range []int{u.net.Input, u.out, sh.States[0]} {
		work = max(work, u.isa.GemmRowsWork(sh.Gates, width, u.chunk*u.batch))
	}
	if sh.Project != nil {
		work = max(work, u.isa.GemmRowsWork(sh.States[0], sh.Hidden, u.chunk*u.batch))
	}
	for len(k.products) < k.most {
		k.products = append(k.products, make([]float32, work))
	}
}

// fork runs f in parts: at most limit of them, since the work has no more
// shares, and, unless the user fixed the number, as many as flops is worth.
func (u *Unrolled) fork(flops float64, limit int, f func(w, n int)) {
	n := u.workers.most
	if !u.workers.fixed {
		n = split.Workers(u.isa, flops/2, n)
	}
	team.Run(max(1, min(n, limit)), f)
}

// rowLimit is into how many shares the rows of the batch may be cut: fewer
// than four rows in a share make its products wait for weights.
func (u *Unrolled) rowLimit() int {
	if !u.workers.fixed {
		return u.batch / 4
	}
	return u.batch
}
