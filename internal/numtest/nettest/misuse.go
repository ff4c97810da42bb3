package nettest

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// panics reports an error unless f panics with a message that has both words.
func panics(t *testing.T, k Kind, first, second string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		m := fmt.Sprint(recover())
		if !strings.Contains(m, first) || !strings.Contains(m, second) || !strings.Contains(m, k.Package+": ") {
			t.Errorf("panic %q, want one with %q and %q", m, first, second)
		}
	}()
	f()
}

// Panics wants f to panic with a message that begins so.
func Panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if m := fmt.Sprint(recover()); !strings.HasPrefix(m, want) {
			t.Errorf("panic %q, want one that begins with %q", m, want)
		}
	}()
	f()
}

func misuse(t *testing.T, k Kind) {
	net, err := k.New(Config{Input: 2, Hidden: 3}, nil)
	check(t, err)
	u := net.Unroll(4, 5)
	v := func(n int) []float32 { return make([]float32, n) }
	panics(t, k, "31", "30", func() { u.Forward(v(5*3*2), v(31)) })
	panics(t, k, "len(y) = 14", "T*15", func() { u.Forward(v(14), v(10)) })
	panics(t, k, "5 steps", "unrolled for 4", func() { u.Forward(v(75), v(50)) })
	panics(t, k, "Backward", "without a Forward", func() { u.Backward(nil, nil) })
	u.Forward(v(60), v(40))
	panics(t, k, "len(dy) = 59", "want 60", func() { u.Backward(nil, v(59)) })
	panics(t, k, "len(dx) = 39", "want 40", func() { u.Backward(v(39), v(60)) })
	u.Backward(nil, v(60))
	panics(t, k, "Backward", "one Backward", func() { u.Backward(nil, v(60)) })
	panics(t, k, "row 5", "batch of 5", func() { u.Reset(5) })
	panics(t, k, "SetWorkers(-1)", "or 0 for automatic", func() { u.SetWorkers(-1) })
	panics(t, k, "unroll -1", "negative", func() { net.Unroll(-1, 2) })
	panics(t, k, "unroll", "2^31", func() { net.Unroll(math.MaxInt32, 2) })
	panics(t, k, "unroll", "2^31", func() { net.Unroll(math.MaxInt, math.MaxInt) })
	panics(t, k, "state", "want", func() { u.CopyState(append(u.State(), nil)) })
	panics(t, k, "state gradient", "want", func() { u.CopyStateGrad(append(u.State(), nil)) })

	for want, lengths := range map[string][]int{"4 lengths for a batch of 5": {0, 0, 0, 0}, "length 5 of row 2": {0, 1, 5, 0, 0}, "length -1 of row 0": {-1, 0, 0, 0, 0}} {
		if err := u.SetLengths(lengths); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetLengths(%d): %v, want an error with %q", lengths, err, want)
		}
	}
	check(t, u.SetLengths([]int{4, 0, 1, 2, 3}))
	panics(t, k, "3 steps", "row 0 4", func() { u.Forward(v(45), v(30)) })
	check(t, u.SetLengths(nil))
	u.Forward(v(45), v(30))
	check(t, u.SetLengths(nil))
	panics(t, k, "Backward", "SetLengths", func() { u.Backward(nil, v(45)) })
	for name, end := range map[string]func(){
		"SetBatchFirst": func() { u.SetBatchFirst(false) },
		"SetSeed":       func() { u.SetSeed(1) },
		"SetRowIDs":     func() { check(t, u.SetRowIDs(nil)) },
	} {
		u.Forward(v(45), v(30))
		end()
		panics(t, k, "Backward", "without a Forward", func() {
			u.Backward(nil, v(45))
			t.Errorf("Backward after %s", name)
		})
	}
	u.SetTraining(false)
	u.Forward(v(45), v(30))

	f := net.Infer(4, 5)
	panics(t, k, "Infer", "Unroll", func() { f.Backward(nil, nil) })
	panics(t, k, "Infer", "SetStateGrad", func() { f.SetStateGrad(nil) })
	panics(t, k, "Infer", "CopyStateGrad", func() { f.CopyStateGrad(nil) })

	p, err := net.Predictor(2)
	check(t, err)
	panics(t, k, "len(x) = 3", "want 6 and 4", func() { p.Step(v(6), v(3)) })
	panics(t, k, "state", "want", func() { p.CopyState(append(p.State(), nil)) })
	for _, s := range []interface {
		State() [][]float32
		SetState([][]float32) error
	}{u, p} {
		right := s.State()
		wrong := clone(right)
		wrong[0] = wrong[0][1:]
		for _, bad := range [][][]float32{nil, right[1:], append(clone(right), nil), wrong} {
			if err := s.SetState(bad); err == nil {
				t.Errorf("%T.SetState took %d tensors", s, len(bad))
			}
		}
	}
	if err := u.SetStateGrad([][]float32{v(14)}); err == nil {
		t.Error("SetStateGrad took a tensor that is too short")
	}
	for _, cfg := range []Config{{Input: 1, Hidden: 1, Reverse: true}, {Input: 1, Hidden: 1, Bidirectional: true}} {
		net, err := k.New(cfg, nil)
		check(t, err)
		if _, err := net.Predictor(1); err == nil || !strings.Contains(err.Error(), "Infer") {
			t.Errorf("Predictor of %+v: %v, want an error that names Infer", cfg, err)
		}
		if p, err := net.Unroll(1, 1).NewPredictor(1); err == nil || p != nil {
			t.Errorf("NewPredictor of %+v: %v, %v", cfg, p, err)
		}
	}
	if made, err := u.NewPredictor(3); err != nil {
		t.Error(err)
	} else if _, ok := made.(Predictor); !ok {
		t.Errorf("NewPredictor made a %T", made)
	}
	if _, err := net.Predictor(-1); err == nil {
		t.Error("Predictor took a batch of -1")
	}
}
