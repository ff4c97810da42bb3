package nn_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

const learnedIn, learnedHidden, learnedSteps, learnedRows = 3, 4, 5, 3

// learnedLSTM is a LearnedState with values in it, and the net inside.
func learnedLSTM(t *testing.T) (*nn.LearnedState, *lstm.Unrolled, map[string]nn.Param) {
	t.Helper()
	rnn := traintest.Must(lstm.New(lstm.Config{Input: learnedIn, Hidden: learnedHidden, Layers: 2}, traintest.Rng(3)))
	u := rnn.Unroll(learnedSteps, learnedRows)
	l, err := nn.NewLearnedState(u)
	require.NoError(t, err)
	params := map[string]nn.Param{}
	l.EachParam(func(name string, w, g []float32) { params[name] = nn.Param{Name: name, W: w, G: g} })
	copy(params["h0"].W, traintest.NumbersLike(2*learnedHidden, 5))
	copy(params["c0"].W, traintest.NumbersLike(2*learnedHidden, 6))
	return l, u, params
}

// TestLearnedStateIsCheckable: CheckGradients passes a net with a learned state, with rows of no
// steps too, whose mark of a beginning stays; SetState refuses a mark that is none.
func TestLearnedStateIsCheckable(t *testing.T) {
	l, _, _ := learnedLSTM(t)
	for _, lengths := range [][]int{nil, {5, 0, 1}, {0, 0, 0}} {
		require.NoError(t, nn.CheckGradients(l, nn.GradientCheck{Lengths: lengths, Samples: -1}), "%v", lengths)
	}
	before := l.State()
	for _, mark := range []float32{0.5, -1, 2, float32(math.NaN())} {
		s := l.State()
		s[0][0]++
		s[2][1] = mark
		require.ErrorContains(t, l.SetState(s), "for row 1, want 1 while the state is")
		require.Equal(t, before, l.State())
	}
}

// TestLearnedStateGradient is the derivative of a loss by differences, and the sum of the
// gradients of the state of the rows that began.
func TestLearnedStateGradient(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		l, u, params := learnedLSTM(t)
		require.Len(t, params["h0"].W, 2*learnedHidden)
		require.Len(t, params["c0"].G, 2*learnedHidden)
		x := traintest.NumbersLike(learnedSteps*learnedRows*learnedIn, 1)
		dy := traintest.NumbersLike(learnedSteps*learnedRows*learnedHidden, 2)
		y := make([]float32, len(dy))
		loss := func(rows ...int) float64 {
			l.Reset(rows...)
			l.Forward(y, x)
			sum := 0.0
			for i := range y {
				sum += float64(y[i]) * float64(dy[i])
			}
			return sum
		}
		loss()
		l.ZeroGrads()
		l.Backward(nil, dy)
		state := u.StateGrad()
		for k, name := range []string{"h0", "c0"} {
			p := params[name]
			want := make([]float32, len(p.G))
			got := append([]float32(nil), p.G...)
			for layer := range 2 {
				for b := range learnedRows {
					for j := range learnedHidden {
						want[layer*learnedHidden+j] += state[k][(layer*learnedRows+b)*learnedHidden+j]
					}
				}
			}
			numtest.Equal(t, got, want, "%s", name)
			for i := range p.W {
				const e = 1.0 / 64
				at := p.W[i]
				p.W[i] = at + e
				up := loss()
				p.W[i] = at - e
				down := loss()
				p.W[i] = at
				require.InDelta(t, (up-down)/(2*e), float64(got[i]), 2e-3, "%s[%d]", name, i)
			}
		}

		// Rows that go on have no part in it, and those that begin anew only once.
		loss()
		l.ZeroGrads()
		l.Reset(1)
		l.Forward(y, x)
		l.Backward(nil, dy)
		state = u.StateGrad()
		for layer := range 2 {
			numtest.Equal(t, params["c0"].G[layer*learnedHidden:][:learnedHidden], state[1][(layer*learnedRows+1)*learnedHidden:][:learnedHidden], "row 1 alone")
		}
		before := append([]float32(nil), params["h0"].G...)
		l.Forward(y, x)
		l.Backward(nil, dy)
		numtest.Equal(t, params["h0"].G, before, "no row has begun")
		l.ZeroGrads()
		for _, p := range params {
			for _, g := range p.G {
				require.Zero(t, math.Float32bits(g))
			}
		}
	})
}

// TestLearnedStateOfEmptyRows: a row without steps has begun still, and its state, carried
// and set back, says so.
func TestLearnedStateOfEmptyRows(t *testing.T) {
	l, _, params := learnedLSTM(t)
	x := traintest.NumbersLike(learnedSteps*learnedRows*learnedIn, 1)
	y := make([]float32, learnedSteps*learnedRows*learnedHidden)
	l.Reset()
	require.NoError(t, l.SetLengths([]int{5, 0, 2}))
	l.Forward(y, x)
	s := l.State()
	require.Len(t, s, 3)
	require.Equal(t, []float32{0, 1, 0}, s[2])
	for layer := range 2 {
		numtest.Equal(t, s[0][(layer*learnedRows+1)*learnedHidden:][:learnedHidden], params["h0"].W[layer*learnedHidden:][:learnedHidden])
	}
	l.Reset()
	require.NoError(t, l.SetState(s))
	into := l.State()
	l.Reset()
	l.CopyState(into)
	require.Equal(t, []float32{1, 1, 1}, into[2])
	require.NoError(t, l.SetState(s))
	l.CopyState(into)
	require.Equal(t, s, into)
	require.NoError(t, l.SetLengths(nil))
	l.Forward(y, x)
	l.ZeroGrads()
	l.Backward(nil, y)
	require.NotZero(t, params["h0"].G[0], "row 1 has begun with this pass")
	rows := []int{1}
	require.Zero(t, testing.AllocsPerRun(10, func() { l.CopyState(into); l.Reset(rows...); l.Forward(y, x); l.Backward(nil, y) }))
}

// TestLearnedStateInAChain: a predictor begins as the net does, row by row, and Refresh
// takes over what has been learned.
func TestLearnedStateInAChain(t *testing.T) {
	r := traintest.Rng(4)
	emb := traintest.Must(nn.NewEmbedding(7, 3, r))
	rnn := traintest.Must(gru.New(gru.Config{Input: 3, Hidden: 5}, r))
	out := traintest.Must(nn.NewLinear(5, 7, r))
	l, err := nn.NewLearnedState(rnn.Unroll(4, 2))
	require.NoError(t, err)
	m, err := nn.Chain(emb, l, out)
	require.NoError(t, err)
	require.Contains(t, traintest.ParamNames(m), "1.h0")
	var h0 []float32
	m.EachParam(func(name string, w, _ []float32) {
		if name == "1.h0" {
			h0 = w
		}
	})
	m.Reset()
	first, made := make([]float32, 2*7), make([]float32, 2*7)
	copy(h0, traintest.NumbersLike(5, 8))
	p, err := m.Predictor(2)
	require.NoError(t, err)
	m.Reset()
	require.NoError(t, m.ForwardIDs(first, []int32{1, 2}))
	require.NoError(t, p.StepIDs(made, []int32{1, 2}))
	numtest.Equal(t, made, first, "a predictor as it was made")
	for range 2 { // as it was made, and after Refresh
		ids := []int32{3, 5}
		y, got := make([]float32, 2*7), make([]float32, 2*7)
		for _, rows := range [][]int{nil, {1}, {0, 1}, {}} {
			m.Reset(rows...)
			p.Reset(rows...)
			for range 2 {
				require.NoError(t, m.ForwardIDs(y, ids))
				require.NoError(t, p.StepIDs(got, ids))
				numtest.Equal(t, got, y, "rows %v", rows)
			}
		}
		require.NotEqual(t, first, got)
		first = got
		copy(h0, traintest.NumbersLike(5, 9))
		p.Refresh()
	}
}

// TestLearnedStateHandsOn: what the net inside has beside the methods of Net.
func TestLearnedStateHandsOn(t *testing.T) {
	l, u, _ := learnedLSTM(t)
	shapes := nn.Shapes(l)
	require.Equal(t, []int{4 * learnedHidden, learnedIn}, shapes["weight_ih_l0"])
	require.Equal(t, []int{2 * learnedHidden}, shapes["h0"])
	x := traintest.NumbersLike(learnedSteps*learnedRows*learnedIn, 1)
	y := make([]float32, learnedSteps*learnedRows*learnedHidden)
	l.Forward(y, x)
	l.Backward(nil, y)
	grad := l.StateGrad()
	for _, g := range grad {
		traintest.Fill(g, 3)
	}
	l.CopyStateGrad(grad)
	require.Equal(t, l.StateGrad(), grad)
	require.Equal(t, u.StateGrad(), grad[:2])

	// A row has the masks of its id.
	x = x[:2*8]
	traintest.Fill(x, 1)
	noisy := func(ids ...uint32) []float32 {
		rnn := traintest.Must(gru.New(gru.Config{Input: 8, Hidden: 4, InputDropout: 0.5}, traintest.Rng(4)))
		m := traintest.Must(nn.Chain(traintest.Must(nn.NewLearnedState(rnn.Unroll(1, 2)))))
		require.NoError(t, m.SetRowIDs(ids))
		y := make([]float32, 2*4)
		m.Forward(y, x)
		return y
	}
	one, other := noisy(5, 8), noisy(8, 5)
	require.Equal(t, one[:4], other[4:])
	require.Equal(t, one[4:], other[:4])
	require.NotEqual(t, one[:4], one[4:], "they drop the same")
	require.NoError(t, traintest.Must(nn.NewLearnedState(traintest.NewLeaky(3, 2))).SetRowIDs([]uint32{1, 2}))
}

// TestLearnedStateHasSeedsOfItsOwn: the nets of a chain in a LearnedState and of one beside
// it have different seeds.
func TestLearnedStateHasSeedsOfItsOwn(t *testing.T) {
	two := func() *nn.Model {
		rnn := func() *gru.Unrolled {
			return traintest.Must(gru.New(gru.Config{Input: 3, Hidden: 3, InputDropout: 0.5}, traintest.Rng(4))).Unroll(2, 2)
		}
		return traintest.Must(nn.Chain(rnn(), rnn()))
	}
	l := traintest.Must(nn.NewLearnedState(two()))
	m := traintest.Must(nn.Chain(l, nn.Dropout{P: 0.25}, two()))
	seeds := map[uint64]bool{}
	s := m.MaskState()
	require.Len(t, s, 2*5)
	for i := 0; i < len(s); i += 2 {
		seeds[s[i]] = true
	}
	require.Len(t, seeds, 5)
	_, err := nn.Chain(l, two(), l)
	require.ErrorContains(t, err, "is stage 0 again")
	inner := traintest.Must(gru.New(gru.Config{Input: 3, Hidden: 3}, traintest.Rng(4))).Infer(2, 2)
	_, err = nn.Chain(traintest.Must(nn.NewLearnedState(inner)), inner)
	require.ErrorContains(t, err, "a net in common")
}

// TestLearnedStateOfOneRow: a net of one row, whose state does not show its layers, has a
// predictor of several, whose state does.
func TestLearnedStateOfOneRow(t *testing.T) {
	rnn := traintest.Must(lstm.New(lstm.Config{Input: 2, Hidden: 3, Layers: 2}, traintest.Rng(3)))
	l := traintest.Must(nn.NewLearnedState(rnn.Unroll(1, 1)))
	l.EachParam(func(name string, w, _ []float32) {
		if name == "h0" || name == "c0" {
			copy(w, traintest.NumbersLike(6, 5))
		}
	})
	l.Reset()
	want := make([]float32, 3)
	l.Forward(want, []float32{1, 2})
	for _, rows := range []int{0, 1, 3} {
		p := traintest.Must(l.NewPredictor(rows)).(nn.Predictor)
		x, y := make([]float32, 2*rows), make([]float32, 3*rows)
		for r := range rows {
			copy(x[2*r:], []float32{1, 2})
		}
		p.Step(y, x)
		for r := range rows {
			numtest.Equal(t, y[3*r:][:3], want, "row %d of %d", r, rows)
		}
	}
}

func TestLearnedStateErrors(t *testing.T) {
	_, err := nn.NewLearnedState(traintest.NewAffine(3))
	require.ErrorContains(t, err, "0 state tensors")
	l, _, _ := learnedLSTM(t)
	require.Error(t, l.SetState(l.State()[:2]))
	require.Error(t, l.SetStateGrad(l.State()[1:]))
	require.NoError(t, l.SetStateGrad(l.StateGrad()))
	require.NoError(t, l.SetStateGrad(nil))
	require.Empty(t, l.MaskState())
	require.Error(t, l.SetMaskState(nil))
	require.Error(t, l.SetClock(nil))
	require.Error(t, l.SetLengths([]int{1}))

	// A net of which Reset leaves something.
	_, err = nn.NewLearnedState(forgetful{traintest.NewLeaky(3, 2)})
	require.ErrorContains(t, err, "row 1")

	// A net for inference begins with the state too, and has no gradients.
	rnn := traintest.Must(gru.New(gru.Config{Input: 3, Hidden: 5}, traintest.Rng(4)))
	infer, err := nn.NewLearnedState(rnn.Infer(4, 2))
	require.NoError(t, err)
	infer.EachParam(func(name string, _, g []float32) { require.Nil(t, g, name) })
}

// forgetful is a net whose Reset leaves row 1.
type forgetful struct{ *traintest.Leaky }

func (n forgetful) Reset(rows ...int) {
	if len(rows) == 1 && rows[0] == 1 {
		return
	}
	n.Leaky.Reset(rows...)
}
