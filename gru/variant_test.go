package gru_test

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// everything is all that Config can add at once.
var everything = gru.Config{
	Clip: 0.4, LayerNorm: true, GateActivation: gru.HardSigmoid(0.3, 0.4), CandidateActivation: gru.Softsign,
	Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.125, Zoneout: 0.2,
}

// additions are what Config can add to the four forms, each by itself and all
// together.
func additions() (kinds []nettest.Kind) {
	before := everything
	before.LayerNorm, before.ResetBefore, before.Textbook = false, true, true
	for _, v := range []struct {
		name string
		gru.Config
	}{
		{"clip", gru.Config{Clip: 0.25}},
		{"clip, reset before", gru.Config{Clip: 0.25, ResetBefore: true}},
		{"clip, textbook", gru.Config{Clip: 0.25, Textbook: true}},
		{"activations", gru.Config{GateActivation: gru.HardSigmoid(0.2, 0.5), CandidateActivation: gru.LeakyReLU(0.1)}},
		{"activations, reset before", gru.Config{GateActivation: gru.HardSigmoid(0.2, 0.5), CandidateActivation: gru.ELU(0.5), ResetBefore: true}},
		{"layer norm", gru.Config{LayerNorm: true}},
		{"dropout", gru.Config{Dropout: 0.3, InputDropout: 0.2}},
		{"hidden dropout", gru.Config{HiddenDropout: 0.5}},
		{"hidden dropout, reset before", gru.Config{HiddenDropout: 0.5, ResetBefore: true}},
		{"weight dropout, reset before", gru.Config{WeightDropout: 0.5, ResetBefore: true}},
		{"zoneout", gru.Config{Zoneout: 0.3}},
		{"zoneout, reset before", gru.Config{Zoneout: 0.3, ResetBefore: true, Textbook: true}},
		{"everything", everything},
		{"everything, reset before", before},
	} {
		kinds = append(kinds, addition(v.name, v.Config))
	}
	return kinds
}

func addition(name string, c gru.Config) nettest.Kind {
	k := variants()[0]
	k.Variant = name
	k.Noise = nettest.Noise{Dropout: c.Dropout, Input: c.InputDropout, Hidden: c.HiddenDropout, Weight: c.WeightDropout, Zoneout: c.Zoneout}
	k.New = func(n nettest.Config, r *rand.Rand) (nettest.Layer, error) {
		cfg := c
		cfg.Input, cfg.Hidden, cfg.Layers, cfg.Bidirectional, cfg.Reverse, cfg.Merge = n.Input, n.Hidden, n.Layers, n.Bidirectional, n.Reverse, gru.Merge(n.Merge)
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
	k.Load = func(r io.Reader) (nettest.Layer, error) { return wrap(gru.Load(r)) }
	k.Cell = general{c}
	// a, nh or q, the activations and h, and what the parts of the tape are.
	if plain := (gru.Config{Dropout: c.Dropout, InputDropout: c.InputDropout, WeightDropout: c.WeightDropout, ResetBefore: c.ResetBefore}); c != plain {
		k.Tape = 3 + 1 + 3 + 1
	}
	for _, part := range []struct {
		there  bool
		floats int
	}{{c.LayerNorm, 13}, {c.HiddenDropout > 0, 1}} {
		if part.there {
			k.Tape += part.floats
		}
	}
	return k
}

func TestVariants(t *testing.T) {
	for _, k := range additions() {
		t.Run(k.Variant, func(t *testing.T) { nettest.Variant(t, k) })
	}
}

// Outputs, states and all gradients lie within the oracle's bound.
func TestVariantsAgainstOracle(t *testing.T) {
	for _, k := range additions() {
		c := k.Cell.(general).Config
		t.Run(k.Variant, func(t *testing.T) {
			nettest.OracleOfVariant(t, k, oracle.GRU[oracle.Bounded]{
				ResetBefore: c.ResetBefore, Textbook: c.Textbook, LayerNorm: c.LayerNorm, Clip: float64(c.Clip),
				Gate: nettest.Oracles(c.GateActivation.Or(gru.Sigmoid)), Candidate: nettest.Oracles(c.CandidateActivation.Or(gru.Tanh)),
			})
		})
	}
}

func TestPairsOfVariants(t *testing.T) {
	config := func(k nettest.Kind) gru.Config { return k.Cell.(general).Config }
	nettest.Pairs(t, additions(), config, func(name string, c gru.Config) (nettest.Kind, bool) {
		return addition(name, c), !(c.LayerNorm && c.ResetBefore)
	})
}

// Every variant runs on every tier.
func TestTiers(t *testing.T) { nettest.Tiers(t, append(variants(), additions()...)...) }

// What a variant computes in many kernels has the bits of the fused cell where
// both mean the same.
func TestVariantsThatAddNothing(t *testing.T) {
	for _, k := range variants() {
		form := k.Cell.(naive)
		nettest.Alike(t, k, addition("no limit", gru.Config{Clip: 1e30, ResetBefore: form.before, Textbook: form.textbook}))
	}
}

// The fused cell, then what is computed in many kernels.
func BenchmarkGRUVariants(b *testing.B) {
	plain := variants()[0]
	plain.Variant = "plain"
	nettest.BenchmarkVariants(b, append([]nettest.Kind{plain}, additions()...))
}

// general is one step of a variant as the contract says it.
type general struct{ gru.Config }

type left struct {
	hPrev, hMasked, ar, az, an, r, z, n, nh, q []float32
	norm                                       nettest.Normed
}

func (c general) Step(p nettest.Params, x []float32, state [][]float32) ([][]float32, any) {
	F, G := seq.Activation(c.GateActivation.Or(gru.Sigmoid)), seq.Activation(c.CandidateActivation.Or(gru.Tanh))
	s := left{hPrev: state[0], hMasked: p.Masks.Drop(nettest.DropHidden, state[0])}
	H := len(s.hPrev)
	if c.LayerNorm {
		s.norm = nettest.Norm(p, x, s.hMasked)
	}
	gate := func(r int) float32 {
		if c.LayerNorm {
			return s.norm.Row(p, r)
		}
		return nettest.Chain(nettest.Chain(p.Start(r), p.Ih, r, x), p.Hh, r, s.hMasked)
	}
	for j := range H {
		s.ar, s.az = append(s.ar, gate(j)), append(s.az, gate(H+j))
		s.r, s.z = append(s.r, nettest.Apply(F, c.Clip, s.ar[j])), append(s.z, nettest.Apply(F, c.Clip, s.az[j]))
		s.q = append(s.q, ref.Flush(s.r[j]*s.hMasked[j]))
	}
	h := make([]float32, H)
	for j := range H {
		row := 2*H + j
		bi, bh := nettest.Bias(p.BiasIh, row), nettest.Bias(p.BiasHh, row)
		var a, nh float32
		switch {
		case c.ResetBefore:
			a = nettest.Chain(nettest.Chain(p.Start(row), p.Ih, row, x), p.Hh, row, s.q)
		case c.LayerNorm:
			nh = ref.FMA(p.Extra["gain_hh"][row], s.norm.H[row], bh)
			a = ref.FMA(s.r[j], nh, ref.FMA(p.Extra["gain_ih"][row], s.norm.X[row], bi))
		default:
			nh = nettest.Chain(bh, p.Hh, row, s.hMasked)
			a = ref.FMA(s.r[j], nh, nettest.Chain(bi, p.Ih, row, x))
		}
		n := nettest.Apply(G, c.Clip, a)
		s.an, s.nh, s.n = append(s.an, a), append(s.nh, nh), append(s.n, n)
		if c.Textbook {
			h[j] = ref.Flush(ref.FMA(s.z[j], n-s.hPrev[j], s.hPrev[j]))
		} else {
			h[j] = ref.Flush(ref.FMA(s.z[j], s.hPrev[j]-n, n))
		}
	}
	return [][]float32{p.Masks.Keep(nettest.KeepHidden, h, s.hPrev)}, s
}

func (c general) StepBack(p nettest.Params, kept any, dy []float32, carry [][]float32) ([][]float32, nettest.Grads) {
	F, G := seq.Activation(c.GateActivation.Or(gru.Sigmoid)), seq.Activation(c.CandidateActivation.Or(gru.Tanh))
	s := kept.(left)
	H := len(s.hPrev)
	d := make([]float32, H)
	for j := range d {
		d[j] = carry[0][j] + dy[j]
	}
	d, passed := p.Masks.KeepGrad(nettest.KeepHidden, d)
	dr, dz, dn, dnh, e := make([]float32, H), make([]float32, H), make([]float32, H), make([]float32, H), make([]float32, H)
	for j := range H {
		byN, byZ, byH := 1-s.z[j], s.hPrev[j]-s.n[j], s.z[j]
		if c.Textbook {
			byN, byZ, byH = s.z[j], s.n[j]-s.hPrev[j], 1-s.z[j]
		}
		dn[j] = ref.Flush(nettest.Slope(G, c.Clip, s.an[j], s.n[j], d[j]*byN))
		dz[j] = ref.Flush(nettest.Slope(F, c.Clip, s.az[j], s.z[j], d[j]*byZ))
		e[j] = float32(d[j] * byH)
		if !c.ResetBefore {
			dr[j] = ref.Flush(nettest.Slope(F, c.Clip, s.ar[j], s.r[j], dn[j]*s.nh[j]))
			dnh[j] = ref.Flush(dn[j] * s.r[j])
		}
	}
	p.Masks.Kept(nettest.KeepHidden, e, passed)
	g := nettest.Grads{Vectors: map[string][]float32{}, With: func(row int) []float32 {
		if c.ResetBefore && row >= 2*H {
			return s.q
		}
		return s.hMasked
	}}
	rows := 3 * H // of the chain over h
	if c.ResetBefore {
		dq := nettest.Flushed(nettest.Transposed(make([]float32, H), p.Hh, 2*H, dn))
		for j := range dq {
			dr[j] = ref.Flush(nettest.Slope(F, c.Clip, s.ar[j], s.r[j], dq[j]*s.hMasked[j]))
		}
		for j, v := range p.Masks.Drop(nettest.DropHidden, dq) {
			e[j] = ref.FMA(v, s.r[j], e[j])
		}
		dnh, rows = dn, 2*H
	}
	g.Ih, g.Hh = slices.Concat(dr, dz, dn), slices.Concat(dr, dz, dnh)
	g.BiasIh, g.BiasHh = g.Ih, g.Hh
	if c.LayerNorm {
		s.norm.Back(&g, p, g.Ih, g.Hh)
	}
	dh := p.Masks.Drop(nettest.DropHidden, nettest.Transposed(make([]float32, H), p.Hh, 0, g.Hh[:rows]))
	for j := range dh {
		dh[j] += e[j]
	}
	return [][]float32{nettest.Flushed(dh)}, g
}

// Tiny values from outside count as +0.
func TestDenormals(t *testing.T) {
	gain := gru.Config{GateActivation: gru.Affine(nettest.Gain, nettest.Small), CandidateActivation: gru.Affine(nettest.Gain, 0)}
	before, norm, masks := gain, gain, gain
	before.ResetBefore, before.Textbook = true, true
	norm.LayerNorm = true
	masks.InputDropout, masks.HiddenDropout, masks.WeightDropout, masks.Zoneout = 0.25, 0.25, 0.25, 0.25
	nettest.Denormals(t, append(variants(), addition("gain", gain), addition("gain, reset before", before), addition("gain, layer norm", norm), addition("gain, masks", masks))...)
}
