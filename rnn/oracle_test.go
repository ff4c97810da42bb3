package rnn_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
)

// Every activation lies within the oracle's bound, in both passes.
func TestAgainstOracle(t *testing.T) {
	for i, a := range activations {
		t.Run(a.f.String(), func(t *testing.T) {
			fmas := int64(nettest.Few)
			if i == 0 {
				fmas = 0
			}
			nettest.Oracle(t, a.kind(), oracle.RNN[oracle.Bounded]{F: nettest.Oracles(a.f)}, fmas)
		})
	}
}
