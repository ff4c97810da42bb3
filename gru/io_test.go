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

// Each field of a Config has its place in a file of version 2, which no change may
// move: writing and reading in another order would agree with each other.
func TestFieldsOfVersion2(t *testing.T) {
	f := func(v float32) int64 { return int64(math.Float32bits(v)) }
	cfg := gru.Config{
		Input: 2, Hidden: 5, Layers: 3, Bidirectional: true, NoBias: true, Merge: gru.Average, ResetBefore: true,
		GateActivation: gru.HardSigmoid(1, 2), CandidateActivation: gru.ELU(0.5), Clip: 4,
		Dropout: 1. / 2, InputDropout: 1. / 4, HiddenDropout: 1. / 8, WeightDropout: 1. / 16, Zoneout: 1. / 32,
	}
	require.Equal(t, []int64{
		2, 5, 3, 1, 0, 1, 2, 1, 0, 0, 8, f(1), f(2), 9, f(0.5), 0,
		f(4), f(1. / 2), f(1. / 4), f(1. / 8), f(1. / 16), f(1. / 32),
	}, gru.Fields(cfg))
	l, err := gru.NewZero(cfg)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = l.WriteTo(&file)
	require.NoError(t, err)
	same, err := gru.Load(&file)
	require.NoError(t, err)
	require.Equal(t, cfg, same.Config())
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
		_, err := gru.NewZero(cfg)
		require.ErrorContains(t, err, "gru: Config."+c.want, "%+v", cfg)
		var file bytes.Buffer
		w := wire.NewWriter(&file, "gru", 2)
		w.Int64("config", gru.Fields(cfg))
		require.NoError(t, w.Close())
		_, err = gru.Load(&file)
		require.Error(t, err, "Load of %+v", cfg)
	}
}
