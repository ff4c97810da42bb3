package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/internal/team"
)

// job is what the workers are doing: a block of steps of one direction of one
// layer.
type job struct {
	layer, dir, i int  // i counts directions over all layers
	lo, hi        int  // steps lo <= t < hi
	columns       bool // workers share the columns of the product with W_ih: see byColumns
	dy            []float32
	dx            []float32 // nil: not wanted
}

// workers says into how many parts work is cut, and holds what each worker needs
// for itself.
type workers struct {
	limit split.Limit // of the user
	most  int         // the most parts of a piece of work

	steps    []Step
	droppedW [][]float32 // memory for W_hh after its mask
	products [][]float32 // scratch of the products of weight gradients, and rows of dx on their way to another place
}

// tasks are the pieces of work, as functions that do share w of n of one: what worker
// w of n does of it. They are made once: a method value that is made where it is used
// would be allocated there.
type tasks struct {
	packForward, packBackward         func(w, n int)
	copyInput, products, steps, merge func(w, n int)
	stepsBack, gradients              func(w, n int)
	forwardUnits, backwardUnits       func(w, n int)
	weightGradients                   func(w, n int)
	writeOutput, zero                 func(w, n int)
}

// A piece is the size of a piece of work.
type piece struct {
	flops float64 // floating point operations, or what takes as long
	most  int     // the most parts that it can be cut into
}

// units is the number of units that cover a number of things, and so the most
// shares of them that are not empty.
func units(things, unit int) int { return (things + unit - 1) / unit }

// Shares of rows (t,p) are cut in units of rowUnit, of the rows of a gradient in
// units of gradUnit: the heights of the assembly's tiles divide them.
const (
	rowUnit   = 6
	gradUnit  = 12
	totalUnit = 16 // columns
	packUnit  = 16 // columns of a packed matrix: the narrowest panel
)

// What packing and copying take for an element, in floating point operations of products,
// on AVX-512: 0.13 to 0.3 ns on a Xeon (BenchmarkPack of kernels), from near and far caches.
const packWork, copyWork = 48, 24

// packPiece is the size of packing the matrices that the pass under way needs packed, or all.
func (u *Unrolled) packPiece(all bool) piece {
	elements := 0
	for i := range u.net.W {
		if all || !u.inputOnce(i) {
			elements += len(u.net.W[i].Ih)
		}
		if all || !u.once.recur {
			elements += len(u.net.W[i].Hh)
		}
	}
	most := units(max(u.net.Shape.Gates, u.net.widest()), packUnit)
	if u.net.Noise.Weight > 0 {
		most = 2 * len(u.net.W) // see packShare
	}
	return piece{u.moved(packWork*2*float64(elements), u.chunk*u.batch), most}
}

// productsPiece is the size of the products of rows (t,p) with W_ih, whose rows have
// in elements.
func (u *Unrolled) productsPiece(rows, in int) piece {
	flops := 2 * float64(u.net.Shape.Gates) * float64(rows) * float64(in)
	return piece{u.moved(flops, rows), units(rows, rowUnit)}
}

// columnRows is how many rows (t,p) for each worker are so few that workers share the columns of
// a product with W_ih, not its rows: each then reads a part of W_ih in place of all of it, and rows
// in units of rowUnit would not make equal shares. With three times as many it makes no difference.
const columnRows = 48

// byColumns says whether workers share the columns of a product of so many rows (t,p) with W_ih
// of direction i: each then packs its columns where W_ih is taken as it is stored.
func (u *Unrolled) byColumns(i, rows int) bool {
	return u.workers.most > 1 && (rows <= columnRows*u.workers.most || u.inputOnce(i))
}

// forkProducts does products of so many rows with W_ih of the direction at work, by columns or by
// rows. Products by columns read copies that all workers have made before, by copied, which is nil
// where there are none; those by rows make the copies of their rows.
func (u *Unrolled) forkProducts(rows int, copied, products func(w, n int)) {
	in := u.net.W[u.job.i].In
	piece := u.productsPiece(rows, in)
	if u.job.columns = u.byColumns(u.job.i, rows); u.job.columns {
		piece.most = u.pack[u.job.i].in.Parts()
		if copied != nil {
			u.fork(u.copyPiece(rows, in), copied)
		}
	}
	u.fork(piece, products)
}

// productShare is what worker w of n does of the product under way of so many rows with W_ih:
// rows lo to hi-1, and a part of the columns.
func (u *Unrolled) productShare(rows, w, n int) (lo, hi int, of part) {
	if u.job.columns {
		return 0, rows, part{w, n}
	}
	lo, hi = split.Share(rows, rowUnit, w, n)
	return lo, hi, wholeMatrix
}

// moved is what a piece of work of so many operations is worth to be shared that writes or
// reads the tape of rows (t,p), or writes the packed weights that their steps read. Where one
// worker does all steps, what others have to do with it goes from the caches of one core to
// those of another: four times as much must be to do before that pays.
func (u *Unrolled) moved(flops float64, rows int) float64 {
	if u.units.parts == 0 && u.parts(u.stepsPiece(rows)) == 1 {
		return flops / 4
	}
	return flops
}

// copyPiece is the size of copying rows (t,p) of in elements, and of their masks.
func (u *Unrolled) copyPiece(rows, in int) piece {
	return piece{copyWork * float64(rows) * float64(in), units(rows, rowUnit)}
}

// stepsPiece is the size of the steps of rows (t,p), where the rows of the batch are
// divided into shares.
func (u *Unrolled) stepsPiece(rows int) piece {
	sh := &u.net.Shape
	return piece{2 * float64(sh.Gates) * float64(rows) * float64(sh.States[0]), u.rowShares()}
}

// mergePiece is the size of merging the outputs of two directions in rows (t,p).
func (u *Unrolled) mergePiece(rows int) piece {
	return piece{copyWork * float64(rows) * float64(u.out), u.rowShares()}
}

// gradientsPiece is the size of the gradient of the input, if it is wanted, in rows (t,p)
// of a layer with in inputs, and of what is done beside it.
func (u *Unrolled) gradientsPiece(rows, in int, dx bool) piece {
	sh := &u.net.Shape
	most := max(units(sh.totalsEnd-sh.totalsBegin, totalUnit), units(rows, rowUnit))
	work := float64(sh.Gates) + float64(sh.States[0]+in)
	if dx {
		work += float64(2 * float64(sh.Gates) * float64(in))
	}
	return piece{u.moved(float64(rows)*work, rows), most}
}

// weightGradientsPiece is the size of the gradients of the matrices from rows (t,p) of a
// layer with in inputs.
func (u *Unrolled) weightGradientsPiece(rows, in int) piece {
	sh := &u.net.Shape
	flops := 2 * float64(sh.Gates) * float64(rows) * float64(sh.States[0]+in)
	return piece{u.moved(flops, rows), units(sh.Gates, gradUnit)}
}

// rowShares is into how many shares the rows of the batch may be cut.
func (u *Unrolled) rowShares() int {
	if u.workers.limit.Shared() {
		return u.batch
	}
	return u.batch / fewRows
}

// parts is the number of parts that a piece of work is cut into: at most as many as
// it has shares, and as many as it is worth.
func (u *Unrolled) parts(p piece) int {
	return u.workers.limit.Parts(u.isa, p.flops/2, min(u.workers.most, p.most))
}

// fork does all shares of a task of size p, on the team.
func (u *Unrolled) fork(p piece, task func(w, n int)) {
	k := &u.workers
	team.RunAwake(u.parts(p), k.limit.Asleep(u.isa, p.flops/2, min(k.most, p.most)), task)
}

// SetWorkers changes the most parts that work is cut into, which are at most GOMAXPROCS as it
// is now and split.MaxWorkers; 0: as many as these. It allocates what as many workers need as
// the largest pieces of work have parts. It panics if n is negative.
func (u *Unrolled) SetWorkers(n int) {
	if n < 0 {
		panic(fmt.Sprintf("%s: SetWorkers(%d), want a number of goroutines, or 0 for automatic", u.net.Kind, n))
	}
	u.setMostWorkers(n)
	u.growWorkers()
	u.Refresh()
}

// setMostWorkers says into how many parts work may be cut, and whether steps are split by
// units.
func (u *Unrolled) setMostWorkers(n int) {
	k := &u.workers
	k.limit = split.LimitOf(n)
	k.most = k.limit.Most()
	u.setUnitParts(u.unitParts())
}

// workerCounts is how many workers need memory: for steps, for W_hh after its mask, for
// products of gradients that are summed by so many chunks.
func (u *Unrolled) workerCounts(chunks int) (steps, packs, gradients int) {
	net, rows := u.net, u.chunk*u.batch
	in := net.widest()
	if net.Noise.Weight > 0 {
		packs = u.parts(u.packPiece(true)) // whatever pass comes
	}
	if u.keep {
		gradients = max(u.parts(u.gradientsPiece(rows, in, true)), u.parts(u.weightGradientsPiece(chunks*rows, in)))
	}
	steps = max(packs, gradients, u.units.parts, u.parts(u.productsPiece(rows, in)), u.parts(u.copyPiece(rows, in)), u.parts(u.stepsPiece(rows)))
	return steps, packs, gradients
}

// growWorkers allocates what the workers need that they do not have yet.
func (u *Unrolled) growWorkers() {
	k, chunks := &u.workers, u.back.sums.chunks
	steps, packs, gradients := u.workerCounts(chunks)
	work := u.gradientsWork(chunks)
	for len(k.products) < gradients {
		k.products = append(k.products, pages.Floats(work))
	}
	for len(k.steps) < steps {
		s := newStep(u.isa, u.net)
		s.masks.unrolled = u
		s.strip = u.newStrip()
		k.steps = append(k.steps, s)
	}
	for len(k.droppedW) < packs {
		k.droppedW = append(k.droppedW, pages.Floats(len(u.net.W[0].Hh)))
	}
}

// workerBytes is the size of what growWorkers makes for a new Unrolled.
func (u *Unrolled) workerBytes(chunks int) int {
	steps, packs, gradients := u.workerCounts(chunks)
	var one size
	one.steps([]Step{newStep(u.isa, u.net)})
	one += size(4 * u.stripSize())
	return steps*int(one) + 4*(packs*len(u.net.W[0].Hh)+gradients*u.gradientsWork(chunks))
}

// gradientsWork is the scratch that a worker needs for the products of the weight
// gradients, summed by so many chunks, or for rows of dx.
func (u *Unrolled) gradientsWork(chunks int) int {
	most, rows := u.net.Shape.Gates, u.chunk*u.batch // by symbols W_ih has products of its own
	for _, part := range u.back.sums.list {
		most = max(most, part.cols)
	}
	return max(u.isa.GemmRowsWork(most, chunks*rows), rows*u.net.Input)
}
