package gru

import (
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/seq"
)

// A Layer is a stack of GRU layers: its structure and its weights. Any number
// of goroutines may read it at once, which is all that Forward and Backward do
// with it; writing its weights meanwhile is a race.
type Layer struct {
	cfg Config
	net *seq.Net
}

// New makes a Layer and draws all its weights and biases from the uniform
// distribution on [-1/sqrt(Hidden), 1/sqrt(Hidden)], in EachParam's order, one
// Uint64 of r each: the same seed gives the same bits everywhere. The gains of
// layer normalisation begin as 1. A nil r leaves everything +0, for weights that
// come from elsewhere. Init is for other ways to begin.
//
// It returns an error if cfg makes no sense or describes more weights than an
// int can count, and if the environment variable SIMDRNN_ISA asks for something
// that is not there.
func New(cfg Config, r *rand.Rand) (*Layer, error) {
	l, err := newLayer(cfg, seq.Zeros)
	if err != nil {
		return nil, err
	}
	if r != nil {
		l.net.Init(r, seq.PyTorch)
	}
	return l, nil
}

// newLayer makes a Layer whose parameters come from src.
func newLayer(cfg Config, src seq.Source) (*Layer, error) {
	cfg, s, err := cfg.check()
	if err != nil {
		return nil, err
	}
	net, err := seq.NewNet(s.Net("gru", cfg.cell()), !cfg.NoBias, src)
	if err != nil {
		return nil, err
	}
	return &Layer{cfg, net}, nil
}

// Config returns what the Layer was made from, Layers and activations filled in.
func (l *Layer) Config() Config { return l.cfg }

// EachParam calls f for each parameter: layer by layer, forward direction
// before reverse, W_ih, W_hh, b_ih, b_hh, then what Config adds. w is the Layer's
// own memory, row-major of the given shape: writing it changes the Layer.
func (l *Layer) EachParam(f func(name string, w []float32, shape ...int)) { l.net.EachParam(f) }
