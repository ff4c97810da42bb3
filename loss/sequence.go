package loss

import (
	"errors"

	"github.com/simdrnn/simdrnn/data"
)

// PerSequence is the loss Of with each sequence weighing the same, whatever its length:
// the mean over the rows in which something is counted of each row's mean. Of must
// honour Batch.Weights as weights of steps, as the losses of this package do but for CTC,
// of which a term is a sequence anyway.
//
// The steps of a row of one batch are a sequence: where windows or a net of few steps cut
// one, its parts weigh the same, in a mean over more terms.
type PerSequence struct{ Of Loss }

// InPlace says whether dy may be y: if Of allows it.
func (l PerSequence) InPlace() bool { return InPlace(l.Of) }

// Loss implements Loss. Weights of the batch, if it has any, must be those of steps: they
// are divided by their sum in the row.
func (l PerSequence) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	switch l.Of.(type) {
	case nil:
		return Total{}, errors.New("loss: PerSequence without a loss; set Of")
	case PerSequence, *PerSequence:
		return Total{}, errors.New("loss: PerSequence of PerSequence; once is enough")
	case CTC, *CTC:
		return Total{}, errors.New("loss: PerSequence of CTC, whose terms are sequences already; use CTC, with PerLabel for a mean over labels")
	}
	if _, err := check(dy, y, b, by, s); err != nil {
		return Total{}, err
	}
	if err := checkStepWeights("PerSequence", b); err != nil {
		return Total{}, err
	}
	weights := grown(&s.rows, b.Steps*b.Rows)
	clear(weights)
	for r := range b.Rows {
		all := 0.0
		for p := r; p < len(weights); p += b.Rows {
			if b.Term(p) {
				all += stepWeight(b, p)
			}
		}
		for p := r; p < len(weights); p += b.Rows {
			if b.Term(p) {
				weights[p] = float32(stepWeight(b, p) / all)
			}
		}
	}
	s.weighted = *b
	s.weighted.Weights = weights
	total, err := l.Of.Loss(dy, y, &s.weighted, by, s)
	s.weighted = data.Batch{}
	return total, err
}
