package nettest

import (
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Inference with weights that are held has the bits of the weights as they were, all of
// them, until it is told to copy them again.
func weightsHeld(t *testing.T, k Kind) { holdsWeights(t, k, Config{Input: 3, Hidden: 5, Layers: 2}) }

// So has one whose steps are split by units as soon as there are several workers, where the
// copies have another layout.
func weightsHeldByUnits(t *testing.T, k Kind) { holdsWeights(t, k, Config{Input: 3, Hidden: 200}) }

func holdsWeights(t *testing.T, k Kind, cfg Config) {
	p := newProblem(t, k, 51, cfg, 4, 5, false)
	p.evaluate = true
	want := p.run(t, p.net.Unroll(p.T, p.B))
	changed, err := k.New(cfg, nil)
	check(t, err)
	change := func(to float32) {
		p.net.EachParam(func(_ string, w []float32, _ ...int) {
			for i := range w {
				w[i] *= to
			}
		})
	}
	change(2)
	copyParams(changed, p.net)
	q := *p
	q.net = changed
	then := q.run(t, changed.Unroll(p.T, p.B))
	change(0.5)
	masked := *p
	masked.evaluate = false
	drawn := masked.run(t, p.net.Unroll(p.T, p.B))
	panics(t, k, "HoldWeights", "Infer", func() { p.net.Unroll(p.T, p.B).HoldWeights(true) })
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		u := p.net.Infer(p.T, p.B)
		forward := func(what string, want *result) {
			t.Helper()
			p := p
			if want == drawn {
				p = &masked
			}
			p.start(t, u)
			y := filled(len(want.y))
			u.Forward(y, p.x)
			numtest.Equal(t, y, want.y, "%v: y with weights %s", p, what)
		}
		forward("read each time", want)
		change(2)
		forward("read each time, changed", then)
		u.HoldWeights(true)
		forward("that are held, changed before", then)
		change(0.5)
		forward("that are held", then)
		check(t, u.SetLengths([]int{4, 4, 4, 4, 4}))
		forward("that are held, lengths given", then)
		check(t, u.SetLengths(nil))
		u.Refresh()
		forward("copied again", want)
		forward("held, with masks", drawn)
		forward("held, without masks again", want)
		change(2)
		forward("held again", want)
		u.SetWorkers(1)
		forward("held, then one worker", then)
		change(0.5)
		u.SetWorkers(3)
		forward("held, then three workers", want)
		change(2)
		forward("held by three workers", want)
		u.HoldWeights(false)
		forward("no longer held", then)
		change(0.5)
		forward("no longer held, changed", want)
	})
}
