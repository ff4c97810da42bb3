package nettest

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/oracle"
	"github.com/simdrnn/simdrnn/kernels"
)

// The second link of the proof of the gradients: what the layer computes in
// float32 lies within the bound that the oracle computes from its own float64
// magnitudes, element by element. (The first link, that the oracle's gradients
// are the derivatives, is proved in its own package.)

// Few makes Oracle cover a smaller range of sizes: enough for a variant of
// something that was held over all of it.
const Few = -1

// Oracle holds a kind of layer against the textbook's cell: over all pairs of
// sizes, and over as many more as fmas multiply-adds of the reference pay for.
func Oracle(t *testing.T, k Kind, cell oracle.Cell[oracle.Bounded], fmas int64) {
	t.Run("oracle", func(t *testing.T) { againstOracle(t, k, cell, fmas) })
	t.Run("truncated", func(t *testing.T) { truncatedAgainstOracle(t, k, cell) })
	t.Run("oracle sees a fault", func(t *testing.T) { oracleSeesAFault(t, k, cell) })
}

// OracleOfVariant is Oracle for a variant of a kind that was held over all sizes, in
// training and, if it has masks, in evaluation.
func OracleOfVariant(t *testing.T, k Kind, cell oracle.Cell[oracle.Bounded]) {
	k.variant = true
	t.Run("oracle", func(t *testing.T) { againstOracle(t, k, cell, Few) })
	t.Run("oracle sees a fault", func(t *testing.T) { oracleSeesAFault(t, k, cell) })
	if k.Noise != (Noise{}) {
		t.Run("evaluation", func(t *testing.T) {
			k.evaluate = true
			againstOracle(t, k, cell, Few)
		})
	}
}

// A judged problem has the results that are expected, with their bounds.
type judged struct {
	*problem
	shape oracle.Shape
	pass  *oracle.Pass[oracle.Bounded]
	grads *oracle.Gradients[oracle.Bounded]
}

func (p *problem) shape() oracle.Shape {
	n := p.kind.Noise
	s := oracle.Shape{Input: p.cfg.Input, Hidden: p.cfg.Hidden, Layers: p.cfg.Layers,
		Bidirectional: p.cfg.Bidirectional, Reverse: p.cfg.Reverse, NoBias: p.cfg.NoBias, Merge: oracle.Merge(p.cfg.Merge),
		Dropout: n.Dropout, InputDropout: n.Input, HiddenDropout: n.Hidden, WeightDropout: n.Weight, Zoneout: n.Zoneout, ZoneoutCell: n.ZoneoutCell}
	if w := p.width(0); w != p.cfg.Hidden {
		s.Projection = w
	}
	return s
}

// masks are those of the contract, for the oracle; nil outside of training.
func (p *problem) masks() oracle.Masks {
	if p.kind.Noise == (Noise{}) || p.evaluate {
		return nil
	}
	return func(k oracle.MaskKind, at oracle.Element) bool {
		m := Masks{p.kind.Noise, true, p.seed, at.Layer, at.Direction, at.T, uint32(at.B)}
		if k != oracle.WeightDropout && p.cfg.directions()[at.Direction] {
			length := p.T
			if p.lengths != nil {
				length = p.lengths[at.B]
			}
			m.t = length - 1 - at.T
		}
		return m.Hit(int(k), at.Unit) // numbered alike
	}
}

// newJudged draws a problem with the given lengths and puts NaN into the padding
// of x and dy.
func newJudged(t *testing.T, k Kind, cfg Config, T, B int, lengths []int, seed uint64) *judged {
	p := newProblem(t, k, seed, cfg, T, B, false)
	p.lengths, p.evaluate = lengths, k.evaluate
	for r := range T * B {
		if lengths != nil && r/B >= lengths[r%B] {
			copy(p.x[r*cfg.Input:], filled(cfg.Input))
			copy(p.dy[r*p.out():], filled(p.out()))
		}
	}
	return &judged{problem: p, shape: p.shape()}
}

func lift(v [][]float32) (l [][]oracle.Bounded) {
	for k := range v {
		l = append(l, oracle.Lift[oracle.Bounded](v[k]))
	}
	return l
}

func (p *problem) params() oracle.Params[oracle.Bounded] {
	w := map[string][]float32{}
	p.net.EachParam(func(name string, v []float32, _ ...int) { w[name] = v })
	return oracle.LiftParams[oracle.Bounded](w)
}

func (p *problem) sequence() oracle.Sequence[oracle.Bounded] {
	return oracle.Sequence[oracle.Bounded]{T: p.T, B: p.B, X: oracle.Lift[oracle.Bounded](p.x), Lengths: p.lengths, State: lift(p.state), Masks: p.masks()}
}

// judge lets the oracle compute what is wanted.
func (j *judged) judge(cell oracle.Cell[oracle.Bounded]) {
	j.pass = oracle.Forward(cell, j.shape, j.params(), j.sequence())
	j.grads = j.pass.Backward(oracle.Lift[oracle.Bounded](j.dy), lift(j.dstate))
}

// check holds a result against it and returns the largest part of a bound used.
func (j *judged) check(t *testing.T, got *result) (used float64) {
	t.Helper()
	hold := func(name string, got []float32, want []oracle.Bounded) {
		t.Helper()
		u, err := oracle.Compare(name, got, want)
		if err != nil {
			t.Errorf("%v: %v", j, err)
		}
		used = max(used, u)
	}
	hold("y", got.y, j.pass.Y)
	hold("dx", got.dx, j.grads.X)
	for k := range got.state {
		hold(fmt.Sprint("state ", k), got.state[k], j.pass.State[k])
		hold(fmt.Sprint("state gradient ", k), got.dstate[k], j.grads.State[k])
	}
	if len(got.names) != len(j.grads.Params) {
		t.Fatalf("%d parameters, want %d", len(got.names), len(j.grads.Params))
	}
	for k, name := range got.names {
		hold("d"+name, got.grads[k], j.grads.Params[name])
	}
	return used
}

// raggedLengths holds 0, T and what lies between, not in order.
func raggedLengths(steps, batch int) []int {
	lengths := make([]int, batch)
	for b := range lengths {
		lengths[b] = []int{(steps + 1) / 2, 0, steps, 1, steps - 1, steps / 3}[b%6]
		lengths[b] = min(max(lengths[b], 0), steps)
	}
	return lengths
}

// passes are shapes in which every pair of edge sizes occurs, one to four layers,
// all directions.
func passes(t *testing.T, k Kind, cell oracle.Cell[oracle.Bounded], fmas int64) []*judged {
	var all []*judged
	if k.variant {
		all = variantPasses(t, k)
		judgeAll(all, cell)
		return all
	}
	sizes, batches, steps, layers := []int{1, 3, 16, 17}, []int{1, 3, 7}, []int{1, 3, 9}, []int{1, 2, 3}
	if fmas != Few && !testing.Short() {
		sizes, batches, steps, layers = []int{1, 3, 15, 16, 17, 33}, []int{1, 2, 3, 7, 9}, []int{1, 2, 3, 7, 20}, []int{1, 2, 3, 4}
	}
	axes := []numtest.Axis{
		{Name: "I", Values: sizes},
		{Name: "H", Values: sizes},
		{Name: "B", Values: batches},
		{Name: "T", Values: steps},
		{Name: "L", Values: layers},
		{Name: "direction", Values: []int{0, 1, 2}}, // forward, reverse, both
		{Name: "ragged", Values: []int{0, 1}},
		{Name: "no bias", Values: []int{0, 1}},
	}
	// The oracle follows the errors of all states of a row through every product.
	cost := func(v []int) int64 {
		in, h, b, t, l, d := int64(v[0]), int64(v[1]), int64(v[2]), int64(v[3]), int64(v[4]), int64(v[5]/2+1)
		products := int64(k.Gates) * h * (in + l*h*(1+d)) * d
		return products * t * b * (int64(k.States) * h * t * l * d) / 64
	}
	if testing.Short() {
		fmas = 0 // under the race detector the oracle takes minutes for more
	}
	numtest.Cases(max(0, fmas), cost, axes, func(v []int) bool {
		cfg := Config{Input: v[0], Hidden: v[1], Layers: v[4], Bidirectional: v[5] == 2, Reverse: v[5] == 1, NoBias: v[7] == 1}
		var lengths []int
		if v[6] == 1 {
			lengths = raggedLengths(v[3], v[2])
		}
		all = append(all, newJudged(t, k, cfg, v[3], v[2], lengths, uint64(len(all))))
		return true
	})
	// No steps, no rows, no row with a step; sums in several chunks of
	// ceil(256/B) steps.
	all = append(all,
		newJudged(t, k, Config{Input: 3, Hidden: 5, Layers: 2}, 0, 3, nil, 1000),
		newJudged(t, k, Config{Input: 3, Hidden: 5, Layers: 2}, 4, 0, nil, 1001),
		newJudged(t, k, Config{Input: 3, Hidden: 5, Layers: 2, Bidirectional: true}, 3, 2, []int{0, 0}, 1002),
		// Merged directions.
		newJudged(t, k, Config{Input: 3, Hidden: 5, Layers: 2, Bidirectional: true, Merge: 1}, 5, 3, []int{2, 5, 0}, 1005),
		newJudged(t, k, Config{Input: 5, Hidden: 17, Layers: 3, Bidirectional: true, Merge: 2}, 4, 2, nil, 1006),
		newJudged(t, k, Config{Input: 3, Hidden: 16, Layers: 3, Bidirectional: true, Merge: 3}, 6, 3, []int{4, 6, 1}, 1007),
		newJudged(t, k, Config{Input: 2, Hidden: 3}, 29, 19, raggedLengths(29, 19), 1003),
		newJudged(t, k, Config{Input: 2, Hidden: 2, Bidirectional: true}, 11, 86, nil, 1004),
	)
	judgeAll(all, cell)
	return all
}

// variantPasses are a few shapes of every sort: deep, long, wide, ragged, in both
// directions and merged.
func variantPasses(t *testing.T, k Kind) (all []*judged) {
	add := func(cfg Config, T, B int, lengths ...int) {
		all = append(all, newJudged(t, k, cfg, T, B, lengths, uint64(len(all))))
	}
	add(Config{Input: 1, Hidden: 1}, 2, 1)
	add(Config{Input: 17, Hidden: 16, NoBias: true, Reverse: true}, 3, 2)
	add(Config{Input: 3, Hidden: 17, Layers: 2}, 3, 1)
	add(Config{Input: 3, Hidden: 5, Layers: 2, Bidirectional: true}, 6, 3, 4, 0, 6)
	if testing.Short() {
		return all
	}
	add(Config{Input: 2, Hidden: 4}, 20, 2)
	add(Config{Input: 2, Hidden: 3, Layers: 4, Bidirectional: true}, 4, 2, 1, 4)
	add(Config{Input: 3, Hidden: 5, Layers: 2, Bidirectional: true, Merge: 3}, 4, 2)
	return all
}

// judgeAll lets the oracle compute what is wanted of each.
func judgeAll(all []*judged, cell oracle.Cell[oracle.Bounded]) {
	var wg sync.WaitGroup
	next := make(chan *judged)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range next {
				j.judge(cell)
			}
		})
	}
	for _, j := range all {
		next <- j
	}
	close(next)
	wg.Wait()
}

// againstOracle: outputs, final states and the gradient of every parameter, of x
// and of the initial states, within the oracle's bound.
func againstOracle(t *testing.T, k Kind, cell oracle.Cell[oracle.Bounded], fmas int64) {
	all := passes(t, k, cell, fmas)
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		used := 0.0
		for _, j := range all {
			used = max(used, j.check(t, j.run(t, j.net.Unroll(j.T, j.B))))
		}
		t.Logf("%d shapes, at most %.0f%% of any bound used", len(all), 100*used)
	})
}

// truncatedAgainstOracle: windows of different lengths, the state carried from
// one to the next and no gradient across; gradients add up over Backwards that no
// ZeroGrads separates.
func truncatedAgainstOracle(t *testing.T, k Kind, cell oracle.Cell[oracle.Bounded]) {
	cfg := Config{Input: 5, Hidden: 17, Layers: 2}
	const batch = 3
	windows := []*judged{
		newJudged(t, k, cfg, 6, batch, nil, 70), newJudged(t, k, cfg, 1, batch, []int{1, 0, 1}, 71),
		newJudged(t, k, cfg, 4, batch, []int{4, 2, 0}, 72), newJudged(t, k, cfg, 5, batch, nil, 73),
	}
	last := len(windows) - 1
	var in []oracle.Sequence[oracle.Bounded]
	var dy [][]oracle.Bounded
	for _, w := range windows {
		in, dy = append(in, w.sequence()), append(dy, oracle.Lift[oracle.Bounded](w.dy))
	}
	passes, grads, total := oracle.Truncated(cell, windows[0].shape, windows[0].params(), in, dy, lift(windows[last].dstate))

	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		u := windows[0].net.Unroll(6, batch)
		check(t, u.SetState(windows[0].state))
		hold := func(name string, got []float32, want []oracle.Bounded) {
			t.Helper()
			if _, err := oracle.Compare(name, got, want); err != nil {
				t.Error(err)
			}
		}
		for i, w := range windows {
			y, dx := filled(len(w.dy)), filled(len(w.x))
			check(t, u.SetLengths(w.lengths))
			u.Forward(y, w.x)
			if i == last {
				check(t, u.SetStateGrad(w.dstate))
			}
			u.Backward(dx, w.dy)
			hold(fmt.Sprintf("y of window %d", i), y, passes[i].Y)
			hold(fmt.Sprintf("dx of window %d", i), dx, grads[i].X)
			for n, s := range u.State() {
				hold(fmt.Sprintf("state %d after window %d", n, i), s, passes[i].State[n])
			}
			for n, g := range u.StateGrad() {
				hold(fmt.Sprintf("gradient of state %d before window %d", n, i), g, grads[i].State[n])
			}
		}
		u.EachParam(func(name string, _, g []float32) { hold("d"+name, g, total[name]) })
	})
}

// oracleSeesAFault: the comparison would notice a single weight gradient that is
// off by a thousandth. (Bounds of variants grow faster with depth and time, since layer
// normalisation divides by a deviation in each step. So theirs is a smaller network.)
func oracleSeesAFault(t *testing.T, k Kind, cell oracle.Cell[oracle.Bounded]) {
	cfg, T := Config{Input: 17, Hidden: 16, Layers: 2, Bidirectional: true}, 7
	if k.variant {
		cfg.Layers, T = 1, 2
	}
	j := newJudged(t, k, cfg, T, 3, nil, 9)
	j.judge(cell)
	got := j.run(t, j.net.Unroll(j.T, j.B))
	for n, g := range got.grads {
		want := j.grads.Params[got.names[n]]
		at, most := 0, 0.0
		for i := range g {
			if share := math.Abs(float64(g[i])) / want[i].Err(); share > most {
				at, most = i, share
			}
		}
		g[at] *= 1.001
		if _, err := oracle.Compare(got.names[n], g, want); err == nil {
			t.Errorf("%s: an element off by 1e-3 is within its bound, %.2g of it", got.names[n], 1/most)
		}
	}
}
