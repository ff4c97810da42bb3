package nettest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// gradientsAreTold: with OnGradients each layer is told once, from the last one down, and what
// is told has the bits of a pass that tells nothing and is not touched any more by the pass:
// it may be overwritten. That holds in segments of steps, for lengths, for a second pass over
// the same gradients, and for a pass without steps.
//
// Which layer is told when depends on no tier. So in short runs one network is held on every tier,
// and the others on the current one. A variant has all on the current tier, and in short runs the
// network with lengths, segments and workers and the one of both directions.
func gradientsAreTold(t *testing.T, k Kind) {
	const T, B = 11, 64 // a chunk of weight gradients has 4 steps
	for i, cfg := range []Config{
		{Input: 3, Hidden: 4, Layers: 1},
		{Input: 2, Hidden: 5, Layers: 3, Workers: 3},
		{Input: 3, Hidden: 4, Layers: 3, Bidirectional: true, NoBias: true},
		{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true, Merge: 1},
		{Input: 2, Hidden: 5, Layers: 3, Reverse: true},
	} {
		if testing.Short() && k.variant && i != 1 && i != 2 {
			continue
		}
		p := newProblem(t, k, uint64(60+i), cfg, T, B, i%2 == 1)
		of := map[string]func(t *testing.T) Unrolled{"all steps": func(*testing.T) Unrolled { return p.net.Unroll(T, B) }}
		if !cfg.Bidirectional {
			of["segments"] = func(t *testing.T) Unrolled {
				least, _ := budgets(t, p.net, T, B) // differs between tiers
				u, err := p.net.UnrollWithin(T, B, least)
				check(t, err)
				return u
			}
		}
		for name, unroll := range of {
			t.Run(fmt.Sprint(p, " ", name), func(t *testing.T) {
				if k.variant || testing.Short() && i != 1 {
					p.tells(t, unroll(t), unroll(t))
					return
				}
				numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) { p.tells(t, unroll(t), unroll(t)) })
			})
		}
	}
}

// told are what a pass has told.
type told struct {
	grads [][]float32
	calls []int
	was   [][]float32 // when it was told
}

const overwritten = 1234

func (d *told) hear(n int) {
	d.calls = append(d.calls, n)
	for i := n; i < len(d.grads); i++ {
		if d.was[i] == nil {
			d.was[i] = slices.Clone(d.grads[i])
			for k := range d.grads[i] {
				d.grads[i][k] = overwritten
			}
		}
	}
}

func (p *problem) tells(t *testing.T, u, silent Unrolled) {
	t.Helper()
	var d told
	u.EachParam(func(_ string, _, g []float32) { d.grads = append(d.grads, g) })
	var order []int // of the calls
	for layer := p.cfg.Layers - 1; layer >= 0; layer-- {
		order = append(order, layer*len(d.grads)/p.cfg.Layers)
	}
	if of := u.OnGradients(d.hear); of != any(u) {
		t.Fatalf("OnGradients returns a %T, want the net", of)
	}
	y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
	pass := func(u Unrolled) {
		check(t, u.SetLengths(p.lengths))
		p.start(t, u)
		u.Forward(y, p.x)
		u.Backward(dx, p.dy)
	}
	pass(silent)
	for range 2 { // the second pass adds to the gradients of the first
		d.calls, d.was = nil, make([][]float32, len(d.grads))
		pass(u)
		if !slices.Equal(d.calls, order) {
			t.Fatalf("told %v, want %v", d.calls, order)
		}
		k := 0
		silent.EachParam(func(name string, _, g []float32) {
			numtest.Equal(t, d.was[k], g, "gradient of %s when it was told", name)
			for i, v := range d.grads[k] {
				if v != overwritten {
					t.Fatalf("element %d of the gradient of %s was changed after it was told", i, name)
				}
			}
			copy(d.grads[k], d.was[k])
			k++
		})
		pass(silent)
	}
	if n := testing.AllocsPerRun(3, func() {
		d.calls = d.calls[:0]
		u.Forward(y, p.x)
		u.Backward(dx, p.dy)
	}); n != 0 {
		t.Errorf("%v allocations in a pass that tells its gradients", n)
	}

	d.calls = nil
	check(t, u.SetLengths(nil))
	u.Forward(nil, nil)
	u.Backward(nil, nil)
	if !slices.Equal(d.calls, []int{0}) {
		t.Errorf("a pass over no steps tells %v, want 0 alone", d.calls)
	}
	d.calls = nil
	u.OnGradients(nil)
	pass(u)
	if d.calls != nil {
		t.Errorf("told %v after OnGradients(nil)", d.calls)
	}
}
