package gru_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/norms"
)

// The form with the reset before the product stays with the pairs.
func TestGrid(t *testing.T) {
	for _, k := range variants() {
		if cell := k.Cell.(naive); !cell.textbook {
			t.Run(k.Variant, func(t *testing.T) { nettest.Grid(t, k, norms.GRU{ResetBefore: cell.before}, !cell.before) })
		}
	}
}
