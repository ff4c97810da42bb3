package nettest

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/internal/numtest/norms"
	"github.com/simdrnn/simdrnn/kernels"
)

// gridFound is what a run has found.
type gridFound struct {
	mu      sync.Mutex
	cases   int
	results map[kernels.ISA]int
	used    [gridTensors]float64 // the largest part of a bound
	failed  []string             // a result at a time
	// bounds counts elements of what is wanted by the bound relative to the value,
	// in quarters of octaves.
	bounds [gridTensors][1 << 14]int64
}

func newGridFound() *gridFound { return &gridFound{results: map[kernels.ISA]int{}} }

func (f *gridFound) add(g *gridFound) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cases += g.cases
	f.failed = append(f.failed, g.failed...)
	for isa, n := range g.results {
		f.results[isa] += n
	}
	for i := range gridTensors {
		f.used[i] = max(f.used[i], g.used[i])
		for n, c := range g.bounds[i] {
			f.bounds[i][n] += c
		}
	}
}

func (f *gridFound) note(tensor int, w norms.Tensor) {
	for i, v := range w.V {
		f.bounds[tensor][math.Float64bits(w.E[i]/math.Abs(v))>>50&(1<<14-1)]++
	}
}

// below is the part of the elements whose bounds are below a part of their values.
func (f *gridFound) below(tensor int, part float64) float64 {
	var n, all int64
	for i, c := range f.bounds[tensor] {
		all += c
		if math.Float64frombits(uint64(i+1)<<50) <= part {
			n += c
		}
	}
	return float64(n) / float64(all)
}

// hold holds a result against what is wanted.
func (f *gridFound) hold(isa kernels.ISA, p *problem, got *result, want *gridWant) {
	f.results[isa]++
	out := ""
	want.each(p, got, func(tensor int, g []float32, w norms.Tensor) {
		used := f.used[tensor]
		for n, v := range g {
			e := w.E[n]
			if !within(v, w.V[n], e) {
				if out == "" {
					out = fmt.Sprintf("%v %v: an element of %s is %v, want %v within %.3g", isa, p, gridNames[tensor], v, w.V[n], e)
				}
			} else if d := math.Abs(float64(v) - w.V[n]); d > used*e {
				used = d / e
			}
		}
		f.used[tensor] = used
	})
	if out != "" {
		f.failed = append(f.failed, out)
	}
}

func (f *gridFound) report(t *testing.T, took time.Duration) {
	for _, s := range f.failed[:min(10, len(f.failed))] {
		t.Error(s)
	}
	var runs []string
	for _, isa := range kernels.Available() {
		runs = append(runs, fmt.Sprintf("%d on %v", f.results[isa], isa))
	}
	t.Logf("%d cases in %v: %s; %d failed", f.cases, took.Round(time.Second), strings.Join(runs, ", "), len(f.failed))
	for i, name := range gridNames {
		t.Logf("%s: at most %.2g %% of a bound used; %.1f %% of the bounds below 1e-4 of the value, %.1f %% below 1e-3, %.1f %% below 1e-2",
			name, 100*f.used[i], 100*f.below(i, 1e-4), 100*f.below(i, 1e-3), 100*f.below(i, 1e-2))
	}
}
