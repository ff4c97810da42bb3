// Package oracle is the textbook against which the product is judged: recurrent
// stacks, embedding, readout and cross-entropy, forward and backward, written as
// plainly as the equations and sharing no code with the packages under test. It
// imports the standard library alone.
//
// Every model is written once over [Number] and evaluated in four arithmetics:
//
//	Real     float64: the value
//	Complex  complex128: a derivative by complex step, which proves the
//	         hand-written backward without the cancellation of a difference
//	Bounded  a float64 value with a bound on how far a float32 evaluation may
//	         lie from it, carried through the same equations
//	(tests)  float32, to show that the bound holds and that it is tight
//
// So the proof of a float32 gradient has two links. The first, in this package's
// own tests: the complex step agrees with Backward over Real to 1e-10 for every
// parameter. The second, in the tests of the product: its float32 results lie
// within Backward over Bounded, element by element.
//
// A cell is a [Cell]: two methods that see one row at one time step. Stacks,
// directions, lengths, truncation, dropout and zoneout are written once, above it.
// What chance decides is data, see [Masks].
//
// A function with a kink or a limit is given both sides where the bound leaves
// open on which of them a value lies. Layer norm divides by deviations, which
// makes errors grow: with it Backward follows the errors of Forward's values,
// which costs time and memory in proportion to the states of a row.
//
// Tensors are flat, row-major and time-major, [T][B][width], parameters carry
// PyTorch's names and shapes. Speed is no aim.
package oracle
