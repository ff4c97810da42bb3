package bptt_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

// given is a net whose gradients are what the test says: several tensors, of sizes around
// those of the blocks and of the pieces that workers take.
type given struct {
	*traintest.Leaky
	params []nn.Param
	values [][]float32
}

func newGiven(sizes ...int) *given {
	n := &given{Leaky: traintest.NewLeaky(1, 1)}
	for i, size := range sizes {
		n.values = append(n.values, traintest.NumbersLike(size, uint64(i)))
		n.params = append(n.params, nn.Param{Name: fmt.Sprintf("p%d", i), W: make([]float32, size), G: make([]float32, size)})
	}
	return n
}

func (n *given) EachParam(f func(string, []float32, []float32)) {
	for _, p := range n.params {
		f(p.Name, p.W, p.G)
	}
}

func (n *given) Backward(_, _ []float32) {
	for i, p := range n.params {
		copy(p.G, n.values[i])
	}
}

// clipped returns the gradients that reach the optimizer, and the norm that is reported.
func (n *given) clipped(t *testing.T, p bptt.Plan) (grads [][]float32, norm float64) {
	t.Helper()
	p.Window, p.Steps, p.Loss, p.Optimizer = 1, 1, loss.MSE{}, traintest.Frozen{}
	p.OnStep = func(q bptt.Progress) error { norm = q.Norm; return nil }
	_, err := bptt.Train(context.Background(), n, &traintest.Script{N: 9}, p)
	require.NoError(t, err)
	for _, q := range n.params {
		grads = append(grads, slices.Clone(q.G))
	}
	return grads, norm
}

// pNorm is the definition, in another order than that of the product.
func pNorm(p float64, tensors ...[]float32) float64 {
	if p == 0 {
		p = 2
	}
	largest, sum := 0.0, 0.0
	for _, v := range tensors {
		for _, x := range v {
			a := math.Abs(float64(x))
			largest = max(largest, a)
			sum += math.Pow(a, p)
		}
	}
	if math.IsInf(p, 1) {
		return largest
	}
	return math.Pow(sum, 1/p)
}

func equalAll(a, b [][]float32) bool {
	return slices.EqualFunc(a, b, func(v, w []float32) bool { return slices.Equal(v, w) })
}

// TestClipOfEveryOrder holds the norms against their definition, and the clipped gradients
// against a multiplication by the quotient, bit for bit on every tier and number of workers.
func TestClipOfEveryOrder(t *testing.T) {
	sizes := []int{1, 4095, 0, 4097, 17000}
	n := newGiven(sizes...)
	for i := range n.values[3] {
		n.values[3][i] *= 1e-3 // a tensor whose norm is below the limit
	}
	clear(n.values[0])
	want := map[float64][][]float32{}
	norms := map[float64]float64{}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, p := range []float64{0, 1, 2, 2.5, 7, math.Inf(1)} {
			all := pNorm(p, n.values...)
			raw, norm := n.clipped(t, bptt.Plan{ClipP: p})
			require.InEpsilon(t, all, norm, 1e-10, "order %v", p)
			require.True(t, equalAll(n.values, raw), "nothing is clipped")
			for _, workers := range []int{1, 3} {
				got, same := n.clipped(t, bptt.Plan{ClipP: p, ClipNorm: norm / 3, Workers: workers})
				require.Equal(t, norm, same)
				factor := float32(norm / 3 / norm)
				scaled := make([][]float32, len(n.values))
				for i, v := range n.values {
					scaled[i] = make([]float32, len(v))
					for j, x := range v {
						scaled[i][j] = x * factor
					}
				}
				require.True(t, equalAll(scaled, got), "order %v, %d workers", p, workers)
				limit := pNorm(p, n.values[4]) / 2
				got, same = n.clipped(t, bptt.Plan{ClipP: p, ClipTensor: limit, Workers: workers})
				require.Equal(t, norm, same, "without ClipNorm the norm is that before clipping")
				for i, v := range n.values {
					of := pNorm(p, v)
					if of <= limit*0.999 {
						require.True(t, slices.Equal(v, got[i]), "tensor %d is below the limit", i)
						continue
					}
					require.InEpsilon(t, limit, pNorm(p, got[i]), 1e-6, "tensor %d", i)
				}
				if want[p] == nil {
					want[p], norms[p] = got, norm
				}
				require.Equal(t, norms[p], norm, "order %v", p)
				require.True(t, equalAll(want[p], got), "order %v, %d workers on %v", p, workers, isa)
			}
			// All three, in their order: the last norm is that of what the others left.
			got, after := n.clipped(t, bptt.Plan{ClipP: p, ClipValue: 0.5, ClipTensor: pNorm(p, n.values[4]) / 3, ClipNorm: 1e-2})
			require.InEpsilon(t, 1e-2, pNorm(p, got...), 1e-6)
			require.Less(t, after, norm)
			require.Greater(t, after, 1e-2)
		}
	})
}

// Each limit is held against what the limit before it left.
func TestClipOneAfterTheOther(t *testing.T) {
	n := newGiven(3, 2)
	copy(n.values[0], []float32{4, 0, 0})
	copy(n.values[1], []float32{0, 0.5})
	got, _ := n.clipped(t, bptt.Plan{ClipValue: 1, ClipTensor: 2, ClipNorm: 3})
	require.Equal(t, [][]float32{{1, 0, 0}, {0, 0.5}}, got)
	got, _ = n.clipped(t, bptt.Plan{ClipTensor: 1, ClipNorm: 2})
	require.Equal(t, [][]float32{{1, 0, 0}, {0, 0.5}}, got)
	got, norm := n.clipped(t, bptt.Plan{ClipP: 1, ClipTensor: 1, ClipNorm: 0.75})
	require.Equal(t, [][]float32{{0.5, 0, 0}, {0, 0.25}}, got)
	require.Equal(t, 1.5, norm)
}

// Norms of gradients that are all zero, or tiny, or huge, are no division by zero.
func TestNormsOfExtremes(t *testing.T) {
	for _, p := range []float64{1, 2, 3, 50, math.Inf(1)} {
		n := newGiven(5, 3)
		for _, v := range n.values {
			clear(v)
		}
		got, norm := n.clipped(t, bptt.Plan{ClipP: p, ClipNorm: 1, ClipTensor: 1})
		require.Zero(t, norm)
		require.Equal(t, n.values, got)
		for _, size := range []float32{1e-30, math.MaxFloat32} {
			n.values[0][2], n.values[1][0] = size, -size
			_, norm := n.clipped(t, bptt.Plan{ClipP: p})
			count := 2.0
			want := float64(size) * math.Pow(count, 1/p)
			require.InEpsilon(t, want, norm, 1e-10, "order %v of %v", p, size)
		}
	}
}

// A gradient that is not finite is found by every order, in every place, and named.
func TestNonFiniteInEveryOrder(t *testing.T) {
	for _, p := range []float64{1, 2, 3, math.Inf(1)} {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for tensor, at := range []int{0, 4096, 69} {
				n := newGiven(1, 5000, 70, 3)
				n.values[tensor][at], n.values[3][0] = float32(bad), float32(bad)
				_, err := bptt.Train(context.Background(), n, &traintest.Script{N: 9}, bptt.Plan{
					Window: 1, Steps: 1, Loss: loss.MSE{}, Optimizer: traintest.Frozen{}, ClipP: p, ClipNorm: 1, ClipTensor: 1, ClipValue: 1,
				})
				var nf *bptt.NonFiniteError
				require.ErrorAs(t, err, &nf)
				require.Equal(t, fmt.Sprintf("p%d", tensor), nf.Param, "order %v, %v", p, bad)
				require.True(t, math.IsNaN(bad) == (n.params[tensor].G[at] != n.params[tensor].G[at]), "the gradient is not clipped")
			}
		}
	}
}

// What the optimizer leaves as it is has no gradient: it counts in no norm, is not clipped,
// and may be NaN. A group that begins later counts from then on.
func TestClipWithoutWhatIsFrozen(t *testing.T) {
	for _, order := range []float64{1, 2, 3, math.Inf(1)} {
		n, moving, all := newGiven(4097, 70, 5, 17000), newGiven(4097, 70), newGiven(4097, 70, 5)
		for i := range n.values[2] {
			n.values[2][i] *= 10 // its norm is above the limit too
		}
		copy(all.values[2], n.values[2])
		for i := range n.values[3] {
			n.values[3][i] = float32(math.NaN())
		}
		plan := bptt.Plan{Window: 1, Accumulate: 2, Loss: loss.MSE{}, ClipP: order, ClipTensor: pNorm(order, n.values[0]) / 2, ClipValue: 0.4}
		run := func(n *given, o optim.Optimizer) (norms []float64, grads [][][]float32) {
			p := plan
			p.Steps, p.Optimizer, p.ClipNorm = 3, o, plan.ClipTensor/2
			p.OnStep = func(q bptt.Progress) error {
				norms = append(norms, q.Norm)
				var now [][]float32
				for _, q := range n.params {
					now = append(now, slices.Clone(q.G))
				}
				grads = append(grads, now)
				return nil
			}
			_, err := bptt.Train(context.Background(), n, &traintest.Script{N: 9}, p)
			require.NoError(t, err)
			return norms, grads
		}
		groups := &optim.Groups{List: []optim.Group{
			{Optimizer: &optim.SGD{LR: 1e-3}}, {Params: []string{"p3"}, Frozen: true}, {Params: []string{"p2"}, Optimizer: &optim.SGD{LR: 1e-3}, From: 2},
		}}
		norms, grads := run(n, groups)
		few, fewGrads := run(moving, traintest.Frozen{})
		more, moreGrads := run(all, traintest.Frozen{})
		require.Equal(t, []float64{few[0], few[1], more[2]}, norms, "order %v", order)
		require.Equal(t, math.IsInf(order, 1), few[2] == more[2], "limits of tensors make all of their largest elements the same")
		require.True(t, equalAll(fewGrads[1], grads[1][:2]))
		require.True(t, slices.Equal(n.values[2], grads[1][2]), "it is not there yet, and stays as it is")
		require.True(t, equalAll(moreGrads[2], grads[2][:3]))

		// From its first update on it must be finite.
		n.values[2][1] = float32(math.Inf(1))
		plan.Optimizer, plan.Steps = groups, 4
		report, err := bptt.Train(context.Background(), n, &traintest.Script{N: 9}, plan)
		var nf *bptt.NonFiniteError
		require.ErrorAs(t, err, &nf)
		require.Equal(t, []any{int64(2), int64(3), "p2"}, []any{report.Step, nf.Step, nf.Param})
	}
}

// The gradient of a sum over time, as papers have it, is clipped as it is: a limit that is
// as many times as large does the same to it.
func TestClipOfASum(t *testing.T) {
	run := func(l loss.Loss, clip float64) (g float32, norm float64) {
		net := traintest.NewLeaky(8, 1)
		_, err := bptt.Train(context.Background(), net, &traintest.Script{N: 8}, bptt.Plan{
			Window: 8, Steps: 1, Loss: l, Optimizer: traintest.Frozen{}, ClipNorm: clip,
			OnStep: func(p bptt.Progress) error { g, norm = net.G[0], p.Norm; return nil },
		})
		require.NoError(t, err)
		return g, norm
	}
	mean, norm := run(loss.MSE{}, 1)
	sum, larger := run(summed{}, 8)
	require.InEpsilon(t, 8*norm, larger, 1e-6)
	require.InEpsilon(t, 8*float64(mean), float64(sum), 1e-6)
	require.InEpsilon(t, 8, float64(sum), 1e-6)
}

// summed is MSE that is not divided by its terms.
type summed struct{ loss.MSE }

func (l summed) Loss(dy, y []float32, b *data.Batch, _ float64, s *loss.Scratch) (loss.Total, error) {
	return l.MSE.Loss(dy, y, b, 1, s)
}

func TestClipSettings(t *testing.T) {
	for _, c := range []struct {
		field string
		plan  bptt.Plan
	}{
		{"ClipP", bptt.Plan{ClipP: 0.5}},
		{"ClipP", bptt.Plan{ClipP: math.NaN()}},
		{"ClipTensor", bptt.Plan{ClipTensor: -1}},
		{"ClipNorm", bptt.Plan{ClipNorm: math.Inf(1)}},
		{"SkipNonFinite", bptt.Plan{SkipNonFinite: -1}},
	} {
		_, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), &traintest.Script{N: 9}, plan(c.plan))
		require.ErrorContains(t, err, "Plan."+c.field+" is ")
	}
}
