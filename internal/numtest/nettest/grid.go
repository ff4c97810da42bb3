package nettest

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/norms"
	"github.com/simdrnn/simdrnn/kernels"
)

// EnvGrid is the environment variable that, set to 1, makes Grid go through all
// combinations of its sizes. docs/proofs.md has the command and what it found.
const EnvGrid = "SIMDRNN_FULL_GRID"

// The sizes of the grid: widths around vectors of 4, 8 and 16 lanes, panels of four
// of each, and two of the largest.
var (
	gridSteps   = []int{1, 2, 3, 7, 50, 1000}
	gridBatches = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 33}
	gridWidths  = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, 129}
)

// Grid holds a kind of layer against the float64 reference of package norms over
// sizes up to 1000 steps, 33 rows, 129 inputs and 129 units: each element of the
// outputs at each step, of the final states and of all gradients within its
// computed bound, on every tier.
//
// All pairs of two sizes occur, or, where full allows it and EnvGrid asks for it,
// all combinations. Of these the scalar tier, which takes a hundred times as long
// as the others, is given those of up to 50 steps and those of one row.
func Grid(t *testing.T, k Kind, cell norms.Cell, full bool) {
	t.Run("grid", func(t *testing.T) {
		full := full && os.Getenv(EnvGrid) == "1"
		jobs := k.gridPairs()
		if full {
			jobs = k.gridAll()
		}
		begin := time.Now()
		all := newGridFound()
		var wg sync.WaitGroup
		next := make(chan gridJob)
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				found := newGridFound()
				for j := range next {
					l := newGridLayer(t, k, cell, j.I, j.H)
					for _, T := range j.T {
						l.run(T, j.B, func(p *problem, want *gridWant) {
							found.cases++
							for _, isa := range kernels.Available() {
								if full && isa == kernels.Scalar && T > 50 && p.B > 1 {
									continue
								}
								numtest.Ran(isa)
								found.hold(isa, p, p.run(t, unrollFor(t, isa, p)), want)
							}
						}, found.note)
					}
				}
				all.add(found)
			})
		}
		for _, j := range jobs {
			next <- j
		}
		close(next)
		wg.Wait()
		all.report(t, time.Since(begin))
	})
	t.Run("grid sees a fault", func(t *testing.T) { gridSeesAFault(t, k, cell) })
}

// A gridJob is one layer, and the lengths and batches that it is run with.
type gridJob struct {
	I, H int
	T, B []int
}

// gridPairs are jobs in which every two sizes occur together. Long sequences go
// with the smallest of what they have not been seen with, so that this takes
// seconds.
func (k Kind) gridPairs() (jobs []gridJob) {
	steps, batches, widths, long := gridSteps[:4], gridBatches, gridWidths, gridSteps[4:]
	if testing.Short() {
		steps, batches, widths, long = []int{1, 3}, []int{1, 8, 17}, []int{1, 7, 8, 17, 33}, []int{50}
	}
	axes := []numtest.Axis{{Name: "T", Values: steps}, {Name: "B", Values: batches}, {Name: "I", Values: widths}, {Name: "H", Values: widths}}
	cost := func(v []int) int64 { return 3 * int64(v[0]*v[1]) * int64(k.Gates*v[3]*(v[2]+v[3])) }
	numtest.Cases(0, cost, axes, func(v []int) bool {
		jobs = append(jobs, gridJob{v[2], v[3], []int{v[0]}, []int{v[1]}})
		return true
	})
	jobs = append(jobs, gridJob{1, 1, long, batches})
	for _, n := range widths {
		jobs = append(jobs, gridJob{n, 1, long, []int{1}}, gridJob{1, n, long, []int{1}})
	}
	return jobs
}

// gridAll are all combinations, those that take longest first.
func (k Kind) gridAll() (jobs []gridJob) {
	for _, i := range gridWidths {
		for _, h := range gridWidths {
			jobs = append(jobs, gridJob{i, h, gridSteps, gridBatches})
		}
	}
	slices.SortStableFunc(jobs, func(a, b gridJob) int { return b.H*(b.I+b.H) - a.H*(a.I+a.H) })
	return jobs
}

// A gridLayer is a layer with its reference.
type gridLayer struct {
	t     *testing.T
	kind  Kind
	cfg   Config
	net   Layer
	model *norms.Model
}

// newGridLayer draws the parameters. The weights are positive and so are all x and
// dy: where nothing cancels a bound, which adds up magnitudes, says something of
// every element. W_hh has a spectral norm of one half, and the gate that keeps the
// state, f or z, is more closed than open: the layer forgets, and with it its
// errors, or else no bound would be of use after a thousand steps. Signs, long
// memory and other variants are the business of Oracle and of the comparisons of
// bits.
func newGridLayer(t *testing.T, k Kind, cell norms.Cell, in, hidden int) *gridLayer {
	l := &gridLayer{t: t, kind: k, cfg: Config{Input: in, Hidden: hidden, Layers: 1}}
	r := rand.New(rand.NewPCG(uint64(in), uint64(hidden)))
	var err error
	l.net, err = k.New(l.cfg, r)
	check(t, err)
	var w [][]float32
	l.net.EachParam(func(_ string, v []float32, _ ...int) {
		switch len(w) {
		case 0:
			copy(v, positive(r, len(v), 2/float32(in)))
		case 1:
			copy(v, positive(r, len(v), 1/float32(hidden)))
		default:
			copy(v, draw(r, len(v)))
			for i := range v {
				v[i] /= 4
				if len(w) == 2 && k.Gates > 1 && i/hidden == 1 {
					v[i]--
				}
			}
		}
		w = append(w, v)
	})
	l.model = norms.NewModel(cell, in, hidden, w[0], w[1], w[2], w[3])
	return l
}

// positive draws n values from [0, limit).
func positive(r *rand.Rand, n int, limit float32) []float32 {
	v := draw(r, n)
	for i := range v {
		v[i] = (v[i] + 1) / 2 * limit
	}
	return v
}

// inputs draws what goes in. x and dy are eight times larger at some steps than at
// others: states move all the time.
func (l *gridLayer) inputs(T, B int) *problem {
	I, H := l.cfg.Input, l.cfg.Hidden
	r := rand.New(rand.NewPCG(uint64(T), uint64(I*1000+H)))
	p := &problem{kind: l.kind, cfg: l.cfg, net: l.net, T: T, B: B, x: positive(r, T*B*I, 1), dy: positive(r, T*B*H, 1)}
	for t := range T {
		if r.Uint64()%2 == 0 {
			continue
		}
		for _, v := range [][]float32{p.x[t*B*I:][:B*I], p.dy[t*B*H:][:B*H]} {
			for i := range v {
				v[i] /= 8
			}
		}
	}
	for range l.kind.States {
		p.state, p.dstate = append(p.state, draw(r, B*H)), append(p.dstate, positive(r, B*H, 1))
	}
	return p
}

// first are the first B rows of a problem.
func (p *problem) first(B int) *problem {
	q := *p
	q.B = B
	rows := func(v []float32, T int) (out []float32) {
		width := len(v) / (T * p.B)
		for t := range T {
			out = append(out, v[t*p.B*width:][:B*width]...)
		}
		return out
	}
	q.x, q.dy, q.state, q.dstate = rows(p.x, p.T), rows(p.dy, p.T), nil, nil
	for k := range p.state {
		q.state, q.dstate = append(q.state, rows(p.state[k], 1)), append(q.dstate, rows(p.dstate[k], 1))
	}
	return &q
}

// row is row b of v, [T][B][width], in float64.
func (p *problem) row(v []float32, T, b int) []float64 {
	width := len(v) / (T * p.B)
	out := make([]float64, 0, T*width)
	for t := range T {
		for _, a := range v[(t*p.B+b)*width:][:width] {
			out = append(out, float64(a))
		}
	}
	return out
}

// The tensors of a result.
const (
	gridY = iota
	gridState
	gridDx
	gridStateGrad
	gridParams
	gridTensors
)

var gridNames = [gridTensors]string{"y", "final states", "dx", "gradients of initial states", "gradients of parameters"}

// gridWant is what is wanted of a batch: of each of its rows the tensors but the
// last, and the gradients of the parameters.
type gridWant struct {
	rows   [][gridParams][]norms.Tensor
	params []norms.Tensor
}

// run computes what is wanted of T steps and calls f for each of the batches, which
// ascend: a batch has the rows of the one before it and more, and its gradients of
// parameters are the sums on the way to those of the largest. note gets every
// tensor once.
func (l *gridLayer) run(T int, batches []int, f func(p *problem, want *gridWant), note func(tensor int, w norms.Tensor)) {
	p := l.inputs(T, batches[len(batches)-1])
	roundings := 0
	for _, B := range batches {
		chunk := min(T, max(1, (255+B)/B)) // rule 4 of the contract
		roundings = max(roundings, chunk*B+(T+chunk-1)/chunk)
	}
	pass := l.model.NewPass(T, roundings)
	want := &gridWant{}
	for b := range p.B {
		var state, dstate [][]float64
		for k := range p.state {
			state, dstate = append(state, p.row(p.state[k], 1, b)), append(dstate, p.row(p.dstate[k], 1, b))
		}
		pass.Row(p.row(p.x, T, b), p.row(p.dy, T, b), state, dstate)
		var row [gridParams][]norms.Tensor
		for i, tensors := range [][]norms.Tensor{gridY: {pass.Y}, gridState: pass.State, gridDx: {pass.Dx}, gridStateGrad: pass.StateGrad} {
			for _, w := range tensors {
				note(i, w)
				row[i] = append(row[i], norms.Tensor{V: slices.Clone(w.V), E: slices.Clone(w.E)})
			}
		}
		want.rows = append(want.rows, row)
		if slices.Contains(batches, b+1) {
			want.params = pass.Params()
			for _, w := range want.params {
				note(gridParams, w)
			}
			f(p.first(b+1), want)
		}
	}
}

// unrollFor makes an Unrolled of a tier, which it keeps whatever tier is current
// later. Goroutines do so in turn.
func unrollFor(t *testing.T, isa kernels.ISA, p *problem) Unrolled {
	currentTier.Lock()
	defer currentTier.Unlock()
	before := kernels.Current()
	check(t, kernels.Use(isa))
	defer kernels.Use(before)
	return p.net.Unroll(p.T, p.B)
}

var currentTier sync.Mutex

// each goes through the tensors of a result and what is wanted of them, in pieces.
func (want *gridWant) each(p *problem, got *result, f func(tensor int, got []float32, w norms.Tensor)) {
	steps := func(tensor int, v []float32, T, b int, w norms.Tensor) {
		width := len(v) / (T * p.B)
		for t := range T {
			f(tensor, v[(t*p.B+b)*width:][:width], norms.Tensor{V: w.V[t*width:][:width], E: w.E[t*width:][:width]})
		}
	}
	for b, w := range want.rows {
		steps(gridY, got.y, p.T, b, w[gridY][0])
		steps(gridDx, got.dx, p.T, b, w[gridDx][0])
		for k := range got.state {
			steps(gridState, got.state[k], 1, b, w[gridState][k])
			steps(gridStateGrad, got.dstate[k], 1, b, w[gridStateGrad][k])
		}
	}
	for k, w := range want.params {
		f(gridParams, got.grads[k], w)
	}
}

// within says whether v lies within bound of want. A bound that is infinite would
// allow any value.
func within(v float32, want, bound float64) bool {
	return math.Abs(float64(v)-want) <= bound && bound < math.MaxFloat32
}

// gridSeesAFault: the comparison would notice a thousandth of nearly any element,
// and one term that is missing from a product.
func gridSeesAFault(t *testing.T, k Kind, cell norms.Cell) {
	for _, s := range [][4]int{{1, 1, 1, 1}, {7, 9, 33, 17}, {50, 3, 17, 129}, {1000, 1, 16, 33}} {
		if testing.Short() && s[0] > 50 {
			continue
		}
		l := newGridLayer(t, k, cell, s[2], s[3])
		var seen, all [gridTensors]int
		l.run(s[0], []int{s[1]}, func(p *problem, want *gridWant) {
			got := p.run(t, p.net.Unroll(p.T, p.B))
			found := newGridFound()
			found.hold(kernels.Current(), p, got, want)
			for _, f := range found.failed {
				t.Error(f)
			}
			want.each(p, got, func(tensor int, g []float32, w norms.Tensor) {
				for n, v := range g {
					all[tensor]++
					if !within(v*1.001, w.V[n], w.E[n]) {
						seen[tensor]++
					}
				}
			})
			largest(got.grads[1])[0] *= 1.001
			if found.hold(kernels.Current(), p, got, want); len(found.failed) == 0 {
				t.Errorf("%v: one gradient off by a thousandth is within its bound", p)
			}
			found.failed = nil
			p.net.EachParam(func(name string, w []float32, _ ...int) {
				if strings.HasPrefix(name, "weight_hh") {
					w[l.cfg.Hidden-1] = 0
				}
			})
			if found.hold(kernels.Current(), p, p.run(t, p.net.Unroll(p.T, p.B)), want); len(found.failed) == 0 {
				t.Errorf("%v: the last term of a row of W_hh is missing, and all is within its bound", p)
			}
		}, func(int, norms.Tensor) {})
		for i, name := range gridNames {
			part := float64(seen[i]) / float64(all[i])
			t.Logf("T=%d,B=%d,I=%d,H=%d: of %d elements of %s %.1f %% would leave their bounds if they were off by a thousandth", s[0], s[1], s[2], s[3], all[i], name, 100*part)
			if part < 0.8 {
				t.Errorf("%s: only %.0f %% of the elements, at T=%d,B=%d,I=%d,H=%d", name, 100*part, s[0], s[1], s[2], s[3])
			}
		}
	}
}

// largest returns v from its largest element on.
func largest(v []float32) []float32 {
	at := 0
	for i, a := range v {
		if math.Abs(float64(a)) > math.Abs(float64(v[at])) {
			at = i
		}
	}
	return v[at:]
}
