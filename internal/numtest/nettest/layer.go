package nettest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/kernels"
)

// Methods runs the tests of what the methods of a layer do beside arithmetic.
func Methods(t *testing.T, k Kind) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, k Kind)
	}{
		{"state is carried", stateIsCarried},
		{"nothing to do", nothingToDo},
		{"outputs of every layer", hiddenStates},
		{"outputs of every layer, misuse", hiddenStatesMisuse},
		{"lengths of each call", forwardLengths},
		{"within a budget", withinBudget},
		{"gradients are told", gradientsAreTold},
		{"within a budget, long", longWithinBudget},
		{"within a budget, misuse", withinBudgetMisuse},
		{"resets", resetsInside},
		{"resets, misuse", resetsMisuse},
		{"gradients add up", gradientsAddUp},
		{"reorder and refresh", reorderAndRefresh},
		{"weights held by units", weightsHeldByUnits},
		{"weights as they are stored", weightsAsStored},
		{"shared layer", sharedLayer},
		{"initialisation", initialisation},
		{"configurations", configurations},
		{"unknown tier", unknownTier},
		{"misuse", misuse},
		{"held products of symbols, misuse", misuseOfHeldSymbols},
		{"overlap", overlap},
		{"memory of the caller", callersMemory},
		{"lengths of calls before", lengthsOfBefore},
		{"symbols, windows", symbolsInWindows},
		{"symbols, segments", symbolsInSegments},
		{"symbols, resets", symbolsWithResets},
		{"symbols, sums", symbolsAreSummed},
		{"symbols, memory", symbolMemory},
		{"symbols, misuse", symbolMisuse},
		{"symbols, overlap", symbolOverlap},
		{"files", files},
		{"forged files", forgedFiles},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, k) })
	}
}

// Variant runs the tests of a variant of a kind that went through Methods: its
// arithmetic, and what depends on its states, parameters and masks.
func Variant(t *testing.T, k Kind) {
	k.variant = true
	Numbers(t, k)
	t.Run("state is carried", func(t *testing.T) { stateIsCarried(t, k) })
	t.Run("outputs of every layer", func(t *testing.T) { hiddenStates(t, k) })
	t.Run("gradients add up", func(t *testing.T) { gradientsAddUp(t, k) })
	t.Run("within a budget", func(t *testing.T) { withinBudget(t, k) })
	t.Run("gradients are told", func(t *testing.T) { gradientsAreTold(t, k) })
	t.Run("resets", func(t *testing.T) { resetsInside(t, k) })
	t.Run("symbols, segments", func(t *testing.T) { symbolsInSegments(t, k) })
	t.Run("symbols, resets", func(t *testing.T) { symbolsWithResets(t, k) })
	t.Run("shared layer", func(t *testing.T) { sharedLayer(t, k) })
	t.Run("files", func(t *testing.T) { files(t, k) })
	if k.Noise != (Noise{}) {
		t.Run("masks", func(t *testing.T) { masksGoOn(t, k) })
		t.Run("weights as they are stored", func(t *testing.T) { weightsAsStored(t, k) })
	}
}

// One Unrolled fed part by part carries the state by itself.
func stateIsCarried(t *testing.T, k Kind) {
	p := newProblem(t, k, 5, Config{Input: 3, Hidden: 4, Layers: 2}, 9, 3, false)
	want := p.run(t, p.net.Unroll(9, 3))
	for _, u := range []Unrolled{p.net.Unroll(4, 3), p.net.Infer(4, 3)} {
		p.start(t, u)
		y, out := filled(len(want.y)), 3*p.out()
		for _, part := range [][2]int{{0, 4}, {4, 4}, {4, 5}, {5, 9}} {
			u.Forward(y[part[0]*out:part[1]*out], p.x[part[0]*9:part[1]*9])
		}
		numtest.Equal(t, y, want.y, "y in parts")
		into := clone(p.state)
		u.CopyState(into)
		for k, s := range u.State() {
			numtest.Equal(t, s, want.state[k], "state %d", k)
			numtest.Equal(t, into[k], want.state[k], "CopyState %d", k)
		}
		u.Reset(1)
		for k, s := range u.State() {
			for i := range s {
				if row := i / p.width(k) % 3; row == 1 && s[i] != 0 || row != 1 && s[i] != want.state[k][i] {
					t.Fatalf("after Reset(1): tensor %d, row %d is %v", k, row, s[i])
				}
			}
		}
		u.Reset()
		for _, s := range u.State() {
			numtest.Equal(t, s, make([]float32, len(s)), "after Reset()")
		}
	}
}

func nothingToDo(t *testing.T, k Kind) {
	net, err := k.New(Config{Input: 2, Hidden: 3}, nil)
	check(t, err)
	for _, u := range []Unrolled{net.Unroll(0, 2), net.Unroll(3, 2), net.Unroll(3, 0), net.Unroll(0, 0)} {
		_, B, _, _ := u.Dims()
		check(t, u.SetLengths(make([]int, B)))
		s, zero := u.State(), make([]float32, 3*B)
		for i := range s {
			copy(s[i], draw(rand.New(rand.NewPCG(1, uint64(i))), 3*B))
		}
		check(t, u.SetState(s))
		check(t, u.SetStateGrad(s))
		u.Forward(nil, nil)
		u.Backward(nil, nil)
		numtest.Equal(t, u.State()[0], s[0], "state")
		numtest.Equal(t, u.StateGrad()[0], s[0], "state gradient")
		for range 2 {
			u.Forward(nil, nil)
			u.Backward([]float32{}, nil)
			numtest.Equal(t, u.StateGrad()[0], zero, "state gradient that nobody handed in")
			check(t, u.SetStateGrad(s))
			check(t, u.SetStateGrad(nil)) // takes it back
		}
	}
	p, err := net.Predictor(0)
	check(t, err)
	p.Step(nil, nil)
	p.Reorder(nil)
}

// Gradients add up over calls, and state gradients serve one Backward.
func gradientsAddUp(t *testing.T, k Kind) {
	p := newProblem(t, k, 2, Config{Input: 3, Hidden: 4}, 5, 2, false)
	u := p.net.Unroll(5, 2)
	once := p.run(t, u)
	y := make([]float32, len(once.y))
	p.start(t, u)
	u.Forward(y, p.x)
	u.Backward(nil, p.dy)
	for k := range p.dstate {
		clear(p.dstate[k])
	}
	alone := p.run(t, p.net.Unroll(5, 2))
	n := 0
	u.EachParam(func(name string, _, g []float32) {
		for i := range g {
			if g[i] != once.grads[n][i]+alone.grads[n][i] {
				t.Fatalf("%s[%d] is %v, want %v + %v", name, i, g[i], once.grads[n][i], alone.grads[n][i])
			}
		}
		n++
	})
	u.ZeroGrads()
	u.EachParam(func(name string, _, g []float32) { numtest.Equal(t, g, make([]float32, len(g)), "%s", name) })
}

func reorderAndRefresh(t *testing.T, k Kind) {
	p := newProblem(t, k, 4, Config{Input: 3, Hidden: 4, Layers: 2}, 1, 3, false)
	pr, err := p.net.Predictor(3)
	check(t, err)
	check(t, pr.SetState(p.state))
	src := []int{2, 0, 2}
	pr.Reorder(src)
	for k, s := range pr.State() {
		for i := range s {
			l, b, j := i/12, i/4%3, i%4
			if want := p.state[k][(l*3+src[b])*4+j]; s[i] != want {
				t.Fatalf("tensor %d, layer %d, row %d: %v, want %v of row %d", k, l, b, s[i], want, src[b])
			}
		}
	}
	panics(t, k, "Reorder", "3", func() { pr.Reorder([]int{0, 1, 3}) })
	panics(t, k, "Reorder", "batch of 3", func() { pr.Reorder([]int{0}) })

	// Frozen until Refresh.
	before, after := make([]float32, 12), make([]float32, 12)
	check(t, pr.SetState(p.state))
	pr.Step(before, p.x)
	p.net.EachParam(func(_ string, w []float32, _ ...int) {
		for i := range w {
			w[i] = -w[i]
		}
	})
	check(t, pr.SetState(p.state))
	pr.Step(after, p.x)
	numtest.Equal(t, after, before, "the Layer changed, the Predictor must not")
	pr.Refresh()
	check(t, pr.SetState(p.state))
	pr.Step(after, p.x)
	u := p.net.Infer(1, 3)
	check(t, u.SetState(p.state))
	u.Forward(before, p.x)
	numtest.Equal(t, after, before, "after Refresh")
	check(t, pr.SetState(p.state))
	pr.Reset(0)
	if s := pr.State(); s[0][0] != 0 || s[0][4] == 0 {
		t.Error("Reset(0) is not what it says")
	}
}

// Several goroutines share a Layer and the team of workers, which is busy for another one
// in the middle of a sequence.
func sharedLayer(t *testing.T, k Kind) {
	shared(t, newProblem(t, k, 8, Config{Input: 6, Hidden: 9, Workers: 2}, 10, 6, false))
	shared(t, newProblem(t, k, 8, Config{Input: 6, Hidden: 200, Workers: 2}, 6, 3, false)) // steps split by units
}

func shared(t *testing.T, p *problem) {
	want := p.run(t, p.net.Unroll(p.T, p.B))
	done := make(chan *result)
	for range 4 {
		go func() {
			u := p.net.Unroll(p.T, p.B)
			var got *result
			for range 5 {
				got = p.run(t, u)
			}
			pr, err := p.net.Predictor(p.B)
			check(t, err)
			if check(t, pr.SetState(p.state)); !p.evaluate && p.kind.Noise == (Noise{}) {
				for step := range p.T {
					pr.Step(got.y[step*p.B*p.out():][:p.B*p.out()], p.x[step*p.B*6:][:p.B*6])
				}
			}
			done <- got
		}()
	}
	for range 4 {
		same(t, "shared", <-done, want)
	}
}

// The distribution is the one promised, and the seed decides every bit.
func initialisation(t *testing.T, k Kind) {
	cfg := Config{Input: 20, Hidden: 25, Layers: 2, Bidirectional: true}
	a, err := k.New(cfg, rand.New(rand.NewPCG(1, 2)))
	check(t, err)
	var names, want []string
	var sum, count float64
	low, high := 0., 0.
	a.EachParam(func(name string, w []float32, shape ...int) {
		names = append(names, fmt.Sprint(name, shape))
		for _, v := range w {
			sum += float64(v)
			count++
			low, high = min(low, float64(v)), max(high, float64(v))
		}
	})
	rows := 25 * k.Gates
	for l, in := range []int{20, 50} {
		for _, reverse := range []bool{false, true} {
			want = append(want, fmt.Sprint(name("weight_ih", l, reverse), []int{rows, in}), fmt.Sprint(name("weight_hh", l, reverse), []int{rows, 25}),
				fmt.Sprint(name("bias_ih", l, reverse), []int{rows}), fmt.Sprint(name("bias_hh", l, reverse), []int{rows}))
		}
	}
	if got, want := strings.Join(names, " "), strings.Join(want, " "); got != want {
		t.Errorf("parameters\n%s, want\n%s", got, want)
	}
	if low < -0.2 || high > 0.2 || low > -0.199 || high < 0.199 || math.Abs(sum/count) > 0.01 {
		t.Errorf("weights from %v to %v, mean %v; want uniform on [-0.2, 0.2]", low, high, sum/count)
	}
	r := rand.New(rand.NewPCG(1, 2))
	a.EachParam(func(name string, w []float32, _ ...int) {
		for i, v := range w {
			if want := float32(float64(int64(r.Uint64())>>11) / (1 << 52) * 0.2); v != want {
				t.Fatalf("%s[%d] is %v, want %v", name, i, v, want)
			}
		}
	})
}

func configurations(t *testing.T, k Kind) {
	for _, c := range []struct {
		want string
		cfg  Config
	}{
		{"Config.Input is 0", Config{Hidden: 1}},
		{"Config.Input is -1", Config{Input: -1, Hidden: 1}},
		{"Config.Hidden is 0", Config{Input: 1}},
		{"Config.Layers is -1", Config{Input: 1, Hidden: 1, Layers: -1}},
		{"leave Reverse out", Config{Input: 1, Hidden: 1, Bidirectional: true, Reverse: true}},
		{"nothing to merge", Config{Input: 1, Hidden: 1, Merge: 1}},
		{"Config.Merge is 4", Config{Input: 1, Hidden: 1, Bidirectional: true, Merge: 4}},
		{"Config.Workers is -2", Config{Input: 1, Hidden: 1, Workers: -2}},
		{"units", Config{Input: 1, Hidden: math.MaxInt}},
		{"choose smaller sizes", Config{Input: math.MaxInt, Hidden: 1}},
		{"choose smaller sizes", Config{Input: 1, Hidden: math.MaxInt32 / 8}},
		{"choose smaller sizes", Config{Input: 1, Hidden: 1, Layers: math.MaxInt}},
	} {
		if k.Gates == 1 && c.cfg.Hidden == math.MaxInt32/8 {
			continue // that many weights can be counted
		}
		if _, err := k.New(c.cfg, nil); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), k.Package+": ") {
			t.Errorf("%+v: error %v, want one with %q", c.cfg, err, c.want)
		}
	}
}

// A tier that is not there is an error of New and Load, which names those that
// are, and no panic at start. The variable is read once, so a process of its own
// has to see it.
func unknownTier(t *testing.T, k Kind) {
	const bad = "mmx"
	if os.Getenv(kernels.EnvISA) == bad {
		_, err := k.New(Config{Input: 1, Hidden: 1}, nil)
		var file bytes.Buffer
		w := wire.NewWriter(&file, k.Package, 2)
		w.Int64("config", append([]int64{1, 1, 1, 0, 0, 1}, make([]int64, k.Fields-6)...))
		w.Float32("weight_ih_l0", make([]float32, k.Gates), k.Gates, 1)
		w.Float32("weight_hh_l0", make([]float32, k.Gates), k.Gates, 1)
		check(t, w.Close())
		_, err2 := k.Load(&file)
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), bad) || !strings.Contains(err.Error(), "scalar") {
				t.Errorf("error %v, want one that names %s and what is there", err, bad)
			}
		}
		return
	}
	if runtime.GOARCH == "wasm" {
		t.Skip("NOT TESTED: there are no processes on wasm, and SIMDRNN_ISA is read once in each")
	}
	top, sub, _ := strings.Cut(t.Name(), "/")
	cmd := numtest.Self("-test.run=^"+top+"$/^"+sub+"$", "-test.v")
	cmd.Env = append(os.Environ(), kernels.EnvISA+"="+bad, "SIMDRNN_REQUIRE_ISA=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}
