package nn

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// TestNegativeWorkersStay: after a number of workers below 0 the one before stays.
func TestNegativeWorkersStay(t *testing.T) {
	m := smallModel(t)
	m.SetWorkers(3)
	require.Panics(t, func() { m.SetWorkers(-1) })
	require.Equal(t, 3, m.team.Workers())
}

// TestScratchFollowsTheWork: the memory of a readout's gradient is
// that of the workers that have a share, not of those that were asked for.
func TestScratchFollowsTheWork(t *testing.T) {
	m := smallModel(t)
	m.SetWorkers(256)
	lin := m.links[1].net.(*linear)
	y, ids := make([]float32, 5*3*256), make([]int32, 5*3)
	for range 3 {
		require.NoError(t, m.ForwardIDs(y, ids))
		m.Backward(nil, y)
	}
	used := 0
	for _, w := range lin.work {
		if w != nil {
			used++
		}
	}
	require.Equal(t, (lin.out+rowUnit-1)/rowUnit, used, "one for each share of %d outputs", lin.out)

	// Left to the size of the work, work this small has one worker, however many
	// processors there are.
	before := runtime.GOMAXPROCS(128)
	defer runtime.GOMAXPROCS(before)
	m = smallModel(t)
	require.NoError(t, m.ForwardIDs(y, ids))
	m.Backward(nil, y)
	isa := kernels.Current()
	require.Len(t, m.links[1].net.(*linear).work, split.Workers(isa, float64(2*len(y)*6), 128))
}

// smallModel is a chain over bytes for windows of 5 steps of 3 rows.
func smallModel(t *testing.T) *Model {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	emb, err := NewEmbedding(256, 4, r)
	require.NoError(t, err)
	rnn, err := lstm.New(lstm.Config{Input: 4, Hidden: 6}, r)
	require.NoError(t, err)
	out, err := NewLinear(6, 256, r)
	require.NoError(t, err)
	m, err := Chain(emb, rnn.Unroll(5, 3), out)
	require.NoError(t, err)
	return m
}

// TestReadoutVisitsOfFewerChunks: the gradient of a readout over seven chunks of 512
// pairs, four and then three at a time, is what chunks one by one give, to the bit.
func TestReadoutVisitsOfFewerChunks(t *testing.T) {
	const steps, batch, in, out = 7, 512, 3, 40
	l, err := NewLinear(in, out, rand.New(rand.NewPCG(1, 2)))
	require.NoError(t, err)
	gradient := func(most int) []float32 {
		m, err := Unroll(steps, batch, l)
		require.NoError(t, err)
		s := m.links[0].net.(*linear)
		require.Equal(t, 4, s.visit.most)
		s.visit.most = most
		x, y := make([]float32, steps*batch*in), make([]float32, steps*batch*out)
		for i := range x {
			x[i] = float32(i%17-8) / 8
		}
		m.Forward(y, x)
		m.Backward(nil, y)
		return s.dw
	}
	require.Equal(t, gradient(1), gradient(4))
}

// TestStripsBounds: a Linear of more weights than a strip has holds no packed copy of them after
// passes, up to stripRows rows; on the way back it packs all of them where each worker would have
// too few rows for strips, and where dy is copied.
func TestStripsBounds(t *testing.T) {
	isa := kernels.Current()
	const in = 4
	l, err := NewZeroLinear(in, isa.StripRoom(0)/in+1)
	require.NoError(t, err)
	of := func(rows, workers int) (*Model, *linear) {
		m, err := Unroll(rows, 1, l)
		require.NoError(t, err)
		m.SetWorkers(workers)
		return m, m.links[0].net.(*linear)
	}
	m, s := of(2, 1)
	y, dx := make([]float32, 2*l.Out), make([]float32, 2*in)
	m.Forward(y, make([]float32, len(dx)))
	BackwardFlushed(m, dx, y)
	require.Nil(t, s.fwd, "a copy for the pass forward")
	require.Nil(t, s.bwd, "a copy for the pass back")
	m.Forward(y, make([]float32, len(dx)))
	m.Backward(dx, y)
	require.Nil(t, s.fwd)
	require.NotNil(t, s.bwd, "where dy is copied")

	_, s = of(stripRows, 1)
	require.True(t, s.large())
	_, s = of(stripRows+1, 1)
	require.False(t, s.large())
	require.NotNil(t, s.fwd)
	require.NotNil(t, s.bwd)

	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	_, s = of(stripRows, 2)
	s.handed = dyFlushed
	require.False(t, s.backInStrips(stripShares*packWork-1), "287 rows of two workers")
	require.True(t, s.backInStrips(stripShares*packWork), "288 rows of two workers")
}
