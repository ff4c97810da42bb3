package rnn_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
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

// What makes no sense is refused by New, with the name of the field, and by Load of
// a file that says it.
func TestConfigsThatAreRefused(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		cfg  rnn.Config
		want string
	}{
		{rnn.Config{Clip: -1}, "Clip"}, {rnn.Config{Clip: inf}, "Clip"}, {rnn.Config{Clip: nan}, "Clip"},
		{rnn.Config{InputDropout: -0.5}, "InputDropout"}, {rnn.Config{HiddenDropout: 1}, "HiddenDropout"}, {rnn.Config{WeightDropout: nan}, "WeightDropout"},
		{rnn.Config{Zoneout: 1 - 0x1p-24}, "Zoneout"}, {rnn.Config{Dropout: 0.5}, "Dropout"},
		{rnn.Config{Layers: 257, InputDropout: 0.5}, "Layers"}, {rnn.Config{Hidden: 1<<21 + 1, InputDropout: 0.5}, "Input"}, {rnn.Config{Input: 1<<22 + 1, InputDropout: 0.5}, "Input"},
	} {
		cfg := c.cfg
		cfg.Input, cfg.Hidden = max(1, cfg.Input), max(2, cfg.Hidden)
		_, err := rnn.New(cfg, nil)
		require.ErrorContains(t, err, "rnn: Config."+c.want, "%+v", cfg)
		var file bytes.Buffer
		w := wire.NewWriter(&file, "rnn", 2)
		w.Int64("config", rnn.Fields(cfg))
		require.NoError(t, w.Close())
		_, err = rnn.Load(&file)
		require.Error(t, err, "Load of %+v", cfg)
	}
}
