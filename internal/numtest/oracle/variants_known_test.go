package oracle

import (
	"math"
	"slices"
	"testing"
)

// TestKnownStepsOfVariants pins steps computed by hand, one variant at a time and
// with numbers that tell apart what could be confused: a backward that agrees with
// its forward says nothing about the forward.
func TestKnownStepsOfVariants(t *testing.T) {
	s, tanh := sigmoid, math.Tanh
	limit := func(x, by float64) float64 { return math.Max(-by, math.Min(by, x)) }
	// norm is layer norm, written down once more.
	norm := func(x ...float64) []float64 {
		mean, square := 0.0, 0.0
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			square += (v - mean) * (v - mean) / float64(len(x))
		}
		out := slices.Clone(x)
		for k := range out {
			out[k] = (x[k] - mean) / math.Sqrt(square+float64(float32(1e-5)))
		}
		return out
	}
	hit := func(kinds ...MaskKind) Masks {
		return func(k MaskKind, e Element) bool { return slices.Contains(kinds, k) && e.Unit == 0 }
	}
	const third = 1.0 / 3
	keep := float64(float32(1 / (1 - float32(third))))

	// One unit, W = 0: a gate is its bias. h = 0.7, c = 0.8.
	i, f, g, o := 0.3, -0.4, 0.5, 0.6
	gates := map[Kind][]float64{WeightIH: make([]float64, 4), WeightHH: make([]float64, 4), BiasIH: {i, f, g, o}, BiasHH: make([]float64, 4)}
	three := map[Kind][]float64{WeightIH: make([]float64, 3), WeightHH: make([]float64, 3), BiasIH: {i, g, o}, BiasHH: make([]float64, 3)}
	with := func(p map[Kind][]float64, more map[Kind][]float64) map[Kind][]float64 {
		out := map[Kind][]float64{}
		for _, m := range []map[Kind][]float64{p, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	plainC := s(f)*0.8 + s(i)*tanh(g)
	plainH := s(o) * tanh(plainC)
	peepC := s(f-0.2*0.8)*0.8 + s(i+0.9*0.8)*tanh(g)
	clipC := s(-0.25)*0.8 + s(0.25)*tanh(0.25)
	// Two units, the products 0.1 ... 0.8 and 0: norm(W_hh h) = 0.
	eight := []float64{0.1, 0.5, 0.2, 0.9, -0.3, 0.4, 0.8, -0.7}
	n8 := norm(eight...)
	gain := func(n int) (v []float64) {
		for k := range n {
			v = append(v, 0.5+0.125*float64(k))
		}
		return v
	}
	a := func(k int) float64 { return gain(8)[k]*n8[k] + 0.1*float64(k) }
	bias := func(n int) (v []float64) {
		for k := range n {
			v = append(v, 0.1*float64(k))
		}
		return v
	}
	lnC := []float64{s(a(2))*0.8 + s(a(0))*tanh(a(4)), s(a(3))*-0.3 + s(a(1))*tanh(a(5))}
	nc := norm(lnC...)
	lnH := []float64{s(a(6)) * tanh(2*nc[0]+0.25), s(a(7)) * tanh(3*nc[1]-0.5)}
	six := eight[:6]
	n6, m6 := norm(six...), norm(2*0.7, -0.7, 0.5*0.7, 0, 3*0.7, 0.7) // x and h products
	b := func(k int) float64 { return gain(6)[k]*n6[k] + 0.1*float64(k) }
	r := func(k int) float64 { return s(b(k) + 0.5*m6[k]) }
	z := func(k int) float64 { return s(b(2+k) + 0.5*m6[2+k]) }
	n := func(k int) float64 { return tanh(b(4+k) + r(k)*(0.5*m6[4+k]+0.2)) }
	half := []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}

	for _, c := range []struct {
		name  string
		cell  Cell[Real]
		shape Shape
		p     map[Kind][]float64
		masks Masks
		h0    []float64 // 0.7
		c0    []float64 // 0.8
		h, c  []float64
	}{
		{name: "plain", cell: LSTM[Real]{}, p: gates, h: []float64{plainH}, c: []float64{plainC}},
		{name: "peephole", cell: LSTM[Real]{Peephole: true}, p: with(gates, map[Kind][]float64{WeightPeephole: {0.9, -0.2, 0.4}}),
			h: []float64{s(o+0.4*peepC) * tanh(peepC)}, c: []float64{peepC}},
		{name: "coupled", cell: LSTM[Real]{Coupled: true}, p: three,
			h: []float64{s(o) * tanh((1-s(i))*0.8+s(i)*tanh(g))}, c: []float64{(1-s(i))*0.8 + s(i)*tanh(g)}},
		{name: "coupled, peephole", cell: LSTM[Real]{Coupled: true, Peephole: true}, p: with(three, map[Kind][]float64{WeightPeephole: {-1, 0.5}}),
			h: []float64{s(o+0.5*((1-s(i-0.8))*0.8+s(i-0.8)*tanh(g))) * tanh((1-s(i-0.8))*0.8+s(i-0.8)*tanh(g))}, c: []float64{(1-s(i-0.8))*0.8 + s(i-0.8)*tanh(g)}},
		{name: "clip", cell: LSTM[Real]{Clip: 0.25}, p: gates, h: []float64{s(0.25) * tanh(clipC)}, c: []float64{clipC}},
		{name: "cell clip", cell: LSTM[Real]{CellClip: 0.125, Peephole: true}, p: with(gates, map[Kind][]float64{WeightPeephole: {0, 0, 2}}),
			h: []float64{s(o+2*0.125) * tanh(0.125)}, c: []float64{0.125}},
		{name: "other functions", cell: LSTM[Real]{Gate: Activation{"HardSigmoid", 0.5, 0.25}, Candidate: Activation{"Affine", 2, 1}, Output: Activation{Name: "Relu"}}, p: gates,
			h: []float64{(0.5*o + 0.25) * ((0.5*f+0.25)*0.8 + (0.5*i+0.25)*(2*g+1))}, c: []float64{(0.5*f+0.25)*0.8 + (0.5*i+0.25)*(2*g+1)}},
		{name: "zoneout", cell: LSTM[Real]{}, shape: Shape{Zoneout: 0.25}, p: gates, masks: hit(Zoneout), h: []float64{0.7}, c: []float64{plainC}},
		{name: "zoneout of c", cell: LSTM[Real]{}, shape: Shape{ZoneoutCell: 0.25}, p: gates, masks: hit(ZoneoutCell), h: []float64{plainH}, c: []float64{0.8}},
		{name: "no zoneout", cell: LSTM[Real]{}, shape: Shape{Zoneout: 0.25, ZoneoutCell: 0.5}, p: gates, masks: hit(), h: []float64{plainH}, c: []float64{plainC}},
		{name: "zoneout in evaluation", cell: LSTM[Real]{}, shape: Shape{Zoneout: 0.25, ZoneoutCell: 0.125}, p: gates,
			h: []float64{0.25*0.7 + 0.75*plainH}, c: []float64{0.125*0.8 + 0.875*plainC}},
		{name: "projection", cell: LSTM[Real]{}, shape: Shape{Hidden: 2, Projection: 1}, c0: []float64{0.8, 0.8},
			p: map[Kind][]float64{WeightIH: make([]float64, 8), WeightHH: make([]float64, 8), BiasIH: {i, i, f, f, g, -g, o, o}, BiasHH: make([]float64, 8), WeightHR: {2, -3}},
			h: []float64{2*plainH - 3*s(o)*tanh(s(f)*0.8-s(i)*tanh(g))}, c: []float64{plainC, s(f)*0.8 - s(i)*tanh(g)}},
		{name: "layer norm", cell: LSTM[Real]{LayerNorm: true}, shape: Shape{Hidden: 2}, h0: []float64{0.7, 0.1}, c0: []float64{0.8, -0.3},
			p: map[Kind][]float64{WeightIH: eight, WeightHH: make([]float64, 16), BiasIH: bias(8), BiasHH: make([]float64, 8), GainIH: gain(8), GainHH: gain(8), GainC: {2, 3}, BiasC: {0.25, -0.5}},
			h: lnH, c: lnC},
		{name: "layer norm", cell: GRU[Real]{LayerNorm: true}, shape: Shape{Hidden: 2}, h0: []float64{0.7, 0.1},
			p: map[Kind][]float64{WeightIH: six, WeightHH: {2, 0, -1, 0, 0.5, 0, 0, 0, 3, 0, 1, 0}, BiasIH: bias(6), BiasHH: {0, 0, 0, 0, 0.2, 0.2}, GainIH: gain(6), GainHH: half},
			h: []float64{(1-z(0))*n(0) + z(0)*0.7, (1-z(1))*n(1) + z(1)*0.1}},
		{name: "clip", cell: GRU[Real]{Clip: 0.25}, p: map[Kind][]float64{WeightIH: make([]float64, 3), WeightHH: {0, 0, 1}, BiasIH: {-0.4, 0.6, 0.05}, BiasHH: make([]float64, 3)},
			h: []float64{(1-s(0.25))*tanh(limit(0.05+s(-0.25)*0.7, 0.25)) + s(0.25)*0.7}},
		{name: "other functions, hidden dropout", cell: GRU[Real]{Gate: Activation{"HardSigmoid", 0.5, 0.25}, Candidate: Activation{Name: "Relu"}}, shape: Shape{HiddenDropout: third}, masks: hit(),
			p: map[Kind][]float64{WeightIH: make([]float64, 3), WeightHH: {0, 0, 0.5}, BiasIH: {0.5, 0.3, 0.1}, BiasHH: {0, 0, 0.2}},
			h: []float64{0.6*(0.1+0.5*(0.5*0.7*keep+0.2)) + 0.4*0.7}},
		{name: "hidden dropout, reset before", cell: GRU[Real]{ResetBefore: true}, shape: Shape{HiddenDropout: third}, masks: hit(),
			p: map[Kind][]float64{WeightIH: make([]float64, 3), WeightHH: {1, 0, 0.5}, BiasIH: {0.5, 0.3, 0.1}, BiasHH: {0, 0, 0.2}},
			h: []float64{(1-s(0.3))*tanh(0.3+0.5*s(0.5+0.7*keep)*0.7*keep) + s(0.3)*0.7}},
		{name: "hidden dropout of all", cell: GRU[Real]{}, shape: Shape{HiddenDropout: third}, masks: hit(HiddenDropout),
			p: map[Kind][]float64{WeightIH: make([]float64, 3), WeightHH: {1, 2, 3}, BiasIH: {0.5, 0.3, 0.1}, BiasHH: {0, 0, 0.2}},
			h: []float64{(1-s(0.3))*tanh(0.1+0.2*s(0.5)) + s(0.3)*0.7}},
		{name: "clip", cell: RNN[Real]{Clip: 0.25}, p: map[Kind][]float64{WeightIH: {1}, WeightHH: {0}, BiasIH: {0.1}, BiasHH: {0.2}}, h: []float64{tanh(0.25)}},
		{name: "layer norm", cell: RNN[Real]{LayerNorm: true}, shape: Shape{Hidden: 2}, h0: []float64{0.7, 0.1},
			p: map[Kind][]float64{WeightIH: {0.3, -0.4}, WeightHH: {1, 0, 0, 1}, BiasIH: {0.1, 0.2}, BiasHH: {0, 0}, GainIH: {0.5, 0.25}, GainHH: {0.75, 0.125}},
			h: []float64{tanh(0.5*norm(0.3, -0.4)[0] + 0.75*norm(0.7, 0.1)[0] + 0.1), tanh(0.25*norm(0.3, -0.4)[1] + 0.125*norm(0.7, 0.1)[1] + 0.2)}},
		{name: "input dropout", cell: RNN[Real]{}, shape: Shape{InputDropout: third}, masks: hit(), p: map[Kind][]float64{WeightIH: {0.5}, WeightHH: {0.25}, BiasIH: {0}, BiasHH: {0}}, h: []float64{tanh(0.5*keep + 0.25*0.7)}},
		{name: "input dropout of all", cell: RNN[Real]{}, shape: Shape{InputDropout: third}, masks: hit(InputDropout), p: map[Kind][]float64{WeightIH: {0.5}, WeightHH: {0.25}, BiasIH: {0}, BiasHH: {0}}, h: []float64{tanh(0.25 * 0.7)}},
		{name: "weight dropout", cell: RNN[Real]{}, shape: Shape{Hidden: 2, WeightDropout: third}, masks: hit(WeightDropout), h0: []float64{0.7, 0.2},
			p: map[Kind][]float64{WeightIH: {0, 0}, WeightHH: {1, 2, 3, 4}, BiasIH: {0, 0}, BiasHH: {0, 0}}, h: []float64{tanh(2 * keep * 0.2), tanh(4 * keep * 0.2)}},
		{name: "dropout that is off", cell: RNN[Real]{}, shape: Shape{Dropout: 0.5, InputDropout: 0.5, HiddenDropout: 0.5, WeightDropout: 0.5},
			p: map[Kind][]float64{WeightIH: {0.5}, WeightHH: {0.25}, BiasIH: {0}, BiasHH: {0}}, h: []float64{tanh(0.5 + 0.25*0.7)}},
	} {
		shape := c.shape
		shape.Input, shape.Layers, shape.Hidden = 1, 1, max(1, shape.Hidden)
		if c.h0 == nil {
			c.h0 = []float64{0.7}
		}
		if c.c0 == nil {
			c.c0 = []float64{0.8}
		}
		in := Sequence[Real]{T: 1, B: 1, X: []Real{1}, Masks: c.masks, State: [][]Real{Lift[Real](c.h0), Lift[Real](c.c0)}[:len(c.cell.Widths(shape))]}
		p := Params[Real]{}
		for k, v := range c.p {
			p[shape.Name(k, 0, 0)] = Lift[Real](v)
		}
		pass := Forward(c.cell, shape, p, in)
		for k, want := range [][]float64{c.h, c.c}[:len(pass.State)] {
			if len(pass.State[k]) != len(want) {
				t.Fatalf("%T, %s: state %d has %d units, want %d", c.cell, c.name, k, len(pass.State[k]), len(want))
			}
			for j := range want {
				if got := float64(pass.State[k][j]); math.Abs(got-want[j]) > 1e-14 {
					t.Errorf("%T, %s: state %d[%d] = %v, want %v", c.cell, c.name, k, j, got, want[j])
				}
			}
		}
	}
}

// TestKnownDropout: between layers one mask for each step, on the input one for
// all, the first before the second and neither on what a layer hands up.
func TestKnownDropout(t *testing.T) {
	// f(x) = x, W_ih = 1, W_hh = 0: each layer hands on what it is given.
	cell := RNN[Real]{F: Activation{"Affine", 1, 0}}
	s := Shape{Input: 1, Hidden: 1, Layers: 2, NoBias: true, Dropout: 0.25, InputDropout: 0.5}
	p := Params[Real]{"weight_ih_l0": {1}, "weight_hh_l0": {0}, "weight_ih_l1": {1}, "weight_hh_l1": {0}}
	x := []Real{1, 2, 3, 4}
	in := Sequence[Real]{T: 4, B: 1, X: x, Masks: func(k MaskKind, e Element) bool {
		switch {
		case e.Direction != 0 || e.B != 0 || e.Unit != 0:
			t.Errorf("mask %d of %+v", k, e)
		case k == Dropout && e.Layer == 1:
			return e.T == 2
		case k == InputDropout && e.T == 0:
			return false
		default:
			t.Errorf("mask %d of %+v", k, e)
		}
		return false
	}}
	scale := float64(float32(1 / float32(0.75)))
	y := Forward(cell, s, p, in).Y
	for k, want := range []float64{4 * scale, 8 * scale, 0, 16 * scale} {
		if float64(y[k]) != want {
			t.Errorf("y[%d] = %v, want %v", k, y[k], want)
		}
	}
}

// TestWrongParametersPanic: a missing parameter is not taken for a variant that is
// off.
func TestWrongParametersPanic(t *testing.T) {
	for name, f := range map[string]func(v *variant, p *problem){
		"missing":             func(_ *variant, p *problem) { delete(p.weights, "weight_peephole_l0") },
		"short":               func(_ *variant, p *problem) { p.weights["gain_c_l0"] = nil },
		"projection of a GRU": func(v *variant, p *problem) { p.cell = GRU[Real]{} },
		"c of a GRU":          func(v *variant, p *problem) { p.cell, p.shape.Projection, p.shape.ZoneoutCell = GRU[Real]{}, 0, 0.5 },
		"norm of r (W h), r W h": func(v *variant, p *problem) {
			p.cell, p.shape.Projection = GRU[Real]{ResetBefore: true, LayerNorm: true}, 0
		},
	} {
		v := variant{cell: LSTM[Real]{Peephole: true, LayerNorm: true}, shape: Shape{Projection: 1}}
		p := v.problem(Shape{Input: 2, Hidden: 3, Layers: 1}, 1, 1, nil, 1)
		f(&v, &p)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			params, in, _, _ := lifted[Real](p)
			Forward(p.cell, p.shape, params, in)
		}()
	}
}
