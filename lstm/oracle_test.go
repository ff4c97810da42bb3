package lstm_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
)

// Outputs, states and all gradients lie within the oracle's bound.
func TestAgainstOracle(t *testing.T) { nettest.Oracle(t, kind, oracle.LSTM[oracle.Bounded]{}, 2e8) }
