package cell_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// direct are the nets of the packages themselves.
func direct(t *testing.T, kind cell.Kind) (net nn.Net, layer any) {
	t.Helper()
	switch kind {
	case cell.RNN:
		l, err := rnn.New(rnn.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Dropout: 0.5, Workers: 2}, seeded())
		require.NoError(t, err)
		return l.Unroll(5, 2), l
	case cell.LSTM:
		l, err := lstm.New(lstm.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Dropout: 0.5, Workers: 2}, seeded())
		require.NoError(t, err)
		return l.Unroll(5, 2), l
	}
	l, err := gru.New(gru.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Dropout: 0.5, Workers: 2}, seeded())
	require.NoError(t, err)
	return l.Unroll(5, 2), l
}

// TestLayerIsThatOfItsPackage: each kind has the weights and the outputs, also in inference and
// within a budget, and every field of Config counts.
func TestLayerIsThatOfItsPackage(t *testing.T) {
	for _, kind := range cell.Kinds() {
		want, layer := direct(t, kind)
		l, err := cell.New(kind, cell.Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Dropout: 0.5, Workers: 2}, seeded())
		require.NoError(t, err)
		require.Equal(t, kind, l.Kind())
		require.IsType(t, layer, l.Layer())
		names := map[string][]float32{}
		want.EachParam(func(name string, w, _ []float32) { names[name] = w })
		n := 0
		l.EachParam(func(name string, w []float32, shape ...int) {
			n++
			numtest.Equal(t, w, names[name], "%s %s", kind, name)
			require.NotEmpty(t, shape)
		})
		require.Len(t, names, n)

		x, dy := make([]float32, 5*2*3), make([]float32, 5*2*8)
		for i := range x {
			x[i] = float32(i%7) - 3
		}
		for i := range dy {
			dy[i] = float32(i%5) - 2
		}
		run := func(net nn.Net) (y, dx []float32) {
			require.IsType(t, want, net)
			y, dx = make([]float32, len(dy)), make([]float32, len(x))
			net.Forward(y, x)
			net.Backward(dx, dy)
			return y, dx
		}
		wantY, wantX := run(want)
		within, err := l.UnrollWithin(5, 2, 1<<30)
		require.NoError(t, err)
		for _, net := range []nn.Net{l.Unroll(5, 2), within} {
			y, dx := run(net)
			numtest.Equal(t, y, wantY, "y of %s", kind)
			numtest.Equal(t, dx, wantX, "dx of %s", kind)
		}
		infer, plain := l.Infer(5, 2), l.Unroll(5, 2)
		plain.SetTraining(false)
		y, same := make([]float32, len(dy)), make([]float32, len(dy))
		infer.Forward(y, x)
		plain.Forward(same, x)
		numtest.Equal(t, y, same, "y of Infer of %s", kind)
		require.IsType(t, want, infer)
		none, err := l.UnrollWithin(5, 2, 1)
		require.Error(t, err)
		require.True(t, none == nil, "a nil pointer in an interface is no nil")
	}
}

func TestErrors(t *testing.T) {
	_, err := cell.New("esn", cell.Config{Input: 1, Hidden: 1}, seeded())
	require.EqualError(t, err, `cell: no kind "esn", want rnn, lstm or gru`)
	for _, kind := range cell.Kinds() {
		l, err := cell.New(kind, cell.Config{Input: 1}, seeded())
		require.ErrorContains(t, err, string(kind)+": ")
		require.Nil(t, l)
	}
}

// The same model with each cell.
func Example() {
	for _, kind := range cell.Kinds() {
		layer, _ := cell.New(kind, cell.Config{Input: 4, Hidden: 8}, rand.New(rand.NewPCG(1, 2)))
		out, _ := nn.NewLinear(8, 2, rand.New(rand.NewPCG(3, 4)))
		net, _ := nn.Chain(layer.Unroll(10, 1), out)
		weights := 0
		net.EachParam(func(_ string, w, _ []float32) { weights += len(w) })
		fmt.Println(layer, weights)
	}
	// Output:
	// RNN 130
	// LSTM 466
	// GRU 354
}

// A flag names the kind.
func ExampleKind() {
	kind, err := cell.Parse("gru")
	fmt.Println(kind, err)
	_, err = cell.Parse("GRU2")
	fmt.Println(err)
	// Output:
	// gru <nil>
	// cell: no kind "GRU2", want rnn, lstm or gru
}

// What all kinds have in common is in Config; the layer of the package has the rest.
func ExampleConfig() {
	l, _ := cell.New(cell.LSTM, cell.Config{Input: 4, Hidden: 8, Layers: 2, Bidirectional: true}, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(l.Layer().(*lstm.Layer).Config().Layers)
	// Output: 2
}

func ExampleLayer() {
	l, _ := cell.New(cell.GRU, cell.Config{Input: 4, Hidden: 8}, rand.New(rand.NewPCG(1, 2)))
	steps, batch, in, out := l.Unroll(20, 16).Dims()
	fmt.Println(l, steps, batch, in, out)
	// Output: GRU 20 16 4 8
}
