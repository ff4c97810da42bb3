package oracle

import (
	"fmt"
	"math"
	"testing"
)

// The variants of the cells: peepholes, coupled gates, projection, limits, other
// functions, layer norm, dropout and zoneout, each alone and in company.

type variant struct {
	name  string
	cell  Cell[Real]
	shape Shape // projection and probabilities
	eval  bool  // without masks
}

func (v variant) String() string { return fmt.Sprintf("%T %s", v.cell, v.name) }

func (s *Shape) probability(k MaskKind) *float32 {
	return []*float32{&s.Dropout, &s.InputDropout, &s.HiddenDropout, &s.WeightDropout, &s.Zoneout, &s.ZoneoutCell}[k]
}

// masks are those of a variant, from a hash of all that names the element.
func (v variant) masks(seed uint64) Masks {
	if v.eval {
		return nil
	}
	return func(k MaskKind, e Element) bool {
		h := seed
		for _, word := range []int{int(k), e.Layer, e.Direction, e.T, e.B, e.Unit} {
			h = (h ^ uint64(word)) * 0x9e3779b97f4a7c15
			h ^= h >> 29
		}
		return float64(h>>11)/(1<<53) < float64(*v.shape.probability(k))
	}
}

// problem returns a problem of the variant: the layers, directions and sizes of s.
func (v variant) problem(s Shape, t, b int, lengths []int, seed uint64) problem {
	shape := v.shape
	shape.Input, shape.Hidden, shape.Layers = s.Input, s.Hidden, s.Layers
	shape.Bidirectional, shape.Reverse, shape.NoBias, shape.Merge = s.Bidirectional, s.Reverse, s.NoBias, s.Merge
	if shape.Projection > 0 { // a given one, made to fit
		shape.Projection = (s.Hidden + 1) / 2
	}
	p := newProblem(v.cell, shape, t, b, lengths, seed)
	p.masks = v.masks(seed)
	return p
}

func (v variant) problems() []problem {
	return []problem{
		v.problem(Shape{Input: 3, Hidden: 3, Layers: 1}, 9, 1, nil, 0),
		v.problem(Shape{Input: 3, Hidden: 3, Layers: 2, Bidirectional: true}, 5, 3, []int{2, 0, 5}, 1),
		v.problem(Shape{Input: 2, Hidden: 4, Layers: 1, Reverse: true, NoBias: true}, 6, 2, []int{3, 6}, 2),
		v.problem(Shape{Input: 2, Hidden: 3, Layers: 4, Bidirectional: true, Merge: Multiply}, 2, 1, nil, 3),
		v.problem(Shape{Input: 2, Hidden: 3, Layers: 1}, 0, 2, nil, 4),
		v.problem(Shape{Input: 2, Hidden: 3, Layers: 2}, 2, 0, nil, 5),
	}
}

// deep is for the variants in which everything meets. Under the race detector
// twenty steps would take minutes.
func (v variant) deep() problem {
	steps := 20
	if testing.Short() {
		steps = 4
	}
	return v.problem(Shape{Input: 2, Hidden: 3, Layers: 4, Bidirectional: true}, steps, 2, []int{steps, steps / 3}, 6)
}

// dropouts are the variants of the stack, for any cell.
func dropouts(cell Cell[Real]) []variant {
	all := []variant{
		{name: "dropout", shape: Shape{Dropout: 0.25}},
		{name: "input dropout", shape: Shape{InputDropout: 0.3}},
		{name: "hidden dropout", shape: Shape{HiddenDropout: 0.4}},
		{name: "weight dropout", shape: Shape{WeightDropout: 0.5}},
		{name: "zoneout", shape: Shape{Zoneout: 0.3}},
		{name: "zoneout in evaluation", shape: Shape{Zoneout: 0.3}, eval: true},
		{name: "all masks", shape: everyMask(cell)},
		{name: "all masks in evaluation", shape: everyMask(cell), eval: true},
	}
	for k := range all {
		all[k].cell = cell
	}
	return all
}

func everyMask(cell Cell[Real]) Shape {
	s := Shape{Dropout: 0.25, InputDropout: 0.3, HiddenDropout: 0.4, WeightDropout: 0.2, Zoneout: 0.3}
	if len(cell.Widths(s)) > 1 {
		s.ZoneoutCell = 0.2
	}
	return s
}

// variants are all of them, the smooth functions and, as far as they occur in
// recurrent cells, the ones with kinks.
func variants() []variant {
	hard, soft, leaky := Activation{"HardSigmoid", 0.375, 0.5}, Activation{Name: "Softsign"}, Activation{"LeakyRelu", 0.125, 0}
	all := []variant{
		{name: "peephole", cell: LSTM[Real]{Peephole: true}},
		{name: "coupled", cell: LSTM[Real]{Coupled: true}},
		{name: "coupled, peephole", cell: LSTM[Real]{Coupled: true, Peephole: true}},
		{name: "clip", cell: LSTM[Real]{Clip: 0.5}},
		{name: "cell clip", cell: LSTM[Real]{CellClip: 0.25}},
		{name: "both clips, peephole", cell: LSTM[Real]{Clip: 0.5, CellClip: 0.25, Peephole: true}},
		{name: "layer norm", cell: LSTM[Real]{LayerNorm: true}},
		{name: "layer norm, peephole, clip", cell: LSTM[Real]{LayerNorm: true, Peephole: true, Clip: 1}},
		{name: "hard gates", cell: LSTM[Real]{Gate: hard, Candidate: soft, Output: leaky}},
		{name: "output as it is", cell: LSTM[Real]{Candidate: Activation{"ScaledTanh", 1.75, 0.625}, Output: Activation{"Affine", 1, 0}}},
		{name: "projection", cell: LSTM[Real]{}, shape: Shape{Projection: 1}},
		{name: "projection, hidden dropout, zoneout", cell: LSTM[Real]{}, shape: Shape{Projection: 1, HiddenDropout: 0.4, Zoneout: 0.3}},
		{name: "zoneout of c", cell: LSTM[Real]{}, shape: Shape{ZoneoutCell: 0.3}},
		{name: "zoneout of c in evaluation", cell: LSTM[Real]{}, shape: Shape{ZoneoutCell: 0.3}, eval: true},
		{name: "clip", cell: GRU[Real]{Clip: 0.5}},
		{name: "clip, reset before", cell: GRU[Real]{Clip: 0.5, ResetBefore: true}},
		{name: "layer norm", cell: GRU[Real]{LayerNorm: true}},
		{name: "layer norm, textbook", cell: GRU[Real]{LayerNorm: true, Textbook: true}},
		{name: "hard gates", cell: GRU[Real]{Gate: hard, Candidate: soft}},
		{name: "hard gates, reset before", cell: GRU[Real]{Gate: hard, Candidate: leaky, ResetBefore: true, Textbook: true}},
		{name: "clip", cell: RNN[Real]{Clip: 0.5}},
		{name: "layer norm", cell: RNN[Real]{LayerNorm: true}},
		{name: "clip, elu", cell: RNN[Real]{F: Activation{"Elu", 1.25, 0}, Clip: 0.5}},
	}
	for _, cell := range []Cell[Real]{LSTM[Real]{}, GRU[Real]{}, GRU[Real]{ResetBefore: true, Textbook: true}, RNN[Real]{}} {
		all = append(all, dropouts(cell)...)
	}
	return append(all, everything()...)
}

// everything are the variants in which as much as possible meets.
func everything() []variant {
	lstm := LSTM[Real]{Peephole: true, LayerNorm: true, Clip: 1, CellClip: 0.4375, Gate: Activation{"HardSigmoid", 0.25, 0.5}, Candidate: Activation{Name: "Softsign"}, Output: Activation{"ScaledTanh", 1.25, 0.75}}
	coupled := LSTM[Real]{Peephole: true, Coupled: true, LayerNorm: true, Clip: 1.5, CellClip: 0.75}
	gru := GRU[Real]{LayerNorm: true, Clip: 1, Gate: Activation{"HardSigmoid", 0.25, 0.5}, Candidate: Activation{Name: "Softsign"}}
	before := GRU[Real]{ResetBefore: true, Textbook: true, Clip: 0.5, Candidate: Activation{"Elu", 1.25, 0}}
	rnn := RNN[Real]{LayerNorm: true, Clip: 1, F: Activation{Name: "Softplus"}}
	var all []variant
	for _, cell := range []Cell[Real]{lstm, coupled, LSTM[Real]{CellClip: 0.25, Coupled: true}, gru, before, rnn} {
		for _, eval := range []bool{false, true} {
			shape := everyMask(cell)
			if len(cell.Widths(shape)) > 1 {
				shape.Projection = 1
			}
			all = append(all, variant{name: fmt.Sprintf("everything, evaluation=%v", eval), cell: cell, shape: shape, eval: eval})
		}
	}
	return all
}

// TestBackwardOfVariants: link one of the proof, for every variant.
func TestBackwardOfVariants(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			for _, p := range v.problems() {
				checkDerivative(t, p)
			}
		})
	}
}

// TestBackwardOfDeepVariants: the same over four layers, both directions and
// twenty steps, with everything on.
func TestBackwardOfDeepVariants(t *testing.T) {
	for _, v := range everything() {
		if !v.eval {
			t.Run(v.String(), func(t *testing.T) {
				t.Parallel()
				checkDerivative(t, v.deep())
			})
		}
	}
}

// TestLimitsAreMet: the problems have values on both sides of every limit, and
// none so near that a derivative there would say nothing.
func TestLimitsAreMet(t *testing.T) {
	for _, v := range variants() {
		clip, cellClip := limits(v.cell)
		if clip == 0 && cellClip == 0 {
			continue
		}
		a, u := side{limit: clip}, side{limit: cellClip}
		for _, p := range append(v.problems(), v.deep()) {
			params, in, _, _ := lifted[Real](p)
			for _, d := range Forward(v.cell, p.shape, params, in).lds {
				for _, left := range d.tapes {
					a.count(left["a"])
					u.count(left["u"])
				}
			}
		}
		for _, s := range []side{a, u} {
			if s.limit > 0 && (s.inside*10 < s.outside || s.outside*50 < s.inside || s.nearest < 1e-9) {
				t.Errorf("%v: limit %v: %d values inside, %d outside, the nearest %.2g from it", v, s.limit, s.inside, s.outside, s.nearest)
			}
		}
	}
}

// limits returns Clip and CellClip.
func limits(cell Cell[Real]) (clip, cellClip float64) {
	switch c := cell.(type) {
	case LSTM[Real]:
		return c.Clip, c.CellClip
	case GRU[Real]:
		return c.Clip, 0
	case RNN[Real]:
		return c.Clip, 0
	}
	panic(fmt.Sprintf("%T", cell))
}

func withLimits(cell Cell[Real], clip, cellClip float64) Cell[Real] {
	switch c := cell.(type) {
	case LSTM[Real]:
		c.Clip, c.CellClip = clip, cellClip
		return c
	case GRU[Real]:
		c.Clip = clip
		return c
	case RNN[Real]:
		c.Clip = clip
		return c
	}
	panic(fmt.Sprintf("%T", cell))
}

// side counts values on both sides of a limit.
type side struct {
	limit, nearest  float64
	inside, outside int
}

func (s *side) count(v []Real) {
	for _, x := range v {
		d := math.Abs(float64(x)) - s.limit
		if s.inside+s.outside == 0 || math.Abs(d) < s.nearest {
			s.nearest = math.Abs(d)
		}
		if d > 0 {
			s.outside++
		} else {
			s.inside++
		}
	}
}

// TestMasksAreAsked: every mask is asked of its own elements, and hits some and
// spares some.
func TestMasksAreAsked(t *testing.T) {
	s := everyMask(LSTM[Real]{})
	s.Projection = 1
	v := variant{cell: LSTM[Real]{}, shape: s}
	p := v.problem(Shape{Input: 5, Hidden: 4, Layers: 2, Bidirectional: true}, 4, 3, []int{4, 0, 3}, 1)
	hits, spares := map[MaskKind]int{}, map[MaskKind]map[Element]bool{}
	inner := p.masks
	p.masks = func(k MaskKind, e Element) bool {
		if spares[k] == nil {
			spares[k] = map[Element]bool{}
		}
		hit := inner(k, e)
		if seen, again := spares[k][e]; !again {
			spares[k][e] = hit
			if hit {
				hits[k]++
			}
		} else if seen != hit {
			t.Fatalf("mask %d of %v is one thing and another", k, e)
		}
		return hit
	}
	results[Real](p)
	const layers, directions, rows, steps, width, gates = 2, 2, 2, 7, 2, 16 // one of three rows is empty
	for k, want := range map[MaskKind]int{
		Dropout:       steps * directions * width,
		InputDropout:  rows * (5 + directions*width),
		HiddenDropout: layers * directions * 3 * width,
		WeightDropout: layers * directions * gates * width,
		Zoneout:       layers * directions * steps * width,
		ZoneoutCell:   layers * directions * steps * 4,
	} {
		if len(spares[k]) != want || hits[k] == 0 || hits[k] == want {
			t.Errorf("mask %d was asked of %d elements and hit %d, want %d and some", k, len(spares[k]), hits[k], want)
		}
	}
}
