package gru_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
)

// A file of version 1, from before there were variants, gives the layer that wrote
// it.
func TestFileOfVersion1(t *testing.T) {
	file, err := os.ReadFile("testdata/layer.v1")
	require.NoError(t, err)
	got, err := gru.Load(bytes.NewReader(file))
	require.NoError(t, err)
	cfg := gru.Config{Input: 3, Hidden: 2, Layers: 1, Reverse: true, ResetBefore: true, Textbook: true, GateActivation: gru.Sigmoid, CandidateActivation: gru.Tanh}
	require.Equal(t, cfg, got.Config())
	want, err := gru.New(cfg, rand.New(rand.NewPCG(1, 2)))
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
		cfg  gru.Config
		want string
	}{
		{gru.Config{Clip: -1}, "Clip"}, {gru.Config{Clip: inf}, "Clip"}, {gru.Config{Clip: nan}, "Clip"},
		{gru.Config{InputDropout: -0.5}, "InputDropout"}, {gru.Config{HiddenDropout: 1}, "HiddenDropout"}, {gru.Config{WeightDropout: nan}, "WeightDropout"},
		{gru.Config{Zoneout: 1 - 0x1p-24}, "Zoneout"}, {gru.Config{Dropout: 0.5}, "Dropout"},
		{gru.Config{Layers: 257, InputDropout: 0.5}, "Layers"}, {gru.Config{Hidden: 1<<21 + 1, InputDropout: 0.5}, "Input"}, {gru.Config{Input: 1<<22 + 1, InputDropout: 0.5}, "Input"},
		{gru.Config{GateActivation: gru.ELU(nan)}, "GateActivation"}, {gru.Config{CandidateActivation: gru.ELU(inf)}, "CandidateActivation"},
		{gru.Config{LayerNorm: true, ResetBefore: true}, "LayerNorm"},
	} {
		cfg := c.cfg
		cfg.Input, cfg.Hidden = max(1, cfg.Input), max(2, cfg.Hidden)
		_, err := gru.New(cfg, nil)
		require.ErrorContains(t, err, "gru: Config."+c.want, "%+v", cfg)
		var file bytes.Buffer
		w := wire.NewWriter(&file, "gru", 2)
		w.Int64("config", gru.Fields(cfg))
		require.NoError(t, w.Close())
		_, err = gru.Load(&file)
		require.Error(t, err, "Load of %+v", cfg)
	}
}
