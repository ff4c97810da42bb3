package loss

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
)

// BCE is the binary cross-entropy, in nats, of logits: each output is a question of its
// own, whose answer 1 has the probability sigmoid(y). Batch.Y has the answers, 0 or 1, or
// probabilities between them. A counted element that is further than 2^-16 from that range,
// which is more than a few roundings leave, is an error. NaN makes the loss NaN, as it does
// with other losses.
//
//	loss = sum (-Q*target*ln sigmoid(y) - (1-target)*ln(1-sigmoid(y))) / N
//	dy   = ((1-target)*sigmoid(y) - Q*target*sigmoid(-y)) / N
//
// with Q = 1, or one for each output. Neither cancels nor overflows, however large the
// logits are: see [kernels.ISA.BCE]. N and what is counted are those of MSE: pairs that
// exist and whose target, if the batch has Targets too, is not below 0; elements whose
// weight, if the batch has Weights of elements, is not 0.
//
// The negative log-likelihood of a step, as it is reported of polyphonic music, is the
// sum over the outputs: PerStep gives its mean over the steps.
type BCE struct {
	// OnesWeight is Q, the weight of the answer 1 for each output, 0 or more and
	// finite; nil: all 1. It is pos_weight of PyTorch's BCEWithLogitsLoss: with rare
	// ones, as many as there are zeros for a one.
	OnesWeight []float32
	PerStep    bool // as in MSE
}

// InPlace says that dy may be y.
func (BCE) InPlace() bool { return true }

// Loss implements Loss, in place too. The derivative of an element is rounded, multiplied
// by its weight if there are weights, and by 1/N, rounded after each and stored as +0
// below 2^-100.
func (l BCE) Loss(dy, y []float32, b *data.Batch, by float64, s *Scratch) (Total, error) {
	return s.elements(dy, y, b, by, l.call())
}

// answerSlack is how far an answer may be below 0 or above 1.
const answerSlack = 0x1p-16

// checkAnswers returns an error if a counted element of the Y of a BCE is no answer.
func (s *Scratch) checkAnswers() error {
	if r := s.rangeOf(s.call.b.Y); r.above <= 1+answerSlack && r.below <= answerSlack {
		return nil
	}
	return s.call.wrongAnswer()
}

// wrongAnswer returns an error for the first element of Y that counts and is no answer.
func (c *call) wrongAnswer() error {
	b := c.b
	for i, answer := range b.Y {
		p := i / c.width
		if !(answer > 1+answerSlack || answer < -answerSlack) || !b.Term(p) || len(b.Weights) > b.Steps*b.Rows && b.Weights[i] < least {
			continue
		}
		return fmt.Errorf("loss: BCE: the target of output %d at step %d, row %d is %v, want 0 to 1; scale the targets, or give what does not count a weight of 0", i%c.width, p/b.Rows, p%b.Rows, answer)
	}
	return nil
}

func (l BCE) call() elementCall {
	return elementCall{name: "BCE", form: binary, perStep: l.PerStep, ones: l.OnesWeight}
}
