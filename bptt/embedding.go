package bptt

import (
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/kernels"
)

// An Embedding is a table of one vector for each symbol, the first stage of a
// Chain over ids. It holds the weights; chains that share it share them.
type Embedding struct {
	// Weight is [Vocabulary][Dim], named "weight" as in PyTorch.
	Weight          []float32
	Vocabulary, Dim int
}

// NewEmbedding returns a table whose entries are drawn from N(0, 1), PyTorch's
// default. Only Uint64 is taken from r; a nil r leaves the table +0, for weights
// that come from elsewhere.
func NewEmbedding(vocabulary, dim int, r *rand.Rand) (*Embedding, error) {
	if vocabulary < 1 || dim < 1 {
		return nil, fmt.Errorf("bptt: an embedding of %d symbols of width %d, want at least 1 of each", vocabulary, dim)
	}
	if vocabulary > maxElements/dim {
		return nil, fmt.Errorf("bptt: an embedding of %d symbols of width %d has more than %d weights", vocabulary, dim, maxElements)
	}
	e := &Embedding{Weight: make([]float32, vocabulary*dim), Vocabulary: vocabulary, Dim: dim}
	if r != nil {
		draw.Normal(e.Weight, r)
	}
	return e, nil
}

// maxElements bounds one tensor, so that no product of sizes overflows.
const maxElements = 1<<31 - 1

// Dims returns the widths, with 0 steps and rows: an embedding takes those of
// the chain.
func (e *Embedding) Dims() (steps, batch, in, out int) { return 0, 0, e.Vocabulary, e.Dim }

// Readout returns the linear layer whose weight is the table itself: the logit
// of a symbol is the product of its vector with x, plus a bias that starts at
// zero. In a chain with the embedding both have one gradient, to which the
// readout adds first.
func (e *Embedding) Readout() *Linear {
	return &Linear{Weight: e.Weight, Bias: make([]float32, e.Vocabulary), In: e.Dim, Out: e.Vocabulary, tied: e}
}

// An IDError names an id that is not in the vocabulary, or a target that is not
// a class.
type IDError struct {
	What      string // "id" or "target"
	ID        int32
	Step, Row int
	Limit     int // ids are 0 to Limit-1
}

func (e *IDError) Error() string {
	return fmt.Sprintf("bptt: %s %d at step %d, row %d, want 0 to %d", e.What, e.ID, e.Step, e.Row, e.Limit-1)
}

// lookup sets y [T*B][dim] to the vectors of ids [T*B]. Padding is +0, whatever
// its ids are. Nothing is written if an id is bad.
func (e *Embedding) lookup(y []float32, ids []int32, batch int, lengths []int) error {
	for p, id := range ids {
		if (id < 0 || int(id) >= e.Vocabulary) && !padded(lengths, p, batch) {
			return &IDError{What: "id", ID: id, Step: p / batch, Row: p % batch, Limit: e.Vocabulary}
		}
	}
	for p, id := range ids {
		row := y[p*e.Dim:][:e.Dim]
		if padded(lengths, p, batch) {
			clear(row)
		} else {
			copy(row, e.Weight[int(id)*e.Dim:])
		}
	}
	return nil
}

// gather adds the gradients dy [T*B][dim] of the looked-up vectors to grad, one
// addition for each of the pairs, in their order.
func (e *Embedding) gather(t kernels.ISA, grad, dy []float32, ids []int32, pairs []int32) {
	for _, p := range pairs {
		g := grad[int(ids[p])*e.Dim:][:e.Dim]
		t.Add(g, g, dy[int(p)*e.Dim:][:e.Dim])
	}
}

// padded says whether pair p = t*batch+b lies past the end of row b.
func padded(lengths []int, p, batch int) bool {
	return lengths != nil && p/batch >= lengths[p%batch]
}
