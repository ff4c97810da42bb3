package lstm_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/lstm"
)

// SetWorkers after a pass that packed little makes room for one that packs all weights: there was
// none for W_hh after its mask, and the pass with lengths panicked.
func TestWorkersForAllWeights(t *testing.T) {
	defer numtest.LimitWorkers()()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	cfg := lstm.Config{Input: 12000, Hidden: 16, Layers: 2, WeightDropout: 0.3, Workers: 1}
	net, err := lstm.New(cfg, rand.New(rand.NewPCG(1, 2)))
	require.NoError(t, err)
	u, want := net.Unroll(4, 2), net.Unroll(4, 2)
	x, y, wantY := make([]float32, 4*2*cfg.Input), make([]float32, 4*2*16), make([]float32, 4*2*16)
	for i := range x {
		x[i] = float32(i%13) / 64
	}
	u.Forward(y, x)
	u.SetWorkers(4)
	for _, v := range []*lstm.Unrolled{u, want} {
		v.Reset()
		v.SetSeed(7)
	}
	require.NoError(t, u.ForwardLengths(y, x, []int{4, 2}))
	require.NoError(t, want.ForwardLengths(wantY, x, []int{4, 2}))
	numtest.Equal(t, y, wantY, "y of four workers")
}
