package nettest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Gain and Small are for kinds in which a tiny value that is not taken as +0 changes a
// result, so that Denormals finds it. The slopes of activations are Gain, which makes
// values of 2^-100 large enough to survive the next flush. Gates are near Small, so
// that such a change is not lost in the rounding. With both, no gradient of one step
// overflows.
const (
	Gain  = 0x1p60
	Small = 0x1p-41
)

// tinyValues count as +0 wherever they come in.
var tinyValues = [...]float32{0x1.fffffep-101, 1e-39, -0x1.fffffep-101, float32(math.Copysign(0, -1)), 1e-45}

// An entry is a place where values come in from outside.
type entry struct {
	name   string
	values func(p *problem) [][]float32
	// zero says which other parameters setEntry sets to +0.
	zero func(param string) bool
	// inputs says that x and the state keep their random values; else they are +0.
	inputs bool
}

// entries are those of a kind of layer.
func (p *problem) entries() (list []entry) {
	bias := func(param string) bool { return strings.HasPrefix(param, "bias") }
	all := func(string) bool { return true }
	list = append(list,
		entry{"x", func(p *problem) [][]float32 { return [][]float32{p.x} }, bias, false},
		entry{"dy", func(p *problem) [][]float32 { return [][]float32{p.dy} }, all, true})
	for k := range p.state {
		list = append(list,
			entry{fmt.Sprint("state ", k), func(p *problem) [][]float32 { return p.state[k : k+1] }, bias, false},
			entry{fmt.Sprint("state gradient ", k), func(p *problem) [][]float32 { return p.dstate[k : k+1] }, all, true})
	}
	p.net.EachParam(func(name string, w []float32, _ ...int) {
		list = append(list, entry{name, func(*problem) [][]float32 { return [][]float32{w} }, all, true})
	})
	return list
}

// biases is the entry of all biases at once.
var biases = entry{"all biases", func(p *problem) (list [][]float32) {
	p.net.EachParam(func(name string, w []float32, _ ...int) {
		if strings.HasPrefix(name, "bias_ih") || strings.HasPrefix(name, "bias_hh") {
			list = append(list, w)
		}
	})
	return list
}, func(string) bool { return true }, true}

// setEntry sets the values of an entry, and sets to +0 what would hide their effect in
// the results.
func (p *problem) setEntry(d entry, value func(i int) float32) {
	p.net.EachParam(func(name string, w []float32, _ ...int) {
		if d.zero(name) {
			clear(w)
		}
	})
	if !d.inputs {
		clear(p.x)
		for _, s := range p.state {
			clear(s)
		}
	}
	// A tiny gradient added to one of order 1 would change nothing.
	for _, s := range p.dstate {
		clear(s)
	}
	if strings.HasPrefix(d.name, "state gradient") {
		clear(p.dy)
	}
	for _, v := range d.values(p) {
		for i := range v {
			v[i] = value(i)
		}
	}
}

// Denormals sets each entry of the kinds to tiny values, one entry at a time. All
// results have the bits that +0 in their place gives, forward, backward and in
// inference.
func Denormals(t *testing.T, kinds ...Kind) {
	for _, k := range kinds {
		t.Run(k.Variant, func(t *testing.T) {
			for i, cfg := range []Config{
				{Input: 3, Hidden: 5}, {Input: 19, Hidden: 18, Reverse: true}, {Input: 2, Hidden: 5, Bidirectional: true},
				{Input: 2, Hidden: 5, Bidirectional: true, Merge: 1}, {Input: 2, Hidden: 5, Bidirectional: true, Merge: 2}, {Input: 2, Hidden: 5, Bidirectional: true, Merge: 3},
			} {
				made := func(in, back float32) *problem {
					p := newProblem(t, k, uint64(i), cfg, 1, 5, i%2 == 1)
					p.shrink(in, back)
					return p
				}
				for n, d := range made(1, 1).entries() {
					for _, scale := range [][2]float32{{1, 1}, {0x1p40, 1}, {1, 0x1p40}} {
						tiny, zero := made(scale[0], scale[1]), made(scale[0], scale[1])
						tiny.setEntry(tiny.entries()[n], func(i int) float32 { return tinyValues[i%len(tinyValues)] })
						zero.setEntry(zero.entries()[n], func(int) float32 { return 0 })
						denormals(t, fmt.Sprintf("%v: tiny values of %s", tiny, d.name), tiny, zero)
					}
				}
				// Small gradients and outputs whose product is tiny.
				p := made(1, 1)
				p.setEntry(p.entries()[1], func(int) float32 { return 0x1p-70 })
				denormals(t, fmt.Sprintf("%v: small values of dy", p), p, p)
				// Two tiny biases of a gate, whose sum is not tiny.
				p = made(1, 1)
				p.setEntry(biases, func(i int) float32 { return tinyValues[i%len(tinyValues)] })
				denormals(t, fmt.Sprintf("%v: tiny values of all biases", p), p, p)
			}
		})
	}
}

// tinyBetweenLayers makes the gradients that one layer hands to the layer below tiny,
// some of them and all: they count as +0 there, after the masks between the layers.
// Gradients of the state that are as small show it, being added to them.
func tinyBetweenLayers(t *testing.T, k Kind) {
	want := 5
	if testing.Short() {
		want = 2
	}
	for i, cfg := range []Config{
		{Input: 3, Hidden: 5, Layers: 2}, {Input: 3, Hidden: 5, Layers: 2, Reverse: true}, {Input: 2, Hidden: 5, Layers: 2, Bidirectional: true},
		{Input: 2, Hidden: 5, Layers: 2, Bidirectional: true, Merge: 1}, {Input: 2, Hidden: 5, Layers: 2, Bidirectional: true, Merge: 2},
	} {
		if testing.Short() && i != 0 && i != 2 {
			continue // those two have the two ways in which rows of dy are flushed
		}
		p := newProblem(t, k, uint64(i), cfg, 1, 5, i%2 == 1)
		p.shrink(1, 0x1p-80)
		noticed := 0
		for by := 0; by < 80 && noticed < want; by++ {
			p.net.EachParam(func(name string, w []float32, _ ...int) {
				if strings.HasPrefix(name, "weight_ih_l1") {
					for j := range w {
						w[j] *= 0.5
					}
				}
			})
			fault := *p
			fault.keepTiny = true
			if !alike(p.naive(), fault.naive()) {
				noticed++
				denormals(t, fmt.Sprintf("%v: gradients between layers, by weights times 2^-%d", p, by+1), p, p)
			}
		}
		if noticed < want {
			t.Errorf("%v: %d networks show tiny gradients between layers, want %d", p, noticed, want)
		}
	}
}

// alike reports whether two results have the same bits.
func alike(a, b *result) bool {
	same := func(a, b []float32) bool {
		return slices.EqualFunc(a, b, func(v, w float32) bool { return math.Float32bits(v) == math.Float32bits(w) })
	}
	return same(a.dx, b.dx) && slices.EqualFunc(a.dstate, b.dstate, same) && slices.EqualFunc(a.grads, b.grads, same)
}

// denormals compares the results of a problem with tiny values with those of the same
// problem with +0 in their place.
func denormals(t *testing.T, what string, tiny, zero *problem) {
	want := tiny.naive()
	same(t, what+", by the contract", want, zero.naive())
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, batchFirst := range []bool{false, true} { // of one step both have one layout
			u := tiny.net.Unroll(2, tiny.B)
			u.SetBatchFirst(batchFirst)
			same(t, what, tiny.run(t, u), want)
			check(t, u.SetState(tiny.state))
			check(t, u.SetStateGrad(tiny.dstate))
			for k := range tiny.state {
				numtest.Equal(t, u.State()[k], flushedState(tiny.state)[k], "%s: state %d", what, k)
				numtest.Equal(t, u.StateGrad()[k], flushedState(tiny.dstate)[k], "%s: state gradient %d", what, k)
			}
		}
		tiny, zero := *tiny, *zero
		tiny.evaluate, zero.evaluate = true, true
		want := zero.run(t, zero.net.Unroll(1, zero.B))
		u, y := tiny.net.Infer(1, tiny.B), filled(len(want.y))
		check(t, u.SetLengths(tiny.lengths))
		tiny.start(t, u)
		u.Forward(y, tiny.x)
		numtest.Equal(t, y, want.y, "%s: Infer", what)
		if slices.Contains(tiny.cfg.directions(), true) || tiny.lengths != nil {
			return
		}
		pr, err := tiny.net.Predictor(tiny.B)
		check(t, err)
		check(t, pr.SetState(tiny.state))
		for k, s := range flushedState(tiny.state) {
			numtest.Equal(t, pr.State()[k], s, "%s: state %d of a Predictor", what, k)
		}
		pr.Step(y, tiny.x)
		numtest.Equal(t, y, want.y, "%s: Predictor", what)

		check(t, pr.SetState(tiny.state))
		pr.HoldSymbols(tiny.x) // of one step: the table's rows are those of the batch
		ids := make([]int32, tiny.B)
		for b := range ids {
			ids[b] = int32(b)
		}
		pr.StepSymbols(y, ids)
		numtest.Equal(t, y, want.y, "%s: Predictor over symbols", what)
	})
}
