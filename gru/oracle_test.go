package gru_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
)

// Every form lies within the oracle's bound, in both passes.
func TestAgainstOracle(t *testing.T) {
	for _, k := range variants() {
		cell := k.Cell.(naive)
		t.Run(k.Variant, func(t *testing.T) {
			fmas := int64(0)
			if cell.textbook {
				fmas = nettest.Few
			}
			nettest.Oracle(t, k, oracle.GRU[oracle.Bounded]{ResetBefore: cell.before, Textbook: cell.textbook}, fmas)
		})
	}
}
