package nettest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// window is p over T steps of its rows, with other lengths.
func (p *problem) window(T int, lengths []int) *problem {
	q := *p
	q.T, q.lengths = T, lengths
	q.x, q.dy = p.x[:T*p.B*p.cfg.Input], p.dy[:T*p.B*p.out()]
	return &q
}

// goOn runs the problem through u from the state that u has, and adds to its gradients.
func (p *problem) goOn(t *testing.T, u Unrolled, withGrad bool) *result {
	t.Helper()
	res := p.newResult()
	check(t, u.SetLengths(p.lengths))
	p.forward(u, res)
	res.state = u.State()
	if withGrad {
		check(t, u.SetStateGrad(p.dstate))
	}
	p.backward(u, res)
	res.dstate = u.StateGrad()
	res.readGrads(u)
	return res
}

// Windows one after another, over symbols and over x in turns, over tables of all sizes, leave
// nothing behind for the next but the carried state and the gradients.
func symbolsInWindows(t *testing.T, k Kind) {
	for i, cfg := range []Config{
		{Input: 3, Hidden: 4, Layers: 2, Workers: 3},
		{Input: 3, Hidden: 4, Bidirectional: true, Workers: 2},
		{Input: 2, Hidden: 5, Bidirectional: true, Merge: 3, Layers: 2},
		{Input: 5, Hidden: 130, Workers: 2}, // steps split by units
	} {
		const T, B = 7, 6
		p := newProblem(t, k, uint64(70+i), cfg, T, B, false)
		u, v, f := p.net.Unroll(T+2, B), p.net.Unroll(T+2, B), p.net.Infer(T+2, B)
		f.HoldWeights(i%2 == 0)
		for _, u := range []Unrolled{u, v, f} {
			p.start(t, u)
		}
		for i, w := range []struct {
			T, vocabulary int // 0: over x
			lengths       []int
		}{
			{T, 42, nil}, {T, 60, nil}, {3, 18, nil}, {T, 0, nil}, {T, 50, []int{0, 7, 3, 7, 1, 2}}, {0, 0, nil},
			{0, 5, nil}, {T, 60, []int{7, 6, 5, 4, 3, 0}}, {1, 200, nil}, {T, 0, []int{1, 1, 7, 1, 1, 1}}, {T, 200, []int{0, 0, 0, 0, 0, 0}}, {T, 42, nil},
		} {
			q := p.window(w.T, w.lengths)
			if w.vocabulary > 0 {
				q.lookUp(uint64(i), w.vocabulary, false)
			}
			want := q.overX().goOn(t, v, i%2 == 0)
			if q.over != nil {
				want = q.onceAs(want)
			}
			u.SetWorkers(1 + i%4)
			same(t, fmt.Sprintf("%v, window %d", q, i), q.goOn(t, u, i%2 == 0), want)
			res := q.newResult()
			check(t, f.SetLengths(q.lengths))
			q.forward(f, res)
			numtest.Equal(t, res.y, want.y, "%v, window %d: y of Infer", q, i)
		}
	}
	net, err := k.New(Config{Input: 2, Hidden: 3}, nil)
	check(t, err)
	for _, u := range []Unrolled{net.Unroll(0, 2), net.Unroll(3, 0), net.Unroll(0, 0), net.Unroll(3, 2)} {
		dTable := []float32{1, 2}
		for range 2 {
			u.ForwardSymbols(nil, []float32{3, 4}, nil)
			u.BackwardSymbols(dTable, nil, -1)
			u.ForwardSymbols(nil, nil, nil) // a table without rows
			u.BackwardSymbols(nil, nil, -1)
		}
		numtest.Equal(t, dTable, []float32{1, 2}, "the gradient of no steps")
	}
}

// Segments of steps change no bit of passes over symbols that come in several of them.
func symbolsInSegments(t *testing.T, k Kind) {
	if k.Noise.Input > 0 {
		return // takes no symbols
	}
	const T, B = 23, 64 // a chunk of weight gradients has 4 steps
	for i, cfg := range []Config{
		{Input: 3, Hidden: 4, Layers: 2, Workers: 3},
		{Input: 2, Hidden: 5, Layers: 1, Reverse: true},
	} {
		for _, vocabulary := range []int{9, 700} { // the symbols of more than one chunk, too
			p := newProblem(t, k, uint64(74+i), cfg, T, B, true)
			p.lookUp(1, vocabulary, true)
			p.over.padding = 4
			t.Run(fmt.Sprint(p, ",symbols=", vocabulary), func(t *testing.T) {
				least, all := budgets(t, p.net, T, B)
				for _, bytes := range []int{least, all - 1} {
					cut, err := p.net.UnrollWithin(T, B, bytes)
					check(t, err)
					want := p.net.Unroll(T, B)
					for _, batchFirst := range []bool{false, true} {
						for _, u := range []Unrolled{cut, want} {
							u.SetBatchFirst(batchFirst)
							u.ZeroGrads()
							p.start(t, u)
						}
						for w, T := range []int{T, T - 3} {
							q := p.window(T, nil)
							if w == 0 {
								q.lengths = p.lengths
							}
							q.lookUp(uint64(w), vocabulary, true)
							if batchFirst {
								q.over.ids = turn(q.over.ids, T, B)
							}
							cut.SetWorkers(1 + w)
							same(t, fmt.Sprintf("%v, batch first=%v, window %d", p, batchFirst, w), q.goOn(t, cut, true), q.goOn(t, want, true))
						}
					}
				}
			})
		}
	}
}

// Rows that begin anew inside a window do so over symbols as well.
func symbolsWithResets(t *testing.T, k Kind) {
	if k.Noise.Input > 0 {
		return // takes no symbols
	}
	for i, s := range []shape{
		{Config{Input: 3, Hidden: 4, Layers: 2, Workers: 3}, 7, 256, false},
		{Config{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true}, 9, 7, true},
		{Config{Input: 2, Hidden: 130, Reverse: true, Workers: 2}, 9, 3, true},
	} {
		p := newProblem(t, k, uint64(80+i), s.cfg, s.T, s.B, s.ragged)
		p.lookUp(2, p.T*p.B, false)
		us := map[string]Unrolled{"Unroll": p.net.Unroll(p.T, p.B)}
		if !s.ragged {
			least, _ := budgets(t, p.net, p.T, p.B)
			var err error
			us["UnrollWithin"], err = p.net.UnrollWithin(p.T, p.B, least)
			check(t, err)
		}
		x := p.net.Unroll(p.T, p.B)
		for _, state := range [][][]float32{nil, p.dstate} {
			pass := func(p *problem, u Unrolled) (*result, [][]float32) {
				grad := clone(p.state)
				check(t, u.SetResetState(state))
				check(t, u.SetResets(p.resetsOf()))
				res := p.run(t, u)
				if state != nil {
					u.CopyResetGrad(grad)
				}
				return res, grad
			}
			res, wantGrad := pass(p.overX(), x)
			want := p.onceAs(res)
			for name, u := range us {
				got, grad := pass(p, u)
				same(t, name, got, want)
				for k := range grad {
					numtest.Equal(t, grad[k], wantGrad[k], "%s: gradient %d of the state to begin anew with", name, k)
				}
			}
		}
	}
}

// The sums by symbols are those over pairs, up to rounding.
func symbolsAreSummed(t *testing.T, k Kind) {
	p := newProblem(t, k, 85, Config{Input: 6, Hidden: 9, Layers: 2, Bidirectional: true}, 50, 9, true)
	p.lookUp(3, 7, true)
	p.over.padding = 5
	got, over := p.run(t, p.net.Unroll(p.T, p.B)), p.overX().run(t, p.net.Unroll(p.T, p.B))
	in, table := p.cfg.Input, make([]float64, len(p.over.start))
	for i, v := range p.over.start {
		table[i] = float64(v)
	}
	for i, id := range p.over.ids {
		for j := range in {
			if i/p.B < p.length(i%p.B) && id != p.over.padding {
				table[int(id)*in+j] += float64(over.dx[i*in+j])
			}
		}
	}
	near := func(what string, got []float32, want []float64) {
		t.Helper()
		most := 0.
		for _, v := range want {
			most = max(most, math.Abs(v))
		}
		for i, v := range want {
			if !(math.Abs(float64(got[i])-v) <= 2e-6*most) {
				t.Errorf("%s[%d] is %v, want %v", what, i, got[i], v)
			}
		}
	}
	near("gradient of the table", got.table, table)
	numtest.Equal(t, got.table[5*in:6*in], p.over.start[5*in:6*in], "gradient of padding")
	for k, name := range over.names {
		if !strings.HasPrefix(name, "weight_ih_l0") {
			numtest.Equal(t, got.grads[k], over.grads[k], "gradient of %s", name)
			continue
		}
		want := make([]float64, len(over.grads[k]))
		for i, v := range over.grads[k] {
			want[i] = float64(v)
		}
		near("gradient of "+name, got.grads[k], want)
	}
}

// Passes over symbols allocate nothing once there is memory for them, and Bytes tells of it.
func symbolMemory(t *testing.T, k Kind) {
	for _, cfg := range []Config{
		{Input: 3, Hidden: 5, Layers: 2, Workers: 1},
		{Input: 3, Hidden: 5, Bidirectional: true, Workers: 3},
		{Input: 3, Hidden: 130, Workers: 4}, // steps split by units
	} {
		const T, B, V = 40, 9, 70
		p := newProblem(t, k, 86, cfg, T, B, true)
		p.lookUp(4, V, true)
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			made := map[string]func() Unrolled{
				"Unroll": func() Unrolled { return p.net.Unroll(T, B) }, "Infer": func() Unrolled { return p.net.Infer(T, B) },
			}
			if !cfg.Bidirectional {
				least, _ := budgets(t, p.net, T, B)
				made["UnrollWithin"] = func() Unrolled {
					u, err := p.net.UnrollWithin(T, B, least)
					check(t, err)
					return u
				}
			}
			y, dTable := filled(len(p.dy)), make([]float32, V*cfg.Input)
			for name, unroll := range made {
				u := unroll()
				pass := func() {
					u.ForwardSymbols(y, p.over.table, p.over.ids)
					if name != "Infer" {
						u.BackwardSymbols(dTable, p.dy, 1)
					}
				}
				check(t, u.SetLengths(p.lengths))
				pass()
				if n := testing.AllocsPerRun(5, pass); n != 0 {
					t.Errorf("%+v, %s: %v allocations", cfg, name, n)
				}
				first := u.Bytes()
				allocated, told := math.MaxInt, 0
				for range 3 { // the count is one of the whole process
					u = unroll()
					before := u.Bytes()
					allocated = min(allocated, int(numtest.Allocated(func() { u.ReserveSymbols(V) })))
					told = u.Bytes() - before
				}
				if u.Bytes() != first {
					t.Errorf("%+v, %s: %d bytes after ReserveSymbols, %d after ForwardSymbols", cfg, name, u.Bytes(), first)
				}
				// The products, and in training their gradients, of each symbol.
				gates := k.Gates * cfg.Hidden * len(cfg.directions())
				least := 4 * V * gates
				if name != "Infer" {
					least *= 2
				}
				if told < least || told > least+least/4+8*T*B+8*V || allocated < told || allocated > told+told/20+16<<10 {
					t.Errorf("%+v, %s: ReserveSymbols allocated %d bytes, Bytes tells %d, want about %d", cfg, name, allocated, told, least)
				}
				check(t, u.SetLengths(p.lengths))
				if n := testing.AllocsPerRun(5, pass); n != 0 {
					t.Errorf("%+v, %s: %v allocations after ReserveSymbols", cfg, name, n)
				}
				if n := testing.AllocsPerRun(5, func() { u.ReserveSymbols(V); u.ReserveSymbols(3); u.ReserveSymbols(0) }); n != 0 {
					t.Errorf("%+v, %s: %v allocations where there is memory", cfg, name, n)
				}
			}
			// Of more symbols than pairs no more can come than there are pairs.
			u := p.net.Unroll(2, 3)
			before := u.Bytes()
			u.ReserveSymbols(1 << 20)
			if told := u.Bytes() - before; told > 4<<20+6*9*k.Gates*cfg.Hidden*len(cfg.directions())+1<<10 {
				t.Errorf("%+v: %d bytes for the symbols of 6 pairs", cfg, told)
			}
		})
	}
}
