package nettest

import (
	"math"
	"runtime"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// After Unroll and Predictor nothing allocates, workers or not.
func allocatesNothing(t *testing.T, k Kind) {
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, cfg := range []Config{
			{Input: 3, Hidden: 5, Layers: 2, Workers: 1},
			{Input: 3, Hidden: 5, Bidirectional: true, Workers: 3},
			{Input: 3, Hidden: 200, Workers: 4}, // steps split by units
		} {
			T, B := 40, 8
			if cfg.Hidden > 100 {
				T, B = 2, 3
			}
			p := newProblem(t, k, 6, cfg, T, B, true)
			u, f := p.net.Unroll(p.T, p.B), p.net.Infer(p.T, p.B)
			var cut Unrolled // its steps are in segments
			if !cfg.Bidirectional && T > 32 {
				least, _ := budgets(t, p.net, p.T, p.B)
				var err error
				cut, err = p.net.UnrollWithin(p.T, p.B, least)
				check(t, err)
			}
			y, dx, one := make([]float32, len(p.dy)), make([]float32, len(p.x)), []int{1}
			resets := make([][]int, B)
			resets[1] = []int{0, 1}
			pass := func() {
				if p.lengths == nil || p.lengths[1] > 1 {
					check(t, u.SetResets(resets))
				}
				u.Forward(y, p.x)
				u.Backward(dx, p.dy)
				f.Forward(y, p.x)
				u.Reset(one...)
				if cut != nil {
					cut.Forward(y, p.x)
					cut.Backward(dx, p.dy)
				}
			}
			pass()
			if n := testing.AllocsPerRun(2, pass); n != 0 {
				t.Errorf("%+v: %v allocations in Forward and Backward", cfg, n)
			}
			check(t, u.SetLengths(p.lengths))
			if cut != nil {
				check(t, cut.SetLengths(p.lengths))
			}
			pass()
			if n := testing.AllocsPerRun(2, pass); n != 0 {
				t.Errorf("%+v: %v allocations with lengths", cfg, n)
			}
			if cfg.Bidirectional {
				continue
			}
			pr, err := p.net.Predictor(p.B)
			check(t, err)
			if n := testing.AllocsPerRun(5, func() { pr.Step(y[:p.B*p.out()], p.x[:p.B*3]) }); n != 0 {
				t.Errorf("%+v: %v allocations in Step", cfg, n)
			}
		}
	})
}

// Training keeps as many floats for each step, row and unit as promised, Infer
// one, and two from two layers on. No row of the tape is a multiple of 2 KiB with so many units,
// where it would be a line longer.
func memory(t *testing.T, k Kind) {
	const B, H, T = 16, 48, 500
	for _, c := range []struct {
		layers, want int
		lay          func(l Layer, steps int) Unrolled
	}{
		{1, k.Tape, func(l Layer, steps int) Unrolled { return l.Unroll(steps, B) }},
		{1, 1, func(l Layer, steps int) Unrolled { return l.Infer(steps, B) }},
		{3, 2, func(l Layer, steps int) Unrolled { return l.Infer(steps, B) }},
	} {
		net, err := k.New(Config{Input: 8, Hidden: H, Layers: c.layers, Workers: 1}, nil)
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

// Bytes tells what was allocated, but for headers and what the allocator rounds up.
func bytesAreTold(t *testing.T, k Kind) {
	const B, I, H, T = 6, 30, 200, 60
	for _, cfg := range []Config{
		{Input: I, Hidden: H, Layers: 2, Workers: 1},
		{Input: I, Hidden: H, Layers: 2, Workers: 3, Reverse: true},
		{Input: I, Hidden: H, Layers: 2, Workers: 2, Bidirectional: true, Merge: 1, NoBias: true},
		{Input: I, Hidden: H, Workers: 4},
	} {
		net, err := k.New(cfg, nil)
		check(t, err)
		what := map[string]func() interface{ Bytes() int }{
			"Unroll": func() interface{ Bytes() int } { return net.Unroll(T, B) },
			"Infer":  func() interface{ Bytes() int } { return net.Infer(T, B) },
			"SetWorkers": func() interface{ Bytes() int } {
				u := net.Unroll(T, B)
				u.SetWorkers(cfg.Workers + 2)
				return u
			},
		}
		if !cfg.Bidirectional {
			least, _ := budgets(t, net, T, B)
			what["UnrollWithin"] = func() interface{ Bytes() int } {
				u, err := net.UnrollWithin(T, B, least)
				check(t, err)
				return u
			}
		}
		if !cfg.Bidirectional && !cfg.Reverse {
			what["Predictor"] = func() interface{ Bytes() int } {
				p, err := net.Predictor(B)
				check(t, err)
				return p
			}
		}
		for name, made := range what {
			allocated, told := math.MaxInt, 0
			for range 3 { // the count is one of the whole process
				allocated = min(allocated, int(numtest.Allocated(func() { told = made().Bytes() })))
			}
			limit := told + told/20 + 16<<10
			if name == "SetWorkers" { // what it replaced was allocated too
				limit += told / 2
			}
			if allocated < told || allocated > limit {
				t.Errorf("%s of %+v allocated %d bytes, Bytes tells %d", name, cfg, allocated, told)
			}
		}
	}
}

// Of the other methods those allocate that the package's documentation names, for what
// they return, and no others.
func copiesAreAllocated(t *testing.T, k Kind) {
	p := newProblem(t, k, 6, Config{Input: 3, Hidden: 5, Layers: 2, Workers: 1}, 4, 3, true)
	u := p.net.Unroll(p.T, p.B)
	u.Forward(make([]float32, len(p.dy)), p.x)
	u.Backward(nil, p.dy)
	pr, err := p.net.Predictor(p.B)
	check(t, err)
	states, masks, clock, ids, src := u.State(), u.MaskState(), u.Clock(), []uint32{4, 5, 6}, []int{2, 0, 0}
	resets := [][]int{{0, 2}, nil, {1}}
	outputs := make([]float32, p.T*p.B*p.width(0))
	cells := make([]float32, p.T*p.B*p.cfg.Hidden)
	allocations := func(f func()) float64 { return testing.AllocsPerRun(5, f) }
	for name, f := range map[string]func(){
		"SetLengths":    func() { check(t, u.SetLengths(p.lengths)) },
		"SetResets":     func() { check(t, u.SetResets(resets)) },
		"SetBatchFirst": func() { u.SetBatchFirst(false) },
		"SetTraining":   func() { u.SetTraining(true) },
		"SetSeed":       func() { u.SetSeed(3) },
		"SetRowIDs":     func() { check(t, u.SetRowIDs(ids)) },
		"SetMaskState":  func() { check(t, u.SetMaskState(masks)) },
		"SetClock":      func() { check(t, u.SetClock(clock)) },
		"SetWorkers":    func() { u.SetWorkers(1) }, // the memory is there
		"CopyState":     func() { u.CopyState(states) },
		"SetState":      func() { check(t, u.SetState(states)) },
		"CopyStateGrad": func() { u.CopyStateGrad(states) },
		"SetStateGrad":  func() { check(t, u.SetStateGrad(states)) },
		"Reset":         func() { u.Reset() },
		"ZeroGrads":     func() { u.ZeroGrads() },
		"EachParam":     func() { u.EachParam(func(string, []float32, []float32) {}) },

		"CopyState of a Predictor": func() { pr.CopyState(states) },
		"SetState of a Predictor":  func() { check(t, pr.SetState(states)) },
		"Reset of a Predictor":     func() { pr.Reset() },
		"Reorder":                  func() { pr.Reorder(src) },
		"Refresh":                  func() { pr.Refresh() },
	} {
		if n := allocations(f); n != 0 {
			t.Errorf("%v allocations in %s", n, name)
		}
	}
	check(t, u.SetLengths(nil))
	read := func() {
		u.Forward(outputs, p.x)
		u.HiddenStates(1, outputs)
		if c, ok := u.(interface{ CellStates(int, []float32) }); ok {
			c.CellStates(1, cells)
		}
	}
	if n := allocations(read); n != 0 {
		t.Errorf("%v allocations in HiddenStates or CellStates", n)
	}

	named := map[string]func(){
		"State": func() { u.State() }, "StateGrad": func() { u.StateGrad() }, "Clock": func() { u.Clock() },
		"State of a Predictor": func() { pr.State() },
	}
	if masks != nil {
		named["MaskState"] = func() { u.MaskState() }
	}
	for name, f := range named {
		if n := allocations(f); n == 0 {
			t.Errorf("%s allocates nothing: the documentation of the package says that it does", name)
		}
	}
}
