package nettest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// withinBudget holds what UnrollWithin makes against Unroll: the same bits in windows of
// many lengths one after another, the last steps of which are no multiple of a segment.
func withinBudget(t *testing.T, k Kind) {
	const B = 64 // a chunk of weight gradients has 4 steps
	for i, cfg := range []Config{
		{Input: 3, Hidden: 4, Layers: 1},
		{Input: 2, Hidden: 5, Layers: 2, Workers: 3},
		{Input: 3, Hidden: 4, Layers: 2, Reverse: true},
	} {
		for _, ragged := range []bool{false, true} {
			if k.variant && (!ragged || cfg.Layers == 1) {
				continue
			}
			p := newProblem(t, k, uint64(40+i), cfg, 23, B, ragged)
			t.Run(fmt.Sprint(p), func(t *testing.T) {
				least, all := budgets(t, p.net, p.T, B)
				for n, bytes := range []int{least, (least + all) / 2, all - 1} {
					if k.variant && n > 0 {
						break
					}
					u, err := p.net.UnrollWithin(p.T, B, bytes)
					check(t, err)
					if n == 0 && u.Bytes() != least {
						t.Errorf("%d bytes, but the error said %d", u.Bytes(), least)
					}
					if u.Bytes() > bytes {
						t.Errorf("%d bytes, more than %d", u.Bytes(), bytes)
					}
					for _, batchFirst := range []bool{false, true} {
						if k.variant && batchFirst {
							continue
						}
						name := fmt.Sprintf("%d bytes, batch first=%v", bytes, batchFirst)
						p.sameWindows(t, name, u, p.net.Unroll(p.T, B), batchFirst)
					}
				}
				u, err := p.net.UnrollWithin(p.T, B, all)
				check(t, err)
				if plain := p.net.Unroll(p.T, B).Bytes(); u.Bytes() != plain || plain != all {
					t.Errorf("%d bytes within a budget for all, %d by Unroll, and the error said %d", u.Bytes(), plain, all)
				}
			})
		}
	}
	if k.variant || testing.Short() && kernels.Current() == kernels.Scalar {
		return
	}
	// Steps split by units, and workers that change between Forward and Backward.
	p := newProblem(t, k, 45, Config{Input: 3, Hidden: 130, Layers: 1, Workers: 2}, 88, 3, true)
	least, _ := budgets(t, p.net, p.T, p.B)
	u, err := p.net.UnrollWithin(p.T, p.B, least)
	check(t, err)
	p.sameWindows(t, "units", u, p.net.Unroll(p.T, p.B), false)
}

// budgets returns the least bytes for steps and a batch that UnrollWithin names, and those
// of Unroll.
func budgets(t *testing.T, l Layer, steps, batch int) (least, all int) {
	t.Helper()
	u, err := l.UnrollWithin(steps, batch, 0)
	if err == nil {
		t.Fatalf("%d steps of a batch of %d fit into no bytes: %d", steps, batch, u.Bytes())
	}
	m := regexp.MustCompile(`at least (\d+) bytes, .* the 0 given, and (\d+) bytes without`).FindStringSubmatch(err.Error())
	if m == nil {
		t.Fatalf("the error does not name two sizes: %v", err)
	}
	least, _ = strconv.Atoi(m[1])
	all, _ = strconv.Atoi(m[2])
	if least > 0 {
		if _, err := l.UnrollWithin(steps, batch, least-1); err == nil {
			t.Errorf("%d steps of a batch of %d fit into %d bytes, less than the least", steps, batch, least-1)
		}
	}
	return least, all
}

// sameWindows runs windows of the problem through u and want, each of which goes on from
// the state of the one before, and compares all that comes out. Between Forward and Backward
// things happen to u that are of the next Forward.
func (p *problem) sameWindows(t *testing.T, what string, u, want Unrolled, batchFirst bool) {
	t.Helper()
	for _, u := range []Unrolled{u, want} {
		u.SetBatchFirst(batchFirst)
		p.start(t, u)
		u.ZeroGrads()
	}
	windows := []int{p.T, 1, 0, p.T - 3, 4, p.T - 1}
	if p.kind.variant {
		windows = windows[:2]
	}
	for i, T := range windows {
		pass := func(u Unrolled, between func()) *result {
			res := &result{y: filled(T * p.B * p.out()), dx: filled(T * p.B * p.cfg.Input)}
			var lengths []int
			if p.lengths != nil {
				for b := range p.lengths {
					lengths = append(lengths, p.lengths[(b+i)%p.B]*T/p.T)
				}
				if i == 5 { // longest first, so that rows stay where they are
					slices.SortFunc(lengths, func(a, b int) int { return b - a })
				}
			}
			check(t, u.ForwardLengths(res.y, p.x[:len(res.dx)], lengths))
			res.state = u.State()
			if i%2 == 0 {
				check(t, u.SetStateGrad(p.dstate))
			}
			between()
			dx := res.dx
			if i == 3 {
				dx = nil
			}
			u.Backward(dx, p.dy[:len(res.y)])
			u.SetTraining(i != 4)
			res.dstate = u.StateGrad()
			res.readGrads(u)
			return res
		}
		got := pass(u, func() {
			u.SetTraining(false)
			u.SetWorkers(1 + i%3)
			s, clock := u.State(), u.Clock()
			u.Reset()
			check(t, u.SetState(s))
			check(t, u.SetClock(clock))
		})
		same(t, fmt.Sprintf("%s, window %d of %d steps", what, i, T), got, pass(want, func() {}))
	}
}

// longWithinBudget: 10,000 steps take no more memory than 200, which is twice the root. A
// segment of S steps is S+2 blocks of activations, and there are ceil(T/S)-1 states: with S
// of 96 and a tape of at least 2 floats for each unit (h and the gates) that is less.
func longWithinBudget(t *testing.T, k Kind) {
	const T, B = 10_000, 16
	p := newProblem(t, k, 46, Config{Input: 2, Hidden: 4, Workers: 1}, T, B, true)
	bytes := p.net.Unroll(200, B).Bytes()
	least, all := budgets(t, p.net, T, B)
	if least > bytes {
		t.Errorf("%d steps take %d bytes or more, 200 take %d", T, least, bytes)
	}
	var u Unrolled
	allocated := numtest.Allocated(func() {
		var err error
		u, err = p.net.UnrollWithin(T, B, bytes)
		check(t, err)
	})
	// Headers of the states between segments, and what the allocator rounds up.
	if told := u.Bytes(); told > bytes || allocated < int64(told) || allocated > int64(told+told/20+64<<10) {
		t.Errorf("%d bytes allocated and %d told, within %d", allocated, told, bytes)
	}
	if testing.Short() || kernels.Current() == kernels.Scalar {
		return
	}
	got := p.run(t, u)
	same(t, fmt.Sprintf("%d steps within %d of %d bytes", T, bytes, all), got, p.run(t, p.net.Unroll(T, B)))
}

// withinBudgetMisuse: what cannot be is an error that says why; sizes of no sense panic as
// those of Unroll do.
func withinBudgetMisuse(t *testing.T, k Kind) {
	r := rand.New(rand.NewPCG(1, 2))
	net, err := k.New(Config{Input: 2, Hidden: 3}, r)
	check(t, err)
	wide, err := k.New(Config{Input: 2, Hidden: 3, Bidirectional: true}, r)
	check(t, err)
	all := wide.Unroll(60, 64).Bytes()
	_, err = wide.UnrollWithin(60, 64, all-1)
	for _, want := range []string{k.Package + ": UnrollWithin", strconv.Itoa(all), strconv.Itoa(all - 1), "bidirectional"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	u, err := wide.UnrollWithin(60, 64, all)
	check(t, err)
	if u.Bytes() != all {
		t.Errorf("%d bytes, Unroll takes %d", u.Bytes(), all)
	}
	panics(t, k, "-1 steps", "unroll", func() { net.UnrollWithin(-1, 2, 1<<30) })
	for _, sizes := range [][2]int{{0, 2}, {3, 0}, {0, 0}} {
		u, err := net.UnrollWithin(sizes[0], sizes[1], 1<<20)
		check(t, err)
		u.Forward(nil, nil)
		u.Backward(nil, nil)
		budgets(t, net, sizes[0], sizes[1])
	}
	least, _ := budgets(t, net, 60, 64)
	u, err = net.UnrollWithin(60, 64, least)
	check(t, err)
	u.Forward(make([]float32, 2*64*3), make([]float32, 2*64*2))
	panics(t, k, "HiddenStates on what UnrollWithin made", "of 60 steps at a time", func() { u.HiddenStates(0, make([]float32, 2*64*3)) })
}
