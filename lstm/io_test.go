package lstm_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/lstm"
)

// A file of version 1, from before there were variants, gives the layer that wrote
// it.
func TestFileOfVersion1(t *testing.T) {
	file, err := os.ReadFile("testdata/layer.v1")
	require.NoError(t, err)
	got, err := lstm.Load(bytes.NewReader(file))
	require.NoError(t, err)
	cfg := lstm.Config{Input: 3, Hidden: 2, Layers: 2, Bidirectional: true, Merge: lstm.Sum, GateActivation: lstm.Sigmoid, CandidateActivation: lstm.Tanh, OutputActivation: lstm.Tanh}
	require.Equal(t, cfg, got.Config())
	want, err := lstm.New(cfg, rand.New(rand.NewPCG(1, 2)))
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
	cfg := lstm.Config{
		Input: 2, Hidden: 5, Layers: 3, Bidirectional: true, NoBias: true, Merge: lstm.Average, Projection: 4, Coupled: true, LayerNorm: true,
		GateActivation: lstm.HardSigmoid(1, 2), CandidateActivation: lstm.ELU(0.5), OutputActivation: lstm.Softsign, Clip: 4, CellClip: 8,
		Dropout: 1. / 2, InputDropout: 1. / 4, HiddenDropout: 1. / 8, WeightDropout: 1. / 16, Zoneout: 1. / 32, ZoneoutCell: 1. / 64,
	}
	require.Equal(t, []int64{
		2, 5, 3, 1, 0, 1, 2, 4, 0, 1, 1, 8, f(1), f(2), 9, f(0.5), 0, 10, 0, 0,
		f(4), f(8), f(1. / 2), f(1. / 4), f(1. / 8), f(1. / 16), f(1. / 32), f(1. / 64),
	}, lstm.Fields(cfg))
	l, err := lstm.NewZero(cfg)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = l.WriteTo(&file)
	require.NoError(t, err)
	same, err := lstm.Load(&file)
	require.NoError(t, err)
	require.Equal(t, cfg, same.Config())
}

// What makes no sense is refused by New, with the name of the field, and by Load of
// a file that says it.
func TestConfigsThatAreRefused(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		cfg  lstm.Config
		want string
	}{
		{lstm.Config{Clip: -1}, "Clip"}, {lstm.Config{Clip: inf}, "Clip"}, {lstm.Config{Clip: nan}, "Clip"},
		{lstm.Config{InputDropout: -0.5}, "InputDropout"}, {lstm.Config{HiddenDropout: 1}, "HiddenDropout"}, {lstm.Config{WeightDropout: nan}, "WeightDropout"},
		{lstm.Config{Zoneout: 1 - 0x1p-24}, "Zoneout"}, {lstm.Config{Dropout: 0.5}, "Dropout"},
		{lstm.Config{Layers: 257, InputDropout: 0.5}, "Layers"}, {lstm.Config{Hidden: 1<<21 + 1, InputDropout: 0.5}, "Input"}, {lstm.Config{Input: 1<<22 + 1, InputDropout: 0.5}, "Input"},
		{lstm.Config{CellClip: inf}, "CellClip"}, {lstm.Config{CellClip: -1}, "CellClip"}, {lstm.Config{CellClip: nan}, "CellClip"},
		{lstm.Config{ZoneoutCell: -0.5}, "ZoneoutCell"}, {lstm.Config{Projection: 2}, "Projection"}, {lstm.Config{Projection: -1}, "Projection"},
		{lstm.Config{GateActivation: lstm.ELU(nan)}, "GateActivation"}, {lstm.Config{CandidateActivation: lstm.ELU(inf)}, "CandidateActivation"},
		{lstm.Config{OutputActivation: lstm.Affine(1, inf)}, "OutputActivation"},
	} {
		cfg := c.cfg
		cfg.Input, cfg.Hidden = max(1, cfg.Input), max(2, cfg.Hidden)
		_, err := lstm.NewZero(cfg)
		require.ErrorContains(t, err, "lstm: Config."+c.want, "%+v", cfg)
		var file bytes.Buffer
		w := wire.NewWriter(&file, "lstm", 2)
		w.Int64("config", lstm.Fields(cfg))
		require.NoError(t, w.Close())
		_, err = lstm.Load(&file)
		require.Error(t, err, "Load of %+v", cfg)
	}
}
