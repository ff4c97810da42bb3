package lstm_test

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/norms"
)

func TestGrid(t *testing.T) { nettest.Grid(t, kind, norms.LSTM{}, true) }
