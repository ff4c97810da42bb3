package seq

import (
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
)

// Where the rows of x are those of a table, chosen by symbols, a pass multiplies each of the
// table's rows that it reads by W_ih once, however often the symbol comes, and copies the result
// to the pairs (t,b). On the way back the gradients of the pre-activations are summed by
// symbols, and the products that give dW_ih and the gradient of the table have a row for each
// symbol in place of one for each pair (rule 4 of docs/numerics.md). The products are to
// the bit what Forward gives. Where no symbol comes twice, and all rows have all steps, the sums
// are to the bit what Backward gives. Chunks count symbols here, not steps: with rows of
// different lengths, in more than one chunk, the sums are others.

// symbols is what a pass over symbols needs.
type symbols struct {
	on       bool      // of the last Forward
	table    []float32 // [V][Input], the caller's, until Backward
	dTable   []float32 // nil: not wanted
	padding  int32     // of the Backward under way, -1 without
	ids      []int32   // [T*B], as the caller's tensors are laid out
	slot     []int32   // of each symbol, its place in list plus 1; 0: it does not come
	list     []int32   // the symbols that come
	dirs     []symbolSums
	pairs    []int32 // of a block: the slot of each pair, ^slot where it comes first
	seen     []bool  // by slot, in the Backward of a direction
	lo, hi   int     // what is under way of list, or of the order of a direction
	copy     func(w, n int)
	project  func(w, n int)
	add      func(w, n int)
	pack     func(w, n int)
	multiply func(w, n int)
	scatter  func(w, n int)
}

// symbolSums is what a direction has for each symbol, by slot.
type symbolSums struct {
	product []float32 // [slots][Gates], W_ih times the rows of the table, with the bias
	sum     []float32 // [slots][Gates], the gradients of the pre-activations
	order   []int32   // slots as Backward visits them first
	ids     []int32   // the symbols of these
}

// TakesSymbols says whether ForwardSymbols can take the place of Forward: not with masks on the
// input, which differ from pair to pair.
func (u *Unrolled) TakesSymbols() bool { return u.net.Noise.Input == 0 }

// ReserveSymbols allocates what passes over a table of that many rows need, which the first
// ForwardSymbols does otherwise. Where it does, what the last one kept is given up.
func (u *Unrolled) ReserveSymbols(vocabulary int) {
	if vocabulary < 0 {
		panic(fmt.Sprintf("%s: ReserveSymbols(%d), want the rows of a table, 0 or more", u.net.Kind, vocabulary))
	}
	s := &u.symbols
	if s.project != nil && len(s.slot) >= vocabulary {
		return
	}
	if s.on {
		u.endBackward()
	}
	most := min(vocabulary, u.steps*u.batch)
	s.slot, s.list, s.ids = make([]int32, vocabulary), make([]int32, 0, most), make([]int32, 0, u.steps*u.batch)
	s.dirs = nil
	for range u.net.Reverse {
		d := symbolSums{product: pages.Floats(most * u.net.Shape.Gates)}
		if u.keep {
			d.sum = pages.Floats(most * u.net.Shape.Gates)
			d.order, d.ids = make([]int32, 0, most), make([]int32, 0, most)
		}
		s.dirs = append(s.dirs, d)
	}
	s.copy, s.project = u.copySymbols, u.projectSymbols
	if u.keep {
		s.pairs, s.seen = make([]int32, 0, u.chunk*u.batch), make([]bool, most)
		s.add, s.pack, s.multiply, s.scatter = u.addSymbols, u.packSymbols, u.multiplySymbols, u.scatterSymbols
	}
}

// bytes adds up the memory of symbols.
func (s *symbols) bytes() (total size) {
	for i := range s.dirs {
		d := &s.dirs[i]
		total.floats(d.product, d.sum)
		total += size(4 * (cap(d.order) + cap(d.ids)))
	}
	return total + size(4*(cap(s.slot)+cap(s.list)+cap(s.ids)+cap(s.pairs))+cap(s.seen))
}

// ForwardSymbols is Forward over x[t][b] = table[ids[t][b]], with the same bits: table is
// [V][Input], ids [T][B] as x would be laid out. Ids past the end of a row do not count. It
// copies ids and holds on to table until Backward has used it. It panics where Forward does, for
// an id outside of the table, and if TakesSymbols is false.
func (u *Unrolled) ForwardSymbols(y, table []float32, ids []int32) {
	t := u.symbolWindow(y, table, ids)
	u.ReserveSymbols(len(table) / u.net.Input)
	s := &u.symbols
	s.table, s.ids = table, append(s.ids[:0], ids...)
	u.forward(y, nil, t, true)
}

// symbolWindow returns the number of steps of y and ids. It panics if they do not belong to one,
// if an id that counts is not in the table, or if their memory is of no use.
func (u *Unrolled) symbolWindow(y, table []float32, ids []int32) (t int) {
	const method = "ForwardSymbols"
	n := u.net
	if !u.TakesSymbols() {
		panic(fmt.Sprintf("%s: %s with Config.InputDropout, whose masks differ from pair to pair: look the rows up and call Forward", n.Kind, method))
	}
	t = u.stepsOf(y)
	if len(y) != t*u.batch*u.out || len(ids) != t*u.batch {
		panic(fmt.Sprintf("%s: %s with len(y) = %d and len(ids) = %d: for T steps of a batch of %d they must be T*%d and T*%d", n.Kind, method, len(y), len(ids), u.batch, u.batch*u.out, u.batch))
	}
	vocabulary := n.rowsOf(method, table)
	u.mustFit(method, t, "give SetLengths those of this call, or nil")
	for k, id := range ids {
		if id >= 0 && int(id) < vocabulary {
			continue
		}
		step, row := k/u.batch, k%u.batch
		if u.rows.batchFirst {
			step, row = k%t, k/t
		}
		if u.rows.lengths == nil || step < u.rows.lengths[u.rows.placeOf(row)] {
			panic(fmt.Sprintf("%s: %s: id %d of step %d, row %d, want 0 to %d, the rows of the table", n.Kind, method, id, step, row, vocabulary-1))
		}
	}
	u.mustBeApart(method, y, "the table", table)
	return t
}

// rowsOf is the number of rows of a table of inputs. It panics if they are not whole.
func (n *Net) rowsOf(method string, table []float32) int {
	rows := len(table) / n.Input
	if len(table) != rows*n.Input || rows > math.MaxInt32 {
		panic(fmt.Sprintf("%s: %s with a table of %d elements, want V rows of %d inputs, V below 2^31", n.Kind, method, len(table), n.Input))
	}
	return rows
}

// listSymbols lists the symbols of the window, by the steps and rows at which they come first.
func (u *Unrolled) listSymbols() {
	s := &u.symbols
	for _, id := range s.list {
		s.slot[id] = 0
	}
	s.list = s.list[:0]
	for t := range u.rows.total {
		for b := range u.batch {
			if t >= u.rows.whole(u.rows.placeOf(b)) {
				continue
			}
			if id := s.ids[u.rows.userWindow(t, b)]; s.slot[id] == 0 {
				s.list = append(s.list, id)
				s.slot[id] = int32(len(s.list))
			}
		}
	}
}

// slotOf is the slot of the symbol of row r = t*B+p of what is kept.
func (u *Unrolled) slotOf(r int) int {
	return int(u.symbols.slot[u.symbols.ids[u.rows.userRow(r)]] - 1)
}

// symbolProducts multiplies the rows of the table that the pass reads by W_ih of the first layer.
func (u *Unrolled) symbolProducts() {
	s := &u.symbols
	u.listSymbols()
	for dir := range u.net.Reverse {
		u.job = job{dir: dir, i: dir}
		for s.lo = 0; s.lo < len(s.list); s.lo = s.hi {
			s.hi = min(s.lo+u.chunk*u.batch, len(s.list))
			u.forkProducts(s.hi-s.lo, s.copy, s.project)
		}
	}
}

// projectSymbols is a share of the products for the symbols under way.
func (u *Unrolled) projectSymbols(w, n int) {
	s, in, gates := &u.symbols, u.net.Input, u.net.Shape.Gates
	lo, hi, of := u.productShare(s.hi-s.lo, w, n)
	if lo == hi {
		return
	}
	if !u.job.columns {
		u.copySymbols(w, n)
	}
	u.pack[u.job.i].inputProduct(&u.net.Shape, of, 0, hi-lo, u.memory.inRows[lo*in:], in, s.dirs[u.job.dir].product[(s.lo+lo)*gates:], gates)
}

// copySymbols copies a share of the rows of the table of the symbols under way, with tiny values
// as +0.
func (u *Unrolled) copySymbols(w, n int) {
	s, in := &u.symbols, u.net.Input
	lo, hi := split.Share(s.hi-s.lo, rowUnit, w, n)
	for k, id := range s.list[s.lo+lo : s.lo+hi] {
		u.isa.CopyFlush(u.memory.inRows[(lo+k)*in:][:in], s.table[int(id)*in:][:in])
	}
}

// copyProducts sets the input's part of the gates of rows r to end-1 of the tape, from row base
// of it on, to the products of their symbols.
func (u *Unrolled) copyProducts(r, end, base int) {
	sh, product := &u.net.Shape, u.symbols.dirs[u.job.dir].product
	for ; r < end; r++ {
		copy(u.memory.tape[u.job.i][(r-base)*sh.Tape:][:sh.Gates], product[u.slotOf(r)*sh.Gates:])
	}
}

// overSymbols says whether a layer's input is rows of a table.
func (u *Unrolled) overSymbols(layer int) bool { return layer == 0 && u.symbols.on }
