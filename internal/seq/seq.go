// Package seq runs a recurrent cell over time: stacks of layers, directions,
// lengths, carried state, back-propagation, weight gradients, inference step
// by step. A cell (an LSTM's, a GRU's, a plain RNN's) contributes the
// arithmetic of one step and a description of its sizes; everything else is
// here once.
//
// # Memory
//
// A state tensor of one layer is kept as T+2 time blocks of [B][width]: block
// t+1 holds the tensor after step t. The state before step t then always
// stands in the neighbouring block: t for a direction that runs forward, t+2
// for one that runs in reverse. The state that a sequence starts from is
// written into the block before its first step: block 0, or, in reverse and
// with lengths, block len(b)+1 of row b. Steps past a row's end write nothing,
// so that block stays what it is until the row's first step in reverse reads
// it.
//
// The blocks of h of all directions of a layer stand side by side,
// [T+2][B][D*H]: blocks 1..T are the layer's output as they are, and the next
// layer's input.
//
// Gates and whatever else a cell keeps for its backward step are its tape,
// [T][B][width]. The backward step replaces the gates by the gradients of
// their pre-activations, so a tape serves one Backward.
//
// Within a budget of bytes T is that of a segment of the sequence (see segments.go).
// Steps and rows t*B+p count from the segment's first step then, and only what reads or
// writes the user's tensors adds where the segment begins.
//
// # Rows
//
// With lengths, the rows of a batch are kept longest first. Those within their
// length at a step are then the first ones, and one product serves them all
// whatever the lengths. In the user's order they would be many runs of a row or
// two, and a product for each run would read all of W_hh. Rows change places where
// they are read from the user's tensors and written to them; sums over the batch go
// by the user's order.
//
// # Masks
//
// What a random mask drops follows from a seed and from counters that say which
// element it is (see masks). So masks are drawn where they are needed, again in the
// backward pass, and never kept. Masks of a layer's input and of W_hh are here; a
// cell applies those of its state, by the methods of Step.
//
// # Tiny values
//
// Denormal numbers slow a product down on many machines. Values below 2^-100 become
// +0 where they come in (rule 8 of docs/numerics.md): x of the first layer in copies of
// its rows, dy in copies of a step's rows, parameters where they are packed, states and
// their gradients where they are set. A cell flushes its own results.
//
// # Order of work
//
// A direction of a layer is done in blocks of steps of about 256 rows (t,b), so
// that the gates of a block are still in the second-level cache when they are
// needed again. Forward multiplies a block's input by W_ih at once, then goes
// step by step. Backward goes step by step, then takes from the block's gradients
// those of the biases and dx, and copies of the input and of h for dW. Up to four
// blocks are added to dW_ih and dW_hh at a time. Over symbols the products with W_ih are made
// before all blocks, those for dW_ih and the table after them (see symbols.go). Each of these
// is a piece of work for the team: the steps are split by rows of the batch, which need nothing of each
// other, so that no worker waits for another inside a piece; the rest by rows or
// columns of what it computes. Where a batch has too few rows for the workers, the
// steps are split by units instead (see Phased): every phase of a step is a piece then.
//
// Rules 1 to 5 of docs/numerics.md fix every sum. Blocks, places of rows and shares of
// workers, which are chosen here, only order independent outputs and change no bit. The
// one exception is the 256 rows of a sum of weight gradients.
package seq

import "github.com/simdrnn/simdrnn/kernels"

// A Cell is the arithmetic of one time step. It holds no state: several
// goroutines call it at once, each with a Step of its own.
type Cell interface {
	// Shape describes the cell's sizes.
	Shape() Shape

	// Forward takes s.Prev and, in s.Tape, the pre-activations of the gates as
	// far as they come from the input. It sets s.State and the tape. s.State and
	// s.Prev may be the same memory: an element of s.State is written after the
	// last use of the same element of s.Prev, and after every product with s.Prev.
	Forward(s *Step)

	// Backward is Forward's mirror. It takes the tape, s.State, s.Prev, the
	// gradient s.Dy of the step's output from above and the gradients s.Grad
	// of the state after the step, s.Dy not included. It replaces s.Grad by
	// the gradients of the state before the step, and the gates in the tape by
	// the gradients of their pre-activations.
	Backward(s *Step)
}

// Shape holds the sizes of a cell. All directions and layers of a network have
// the same, but for the width of their input.
type Shape struct {
	Hidden int // units
	// States are the widths of the state tensors: h, which is the output, then
	// the others in the order in which users see them.
	States []int
	// Gates is the number of rows of W_ih and W_hh. Forward finds W_ih x + b in
	// the first Gates columns of a tape row, and Backward leaves the gradients of
	// the products W_ih x there.
	Gates int
	// BiasInCell says that the cell adds the biases: Forward finds W_ih x alone in
	// those columns, and the sum of both biases in Step.BiasSum.
	BiasInCell bool
	// Tape is the width of a tape row, at least Gates. In a Net it is the distance between two,
	// which may be more: see rowStride.
	Tape int
	// Scratch is the width of a row of Step.Scratch, Temp the length of
	// Step.Temp.
	Scratch, Temp int
	// Recur says which rows of W_hh are multiplied at a time.
	Recur []Block
	// Extra are the parameters that come after W_ih, W_hh and the biases.
	Extra []Extra
	// Project is the matrix that makes h of the units' outputs; nil: they are h.
	Project *Project
	// Totals are the parameters whose gradients are sums of tape columns over
	// all steps and rows, the biases among them.
	Totals []Total

	totalsBegin, totalsEnd int // the columns that Totals are about
}

// The places of the parameters that every cell has in a list of all; Extra
// follow.
const (
	weightIh = iota
	weightHh
	BiasIh
	BiasHh
	FirstExtra
)

// An Extra is a parameter of one direction of one layer, a vector if Cols is 0.
type Extra struct {
	Name       string // before the layer's suffix
	Rows, Cols int
	// Bias says that a network without biases does not have it.
	Bias bool
}

// A Project is a matrix W of States[0] rows and Hidden columns. Forward
// multiplies by it (Step.Project); after Backward the gradients of the products
// stand in columns Col of a tape row and what they multiplied in columns Factor.
type Project struct{ Extra, Col, Factor int }

// A Total says that the gradients of rows Row..Row+Rows-1 of a parameter are the
// sums of the tape columns from Col on, as they are after Backward.
type Total struct{ Param, Row, Rows, Col int }

// A Block is a run of rows of W_hh that the cell multiplies by h, or by
// something in its place, at once.
type Block struct {
	Row, Rows int
	// Col is the first of the Rows columns of a tape row that hold, after
	// Backward, the gradients of the products.
	Col int
	// OwnChain says that the products are chains of their own, which start at the
	// block's rows of b_hh (Step.BiasHh); they do not continue the chains over x.
	// Those chains then start at b_ih alone.
	OwnChain bool
	// Factor, if above 0, is the first of the columns of a tape row that the
	// rows multiply in place of h; Backward leaves them as they are.
	Factor int
}

// A Mat is rows of equal width in a larger buffer.
type Mat struct {
	Data          []float32 // starts at row 0, column 0
	Stride, Width int
}

// Row is row r of m.
func (m *Mat) Row(r int) []float32 {
	i := r * m.Stride
	return m.Data[i : i+m.Width : i+m.Width]
}

// From is the columns of m from the given one on, as the kernels of a step take them.
func (m *Mat) From(col int) kernels.Mat { return kernels.Mat{Data: m.Data[col:], Stride: m.Stride} }

// A Step is what a cell works on: consecutive rows of the batch at one time
// step of one direction of one layer.
type Step struct {
	ISA  kernels.ISA
	Rows int

	// Lo to Hi-1 are the units to work on: part W of N of the columns of the packed
	// matrices. They are all units, part 0 of 1, but in a phase of a Phased cell.
	Lo, Hi, W, N int

	// Order goes with what a product does with C. It says which columns come first, which
	// changes from step to step: what a cache holds of a matrix after a step is what the
	// next one begins with.
	Order kernels.Into

	// Recur has an entry for each block of Shape.Recur: in Forward the block
	// transposed, [R][Rows], in Backward as it is, [Rows][R], R = States[0]. A Phased cell
	// leaves it to Multiply and MultiplyBack: it is nil where W_hh is not packed.
	Recur []*kernels.Packed
	// BiasHh has an entry for each block too: in Forward its rows of b_hh if it is
	// an OwnChain, nil otherwise and without biases.
	BiasHh [][]float32
	// BiasSum is fl(b_ih + b_hh), but b_ih alone in the rows of an OwnChain; nil
	// without biases. It is for cells with BiasInCell: in the others the chains over
	// x start with it.
	BiasSum []float32
	// Extra are the extra parameters that are vectors, nil for the others.
	Extra [][]float32
	// Project is the matrix of Shape.Project, in Forward transposed,
	// [Hidden][R], in Backward as it is.
	Project *kernels.Packed

	Tape        Mat
	State, Prev []Mat // one for each state tensor

	// Temp is memory of unspecified content, lost after the step.
	Temp []float32

	// In Backward alone.
	Grad    []Mat // one for each state tensor
	Dy      Mat
	Scratch Mat // of unspecified content, lost after the step

	masks rowMasks

	bound  []*kernels.Bound // see Multiply
	stored []kernels.Stored // for each block W_hh where a pass multiplies by it once: see once
	strip  []float32        // memory for its strips
}

func newStep(isa kernels.ISA, n *Net) Step {
	sh := &n.Shape
	k := len(sh.States)
	m := make([]Mat, 3*k)
	s := Step{ISA: isa, Hi: sh.Hidden, N: 1, State: m[:k:k], Prev: m[k : 2*k : 2*k], Grad: m[2*k:], Temp: make([]float32, sh.Temp)}
	s.Tape.Stride, s.Tape.Width = sh.Tape, sh.Tape
	s.Scratch.Stride, s.Scratch.Width = sh.Scratch, sh.Scratch
	s.masks.noise = &n.Noise
	if n.Noise != (Noise{}) {
		s.masks.numbers = make([]float32, (max(n.widest(), sh.Hidden)+63)/64*64)
		s.masks.zero = make([]float32, sh.Hidden)
	}
	return s
}

// Multiply multiplies rows of a by a block of W_hh, the columns of the step's part: it sets or
// continues c as into says, or with a bias, for which into is Set, sets c to chains that start
// there. A cell may call it once a step for each block, with operands at the same places of
// the step each time: in a Predictor that one worker runs they never move, and the product is
// that of the first call.
func (s *Step) Multiply(block int, into kernels.Into, a kernels.Mat, bias []float32, c kernels.Mat) {
	switch {
	case s.bound != nil:
		b := s.bound[block]
		if b == nil {
			b = s.Recur[block].Bind(into, s.Rows, a.Data, a.Stride, bias, c.Data, c.Stride)
			s.bound[block] = b
		}
		b.Gemm(s.Order)
	case s.stored != nil:
		s.stored[block].GemmPart(s.W, s.N, s.strip, into, s.Rows, a.Data, a.Stride, bias, c.Data, c.Stride)
	case bias != nil:
		s.Recur[block].GemmBiasPart(s.W, s.N, s.Rows, a.Data, a.Stride, bias, c.Data, c.Stride)
	default:
		s.Recur[block].GemmPart(s.W, s.N, into|s.Order, s.Rows, a.Data, a.Stride, c.Data, c.Stride)
	}
}

// MultiplyBack multiplies rows of a by a block of W_hh in Backward, [Rows][R], the columns of the
// step's part: it sets or continues c as into says.
func (s *Step) MultiplyBack(block int, into kernels.Into, a, c kernels.Mat) {
	if s.stored != nil {
		s.stored[block].GemmPart(s.W, s.N, s.strip, into, s.Rows, a.Data, a.Stride, nil, c.Data, c.Stride)
		return
	}
	s.Recur[block].GemmPart(s.W, s.N, into|s.Order, s.Rows, a.Data, a.Stride, c.Data, c.Stride)
}

// Units is the number of units to work on.
func (s *Step) Units() int { return s.Hi - s.Lo }

// use takes the packed weights of a direction.
func (s *Step) use(p *packing, back bool) {
	s.Extra, s.BiasSum, s.BiasHh, s.Recur, s.stored, s.Project = p.extra, p.bias, p.biasHh, p.recur, p.stored.recur, p.project
	if back {
		s.Recur, s.stored, s.Project = p.recurBack, p.stored.recurBack, p.projectBack
	}
}
