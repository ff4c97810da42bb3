package decode_test

import (
	"fmt"
	"hash/fnv"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// fake is a model whose logits are a function of all symbols that the row has read.
type fake struct {
	batch, v int
	logits   func(history []int32) []float32
	history  [][]int32
	steps    int
	fails    error // of the next step
}

func newFake(batch, v int, logits func([]int32) []float32) *fake {
	return &fake{batch: batch, v: v, logits: logits, history: make([][]int32, batch)}
}

func (f *fake) Dims() (batch, in, out int) { return f.batch, f.v, f.v }

func (f *fake) StepIDs(y []float32, ids []int32) error {
	if f.fails != nil {
		return f.fails
	}
	if len(y) != f.batch*f.v || len(ids) != f.batch {
		panic(fmt.Sprintf("y %d, ids %d", len(y), len(ids)))
	}
	for i, id := range ids {
		if id < 0 || int(id) >= f.v {
			return &data.IDError{What: "id", ID: id, Row: i, Limit: f.v}
		}
	}
	f.steps++
	for i, id := range ids {
		f.history[i] = append(f.history[i], id)
		copy(y[i*f.v:], f.logits(f.history[i]))
	}
	return nil
}

func (f *fake) Reorder(src []int) {
	old := slices.Clone(f.history)
	for i, from := range src {
		f.history[i] = slices.Clone(old[from])
	}
}

// always is logits that do not depend on what was read.
func always(logits ...float32) func([]int32) []float32 {
	return func([]int32) []float32 { return logits }
}

// hashed is logits of quarters, so that many are equal, between -2 and 2; some are -Inf.
func hashed(v int, seed byte, infs bool) func([]int32) []float32 {
	return func(history []int32) []float32 {
		x := make([]float32, v)
		for id := range x {
			h := fnv.New64a()
			fmt.Fprint(h, seed, history, id)
			n := h.Sum64() >> 17
			x[id] = float32(n%17)/4 - 2
			if infs && id > 0 && n/17%5 == 0 {
				x[id] = inf(-1)
			}
		}
		return x
	}
}

// predictor is one of a small language model with 13 symbols.
func predictor(t testing.TB, batch int) *nn.ModelPredictor {
	t.Helper()
	return traintest.Must(traintest.LanguageModel(t, 1, traintest.Small).Predictor(batch))
}
