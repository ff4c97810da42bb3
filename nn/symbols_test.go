package nn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

// bySymbols says whether the first layer of the chain goes by symbols: there are at least four
// times as many pairs.
func (c contract) bySymbols() bool { return c.vocabulary <= c.steps*c.batch/4 }

// symbols adds to the gradient of the table and to that of W_ih what rule 4 says of a layer over
// symbols: the gradients of the pre-activations summed for each symbol over the pairs with time
// descending and rows ascending, then for W_ih one chain over the symbols, as they come first in
// that order, for as many of them as a chunk has pairs, and for the table a chain over the gates.
func (c contract) symbols(dtable, dih, table, ih, dGates []float32, ids []int32) {
	gates := len(ih) / c.width
	sums := map[int32][]float32{}
	var order []int32
	for t := c.steps - 1; t >= 0; t-- {
		for b := range c.batch {
			if !c.exists(t, b) {
				continue
			}
			p := t*c.batch + b
			d := dGates[p*gates:][:gates]
			if s, ok := sums[ids[p]]; ok {
				for g := range s {
					s[g] += d[g]
				}
				continue
			}
			order = append(order, ids[p])
			sums[ids[p]] = slices.Clone(d)
		}
	}
	chunk := max(1, (256+c.batch-1)/c.batch) * c.batch
	for part := range slices.Chunk(order, min(chunk, max(1, c.steps)*c.batch)) {
		for g := range gates {
			for k := range c.width {
				var s float32
				for _, id := range part {
					s = kernels.FMA(sums[id][g], table[int(id)*c.width+k], s)
				}
				dih[g*c.width+k] += s
			}
		}
	}
	for id, d := range sums {
		for k := range c.width {
			var s float32
			for g := range gates {
				s = kernels.FMA(d[g], ih[g*c.width+k], s)
			}
			dtable[int(id)*c.width+k] += s
		}
	}
}

// gates is an LSTM whose input is the part of another one's pre-activations that comes from its
// input: W_ih is the identity, so that its dx is the gradient of the pre-activations, to the bit.
type gates struct {
	u        *lstm.Unrolled
	ih, bias []float32 // of the other
	width, n int
	h, dx    []float32
}

func newGates(t *testing.T, layer *lstm.Layer, c contract) *gates {
	hidden := layer.Config().Hidden
	g := &gates{width: c.width, n: 4 * hidden}
	of := map[string][]float32{}
	layer.EachParam(func(name string, w []float32, _ ...int) { of[name] = w })
	g.ih, g.bias = of["weight_ih_l0"], make([]float32, g.n)
	for i := range g.bias {
		g.bias[i] = of["bias_ih_l0"][i] + of["bias_hh_l0"][i]
	}
	probe, err := lstm.New(lstm.Config{Input: g.n, Hidden: hidden}, rand.New(rand.NewPCG(1, 1)))
	traintest.NoError(t, err)
	probe.EachParam(func(name string, w []float32, _ ...int) {
		clear(w)
		switch name {
		case "weight_ih_l0":
			for i := range g.n {
				w[i*g.n+i] = 1
			}
		case "weight_hh_l0":
			copy(w, of[name])
		}
	})
	g.u = probe.Unroll(c.steps, c.batch)
	traintest.NoError(t, g.u.SetLengths(c.lengths))
	g.h, g.dx = make([]float32, c.steps*c.batch*hidden), make([]float32, c.steps*c.batch*g.n)
	return g
}

// grad returns the gradients of the pre-activations for an input x of the other layer and the
// gradient dh of its output.
func (g *gates) grad(x, dh []float32) []float32 {
	pre := make([]float32, len(g.dx))
	for p := range len(x) / g.width {
		for i := range g.n {
			s := g.bias[i]
			for k := range g.width {
				s = kernels.FMA(x[p*g.width+k], g.ih[i*g.width+k], s)
			}
			pre[p*g.n+i] = s
		}
	}
	g.u.Forward(g.h, pre)
	g.u.Backward(g.dx, dh)
	return g.dx
}

// TestPredictorOverSymbols: a predictor whose first layer holds the products of the symbols gives
// the bits of the chain, also after the table has changed and Refresh was called, and allocates
// nothing in a step.
func TestPredictorOverSymbols(t *testing.T) {
	const steps, rows, vocabulary = 12, 3, 9
	rng := rand.New(rand.NewPCG(8, 8))
	emb, err := nn.NewEmbedding(vocabulary, 5, rng)
	traintest.NoError(t, err)
	layer, err := lstm.New(lstm.Config{Input: 5, Hidden: 7, Layers: 2}, rng)
	traintest.NoError(t, err)
	out, err := nn.NewLinear(7, 4, rng)
	traintest.NoError(t, err)
	net, err := nn.Infer(steps, rows, emb, layer.Infer(steps, rows), out)
	traintest.NoError(t, err)
	p, err := net.Predictor(rows)
	traintest.NoError(t, err)
	ids := traintest.DrawIDs(rng, steps*rows, vocabulary)
	for range 2 {
		net.Reset()
		p.Reset()
		want, y := make([]float32, steps*rows*4), make([]float32, rows*4)
		traintest.NoError(t, net.ForwardIDs(want, ids))
		for s := range steps {
			traintest.NoError(t, p.StepIDs(y, ids[s*rows:][:rows]))
			traintest.Equal(t, "y of a step", y, want[s*rows*4:][:rows*4])
		}
		if n := testing.AllocsPerRun(5, func() { traintest.NoError(t, p.StepIDs(y, ids[:rows])) }); n != 0 {
			t.Errorf("%v allocations in StepIDs", n)
		}
		for i := range emb.Weight {
			emb.Weight[i] = -emb.Weight[i] / 2
		}
		p.Refresh()
	}
	if err := p.StepIDs(make([]float32, rows*4), []int32{0, vocabulary, 0}); err == nil {
		t.Error("StepIDs took an id that is no symbol")
	}
}
