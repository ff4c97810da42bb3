package nettest

import (
	"math"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Passes over one block of steps multiply by large weights as they are stored: their results are
// those of passes that pack the weights, as they do where rows have lengths, with any number of
// workers, and whatever came before. Tiny weights count as +0, and weights may change between
// two passes. A variant has the network of two layers, between which masks may be.
func weightsAsStored(t *testing.T, k Kind) {
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		side := int(math.Sqrt(float64(isa.StripRoom(0)/k.Gates))) + 2
		for i, c := range []struct {
			cfg  Config
			T, B int
		}{
			{Config{Input: side, Hidden: side}, 1, 3},
			{Config{Input: 3, Hidden: side, Bidirectional: true, Layers: 2}, 1, 7},
			{Config{Input: side, Hidden: side + 30, Bidirectional: true, Merge: 1}, 4, 5},
			{Config{Input: side, Hidden: side, NoBias: true, Reverse: true}, 1, 33},
		} {
			if k.variant && i != 1 {
				continue
			}
			p := newProblem(t, k, uint64(70+i), c.cfg, c.T, c.B, false)
			p.net.EachParam(func(_ string, w []float32, shape ...int) {
				row := shape[len(shape)-1]
				for j := range w {
					if j%7 == 0 || j/row == 1 {
						w[j] = 0x1p-101
					}
				}
			})
			packed := *p
			for range p.B {
				packed.lengths = append(packed.lengths, p.T)
			}
			want := packed.run(t, p.net.Unroll(p.T+1, p.B))
			u := p.net.Unroll(p.T, p.B)
			for _, workers := range []int{1, 2, 5, 1} {
				u.SetWorkers(workers)
				same(t, p.String()+", as stored", p.run(t, u), want)
				same(t, p.String()+", with lengths", packed.run(t, u), want)
			}
			p.storedInParts(t, u, want)
			// Short windows of a net that is unrolled for more than one block have packed weights.
			same(t, p.String()+", of a long net", p.run(t, p.net.Unroll(300, p.B)), want)
			if k.Noise.Input == 0 {
				p.symbolsAsStored(t, want)
			}
			p.net.EachParam(func(_ string, w []float32, _ ...int) {
				for j := range w {
					w[j] *= 0.75
				}
			})
			same(t, p.String()+", changed", p.run(t, u), packed.run(t, p.net.Unroll(p.T+1, p.B)))
		}
	})
}

// storedInParts holds passes between whose ways forward and back the number of workers changes,
// and one without a dx, and counts what a pass allocates.
func (p *problem) storedInParts(t *testing.T, u Unrolled, want *result) {
	t.Helper()
	for _, workers := range [][2]int{{1, 4}, {5, 2}} {
		got := p.newResult()
		u.SetWorkers(workers[0])
		check(t, u.SetLengths(nil))
		p.start(t, u)
		u.ZeroGrads()
		p.forward(u, got)
		got.state = u.State()
		u.SetWorkers(workers[1])
		check(t, u.SetStateGrad(p.dstate))
		p.backward(u, got)
		got.dstate = u.StateGrad()
		got.readGrads(u)
		same(t, p.String()+", other workers on the way back", got, want)
	}
	y, dx, got := make([]float32, len(want.y)), make([]float32, len(p.x)), p.newResult()
	u.ZeroGrads()
	p.start(t, u)
	check(t, u.SetStateGrad(p.dstate))
	u.Forward(y, p.x)
	u.Backward(nil, p.dy)
	got.readGrads(u)
	for i, g := range want.grads {
		numtest.Equal(t, got.grads[i], g, "%v without dx: gradient of %s", p, want.names[i])
	}
	if n := testing.AllocsPerRun(2, func() { u.Forward(y, p.x); u.Backward(dx, p.dy) }); n != 0 {
		t.Errorf("%v: %v allocations in a pass", p, n)
	}
}

// symbolsAsStored holds the outputs over the rows of x as those of a table against those over x,
// after a pass that packed no weights.
func (p *problem) symbolsAsStored(t *testing.T, want *result) {
	t.Helper()
	u := p.net.Unroll(p.T, p.B)
	p.run(t, u)
	ids, y := make([]int32, p.T*p.B), filled(len(want.y))
	for j := range ids {
		ids[j] = int32(j)
	}
	u.ReserveSymbols(len(ids))
	p.start(t, u)
	check(t, u.SetLengths(nil))
	u.ForwardSymbols(y, p.x, ids)
	numtest.Equal(t, y, want.y, "%v, of symbols", p)
}
