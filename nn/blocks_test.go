package nn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/nn"
)

// blocksOf returns a chain of 7 steps of 100 rows, chunks of 3 steps, and its blocks.
func blocksOf(t *testing.T, rows int) (*nn.Model, *nn.Blocks) {
	m := traintest.LanguageModel(t, 1, traintest.Sizes{Vocabulary: 20, Embed: 4, Hidden: 4, Layers: 1, Steps: 7, Batch: 100, Tied: true})
	k, err := m.Blocks(rows)
	require.NoError(t, err)
	return m, k
}

// TestBlocksAreTheModel: outputs in any order of steps, and gradients, of ragged rows.
func TestBlocksAreTheModel(t *testing.T) {
	m, k := blocksOf(t, 599)
	require.Equal(t, 3, k.Steps())
	ids, dy := traintest.DrawIDs(traintest.Rng(3), 700, 20), traintest.NumbersLike(700*20, 4)
	lengths := make([]int, 100)
	for b := range lengths {
		lengths[b] = b % 8
	}
	require.NoError(t, m.SetLengths(lengths))
	y := make([]float32, len(dy))
	require.NoError(t, m.ForwardIDs(y, ids))
	m.Backward(nil, dy)
	want := traintest.Gradients(m)

	m.ZeroGrads()
	m.Reset()
	require.NoError(t, k.ForwardIDs(ids))
	part := make([]float32, 2*100*20)
	for first := range 6 {
		k.Readout(part, first)
		traintest.Equal(t, "outputs", part, y[first*2000:][:4000])
	}
	var blocks [][2]int
	require.NoError(t, k.Each(func(first, steps int) error {
		blocks = append(blocks, [2]int{first, steps})
		k.Readout(make([]float32, steps*2000), first)
		k.ReadoutGrad(dy[first*2000:][:steps*2000], first)
		return nil
	}))
	k.Backward()
	require.Equal(t, [][2]int{{4, 3}, {1, 3}, {0, 1}}, blocks)
	traintest.Equal(t, "gradients", traintest.Gradients(m), want)
}

// TestBlocksInference: a chain for inference has blocks of any steps, and no way back.
func TestBlocksInference(t *testing.T) {
	linear := traintest.Must(nn.NewLinear(3, 5, traintest.Rng(1)))
	m := traintest.Must(nn.Infer(4, 2, linear))
	_, err := m.Blocks(1)
	require.ErrorContains(t, err, "at most 1 rows of outputs in memory, want at least 2")
	k := traintest.Must(m.Blocks(2))
	require.Equal(t, 1, k.Steps())
	x, y, part := traintest.NumbersLike(4*2*3, 2), make([]float32, 40), make([]float32, 10)
	m.Forward(y, x)
	require.NoError(t, k.Forward(x))
	k.Readout(part, 3)
	traintest.Equal(t, "outputs", part, y[30:])
	require.Panics(t, func() { k.ReadoutGrad(part, 3) })
	require.Panics(t, k.Backward)
}

// TestBlocksMisuse panics before anything is written, and says what was expected.
func TestBlocksMisuse(t *testing.T) {
	m, k := blocksOf(t, 300)
	ids, y := traintest.DrawIDs(traintest.Rng(3), 700, 20), make([]float32, 3*2000)
	says := func(want string, f func()) {
		t.Helper()
		defer func() { require.ErrorContains(t, panicError{recover()}, want) }()
		f()
	}
	says("without a Forward", func() { k.Readout(y, 0) })
	says("want ForwardIDs", func() { _ = k.Forward(y) })
	says("ids has 701 elements, want a multiple of 100", func() { _ = k.ForwardIDs(append(ids, 1)) })
	require.ErrorContains(t, k.ForwardIDs(append(ids, ids...)), "14 steps, want 0 to 7")
	require.ErrorContains(t, k.ForwardIDs([]int32{99: 20}), "id 20 at step 0, row 99")
	require.NoError(t, k.ForwardIDs(ids))
	says("y has 7 elements", func() { k.Readout(y[:7], 0) })
	says("Readout of 3 steps from step 5 on, want 1 to 3 of the 7", func() { k.Readout(y, 5) })
	says("without a Forward before it", func() { m.Backward(nil, make([]float32, 14000)) })
	k.Readout(y, 3)
	says("want a block that ends at step 6 and", func() { k.ReadoutGrad(y, 3) })
	k.Readout(y, 4)
	says("want step 4 and 6000, those of the last Readout", func() { k.ReadoutGrad(y, 3) })
	says("with a dy of 2000 elements", func() { k.ReadoutGrad(y[:2000], 4) })
	k.ReadoutGrad(y, 4)
	says("those of the last Readout", func() { k.ReadoutGrad(y, 4) })
	says("before ReadoutGrad of steps 0 to 3", k.Backward)
	k.Readout(y[:4000], 2)
	says("after a multiple of 3 steps", func() { k.ReadoutGrad(y[:4000], 2) })
	require.NoError(t, m.SetLengths(nil))
	says("SetLengths or another Forward between them", func() { k.Readout(y, 0) })
	require.NoError(t, k.ForwardIDs(ids))
	require.NoError(t, m.ForwardIDs(make([]float32, 14000), ids))
	says("SetLengths or another Forward between them", k.Backward)
	floats := traintest.Must(traintest.Must(nn.Unroll(3, 2, traintest.Must(nn.NewLinear(3, 5, traintest.Rng(1))))).Blocks(6))
	says("want Forward", func() { _ = floats.ForwardIDs(ids) })
}

type panicError struct{ value any }

func (e panicError) Error() string { s, _ := e.value.(string); return s }
