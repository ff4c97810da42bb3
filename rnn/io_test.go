package rnn_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/rnn"
)

// A file of version 1, from before there were variants, gives the layer that wrote
// it.
func TestFileOfVersion1(t *testing.T) {
	file, err := os.ReadFile("testdata/layer.v1")
	require.NoError(t, err)
	got, err := rnn.Load(bytes.NewReader(file))
	require.NoError(t, err)
	cfg := rnn.Config{Input: 3, Hidden: 2, Layers: 1, NoBias: true, Activation: rnn.HardSigmoid(0.25, 0.5)}
	require.Equal(t, cfg, got.Config())
	want, err := rnn.New(cfg, rand.New(rand.NewPCG(1, 2)))
	require.NoError(t, err)
	var weights [][]float32
	want.EachParam(func(_ string, w []float32, _ ...int) { weights = append(weights, w) })
	k := 0
	got.EachParam(func(name string, w []float32, _ ...int) {
		numtest.Equal(t, w, weights[k], "%s", name)
		k++
	})
	require.Equal(t, len(weights), k)
}
