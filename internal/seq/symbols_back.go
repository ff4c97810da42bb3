package seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// BackwardSymbols is Backward after ForwardSymbols. In place of setting dx it adds to dTable,
// [V][Input], nil if not wanted, a row for each symbol but the one of padding, -1 for none. The
// sums go by symbols (rule 4 of docs/numerics.md). It panics, before it changes anything, where
// Backward does, if dTable has another size than the table, and if it overlaps dy, the table, a
// parameter or a gradient.
func (u *Unrolled) BackwardSymbols(dTable, dy []float32, padding int32) {
	const method = "BackwardSymbols"
	u.mustKeep(method)
	s := &u.symbols
	if u.last.canBackward && !s.on {
		panic(u.net.Kind + ": BackwardSymbols after Forward, want Backward; or give ForwardSymbols the table and the ids")
	}
	u.checkBackward(method, nil, dy)
	if dTable != nil && len(dTable) != len(s.table) {
		panic(fmt.Sprintf("%s: %s with len(dTable) = %d, want %d, that of the table of ForwardSymbols", u.net.Kind, method, len(dTable), len(s.table)))
	}
	if vocabulary := len(s.table) / u.net.Input; padding < -1 || int(padding) >= vocabulary {
		panic(fmt.Sprintf("%s: %s with padding %d, want a row of the table, 0 to %d, or -1 for none", u.net.Kind, method, padding, vocabulary-1))
	}
	u.net.mustNotOverlap(method, "dTable", dTable, "dy", dy)
	u.net.mustNotOverlap(method, "dTable", dTable, "the table", s.table)
	u.mustNotOverlapParams(method, "dTable", dTable)
	s.dTable, s.padding = dTable, padding
	u.backward(nil, dy, dTable != nil)
}

// beginSymbols begins the sums of a direction.
func (u *Unrolled) beginSymbols() {
	s := &u.symbols
	d := &s.dirs[u.job.dir]
	d.order, d.ids = d.order[:0], d.ids[:0]
	clear(s.seen)
}

// symbolPairs lists the slots of the pairs of the block, in their order.
func (u *Unrolled) symbolPairs() {
	s, l := &u.symbols, &u.back.pairs
	d := &s.dirs[u.job.dir]
	s.pairs = s.pairs[:0]
	for _, r := range l.tape[l.block:] {
		slot := int32(u.slotOf(int(r)))
		if s.seen[slot] {
			s.pairs = append(s.pairs, slot)
			continue
		}
		s.seen[slot] = true
		d.order, d.ids = append(d.order, slot), append(d.ids, s.list[slot])
		s.pairs = append(s.pairs, ^slot)
	}
}

// addSymbols adds a share of the columns of the block's gradients to the sums of their symbols.
func (u *Unrolled) addSymbols(w, n int) {
	s, sh := &u.symbols, &u.net.Shape
	lo, hi := split.Share(sh.Gates, totalUnit, w, n)
	if lo == hi {
		return
	}
	sum, tape := s.dirs[u.job.dir].sum, u.memory.tape[u.job.i]
	for k, r := range u.back.pairs.tape[u.back.pairs.block:] {
		from := tape[int(r)*sh.Tape:][lo:hi]
		if slot := s.pairs[k]; slot < 0 {
			copy(sum[int(^slot)*sh.Gates:][lo:hi], from)
		} else {
			d := sum[int(slot)*sh.Gates:][lo:hi]
			u.isa.Add(d, d, from)
		}
	}
}

// symbolGradients adds the sums of a direction to dW_ih, in chunks of as many symbols as the
// others have pairs, and after the last direction those of all to the gradient of the table.
func (u *Unrolled) symbolGradients() {
	s, in := &u.symbols, u.net.Input
	d := &s.dirs[u.job.dir]
	chunk := u.chunk * u.batch
	visit := u.back.sums.chunks * chunk
	for s.lo = 0; s.lo < len(d.order); s.lo = s.hi {
		s.hi = min(s.lo+visit, len(d.order))
		f := u.back.sums.input()
		f.Reset(in)
		for k := s.lo; k < s.hi; k += chunk {
			f.Chunk(min(chunk, s.hi-k))
		}
		u.fork(u.copyPiece(s.hi-s.lo, in+u.net.Shape.Gates), s.pack)
		u.fork(u.symbolsPiece(s.hi-s.lo), s.multiply)
	}
	if s.dTable == nil || u.job.dir < len(u.net.Reverse)-1 {
		return
	}
	for s.lo = 0; s.lo < len(s.list); s.lo = s.hi {
		s.hi = min(s.lo+chunk, len(s.list))
		u.fork(u.productsPiece(s.hi-s.lo, in), s.scatter)
	}
}

// symbolsPiece is the size of adding so many symbols to dW_ih.
func (u *Unrolled) symbolsPiece(rows int) piece {
	p := u.productsPiece(rows, u.net.Input)
	p.most = units(u.net.Shape.Gates, gradUnit)
	return p
}

// packSymbols prepares a share of both factors of dW_ih for the symbols under way: their sums,
// in which tiny values become +0, and their rows of the table.
func (u *Unrolled) packSymbols(w, n int) {
	s, gates := &u.symbols, u.net.Shape.Gates
	d := &s.dirs[u.job.dir]
	lo, hi := split.Share(s.hi-s.lo, 1, w, n)
	for _, slot := range d.order[s.lo+lo : s.lo+hi] {
		row := d.sum[int(slot)*gates:][:gates]
		u.isa.CopyFlush(row, row)
	}
	f, chunk := u.back.sums.input(), u.chunk*u.batch
	for c := range f.Chunks() {
		from := s.lo + c*chunk
		f.PackFlush(c, s.table, u.net.Input, d.ids[from:min(from+chunk, s.hi)], w, n)
	}
}

// multiplySymbols adds the symbols under way to a share of the rows of dW_ih.
func (u *Unrolled) multiplySymbols(w, n int) {
	s, in, gates := &u.symbols, u.net.Input, u.net.Shape.Gates
	lo, hi := split.Share(gates, gradUnit, w, n)
	if lo == hi {
		return
	}
	d := &s.dirs[u.job.dir]
	u.isa.GemmRows(kernels.AddTo, hi-lo, d.sum[lo:], gates, d.order[s.lo:s.hi], u.workers.products[w],
		kernels.RowsProduct{B: u.back.sums.input(), C: u.back.grads[u.job.i].Ih[lo*in:][:(hi-lo)*in], LDC: in})
}

// scatterSymbols adds a share of the symbols under way to the gradient of the table: the chain
// over the rows of W_ih of the first direction, continued by the second's.
func (u *Unrolled) scatterSymbols(w, n int) {
	s, in, gates := &u.symbols, u.net.Input, u.net.Shape.Gates
	lo, hi := split.Share(s.hi-s.lo, rowUnit, w, n)
	if lo == hi {
		return
	}
	dx, into := u.workers.products[w], kernels.Set
	for dir := range u.net.Reverse {
		u.pack[dir].inBack.Gemm(into, hi-lo, s.dirs[dir].sum[(s.lo+lo)*gates:], gates, dx, in)
		into = kernels.Continue
	}
	for k, id := range s.list[s.lo+lo : s.lo+hi] {
		if id != s.padding {
			d := s.dTable[int(id)*in:][:in]
			u.isa.Add(d, d, dx[k*in:][:in])
		}
	}
}
