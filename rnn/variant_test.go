package rnn_test

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/rnn"
)

// everything is all that Config can add at once.
var everything = rnn.Config{
	Activation: rnn.ScaledTanh(1.5, 0.75), Clip: 0.6, LayerNorm: true,
	Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.125, Zoneout: 0.2,
}

// variants are what Config can add, each by itself and all together.
func variants() (kinds []nettest.Kind) {
	for _, v := range []struct {
		name string
		rnn.Config
	}{
		{"clip", rnn.Config{Clip: 0.25}},
		{"clip before relu", rnn.Config{Clip: 0.25, Activation: rnn.ReLU}},
		{"activation of a, not of h", rnn.Config{Activation: rnn.ELU(0.5)}},
		{"layer norm", rnn.Config{LayerNorm: true}},
		{"dropout", rnn.Config{Dropout: 0.3, InputDropout: 0.2}},
		{"hidden dropout", rnn.Config{HiddenDropout: 0.5}},
		{"weight dropout", rnn.Config{WeightDropout: 0.5}},
		{"zoneout", rnn.Config{Zoneout: 0.3}},
		{"everything", everything},
	} {
		kinds = append(kinds, variant(v.name, v.Config))
	}
	return kinds
}

func variant(name string, c rnn.Config) nettest.Kind {
	k := activations[0].kind()
	k.Variant = name
	k.Noise = nettest.Noise{Dropout: c.Dropout, Input: c.InputDropout, Hidden: c.HiddenDropout, Weight: c.WeightDropout, Zoneout: c.Zoneout}
	k.New = func(n nettest.Config, r *rand.Rand) (nettest.Layer, error) {
		cfg := c
		cfg.Input, cfg.Hidden, cfg.Layers, cfg.Bidirectional, cfg.Reverse, cfg.Merge = n.Input, n.Hidden, n.Layers, n.Bidirectional, n.Reverse, rnn.Merge(n.Merge)
		cfg.NoBias, cfg.Workers = n.NoBias, n.Workers
		if n.Layers < 2 {
			cfg.Dropout = 0
		}
		l, err := made(cfg, r)
		if err == nil && r != nil {
			nettest.Unsettle(l)
		}
		return l, err
	}
	k.Load = func(r io.Reader) (nettest.Layer, error) { return wrap(rnn.Load(r)) }
	k.Cell = general{c}
	// a and h, and what the parts of the tape are.
	for _, part := range []struct {
		there  bool
		floats int
	}{{c.LayerNorm, 5}, {c.Zoneout > 0, 1}, {c.HiddenDropout > 0, 1}} {
		if part.there {
			k.Tape += part.floats
		}
	}
	return k
}

func TestVariants(t *testing.T) {
	for _, k := range variants() {
		t.Run(k.Variant, func(t *testing.T) { nettest.Variant(t, k) })
	}
}

// Outputs, states and all gradients lie within the oracle's bound.
func TestVariantsAgainstOracle(t *testing.T) {
	for _, k := range variants() {
		c := k.Cell.(general).Config
		t.Run(k.Variant, func(t *testing.T) {
			nettest.OracleOfVariant(t, k, oracle.RNN[oracle.Bounded]{
				F: nettest.Oracles(c.Activation.Or(rnn.Tanh)), LayerNorm: c.LayerNorm, Clip: float64(c.Clip),
			})
		})
	}
}

func TestPairsOfVariants(t *testing.T) {
	config := func(k nettest.Kind) rnn.Config { return k.Cell.(general).Config }
	nettest.Pairs(t, variants(), config, func(name string, c rnn.Config) (nettest.Kind, bool) {
		return variant(name, c), true
	})
}

// Every variant, and every activation, runs on every tier.
func TestTiers(t *testing.T) {
	var kinds []nettest.Kind
	for _, a := range activations {
		kinds = append(kinds, a.kind())
	}
	nettest.Tiers(t, append(kinds, variants()...)...)
}

// What a variant computes in many kernels has the bits of the fused cell where
// both mean the same.
func TestVariantsThatAddNothing(t *testing.T) {
	for i, f := range []rnn.Activation{rnn.Tanh, rnn.ReLU, rnn.Sigmoid} {
		nettest.Alike(t, activations[i].kind(), variant("no limit", rnn.Config{Activation: f, Clip: 1e30}))
	}
	nettest.Alike(t, activations[0].kind(), variant("scaled by 1", rnn.Config{Activation: rnn.ScaledTanh(1, 1)}))
}

// The fused cell, then what is computed in many kernels.
func BenchmarkRNNVariants(b *testing.B) {
	plain := activations[0].kind()
	plain.Variant = "plain"
	nettest.BenchmarkVariants(b, append([]nettest.Kind{plain}, variants()...))
}

// general is one step of a variant as the contract says it.
type general struct{ rnn.Config }

type left struct {
	hPrev, hMasked, a, h []float32
	norm                 nettest.Normed
}

func (c general) Step(p nettest.Params, x []float32, state [][]float32) ([][]float32, any) {
	f := seq.Activation(c.Activation.Or(rnn.Tanh))
	s := left{hPrev: state[0], hMasked: p.Masks.Drop(nettest.DropHidden, state[0])}
	if c.LayerNorm {
		s.norm = nettest.Norm(p, x, s.hMasked)
	}
	for r := range s.hPrev {
		var a float32
		if c.LayerNorm {
			a = s.norm.Row(p, r)
		} else {
			a = nettest.Chain(nettest.Chain(p.Start(r), p.Ih, r, x), p.Hh, r, s.hMasked)
		}
		s.a, s.h = append(s.a, a), append(s.h, ref.Flush(nettest.Apply(f, c.Clip, a)))
	}
	return [][]float32{p.Masks.Keep(nettest.KeepHidden, s.h, s.hPrev)}, s
}

func (c general) StepBack(p nettest.Params, kept any, dy []float32, carry [][]float32) ([][]float32, nettest.Grads) {
	f, s := seq.Activation(c.Activation.Or(rnn.Tanh)), kept.(left)
	d, da := make([]float32, len(s.a)), make([]float32, len(s.a))
	for j := range d {
		d[j] = carry[0][j] + dy[j]
	}
	d, e := p.Masks.KeepGrad(nettest.KeepHidden, d)
	for j := range da {
		da[j] = ref.Flush(nettest.Slope(f, c.Clip, s.a[j], s.h[j], d[j]))
	}
	g := nettest.Grads{Ih: da, Hh: da, BiasIh: da, BiasHh: da, Vectors: map[string][]float32{}, With: func(int) []float32 { return s.hMasked }}
	if c.LayerNorm {
		s.norm.Back(&g, p, da, da)
	}
	dh := p.Masks.Drop(nettest.DropHidden, nettest.Transposed(make([]float32, len(da)), p.Hh, 0, g.Hh))
	p.Masks.Kept(nettest.KeepHidden, dh, e)
	return [][]float32{nettest.Flushed(dh)}, g
}

// Tiny values from outside count as +0.
func TestDenormals(t *testing.T) {
	gain := rnn.Config{Activation: rnn.Affine(nettest.Gain, nettest.Small)}
	norm, masks := gain, gain
	norm.LayerNorm = true
	masks.InputDropout, masks.HiddenDropout, masks.WeightDropout, masks.Zoneout = 0.25, 0.25, 0.25, 0.25
	nettest.Denormals(t, activations[0].kind(), variant("gain", gain), variant("gain, layer norm", norm), variant("gain, masks", masks))
}
