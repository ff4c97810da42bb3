package lstm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/lstm"
)

// shapes are networks and windows around the edges of vectors, tiles, chunks
// and shares.
var shapes = []struct {
	cfg    lstm.Config
	T, B   int
	ragged bool
}{
	{lstm.Config{Input: 1, Hidden: 1}, 1, 1, false},
	{lstm.Config{Input: 3, Hidden: 5}, 4, 2, false},
	{lstm.Config{Input: 5, Hidden: 17, Layers: 2}, 7, 3, false},
	{lstm.Config{Input: 16, Hidden: 16, NoBias: true}, 5, 7, false},
	{lstm.Config{Input: 9, Hidden: 8, Reverse: true}, 6, 4, false},
	{lstm.Config{Input: 4, Hidden: 6, Bidirectional: true, Layers: 3}, 5, 5, false},
	{lstm.Config{Input: 2, Hidden: 3}, 260, 2, false},                           // chunks of 128 steps
	{lstm.Config{Input: 2, Hidden: 4, Layers: 2, Reverse: true}, 9, 100, false}, // of 3
	{lstm.Config{Input: 2, Hidden: 2, Bidirectional: true}, 3, 300, false},      // of 1
	{lstm.Config{Input: 3, Hidden: 5}, 6, 4, true},
	{lstm.Config{Input: 3, Hidden: 18, Reverse: true}, 6, 9, true},
	{lstm.Config{Input: 7, Hidden: 5, Bidirectional: true, Layers: 2}, 8, 11, true},
	{lstm.Config{Input: 2, Hidden: 3, Bidirectional: true, Layers: 2, NoBias: true}, 12, 60, true},
}

func (p *problem) String() string {
	c := p.net.Config()
	return fmt.Sprintf("T=%d,B=%d,I=%d,H=%d,L=%d,bi=%v,rev=%v,ragged=%v", p.T, p.B, c.Input, c.Hidden, c.Layers, c.Bidirectional, c.Reverse, p.lengths != nil)
}

// Both passes have the bits of the contract, on every tier, for any number of
// workers, in memory that is exactly large enough or larger and in use before.
func TestMatchesTheContract(t *testing.T) {
	for i, s := range shapes {
		p := newProblem(t, uint64(i), s.cfg, s.T, s.B, s.ragged)
		want := p.naive()
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			for _, workers := range []int{0, 1, 2, 3, 8} {
				u := p.net.Unroll(p.T, p.B)
				u.SetWorkers(workers)
				same(t, fmt.Sprintf("%v workers=%d", p, workers), p.run(t, u), want)
				same(t, fmt.Sprintf("%v workers=%d, again", p, workers), p.run(t, u), want)
			}
			u := p.net.Unroll(p.T+3, p.B)
			same(t, fmt.Sprintf("%v unrolled for more", p), p.run(t, u), want)
		})
	}
}

// The lengths of one call leave nothing behind for the next.
func TestLengthsOfEachCall(t *testing.T) {
	for _, cfg := range []lstm.Config{
		{Input: 3, Hidden: 4, Layers: 3},
		{Input: 3, Hidden: 4, Layers: 2, Bidirectional: true},
	} {
		p := newProblem(t, 31, cfg, 7, 6, false)
		u := p.net.Unroll(p.T, p.B)
		for _, p.lengths = range [][]int{
			nil, {1, 2, 3, 4, 5, 6}, {7, 7, 5, 3, 3, 0}, nil, {0, 7, 0, 7, 1, 7}, {7, 7, 7, 7, 7, 7}, {5, 5, 5, 5, 5, 5}, {7, 7, 7, 1, 7, 7},
		} {
			want := p.naive()
			for _, workers := range []int{1, 2, 4, 9} {
				u.SetWorkers(workers)
				same(t, fmt.Sprintf("%v, lengths %d, workers=%d", p, p.lengths, workers), p.run(t, u), want)
			}
		}
	}
}

// Infer and Predictor give the bits of Forward.
func TestInferenceMatchesForward(t *testing.T) {
	for i, s := range shapes {
		p := newProblem(t, uint64(i), s.cfg, s.T, s.B, s.ragged)
		u := p.net.Unroll(p.T, p.B)
		want := p.run(t, u)
		numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
			for _, workers := range []int{1, 3} {
				f := p.net.Infer(p.T+1, p.B)
				f.SetWorkers(workers)
				check(t, f.SetLengths(p.lengths))
				check(t, f.SetState(p.state))
				y := filled(len(want.y))
				f.Forward(y, p.x)
				numtest.Equal(t, y, want.y, "%v: Infer's y", p)
				for k, s := range f.State() {
					numtest.Equal(t, s, want.state[k], "%v: Infer's state %d", p, k)
				}
			}
			if p.lengths != nil || s.cfg.Bidirectional || s.cfg.Reverse {
				return
			}
			pr, err := p.net.Predictor(p.B)
			check(t, err)
			check(t, pr.SetState(p.state))
			_, in, out := pr.Dims()
			for step := range p.T {
				y := filled(p.B * out)
				pr.Step(y, p.x[step*p.B*in:][:p.B*in])
				numtest.Equal(t, y, want.y[step*p.B*out:][:p.B*out], "%v: Step %d", p, step)
			}
			for k, s := range pr.State() {
				numtest.Equal(t, s, want.state[k], "%v: Predictor's state %d", p, k)
			}
		})
	}
}

func TestPredictorWithWorkers(t *testing.T) {
	for _, workers := range []int{2, 3, 8} {
		cfg := lstm.Config{Input: 5, Hidden: 9, Layers: 2, Workers: workers}
		p := newProblem(t, 3, cfg, 4, 7, false)
		want := p.run(t, p.net.Unroll(p.T, p.B))
		pr, err := p.net.Predictor(p.B)
		check(t, err)
		check(t, pr.SetState(p.state))
		for step := range p.T {
			y := filled(7 * 9)
			pr.Step(y, p.x[step*7*5:][:7*5])
			numtest.Equal(t, y, want.y[step*7*9:][:7*9], "workers=%d, step %d", workers, step)
		}
	}
}

// A sequence may be cut anywhere: the carried state makes the parts one. Going
// back part by part with the state gradients handed over gives the same dx and
// state gradients, and the same weight gradients where a cut leaves whole
// chunks behind it.
func TestCutAnywhere(t *testing.T) {
	for _, cfg := range []lstm.Config{
		{Input: 3, Hidden: 7, Layers: 2},
		{Input: 3, Hidden: 7, Reverse: true},
	} {
		const T, B, I, H, chunk = 12, 100, 3, 7, 3
		p := newProblem(t, 11, cfg, T, B, false)
		want := p.run(t, p.net.Unroll(T, B))
		for cut := range T + 1 {
			// Steps lo..hi-1 of each part, in the order of the recurrence.
			parts := [2][2]int{{0, cut}, {cut, T}}
			if cfg.Reverse {
				parts = [2][2]int{{cut, T}, {0, cut}}
			}
			got := &result{y: filled(len(want.y)), dx: filled(len(want.dx)), state: p.state, dstate: p.dstate}
			var us [2]*lstm.Unrolled
			for i, part := range parts {
				lo, hi := part[0]*B, part[1]*B
				us[i] = p.net.Unroll(part[1]-part[0], B)
				check(t, us[i].SetState(got.state))
				us[i].Forward(got.y[lo*H:hi*H], p.x[lo*I:hi*I])
				got.state = us[i].State()
			}
			for i := 1; i >= 0; i-- {
				lo, hi := parts[i][0]*B, parts[i][1]*B
				if i == 0 { // go on from the sums of the part behind
					k := 0
					us[0].EachParam(func(_ string, _, g []float32) { copy(g, got.grads[k]); k++ })
				}
				check(t, us[i].SetStateGrad(got.dstate))
				us[i].Backward(got.dx[lo*I:hi*I], p.dy[lo*H:hi*H])
				got.dstate = us[i].StateGrad()
				got.readGrads(us[i])
			}
			if (parts[1][1]-parts[1][0])%chunk != 0 {
				got.grads = want.grads
			}
			same(t, fmt.Sprintf("reverse=%v, cut at %d", cfg.Reverse, cut), got, want)
		}
	}
}

// One Unrolled fed part by part carries the state by itself.
func TestStateIsCarried(t *testing.T) {
	p := newProblem(t, 5, lstm.Config{Input: 3, Hidden: 4, Layers: 2}, 9, 3, false)
	want := p.run(t, p.net.Unroll(9, 3))
	for _, u := range []*lstm.Unrolled{p.net.Unroll(4, 3), p.net.Infer(4, 3)} {
		check(t, u.SetState(p.state))
		y := filled(len(want.y))
		for _, part := range [][2]int{{0, 4}, {4, 4}, {4, 5}, {5, 9}} {
			u.Forward(y[part[0]*12:part[1]*12], p.x[part[0]*9:part[1]*9])
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
				if row := i / 4 % 3; row == 1 && s[i] != 0 || row != 1 && s[i] != want.state[k][i] {
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

// A row's results are its own: another order of the rows, or fewer of them,
// changes no bit of them, and what stands past a row's end does not either.
func TestRowsAreIndependent(t *testing.T) {
	cfg := lstm.Config{Input: 5, Hidden: 6, Layers: 2, Bidirectional: true}
	const T, B, I, O, tensors = 9, 13, 5, 12, 4
	p := newProblem(t, 23, cfg, T, B, true)
	p.lengths[3], p.lengths[4] = 0, T
	want := p.run(t, p.net.Unroll(T, B))
	r := rand.New(rand.NewPCG(9, 9))
	for _, rows := range [][]int{{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, {3}, {4}, {7, 0, 3}, {6, 6, 2, 3, 4, 4}} {
		n := len(rows)
		q := &problem{net: p.net, T: T, B: n, x: make([]float32, T*n*I), dy: make([]float32, T*n*O), lengths: make([]int, n)}
		y, dx := make([]float32, T*n*O), make([]float32, T*n*I)
		pick := func(dst, src []float32, blocks, width int) {
			for k := range blocks {
				for i, row := range rows {
					copy(dst[(k*n+i)*width:][:width], src[(k*B+row)*width:])
				}
			}
		}
		pick(q.x, p.x, T, I)
		pick(q.dy, p.dy, T, O)
		pick(y, want.y, T, O)
		pick(dx, want.dx, T, I)
		for i, row := range rows {
			q.lengths[i] = p.lengths[row]
			for s := p.lengths[row]; s < T; s++ { // anything may stand in the padding
				for j := range I {
					q.x[(s*n+i)*I+j] = float32(math.NaN())
				}
				for j := range O {
					q.dy[(s*n+i)*O+j] = float32(math.Inf(int(r.Uint64()%2) - 1))
				}
			}
		}
		wantState, wantGrad := [][]float32{}, [][]float32{}
		for k := range 2 {
			for _, v := range []struct {
				src []float32
				dst *[][]float32
			}{{p.state[k], &q.state}, {p.dstate[k], &q.dstate}, {want.state[k], &wantState}, {want.dstate[k], &wantGrad}} {
				m := make([]float32, tensors*n*6)
				pick(m, v.src, tensors, 6)
				*v.dst = append(*v.dst, m)
			}
		}
		got := q.run(t, p.net.Unroll(T, n))
		numtest.Equal(t, got.y, y, "rows %v: y", rows)
		numtest.Equal(t, got.dx, dx, "rows %v: dx", rows)
		for k := range 2 {
			numtest.Equal(t, got.state[k], wantState[k], "rows %v: state %d", rows, k)
			numtest.Equal(t, got.dstate[k], wantGrad[k], "rows %v: state gradient %d", rows, k)
		}
		for k, g := range got.grads {
			for _, v := range g {
				if v != v {
					t.Fatalf("rows %v: NaN from the padding in the gradient of %s", rows, got.names[k])
				}
			}
		}
	}
}

// The edges of NUMERICS rule 5, said directly.
func TestZeroLengths(t *testing.T) {
	p := newProblem(t, 1, lstm.Config{Input: 2, Hidden: 3, Bidirectional: true}, 4, 5, false)
	p.lengths = make([]int, 5)
	got := p.run(t, p.net.Unroll(4, 5))
	for k := range 2 {
		numtest.Equal(t, got.state[k], p.state[k], "state %d is handed on", k)
		numtest.Equal(t, got.dstate[k], p.dstate[k], "gradient %d is handed back", k)
	}
	numtest.Equal(t, got.y, make([]float32, len(got.y)), "y")
	numtest.Equal(t, got.dx, make([]float32, len(got.dx)), "dx")
	for k, g := range got.grads {
		numtest.Equal(t, g, make([]float32, len(g)), "gradient of %s", got.names[k])
	}
}

func TestNothingToDo(t *testing.T) {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, nil)
	check(t, err)
	for _, u := range []*lstm.Unrolled{net.Unroll(0, 2), net.Unroll(3, 2), net.Unroll(3, 0), net.Unroll(0, 0)} {
		_, B, _, _ := u.Dims()
		check(t, u.SetLengths(make([]int, B)))
		s := [][]float32{draw(rand.New(rand.NewPCG(1, 1)), 3*B), make([]float32, 3*B)}
		check(t, u.SetState(s))
		check(t, u.SetStateGrad(s))
		u.Forward(nil, nil)
		u.Backward(nil, nil)
		numtest.Equal(t, u.State()[0], s[0], "state")
		numtest.Equal(t, u.StateGrad()[0], s[0], "state gradient")
		for range 2 {
			u.Forward(nil, nil)
			u.Backward([]float32{}, nil)
			numtest.Equal(t, u.StateGrad()[0], s[1], "state gradient that nobody handed in")
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
func TestGradientsAddUp(t *testing.T) {
	p := newProblem(t, 2, lstm.Config{Input: 3, Hidden: 4}, 5, 2, false)
	u := p.net.Unroll(5, 2)
	once := p.run(t, u)
	y := make([]float32, len(once.y))
	check(t, u.SetState(p.state))
	u.Forward(y, p.x)
	u.Backward(nil, p.dy)
	p.dstate = clone(p.state)
	for k := range p.dstate {
		clear(p.dstate[k])
	}
	alone := p.run(t, p.net.Unroll(5, 2))
	k := 0
	u.EachParam(func(name string, _, g []float32) {
		for i := range g {
			if g[i] != once.grads[k][i]+alone.grads[k][i] {
				t.Fatalf("%s[%d] is %v, want %v + %v", name, i, g[i], once.grads[k][i], alone.grads[k][i])
			}
		}
		k++
	})
	u.ZeroGrads()
	u.EachParam(func(name string, _, g []float32) { numtest.Equal(t, g, make([]float32, len(g)), "%s", name) })
}

func TestReorderAndRefresh(t *testing.T) {
	p := newProblem(t, 4, lstm.Config{Input: 3, Hidden: 4, Layers: 2}, 1, 3, false)
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
	panics(t, "Reorder", "3", func() { pr.Reorder([]int{0, 1, 3}) })
	panics(t, "Reorder", "batch of 3", func() { pr.Reorder([]int{0}) })

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
	pr.Reset(0)
	if s := pr.State(); s[0][0] != 0 || s[0][4] == 0 {
		t.Error("Reset(0) is not what it says")
	}
}

// After Unroll and Predictor nothing allocates, workers or not.
func TestAllocatesNothing(t *testing.T) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, cfg := range []lstm.Config{
			{Input: 3, Hidden: 5, Layers: 2, Workers: 1},
			{Input: 3, Hidden: 5, Bidirectional: true, Workers: 3},
		} {
			p := newProblem(t, 6, cfg, 40, 8, true)
			u, f := p.net.Unroll(p.T, p.B), p.net.Infer(p.T, p.B)
			y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
			pass := func() {
				u.Forward(y, p.x)
				u.Backward(dx, p.dy)
				f.Forward(y, p.x)
				u.Reset(1)
			}
			pass()
			if n := testing.AllocsPerRun(5, pass); n != 0 {
				t.Errorf("%+v: %v allocations in Forward and Backward", cfg, n)
			}
			check(t, u.SetLengths(p.lengths))
			pass()
			if n := testing.AllocsPerRun(5, pass); n != 0 {
				t.Errorf("%+v: %v allocations with lengths", cfg, n)
			}
			if cfg.Bidirectional {
				continue
			}
			pr, err := p.net.Predictor(p.B)
			check(t, err)
			if n := testing.AllocsPerRun(5, func() { pr.Step(y[:p.B*5], p.x[:p.B*3]) }); n != 0 {
				t.Errorf("%+v: %v allocations in Step", cfg, n)
			}
		}
	})
}

// Several goroutines share a Layer and the team of workers.
func TestSharedLayer(t *testing.T) {
	p := newProblem(t, 8, lstm.Config{Input: 6, Hidden: 9, Workers: 2}, 10, 6, false)
	want := p.run(t, p.net.Unroll(p.T, p.B))
	done := make(chan *result)
	for range 4 {
		go func() {
			u := p.net.Unroll(p.T, p.B)
			var got *result
			for range 5 {
				got = p.run(t, u)
			}
			done <- got
		}()
	}
	for range 4 {
		same(t, "shared", <-done, want)
	}
}

// The distribution is the one promised, and the seed decides every bit.
func TestInitialisation(t *testing.T) {
	cfg := lstm.Config{Input: 20, Hidden: 25, Layers: 2, Bidirectional: true}
	a, err := lstm.New(cfg, rand.New(rand.NewPCG(1, 2)))
	check(t, err)
	var names []string
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
	want := "weight_ih_l0[100 20] weight_hh_l0[100 25] bias_ih_l0[100] bias_hh_l0[100] " +
		"weight_ih_l0_reverse[100 20] weight_hh_l0_reverse[100 25] bias_ih_l0_reverse[100] bias_hh_l0_reverse[100] " +
		"weight_ih_l1[100 50] weight_hh_l1[100 25] bias_ih_l1[100] bias_hh_l1[100] " +
		"weight_ih_l1_reverse[100 50] weight_hh_l1_reverse[100 25] bias_ih_l1_reverse[100] bias_hh_l1_reverse[100]"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("parameters\n%s, want\n%s", got, want)
	}
	if low < -0.2 || high > 0.2 || low > -0.1999 || high < 0.1999 || math.Abs(sum/count) > 0.003 {
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

func TestConfigErrors(t *testing.T) {
	for want, cfg := range map[string]lstm.Config{
		"Config.Input is 0":             {Hidden: 1},
		"Config.Input is -1":            {Input: -1, Hidden: 1},
		"Config.Hidden is 0":            {Input: 1},
		"Config.Layers is -1":           {Input: 1, Hidden: 1, Layers: -1},
		"leave Reverse out":             {Input: 1, Hidden: 1, Bidirectional: true, Reverse: true},
		"Config.Workers is -2":          {Input: 1, Hidden: 1, Workers: -2},
		"units":                         {Input: 1, Hidden: math.MaxInt},
		"choose smaller sizes":          {Input: math.MaxInt, Hidden: 1},
		"choose smaller sizes, hidden":  {Input: 1, Hidden: math.MaxInt32 / 8},
		"choose smaller sizes (layers)": {Input: 1, Hidden: 1, Layers: math.MaxInt},
	} {
		want, _, _ = strings.Cut(want, ",")
		want, _, _ = strings.Cut(want, " (")
		if _, err := lstm.New(cfg, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", cfg, err, want)
		}
	}
	l, err := lstm.New(lstm.Config{Input: 1, Hidden: 1}, nil)
	check(t, err)
	if l.Config().Layers != 1 {
		t.Errorf("Layers 0 became %d, want 1", l.Config().Layers)
	}
}

// A tier that is not there is an error of New and Load, which names those that
// are, and no panic at start. The variable is read once, so a process of its
// own has to see it.
func TestUnknownTier(t *testing.T) {
	const bad = "mmx"
	if os.Getenv(kernels.EnvISA) == bad {
		_, err := lstm.New(lstm.Config{Input: 1, Hidden: 1}, nil)
		var file bytes.Buffer
		w := wire.NewWriter(&file, "lstm", 1)
		w.Int64("config", []int64{1, 1, 1, 0, 0, 1})
		w.Float32("weight_ih_l0", make([]float32, 4), 4, 1)
		w.Float32("weight_hh_l0", make([]float32, 4), 4, 1)
		check(t, w.Close())
		_, err2 := lstm.Load(&file)
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
	cmd := exec.Command(os.Args[0], "-test.run=^TestUnknownTier$", "-test.v")
	cmd.Env = append(os.Environ(), kernels.EnvISA+"="+bad, "SIMDRNN_REQUIRE_ISA=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUnknownTier") {
		t.Errorf("%v\n%s", err, out)
	}
}

// panics wants f to panic with a message that has all the words.
func panics(t *testing.T, first, second string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		m := fmt.Sprint(recover())
		if !strings.Contains(m, first) || !strings.Contains(m, second) || !strings.Contains(m, "lstm: ") {
			t.Errorf("panic %q, want one with %q and %q", m, first, second)
		}
	}()
	f()
}

func TestMisuse(t *testing.T) {
	net, err := lstm.New(lstm.Config{Input: 2, Hidden: 3}, nil)
	check(t, err)
	u := net.Unroll(4, 5)
	v := func(n int) []float32 { return make([]float32, n) }
	panics(t, "31", "30", func() { u.Forward(v(5*3*2), v(31)) })
	panics(t, "len(y) = 14", "T*15", func() { u.Forward(v(14), v(10)) })
	panics(t, "5 steps", "unrolled for 4", func() { u.Forward(v(75), v(50)) })
	panics(t, "Backward", "without a Forward", func() { u.Backward(nil, nil) })
	u.Forward(v(60), v(40))
	panics(t, "len(dy) = 59", "want 60", func() { u.Backward(nil, v(59)) })
	panics(t, "len(dx) = 39", "want 40", func() { u.Backward(v(39), v(60)) })
	u.Backward(nil, v(60))
	panics(t, "Backward", "one Backward", func() { u.Backward(nil, v(60)) })
	panics(t, "row 5", "batch of 5", func() { u.Reset(5) })
	panics(t, "unroll -1", "negative", func() { net.Unroll(-1, 2) })
	panics(t, "unroll", "2^31", func() { net.Unroll(math.MaxInt32, 2) })
	panics(t, "unroll", "2^31", func() { net.Unroll(math.MaxInt, math.MaxInt) })
	panics(t, "CopyState", "", func() {
		defer func() { panic(fmt.Sprint("CopyState: ", recover())) }()
		u.CopyState([][]float32{v(15)})
	})

	for want, lengths := range map[string][]int{"4 lengths for a batch of 5": v4[:4], "length 5 of row 2": {0, 1, 5, 0, 0}, "length -1 of row 0": {-1, 0, 0, 0, 0}} {
		if err := u.SetLengths(lengths); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetLengths(%d): %v, want an error with %q", lengths, err, want)
		}
	}
	check(t, u.SetLengths([]int{4, 0, 1, 2, 3}))
	panics(t, "3 steps", "row 0 4", func() { u.Forward(v(45), v(30)) })
	check(t, u.SetLengths(nil))
	u.Forward(v(45), v(30))
	check(t, u.SetLengths(nil))
	panics(t, "Backward", "SetLengths", func() { u.Backward(nil, v(45)) })

	f := net.Infer(4, 5)
	panics(t, "Infer", "Unroll", func() { f.Backward(nil, nil) })
	panics(t, "Infer", "SetStateGrad", func() { f.SetStateGrad(nil) })

	p, err := net.Predictor(2)
	check(t, err)
	panics(t, "len(x) = 3", "want 6 and 4", func() { p.Step(v(6), v(3)) })
	for _, s := range []interface{ SetState([][]float32) error }{u, p} {
		for _, bad := range [][][]float32{nil, {v(15)}, {v(15), v(14)}, {v(15), v(15), v(15)}} {
			if err := s.SetState(bad); err == nil {
				t.Errorf("%T.SetState took %d tensors", s, len(bad))
			}
		}
	}
	if err := u.SetStateGrad([][]float32{v(15)}); err == nil {
		t.Error("SetStateGrad took one tensor")
	}
	for _, cfg := range []lstm.Config{{Input: 1, Hidden: 1, Reverse: true}, {Input: 1, Hidden: 1, Bidirectional: true}} {
		net, err := lstm.New(cfg, nil)
		check(t, err)
		if _, err := net.Predictor(1); err == nil || !strings.Contains(err.Error(), "Infer") {
			t.Errorf("Predictor of %+v: %v, want an error that names Infer", cfg, err)
		}
		if p, err := net.Unroll(1, 1).NewPredictor(1); err == nil || p != nil {
			t.Errorf("NewPredictor of %+v: %v, %v", cfg, p, err)
		}
	}
	if _, err := net.Predictor(-1); err == nil {
		t.Error("Predictor took a batch of -1")
	}
}

var v4 = make([]int, 8)

func TestFiles(t *testing.T) {
	for _, cfg := range []lstm.Config{
		{Input: 3, Hidden: 4}, {Input: 1, Hidden: 2, Layers: 2, Bidirectional: true},
		{Input: 2, Hidden: 1, Reverse: true, NoBias: true},
	} {
		net, err := lstm.New(cfg, rand.New(rand.NewPCG(3, 4)))
		check(t, err)
		var b bytes.Buffer
		n, err := net.WriteTo(&b)
		check(t, err)
		if n != int64(b.Len()) {
			t.Errorf("WriteTo returned %d, wrote %d", n, b.Len())
		}
		file := bytes.Clone(b.Bytes())
		b.WriteString("more")
		back, err := lstm.Load(&b)
		check(t, err)
		if rest := b.String(); rest != "more" {
			t.Errorf("Load left %q in the stream, want what followed the file", rest)
		}
		if back.Config() != net.Config() {
			t.Errorf("Config %+v came back as %+v", net.Config(), back.Config())
		}
		var want [][]float32
		net.EachParam(func(_ string, w []float32, _ ...int) { want = append(want, w) })
		k := 0
		back.EachParam(func(name string, w []float32, _ ...int) {
			numtest.Equal(t, w, want[k], "%s", name)
			k++
		})

		// Every cut and every changed byte is noticed.
		for i := range file {
			if _, err := lstm.Load(bytes.NewReader(file[:i])); err == nil {
				t.Fatalf("Load took the first %d of %d bytes", i, len(file))
			} else if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%d of %d bytes: %v, want io.ErrUnexpectedEOF in it", i, len(file), err)
			}
			bad := bytes.Clone(file)
			bad[i] ^= 0x10
			if _, err := lstm.Load(bytes.NewReader(bad)); err == nil {
				t.Fatalf("Load took a file with byte %d changed", i)
			}
		}
	}
}

// A file whose parts are whole but do not make a Layer.
func TestForgedFiles(t *testing.T) {
	weights := func(w *wire.Writer) {
		w.Float32("weight_ih_l0", make([]float32, 8), 4, 2)
		w.Float32("weight_hh_l0", make([]float32, 4), 4, 1)
	}
	for want, forge := range map[string]func(w *wire.Writer){
		"no section \"config\"":     weights,
		"no configuration":          func(w *wire.Writer) { w.Int64("config", []int64{2, 1, 1, 7, 0, 1}); weights(w) },
		"Config.Hidden is -1":       func(w *wire.Writer) { w.Int64("config", []int64{2, -1, 1, 0, 0, 1}); weights(w) },
		"smaller sizes":             func(w *wire.Writer) { w.Int64("config", []int64{math.MaxInt64, 1, 1, 0, 0, 1}); weights(w) },
		"weight_ih_l0\" has shape":  func(w *wire.Writer) { w.Int64("config", []int64{1 << 30, 2, 1, 0, 0, 1}); weights(w) },
		"no section \"weight_ih_l1": func(w *wire.Writer) { w.Int64("config", []int64{2, 1, 1 << 35, 0, 0, 1}); weights(w) },
		"accounts for 3": func(w *wire.Writer) {
			w.Int64("config", []int64{2, 1, 1, 0, 0, 1})
			weights(w)
			w.Float32("bias_ih_l0", make([]float32, 4))
		},
		"no configuration, layers": func(w *wire.Writer) { w.Int64("config", []int64{2, 1, 0, 0, 0, 1}); weights(w) },
	} {
		want, _, _ = strings.Cut(want, ",")
		var b bytes.Buffer
		w := wire.NewWriter(&b, "lstm", 1)
		forge(w)
		check(t, w.Close())
		if _, err := lstm.Load(&b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Training keeps 6 floats for each step, row and unit and not one more, Infer
// one, and two from two layers on.
func TestMemory(t *testing.T) {
	const B, H, T = 16, 64, 500
	for _, c := range []struct {
		layers, want int
		lay          func(l *lstm.Layer, steps int) *lstm.Unrolled
	}{
		{1, 6, func(l *lstm.Layer, steps int) *lstm.Unrolled { return l.Unroll(steps, B) }},
		{1, 1, func(l *lstm.Layer, steps int) *lstm.Unrolled { return l.Infer(steps, B) }},
		{3, 2, func(l *lstm.Layer, steps int) *lstm.Unrolled { return l.Infer(steps, B) }},
	} {
		net, err := lstm.New(lstm.Config{Input: 8, Hidden: H, Layers: c.layers, Workers: 1}, nil)
		check(t, err)
		bytes := func(steps int) float64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			u := c.lay(net, steps)
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(u)
			return float64(after.TotalAlloc - before.TotalAlloc)
		}
		if floats := (bytes(2*T) - bytes(T)) / (4 * T * B * H); floats > float64(c.want)+0.05 {
			t.Errorf("%d layers: %.3f floats for each step, row and unit, want %d", c.layers, floats, c.want)
		}
	}
}

// The speed of a training pass on one core: forward, backward, all gradients.
// Ragged rows count for what they are long.
func BenchmarkTrainLSTM(b *testing.B) {
	for _, s := range []struct {
		T, B, H int
		ragged  bool
	}{{64, 32, 256, false}, {64, 32, 256, true}, {100, 16, 128, false}, {100, 1, 256, false}} {
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := newProblem(b, 1, lstm.Config{Input: s.H, Hidden: s.H, Workers: 1}, s.T, s.B, s.ragged)
			u := p.net.Unroll(s.T, s.B)
			check(b, u.SetLengths(p.lengths))
			y, dx := make([]float32, len(p.dy)), make([]float32, len(p.x))
			pairs := s.T * s.B
			if s.ragged {
				pairs = 0
				for _, n := range p.lengths {
					pairs += n
				}
			}
			numtest.PercentOfPeak(b, isa, 48*float64(pairs)*float64(s.H)*float64(s.H), func() {
				u.Forward(y, p.x)
				u.Backward(dx, p.dy)
			})
		}, "T=%d,B=%d,H=%d%s", s.T, s.B, s.H, map[bool]string{true: ",ragged"}[s.ragged])
	}
}

// The speed of one step of a Predictor.
func BenchmarkStepLSTM(b *testing.B) {
	for _, s := range []struct{ B, H int }{{1, 64}, {1, 256}, {16, 256}} {
		eachTier(b, func(b *testing.B, isa kernels.ISA) {
			p := newProblem(b, 1, lstm.Config{Input: s.H, Hidden: s.H, Workers: 1}, 1, s.B, false)
			pr, err := p.net.Predictor(s.B)
			check(b, err)
			y := make([]float32, len(p.dy))
			numtest.PercentOfPeak(b, isa, 16*float64(s.B)*float64(s.H)*float64(s.H), func() { pr.Step(y, p.x) })
		}, "B=%d,H=%d", s.B, s.H)
	}
}

func eachTier(b *testing.B, f func(b *testing.B, isa kernels.ISA), name string, args ...any) {
	before := kernels.Current()
	defer kernels.Use(before)
	for _, isa := range kernels.Available() {
		if isa == kernels.Scalar {
			continue
		}
		check(b, kernels.Use(isa))
		b.Run(fmt.Sprintf(name, args...)+fmt.Sprintf("/isa=%v", isa), func(b *testing.B) { f(b, isa) })
	}
}
