package oracle

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fused evaluates in float32 as the product may: multiply-adds with one rounding,
// sums in 64 lanes.
type fused float32

func (fused) Of(v float64) fused  { return fused(v) }
func (a fused) Add(b fused) fused { return a + b }
func (a fused) Sub(b fused) fused { return a - b }
func (a fused) Mul(b fused) fused { return fused(float32(a * b)) }
func (a fused) Div(b fused) fused { return a / b }
func (a fused) Max(b fused) fused { return max(a, b) }
func (a fused) IfNegative(yes, no fused) fused {
	if a < 0 {
		return yes
	}
	return no
}
func (a fused) MulAdd(x, y fused) fused {
	return fused(math.FMA(float64(x), float64(y), float64(a)))
}
func (fused) Dot(x, y []fused) (s fused) { return chain(s, x, y) }
func (fused) Lanes(x, y []fused) fused {
	var lane [64]fused
	for k := range x {
		lane[k%64] = lane[k%64].MulAdd(x[k], y[k])
	}
	for half := 32; half > 0; half /= 2 {
		for l := range half {
			lane[l] += lane[l+half]
		}
	}
	return lane[0]
}
func (a fused) Chain(x, y []fused) fused { return chain(a, x, y) }
func (a fused) Stored(*Errors) fused     { return a }
func (a fused) Held() fused              { return a }
func (a fused) Loose() fused             { return a }
func (a fused) Sigmoid() fused           { return fused(sigmoid(float64(a))) }
func (a fused) Tanh() fused              { return fused(math.Tanh(float64(a))) }
func (a fused) Exp() fused               { return fused(math.Exp(float64(a))) }
func (a fused) Log() fused               { return fused(math.Log(float64(a))) }
func (a fused) Sqrt() fused              { return fused(math.Sqrt(float64(a))) }
func (a fused) Value() float64           { return float64(a) }

// typical are the sizes at which a variant is held against the bound.
func (v variant) typical() []problem {
	return []problem{
		v.problem(Shape{Input: 17, Hidden: 16, Layers: 2, Bidirectional: true}, 5, 3, []int{5, 0, 3}, 7),
		v.problem(Shape{Input: 5, Hidden: 9, Layers: 1, NoBias: true}, 12, 2, nil, 8),
	}
}

// TestBoundOfVariants: float32 evaluations lie within the bound, with each product
// rounded and with fused multiply-adds. And the bound is tight: the median of a
// tensor's is below 1e-4 of an output and 5e-3 of a gradient; a number that is
// wrong by 1e-3, in any tensor, a limit or probability that is, or an element of a
// mask leaves it. Layer norm divides by deviations below 1, which makes errors and
// their bounds grow: with it, all these are eight times as large.
func TestBoundOfVariants(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			used := 0.0
			hold := func(p problem, want map[string][]Bounded) {
				for _, got := range []map[string][]float32{floats(results[single](p)), floats(results[fused](p))} {
					u, outside := compare(t, got, want)
					if outside > 0 {
						t.Errorf("%v: %d elements outside their bounds", p, outside)
					}
					used = math.Max(used, u)
				}
			}
			for _, p := range v.problems() {
				hold(p, results[Bounded](p))
			}
			for _, p := range v.typical() {
				want := results[Bounded](p)
				hold(p, want)
				mediansBelow(t, p, want, tightness(v.cell))
				for name, faults := range v.faults(p, 1e-3*tightness(v.cell)) {
					if !slices.ContainsFunc(faults, func(bad func() problem) bool {
						_, outside := compare(t, floats(results[single](bad())), want)
						return outside > 0
					}) {
						t.Errorf("%v: %s: within every bound", p, name)
					}
				}
			}
			t.Logf("at most %.0f%% of a bound used", 100*used)
		})
	}
}

// tightness is by how much wider the bounds may be than without layer norm.
func tightness(cell Cell[Real]) float64 {
	for _, p := range cell.Params(Shape{Hidden: 1}, 1) {
		if p.Kind == GainHH {
			return 8
		}
	}
	return 1
}

// mediansBelow holds the medians of the bounds against what they are to be.
func mediansBelow(t *testing.T, p problem, want map[string][]Bounded, times float64) {
	t.Helper()
	for name, w := range want {
		limit := 1e-4 * times
		if strings.HasPrefix(name, "d") || strings.Contains(name, "gradient") {
			limit = 5e-3 * times
		}
		var relative []float64
		for _, v := range w {
			if v.Val != 0 { // dropped, or cut off by a limit
				relative = append(relative, v.Err()/math.Abs(v.Val))
			}
		}
		slices.Sort(relative)
		if m := relative[len(relative)/2]; !(m <= limit) {
			t.Errorf("%v: %s: the median bound is %.2g of the value", p, name, m)
		}
	}
}

// faults returns the problem with one thing wrong, by what it is, and for some
// things in several places: a number may happen to matter little.
func (v variant) faults(p problem, by float64) map[string][]func() problem {
	all := map[string][]func() problem{}
	with := func(name string, change func(q *problem)) {
		all[name] = append(all[name], func() problem {
			q := p.clone()
			change(&q)
			return q
		})
	}
	// off changes an element of a tensor, from the largest to smaller ones.
	off := func(name string, tensor func(q *problem) []float32) {
		v := tensor(&p)
		order := make([]int, len(v))
		for k := range order {
			order[k] = k
		}
		slices.SortFunc(order, func(i, j int) int {
			return cmp.Compare(math.Abs(float64(v[j])), math.Abs(float64(v[i])))
		})
		for i := range min(8, len(order)) {
			k := order[i*len(order)/min(8, len(order))]
			with(name, func(q *problem) { tensor(q)[k] *= float32(1 + by) })
		}
	}
	for name := range p.weights {
		off(name, func(q *problem) []float32 { return q.weights[name] })
	}
	off("x", func(q *problem) []float32 { return q.x })
	off("dy", func(q *problem) []float32 { return q.dy })
	for k := range p.state {
		off(fmt.Sprint("state ", k), func(q *problem) []float32 { return q.state[k] })
		off(fmt.Sprint("final gradient of state ", k), func(q *problem) []float32 { return q.dstate[k] })
	}
	clip, cellClip := limits(v.cell)
	if clip > 0 {
		with("clip", func(q *problem) { q.cell = withLimits(v.cell, clip*(1+by), cellClip) })
	}
	if cellClip > 0 {
		with("cell clip", func(q *problem) { q.cell = withLimits(v.cell, clip, cellClip*(1+by)) })
	}
	for k := Dropout; k <= ZoneoutCell; k++ {
		if *v.shape.probability(k) == 0 || k == Dropout && p.shape.Layers == 1 {
			continue
		}
		// A factor of all that a layer norm is given is nothing to it.
		if scaled := k < Zoneout && !v.eval && tightness(v.cell) == 1; scaled || k >= Zoneout && v.eval {
			with(fmt.Sprintf("probability %d", k), func(q *problem) { *q.shape.probability(k) *= float32(1 + by) })
		}
		if !v.eval {
			for unit := range 8 {
				with(fmt.Sprintf("an element of mask %d", k), func(q *problem) {
					hit := Element{Layer: p.shape.Layers - 1, Unit: unit}
					if k == WeightDropout {
						hit.B = unit
					}
					q.masks = func(kind MaskKind, e Element) bool {
						return p.masks(kind, e) != (kind == k && e == hit)
					}
				})
			}
		}
	}
	return all
}

// TestBoundOfLayerNorm holds layer norm and its gradient, over operands that are
// wrong by as much as their bounds say and from then on in float32, against the
// bound: vectors of any length, down to one element and to a deviation of zero.
func TestBoundOfLayerNorm(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	finite, all, used := 0, 0, 0.0
	for range 3000 {
		n := []int{1, 2, 3, 16, 63, 65}[rng.IntN(6)]
		spread := []float64{1, 0.1, 0.001, 0}[rng.IntN(4)] // of the elements
		size := math.Exp(-4 - 14*rng.Float64())            // of their errors
		errs := new(Errors)
		sign := func() float64 { return float64(2*rng.IntN(2) - 1) }
		// draw returns n values, as float32 has them and as they are to be: half of
		// the error is the same for all.
		draw := func(center, spread float64) (single []fused, bound []Bounded) {
			common := Bounded{rest: size / 2}.Stored(errs)
			shared := sign() * size / 2
			for range n {
				v := center + spread*(2*rng.Float64()-1)
				x := fused(v + shared + sign()*size/2)
				own := Bounded{Val: v, rest: size/2 + unit*(math.Abs(v)+size)}.Stored(errs)
				single, bound = append(single, x), append(bound, linear(v, own, 1, common, 1))
			}
			return single, bound
		}
		x, bx := draw(2*rng.Float64()-1, spread)
		dy, bdy := draw(0, 1)
		y, r := normalize(x)
		by, br := normalize(bx)
		dx, bdx := normalizeBack(y, r, dy), normalizeBack(by, br, bdy)
		for k := range n {
			for _, c := range []struct {
				name string
				got  fused
				want Bounded
			}{{"y", y[k], by[k]}, {"dx", dx[k], bdx[k]}} {
				all++
				if math.IsInf(c.want.Err(), 0) || math.IsNaN(c.want.Err()) {
					continue
				}
				finite++
				if d := math.Abs(float64(c.got) - c.want.Val); !(d <= c.want.Err()) {
					t.Fatalf("n=%d, errors of %.1g, spread %v: %s is off by %v, bound %v", n, size, spread, c.name, d, c.want.Err())
				}
				used = math.Max(used, math.Abs(float64(c.got)-c.want.Val)/c.want.Err())
			}
		}
	}
	t.Logf("%d of %d bounds say something, at most %.0f%% of one used", finite, all, 100*used)
	if finite < all/2 {
		t.Errorf("only %d of %d bounds say something", finite, all)
	}
}
