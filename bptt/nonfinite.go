package bptt

import (
	"fmt"

	"github.com/simdrnn/simdrnn/data"
)

// notFinite names the first input of b that is NaN or infinite, then the first such target that
// counts; "" if there is none. It is for an update that has come to nothing, and for a loss
// that is no number.
func notFinite(b *data.Batch) string {
	pairs := b.Steps * b.Rows
	for _, part := range []struct {
		name    string
		v       []float32
		matters func(pair int) bool
	}{
		{"input", b.X, func(p int) bool { return b.Lengths == nil || p/b.Rows < b.Lengths[p%b.Rows] }},
		{"target value", b.Y, b.Term},
	} {
		for i, v := range part.v {
			if v-v == 0 {
				continue
			}
			width := len(part.v) / pairs
			if p := i / width; part.matters(p) {
				return fmt.Sprintf("%s %d at step %d, row %d is %v", part.name, i%width, p/b.Rows, p%b.Rows, v)
			}
		}
	}
	return ""
}
