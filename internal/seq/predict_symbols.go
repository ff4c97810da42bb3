package seq

import (
	"fmt"
)

// A Predictor over symbols keeps the product of a row of the table with W_ih of its first layer,
// so that a step copies it the next time that the symbol comes.

// heldSymbols is what HoldSymbols has made.
type heldSymbols struct {
	table   []float32 // [V][Input], the caller's; nil: none
	product []float32 // [V][Gates], with the bias
	made    []bool    // by symbol: its product is there
	row     []float32 // of the table, with tiny values as +0
	ids     []int32   // of the step under way, nil in one over x
}

// heldFloats is what the products take at most that TakesSymbols is for, or as much as the
// matrices of the first layer.
const heldFloats = 1 << 18

// TakesSymbols says whether the products of that many rows of a table take little memory.
func (p *Predictor) TakesSymbols(vocabulary int) bool {
	w := &p.net.W[0]
	return vocabulary <= max(heldFloats, len(w.Ih)+len(w.Hh))/p.net.Shape.Gates
}

// HoldSymbols makes room for the products of the rows of table, [V][Input], for StepSymbols; nil
// gives it up. It keeps the table, not a copy: after Refresh products are made of the table as
// it is then. It panics if the table is not whole rows.
func (p *Predictor) HoldSymbols(table []float32) {
	n := p.net
	vocabulary := n.rowsOf("HoldSymbols", table)
	p.symbols = heldSymbols{}
	if table != nil {
		p.symbols = heldSymbols{
			table: table, product: make([]float32, vocabulary*n.Shape.Gates), made: make([]bool, vocabulary), row: make([]float32, n.Input),
		}
	}
}

// makeProducts makes those products of the symbols under way that are not there. All of them at
// once would take longer than most sequences of steps do.
func (p *Predictor) makeProducts() {
	s, in, gates := &p.symbols, p.net.Input, p.net.Shape.Gates
	for _, id := range s.ids {
		if s.made[id] {
			continue
		}
		s.made[id] = true
		p.isa.CopyFlush(s.row, s.table[int(id)*in:][:in])
		p.pack[0].inputProduct(&p.net.Shape, wholeMatrix, 0, 1, s.row, in, s.product[int(id)*gates:], gates)
	}
}

// StepSymbols is Step over the rows of the table of HoldSymbols that ids, [B], name, with the same
// bits. It panics, before it changes anything, where Step does, for an id that is not a row, and
// without a table.
func (p *Predictor) StepSymbols(y []float32, ids []int32) {
	n, s := p.net, &p.symbols
	if s.table == nil {
		panic(n.Kind + ": StepSymbols without a table, want HoldSymbols before it")
	}
	if len(y) != p.batch*n.Out() || len(ids) != p.batch {
		panic(fmt.Sprintf("%s: StepSymbols with len(y) = %d and len(ids) = %d, want %d and %d: batch %d * %d and %d", n.Kind, len(y), len(ids), p.batch*n.Out(), p.batch, p.batch, n.Out(), p.batch))
	}
	vocabulary := len(s.table) / n.Input
	for b, id := range ids {
		if id < 0 || int(id) >= vocabulary {
			panic(fmt.Sprintf("%s: StepSymbols: id %d of row %d, want 0 to %d, the rows of the table", n.Kind, id, b, vocabulary-1))
		}
	}
	n.mustNotOverlap("StepSymbols", "y", y, "the table", s.table)
	n.mustNotOverlapWeights("StepSymbols", "y", y)
	s.ids = ids
	p.makeProducts()
	p.run(y, nil)
	s.ids = nil
}

// copyHeld sets columns lo to hi-1 of rows b to end-1 of the tape to the products of their symbols.
func (p *Predictor) copyHeld(b, end, lo, hi int) {
	sh := &p.net.Shape
	for ; b < end; b++ {
		copy(p.tape[b*sh.Tape:][lo:hi], p.symbols.product[int(p.symbols.ids[b])*sh.Gates:][lo:hi])
	}
}
