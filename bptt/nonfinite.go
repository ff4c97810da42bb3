package bptt

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
)

// notFinite names the first input of b that is NaN or infinite, then the first of its source,
// then the first such target that counts; "" if there is none. It is for an update that has come
// to nothing, and for a loss that is no number.
func notFinite(b *data.Batch) string {
	exists := func(lengths []int) func(pair int) bool {
		return func(p int) bool { return lengths == nil || p/b.Rows < lengths[p%b.Rows] }
	}
	source := b.Source
	if source == nil {
		source = &data.Input{}
	}
	for _, part := range []struct {
		name    string
		v       []float32
		steps   int
		matters func(pair int) bool
	}{
		{"input", b.X, b.Steps, exists(b.Lengths)},
		{"source input", source.X, source.Steps, exists(source.Lengths)},
		{"target value", b.Y, b.Steps, b.Term},
	} {
		for i, v := range part.v {
			if v-v == 0 {
				continue
			}
			width := len(part.v) / (part.steps * b.Rows)
			if p := i / width; part.matters(p) {
				return fmt.Sprintf("%s %d at step %d, row %d is %v", part.name, i%width, p/b.Rows, p%b.Rows, v)
			}
		}
	}
	return ""
}
