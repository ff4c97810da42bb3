package nettest

import (
	"math"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// stepSymbols holds steps over the rows of x to those over x: the same bits, also after the
// table has changed and Refresh was called.
func (p *problem) stepSymbols(t *testing.T, pr Predictor, want *result, workers int) {
	t.Helper()
	_, in, out := pr.Dims()
	table := make([]float32, len(p.x))
	pr.HoldSymbols(table)
	ids := make([]int32, p.B)
	for pass := range 2 {
		if pass == 1 {
			copy(table, p.x) // the products of the first pass are those of another table
		}
		pr.Refresh()
		check(t, pr.SetState(p.state))
		for step := range p.T {
			for b := range ids {
				ids[b] = int32(step*p.B + b)
			}
			y := filled(p.B * out)
			if pr.StepSymbols(y, ids); pass == 1 {
				numtest.Equal(t, y, want.y[step*p.B*out:][:p.B*out], "%v: StepSymbols %d, workers=%d", p, step, workers)
			}
		}
	}
	for k, s := range pr.State() {
		numtest.Equal(t, s, want.state[k], "%v: state %d after StepSymbols", p, k)
	}
	// A step over x takes x again.
	if p.T > 0 {
		check(t, pr.SetState(p.state))
		y := filled(p.B * out)
		pr.Step(y, p.x[:p.B*in])
		numtest.Equal(t, y, want.y[:p.B*out], "%v: Step after StepSymbols, workers=%d", p, workers)
	}
}

// misuseOfHeldSymbols: what StepSymbols and HoldSymbols refuse changes nothing.
func misuseOfHeldSymbols(t *testing.T, k Kind) {
	net, err := k.New(Config{Input: 2, Hidden: 3}, nil)
	check(t, err)
	p, err := net.Predictor(2)
	check(t, err)
	panics(t, k, "StepSymbols", "HoldSymbols", func() { p.StepSymbols(make([]float32, 6), []int32{0, 1}) })
	panics(t, k, "a table of 5 elements", "2 inputs", func() { p.HoldSymbols(make([]float32, 5)) })

	small := p.Bytes()
	table := []float32{1, 2, 3, 4, 5, 6}
	p.HoldSymbols(table)
	if got := p.Bytes() - small; got < 4*3*3 {
		t.Errorf("the products of three symbols have %d bytes", got)
	}
	y := filled(6)
	before := p.State()
	panics(t, k, "len(y) = 5", "want 6 and 2", func() { p.StepSymbols(y[:5], []int32{0, 1}) })
	panics(t, k, "len(ids) = 1", "want 6 and 2", func() { p.StepSymbols(y, []int32{0}) })
	for _, bad := range []int32{-1, 3, math.MaxInt32, math.MinInt32} {
		panics(t, k, "of row 1", "want 0 to 2", func() { p.StepSymbols(y, []int32{0, bad}) })
	}
	panics(t, k, "y overlaps the table", "StepSymbols", func() { p.StepSymbols(table, []int32{0, 1}) })
	w, _ := largestParam(net.Unroll(1, 1))
	weights := slices.Clone(w)
	panics(t, k, "y overlaps weight", "StepSymbols", func() { p.StepSymbols(w[:6], []int32{0, 1}) })
	numtest.Equal(t, w, weights, "weights after a call that panics")
	for i, s := range p.State() {
		numtest.Equal(t, s, before[i], "state %d after calls that panic", i)
	}
	numtest.Equal(t, y, filled(6), "y after calls that panic")
	numtest.Equal(t, table, []float32{1, 2, 3, 4, 5, 6}, "the table after calls that panic")
	ids := []int32{2, 0}
	if n := testing.AllocsPerRun(5, func() { p.StepSymbols(y, ids); p.Refresh() }); n != 0 {
		t.Errorf("%v allocations in StepSymbols and Refresh", n)
	}
	if !slices.Equal(ids, []int32{2, 0}) {
		t.Errorf("StepSymbols changed the ids to %v", ids)
	}
	p.HoldSymbols(nil)
	if p.Bytes() != small {
		t.Errorf("%d bytes without a table, %d before it", p.Bytes(), small)
	}

	if !p.TakesSymbols(p, 1000) || p.TakesSymbols(p, 1<<20) {
		t.Error("1000 symbols for 3 units are few, a million are not")
	}
	if p.TakesSymbols(struct{ Predictor }{p}, 3) {
		t.Error("a type that embeds a Predictor takes symbols, whatever its own Step does")
	}
}
