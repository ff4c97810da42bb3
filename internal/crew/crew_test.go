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
	const large = math.MaxInt32
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1000))
	var c Crew
	require.Equal(t, split.MaxWorkers, c.Parts(kernels.Scalar, large), "on 1000 processors")
	require.Equal(t, 256, split.MaxWorkers)
	for _, n := range []int{1, 2, 256, 257, 1 << 20, math.MaxInt32, math.MaxInt} {
		c.Set(n)
		require.Equal(t, min(n, 256), c.Workers())
		require.Equal(t, min(n, 256), c.Parts(kernels.Scalar, large), "%d workers", n)
	}
	runtime.GOMAXPROCS(3)
	require.Equal(t, 3, c.Parts(kernels.Scalar, large), "on 3 processors")
}

// A number of workers is a limit: work that is worth fewer has fewer.
func TestWorkersAreALimit(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	var c Crew
	for _, n := range []int{0, 4} {
		c.Set(n)
		require.Equal(t, 1, c.Parts(kernels.Scalar, 1), "%d workers", n)
		require.Equal(t, 2, c.Parts(kernels.Scalar, 1<<16), "%d workers", n)
	}

	end := split.ShareAll()
	c.Set(4)
	end()
	require.Equal(t, 4, c.Parts(kernels.Scalar, 1), "while all work is shared")
	c.Set(0)
	require.Equal(t, 1, c.Parts(kernels.Scalar, 1), "no number")
	c.Set(4)
	require.Equal(t, 1, c.Parts(kernels.Scalar, 1), "work is shared by its size again")
}
