package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/nn"
)

// exp1 is e^x of one number, flushed.
func exp1(x float32) float32 {
	v := []float32{x}
	ref.Exp(v, v)
	return flush(v[0])
}

// dot1 is the product of two vectors in the order of kernels.Dot.
func dot1(a, b []float32) float32 {
	var lanes [ref.Lanes]float32
	ref.DotLanes(lanes[:], a, b)
	return ref.Tree(lanes[:])
}

// TestAttentionPoolToTheBit, by plain loops: the order of operations that the numerics contract
// has, with scores that rise and fall, ties, tiny values, lengths, states and their gradients. The
// score is the first element, so that no other stage rounds.
func TestAttentionPoolToTheBit(t *testing.T) {
	const steps, batch, width = 7, 3, 5
	x, dy := tinyLike(steps*batch*width, 1), tinyLike(steps*batch*width, 2)
	at := func(step, b int) int { return (step*batch + b) * width }
	for step, z := range []float32{0.5, 2, 2, -1, 3, 0.25, 200} {
		x[at(step, 0)], x[at(step, 1)] = z, -z
	}
	lengths := []int{steps, 5, 0}
	first := [][]float32{traintest.NumbersLike(batch*width, 5), {2.5, 0, 1.5}, {1, 0, 0.5}}
	last := [][]float32{traintest.NumbersLike(batch*width, 6), {0.5, -0.25, 1}, {0.75, -0.5, 2}}
	y, dx := make([]float32, len(x)), make([]float32, len(x))
	state, grad := [][]float32{slices.Clone(first[0]), slices.Clone(first[1]), slices.Clone(first[2])}, [][]float32{slices.Clone(last[0]), slices.Clone(last[1]), slices.Clone(last[2])}
	for b := range batch {
		v, s, m := state[0][b*width:][:width], &state[1][b], &state[2][b]
		type kept struct {
			weight, scale, total, above float32
			sums, before                []float32
			all                         float32
		}
		var tape []kept
		for step := range lengths[b] {
			in := flushed(x[at(step, b):][:width])
			z := in[0]
			if *s < 0.5 {
				*m = z
			}
			k := kept{above: z - *m, before: slices.Clone(v), all: *s}
			top := z
			if k.above < 0 {
				top = *m
			}
			k.weight, k.scale = exp1(z-top), exp1(*m-top)
			*m = top
			*s = flush(*s*k.scale) + k.weight
			k.total = *s
			for j := range v {
				v[j] = flush(ref.FMA(k.weight, in[j], flush(v[j]*k.scale)))
				y[at(step, b)+j] = v[j] / *s
			}
			k.sums = slices.Clone(v)
			tape = append(tape, k)
		}
		gv, gs, gm := grad[0][b*width:][:width], &grad[1][b], &grad[2][b]
		for step := lengths[b] - 1; step >= 0; step-- {
			k, in, d := tape[step], flushed(x[at(step, b):][:width]), flushed(dy[at(step, b):][:width])
			for j := range d {
				d[j] /= k.total
				gv[j] = flush(gv[j] + d[j])
				dx[at(step, b)+j] = flush(gv[j] * k.weight)
			}
			*gs -= dot1(d, k.sums) / k.total
			dz := float32(0)
			if k.above < 0 {
				dz = flush((dot1(gv, in) + *gs) * k.weight)
				*gm -= dz
			} else {
				q := flush(ref.FMA(*gs, k.all, dot1(gv, k.before)) * k.scale)
				if k.all < 0.5 {
					q = 0 // m is z, whatever it was
				}
				dz, *gm = *gm-q, q
			}
			dx[at(step, b)] = flush(dx[at(step, b)] + flush(dz))
			for j := range gv {
				gv[j] = flush(gv[j] * k.scale)
			}
			*gs = flush(*gs * k.scale)
		}
	}
	pick := &nn.Linear{Weight: []float32{1, 0, 0, 0, 0}, In: width, Out: 1}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		net := traintest.Must(nn.Unroll(steps, batch, nn.AttentionPool{pick}, &through{traintest.NewLeaky(steps, batch), width, nil, nil}))
		gotY, gotDX := make([]float32, len(x)), make([]float32, len(x))
		for range 2 {
			require.NoError(t, net.SetState(first))
			require.NoError(t, net.ForwardLengths(gotY, x, lengths))
			require.NoError(t, net.SetStateGrad(last))
			net.Backward(gotDX, dy)
			numtest.Equal(t, gotY, y, "y")
			numtest.Equal(t, gotDX, dx, "dx")
			for i, want := range state {
				numtest.Equal(t, net.State()[i], want, "state %d", i)
				numtest.Equal(t, net.StateGrad()[i], grad[i], "gradient of state %d", i)
			}
		}
		for _, bad := range [][][]float32{first[:2], {first[0], {1, 2}, first[2]}} {
			require.Error(t, net.SetState(bad))
			require.Error(t, net.SetStateGrad(bad))
		}
		for i, want := range state {
			numtest.Equal(t, net.State()[i], want, "state %d after errors", i)
		}
	})
}

// TestScoresThatAreNotFinite: what weighs nothing, and what spoils a row from where on.
func TestScoresThatAreNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	pick := &nn.Linear{Weight: []float32{1}, In: 1, Out: 1}
	for _, c := range []struct {
		z    []float32
		good int // steps whose mean is a number
	}{{[]float32{1, -inf, 2}, 1}, {[]float32{1, nan, 2}, 1}, {[]float32{1, inf, 2}, 1}, {[]float32{-inf, 1, 2}, 0}} {
		net := traintest.Must(nn.Unroll(3, 1, nn.AttentionPool{pick}))
		y := make([]float32, 3)
		net.Forward(y, c.z)
		for step, v := range y {
			require.Equal(t, step < c.good, v == v, "%v: step %d is %v", c.z, step, v)
		}
	}
	// Where the values are numbers, -Inf leaves a step out.
	net := traintest.Must(nn.Unroll(3, 1, nn.AttentionPool{&nn.Linear{Weight: []float32{1, 0}, In: 2, Out: 1}}, &nn.Linear{Weight: []float32{0, 1}, In: 2, Out: 1}))
	y := make([]float32, 3)
	net.Forward(y, []float32{0, 3, -1e30, 8, 0, 5})
	require.Equal(t, []float32{3, 3, 4}, y)
}
