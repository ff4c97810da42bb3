package seq

import "github.com/simdrnn/simdrnn/kernels"

// packing is the weights of one direction of one layer as the products want
// them: with tiny values as +0 (rule 8), whatever the parameters hold.
type packing struct {
	in      *kernels.Packed   // W_ih transposed, [In][Gates]
	recur   []*kernels.Packed // the blocks of W_hh transposed, [R][Rows]
	project *kernels.Packed   // the projection transposed, [Hidden][R]; nil without
	bias    []float32         // flush(fl(b_ih + b_hh)), b_ih in the rows of an OwnChain; nil without biases
	biasHh  [][]float32       // for each block that is an OwnChain its rows of b_hh, nil for others
	extra   [][]float32       // copies of the extra vectors, nil for matrices

	// For the backward pass.
	inBack      *kernels.Packed   // W_ih, [Gates][In]
	recurBack   []*kernels.Packed // the blocks of W_hh, [Rows][R]
	projectBack *kernels.Packed   // the projection, [R][Hidden]

	stored stored
}

// newPacking makes room for all but W_hh, which newRecur and newRecurBack do. The columns of
// W_ih are in as many groups.
func (n *Net) newPacking(isa kernels.ISA, w *Weights, groups int, back bool) packing {
	sh := &n.Shape
	r := sh.States[0]
	p := packing{in: isa.NewPackedGroups(w.In, groups, sh.Gates/groups)}
	if w.BiasIh != nil {
		p.bias = make([]float32, sh.Gates)
	}
	if back {
		p.inBack = isa.NewPacked(sh.Gates, w.In)
	}
	for _, b := range sh.Recur {
		var bias []float32
		if b.OwnChain && p.bias != nil {
			bias = make([]float32, b.Rows)
		}
		p.biasHh = append(p.biasHh, bias)
	}
	if sh.Project != nil {
		p.project = isa.NewPacked(sh.Hidden, r)
		if back {
			p.projectBack = isa.NewPacked(r, sh.Hidden)
		}
	}
	for k, e := range sh.Extra {
		var v []float32
		if e.Cols == 0 && w.all[FirstExtra+k] != nil {
			v = make([]float32, e.Rows)
		}
		p.extra = append(p.extra, v)
	}
	return p
}

// newRecurBack makes room for the blocks of W_hh on the way back.
func (p *packing) newRecurBack(n *Net, isa kernels.ISA) {
	for _, b := range n.Shape.Recur {
		p.recurBack = append(p.recurBack, isa.NewPacked(b.Rows, n.Shape.States[0]))
	}
}

// A part is what one worker packs of a matrix, or multiplies by: part w of n of the columns.
// Vectors are packed with part 0.
type part struct{ w, n int }

var wholeMatrix = part{0, 1}

// packIn and packRecur fill the forward part of p. hh is W_hh, or what stands
// for it while some of its elements are dropped.
func (p *packing) packIn(n *Net, isa kernels.ISA, w *Weights, of part) {
	p.in.PackFlushPart(of.w, of.n, true, w.Ih, w.In)
	p.packRest(n, isa, w, of)
}

// packRest is packIn without W_ih.
func (p *packing) packRest(n *Net, isa kernels.ISA, w *Weights, of part) {
	if p.project != nil {
		p.project.PackFlushPart(of.w, of.n, true, w.all[n.Shape.Project.Extra], n.Shape.Hidden)
	}
	if of.w == 0 {
		p.packVectors(n, isa, w)
	}
}

func (p *packing) packVectors(n *Net, isa kernels.ISA, w *Weights) {
	for k, v := range p.extra {
		if v != nil {
			isa.CopyFlush(v, w.all[FirstExtra+k])
		}
	}
	if p.bias == nil {
		return
	}
	isa.AddFlush(p.bias, w.BiasIh, w.BiasHh)
	for i, b := range n.Shape.Recur {
		if b.OwnChain {
			end := b.Row + b.Rows
			isa.CopyFlush(p.bias[b.Row:end], w.BiasIh[b.Row:end])
			isa.CopyFlush(p.biasHh[i], w.BiasHh[b.Row:end])
		}
	}
}

// inputProduct sets rows of c, ldc apart, to the input's part of the gates for as many rows of x:
// a chain over x from the bias, or from +0 where the cell adds it. It does so for a part of the
// columns, and order is theirs.
func (p *packing) inputProduct(sh *Shape, of part, order kernels.Into, rows int, x []float32, width int, c []float32, ldc int) {
	if bias := p.inputBias(sh); bias != nil {
		p.in.GemmBiasPart(of.w, of.n, rows, x, width, bias, c, ldc)
	} else {
		p.in.GemmPart(of.w, of.n, kernels.Set|order, rows, x, width, c, ldc)
	}
}

// inputProductFrom is inputProduct, from W_ih as it is stored if there is a strip to pack it in.
func (p *packing) inputProductFrom(strip []float32, sh *Shape, of part, rows int, x []float32, width int, c []float32, ldc int) {
	if strip == nil {
		p.inputProduct(sh, of, 0, rows, x, width, c, ldc)
		return
	}
	p.stored.in.GemmPart(of.w, of.n, strip, kernels.Set, rows, x, width, p.inputBias(sh), c, ldc)
}

// inputBias is what the chains over x start from, nil where that is +0.
func (p *packing) inputBias(sh *Shape) []float32 {
	if sh.BiasInCell {
		return nil
	}
	return p.bias
}

// packRecur packs nothing where W_hh is multiplied by as it is stored.
func (p *packing) packRecur(n *Net, hh []float32, of part) {
	r := n.Shape.States[0]
	for i := range p.recur {
		p.recur[i].PackFlushPart(of.w, of.n, true, hh[n.Shape.Recur[i].Row*r:], r)
	}
}

// packRecurBack fills the backward part of p but for inBack.
func (p *packing) packRecurBack(n *Net, w *Weights, hh []float32, of part) {
	r := n.Shape.States[0]
	for i := range p.recurBack {
		p.recurBack[i].PackFlushPart(of.w, of.n, false, hh[n.Shape.Recur[i].Row*r:], r)
	}
	if p.projectBack != nil {
		p.projectBack.PackFlushPart(of.w, of.n, false, w.all[n.Shape.Project.Extra], n.Shape.Hidden)
	}
}
