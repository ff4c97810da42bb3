package nettest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// Slices of a call that overlap where they must not are refused by a panic that
// names both, before anything is written: the call that follows with memory of its
// own has the right bits.
func overlap(t *testing.T, k Kind) {
	for _, cfg := range []Config{{Input: 4, Hidden: 4}, {Input: 4, Hidden: 4, Layers: 2}, {Input: 4, Hidden: 2, Bidirectional: true}} {
		const T, B = 2, 1
		p := newProblem(t, k, 3, cfg, T, B, false)
		n := len(p.x) // as many as y, dx and dy have
		want := p.run(t, p.net.Unroll(T, B))
		for _, batchFirst := range []bool{false, true} {
			u := p.net.Unroll(T, B)
			u.SetBatchFirst(batchFirst)
			memory := filled(3*n + 1)
			x, y := memory[:n:n], memory[n:2*n:2*n]
			copy(x, p.x)
			w, g := largestParam(u)
			if len(w) < n {
				t.Fatalf("the largest parameter has %d elements, want at least %d", len(w), n)
			}
			states := u.State()
			refused := overlapRefused(t, k, fmt.Sprintf("%+v", cfg), u, memory, states)
			// The last element of one is the first of the other, and the other way round.
			behind, before := memory[n-1:2*n-1], memory[1:n+1]
			refused("Forward|y|x", func() { u.Forward(x, x) })
			refused("Forward|y|x", func() { u.Forward(behind, x) })
			refused("Forward|y|x", func() { u.Forward(x, before) })
			refused("ForwardLengths|y|x", func() { u.ForwardLengths(x, x, nil) })
			refused("Forward|y|weight", func() { u.Forward(w[:n], x) })
			refused("Forward|y|the gradient of weight", func() { u.Forward(g[:n], x) })
			refused("Forward|x|weight", func() { u.Forward(y, w[:n]) })
			refused("Forward|x|the gradient of weight", func() { u.Forward(y, g[:n]) })

			p.start(t, u)
			u.Forward(y, x) // neighbours in memory
			numtest.Equal(t, y, want.y, "%+v: y", cfg)
			dx, dy := memory[2*n:3*n], y
			copy(dy, p.dy) // the gradient in the place of y
			check(t, u.SetStateGrad(p.dstate))
			over := memory[2*n-1 : 3*n-1]
			refused("Backward|dx|dy", func() { u.Backward(dy, dy) })
			refused("Backward|dx|dy", func() { u.Backward(over, dy) })
			refused("Backward|dx|dy", func() { u.Backward(dy, over) })
			refused("Backward|dx|the x of Forward", func() { u.Backward(x, dy) })
			refused("Backward|dx|the x of Forward", func() { u.Backward(memory[n-1:2*n-1], dx) })
			refused("Backward|dx|weight", func() { u.Backward(w[:n], dy) })
			refused("Backward|dx|the gradient of weight", func() { u.Backward(g[:n], dy) })
			refused("Backward|dy|weight", func() { u.Backward(dx, w[:n]) })
			refused("Backward|dy|the gradient of weight", func() { u.Backward(dx, g[:n]) })

			for i := range states {
				with := func(s []float32) [][]float32 {
					list := slices.Clone(states)
					list[i] = s[:len(states[i])]
					return list
				}
				name := fmt.Sprintf("CopyState|tensor %d|", i)
				refused(name+"the x of the last Forward", func() { u.CopyState(with(x)) })
				refused(name+"weight", func() { u.CopyState(with(w)) })
				refused(name+"the gradient of weight", func() { u.CopyState(with(g)) })
				if i > 0 {
					refused(name+"tensor 0", func() { u.CopyState(with(states[0])) })
				}
			}
			refused("HiddenStates|dst|the x of the last Forward", func() { u.HiddenStates(0, x) })
			refused("HiddenStates|dst|weight", func() { u.HiddenStates(0, w[:n]) })
			refused("HiddenStates|dst|the gradient of weight", func() { u.HiddenStates(0, g[:n]) })

			u.Backward(dx, dy)
			numtest.Equal(t, dx, want.dx, "%+v: dx", cfg)
			i := 0
			u.EachParam(func(name string, _, g []float32) {
				numtest.Equal(t, g, want.grads[i], "%+v: gradient of %s", cfg, name)
				i++
			})
			u.HiddenStates(0, x) // x is of no use after Backward
			copy(x, p.x)
			u.Forward(dx, x)
			refused("HiddenStates|dst|the x of the last Forward", func() { u.HiddenStates(0, x) })
			u.SetSeed(1)
			u.HiddenStates(0, x) // nor after what lets no Backward follow
		}
		if cfg.Bidirectional {
			continue
		}
		pr, err := p.net.Predictor(B)
		check(t, err)
		_, in, _ := pr.Dims()
		x, y := slices.Clone(p.x[:B*in]), filled(B*p.out())
		w, _ := largestParam(p.net.Unroll(T, B))
		panics(t, k, "Step: y", "overlaps x", func() { pr.Step(x, x) })
		panics(t, k, "Step: y", "overlaps weight", func() { pr.Step(w[:len(y)], x) })
		before, into := slices.Clone(w), pr.State()
		into[0] = w[:len(into[0])]
		panics(t, k, "CopyState: tensor 0", "overlaps weight", func() { pr.CopyState(into) })
		if len(into) > 1 {
			into[0] = into[1]
			panics(t, k, "CopyState: tensor 1", "overlaps tensor 0", func() { pr.CopyState(into) })
		}
		numtest.Equal(t, w, before, "weights after a panic")
		for _, s := range pr.State() {
			numtest.Equal(t, s, make([]float32, len(s)), "the Predictor's state after a panic")
		}
	}
}

// overlapRefused returns a function that wants f to panic with words, which | separates, and to
// change nothing of u, memory and states.
func overlapRefused(t *testing.T, k Kind, what string, u Unrolled, memory []float32, states [][]float32) func(words string, f func()) {
	return func(words string, f func()) {
		t.Helper()
		before := snapshot(u, memory, states)
		func() {
			defer func() {
				t.Helper()
				m := fmt.Sprint(recover())
				for _, word := range append(strings.Split(words, "|"), k.Package+": ", " overlaps ") {
					if !strings.Contains(m, word) {
						t.Errorf("%s: panic %q, want one with %q", what, m, word)
					}
				}
			}()
			f()
		}()
		for i, after := range snapshot(u, memory, states) {
			numtest.Equal(t, after, before[i], "%s: %s: memory %d after the panic", what, words, i)
		}
	}
}

// largestParam returns the parameter with the most elements, and its gradient.
func largestParam(u Unrolled) (w, g []float32) {
	u.EachParam(func(_ string, v, d []float32) {
		if len(v) > len(w) {
			w, g = v, d
		}
	})
	return w, g
}

// snapshot copies all that a call may write.
func snapshot(u Unrolled, memory []float32, states [][]float32) [][]float32 {
	all := append(clone(append(u.State(), states...)), slices.Clone(memory))
	u.EachParam(func(_ string, w, g []float32) { all = append(all, slices.Clone(w), slices.Clone(g)) })
	var clock []float32
	for _, n := range u.Clock() {
		clock = append(clock, float32(n))
	}
	return append(all, clock)
}
