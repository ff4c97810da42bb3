package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// A packed is a window whose rows hold several sequences, and the same sequences as rows of
// their own.
type packed struct {
	resets  [][]int
	lengths []int
	parts   []packedPart
}

type packedPart struct{ row, from, to int }

// packedRows has a row that begins anew at its first and at its last step, one that does not,
// and one that ends early.
var packedRows = packed{
	resets:  [][]int{{0, 2, 4}, nil, {1}},
	lengths: []int{5, 5, 3},
	parts:   []packedPart{{0, 0, 2}, {0, 2, 4}, {0, 4, 5}, {1, 0, 5}, {2, 0, 1}, {2, 1, 3}},
}

// alone copies the steps of v, [T][3][width], to rows of their own, [5][parts][width].
func alone[E any](p packed, v []E, width int) []E {
	to := make([]E, learnedSteps*len(p.parts)*width)
	for i, c := range p.parts {
		for t := range c.to - c.from {
			copy(to[(t*len(p.parts)+i)*width:][:width], v[((c.from+t)*learnedRows+c.row)*width:][:width])
		}
	}
	return to
}

func (p packed) partLengths() (n []int) {
	for _, c := range p.parts {
		n = append(n, c.to-c.from)
	}
	return n
}

// TestLearnedStateInsideAWindow: rows that begin anew inside a window put out what they put
// out as rows of their own, bit for bit, and the gradients of the learned state and of the
// weights are the derivatives that the oracle finds by complex steps.
func TestLearnedStateInsideAWindow(t *testing.T) {
	p := packedRows
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		l, _, params := learnedLSTM(t)
		x := traintest.NumbersLike(learnedSteps*learnedRows*learnedIn, 1)
		dy := traintest.NumbersLike(learnedSteps*learnedRows*learnedHidden, 2)
		y, dx := make([]float32, len(dy)), make([]float32, len(x))
		m := traintest.Must(nn.Chain(nn.Residual{nn.Dropout{}}, l))
		for range 2 { // the second pass goes on from a state that counts in row 1 alone
			m.ZeroGrads()
			m.Reset()
			require.NoError(t, m.SetResets(p.resets))
			require.NoError(t, m.ForwardLengths(y, x, p.lengths))
			require.Equal(t, []float32{0, 0, 0}, l.State()[2])
			m.Backward(dx, dy)
		}

		// The same sequences as rows of their own.
		rnn := traintest.Must(lstm.New(lstm.Config{Input: learnedIn, Hidden: learnedHidden, Layers: 2}, traintest.Rng(3)))
		single := traintest.Must(nn.NewLearnedState(rnn.Unroll(learnedSteps, len(p.parts))))
		single.EachParam(func(name string, w, _ []float32) { copy(w, params[name].W) })
		single.Reset()
		n := traintest.Must(nn.Chain(nn.Residual{nn.Dropout{}}, single))
		ys, dxs := make([]float32, learnedSteps*len(p.parts)*learnedHidden), make([]float32, learnedSteps*len(p.parts)*learnedIn)
		require.NoError(t, n.ForwardLengths(ys, alone(p, x, learnedIn), p.partLengths()))
		n.Backward(dxs, alone(p, dy, learnedHidden))
		numtest.Equal(t, alone(p, y, learnedHidden), ys, "y")
		numtest.Equal(t, alone(p, dx, learnedIn), dxs, "dx")

		loss := packedLoss(p, params, x, dy)
		for _, name := range []string{"h0", "c0", "weight_hh_l0", "weight_hh_l1", "bias_ih_l0"} {
			for i, got := range params[name].G {
				require.InDelta(t, loss(name, i), float64(got), 2e-5, "%s[%d]", name, i)
			}
		}
	})
}

// packedLoss returns the derivatives of sum(y*dy) in the oracle, by complex steps.
func packedLoss(p packed, params map[string]nn.Param, x, dy []float32) func(name string, i int) float64 {
	s := oracle.Shape{Input: learnedIn, Hidden: learnedHidden, Layers: 2}
	// The input of the net is twice x: a Residual of a stage that does nothing.
	twice := make([]float32, len(x))
	for i, v := range x {
		twice[i] = 2 * v
	}
	xs, dys := oracle.Lift[oracle.Complex](alone(p, twice, learnedIn)), alone(p, dy, learnedHidden)
	return func(name string, i int) float64 {
		const step = 1e-30
		w := oracle.Params[oracle.Complex]{}
		for n, q := range params {
			w[n] = oracle.Lift[oracle.Complex](q.W)
		}
		w[name][i] += complex(0, step)
		var state [][]oracle.Complex
		for _, k := range []string{"h0", "c0"} {
			var rows []oracle.Complex
			for layer := range 2 {
				for range p.parts {
					rows = append(rows, w[k][layer*learnedHidden:][:learnedHidden]...)
				}
			}
			state = append(state, rows)
		}
		pass := oracle.Forward(oracle.LSTM[oracle.Complex]{}, s, w, oracle.Sequence[oracle.Complex]{
			T: learnedSteps, B: len(p.parts), X: xs, Lengths: p.partLengths(), State: state})
		var sum oracle.Complex
		for k, v := range pass.Y {
			sum += v * oracle.Complex(complex(float64(dys[k]), 0))
		}
		return imag(complex128(sum)) / step
	}
}

// TestLearnedStateResetsAllocateNothing after the first ones, and hold for one window.
func TestLearnedStateResetsAllocateNothing(t *testing.T) {
	l, _, params := learnedLSTM(t)
	x := traintest.NumbersLike(learnedSteps*learnedRows*learnedIn, 1)
	y := make([]float32, learnedSteps*learnedRows*learnedHidden)
	once := func(resets [][]int) {
		l.ZeroGrads()
		l.Reset()
		require.NoError(t, l.SetResets(resets))
		l.Forward(y, x)
		l.Backward(nil, y)
	}
	once(nil)
	want := append([]float32(nil), params["h0"].G...)
	resets := [][]int{{1, 4}, nil, {2}}
	once(resets)
	require.NotEqual(t, want, params["h0"].G)
	require.Zero(t, testing.AllocsPerRun(10, func() { _ = l.SetResets(resets); l.Forward(y, x); l.Backward(nil, y) }))
	l.ZeroGrads()
	l.Reset()
	l.Forward(y, x) // the resets were for the window before
	l.Backward(nil, y)
	numtest.Equal(t, params["h0"].G, want, "h0")
	once(resets)
	once(nil)
	numtest.Equal(t, params["h0"].G, want, "h0, resets of no row")
}
