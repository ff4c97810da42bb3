package nn_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// TestHandedGradients: a Linear whose dy is memory of the chain, or is said to have no tiny
// values, has the gradients of one that is by itself and copies dy, to the bit, on any number
// of workers, for rows of any length. The dy of the caller stays as it was.
func TestHandedGradients(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) { handedGradients(t, isa, 7, 301, 150) })
}

// TestHandedGradientsInStrips is the same with layers whose weights are packed in strips, both
// ways by one worker and by two; three have too few rows each for that on the way back.
func TestHandedGradientsInStrips(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		const in, out = 8, 9
		handedGradients(t, isa, in, isa.StripRoom(0)/in+100, out)
	})
}

func handedGradients(t *testing.T, isa kernels.ISA, in, wide, out int) {
	const steps, rows = 70, 5
	first, last := linear(in, wide), linear(wide, out)
	x, dy := tinyLike(steps*rows*in, 1), tinyLike(steps*rows*out, 2)
	for i := range dy[:out] { // what the first Linear gets of these is tiny in part
		dy[i] = float32(i%3-1) * 1e-30
	}
	lengths := []int{70, 3, 0, 69, 40}
	grads := func(nets ...nn.Net) (g [][]float32) {
		for _, net := range nets {
			net.EachParam(func(_ string, _, grad []float32) { g = append(g, slices.Clone(grad)) })
		}
		return g
	}
	var apart []*nn.Model
	for _, stage := range []nn.Stage{first, last} {
		net := traintest.Must(nn.Unroll(steps, rows, stage))
		require.NoError(t, net.SetLengths(lengths))
		apart = append(apart, net)
	}
	a, y := make([]float32, steps*rows*wide), make([]float32, steps*rows*out)
	da, want := make([]float32, len(a)), make([]float32, len(x))
	for range 2 { // the second pass adds to the first
		apart[0].Forward(a, x)
		apart[1].Forward(y, a)
		apart[1].Backward(da, slices.Clone(dy))
		apart[0].Backward(want, da)
	}
	clean := slices.Clone(dy)
	isa.CopyFlush(clean, clean)
	for _, workers := range []int{1, 2, 3} {
		for _, flushed := range []bool{true, false} {
			net := traintest.Must(nn.Unroll(steps, rows, first, last))
			net.SetWorkers(workers)
			require.NoError(t, net.SetLengths(lengths))
			given, dx := slices.Clone(dy), make([]float32, len(x))
			for range 2 {
				net.Forward(y, x)
				if flushed {
					copy(given, clean)
					nn.BackwardFlushed(net, dx, given)
					numtest.Equal(t, given, clean, "dy of BackwardFlushed")
				} else {
					net.Backward(dx, given)
					numtest.Equal(t, given, dy, "dy of Backward")
				}
			}
			numtest.Equal(t, dx, want, "dx on %d workers, flushed %v", workers, flushed)
			for i, g := range grads(net) {
				numtest.Equal(t, g, grads(apart[0], apart[1])[i], "gradient %d on %d workers, flushed %v", i, workers, flushed)
			}
		}
	}
}

// plainNet is a net without BackwardFlushed.
type plainNet struct{ nn.Net }

// embedding is a net that has BackwardFlushed of another, and a Backward of its own. It cannot be
// compared.
type embedding struct {
	*nn.Model
	calls *int
	_     []int
}

func (n embedding) Backward(dx, dy []float32) { *n.calls++; n.Model.Backward(dx, dy) }

// TestBackwardFlushedOfOthers: a net that has no such method, or has that of a net in it, goes back
// by its Backward.
func TestBackwardFlushedOfOthers(t *testing.T) {
	leaky := traintest.NewLeaky(3, 1)
	leaky.Forward(make([]float32, 3), []float32{1, 2, 3})
	nn.BackwardFlushed(plainNet{leaky}, nil, []float32{1, 1, 0})
	require.Equal(t, "backward 3 counting 2", leaky.Log[len(leaky.Log)-1])

	calls, y := 0, make([]float32, 2)
	net := embedding{Model: traintest.Must(nn.Unroll(1, 1, linear(3, 2))), calls: &calls}
	net.Forward(y, make([]float32, 3))
	nn.BackwardFlushed(net, nil, y)
	require.Equal(t, 1, calls)
}
