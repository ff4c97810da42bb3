package loss

import (
	"runtime"
	"testing"

	"github.com/simdrnn/simdrnn/data"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// TestScratchFollowsTheWork: the memory of a loss is that of the workers that have a
// share, not of those that were asked for.
func TestLossScratchFollowsTheWork(t *testing.T) {
	y, ids := make([]float32, 5*3*256), make([]int32, 5*3)
	var s Scratch
	s.SetWorkers(256)
	b := &data.Batch{Steps: 5, Rows: 3, Targets: ids}
	want, err := CrossEntropy{}.Loss(nil, y, b, 0, new(Scratch))
	require.NoError(t, err)
	got, err := CrossEntropy{}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Len(t, s.work, len(ids), "a worker for each row")
	for _, probs := range s.work {
		require.Len(t, probs, 256, "one row for each worker")
	}

	// Left to the size of the work, work this small has one worker, however many
	// processors there are.
	before := runtime.GOMAXPROCS(128)
	defer runtime.GOMAXPROCS(before)
	s = Scratch{}
	_, err = CrossEntropy{}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	require.Len(t, s.work, split.Workers(kernels.Current(), float64(split.LossWork(kernels.Current(), len(ids), len(y))), 128))
	require.Less(t, len(s.work), len(ids), "less than a row of memory for each of the 15 rows")
}
