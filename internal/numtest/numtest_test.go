package numtest

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/simdrnn/simdrnn/kernels"
)

func TestMain(m *testing.M) { os.Exit(m.Run()) }

// A recorder stands in for the test of a case that is meant to fail.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

func TestDistance(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	tiny := math.Float32frombits(1)
	negZero := math.Float32frombits(1 << 31)
	for _, c := range []struct {
		a, b float32
		want uint32
	}{
		{1, 1, 0}, {1, math.Nextafter32(1, 2), 1}, {0, negZero, 0}, {tiny, -tiny, 2},
		{math.MaxFloat32, inf, 1}, {nan, nan, 0}, {nan, 1, math.MaxUint32}, {-inf, nan, math.MaxUint32},
		{-inf, inf, 2 * 0x7f800000},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%v, %v) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%v, %v) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestUlpError(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		got  float32
		want float64
		ulps float64
	}{
		{1, 1, 0}, {1, 1 + 0x1p-24, 0.5}, {math.Nextafter32(1, 0), 1, 0.5}, {math.Float32frombits(1), 0, 1},
		{float32(inf), math.MaxFloat64, 0}, {float32(inf), math.MaxFloat32, inf}, {float32(inf), -inf, inf},
		{1, inf, inf}, {float32(math.NaN()), math.NaN(), 0}, {0, math.NaN(), inf}, {float32(math.NaN()), 0, inf},
		{0x1p-130, 0x1p-130 + 0x1p-150, 0.5},
	} {
		if got := UlpError(c.got, c.want); got != c.ulps {
			t.Errorf("UlpError(%v, %v) = %v, want %v", c.got, c.want, got, c.ulps)
		}
	}
}

func TestEqualFailsOncePerCase(t *testing.T) {
	nan1, nan2 := math.Float32frombits(0x7fc00000), math.Float32frombits(0xff800001)
	r := &recorder{TB: t}
	if !Equal(r, []float32{1, nan1}, []float32{1, nan2}) || len(r.errors) != 0 {
		t.Errorf("NaNs must match: %v", r.errors)
	}
	if Equal(r, []float32{0, 2, 3, 4, 5}, []float32{math.Float32frombits(1 << 31), 2, 0, 0, 0}, "m=%d", 3) {
		t.Error("a negative zero is not a zero")
	}
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], "m=3: 4 of 5 differ: [0] got 00000000 (0) want 80000000 (-0)") {
		t.Errorf("got %q", r.errors)
	}
	if Equal(r, nil, []float32{1}) || len(r.errors) != 2 {
		t.Error("lengths")
	}
}

// A chain in float32 stays inside both bounds, which are not absurdly wide.
func TestBoundsHoldAndAreTight(t *testing.T) {
	x := uint32(1)
	next := func() float32 { x = x*1664525 + 1013904223; return float32(int32(x)) * 0x1p-31 }
	worst, worstChain := 0.0, 0.0
	for range 200 {
		acc, run := float32(0), Running{}
		sum := 0.0
		for range 50 {
			a, b := next(), next()
			acc = float32(math.FMA(float64(a), float64(b), float64(acc)))
			run = Exact(a).FMA(Exact(b), run)
			sum += math.Abs(float64(a) * float64(b))
		}
		worst = max(worst, math.Abs(float64(acc)-run.V)/run.E)
		worstChain = max(worstChain, math.Abs(float64(acc)-run.V)/ChainBound(50, sum))
	}
	if worst > 1 || worst < 0.1 || worstChain > 1 || worstChain < 0.01 {
		t.Errorf("share of the running bound %.3g, of the chain bound %.3g", worst, worstChain)
	}
	r := &recorder{TB: t}
	Within(r, []float32{1, 2}, []float64{1, 2.5}, []float64{0, 0.1}, "case")
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], "case: 1 of 2 differ") {
		t.Errorf("got %q", r.errors)
	}
}

func TestGuardsCatchEveryKindOfTrespass(t *testing.T) {
	if !Guarded {
		t.Log("nothing to catch with on this platform")
	}
	data := []float32{1, 2, 3}
	beyond := func(s []float32, i int) *float32 {
		return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i))
	}
	var sink float32
	for _, c := range []struct {
		name   string
		at     Layout
		act    func(in, out []float32)
		faults bool
	}{
		{"read one past", Tail, func(in, _ []float32) { sink = *beyond(in, 3) }, true},
		{"read one before", Head, func(in, _ []float32) { sink = *beyond(in, -1) }, true},
		{"write the input", Tail, func(in, _ []float32) { in[0] = 7 }, true},
		{"write one past", Tail, func(_, out []float32) { *beyond(out, 3) = 7 }, true},
		{"write one past, head", Head, func(_, out []float32) { *beyond(out, 3) = 7 }, false},
		{"write one before, tail", Tail, func(_, out []float32) { *beyond(out, -1) = 7 }, false},
	} {
		if c.faults && !Guarded {
			continue
		}
		r := &recorder{TB: t}
		g := NewGuards(r)
		in, out := In(g, c.at, data), Out(g, c.at, data)
		Faults(r, func() { c.act(in, out) }, "act")
		g.Reset("reset")
		if len(r.errors) != 1 {
			t.Errorf("%s: %q", c.name, r.errors)
		}
		if c.faults != strings.Contains(strings.Join(r.errors, ""), "act: memory fault") {
			t.Errorf("%s: %q", c.name, r.errors)
		}
		// The same memory serves again, clean and writable.
		r.errors = nil
		again := Out(g, c.at, data)
		again[2]++
		g.Reset()
		if len(r.errors) != 0 {
			t.Errorf("%s, again: %q", c.name, r.errors)
		}
	}
	_ = sink
}

func TestGuardsLeaveOtherPanicsAlone(t *testing.T) {
	defer func() {
		if recover() != "mine" {
			t.Error("a panic of the code under test must go on")
		}
	}()
	Faults(t, func() { panic("mine") })
}

func TestCasesCoverEveryPairAndKeepToTheBudget(t *testing.T) {
	axes := []Axis{{"m", []int{0, 1, 2, 5, 100}}, {"n", []int{0, 7, 8, 9, 100, 100, -1}}, {"k", []int{0, 1, 2, 100}}, {"mode", []int{0, 1, 2, 3}}}
	cost := func(v []int) int64 { return int64(v[0] * v[1] * v[2]) }
	seen := map[string]bool{}
	cases := 0
	before := spent
	Cases(0, cost, axes, func(v []int) bool {
		cases++
		for x := range v {
			for y := x; y < len(v); y++ {
				seen[fmt.Sprint(x, v[x], y, v[y])] = true
			}
		}
		return true
	})
	want := 5 + 5 + 4 + 4 + 5*5 + 5*4 + 5*4 + 5*4 + 5*4 + 4*4
	if len(seen) != want || cases < 5*5 || cases > 50 {
		t.Errorf("%d pairs in %d cases, want %d in 25 to 50", len(seen), cases, want)
	}
	if spent == before {
		t.Error("the package's total was not counted")
	}
	cases = 0
	Cases(1<<40, cost, axes, func([]int) bool { cases++; return true })
	if cases != 5*5*4*4 {
		t.Errorf("%d cases with a large budget, want all 400", cases)
	}
	cases = 0
	Cases(1<<40, cost, axes, func([]int) bool { cases++; return false })
	if cases != 1 {
		t.Errorf("went on after false: %d cases", cases)
	}
}

func TestSummary(t *testing.T) {
	ranTiers := map[kernels.ISA]bool{kernels.Scalar: true, kernels.AVX2: true}
	sum := func(require string) ([]string, string) {
		return summary("kernels", require, func(i kernels.ISA) bool { return ranTiers[i] },
			func(i kernels.ISA) string { return "no " + i.String() + " here" })
	}
	lines, missing := sum("")
	want := []string{
		"simdrnn-tier: pkg=kernels tier=scalar run",
		"simdrnn-tier: pkg=kernels tier=avx2 run",
		"simdrnn-tier: pkg=kernels tier=avx512 not exercised: no avx512 here",
		"simdrnn-tier: pkg=kernels tier=neon not exercised: no neon here",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") || missing != "" {
		t.Errorf("got %q, %q", lines, missing)
	}
	if _, missing = sum("avx2, scalar"); missing != "" {
		t.Errorf("both ran, yet %q", missing)
	}
	if _, missing = sum("avx2,avx512"); missing != "avx512 was not exercised: no avx512 here" {
		t.Errorf("got %q", missing)
	}
	if _, missing = sum("avx1024"); !strings.Contains(missing, "avx1024") {
		t.Errorf("got %q", missing)
	}
}

func TestEachTierVisitsAllAndGoesBack(t *testing.T) {
	t.Setenv(EnvTiers, "")
	before := kernels.Current()
	var got []string
	EachTier(t, func(t *testing.T, isa kernels.ISA) {
		if kernels.Current() != isa {
			t.Errorf("current tier %v inside the test of %v", kernels.Current(), isa)
		}
		got = append(got, isa.String())
	})
	if len(got) != len(kernels.Available()) || kernels.Current() != before {
		t.Errorf("visited %v of %v; %v before, %v after", got, kernels.Available(), before, kernels.Current())
	}
}

func TestEachTierKeepsToTheEnvironment(t *testing.T) {
	best := kernels.Current()
	for _, c := range []struct {
		names string
		want  []kernels.ISA
	}{
		{best.String(), []kernels.ISA{best}},
		{"scalar", []kernels.ISA{kernels.Scalar}},
		{"scalar, avx2,avx512,neon", kernels.Available()},
	} {
		t.Setenv(EnvTiers, c.names)
		var got []kernels.ISA
		EachTier(t, func(t *testing.T, isa kernels.ISA) { got = append(got, isa) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s=%s: visited %v, want %v", EnvTiers, c.names, got, c.want)
		}
	}
	t.Setenv(EnvTiers, "scalar")
	var every []kernels.ISA
	EveryTier(t, func(t *testing.T, isa kernels.ISA) { every = append(every, isa) })
	if !slices.Equal(every, kernels.Available()) {
		t.Errorf("EveryTier visited %v, want %v", every, kernels.Available())
	}
	if why := whyNot(best); best != kernels.Scalar && why != EnvTiers+"=scalar leaves it out" {
		t.Errorf("%v was not exercised: %s", best, why)
	}
	t.Setenv(EnvTiers, "scalar,sse")
	if _, err := leftOut(best); err == nil || !strings.Contains(err.Error(), EnvTiers) || !strings.Contains(err.Error(), "sse") {
		t.Errorf("a name that is no tier: %v", err)
	}
}
