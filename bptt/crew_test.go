package bptt

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// TestWorkersAreBounded, whoever asks for them and however many processors there
// are. (Two thousand million parts of a step never end.)
func TestWorkersAreBounded(t *testing.T) {
	var c crew
	for _, n := range []int{1, 2, 256, 257, 1 << 20, math.MaxInt32, math.MaxInt} {
		c.set(n)
		require.Equal(t, min(n, 256), c.parts(kernels.Scalar, 1), "%d workers", n)
	}
	c.set(0)
	require.Equal(t, 1, c.parts(kernels.Scalar, 1))
	before := runtime.GOMAXPROCS(1000)
	most := c.parts(kernels.Scalar, math.MaxInt32)
	runtime.GOMAXPROCS(before)
	require.Equal(t, split.MaxWorkers, most, "on 1000 processors")
	require.Equal(t, 256, split.MaxWorkers)

	train := func(workers int) [32]byte {
		m := smallModel(t)
		for _, o := range []Optimizer{&SGD{LR: 0.1, Momentum: 0.5}, &AdamW{LR: 0.01}} {
			text, err := NewText([]byte("what is asked for is bounded by what can be used"), 3)
			require.NoError(t, err)
			_, err = Train(context.Background(), m, text, Plan{Window: 5, Steps: 3, Workers: workers, Loss: CrossEntropy{}, Optimizer: o, ClipNorm: 1})
			require.NoError(t, err)
			_, _, err = Evaluate(context.Background(), m, text, CrossEntropy{})
			require.NoError(t, err)
		}
		return Fingerprint(m)
	}
	require.Equal(t, train(1), train(math.MaxInt32))
}

// TestNegativeWorkers: a number of workers below 0 is refused by name, as Plan.Workers
// is, and the one before stays, in the nets of a Chain too.
func TestNegativeWorkers(t *testing.T) {
	for _, n := range []int{-1, math.MinInt} {
		m, sgd, adam := smallModel(t), &SGD{LR: 0.1}, &AdamW{LR: 0.1}
		m.SetWorkers(3)
		for what, f := range map[string]func(){
			"a Model": func() { m.SetWorkers(n) }, "SGD": func() { sgd.SetWorkers(n) }, "AdamW": func() { adam.SetWorkers(n) },
		} {
			require.PanicsWithValue(t, fmt.Sprintf("bptt: SetWorkers(%d), want a number of goroutines, or 0 for automatic", n), f, what)
		}
		require.Equal(t, 3, m.team.workers)
	}
}

// TestScratchFollowsTheWork: the memory of a readout's gradient and of a loss is
// that of the workers that have a share, not of those that were asked for.
func TestScratchFollowsTheWork(t *testing.T) {
	m := smallModel(t)
	m.SetWorkers(256)
	lin := m.links[1].lin
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
	require.Equal(t, (lin.Out+rowUnit-1)/rowUnit, used, "one for each share of %d outputs", lin.Out)

	var s Scratch
	s.team.set(256)
	b := &Batch{Steps: 5, Rows: 3, Targets: ids}
	want, _, err := CrossEntropy{}.Loss(nil, y, b, 0, new(Scratch))
	require.NoError(t, err)
	got, _, err := CrossEntropy{}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Len(t, s.probs, len(y), "at most one row for each worker, and a worker for each row")

	// Left to the size of the work, work this small has one worker, however many
	// processors there are.
	before := runtime.GOMAXPROCS(128)
	defer runtime.GOMAXPROCS(before)
	m, s = smallModel(t), Scratch{}
	require.NoError(t, m.ForwardIDs(y, ids))
	m.Backward(nil, y)
	_, _, err = CrossEntropy{}.Loss(nil, y, b, 0, &s)
	require.NoError(t, err)
	isa := kernels.Current()
	require.Len(t, m.links[1].lin.work, split.Workers(isa, float64(2*len(y)*6), 128))
	require.Len(t, s.probs, 256*split.Workers(isa, float64(16*len(y)), 128))
	require.Less(t, len(s.probs), len(y), "less than a row of memory for each of the 15 rows")
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
		s, dw := newLinear(l, kernels.Current()), make([]float32, in*out)
		s.train(dw, steps*batch, batch)
		require.Equal(t, 4, s.visit.most)
		s.visit.most = most
		var pairs, chunks []int32
		for step := steps - 1; step >= 0; step-- {
			for row := range batch {
				pairs = append(pairs, int32(step*batch+row))
			}
			chunks = append(chunks, int32(len(pairs)))
		}
		x, y := make([]float32, steps*batch*in), make([]float32, steps*batch*out)
		for i := range x {
			x[i] = float32(i%17-8) / 8
		}
		s.forward(crew{}, y, x)
		s.backward(crew{}, nil, y, pairs, chunks)
		return dw
	}
	require.Equal(t, gradient(1), gradient(4))
}
