package optim_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// walk takes a step of 1 down for each gradient of -1.
func walk(t *testing.T, o optim.Optimizer, steps int) {
	t.Helper()
	for range steps {
		require.NoError(t, o.Update(1))
	}

}

func average(t *testing.T, o *optim.ASGD, p []nn.Param) (w float32) {
	t.Helper()
	require.NoError(t, o.Average(func() error {
		w = p[0].W[0]
		return nil
	}))
	return w
}

// The mean is over the weights after T0, and over all if T0 is lowered later on.
func TestAveragesBeginAfterT0(t *testing.T) {
	p := []nn.Param{{Name: "w", W: []float32{0}, G: []float32{-1}}}
	o := &optim.ASGD{LR: 1, T0: 3}
	require.NoError(t, o.Init(p))
	require.Equal(t, float32(0), average(t, o, p), "before the first step the weight itself")
	for step := 1; step <= 9; step++ {
		walk(t, o, 1)
		require.Equal(t, float32(step), p[0].W[0])
		// The last t-1-T0 of 1, 2, 3, ...: from step+1-n to step.
		n := max(1, step-1-3)
		require.Equal(t, float32(step)-float32(n-1)/2, average(t, o, p), "step %d", step)
	}

	o.T0 = 1 << 40
	walk(t, o, 1)
	require.Equal(t, float32(10), average(t, o, p), "T0 is far away: the weight")
	o.T0 = 10
	for step := 11; step <= 15; step++ {
		walk(t, o, 1)
	}
	require.Equal(t, float32(12+13+14+15)/4, average(t, o, p), "from step 10 on")
}

// Inside Average the averages are the weights, and nothing can move; after it all is as
// before, however it ends.
func TestAverageGivesTheWeightsBack(t *testing.T) {
	const n = 9000 // more than one buffer
	p := []nn.Param{{Name: "a", W: make([]float32, n), G: make([]float32, n)}, {Name: "b", W: []float32{5}, G: []float32{1}}}
	for j := range p[0].W {
		p[0].W[j], p[0].G[j] = float32(j), 1
	}
	o := &optim.ASGD{LR: 1}
	require.EqualError(t, o.Average(func() error { return nil }), "optim: ASGD.Average before Init")
	require.NoError(t, o.Init(p))
	walk(t, o, 3) // weights j-1, j-2, j-3; the average of the last two
	weights := append([]float32(nil), p[0].W...)
	state := o.State().Clone()
	check := func() {
		t.Helper()
		require.Equal(t, weights, p[0].W)
		require.Equal(t, float32(2), p[1].W[0])
		require.Equal(t, state, o.State())
	}
	fails := errors.New("fails")
	err := o.Average(func() error {
		for j, w := range p[0].W {
			if w != float32(j)-2.5 {
				t.Fatalf("average %d is %v", j, w)
			}
		}
		require.Equal(t, float32(2.5), p[1].W[0])
		require.ErrorContains(t, o.Update(1), "inside ASGD.Average")
		require.ErrorContains(t, o.SetState(state), "inside ASGD.Average")
		require.ErrorContains(t, o.Average(func() error { return nil }), "inside ASGD.Average")
		inside := o.State().Clone()
		other := &optim.ASGD{LR: 1}
		q := []nn.Param{{Name: "a", W: make([]float32, n), G: make([]float32, n)}, {Name: "b", W: []float32{5}, G: []float32{1}}}
		require.NoError(t, other.Init(q))
		require.ErrorContains(t, other.SetState(inside), "taken inside ASGD.Average")
		return fails
	})
	require.Equal(t, fails, err)
	check()
	require.Panics(t, func() { _ = o.Average(func() error { panic("in the middle") }) })
	check()

	// In a group, nothing moves either.
	g := &optim.Groups{List: []optim.Group{{Params: []string{"b"}, Optimizer: &optim.SGD{LR: 1}}, {Optimizer: o}}}
	require.NoError(t, g.Init(p))
	require.NoError(t, g.Update(1))
	before := g.State().Clone()
	w := p[1].W[0]
	require.NoError(t, o.Average(func() error {
		require.ErrorContains(t, g.Update(1), "inside ASGD.Average")
		require.ErrorContains(t, g.SetState(before), "inside ASGD.Average")
		require.Equal(t, w, p[1].W[0])
		return nil
	}))
	require.Equal(t, before, g.State())
}
