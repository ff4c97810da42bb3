package nettest

import (
	"runtime"
	"testing"
	"weak"
)

// The memory of a caller is held no longer than it is needed: x of a Forward until its
// Backward, or until no Backward may follow, and x without a Backward, y, dx and dy no
// longer than the call. That holds for calls with nothing to do as well: a slice of no
// elements keeps the memory that it was cut from.
func callersMemory(t *testing.T, k Kind) {
	const T, B = 3, 2
	for _, cfg := range []Config{{Input: 3, Hidden: 4}, {Input: 3, Hidden: 4, Layers: 2, Bidirectional: true}} {
		net, err := k.New(cfg, nil)
		check(t, err)
		trained, inferred, empty, none := net.Unroll(T, B), net.Infer(T, B), net.Unroll(T, 0), net.Infer(T, 0)
		for _, c := range []struct {
			name  string
			u     Unrolled
			steps int
			end   func(u Unrolled, dx, dy []float32)
			held  bool
		}{
			{"Forward", trained, T, nil, true},
			{"Infer", inferred, T, nil, false},
			{"Infer of no steps", inferred, 0, nil, false},
			{"Infer of no rows", none, 0, nil, false},
			{"Backward", trained, T, func(u Unrolled, dx, dy []float32) { u.Backward(dx, dy) }, false},
			{"Backward without dx", trained, T, func(u Unrolled, _, dy []float32) { u.Backward(nil, dy) }, false},
			{"Backward of no steps", trained, 0, func(u Unrolled, dx, dy []float32) { u.Backward(dx, dy) }, false},
			{"Backward of no rows", empty, 0, func(u Unrolled, dx, dy []float32) { u.Backward(dx, dy) }, false},
			{"SetLengths", trained, T, func(u Unrolled, _, _ []float32) { check(t, u.SetLengths(nil)) }, false},
			{"SetLengths, refused", trained, T, func(u Unrolled, _, _ []float32) { u.SetLengths([]int{-1}) }, true},
			{"SetBatchFirst", trained, T, func(u Unrolled, _, _ []float32) { u.SetBatchFirst(false) }, false},
			{"SetSeed", trained, T, func(u Unrolled, _, _ []float32) { u.SetSeed(3) }, false},
			{"SetRowIDs", trained, T, func(u Unrolled, _, _ []float32) { check(t, u.SetRowIDs(nil)) }, false},
			{"SetWorkers", trained, T, func(u Unrolled, _, _ []float32) { u.SetWorkers(2) }, true},
		} {
			// In a function of its own, so that no variable here refers to the memory.
			refs := func() (refs [4]weak.Pointer[float32]) {
				_, _, in, out := c.u.Dims()
				var v [4][]float32 // x, y, dx, dy
				for i, n := range [4]int{T * B * in, T * B * out, T * B * in, T * B * out} {
					v[i] = make([]float32, n)
					refs[i] = weak.Make(&v[i][0])
					v[i] = v[i][:n/T*c.steps]
				}
				c.u.Forward(v[1], v[0])
				if c.end != nil {
					c.end(c.u, v[2], v[3])
				}
				return refs
			}()
			for i, name := range []string{"x", "y", "dx", "dy"} {
				if held, want := isHeld(refs[i]), i == 0 && c.held; held != want {
					t.Errorf("%+v: %s: whether %s is held is %v, want %v", cfg, c.name, name, held, want)
				}
			}
			runtime.KeepAlive(c.u)
		}
		if cfg.Bidirectional {
			continue
		}
		pr, err := net.Predictor(B)
		check(t, err)
		refs := func() [2]weak.Pointer[float32] {
			_, in, out := pr.Dims()
			x, y := make([]float32, B*in), make([]float32, B*out)
			pr.Step(y, x)
			return [2]weak.Pointer[float32]{weak.Make(&x[0]), weak.Make(&y[0])}
		}()
		if isHeld(refs[0]) || isHeld(refs[1]) {
			t.Errorf("%+v: Step: x or y is held", cfg)
		}
		runtime.KeepAlive(pr)
	}
}

// isHeld reports whether memory is still there after the garbage collector has run.
func isHeld(p weak.Pointer[float32]) bool {
	for range 3 { // a worker may have the slice on its stack until it parks
		if p.Value() == nil {
			return false
		}
		runtime.GC()
	}
	return p.Value() != nil
}
