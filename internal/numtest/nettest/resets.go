package nettest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// resetsOf draws steps at which the rows of a problem begin anew: of row b about every
// second one, of some rows none, in some rows the first step and two in a row.
func (p *problem) resetsOf() [][]int {
	resets := make([][]int, p.B)
	for b := range resets {
		for t := range p.length(b) {
			if b%5 != 4 && (t*7+b*3+b*t)%5 < 2 || b%7 == 1 && t < 2 {
				resets[b] = append(resets[b], t)
			}
		}
	}
	return resets
}

func (p *problem) length(b int) int {
	if p.lengths == nil {
		return p.T
	}
	return p.lengths[b]
}

// resetsInside holds a window with resets against windows of one step each, with Reset
// between them and gradients of the state that nobody hands on across it. With 256 rows a
// step is a chunk of weight gradients, so that the sums are the same too.
func resetsInside(t *testing.T, k Kind) {
	for i, cfg := range []Config{
		{Input: 3, Hidden: 4, Layers: 2, Workers: 3},
		{Input: 2, Hidden: 5, Layers: 1, Reverse: true},
	} {
		for _, ragged := range []bool{false, true} {
			if k.variant && !ragged {
				continue
			}
			p := newProblem(t, k, uint64(60+i), cfg, 7, 256, ragged)
			t.Run(fmt.Sprint(p), func(t *testing.T) {
				resets := p.resetsOf()
				want, clock, _ := p.stepByStep(t, resets, nil)
				_, all := budgets(t, p.net, p.T, p.B)
				cut, err := p.net.UnrollWithin(p.T, p.B, all-1)
				check(t, err)
				for name, u := range map[string]Unrolled{"Unroll": p.net.Unroll(p.T, p.B), "UnrollWithin": cut} {
					check(t, u.SetResets(resets))
					same(t, name, p.run(t, u), want)
					if got := u.Clock(); !slices.Equal(got, clock) {
						t.Errorf("the clock is %d, want %d", got, clock)
					}
				}
				infer := p.net.Infer(p.T, p.B)
				check(t, infer.SetLengths(p.lengths))
				check(t, infer.SetResets(resets))
				p.start(t, infer)
				y := filled(len(p.dy))
				infer.Forward(y, p.x)
				numtest.Equal(t, y, want.y, "y of Infer")
				p.resetsToAState(t, resets, cut)
			})
		}
	}
	bothDirectionsReset(t, k)
	if k.variant {
		return
	}
	// For one Forward, and no other.
	p := newProblem(t, k, 64, Config{Input: 3, Hidden: 4, Layers: 2}, 7, 3, true)
	want := p.run(t, p.net.Unroll(p.T, p.B))
	u := p.net.Unroll(p.T, p.B)
	check(t, u.SetResets(p.resetsOf()))
	p.run(t, u)
	same(t, "after a window with resets", p.run(t, u), want)
	check(t, u.SetResets(p.resetsOf()))
	check(t, u.SetResets(nil))
	same(t, "resets taken back", p.run(t, u), want)

	if testing.Short() && kernels.Current() == kernels.Scalar {
		return
	}
	// Steps split by units.
	p = newProblem(t, k, 65, Config{Input: 3, Hidden: 130, Layers: 1, Workers: 2}, 9, 3, true)
	var results []*result
	for _, workers := range []int{1, 2} {
		u := p.net.Unroll(p.T, p.B)
		u.SetWorkers(workers)
		check(t, u.SetResets(p.resetsOf()))
		results = append(results, p.run(t, u))
	}
	same(t, "by units", results[1], results[0])
	results = nil
	var grads [2][][]float32
	for i := range grads {
		u := p.net.Unroll(p.T, p.B)
		u.SetWorkers(i + 1)
		check(t, u.SetResetState(p.dstate))
		check(t, u.SetResets(p.resetsOf()))
		results = append(results, p.run(t, u))
		grads[i] = clone(p.state)
		u.CopyResetGrad(grads[i])
	}
	same(t, "by units, to a state", results[1], results[0])
	for k := range grads[0] {
		numtest.Equal(t, grads[1][k], grads[0][k], "by units, the gradient of the state to begin anew with")
	}
}

// resetsToAState is resetsInside for rows that begin anew with a state that is not +0. cut is
// an Unrolled within a budget.
func (p *problem) resetsToAState(t *testing.T, resets [][]int, cut Unrolled) {
	begin := clone(p.dstate)
	want, clock, grad := p.stepByStep(t, resets, begin)
	into := clone(begin)
	for name, u := range map[string]Unrolled{"Unroll": p.net.Unroll(p.T, p.B), "UnrollWithin": cut} {
		check(t, u.SetResetState(begin))
		for range 2 { // the second pass adds to gradients of zero
			check(t, u.SetResets(resets))
			same(t, name+", to a state", p.run(t, u), want)
			u.CopyResetGrad(into)
			for k := range grad {
				numtest.Equal(t, into[k], grad[k], "%s: gradient %d of the state to begin anew with", name, k)
			}
		}
		if got := u.Clock(); !slices.Equal(got, clock) {
			t.Errorf("the clock is %d, want %d", got, clock)
		}
		check(t, u.SetResetState(nil))
		check(t, u.SetResets(resets))
		zero, _, _ := p.stepByStep(t, resets, nil)
		same(t, name+", to +0 again", p.run(t, u), zero)
		panics(t, p.kind, "CopyResetGrad", "without a SetResetState", func() { u.CopyResetGrad(into) })
	}
	// Tiny values count as +0, in weight gradients too, to which no other h adds if rows begin
	// anew with each step.
	each, tiny := make([][]int, p.B), clone(begin)
	for b := range each {
		for at := range p.length(b) {
			each[b] = append(each[b], at)
		}
	}
	for _, v := range tiny {
		for i := range v {
			v[i] = 0x1p-110
		}
	}
	check(t, cut.SetResets(each))
	zero := p.run(t, cut)
	check(t, cut.SetResetState(tiny))
	check(t, cut.SetResets(each))
	same(t, "to tiny values", p.run(t, cut), zero)

	infer := p.net.Infer(p.T, p.B)
	check(t, infer.SetLengths(p.lengths))
	check(t, infer.SetResetState(begin))
	check(t, infer.SetResets(resets))
	p.start(t, infer)
	y := filled(len(p.dy))
	infer.Forward(y, p.x)
	numtest.Equal(t, y, want.y, "y of Infer, to a state")
	panics(t, p.kind, "CopyResetGrad", "Infer", func() { infer.CopyResetGrad(into) })
	if err := infer.SetResetState(begin[1:]); err == nil || !strings.Contains(err.Error(), "a state to begin anew with of") {
		t.Errorf("SetResetState of too few tensors: %v", err)
	}
}

// stepByStep is the problem with resets in windows of one step each, and the clock at the
// end. Rows begin anew with the state begin, nil for +0, of which it returns the gradient.
func (p *problem) stepByStep(t *testing.T, resets [][]int, begin [][]float32) (*result, []uint64, [][]float32) {
	t.Helper()
	u := p.net.Unroll(1, p.B)
	beginGrad := clone(p.state)
	for k := range beginGrad {
		clear(beginGrad[k])
	}
	eachRow := func(rows []int, f func(k, lo, hi int)) {
		for _, b := range rows {
			for k := range p.state {
				width := p.width(k)
				for l := range len(p.state[k]) / (p.B * width) {
					f(k, (l*p.B+b)*width, (l*p.B+b+1)*width)
				}
			}
		}
	}
	res := &result{y: filled(len(p.dy)), dx: filled(len(p.x))}
	p.start(t, u)
	masks := u.MaskState()
	order := make([]int, p.T) // in which the direction visits the steps
	for i := range order {
		order[i] = i
		if p.cfg.Reverse {
			order[i] = p.T - 1 - i
		}
	}
	reset := func(at int) (rows []int) { // before step at
		for b := range resets {
			border := at
			if p.cfg.Reverse {
				border++
			}
			if slices.Contains(resets[b], border) {
				rows = append(rows, b)
			}
		}
		return rows
	}
	lengths := func(at int) []int {
		list := make([]int, p.B)
		for b := range list {
			list[b] = min(max(p.length(b)-at, 0), 1)
		}
		return list
	}
	states, clocks := make([][][]float32, p.T), make([][]uint64, p.T)
	in, out := p.B*p.cfg.Input, p.B*p.out()
	for _, at := range order {
		if rows := reset(at); len(rows) > 0 {
			u.Reset(rows...)
			if begin != nil {
				s := u.State()
				eachRow(rows, func(k, lo, hi int) { copy(s[k][lo:hi], begin[k][lo:hi]) })
				check(t, u.SetState(s))
			}
		}
		states[at], clocks[at] = u.State(), u.Clock()
		check(t, u.ForwardLengths(res.y[at*out:][:out], p.x[at*in:][:in], lengths(at)))
	}
	res.state = u.State()
	clock := u.Clock()
	u.ZeroGrads()
	grad := clone(p.dstate)
	for i := range order {
		at := order[p.T-1-i]
		check(t, u.SetState(states[at]))
		check(t, u.SetClock(clocks[at]))
		check(t, u.SetMaskState(masks))
		check(t, u.ForwardLengths(res.y[at*out:][:out], p.x[at*in:][:in], lengths(at)))
		check(t, u.SetStateGrad(grad))
		u.Backward(res.dx[at*in:][:in], p.dy[at*out:][:out])
		grad = u.StateGrad()
		eachRow(reset(at), func(k, lo, hi int) {
			for i := lo; i < hi; i++ {
				beginGrad[k][i] += grad[k][i]
				grad[k][i] = 0
			}
		})
	}
	res.dstate = grad
	res.readGrads(u)
	return res, clock, beginGrad
}

// bothDirectionsReset: with two directions, rows that begin with a state of +0 put out at
// each step what their parts put out as rows of their own, and so do their dx. Masks that
// change with the step follow the clock of a part; that of a row of its own is 0.
func bothDirectionsReset(t *testing.T, k Kind) {
	p := newProblem(t, k, 63, Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true}, 8, 3, false)
	for _, s := range p.state {
		clear(s)
	}
	for _, s := range p.dstate {
		clear(s)
	}
	// Rows of the parts' lengths, which keep the ids of the rows that they are parts of.
	resets := [][]int{{3}, {2, 7}, nil}
	type part struct{ b, from, to int }
	parts := []part{{0, 0, 3}, {0, 3, 8}, {1, 0, 2}, {1, 2, 7}, {1, 7, 8}, {2, 0, 8}}
	alone := &problem{kind: k, cfg: p.cfg, net: p.net, T: p.T, B: len(parts), seed: p.seed}
	in, out := p.cfg.Input, p.out()
	alone.x, alone.dy = make([]float32, p.T*alone.B*in), make([]float32, p.T*alone.B*out)
	each := func(f func(r, s int)) { // rows of alone, and of p
		for i, c := range parts {
			for t := range c.to - c.from {
				f(t*alone.B+i, (c.from+t)*p.B+c.b)
			}
		}
	}
	each(func(r, s int) {
		copy(alone.x[r*in:][:in], p.x[s*in:][:in])
		copy(alone.dy[r*out:][:out], p.dy[s*out:][:out])
	})
	for _, c := range parts {
		alone.lengths, alone.ids = append(alone.lengths, c.to-c.from), append(alone.ids, uint32(c.b))
	}
	for i := range p.state {
		zero := make([]float32, 2*p.dirs()*alone.B*p.width(i))
		alone.state, alone.dstate = append(alone.state, zero), append(alone.dstate, zero)
	}
	of := alone.run(t, p.net.Unroll(p.T, alone.B))
	u := p.net.Unroll(p.T, p.B)
	check(t, u.SetResets(resets))
	got := p.run(t, u)
	each(func(r, s int) {
		numtest.Equal(t, got.y[s*out:][:out], of.y[r*out:][:out], "y of row %d, two directions", s)
		numtest.Equal(t, got.dx[s*in:][:in], of.dx[r*in:][:in], "dx of row %d, two directions", s)
	})
}

// resetsMisuse: whatever is wrong with resets is an error that says what, and changes
// nothing.
func resetsMisuse(t *testing.T, k Kind) {
	p := newProblem(t, k, 66, Config{Input: 2, Hidden: 3}, 4, 3, false)
	u, y := p.net.Unroll(4, 3), filled(len(p.dy))
	want := p.run(t, p.net.Unroll(4, 3))
	p.start(t, u)
	u.Forward(y, p.x)
	for _, c := range []struct {
		resets [][]int
		want   string
	}{
		{[][]int{{1}}, "resets of 1 rows for a batch of 3"}, {[][]int{nil, {1, 4}, nil}, "reset of row 1 at step 4, outside 0..3"},
		{[][]int{{-1}, nil, nil}, "reset of row 0 at step -1"}, {[][]int{nil, nil, {2, 1}}, "row 2 at step 2 and then 1"},
		{[][]int{nil, nil, {2, 2}}, "row 2 at step 2 and then 2"},
	} {
		if err := u.SetResets(c.resets); err == nil || !strings.HasPrefix(err.Error(), k.Package+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("SetResets(%v): %v, want an error with %q", c.resets, err, c.want)
		}
	}
	// The refused calls have left the Forward before them to Backward.
	dx := filled(len(p.x))
	check(t, u.SetStateGrad(p.dstate))
	u.Backward(dx, p.dy)
	numtest.Equal(t, dx, want.dx, "dx")

	u.Forward(y, p.x)
	check(t, u.SetResets([][]int{{3}, nil, {1, 3}}))
	panics(t, k, "Backward", "without a Forward", func() { u.Backward(nil, p.dy) })
	for _, lengths := range [][]int{{4, 4, 3}, {3, 0, 4}} {
		if err := u.ForwardLengths(y, p.x, lengths); err == nil || !strings.Contains(err.Error(), "a reset at step 3, but the row has 3 of the 4 steps") {
			t.Errorf("lengths %v: %v, want an error that names the reset", lengths, err)
		}
	}
	check(t, u.SetLengths([]int{4, 2, 3}))
	panics(t, k, "SetResets gave row 2", "at step 3", func() { u.Forward(y, p.x) })
	check(t, u.SetLengths(nil))
	panics(t, k, "SetResets gave row 0", "at step 3", func() { u.Forward(y[:2*3*3], p.x[:2*3*2]) })
}
