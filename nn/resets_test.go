package nn_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// packable returns a chain with stages of all kinds that have a state or masks.
func packable(steps, batch int, within, both bool) *nn.Model {
	r := traintest.Rng(1)
	a := traintest.Must(lstm.New(lstm.Config{Input: 4, Hidden: 5, Layers: 2, Dropout: 0.2, HiddenDropout: 0.3, Zoneout: 0.1}, r))
	b := traintest.Must(gru.New(gru.Config{Input: 4, Hidden: 3, Bidirectional: both}, r))
	c := traintest.Must(rnn.New(rnn.Config{Input: 8, Hidden: 8}, r))
	first := nn.Stage(a.Unroll(steps, batch))
	width := 3
	if both {
		width = 6
	}
	if within {
		first = traintest.Must(a.UnrollWithin(steps, batch, a.Unroll(steps, batch).Bytes()*3/4))
	}
	return traintest.Must(nn.Chain(
		nn.Dropout{P: 0.3},
		nn.Parallel{first, nn.Sequential{b.Unroll(steps, batch), traintest.Must(nn.NewLinear(width, 3, r))}},
		nn.PoolMean{},
		nn.AttentionPool{traintest.Must(nn.NewLinear(8, 3, r)), nn.Tanh, traintest.Must(nn.NewLinear(3, 1, r))},
		nn.Residual{c.Unroll(steps, batch), nn.Dropout{P: 0.2}},
		traintest.Must(nn.NewLayerNorm(8)),
		nn.PoolMax{},
		nn.Dropout{P: 0.4, Locked: true},
		traintest.Must(nn.NewLinear(8, 2, r)),
	))
}

// TestResetsAreSequencesByThemselves: rows that hold several sequences one after another, as
// resets say, have the outputs, dx and gradients of the sequences one by one, within a budget too. With 256 rows a chunk of a
// gradient is a step, and the order of all additions is the same.
func TestResetsAreSequencesByThemselves(t *testing.T) {
	const steps, batch = 7, 256
	for _, c := range [][2]bool{{false, false}, {true, false}, {false, true}} {
		within, both := c[0], c[1]
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			m := packable(steps, batch, within, both)
			x, dy := traintest.NumbersLike(steps*batch*4, 2), traintest.NumbersLike(steps*batch*2, 3)
			masks := m.MaskState()
			starts := []int{0, 2, 6}
			y, dx := make([]float32, len(dy)), make([]float32, len(x))
			for i := len(starts) - 1; i >= 0; i-- {
				lo, hi := starts[i], steps
				if i+1 < len(starts) {
					hi = starts[i+1]
				}
				require.NoError(t, m.SetMaskState(masks))
				m.Reset()
				m.Forward(y[lo*batch*2:hi*batch*2], x[lo*batch*4:hi*batch*4])
				m.Backward(dx[lo*batch*4:hi*batch*4], dy[lo*batch*2:hi*batch*2])
			}
			want := traintest.Gradients(m)

			require.NoError(t, m.SetMaskState(masks))
			m.Reset()
			m.ZeroGrads()
			resets := make([][]int, batch)
			for b := range resets {
				resets[b] = starts[1:]
			}
			require.NoError(t, m.SetResets(resets))
			got, gotX := make([]float32, len(y)), make([]float32, len(x))
			m.Forward(got, x)
			for b, n := range m.Clock() {
				require.Equal(t, uint64(1), n, "clock %d", b)
			}
			m.Backward(gotX, dy)
			traintest.Equal(t, "outputs", got, y)
			traintest.Equal(t, "dx", gotX, dx)
			if !both { // a reverse direction adds from the first step to the last
				traintest.Equal(t, "gradients", traintest.Gradients(m), want)
			}
		})
	}
}

// TestResetsOfEachRow: rows begin anew at steps of their own, and some end early; the window
// after them goes on with the last sequence of each row. Each row is as in a chain of its own.
func TestResetsOfEachRow(t *testing.T) {
	const steps, batch = 9, 3
	resets, lengths := [][]int{{0, 3, 8}, nil, {1}}, []int{9, 6, 2}
	m := packable(steps, batch, false, false)
	masks := m.MaskState()
	x := traintest.NumbersLike(2*steps*batch*4, 2)
	y := make([]float32, 2*steps*batch*2)
	half := len(y) / 2
	older := func(m *nn.Model) { // which rows that begin anew forget
		clock := m.Clock()
		for i := range clock {
			clock[i] = 5
		}
		require.NoError(t, m.SetClock(clock))
	}
	older(m)
	require.NoError(t, m.SetResets(resets))
	require.NoError(t, m.ForwardLengths(y[:half], x[:2*half], lengths))
	clock := m.Clock()
	require.NoError(t, m.ForwardLengths(y[half:], x[2*half:], nil))
	for b := range batch {
		single := packable(steps, 1, false, false)
		require.NoError(t, single.SetMaskState(masks))
		require.NoError(t, single.SetRowIDs([]uint32{uint32(b)}))
		older(single)
		check := func(lo, hi int) {
			xs, ys := []float32(nil), make([]float32, (hi-lo)*2)
			for s := lo; s < hi; s++ {
				xs = append(xs, x[(s*batch+b)*4:][:4]...)
			}
			single.Forward(ys, xs)
			for s := lo; s < hi; s++ {
				require.Equal(t, ys[(s-lo)*2:][:2], y[(s*batch+b)*2:][:2], "row %d, step %d", b, s)
			}
		}
		lo := 0
		for _, hi := range append(append([]int(nil), resets[b]...), lengths[b]) {
			check(lo, hi)
			if lo = hi; hi < lengths[b] {
				single.Reset()
			}
		}
		for i, n := range single.Clock() {
			require.Equal(t, n, clock[i*batch+b])
		}
		check(steps, 2*steps)
	}
}

// TestSetResetsRefuses what no chain can do, with nothing changed.
func TestSetResetsRefuses(t *testing.T) {
	// A learned state of what cannot begin with one: a mean over steps, another learned state.
	m := traintest.Must(nn.Chain(traintest.Must(nn.Unroll(4, 2, nn.PoolMean{}, traintest.Must(nn.NewLinear(1, 1, traintest.Rng(1)))))))
	l := traintest.Must(nn.NewLearnedState(m))
	m = traintest.Must(nn.Chain(l))
	y := make([]float32, 8)
	m.Forward(y, make([]float32, 8))
	require.ErrorContains(t, m.SetResets([][]int{{1}, nil}), "stage 0, a *nn.LearnedState of stage 0, stage 0, a *nn.meanPool, has a state and no methods SetResetState and CopyResetGrad")
	require.ErrorContains(t, nn.SetResets(l, [][]int{{1}, nil}), "nn: the net, a *nn.LearnedState of stage 0")
	require.NoError(t, m.SetResets(make([][]int, 2)), "none are no change")
	m.Backward(nil, y)
	require.ErrorContains(t, m.SetResetState(make([][]float32, 1)), "a state to begin anew with of 1 tensors")
	inner := traintest.Must(nn.Chain(nn.Parallel{nn.Tanh, nn.Sequential{traintest.NewLeaky(4, 2)}}))
	require.ErrorContains(t, inner.SetResets([][]int{{1}, nil}), "stage 0, stage 1, stage 0, a *traintest.Leaky")
	require.ErrorContains(t, nn.SetResets(traintest.NewLeaky(4, 2), [][]int{{1}, nil}), "the net, a *traintest.Leaky")
	require.NoError(t, nn.SetResets(traintest.NewLeaky(4, 2), [][]int{{}, nil}))

	m = packable(4, 2, false, true)
	m.Forward(y[:4], make([]float32, 8))
	for _, c := range []struct {
		resets [][]int
		want   string
	}{
		{[][]int{{1}}, "resets of 1 rows for 2"},
		{[][]int{nil, {4}}, "a reset of row 1 at step 4, want 0 to 3"},
		{[][]int{{-1}, nil}, "a reset of row 0 at step -1"},
		{[][]int{{2, 2}, nil}, "row 0 at step 2 and then 2"},
	} {
		require.ErrorContains(t, m.SetResets(c.resets), c.want)
	}
	m.Backward(nil, y[:4])
	m.Forward(y[:4], make([]float32, 8))
	require.NoError(t, m.SetResets([][]int{{3}, nil}))
	require.PanicsWithValue(t, "nn: Backward of a chain without a Forward before it, or with SetLengths between them: each Forward serves one Backward", func() { m.Backward(nil, y[:4]) })
	require.ErrorContains(t, m.ForwardLengths(make([]float32, 12), make([]float32, 24), nil), "SetResets gave row 0 a reset at step 3, but the row has 3 of the 3 steps")
	require.NoError(t, m.SetResets(nil))
	m.Forward(make([]float32, 12), make([]float32, 24))
}

func ExampleModel_SetResets() {
	layer := traintest.Must(lstm.New(lstm.Config{Input: 1, Hidden: 1}, traintest.Rng(1)))
	net, _ := nn.Chain(layer.Unroll(4, 1))
	y := make([]float32, 4)
	_ = net.SetResets([][]int{{2}}) // two sequences of two steps
	net.Forward(y, []float32{1, 2, 1, 2})
	fmt.Println(y[0] == y[2], y[1] == y[3])
	// Output: true true
}
