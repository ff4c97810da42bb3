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

// flush is rule 8 for one number.
func flush(v float32) float32 {
	if v < 0x1p-100 && v > -0x1p-100 {
		return 0
	}
	return v
}

func flushed(v []float32) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = flush(v[i])
	}
	return out
}

// tinyLike is numbers some of which are tiny, others large.
func tinyLike(n int, seed uint64) []float32 {
	v := traintest.NumbersLike(n, seed)
	for i := range v {
		switch i % 11 {
		case 3:
			v[i] = 1e-38
		case 7:
			v[i] = float32(math.Copysign(0, -1))
		case 9:
			v[i] *= 1e6
		}
	}
	return v
}

// TestLayerNormToTheBit, by plain loops: widths around blocks and lanes, several chunks,
// lengths, tiny values in all that comes in, two calls.
func TestLayerNormToTheBit(t *testing.T) {
	for _, c := range []struct{ steps, batch, width int }{{1, 1, 1}, {3, 200, 5}, {2, 2, 64}, {2, 1, 1030}} {
		for _, bias := range []bool{true, false} {
			l := &nn.LayerNorm{Weight: tinyLike(c.width, 1), Width: c.width, Eps: 0.25}
			if bias {
				l.Bias = tinyLike(c.width, 2)
			}
			pairs := c.steps * c.batch
			x, dy := tinyLike(pairs*c.width, 3), tinyLike(pairs*c.width, 4)
			lengths := make([]int, c.batch)
			for b := range lengths {
				lengths[b] = (b + c.steps) % (c.steps + 1)
			}
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			dw, db := make([]float32, c.width), make([]float32, c.width)
			gain := flushed(l.Weight)
			norm := make([]float32, len(x))
			for p := range pairs {
				if p/c.batch >= lengths[p%c.batch] {
					continue
				}
				row := func(v []float32) []float32 { return v[p*c.width:][:c.width] }
				r := ref.Normalize(row(norm), flushed(row(x)), 0.25)
				d := flushed(row(dy))
				for j, g := range gain {
					start := float32(0)
					if bias {
						start = flush(l.Bias[j])
					}
					row(y)[j] = ref.FMA(g, row(norm)[j], start)
					d[j] *= g
				}
				ref.NormalizeGrad(row(dx), row(norm), d, r)
			}
			for range 2 {
				chunk := max(1, (256+c.batch-1)/c.batch)
				for last := c.steps - 1; last >= 0; last -= chunk {
					for j := range c.width {
						var sumW, sumB float32
						for step := last; step > last-chunk && step >= 0; step-- {
							for b := range c.batch {
								if step < lengths[b] {
									p := step*c.batch + b
									d := flush(dy[p*c.width+j])
									sumW += flush(d * norm[p*c.width+j])
									sumB += d
								}
							}
						}
						dw[j] += sumW
						db[j] += sumB
					}
				}
			}
			numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
				net := traintest.Must(nn.Unroll(c.steps, c.batch, l))
				gotY, gotDX := make([]float32, len(x)), make([]float32, len(x))
				require.NoError(t, net.ForwardLengths(gotY, x, lengths))
				net.Backward(gotDX, dy)
				net.Forward(gotY, x)
				net.Backward(nil, dy)
				numtest.Equal(t, gotY, y, "%+v", c)
				numtest.Equal(t, gotDX, dx, "%+v", c)
				want := dw
				if bias {
					want = slices.Concat(dw, db)
				}
				numtest.Equal(t, traintest.Gradients(net), want, "%+v", c)
			})
		}
	}
}

// TestPoolsToTheBit, by plain loops: running mean and maximum with ties, NaN, infinities and
// tiny values, and their gradients.
func TestPoolsToTheBit(t *testing.T) {
	const steps, batch, width = 7, 3, 5
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x, dy := tinyLike(steps*batch*width, 1), tinyLike(steps*batch*width, 2)
	for i := range x {
		if i%3 == 0 {
			x[i] = float32(i%2) / 2 // ties
		}
	}
	at := func(step, b, j int) int { return (step*batch+b)*width + j }
	x[at(0, 0, 0)], x[at(3, 0, 0)] = -inf, -inf
	x[at(2, 0, 1)], x[at(4, 0, 1)] = inf, inf
	x[at(3, 1, 2)] = nan
	x[at(0, 1, 3)] = nan
	lengths := []int{steps, 5, 0}
	first := [][]float32{traintest.NumbersLike(batch*width, 5), {3, 0, 2}}
	last := [][]float32{traintest.NumbersLike(batch*width, 6), {9, 9, 9}}
	for name, max := range map[string]bool{"mean": false, "max": true} {
		y, dx := make([]float32, len(x)), make([]float32, len(x))
		state, grad := slices.Clone(first[0]), make([]float32, batch*width)
		for b := range batch {
			for j := range width {
				v, n := first[0][b*width+j], first[1][b]
				var from [steps]bool // the maximum comes from that step
				for step := range lengths[b] {
					in, i := flush(x[at(step, b, j)]), at(step, b, j)
					if max {
						if n == 0 || in > v || in != in {
							v, from[step] = in, n == 0 || in > v
						}
						y[i] = v
					} else {
						v = flush(v + in)
						y[i] = v / (n + 1)
					}
					n++
				}
				state[b*width+j] = v
				carry := last[0][b*width+j]
				for step := lengths[b] - 1; step >= 0; step-- {
					i := at(step, b, j)
					d := flush(dy[i])
					if !max {
						carry = flush(carry + d/n)
						dx[i] = carry
						n--
						continue
					}
					carry = flush(carry + d)
					if from[step] {
						dx[i], carry = carry, 0
					}
				}
				grad[b*width+j] = carry
			}
		}
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			var stage nn.Stage = nn.PoolMean{}
			if max {
				stage = nn.PoolMax{}
			}
			net := traintest.Must(nn.Unroll(steps, batch, stage, &through{traintest.NewLeaky(steps, batch), width, nil, nil}))
			gotY, gotDX := make([]float32, len(x)), make([]float32, len(x))
			for range 2 {
				require.NoError(t, net.SetState(first))
				require.NoError(t, net.ForwardLengths(gotY, x, lengths))
				require.NoError(t, net.SetStateGrad(last))
				net.Backward(gotDX, dy)
				numtest.Equal(t, gotY, y, name)
				numtest.Equal(t, gotDX, dx, name)
				numtest.Equal(t, net.State()[0], state, name)
				require.Equal(t, []float32{3 + steps, 5, 2}, net.State()[1], name)
				numtest.Equal(t, net.StateGrad()[0], grad, name)
				require.Equal(t, make([]float32, batch), net.StateGrad()[1], name)
			}
			for _, bad := range [][][]float32{first[:1], {first[0], {1, 2}}, {first[0], {1, 2, -1}}, {first[0], {1, 0.5, 1}}, {first[0], {nan, 1, 1}}, {first[0], {1 << 25, 1, 1}}} {
				require.Error(t, net.SetState(bad), name)
			}
			require.Error(t, net.SetStateGrad(first[:1]), name)
			numtest.Equal(t, net.State()[0], state, name)
			// Tiny values of a state that is set are +0.
			require.NoError(t, net.SetState([][]float32{tinyLike(batch*width, 8), {1, 1, 1}}))
			numtest.Equal(t, net.State()[0], flushed(tinyLike(batch*width, 8)), name)
			copied := net.State()
			net.CopyState(copied)
			require.Equal(t, net.State(), copied, name)
		})
	}
}

// TestDropoutToTheBit: masks are those of rule 11, by plain loops, in rows wider than a
// block, with ids, clocks, seeds and training steps; tiny values count as +0.
func TestDropoutToTheBit(t *testing.T) {
	const steps, batch = 3, 3
	lengths := []int{3, 1, 2}
	for _, width := range []int{1, 63, 1024, 1100} {
		for _, locked := range []bool{false, true} {
			p := float32(0.375)
			x, dy := tinyLike(steps*batch*width, 1), tinyLike(steps*batch*width, 2)
			ids, clock, seed, step := []uint32{7, 0, 1 << 31}, []uint64{5, 0, 1 << 30}, uint64(1<<40+3), uint64(6)
			want := func(v []float32, step uint32) []float32 {
				out := make([]float32, len(v))
				for r := range steps * batch {
					b, at := r%batch, r/batch
					if at >= lengths[b] {
						continue
					}
					kind, time := uint32(0), uint32(clock[b])+uint32(at)
					if locked {
						kind, time = 1, 0
					}
					u := make([]float32, (width+63)/64*64)
					c := ref.Count([4]uint32{kind << 20, step, time, ids[b]}, [2]uint32{uint32(seed & 0xffffffff), uint32(seed >> 32)})
					ref.Uniform(u, &c)
					for j := range width {
						if u[j] >= 1+p {
							out[r*width+j] = flush(v[r*width+j]) * (1 / (1 - p))
						}
					}
				}
				return out
			}
			numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
				net := traintest.Must(nn.Unroll(steps, batch, nn.Dropout{P: p, Locked: locked}, &through{traintest.NewLeaky(steps, batch), width, nil, nil}))
				require.NoError(t, net.SetMaskState([]uint64{seed, step}))
				require.NoError(t, net.SetRowIDs(ids))
				y, dx := make([]float32, len(x)), make([]float32, len(x))
				for call := range uint64(3) {
					require.NoError(t, net.SetClock(clock))
					require.NoError(t, net.ForwardLengths(y, x, lengths))
					numtest.Equal(t, y, want(x, uint32(step+call)), "width %d, locked %v, call %d", width, locked, call)
					require.Equal(t, []uint64{clock[0] + 3, 1, clock[2] + 2}, net.Clock())
					require.Equal(t, []uint64{seed, step + call}, net.MaskState())
					net.Backward(dx, dy)
					numtest.Equal(t, dx, want(dy, uint32(step+call)), "width %d, locked %v, dx of call %d", width, locked, call)
					require.Equal(t, []uint64{seed, step + call + 1}, net.MaskState())
				}
				// Without a Backward the training step does not end; in evaluation no mask is
				// drawn.
				net.SetTraining(false)
				net.Reset()
				net.Forward(y, x)
				net.Forward(y, x)
				require.Equal(t, []uint64{seed, step + 3}, net.MaskState())
				require.Equal(t, []uint64{6, 2, 4}, net.Clock())
				plain := flushed(x)
				for r := range steps * batch {
					if r/batch >= lengths[r%batch] {
						clear(plain[r*width:][:width])
					}
				}
				numtest.Equal(t, y, plain)
				net.Reset(2)
				require.Equal(t, []uint64{6, 2, 0}, net.Clock())
			})
		}
	}
}

// TestResidualToTheBit: both sums are rounded once and flushed.
func TestResidualToTheBit(t *testing.T) {
	const steps, batch, width = 2, 2, 600
	x, dy := tinyLike(steps*batch*width, 1), tinyLike(steps*batch*width, 2)
	net := &through{traintest.NewLeaky(steps, batch), width, nil, nil} // f(x) = x
	small := float32(0x1p-101)
	for name, v := range map[string]*float32{"f(x) = x": nil, "tiny": &small} {
		net.y, net.dx = v, v
		want := func(v []float32) []float32 {
			out := make([]float32, len(v))
			for i := range v {
				f := v[i]
				if name == "tiny" {
					f = small
				}
				out[i] = flush(f + v[i])
			}
			return out
		}
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			m := traintest.Must(nn.Chain(nn.Residual{net}))
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			m.Forward(y, x)
			m.Backward(dx, dy)
			numtest.Equal(t, y, want(x), name)
			numtest.Equal(t, dx, want(dy), name)
			// Side by side the gradients are added in the same way.
			both := traintest.Must(nn.Chain(nn.Parallel{net, nn.Residual{nn.Tanh}}))
			y = make([]float32, 2*len(x))
			both.Forward(y, x)
			both.Backward(dx, slices.Concat(dy, dy))
			require.False(t, slices.ContainsFunc(dx, func(v float32) bool { return v != flush(v) }), name)
		})
	}
}

// TestActivationsFlush: tiny values of x and dy count as +0, in rows of any length.
func TestActivationsFlush(t *testing.T) {
	const steps, batch, width = 2, 2, 700
	x, dy := tinyLike(steps*batch*width, 1), tinyLike(steps*batch*width, 2)
	for _, f := range []nn.Activation{nn.Tanh, nn.LeakyReLU(-1)} {
		numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
			net := traintest.Must(nn.Chain(f, &through{traintest.NewLeaky(steps, batch), width, nil, nil}))
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			net.Forward(y, x)
			net.Backward(dx, dy)
			want, dwant := make([]float32, len(x)), make([]float32, len(x))
			if f == nn.Tanh {
				isa.Tanh(want, flushed(x))
				isa.TanhGrad(dwant, want, flushed(dy))
			} else {
				isa.LeakyReLU(want, flushed(x), -1)
				isa.LeakyReLUGrad(dwant, flushed(x), flushed(dy), -1)
			}
			numtest.Equal(t, y, want, "%v", f)
			numtest.Equal(t, dx, dwant, "%v", f)
		})
	}
}

// TestPartsLeaveTheirInput: a Linear flushes its x where it lies only if nothing else reads
// it.
func TestPartsLeaveTheirInput(t *testing.T) {
	x := tinyLike(24, 1)
	for name, stage := range map[string]nn.Stage{
		"parallel": nn.Parallel{linear(4, 2), linear(4, 3)}, "residual": nn.Residual{linear(4, 4)}, "attention": nn.AttentionPool{linear(4, 1)}, "sequential": nn.Sequential{linear(4, 4)},
	} {
		net := traintest.Must(nn.Unroll(3, 2, stage))
		_, _, _, out := net.Dims()
		given := slices.Clone(x)
		net.Forward(make([]float32, 6*out), given)
		traintest.Equal(t, name, given, x)
		given = slices.Clone(x[:8])
		traintest.Must(net.Predictor(2)).Step(make([]float32, 2*out), given)
		traintest.Equal(t, name+", predictor", given, x[:8])
	}
}
