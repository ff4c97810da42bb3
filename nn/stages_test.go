package nn_test

import (
	"fmt"
	"math"
	"slices"
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

// A built is the stages of a chain, for so many steps and rows, made of layers that are
// made once.
type built struct {
	in     int
	ahead  bool // some output depends on later steps: no predictor, and no cuts
	kinks  bool
	stages func(steps, batch int, infer bool) []nn.Stage
}

// unroller is a Layer of any kind.
type unroller[U, I nn.Net] interface {
	Unroll(steps, batch int) U
	Infer(steps, batch int) I
}

func netOf[U, I nn.Net](l unroller[U, I], steps, batch int, infer bool) nn.Net {
	if infer {
		return l.Infer(steps, batch)
	}
	return l.Unroll(steps, batch)
}

func linear(in, out int) *nn.Linear { return traintest.Must(nn.NewLinear(in, out, traintest.Rng(9))) }

// norm is a LayerNorm with gains and biases that are not those of the beginning.
func norm(width int) *nn.LayerNorm {
	l := traintest.Must(nn.NewLayerNorm(width))
	for i, v := range traintest.NumbersLike(width, 5) {
		l.Weight[i] = 1 + v/2
	}
	copy(l.Bias, traintest.NumbersLike(width, 6))
	return l
}

// everyStage is chains that have each stage of this package, alone and in each other.
func everyStage() map[string]built {
	l4 := traintest.Must(lstm.New(lstm.Config{Input: 4, Hidden: 4}, traintest.Rng(1)))
	g3 := traintest.Must(gru.New(gru.Config{Input: 4, Hidden: 3}, traintest.Rng(2)))
	back := traintest.Must(gru.New(gru.Config{Input: 4, Hidden: 2, Reverse: true}, traintest.Rng(3)))
	r5 := traintest.Must(rnn.New(rnn.Config{Input: 5, Hidden: 6}, traintest.Rng(4)))
	r7 := traintest.Must(rnn.New(rnn.Config{Input: 7, Hidden: 2}, traintest.Rng(4)))
	n4, n5, lin, square, bare := norm(4), norm(5), linear(4, 5), linear(4, 4), &nn.LayerNorm{Weight: traintest.NumbersLike(4, 1), Width: 4, Eps: 0.5}
	only := func(s ...nn.Stage) func(int, int, bool) []nn.Stage {
		return func(int, int, bool) []nn.Stage { return s }
	}
	all := map[string]built{
		"linear":            {in: 4, stages: only(lin)},
		"norm":              {in: 4, stages: only(n4)},
		"norm without bias": {in: 4, stages: only(bare)},
		"dropout":           {in: 4, stages: only(nn.Dropout{P: 0.5}, lin)},
		"locked dropout":    {in: 4, stages: only(nn.Dropout{P: 0.25, Locked: true}, lin)},
		"whole dropout":     {in: 4, stages: only(nn.Dropout{P: 0.5, Whole: true}, lin)},
		"no dropout":        {in: 4, stages: only(nn.Dropout{}, lin)},
		"mean":              {in: 4, stages: only(lin, nn.PoolMean{})},
		"max":               {in: 4, kinks: true, stages: only(nn.PoolMax{}, lin)},
		"residual":          {in: 4, stages: only(nn.Residual{n4, square, nn.Dropout{P: 0.25}})},
		"sequential":        {in: 4, stages: only(nn.Sequential{nn.Tanh, nn.Dropout{P: 0.1}}, lin, nn.Sequential{n5})},
		"parallel":          {in: 4, stages: only(nn.Parallel{nn.Tanh, nn.Sequential{n4, lin}, nn.PoolMean{}})},
		"stack": {in: 4, stages: func(steps, batch int, infer bool) []nn.Stage {
			return []nn.Stage{lin, netOf(r5, steps, batch, infer), nn.Dropout{P: 0.2}, linear(6, 3)}
		}},
		"bidirectional": {in: 4, ahead: true, stages: func(steps, batch int, infer bool) []nn.Stage {
			return []nn.Stage{nn.Parallel{netOf(g3, steps, batch, infer), netOf(back, steps, batch, infer)}, norm(5), netOf(r5, steps, batch, infer), linear(6, 2)}
		}},
		"attention": {in: 4, stages: only(nn.AttentionPool{lin, nn.Tanh, traintest.Must(nn.NewLinear(5, 1, traintest.Rng(7)))}, square)},
		"attention by a layer": {in: 4, stages: func(steps, batch int, infer bool) []nn.Stage {
			return []nn.Stage{nn.Residual{nn.AttentionPool{netOf(g3, steps, batch, infer), nn.Dropout{P: 0.25}, traintest.Must(nn.NewLinear(3, 1, traintest.Rng(8)))}}, lin}
		}},
		"residual stack": {in: 4, stages: func(steps, batch int, infer bool) []nn.Stage {
			return []nn.Stage{nn.Residual{n4, netOf(l4, steps, batch, infer)}, nn.Residual{netOf(l4, steps, batch, infer), nn.Dropout{P: 0.5}},
				nn.Parallel{netOf(g3, steps, batch, infer), nn.Residual{nn.Sigmoid}}, netOf(r7, steps, batch, infer)}
		}},
		"model in a model": {in: 4, stages: func(steps, batch int, infer bool) []nn.Stage {
			inner := traintest.Must(nn.Chain(netOf(l4, steps, batch, infer), nn.PoolMean{}, nn.Dropout{P: 0.5}))
			return []nn.Stage{nn.Residual{inner}, n4, lin}
		}},
	}
	for _, f := range []nn.Activation{nn.Tanh, nn.ReLU, nn.Sigmoid, nn.Softsign, nn.Softplus, nn.LeakyReLU(0.1), nn.ELU(0.5), nn.HardSigmoid(0.2, 0.5), nn.GELU, nn.GELUTanh} {
		all[f.String()] = built{in: 4, kinks: true, stages: only(lin, f)}
	}
	return all
}

func (b built) chain(steps, batch int) *nn.Model {
	return traintest.Must(nn.Unroll(steps, batch, b.stages(steps, batch, false)...))
}

// chunky makes as many chunks of a weight gradient of that many rows as there are steps.
const chunky = 256

// TestStagesHaveRightGradients, of parameters, inputs and states, with and without
// lengths.
func TestStagesHaveRightGradients(t *testing.T) {
	for name, b := range everyStage() {
		samples := 40
		if testing.Short() {
			samples = 5
		}
		for seed, lengths := range [][]int{nil, {5, 0, 3}} {
			require.NoError(t, nn.CheckGradients(b.chain(5, 3), nn.GradientCheck{Lengths: lengths, Samples: samples, Seed: uint64(seed), Tolerance: 0.002}), "%s, lengths %v", name, lengths)
		}
	}
}

// passOf is what comes out of a forward and a backward pass.
type passOf struct {
	y, dx, grads []float32
	state        [][]float32
	stateGrad    [][]float32
}

func pass(net *nn.Model, x, dy []float32, final [][]float32) passOf {
	_, _, in, out := net.Dims()
	p := passOf{y: make([]float32, len(dy)), dx: make([]float32, len(dy)/out*in)}
	net.Forward(p.y, x)
	p.state = net.State()
	if err := net.SetStateGrad(final); err != nil {
		panic(err)
	}
	net.Backward(p.dx, dy)
	p.grads, p.stateGrad = traintest.Gradients(net), net.StateGrad()
	return p
}

func (p passOf) equal(t *testing.T, q passOf, text string) {
	t.Helper()
	numtest.Equal(t, q.y, p.y, "y, %s", text)
	numtest.Equal(t, q.dx, p.dx, "dx, %s", text)
	numtest.Equal(t, q.grads, p.grads, "gradients, %s", text)
	for i := range p.state {
		numtest.Equal(t, q.state[i], p.state[i], "state %d, %s", i, text)
		numtest.Equal(t, q.stateGrad[i], p.stateGrad[i], "gradient of state %d, %s", i, text)
	}
}

// stateLike is numbers for each tensor of a state.
func stateLike(s [][]float32, seed uint64) [][]float32 {
	var out [][]float32
	for i, v := range s {
		out = append(out, traintest.NumbersLike(len(v), seed+uint64(i)))
	}
	return out
}

// TestStagesAreNets: in the same chain on any tier and number of workers, cut in two,
// with other rows beside it, with rubbish in the padding, and step by step, all stages give
// the same bits, and they allocate nothing.
func TestStagesAreNets(t *testing.T) {
	const steps, batch = 6, 3
	var first map[string]passOf
	numtest.EveryTier(t, func(t *testing.T, _ kernels.ISA) {
		passes := map[string]passOf{}
		for name, b := range everyStage() {
			net := b.chain(steps, batch)
			_, _, in, out := net.Dims()
			require.Equal(t, b.in, in)
			x, dy := traintest.NumbersLike(steps*batch*in, 1), traintest.NumbersLike(steps*batch*out, 2)
			final := stateLike(net.State(), 3)
			whole := pass(net, x, dy, final)
			passes[name] = whole
			if first != nil {
				first[name].equal(t, whole, name+", another tier")
			}
			for _, workers := range []int{2, 5} {
				other := b.chain(steps, batch)
				other.SetWorkers(workers)
				whole.equal(t, pass(other, x, dy, final), fmt.Sprintf("%s, %d workers", name, workers))
			}
			y, dx := make([]float32, len(dy)), make([]float32, len(x))
			again := func() {
				net.Forward(y, x)
				net.Backward(dx, dy)
			}
			again()
			require.Zero(t, testing.AllocsPerRun(2, again), name)

			b.checkPadding(t, name, x, dy)
			b.checkRows(t, name, x, dy, whole)
			b.checkEmpty(t, name)
			if !b.ahead {
				b.checkCuts(t, name, x, dy, final, whole)
				b.checkPredictor(t, name, x)
			}
			b.checkInference(t, name, x)
		}
		first = passes
	})
}

// checkPadding: what lies past the ends of rows changes nothing and comes out as +0.
func (b built) checkPadding(t *testing.T, name string, x, dy []float32) {
	const steps, batch = 6, 3
	lengths := []int{6, 0, 2}
	run := func(pad float32) passOf {
		net := b.chain(steps, batch)
		_, _, in, out := net.Dims()
		x, dy := slices.Clone(x), slices.Clone(dy)
		for p := range steps * batch {
			if p/batch >= lengths[p%batch] {
				traintest.Fill(x[p*in:][:in], pad)
				traintest.Fill(dy[p*out:][:out], pad)
			}
		}
		require.NoError(t, net.SetLengths(lengths))
		return pass(net, x, dy, nil)
	}
	want, got := run(0), run(float32(math.NaN()))
	want.equal(t, got, name+", padding")
	for i, v := range [][]float32{got.y, got.dx} {
		for j, e := range v {
			if p := j / (len(v) / (steps * batch)); p/batch >= lengths[p%batch] {
				require.Zero(t, math.Float32bits(e), "%s, y or dx %d, [%d]", name, i, j)
			}
		}
	}
	require.False(t, slices.ContainsFunc(got.grads, func(v float32) bool { return v != v }), name)
}

// checkRows: a row has the bits that it has alone. (Masks follow from its id.)
func (b built) checkRows(t *testing.T, name string, x, dy []float32, whole passOf) {
	const steps, batch, row = 6, 3, 2
	column := func(v []float32) (out []float32) {
		width := len(v) / (steps * batch)
		for s := range steps {
			out = append(out, v[(s*batch+row)*width:][:width]...)
		}
		return out
	}
	net := b.chain(steps, 1)
	require.NoError(t, net.SetRowIDs([]uint32{row}))
	y, dx := make([]float32, len(whole.y)/batch), make([]float32, len(whole.dx)/batch)
	net.Forward(y, column(x))
	net.Backward(dx, column(dy))
	numtest.Equal(t, y, column(whole.y), "%s, a row alone", name)
	other := pass(b.chain(steps, batch), x, dy, nil)
	numtest.Equal(t, dx, column(other.dx), "%s, dx of a row alone", name)
}

// checkEmpty: no steps and no rows are nothing to do.
func (b built) checkEmpty(t *testing.T, name string) {
	net := b.chain(6, 3)
	final := stateLike(net.State(), 1)
	net.Forward(nil, nil)
	require.NoError(t, net.SetStateGrad(final))
	net.Backward(nil, nil)
	for i, g := range net.StateGrad() {
		if len(g) > 3 { // not the number of steps of a pool
			numtest.Equal(t, g, final[i], "%s, no steps", name)
		}
	}
	require.Zero(t, len(slices.DeleteFunc(traintest.Gradients(net), func(v float32) bool { return v == 0 })), name)
	none := b.chain(6, 0)
	none.Forward(nil, nil)
	none.Backward(nil, nil)
}

// checkCuts: two calls are one, forward first to last and backward last to first, with the
// state, its gradient, masks and clocks handed on.
func (b built) checkCuts(t *testing.T, name string, x, dy []float32, final [][]float32, whole passOf) {
	const steps, batch, cut = 6, 3, 2
	net := b.chain(steps, batch)
	_, _, in, out := net.Dims()
	xc, yc := cut*batch*in, cut*batch*out
	y, dx := make([]float32, len(dy)), make([]float32, len(x))
	net.Forward(y[:yc], x[:xc])
	middle, clock := net.State(), net.Clock()
	net.Forward(y[yc:], x[xc:])
	numtest.Equal(t, y, whole.y, "%s, cut in two", name)
	for i, s := range net.State() {
		numtest.Equal(t, s, whole.state[i], "%s, state, cut in two", name)
	}
	masks := net.MaskState()
	require.NoError(t, net.SetStateGrad(final))
	net.Backward(dx[xc:], dy[yc:])
	grad := net.StateGrad()
	if masks != nil {
		ended := net.MaskState()
		require.Equal(t, masks[1]+1, ended[1], name)
		require.NoError(t, net.SetMaskState(masks))
		require.NoError(t, net.SetClock(make([]uint64, batch)))
	}
	net.Reset()
	net.Forward(y[:yc], x[:xc])
	numtest.Equal(t, y[:yc], whole.y[:yc], "%s, Reset", name)
	for i, s := range net.State() {
		numtest.Equal(t, s, middle[i], "%s, state after Reset", name)
	}
	require.Equal(t, clock, net.Clock(), name)
	require.NoError(t, net.SetStateGrad(grad))
	net.Backward(dx[:xc], dy[:yc])
	numtest.Equal(t, dx, whole.dx, "%s, dx, cut in two", name)
	for i, g := range net.StateGrad() {
		numtest.Equal(t, g, whole.stateGrad[i], "%s, gradient of the state, cut in two", name)
	}

	// A row that is reset begins anew, the others go on.
	before := net.State()
	net.Reset(1)
	require.NoError(t, b.chain(steps, batch).SetState(net.State()))
	for i, s := range net.State() {
		width := len(s) / batch
		require.Equal(t, make([]float32, width), s[width:2*width], name)
		require.Equal(t, before[i][:width], s[:width], name)
	}
	if c := net.Clock(); c != nil {
		require.Equal(t, []uint64{cut, 0, cut}, c, name)
	}
}

// checkPredictor: step by step a frozen copy gives the bits of the forward pass without
// masks.
func (b built) checkPredictor(t *testing.T, name string, x []float32) {
	const steps, batch = 6, 3
	net := b.chain(steps, batch)
	_, _, in, out := net.Dims()
	net.SetTraining(false)
	want, y := make([]float32, steps*batch*out), make([]float32, batch*out)
	net.Forward(want, x)
	p := traintest.Must(net.Predictor(batch))
	var half [][]float32
	for s := range steps {
		if s == 3 {
			half = p.State()
		}
		p.Step(y, x[s*batch*in:][:batch*in])
		numtest.Equal(t, y, want[s*batch*out:][:len(y)], "%s, step %d of a predictor", name, s)
	}
	for i, s := range net.State() {
		numtest.Equal(t, p.State()[i], s, "%s, state of a predictor", name)
	}
	require.NoError(t, p.SetState(half))
	require.Error(t, p.SetState(append(half, nil)))
	p.Reorder([]int{2, 2, 0})
	mixed := slices.Concat(x[(3*batch+2)*in:][:in], x[(3*batch+2)*in:][:in], x[3*batch*in:][:in])
	p.Step(y, mixed)
	row := func(i int) []float32 { return want[(3*batch+i)*out:][:out] }
	numtest.Equal(t, y, slices.Concat(row(2), row(2), row(0)), "%s, Reorder", name)
	require.Zero(t, testing.AllocsPerRun(2, func() { p.Step(y, mixed) }), name)

	// Weights are frozen until Refresh.
	p.Reset()
	before := map[string][]float32{} // the layers serve all of the test
	net.EachParam(func(name string, w, _ []float32) {
		before[name] = slices.Clone(w)
		for i := range w {
			w[i] += 0.25
		}
	})
	p.Step(y, x[:batch*in])
	numtest.Equal(t, y, want[:len(y)], "%s, frozen", name)
	p.Refresh()
	p.Reset(0, 1, 2)
	net.Reset()
	net.Forward(want, x)
	p.Step(y, x[:batch*in])
	numtest.Equal(t, y, want[:len(y)], "%s, Refresh", name)
	net.EachParam(func(name string, w, _ []float32) { copy(w, before[name]) })
}

// checkInference: a chain for inference gives the same outputs and has no gradients.
func (b built) checkInference(t *testing.T, name string, x []float32) {
	const steps, batch = 6, 3
	net := b.chain(steps, batch)
	infer := traintest.Must(nn.Infer(steps, batch, b.stages(steps, batch, true)...))
	net.SetTraining(false)
	infer.SetTraining(true) // there are no masks in it anyway
	require.Equal(t, traintest.ParamNames(net), traintest.ParamNames(infer))
	_, _, _, out := net.Dims()
	y, want := make([]float32, steps*batch*out), make([]float32, steps*batch*out)
	net.Forward(want, x)
	infer.Forward(y, x)
	numtest.Equal(t, y, want, "%s, Infer", name)
	infer.EachParam(func(name string, _, g []float32) { require.Nil(t, g, name) })
	infer.ZeroGrads()
	require.Panics(t, func() { infer.Backward(nil, y) }, name)
	_, err := nn.Chain(infer, linear(out, 2))
	require.NoError(t, err)
	require.Panics(t, func() { traintest.Must(nn.Chain(infer, linear(out, 2))).Backward(nil, nil) }, name)
}
