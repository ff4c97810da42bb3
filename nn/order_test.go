package nn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/nn"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// The oracle's bounds allow any order of a sum; the contract does not. Here the
// order is written out as plain loops, and the bits have to be the same.

// contract holds the sums of rules 1, 3 and 4 for an embedding and a readout
// around a net: h [pairs][in] is what the readout saw, dx [pairs][width] what
// the net handed to the embedding.
type contract struct {
	steps, batch, width, in, vocabulary int
	lengths                             []int
}

func (c contract) exists(t, b int) bool { return c.lengths == nil || t < c.lengths[b] }

// logits is one chain for each output, from the bias over ascending inputs.
func (c contract) logits(w, bias, h []float32) []float32 {
	y := make([]float32, c.steps*c.batch*c.vocabulary)
	for p := range c.steps * c.batch {
		if !c.exists(p/c.batch, p%c.batch) {
			continue
		}
		for v := range c.vocabulary {
			var s float32
			if bias != nil {
				s = bias[v]
			}
			for k := range c.in {
				s = kernels.FMA(h[p*c.in+k], w[v*c.in+k], s)
			}
			y[p*c.vocabulary+v] = s
		}
	}
	return y
}

// dh is one chain for each input, over ascending outputs.
func (c contract) dh(w, dy []float32) []float32 {
	d := make([]float32, c.steps*c.batch*c.in)
	for p := range c.steps * c.batch {
		if !c.exists(p/c.batch, p%c.batch) {
			continue
		}
		for k := range c.in {
			var s float32
			for v := range c.vocabulary {
				s = kernels.FMA(dy[p*c.vocabulary+v], w[v*c.in+k], s)
			}
			d[p*c.in+k] = s
		}
	}
	return d
}

// readout adds to dw and db: pairs with time descending, rows ascending, in
// chunks of ceil(256/B) steps, each chunk a chain of its own.
func (c contract) readout(dw, db, h, dy []float32) {
	chunk := max(1, (256+c.batch-1)/c.batch)
	for v := range c.vocabulary {
		for k := range c.in + 1 { // k = in: the bias, whose factor is 1
			var s float32
			for visited := range c.steps {
				t := c.steps - 1 - visited
				for b := range c.batch {
					if p := t*c.batch + b; c.exists(t, b) && k < c.in {
						s = kernels.FMA(dy[p*c.vocabulary+v], h[p*c.in+k], s)
					} else if c.exists(t, b) {
						s += dy[p*c.vocabulary+v]
					}
				}
				if (visited+1)%chunk == 0 || visited == c.steps-1 {
					if k < c.in {
						dw[v*c.in+k] += s
					} else {
						db[v] += s
					}
					s = 0
				}
			}
		}
	}
}

// embedding adds the rows of dx to those of the ids, one by one, in the same
// order of pairs.
func (c contract) embedding(dtable, dx []float32, ids []int32) {
	for t := c.steps - 1; t >= 0; t-- {
		for b := range c.batch {
			if !c.exists(t, b) {
				continue
			}
			p := t*c.batch + b
			for k := range c.width {
				dtable[int(ids[p])*c.width+k] += dx[p*c.width+k]
			}
		}
	}
}

// TestSumsHaveTheOrderOfTheContract: logits and the gradients of readout and
// embedding, over two backward passes that add up, bit for bit.
func TestSumsHaveTheOrderOfTheContract(t *testing.T) {
	for _, c := range []contract{
		{steps: 29, batch: 19, width: 5, in: 5, vocabulary: 6}, // chunks of 14 steps
		{steps: 29, batch: 19, width: 5, in: 5, vocabulary: 6, lengths: []int{29, 0, 1, 14, 15, 16, 28, 2, 13, 3, 29, 4, 5, 6, 7, 8, 9, 10, 11}},
		{steps: 3, batch: 257, width: 2, in: 2, vocabulary: 33}, // chunks of one step
		{steps: 9, batch: 2, width: 17, in: 17, vocabulary: 18}, // one chunk
		// More than the 144 rows and 384 outputs that a worker takes at a time at most.
		{steps: 56, batch: 5, width: 3, in: 3, vocabulary: 400}, // chunks of 52 steps
	} {
		for _, readout := range []string{"own", "tied", "tied by hand", "without bias"} {
			t.Run(fmt.Sprintf("T=%d,B=%d,lengths=%v,readout=%s", c.steps, c.batch, c.lengths != nil, readout), func(t *testing.T) {
				numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) { c.check(t, readout) })
			})
		}
	}
}

func (c contract) check(t *testing.T, readout string) {
	rng := rand.New(rand.NewPCG(5, 5))
	emb, err := nn.NewEmbedding(c.vocabulary, c.width, rng)
	traintest.NoError(t, err)
	layer, err := lstm.New(lstm.Config{Input: c.width, Hidden: c.in}, rng)
	traintest.NoError(t, err)
	out, err := nn.NewLinear(c.in, c.vocabulary, rng)
	traintest.NoError(t, err)
	tied := readout == "tied" || readout == "tied by hand"
	switch {
	case readout == "tied":
		out = emb.Readout()
	case tied:
		out.Weight = emb.Weight
	}
	if readout == "without bias" {
		out.Bias = nil
	}
	net, err := nn.Chain(emb, layer.Unroll(c.steps, c.batch), out)
	traintest.NoError(t, err)
	alone := layer.Unroll(c.steps, c.batch) // the same layer, to see what goes in and out of it
	gates := newGates(t, layer, c)
	dih := make([]float32, len(gates.ih))
	traintest.NoError(t, net.SetLengths(c.lengths))
	traintest.NoError(t, alone.SetLengths(c.lengths))

	pairs := c.steps * c.batch
	dtable := make([]float32, len(emb.Weight))
	dw, db := make([]float32, len(out.Weight)), make([]float32, c.vocabulary)
	if tied {
		dw = dtable
	}
	for pass := range 2 {
		ids := traintest.DrawIDs(rng, pairs, c.vocabulary)
		dy := make([]float32, pairs*c.vocabulary)
		for k := range dy {
			dy[k] = float32(2*rng.Float64() - 1)
		}
		x, h, dx := make([]float32, pairs*c.width), make([]float32, pairs*c.in), make([]float32, pairs*c.width)
		for p, id := range ids {
			copy(x[p*c.width:][:c.width], emb.Weight[int(id)*c.width:])
		}
		alone.Forward(h, x)
		dh := c.dh(out.Weight, dy)
		alone.Backward(dx, dh)
		c.readout(dw, db, h, dy)
		if dGates := gates.grad(x, dh); c.bySymbols() {
			c.symbols(dtable, dih, emb.Weight, gates.ih, dGates, ids)
		} else {
			c.embedding(dtable, dx, ids)
		}

		y := make([]float32, len(dy))
		traintest.NoError(t, net.ForwardIDs(y, ids))
		traintest.Equal(t, fmt.Sprintf("pass %d: y", pass), y, c.logits(out.Weight, out.Bias, h))
		net.Backward(nil, dy)
	}
	if !c.bySymbols() {
		dih = paramsOf(alone)["weight_ih_l0"].G
	}
	net.EachParam(func(name string, _, g []float32) {
		switch name {
		case "1.weight_ih_l0":
			traintest.Equal(t, "gradient of W_ih", g, dih)
		case "0.weight":
			traintest.Equal(t, "gradient of the embedding", g, dtable)
		case "2.weight":
			traintest.Equal(t, "gradient of the readout", g, dw)
		case "2.bias":
			traintest.Equal(t, "gradient of the readout's bias", g, db)
		}
	})
}
