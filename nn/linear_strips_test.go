package nn_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/nn"
)

// TestStrips: a Linear of more weights than a strip has computes the chains of the contract, with
// a bias and without one, on any number of workers, tiny values count as +0, and weights may change between passes.
func TestStrips(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		const steps, rows, in = 3, 2, 5
		out := 2*isa.StripRoom(0)/in + 77 // two strips and a rest
		l := linear(in, out)
		x, dy := tinyLike(steps*rows*in, 1), tinyLike(steps*rows*out, 2)
		isa.CopyFlush(dy, dy)
		// Where all weights or all inputs of a sum are tiny, it stays what it began with.
		for i := range in {
			x[i] = 1e-31
		}
		for o := range out {
			if o%3 == 0 {
				l.Bias[o] = 0
			}
			for i := range l.Weight[o*in:][:in] {
				if o%5 == 0 {
					l.Weight[o*in+i] = -1e-31
				}
			}
			if o%5 != 0 {
				dy[out+o] = 0 // of the second row
			}
		}
		for _, bias := range [][]float32{l.Bias, nil} {
			l.Bias = bias
			for _, workers := range []int{1, 2, 5} {
				net := traintest.Must(nn.Unroll(steps, rows, l))
				net.SetWorkers(workers)
				for pass := range 2 {
					l.Weight[in+pass] -= 0.25
					l.Weight[len(l.Weight)-1-pass] += 0.5
					y, dx := make([]float32, len(dy)), make([]float32, len(x))
					net.Forward(y, x)
					nn.BackwardFlushed(net, dx, dy)
					wantY, wantDx := plainLinear(l, x, dy)
					label := fmt.Sprintf("bias %v, %d workers, pass %d", bias != nil, workers, pass)
					numtest.Equal(t, y, wantY, "y, %s", label)
					numtest.Equal(t, dx, wantDx, "dx, %s", label)
				}
			}
		}
	})
}

// plainLinear is rules 2 and 3 of the contract for a Linear, by loops.
func plainLinear(l *nn.Linear, x, dy []float32) (y, dx []float32) {
	y, dx = make([]float32, len(dy)), make([]float32, len(x))
	for r := range len(x) / l.In {
		for o := range l.Out {
			sum := float32(0)
			if l.Bias != nil {
				sum = ref.Flush(l.Bias[o])
			}
			for i, w := range l.Weight[o*l.In:][:l.In] {
				sum = ref.FMA(ref.Flush(x[r*l.In+i]), ref.Flush(w), sum)
				dx[r*l.In+i] = ref.FMA(dy[r*l.Out+o], ref.Flush(w), dx[r*l.In+i])
			}
			y[r*l.Out+o] = sum
		}
	}
	return y, dx
}

// TestStripsAndBlocks: blocks of steps, which pack all weights once for several of them, have the
// outputs and gradients of passes in strips, whatever came first.
func TestStripsAndBlocks(t *testing.T) {
	const steps, rows, in = 300, 1, 4
	out := kernels.Current().StripRoom(0)/in + 40
	l := linear(in, out)
	net, other := traintest.Must(nn.Unroll(steps, rows, l)), traintest.Must(nn.Unroll(steps, rows, l))
	blocks := traintest.Must(net.Blocks(256))
	x, dy := tinyLike(steps*in, 3), make([]float32, steps*out)
	for i := range dy {
		dy[i] = float32(i%7-3) / 8
	}
	want, y := make([]float32, len(dy)), make([]float32, len(dy))
	gradients := func(m *nn.Model) (g []float32) {
		m.EachParam(func(_ string, _, grad []float32) { g = append(g, grad...) })
		return g
	}
	for range 2 {
		other.ZeroGrads()
		other.Forward(want, x)
		other.Backward(nil, slices.Clone(dy))
		net.ZeroGrads()
		net.Forward(y, x)
		net.Backward(nil, slices.Clone(dy))
		numtest.Equal(t, y, want, "in strips")
		numtest.Equal(t, gradients(net), gradients(other), "in strips")
		net.ZeroGrads()
		clear(y)
		blocks.Forward(x)
		require.NoError(t, blocks.Each(func(first, n int) error {
			part := y[first*out : (first+n)*out]
			blocks.Readout(part, first)
			blocks.ReadoutGrad(slices.Clone(dy[first*out:(first+n)*out]), first)
			return nil
		}))
		blocks.Backward()
		numtest.Equal(t, y, want, "in blocks")
		numtest.Equal(t, gradients(net), gradients(other), "in blocks")
	}
}
