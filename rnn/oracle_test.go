package rnn_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
)

// Every activation lies within the oracle's bound, in both passes.
func TestAgainstOracle(t *testing.T) {
	for i, f := range oracle.Activations() {
		a := activations[i]
		t.Run(a.f.String(), func(t *testing.T) {
			_, have := a.f.ONNX()
			have = append(have, 0, 0)
			f.Alpha, f.Beta = float64(have[0]), float64(have[1])
			fmas := int64(nettest.Few)
			if i == 0 {
				fmas = 0
			}
			nettest.Oracle(t, a.kind(), oracle.RNN[oracle.Bounded]{F: f}, fmas)
		})
	}
}
