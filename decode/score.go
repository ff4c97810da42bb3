package decode

import (
	"fmt"

	"github.com/simdrnn/simdrnn/kernels"
)

// Score returns the log-likelihood of ids after prompt: the sum of the log-probabilities,
// base e, of each of ids after all that stand before it. p has one row and begins from the
// state that it has. It is the LogProb that Search has for the same symbols, to the bit.
//
// No ids have the likelihood 1, and a symbol that cannot come 0: the results are 0 and -Inf.
// The errors, and what is left of the state, are those of Scores.
func Score(p Stepper, prompt, ids []int32) (float64, error) {
	batch, _, err := sizes(p)
	if err != nil {
		return 0, err
	}
	if batch != 1 {
		return 0, fmt.Errorf("decode: Score on %d rows, want 1; Scores is for several", batch)
	}
	s, err := Scores(p, [][]int32{prompt}, [][]int32{ids})
	if err != nil {
		return 0, err
	}
	return s[0], nil
}

// Scores is Score for all rows of p: of ids[i] after prompts[i] on row i. Lengths may
// differ. The state that is left serves no purpose: call Reset or SetState of p for
// the next text.
//
// It returns an error for another number of prompts or ids than rows, for an empty
// prompt, for a bad id (a *data.IDError whose Step is its place in prompt and ids together),
// all of them before p moves, and for logits that are NaN, +Inf, or all -Inf.
func Scores(p Stepper, prompts, ids [][]int32) ([]float64, error) {
	batch, vocabulary, err := sizes(p)
	if err != nil {
		return nil, err
	}
	if len(prompts) != batch || len(ids) != batch {
		return nil, fmt.Errorf("decode: %d prompts and %d texts for %d rows, want one of each for each", len(prompts), len(ids), batch)
	}
	steps := 0
	for i, prompt := range prompts {
		if len(prompt) == 0 {
			return nil, fmt.Errorf("decode: the prompt of row %d is empty, want the symbols before the text, such as a begin symbol", i)
		}
		if err := checkIDs(prompt, vocabulary, 0, i); err != nil {
			return nil, err
		}
		if err := checkIDs(ids[i], vocabulary, len(prompt), i); err != nil {
			return nil, err
		}
		if len(ids[i]) > 0 {
			steps = max(steps, len(prompt)+len(ids[i])-1)
		}
	}
	isa := kernels.Current()
	scores, next := make([]float64, batch), make([]int32, batch)
	logits, probs := make([]float32, batch*vocabulary), make([]float32, vocabulary)
	for t := range steps {
		for i, prompt := range prompts {
			next[i] = 0 // past the end of the row
			if k := t - len(prompt); k < 0 {
				next[i] = prompt[t]
			} else if k < len(ids[i]) {
				next[i] = ids[i][k]
			}
		}
		if err := p.StepIDs(logits, next); err != nil {
			return nil, err
		}
		for i, prompt := range prompts {
			k := t + 1 - len(prompt) // the symbol that these logits are for
			if k < 0 || k >= len(ids[i]) {
				continue
			}
			row := logits[i*vocabulary:][:vocabulary]
			if err := checkLogits(row); err != nil {
				return nil, fmt.Errorf("decode: row %d before symbol %d: %w", i, k, err)
			}
			top, logSum := logSoftmax(isa, probs, row)
			scores[i] += logProb(row[ids[i][k]], top, logSum)
		}
	}
	return scores, nil
}
