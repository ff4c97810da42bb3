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

// Each field of a Config has its place in a file of version 2, which no change may
// move: writing and reading in another order would agree with each other.
func TestFieldsOfVersion2(t *testing.T) {
	f := func(v float32) int64 { return int64(math.Float32bits(v)) }
	cfg := rnn.Config{
		Input: 2, Hidden: 5, Layers: 3, Bidirectional: true, NoBias: true, Merge: rnn.Average, Activation: rnn.HardSigmoid(1, 2), LayerNorm: true, Clip: 4,
		Dropout: 1. / 2, InputDropout: 1. / 4, HiddenDropout: 1. / 8, WeightDropout: 1. / 16, Zoneout: 1. / 32,
	}
	require.Equal(t, []int64{
		2, 5, 3, 1, 0, 1, 2, 7, f(1), f(2), 1,
		f(4), f(1. / 2), f(1. / 4), f(1. / 8), f(1. / 16), f(1. / 32),
	}, rnn.Fields(cfg))
	l, err := rnn.NewZero(cfg)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = l.WriteTo(&file)
	require.NoError(t, err)
	same, err := rnn.Load(&file)
	require.NoError(t, err)
	require.Equal(t, cfg, same.Config())
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
		_, err := rnn.NewZero(cfg)
		require.ErrorContains(t, err, "rnn: Config."+c.want, "%+v", cfg)
		var file bytes.Buffer
		w := wire.NewWriter(&file, "rnn", 2)
		w.Int64("config", rnn.Fields(cfg))
		require.NoError(t, w.Close())
		_, err = rnn.Load(&file)
		require.Error(t, err, "Load of %+v", cfg)
	}
}
