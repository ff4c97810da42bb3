package lstm_test

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/internal/numtest/nettest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/internal/seq"
	"github.com/simdrnn/simdrnn/kernels/ref"
	"github.com/simdrnn/simdrnn/lstm"
)

// everything is all that Config can add at once.
var everything = lstm.Config{
	Projection: 1, Peephole: true, Clip: 0.4, CellClip: 0.3, LayerNorm: true,
	GateActivation: lstm.HardSigmoid(0.3, 0.4), CandidateActivation: lstm.Softsign, OutputActivation: lstm.ScaledTanh(1.5, 0.75),
	Dropout: 0.2, InputDropout: 0.1, HiddenDropout: 0.25, WeightDropout: 0.125, Zoneout: 0.2, ZoneoutCell: 0.3,
}

// variants are what Config can add to the textbook's cell, each by itself and all
// together.
func variants() (kinds []nettest.Kind) {
	coupled := everything
	coupled.Coupled = true
	for _, v := range []struct {
		name string
		lstm.Config
	}{
		{"peephole", lstm.Config{Peephole: true}},
		{"coupled", lstm.Config{Coupled: true}},
		{"coupled,peephole", lstm.Config{Coupled: true, Peephole: true}},
		{"projection", lstm.Config{Projection: 1}},
		{"clip", lstm.Config{Clip: 0.25}},
		{"cell clip", lstm.Config{CellClip: 0.125}},
		{"activations", lstm.Config{GateActivation: lstm.HardSigmoid(0.2, 0.5), CandidateActivation: lstm.LeakyReLU(0.1), OutputActivation: lstm.ELU(0.5)}},
		{"layer norm", lstm.Config{LayerNorm: true}},
		{"dropout", lstm.Config{Dropout: 0.3}},
		{"input dropout", lstm.Config{InputDropout: 0.3, Dropout: 0.2}},
		{"hidden dropout", lstm.Config{HiddenDropout: 0.5}},
		{"weight dropout", lstm.Config{WeightDropout: 0.5}},
		{"zoneout", lstm.Config{Zoneout: 0.3}},
		{"zoneout of c", lstm.Config{ZoneoutCell: 0.3}},
		{"zoneout, projection", lstm.Config{Zoneout: 0.3, Projection: 1}},
		{"everything", everything},
		{"everything, coupled", coupled},
	} {
		kinds = append(kinds, variant(v.name, v.Config))
	}
	return kinds
}

// variant is the kind with what c adds. A projection is to half the units; one
// unit has none.
func variant(name string, c lstm.Config) nettest.Kind {
	k := kind
	k.Variant = name
	k.Noise = nettest.Noise{Dropout: c.Dropout, Input: c.InputDropout, Hidden: c.HiddenDropout, Weight: c.WeightDropout, Zoneout: c.Zoneout, ZoneoutCell: c.ZoneoutCell}
	if c.Coupled {
		k.Gates = 3
	}
	if c.Projection > 0 {
		k.Width = func(hidden int) int { return (hidden + 1) / 2 }
	}
	k.New = func(n nettest.Config, r *rand.Rand) (nettest.Layer, error) {
		cfg := c
		cfg.Input, cfg.Hidden, cfg.Layers, cfg.Bidirectional, cfg.Reverse, cfg.Merge = n.Input, n.Hidden, n.Layers, n.Bidirectional, n.Reverse, lstm.Merge(n.Merge)
		cfg.NoBias, cfg.Workers = n.NoBias, n.Workers
		if cfg.Projection > 0 {
			cfg.Projection = (n.Hidden + 1) / 2 % n.Hidden
		}
		if n.Layers < 2 {
			cfg.Dropout = 0
		}
		l, err := made(cfg, r)
		if err == nil && r != nil {
			nettest.Unsettle(l)
		}
		return l, err
	}
	k.Load = func(r io.Reader) (nettest.Layer, error) { return wrap(lstm.Load(r)) }
	k.Cell = general{c}
	k.Tape = memoryOf(c)
	return k
}

// memoryOf is the number of floats that a variant keeps for each step, row and
// unit: a and its activations, h and c, and what the parts of the tape are.
func memoryOf(c lstm.Config) int {
	gates := 4
	if c.Coupled {
		gates = 3
	}
	floats := 2
	if noise := (lstm.Config{Dropout: c.Dropout, InputDropout: c.InputDropout, WeightDropout: c.WeightDropout}); c == noise {
		return floats + 4 // the fused cell
	}
	floats += gates + 4
	for _, part := range []struct {
		there  bool
		floats int
	}{{c.Peephole, gates - 1}, {c.LayerNorm, 4*gates + 2}, {c.CellClip > 0, 1}, {c.ZoneoutCell > 0, 1}, {c.Projection > 0, 2}, {c.HiddenDropout > 0, 1}} {
		if part.there {
			floats += part.floats
		}
	}
	if c.LayerNorm {
		floats++ // the three deviations of a row, counted as one for each unit
	}
	return floats
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
			nettest.OracleOfVariant(t, k, oracle.LSTM[oracle.Bounded]{
				Peephole: c.Peephole, Coupled: c.Coupled, LayerNorm: c.LayerNorm, Clip: float64(c.Clip), CellClip: float64(c.CellClip),
				Gate: nettest.Oracles(c.GateActivation.Or(lstm.Sigmoid)), Candidate: nettest.Oracles(c.CandidateActivation.Or(lstm.Tanh)),
				Output: nettest.Oracles(c.OutputActivation.Or(lstm.Tanh)),
			})
		})
	}
}

func TestPairsOfVariants(t *testing.T) {
	config := func(k nettest.Kind) lstm.Config { return k.Cell.(general).Config }
	nettest.Pairs(t, variants(), config, func(name string, c lstm.Config) (nettest.Kind, bool) {
		return variant(name, c), true
	})
}

// Every variant runs on every tier.
func TestTiers(t *testing.T) { nettest.Tiers(t, append([]nettest.Kind{kind}, variants()...)...) }

// CellStates are told by the lengths and in the layout of the Forward that left them,
// or not at all.
func TestCellStatesOfAnotherLayout(t *testing.T) {
	l, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, rand.New(rand.NewPCG(1, 2)))
	require.NoError(t, err)
	u := l.Unroll(4, 3)
	c, again := make([]float32, 4*3*3), make([]float32, 4*3*3)
	require.Panics(t, func() { u.CellStates(0, nil) })
	require.NoError(t, u.SetLengths([]int{1, 4, 2}))
	forward := func() {
		u.Forward(make([]float32, 4*3*3), make([]float32, 4*3*2))
		u.CellStates(0, c)
	}
	forward()
	u.Backward(nil, make([]float32, 4*3*3))
	u.CellStates(0, again)
	require.Equal(t, c, again)
	require.NoError(t, u.SetLengths(nil))
	require.PanicsWithValue(t, "lstm: CellStates without a Forward before it, or with SetLengths or SetBatchFirst between them: it reads what the last Forward kept, by its lengths and in its layout", func() { u.CellStates(0, c) })
	forward()
	u.SetBatchFirst(true)
	require.Panics(t, func() { u.CellStates(0, c) })
	forward()
	require.Panics(t, func() { u.CellStates(1, c) })
	require.Panics(t, func() { u.CellStates(0, c[1:]) })
	require.Panics(t, func() { l.Infer(4, 3).CellStates(0, c) })
}

// What a variant computes in many kernels has the bits of the fused cell where
// both mean the same.
func TestVariantsThatAddNothing(t *testing.T) {
	for _, c := range []lstm.Config{
		{Clip: 1e30}, {CellClip: 1e30}, {CandidateActivation: lstm.ScaledTanh(1, 1)}, {OutputActivation: lstm.ScaledTanh(1, 1)},
	} {
		nettest.Alike(t, kind, variant("nothing added", c))
	}
	// Peepholes that are +0.
	none := variant("peepholes of 0", lstm.Config{Peephole: true})
	with := none.New
	none.New = func(n nettest.Config, r *rand.Rand) (nettest.Layer, error) {
		peepholes, err := with(n, nil)
		if err != nil {
			return nil, err
		}
		plain, err := kind.New(n, r)
		if err != nil {
			return nil, err
		}
		weights := map[string][]float32{}
		plain.EachParam(func(name string, w []float32, _ ...int) { weights[name] = w })
		peepholes.EachParam(func(name string, w []float32, _ ...int) { copy(w, weights[name]) })
		return peepholes, nil
	}
	nettest.AlikeBut(t, kind, none, "weight_peephole")
}

// The fused cell, then what is computed in many kernels.
func BenchmarkLSTMVariants(b *testing.B) {
	plain := kind
	plain.Variant = "plain"
	nettest.BenchmarkVariants(b, append([]nettest.Kind{plain}, variants()...))
}

// general is one step of a variant as the contract says it.
type general struct{ lstm.Config }

// left is what a step of a variant leaves behind.
type left struct {
	x, hPrev, cPrev, hMasked, a, i, f, g, o, u, c, n, m []float32
	norm                                                nettest.Normed
	cHat                                                []float32
	devC                                                float32
}

func (c general) gates() (f, g, h seq.Activation) {
	return seq.Activation(c.GateActivation.Or(lstm.Sigmoid)), seq.Activation(c.CandidateActivation.Or(lstm.Tanh)), seq.Activation(c.OutputActivation.Or(lstm.Tanh))
}

// places are the blocks of i, f, g and o in the rows of a matrix.
func (c general) places() (i, f, g, o int) {
	if c.Coupled {
		return 0, -1, 1, 2
	}
	return 0, 1, 2, 3
}

func (c general) Step(p nettest.Params, x []float32, state [][]float32) ([][]float32, any) {
	F, G, out := c.gates()
	pi, pf, pg, po := c.places()
	s := left{x: x, hPrev: state[0], cPrev: state[1], hMasked: p.Masks.Drop(nettest.DropHidden, state[0])}
	H, rows := len(s.cPrev), len(p.Hh)/len(s.hPrev)
	if c.LayerNorm {
		s.norm = nettest.Norm(p, x, s.hMasked)
	}
	for r := range rows {
		if c.LayerNorm {
			s.a = append(s.a, s.norm.Row(p, r))
		} else {
			s.a = append(s.a, nettest.Chain(nettest.Chain(p.Start(r), p.Ih, r, x), p.Hh, r, s.hMasked))
		}
	}
	peep, last := p.Extra["weight_peephole"], rows-2*H // of o
	for _, v := range []*[]float32{&s.i, &s.f, &s.g, &s.o, &s.u, &s.c, &s.n, &s.m} {
		*v = make([]float32, H)
	}
	for j := range H {
		if c.Peephole {
			s.a[pi*H+j] = ref.FMA(peep[j], s.cPrev[j], s.a[pi*H+j])
			if !c.Coupled {
				s.a[pf*H+j] = ref.FMA(peep[H+j], s.cPrev[j], s.a[pf*H+j])
			}
		}
		s.i[j] = nettest.Apply(F, c.Clip, s.a[pi*H+j])
		if c.Coupled {
			s.f[j] = 1 - s.i[j]
		} else {
			s.f[j] = nettest.Apply(F, c.Clip, s.a[pf*H+j])
		}
		s.g[j] = nettest.Apply(G, c.Clip, s.a[pg*H+j])
		s.u[j] = ref.Flush(ref.FMA(s.f[j], s.cPrev[j], float32(s.i[j]*s.g[j])))
		s.c[j] = nettest.Limit(s.u[j], c.CellClip)
		if c.Peephole {
			s.a[po*H+j] = ref.FMA(peep[last+j], s.c[j], s.a[po*H+j])
		}
		s.o[j] = nettest.Apply(F, c.Clip, s.a[po*H+j])
	}
	copy(s.n, s.c)
	if c.LayerNorm {
		s.cHat = make([]float32, H)
		s.devC = ref.Normalize(s.cHat, s.c, 1e-5)
		for j := range H {
			s.n[j] = ref.FMA(p.Extra["gain_c"][j], s.cHat[j], nettest.Bias(p.Extra["bias_c"], j))
		}
	}
	for j := range H {
		s.m[j] = ref.Flush(s.o[j] * nettest.Apply(out, 0, s.n[j]))
	}
	h := s.m
	if hr := p.Extra["weight_hr"]; hr != nil {
		h = make([]float32, len(s.hPrev))
		for r := range h {
			h[r] = ref.Flush(nettest.Chain(0, hr, r, s.m))
		}
	}
	return [][]float32{p.Masks.Keep(nettest.KeepHidden, h, s.hPrev), p.Masks.Keep(nettest.KeepCell, s.c, s.cPrev)}, s
}

func (c general) StepBack(p nettest.Params, kept any, dy []float32, carry [][]float32) ([][]float32, nettest.Grads) {
	F, G, out := c.gates()
	pi, pf, pg, po := c.places()
	s := kept.(left)
	H, R, rows := len(s.cPrev), len(s.hPrev), len(s.a)
	d := make([]float32, R)
	for j := range d {
		d[j] = carry[0][j] + dy[j]
	}
	d, e := p.Masks.KeepGrad(nettest.KeepHidden, d)
	dc, eC := p.Masks.KeepGrad(nettest.KeepCell, carry[1])
	dm := d
	if hr := p.Extra["weight_hr"]; hr != nil {
		dm = nettest.Transposed(make([]float32, H), hr, 0, d)
		for j := range dm {
			dm[j] = ref.Flush(dm[j])
		}
	}
	g := nettest.Grads{Vectors: map[string][]float32{}, Hr: d, HrWith: s.m}
	peep, last := p.Extra["weight_peephole"], rows-2*H
	da, D, dn, dPeep := make([]float32, rows), make([]float32, H), make([]float32, H), make([]float32, len(peep))
	for j := range H {
		dmo := dm[j] * s.o[j]
		y := nettest.Apply(out, 0, s.n[j])
		k := nettest.Slope(out, 0, s.n[j], y, 1)
		D[j], dn[j] = ref.FMA(dmo, k, dc[j]), ref.Flush(dmo*k)
		da[po*H+j] = ref.Flush(nettest.Slope(F, c.Clip, s.a[po*H+j], s.o[j], dm[j]*y))
	}
	if c.LayerNorm {
		back := nettest.Flushed(nettest.NormBack(s.cHat, p.Extra["gain_c"], dn, s.devC))
		for j := range H {
			D[j] = dc[j] + back[j]
		}
		g.Vectors["gain_c"], g.Vectors["bias_c"] = nettest.Products(dn, s.cHat), dn
	}
	dcPrev := make([]float32, H)
	for j := range H {
		if c.Peephole {
			D[j] = ref.FMA(da[po*H+j], peep[last+j], D[j])
			dPeep[last+j] = ref.Flush(da[po*H+j] * s.c[j])
		}
		if nettest.Limit(s.u[j], c.CellClip) != s.u[j] {
			D[j] = 0
		}
		da[pg*H+j] = ref.Flush(nettest.Slope(G, c.Clip, s.a[pg*H+j], s.g[j], D[j]*s.i[j]))
		if c.Coupled {
			da[pi*H+j] = ref.Flush(nettest.Slope(F, c.Clip, s.a[pi*H+j], s.i[j], D[j]*float32(s.g[j]-s.cPrev[j])))
		} else {
			da[pf*H+j] = ref.Flush(nettest.Slope(F, c.Clip, s.a[pf*H+j], s.f[j], D[j]*s.cPrev[j]))
			da[pi*H+j] = ref.Flush(nettest.Slope(F, c.Clip, s.a[pi*H+j], s.i[j], D[j]*s.g[j]))
		}
		dcPrev[j] = D[j] * s.f[j]
		if c.Peephole {
			dcPrev[j] = ref.FMA(da[pi*H+j], peep[j], dcPrev[j])
			dPeep[j] = ref.Flush(da[pi*H+j] * s.cPrev[j])
			if !c.Coupled {
				dcPrev[j] = ref.FMA(da[pf*H+j], peep[H+j], dcPrev[j])
				dPeep[H+j] = ref.Flush(da[pf*H+j] * s.cPrev[j])
			}
		}
	}
	p.Masks.Kept(nettest.KeepCell, dcPrev, eC)
	g.Vectors["weight_peephole"] = dPeep
	g.Ih, g.Hh, g.BiasIh, g.BiasHh = da, da, da, da
	if c.LayerNorm {
		s.norm.Back(&g, p, da, da)
	}
	g.With = func(int) []float32 { return s.hMasked }
	dh := p.Masks.Drop(nettest.DropHidden, nettest.Transposed(make([]float32, R), p.Hh, 0, g.Hh))
	p.Masks.Kept(nettest.KeepHidden, dh, e)
	return [][]float32{nettest.Flushed(dh), nettest.Flushed(dcPrev)}, g
}

// Tiny values from outside count as +0.
func TestDenormals(t *testing.T) {
	gain := lstm.Config{GateActivation: lstm.Affine(nettest.Gain, nettest.Small), CandidateActivation: lstm.Affine(nettest.Gain, 0), OutputActivation: lstm.Affine(nettest.Gain, 0)}
	peephole, norm, masks, zoneout := gain, gain, gain, gain
	peephole.Peephole, peephole.Projection = true, 1
	norm.LayerNorm = true
	masks.InputDropout, masks.HiddenDropout, masks.WeightDropout = 0.25, 0.25, 0.25
	zoneout.Zoneout, zoneout.ZoneoutCell = 0.25, 0.25
	plain := kind
	plain.Variant = "plain"
	nettest.Denormals(t, plain, variant("gain", gain), variant("gain, peephole, projection", peephole), variant("gain, layer norm", norm),
		variant("gain, masks", masks), variant("gain, zoneout", zoneout))
}
