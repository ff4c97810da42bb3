package nn

import "github.com/simdrnn/simdrnn/data"

// A Net is a network unrolled over at most steps time steps for batch rows, as
// package bptt uses it. It owns the activations, the gradients and the carried state,
// and is used by one goroutine at a time. *lstm.Unrolled is one.
//
// A Net may have more methods, which package bptt uses when they are there:
//
//	CopyState(dst [][]float32)       // State without allocating, into slices as State returns them
//	CopyStateGrad(dst [][]float32)   // likewise StateGrad
//	SetWorkers(n int)                // see Plan.Workers; n is not negative
//	SetResets(resets [][]int) error  // rows begin anew inside the next window: see Model.SetResets
//
// and those of a net with random masks, which checkpoints keep and overlapping
// windows take back: all four of
//
//	MaskState() []uint64             // seed and training step of the masks to come; nil for no masks
//	SetMaskState(s []uint64) error   // as MaskState returned it; nothing is changed on an error
//	Clock() []uint64                 // steps of each row since Reset
//	SetClock(c []uint64) error       // as Clock returned it; nothing is changed on an error
//
// for Model.SetSeed, SetSeed(seed uint64), and for Model.SetRowIDs
//
//	SetRowIDs(ids []uint32) error    // names the rows for the masks, nil by their places; nothing is changed on an error
//
// For OnGradients, which lets gradients be sent to other machines while Backward is at work,
// a net has
//
//	OnGradients(f func(n int)) any   // Backward calls f(n) when all gradients but the first n are complete; returns the net itself
//
// For BackwardFlushed, by which a Trainer says that a dy has no tiny values, a net has
//
//	BackwardFlushed(of Net, dx, dy []float32)   // Backward for such a dy; calls of.Backward if of is not the net itself
//
// A net that a chain calls in place of Forward and Backward where it goes by symbols (see
// Chain) has all four of
//
//	TakesSymbols(net any) bool       // false if net, the stage of the chain, is not the net itself, or x cannot be rows of a table
//	ReserveSymbols(vocabulary int)   // allocates what a table of so many rows needs
//	ForwardSymbols(y, table []float32, ids []int32)           // Forward over x[t][b] = table[ids[t][b]]
//	BackwardSymbols(dTable, dy []float32, padding int32)      // adds to dTable but for the row of padding, -1 for none
//
// A net whose weights follow from its parameters, as those of a net with adapters, has the
// method
//
//	Apply()   // sets the weights, as Forward does
//
// which a Trainer calls before a validation, where other nets may have the same weights.
//
// A net over ids, as a Model that begins with an Embedding is, is one with the
// method
//
//	ForwardIDs(y []float32, ids []int32) error   // sets y [T][batch][out] from ids [T][batch]; an error changes nothing
//
// which Trainer and Evaluate then call in place of Forward. A type that has it for
// some of its values only says which by
//
//	TakesIDs() bool   // false: the input is x, and Forward is called
//
// A net that reads more of a batch than its ids or x, as one with an encoder does, which
// takes Batch.Source too, has the method
//
//	ForwardBatch(y []float32, b *data.Batch) error   // sets y [b.Steps][batch][out]
//
// which Trainer and Evaluate then call in place of the other two. Such a net takes whole
// sequences: it begins each of these calls at a zero state. A type that has it for some of
// its values only says which by TakesBatches() bool.
type Net interface {
	// Dims returns the sizes fixed when the net was unrolled: the most steps
	// it can take at once, the rows, and the width of x and y.
	Dims() (steps, batch, in, out int)

	// Forward sets y [T][batch][out] from x [T][batch][in], continuing from
	// the carried state and leaving it at the last step. T is what the lengths
	// of the slices say, 0 to steps. The net may keep x until Backward, but not
	// y, in which a chain replaces tiny values by +0.
	Forward(y, x []float32)

	// Backward propagates dy, the gradient of the last Forward's y, back
	// through its steps: it sets dx (nil: not wanted) and adds to the
	// gradients of the parameters.
	Backward(dx, dy []float32)

	// SetLengths gives the number of steps of each row that exist; nil says
	// that all do. Outputs and dx past the end of a row are +0, and elements of
	// x and dy there change nothing. The net keeps a copy of
	// lengths. Nothing is changed on an error.
	SetLengths(lengths []int) error

	// SetTraining switches what only training does, such as dropout.
	SetTraining(on bool)

	// State returns a copy of the carried state, one slice per tensor, and
	// SetState puts such a copy back.
	State() [][]float32
	SetState(s [][]float32) error

	// SetStateGrad sets the gradient of the state after the last step,
	// which the next Backward starts from (nil: zero, the rule); StateGrad
	// returns the gradient of the state before the first.
	SetStateGrad(g [][]float32) error
	StateGrad() [][]float32

	// Reset zeroes the carried state of the given rows, of all when there are
	// none.
	Reset(rows ...int)

	// ZeroGrads zeroes the gradients of the parameters.
	ZeroGrads()

	// EachParam calls f for every parameter, always in the same order: its
	// name, its values and the gradient of the same length. Both slices stay
	// where they are for the life of the net, and writing w changes the net.
	// The same w several times is one parameter with the first of the names,
	// whose gradient is the sum of the different g. A net for inference gives
	// nil for g, and cannot be trained.
	EachParam(f func(name string, w, g []float32))

	// NewPredictor returns a frozen, packed copy of the net for inference, one
	// step at a time: a Predictor. It returns an error if the net needs to see
	// the future. (The result is any so that a net need not import this package.)
	NewPredictor(batch int) (any, error)
}

// An IDNet is a net over ids: see Net.
type IDNet interface {
	ForwardIDs(y []float32, ids []int32) error
}

// OverIDs returns net if it takes ids, else nil.
func OverIDs(net Net) IDNet {
	ids, ok := net.(IDNet)
	if !ok {
		return nil
	}
	if some, ok := net.(interface{ TakesIDs() bool }); ok && !some.TakesIDs() {
		return nil
	}
	return ids
}

// A BatchNet is a net that reads whole batches: see Net.
type BatchNet interface {
	ForwardBatch(y []float32, b *data.Batch) error
}

// OverBatches returns net if it reads whole batches, else nil.
func OverBatches(net Net) BatchNet {
	n, ok := net.(BatchNet)
	if !ok {
		return nil
	}
	if some, ok := net.(interface{ TakesBatches() bool }); ok && !some.TakesBatches() {
		return nil
	}
	return n
}

// A Predictor runs a frozen copy of a net one step at a time, allocating
// nothing. *lstm.Predictor is one. It may have one more method, which the predictor of a
// chain uses when it is there:
//
//	CopyState(dst [][]float32)   // State without allocating, into slices as State returns them
type Predictor interface {
	// Step sets y [batch][out] from x [batch][in] and advances the state. It
	// keeps neither.
	Step(y, x []float32)

	// State, SetState and Reset are those of Net.
	State() [][]float32
	SetState(s [][]float32) error
	Reset(rows ...int)

	// Reorder gives row i the state that row src[i] had; rows may repeat, as
	// beam search needs.
	Reorder(src []int)

	// Refresh copies the weights of the net again.
	Refresh()
}
