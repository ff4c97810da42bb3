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
// # Rows
//
// With lengths, the rows of a batch are kept longest first. Those within their
// length at a step are then the first ones, and one product serves them all
// whatever the lengths; in the user's order they would be runs of a row or two,
// each of which reads all of W_hh. Rows change places where they come from the
// user's tensors and go there, and sums over the batch go by the user's order.
//
// # Order of work
//
// A direction of a layer is done in blocks of steps of about 256 rows (t,b), so
// that the gates of a block are still in the second-level cache when they are
// needed again. Forward multiplies a block's input by W_ih at once, then goes
// step by step. Backward goes step by step, then takes the block's gradients
// for dW_ih, dW_hh, the biases and dx. Each of these four is one piece of work
// for the team: the steps are split by rows of the batch, which need nothing of
// each other, so that no worker waits for another inside a piece; the rest by
// rows of what it computes.
//
// NUMERICS rules 1 to 5 fix every sum. What is chosen here, blocks, places of
// rows and shares of workers, is the order of independent outputs, and changes
// no bit; but for one number, the 256 rows of a sum of weight gradients.
package seq

import "github.com/simdrnn/simdrnn/kernels"

// A Cell is the arithmetic of one time step. It holds no state: several
// goroutines call it at once, each with a Step of its own.
type Cell interface {
	// Shape describes the cell's sizes.
	Shape() Shape

	// Forward takes s.Prev and the input's share of the gates in s.Tape, and
	// sets s.State and the tape. s.State and s.Prev may be the same memory: an
	// element of s.State is written after the last use of the same element of
	// s.Prev, and after every product with s.Prev.
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
	// States are the widths of the state tensors: h, which is the output, then
	// the others in the order in which users see them.
	States []int
	// Gates is the number of rows of W_ih and W_hh. The input's share of the
	// gates, W_ih x + b, comes in the first Gates columns of a tape row, and
	// their gradients go there.
	Gates int
	// Tape is the width of a tape row, at least Gates.
	Tape int
	// Scratch is the width of a row of Step.Scratch.
	Scratch int
	// Recur says which rows of W_hh are multiplied at a time.
	Recur []Block
}

// A Block is a run of rows of W_hh that the cell multiplies by h, or by
// something in its place, at once.
type Block struct {
	Row, Rows int
	// Col is the first of the Rows columns of a tape row that hold, after
	// Backward, the gradients of the products.
	Col int
	// Apart says that the products are chains of their own, which start at the
	// block's rows of b_hh (Step.Bias), and not the end of the chains over x.
	// b_hh then has no share in where those start.
	Apart bool
	// Factor, if above 0, is the first of the H columns of a tape row that the
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

// A Step is what a cell works on: consecutive rows of the batch at one time
// step of one direction of one layer.
type Step struct {
	ISA  kernels.ISA
	Rows int

	// Recur has an entry for each block of Shape.Recur: in Forward the block
	// transposed, [H][Rows], in Backward as it is, [Rows][H].
	Recur []*kernels.Packed
	// Bias has an entry for each block too: b_hh in Forward if the block is
	// Apart, nil otherwise and without biases.
	Bias [][]float32

	Tape        Mat
	State, Prev []Mat // one for each state tensor

	// In Backward alone.
	Grad    []Mat // one for each state tensor
	Dy      Mat
	Scratch Mat // of unspecified content, lost after the step
}

func newStep(isa kernels.ISA, sh *Shape) Step {
	n := len(sh.States)
	m := make([]Mat, 3*n)
	s := Step{ISA: isa, State: m[:n:n], Prev: m[n : 2*n : 2*n], Grad: m[2*n:]}
	s.Tape.Stride, s.Tape.Width = sh.Tape, sh.Tape
	s.Scratch.Stride, s.Scratch.Width = sh.Scratch, sh.Scratch
	return s
}
