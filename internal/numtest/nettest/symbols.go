package nettest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/kernels/ref"
)

// symbols are what the x of a problem was looked up by.
type symbols struct {
	table   []float32 // [V][Input]
	ids     []int32   // [T][B]; past the end of a row they are no symbols
	padding int32     // the symbol without a gradient, -1: none
	start   []float32 // what the gradient of the table is before Backward
	noTable bool      // the gradient of the table is not wanted
}

// notSymbols are ids past the ends of rows, which nothing may look up.
var notSymbols = []int32{-1, math.MaxInt32, math.MinInt32, 1 << 20}

// lookUp makes p one over so many symbols. Without repeat each of them comes at most once; there
// must be as many symbols as pairs. Some elements of the table are tiny, and the rows that
// do not come are NaN.
func (p *problem) lookUp(seed uint64, vocabulary int, repeat bool) {
	r := rand.New(rand.NewPCG(seed, 11))
	in := p.cfg.Input
	s := &symbols{table: draw(r, vocabulary*in), start: draw(r, vocabulary*in), ids: make([]int32, p.T*p.B), padding: -1}
	for i := range s.table {
		if r.Uint64()%7 == 0 {
			s.table[i] *= 0x1p-101
		}
	}
	once := r.Perm(vocabulary)
	comes := make([]bool, vocabulary)
	for i := range s.ids {
		if i/p.B >= p.length(i%p.B) {
			s.ids[i] = notSymbols[i%len(notSymbols)]
			continue
		}
		if repeat {
			s.ids[i] = int32(r.IntN(vocabulary))
		} else {
			s.ids[i] = int32(once[i])
		}
		comes[s.ids[i]] = true
	}
	for v, ok := range comes {
		if !ok {
			copy(s.table[v*in:][:in], filled(in))
		}
	}
	p.over, p.x = s, filled(len(p.x))
	for i, id := range s.ids {
		if i/p.B < p.length(i%p.B) {
			copy(p.x[i*in:][:in], s.table[int(id)*in:])
		}
	}
}

// overX is p over the x that its symbols stand for.
func (p *problem) overX() *problem {
	q := *p
	q.over = nil
	return &q
}

// newResult is a result of which y, and dx or the gradient of the table, can be set.
func (p *problem) newResult() *result {
	res := &result{y: filled(len(p.dy))}
	switch {
	case p.over == nil:
		res.dx = filled(len(p.x))
	case !p.over.noTable:
		res.table = slices.Clone(p.over.start)
	}
	return res
}

func (p *problem) forward(u Unrolled, res *result) {
	if p.over == nil {
		u.Forward(res.y, p.x)
		return
	}
	ids := slices.Clone(p.over.ids)
	u.ForwardSymbols(res.y, p.over.table, ids)
	for i := range ids {
		ids[i] = -1 // they were copied
	}
}

func (p *problem) backward(u Unrolled, res *result) {
	if p.over == nil {
		u.Backward(res.dx, p.dy)
		return
	}
	u.BackwardSymbols(res.table, p.dy, p.over.padding)
}

// symbolSums are the gradients of the products with W_ih of a direction, summed for each symbol.
type symbolSums map[int32][]float32

// symbolGradients adds the part of W_ih of the first layer to its gradient, by what rule 4
// says of symbols, and returns the sums of the direction.
func (n *naive) symbolGradients(reverse bool, grads map[pair]Grads) symbolSums {
	p, in := n.p, n.p.cfg.Input
	sums := symbolSums{}
	var order []int32 // as they come first
	for k := range p.T {
		t := p.T - 1 - k
		if reverse {
			t = k
		}
		for b := range p.B {
			g, ok := grads[pair{t, b}]
			if !ok {
				continue
			}
			id := p.over.ids[t*p.B+b]
			s := sums[id]
			if s == nil {
				sums[id], order = slices.Clone(g.Ih), append(order, id)
				continue
			}
			for i, d := range g.Ih {
				s[i] += d
			}
		}
	}
	for _, s := range sums {
		Flushed(s)
	}
	into := n.g[name("weight_ih", 0, reverse)]
	chunk := int(math.Ceil(256/float64(max(p.B, 1)))) * p.B
	for part := range slices.Chunk(order, max(1, chunk)) {
		for r := range len(into) / in {
			for j := range in {
				var s float32
				for _, id := range part {
					s = ref.FMA(sums[id][r], ref.Flush(p.over.table[int(id)*in+j]), s)
				}
				into[r*in+j] += s
			}
		}
	}
	return sums
}

// tableGradient is what a pass over symbols makes of the gradient of the table.
func (n *naive) tableGradient(sums []symbolSums) []float32 {
	p, in := n.p, n.p.cfg.Input
	if p.over.noTable {
		return nil
	}
	g := slices.Clone(p.over.start)
	for id := range sums[0] {
		if id == p.over.padding {
			continue
		}
		dx := make([]float32, in)
		for d, reverse := range p.cfg.directions() {
			dx = Transposed(dx, n.w[name("weight_ih", 0, reverse)], 0, sums[d][id])
		}
		for j := range dx {
			g[int(id)*in+j] += dx[j]
		}
	}
	return g
}

// refusesSymbols checks that a layer with masks on its input takes no symbols, and says whether
// k has them.
func refusesSymbols(t *testing.T, k Kind) bool {
	t.Helper()
	p := newProblem(t, k, 1, Config{Input: 2, Hidden: 3}, 2, 2, false)
	u := p.net.Unroll(2, 2)
	if k.Noise.Input == 0 {
		return false
	}
	y := filled(len(p.dy))
	panics(t, k, "ForwardSymbols with Config.InputDropout", "call Forward", func() { u.ForwardSymbols(y, make([]float32, 6), make([]int32, 4)) })
	numtest.Equal(t, y, filled(len(y)), "y of a refused call")
	return true
}

// symbolShapes are the shapes for passes over symbols; a variant has one less than the others
// take, that of steps split by units, whose input is of no other kind.
func (k Kind) symbolShapes() []shape {
	list := k.shapes()
	if k.variant && !testing.Short() {
		list = list[:len(list)-1]
	}
	return list
}

// Passes over symbols that come again and again have the bits of the contract: on every tier,
// for any number of workers, batch first or not, in memory in use before, with one symbol of
// padding, with a gradient of the table or none.
func symbolsByTheContract(t *testing.T, k Kind) {
	if refusesSymbols(t, k) {
		return
	}
	var problems []*problem
	for i, s := range k.symbolShapes() {
		p := newProblem(t, k, uint64(i), s.cfg, s.T, s.B, s.ragged)
		vocabulary := max(1, s.T*s.B/4)
		if s.T*s.B > 512 { // several chunks of symbols
			vocabulary = 2 * s.T * s.B
		}
		p.lookUp(uint64(i), vocabulary, true)
		if i%2 == 1 {
			p.over.padding = p.over.ids[0]
		}
		problems = append(problems, p)
	}
	tiny := append(slices.Clone(tiny), tiny[0]) // of a tiny table and no tiny gradients the sums show
	tiny[len(tiny)-1].back = 1
	for _, s := range tiny {
		p := newProblem(t, k, uint64(len(problems)), s.cfg, s.T, s.B, s.ragged)
		p.lookUp(uint64(len(problems)), 4, true)
		p.shrink(s.in, s.back)
		for i := range p.over.table {
			p.over.table[i] *= s.in
		}
		clear(p.over.start)
		problems = append(problems, p)
	}
	for _, p := range problems {
		modes := []bool{false}
		if k.Noise != (Noise{}) && !testing.Short() {
			modes = append(modes, true)
		}
		for _, p.evaluate = range modes {
			want := p.naive()
			numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
				p.withWorkers(t, want)
				u := p.unrolledForMore(t, want)
				u.ReserveSymbols(1000)
				same(t, fmt.Sprintf("%v, with memory for more symbols", p), p.run(t, u), want)

				without := *want
				without.table, p.over.noTable = nil, true
				same(t, fmt.Sprintf("%v without a gradient of the table", p), p.run(t, u), &without)
				p.over.noTable = false

				q, first := *p, *p.over
				first.ids, q.over, q.dy = turn(p.over.ids, p.T, p.B), &first, turn(p.dy, p.T, p.B)
				turned := *want
				turned.y = turn(want.y, p.T, p.B)
				u.SetBatchFirst(true)
				same(t, fmt.Sprintf("%v batch first", p), q.run(t, u), &turned)

				f := p.net.Infer(p.T+1, p.B)
				check(t, f.SetLengths(p.lengths))
				p.start(t, f)
				res := p.newResult()
				for range 2 { // the products of the call before do not stay
					check(t, f.SetState(p.state))
					f.SetSeed(p.seed)
					f.Reset()
					check(t, f.SetState(p.state))
					p.forward(f, res)
					numtest.Equal(t, res.y, want.y, "%v: y of Infer", p)
				}
				for k, s := range f.State() {
					numtest.Equal(t, s, want.state[k], "%v: Infer's state %d", p, k)
				}
			})
		}
	}
}

// onceAs is the result over symbols that come once that goes with res, one over x: the rows of dx
// are added to those of the table.
func (p *problem) onceAs(res *result) *result {
	want, in := *res, p.cfg.Input
	want.dx, want.table = nil, slices.Clone(p.over.start)
	for i, id := range p.over.ids {
		if i/p.B >= p.length(i%p.B) || id == p.over.padding {
			continue
		}
		for j := range in {
			want.table[int(id)*in+j] += res.dx[i*in+j]
		}
	}
	return &want
}

// Where no symbol comes twice all bits are those of passes over x, dx being the gradients of the
// rows of the table: with chunks of the same pairs, which are those of whole rows, or one for all.
func symbolsThatComeOnce(t *testing.T, k Kind) {
	if refusesSymbols(t, k) {
		return
	}
	for i, s := range k.shapes() {
		if chunk := (256 + s.B - 1) / s.B; s.ragged && s.T > chunk {
			continue
		}
		p := newProblem(t, k, uint64(i), s.cfg, s.T, s.B, s.ragged)
		p.lookUp(uint64(i), p.T*p.B+3, false)
		p.over.padding = p.over.ids[0]
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			want := p.onceAs(p.overX().run(t, p.net.Unroll(p.T, p.B)))
			for _, workers := range []int{1, 3} {
				u := p.net.Unroll(p.T, p.B)
				u.SetWorkers(workers)
				same(t, fmt.Sprintf("%v workers=%d", p, workers), p.run(t, u), want)
			}
		})
	}
}
