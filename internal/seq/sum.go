package seq

import (
	"slices"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// The gradient of a matrix is a sum over all pairs (t,b), chunk by chunk (rule 4 of
// docs/numerics.md): the gradients of pre-activations, columns of the tape, times a
// factor, which is the input, h, or other columns of the tape. Several chunks are added
// to the gradient at a time, a visit (see split.VisitChunks).

// A factor is what the gradients of pre-activations are multiplied by: the input, h, or
// the tape's columns from col on.
type factor struct {
	of         factorOf
	col, width int
	rows       *kernels.Rows
}

type factorOf uint8

const (
	ofInput factorOf = iota
	ofHidden
	ofTape
)

// A sum is what a run of columns of the tape goes to.
type sum struct {
	col, cols int
	to        []sumTo
}

// A sumTo is the rows of a parameter from row on, whose gradient is the product of the
// columns by a factor.
type sumTo struct{ param, row, factor int }

// sums holds what the gradients of matrices need between blocks.
type sums struct {
	factors []factor
	list    []sum
	chunks  int       // of a visit
	masked  []float32 // a chunk's sum for dW_hh, before its mask
}

// input is the factor of W_ih, which newSums makes first.
func (s *sums) input() *kernels.Rows { return s.factors[0].rows }

// newSums makes all but the memory of factors.
func (n *Net) newSums() sums {
	sh := &n.Shape
	var s sums
	if n.Noise.Weight > 0 { // each chunk goes through a mask
		s.masked = pages.Floats(len(n.W[0].Hh))
	}
	find := func(of factorOf, col, width int) int {
		for i, f := range s.factors {
			if f.of == of && f.col == col {
				return i
			}
		}
		s.factors = append(s.factors, factor{of: of, col: col, width: width})
		return len(s.factors) - 1
	}
	type use struct {
		sum
		sumTo
	}
	r := sh.States[0]
	uses := []use{{sum{cols: sh.Gates}, sumTo{weightIh, 0, find(ofInput, 0, n.widest())}}}
	for _, b := range sh.Recur {
		f := find(ofHidden, 0, r)
		if b.Factor > 0 {
			f = find(ofTape, b.Factor, r)
		}
		uses = append(uses, use{sum{col: b.Col, cols: b.Rows}, sumTo{weightHh, b.Row, f}})
	}
	if p := sh.Project; p != nil {
		uses = append(uses, use{sum{col: p.Col, cols: r}, sumTo{p.Extra, 0, find(ofTape, p.Factor, sh.Hidden)}})
	}
	// The uses overlap. A sum is a run of columns that all have the same uses.
	var ends []int
	for _, u := range uses {
		ends = append(ends, u.col, u.col+u.cols)
	}
	slices.Sort(ends)
	for i, col := range ends[:len(ends)-1] {
		part := sum{col: col, cols: ends[i+1] - col}
		for _, u := range uses {
			if u.col <= col && col < u.col+u.cols {
				part.to = append(part.to, sumTo{u.param, u.row + col - u.col, u.factor})
			}
		}
		if part.cols > 0 && len(part.to) > 0 {
			s.list = append(s.list, part)
		}
	}
	return s
}

// visitChunks is how many chunks of a pass over steps steps are summed at a time.
func (u *Unrolled) visitChunks(steps int) int {
	n, sh := u.net, &u.net.Shape
	if n.Noise.Weight > 0 {
		return 1
	}
	most := split.VisitChunks(u.chunk*u.batch, max(n.widest(), sh.States[0], sh.Hidden))
	return max(1, min(most, units(steps, u.chunk)))
}

// setVisit makes room for sums of so many chunks at a time.
func (u *Unrolled) setVisit(chunks int) {
	s, rows := &u.back.sums, chunks*u.chunk*u.batch
	s.chunks = chunks
	for i := range s.factors {
		f := &s.factors[i]
		f.rows = u.isa.NewRows(f.width, rows, chunks)
	}
	u.back.pairs = newPairs(u.chunk*u.batch, rows)
}

// visitBytes is the size of what setVisit makes.
func (u *Unrolled) visitBytes(chunks int) int {
	block := u.chunk * u.batch
	bytes := 4 * (chunks + 2) * block // pairs
	for _, f := range u.back.sums.factors {
		bytes += u.isa.NewRows(f.width, 1, 0).Bytes()*chunks*block + 8*chunks
	}
	return bytes
}

// beginSums begins the sums of a direction's gradients, or of the chunks after a visit.
func (u *Unrolled) beginSums() {
	u.back.pairs.tape = u.back.pairs.tape[:0]
	for i := range u.back.sums.factors {
		f := &u.back.sums.factors[i]
		width := f.rows.Cols()
		if f.of == ofInput {
			width = u.net.W[u.job.i].In
		}
		f.rows.Reset(width)
	}
}

// addChunk adds the pairs of the block to the factors, whose rows packFactors then sets.
func (u *Unrolled) addChunk() {
	for _, f := range u.back.sums.factors {
		f.rows.Chunk(len(u.back.pairs.x))
	}
}

// packFactors sets a share of the block's rows of all factors.
func (u *Unrolled) packFactors(w, n int) {
	sh, l := &u.net.Shape, &u.back.pairs
	for _, f := range u.back.sums.factors {
		c := f.rows.Chunks() - 1
		switch f.of {
		case ofInput:
			if u.overSymbols(u.job.layer) {
				continue
			}
			x, width := u.input(u.job.layer)
			switch {
			case u.dropsInput(u.job.layer):
				f.rows.Pack(c, u.memory.inRows, width, l.x, w, n)
			case u.job.layer == 0:
				f.rows.PackFlush(c, x, width, l.x, w, n)
			default:
				f.rows.Pack(c, x, width, l.x, w, n)
			}
		case ofHidden:
			f.rows.Pack(c, u.memory.h[u.job.layer][u.job.dir*sh.States[0]:], u.net.wide(), l.previous, w, n)
		case ofTape:
			f.rows.Pack(c, u.memory.tape[u.job.i][f.col:], sh.Tape, l.tape[l.block:], w, n)
		}
	}
}

// weightGradients adds the chunks of all factors to a share of the rows of the gradients
// of matrices.
func (u *Unrolled) weightGradients(w, n int) {
	g, tape, rows, work := &u.back.grads[u.job.i], u.memory.tape[u.job.i], u.back.pairs.tape, u.workers.products[w]
	stride, s := u.net.Shape.Tape, &u.back.sums
	masked := u.masks.drawn && s.masked != nil
	for _, part := range s.list {
		lo, hi := split.Share(part.cols, gradUnit, w, n)
		if lo == hi {
			continue
		}
		var memory [4]kernels.RowsProduct
		products := memory[:0]
		for _, to := range part.to {
			if s.factors[to.factor].of == ofInput && u.overSymbols(u.job.layer) {
				continue
			}
			factor, row := s.factors[to.factor].rows, to.row+lo
			width := factor.Cols()
			c := g.all[to.param][row*width : (row+hi-lo)*width]
			if !masked || to.param != weightHh {
				products = append(products, kernels.RowsProduct{B: factor, C: c, LDC: width})
				continue
			}
			m := s.masked[row*width:][:len(c)]
			u.isa.GemmRows(kernels.Set, hi-lo, tape[part.col+lo:], stride, rows, work, kernels.RowsProduct{B: factor, C: m, LDC: width})
			u.dropWeights(u.workers.steps[w].masks.numbers, u.job.i, row, m)
			u.isa.Add(c, c, m)
		}
		if len(products) > 0 {
			u.isa.GemmRows(kernels.AddTo, hi-lo, tape[part.col+lo:], stride, rows, work, products...)
		}
	}
}
