package nettest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// embedding is a type with the methods of an Unrolled, some of which it may replace.
type embedding struct{ Unrolled }

// symbolMisuse: mistakes panic before anything is changed, and the call that follows has the
// right bits.
func symbolMisuse(t *testing.T, k Kind) {
	const T, B, V = 4, 3, 6
	p := newProblem(t, k, 87, Config{Input: 2, Hidden: 3, Layers: 2}, T, B, false)
	p.lookUp(5, V, true)
	p.over.padding = 2
	want := p.run(t, p.net.Unroll(T, B))
	u := p.net.Unroll(T, B)
	if !u.TakesSymbols(u) || u.TakesSymbols(embedding{u}) || u.TakesSymbols(&embedding{u}) || u.TakesSymbols(nil) || u.TakesSymbols(p.net.Unroll(T, B)) {
		t.Error("TakesSymbols is true of another net than its own, or false of that")
	}
	table, ids := p.over.table, p.over.ids
	y, dTable := filled(len(p.dy)), drawn(len(table))
	refused := func(words string, f func()) {
		t.Helper()
		before := snapshot(u, append(y[:len(y):len(y)], dTable...), nil)
		first, second, _ := strings.Cut(words, "|")
		panics(t, k, first, second, f)
		for i, after := range snapshot(u, append(y[:len(y):len(y)], dTable...), nil) {
			numtest.Equal(t, after, before[i], "%s: memory %d after the panic", words, i)
		}
	}
	n := len(y)
	for name, f := range map[string]Unrolled{"Unroll": u, "Infer": p.net.Infer(T, B)} {
		t.Log(name)
		refused("ForwardSymbols with len(y) = 35 and len(ids) = 12|T*9 and T*3", func() { f.ForwardSymbols(y[:n-1], table, ids) })
		refused("len(y) = 36 and len(ids) = 11|batch of 3", func() { f.ForwardSymbols(y, table, ids[1:]) })
		refused("len(y) = 36 and len(ids) = 9|batch of 3", func() { f.ForwardSymbols(y, table, ids[:9]) })
		refused("table of 11 elements|V rows of 2 inputs", func() { f.ForwardSymbols(y, table[1:], ids) })
		refused("ForwardSymbols|unrolled for 4", func() { f.ForwardSymbols(filled(45), table, make([]int32, 15)) })
		for _, bad := range []int32{-1, V, 1 << 30, -1 << 31} {
			for _, at := range []int{0, 7, 11} {
				wrong := append([]int32(nil), ids...)
				wrong[at] = bad
				f.SetBatchFirst(false)
				refused(fmt.Sprintf("id %d of step %d, row %d,|want 0 to 5", bad, at/B, at%B), func() { f.ForwardSymbols(y, table, wrong) })
				f.SetBatchFirst(true)
				refused(fmt.Sprintf("id %d of step %d, row %d,|want 0 to 5", bad, at%T, at/T), func() { f.ForwardSymbols(y, table, wrong) })
				f.SetBatchFirst(false)
				// Past the end of a row nothing is refused, one step before it is.
				lengths := []int{T, T, T}
				lengths[at%B] = at / B
				check(t, f.SetLengths(lengths))
				f.Reset()
				f.ForwardSymbols(filled(n), table, wrong)
				lengths[at%B]++
				check(t, f.SetLengths(lengths))
				f.Reset()
				refused(fmt.Sprintf("id %d of step %d, row %d,|want 0 to 5", bad, at/B, at%B), func() { f.ForwardSymbols(y, table, wrong) })
				check(t, f.SetLengths(nil))
			}
		}
		refused("ReserveSymbols(-1)|0 or more", func() { f.ReserveSymbols(-1) })
		refused("id 0 of step 0, row 0|want 0 to -1", func() { f.ForwardSymbols(y, nil, make([]int32, 12)) })
		check(t, f.SetLengths([]int{1, 4, 2}))
		refused("ForwardSymbols over 3 steps|row 1 4", func() { f.ForwardSymbols(y[:27], table, ids[:9]) })
		check(t, f.SetLengths([]int{1, 2, 2}))
		check(t, f.SetResets([][]int{{1}, nil, nil}))
		refused("row 0|1", func() { f.ForwardSymbols(y[:27], table, ids[:9]) })
		check(t, f.SetResets(nil))
		check(t, f.SetLengths(nil))
	}
	f := p.net.Infer(T, B)
	f.ForwardSymbols(y, table, ids)
	panics(t, k, "BackwardSymbols on what Infer made", "Unroll", func() { f.BackwardSymbols(nil, p.dy, -1) })

	refused("BackwardSymbols without a Forward|one Backward", func() { u.BackwardSymbols(dTable, p.dy, -1) })
	u.Forward(y, drawn(T*B*2))
	refused("BackwardSymbols after Forward|want Backward", func() { u.BackwardSymbols(dTable, p.dy, -1) })
	u.Backward(nil, p.dy)
	refused("BackwardSymbols without a Forward|one Backward", func() { u.BackwardSymbols(dTable, p.dy, -1) })

	// After all that has been refused the right calls have the right bits.
	got := p.newResult()
	u.ZeroGrads()
	p.start(t, u)
	p.forward(u, got)
	got.state = u.State()
	check(t, u.SetStateGrad(p.dstate))
	refused("Backward after ForwardSymbols|want BackwardSymbols", func() { u.Backward(nil, p.dy) })
	refused("BackwardSymbols with len(dy) = 35|want 36", func() { u.BackwardSymbols(dTable, p.dy[1:], -1) })
	refused("padding -2|-1 for none", func() { u.BackwardSymbols(dTable, p.dy, -2) })
	refused("padding 6|0 to 5", func() { u.BackwardSymbols(dTable, p.dy, V) })
	refused("BackwardSymbols with len(dTable) = 11|want 12", func() { u.BackwardSymbols(dTable[1:], p.dy, -1) })
	refused("BackwardSymbols with len(dTable) = 0|want 12", func() { u.BackwardSymbols([]float32{}, p.dy, -1) })
	p.backward(u, got)
	got.dstate = u.StateGrad()
	got.readGrads(u)
	same(t, "after misuse", got, want)
	refused("BackwardSymbols without a Forward|one Backward", func() { u.BackwardSymbols(dTable, p.dy, -1) })

	for name, end := range map[string]func(){
		"SetLengths":    func() { check(t, u.SetLengths(nil)) },
		"SetBatchFirst": func() { u.SetBatchFirst(false) },
		"SetSeed":       func() { u.SetSeed(1) },
		// What it allocates takes the place of what ForwardSymbols left.
		"ReserveSymbols": func() { u.ReserveSymbols(1000) },
	} {
		u.ForwardSymbols(y, table, ids)
		end()
		panics(t, k, "BackwardSymbols", "without a Forward", func() {
			u.BackwardSymbols(dTable, p.dy, -1)
			t.Errorf("BackwardSymbols after %s", name)
		})
	}
	// Where there is memory it changes nothing, and it is of no matter to a pass over x.
	u.ForwardSymbols(y, table, ids)
	u.ReserveSymbols(1000)
	u.BackwardSymbols(dTable, p.dy, -1)
	u.Forward(y, drawn(T*B*2))
	u.ReserveSymbols(2000)
	u.Backward(nil, p.dy)
}

// drawn is n numbers, the same for each call.
func drawn(n int) []float32 { return draw(rand.New(rand.NewPCG(1, uint64(n))), n) }

// symbolOverlap: slices that overlap where they must not are refused before anything is written.
func symbolOverlap(t *testing.T, k Kind) {
	for _, cfg := range []Config{{Input: 4, Hidden: 4}, {Input: 4, Hidden: 4, Layers: 2}, {Input: 4, Hidden: 2, Bidirectional: true}} {
		const T, B, V = 2, 1, 2
		p := newProblem(t, k, 88, cfg, T, B, false)
		p.lookUp(6, V, true)
		want := p.run(t, p.net.Unroll(T, B))
		u := p.net.Unroll(T, B)
		n := len(p.dy) // as many as y, dy, the table and its gradient have
		memory := filled(4*n + 1)
		table, y, dTable, dy := memory[:n:n], memory[n:2*n:2*n], memory[2*n:3*n:3*n], memory[3*n:4*n:4*n]
		copy(table, p.over.table)
		copy(dTable, p.over.start)
		copy(dy, p.dy)
		w, g := largestParam(u)
		if len(w) < n {
			t.Fatalf("the largest parameter has %d elements, want at least %d", len(w), n)
		}
		states := u.State()
		refused := overlapRefused(t, k, fmt.Sprintf("%+v", cfg), u, memory, states)
		ids := p.over.ids
		refused("ForwardSymbols|y|the table", func() { u.ForwardSymbols(table, table, ids) })
		refused("ForwardSymbols|y|the table", func() { u.ForwardSymbols(memory[n-1:2*n-1], table, ids) })
		refused("ForwardSymbols|y|weight", func() { u.ForwardSymbols(w[:n], table, ids) })
		refused("ForwardSymbols|y|the gradient of weight", func() { u.ForwardSymbols(g[:n], table, ids) })
		refused("ForwardSymbols|the table|weight", func() { u.ForwardSymbols(y, w[:n], ids) })
		refused("ForwardSymbols|the table|the gradient of weight", func() { u.ForwardSymbols(y, g[:n], ids) })

		p.start(t, u)
		u.ForwardSymbols(y, table, ids) // neighbours in memory
		numtest.Equal(t, y, want.y, "%+v: y", cfg)
		check(t, u.SetStateGrad(p.dstate))
		refused("BackwardSymbols|dTable|dy", func() { u.BackwardSymbols(dy, dy, -1) })
		refused("BackwardSymbols|dTable|dy", func() { u.BackwardSymbols(memory[2*n+1:3*n+1], dy, -1) })
		refused("BackwardSymbols|dTable|the table", func() { u.BackwardSymbols(table, dy, -1) })
		refused("BackwardSymbols|dTable|the table", func() { u.BackwardSymbols(memory[n-1:2*n-1], dy, -1) })
		refused("BackwardSymbols|dTable|weight", func() { u.BackwardSymbols(w[:n], dy, -1) })
		refused("BackwardSymbols|dTable|the gradient of weight", func() { u.BackwardSymbols(g[:n], dy, -1) })
		refused("BackwardSymbols|dy|weight", func() { u.BackwardSymbols(dTable, w[:n], -1) })
		refused("BackwardSymbols|dy|the gradient of weight", func() { u.BackwardSymbols(dTable, g[:n], -1) })
		refused("HiddenStates|dst|the table of the last ForwardSymbols", func() { u.HiddenStates(0, table) })
		into := u.State()
		into[0] = table[:len(into[0])]
		refused("CopyState|tensor 0|the table of the last ForwardSymbols", func() { u.CopyState(into) })

		u.BackwardSymbols(dTable, dy, -1)
		numtest.Equal(t, dTable, want.table, "%+v: gradient of the table", cfg)
		i := 0
		u.EachParam(func(name string, _, g []float32) {
			numtest.Equal(t, g, want.grads[i], "%+v: gradient of %s", cfg, name)
			i++
		})
		u.HiddenStates(0, table) // the table is of no use after Backward
		copy(table, p.over.table)
		u.ForwardSymbols(y, table, ids)
		u.Forward(y, dTable) // nor after another Forward
		u.HiddenStates(0, table)
	}
}
