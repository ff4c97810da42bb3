package decode

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/kernels"
)

// Distribution is what a symbol is drawn from, and the symbol.
func Distribution(how Sampling, logits []float32, r *rand.Rand) ([]float32, int32, error) {
	if err := how.check(len(logits)); err != nil {
		return nil, 0, err
	}
	c, x := newChooser(how, len(logits)), make([]float32, len(logits))
	if err := c.prepare(x, logits, 0, make([]bool, len(logits))); err != nil {
		return nil, 0, err
	}
	id := c.choose(x, r)
	return c.probs, id, nil
}

// LogProbs are the log-probabilities of all symbols.
func LogProbs(logits []float32) []float64 {
	top, logSum := logSoftmax(kernels.Current(), make([]float32, len(logits)), logits)
	p := make([]float64, len(logits))
	for i, v := range logits {
		p[i] = logProb(v, top, logSum)
	}
	return p
}
