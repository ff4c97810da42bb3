package nettest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

type shape struct {
	cfg    Config
	T, B   int
	ragged bool
}

// shapes are networks and windows around the edges of vectors, tiles, chunks
// and shares.
var shapes = []shape{
	{Config{Input: 1, Hidden: 1}, 1, 1, false},
	{Config{Input: 3, Hidden: 5}, 4, 2, false},
	{Config{Input: 5, Hidden: 17, Layers: 2}, 7, 3, false},
	{Config{Input: 16, Hidden: 16, NoBias: true}, 5, 7, false},
	{Config{Input: 9, Hidden: 8, Reverse: true}, 6, 4, false},
	{Config{Input: 4, Hidden: 6, Bidirectional: true, Layers: 3}, 5, 5, false},
	{Config{Input: 2, Hidden: 3}, 260, 2, false},                           // chunks of 128 steps
	{Config{Input: 2, Hidden: 4, Layers: 2, Reverse: true}, 9, 100, false}, // of 3
	{Config{Input: 2, Hidden: 2, Bidirectional: true}, 3, 300, false},      // of 1
	{Config{Input: 3, Hidden: 5}, 6, 4, true},
	{Config{Input: 3, Hidden: 18, Reverse: true}, 6, 9, true},
	{Config{Input: 7, Hidden: 5, Bidirectional: true, Layers: 2}, 8, 11, true},
	{Config{Input: 2, Hidden: 3, Bidirectional: true, Layers: 2, NoBias: true}, 12, 60, true},
	{Config{Input: 3, Hidden: 5, Bidirectional: true, Layers: 2, Merge: 1}, 7, 5, true},
	{Config{Input: 3, Hidden: 17, Bidirectional: true, Layers: 3, Merge: 2}, 5, 4, false},
	{Config{Input: 4, Hidden: 5, Bidirectional: true, Layers: 3, Merge: 3}, 6, 7, true},
	{Config{Input: 2, Hidden: 3, Bidirectional: true, Merge: 3}, 40, 9, false}, // several chunks
	{Config{Input: 5, Hidden: 256, Layers: 2}, 3, 1, false},                    // steps split by units
	{Config{Input: 2, Hidden: 130, Bidirectional: true, Layers: 2, Merge: 2}, 3, 3, true},
	{Config{Input: 2, Hidden: 130, Layers: 2, Reverse: true}, 2, 5, true},
}

// shapes are all of them, or for a variant of a kind that goes through all one of
// each sort.
func (k Kind) shapes() (list []shape) {
	if !k.variant && testing.Short() {
		return shapes[:len(shapes)-2] // of steps split by units one is enough where the reference is slow
	}
	if !k.variant {
		return shapes
	}
	which := []int{1, 2, 5, 7, 11, 15, 17}
	if testing.Short() {
		which = []int{2, 11} // stacked; ragged in both directions
	}
	for _, i := range which {
		list = append(list, shapes[i])
	}
	return list
}

// workers are the numbers of workers tried: 0 leaves it to the size of the work.
func (k Kind) workers() []int {
	if k.variant {
		return []int{1, 3}
	}
	return []int{0, 1, 2, 3, 8}
}

// tiny are networks whose values, merged outputs or gradients are around the bound
// of what is flushed, with the sizes of inputs and of gradients that go in.
var tiny = []struct {
	shape
	in, back float32
}{
	{shape{Config{Input: 4, Hidden: 9, NoBias: true}, 6, 3, false}, 0x1p-98, 0x1p-98},
	{shape{Config{Input: 4, Hidden: 9, NoBias: true, Bidirectional: true, Merge: 3}, 6, 3, false}, 0x1p-46, 0x1p-46},
	{shape{Config{Input: 4, Hidden: 9}, 6, 3, false}, 1, 0x1p-98},
}

// shrink makes all values that go in as small as that.
func (p *problem) shrink(in, back float32) {
	scale := func(by float32, vectors ...[]float32) {
		for _, v := range vectors {
			for i := range v {
				v[i] *= by
			}
		}
	}
	scale(in, p.x)
	scale(in, p.state...)
	scale(back, p.dy)
	scale(back, p.dstate...)
}

// Numbers runs the tests of a variant's arithmetic: the contract bit by bit,
// inference, cuts, rows, lengths.
func Numbers(t *testing.T, k Kind) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, k Kind)
	}{
		{"contract", matchesTheContract},
		{"lengths of each call", lengthsOfEachCall},
		{"workers that change", workersThatChange},
		{"batch first", batchFirst},
		{"inference", inferenceMatchesForward},
		{"weights held", weightsHeld},
		{"cut anywhere", cutAnywhere},
		{"rows are independent", rowsAreIndependent},
		{"zero lengths", zeroLengths},
		{"tiny gradients between layers", tinyBetweenLayers},
		{"allocates nothing", allocatesNothing},
		{"copies are allocated", copiesAreAllocated},
		{"memory", memory},
		{"bytes are told", bytesAreTold},
		{"symbols", symbolsByTheContract},
		{"symbols that come once", symbolsThatComeOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, k) })
	}
}

// Both passes have the bits of the contract, on every tier, for any number of
// workers, in memory that is exactly large enough or larger and in use before.
func matchesTheContract(t *testing.T, k Kind) {
	var problems []*problem
	for i, s := range k.shapes() {
		problems = append(problems, newProblem(t, k, uint64(i), s.cfg, s.T, s.B, s.ragged))
	}
	for _, s := range tiny {
		p := newProblem(t, k, uint64(len(problems)), s.cfg, s.T, s.B, s.ragged)
		p.shrink(s.in, s.back)
		problems = append(problems, p)
	}
	for _, p := range problems {
		modes := []bool{false}
		if k.Noise != (Noise{}) {
			modes = append(modes, true)
		}
		for _, p.evaluate = range modes {
			want := p.naive()
			numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
				p.withWorkers(t, want)
				p.unrolledForMore(t, want)
			})
		}
	}
}

// withWorkers wants the problem to have that result on any number of workers, in memory that is
// exactly large enough and in use before.
func (p *problem) withWorkers(t *testing.T, want *result) {
	t.Helper()
	for _, workers := range p.kind.workers() {
		u := p.net.Unroll(p.T, p.B)
		u.SetWorkers(workers)
		same(t, fmt.Sprintf("%v workers=%d", p, workers), p.run(t, u), want)
		same(t, fmt.Sprintf("%v workers=%d, again", p, workers), p.run(t, u), want)
	}
}

// unrolledForMore wants that in memory that is larger, and returns this.
func (p *problem) unrolledForMore(t *testing.T, want *result) Unrolled {
	t.Helper()
	u := p.net.Unroll(p.T+3, p.B)
	same(t, fmt.Sprintf("%v unrolled for more", p), p.run(t, u), want)
	return u
}

// Alike holds two kinds that mean the same, and are computed by different kernels,
// to the same bits.
func Alike(t *testing.T, a, b Kind) { AlikeBut(t, a, b, "") }

// AlikeBut is Alike for a b with parameters that a does not have, whose names begin
// with more.
func AlikeBut(t *testing.T, a, b Kind, more string) {
	for i, s := range a.shapes() {
		p, q := newProblem(t, a, uint64(i), s.cfg, s.T, s.B, s.ragged), newProblem(t, b, uint64(i), s.cfg, s.T, s.B, s.ragged)
		q.x, q.dy, q.state, q.dstate, q.lengths = p.x, p.dy, p.state, p.dstate, p.lengths
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			got, want := q.run(t, q.net.Unroll(q.T, q.B)), p.run(t, p.net.Unroll(p.T, p.B))
			if more != "" {
				var names []string
				var grads [][]float32
				for k, name := range got.names {
					if !strings.HasPrefix(name, more) {
						names, grads = append(names, name), append(grads, got.grads[k])
					}
				}
				got.names, got.grads = names, grads
			}
			same(t, q.String(), got, want)
		})
	}
}

// The lengths of one call leave nothing behind for the next.
func lengthsOfEachCall(t *testing.T, k Kind) {
	for _, cfg := range []Config{{Input: 3, Hidden: 4, Layers: 3}, {Input: 3, Hidden: 4, Layers: 2, Bidirectional: true}} {
		p := newProblem(t, k, 31, cfg, 7, 6, false)
		u := p.net.Unroll(p.T, p.B)
		for _, p.lengths = range [][]int{
			nil, {1, 2, 3, 4, 5, 6}, {7, 7, 5, 3, 3, 0}, nil, {0, 7, 0, 7, 1, 7}, {7, 7, 7, 7, 7, 7}, {5, 5, 5, 5, 5, 5}, {7, 7, 7, 1, 7, 7},
		} {
			want := p.naive()
			for _, workers := range []int{1, 2, 4, 9} {
				u.SetWorkers(workers)
				same(t, fmt.Sprintf("%v, lengths %d, workers=%d", p, p.lengths, workers), p.run(t, u), want)
			}
		}
	}
}

// The workers of one call, and whether they split the batch or the units, leave nothing
// behind for the next.
func workersThatChange(t *testing.T, k Kind) {
	p := newProblem(t, k, 32, Config{Input: 3, Hidden: 200}, 4, 5, true)
	want := p.naive()
	numbers := []int{2, 1, 4, 0, 1, 3}
	if testing.Short() && k.variant { // from some to one and to more, and the other way round between the passes
		numbers = []int{2, 1, 4}
	}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		u := p.net.Unroll(p.T, p.B)
		for _, workers := range numbers {
			u.SetWorkers(workers)
			same(t, fmt.Sprintf("%v workers=%d", p, workers), p.run(t, u), want)
			// Between the passes too.
			p.start(t, u)
			u.Forward(filled(len(want.y)), p.x)
			u.SetWorkers(5 - workers)
			check(t, u.SetStateGrad(p.dstate))
			dx := filled(len(want.dx))
			u.Backward(dx, p.dy)
			numtest.Equal(t, dx, want.dx, "%v: dx, workers=%d, then %d", p, workers, 5-workers)
		}
	})
}

// Tensors that are [B][T][width] give the same results, turned round.
func batchFirst(t *testing.T, k Kind) {
	for i, s := range k.shapes() {
		p := newProblem(t, k, uint64(i), s.cfg, s.T, s.B, s.ragged)
		want := p.run(t, p.net.Unroll(p.T, p.B))
		q := *p
		q.x, q.dy = turn(p.x, p.T, p.B), turn(p.dy, p.T, p.B)
		want.y, want.dx = turn(want.y, p.T, p.B), turn(want.dx, p.T, p.B)
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			for _, workers := range []int{1, 3} {
				u := q.net.Unroll(q.T+2, q.B)
				u.SetBatchFirst(true)
				u.SetWorkers(workers)
				same(t, fmt.Sprintf("%v batch first, workers=%d", p, workers), q.run(t, u), want)
				u.SetBatchFirst(false)
				y := filled(len(want.y))
				p.start(t, u)
				u.Forward(y, p.x)
				numtest.Equal(t, turn(y, p.T, p.B), want.y, "%v: steps first again", p)

				f := q.net.Infer(q.T, q.B)
				f.SetBatchFirst(true)
				check(t, f.SetLengths(q.lengths))
				q.start(t, f)
				f.Forward(y, q.x)
				numtest.Equal(t, y, want.y, "%v: Infer, batch first", p)
			}
		})
	}
}

// Infer and Predictor give the bits of Forward, with any number of workers.
func inferenceMatchesForward(t *testing.T, k Kind) {
	for i, s := range k.shapes() {
		p := newProblem(t, k, uint64(i), s.cfg, s.T, s.B, s.ragged)
		drawn := p.run(t, p.net.Unroll(p.T, p.B))
		p.evaluate = true
		want := p.run(t, p.net.Unroll(p.T, p.B))
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			for _, workers := range []int{1, 3} {
				f := p.net.Infer(p.T+1, p.B)
				f.SetWorkers(workers)
				infer := func(what string, want *result) {
					check(t, f.SetLengths(p.lengths))
					check(t, f.SetState(p.state))
					y := filled(len(want.y))
					f.Forward(y, p.x)
					numtest.Equal(t, y, want.y, "%v: %s's y", p, what)
					for k, s := range f.State() {
						numtest.Equal(t, s, want.state[k], "%v: %s's state %d", p, what, k)
					}
				}
				infer("Infer", want)
				f.SetTraining(true)
				f.SetSeed(p.seed)
				f.Reset()
				infer("Infer with masks", drawn)
			}
			if p.lengths != nil || s.cfg.Bidirectional || s.cfg.Reverse {
				return
			}
			for _, workers := range []int{0, 2, 8} {
				cfg := s.cfg
				cfg.Workers = workers
				net, err := k.New(cfg, nil)
				check(t, err)
				copyParams(net, p.net)
				pr, err := net.Predictor(p.B)
				check(t, err)
				check(t, pr.SetState(p.state))
				_, in, out := pr.Dims()
				for step := range p.T {
					y := filled(p.B * out)
					pr.Step(y, p.x[step*p.B*in:][:p.B*in])
					numtest.Equal(t, y, want.y[step*p.B*out:][:p.B*out], "%v: Step %d, workers=%d", p, step, workers)
				}
				copied := clone(p.state)
				pr.CopyState(copied)
				for k, s := range pr.State() {
					numtest.Equal(t, s, want.state[k], "%v: Predictor's state %d", p, k)
					numtest.Equal(t, copied[k], s, "%v: copy of Predictor's state %d", p, k)
				}
				p.stepSymbols(t, pr, want, workers)
			}
		})
	}
}

// turn makes [inner][outer][width] of [outer][inner][width].
func turn[E any](v []E, outer, inner int) []E {
	out, width := make([]E, len(v)), len(v)/(outer*inner)
	for i := range outer {
		for j := range inner {
			copy(out[(j*outer+i)*width:][:width], v[(i*inner+j)*width:])
		}
	}
	return out
}

func copyParams(to, from Layer) {
	var all [][]float32
	from.EachParam(func(_ string, w []float32, _ ...int) { all = append(all, w) })
	k := 0
	to.EachParam(func(_ string, w []float32, _ ...int) { copy(w, all[k]); k++ })
}

// A sequence may be cut anywhere: the carried state makes the parts one. Going
// back part by part, with StateGrad of each part given to the part before, gives the
// same dx and state gradients, and the same weight gradients where a cut is on the
// border of two chunks.
func cutAnywhere(t *testing.T, k Kind) {
	for _, cfg := range []Config{{Input: 3, Hidden: 7, Layers: 2}, {Input: 3, Hidden: 7, Reverse: true}} {
		const T, B, I, chunk = 12, 100, 3, 3
		p := newProblem(t, k, 11, cfg, T, B, false)
		H := p.out()
		want := p.run(t, p.net.Unroll(T, B))
		for cut := range T + 1 {
			// Steps lo..hi-1 of each part, in the order of the recurrence.
			parts := [2][2]int{{0, cut}, {cut, T}}
			if cfg.Reverse {
				parts = [2][2]int{{cut, T}, {0, cut}}
			}
			got := &result{y: filled(len(want.y)), dx: filled(len(want.dx)), state: p.state, dstate: p.dstate}
			var us [2]Unrolled
			for i, part := range parts {
				lo, hi := part[0]*B, part[1]*B
				us[i] = p.net.Unroll(part[1]-part[0], B)
				us[i].SetSeed(p.seed)
				if i == 1 {
					check(t, us[1].SetMaskState(us[0].MaskState()))
					check(t, us[1].SetClock(us[0].Clock()))
				}
				check(t, us[i].SetState(got.state))
				us[i].Forward(got.y[lo*H:hi*H], p.x[lo*I:hi*I])
				got.state = us[i].State()
			}
			for i := 1; i >= 0; i-- {
				lo, hi := parts[i][0]*B, parts[i][1]*B
				if i == 0 { // go on from the sums of the part behind
					k := 0
					us[0].EachParam(func(_ string, _, g []float32) { copy(g, got.grads[k]); k++ })
				}
				check(t, us[i].SetStateGrad(got.dstate))
				us[i].Backward(got.dx[lo*I:hi*I], p.dy[lo*H:hi*H])
				got.dstate = us[i].StateGrad()
				got.readGrads(us[i])
			}
			if (parts[1][1]-parts[1][0])%chunk != 0 {
				got.grads = want.grads
			}
			same(t, fmt.Sprintf("reverse=%v, cut at %d", cfg.Reverse, cut), got, want)
		}
	}
}
