package crew

import (
	"math"
	"runtime"
	"testing"
	"time"

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

// TestRunParts: work that is worth waking a worker for has all its parts, less work has one where
// the workers have parked, and no more than the parts that there is memory for.
func TestRunParts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var c Crew
	parts := func(most, work int) (n int) {
		c.RunParts(most, kernels.Scalar, work, func(w, of int) {
			if w == 0 {
				n = of
			}
		})
		return n
	}
	require.Equal(t, 2, parts(2, 1<<16))
	require.Equal(t, 1, parts(1, 1<<30), "memory for one")
	for begin := time.Now(); parts(2, 1<<14) != 1; time.Sleep(5 * time.Millisecond) {
		require.Less(t, time.Since(begin), 20*time.Second, "a small piece is always shared")
	}
	require.Equal(t, 2, parts(2, 1<<16), "workers are woken for this")
}
