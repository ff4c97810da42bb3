package decode

import (
	"errors"
	"fmt"
	"math"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Stepper is a model over ids that runs one step at a time. *nn.ModelPredictor is one,
// if its model begins with an Embedding.
//
// A Stepper may have two more methods, which are used when they are there:
//
//	TakesIDs() bool   // false: its input is no ids, and it is refused
//	Moves() uint64    // another number after each call that changed the state
//
// With Moves a Sampler notices that somebody else moved the state, and refuses to go on
// from logits that no longer belong to it.
type Stepper interface {
	// Dims returns the number of rows, and the size of the vocabulary twice: ids
	// are 0 to in-1, and there are out = in logits for each row.
	Dims() (batch, in, out int)

	// StepIDs sets y [batch][out] to the logits of the symbols that follow
	// ids [batch], and advances the state. An error leaves y and the state as
	// they were. What a row gives does not depend on the other rows.
	StepIDs(y []float32, ids []int32) error
}

// A Reorderer is a Stepper whose rows can be copied, which beam search needs.
type Reorderer interface {
	Stepper

	// Reorder gives row i the state that row src[i] had; rows may repeat.
	Reorder(src []int)
}

// sizes returns the rows and the vocabulary of p.
func sizes(p Stepper) (batch, vocabulary int, err error) {
	if nilcheck.IsNil(p) {
		return 0, 0, errors.New("decode: the model is nil, want a predictor over ids")
	}
	if some, ok := p.(interface{ TakesIDs() bool }); ok && !some.TakesIDs() {
		return 0, 0, errors.New("decode: the model takes no ids, want one that begins with an Embedding")
	}
	batch, in, out := p.Dims()
	if batch < 0 || in != out || out < 1 || out > math.MaxInt32 {
		return 0, 0, fmt.Errorf("decode: a model of %d rows, %d symbols and %d outputs, want an output for each symbol", batch, in, out)
	}
	return batch, out, nil
}

// checkIDs returns a *data.IDError for the first id that is not in the vocabulary. ids
// begin at the given step of their row.
func checkIDs(ids []int32, vocabulary, step, row int) error {
	for i, id := range ids {
		if id < 0 || int(id) >= vocabulary {
			return &data.IDError{What: "id", ID: id, Step: step + i, Row: row, Limit: vocabulary}
		}
	}
	return nil
}

// checkList returns an error for a setting that lists ids which the vocabulary does not
// have.
func checkList(name string, ids []int32, vocabulary int) error {
	for _, id := range ids {
		if id < 0 || int(id) >= vocabulary {
			return fmt.Errorf("decode: %s has the id %d, want 0 to %d", name, id, vocabulary-1)
		}
	}
	return nil
}

// checkLogits returns an error for logits whose softmax is not a distribution.
func checkLogits(logits []float32) error {
	choice := false
	for i, v := range logits {
		if v != v || v > math.MaxFloat32 {
			return fmt.Errorf("the logit of class %d is %v, want a finite number, or -Inf for a class that must not be drawn", i, v)
		}
		choice = choice || v >= -math.MaxFloat32
	}
	if !choice {
		return fmt.Errorf("all %d logits are -Inf, want a number for at least one class", len(logits))
	}
	return nil
}

// logSoftmax returns what the log-probabilities of logits follow from, see logProb. It
// sets probs to the probabilities.
func logSoftmax(t kernels.ISA, probs, logits []float32) (top, logSum float64) {
	m, sum := t.Softmax(probs, logits)
	return float64(m), kernels.Log(float64(sum))
}

// logProb is the log-probability of the symbol with the given logit, in the order of
// operations of loss.CrossEntropy.
func logProb(logit float32, top, logSum float64) float64 { return (float64(logit) - top) - logSum }

var negInf = float32(math.Inf(-1))
