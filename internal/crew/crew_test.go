package crew

import (
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// TestWorkersAreBounded, whoever asks for them and however many processors there
// are. (Two thousand million parts of a step never end.)
func TestWorkersAreBounded(t *testing.T) {
	var c Crew
	for _, n := range []int{1, 2, 256, 257, 1 << 20, math.MaxInt32, math.MaxInt} {
		c.Set(n)
		require.Equal(t, min(n, 256), c.Parts(kernels.Scalar, 1), "%d workers", n)
	}
	c.Set(0)
	require.Equal(t, 1, c.Parts(kernels.Scalar, 1))
	before := runtime.GOMAXPROCS(1000)
	most := c.Parts(kernels.Scalar, math.MaxInt32)
	runtime.GOMAXPROCS(before)
	require.Equal(t, split.MaxWorkers, most, "on 1000 processors")
	require.Equal(t, 256, split.MaxWorkers)
}
